"""What a person agreed to: what was taken back stays, the rest is said before a seal, none of it leaves by itself."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.integration.test_record_types import VISIT
from tests.vault_world import PHOTO, container_of, everything_in, introduce, make_vault, seal
from vault import api, schema
from vault.errors import NotFoundError, RefusedError
from vault.jobs import Job
from vault.schema.consent import consent_of

AGREED = {
    "uses": ["keep", "court"],
    "name_use": "pseudonym",
    "risks_explained": "yes",
    "agreed_by": "guardian",
    "agreed_by_name": "the aunt of the boy",
    "conditions": "not before he has left school",
}
"""What somebody agreed to, whose name is not to leave."""
DAY = {"value": "2020-02-03", "precision": "day", "qualifier": "exact"}


@pytest.fixture
def world(tmp_path):
    """Two vaults whose holders know each other, and a case."""
    one, other = make_vault(tmp_path / "one"), make_vault(tmp_path / "other", 1)
    introduce(one, other, "Lawyer")
    yield one, other, api.cases.add(one, "case").id
    one.close()
    other.close()


def told(vault, case, record="", **choice) -> tuple[str, ...] | None:
    """Return what speaks against the leaving of a record, or of the only one."""
    parts = api.sealing.preview(vault, api.sealing.Choice(case, **choice)).parts
    part = next(one for one in parts if record in ("", one.record_id))
    return part.consent and part.consent.speaks_against


def give(vault, case, **fields) -> str:
    return api.records.add(vault, case, "testimony", {"statement": "what he said", **fields}).id


def test_what_is_not_noted_was_not_agreed_to(world):
    vault, _, case = world
    give(vault, case)
    assert told(vault, case) == ("missing",)


@pytest.mark.parametrize(
    ("consent", "against"),
    [
        (AGREED, ()),
        (AGREED | {"uses": ["keep", "ask_again"]}, ("no-use",)),
        ({"name_use": "named", "risks_explained": "yes"}, ("no-use",)),
        (AGREED | {"risks_explained": "unknown"}, ("risks",)),
        ({"uses": ["partner"]}, ("risks",)),
        (AGREED | {"ask_again_on": DAY}, ("due",)),
        (AGREED | {"ask_again_on": DAY | {"value": "9999", "precision": "year"}}, ()),
        (AGREED | {"withdrawn_on": DAY}, ("withdrawn",)),
        (AGREED | {"withdrawn_how": "he called"}, ("withdrawn",)),
    ],
)
def test_what_speaks_against_leaving_is_said(world, consent, against):
    vault, _, case = world
    give(vault, case, consent=consent)
    assert told(vault, case) == against


@pytest.mark.parametrize(("now", "against"), [((2020, 2, 2, 23), ()), ((2020, 2, 3, 0), ("due",))])
def test_from_the_day_on_the_person_is_to_be_asked_again(now, against):
    fields = {"consent": AGREED | {"ask_again_on": DAY}}
    found = consent_of(schema.schemas()["testimony"], fields, (), datetime(*now, tzinfo=UTC))
    assert found.speaks_against == against


def test_a_name_that_leaves_needs_an_agreement_to_the_name(world):
    vault, _, case = world
    person = api.records.add(vault, case, "person", {"pseudonym": "P-1", "names": [{"full": "Wang"}]}).id
    record = give(vault, case, consent=AGREED, witness_name="Wang", witness={"id": person})
    assert told(vault, case, record) == ()
    assert told(vault, case, record, disclose=((record, "witness_name"),)) == ("name",)
    assert told(vault, case, record, disclose=((person, "names"),)) == ("name",), "the name in the record of the person"
    fields = api.records.show(vault, record).fields
    alone = {"disclose": ((person, "names"),), "only": (person,)}
    assert told(vault, case, person, **alone) == ("name",), "what was told may have left before"
    assert told(vault, case, person, only=(person,)) is None
    api.records.correct(vault, record, fields | {"consent": AGREED | {"name_use": "named"}})
    assert told(vault, case, person, **alone) is None
    assert told(vault, case, record, disclose=((record, "witness_name"), (person, "names"))) == ()


def test_what_was_taken_back_stays_with_its_files_and_their_copies(world, tmp_path):
    vault, other, case = world
    (tmp_path / "a.txt").write_text("a recording")
    (tmp_path / "b.txt").write_text("a part of it")
    named, same, mine, free = (
        api.intake.attach(vault, case, path, Job()) for path in (PHOTO, PHOTO, tmp_path / "a.txt", tmp_path / "b.txt")
    )
    (tmp_path / "copy.txt").write_text("a copy without names")
    copy = api.intake.attach(vault, case, tmp_path / "copy.txt", Job(), api.intake.About(derived_from=named.id))
    record = give(vault, case, consent=AGREED, attachments=[{"id": named.id}])
    api.records.correct(vault, mine.id, {"belongs_to": {"id": record}})
    other_one = give(vault, case, consent=AGREED, title="another")
    seal(vault, case, "Lawyer", tmp_path / "before.age", accept_metadata=True)
    fields = api.records.show(vault, record).fields
    api.records.correct(vault, record, fields | {"consent": AGREED | {"withdrawn_on": DAY}}, "she called")
    parts = api.sealing.preview(vault, api.sealing.Choice(case)).parts
    back = {part.record_id for part in parts if part.consent and part.consent.withdrawn}
    assert {record, named.id, same.id, copy.id, mine.id} <= back
    assert not {other_one, free.id} & back
    for choice in ({}, {"only": (record,)}, {"only": (same.id,)}, {"only": (copy.id,)}):
        with pytest.raises(RefusedError, match="Consent was taken back") as caught:
            seal(vault, case, "Lawyer", tmp_path / "x.age", accept_metadata=True, **choice)
        assert "what he said" not in caught.value.message
    with pytest.raises(RefusedError, match="Consent was taken back"):
        api.sealing.reveal(vault, named.id, "original_name", "Lawyer", tmp_path / "x.age", Job())
    assert not (tmp_path / "x.age").exists()
    seal(vault, case, "Lawyer", tmp_path / "x.age", withhold=tuple((one, "*") for one in back))
    assert api.receiving.look(other, tmp_path / "x.age", Job()).contents.records == 1
    api.records.correct(vault, record, fields | {"consent": AGREED}, "she agreed again")
    seal(vault, case, "Lawyer", tmp_path / "y.age", accept_metadata=True)


def back(vault, case) -> set[str]:
    """Return the ids of what does not leave."""
    parts = api.sealing.preview(vault, api.sealing.Choice(case)).parts
    return {part.record_id for part in parts if part.consent and part.consent.withdrawn}


def take(vault, case, place, text, **about) -> str:
    place.write_text(text)
    return api.intake.attach(vault, case, place, Job(), api.intake.About(**about)).id


BACK = {"withdrawn_on": DAY}


def test_what_is_emptied_when_it_is_taken_back_keeps_its_files_here(world, tmp_path):
    vault, _, case = world
    wrong, recording = (take(vault, case, tmp_path / name, name) for name in ("wrong", "recording"))
    record = give(vault, case, consent=AGREED, attachments=[{"id": wrong}, {"id": recording}])
    api.records.correct(vault, record, give_fields(recording), "the other one was somebody else's")
    api.records.correct(vault, record, {"statement": "-", "consent": BACK}, "she called, and wants nothing left")
    api.records.correct(vault, record, {"statement": "-", "consent": BACK, "title": "empty"})
    assert back(vault, case) == {record, recording}
    api.records.correct(vault, record, {"statement": "-", "consent": AGREED}, "she agreed again")
    assert back(vault, case) == set()


def give_fields(*files) -> dict:
    return {"statement": "what he said", "consent": AGREED, "attachments": [{"id": one} for one in files]}


def test_what_was_deleted_since_still_keeps_what_goes_with_it_here(world, tmp_path):
    vault, _, case = world
    named = take(vault, case, tmp_path / "named", "named")
    record = give(vault, case, **give_fields(named))
    own = take(vault, case, tmp_path / "own", "own", record_id=record)
    copy = take(vault, case, tmp_path / "copy", "copy", derived_from=own)
    smaller = take(vault, case, tmp_path / "smaller", "smaller", derived_from=copy)
    later = take(vault, case, tmp_path / "later", "later")
    api.records.correct(vault, later, {"belongs_to": {"id": record}})
    last = take(vault, case, tmp_path / "last", "last", derived_from=later)
    api.records.correct(vault, record, give_fields(named) | {"consent": BACK}, "she called")
    for one in (own, copy, later):
        api.records.delete(vault, one, "only the last is needed")
    assert back(vault, case) == {record, named, smaller, last}
    api.records.delete(vault, record, "she wants nothing left")
    assert back(vault, case) == {named, smaller, last}
    assert api.checking.check(vault, [], Job()).report.findings == ()


def test_the_same_bytes_again_stay_when_those_that_were_taken_back_are_deleted(world, tmp_path):
    vault, _, case = world
    record = give(vault, case, statement="-", consent=BACK)
    own = take(vault, case, tmp_path / "own", "film", record_id=record)
    again = take(vault, case, tmp_path / "again", "film")
    copy = take(vault, case, tmp_path / "copy", "a copy", derived_from=again)
    other = api.cases.add(vault, "another case").id
    there = take(vault, other, tmp_path / "there", "film")
    api.records.delete(vault, own, "it is here twice")
    assert (back(vault, case), back(vault, other)) == ({record, again, copy}, {there})
    api.records.delete(vault, again, "she wants nothing left")
    api.records.delete(vault, record, "she wants nothing left")
    assert (back(vault, case), back(vault, other)) == ({copy}, {there})
    assert api.checking.check(vault, [], Job()).report.findings == ()


def test_a_deleted_testimony_that_nobody_took_back_keeps_nothing_here(world, tmp_path):
    vault, _, case = world
    record = give(vault, case, **give_fields(take(vault, case, tmp_path / "named", "named")))
    api.records.delete(vault, record, "told twice")
    assert back(vault, case) == set()


def test_a_damaged_record_can_still_be_deleted(world):
    vault, _, case = world
    record = give(vault, case, consent=AGREED)
    api.records.correct(vault, record, {"statement": "-", "consent": BACK})
    vault.atomic(lambda t: t.connection.execute("UPDATE record_version SET sd_jwt = 'x~' WHERE version = 1"))
    api.records.delete(vault, record, "it cannot be read")
    assert api.records.page(vault, case)[0].deleted


def test_another_case_does_not_let_out_what_was_taken_back(world, tmp_path):
    vault, _, case = world
    recording = take(vault, case, tmp_path / "recording", "recording")
    record = give(vault, case, **give_fields(recording))
    other = api.cases.add(vault, "another case").id
    same = take(vault, other, tmp_path / "again", "recording")
    free = take(vault, other, tmp_path / "free", "free")
    third = api.cases.add(vault, "a third case").id
    copy = take(vault, third, tmp_path / "copy", "a copy", derived_from=same)
    assert back(vault, other) | back(vault, third) == set()
    api.records.correct(vault, record, give_fields(recording) | {"consent": BACK}, "she called")
    assert (back(vault, other), back(vault, third)) == ({same}, {copy})
    assert told(vault, other, free) is None
    with pytest.raises(RefusedError, match="Consent was taken back"):
        seal(vault, third, "Lawyer", tmp_path / "x.age")


def test_a_type_that_no_longer_asks_does_not_let_out_what_was_taken_back(world):
    vault, _, case = world
    asks = VISIT + (
        '\n[[field]]\nname = "consent"\nkind = "group"\nlabel = { en = "Consent" }\n'
        '[[field.field]]\nname = "withdrawn_how"\nkind = "text"\nlabel = { en = "Taken back" }\n'
    )
    api.record_types.add(vault, _with_group_first(asks))
    record = api.records.add(vault, case, "visit", {"report": "crowded", "consent": {"withdrawn_how": "called"}}).id
    assert back(vault, case) == {record}
    api.record_types.add(vault, VISIT.replace("version = 1", "version = 2"))
    assert back(vault, case) == {record}


def test_the_paper_that_shows_a_consent_stays_unless_it_is_named(world, tmp_path):
    vault, other, case = world
    paper = take(vault, case, tmp_path / "paper", "signed: Wang Fang")
    again = take(vault, case, tmp_path / "again", "signed: Wang Fang")
    video = take(vault, case, tmp_path / "video", "I agree. I saw")
    shows = {"consent": AGREED | {"evidence": [{"id": paper}, {"id": video}]}}
    record = give(vault, case, **(give_fields(video) | shows))
    api.records.correct(vault, paper, {"belongs_to": {"id": record}})
    seal(vault, case, "Lawyer", tmp_path / "b.age")
    inside = everything_in_bag(tmp_path / "b.age", other)
    assert b"I agree. I saw" in inside, "what is told with leaves"
    for word in (b"Wang Fang", paper.encode(), again.encode()):
        assert word not in inside
    parts = {one.record_id: one for one in api.sealing.preview(vault, api.sealing.Choice(case)).parts}
    assert (parts[paper].disclosed, parts[paper].content) == ((), False)
    assert {one.disclosure for one in parts[paper].said} == {"protected"}
    with pytest.raises(RefusedError, match="Nothing of this case"):
        seal(vault, case, "Lawyer", tmp_path / "c.age", only=(paper,))
    seal(vault, case, "Lawyer", tmp_path / "c.age", disclose=((paper, "*"),))
    assert b"Wang Fang" in everything_in_bag(tmp_path / "c.age", other)


def test_nothing_about_consent_leaves_unless_it_is_named(world, tmp_path):
    vault, other, case = world
    record = give(vault, case, consent=AGREED)
    seal(vault, case, "Lawyer", tmp_path / "b.age")
    container = everything_in_bag(tmp_path / "b.age", other)
    assert b"what he said" in container
    for word in (b"the aunt", b'"pseudonym"', b"left school", b'"guardian"', b'"court"', b'"consent"', b'"uses"'):
        assert word not in container
    seal(vault, case, "Lawyer", tmp_path / "c.age", disclose=((record, "consent.uses"), (record, "consent.conditions")))
    for word in (b"left school", b'"court"', b'"consent"'):
        assert word in everything_in_bag(tmp_path / "c.age", other)
    assert b"the aunt" not in everything_in_bag(tmp_path / "c.age", other)


def everything_in_bag(file, vault) -> bytes:
    """Return all that whoever opens a bundle can read, what is encoded in it included."""
    return everything_in(container_of(file, vault.identity.hybrid, vault.identity.x25519))


def test_a_testimony_of_the_version_before_still_leaves_as_it_was_signed(world, monkeypatch, tmp_path):
    vault, _, case = world
    (before,) = (one for one in schema.earlier_schemas().values() if (one.type, one.version) == ("testimony", 2))
    assert before.digest == "2cec1bbe99d78a64e6cd9d9b1283ef4b8a3fbae8cae1ad4722354dace9b04adc"
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "schemas", lambda: {"testimony": before})
        record = give(vault, case, place="Urumqi")
    part = api.sealing.preview(vault, api.sealing.Choice(case)).parts[0]
    assert (part.disclosed, part.withheld) == (("statement",), ("place",))
    assert told(vault, case) == ("missing",)
    api.records.correct(vault, record, {"statement": "what he said", "consent": AGREED}, "asked")
    assert told(vault, case) == ()
    assert api.checking.check(vault, [], Job()).report.findings == ()


def test_a_type_that_asks_for_no_consent_is_not_asked(world):
    vault, _, case = world
    api.record_types.add(vault, VISIT)
    record = api.records.add(vault, case, "visit", {"report": "crowded"}).id
    assert told(vault, case, record) is None
    asks = VISIT.replace("version = 1", "version = 2") + (
        '\n[[field]]\nname = "consent"\nkind = "group"\nlabel = { en = "Consent" }\n'
        '[[field.field]]\nname = "risks_explained"\nkind = "boolean-unknown"\nlabel = { en = "Risks" }\n'
    )
    api.record_types.add(vault, _with_group_first(asks))
    assert told(vault, case, record) == ("missing",)


def _with_group_first(text: str) -> str:
    """Put the fields in front of the vocabularies, as TOML wants them."""
    head, mark, rest = text.partition("[vocabulary.role]")
    vocabulary, first, fields = rest.partition("\n[[field]]")
    return head + first.lstrip() + fields + "\n" + mark + vocabulary


def test_the_commands_say_it_before_and_refuse_what_was_taken_back(world, cli, tmp_path):
    vault, _, case = world
    record = give(vault, case)
    vault.close()
    words = ("seal", "--case", case, "--to", "Lawyer")
    code, shown = cli(*words, "--preview", vault="one")
    assert (code, shown["records"][0]["consent"]) == (0, {"speaks_against": ["missing"]})
    code, made = cli(*words, "--out", tmp_path / "b.age", vault="one")
    assert code == 0
    assert made["records"][0]["consent"] == {"speaks_against": ["missing"]}
    (tmp_path / "back.toml").write_text('statement = "what he said"\n[consent]\nwithdrawn_how = "he called"\n')
    assert cli("record", "correct", record, "--file", tmp_path / "back.toml", vault="one")[0] == 0
    code, refused = cli(*words, "--out", tmp_path / "c.age", vault="one")
    assert (code, refused["error"]["code"]) == (4, "refused")
    assert record in refused["error"]["message"]
    assert not (tmp_path / "c.age").exists()


def test_what_speaks_against_revealing_a_field_is_said_before(world, cli, tmp_path):
    vault, _, case = world
    person = api.records.add(vault, case, "person", {"pseudonym": "P-1", "names": [{"full": "Wang"}]}).id
    record = give(vault, case, consent=AGREED, witness_name="Wang", witness={"id": person})
    for one, path in ((record, "witness_name"), (person, "names")):
        assert api.sealing.preview_reveal(vault, one, path).consent.speaks_against == ("name",)
    with pytest.raises(NotFoundError):
        api.sealing.preview_reveal(vault, record, "title")
    vault.close()
    out = tmp_path / "b.age"
    code, made = cli("reveal", f"{person}:names", "--to", "Lawyer", "--out", out, vault="one")
    assert (code, made["consent"]) == (0, {"speaks_against": ["name"]})
