"""What a signer, a stranger or somebody with the disk may try across several bundles, and what stays of it."""

import os
from datetime import timedelta

import pytest

from tests.bundle_world import CASE, Sender, an_id, card_of, new_identity
from tests.vault_world import (
    PASSPHRASE,
    PHOTO,
    bag_of,
    container_of,
    everything_in,
    introduce,
    make_vault,
    reopen,
    rows,
    seal,
)
from tui.cli.run import run
from vault import api, evidence
from vault.bundle.contents import OutgoingRecord
from vault.errors import DamagedError
from vault.formats import jcs
from vault.formats.contact_card import ContactCard
from vault.formats.custody_entry import read_entry
from vault.formats.fingerprint import fingerprint_of_key
from vault.formats.record import sign_record
from vault.formats.sd_jwt import Disclosure, arrange, decoy, sign_jwt
from vault.formats.ssh_keys import ssh_fingerprint
from vault.jobs import Job
from vault.model import CustodyEvent, Verdict
from vault.store import search


@pytest.fixture
def receiver(tmp_path):
    vault = make_vault(tmp_path / "receiver")
    yield vault
    vault.close()


@pytest.fixture
def sender():
    return Sender()


def receive(vault, path, sender, **changes):
    """Let a vault receive a bundle without attachments."""
    changes = {"attachments": (), **changes}
    path.write_bytes(sender.seal(vault.identity.x25519.recipient, **changes))
    return api.receiving.receive(vault, path, Job())


def know(vault, sender, name="Known"):
    """Let a vault know a sender's key as that of a verified contact."""
    contact = api.contacts.add_card(vault, card_of(sender, name))
    api.contacts.verify(vault, name, contact.fingerprint)


def codes(opened):
    return [one.code for one in opened.report.findings]


def checked(vault):
    return [one.code for one in api.checking.check(vault, [], Job()).report.findings]


def two_faced(sender, kind, version, *texts):
    """One signed version that holds several digests for one name: a presentation of each."""
    faces = [Disclosure.make("text", text) for text in texts]
    payload = {
        "_sd": sorted(decoy() for _ in range(8)),
        "_sd_alg": "sha-256",
        "fields": {"_sd": sorted([face.digest for face in faces] + [decoy() for _ in range(8 - len(faces))])},
        "format": "evidence-record/1",
        "id": an_id(5),
        "iss": ssh_fingerprint(sender.key),
        "type": kind,
        "version": version,
    }
    jwt = sign_jwt(jcs.encode(payload), sender.key, sender.sign)
    return [(OutgoingRecord(an_id(5), version, arrange(jwt, [face]).text),) for face in faces]


# -- two values for one field -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "newer"), [("note", False), ("note", True), ("unknowntype", False)])
def test_a_signer_cannot_spoil_what_they_sent_before_with_a_second_value(receiver, sender, tmp_path, kind, newer):
    good, bad = two_faced(sender, kind, 1, "the order was mine", "nothing")
    receive(receiver, tmp_path / "1.age", sender, records=good)
    if newer:
        receive(receiver, tmp_path / "2.age", sender, bundle_id=an_id(102), number=2,
                records=two_faced(sender, kind, 2, "second version")[0])  # fmt: skip
    before = rows(receiver, "SELECT sd_jwt FROM record_version ORDER BY version")
    opened = receive(receiver, tmp_path / "3.age", sender, bundle_id=an_id(103), number=3, records=bad)
    assert (opened.verdict, codes(opened), opened.taken) == (Verdict.FAILED, ["record-conflict"], 0)
    assert rows(receiver, "SELECT sd_jwt FROM record_version ORDER BY version") == before
    assert api.records.show(receiver, an_id(5)).fields == {"text": "second version" if newer else "the order was mine"}
    (noted,) = [one.event for one in api.custody.of_object(receiver, an_id(5))
                if one.event["outcome"]["result"] == "failure"]  # fmt: skip
    assert "record-conflict" in noted["outcome"]["detail"]
    assert checked(receiver) == []


def test_a_record_that_cannot_be_read_does_not_stop_an_unlock_that_makes_the_index_anew(receiver, sender, tmp_path):
    good, bad = two_faced(sender, "note", 1, "good", "bad")
    receive(receiver, tmp_path / "1.age", sender, records=good)
    case = api.cases.add(receiver, "c").id
    mine = api.records.add(receiver, case, "note", {"text": "findable"})
    both = good[0].sd_jwt + bad[0].sd_jwt.partition("~")[2]
    receiver.database.atomic(
        lambda connection: connection.execute("UPDATE record_version SET sd_jwt = ? WHERE serial = 1", (both,))
    )
    receiver.database.atomic(lambda connection: connection.execute("UPDATE search_state SET folding = 0"))
    receiver.close()
    again = reopen(receiver)
    assert [one.id for one in api.search.find(again, "findable")] == [mine.id]
    assert "record-signature" in checked(again)
    again.close()


