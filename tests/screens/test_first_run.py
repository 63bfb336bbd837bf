"""The first screen: where a vault is or will be, and its passphrase; back and forth without a trap."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Button, Input

from tui.screens.first_run import FirstRunScreen
from tui.widgets.secret import SecretInput

PASSPHRASE = "ocean mirror lantern velvet copper puzzle"


def test_back_from_the_passphrase_leads_to_the_folder_and_drops_what_was_typed(at, tmp_path):
    async def story(person):
        screen = person.app.screen
        await person.press("enter")
        assert "The vault will lie in" in person.text()
        assert "Suggest a passphrase" in person.text()
        await person.type(PASSPHRASE)
        await person.press("escape")
        assert "Step 1 of 3" in person.text()
        assert isinstance(person.app.focused, Input)
        await person.press("enter")
        assert screen.query_one("#first", SecretInput).empty

    at(story, folder="new")
    assert not (tmp_path / "new").exists()


def test_a_passphrase_is_suggested_only_where_one_is_asked_for(at):
    async def story(person):
        assert "f5" not in person.text()
        await person.press("f5")
        assert "Step 1 of 3" in person.text()
        await person.press("enter", "f5")
        assert "Learn this phrase" in person.text()

    at(story, folder="new")


def test_what_is_typed_on_the_button_goes_nowhere_and_that_is_said(at, tmp_path):
    async def story(person):
        assert isinstance(person.app.focused, Button)
        await person.press(*"ocean")
        assert "Tab goes to the line" in person.text()
        assert person.app.screen.query_one("#folder", Input).value == str(tmp_path / "new")

    at(story, folder="new")


def test_another_vault_is_asked_for_without_saying_that_there_is_none(at, vault):
    vault.close()

    async def story(person):
        await person.press("f4")
        assert isinstance(person.app.screen, FirstRunScreen)
        assert "There is no vault" not in person.text()
        assert "Type where the other vault is" in person.text()
        assert isinstance(person.app.focused, Input)

    at(story, folder=Path(vault.folder).name)
