"""What a custody log hands out is checked by somebody who has no vault: proofs, checkpoints, continuations."""

import contextlib
import shutil
from dataclasses import replace

import pytest

from tests.vault_world import PASSPHRASE, make_vault, raw, reopen
from tui.cli.run import run
from vault import api
from vault.errors import FormatError, IntegrityError, NotFoundError, RefusedError
from vault.formats import ssh_keys
from vault.formats.tlog_consistency import Continuation
from vault.formats.tlog_proof import TlogProof, decode_extra, encode_extra
from vault.jobs import Job
from vault.model import Verdict


@pytest.fixture
def vault(tmp_path):
    vault = make_vault(tmp_path / "vault")
    (tmp_path / "card").write_text(api.contacts.card(vault, "Holder"))
    yield vault
    vault.close()


def grow(vault, count=1):
    case = api.cases.add(vault, "a case").id
    return [api.records.add(vault, case, "note", {"text": str(number)}).id for number in range(count)]


def verify(tmp_path, name, anchor="", signer="", card="card"):
    key = api.proofs.public_key(tmp_path / card)
    earlier = api.proofs.earlier(tmp_path / anchor, key) if anchor else None
    return api.proofs.verify(tmp_path / name, key, signer, earlier)


def codes(found):
    return [one.code for one in found.report.findings]


# -- continuations --------------------------------------------------------------------------------------------------


def test_a_newer_checkpoint_is_shown_to_continue_an_older_one(vault, tmp_path):
    grow(vault)
    old = api.custody.write_checkpoint(vault, tmp_path / "old")
    grow(vault, 3)
    new = api.custody.write_checkpoint(vault, tmp_path / "new", tmp_path / "old")
    found = verify(tmp_path, "new", "old", vault.identity.fingerprint)
    assert (found.verdict, found.kind, codes(found)) == (Verdict.VERIFIED, "continuation", [])
    assert (found.continues, found.size, found.root) == (old.size, new.size, new.root.hex())
    assert verify(tmp_path, "new", "old").verdict is Verdict.INTACT
    # Continuations are anchors in their turn, also for the vault itself.
    grow(vault)
    api.custody.write_checkpoint(vault, tmp_path / "newest", tmp_path / "new")
    assert verify(tmp_path, "newest", "new").continues == new.size
    assert api.checking.check(vault, [tmp_path / "newest"], Job()).anchored == "yes"


def test_without_an_anchor_it_says_that_nothing_earlier_was_compared(vault, tmp_path):
    api.custody.write_checkpoint(vault, tmp_path / "old")
    api.custody.write_checkpoint(vault, tmp_path / "new", tmp_path / "old")
    for name in ("old", "new"):
        found = verify(tmp_path, name, signer=vault.identity.fingerprint)
        assert (found.verdict, found.continues) == (Verdict.VERIFIED, None)
        assert any("earlier state" in sentence for sentence in found.report.not_checked)


def test_a_log_that_was_rewritten_is_found(vault, tmp_path):
    """The holder goes back to an older copy and goes on from there, with the right keys and in the same epoch."""
    grow(vault)
    vault.close()
    other = shutil.copytree(vault.folder, tmp_path / "copy")
    one, two = reopen(vault), api.setup.open_with(other, vault.keys)
    grow(one)
    api.custody.write_checkpoint(one, tmp_path / "old")
    one.close()
    grow(two)
    api.custody.write_checkpoint(two, tmp_path / "theirs")
    grow(two)
    with pytest.raises(IntegrityError):
        api.custody.write_checkpoint(two, tmp_path / "new", tmp_path / "old")
    assert not (tmp_path / "new").exists()
    api.custody.write_checkpoint(two, tmp_path / "new", tmp_path / "theirs")
    two.close()
    found = verify(tmp_path, "new", "old", vault.identity.fingerprint)
    assert (found.verdict, codes(found), found.continues) == (Verdict.FAILED, ["log-rewritten"], None)
    # Two checkpoints of one size need no proof at all.
    assert codes(verify(tmp_path, "theirs", "old")) == ["log-rewritten"]
    assert codes(verify(tmp_path, "old", "new")) == ["log-shrunk"]


