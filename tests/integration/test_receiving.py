"""Receiving: verdicts, history, hostile senders, and that a failed bundle leaves nothing anywhere."""

import io
import os
import shutil
import tarfile
from dataclasses import replace

import pytest

from tests.bundle_world import (
    CASE,
    Sender,
    an_id,
    card_of,
    in_order,
    new_identity,
    relist,
    resign,
    tar,
    untar,
    unwrap,
    wrap,
)
from tests.vault_world import PHOTO, events, introduce, make_vault, raw, rows, seal, unlock
from vault import api
from vault.bundle.contents import OutgoingRecord
from vault.crypto import kdf
from vault.errors import (
    CancelledError,
    FormatError,
    IntegrityError,
    NotForUsError,
    RefusedError,
    TruncatedError,
    UnlockError,
)
from vault.formats import fingerprint
from vault.formats.record import disclose, sign_record
from vault.formats.tar import encode_header
from vault.jobs import Job
from vault.model import Severity, Verdict

MALLORY = bytes(range(100, 132))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A receiver who knows nobody: for bundles of which nothing may be left."""
    vault = make_vault(tmp_path_factory.mktemp("shared") / "receiver")
    yield vault
    vault.close()


@pytest.fixture
def receiver(tmp_path):
    """A receiver of one's own."""
    vault = make_vault(tmp_path / "receiver")
    yield vault
    vault.close()


@pytest.fixture
def sender():
    return Sender()


def know(vault, sender, name="Known", verified=True):
    """Let a vault know a sender's key as that of a contact."""
    contact = api.contacts.add_card(vault, card_of(sender, name))
    if verified:
        api.contacts.verify(vault, name, contact.fingerprint)


def key_of(vault):
    return vault.identity.x25519.recipient


def receive(vault, data, path, **more):
    """Receive the bytes of a bundle."""
    path.write_bytes(data)
    return api.receiving.receive(vault, path, more.pop("job", None) or Job(), **more)


def codes(opened):
    return [one.code for one in opened.report.findings if one.severity is not Severity.INFO]


def remarks(opened):
    return [one.code for one in opened.report.findings]


def record_of(sender, number, kind, fields, *, version=1, shown=None, **meta):
    """A record with any fields and metadata."""
    sd = sign_record(
        id=an_id(number), type=kind, version=version, meta=meta, fields=fields, public_key=sender.key, sign=sender.sign
    )
    return OutgoingRecord(an_id(number), version, (sd if shown is None else disclose(sd, shown)).text)


def census(vault):
    """How much there is in the store, in every table that a bundle can touch."""
    api.setup.sweep_all(vault)
    tables = (
        "vault_case", "record", "record_version", "content", "chunk", "attachment", "contact", "custody_entry",
        "received_bundle", "search_text",
    )  # fmt: skip
    return {name: rows(vault, f"SELECT count(*) FROM {name}")[0][0] for name in tables}


def is_sound(vault):
    return api.checking.check(vault, [], Job()).report.findings == ()


# -- verdicts -------------------------------------------------------------------------------------------------------


def test_a_bundle_of_a_verified_contact_is_verified_and_taken_in_read_only(receiver, sender, tmp_path):
    know(receiver, sender)
    opened = receive(receiver, sender.seal(key_of(receiver)), tmp_path / "b.age")
    assert opened.verdict is Verdict.VERIFIED
    assert (opened.signer, opened.signer_name) == (fingerprint.fingerprint_of_key(sender.key), "Known")
    assert opened.purpose == "for the hearing\n<b>not markup</b>"
    assert codes(opened) == []
    assert opened.taken == len(sender.records)
    case = api.cases.get(receiver, opened.case_id)
    assert (case.record_count, case.attachment_count, case.title) == (
        3, 2, "Received from Known, bundle 00000000: for the hearing <b>not markup</b>",
    )  # fmt: skip
    for record in api.records.page(receiver, opened.case_id):
        assert (record.origin, record.verdict) == (opened.signer, "verified")
        assert api.records.show(receiver, record.id).withheld
        with pytest.raises(RefusedError, match="cannot get a new version"):
            api.records.correct(receiver, record.id, {"statement": "changed"})
    for one, content in zip(api.intake.page(receiver, opened.case_id), sender.contents.values(), strict=True):
        api.intake.extract(receiver, one.id, tmp_path / one.id, Job())
        assert (tmp_path / one.id).read_bytes() == content
    assert api.search.find(receiver, "乌鲁木齐")
    assert api.search.find(receiver, "a name that stays") == []
    assert is_sound(receiver)


def test_an_unknown_or_unverified_signer_makes_it_intact_and_no_more(receiver, sender, tmp_path):
    first = receive(receiver, sender.seal(key_of(receiver)), tmp_path / "1.age")
    assert (first.verdict, first.signer_name, first.taken) == (Verdict.INTACT, "", 5)
    know(receiver, sender, verified=False)
    second = receive(receiver, sender.seal(key_of(receiver), bundle_id=an_id(2), number=2), tmp_path / "2.age")
    assert (second.verdict, second.signer_name, second.case_id) == (Verdict.INTACT, "", first.case_id)
    assert {one.verdict for one in api.records.page(receiver, first.case_id)} == {"intact"}
    assert is_sound(receiver)