def test_an_index_that_is_made_anew_goes_on_where_it_was_stopped(receiver, monkeypatch):
    monkeypatch.setattr("vault.evidence._BATCH", 2)
    case = api.cases.add(receiver, "c").id
    made = [api.records.add(receiver, case, "note", {"text": f"findable {number}"}).id for number in range(5)]
    receiver.database.atomic(lambda connection: connection.execute("UPDATE search_state SET folding = 0"))
    assert receiver.database.atomic(evidence.index_more)
    assert {one.id for one in api.search.find(receiver, "findable")} == set(made[:2])
    receiver.close()
    again = reopen(receiver)
    assert {one.id for one in api.search.find(again, "findable")} == set(made)
    assert again.read(search.is_current)
    again.close()


# -- one id for things of several kinds -------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["bundle_id", "case_id"])
def test_nobody_plants_log_entries_under_the_id_of_an_own_record(receiver, sender, tmp_path, member):
    lawyer = make_vault(tmp_path / "lawyer", 1)
    introduce(receiver, lawyer, "Lawyer")
    case = api.cases.add(receiver, "own").id
    own = api.records.add(receiver, case, "note", {"text": "own words"})
    before = [one.number for one in api.custody.of_object(receiver, own.id)]
    opened = receive(receiver, tmp_path / "1.age", sender, records=(), **{member: own.id})
    assert codes(opened) == (["bundle-id-taken"] if member == "bundle_id" else [])
    assert [one.number for one in api.custody.of_object(receiver, own.id)] == before
    bag = bag_of(seal(receiver, case, "Lawyer", tmp_path / "out.age").file, lawyer)
    left = [read_entry(one["entry"].encode(), one["disclosures"])
            for one in jcs.decode(bag["data/custody/entries.json"], "t")]  # fmt: skip
    assert [(one.number, one.event["object"]) for one in left] == [(before[0], {"id": own.id, "kind": "record"})]
    assert api.custody.write_proof(receiver, own.id, tmp_path / "proof").index == before[0]
    assert checked(receiver) == []
    lawyer.close()


def test_entries_that_were_planted_before_neither_leave_nor_are_proved_nor_upset_the_check(receiver, tmp_path):
    lawyer = make_vault(tmp_path / "lawyer", 1)
    introduce(receiver, lawyer, "Lawyer")
    case = api.cases.add(receiver, "own").id
    own = api.records.add(receiver, case, "note", {"text": "own words"})
    (first,) = api.custody.of_object(receiver, own.id)
    for kind in ("case", "contact", "bundle"):
        for act in ("creation", "deletion", "message digest calculation"):
            event = CustodyEvent(act, own.id, kind, digests={"after": "0" * 64}, why="planted", result="success")
            receiver.atomic(lambda transaction, event=event: transaction.record(event))
    bag = bag_of(seal(receiver, case, "Lawyer", tmp_path / "out.age").file, lawyer)
    assert len(jcs.decode(bag["data/custody/entries.json"], "t")) == 1
    assert api.custody.write_proof(receiver, own.id, tmp_path / "proof").index == first.number
    assert "record-undeleted" not in checked(receiver)
    lawyer.close()


def test_a_record_does_not_get_the_id_of_a_case_a_contact_or_a_bundle_here(receiver, sender, tmp_path):
    know(receiver, sender)
    case = api.cases.add(receiver, "own").id
    contact = api.contacts.page(receiver)[0].id
    received = receive(receiver, tmp_path / "1.age", sender, records=())
    assert received.case_id not in (CASE, case)
    for number, taken in enumerate((case, contact, an_id(1)), 2):
        before = api.custody.of_object(receiver, taken)
        sd = sign_record(id=taken, type="note", version=1, meta={}, fields={"text": "x"}, public_key=sender.key,
                         sign=sender.sign)  # fmt: skip
        opened = receive(receiver, tmp_path / f"{number}.age", sender, records=(OutgoingRecord(taken, 1, sd.text),),
                         bundle_id=an_id(number), number=number)  # fmt: skip
        assert (opened.verdict, codes(opened), opened.taken) == (Verdict.VERIFIED, ["record-id-taken"], 1)
        assert api.custody.of_object(receiver, taken) == before
    assert checked(receiver) == []


