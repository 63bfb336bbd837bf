"""`make pictures`: the pictures of the guides, made from the real program over a real vault, in each complete language.

Usage: python tests/screens/pictures.py FOLDER. Writes FOLDER/<screen>-<language>.svg; the cases in them are invented.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tui import i18n
from tui.app import VaultApp
from tui.screens.case import PANES, CaseScreen
from tui.supervisor import Options
from vault import api
from vault.jobs import Job
from vault.keys import FLOOR

LANGUAGES = ("en", "zh-Hans")
SIZE = (100, 30)
SAMPLES = Path(__file__).resolve().parents[2] / "tui" / "samples"
_PASSPHRASE = "ocean mirror lantern velvet copper puzzle"
_MOMENT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)

WORDS = {
    "en": ("Detention of W-7", "What happened on 3 May", "Wang, lawyer", "Court of appeal, file 12/2026"),
    "zh-Hans": ("W-7 被拘留一案", "五月三日的经过", "王律师", "上诉法院，2026 年第 12 号"),
}


def world(folder: Path, language: str) -> tuple[api.OpenVault, str]:
    """Return a vault with a case, a testimony, two files and a contact."""
    case_title, title, name, _purpose = WORDS[language]
    secret = api.to_secret(_PASSPHRASE)
    vault = api.setup.create(folder / "vault", secret, FLOOR, clock=lambda: _MOMENT)
    other = api.setup.create(folder / "other", secret, FLOOR, clock=lambda: _MOMENT)
    api.contacts.add_card(vault, api.contacts.card(other, name))
    api.contacts.verify(vault, name, other.identity.fingerprint)
    case = api.cases.add(vault, case_title)
    fields = {"title": title, "statement": (SAMPLES / "testimony-zh.txt").read_text("utf-8"), "language": "zh-Hans",
              "witness_pseudonym": "W-7"}  # fmt: skip
    testimony = api.records.add(vault, case.id, "testimony", fields)
    about = api.intake.About(record_id=testimony.id)
    for file in ("photo.jpg", "document.pdf"):
        api.intake.attach(vault, case.id, SAMPLES / file, Job(), about)
    other.close()
    return vault, case.id


async def settled(app: VaultApp, pilot) -> None:
    """Wait until nothing goes on."""
    quiet = 0
    while quiet < 5:
        await pilot.pause(0.05)
        quiet = 0 if app.busy else quiet + 1


Story = Callable[[VaultApp, object, str], Awaitable[None]]


async def _cases(app, pilot, case_id) -> None:
    return


async def _case(app, pilot, case_id) -> None:
    app.push_screen(CaseScreen(case_id))


def _pane(name: str) -> Story:
    async def story(app, pilot, case_id) -> None:
        app.push_screen(CaseScreen(case_id))
        await settled(app, pilot)
        await pilot.press(str(1 + [one for one, *_ in PANES].index(name)))

    return story


async def _testimony(app, pilot, case_id) -> None:
    await _case(app, pilot, case_id)
    await settled(app, pilot)
    await pilot.press("t")
    await settled(app, pilot)
    from textual import events

    app.screen.focused.post_message(events.Paste((SAMPLES / "testimony-zh.txt").read_text("utf-8")))


async def _seal(app, pilot, case_id) -> None:
    await _pane("bundles")(app, pilot, case_id)
    await settled(app, pilot)
    await pilot.press("s")


async def _log(app, pilot, case_id) -> None:
    await pilot.press("g")


async def _contacts(app, pilot, case_id) -> None:
    await pilot.press("c")


STORIES: dict[str, Story] = {
    "cases": _cases,
    "case": _case,
    "testimony": _testimony,
    "files": _pane("files"),
    "seal": _seal,
    "custody": _log,
    "contacts": _contacts,
}


async def picture(vault: api.OpenVault, case_id: str, language: str, story: Story) -> str:
    """Return a screen as SVG: no remote address in it, and the same each time it is made."""
    app = VaultApp(vault.folder, Options(str(vault.folder), language, still=True), lambda code, words: app.exit(code))
    async with app.run_test(size=SIZE) as pilot:
        await settled(app, pilot)
        await app.opened(vault)
        await settled(app, pilot)
        await story(app, pilot, case_id)
        await settled(app, pilot)
        svg = app.export_screenshot(title="evault")
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    name = re.search(r"terminal-(\d+)-", svg)
    return svg.replace(name[0], "terminal-") if name else svg


def main() -> None:
    """Make all pictures."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        i18n.use(language)
        with tempfile.TemporaryDirectory() as name:
            vault, case_id = world(Path(name), language)
            try:
                for screen, story in STORIES.items():
                    text = asyncio.run(picture(vault, case_id, language, story))
                    (out / f"{screen}-{language}.svg").write_text(text, "utf-8")
                    print(f"{screen}-{language}.svg")
            finally:
                vault.close()


if __name__ == "__main__":
    main()