def test_verifying_the_contact_raises_what_came_from_its_key_before(receiver, sender, tmp_path):
    data = sender.seal(key_of(receiver))
    first = receive(receiver, data, tmp_path / "1.age")
    receive(receiver, Sender(MALLORY).seal(key_of(receiver), bundle_id=an_id(7)), tmp_path / "m.age")
    know(receiver, sender, verified=False)
    shown = api.contacts.get(receiver, "Known").fingerprint
    assert api.contacts.verify(receiver, "Known", shown)[1] == 1
    assert api.contacts.verify(receiver, "Known", shown)[1] == 0
    whose = {(one.origin == first.signer, one.verdict) for one in _everything(receiver)}
    assert whose == {(True, "verified"), (False, "intact")}
    told = [event for event in events(receiver, "bundle") if event[2] == an_id(1)]
    assert [kind for kind, _, _ in told] == ["ingestion", "digital signature validation"]
    assert is_sound(receiver)
    again = receive(receiver, data, tmp_path / "1.age")
    assert (again.verdict, codes(again)) == (Verdict.FAILED, ["replayed"])
    assert "kept as verified" in again.report.findings[-1].message


def test_the_case_of_a_bundle_says_from_whom_and_which_and_nothing_wild(receiver, sender, tmp_path):
    wild = "\u202efor\x1b[31m the\r\nhearing " + "x" * 300
    opened = receive(receiver, sender.seal(key_of(receiver), bundle_id="ab" * 16, purpose=wild), tmp_path / "1.age")
    title = api.cases.get(receiver, opened.case_id).title
    assert title.startswith(f"Received from sender {opened.signer[:11]}, bundle abababab: for [31m the hearing xxx")
    assert len(title) < 200
    silent = Sender(MALLORY).seal(key_of(receiver), bundle_id=an_id(3), purpose="")
    opened = receive(receiver, silent, tmp_path / "2.age")
    assert api.cases.get(receiver, opened.case_id).title.endswith("bundle 00000000")


def _everything(vault):
    found = []
    for case in api.cases.page(vault, 10):
        found += [*api.records.page(vault, case.id), *api.intake.page(vault, case.id)]
    return found


def test_receiving_it_again_raises_a_bundle_whose_signer_is_established_only_now(receiver, sender, tmp_path):
    data = sender.seal(key_of(receiver))
    receive(receiver, data, tmp_path / "1.age")
    receive(receiver, sender.seal(key_of(receiver), bundle_id=an_id(2), number=2), tmp_path / "2.age")
    before = census(receiver)
    again = receive(receiver, data, tmp_path / "1.age", signer=fingerprint.fingerprint_of_key(sender.key))
    assert (again.verdict, remarks(again), again.taken) == (Verdict.VERIFIED, ["now-verified"], 0)
    assert {**census(receiver), "custody_entry": 0} == {**before, "custody_entry": 0}
    assert {one.verdict for one in _everything(receiver)} == {"verified"}
    assert is_sound(receiver)


def test_a_fingerprint_does_not_settle_which_of_two_histories_holds(receiver, sender, tmp_path):
    receive(receiver, sender.seal(key_of(receiver)), tmp_path / "1.age")
    another = record_of(sender, 90, "note", {"text": "another history"})
    only = {"records": (another,), "attachments": ()}
    forked = receive(receiver, sender.seal(key_of(receiver), bundle_id=an_id(8), **only), tmp_path / "2.age")
    assert "equivocation" in codes(forked)
    know(receiver, sender)
    assert {one.verdict for one in _everything(receiver) if one.id == an_id(90)} == {"intact"}
    assert {one.verdict for one in _everything(receiver) if one.id != an_id(90)} == {"verified"}
    stored = dict(rows(receiver, "SELECT bundle_id, verdict FROM received_bundle"))
    assert stored == {an_id(1): "verified", an_id(8): "failed"}
    assert is_sound(receiver)


def test_an_expired_contact_is_still_known_and_said_to_be_expired(tmp_path):
    sender, receiver = make_vault(tmp_path / "sender", 1), make_vault(tmp_path / "receiver")
    introduce(sender, receiver, "Receiver")
    clock = receiver.clock
    card = api.contacts.card(sender, "Sender", expires_at=clock().replace(year=clock().year + 1))
    api.contacts.add_card(receiver, card)
    api.contacts.verify(receiver, "Sender", sender.identity.fingerprint)
    case = api.cases.add(sender, "c").id
    api.records.add(sender, case, "note", {"text": "x"})
    seal(sender, case, "Receiver", tmp_path / "b.age")
    receiver.clock = lambda: clock().replace(year=clock().year + 2)
    opened = api.receiving.receive(receiver, tmp_path / "b.age", Job())
    assert (opened.verdict, codes(opened)) == (Verdict.VERIFIED, ["signer-expired"])
    sender.close()
    receiver.close()


def forms(key):
    hashed = fingerprint.hash_of_key(key)
    return {
        "digits": fingerprint.digits_of(hashed),
        "digits with hyphens": fingerprint.digits_of(hashed).replace(" ", "-"),
        "words": fingerprint.words_of(hashed),
        "hexadecimal": hashed.hex(),
        "ssh-keygen": fingerprint.openssh_of(hashed),
    }


@pytest.mark.parametrize("form", forms(Sender().key))
def test_the_signer_can_be_named_in_any_form(sender, form, tmp_path):
    identity = new_identity()
    files = untar(unwrap(sender.seal(identity.recipient), identity))
    for name, content in files.items():
        (tmp_path / "bag" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "bag" / name).write_bytes(content)
    right, wrong = forms(sender.key)[form], forms(Sender(MALLORY).key)[form]
    assert api.verify_bag(tmp_path / "bag", right).verdict is Verdict.VERIFIED
    assert api.verify_bag(tmp_path, right).verdict is Verdict.VERIFIED
    assert api.verify_bag(tmp_path / "bag").verdict is Verdict.INTACT
    other = api.verify_bag(tmp_path / "bag", wrong)
    assert (other.verdict, codes(other), other.purpose) == (Verdict.FAILED, ["signer-mismatch"], "")