def test_after_a_restore_the_log_continues_what_the_backup_held_and_not_what_was_lost(vault, tmp_path):
    grow(vault)
    api.custody.write_checkpoint(vault, tmp_path / "kept")
    api.backup.backup(vault, tmp_path / "stick", Job())
    grow(vault)
    api.custody.write_checkpoint(vault, tmp_path / "lost")
    vault.close()
    api.backup.restore(tmp_path / "stick", tmp_path / "restored", api.to_secret(PASSPHRASE), Job())
    again = api.setup.unlock(tmp_path / "restored", api.to_secret(PASSPHRASE))
    grow(again, 20)
    api.custody.write_checkpoint(again, tmp_path / "after", tmp_path / "kept")
    with pytest.raises(IntegrityError):
        api.custody.write_checkpoint(again, tmp_path / "never", tmp_path / "lost")
    again.close()
    found = verify(tmp_path, "after", "kept", vault.identity.fingerprint)
    assert (found.verdict, codes(found)) == (Verdict.VERIFIED, ["new-epoch"])
    forged = Continuation.decode((tmp_path / "after").read_text())
    size = TlogProof(0, (), (tmp_path / "lost").read_text()).state.size
    (tmp_path / "forged").write_text(Continuation(size, forged.path, forged.checkpoint).encode())
    found = verify(tmp_path, "forged", "lost")
    assert (found.verdict, codes(found)) == (Verdict.FAILED, ["not-continued"])
    assert "restored" in found.report.findings[0].message


def test_a_file_that_does_not_reach_the_anchor_is_refused_and_never_passes(vault, tmp_path):
    api.custody.write_checkpoint(vault, tmp_path / "one")
    api.custody.write_checkpoint(vault, tmp_path / "two")
    api.custody.write_checkpoint(vault, tmp_path / "three", tmp_path / "one")
    api.custody.write_proof(vault, "0", tmp_path / "proof")
    for name in ("three", "proof"):
        with pytest.raises(RefusedError, match="does not say"):
            verify(tmp_path, name, "two")


def test_an_anchor_or_file_of_another_vault_is_refused_by_name(vault, tmp_path):
    other = make_vault(tmp_path / "other", 1)
    (tmp_path / "other-card").write_text(api.contacts.card(other, "Other"))
    api.custody.write_checkpoint(other, tmp_path / "foreign")
    other.close()
    api.custody.write_checkpoint(vault, tmp_path / "own")
    with pytest.raises(IntegrityError, match="not signed by the key"):
        verify(tmp_path, "own", "foreign")
    found = verify(tmp_path, "own", card="other-card")
    assert (found.verdict, codes(found)) == (Verdict.FAILED, ["checkpoint-signature"])
    with pytest.raises(RefusedError, match="another vault"):
        api.custody.write_checkpoint(vault, tmp_path / "new", tmp_path / "foreign")
    found = verify(tmp_path, "own", signer=other.identity.fingerprint)
    assert (found.verdict, codes(found)) == (Verdict.FAILED, ["signer-mismatch"])


def test_every_changed_byte_of_a_continuation_is_found(vault, tmp_path):
    grow(vault, 2)
    api.custody.write_checkpoint(vault, tmp_path / "old")
    grow(vault, 2)
    api.custody.write_checkpoint(vault, tmp_path / "new", tmp_path / "old")
    whole = (tmp_path / "new").read_bytes()
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 1
        (tmp_path / "bad").write_bytes(changed)
        with contextlib.suppress(RefusedError, FormatError):
            assert verify(tmp_path, "bad", "old").verdict is Verdict.FAILED


# -- proofs ---------------------------------------------------------------------------------------------------------


