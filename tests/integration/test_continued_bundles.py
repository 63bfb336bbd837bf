"""Each bundle proves that the sender's log only grew since the one before; a rewritten log is caught by name."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bundle_world import in_order, resign, tar, wrap
from tests.vault_world import PASSPHRASE, bag_of, introduce, make_vault, raw, reopen, seal
from vault import api
from vault.bundle import layout, report
from vault.bundle.verify import REWRITTEN, UNSEEN
from vault.crypto.hashes import sha256
from vault.errors import DamagedError
from vault.formats import jcs, merkle
from vault.formats.bagit import encode_manifest
from vault.formats.checkpoint import Checkpoint, origin_of, read_checkpoint
from vault.formats.sshsig import sign_ssh
from vault.formats.tlog_consistency import Continuation
from vault.jobs import Job
from vault.model import Verdict
from vault.store import custody as log


@pytest.fixture
def pair(tmp_path):
    """A sender with a case, and a receiver, that know each other."""
    sender, receiver = make_vault(tmp_path / "sender"), make_vault(tmp_path / "receiver", 1)
    introduce(sender, receiver, "Receiver")
    introduce(receiver, sender, "Sender")
    case = api.cases.add(sender, "a case").id
    note(sender, case, "first")
    yield sender, receiver, case
    sender.close()
    receiver.close()


def note(vault, case, text):
    return api.records.add(vault, case, "note", {"text": text}).id


def receive(vault, file):
    return api.receiving.receive(vault, file, Job())


def codes(opened):
    return {one.code for one in opened.report.findings}


def custody(file, receiver):
    """The three files of a bundle's log: checkpoint, earlier checkpoint and continuation, the latter two if any."""
    bag = bag_of(file, receiver)
    return [bag[path].decode() if path in bag else "" for path in (layout.CHECKPOINT, *layout.OPTIONAL)]


def changed(file, sender, receiver, changes):
    """A bundle as its sender could have made it with other files: digests, lists and signatures fit them."""
    files = bag_of(file, receiver)
    for path, content in changes.items():
        if content is None:
            files.pop(path, None)
        else:
            files[path] = content
    value = jcs.decode(files[layout.BUNDLE], "test")
    value["contents"] = [
        {"path": path, "sha256": sha256(files[path]).hex(), "size": len(files[path])}
        for path in sorted(files)
        if path.startswith("data/") and path != layout.BUNDLE
    ]
    files[layout.BUNDLE] = jcs.encode(value)
    files = resign(files, sender.identity._seed.reveal())
    # The bundle's id is another than the helper's.
    files[layout.INFO] = files[layout.INFO].replace(
        files[layout.INFO].split(b"\n")[0], b"External-Identifier: " + value["bundle_id"].encode()
    )
    files[layout.TAG_MANIFEST] = encode_manifest({path: sha256(files[path]).hex() for path in layout.SIGNED_TAGS})
    files[layout.SIGNATURE] = sign_ssh(
        files[layout.TAG_MANIFEST], layout.NAMESPACE, sender.identity.public_key, sender.identity.sign
    ).encode()
    file.write_bytes(wrap(tar(in_order(files)), receiver.identity.hybrid.recipient))
    return file


def test_a_second_bundle_continues_the_first_and_the_receiver_sees_it(pair, tmp_path):
    sender, receiver, case = pair
    for name in ("1.age", "2.age", "3.age"):
        seal(sender, case, "Receiver", tmp_path / name)
        note(sender, case, name)
    first, second, third = (custody(tmp_path / name, receiver) for name in ("1.age", "2.age", "3.age"))
    assert first[1:] == ["", ""]
    assert (second[1], third[1]) == (first[0], second[0])
    for checkpoint, earlier, continuation in (second, third):
        found = Continuation.decode(continuation)
        assert found.checkpoint == checkpoint
        found.verify(read_checkpoint(earlier))
    opened = receive(receiver, tmp_path / "1.age")
    assert (opened.verdict, codes(opened)) == (Verdict.VERIFIED, set())
    assert REWRITTEN in opened.report.not_checked
    for name in ("2.age", "3.age"):
        opened = receive(receiver, tmp_path / name)
        assert (opened.verdict, codes(opened)) == (Verdict.VERIFIED, set())
        assert not {REWRITTEN, UNSEEN} & set(opened.report.not_checked)


