"""Asking and telling, line by line: no colours, no moving of the cursor, secrets without echo.

It runs in a process of its own, as the screens do: locking is the end of that process.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn, TypeVar

from tui import i18n, supervisor
from tui.i18n import _, from_core
from tui.measures import is_counted, size
from tui.notices import advice_of, notice_for, sentence_of
from tui.text import one_line, shown
from vault import api
from vault.errors import LockedError, VaultError
from vault.jobs import Job, Progress

T = TypeVar("T")
Leave = Callable[[int, dict[str, Any]], NoReturn]

_PAGE: Final = 20
_LONGEST_LINE: Final = 4094
"""Bytes of one typed line after which terminals drop the rest."""
_EVERY: Final = 5.0
"""Seconds between two lines about the same work."""
_ENDS: Final = frozenset(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that end the process."""


def _echo(shows: bool) -> None:
    """Let the terminal show what is typed, or not; what was typed already waits on."""
    if sys.platform == "win32":
        return
    import termios

    with contextlib.suppress(termios.error, OSError, ValueError):
        attributes = termios.tcgetattr(sys.stdin.fileno())
        attributes[3] = attributes[3] | termios.ECHO if shows else attributes[3] & ~termios.ECHO
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, attributes)


class Back(Exception):
    """The person wants to go back, by Ctrl-C."""


