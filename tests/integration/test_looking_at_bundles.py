"""What is told of bundles before and after: a preview, a look before taking in, what left a case and what came."""

from __future__ import annotations

from pathlib import Path

import pytest

from vault import api
from vault.bundle import findings
from vault.errors import IntegrityError, NotFoundError, PassphraseNeededError
from vault.jobs import Job
from vault.keys import FLOOR
from vault.model import Verdict
from vault.usecases.receiving.opening import STEP

SAMPLES = Path(__file__).parents[2] / "tui" / "samples"
PERSON = {
    "role": ["witness"],
    "names": [{"full": "王小明", "family": "王"}, {"full": "Wang Xiaoming"}],
    "birth": {"value": "1984", "precision": "year", "qualifier": "estimated"},
}


@pytest.fixture
def sent(introduced, tmp_path, job):
    """A case of the sender with a person, sealed to the receiver: (sender, receiver, case, file)."""
    sender, receiver = introduced
    case = api.cases.add(sender, "case")
    api.records.add(sender, case.id, "person", PERSON)
    choice = api.sealing.Choice(case.id, purpose="申诉", authority="consent of 2026-11-20")
    (made,) = api.sealing.seal(sender, choice, ["Receiver"], tmp_path / "one.age", job)
    return sender, receiver, case, made


def test_a_preview_says_what_the_recipient_then_reads(introduced, tmp_path, job):
    sender, receiver = introduced
    case = api.cases.add(sender, "case")
    record = api.records.add(sender, case.id, "person", PERSON)
    api.intake.attach(sender, case.id, SAMPLES / "testimony-zh.txt", job)
    disclose = ((record.id, "names.1"), (record.id, "birth.value"))
    choice = api.sealing.Choice(case.id, disclose=disclose)
    person, file = api.sealing.preview(sender, choice).parts
    said = {one.path: one for one in person.said}
    assert list(said) == ["role", "names.0.full", "names.0.family", "names.1.full", "birth"]
    assert {path for path, one in said.items() if one.leaves} == {"role", "names.1.full", "birth"}
    assert said["names.0.full"].value == "王小明"
    assert said["names.0.full"].disclosure == "protected"
    assert said["birth"].value == {"value": "1984"}, "of what leaves in part, that part"
    assert "王" not in repr(person)
    (made,) = api.sealing.seal(sender, choice, ["Receiver"], tmp_path / "one.age", job)
    got = api.receiving.receive(receiver, made.file, job)
    (came,) = api.records.page(receiver, got.case_id)
    read = api.records.show(receiver, came.id).fields
    assert read == {"role": ["witness"], "names": [{"full": "Wang Xiaoming"}], "birth": {"value": "1984"}}
    (attachment,) = api.intake.page(receiver, got.case_id)
    assert attachment.fields == {one.path: one.value for one in file.said if one.leaves}


def test_a_preview_names_what_a_file_was_made_from(vault, case, tmp_path, job):
    original = api.intake.attach(vault, case.id, SAMPLES / "photo.jpg", job)
    about = api.intake.About(derived_from=original.id)
    api.intake.attach(vault, case.id, SAMPLES / "testimony-zh.txt", job, about)
    parts = api.sealing.preview(vault, api.sealing.Choice(case.id)).parts
    assert [part.derived_from for part in parts] == ["", original.id]


def test_a_look_says_what_receiving_says_and_changes_nothing(sent):
    _, receiver, _, made = sent
    before = api.custody.head(receiver)
    told: list[tuple[str, bool]] = []
    job = Job()
    job.on_step = lambda step, sound: told.append((step, sound))
    looked = api.receiving.look(receiver, made.file, job)
    assert [step for step, _ in told] == [
        findings.CONTAINER, findings.LAYOUT, findings.MANIFESTS, findings.SIGNATURE, findings.DESCRIPTION,
        findings.RECIPIENT, findings.RECORDS, findings.ATTACHMENTS, findings.CUSTODY, findings.COPIES,
        findings.NOTHING_ELSE, STEP,
    ]  # fmt: skip
    assert all(sound for _, sound in told)
    assert api.custody.head(receiver) == before
    assert api.cases.page(receiver) == []
    assert (looked.case_id, looked.taken) == ("", 0)
    taken = api.receiving.receive(receiver, made.file, Job(), mark=looked.contents.mark)
    assert (taken.verdict, taken.report, taken.purpose) == (looked.verdict, looked.report, looked.purpose)
    assert (taken.contents.records, taken.contents.files, taken.contents.number) == (1, 0, 1)


