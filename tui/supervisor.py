"""The parent of the screens: starts them in a child process, and tidies the terminal when that ends.

It never holds a secret. Locking is the end of the child, which takes everything it knew with it; the parent then
starts a fresh one at the unlock screen. The same holds after a crash or a kill.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tui import i18n
from tui.i18n import N_, _
from tui.text import one_line

EXIT_QUIT: Final = 0
EXIT_AGAIN: Final = 80
"""The child wants to be started anew: it was locked, or shows another language now."""
EXIT_STOPPED: Final = 130
EXIT_OURS: Final = 70

_START: Final = "import sys; sys.path.insert(0, sys.argv[1]); from tui.child import main; sys.exit(main())"
_ROOT: Final = str(Path(__file__).resolve().parents[1])
# Variables of these programs change what the screens do or write down; nothing of ours needs them.
_NOT_HANDED_ON: Final = ("TEXTUAL", "PYTHON", "RICH_")
SLEPT: Final = 5.0
"""Seconds the machine must have been suspended to be noticed."""
_NOTE_LIMIT: Final = 64 * 1024
_TOO_SOON: Final = 3.0
"""Seconds: a child that ends badly twice in a row as early as this is not started again."""

EMPTY: Final = "\x1b[?47h\x1b[999;999H\x1b[1J\x1b[H"
"""Empties the screen that was drawn on: some terminals have no second one, or keep showing it. From its end to its
beginning, because what is cleared as a whole is pushed into the scroll-back of some."""
_FORGET_COPIED: Final = "\x1b]52;c;\x07"
_RESET: Final = (
    "\x1b[<u"  # keyboard protocol
    "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"  # mouse
    "\x1b[?1004l\x1b[?2004l\x1b[?2048l\x1b[?2026l"  # focus, paste, resize, synchronised output
    "\x1b[8h"  # text from right to left
    "\x1b[?7h\x1b[0m\x1b[?25h" + EMPTY  # line wrap, plain text, cursor
)
_LEAVE: Final = "\x1b[?1049l"
"""The screen that was there before."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a child is started with: nothing in it is secret.

    Attributes:
        folder: The vault's folder.
        language: A key of `i18n.LANGUAGES`.
        notice: Why it is started anew: ``""``, ``"locked"``, ``"idle"``, ``"resumed"`` or ``"crashed"``.
        draft: What became of the open draft: ``""`` where there was none, ``"saved"`` or ``"lost"``.
        contrast: High-contrast colours.
        still: Nothing moves.
        dropped: Names of variables that were not handed on.
        linear: Plain lines instead of screens.
        language_chosen: The person chose the language; otherwise that of the vault's settings holds once it is open.
    """

    folder: str
    language: str = "en"
    notice: str = ""
    draft: str = ""
    contrast: bool = False
    still: bool = False
    dropped: Sequence[str] = ()
    language_chosen: bool = False
    linear: bool = False


_NOTICES = {
    "locked": N_("The vault is locked."),
    "idle": N_("The vault was locked because nobody used it for a while."),
    "resumed": N_("The vault was locked because the computer had been asleep."),
    "crashed": N_("The vault is locked. What was saved is kept, the draft too."),
}
_DRAFTS = {
    "saved": N_("Your draft was saved."),
    "lost": N_("✗ What you wrote last could NOT be saved. What was saved before is kept."),
}


def notice_of(options: Options) -> str:
    """Return why the vault is locked, and what became of the draft."""
    told = (_NOTICES.get(options.notice, ""), _DRAFTS.get(options.draft, ""))
    return " ".join(_(one) for one in told if one)


def has_terminal() -> bool:
    """True when there is somebody at a terminal to show the screens to."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def run(options: Options) -> int:
    """Show the screens until the person leaves, and return the exit code of the program."""
    options = replace(options, dropped=tuple(name for name in os.environ if name.startswith(_NOT_HANDED_ON)))
    bad_endings = 0
    with _Terminal(screens=not options.linear) as terminal:
        while True:
            started = time.monotonic()
            code, note = _child(options)
            terminal.take()
            if note.get("copied") is True:
                terminal.write(_FORGET_COPIED)
            options = _merged(options, note)
            i18n.use(options.language)
            if code == EXIT_AGAIN:
                bad_endings = 0
                continue
            if code in (EXIT_QUIT, EXIT_STOPPED):
                return code
            bad_endings = bad_endings + 1 if time.monotonic() - started < _TOO_SOON else 1
            terminal.give_back()
            if not _tell_crash(note) or bad_endings > 1:
                return EXIT_OURS
            terminal.take()
            options = replace(options, notice="crashed")


def _child(options: Options) -> tuple[int, dict[str, Any]]:
    """Run one child to its end; returns its exit code and what it left to say."""
    reading, writing = os.pipe()
    handle, more = _inheritable(writing)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_HANDED_ON)}
    command = [sys.executable, "-P", "-s", "-B", "-c", _START, _ROOT, str(handle), json.dumps(asdict(options))]
    process = subprocess.Popen(command, env=environment, **more)
    os.close(writing)
    with _signals_for(process):
        code = process.wait()
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read(_NOTE_LIMIT)
    try:
        note = json.loads(text) if text else {}
    except ValueError:
        note = {}
    return code, note if isinstance(note, dict) else {}