def test_the_files_of_an_opened_bag_are_checked_by_the_same_door(pair, tmp_path):
    sender, receiver, case = pair
    seal(sender, case, "Receiver", tmp_path / "1.age")
    seal(sender, case, "Receiver", tmp_path / "2.age")
    opened = api.receiving.open_into(receiver, tmp_path / "2.age", tmp_path / "bag", "", Job())
    assert UNSEEN in opened.report.not_checked
    key = api.proofs.public_key(tmp_path / "bag" / "signer.pem")
    earlier = api.proofs.earlier(tmp_path / "bag" / layout.EARLIER, key)
    found = api.proofs.verify(tmp_path / "bag" / layout.CONTINUATION, key, sender.identity.fingerprint, earlier)
    assert (found.verdict, found.continues) == (Verdict.VERIFIED, earlier.size)
    assert api.verify_bag(tmp_path / "bag", sender.identity.fingerprint).verdict is Verdict.VERIFIED


def test_nobody_learns_the_state_that_went_to_somebody_else(pair, tmp_path):
    sender, _, case = pair
    other = make_vault(tmp_path / "other", 2)
    introduce(sender, other, "Other")
    seal(sender, case, "Receiver", tmp_path / "1.age")
    seal(sender, case, "Other", tmp_path / "2.age")
    assert custody(tmp_path / "2.age", other)[1:] == ["", ""]
    secret = api.to_secret(PASSPHRASE)
    for name in ("3.age", "4.age"):
        choice = api.sealing.Choice(case)
        api.sealing.seal_with_passphrase(sender, choice, secret, tmp_path / name, Job())
        receiving = api.receiving.open_with_passphrase(tmp_path / name, tmp_path / f"{name}.bag", secret, "", Job())
        assert receiving.verdict is Verdict.INTACT
        assert not (tmp_path / f"{name}.bag" / layout.EARLIER).exists()
    other.close()


def test_an_earlier_bundle_that_never_came_is_said_not_to_be_checked(pair, tmp_path):
    sender, receiver, case = pair
    for name in ("1.age", "2.age", "3.age"):
        seal(sender, case, "Receiver", tmp_path / name)
    receive(receiver, tmp_path / "1.age")
    opened = receive(receiver, tmp_path / "3.age")
    assert (opened.verdict, codes(opened)) == (Verdict.VERIFIED, {"gap", "log-unproved"})
    assert UNSEEN in opened.report.not_checked
    # The one that was overtaken continues what came first; that the later one continues it, nothing here shows.
    opened = receive(receiver, tmp_path / "2.age")
    assert (opened.verdict, codes(opened)) == (Verdict.VERIFIED, {"older-bundle"})
    assert UNSEEN in opened.report.not_checked


def rewritten(sender, tmp_path):
    """The sender's vault as it was when the fixture made it, going on in another way with the same keys and epoch."""
    copy = api.setup.open_with(tmp_path / "before", sender.keys)
    case = api.cases.page(copy)[0].id
    note(copy, case, "something else")
    return copy, case


def test_a_sender_who_rewrote_the_log_is_caught_by_name(pair, tmp_path):
    sender, receiver, case = pair
    sender.close()
    shutil.copytree(sender.folder, tmp_path / "before")
    sender = reopen(sender)
    first = seal(sender, case, "Receiver", tmp_path / "1.age")
    receive(receiver, tmp_path / "1.age")
    sender.close()
    forged, case = rewritten(sender, tmp_path)
    # The forger takes over what was sent, with a checkpoint of the same size out of the new history.
    seal(forged, case, "Receiver", tmp_path / "forged.age")
    size = read_checkpoint(custody(tmp_path / "1.age", receiver)[0]).size
    while api.custody.head(forged).size < size:
        note(forged, case, "more")
    told = in_history(forged, size)
    forged.close()
    with raw(forged) as store:
        store.execute("UPDATE sent_bundle SET bundle_id = ?, checkpoint = ?", (first.bundle_id, told))
    forged = reopen(forged)
    seal(forged, case, "Receiver", tmp_path / "2.age")
    opened = receive(receiver, tmp_path / "2.age")
    assert opened.verdict is Verdict.FAILED
    assert "log-rewritten" in codes(opened)
    taken = api.records.page(receiver, opened.case_id)
    assert {one.verdict for one in taken if one.origin} >= {Verdict.INTACT}
    forged.close()


