"""How text that runs from right to left is shown, since terminals differ: three ways, chosen in the settings.

Stored text is always in the order in which it is read and typed; only what is shown changes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from bidi import get_display

from tui.i18n import N_

WAYS: Final[Mapping[str, str]] = {
    "terminal": N_("The terminal puts it in order"),
    "reordered": N_("This program puts it in order"),
    "logical": N_("As it is stored, from left to right"),
}
"""The ways, the usual one first, and what they are called."""

SAMPLE: Final = "ئۇيغۇرچە 2018 ABC (تىل)"

# Bi-directional support mode of ECMA-48: whether a terminal that can reorders what it is given. Others ignore it.
_IMPLICIT: Final = "\x1b[8h"
_EXPLICIT: Final = "\x1b[8l"
_FROM_RIGHT: Final = ("R", "AL", "AN")
_OPENS: Final = "([{«‹<"
_CLOSES: Final = ")]}»›>"
_PARTNER: Final = dict(zip(_OPENS + _CLOSES, _CLOSES + _OPENS, strict=True))
_MARKS: Final = re.compile(r"[\u0300-\u036f\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4]+")

_way = "terminal"


def use(way: str) -> None:
    """Show text from right to left in this way from now on; one that is not known becomes the usual one."""
    global _way
    _way = way if way in WAYS else "terminal"


def mode(way: str = "") -> str:
    """Return what is sent to the terminal so that it does its part of a way, by default of the one in use."""
    return _IMPLICIT if (way or _way) == "terminal" else _EXPLICIT


def in_order(row: str, rtl: bool | None = None, way: str = "") -> str:
    """Return one row of text in the order in which its characters are given to the terminal.

    Args:
        row: One row, already wrapped and filtered, in the order in which it is read.
        rtl: Whether its paragraph runs from right to left; None: as its first letter does.
        way: A key of `WAYS`; the one in use by default.
    """
    if (way or _way) != "reordered" or row.isascii() or not any(map(_from_right, row)):
        return row
    base = None if rtl is None else "R" if rtl else "L"
    shown = get_display(row, base_dir=base)
    return _mirrored(_marks_behind(shown)) if isinstance(shown, str) else row


def _from_right(character: str) -> bool:
    return unicodedata.bidirectional(character) in _FROM_RIGHT


def _marks_behind(row: str) -> str:
    """Put marks behind the letter they belong to, where reversing has put them before it (rule L3 of UAX #9)."""
    out, place = [], 0
    for marks in _MARKS.finditer(row):
        behind = marks.end()
        if behind < len(row) and _from_right(row[behind]) and marks.start() >= place:
            out += [row[place : marks.start()], row[behind], marks[0][::-1]]
            place = behind + 1
    return "".join(out) + row[place:]


def _mirrored(row: str) -> str:
    """Turn brackets round that reversing has left the wrong way, closing before opening (rule L4 of UAX #9)."""
    out = list(row)
    waiting: list[int] = []
    for place, sign in enumerate(row):
        if sign in _CLOSES or sign in _OPENS:
            if waiting and row[waiting[-1]] == _PARTNER[sign]:
                first = waiting.pop()
                if row[first] in _CLOSES:
                    out[first], out[place] = sign, row[first]
            else:
                waiting.append(place)
    return "".join(out)
