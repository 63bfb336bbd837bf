"""A file stays where the record that it belongs to keeps it; what is told with leaves."""

from __future__ import annotations

import json

import pytest

from tests.vault_world import bag_of, seal
from vault import api
from vault.errors import RefusedError
from vault.jobs import Job


@pytest.fixture
def told(introduced, tmp_path):
    """A sender with a case, what takes a file in, and what asks which files would leave."""
    sender, _ = introduced
    case = api.cases.add(sender, "c").id

    def take(text: str, **about) -> str:
        file = tmp_path / f"{len(list(tmp_path.glob('*.bin')))}.bin"
        file.write_text(text)
        return api.intake.attach(sender, case, file, Job(), api.intake.About(**about)).id

    def leave(**choice) -> set[str]:
        parts = api.sealing.preview(sender, api.sealing.Choice(case, **choice)).parts
        return {part.record_id for part in parts if part.content}

    return sender, case, take, leave


def test_files_of_people_and_notes_stay_and_those_of_testimonies_and_of_the_case_leave(told):
    vault, case, take, leave = told
    person = api.records.add(vault, case, "person", {"pseudonym": "P"}).id
    note = api.records.add(vault, case, "note", {"text": "x"}).id
    testimony = api.records.add(vault, case, "testimony", {"statement": "s"}).id
    passport, portrait = take("passport"), take("portrait", record_id=person)
    documents = [{"type": "passport", "copies": [{"id": passport}]}]
    api.records.correct(vault, person, {"pseudonym": "P", "identity_documents": documents})
    paper, film, beside = take("paper", record_id=note), take("film", record_id=testimony), take("beside")
    assert leave() == {film, beside}
    assert leave(disclose=((passport, "sha256"), (portrait, "size"), (paper, "*"))) == {
        passport, portrait, paper, film, beside,
    }  # fmt: skip
    parts = {part.record_id: part for part in api.sealing.preview(vault, api.sealing.Choice(case)).parts}
    assert {one for one, part in parts.items() if part.stays} == {passport, portrait, paper}
    assert all(parts[one].disclosed == () for one in (passport, portrait, paper))


def test_a_file_that_stays_is_not_told_of_and_leaves_like_any_other_once_it_is_named(told, tmp_path, introduced):
    vault, case, take, _ = told
    person = api.records.add(vault, case, "person", {"pseudonym": "P"}).id
    portrait = take("portrait", record_id=person)
    with pytest.raises(RefusedError, match="Nothing of this case") as refused:
        seal(vault, case, "Receiver", tmp_path / "a.age", only=(portrait,))
    assert "stay unless they are named" in refused.value.advice
    seal(vault, case, "Receiver", tmp_path / "b.age")
    seal(vault, case, "Receiver", tmp_path / "c.age", disclose=((portrait, "sha256"),))
    _, receiver = introduced
    bags = [bag_of(tmp_path / name, receiver) for name in ("b.age", "c.age")]
    for bag, there in zip(bags, (False, True), strict=True):
        assert (portrait.encode() in b"".join(bag.values())) is there
    fields = json.loads(bags[1][f"data/records/{portrait}.json"])["fields"]
    assert set(fields) == {"sha256", "sha512", "size", "media_type"}, "what else is known of it stays"


def test_what_a_record_named_once_still_stays_and_so_does_a_file_of_one_that_was_deleted(told):
    vault, case, take, leave = told
    portrait = take("portrait")
    person = api.records.add(vault, case, "person", {"pseudonym": "P", "photos": [{"id": portrait}]}).id
    api.records.correct(vault, person, {"pseudonym": "P"})
    other = api.records.add(vault, case, "person", {"pseudonym": "Q"}).id
    of_other = take("of the other", record_id=other)
    api.records.delete(vault, other, "not needed")
    assert leave() == set(), (portrait, of_other)


def test_copies_share_the_fate_of_what_they_were_made_from_also_when_that_was_deleted(told):
    vault, case, take, leave = told
    person = api.records.add(vault, case, "person", {"pseudonym": "P"}).id
    portrait = take("portrait", record_id=person)
    between = take("brighter", derived_from=portrait)
    copy, again = take("brighter still", derived_from=between), take("brighter still")
    assert leave() == set(), (copy, again)
    api.records.delete(vault, portrait, "not needed")
    api.records.delete(vault, between, "not needed")
    assert leave() == set()
    api.records.add(vault, case, "testimony", {"statement": "s", "attachments": [{"id": copy}]})
    assert leave() == {copy, again}, "somebody said that it is what is told with"


def test_a_protected_field_of_an_own_type_keeps_the_files_it_names_and_a_linked_one_does_not(told):
    vault, case, take, leave = told
    kind = """
        format = "evidence-type/1"
        type = "visit"
        version = 1
        title = ["report"]
        label = { en = "Visit" }
        [[field]]
        name = "report"
        kind = "text"
        label = { en = "Report" }
        [[field]]
        name = "badge"
        kind = "attachment"
        label = { en = "Badge of the visitor" }
        [[field]]
        name = "photos"
        kind = "attachment"
        repeat = true
        disclosure = "linked"
        label = { en = "Photos" }
    """
    api.record_types.add(vault, kind)
    badge, photo, attached = take("badge"), take("photo"), None
    fields = {"report": "r", "badge": {"id": badge}, "photos": [{"id": photo}]}
    visit = api.records.add(vault, case, "visit", fields).id
    attached = take("attached", record_id=visit)
    assert leave() == {photo, attached}


