"""Keys that come faster than the screens follow: each means once what it meant when it was pressed."""

from __future__ import annotations

import asyncio
import threading

import pytest
from textual import events
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.worker import WorkerFailed

from tests.screens.test_consent import case, give, lawyer, out  # noqa: F401 - fixtures
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.help import HelpDialog
from tui.screens.cases import CasesScreen
from tui.screens.drafting import DraftScreen
from tui.screens.record_edit import new_draft, screen_for
from tui.screens.seal import SealScreen
from tui.widgets.editor import Editor
from tui.widgets.mark_list import MarkList, Row
from vault import api


async def burst(person, *keys) -> None:
    """Bring keys and pastes as a terminal does that was held up: all before anything is done about the first."""
    for key in keys:
        person.app.post_message(key if isinstance(key, events.Event) else events.Key(key, None))
    await person.settle()


async def write(person, vault, case) -> DraftScreen:  # noqa: F811
    """Open a new testimony."""
    screen = screen_for(vault, new_draft(case.id, "testimony"))
    person.app.push_screen(screen)
    await person.settle()
    assert isinstance(person.app.focused, Editor)
    return screen


def drafts(vault) -> list[str]:
    return [str(one.fields.get("statement", "")) for one in api.drafts.page(vault)]


@pytest.mark.parametrize("keys", [("escape", "escape"), ("enter", "escape"), ("enter", "enter")])
def test_a_dialog_that_is_answered_twice_loses_nothing(at, vault, case, keys):  # noqa: F811
    async def story(person):
        await write(person, vault, case)
        await person.type("一")
        await person.press("f4")
        assert isinstance(person.app.screen, ConfirmDialog)
        await burst(person, *keys)
        assert not isinstance(person.app.screen, ConfirmDialog)
        await person.press("ctrl+l")

    at(story, vault)
    assert drafts(vault) == ["一"]


@pytest.mark.parametrize("button", ["cancel", "do"])
def test_a_button_that_is_clicked_twice_takes_no_screen_away(at, vault, case, button):  # noqa: F811
    answers = []

    async def story(person):
        screen = await write(person, vault, case)
        person.app.push_screen(ConfirmDialog("?", "", "Do"), answers.append)
        await person.settle()
        for _click in range(2):
            person.app.screen.query_one(f"#{button}").press()
        await person.settle()
        assert person.app.screen is screen

    at(story, vault)
    assert answers == [button == "do"]


def test_help_that_is_called_while_a_draft_is_left_keeps_no_dead_draft(at, vault, case, monkeypatch):  # noqa: F811
    goes_on = threading.Event()
    save = api.drafts.save

    def slowly(*arguments):
        goes_on.wait(120)
        return save(*arguments)

    async def story(person):
        await write(person, vault, case)
        monkeypatch.setattr(api.drafts, "save", slowly)
        person.app.screen.focused.post_message(events.Paste("一"))
        await person.until(lambda: person.app.screen.dirty)
        await person.pilot.press("escape")
        await person.until(lambda: person.app.busy > 0)
        await person.pilot.press("f1")
        await person.until(lambda: isinstance(person.app.screen, HelpDialog))
        goes_on.set()
        await person.settle()
        if isinstance(person.app.screen, HelpDialog):
            await person.press("escape")
        assert not isinstance(person.app.screen, DraftScreen)

    at(story, vault)
    assert drafts(vault) == ["一"]


def test_going_on_twice_never_passes_the_preview_by(at, vault, case, lawyer, out):  # noqa: F811
    give(vault, case)

    async def story(person):
        person.app.push_screen(SealScreen(case.id))
        await person.settle()
        await person.press("f9", "space", "f9")
        await burst(person, "f9", "f9", "f9")
        assert isinstance(person.app.screen, SealScreen | ConfirmDialog)
        assert "! in doubt for 1" in person.text() or isinstance(person.app.screen, ConfirmDialog)

    at(story, vault)
    assert list(out.iterdir()) == []


def test_nothing_is_sealed_while_what_leaves_is_still_being_looked_up(
    at, vault, case, lawyer, out, monkeypatch  # noqa: F811
):  # fmt: skip
    give(vault, case)
    goes_on = threading.Event()
    preview = api.sealing.preview

    def slowly(*arguments):
        goes_on.wait(120)
        return preview(*arguments)

    async def story(person):
        screen = SealScreen(case.id)
        person.app.push_screen(screen)
        await person.settle()
        await person.press("f9", "space", "f9")
        monkeypatch.setattr(api.sealing, "preview", slowly)
        await person.pilot.press("f9")
        await person.until(lambda: person.app.busy > 0)
        await person.pilot.press("f9")
        assert person.app.screen is screen
        goes_on.set()
        await person.settle()
        await person.press("f9")
        assert isinstance(person.app.screen, ConfirmDialog), "it is asked about the consent that nobody gave"

    at(story, vault)


def test_going_on_twice_leaves_no_step_half_shown(at, vault, case, lawyer):  # noqa: F811
    give(vault, case, uses=["court"], name_use="pseudonym", risks_explained="yes")

    async def story(person):
        person.app.push_screen(SealScreen(case.id))
        await person.settle()
        await burst(person, "f9", "f9")
        assert "✓ verified" in person.text()

    at(story, vault)


def test_work_for_a_screen_that_was_left_ends_nothing(at, vault):
    api.cases.add(vault, "lantern")

    async def late():
        raise NoMatches("what it wanted to fill has gone")

    async def left(person):
        await person.press("enter")
        screen = person.app.screen
        await person.press("escape")
        screen.work("filling", late)
        await person.settle()
        assert isinstance(person.app.screen, CasesScreen)

    async def in_front(person):
        person.app.screen.work("filling", late)
        await person.settle()

    assert at(left, vault) is None
    # On a screen in front it is a mistake of ours.
    with pytest.raises(WorkerFailed):
        at(in_front, vault)


def test_a_long_list_is_laid_out_in_parts_between_which_keys_are_heard(at, monkeypatch):
    class Bare(Screen[None]):
        def compose(self):
            yield MarkList()

    parts = [0]

    def add_row(listed, *cells, real=MarkList.add_row, **named):
        if not parts[-1]:
            asyncio.get_running_loop().call_soon(parts.append, 0)
        parts[-1] += 1
        return real(listed, *cells, **named)

    monkeypatch.setattr(MarkList, "add_row", add_row)

    async def story(person):
        person.app.push_screen(Bare())
        await person.settle()
        rows = [Row(str(number), (f"{number}",)) for number in range(1500)]
        person.app.screen.query_one(MarkList).fill([("What", 0)], rows, {"1499"})
        await person.settle()
        assert person.app.screen.query_one(MarkList).row_count == 1500
        assert max(parts) <= 200, "many rows were laid out in one piece"
        person.app.screen.query_one(MarkList).focus()
        await person.press("end")
        assert "[✓] 1499" in " ".join(person.text().split())
        rows[1499] = Row("1499", ("other",))
        person.app.screen.query_one(MarkList).fill([("What", 0)], rows, {"1498"})
        await person.settle()
        assert "[✓] 1498 [ ] other" in " ".join(person.text().split())
        assert sum(parts) == 1500, "what was there already was laid out again"

    at(story)
