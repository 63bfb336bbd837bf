"""Files of this process that must not be opened a second time.

Closing any handle on a file drops all POSIX locks that the process has on it, so reading an open store as a plain file
would let another program into it. The store registers its file here; what people name is compared by device and inode,
so that links and other spellings of a path are recognised.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

_guard = threading.Lock()
_held: set[tuple[int, int]] = set()


def hold(path: Path) -> tuple[int, int]:
    """Register an existing file, and return what `let_go` takes."""
    state = os.stat(path)
    with _guard:
        _held.add((state.st_dev, state.st_ino))
    return state.st_dev, state.st_ino


def let_go(key: tuple[int, int]) -> None:
    """Forget a file that is closed again."""
    with _guard:
        _held.discard(key)


def is_held(state: os.stat_result) -> bool:
    """True when this is a file that must not be opened."""
    with _guard:
        return (state.st_dev, state.st_ino) in _held
