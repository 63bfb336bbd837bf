"""Places as files carry them, in degrees for people: the numbers of a file stay what they are, these stand beside them.

A reading that is not certain is not made: what has another form stays as the file says it.

Spec: CIPA DC-008 (Exif 2.32) §4.6.6; XMP part 2, "GPSCoordinate"; ISO 6709 annex H
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from tui.i18n import _
from tui.text import one_line
from vault.model import Json

_LIMITS: Final = {"latitude": 90, "longitude": 180}
_NUMBER: Final = r"\d{1,10}(?:/\d{1,10}|\.\d{1,10})?"
_EXIF: Final = re.compile(rf"({_NUMBER})(?: ({_NUMBER}))?(?: ({_NUMBER}))?")
_XMP: Final = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d{1,10})?)(?:,(\d{1,2}(?:\.\d{1,10})?))?([NSEW])")
_SIGNED: Final = re.compile(rf"(-?){_NUMBER}")
_ISO: Final = re.compile(
    r"([+-]\d{2}(?:\.\d{1,10})?)([+-]\d{3}(?:\.\d{1,10})?)(?:([+-]\d{1,6}(?:\.\d{1,6})?))?(?:CRS.{1,40})?/"
)


def lines(facts: Mapping[str, Json]) -> list[str]:
    """Return each fact as one safe line, as the file has it; a place is said in degrees behind it."""
    told = []
    for name, fact in facts.items():
        place = readable(name, facts)
        told.append(f"{one_line(name, 100)}: {one_line(fact, 1000)}" + (f" ({place})" if place else ""))
    return told


def readable(name: str, facts: Mapping[str, Json]) -> str:
    """Return what the fact of that name means in degrees or metres; empty where it is not certainly a place."""
    value = facts.get(name)
    if not isinstance(value, str | int) or isinstance(value, bool):
        return ""
    try:
        return _readable(name, str(value), facts)
    except ZeroDivisionError:
        return ""


def _readable(name: str, value: str, facts: Mapping[str, Json]) -> str:
    if found := _ISO.fullmatch(value):
        return f"{_degrees(Fraction(found[1]), 'latitude')}, {_degrees(Fraction(found[2]), 'longitude')}".strip(", ")
    last = name.rpartition(".")[2].rpartition("_")[2]
    if last == "altitude" and (found := _EXIF.fullmatch(value)) and not found[2]:
        below = str(facts.get(f"{name}_ref", "0")) == "1"
        metres = f"{float(Fraction(found[1])):.0f}"
        return _("{metres} m below sea level", metres=metres) if below else _("{metres} m", metres=metres)
    if last not in _LIMITS:
        return ""
    if found := _XMP.fullmatch(value):
        return _told(_sum(found[1], found[2], found[3]), found[4], last)
    if _SIGNED.fullmatch(value) and f"{name}_ref" not in facts:
        return "" if ".gps." in f".{name}" else _degrees(Fraction(value), last)
    if found := _EXIF.fullmatch(value):
        return _told(_sum(found[1], found[2], found[3]), str(facts.get(f"{name}_ref", "")).strip("\0 ").upper(), last)
    return ""


def _sum(degrees: str, minutes: str | None, seconds: str | None) -> Fraction:
    return Fraction(degrees) + Fraction(minutes or 0) / 60 + Fraction(seconds or 0) / 3600


def _degrees(signed: Fraction, axis: str) -> str:
    plus, minus = ("N", "S") if axis == "latitude" else ("E", "W")
    return _told(abs(signed), minus if signed < 0 else plus, axis)


def _told(degrees: Fraction, side: str, axis: str) -> str:
    if degrees > _LIMITS[axis]:
        return ""
    number = f"{float(degrees):.5f}°"
    sides = {"latitude": ("N", "S"), "longitude": ("E", "W")}[axis]
    if side in sides:
        return f"{number} {side}"
    return (
        _("{degrees}, north or south not said", degrees=number)
        if axis == "latitude"
        else _("{degrees}, east or west not said", degrees=number)
    )
