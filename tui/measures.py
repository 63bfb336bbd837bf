"""Sizes and durations for people, the same on the screens and in the commands."""

from __future__ import annotations

from typing import Final

_COUNTED: Final = frozenset(
    {
        "checking records",
        "looking up records",
        "taking in records",
        "verifying custody entries",
        "verifying records",
        "verifying the log",
    }
)
"""Steps whose progress is a number of things; all others count bytes."""


def is_counted(step: str) -> bool:
    """True when a step of the core counts things, not bytes."""
    return step in _COUNTED


def size(count: int) -> str:
    """Return a count of bytes for people."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def duration(seconds: float) -> str:
    """Return a duration for people."""
    whole = int(seconds + 0.5)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