def test_a_look_at_what_was_received_says_so_and_raises_nothing(sent):
    _, receiver, _, made = sent
    first = api.receiving.receive(receiver, made.file, Job())
    again = api.receiving.look(receiver, made.file, Job())
    assert (again.verdict, again.case_id) == (Verdict.FAILED, first.case_id)
    assert [one.code for one in again.report.findings] == ["replayed"]
    assert again.contents is not None


def test_a_look_says_that_receiving_again_would_raise_it_and_does_not_do_so(introduced, tmp_path, job):
    sender, _ = introduced
    stranger = api.setup.create(tmp_path / "third", api.to_secret("ocean mirror lantern velvet copper puzzle"), FLOOR)
    try:
        api.contacts.add_card(sender, api.contacts.card(stranger, "Third"))
        case = api.cases.add(sender, "case")
        api.records.add(sender, case.id, "person", PERSON)
        (made,) = api.sealing.seal(sender, api.sealing.Choice(case.id), ["Third"], tmp_path / "t.age", job)
        taken = api.receiving.receive(stranger, made.file, job)
        looked = api.receiving.look(stranger, made.file, job, signer=sender.identity.fingerprint)
        assert looked.verdict is Verdict.VERIFIED
        assert [one.code for one in looked.report.findings] == ["now-verified"]
        assert [one.verdict for one in api.receiving.received(stranger, taken.case_id)] == ["intact"]
        api.receiving.receive(stranger, made.file, job, signer=sender.identity.fingerprint)
        assert [one.verdict for one in api.receiving.received(stranger, taken.case_id)] == ["verified"]
    finally:
        stranger.close()


def test_other_contents_than_those_agreed_to_are_refused(sent, tmp_path):
    sender, receiver, case, made = sent
    looked = api.receiving.look(receiver, made.file, Job())
    (other,) = api.sealing.seal(sender, api.sealing.Choice(case.id), ["Receiver"], tmp_path / "two.age", Job())
    with pytest.raises(IntegrityError, match="not the one that was looked at"):
        api.receiving.receive(receiver, other.file, Job(), mark=looked.contents.mark)
    assert api.cases.page(receiver) == []


def test_a_signer_who_is_an_unverified_contact_is_named_as_such(new_vault, sent, tmp_path):
    sender, _, case, _ = sent
    third = new_vault("third")
    api.contacts.add_card(sender, api.contacts.card(third, "Third"))
    api.contacts.add_card(third, api.contacts.card(sender, "Whoever"))
    (made,) = api.sealing.seal(sender, api.sealing.Choice(case.id), ["Third"], tmp_path / "t.age", Job())
    looked = api.receiving.look(third, made.file, Job())
    assert (looked.verdict, looked.signer_name, looked.contact) == (Verdict.INTACT, "", "Whoever")
    assert looked.signer_words == api.contacts.own(sender).words


def test_a_passphrase_bundle_says_that_it_needs_one(sent, tmp_path, secret):
    sender, receiver, case, _ = sent
    made = api.sealing.seal_with_passphrase(sender, api.sealing.Choice(case.id), secret, tmp_path / "p.age", Job())
    with pytest.raises(PassphraseNeededError):
        api.receiving.look(receiver, made.file, Job())
    assert api.receiving.look(receiver, made.file, Job(), secret).contents is not None


def test_what_was_sealed_of_a_case_is_listed_with_its_log_entries(sent, tmp_path, secret):
    sender, _, case, made = sent
    api.sealing.seal_with_passphrase(sender, api.sealing.Choice(case.id), secret, tmp_path / "p.age", Job())
    under, first = api.sealing.sent(sender, case.id)
    assert (first.recipient, first.purpose, first.sha256, first.number) == ("Receiver", "申诉", made.sha256, 1)
    assert (under.recipient, under.address) == ("", "passphrase")
    assert "申诉" not in repr(first)
    results = [entry.event["outcome"]["result"] for entry in api.custody.of_object(sender, made.bundle_id)]
    assert results == ["intent", "success"]
    assert [entry.number for entry in api.custody.of_object(sender, made.bundle_id)] == list(first.entries)
    assert len(first.records) == 1
    other = api.cases.add(sender, "other")
    assert api.sealing.sent(sender, other.id) == ()
    with pytest.raises(NotFoundError):
        api.sealing.sent(sender, "0" * 32)


def test_what_was_received_is_listed_with_sender_and_verdict(sent):
    sender, receiver, _, made = sent
    taken = api.receiving.receive(receiver, made.file, Job())
    (one,) = api.receiving.received(receiver, taken.case_id)
    assert (one.sender, one.signer, one.verdict) == ("Sender", sender.identity.fingerprint, "verified")
    assert (one.bundle_id, one.number, one.codes) == (made.bundle_id, 1, ())
    (number,) = one.entries
    assert [entry.number for entry in api.custody.of_object(receiver, made.bundle_id)] == [number]
