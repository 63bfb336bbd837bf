"""Reading secrets: one per line from a file descriptor, or at a prompt on the terminal that echoes nothing."""

from __future__ import annotations

import atexit
import getpass
import os
import sys
from pathlib import Path
from typing import Final

from tui.cli.usage import UsageError
from vault.api import to_secret
from vault.errors import RefusedError
from vault.model import Secret

TRIES: Final = 3
"""How often somebody at a terminal may type a passphrase."""

_LIMIT: Final = 1 << 16


class NoSecretError(RefusedError):
    """There is none, and nobody to ask for one."""


class Secrets:
    """The secrets of one command, in the order in which it needs them.

    Args:
        descriptor: An open file descriptor that holds one secret per line, or None for prompts.

    Raises:
        UsageError: It cannot be read.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._lines: list[bytes] | None = None
        if descriptor is not None:
            self._lines = _read_lines(descriptor)

    @property
    def typed(self) -> bool:
        """Whether somebody at a terminal types them."""
        return self._lines is None

    def next(self, prompt: str, *, twice: bool = False) -> Secret:
        """Return the next secret.

        Args:
            prompt: What is asked for, in a few words.
            twice: A new secret: at a prompt it is asked for again, to find a slip.

        Raises:
            RefusedError: There is no line left, no terminal, or the two do not agree.
        """
        if self._lines is not None:
            if not self._lines:
                raise NoSecretError(f"There is no line left for: {prompt}.", "Give one secret per line, in order.")
            try:
                return to_secret(self._lines.pop(0).decode("utf-8"))
            except UnicodeDecodeError:
                pass  # The error quotes the secret; it is not chained.
            raise NoSecretError("A secret is not valid UTF-8.", "Write it as UTF-8.")
        typed = _ask(prompt)
        if twice and _ask(f"{prompt}, again") != typed:
            raise RefusedError("The two were not the same.", "Try again.")
        return to_secret(typed)


def _read_lines(descriptor: int) -> list[bytes]:
    try:
        data = b""
        while len(data) <= _LIMIT and (piece := os.read(descriptor, 4096)):
            data += piece
    except (OSError, OverflowError) as error:
        raise UsageError(
            "--passphrase-fd names a descriptor that cannot be read.", "Give the number of an open one."
        ) from error
    if len(data) > _LIMIT:
        raise RefusedError("There is too much behind the passphrase descriptor.", "Give one secret per line.")
    lines = data.split(b"\n")
    return [line.removesuffix(b"\r") for line in (lines[:-1] if lines[-1] == b"" else lines)]


def _ask(prompt: str) -> str:
    if os.name != "nt":
        try:
            Path("/dev/tty").open("rb").close()
        except OSError as error:
            raise NoSecretError(
                "There is no terminal to ask for a passphrase on.", "Use --passphrase-fd N with one secret per line."
            ) from error
    try:
        typed = getpass.getpass(f"{prompt}: ")
    except EOFError as error:
        raise NoSecretError("No passphrase was typed.", "Try again.") from error
    _stay_silent()
    return typed


def _stay_silent() -> None:
    """Keep the terminal from echoing until the program ends: a passphrase typed ahead of its prompt must not appear."""
    if sys.platform == "win32":
        return
    import termios

    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
        before = termios.tcgetattr(terminal)
        silent = termios.tcgetattr(terminal)
        silent[3] &= ~termios.ECHO
        termios.tcsetattr(terminal, termios.TCSANOW, silent)
    except (OSError, termios.error):
        return
    if before[3] & termios.ECHO:
        atexit.register(termios.tcsetattr, terminal, termios.TCSANOW, before)
