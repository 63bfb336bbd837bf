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
from typing import Any, Final

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
    "\x1b[?7h\x1b[0m\x1b[?25h"  # line wrap, plain text, cursor
    + EMPTY
    + "\x1b[?1049l"  # the screen that was there before
)


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
    while True:
        started = time.monotonic()
        with _terminal_kept("" if options.linear else _RESET):
            code, note = _child(options)
        if note.get("copied") is True:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.write(_FORGET_COPIED)
                sys.stdout.flush()
        options = _merged(options, note)
        i18n.use(options.language)
        if code == EXIT_AGAIN:
            bad_endings = 0
            continue
        if code in (EXIT_QUIT, EXIT_STOPPED):
            return code
        bad_endings = bad_endings + 1 if time.monotonic() - started < _TOO_SOON else 1
        if not _tell_crash(note) or bad_endings > 1:
            return EXIT_OURS
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


@contextlib.contextmanager
def _terminal_kept(reset: str) -> Iterator[None]:
    """Give the terminal back as it was, whatever the child did to it; `reset` undoes what screens switch on."""
    if sys.platform == "win32":
        yield
        return
    import termios

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.write(reset)
            sys.stdout.flush()
        with contextlib.suppress(termios.error):
            # What was typed ahead of the end was meant for the child; it must not reach a shell.
            termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)


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