def test_what_is_no_whole_fingerprint_is_refused_before_any_work(shared, sender, tmp_path):
    data = sender.seal(key_of(shared))
    (tmp_path / "b.age").write_bytes(data)
    before = census(shared)
    with pytest.raises(RefusedError, match="not a whole fingerprint"):
        api.receiving.open_into(shared, tmp_path / "b.age", tmp_path / "out", "12345 67890", Job())
    with pytest.raises(RefusedError, match="not a whole fingerprint"):
        receive(shared, data, tmp_path / "b.age", signer="12345 67890")
    with pytest.raises(RefusedError, match="not a whole fingerprint"):
        api.verify_bag(tmp_path / "no such bag", "12345 67890")
    assert not (tmp_path / "out").exists()
    assert census(shared) == before


def test_another_signer_than_the_one_named_leaves_nothing(shared, sender, tmp_path):
    data, before = sender.seal(key_of(shared)), census(shared)
    claimed = fingerprint.fingerprint_of_key(Sender(MALLORY).key)
    opened = receive(shared, data, tmp_path / "b.age", signer=claimed)
    assert (opened.verdict, codes(opened), opened.case_id) == (Verdict.FAILED, ["signer-mismatch"], "")
    opened = api.receiving.open_into(shared, tmp_path / "b.age", tmp_path / "out", claimed, Job())
    assert opened.verdict is Verdict.FAILED
    assert not (tmp_path / "out").exists()
    assert census(shared) == before


def test_opening_writes_the_bag_and_nothing_of_a_failed_one(shared, sender, tmp_path):
    identity = shared.identity.x25519
    (tmp_path / "b.age").write_bytes(sender.seal(identity.recipient))
    opened = api.receiving.open_into(shared, tmp_path / "b.age", tmp_path / "out", "", Job())
    assert opened.verdict is Verdict.INTACT
    assert api.verify_bag(tmp_path / "out").verdict is Verdict.INTACT
    files = untar(unwrap((tmp_path / "b.age").read_bytes(), identity))
    files["data/report.html"] += b"x"
    (tmp_path / "bad.age").write_bytes(wrap(tar(files), identity.recipient))
    opened = api.receiving.open_into(shared, tmp_path / "bad.age", tmp_path / "out2", "", Job())
    assert (opened.verdict, opened.purpose) == (Verdict.FAILED, "")
    assert not (tmp_path / "out2").exists()


# -- history --------------------------------------------------------------------------------------------------------


def test_the_same_bundle_twice_is_recognised_also_when_it_was_encrypted_anew(receiver, sender, tmp_path):
    know(receiver, sender)
    data = sender.seal(key_of(receiver))
    first = receive(receiver, data, tmp_path / "b.age")
    before = census(receiver)
    anew = wrap(unwrap(data, receiver.identity.x25519), key_of(receiver))
    for same in (data, anew):
        again = receive(receiver, same, tmp_path / "b.age")
        assert (again.verdict, codes(again)) == (Verdict.FAILED, ["replayed"])
        assert (again.case_id, again.taken) == (first.case_id, 0)
    assert census(receiver) == before


def test_bundles_in_another_order_are_taken_in_and_said(receiver, sender, tmp_path):
    know(receiver, sender)

    def bundle(number):
        previous = an_id(number - 1) if number > 1 else ""
        return sender.seal(key_of(receiver), bundle_id=an_id(number), number=number, previous=previous)

    third = receive(receiver, bundle(3), tmp_path / "3.age")
    first = receive(receiver, bundle(1), tmp_path / "1.age")
    second = receive(receiver, bundle(2), tmp_path / "2.age")
    assert remarks(third) == ["gap"]
    assert remarks(first) == ["older-bundle"]
    assert remarks(second) == ["older-bundle"]
    assert {third.verdict, first.verdict, second.verdict} == {Verdict.VERIFIED}
    # The log is where it was: there is nothing to prove.
    assert remarks(receive(receiver, bundle(4), tmp_path / "4.age")) == []


def test_another_bundle_under_one_number_is_two_histories_and_both_are_kept(receiver, sender, tmp_path):
    know(receiver, sender)
    note = record_of(sender, 7, "note", {"text": "only in the second"})
    receive(receiver, sender.seal(key_of(receiver)), tmp_path / "1.age")
    second = receive(receiver, sender.seal(key_of(receiver), bundle_id=an_id(2), records=(note,), attachments=()),
                     tmp_path / "2.age")  # fmt: skip
    assert (second.verdict, codes(second), second.taken) == (Verdict.FAILED, ["equivocation"], 1)
    assert api.records.show(receiver, note.id).verdict == "intact"
    same_id = receive(receiver, sender.seal(key_of(receiver), records=(), attachments=(), number=9), tmp_path / "3.age")
    assert sorted(codes(same_id)) == ["bundle-id-taken", "equivocation"]
    assert is_sound(receiver)


def test_numbers_are_compared_for_one_recipient_only(receiver, sender, tmp_path):
    know(receiver, sender)
    hybrid, classic = receiver.identity.hybrid.recipient, key_of(receiver)
    assert codes(receive(receiver, sender.seal(hybrid), tmp_path / "1.age")) == []
    assert codes(receive(receiver, sender.seal(classic, bundle_id=an_id(2)), tmp_path / "2.age")) == []


def test_a_log_that_was_rewritten_between_two_bundles_is_noticed(receiver, sender, tmp_path):
    know(receiver, sender)
    receive(receiver, sender.seal(key_of(receiver)), tmp_path / "1.age")
    # The same key, log and length; other salts, so other contents.
    fork = Sender().seal(key_of(receiver), bundle_id=an_id(2), number=2)
    shorter = Sender(entries=5).seal(key_of(receiver), bundle_id=an_id(3), number=3)
    assert "log-fork" in codes(receive(receiver, fork, tmp_path / "2.age"))
    assert "log-shrunk" in codes(receive(receiver, shorter, tmp_path / "3.age"))


