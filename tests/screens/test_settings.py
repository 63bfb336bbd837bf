"""Settings are kept in the vault, hold at once and after the next unlocking, and ask before they expose anything."""

from __future__ import annotations

import pytest

from tui import direction, i18n
from tui.themes import CALM, CONTRAST
from vault import api
from vault.errors import RefusedError


def choose(person, name: str, *downs: str):
    """Open the list of a setting and take an entry of it."""

    async def go() -> None:
        person.app.screen.query_one(f"#{name}").focus()
        await person.press("enter", *downs, "enter")

    return go()


def test_what_is_chosen_holds_at_once_and_when_the_vault_is_opened_again(at, vault):
    async def story(person):
        await person.press("s")
        await choose(person, "contrast", "down")
        await choose(person, "still", "down")
        await choose(person, "lock_minutes", "up")
        await choose(person, "direction", "down")
        app = person.app
        assert (app.theme, app.animation_level, app.idle_seconds) == (CONTRAST.name, "none", 60.0)
        assert direction.in_order("ئۇي") == "يۇئ"
        assert app.last_words()["contrast"] and app.last_words()["still"]

    at(story, vault=vault)
    assert api.settings.read(vault) == api.settings.Settings(
        lock_minutes=1, direction="reordered", contrast=True, still=True
    )

    async def again(person):
        assert (person.app.theme, person.app.idle_seconds) == (CONTRAST.name, 60.0)

    at(again, vault=vault)


def test_never_locking_and_the_clipboard_are_asked_about_and_cancel_is_in_front(at, vault):
    async def story(person):
        await person.press("s")
        await choose(person, "lock_minutes", "down", "down")
        assert "Never lock by itself?" in person.text()
        await person.press("enter")
        assert person.app.idle_seconds == 300.0
        assert "after 5 minutes" in person.text()
        await choose(person, "clipboard", "down")
        await person.press("tab", "enter")
        assert person.app.clipboard_seconds == 30.0

    at(story, vault=vault)
    assert api.settings.read(vault) == api.settings.Settings(clipboard=True)


def test_another_language_locks_and_is_that_of_the_vault_from_then_on(at, vault):
    async def story(person):
        await person.press("s")
        await choose(person, "language", "down")
        assert "简体中文" in person.text()
        await person.press("tab", "enter")
        await person.until(lambda: bool(person.left))

    code, words = at(story, vault=vault)
    assert code == 80
    assert words["language"] == "zh-Hans"
    assert words["language_chosen"] is True
    assert api.settings.read(vault).language == "zh-Hans"

    async def later(person):
        assert i18n.language() == "zh-Hans"
        assert person.app.theme == CALM.name

    at(later, vault=vault)


def test_only_what_is_offered_can_be_chosen_and_what_is_not_known_counts_as_not_chosen(vault):
    for wrong in ({"direction": "up"}, {"lock_minutes": 7}, {"contrast": "maybe"}, {"language": "../x"}):
        with pytest.raises(RefusedError):
            api.settings.change(vault, **wrong)
    with pytest.raises(TypeError):
        api.settings.change(vault, colour="red")
    rows = [("direction", "up"), ("lock_minutes", "-1"), ("later", "x"), ("still", "1"), ("contrast", "yes")]
    for row in rows:
        vault.atomic(lambda t, row=row: t.connection.execute("INSERT INTO setting (key, value) VALUES (?, ?)", row))
    assert api.settings.read(vault) == api.settings.Settings(contrast=True)
