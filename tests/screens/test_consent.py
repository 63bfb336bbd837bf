"""Consent on the screens: asked beside the words, said before a seal, taken back by a correction."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import DataTable

from tui.dialogs.confirm import ConfirmDialog
from tui.screens.record_edit import new_draft, screen_for
from tui.screens.seal import SealScreen
from tui.widgets.choice import Choice
from tui.widgets.fields import Box
from tui.widgets.form import Form
from tui.widgets.mark_list import MarkList
from vault import api

AGREED = {"uses": ["court"], "name_use": "pseudonym", "risks_explained": "yes"}


@pytest.fixture
def case(vault):
    """A case."""
    return api.cases.add(vault, "王案")


@pytest.fixture
def out(tmp_path: Path, monkeypatch) -> Path:
    """Where bundles go; choosing begins there."""
    place = tmp_path / "out"
    place.mkdir()
    monkeypatch.setattr("tui.dialogs.choose_files._last", {False: place, True: place})
    return place


@pytest.fixture
def lawyer(vault, other_vault):
    """A verified contact."""
    api.contacts.add_card(vault, api.contacts.card(other_vault, "Lawyer"))
    api.contacts.verify(vault, "Lawyer", other_vault.identity.fingerprint)


def give(vault, case, **consent) -> str:
    fields = {"title": "第一次", "statement": "他说了。", "witness_name": "王小明"}
    return api.records.add(vault, case.id, "testimony", fields | ({"consent": consent} if consent else {})).id


def test_it_is_asked_beside_who_when_and_where_and_its_lack_is_said_before_signing(at, vault, case):
    async def story(person):
        person.app.push_screen(screen_for(vault, new_draft(case.id, "testimony")))
        await person.settle()
        await person.type("我看见了。")
        await person.until(lambda: person.app.screen.query_one(Form).ready)
        await person.press("f9")
        assert "No consent is noted." in person.text()
        await person.press("escape", "f3")
        boxes = [one for one in person.app.screen.query(Box) if one.field.name in AGREED]
        names = [one.field.name for one in person.app.screen.query(Box)]
        assert names.index("witness_name") < names.index("uses") < names.index("interviewer")
        assert "Agreed to" in "".join(str(child.render()) for one in boxes for child in one.query(".field-label"))
        for one in boxes:
            choice = one.query_one(Choice)
            wanted = AGREED[one.field.name]
            choice.chosen = wanted if one.field.repeat else [wanted]
            choice._changed()
            await person.settle()
        await person.until(lambda: not person.app.screen.dirty)
        assert api.drafts.page(vault)[0].fields["consent"] == AGREED
        await person.press("f9")
        assert "No consent is noted." not in person.text()

    at(story, vault)


@pytest.mark.parametrize("keys", [("enter",), ("escape",)])
def test_without_consent_nothing_is_sealed_unless_that_is_agreed_to(at, vault, case, lawyer, out, keys):
    give(vault, case)

    async def story(person):
        person.app.push_screen(SealScreen(case.id))
        await person.settle()
        assert "no consent noted" in person.text()
        await person.press("f9", "space", "f9", "f9")
        assert "consent is missing or does not cover it" in person.text()
        assert "! in doubt for 1" in person.text()
        await person.press("f9")
        assert isinstance(person.app.screen, ConfirmDialog)
        assert "no consent is noted" in person.text()
        assert person.app.screen.focused.id == "cancel"
        await person.press(*keys)
        assert isinstance(person.app.screen, SealScreen)

    at(story, vault)
    assert not list(out.iterdir())
    assert not api.sealing.sent(vault, case.id)


def test_a_seal_without_consent_takes_an_explicit_yes(at, vault, case, lawyer, out):
    give(vault, case)

    async def story(person):
        person.app.push_screen(SealScreen(case.id))
        await person.settle()
        await person.press("f9", "space", "f9", "f9", "f9", "tab", "enter", "enter", "tab", "enter")
        await person.until(lambda: bool(api.sealing.sent(vault, case.id)))
        await person.settle()

    at(story, vault)
    assert len(list(out.iterdir())) == 1


def test_what_was_agreed_to_is_said_to_be_compared_and_a_name_beyond_it_is_named(at, vault, case, lawyer, out):
    give(vault, case, **AGREED)

    async def story(person):
        person.app.push_screen(SealScreen(case.id))
        await person.settle()
        assert "consent" not in person.app.screen.query_one(MarkList)._rows[0].cells[-1]
        await person.press("enter")
        rows = [one.key for one in person.app.screen.query_one(MarkList)._rows]
        person.app.screen.query_one(MarkList).move_cursor(row=rows.index("witness_name"))
        await person.press("space", "f9")
        assert "consent in doubt" in person.text()
        await person.press("f9", "space", "f9", "f9", "f9")
        text = " ".join(person.text().replace("│", " ").split())
        assert "their name leaves, and that was not agreed to" in text
        assert "Agreed to: To courts and prosecutors" in text
        assert "Under which name: Pseudonym only" in text

    at(story, vault)


def test_where_all_is_noted_nobody_is_asked_again(at, vault, case, lawyer, out):
    give(vault, case, **AGREED)

    async def story(person):
        person.app.push_screen(SealScreen(case.id))
        await person.settle()
        await person.press("f9", "space", "f9", "f9")
        assert "noted for all of it" in person.text()
        await person.press("down", "enter")
        assert "To courts and prosecutors" in person.text()
        assert "the program does not know that" in " ".join(person.text().replace("│", " ").split())
        await person.press("escape", "f9")
        assert type(person.app.screen).__name__ == "ChooseFilesDialog"

    at(story, vault)


def test_what_was_taken_back_is_not_marked_and_cannot_be_let_go(at, vault, case, lawyer, out):
    give(vault, case, withdrawn_how="he called")
    give(vault, case, **AGREED)

    async def story(person):
        person.app.push_screen(SealScreen(case.id))
        await person.settle()
        listed = person.app.screen.query_one(MarkList)
        back = next(place for place, one in enumerate(listed._rows) if "consent taken back" in one.cells[-1])
        assert listed._rows[back].key not in listed.marked
        listed.move_cursor(row=back)
        await person.press("space", "f9")
        assert person.app.screen.step.id == "what"
        assert any("Consent was taken back" in one.message for one in person.app._notifications)
        listed.move_cursor(row=back)
        await person.press("space", "f9")
        assert person.app.screen.step.id == "whom"

    at(story, vault)


def test_in_chinese_all_of_it_is_said(at, vault, case, lawyer, out):
    give(vault, case)

    async def story(person):
        person.app.push_screen(SealScreen(case.id))
        await person.settle()
        assert "未注明同意" in person.text()
        await person.press("f9", "space", "f9", "f9")
        table = person.app.screen.query_one("#shown", DataTable)
        assert "1 项有疑问" in str(table.get_row_at(1)[1])
        await person.press("f9")
        assert "未经同意就外传？" in person.text()

    at(story, vault, language="zh-Hans")