def test_a_restored_sender_is_no_second_history(tmp_path):
    sender, receiver = make_vault(tmp_path / "sender", 1), make_vault(tmp_path / "receiver")
    introduce(sender, receiver, "Receiver")
    introduce(receiver, sender, "Sender")
    case = api.cases.add(sender, "c").id
    api.records.add(sender, case, "note", {"text": "x"})
    api.backup.backup(sender, tmp_path / "stick", Job())
    seal(sender, case, "Receiver", tmp_path / "1.age")
    sender.close()
    api.backup.restore(
        tmp_path / "stick", tmp_path / "restored", api.to_secret("ocean mirror lantern velvet copper puzzle"), Job()
    )
    restored = unlock(tmp_path / "restored")
    seal(restored, case, "Receiver", tmp_path / "2.age")
    assert codes(api.receiving.receive(receiver, tmp_path / "1.age", Job())) == []
    second = api.receiving.receive(receiver, tmp_path / "2.age", Job())
    # The first bundle was sealed after the backup, so the restored log does not hold what its log held.
    assert (second.verdict, remarks(second)) == (Verdict.VERIFIED, ["new-epoch", "log-unproved"])
    restored.close()
    receiver.close()


# -- whose record is it ---------------------------------------------------------------------------------------------


def test_a_signer_who_contradicts_an_own_record_is_named_and_that_record_left_out(receiver, sender, tmp_path):
    know(receiver, sender)
    first = record_of(sender, 16, "note", {"text": "the first text"})
    other = record_of(sender, 16, "note", {"text": "another text"})
    beside = record_of(sender, 17, "note", {"text": "beside it"})
    receive(receiver, sender.seal(key_of(receiver), records=(first,), attachments=()), tmp_path / "1.age")
    opened = receive(receiver, sender.seal(key_of(receiver), bundle_id=an_id(2), number=2, records=(other, beside),
                                           attachments=()), tmp_path / "2.age")  # fmt: skip
    assert (opened.verdict, codes(opened), opened.taken) == (Verdict.FAILED, ["record-conflict"], 1)
    assert api.records.show(receiver, an_id(16)).fields["text"] == "the first text"
    assert api.records.show(receiver, an_id(17)).fields["text"] == "beside it"
    assert is_sound(receiver)


def test_nobody_keeps_a_record_out_by_sending_one_under_its_id_first(receiver, sender, tmp_path):
    know(receiver, sender)
    mallory = Sender(MALLORY)
    squatter = record_of(mallory, 16, "note", {"text": "mallory's text"})
    genuine = record_of(sender, 16, "note", {"text": "genuine text", "title": "genuine title"}, shown=["text"])
    fuller = record_of(sender, 16, "note", {"text": "genuine text, corrected"}, version=2)
    receive(receiver, mallory.seal(key_of(receiver), bundle_id=an_id(9), records=(squatter,), attachments=()),
            tmp_path / "0.age")  # fmt: skip
    opened = receive(receiver, sender.seal(key_of(receiver), records=(genuine,), attachments=()), tmp_path / "1.age")
    assert (opened.verdict, codes(opened), opened.taken) == (Verdict.VERIFIED, ["record-id-taken"], 1)
    receive(receiver, sender.seal(key_of(receiver), bundle_id=an_id(2), number=2, records=(fuller,), attachments=()),
            tmp_path / "2.age")  # fmt: skip
    (kept,) = api.records.page(receiver, opened.case_id)
    assert kept.id != an_id(16)
    assert len(kept.versions) == 2
    assert api.records.show(receiver, kept.id).fields == {"text": "genuine text, corrected"}
    assert api.records.show(receiver, an_id(16)).fields == {"text": "mallory's text"}
    assert is_sound(receiver)


def test_a_reference_in_what_a_sender_sent_never_leads_to_somebody_elses_record(receiver, sender, tmp_path):
    mallory = Sender(MALLORY)
    mine = api.records.add(receiver, api.cases.add(receiver, "mine").id, "note", {"text": "mine"})
    squatter = record_of(mallory, 16, "note", {"text": "mallory's text"})
    alone = record_of(mallory, 18, "note", {"text": "only mallory has this id"})
    genuine = record_of(sender, 16, "note", {"text": "genuine text"})
    about = [{"id": an_id(16)}, {"id": mine.id}, {"id": an_id(18)}, {"id": an_id(17)}]
    naming = record_of(sender, 17, "note", {"text": "about them", "about": about})
    receive(receiver, mallory.seal(key_of(receiver), bundle_id=an_id(9), records=(squatter, alone), attachments=()),
            tmp_path / "0.age")  # fmt: skip
    opened = receive(receiver, sender.seal(key_of(receiver), records=(genuine, naming), attachments=()),
                     tmp_path / "1.age")  # fmt: skip
    (kept,) = [one for one in api.records.page(receiver, opened.case_id) if one.id != an_id(17)]
    assert kept.id != an_id(16)
    found = api.records.references(receiver, api.records.show(receiver, an_id(17)))
    assert found == {
        "about.0.id": (an_id(16), kept.id),
        "about.1.id": (mine.id, ""),
        "about.2.id": (an_id(18), ""),
        "about.3.id": (an_id(17), an_id(17)),
    }


def test_a_reference_in_an_own_record_leads_to_whatever_is_here(receiver, sender, tmp_path):
    opened = receive(receiver, sender.seal(key_of(receiver)), tmp_path / "1.age")
    theirs = api.records.page(receiver, opened.case_id)[0].id
    about = [{"id": theirs}, {"id": an_id(99)}]
    note = api.records.add(receiver, api.cases.add(receiver, "mine").id, "note", {"text": "x", "about": about})
    found = api.records.references(receiver, note)
    assert found == {"about.0.id": (theirs, theirs), "about.1.id": (an_id(99), "")}


