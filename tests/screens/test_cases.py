"""The list of cases: what is there, what is found, and a new one."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import DataTable, Input

from vault import api
from vault.jobs import Job


def test_a_case_is_begun_with_a_key_and_opened_again_from_the_list(at, vault):
    async def story(person):
        await person.press("n")
        await person.type("王全璋案")
        await person.press("enter")
        assert [case.title for case in api.cases.page(vault)] == ["王全璋案"]
        assert "王全璋案" in person.text()
        await person.press("escape")
        assert person.app.screen.query_one("#cases", DataTable).row_count == 1
        await person.press("enter")
        assert type(person.app.screen).__name__ == "CaseScreen"

    at(story, vault)


def test_typing_searches_in_signed_text_and_enter_opens_what_was_found(at, vault):
    case = api.cases.add(vault, "一")
    api.records.add(vault, case.id, "testimony", {"statement": "律师被拘留。"})

    async def story(person):
        await person.press("slash")
        await person.type("拘留")
        assert person.app.screen.query_one("#hits", DataTable).row_count == 1
        await person.press("enter", "enter")
        assert "律师被拘留。" in person.text()
        await person.press("escape")
        assert person.app.screen.case_id == case.id

    at(story, vault)


def test_a_case_is_found_by_its_title_and_enter_opens_it(at, vault):
    case = api.cases.add(vault, "At the Gāte")
    api.cases.add(vault, "Another")

    async def story(person):
        await person.press("slash")
        await person.type("gate")
        assert person.app.screen.query_one("#hits", DataTable).row_count == 1
        await person.press("enter", "enter")
        assert type(person.app.screen).__name__ == "CaseScreen"
        assert person.app.screen.case_id == case.id

    at(story, vault)


def test_a_title_cannot_speak_to_the_terminal(at, vault):
    api.cases.add(vault, "bad \x1b]52;c;aGk=\x07 \u202etitle")

    async def story(person):
        shown = person.text()
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "bad" in shown

    at(story, vault)


def test_what_is_typed_straight_after_the_stroke_goes_into_the_search_line(at, vault):
    """A fast hand does not wait until the screen has moved on: n would begin a case, k show the keys."""
    api.cases.add(vault, "sunken")

    async def story(person):
        screen = person.app.screen
        for key, character in (("slash", "/"), *((letter, letter) for letter in "sunk/n")):
            person.app.post_message(events.Key(key, character))
        await person.settle()
        assert person.app.screen is screen
        assert screen.query_one("#search", Input).value == "sunk/n"

    at(story, vault)


def test_what_was_found_is_counted_truly_and_by_kind(at, vault, tmp_path):
    case = api.cases.add(vault, "the gate")
    (tmp_path / "the gate.txt").write_text("x")
    api.intake.attach(vault, case.id, tmp_path / "the gate.txt", Job())
    for number in range(3):
        api.records.add(vault, case.id, "note", {"text": f"at the gate, {number}"})
    api.records.add(vault, case.id, "note", {"text": "many words"})

    async def story(person):
        await person.press("slash")
        await person.type("gate")
        assert "1 case, 3 records, 1 file, newest first" in person.text()
        person.app.screen.query_one("#search", Input).value = "many"
        await person.settle()
        assert "1 record, newest first" in person.text()

    at(story, vault)


def test_where_more_is_found_than_is_listed_that_is_said(at, vault):
    case = api.cases.add(vault, "case")
    for number in range(51):
        api.records.add(vault, case.id, "note", {"text": f"gate {number}"})

    async def story(person):
        await person.press("slash")
        await person.type("gate")
        assert person.app.screen.query_one("#hits", DataTable).row_count == 50
        assert "the newest: 50 records. There are more; type another word." in person.text()

    at(story, vault)


@pytest.mark.parametrize("title", ["长" * 200, "a very long title " * 20])
def test_a_long_title_pushes_no_column_out_and_can_be_read_whole(at, vault, title):
    api.cases.add(vault, "short")
    api.cases.add(vault, title.strip())

    async def story(person):
        text = person.text()
        heads = next(line for line in text.splitlines() if "Records" in line)
        assert all(column in heads for column in ("Case", "Files", "Begun", "From"))
        row = next(line for line in text.splitlines() if "…" in line and line.strip().startswith(title[:3]))
        assert row.rstrip().endswith(f"{api.cases.page(vault)[0].created_at.astimezone():%Y-%m-%d}")
        whole = "".join(text.split())
        assert "".join(title.split())[:300] in whole
        await person.press("down")
        assert "".join(title.split())[:300] not in "".join(person.text().split())

    at(story, vault)


def test_of_more_records_than_anybody_reads_the_newest_are_shown_and_the_filter_finds_the_others(
    at, vault, monkeypatch
):
    monkeypatch.setattr("tui.panes.records._MOST", 3)
    case = api.cases.add(vault, "一")
    for number in range(5):
        api.records.add(vault, case.id, "note", {"title": f"note-{number}", "text": "…"})
    api.drafts.save(vault, case.id, "note", {"title": "a draft"})

    async def story(person):
        await person.press("enter")
        text = person.text()
        assert "The newest 4 of 6 are shown; / finds the others." in text
        assert [f"note-{number}" in text for number in range(5)] == [False, False, True, True, True]
        assert "a draft" in text
        await person.press("slash")
        await person.type("note-0")
        assert person.app.screen.query_one(".records").row_count == 1
        assert "are shown" not in person.text()

    at(story, vault)