def in_history(vault, size):
    """The checkpoint that the vault would have signed at a size, signed now."""
    root = vault.read(lambda connection: merkle.root(size, log.node_of(connection)))
    state = Checkpoint(api.custody.head(vault).origin, size, root)
    return state.sign(vault.identity.public_key, vault.identity.sign)


def test_a_sender_who_leaves_the_proof_out_is_noticed(pair, tmp_path):
    sender, receiver, case = pair
    seal(sender, case, "Receiver", tmp_path / "1.age")
    receive(receiver, tmp_path / "1.age")
    seal(sender, case, "Receiver", tmp_path / "2.age")
    file = changed(tmp_path / "2.age", sender, receiver, dict.fromkeys(layout.OPTIONAL))
    opened = receive(receiver, file)
    assert (opened.verdict, codes(opened)) == (Verdict.VERIFIED, {"log-unproved"})
    assert REWRITTEN in opened.report.not_checked


def described(file, sender, receiver, more):
    """A bundle as its sender could have made it with other members of its description; the page fits them."""
    files = bag_of(file, receiver)
    before = jcs.decode(files[layout.BUNDLE], "test")
    after = before | more
    shown = [{**value, "contents": []} for value in (before, after)]
    old, new = (report._section("Bundle", value).encode() for value in shown)
    assert old in files[layout.REPORT]
    files[layout.REPORT] = files[layout.REPORT].replace(old, new)
    files[layout.BUNDLE] = jcs.encode(after)
    file.write_bytes(wrap(tar(in_order(files)), receiver.identity.hybrid.recipient))
    return changed(file, sender, receiver, {})


@pytest.fixture
def two_histories(pair, tmp_path):
    """A sender's vault, and an older copy of it that went another way with the same keys and epoch, as its holder can.

    Yields both, the receiver, the case, and a function that makes the copy's log longer than a bundle's.
    """
    sender, receiver, case = pair
    seal(sender, case, "Receiver", tmp_path / "1.age")
    sender.close()
    shutil.copytree(sender.folder, tmp_path / "before")
    sender = reopen(sender)
    forged, _ = rewritten(sender, tmp_path)

    def outgrow(file):
        while api.custody.head(forged).size <= read_checkpoint(custody(file, receiver)[0]).size:
            note(forged, case, "invented")

    yield sender, forged, receiver, case, outgrow
    forged.close()
    sender.close()


def test_a_proof_from_an_older_state_does_not_hide_that_what_came_since_was_rewritten(two_histories, tmp_path):
    sender, forged, receiver, case, outgrow = two_histories
    note(sender, case, "the truth that is rewritten later")
    second = seal(sender, case, "Receiver", tmp_path / "2.age")
    for name in ("1.age", "2.age"):
        assert receive(receiver, tmp_path / name).verdict is Verdict.VERIFIED
    shutil.copy(tmp_path / "2.age", tmp_path / "own.age")
    outgrow(tmp_path / "2.age")
    seal(forged, case, "Receiver", tmp_path / "3.age")
    assert custody(tmp_path / "3.age", receiver)[1] == custody(tmp_path / "1.age", receiver)[0]
    more = {"number": 3, "previous": second.bundle_id}
    opened = receive(receiver, described(tmp_path / "3.age", forged, receiver, more))
    assert (opened.verdict, codes(opened)) == (Verdict.VERIFIED, {"log-unproved"})
    assert UNSEEN in opened.report.not_checked


@pytest.mark.parametrize(
    "more", [{"number": 9}, {"number": 9, "epoch": "ab" * 16}, {"number": 9, "previous": "cd" * 16}]
)
def test_whoever_received_anything_of_a_log_is_told_when_the_next_bundle_proves_nothing(two_histories, tmp_path, more):
    sender, forged, receiver, case, outgrow = two_histories
    for name in ("2.age", "3.age"):
        seal(sender, case, "Receiver", tmp_path / name)
        receive(receiver, tmp_path / name)
    outgrow(tmp_path / "3.age")
    seal(forged, case, "Receiver", tmp_path / "4.age")
    file = changed(tmp_path / "4.age", forged, receiver, dict.fromkeys(layout.OPTIONAL))
    opened = receive(receiver, described(file, forged, receiver, {"previous": "", **more}))
    assert "log-unproved" in codes(opened)
    assert REWRITTEN in opened.report.not_checked