def test_ids_of_own_records_and_cases_are_of_no_use_to_a_sender(receiver, tmp_path):
    mallory = Sender(MALLORY)
    case = api.cases.add(receiver, "mine").id
    mine = api.records.add(receiver, case, "note", {"text": "my own text"})
    photo = api.intake.attach(receiver, case, PHOTO, Job())
    forged = [
        sign_record(id=name, type=kind, version=1, meta={}, fields=fields, public_key=mallory.key, sign=mallory.sign)
        for name, kind, fields in (
            (mine.id, "note", {"text": "not mine"}),
            (photo.id, "attachment", {"sha256": "0" * 64, "size": 1, "media_type": "text/plain"}),
        )
    ]
    records = tuple(OutgoingRecord(name, 1, sd.text) for name, sd in zip((mine.id, photo.id), forged, strict=True))
    data = mallory.seal(key_of(receiver), records=records, attachments=(), case_id=case)
    opened = receive(receiver, data, tmp_path / "b.age")
    assert (opened.verdict, codes(opened), opened.taken) == (Verdict.INTACT, ["record-id-taken"], 2)
    assert opened.case_id != case
    assert api.cases.get(receiver, case).title == "mine"
    assert [one.id for one in api.records.page(receiver, case)] == [mine.id]
    assert api.records.show(receiver, mine.id).fields == {"text": "my own text"}
    assert [one.sha256 for one in api.intake.page(receiver, case)] == [photo.sha256]
    assert is_sound(receiver)


def test_a_file_s_record_is_not_replaced_by_a_later_version_with_another_content(receiver, sender, tmp_path):
    know(receiver, sender)
    receive(receiver, sender.seal(key_of(receiver)), tmp_path / "1.age")
    other = record_of(sender, 256, "attachment", {"sha256": "0" * 64, "size": 1, "media_type": "x/y"}, version=2)
    opened = receive(receiver, sender.seal(key_of(receiver), bundle_id=an_id(2), number=2, records=(other,),
                                           attachments=()), tmp_path / "2.age")  # fmt: skip
    assert codes(opened) == ["record-conflict"]
    assert is_sound(receiver)


def test_what_was_deleted_here_stays_deleted(receiver, sender, tmp_path):
    know(receiver, sender)
    first = receive(receiver, sender.seal(key_of(receiver)), tmp_path / "1.age")
    for name in (16, 256):
        api.records.delete(receiver, an_id(name), "not needed")
    second = receive(receiver, sender.seal(key_of(receiver), bundle_id=an_id(2), number=2), tmp_path / "2.age")
    assert (second.verdict, codes(second), second.taken) == (Verdict.VERIFIED, ["record-deleted"], 0)
    deleted = [one.id for one in api.records.page(receiver, first.case_id) if one.deleted]
    assert deleted == [an_id(16)]
    assert is_sound(receiver)


def test_own_evidence_that_comes_back_changes_nothing(tmp_path):
    vault = make_vault(tmp_path / "vault")
    api.contacts.add(vault, "Myself", (vault.identity.hybrid.recipient.text,))
    case = api.cases.add(vault, "mine").id
    note = api.records.add(vault, case, "note", {"text": "mine", "title": "protected"})
    api.intake.attach(vault, case, PHOTO, Job())
    seal(vault, case, "Myself", tmp_path / "1.age", accept_metadata=True)
    copy = tmp_path / "older"
    vault.close()
    shutil.copytree(tmp_path / "vault", copy)
    vault = unlock(tmp_path / "vault")
    opened = api.receiving.receive(vault, tmp_path / "1.age", Job())
    assert (opened.verdict, codes(opened), opened.case_id, opened.taken) == (Verdict.VERIFIED, [], case, 0)
    assert api.records.show(vault, note.id).fields["title"] == "protected"
    assert api.records.show(vault, note.id).origin == ""
    assert len(api.cases.page(vault)) == 1
    api.records.correct(vault, note.id, {"text": "mine, corrected"})
    seal(vault, case, "Myself", tmp_path / "2.age", accept_metadata=True)
    assert is_sound(vault)
    vault.close()
    older = unlock(copy)
    # An older copy of the vault learns from its own bundle that there was more.
    assert codes(api.receiving.receive(older, tmp_path / "2.age", Job())) == ["own-version-unknown"]
    assert is_sound(older)
    older.close()


# -- tampered bundles -----------------------------------------------------------------------------------------------


def other_recipient(files):
    files["data/bundle.json"] = files["data/bundle.json"].replace(b'"kind":"x25519"', b'"kind":"mlkem768x25519"')
    return relist(files)


def swapped_signature(files):
    other = untar(unwrap(Sender().seal(OTHER.recipient, bundle_id=an_id(9)), OTHER))
    files["tagmanifest-sha256.txt.sig"] = other["tagmanifest-sha256.txt.sig"]
    return files


def lying_page(files):
    files["data/report.html"] = files["data/report.html"].replace(b"2023", b"2013")
    return resign(files, Sender().seed)


def lying_page_alone(files):
    files["data/report.html"] = files["data/report.html"].replace(b"2023", b"2013")
    return files


def unlisted(files):
    return in_order({**files, f"data/records/{an_id(99)}.json": b"{}"})


def fetched(files):
    return {**files, "fetch.txt": b"http://example.org/ 1 data/x\n"}


def resigned(files):
    return resign(files, MALLORY)


def disclosed_more(files):
    """A record with a disclosure of another one."""
    one, other = (f"data/records/{an_id(number)}.sd-jwt" for number in (16, 17))
    files[one] = files[one] + files[other].split(b"~")[1] + b"~"
    return resign(files, Sender().seed)