def test_a_proof_file_is_checked_and_says_what_the_entry_discloses(vault, tmp_path):
    (note,) = grow(vault)
    api.records.correct(vault, note, {"text": "other"}, "the-reason")
    written = api.custody.write_proof(vault, note, tmp_path / "proof")
    found = verify(tmp_path, "proof", signer=vault.identity.fingerprint)
    assert (found.verdict, found.kind, codes(found)) == (Verdict.VERIFIED, "proof", [])
    assert (found.size, found.entry.number) == (written.state.size, written.index)
    assert found.entry.event["type"] == "modification"
    assert found.entry.event["object"] == {"id": note, "kind": "record"}
    assert not {"purpose", "location", "change", "transfer", "related"} & found.entry.event.keys()
    assert "the-reason" not in str(found)


def test_a_proof_of_another_entry_or_with_altered_words_fails(vault, tmp_path):
    one, two = grow(vault, 2)
    for name, what in (("one", one), ("two", two)):
        api.custody.write_proof(vault, what, tmp_path / name)
    first, second = (TlogProof.decode((tmp_path / name).read_text()) for name in ("one", "two"))
    leaf, disclosures = decode_extra(first.extra)
    for bad in (
        replace(first, extra=second.extra),
        replace(first, path=(bytes(32), *first.path[1:])),
        replace(first, index=second.index, path=second.path),
        replace(first, extra=encode_extra(leaf, (disclosures[0][:-4] + "AAAA", *disclosures[1:]))),
    ):
        (tmp_path / "bad").write_text(bad.encode())
        try:
            found = verify(tmp_path, "bad", signer=vault.identity.fingerprint)
        except FormatError:
            assert bad.path == first.path and bad.extra not in (first.extra, second.extra)
            continue
        assert (found.verdict, codes(found), found.entry) == (Verdict.FAILED, ["proof-bad"], None)


@pytest.mark.parametrize("form", ["card", "pem", "pub", "signers"])
def test_the_key_comes_in_any_form_that_a_lawyer_has(vault, tmp_path, form):
    key = vault.identity.public_key
    (tmp_path / "pem").write_text(ssh_keys.encode_pem(key))
    (tmp_path / "pub").write_text(ssh_keys.encode_public_key(key, "Holder") + "\n")
    (tmp_path / "signers").write_text(ssh_keys.encode_allowed_signer("sender", "evidence-bundle", key) + "\n")
    assert api.proofs.public_key(tmp_path / form) == key


@pytest.mark.parametrize("content", [b"", b"\xff", b"ssh-rsa AAAA", b"-----BEGIN PUBLIC KEY-----\n", b"age1qqqq\n"])
def test_what_is_no_key_and_no_log_file_is_refused(vault, tmp_path, content):
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(FormatError):
        api.proofs.public_key(tmp_path / "bad")
    with pytest.raises(FormatError):
        verify(tmp_path, "bad")
    with pytest.raises(NotFoundError):
        verify(tmp_path, "nothing")


# -- commands -------------------------------------------------------------------------------------------------------


def test_the_commands_say_and_exit_by_contract(vault, tmp_path, cli):
    (note,) = grow(vault)
    fingerprint = vault.identity.fingerprint
    vault.close()
    old, new, proof, card = (str(tmp_path / name) for name in ("old", "new", "proof", "card"))
    told = ("--key", card, "--signer", fingerprint)
    code, first = cli("log", "checkpoint", "--out", old)
    assert code == 0
    code, second = cli("log", "checkpoint", "--out", new, "--since", old)
    assert (code, second["size"]) == (0, first["size"] + 2)
    code, said = cli(
        "verify", new, "--anchor", old, "--key", card, "--signer", fingerprint, vault="nowhere", secrets=()
    )
    assert (code, said["verdict"], said["kind"]) == (0, "verified", "continuation")
    assert (said["continues"], said["size"], said["root"]) == (first["size"], second["size"], second["root"])
    code, said = cli("verify", new, "--anchor", old, "--key", card, vault="nowhere", secrets=())
    assert (code, said["verdict"]) == (6, "intact")
    code, said = cli("verify", old, "--anchor", new, "--key", card, vault="nowhere", secrets=())
    assert (code, said["verdict"], said["error"]["code"]) == (1, "failed", "log-shrunk")
    code, said = cli("log", "prove", note, "--out", proof)
    state = TlogProof.decode((tmp_path / "proof").read_text()).state
    assert (code, said["size"], said["root"]) == (0, state.size, state.root.hex())
    code, said = cli("verify", proof, *told, vault="nowhere", secrets=())
    assert (code, said["entry"]["event"]["object"]["id"], said["size"]) == (0, note, state.size)
    for words in ((proof,), (str(tmp_path), "--key", card), (str(tmp_path), "--anchor", old)):
        assert cli("verify", *words, vault="nowhere", secrets=())[0] == 2
    assert cli("verify", proof, "--key", card, "--anchor", old, vault="nowhere", secrets=())[0] == 4
    code, said = cli("verify", card, vault="nowhere", secrets=())
    assert (code, said["error"]["code"]) == (4, "wrong-kind")


