"""The one display filter for foreign text: what a terminal would obey is shown, not obeyed.

Controls, line separators, bidirectional marks and letters that show nothing become visible; joiners that scripts need
(ZWJ, ZWNJ, the variation selectors of Mongolian) stay, tabs and line breaks stay where the caller allows them. Stored
bytes are never changed: this is for showing only.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import Final

_JOINERS: Final = frozenset("\u200c\u200d\u180b\u180c\u180d\u180f")
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0").union(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
"""Letters and marks that show nothing: two names with and without one look the same."""
_VISIBLE: Final = {
    "\u200e": "⟨LRM⟩", "\u200f": "⟨RLM⟩", "\u061c": "⟨ALM⟩", "\u202a": "⟨LRE⟩", "\u202b": "⟨RLE⟩", "\u202c": "⟨PDF⟩",
    "\u202d": "⟨LRO⟩", "\u202e": "⟨RLO⟩", "\u2066": "⟨LRI⟩", "\u2067": "⟨RLI⟩", "\u2068": "⟨FSI⟩", "\u2069": "⟨PDI⟩",
    "\ufeff": "⟨BOM⟩",
}  # fmt: skip
MOST_MARKS: Final = 16
"""Marks that one letter may carry: more would run over the lines above and below."""
_LINE: Final = 200


def shown(text: str, *, lines: bool = False) -> str:
    """Return `text` safe to write to a terminal; what is safe already stays as it is.

    Args:
        text: Any text, also with lone surrogates.
        lines: Keep line feeds and tabs; otherwise they are shown as marks.
    """
    out: list[str] = []
    marks = 0
    for character in text:
        kind = unicodedata.category(character)
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        if character in _VISIBLE:
            out.append(_VISIBLE[character])
        elif (lines and character in "\n\t") or character in _JOINERS:
            out.append(character)
        elif kind == "Cc":
            out.append(chr(0x2400 + ord(character)) if ord(character) < 0x20 else f"⟨{ord(character):02X}⟩")
        elif kind in ("Cf", "Cs", "Zl", "Zp", "Cn", "Co") or character in _BLANK:
            out.append(f"⟨{ord(character):04X}⟩")
        elif marks <= MOST_MARKS:
            out.append(character)
    return "".join(out)


def one_line(value: object, most: int = _LINE) -> str:
    """Return anything as one safe line of at most `most` characters, so that it cannot look like lines of ours."""
    text = str(value)
    cut = shown(text[: most + 1])
    return cut if len(cut) <= most else cut[: most - 1] + "…"


@functools.lru_cache(65536)
def is_hidden(character: str) -> bool:
    """True for a character that nobody sees: a control or a bidi mark, which a terminal may obey, or a blank letter."""
    if character in _JOINERS or character in "\n\t":
        return False
    return (
        character in _VISIBLE
        or character in _BLANK
        or unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    )


def harmless(text: str) -> str:
    """Return `text` without what a terminal obeys and without floods of marks, at the same width: they take no cell.

    The last filter before the terminal, for what `shown` was not asked about; whole texts of a person go through
    `shown`, where hidden marks become visible.
    """
    if text.isascii() and text.isprintable():
        return text
    out: list[str] = []
    marks = 0
    for character in text:
        kind = unicodedata.category(character)
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        if marks <= MOST_MARKS and (
            character in _JOINERS or (character not in _VISIBLE and kind not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
        ):
            out.append(character)
    return "".join(out)