def test_two_senders_with_one_bundle_id_are_kept_apart_in_the_log(receiver, sender, tmp_path):
    other = Sender(seed=bytes(range(50, 82)))
    assert codes(receive(receiver, tmp_path / "1.age", sender, records=())) == []
    assert codes(receive(receiver, tmp_path / "2.age", other, records=())) == ["bundle-id-taken"]
    assert len(api.custody.of_object(receiver, an_id(1))) == 1
    assert receive(receiver, tmp_path / "2.age", other, records=()).report.findings  # signed anew: another one
    assert checked(receiver) == []
    receiver.database.atomic(lambda connection: connection.execute("DELETE FROM received_bundle WHERE serial = 2"))
    assert "bundle-missing" in checked(receiver)


def test_two_histories_under_one_id_stay_apart_whatever_is_compared_later(receiver, sender, tmp_path):
    api.contacts.add_card(receiver, card_of(sender, "Known"))
    first, second = (sender.record(number, "note", {"text": str(number)}) for number in (60, 61))
    receive(receiver, tmp_path / "1.age", sender, records=(first,))
    opened = receive(receiver, tmp_path / "2.age", sender, records=(second,))
    assert sorted(codes(opened)) == ["bundle-id-taken", "equivocation"]
    verdicts = {first.id: "intact", second.id: "intact"}

    def kept():
        assert {one.id: one.verdict for one in api.records.page(receiver, opened.case_id)} == verdicts
        assert checked(receiver) == []
        return [(one.verdict, sorted(one.codes)) for one in api.receiving.received(receiver, opened.case_id)]

    contested = ("failed", ["bundle-id-taken", "equivocation"])
    assert kept() == [contested, ("intact", [])]
    own = fingerprint_of_key(sender.key)
    for name, expected in (("2.age", "replayed"), ("1.age", "now-verified"), ("2.age", "replayed")):
        assert codes(api.receiving.receive(receiver, tmp_path / name, Job(), signer=own)) == [expected]
    verdicts[first.id] = "verified"
    assert kept() == [contested, ("verified", [])]
    api.contacts.verify(receiver, "Known", own)
    assert kept() == [contested, ("verified", [])]


def test_a_bundle_under_an_id_that_was_raised_before_does_not_spoil_the_check(receiver, sender, tmp_path):
    api.contacts.add_card(receiver, card_of(sender, "Known"))
    receive(receiver, tmp_path / "1.age", sender, records=())
    api.contacts.verify(receiver, "Known", fingerprint_of_key(sender.key))
    for number in (2, 3):
        opened = receive(receiver, tmp_path / f"{number}.age", sender, records=(), purpose=str(number))
        assert (opened.verdict, sorted(codes(opened))) == (Verdict.FAILED, ["bundle-id-taken", "equivocation"])
    assert checked(receiver) == []
    assert [one.verdict for one in api.receiving.received(receiver, opened.case_id)] == ["failed", "failed", "verified"]


# -- what is remembered of it -----------------------------------------------------------------------------------------


def test_what_spoke_against_a_bundle_is_kept_with_it_and_its_records_are_intact_at_most(receiver, sender, tmp_path):
    know(receiver, sender)
    first = sender.record(60, "note", {"text": "first history"})
    receive(receiver, tmp_path / "1.age", sender, records=(first,))
    assert api.records.show(receiver, first.id).verdict == "verified"
    note = sender.record(61, "note", {"text": "second history"})
    later = sign_record(id=first.id, type="note", version=2, meta={}, fields={"text": "changed"},
                        public_key=sender.key, sign=sender.sign)  # fmt: skip
    opened = receive(receiver, tmp_path / "2.age", sender, bundle_id=an_id(2),
                     records=(note, OutgoingRecord(first.id, 2, later.text)))  # fmt: skip
    assert (opened.verdict, opened.taken) == (Verdict.FAILED, 2)
    assert [one.verdict for one in api.records.page(receiver, opened.case_id)] == ["intact", "intact"]
    assert rows(receiver, "SELECT verdict FROM received_bundle ORDER BY serial") == [("verified",), ("failed",)]
    (entry,) = api.custody.of_object(receiver, an_id(2))
    assert entry.event["outcome"]["detail"] == "failed, equivocation"
    assert checked(receiver) == []
    receiver.database.atomic(lambda connection: connection.execute("UPDATE record SET verdict = 'verified'"))
    assert checked(receiver) == ["record-origin", "record-origin"]


# -- somebody with the disk -------------------------------------------------------------------------------------------


