"""What the program's own words mean to people: kinds of information that a file carries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_INSIDE: Final = {
    "location": "the place",
    "device": "the device",
    "author": "a person's name",
    "time": "a time",
    "history": "what was changed in it before",
    "preview": "a small picture that may show more",
    "unknown": "something that could not be looked into",
}


def inside(kinds: Iterable[object]) -> str:
    """Return in plain words what a file carries; a kind that is not known stays as it is."""
    return ", ".join(_INSIDE.get(str(kind), str(kind)) for kind in kinds)
