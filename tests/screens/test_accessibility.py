"""Every screen can be used at 80×24, in both complete languages, by keys alone, and read in both themes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.screen import ModalScreen
from textual.widgets import Button

from tests.screens.walking import run
from tests.vault_world import introduce, seal
from tui.themes import CALM, CONTRAST
from tui.widgets.keys_line import KeysLine
from vault import api
from vault.jobs import Job

SAMPLES = Path(__file__).parents[2] / "tui" / "samples"
_SEAL = ["enter", "5", "s"]
_WHOM = [*_SEAL, "f9", "space", "f9"]
_SHARES = ["k", "s", "enter"]
WAYS = [
    ["escape"], ["n"], ["n", "f1"], ["f1"], ["s"], ["s", "enter"],
    ["c"], ["c", "a"], ["c", "m"], ["c", "enter"], ["c", "v"], ["c", "e"], ["c", "d"],
    ["k"], ["k", "w"], ["k", "p"], ["k", "k"], ["k", "b"], ["k", "o"], ["k", "t"], ["k", "t", "enter"],
    ["k", "s"], _SHARES, [*_SHARES, "enter"], [*_SHARES, "enter", "enter"],
    ["g"], ["g", "a"], ["g", "w"], ["g", "f"], ["g", "v"], ["g", "p"], ["g", "enter"],
    ["r"], ["r", "=bundle"],
    ["enter"], ["enter", "1", "o"], ["enter", "1", "n"], ["enter", "1", "slash"], ["enter", "1", "t"],
    ["enter", "1", "t", "=他说了。", "f3"], ["enter", "1", "t", "=他说了。", "f9"],
    ["enter", "1", "t", "=他说了。", "f4"],
    ["enter", "1", "enter"], ["enter", "1", "enter", "v"], ["enter", "1", "enter", "d"], ["enter", "1", "enter", "c"],
    ["enter", "1", "enter", "x"],
    ["enter", "2"], ["enter", "2", "a"],
    ["enter", "3"], ["enter", "3", "a"], ["enter", "3", "e"], ["enter", "3", "d"], ["enter", "3", "enter"],
    ["enter", "3", "enter", "f3"],
    ["enter", "4"], ["enter", "4", "f"], ["enter", "4", "enter"],
    ["enter", "5"], ["enter", "5", "enter"], ["enter", "5", "d"],
    _SEAL, [*_SEAL, "enter"], [*_SEAL, "f9"], _WHOM,
    ["slash", "=他说"],
]  # fmt: skip
"""Keys that lead from the list of cases to a screen or a question; what begins with ``=`` is pasted."""


@pytest.fixture
def filled(vault, other_vault, tmp_path):
    """A vault in which every list has something."""
    api.contacts.add_card(vault, api.contacts.card(other_vault, "Lawyer"))
    api.contacts.verify(vault, "Lawyer", other_vault.identity.fingerprint)
    api.contacts.add(vault, "Nobody compared", (api.contacts.own(vault).x25519_recipient,))
    case = api.cases.add(vault, "王全璋案")
    api.records.add(vault, case.id, "person", {"pseudonym": "P-1"})
    said = {"title": "一", "statement": "他说。\n" * 40}
    record = api.records.add(vault, case.id, "testimony", said)
    api.records.correct(vault, record.id, said | {"title": "二"}, "改")
    api.intake.attach(vault, case.id, SAMPLES / "photo.jpg", Job())
    seal(vault, case.id, "Lawyer", tmp_path / "sent.age", accept_metadata=True)
    theirs = api.cases.add(other_vault, "theirs")
    api.records.add(other_vault, theirs.id, "note", {"text": "他说。"})
    introduce(other_vault, vault, "Defender")
    seal(other_vault, theirs.id, "Defender", tmp_path / "bundle.age")
    return vault


def luminance(color) -> float:
    parts = [part / 255 for part in color]
    parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def ratio(one, two) -> float:
    """Return the contrast of two colours as WCAG 2 defines it."""
    light, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_ratio_is_that_of_the_standard():
    assert ratio((255, 255, 255), (0, 0, 0)) == pytest.approx(21)
    assert ratio((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


def check_words(screen, least: float) -> int:
    """Hold every word of what is in front to a contrast; returns how many pieces of text there were."""
    front = screen.children[0].region if isinstance(screen, ModalScreen) else screen.region
    words = 0
    for y, strip in enumerate(screen._compositor.render_strips()):
        assert strip.cell_length <= 80
        if not front.y <= y < front.bottom:
            continue
        for segment in strip.crop(front.x, front.right):
            if not any(map(str.isalnum, segment.text)) or segment.style is None:
                continue
            colours = [segment.style.color.get_truecolor(), segment.style.bgcolor.get_truecolor()]
            found = ratio(*colours)
            assert found >= least, (type(screen).__name__, segment.text, [one.hex for one in colours], found)
            words += 1
    return words


async def check_reach(person, screen) -> None:
    """Give the focus to all that takes it, and look whether it can be seen then."""
    # The length of a text is told a moment later, and may take a row.
    await person.until(lambda: getattr(screen, "_counted", 0) == getattr(screen, "_edits", 0))
    for widget in screen.focus_chain:
        widget.focus(scroll_visible=True)
        await person.settle()
        inside = screen.region.intersection(widget.region)
        told = (type(screen).__name__, widget, widget.region)
        assert inside.area > 0, told
        assert inside.width == widget.region.width, told
        assert inside.height >= min(widget.region.height, 3), told
        if isinstance(widget, Button):
            assert cell_len(widget.label.plain) <= widget.size.width, told


async def check_keys(person, screen) -> None:
    """Look whether all keys are said; the line of them is laid out anew a moment after they have changed."""
    await person.until(lambda: not missing_keys(screen))


def missing_keys(screen) -> list[str]:
    """Return what can be done here and is not said below, F1 and the palette with it."""
    lines = screen.query(KeysLine)
    if not lines:
        return []
    strips = screen._compositor.render_strips()
    area = lines.first().region
    text = "\n".join("".join(segment.text for segment in strip) for strip in strips[area.y : area.bottom])
    assert area.bottom == 24, type(screen).__name__
    every = [active.binding for active in screen.active_bindings.values()]
    said = f"{text} ".replace("\n", " \n")
    shown = [binding.description for binding in every if binding.show or binding.key == "ctrl+p"]
    return [one for one in shown if f" {one} " not in said]


@pytest.mark.parametrize(("language", "theme", "least"), [("en", CALM, 4.5), ("zh-Hans", CONTRAST, 7.0)])
def test_all_screens_can_be_read_and_reached_at_80_by_24(at, filled, language, theme, least, tmp_path):
    bundle = tmp_path / "bundle.age"
    api.settings.change(filled, contrast=theme is CONTRAST, still=True, language=language)

    async def story(person):
        await check_reach(person, person.app.screen)
        await person.app.opened(filled)
        await person.settle()
        seen = set()
        for keys in WAYS:
            for key in keys:
                if key == "=bundle":
                    person.app.screen.query_one("#line").focus()
                    await person.type(str(bundle))
                elif key.startswith("="):
                    await person.type(key[1:])
                else:
                    await person.press(key)
            screen = person.app.screen
            assert person.app.theme == theme.name
            assert check_words(screen, least) > 1, keys
            await check_keys(person, screen)
            if keys not in (["escape"], ["slash", "=他说"]):
                assert type(screen).__name__ != "CasesScreen", keys
            if type(screen) not in seen or "f3" in keys:
                await check_reach(person, screen)
                check_words(screen, least)
            seen.add(type(screen))
            while len(person.app.screen_stack) > 2:
                person.app.pop_screen()
                await person.settle()
        assert len(seen) >= 20, sorted(one.__name__ for one in seen)

    at(story, language=language)


def test_sixteen_colours_and_none_are_enough(made_vault, tmp_path):
    folder = Path(shutil.copytree(made_vault[0], tmp_path / "vault"))
    plain = run(folder, ["s", "down", "escape", "g"], TERM="xterm", COLORTERM="")
    numbers = {int(one) for codes in re.findall(r"\x1b\[([0-9;]*)m", plain) for one in codes.split(";") if one}
    assert not {38, 48} & numbers, "no colour beyond the sixteen"
    assert any(30 <= one <= 37 or 90 <= one <= 97 for one in numbers)
    grey = run(folder, ["s", "down", "escape", "g"], NO_COLOR="1", COLORTERM="truecolor")
    for red, green, blue in re.findall(r"[34]8;2;(\d+);(\d+);(\d+)", grey):
        assert red == green == blue, "without colours only the brightness tells things apart"
    assert "Custody log" in grey
