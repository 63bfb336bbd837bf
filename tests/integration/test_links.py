"""Which file belongs to which testimony leaves with both of them, and tells nothing about who is who."""

import json

import pytest

from tests.vault_world import PHOTO, bag_of, seal
from vault import api
from vault.jobs import Job


@pytest.fixture
def told(introduced, tmp_path):
    """A sender's case with a testimony, a note and a person, and what a recipient reads of each record."""
    sender, receiver = introduced
    case = api.cases.add(sender, "c").id

    def read(**choice):
        file = tmp_path / f"{len(list(tmp_path.glob('*.age')))}.age"
        seal(sender, case, "Receiver", file, accept_metadata=True, **choice)
        files = bag_of(file, receiver)
        names = [name for name in files if name.startswith("data/records/") and name.endswith(".json")]
        return {name[13:-5]: json.loads(files[name])["fields"] for name in names}, files

    return sender, receiver, case, read


def attach(vault, case, record=""):
    return api.intake.attach(vault, case, PHOTO, Job(), api.intake.About(record_id=record)).id


def test_a_file_and_its_testimony_say_that_they_belong_together_when_both_leave(told, tmp_path):
    sender, receiver, case, read = told
    testimony = api.records.add(sender, case, "testimony", {"statement": "s"}).id
    photo = attach(sender, case, testimony)
    digest = api.intake.show(sender, photo).sha256
    fields = {"statement": "s", "attachments": [{"id": attach(sender, case)}, {"id": photo, "sha256": digest}]}
    api.records.correct(sender, testimony, fields)
    first = fields["attachments"][0]["id"]
    seen, _ = read(withhold=((first, "*"),))
    assert seen[testimony]["attachments"] == [{"id": photo}], "only what leaves, and no digest"
    assert seen[photo]["belongs_to"] == {"id": testimony}
    part = {one.record_id: one for one in api.sealing.preview(sender, api.sealing.Choice(case)).parts}
    assert (part[testimony].links, part[photo].links, part[first].links) == ((first, photo), (testimony,), ())
    assert "belongs_to.id" in part[photo].disclosed
    api.receiving.receive(receiver, tmp_path / "0.age", Job())
    assert api.intake.show(receiver, photo).fields["belongs_to"] == {"id": testimony}


def test_a_link_of_which_one_end_stays_is_not_told(told):
    sender, _, case, read = told
    testimony = api.records.add(sender, case, "testimony", {"statement": "s"}).id
    photo = attach(sender, case, testimony)
    for choice in (
        {"withhold": ((testimony, "*"),)},
        {"withhold": ((photo, "sha256"),)},
        {"withhold": ((photo, "belongs_to"),)},
        {"only": (photo,)},
    ):
        seen, files = read(**choice)
        assert "belongs_to" not in seen[photo], choice
        assert testimony in seen or testimony.encode() not in b"".join(files.values())


def test_no_link_leads_to_a_person_or_out_of_a_note(told):
    sender, _, case, read = told
    person = api.records.add(sender, case, "person", {"pseudonym": "P"}).id
    portrait = attach(sender, case, person)
    shared = attach(sender, case)
    api.records.correct(sender, person, {"pseudonym": "P", "photos": [{"id": portrait}, {"id": shared}]})
    statement = {"statement": "s", "witness": {"id": person}, "attachments": [{"id": shared}]}
    testimony = api.records.add(sender, case, "testimony", statement).id
    note = api.records.add(sender, case, "note", {"text": "x"}).id
    paper = attach(sender, case, note)
    seen, _ = read()
    assert set(seen) == {person, shared, testimony, note}, "files of people and notes stay"
    seen, _ = read(disclose=((portrait, "sha256"), (paper, "sha256")))
    assert set(seen) == {person, portrait, shared, testimony, note, paper}
    assert seen[testimony] == {"statement": "s"}, "the file is a photo of somebody: it would say who the witness is"
    assert seen[person] == {"pseudonym": "P"}
    for one in (portrait, shared, paper):
        assert "belongs_to" not in seen[one]
    seen, _ = read(withhold=((person, "*"),))
    assert seen[testimony] == {"statement": "s"}, "a record that stays guards its files too"


def test_the_summary_after_a_seal_names_the_links(told, cli, tmp_path):
    sender, _, case, _ = told
    testimony = api.records.add(sender, case, "testimony", {"statement": "s"}).id
    photo = attach(sender, case, testimony)
    sender.close()
    code, said = cli("seal", "--case", case, "--to", "Receiver", "--out", tmp_path / "b.age", "--accept-metadata",
                     vault="sender")  # fmt: skip
    assert code == 0
    links = {one["id"]: one["links"] for one in said["records"]}
    assert links == {testimony: [], photo: [testimony]}


def test_a_photo_of_a_person_is_one_under_any_id_and_in_any_version(told):
    sender, _, case, read = told
    portrait = attach(sender, case)
    person = api.records.add(sender, case, "person", {"pseudonym": "P", "photos": [{"id": portrait}]}).id
    testimony = api.records.add(sender, case, "testimony", {"statement": "s"}).id
    again = attach(sender, case, testimony)
    named = ((again, "sha256"),)
    seen, _ = read(disclose=named)
    assert "belongs_to" not in seen[again], "the same photo, taken in twice"
    api.records.correct(sender, person, {"pseudonym": "P"})
    seen, _ = read(disclose=named)
    assert "belongs_to" not in seen[again], "an earlier version says whose photo it is"