def test_a_bundle_for_another_key_of_the_receiver_does_not_go_around_what_is_known_of_the_log(two_histories, tmp_path):
    sender, forged, receiver, case, outgrow = two_histories
    for number in range(4):
        note(sender, case, f"denied later {number}")
    seal(sender, case, "Receiver", tmp_path / "2.age")
    receive(receiver, tmp_path / "2.age")
    api.contacts.add(forged, "Other", (receiver.identity.x25519.recipient.text,))
    seal(forged, case, "Other", tmp_path / "short.age")
    outgrow(tmp_path / "2.age")
    seal(forged, case, "Other", tmp_path / "long.age")
    for name in ("short.age", "long.age"):
        opened = receive(receiver, tmp_path / name)
        assert (opened.verdict, "log-unproved" in codes(opened)) == (Verdict.VERIFIED, True), name


def test_one_more_key_in_the_description_does_not_give_a_number_again_unseen(two_histories, tmp_path):
    sender, forged, receiver, case, _ = two_histories
    for number in range(2):
        note(sender, case, f"denied later {number}")
    seal(sender, case, "Receiver", tmp_path / "2.age")
    receive(receiver, tmp_path / "2.age")
    seal(forged, case, "Receiver", tmp_path / "again.age")
    value = jcs.decode(bag_of(tmp_path / "again.age", receiver)[layout.BUNDLE], "test")
    hashes = [*value["recipient"]["key_hashes"], "f" * 64]
    more = {"recipient": {**value["recipient"], "key_hashes": hashes}}
    opened = receive(receiver, described(tmp_path / "again.age", forged, receiver, more))
    assert codes(opened) == {"number-shared", "log-unproved", "gap"}


def test_a_log_that_was_cut_short_is_not_taken_for_a_restore_without_a_word(pair, tmp_path):
    sender, receiver, case = pair
    api.backup.backup(sender, tmp_path / "stick", Job())
    for number in range(6):
        note(sender, case, f"gone {number}")
    seal(sender, case, "Receiver", tmp_path / "1.age")
    receive(receiver, tmp_path / "1.age")
    api.backup.restore(tmp_path / "stick", tmp_path / "again", api.to_secret(PASSPHRASE), Job())
    restored = api.setup.unlock(tmp_path / "again", api.to_secret(PASSPHRASE))
    seal(restored, case, "Receiver", tmp_path / "2.age")
    restored.close()
    opened = receive(receiver, tmp_path / "2.age")
    assert (opened.verdict, codes(opened)) == (Verdict.VERIFIED, {"new-epoch", "log-unproved"})


def test_a_wrong_continuation_fails_the_bundle(pair, tmp_path):
    sender, receiver, case = pair
    for name in ("1.age", "2.age", "3.age"):
        seal(sender, case, "Receiver", tmp_path / name)
        note(sender, case, name)
    good = custody(tmp_path / "3.age", receiver)
    other = make_vault(tmp_path / "other", 2)
    api.custody.write_checkpoint(other, tmp_path / "foreign")
    state = read_checkpoint(good[1])
    by_another_key = state.sign(other.identity.public_key, other.identity.sign)
    other.close()
    of_another_log = replace(state, origin=origin_of("0" * 32, state.epoch)).sign(
        sender.identity.public_key, sender.identity.sign
    )
    (tmp_path / "earlier").write_text(good[1])
    api.custody.write_checkpoint(sender, tmp_path / "later", tmp_path / "earlier")
    first = custody(tmp_path / "1.age", receiver)[0]
    proof = Continuation.decode(good[2])
    assert proof.path
    flipped = Continuation(proof.old, (bytes(32), *proof.path[1:]), proof.checkpoint).encode()
    for earlier, continuation, code in (
        (None, good[2], "missing-file"),
        (good[1], None, "missing-file"),
        (first, good[2], "continuation-bad"),
        (good[0], good[2], "continuation-bad"),
        ((tmp_path / "foreign").read_text(), good[2], "continuation-bad"),
        (by_another_key, good[2], "continuation-bad"),
        (of_another_log, good[2], "continuation-bad"),
        (good[1], (tmp_path / "later").read_text(), "continuation-bad"),
        (good[1] + "x", good[2], "continuation-bad"),
        (good[1], good[2].replace("old ", "old 0"), "continuation-bad"),
        (good[1], flipped, "continuation-bad"),
        (good[1], custody(tmp_path / "2.age", receiver)[2], "continuation-bad"),
        (good[1], "\udcff", "continuation-bad"),
    ):
        shutil.copy(tmp_path / "3.age", tmp_path / "bad.age")
        made = [None if text is None else text.encode("utf-8", "surrogateescape") for text in (earlier, continuation)]
        file = changed(tmp_path / "bad.age", sender, receiver, dict(zip(layout.OPTIONAL, made, strict=True)))
        opened = receive(receiver, file)
        assert (opened.verdict, codes(opened)) == (Verdict.FAILED, {code})
    # The helpers themselves make bundles that pass.
    for change in (changed, described):
        shutil.copy(tmp_path / "3.age", tmp_path / "same.age")
        file = change(tmp_path / "same.age", sender, receiver, {})
        assert codes(api.receiving.look(receiver, file, Job())) == {"gap"}


