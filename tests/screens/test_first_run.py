"""The first screen: where a vault is or will be, and its passphrase; back and forth without a trap."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Button, Input

from tui.screens.first_run import FirstRunScreen
from tui.screens.restore import RestoreScreen
from tui.supervisor import EXIT_AGAIN
from tui.widgets.secret import SecretInput
from vault import api
from vault.jobs import Job

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
        assert "Shift+Tab goes to the line" in person.text()
        assert person.app.screen.query_one("#folder", Input).value == str(tmp_path / "new")

    at(story, folder="new")


@pytest.mark.parametrize("path", ["/mnt/stick/v", "~/v"])
def test_a_path_that_is_typed_on_the_button_begins_the_line_anew(at, path):
    async def story(person):
        await person.press(*path)
        assert isinstance(person.app.focused, Input)
        assert person.app.focused.value == path

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


@pytest.fixture
def stick(vault, tmp_path) -> Path:
    """A stick with a backup of a vault that holds one case; that vault is gone."""
    api.cases.add(vault, "王案")
    (tmp_path / "stick").mkdir()
    api.backup.backup(vault, tmp_path / "stick" / "vault-backup", Job())
    vault.close()
    vault.folder.rename(tmp_path / "gone")
    return tmp_path / "stick"


async def _name(person, stick: Path) -> None:
    """Say where the backup is, on the way from the first screen."""
    assert "Restore from a backup" in person.text()
    await person.press("f6")
    assert isinstance(person.app.screen, RestoreScreen)
    person.app.screen.query_one("#source", Input).value = str(stick)
    person.app.screen.query_one(SecretInput).focus()
    await person.settle()


def test_a_vault_is_restored_from_a_backup_and_then_unlocked_like_any_other(at, stick, tmp_path):
    async def story(person):
        await _name(person, stick)
        target = person.app.screen.query_one("#target", Input)
        assert target.value == str(tmp_path / "vault")
        target.value = str(tmp_path / "above" / "vault")
        await person.type("not the passphrase of it")
        await person.press("enter")
        assert "Not unlocked" in person.text()
        assert not (tmp_path / "above").exists()
        target.value = str(tmp_path / "vault")
        await person.type(PASSPHRASE)
        await person.press("enter")
        assert "✓ The vault is restored" in person.text()
        assert "OLDER" not in person.text()
        await person.press("enter")

    left = at(story)
    assert left is not None
    code, words = left
    assert (code, words["folder"]) == (EXIT_AGAIN, str(tmp_path / "vault"))
    assert sorted(one.name for one in (tmp_path / "vault").iterdir()) == ["vault.db", "vault.keys"]
    again = api.setup.unlock(tmp_path / "vault", api.to_secret(PASSPHRASE))
    assert [one.title for one in api.cases.page(again)] == ["王案"]
    again.close()


def test_an_older_state_and_a_place_that_is_taken_are_said(at, stick, tmp_path):
    last = sorted((stick / "vault-backup").glob("manifest-*"))[-1]
    (stick / "vault-backup" / "manifest-00000009").write_bytes(last.read_bytes())
    (stick / "vault-backup" / "keys-00000009").write_bytes(b"torn")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").touch()

    async def story(person):
        await _name(person, stick / "vault-backup")
        person.app.screen.query_one("#target", Input).value = str(tmp_path / "taken")
        await person.type(PASSPHRASE)
        await person.press("enter")
        assert "not empty" in person.text() or "exists" in person.text()
        await person.press("enter")
        assert isinstance(person.app.screen, RestoreScreen)
        person.app.screen.query_one("#target", Input).value = str(tmp_path / "new" / "vault")
        person.app.screen.query_one(SecretInput).focus()
        await person.type(PASSPHRASE)
        await person.press("enter")
        assert "It is an OLDER state" in person.text()

    at(story)
    assert (tmp_path / "new" / "vault" / "vault.db").exists()


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_all_that_restoring_asks_for_fits_on_the_smallest_terminal(at, language):
    async def story(person):
        await person.press("f6")
        screen = person.app.screen
        for name in ("#source", "#target", "#passphrase", "#choose", "#restore", "#shares"):
            assert screen.query_one(name).region.y >= 1, name
            assert screen.query_one(name).region.bottom <= 23, name
        await person.press("escape")
        assert isinstance(person.app.screen, FirstRunScreen)

    at(story, language=language, folder="new")


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_a_suggested_passphrase_leaves_all_that_is_needed_in_sight(at, language):
    async def story(person):
        await person.press("enter", "f5")
        screen = person.app.screen
        for name in ("#first", "#suggested", "#second", "#make"):
            assert screen.query_one(name).region.y >= 1, name
            assert screen.query_one(name).region.bottom <= 23, name
        await person.press("escape", "enter")
        assert screen.query_one("#where-then").region.height

    at(story, language=language, folder="new")
