"""Writing TOML that reads back to the same values and that a terminal can show as it stands.

Whatever the display filter would change is written as an escape, so what is printed is what was signed.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Final

from tui.text import shown
from vault.model import Json

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+\Z")
_MOST_MARKS: Final = 8
"""Marks one after the other on a letter that are written as they are; no script needs more."""


def dumps(values: dict[str, Json]) -> str:
    """Return a table of texts, whole numbers, booleans, lists and tables as TOML 1.0; `None` is left out."""
    plain, tables = [], []
    for name, value in values.items():
        if isinstance(value, dict) and value:
            tables += ["", f"[{_key(name)}]", *_pairs(value)]
        elif isinstance(value, list) and value and all(isinstance(one, dict) and one for one in value):
            for one in value:
                tables += ["", f"[[{_key(name)}]]", *_pairs(one)]
        elif value is not None:
            plain.append(f"{_key(name)} = {_value(value, lines=True)}")
    return "\n".join([*plain, *tables]).lstrip("\n")


def _pairs(table: dict[str, Json]) -> list[str]:
    return [f"{_key(name)} = {_value(value, lines=True)}" for name, value in table.items() if value is not None]


def _key(name: str) -> str:
    return name if _BARE.match(name) else _string(name)


def _value(value: Json, *, lines: bool = False) -> str:
    if isinstance(value, str):
        return _text(value) if lines and "\n" in value else _string(value)
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(name)} = {_value(one)}" for name, one in value.items() if one is not None)
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value if one is not None)}]"
    return json.dumps(value)


def _string(text: str) -> str:
    return '"' + _escaped(text, '"\\') + '"'


def _text(text: str) -> str:
    """Return a text of several lines; a quotation mark before another one, or at the end, would end it."""
    parted = re.sub('"(?="|\\Z)', "\0", _escaped(text, "\\", "\n"))
    return '"""\n' + parted.replace("\0", '\\"') + '"""'


def _escaped(text: str, special: str, kept: str = "") -> str:
    out, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if character in special:
            out.append("\\" + character)
        elif character in kept or (shown(character) == character and marks <= _MOST_MARKS):
            out.append(character)
        else:
            marks = 0
            number = ord(character)
            out.append(f"\\u{number:04X}" if number < 0x10000 else f"\\U{number:08X}")
    return "".join(out)