class Talk:
    """A conversation with the person at the terminal.

    Args:
        folder: The vault's folder.
        options: How the program was started.
        leave: Ends the process with an exit code and last words for the parent.
    """

    def __init__(self, folder: Path, options: supervisor.Options, leave: Leave) -> None:
        self.folder, self.options = folder, options
        self.vault: api.OpenVault | None = None
        self.settings = api.settings.Settings()
        self._leave = leave
        self._job: Job | None = None
        self._asking = False
        self._touched = time.monotonic()
        self._told = ("", 0.0)
        for stream in (sys.stdin, sys.stdout):
            stream.reconfigure(errors="surrogateescape" if stream is sys.stdin else "backslashreplace")  # type: ignore[union-attr]
        signal.signal(signal.SIGINT, self._interrupted)
        for number in _ENDS:
            signal.signal(number, lambda number, frame: self.end(supervisor.EXIT_STOPPED))
        self._signals, signals = os.pipe()
        if sys.platform != "win32":
            # Python handles a signal that comes just before a line is waited for after the line: the watcher hears it.
            os.set_blocking(signals, False)
            signal.set_wakeup_fd(signals, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def open_vault(self) -> api.OpenVault:
        """The open vault.

        Raises:
            LockedError: There is none.
        """
        if self.vault is None:
            raise LockedError("The vault is locked.", "Unlock it first.")
        return self.vault

    # -- telling ------------------------------------------------------------------------------------------------------

    def say(self, *lines: str) -> None:
        """Print lines, through the display filter."""
        for line in lines or ("",):
            print(shown(line, lines=True), flush=True)  # noqa: T201 - this is the screen here

    def tell(self, error: VaultError) -> None:
        """Print what is the matter and what to do next."""
        said = [_(notice_for(error).title) + ".", from_core(sentence_of(error)), from_core(advice_of(error))]
        self.say("! " + " ".join(part for part in said if part))

    # -- asking -------------------------------------------------------------------------------------------------------

    def ask(self, question: str) -> str:
        """Ask for one line.

        Raises:
            Back: Ctrl-C.
        """
        _echo(True)
        typed = self._read(lambda: input(f"{shown(question)}: "))
        if len(typed.encode("utf-8", "surrogateescape")) >= _LONGEST_LINE:
            self.say(_("! That line was longer than a terminal takes: its end may be missing. See what was kept."))
        return typed

    def secret(self, question: str) -> str:
        """Ask for a line that is not shown.

        Raises:
            Back: Ctrl-C.
        """
        # Also after it, until something else is asked: somebody may type on.
        _echo(False)
        return self._read(lambda: getpass.getpass(f"{shown(question)} ({_('nothing is shown')}): "))

    def choose(self, title: str, options: Sequence[tuple[str, str]], back: str = "") -> str | None:
        """Let one of several be chosen by its number; returns its key, or None for going back.

        Raises:
            Back: Ctrl-C.
        """
        first = 0
        self._list(title, options, first, back)
        while True:
            typed = self.ask(_("Number")).strip()
            if typed == "0":
                return None
            if typed == "+" and first + _PAGE < len(options):
                first += _PAGE
                self._list(title, options, first, back)
            elif typed.isdecimal() and 1 <= int(typed) <= len(options):
                return options[int(typed) - 1][0]
            elif typed:
                self.say(_("That is none of the numbers. Enter alone says the list again."))
            else:
                self._list(title, options, first, back)

    def _list(self, title: str, options: Sequence[tuple[str, str]], first: int, back: str) -> None:
        self.say("", title)
        for number, (_key, label) in enumerate(options[first : first + _PAGE], first + 1):
            self.say(f"{number}. {one_line(label, 500)}")
        if first + _PAGE < len(options):
            self.say("+. " + _("and {count} more", count=len(options) - first - _PAGE))
        self.say(f"0. {back or _('Back')}")

    def agreed(self, question: str) -> bool:
        """Ask for an explicit yes; everything else is no."""
        yes = _("yes")
        typed = self.ask(_("{question} Type “{yes}” for yes", question=question, yes=yes))
        return typed.strip().casefold() in (yes.casefold(), "yes")

    def _read(self, read: Callable[[], str]) -> str:
        self._asking = True
        try:
            return read()
        except EOFError:
            self.end(supervisor.EXIT_QUIT)
        except KeyboardInterrupt:
            self.say()
            raise Back from None
        finally:
            self._asking = False
            self._touched = time.monotonic()

    # -- work ---------------------------------------------------------------------------------------------------------

    def long(self, title: str, call: Callable[[Job], T]) -> T:
        """Do long work and tell how far it is; Ctrl-C stops it.

        Raises:
            VaultError: As the work does.
        """
        self.say(title + " " + _("Ctrl+C stops it."))
        self._job = Job(self._progress)
        try:
            return call(self._job)
        finally:
            self._job = None
            self._touched = time.monotonic()

    def _progress(self, progress: Progress) -> None:
        step, when = self._told
        now = time.monotonic()
        if step == progress.step and now - when < _EVERY:
            return
        self._told = (progress.step, now)
        if step != progress.step and now - when < 1.0:
            return
        told = from_core(progress.step)
        if progress.total:
            told += f": {100 * progress.done // progress.total} %"
        elif not is_counted(progress.step):
            told += f": {size(progress.done)}"
        self.say(told)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._job is not None:
            self._job.cancel()
        elif self._asking:
            raise KeyboardInterrupt

    # -- leaving ------------------------------------------------------------------------------------------------------

    def end(self, code: int, notice: str = "") -> NoReturn:
        """End this process, and with it all that it knows; what was typed as a draft is saved already."""
        self._leave(code, {"folder": str(self.folder), "language": i18n.language(), "notice": notice})

    def _watch(self) -> None:
        """End when a signal says so; lock when nobody types for a while, or when the computer was asleep."""
        slept = supervisor.suspended_seconds()
        while True:
            if sys.platform == "win32":
                time.sleep(1.0)
            elif select.select([self._signals], [], [], 1.0)[0] and not _ENDS.isdisjoint(os.read(self._signals, 64)):
                self.end(supervisor.EXIT_STOPPED)
            now = supervisor.suspended_seconds()
            if self.vault is not None and now - slept > supervisor.SLEPT:
                self.end(supervisor.EXIT_AGAIN, "resumed")
            slept = now
            patience = self.settings.lock_minutes * 60.0
            if self.vault is None or self._job is not None or not patience:
                continue
            if time.monotonic() - self._touched > patience:
                self.end(supervisor.EXIT_AGAIN, "idle")