def test_the_command_says_which_files_stay_and_how_to_let_one_leave(told, cli):
    vault, case, take, _ = told
    person = api.records.add(vault, case, "person", {"pseudonym": "P"}).id
    portrait = take("portrait", record_id=person)
    vault.close()
    words = ("seal", "--case", case, "--to", "Receiver", "--preview")
    parts = {one["id"]: one for one in cli(*words, vault="sender")[1]["records"]}
    assert (parts[portrait]["stays"], parts[portrait]["content"], parts[person]["stays"]) == (True, False, False)
    let = cli(*words, "--disclose", f"{portrait}:sha256", vault="sender")[1]["records"]
    assert {one["id"]: one["content"] for one in let} == {person: False, portrait: True}


def test_what_a_record_named_stays_when_the_record_is_deleted(told):
    vault, case, take, leave = told
    portrait, passport, film = take("portrait"), take("passport"), take("film")
    documents = [{"copies": [{"id": passport}]}]
    fields = {"pseudonym": "P", "photos": [{"id": portrait}]}
    person = api.records.add(vault, case, "person", fields).id
    api.records.correct(vault, person, {"pseudonym": "P", "identity_documents": documents})
    api.records.delete(vault, person, "nobody may find them")
    assert leave() == {film}, (portrait, passport)
    with pytest.raises(RefusedError, match="Nothing of this case"):
        seal(vault, case, "Receiver", vault.folder.parent / "a.age", withhold=((film, "*"),))


def test_what_a_draft_names_stays_until_the_draft_is_dropped(told):
    vault, case, take, leave = told
    portrait, badge, film = take("portrait"), take("badge"), take("film")
    fields = {"pseudonym": "P", "photos": [{"id": portrait}]}
    draft = api.drafts.save(vault, case, "person", fields)
    person = api.records.add(vault, case, "person", {"pseudonym": "Q"}).id
    correction = api.drafts.save(vault, case, "attachment", {"belongs_to": {"id": person}}, badge, 1)
    elsewhere = api.cases.add(vault, "other").id
    api.drafts.save(vault, elsewhere, "note", {"text": "x", "attachments": [{"id": film}]})
    assert leave() == {film}
    for one in (draft, correction):
        api.drafts.drop(vault, one.id)
    assert leave() == {portrait, badge, film}


def test_copies_of_a_deleted_file_share_the_fate_of_what_it_belonged_to_at_last(told):
    vault, case, take, leave = told
    person = api.records.add(vault, case, "person", {"pseudonym": "P"}).id
    testimony = api.records.add(vault, case, "testimony", {"statement": "s"}).id
    portrait = take("portrait", record_id=testimony)
    api.records.correct(vault, portrait, {"belongs_to": {"id": person}})
    take("brighter", derived_from=portrait)
    api.records.delete(vault, portrait, "not needed")
    assert leave() == set()


def test_the_same_bytes_again_stay_also_when_those_that_belonged_to_somebody_were_deleted(told):
    vault, case, take, leave = told
    person = api.records.add(vault, case, "person", {"pseudonym": "P"}).id
    portrait, again = take("portrait", record_id=person), take("portrait")
    take("brighter", derived_from=again)
    api.records.delete(vault, portrait, "twice")
    assert leave() == set()


def test_a_copy_in_another_case_shares_the_fate_of_what_it_was_made_from(told, tmp_path):
    vault, _, take, leave = told
    elsewhere = api.cases.add(vault, "other").id
    (tmp_path / "p").write_text("portrait")
    portrait, film = (api.intake.attach(vault, elsewhere, tmp_path / "p", Job()).id for _ in range(2))
    film_copy, copy = take("shorter", derived_from=film), take("brighter", derived_from=portrait)
    assert leave() == {film_copy, copy}
    person = api.records.add(vault, elsewhere, "person", {"pseudonym": "P", "photos": [{"id": portrait}]}).id
    take("brighter still", derived_from=copy)
    assert leave() == set(), "the same bytes again, too"
    api.records.delete(vault, person, "not needed")
    api.records.delete(vault, portrait, "not needed")
    assert leave() == set()


def test_what_an_earlier_type_kept_stays_when_the_type_of_now_has_no_such_field(told):
    vault, case, take, leave = told
    before = """
        format = "evidence-type/1"
        type = "visit"
        version = 1
        title = ["report"]
        label = { en = "Visit" }
        [[field]]
        name = "report"
        kind = "text"
        label = { en = "Report" }
    """
    badge = '\n[[field]]\nname = "badge"\nkind = "attachment"\nlabel = { en = "Badge of the visitor" }\n'
    api.record_types.add(vault, before + badge)
    file = take("badge")
    visit = api.records.add(vault, case, "visit", {"report": "r", "badge": {"id": file}}).id
    api.record_types.add(vault, before.replace("version = 1", "version = 2"))
    assert leave() == set()
    api.records.correct(vault, visit, {"report": "r"})
    assert leave() == set()
