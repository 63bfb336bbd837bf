"""What is told of a mistake of ours: the kind of the error and places in the program, never a value."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_HOME: Final = Path(__file__).resolve().parents[1]
_MOST: Final = 40


def report(error: BaseException) -> list[str]:
    """Return lines that name the error's class and where it came from; no message, no variable, no path of a person."""
    lines = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        lines.append(f"{type(current).__module__}.{type(current).__name__}")
        trace = current.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            lines.append(f"  {_place(Path(code.co_filename))}:{trace.tb_lineno} {code.co_name}")
            trace = trace.tb_next
        # What failed in the background comes wrapped.
        wrapped = getattr(current, "error", None)
        current = wrapped if isinstance(wrapped, BaseException) else current.__cause__ or current.__context__
    return lines[:_MOST]


def _place(path: Path) -> str:
    """Return a path without the folders above the program or the library, which may hold a person's name."""
    if path.is_relative_to(_HOME) and "site-packages" not in path.parts:
        return path.relative_to(_HOME).as_posix()
    for mark in ("site-packages", "lib"):
        if mark in path.parts:
            place = len(path.parts) - 1 - path.parts[::-1].index(mark)
            return "/".join(path.parts[place + 1 :])
    return path.name