def _inheritable(descriptor: int) -> tuple[int, dict[str, Any]]:
    if sys.platform == "win32":
        import msvcrt

        handle = msvcrt.get_osfhandle(descriptor)
        os.set_handle_inheritable(handle, True)
        return handle, {"close_fds": False}
    return descriptor, {"pass_fds": (descriptor,)}


@contextlib.contextmanager
def _signals_for(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Hand the end on to the child, which saves the draft first; Ctrl-C is a key of the child's terminal."""

    def hand_on(number: int, frame: object) -> None:
        del frame
        with contextlib.suppress(OSError):
            process.send_signal(number)

    kept = {}
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            kept[name] = signal.signal(getattr(signal, name), hand_on)
    kept["SIGINT"] = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        for name, handler in kept.items():
            signal.signal(getattr(signal, name), handler)


class _Terminal:
    """The terminal while the program has it; given back as it was, whatever the children did to it.

    Until a child asks for something, and from its end to the beginning of the next, nothing that is typed appears:
    people type their passphrase before they are asked. What was there before the program is not seen meanwhile either.

    Args:
        screens: Screens are shown, not lines.
    """

    def __init__(self, *, screens: bool) -> None:
        self._screens = screens
        self._before: list[Any] | None = None
        self._signals: dict[str, Any] = {}

    def __enter__(self) -> Self:
        if sys.platform != "win32":
            import termios

            with contextlib.suppress(termios.error, OSError, ValueError):
                self._before = termios.tcgetattr(sys.stdin.fileno())
            # Between two children nobody else hears of these.
            for name in ("SIGTERM", "SIGHUP"):
                self._signals[name] = signal.signal(getattr(signal, name), _stopped)
            self._silence()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_back()
        for name, handler in self._signals.items():
            signal.signal(getattr(signal, name), handler)

    def take(self) -> None:
        """Undo what a child switched on, empty what it drew on, and show nothing of what is typed."""
        if self._screens:
            self.write(_RESET)
        self._silence()

    def give_back(self) -> None:
        """Leave the terminal as it was before the program."""
        if self._screens:
            self.write(_RESET + _LEAVE)
        self._set(self._before)

    def write(self, text: str) -> None:
        """Write to the terminal, if it is still there."""
        if sys.platform != "win32":
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.write(text)
                sys.stdout.flush()

    def _silence(self) -> None:
        if sys.platform == "win32" or self._before is None:
            return
        import termios

        silent = [*self._before]
        silent[3] &= ~termios.ECHO
        if self._screens:
            # A key is a key for the next child, also without Enter; and none of them ends us in between.
            silent[3] &= ~(termios.ICANON | termios.ISIG)
        self._set(silent)

    @staticmethod
    def _set(attributes: list[Any] | None) -> None:
        if sys.platform == "win32" or attributes is None:
            return
        import termios

        with contextlib.suppress(termios.error, OSError, ValueError):
            # What was typed ahead of the end was meant for the child; it must not reach the next one, nor a shell.
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSAFLUSH, attributes)


def _stopped(number: int, frame: object) -> None:
    del number, frame
    raise SystemExit(EXIT_STOPPED)


def _merged(options: Options, note: dict[str, Any]) -> Options:
    """Take over what the child found out; a note of another shape is ignored."""
    known: dict[str, Any] = {"notice": "", "draft": ""}
    known |= {name: value for name, value in note.items() if isinstance(value, type(getattr(options, name, None)))}
    return replace(options, **known)


def _tell_crash(note: dict[str, Any]) -> bool:
    """Say in one sentence that the program failed; True when the person wants to go on."""
    report = note.get("report")
    lines = [one_line(line) for line in report[:50]] if isinstance(report, list) else []
    say = _("The program made a mistake and has locked the vault. What was saved is kept, the draft too.")
    ask = _("Enter: go on to the unlock screen.  r: show a technical report without any of your data.  q: leave.")
    while True:
        print(f"\n{say}\n{ask}", flush=True)  # noqa: T201 - the screens are gone
        try:
            answer = _key("\r\nrq")
        except (EOFError, KeyboardInterrupt, OSError):
            return False
        if answer != "r":
            return answer != "q"
        print("\n".join(lines or [_("There is no report: the program was ended from outside.")]))  # noqa: T201


def _key(wanted: str) -> str:
    """Wait for one of these keys. Nothing is echoed: whoever did not notice the end may be typing on."""
    if sys.platform == "win32":
        import msvcrt

        while (key := msvcrt.getwch().lower()) not in wanted:
            pass
        return key
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor, termios.TCSAFLUSH)
        while True:
            # What comes at once is a paste, a burst of typing or the name of a special key: no answer.
            typed = os.read(descriptor, 4096).decode("utf-8", "replace").lower()
            if not typed:
                raise EOFError
            if len(typed) == 1 and typed in wanted:
                return typed
    finally:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)


def suspended_seconds() -> float:
    """Return how long this machine was suspended since it was started; 0 where that cannot be told."""
    if sys.platform.startswith("linux"):
        return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC) - time.clock_gettime(time.CLOCK_UPTIME_RAW)
    return 0.0
