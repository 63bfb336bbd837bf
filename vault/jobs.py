"""Progress and cancelling of long work, shared by every floor.

Long work takes a `Job`, reports to it and asks it whether to stop. It never prints: a front end passes `on_progress`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from vault.errors import CancelledError


@dataclass(frozen=True, slots=True)
class Progress:
    """Where long work stands.

    Attributes:
        step: What is being done, a short English phrase that names no person and no file.
        done: Bytes (or items) done.
        total: Bytes (or items) in all, or None when unknown.
        rate: Bytes (or items) per second since the step began.
        remaining: Seconds left at this rate, or None when unknown.
    """

    step: str
    done: int
    total: int | None
    rate: float
    remaining: float | None


class Job:
    """One piece of long work: reports progress at most ten times a second, and can be cancelled from any thread."""

    def __init__(self, on_progress: Callable[[Progress], None] | None = None) -> None:
        self._on_progress = on_progress
        self._cancelled = threading.Event()
        self._step = ""
        self._done = 0
        self._started = 0.0
        self._told = 0.0
        self.on_step: Callable[[str, bool], None] | None = None
        """Told by a verification which numbered step begins, and whether all before it held; in the working thread."""

    def cancel(self) -> None:
        """Ask the work to stop at the next safe point."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """True when the work was asked to stop."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raise if the work was asked to stop.

        Raises:
            CancelledError: `cancel` was called.
        """
        if self._cancelled.is_set():
            raise CancelledError

    def begin_step(self, step: str, sound: bool) -> None:
        """Say which numbered step of a verification begins, and whether all before it held.

        Raises:
            CancelledError: `cancel` was called.
        """
        self.check()
        if self.on_step is not None:
            self.on_step(step, sound)

    def report(self, step: str, done: int, total: int | None = None) -> None:
        """Say how far the work is, and stop here if that was asked for.

        Raises:
            CancelledError: `cancel` was called.
        """
        self.check()
        if self._on_progress is None:
            return
        now = time.monotonic()
        if step != self._step or done < self._done:
            self._step, self._started, self._told = step, now, 0.0
        self._done = done
        if now - self._told < 0.1 and done != total:
            return
        self._told = now
        elapsed = now - self._started
        rate = done / elapsed if elapsed > 0 else 0.0
        remaining = (total - done) / rate if total is not None and rate > 0 else None
        self._on_progress(Progress(step, done, total, rate, remaining))