def test_a_person_reads_what_is_proved(vault, tmp_path, capsys):
    (note,) = grow(vault)
    old = api.custody.write_checkpoint(vault, tmp_path / "old")
    grow(vault)
    api.custody.write_checkpoint(vault, tmp_path / "new", tmp_path / "old")
    api.custody.write_proof(vault, note, tmp_path / "proof")
    key = ["--key", str(tmp_path / "card")]
    assert run(["verify", str(tmp_path / "new"), "--anchor", str(tmp_path / "old"), *key]) == 6
    said = capsys.readouterr().out
    assert f"begins with the {old.size} entries that the anchor covers" in said
    assert run(["verify", str(tmp_path / "proof"), *key]) == 6
    said = capsys.readouterr().out
    assert "Entry 2 (counted from 0)" in said
    assert note in said


def test_a_foreign_anchor_is_refused_by_its_name_and_says_nothing_against_the_vault(vault, tmp_path, cli):
    other = make_vault(tmp_path / "other", 1)
    api.custody.write_checkpoint(other, tmp_path / "foreign")
    other.close()
    api.custody.write_checkpoint(vault, tmp_path / "anchor")
    vault.close()
    name = tmp_path / "changed \u202egnp"
    lines = (tmp_path / "anchor").read_text().split("\n")
    name.write_text("\n".join([lines[0], str(int(lines[1]) + 1), *lines[2:]]))
    for path, code, words in ((tmp_path / "foreign", 4, "another vault"), (name, 1, "not as this vault signed it")):
        got, said = cli("check", "--anchor", str(tmp_path / "anchor"), "--anchor", str(path))
        assert (got, words in said["error"]["message"]) == (code, True)
        assert path.name.split(" ")[0] in said["error"]["message"]
        assert "\u202e" not in said["error"]["message"]
        assert "findings" not in said


def test_a_finding_names_the_anchor_as_it_was_given(vault, tmp_path, cli):
    grow(vault)
    vault.close()
    with raw(vault) as store:
        before = store.execute("SELECT note FROM log_head").fetchone()[0]
    again = reopen(vault)
    grow(again)
    api.custody.write_checkpoint(again, tmp_path / "later")
    again.close()
    (tmp_path / "now").write_text(before)
    copy = shutil.copytree(vault.folder, tmp_path / "copy")
    with raw(vault) as store:
        size = int(before.split("\n")[1])
        store.execute("DELETE FROM custody_entry WHERE number >= ?", (size,))
    code, said = cli("check", "--anchor", str(tmp_path / "later"), "--anchor", str(tmp_path / "now"), vault=copy)
    assert (code, said["findings"]) == (0, [])
    code, said = cli("check", "--anchor", str(tmp_path / "later"), "--anchor", str(tmp_path / "now"))
    assert code == 1
    assert ("rolled-back", str(tmp_path / "later")) in {(one["code"], one["where"]) for one in said["findings"]}


def test_a_proof_about_a_contact_lets_nobody_try_names(vault, tmp_path):
    other = make_vault(tmp_path / "other", 1)
    contact = api.contacts.add_card(vault, api.contacts.card(other, "Gulnar"))
    record = grow(vault)[0]
    for name, what in (("contact", contact.id), ("record", record)):
        api.custody.write_proof(vault, what, tmp_path / name)
    assert "digests" not in verify(tmp_path, "contact").entry.event
    assert "digests" in verify(tmp_path, "record").entry.event
    other.close()
