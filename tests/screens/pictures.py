"""`make pictures`: the pictures of the guides, made from the real program over a real vault, in each complete language.

Usage: python tests/screens/pictures.py FOLDER. Writes FOLDER/<screen>-<language>.svg; the cases in them are invented.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from textual import events

from tests.screens.quiet import settled, until
from tui import i18n
from tui.app import VaultApp
from tui.screens.case import PANES
from tui.screens.contacts import ContactsScreen
from tui.supervisor import Options
from vault import api
from vault.jobs import Job
from vault.keys import FLOOR

LANGUAGES = ("en", "zh-Hans")
SIZE = (100, 30)
SAMPLES = Path(__file__).resolve().parents[2] / "tui" / "samples"
_STATEMENT = (
    (SAMPLES / "testimony-zh.txt").read_text("utf-8")
    .replace("林若棠", " W-7 ").replace("林若兰", " W-8 ").replace("贺知远律师", " L-1 律师").replace("贺律师", " L-1 ")
)  # fmt: skip
"""Nobody is named in what the guides show."""
_PASSPHRASE = "ocean mirror lantern velvet copper puzzle"
_MOMENT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
_NEW = Path("/home/lin/Notes")
"""The folder that the first run proposes; it is not looked for and not made."""

WORDS = {
    "en": ("Detention of W-7", "What happened on 3 May", "Wang, lawyer", "Lin", "Office in Geneva",
           "For the appeal, file 12/2026"),
    "zh-Hans": ("W-7 被拘留一案", "五月三日的经过", "王律师", "小林", "日内瓦办公室", "用于上诉，2026 年第 12 号"),
}  # fmt: skip


_CONSENT = {"uses": ["partner", "un_confidential", "court"], "name_use": "pseudonym", "risks_explained": "yes"}


@dataclass
class World:
    """What the pictures show: an open vault with a case, and bundles that came to it.

    Attributes:
        vault: The open vault.
        case_id: Its case, with a testimony and two files.
        known: A bundle that a verified contact sealed to it.
        unknown: A bundle of somebody whose fingerprint nobody compared.
    """

    vault: api.OpenVault
    case_id: str
    known: Path
    unknown: Path


def _made(folder: Path) -> api.OpenVault:
    ticks = itertools.count()
    return api.setup.create(
        folder, api.to_secret(_PASSPHRASE), FLOOR, clock=lambda: _MOMENT + timedelta(seconds=11 * next(ticks))
    )


def _case(vault: api.OpenVault, language: str) -> str:
    case_title, title, *_rest = WORDS[language]
    case = api.cases.add(vault, case_title)
    fields = {"title": title, "statement": _STATEMENT, "language": "zh-Hans",
              "kind": "first_account", "witness_pseudonym": "W-7", "consent": _CONSENT}  # fmt: skip
    testimony = api.records.add(vault, case.id, "testimony", fields)
    about = api.intake.About(record_id=testimony.id)
    for file in ("photo.jpg", "document.pdf"):
        api.intake.attach(vault, case.id, SAMPLES / file, Job(), about)
    return case.id


def _sent(sender: api.OpenVault, to: api.OpenVault, language: str, file: Path) -> Path:
    """Return a bundle that a sender made for a vault."""
    api.contacts.add_card(sender, api.contacts.card(to, "to"))
    api.contacts.verify(sender, "to", to.identity.fingerprint)
    choice = api.sealing.Choice(_case(sender, language), purpose=WORDS[language][-1], accept_metadata=True)
    api.sealing.seal(sender, choice, ["to"], file, Job())
    return file


def world(folder: Path, language: str) -> World:
    """Return a vault with a case and three contacts, one of them not verified, and two bundles for it."""
    lawyer, friend, office = WORDS[language][2:5]
    vault = _made(folder / "Vault")
    others = {name: _made(folder / f"other-{place}") for place, name in enumerate((lawyer, friend, office, ""))}
    for name, one in others.items():
        if name:
            api.contacts.add_card(vault, api.contacts.card(one, name))
        if name in (lawyer, friend):
            api.contacts.verify(vault, name, one.identity.fingerprint)
    known = _sent(others[friend], vault, language, folder / "7c1e.age")
    unknown = _sent(others[""], vault, language, folder / "b04d.age")
    for one in others.values():
        one.close()
    return World(vault, _case(vault, language), known, unknown)


async def _counted(app: VaultApp, pilot, world) -> None:
    """Wait for what is done only every second: saving, then counting words."""
    await until(app, lambda: not app.screen.dirty and app.screen._counted == app.screen._edits)


Story = Callable[[VaultApp, object, World], Awaitable[None]]


def _keys(*steps: str) -> Story:
    """Return a story of keys; a step that begins with ``=`` is text that is typed or pasted, ``=title`` the title."""

    async def story(app, pilot, world) -> None:
        for step in steps:
            if step.startswith("="):
                text = WORDS[i18n.language()][1] if step == "=title" else step[1:]
                app.screen.focused.post_message(events.Paste(text))
            else:
                await pilot.press(step)
            await settled(app)

    return story


def _then(*stories: Story) -> Story:
    async def story(app, pilot, world) -> None:
        for one in stories:
            await one(app, pilot, world)

    return story


def _receive(which: str) -> Story:
    async def story(app, pilot, world) -> None:
        await _keys("r")(app, pilot, world)
        line = app.screen.query_one("#line")
        line.value = str(getattr(world, which))
        line.focus()
        await _keys("enter")(app, pilot, world)

    return story


async def _compare(app, pilot, world) -> None:
    await _keys("c")(app, pilot, world)
    assert isinstance(app.screen, ContactsScreen)
    await _keys("down", "v")(app, pilot, world)


def _pane(name: str) -> str:
    return str(1 + [one for one, *_ in PANES].index(name))


_TESTIMONY = "=" + _STATEMENT
_HELD = ("enter", _pane("bundles"), "s", "f9", "down", "space")
_LOCKED: dict[str, Story] = {"first-run": _keys()}
"""Before there is a vault."""
STORIES: dict[str, Story] = {
    "case": _keys("enter"),
    "testimony": _then(_keys("enter", "t", _TESTIMONY, "f3", "=title"), _counted),
    "files": _keys("enter", _pane("files")),
    "seal-held": _keys(*_HELD),
    "seal-preview": _keys(*_HELD, "f9", "space", "f9", "f9"),
    "receive-verified": _receive("known"),
    "receive-intact": _receive("unknown"),
    "paper": _keys("g", "w"),
    "compare": _compare,
    "keys": _keys("k"),
}


async def picture(folder: Path, story: Story, world: World, language: str, *, opened: bool) -> str:
    """Return a screen as SVG, without any remote address in it."""
    app = VaultApp(folder, Options(str(folder), language, still=True), lambda code, words: app.exit(code))
    async with app.run_test(size=SIZE) as pilot:
        await settled(app)
        if opened:
            await app.opened(world.vault)
            await settled(app)
        await story(app, pilot, world)
        await settled(app)
        svg = app.export_screenshot(title="evault")
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    name = re.search(r"terminal-(\d+)-", svg)
    svg = svg.replace(name[0], "t") if name else svg
    # Said once for all: it stands at each of the thousands of squares of a code otherwise.
    return svg.replace(' shape-rendering="crispEdges"', "").replace("<svg ", '<svg shape-rendering="crispEdges" ', 1)


def main() -> None:
    """Make all pictures."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        i18n.use(language)
        with tempfile.TemporaryDirectory() as name:
            made = world(Path(name), language)
            try:
                for screen, story in (_LOCKED | STORIES).items():
                    opened = screen in STORIES
                    folder = made.vault.folder if opened else _NEW
                    text = asyncio.run(picture(folder, story, made, language, opened=opened))
                    (out / f"{screen}-{language}.svg").write_text(text, "utf-8")
                    print(f"{screen}-{language}.svg")
            finally:
                made.vault.close()


if __name__ == "__main__":
    main()