def test_after_a_restore_bundles_continue_what_the_backup_knows_of(pair, tmp_path):
    sender, receiver, case = pair
    seal(sender, case, "Receiver", tmp_path / "1.age")
    api.backup.backup(sender, tmp_path / "stick", Job())
    seal(sender, case, "Receiver", tmp_path / "lost.age")
    sender.close()
    api.backup.restore(tmp_path / "stick", tmp_path / "again", api.to_secret(PASSPHRASE), Job())
    restored = api.setup.unlock(tmp_path / "again", api.to_secret(PASSPHRASE))
    seal(restored, case, "Receiver", tmp_path / "2.age")
    seal(restored, case, "Receiver", tmp_path / "3.age")
    restored.close()
    # What was entered between the backup and the loss is in no later log, and the receiver has a bundle from there.
    lost = {"new-epoch", "log-unproved"}
    for name, expected in (("1.age", set()), ("lost.age", set()), ("2.age", lost), ("3.age", set())):
        opened = receive(receiver, tmp_path / name)
        assert (opened.verdict, codes(opened)) == (Verdict.VERIFIED, expected)
        assert (UNSEEN in opened.report.not_checked) is (name == "2.age")


def test_a_vault_whose_log_is_not_what_it_was_seals_nothing(pair, tmp_path):
    sender, _, case = pair
    seal(sender, case, "Receiver", tmp_path / "1.age")
    sender.close()
    with raw(sender) as store:
        text = store.execute("SELECT checkpoint FROM sent_bundle").fetchone()[0]
        lines = text.split("\n")
        lines[1] = str(int(lines[1]) - 1)
        store.execute("UPDATE sent_bundle SET checkpoint = ?", ("\n".join(lines),))
    sender = reopen(sender)
    with pytest.raises(DamagedError, match="custody log"):
        seal(sender, case, "Receiver", tmp_path / "2.age")
    assert not (tmp_path / "2.age").exists()
    sender.close()


def test_the_commands_for_checking_it_by_hand_work(pair, tmp_path):
    sender, receiver, case = pair
    guide = (Path(__file__).parents[2] / "docs" / "verify-by-hand.md").read_text("utf-8")
    lines = guide.partition("    python3 - data/custody/earlier-checkpoint")[2].partition("\n    END\n")[0]
    script = "".join(f"{line.removeprefix('    ')}\n" for line in lines.split("\n")[1:])
    for number in range(9):
        seal(sender, case, "Receiver", tmp_path / f"{number}.age")
        for more in range(number % 3):
            note(sender, case, f"{number} {more}")
    for number in range(1, 9):
        _, earlier, continuation = custody(tmp_path / f"{number}.age", receiver)
        lines = earlier.split("\n")
        other = "\n".join([*lines[:2], "A" * 43 + "=", *lines[3:]])
        for text, good in ((earlier, True), (other, False)):
            (tmp_path / "earlier").write_text(text, "utf-8")
            (tmp_path / "continuation").write_text(continuation, "utf-8")
            done = subprocess.run(
                [sys.executable, "-", tmp_path / "earlier", tmp_path / "continuation"],
                input=script, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert (done.stdout == "the log only grew\n") is good
