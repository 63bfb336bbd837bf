"""Reading a record: all it says and nothing that is obeyed, its versions, its end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.vault_world import introduce, make_vault, seal
from tui.dialogs.choose import ChooseDialog
from tui.screens.record import RecordScreen
from tui.widgets.reading import Reading
from vault import api
from vault.jobs import Job


@pytest.fixture
def case(vault) -> api.cases.Case:
    return api.cases.add(vault, "案")


@pytest.fixture
def record(vault, case):
    person = api.records.add(vault, case.id, "person", {"pseudonym": "P-1"})
    made = api.records.add(
        vault,
        case.id,
        "testimony",
        {
            "statement": "他五月三日来。",
            "language": "zh-Hans",
            "kind": "first_account",
            "given_on": {"value": "2023-05", "precision": "month", "qualifier": "estimated"},
            "witness": {"id": person.id},
        },
    )
    return api.records.correct(vault, made.id, made.fields | {"statement": "他五月四日来。"}, "听错了")


def test_an_id_in_what_somebody_wrote_is_never_replaced_by_a_title(at, vault, case):
    other = api.records.add(vault, case.id, "person", {"pseudonym": "P-77"})
    made = api.records.add(vault, case.id, "note", {"text": f"see {other.id}", "about": [{"id": other.id}]})

    async def story(person):
        await read(person, made)
        assert f"see {other.id}" in person.text()
        assert "P-77" in person.text()

    at(story, vault)


async def read(person, record):
    person.app.push_screen(RecordScreen(record.id))
    await person.settle()


def looks(vault, record):
    return [one for one in api.custody.of_object(vault, record.id) if one.event["type"] == "displaying"]


def test_a_record_is_read_with_labels_marks_versions_and_names_and_each_look_is_entered(at, vault, record):
    async def story(person):
        await read(person, record)
        shown = person.text()
        for text in (
            "他五月四日来。",
            "Statement · leaves",
            "Witness · stays",
            "P-1",
            "about 2023-05",
            "First account",
        ):
            assert text in shown
        assert all(one.digest in shown for one in record.versions)
        await person.press("f1", "escape")

    at(story, vault, size=(100, 50))
    assert len(looks(vault, record)) == 1


def test_an_older_version_is_shown_and_said_to_be_old(at, vault, record):
    async def story(person):
        await read(person, record)
        await person.press("v")
        await person.press("down", "enter")
        assert "他五月三日来。" in person.text()
        assert "not the newest" in person.text()

    at(story, vault)


def test_the_difference_of_two_versions_is_said_in_signs(at, vault, record):
    async def story(person):
        await read(person, record)
        await person.press("d")
        assert "[− 三 −][+ 四 +]" in person.text()
        await person.press("escape")
        await person.press("v")
        await person.press("down", "enter")
        await person.press("d")
        assert ["no version before" in one.message for one in person.app._notifications] == [True]

    at(story, vault)


def test_a_correction_begins_with_the_newest_version_and_comes_back_to_it(at, vault, record):
    async def story(person):
        await read(person, record)
        await person.press("c")
        await person.type("真的。")
        await person.press("f9")
        person.app.screen.query_one("#do").focus()
        await person.press("enter", "enter")
        assert "他五月四日来。真的。" in person.text()
        assert "version 3" in person.text()

    at(story, vault)


def test_deleting_says_what_and_how_many_and_asks_why(at, vault, case, record, tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("x")
    api.intake.attach(vault, case.id, file, Job(), api.intake.About(record_id=record.id))

    async def story(person):
        await read(person, record)
        assert "a.txt" in person.text()
        await person.press("x", "enter")
        await person.type("asked to")
        await person.press("enter")
        assert "2 signed versions" in person.text()
        assert "1 file that belongs to it stays" in " ".join(person.text().replace("│", " ").split())
        assert person.app.screen.focused.id == "cancel"
        await person.press("enter")
        assert not api.records.outline(vault, record.id)[0].deleted
        await person.press("x")
        await person.type("asked to")
        await person.press("enter", "tab", "enter")

    at(story, vault, size=(100, 40))
    assert api.records.outline(vault, record.id)[0].deleted


def test_foreign_text_is_shown_whole_and_never_obeyed(at, vault, case):
    hostile = "a\x1b[2Jb\u202egnp\u2066c\x07 e\u0301" + "\u0301" * 500
    uyghur = "مەن \u200dئۆ\u200cز"
    made = api.records.add(vault, case.id, "testimony", {"statement": f"{hostile}\n{uyghur}\nབཀྲ་ཤིས།"})

    async def story(person):
        await read(person, made)
        shown = person.text()
        assert not set("\x1b\x07\u202e\u2066") & set(shown)
        assert shown.count("\u0301") < 40
        assert "⟨RLO⟩gnp⟨LRI⟩c" in shown
        assert uyghur in shown
        assert "བཀྲ་ཤིས།" in shown

    at(story, vault)


def test_text_from_right_to_left_is_put_in_order_row_by_row_by_what_the_setting_says(at, vault, case, monkeypatch):
    made = api.records.add(vault, case.id, "note", {"text": "ئۈرۈمچى\nlatin"})
    monkeypatch.setattr(Reading, "order", staticmethod(lambda row, rtl: row[::-1] if rtl else row))

    async def story(person):
        await read(person, made)
        assert "ئۈرۈمچى"[::-1] in person.text()
        assert "latin" in person.text()

    at(story, vault)


def test_the_list_of_records_is_filtered_and_adds_any_type(at, vault, case, record):
    api.records.add(vault, case.id, "note", {"text": "call the lawyer"})

    async def story(person):
        await person.press("enter")
        assert "call the lawyer" in person.text()
        assert "他五月" in person.text()
        await person.press("slash")
        await person.type("note")
        await person.press("enter")
        assert "call the lawyer" in person.text()
        assert "他五月" not in person.text()
        await person.press("o")
        assert "What kind of record?" in person.text()
        await person.press("enter")
        await person.type("noted")
        await person.until(lambda: not person.app.screen.dirty)

    at(story, vault)
    assert [one.type for one in api.drafts.page(vault)] == ["note"]


def test_a_person_is_added_in_the_pane_of_people(at, vault, case):
    async def story(person):
        await person.press("enter", "2")
        assert "Nobody is recorded" in person.text()
        await person.press("a")
        await person.type("P-9")
        await person.press("f9", "tab", "enter", "enter")
        assert "P-9" in person.text()

    at(story, vault)
    assert [(one.type, one.title) for one in api.records.page(vault, case.id)] == [("person", "P-9")]


def test_what_is_said_of_a_file_is_corrected_and_what_its_bytes_say_is_not_asked(at, vault, case, tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("x")
    made = api.intake.attach(vault, case.id, file, Job(), api.intake.About(note="a paper"))

    async def story(person):
        await read(person, made)
        await person.press("c")
        assert "SHA-256" not in person.text()
        editor = next(one for one in person.app.screen.query("Editor") if one.text == "a paper")
        editor.focus()
        await person.press("end")
        await person.type(" from the court")
        await person.press("f9")
        person.app.screen.query_one("#do").focus()
        await person.press("enter")
        assert "version 2" in person.text()

    at(story, vault)
    now = api.records.show(vault, made.id)
    assert now.fields["description"] == "a paper from the court"
    assert now.fields["sha256"] == made.sha256


def test_a_received_record_says_from_whom_and_how_sure_and_is_not_corrected(at, tmp_path):
    sender, mine = make_vault(tmp_path / "sender", 1), make_vault(tmp_path / "vault")
    introduce(sender, mine, "Me")
    introduce(mine, sender, "Lawyer")
    case = api.cases.add(sender, "theirs")
    api.records.add(sender, case.id, "testimony", {"statement": "他来了。", "place": "secret"})
    seal(sender, case.id, "Me", tmp_path / "b.age")
    api.receiving.receive(mine, tmp_path / "b.age", Job())
    found = next(one for one in api.records.page(mine, api.cases.page(mine)[0].id))

    async def story(person):
        await read(person, found)
        shown = person.text()
        assert "他来了。" in shown
        assert "Received from Lawyer: verified." in shown
        assert "withheld a part" in shown
        await person.press("c")
        assert isinstance(person.app.screen, RecordScreen)

    at(story, mine)
    assert api.drafts.page(mine) == []
    for vault in (sender, mine):
        vault.close()


def test_a_type_of_an_organisation_is_offered_filled_in_and_read(at, vault, case):
    text = (Path(api.__file__).parents[1] / "docs" / "formats" / "schema.md").read_text()
    api.record_types.add(vault, re.search(r"```toml\n(.*?)```", text, re.DOTALL)[1])

    async def story(person):
        await person.press("enter")
        await person.press("o")
        assert "Prison visit" in person.text()
        await person.press("end", "enter")
        await person.type("overcrowded")
        await person.press("f9")
        person.app.screen.query_one("#do").focus()
        await person.press("enter", "enter")
        await person.press("enter")
        assert "What was seen · leaves" in person.text()
        assert "overcrowded" in person.text()

    at(story, vault)
    assert [one.type for one in api.records.page(vault, case.id)] == ["visit"]


def test_a_draft_is_dropped_from_the_list_only_where_one_is_marked_and_after_asking(at, vault, case, record):
    api.drafts.save(vault, case.id, "note", {"text": "half"})

    async def story(person):
        await person.press("enter")
        assert "Drop draft" in person.text()
        await person.press("down")
        assert "Drop draft" not in person.text()
        await person.press("x", "up", "x")
        assert "1 draft" in person.text()
        await person.press("enter")
        assert len(api.drafts.page(vault)) == 1
        await person.press("x")
        await person.press("tab", "enter")
        assert "half" not in person.text()

    at(story, vault, size=(100, 24))
    assert api.drafts.page(vault) == []


def test_what_is_marked_of_several_is_told_by_signs_and_taken(at, vault):
    taken = []

    async def story(person):
        options = [("a", "film"), ("b", "portrait"), ("c", "paper")]
        dialog = ChooseDialog("Photos", options, ("a",), many=True, may_be_empty=True)
        person.app.push_screen(dialog, taken.append)
        await person.settle()
        assert re.findall(r"\[(.)\] +(\w+)", person.text()) == [("✓", "film"), (" ", "portrait"), (" ", "paper")]
        await person.press("down", "space", "f9")

    at(story, vault)
    assert taken == [["a", "b"]]


def test_files_are_attached_for_a_person_and_it_is_said_that_they_stay(at, vault, case, tmp_path):
    made = api.records.add(vault, case.id, "person", {"pseudonym": "P-1"})
    (tmp_path / "portrait.txt").write_text("x")

    async def story(person):
        await read(person, made)
        before = len(looks(vault, made))
        await person.press("a")
        assert "They stay when the case is sealed, unless you mark them." in person.text()
        await person.type(str(tmp_path / "portrait.txt"))
        await person.press("enter")
        await person.until(lambda: "• portrait.txt" in person.text())
        assert len(looks(vault, made)) == before

    at(story, vault, size=(100, 40))
    (one,) = api.intake.page(vault, case.id)
    assert one.fields["belongs_to"] == {"id": made.id}
