"""The list of cases: what is there, what is found, and a new one."""

from __future__ import annotations

from textual.widgets import DataTable

from vault import api


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
