"""When memory is tidied: while nobody is at the keyboard.

A whole round of Python's garbage collection goes over every object of the process and holds all threads still
meanwhile: a quarter of a second where a case of some thousand records is shown. Python begins one whenever much was
made since the last, so in the middle of a key. Small rounds, over what is young, are left as they are; what is free
at once, which is nearly everything, never waits for any.
"""

from __future__ import annotations

import gc
from typing import Final

PATIENCE: Final = 10.0
"""Seconds without a key, or long work, after which nobody is there who would notice."""
_SELDOM: Final = 1000
"""Rounds over middle-aged objects until one over all comes by itself; it keeps memory from growing without end."""


class Tidying:
    """Puts whole rounds off until nobody is there."""

    def __init__(self) -> None:
        self._usual = gc.get_threshold()
        self._tidy = True
        self._watched = 0.0

    def begin(self) -> None:
        """Put them off from now on, and leave the program itself, which stays for good, out of them."""
        gc.freeze()
        gc.set_threshold(*self._usual[:2], _SELDOM)

    def look(self, now: float, touched: float, *, watched: bool) -> None:
        """Tidy, once each time that nobody is there for long.

        Args:
            now: The clock in seconds.
            touched: When the last key was pressed, by the same clock.
            watched: Something goes on that somebody may be looking at.
        """
        if watched:
            self._watched = now
        if now - max(touched, self._watched) < PATIENCE:
            self._tidy = False
        elif not self._tidy:
            self._tidy = True
            gc.collect()

    def end(self) -> None:
        """Leave it to Python again."""
        gc.set_threshold(*self._usual)
        gc.unfreeze()
