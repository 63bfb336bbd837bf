"""Texts that were not given as arguments: '-' in the place of one, or none where a command cannot do without.

Arguments stand in /proc/PID/cmdline for every user of the computer and stay in the shell's history. A text in whose
place '-' stands is typed at a prompt on the terminal, which shows it, or read as UTF-8 from standard input if that is
redirected. It never passes through arguments, the environment or a file. Passphrases come another way: secrets.py.
"""

from __future__ import annotations

import argparse
import contextlib
import locale
import os
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tui.text import shown
from vault.errors import RefusedError

ASK: Final = "-"
"""What stands in the place of a text that is to be asked for."""

_LINE_LIMIT: Final = 1 << 16
_TEXT_LIMIT: Final = 1 << 20
_TERMINAL_LIMIT: Final = 4095
"""Bytes of a line that a terminal hands over; it drops what is typed beyond them."""


@dataclass(frozen=True)
class Question:
    """A text to ask for.

    Args:
        dest: The argument it belongs to.
        prompt: What is asked for, in a few words.
        whole: It may have several lines: alone, it takes all of standard input.
        place: Where it stands among the values of a repeated argument, or None.
    """

    dest: str
    prompt: str
    whole: bool = False
    place: int | None = None


class TextAction(argparse.Action):
    """Store a text; remember where '-' stands for one, in the order of the command line.

    Args:
        option_strings: As argparse gives them.
        dest: As argparse gives it.
        prompt: What is asked for, in a few words.
        whole: As in `Question`.
        repeat: The option may be given several times.
        more: What argparse takes.
    """

    def __init__(
        self,
        option_strings: Sequence[str],
        dest: str,
        *,
        prompt: str,
        whole: bool = False,
        repeat: bool = False,
        **more: Any,
    ) -> None:
        more["help"] = f"{more.get('help', '')} ('-': asked for)".lstrip()
        super().__init__(option_strings, dest, **more)
        self._prompt, self._whole, self._repeat = prompt, whole, repeat

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Take one value."""
        del parser, option_string
        questions: list[Question] = [*getattr(namespace, "questions", [])]
        place = None
        value = values
        if self._repeat:
            value = [*getattr(namespace, self.dest), values]
            place = len(value) - 1
        else:
            # Given twice, the last one counts.
            questions = [one for one in questions if one.dest != self.dest]
        setattr(namespace, self.dest, value)
        if values == ASK:
            questions.append(Question(self.dest, self._prompt, self._whole, place))
        namespace.questions = questions


def waiting(arguments: argparse.Namespace) -> list[Question]:
    """Return the texts that are still to be asked for.

    A command that cannot do without a text has it in `needed`: it is asked for when nothing or '-' was given.
    """
    questions: list[Question] = [*getattr(arguments, "questions", [])]
    needed: Question | None = getattr(arguments, "needed", None)
    if needed and getattr(arguments, needed.dest) in (None, [], [ASK]):
        questions.append(needed)
    return questions


def fill(arguments: argparse.Namespace) -> None:
    """Ask for every text that is still to be asked for, and put it into its place.

    Args:
        arguments: The parsed command line; changed.

    Raises:
        RefusedError: There is no text, too much of it, or it cannot be read as text.
    """
    questions = waiting(arguments)
    # What is written to the file '-' follows on standard input after the lines.
    alone = len(questions) == 1 and getattr(arguments, "file", None) != ASK
    for question in questions:
        text = _ask(question, alone)
        if question.place is not None:
            getattr(arguments, question.dest)[question.place] = text
        else:
            several = isinstance(getattr(arguments, question.dest), list)
            setattr(arguments, question.dest, [text] if several else text)
    arguments.questions, arguments.needed = [], None


def confirm(question: str) -> bool:
    """Ask on the terminal, and return whether a whole "yes" was typed; what was typed before the question is dropped.

    Args:
        question: Shown as it is; without line breaks.

    Raises:
        RefusedError: There is no terminal.
    """
    names = _terminal()
    try:
        with (
            Path(names[0]).open("rb", buffering=0) as source,
            Path(names[1]).open("wb", buffering=0) as target,
            _fresh_line(source.fileno()),
        ):
            target.write(shown(question).encode())
            answer = source.readline(_LINE_LIMIT)
    except OSError as error:
        raise RefusedError("There is no terminal to ask on.", "Use --passphrase-fd N in scripts.") from error
    return answer.strip() == b"yes"


@contextlib.contextmanager
def _fresh_line(terminal: int) -> Iterator[None]:
    """Drop what waits to be read, and show what is typed, also after a passphrase."""
    if sys.platform == "win32":
        import msvcrt

        while msvcrt.kbhit():
            msvcrt.getwch()
        yield
        return
    import termios

    try:
        before = termios.tcgetattr(terminal)
    except termios.error as error:
        raise OSError from error
    echoing = [*before]
    echoing[3] |= termios.ECHO
    termios.tcsetattr(terminal, termios.TCSAFLUSH, echoing)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)


def _terminal() -> tuple[str, str]:
    return ("CONIN$", "CONOUT$") if os.name == "nt" else ("/dev/tty", "/dev/tty")


def _ask(question: Question, alone: bool) -> str:
    if sys.stdin is not None and not sys.stdin.isatty():
        return _from_input(question, alone and question.whole)
    names = _terminal()
    try:
        with (
            Path(names[0]).open("rb", buffering=0) as source,
            Path(names[1]).open("wb", buffering=0) as target,
            _fresh_line(source.fileno()),
        ):
            target.write(f"{question.prompt}: ".encode())
            data = source.readline(_LINE_LIMIT)
    except OSError as error:
        raise RefusedError(
            f"There is no terminal to ask on for: {question.prompt}.", "Give it on standard input."
        ) from error
    if not data:
        raise RefusedError(f"Nothing was typed for: {question.prompt}.", "Try again.")
    if len(data) >= _TERMINAL_LIMIT:
        raise RefusedError("The line is longer than a terminal takes.", "Give the text on standard input.")
    text = _decoded(data, "utf-8" if os.name == "nt" else locale.getpreferredencoding(False))
    if any(unicodedata.category(character) == "Cc" and character != "\t" for character in text):
        raise RefusedError("There is a control character in what was typed, of an arrow key perhaps.", "Type it again.")
    return text


def _from_input(question: Question, whole: bool) -> str:
    source, most = sys.stdin.buffer, _TEXT_LIMIT if whole else _LINE_LIMIT
    data = source.read(most + 1) if whole else source.readline(most + 1)
    if not data:
        raise RefusedError(f"Standard input holds nothing for: {question.prompt}.", "Give one line for each '-'.")
    if len(data) > most:
        raise RefusedError(f"There is too much on standard input for: {question.prompt}.", "Give less of it.")
    return _decoded(data, "utf-8-sig")


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.removesuffix(b"\n").removesuffix(b"\r").decode(encoding)
    except UnicodeDecodeError:
        pass  # The error quotes the text; it is not chained.
    raise RefusedError("What was given for '-' cannot be read as text.", "Write it as UTF-8.")
