"""What reaches the terminal, byte for byte, when everything that people wrote was written to attack the reader.

The program runs on a real pseudo-terminal over a vault whose titles, texts, names and purposes are hostile, walks
through its screens, and leaves. No control sequence but its own arrives. The same walk with the filters taken out, in a
subclass of the test, shows that the harness would see them.
"""

from __future__ import annotations

import random
import re
import shutil
import unicodedata
from pathlib import Path

import pytest

from tests.screens.walking import run
from vault import api
from vault.errors import VaultError
from vault.jobs import Job

_ROOT = Path(__file__).resolve().parents[2]
PAYLOADS = [
    "\x1b[38;5;201m", "\x1b]0;owned\x07", "\x1b]2;owned\x1b\\", "\x1b]52;c;b3duZWQ=\x07", "\x1bc", "\x1b[2J\x1b[H",
    "\x1b]8;;http://evil.example/\x1b\\link\x1b]8;;\x1b\\", "\x1bP+q544e\x1b\\", "\x1b_Gf=100;AAAA\x1b\\",
    "\x1b^p\x1b\\", "\x1bXq\x1b\\", "\x1b[?1049l", "\x1b[6n", "\x1b[21t", "\x1b[5i", "\x1b[8;1;1t",
    "\x1b(0lqk\x1b(B", "\x1b#8", "\x1b[?5h", "\x1b[4h", "\x1b[20h", "\x1b[99;99r", "\x1b]4;1;?\x07",
    "\x1b]1337;File=:AA\x07", "\x1b]777;notify;a;b\x07", "\x1b[>4;2m", "\x9b31;1m", "\x9d0;owned\x9c", "\x90q\x9c",
    "\x9fA\x9c", "\x85", "\x8d", "\x07\x08\x0b\x0c\x0e\x0f", "\x05", "\x7f", "\rOVER", "\x1b", "\x1b[", "\x1b]",
    "\x18\x1a", "\u202eexe.gpj", "\u2066\u202b\u2069", "\u202a\u202d\u202c\u2067\u2068", "\u200e\u200f\u061c",
    "\ufeff", "\u2028\u2029", "\u200b\u2060\u00ad", "a" + "\u0301" * 80, "\u0e47" * 60, "\u20dd" * 40,
    "[red]x[/red]", "[link=http://evil.example]y[/link]", "[/]", "[@click=app.quit]q[/]", "\\[bold]z", "$error",
    "\U000e0041\U000e0042", "\ue000\U000f0000", "\ufdd0\uffff", "\u180e\u3164\u115f",
]  # fmt: skip
GENTLE = ["王全璋案", "ئۇيغۇرچە", "བོད་ཡིག", "Қазақша", "é ñ ß"]

_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\Z)|\x1b[ -/]*[0-~]|[\x00-\x1f\x7f-\x9f]", re.DOTALL
)
_FORBIDDEN = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff\u2028\u2029\U000e0000-\U000e007f]")


def strings() -> list[str]:
    """Return 500 hostile strings, each with a mark that can be found again."""
    chosen = random.Random(5)
    found = [*PAYLOADS]
    while len(found) < 500:
        parts = chosen.choices([*PAYLOADS, *GENTLE, " word "], k=chosen.randint(2, 4))
        found.append("".join(parts)[:200])
    return [f"H{number:03}{text}" for number, text in enumerate(found)]


def shapes(text: str) -> set[str]:
    """Return the kinds of control sequences in an output: without their numbers."""
    kinds = set()
    for found in _CONTROL.findall(text):
        if found.startswith("\x1b[") and len(found) > 2:
            kinds.add("\x1b[" + re.sub(r"[0-9:;]+", "", found[2:]))
        else:
            kinds.add(found[:2] if found.startswith("\x1b") else found)
    return kinds