def another_s_record(files):
    """Mallory's own bag around somebody else's record."""
    return resign(files, MALLORY)


def flipped(files):
    name = next(path for path in files if path.startswith("data/attachments/") and files[path])
    files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
    return files


OTHER = new_identity()
TAMPERINGS = {
    "the recipient was changed": (other_recipient, "signature-bad"),
    "the signature is another bundle's": (swapped_signature, "signature-bad"),
    "the page for people lies, and the sender signed it": (lying_page, "report-mismatch"),
    "the page for people was replaced": (lying_page_alone, "digest-mismatch"),
    "a file that no manifest lists": (unlisted, "unlisted-file"),
    "a file to be fetched": (fetched, "unexpected-name"),
    "signed whole by somebody else": (resigned, "record-signature"),
    "a disclosure of another record": (disclosed_more, "record-signature"),
    "one bit of an attachment": (flipped, "digest-mismatch"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_tampered_bundle_is_named_and_leaves_nothing(shared, sender, tmp_path, name):
    tamper, code = TAMPERINGS[name]
    files = tamper(untar(unwrap(sender.seal(key_of(shared)), shared.identity.x25519)))
    before = census(shared)
    opened = receive(shared, wrap(tar(files), key_of(shared)), tmp_path / "b.age")
    assert opened.verdict is Verdict.FAILED
    assert code in codes(opened)
    assert (opened.case_id, opened.purpose) == ("", "")
    assert census(shared) == before
    assert [path.name for path in tmp_path.iterdir()] == ["b.age"]


def test_a_bundle_that_was_passed_on_is_noticed(shared, sender, tmp_path):
    theirs = new_identity()
    container = unwrap(sender.seal(theirs.recipient), theirs)
    before = census(shared)
    opened = receive(shared, wrap(container, key_of(shared)), tmp_path / "b.age")
    assert (opened.verdict, codes(opened)) == (Verdict.FAILED, ["recipient-mismatch"])
    assert census(shared) == before


def test_a_bag_re_signed_whole_without_records_is_never_better_than_intact(receiver, sender, tmp_path):
    know(receiver, sender)
    data = sender.seal(key_of(receiver), records=(), attachments=(), entries=())
    files = resign(untar(unwrap(data, receiver.identity.x25519)), MALLORY)
    opened = receive(receiver, wrap(tar(files), key_of(receiver)), tmp_path / "b.age")
    assert opened.verdict is Verdict.FAILED
    assert opened.signer_name == ""


def test_not_for_us_truncated_and_trailing(shared, sender, tmp_path):
    before = census(shared)
    with pytest.raises(NotForUsError):
        receive(shared, sender.seal(new_identity().recipient), tmp_path / "b.age")
    whole = sender.seal(key_of(shared))
    for cut in (100, 300, len(whole) // 2, len(whole) - 1):
        with pytest.raises(TruncatedError):
            receive(shared, whole[:cut], tmp_path / "b.age")
    for cut in (0, 10):
        with pytest.raises(FormatError):
            receive(shared, whole[:cut], tmp_path / "b.age")
    with pytest.raises(IntegrityError):
        receive(shared, whole + b"\0", tmp_path / "b.age")
    assert census(shared) == before


def test_a_stranger_s_passphrase_bundle_is_refused_before_any_derivation(shared, tmp_path, monkeypatch):
    from vault.formats.age import ScryptRecipient

    secret = api.to_secret("window gravel harvest")
    (tmp_path / "b.age").write_bytes(wrap(b"x", ScryptRecipient(secret, 16)))

    def derived(*_, **__):
        raise AssertionError("a key was derived")

    monkeypatch.setattr(kdf, "scrypt", derived)
    monkeypatch.setattr("vault.formats.age_identities.scrypt", derived, raising=False)
    monkeypatch.setattr("vault.formats.age_recipients.scrypt", derived, raising=False)
    before = census(shared)
    with pytest.raises(RefusedError, match="passphrase"):
        api.receiving.receive(shared, tmp_path / "b.age", Job())
    with pytest.raises(AssertionError, match="a key was derived"):
        api.receiving.receive(shared, tmp_path / "b.age", Job(), secret)
    assert census(shared) == before


def test_a_passphrase_bundle_is_received_where_it_was_said_to_be_one(receiver, tmp_path):
    from vault.formats.age import ScryptRecipient

    secret = api.to_secret("window gravel harvest")
    sender = Sender()
    first = receive(receiver, sender.seal(ScryptRecipient(secret, 16)), tmp_path / "1.age", secret=secret)
    second = receive(
        receiver, sender.seal(ScryptRecipient(secret, 16), bundle_id=an_id(2)), tmp_path / "2.age", secret=secret
    )
    assert (first.verdict, first.taken) == (Verdict.INTACT, 5)
    assert codes(second) == []
    with pytest.raises(UnlockError):
        api.receiving.receive(receiver, tmp_path / "1.age", Job(), api.to_secret("another"))
    # Encrypted by somebody to a passphrase, it does not become one that was meant for it.
    container = unwrap(sender.seal(OTHER.recipient, bundle_id=an_id(3)), OTHER)
    opened = receive(receiver, wrap(container, ScryptRecipient(secret, 16)), tmp_path / "3.age", secret=secret)
    assert codes(opened) == ["recipient-mismatch"]


# -- hostile archives -----------------------------------------------------------------------------------------------


def hostile(*entries):
    """A tar archive as other programs write them: (name, type, content) each."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, kind, content in entries:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(content), "/etc/passwd" if kind in (b"1", b"2") else ""
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def headers(*entries):
    """Headers of this format, contents, and an end mark: (name, size that is stated, content) each."""
    data = b"".join(encode_header(name, size) + content + bytes(-len(content) % 512) for name, size, content in entries)
    data += bytes(1024)
    return data


def padded(data):
    from vault.formats.padme import padded_size

    return data + bytes(padded_size(len(data), 512) - len(data))


GOOD = ("bag/bagit.txt", 55, b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n".ljust(55, b"\n"))
ARCHIVES = {
    "a path outside": lambda: hostile(("bag/../../outside", b"0", b"x")),
    "an absolute path": lambda: hostile(("/tmp/outside", b"0", b"x")),
    "a file beside the bag": lambda: padded(headers(("beside", 1, b"x"))),
    "a symbolic link": lambda: hostile(("bag/bagit.txt", b"2", b"")),
    "a hard link": lambda: hostile(("bag/bagit.txt", b"1", b"")),
    "a device": lambda: hostile(("bag/bagit.txt", b"3", b"")),
    "a FIFO": lambda: hostile(("bag/bagit.txt", b"6", b"")),
    "a folder": lambda: hostile(("bag", b"5", b"")),
    "two entries of one name": lambda: padded(headers(GOOD, GOOD)),
    "far too many entries": lambda: headers(*((f"bag/{number}", 0, b"") for number in range(100_001))),
    "a length beyond the end": lambda: padded(headers(("bag/bagit.txt", 1 << 40, b"x"))),
    "a length that is too short": lambda: padded(headers(("bag/bagit.txt", 3, b"x" * 1024))),
    "something behind the zeros": lambda: padded(headers(GOOD))[:-1] + b"x",
    "something behind the padding": lambda: padded(headers(GOOD)) + b"x" * 512,
    "no end": lambda: encode_header("bag/bagit.txt", 0),
    "nothing": lambda: b"",
    "no archive": lambda: os.urandom(4096),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_hostile_archive_is_refused_and_leaves_nothing(shared, tmp_path, name):
    inside = tmp_path / "inside"
    inside.mkdir()
    before = census(shared)
    (inside / "b.age").write_bytes(wrap(ARCHIVES[name](), key_of(shared)))
    with pytest.raises(FormatError):
        api.receiving.receive(shared, inside / "b.age", Job())
    if name != "far too many entries":  # It takes seconds, and the way is the same.
        with pytest.raises(FormatError):
            api.receiving.open_into(shared, inside / "b.age", inside / "out", "", Job())
    assert census(shared) == before
    assert [path.name for path in inside.iterdir()] == ["b.age"]
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]


# -- interrupted ----------------------------------------------------------------------------------------------------


def test_a_file_that_is_exchanged_between_the_two_passes_leaves_nothing(shared, tmp_path):
    sender = Sender(contents={"bin": os.urandom(3 << 20)})
    one, other = (sender.seal(key_of(shared), bundle_id=an_id(number)) for number in (1, 2))
    path = tmp_path / "b.age"
    path.write_bytes(one)
    before = census(shared)

    def exchange(progress):
        if progress.step == "writing":
            with path.open("r+b") as file:
                file.write(other)

    with pytest.raises((IntegrityError, FormatError)):
        api.receiving.receive(shared, path, Job(exchange))
    assert census(shared) == before


@pytest.mark.parametrize("step", ["reading the bag", "writing", "taking in records"])
def test_cancelling_at_any_step_leaves_nothing(shared, tmp_path, step):
    sender = Sender(contents={"bin": os.urandom(3 << 20)})
    before = census(shared)
    jobs = []

    def look(progress):
        if progress.step == step:
            jobs[0].cancel()

    jobs.append(Job(look))
    with pytest.raises(CancelledError):
        receive(shared, sender.seal(key_of(shared)), tmp_path / "b.age", job=jobs[0])
    assert census(shared) == before


# -- what a sender may write into records ---------------------------------------------------------------------------

DEEP = {"a": [{"b": [["c", None, True, 5]]}]}


@pytest.mark.parametrize(
    ("kind", "fields", "meta"),
    [
        ("no_such_type", {"anything": "at all", "more": DEEP}, {}),
        ("testimony", {"statement": DEEP, "title": [["x"]], "language": 5, "given_on": ["x", {"value": 3}]}, {}),
        ("testimony", {"statement": "x", "unknown": "y", "interpreters": "text", "translations": [DEEP, 7]}, {}),
        ("person", {"names": 5, "age": [1, 2], "birth": "1970"}, {}),
        ("note", {"text": "t" * 2_000_000, "title": "ti\x1b[31mtle\n" * 50_000}, {}),
        ("note", {"\x1b]0;x\x07\n\u202e" + "n" * 200: "name"}, {}),
        ("note", {}, {}),
        ("note", {"text": "x"}, {"signed_at": "2026-13-45T99:99:99Z"}),
        ("note", {"text": "x"}, {"signed_at": "0000-01-01T00:00:00Z"}),
        ("note", {"text": "x"}, {"signed_at": "0001-01-01T00:00:00Z", "previous": DEEP, "schema": 1}),
        ("note", {"text": "x"}, {"signed_at": [1, 2], "case": None, "other": "x"}),
        ("attachment", {"sha256": "0" * 64, "size": 5, "media_type": DEEP, "original_name": ["\x1b[2J"]}, {}),
        ("attachment", {"original_name": "..\\..\\x\n/etc/passwd\x00"}, {}),
        ("attachment", {"sha256": 5, "size": "many", "discloses": "all", "facts": "text"}, {}),
    ],
)
def test_whatever_a_sender_writes_the_vault_goes_on_working(receiver, sender, tmp_path, kind, fields, meta):
    record = record_of(sender, 16, kind, fields, **meta)
    opened = receive(receiver, sender.seal(key_of(receiver), records=(record,), attachments=()), tmp_path / "b.age")
    assert (opened.verdict, opened.taken) == (Verdict.INTACT, 1)
    seen = api.records.show(receiver, an_id(16))
    assert seen.type == kind
    assert seen.fields == fields
    assert len(seen.title) <= 200
    assert seen.versions[0].signed_at.year >= 1
    found = [*api.records.page(receiver, opened.case_id), *api.intake.page(receiver, opened.case_id)]
    assert [one.id for one in found] == [an_id(16)]
    api.search.find(receiver, "x")
    assert is_sound(receiver)


def test_a_record_of_another_type_under_a_known_id_is_left_out(receiver, sender, tmp_path):
    for number, kind in ((1, "note"), (2, "testimony")):
        record = record_of(sender, 16, kind, {"text": "x"}, version=number)
        opened = receive(receiver, sender.seal(key_of(receiver), bundle_id=an_id(number), number=number,
                                               records=(record,), attachments=()), tmp_path / "b.age")  # fmt: skip
    assert codes(opened) == ["record-conflict"]
    assert is_sound(receiver)


def test_versions_that_arrive_in_another_order_leave_the_newest_shown(receiver, sender, tmp_path):
    for number, version in ((1, 3), (2, 1), (3, 2)):
        record = record_of(sender, 16, "note", {"text": f"version {version}"}, version=version)
        receive(receiver, sender.seal(key_of(receiver), bundle_id=an_id(number), number=number, records=(record,),
                                      attachments=()), tmp_path / "b.age")  # fmt: skip
    seen = api.records.show(receiver, an_id(16))
    assert [one.version for one in seen.versions] == [1, 2, 3]
    assert seen.fields == {"text": "version 3"}
    assert [hit.snippet for hit in api.search.find(receiver, "version")] == ["version 3"]
    assert is_sound(receiver)


def test_the_same_file_from_two_senders_is_stored_once(receiver, sender, tmp_path):
    mallory = Sender(MALLORY)
    receive(receiver, sender.seal(key_of(receiver)), tmp_path / "1.age")
    records = tuple(
        replace(one, sd_jwt=record_of(mallory, 512 + at, "attachment", {
            "sha256": item.sha256, "size": item.size, "media_type": "x/y"}).sd_jwt, id=an_id(512 + at))
        for at, (one, item) in enumerate(zip(sender.records[-2:], sender.attachments, strict=True))
    )  # fmt: skip
    attachments = tuple(replace(item, id=an_id(512 + at)) for at, item in enumerate(sender.attachments))
    opened = receive(receiver, mallory.seal(key_of(receiver), records=records, attachments=attachments),
                     tmp_path / "2.age")  # fmt: skip
    assert opened.taken == 2
    assert census(receiver)["content"] == 2
    assert [one.size for one in api.intake.page(receiver, opened.case_id)] == [item.size for item in attachments]
    assert opened.case_id != CASE
    assert is_sound(receiver)


# -- exit codes -----------------------------------------------------------------------------------------------------


def test_exit_codes_of_the_three_verdicts(cli, sender, tmp_path):
    vault = make_vault(tmp_path / "vault")
    know(vault, sender)
    (tmp_path / "b.age").write_bytes(sender.seal(key_of(vault)))
    (tmp_path / "m.age").write_bytes(Sender(MALLORY).seal(key_of(vault), bundle_id=an_id(5)))
    theirs = new_identity()
    (tmp_path / "f.age").write_bytes(wrap(unwrap(sender.seal(theirs.recipient), theirs), key_of(vault)))
    vault.close()
    code, said = cli("receive", tmp_path / "b.age")
    assert (code, said["verdict"], said["taken"], said["error"]) == (0, "verified", 5, None)
    code, said = cli("receive", tmp_path / "b.age")
    assert (code, said["verdict"], said["error"]["code"]) == (1, "failed", "replayed")
    code, said = cli("receive", tmp_path / "m.age")
    assert (code, said["verdict"], said["error"]) == (6, "intact", None)
    code, said = cli("receive", tmp_path / "f.age")
    assert (code, said["verdict"], said["case"], said["error"]["code"]) == (1, "failed", "", "recipient-mismatch")
    code, said = cli("open", tmp_path / "b.age", "--out", tmp_path / "bag")
    assert (code, said["verdict"]) == (0, "verified")
    code, said = cli("verify", tmp_path / "bag", secrets=())
    assert (code, said["verdict"]) == (6, "intact")
    code, said = cli("verify", tmp_path / "bag", "--signer", fingerprint.fingerprint_of_key(sender.key), secrets=())
    assert (code, said["verdict"]) == (0, "verified")
    code, said = cli("verify", tmp_path / "bag", "--signer", fingerprint.fingerprint_of_key(Sender(MALLORY).key))
    assert (code, said["verdict"], said["error"]["code"]) == (1, "failed", "signer-mismatch")


def test_a_received_record_that_is_moved_to_another_verdict_or_origin_is_found(receiver, sender, tmp_path):
    receive(receiver, sender.seal(key_of(receiver)), tmp_path / "b.age")
    folder = receiver.folder
    receiver.close()
    with raw(receiver) as store:
        store.execute("UPDATE record SET verdict = 'verified' WHERE id = ?", (an_id(16),))
        store.execute("UPDATE record SET origin = '', verdict = '' WHERE id = ?", (an_id(17),))
        store.execute("UPDATE attachment SET content_serial = NULL")
        store.execute("DELETE FROM received_bundle")
    again = unlock(folder)
    found = {(one.code, one.where) for one in api.checking.check(again, [], Job()).report.findings}
    again.close()
    assert {("record-origin", an_id(16)), ("record-origin", an_id(17)), ("record-signer", an_id(17))} <= found
    assert {("attachment-swapped", an_id(256)), ("attachment-swapped", an_id(257))} <= found
    assert ("bundle-missing", an_id(1)) in found
