"""Running one command: parse, call, print, exit code by contract. No traceback reaches a person."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from tui import i18n, supervisor
from tui.cli import commands
from tui.cli.context import Context, Result, about, clear_progress, hint, say, say_stopping, show_progress
from tui.cli.parser import build, short_help
from tui.cli.secrets import Secrets
from tui.cli.usage import UsageError, is_file
from tui.notices import advice_of, notice_for, sentence_of
from tui.text import shown
from vault.errors import CancelledError, VaultError, WrongKindError
from vault.jobs import Job

EXIT_USAGE = 2
EXIT_STORAGE = 5
EXIT_OURS = 70
EXIT_STOPPED = 130

_STOP_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_HOME = Path(__file__).resolve().parents[2]


def run(words: list[str]) -> int:
    """Run one command line and return its exit code."""
    own = words[: words.index("--")] if "--" in words else words
    as_json = "--json" in own
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its number instead of an error.
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    _on_stop(_stop)
    try:
        return _run(words, as_json)
    except (CancelledError, KeyboardInterrupt):
        _on_stop(signal.SIG_IGN)
        stopped = CancelledError()
        return _fail(as_json, EXIT_STOPPED, "cancelled", stopped.message, stopped.advice)


def _run(words: list[str], as_json: bool) -> int:
    named, told = "", None
    try:
        with contextlib.redirect_stdout(io.StringIO()) if as_json else contextlib.nullcontext() as told:
            arguments = build().parse_args(words)
        if arguments.command is None:
            if as_json:
                raise UsageError("There is no command.", "See 'evault --help'.")
            if not supervisor.has_terminal():
                say(short_help())
                return EXIT_USAGE
            return _screens(arguments)
        # A restore's --vault is yet to be made: the commands that its errors advise are about another one.
        named = "" if arguments.command == "restore" else arguments.vault or ""
        if arguments.vault and is_file(arguments.vault):
            with about(arguments.vault):
                raise WrongKindError("--vault names a file, not a folder.", "Name the vault's folder.")
        context = Context(arguments, Secrets(arguments.passphrase_fd), Job(show_progress))
        with context.prepared():
            result = commands.find(arguments)(context)
        return _succeed(as_json, result)
    except SystemExit:
        # What argparse does after help and version.
        if told is None:
            raise
        return _succeed(as_json, {"text": told.getvalue()})
    except UsageError as error:
        return _fail(as_json, EXIT_USAGE, "usage", error.message, hint(error.advice, named))
    except CancelledError:
        raise
    except VaultError as error:
        notice = notice_for(error)
        return _fail(as_json, notice.exit, notice.code, sentence_of(error), hint(advice_of(error), named))
    except _OutputError:
        _drop_output()
        return _fail(False, EXIT_STORAGE, "storage", "The output could not be written.",
                     hint("What the command did is done; look at it with 'evault log show'.", named))  # fmt: skip
    except Exception as error:  # noqa: BLE001 - the last resort: a sentence without content, never a traceback
        return _fail(as_json, EXIT_OURS, "internal", f"The program made a mistake ({_place(error)}).",
                     "Nothing that was saved is lost; please tell its makers.")  # fmt: skip


def _screens(arguments: argparse.Namespace) -> int:
    """Open the screens: in the language that was named, else in that of the locale."""
    folder = Context(arguments, Secrets(None), Job()).folder
    language = arguments.language or i18n.from_environment(os.environ)
    i18n.use(language)
    chosen = arguments.language is not None
    place = str(folder.absolute())
    return supervisor.run(supervisor.Options(place, i18n.language(), language_chosen=chosen, linear=arguments.linear))


def _on_stop(handler: Any) -> None:
    if threading.current_thread() is threading.main_thread():
        for name in _STOP_SIGNALS:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), handler)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    say_stopping()
    raise KeyboardInterrupt


def _place(error: BaseException) -> str:
    """Return the kind of an error and the line of ours that it came from: nothing that a person wrote."""
    place, trace = "", error.__traceback__
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.is_relative_to(_HOME):
            place = f" at {path.relative_to(_HOME).as_posix()}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__}{place}"


class _OutputError(Exception):
    """Standard output took no more: a closed pipe, a full disk."""


def _succeed(as_json: bool, result: Result) -> int:
    code = int(result.pop("exit", 0))
    lines = result.pop("lines", [])
    error = result.pop("error", None)
    clear_progress()
    if as_json:
        _print(json.dumps({"ok": code == 0, "exit": code, "error": error, **result}, ensure_ascii=True))
    else:
        _print("\n".join(shown(line, lines=True) for line in lines))
    return code


def _fail(as_json: bool, code: int, name: str, message: str, advice: str) -> int:
    clear_progress()
    if not message.endswith((".", "!", "?")):
        message += "."
    if not as_json:
        say(f"evault: {message} {advice}".rstrip())
        return code
    error = {"code": name, "message": message, "advice": advice}
    try:
        _print(json.dumps({"ok": False, "exit": code, "error": error}, ensure_ascii=True))
    except _OutputError:
        _drop_output()
    return code


def _print(text: str) -> None:
    """Write to standard output at once. JSON comes with everything beyond ASCII escaped: no text in it arrives raw."""
    if not text:
        return
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except (OSError, AttributeError, ValueError) as error:
        raise _OutputError from error


def _drop_output() -> None:
    """Let what waits in standard output go nowhere, so that Python does not complain about it at the end."""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