@pytest.fixture(scope="module")
def hostile(made_vault, made_other, tmp_path_factory):
    """A locked vault full of hostile text, what was accepted by field, and how to walk through it."""

    place = tmp_path_factory.mktemp("hostile")
    vault = api.setup.open_with(Path(shutil.copytree(made_vault[0], place / "vault")), made_vault[1])
    other = api.setup.open_with(Path(shutil.copytree(made_other[0], place / "other")), made_other[1])
    every, each = strings(), strings()[: len(PAYLOADS)]
    card = api.contacts.card(other, "Lawyer")
    kept: dict[str, dict[str, str]] = {"case": {}, "title": {}, "file": {}, "contact": {}, "purpose": {}, "text": {}}

    def attempt(kind: str, text: str, call) -> None:
        try:
            kept[kind][call()] = text
        except (VaultError, OSError):
            assert kind != "case", ascii(text)

    for text in each:
        attempt("case", text, lambda text=text: api.cases.add(vault, text).id)
    case = api.cases.add(vault, "MAIN").id
    for text in each:
        attempt("title", text, lambda text=text: api.records.add(vault, case, "note", {"title": text, "text": "x"}).id)
        name = place / "files" / text.replace("/", "_")
        name.parent.mkdir(exist_ok=True)

        def attach(name=name) -> str:
            name.write_bytes(name.name.encode("utf-8", "replace"))
            return api.intake.attach(vault, case, name, Job()).id

        attempt("file", name.name, attach)
    api.contacts.add_card(vault, card, "Lawyer")
    api.contacts.verify(vault, "Lawyer", other.identity.fingerprint)
    for text in each:
        attempt("contact", text, lambda text=text: api.contacts.rename(vault, "Lawyer", text).name)
        for contact in api.contacts.page(vault):
            if contact.name != "Lawyer":
                kept["contact"][contact.name] = contact.name
                api.contacts.rename(vault, contact.name, "Lawyer")
    purposes = ["".join(each)[at : at + 1000] for at in range(0, len("".join(each)), 1000)]
    for number, text in enumerate(purposes):
        choice = api.sealing.Choice(case, purpose=text, named_only=False, accept_metadata=True)
        target = place / f"{number}.age"

        def seal(choice=choice, target=target) -> str:
            return api.sealing.seal(vault, choice, ["Lawyer"], target, Job())[0].bundle_id

        attempt("purpose", text, seal)
    lines = [text.replace("\n", " ") for text in every]
    text = api.records.add(vault, case, "testimony", {"title": "TEXT", "statement": "\n".join(lines)})
    kept["text"][text.id] = "\n".join(lines)
    elsewhere = next(iter(kept["case"]))
    api.drafts.save(vault, elsewhere, "testimony", {"statement": "\n".join(lines)})
    vault.close()
    other.close()
    pages = len(each) // 100 + 1
    walk = ["pagedown"] * pages + ["ctrl+home", "enter"]  # the cases, then the newest
    walk += ["1"] + ["pagedown"] * pages + ["ctrl+end", "enter"]  # its records, then the testimony
    walk += ["pagedown"] * (len(every) * 2 // 100) + ["escape"]
    for pane in ("3", "4", "5"):
        walk += [pane] + ["pagedown"] * pages
    walk += ["ctrl+home", "enter", "pagedown", "escape", "escape", "f1", "escape"]
    walk += ["d"] + ["pagedown"] * (len(every) * 2 // 100) + ["f3", "f1", "escape", "escape"]
    walk += (
        ["g"] + ["pagedown"] * (len(each) * 4 // 100 + 1) + ["ctrl+home", "enter", "escape", "escape", "c", "escape"]
    )
    return place / "vault", kept, walk


@pytest.fixture(scope="module")
def filtered(hostile):
    """What the program writes to the terminal."""
    folder, _kept, walk = hostile
    return run(folder, walk)


def test_no_control_of_foreign_text_reaches_the_terminal(hostile, filtered, made_vault, tmp_path):
    _folder, _kept, walk = hostile
    quiet = run(Path(shutil.copytree(made_vault[0], tmp_path / "empty")), walk)
    assert not shapes(filtered) - shapes(quiet), [ascii(one) for one in shapes(filtered) - shapes(quiet)]
    assert not _FORBIDDEN.search(filtered)
    for payload in PAYLOADS:
        if len(payload) > 3 and payload not in quiet and _CONTROL.search(payload):
            assert payload not in filtered, ascii(payload)
    marks = 0
    for place, character in enumerate(filtered):
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        assert marks <= 16, ascii(filtered[place - 40 : place + 40])


def test_all_of_it_was_on_the_screen(hostile, filtered):
    _folder, kept, _walk = hostile
    plain = _CONTROL.sub("", filtered)
    assert len(kept["case"]) == len(PAYLOADS)
    assert min(len(kept[kind]) for kind in ("title", "file", "contact", "purpose")) > 0
    for number in range(500):
        assert f"H{number:03}" in plain
    for words in GENTLE:
        assert words in plain
    assert "[red]x[/red]" in plain, "markup is shown, not obeyed"


def test_the_harness_finds_them_when_the_filters_are_taken_out(hostile, filtered):
    folder, _kept, walk = hostile
    plain = run(folder, walk[:12], plain=True)
    assert shapes(plain) - shapes(filtered)
    assert "\x1b]52;c;b3duZWQ=" in plain
    assert _FORBIDDEN.search(plain)


def test_what_is_stored_is_what_was_written(hostile, made_vault):
    folder, kept, _walk = hostile
    vault = api.setup.open_with(folder, made_vault[1])
    try:
        assert {one.id: one.title for one in api.cases.page(vault, 500) if one.title != "MAIN"} == kept["case"]
        for record_id, title in kept["title"].items():
            assert api.records.show(vault, record_id).fields["title"] == title
        for record_id, text in kept["text"].items():
            assert api.records.show(vault, record_id).fields["statement"] == text
        for record_id, name in kept["file"].items():
            assert api.records.show(vault, record_id).fields["original_name"] == name
    finally:
        vault.close()


@pytest.mark.parametrize("language", ["zh", "ug", "bo", "kk"])
def test_real_scripts_are_intact_on_the_screen(made_vault, tmp_path, language):
    folder = Path(shutil.copytree(made_vault[0], tmp_path / "vault"))
    vault = api.setup.open_with(folder, made_vault[1])
    text = (_ROOT / "tui" / "samples" / f"testimony-{language}.txt").read_text("utf-8").strip()
    case = api.cases.add(vault, "MAIN").id
    api.records.add(vault, case, "testimony", {"title": "TEXT", "statement": text})
    vault.close()
    shown = _CONTROL.sub("", run(folder, ["enter", "1", "enter", *["pagedown"] * 6]))
    words = [word for word in re.split(r"[\s་།,.，。、؛،]+", text) if word]
    assert sum(word[:12] in shown for word in words) > 0.9 * len(words)
