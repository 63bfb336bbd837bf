"""Running one command: parse, call, print, exit code by contract. No traceback reaches a person."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

from tui.cli import commands
from tui.cli.context import Context, Result, say, show_progress
from tui.cli.parser import UsageError, build
from tui.cli.secrets import Secrets
from tui.notices import notice_for
from tui.text import shown
from vault.errors import CancelledError, VaultError
from vault.jobs import Job

EXIT_USAGE = 2
EXIT_OURS = 70
EXIT_STOPPED = 130


def run(words: list[str]) -> int:
    """Run one command line and return its exit code."""
    as_json = "--json" in words
    try:
        arguments = build().parse_args(words)
    except UsageError as error:
        return _fail(as_json, EXIT_USAGE, "usage", f"The command line is wrong: {error}.", "See 'evault --help'.")
    if arguments.command is None:
        return _fail(as_json, EXIT_USAGE, "usage", "There is no command.", "See 'evault --help'.")
    with contextlib.suppress(ValueError, AttributeError):
        for name in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, _stop)
    job = Job(show_progress)
    try:
        context = Context(arguments, Secrets(arguments.passphrase_fd), job)
        result = commands.find(arguments)(context)
    except CancelledError as error:
        return _fail(as_json, EXIT_STOPPED, "cancelled", error.message, error.advice)
    except VaultError as error:
        notice = notice_for(error)
        return _fail(as_json, notice.exit, notice.code, error.message, error.advice)
    except KeyboardInterrupt:
        return _fail(as_json, EXIT_STOPPED, "cancelled", "Stopped on request.", "Nothing half-done was kept.")
    except BrokenPipeError:
        return _fail(as_json, 5, "storage", "The output was closed before everything was written.", "Run it again.")
    except Exception as error:
        if os.environ.get("EVAULT_DEVELOPER_TRACEBACK") == "1" and not as_json:
            raise
        return _fail(as_json, EXIT_OURS, "internal", f"The program made a mistake ({type(error).__name__}).",
                     "Nothing that was saved is lost; please tell its makers.")  # fmt: skip
    return _succeed(as_json, result)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt


def _succeed(as_json: bool, result: Result) -> int:
    code = int(result.pop("exit", 0))
    lines = result.pop("lines", [])
    error = result.pop("error", None)
    if as_json:
        _print_json({"ok": code == 0, "exit": code, "error": error, **result})
    else:
        for line in lines:
            sys.stdout.write(shown(line, lines=True) + "\n")
    return code


def _fail(as_json: bool, code: int, name: str, message: str, advice: str) -> int:
    if as_json:
        error = {"code": name, "message": message, "advice": advice}
        _print_json({"ok": False, "exit": code, "error": error})
    else:
        say(f"evault: {message} {advice}".rstrip())
    return code


def _print_json(value: dict[str, Any]) -> None:
    """Print one object; everything beyond ASCII is escaped, so that no text in it reaches a terminal raw."""
    sys.stdout.write(json.dumps(value, ensure_ascii=True) + "\n")
    sys.stdout.flush()
