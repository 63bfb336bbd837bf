"""What the main screens look like, letter by letter, at two sizes and in both complete languages.

The expected screens lie in `snapshots/` and were looked at by eye. After a change that is meant, remove the files that
differ, run the test once (it writes what is missing, and fails), and look at them.
"""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest

from tests.screens import pictures
from tui import i18n
from tui.app import VaultApp
from tui.supervisor import Options

PLACE = Path(__file__).parent / "snapshots"
SCREENS = ("case", "testimony", "files", "seal-preview")
_CHANGES = re.compile(r"\d\d:\d\d(:\d\d)?|\d{4}-\d\d-\d\d")


@pytest.fixture(scope="module", params=pictures.LANGUAGES)
def world(request, tmp_path_factory):
    """The vault of the pictures, in one language."""
    i18n.use(request.param)
    made = pictures.world(tmp_path_factory.mktemp("world"), request.param)
    yield made, request.param
    made.vault.close()
    i18n.use("en")


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    """Times of day as at Greenwich."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def _text(world: pictures.World, language: str, screen: str, size: tuple[int, int]) -> str:
    folder = world.vault.folder
    app = VaultApp(folder, Options(str(folder), language, still=True), lambda code, words: app.exit(code))
    async with app.run_test(size=size) as pilot:
        await pictures.settled(app)
        await app.opened(world.vault)
        await pictures.settled(app)
        await pictures.STORIES[screen](app, pilot, world)
        await pictures.settled(app)
        strips = app.screen._compositor.render_strips()
        lines = ["".join(segment.text for segment in strip).rstrip() for strip in strips]
    if screen == "testimony":
        lines[-2] = ""  # whether it is saved already, and how much it is, comes a moment later
    for draft in pictures.api.drafts.page(world.vault):
        pictures.api.drafts.drop(world.vault, draft.id)
    return _CHANGES.sub(lambda found: re.sub(r"\d", "0", found[0]), "\n".join(lines)).rstrip() + "\n"


@pytest.mark.parametrize("size", [(80, 24), (140, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_looks_as_it_did(world, screen, size):
    made, language = world
    i18n.use(language)
    found = asyncio.run(_text(made, language, screen, size))
    expected = PLACE / f"{screen}-{language}-{size[0]}x{size[1]}.txt"
    if not expected.exists():
        PLACE.mkdir(exist_ok=True)
        expected.write_text(found, "utf-8")
        pytest.fail(f"{expected.name} was not there and is written: look at it")
    assert found == expected.read_text("utf-8")