def test_an_older_contact_put_back_into_the_store_stops_a_seal_and_is_believed_by_no_opening(tmp_path):
    one, lawyer = make_vault(tmp_path / "one"), make_vault(tmp_path / "lawyer", 1)
    introduce(one, lawyer, "Lawyer")
    introduce(lawyer, one, "One")
    case = api.cases.add(one, "c").id
    api.records.add(one, case, "note", {"text": "x"})
    seal(one, case, "Lawyer", tmp_path / "before.age")
    columns = "id, name, recipients, signing_key, verified, expires_at, card"
    old = rows(one, f"SELECT {columns} FROM contact")[0]
    later = lawyer.clock() + timedelta(days=1)
    old_key = new_identity().recipient.text
    renewed = ContactCard("Lawyer", lawyer.identity.public_key, (old_key,), later, None).sign(lawyer.identity.sign)
    api.contacts.add_card(one, renewed)
    seal(one, case, "Lawyer", tmp_path / "renewed.age")
    one.database.atomic(
        lambda connection: connection.execute(f"REPLACE INTO contact ({columns}) VALUES (?,?,?,?,?,?,?)", old)
    )
    entered = len(api.custody.page(one))
    with pytest.raises(DamagedError, match="changed outside this program") as refused:
        seal(one, case, "Lawyer", tmp_path / "out.age")
    assert "evault check" in refused.value.advice
    assert not (tmp_path / "out.age").exists()
    assert len(api.custody.page(one)) == entered
    lawyer.database.atomic(lambda connection: connection.execute("UPDATE contact SET name = 'Somebody else'"))
    with pytest.raises(DamagedError, match="changed outside this program"):
        api.receiving.receive(lawyer, tmp_path / "before.age", Job())
    with pytest.raises(DamagedError, match="changed outside this program"):
        api.receiving.open_into(lawyer, tmp_path / "before.age", tmp_path / "opened", "", Job())
    assert not (tmp_path / "opened").exists()
    one.close()
    lawyer.close()


# -- what names a file ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["sha256", "sha512", "size"])
def test_withholding_one_of_the_names_of_a_content_keeps_the_content_and_all_of_them(receiver, tmp_path, path):
    lawyer = make_vault(tmp_path / "lawyer", 1)
    introduce(receiver, lawyer, "Lawyer")
    case = api.cases.add(receiver, "c").id
    api.records.add(receiver, case, "note", {"text": "x"})
    photo = api.intake.attach(receiver, case, PHOTO, Job())
    withhold = ((photo.id, path),)
    (part,) = [one for one in api.sealing.preview(receiver, api.sealing.Choice(case, withhold=withhold)).parts
               if one.record_id == photo.id]  # fmt: skip
    assert not part.content
    assert not {"sha256", "sha512", "size"} & set(part.disclosed)
    made = seal(receiver, case, "Lawyer", tmp_path / "out.age", withhold=withhold)
    everything = everything_in(container_of(made.file, lawyer.identity.hybrid))
    assert photo.sha256.encode() not in everything
    assert photo.sha512.encode() not in everything
    lawyer.close()


# -- what a list shows ------------------------------------------------------------------------------------------------


def test_every_line_about_something_received_says_so(sender, tmp_path, cli, capfd):
    vault = make_vault(tmp_path / "vault")
    case = api.cases.add(vault, "own").id
    own = api.records.add(vault, case, "note", {"text": "told at the station"})
    photo = api.intake.attach(vault, case, PHOTO, Job())
    foreign = sender.record(60, "note", {"text": "withdrawn, told at the station"})
    files = [one for one in sender.records if one.id in {file.id for file in sender.attachments}]
    opened = receive(vault, tmp_path / "1.age", sender, records=(foreign, *files), attachments=sender.attachments)
    hits = {one.id: (one.origin, one.verdict) for one in api.search.find(vault, "station")}
    assert hits == {own.id: ("", ""), foreign.id: (opened.signer, "intact")}
    vault.close()
    said = {"origin": opened.signer, "verdict": "intact"}
    for words in (("search", "--", "station"), ("attachment", "list", "--case", opened.case_id),
                  ("case", "show", opened.case_id), ("attachment", "list", "--case", case)):  # fmt: skip
        _, value = cli(*words)
        listed = [
            one
            for name in ("hits", "records", "attachments")
            if name in value
            for one in (value[name] if isinstance(value[name], list) else [])
        ]
        assert listed
        for one in listed:
            mine = one["id"] in (own.id, photo.id)
            assert {name: one[name] for name in said} == ({"origin": "", "verdict": ""} if mine else said)
        reading, writing = os.pipe()
        os.write(writing, f"{PASSPHRASE}\n".encode())
        os.close(writing)
        assert run(["--vault", str(tmp_path / "vault"), "--passphrase-fd", str(reading), *words]) == 0
        os.close(reading)
        out = capfd.readouterr().out
        for one in listed:
            (line,) = [line for line in out.splitlines() if line.startswith(one["id"])]
            mine = one["id"] in (own.id, photo.id)
            assert (" own " in line, " intact " in line, opened.signer[:11] in line) == (mine, not mine, not mine)
