"""Sealing: what leaves, what stays, for whom, and what the log says about it."""

import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from tests.bundle_world import untar
from tests.vault_world import (
    PHOTO,
    bag_of,
    container_of,
    events,
    everything_in,
    filled,
    introduce,
    make_vault,
    rows,
    seal,
    types,
)
from vault import api
from vault.bundle import manifest
from vault.crypto.hashes import sha256
from vault.errors import (
    AlreadyExistsError,
    CancelledError,
    DiskFullError,
    HoldError,
    NotForUsError,
    NotFoundError,
    RefusedError,
    WrongKindError,
)
from vault.formats.age import X25519Identity
from vault.jobs import Job
from vault.model import Verdict

TITLE = "a title that stays at home"
STRONG = "window gravel harvest lantern copper"


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A sender; Lawyer and Court, who run the program; Classic, who has an X25519 key only."""
    folder = tmp_path_factory.mktemp("people")
    sender, lawyer, court = (make_vault(folder / name, at) for at, name in enumerate(("sender", "lawyer", "court")))
    classic = X25519Identity.generate()
    introduce(sender, lawyer, "Lawyer")
    introduce(sender, court, "Court")
    introduce(lawyer, sender, "Sender")
    api.contacts.add(sender, "Classic", (classic.recipient.text,))
    yield {"sender": sender, "lawyer": lawyer, "court": court, "classic": classic}
    for vault in (sender, lawyer, court):
        vault.close()


@pytest.fixture
def sender(people):
    return people["sender"]


@pytest.fixture
def lawyer(people):
    return people["lawyer"]


@pytest.fixture
def case(sender):
    return api.cases.add(sender, TITLE).id


@pytest.fixture
def testimony(sender, case):
    fields = {
        "title": "title-word",
        "statement": "statement-word",
        "witness_name": "witness-word",
        "interpreters": [{"name": "interpreter-one"}, {"name": "interpreter-two"}],
        "internal_note": "internal-word",
    }
    return api.records.add(sender, case, "testimony", fields).id


def attach(vault, case, path, **more):
    return api.intake.attach(vault, case, path, Job(), api.intake.About(**more))


def disclosed(bag, record_id):
    """What a bag says openly about a record."""
    return bag[f"data/records/{record_id}.json"].decode()


# -- what leaves ----------------------------------------------------------------------------------------------------


def test_only_shareable_fields_leave_by_default(sender, lawyer, case, tmp_path):
    shareable, protected = [], [TITLE.encode(), b"Lawyer", b"Classic", os.fsencode(sender.folder)]
    for kind in types():
        fields, open_texts, hidden_texts = filled(kind)
        api.records.add(sender, case, kind.type, fields)
        shareable += open_texts
        protected += hidden_texts
    paper = tmp_path / "name-of-somebody.txt"
    paper.write_text("what is in the file leaves")
    attach(sender, case, paper, note="note-about-the-file")
    protected += [b"name-of-somebody", b"note-about-the-file"]
    seal(sender, case, "Lawyer", tmp_path / "b.age")
    seen = everything_in(container_of(tmp_path / "b.age", lawyer.identity.hybrid))
    assert len(protected) > 40
    assert [text for text in protected if text in seen] == []
    assert [text for text in shareable if text not in seen] == []
    assert b"what is in the file leaves" in seen


def test_whoever_is_named_by_a_log_entry_that_leaves_is_the_sender_alone(sender, lawyer, case, testimony, tmp_path):
    api.records.show(sender, testimony)
    seal(sender, case, "Court", tmp_path / "court.age", purpose="told to the court alone")
    made = seal(sender, case, "Lawyer", tmp_path / "b.age")
    seen = everything_in(container_of(made.file, lawyer.identity.hybrid))
    for stays in (b"told to the court", b"displaying", b"dissemination", b"outside the vault", b"this device"):
        assert stays not in seen
    assert sender.identity.fingerprint.encode() in seen


@pytest.mark.parametrize(
    ("choice", "leaves", "stays"),
    [
        ({}, "statement", "witness interpreter internal title-word"),
        ({"disclose": ["witness_name"]}, "statement witness", "interpreter internal"),
        ({"disclose": ["interpreters"]}, "interpreter-one interpreter-two", "witness internal"),
        ({"disclose": ["interpreters.1.name"]}, "interpreter-two", "interpreter-one"),
        ({"disclose": ["*"]}, "statement witness interpreter-one interpreter-two internal title-word", ""),
        ({"withhold": ["statement"]}, "", "statement witness"),
        ({"disclose": ["*"], "withhold": ["interpreters"]}, "statement internal witness", "interpreter"),
        ({"disclose": ["witness_name"], "withhold": ["witness_name"]}, "statement", "witness"),
    ],
)
def test_fields_are_chosen_one_by_one_by_group_or_all(sender, lawyer, case, testimony, tmp_path, choice, leaves, stays):
    pairs = {name: tuple((testimony, path) for path in paths) for name, paths in choice.items()}
    preview = api.sealing.preview(sender, api.sealing.Choice(case, **pairs))
    seal(sender, case, "Lawyer", tmp_path / "b.age", **pairs)
    container = container_of(tmp_path / "b.age", lawyer.identity.hybrid)
    said = disclosed(untar(container), testimony)
    assert [word for word in leaves.split() if word not in said] == []
    assert [word for word in stays.split() if word.encode() in everything_in(container)] == []
    (part,) = preview.parts
    assert set(part.disclosed) | set(part.withheld) >= {"statement", "witness_name", "interpreters.0.name"}
    assert not set(part.disclosed) & set(part.withheld)


def test_a_record_that_is_withheld_whole_is_not_in_the_bundle(sender, lawyer, case, testimony, tmp_path):
    note = api.records.add(sender, case, "note", {"text": "a note"}).id
    made = seal(sender, case, "Lawyer", tmp_path / "b.age", withhold=((testimony, "*"),))
    assert testimony.encode() not in everything_in(container_of(made.file, lawyer.identity.hybrid))
    assert f"data/records/{note}.sd-jwt" in bag_of(made.file, lawyer)


@pytest.mark.parametrize("path", ["no_such_field", "interpreters.7", "@signed_at", "statemen", "@"])
@pytest.mark.parametrize("where", ["disclose", "withhold"])
def test_a_field_that_does_not_exist_is_refused(sender, case, testimony, tmp_path, path, where):
    with pytest.raises(NotFoundError, match="no field"):
        seal(sender, case, "Lawyer", tmp_path / "b.age", **{where: ((testimony, path),)})


@pytest.mark.parametrize("where", ["disclose", "withhold"])
def test_a_record_of_another_case_is_refused(sender, case, testimony, tmp_path, where):
    other = api.cases.add(sender, "another").id
    api.records.add(sender, other, "note", {"text": "x"})
    with pytest.raises(NotFoundError, match="no record of that id"):
        seal(sender, other, "Lawyer", tmp_path / "b.age", **{where: ((testimony, "*"),)})


def test_what_was_deleted_or_received_is_left_out_and_counted(sender, case, testimony, tmp_path):
    note = api.records.add(sender, case, "note", {"text": "a note"}).id
    api.records.delete(sender, note, "no longer wanted")
    assert api.sealing.preview(sender, api.sealing.Choice(case)).left_out == 1
    api.records.delete(sender, testimony, "withdrawn")
    with pytest.raises(RefusedError, match="Nothing of this case would leave"):
        seal(sender, case, "Lawyer", tmp_path / "b.age")


# -- files that identify people -------------------------------------------------------------------------------------


def test_a_photo_with_a_place_in_it_waits_for_a_decision(sender, lawyer, case, testimony, tmp_path):
    photo = attach(sender, case, PHOTO)
    with pytest.raises(HoldError) as held:
        seal(sender, case, "Lawyer", tmp_path / "b.age")
    assert photo.id in held.value.message
    assert "location" in held.value.message
    assert "--accept-metadata" in held.value.advice
    assert list(tmp_path.iterdir()) == []
    made = seal(sender, case, "Lawyer", tmp_path / "b.age", accept_metadata=True)
    assert bag_of(made.file, lawyer)[f"data/attachments/{photo.id}.jpg"] == PHOTO.read_bytes()


@pytest.mark.parametrize("path", ["*", "sha256", "size"])
def test_a_file_that_is_withheld_holds_nothing_up_and_does_not_leave(sender, lawyer, case, testimony, tmp_path, path):
    photo = attach(sender, case, PHOTO)
    made = seal(sender, case, "Lawyer", tmp_path / "b.age", withhold=((photo.id, path),))
    container = container_of(made.file, lawyer.identity.hybrid)
    assert PHOTO.read_bytes()[:2000] not in container
    assert not any(name.startswith("data/attachments/") for name in untar(container))


# -- for whom -------------------------------------------------------------------------------------------------------


def test_an_unverified_contact_is_said_before_and_with_the_bundle(sender, case, testimony, tmp_path):
    unverified = X25519Identity.generate().recipient.text
    api.contacts.add(sender, "Stranger", (unverified,))
    said = [sentence for name, sentence in api.sealing.cautions(sender, ["Lawyer", "Stranger"]) if name == "Stranger"]
    made = seal(sender, case, "Stranger", tmp_path / "b.age")
    assert made.warnings == tuple(said)
    assert "not verified" in said[0]
    assert "post-quantum" in said[1]
    assert api.sealing.cautions(sender, ["Lawyer"]) == ()


def test_the_hybrid_key_is_preferred_and_what_was_used_is_signed(sender, lawyer, people, case, testimony, tmp_path):
    hybrid = seal(sender, case, "Lawyer", tmp_path / "hybrid.age")
    header = hybrid.file.read_bytes()[:100]
    assert b"-> mlkem768x25519 " in header
    assert b"-> X25519 " not in hybrid.file.read_bytes()[:4000]
    with pytest.raises(NotForUsError):
        container_of(hybrid.file, lawyer.identity.x25519)
    assert manifest.decode(bag_of(hybrid.file, lawyer)["data/bundle.json"]).recipient_kind == "mlkem768x25519"
    classic = seal(sender, case, "Classic", tmp_path / "classic.age")
    bag = untar(container_of(classic.file, people["classic"]))
    description = manifest.decode(bag["data/bundle.json"])
    assert description.recipient_kind == "x25519"
    assert description.key_hashes == (sha256(people["classic"].recipient.text.encode()).hex(),)


def test_an_expired_or_unknown_contact_is_refused(sender, case, testimony, tmp_path):
    other = make_vault(tmp_path / "other", 3)
    card = api.contacts.card(
        other, "Soon over", expires_at=datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    )
    other.close()
    api.contacts.add_card(sender, card)
    clock = sender.clock
    sender.clock = lambda: clock() + timedelta(hours=2)
    try:
        with pytest.raises(RefusedError, match="expired"):
            seal(sender, case, "Soon over", tmp_path / "b.age")
        cautions = api.sealing.cautions(sender, ["Soon over", "Lawyer"])
        assert [name for name, told in cautions if "expired" in told] == ["Soon over"]
    finally:
        sender.clock = clock
    with pytest.raises(NotFoundError, match="no contact of that name"):
        seal(sender, case, "Nobody", tmp_path / "b.age")
    with pytest.raises(RefusedError, match="needs a recipient"):
        api.sealing.seal(sender, api.sealing.Choice(case), [], tmp_path / "b.age", Job())
    assert not (tmp_path / "b.age").exists()


def test_several_recipients_get_a_file_each_and_learn_nothing_of_each_other(sender, people, case, testimony, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    choice = api.sealing.Choice(case, purpose="for the appeal")
    made = {one.recipient: one for one in api.sealing.seal(sender, choice, ["Lawyer", "Court", "Lawyer"], out, Job())}
    assert set(made) == {"Lawyer", "Court"}
    assert sorted(out.iterdir()) == sorted(one.file for one in made.values())
    for name, other in (("Lawyer", "Court"), ("Court", "Lawyer")):
        one, vault, stranger = made[name], people[name.lower()], people[other.lower()]
        with pytest.raises(NotForUsError):
            container_of(one.file, stranger.identity.hybrid, stranger.identity.x25519)
        seen = everything_in(container_of(one.file, vault.identity.hybrid))
        recipient = stranger.identity.hybrid.recipient.text.encode()
        for hidden in (
            made[other].bundle_id.encode(), other.encode(), recipient, sha256(recipient).hex().encode(),
            stranger.identity.fingerprint.encode(), stranger.identity.public_key,
        ):  # fmt: skip
            assert hidden not in seen
        assert one.sha256 == sha256(one.file.read_bytes()).hex()
        assert one.file.name not in {made[other].file.name, f"{one.bundle_id}.age"}


def test_bundles_are_numbered_for_each_recipient(sender, people, tmp_path):
    case = api.cases.add(sender, TITLE).id
    api.records.add(sender, case, "note", {"text": "x"})
    fresh = X25519Identity.generate()
    api.contacts.add(sender, "Numbered", (fresh.recipient.text,))

    def described(name):
        made = seal(sender, case, "Numbered", tmp_path / name)
        return manifest.decode(untar(container_of(made.file, fresh))["data/bundle.json"])

    first = described("1.age")
    seal(sender, case, "Court", tmp_path / "court.age")
    second = described("2.age")
    assert (first.number, first.previous) == (1, "")
    assert (second.number, second.previous) == (2, first.bundle_id)


# -- under a passphrase ---------------------------------------------------------------------------------------------


def test_passphrase_bundles_open_with_it_and_say_nothing_of_each_other(sender, case, testimony, tmp_path):
    secret = api.to_secret(STRONG)
    choice = api.sealing.Choice(case)
    found = []
    for name in ("1.age", "2.age"):
        made = api.sealing.seal_with_passphrase(sender, choice, secret, tmp_path / name, Job())
        assert b"-> scrypt " in made.file.read_bytes()[:100]
        found.append(manifest.decode(untar(container_of(made.file, passphrase=secret))["data/bundle.json"]))
    assert [(one.number, one.previous, one.recipient_kind, one.key_hashes) for one in found] == [
        (1, "", "passphrase", ())
    ] * 2


def test_a_weak_passphrase_is_refused_for_a_bundle(sender, case, testimony, tmp_path):
    with pytest.raises(RefusedError, match="Too weak"):
        api.sealing.seal_with_passphrase(
            sender, api.sealing.Choice(case), api.to_secret("hunter2"), tmp_path / "b", Job()
        )
    assert list(tmp_path.iterdir()) == []


# -- where to -------------------------------------------------------------------------------------------------------


def test_an_unsuitable_target_is_refused_before_anything_is_logged(sender, case, testimony, tmp_path):
    before = events(sender)
    (tmp_path / "there").write_text("untouched")
    (tmp_path / "nowhere").symlink_to("/nonexistent/file")
    for error, to, target in (
        (AlreadyExistsError, ["Lawyer"], tmp_path / "there"),
        (AlreadyExistsError, ["Lawyer"], tmp_path / "nowhere"),
        (NotFoundError, ["Lawyer"], tmp_path / "no" / "such" / "folder"),
        (WrongKindError, ["Lawyer", "Court"], tmp_path / "one.age"),
        (RefusedError, ["Lawyer"], sender.folder / "vault.db-journal.age"),
        (RefusedError, ["Lawyer"], sender.folder),
    ):
        with pytest.raises(error):
            api.sealing.seal(sender, api.sealing.Choice(case), to, target, Job())
    with pytest.raises(RefusedError, match="purpose"):
        seal(sender, case, "Lawyer", tmp_path / "b.age", purpose="x" * 4001)
    assert events(sender) == before
    assert (tmp_path / "there").read_text() == "untouched"
    assert {path.name for path in tmp_path.iterdir()} == {"there", "nowhere"}


def test_the_purpose_is_told_to_the_recipient_and_kept_in_the_log(sender, lawyer, case, testimony, tmp_path):
    purpose = "上诉 · for the appeal\nsecond line"
    made = seal(sender, case, "Lawyer", tmp_path / "b.age", purpose=purpose)
    assert manifest.decode(bag_of(made.file, lawyer)["data/bundle.json"]).purpose == purpose
    assert {one.event["purpose"]["why"] for one in api.custody.of_object(sender, made.bundle_id)} == {purpose}


# -- the log --------------------------------------------------------------------------------------------------------


def test_the_intent_is_entered_before_and_the_outcome_after_the_file_is_there(sender, lawyer, case, tmp_path):
    big = tmp_path / "film.bin"
    big.write_bytes(os.urandom(3 << 20))
    attach(sender, case, big)
    target = tmp_path / "b.age"
    during = []

    def look(progress):
        during.append((target.exists(), api.custody.page(sender, 1)[0].event))

    made = seal(sender, case, "Lawyer", target, Job(look), accept_metadata=True)
    there, event = during[0]
    assert not there
    assert (event["type"], event["outcome"]["result"]) == ("dissemination", "intent")
    assert event["object"] == {"id": made.bundle_id, "kind": "bundle"}
    assert event["transfer"] == {"from": sender.identity.fingerprint, "to": lawyer.identity.fingerprint}
    intent, outcome = api.custody.of_object(sender, made.bundle_id)
    assert intent.event["outcome"]["result"] == "intent"
    assert outcome.event["outcome"]["result"] == "success"
    assert outcome.event["digests"]["after"] == made.sha256 == sha256(target.read_bytes()).hex()


def cancelling(job_box, after=0):
    """A job that is cancelled at its report number `after`."""
    count = iter(range(1000))

    def look(progress):
        if next(count) >= after:
            job_box[0].cancel()

    job_box.append(Job(look))
    return job_box[0]


def test_a_cancelled_seal_leaves_no_file_and_an_honest_log(sender, lawyer, case, testimony, tmp_path):
    numbered = rows(sender, "SELECT count(*) FROM sent_bundle")
    with pytest.raises(CancelledError):
        seal(sender, case, "Lawyer", tmp_path / "b.age", cancelling([]))
    assert list(tmp_path.iterdir()) == []
    assert [(kind, result) for kind, result, _ in events(sender, "bundle")[-2:]] == [
        ("dissemination", "intent"),
        ("dissemination", "failure"),
    ]
    assert rows(sender, "SELECT count(*) FROM sent_bundle") == numbered
    assert api.checking.check(sender, [], Job()).report.ok


def test_a_failure_for_the_second_recipient_says_that_the_first_file_is_there(sender, case, testimony, tmp_path):
    jobs = []
    jobs.append(Job(lambda progress: jobs[0].cancel() if any(tmp_path.glob("*.age")) else None))
    with pytest.raises(CancelledError) as stopped:
        api.sealing.seal(sender, api.sealing.Choice(case), ["Lawyer", "Court"], tmp_path, jobs[0])
    assert "1 of 2 bundles were made" in stopped.value.advice
    assert len(list(tmp_path.iterdir())) == 1


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of 6 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("only root can mount a small file system here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_fills_up_meanwhile_leaves_no_file_and_an_honest_log(sender, case, tmp_path, small_disk):
    big = tmp_path / "film.bin"
    big.write_bytes(os.urandom(4 << 20))
    attach(sender, case, big)
    filler = small_disk / "somebody else's"

    def fill(progress):
        if not filler.exists():
            filler.write_bytes(bytes(4 << 20))

    with pytest.raises(DiskFullError, match="bundle file"):
        seal(sender, case, "Lawyer", small_disk / "b.age", Job(fill), accept_metadata=True)
    assert [path.name for path in small_disk.iterdir()] == [filler.name]
    assert [result for _, result, _ in events(sender, "bundle")[-2:]] == ["intent", "failure"]


def test_what_cannot_fit_is_refused_before_anything_is_logged(sender, case, tmp_path, small_disk):
    big = tmp_path / "film.bin"
    big.write_bytes(os.urandom(8 << 20))
    attach(sender, case, big)
    before = events(sender)
    with pytest.raises(DiskFullError):
        seal(sender, case, "Lawyer", small_disk / "b.age", accept_metadata=True)
    assert list(small_disk.iterdir()) == []
    assert events(sender) == before


# -- revealing later ------------------------------------------------------------------------------------------------


def test_a_field_that_is_revealed_later_fits_the_signature_that_was_given_before(
    sender, lawyer, case, testimony, tmp_path
):
    seal(sender, case, "Lawyer", tmp_path / "1.age", withhold=((testimony, "statement"),))
    first = api.receiving.receive(lawyer, tmp_path / "1.age", Job())
    before = api.records.show(lawyer, testimony)
    assert "witness_name" not in before.fields
    assert before.withheld
    made = api.sealing.reveal(sender, testimony, "witness_name", "Lawyer", tmp_path / "2.age", Job())
    said = disclosed(bag_of(made.file, lawyer), testimony)
    assert "witness-word" in said
    assert not any(word in said for word in ("statement-word", "internal-word", "interpreter"))
    second = api.receiving.receive(lawyer, tmp_path / "2.age", Job())
    after = api.records.show(lawyer, testimony)
    assert (first.verdict, second.verdict) == (Verdict.VERIFIED, Verdict.VERIFIED)
    assert (second.case_id, second.taken) == (first.case_id, 1)
    assert after.fields == {**before.fields, "witness_name": "witness-word"}
    assert after.versions == before.versions
    assert api.search.find(lawyer, "witness-word")[0].id == testimony
    assert api.checking.check(lawyer, [], Job()).report.ok


def test_revealing_a_file_s_name_does_not_send_the_file(sender, lawyer, case, tmp_path):
    photo = attach(sender, case, PHOTO)
    made = api.sealing.reveal(sender, photo.id, "original_name", "Lawyer", tmp_path / "b.age", Job())
    bag = bag_of(made.file, lawyer)
    assert PHOTO.name in disclosed(bag, photo.id)
    assert "sha256" not in disclosed(bag, photo.id)
    assert not any(name.startswith("data/attachments/") for name in bag)
    received = api.receiving.receive(lawyer, made.file, Job())
    (seen,) = api.intake.page(lawyer, received.case_id)
    assert (seen.size, seen.sha256, seen.fields["original_name"]) == (0, "", PHOTO.name)
    with pytest.raises(NotFoundError):
        api.intake.extract(lawyer, photo.id, tmp_path / "photo", Job())
    assert api.checking.check(lawyer, [], Job()).report.ok


def test_revealing_a_newer_version_says_so(sender, case, testimony, tmp_path):
    api.records.correct(sender, testimony, {"statement": "corrected"})
    made = api.sealing.reveal(sender, testimony, "statement", "Lawyer", tmp_path / "b.age", Job())
    assert "Version 2" in made.warnings[0]


def test_what_cannot_be_revealed_is_refused(sender, lawyer, case, testimony, tmp_path):
    with pytest.raises(NotFoundError, match="no field"):
        api.sealing.reveal(sender, testimony, "nothing", "Lawyer", tmp_path / "b.age", Job())
    with pytest.raises(NotFoundError, match="no record"):
        api.sealing.reveal(sender, "0" * 32, "statement", "Lawyer", tmp_path / "b.age", Job())
    seal(sender, case, "Lawyer", tmp_path / "1.age")
    received = api.receiving.receive(lawyer, tmp_path / "1.age", Job())
    with pytest.raises(RefusedError, match="received from somebody else"):
        api.sealing.reveal(lawyer, testimony, "statement", "Sender", tmp_path / "b.age", Job())
    with pytest.raises(RefusedError, match="Nothing of this case would leave"):
        seal(lawyer, received.case_id, "Sender", tmp_path / "b.age")
    api.records.delete(sender, testimony, "withdrawn")
    with pytest.raises(NotFoundError, match="deleted"):
        api.sealing.reveal(sender, testimony, "statement", "Lawyer", tmp_path / "b.age", Job())
