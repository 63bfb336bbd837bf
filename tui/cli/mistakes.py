"""A wrong command line, told in plain sentences that quote nothing of it."""

from __future__ import annotations

import argparse
import difflib
from typing import Any, Never

from tui.cli.usage import UsageError
from vault import api

_GLOBAL = ("--vault", "--passphrase-fd", "--json")


class Parser(argparse.ArgumentParser):
    """A parser that raises `UsageError`."""

    def __init__(self, **more: Any) -> None:
        more.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **more)

    def error(self, message: str) -> Never:
        """Say what argparse says of the command line in a sentence of ours."""
        raise UsageError(_plain(message), self._advice(message))

    def _advice(self, message: str) -> str:
        if message.startswith("unrecognized") and any(f" {name}" in message for name in _GLOBAL):
            return f"Write {', '.join(_GLOBAL)} before the command."
        return f"See '{self.prog} --help'."

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        if action.dest == "command" and value in api.schemas():
            raise UsageError(
                "That is a type of record, not a command.",
                f"'evault schema show {value}' prints an empty one; "
                f"'evault record add --case ID --type {value} --file F' signs it.",
            )
        near = difflib.get_close_matches(str(value), [str(choice) for choice in action.choices], 1)
        what = "command" if action.dest in ("command", "part") else "value for " + "/".join(action.option_strings)
        advice = f"Did you mean '{near[0]}'?" if near else f"See '{self.prog} --help'."
        raise UsageError(f"There is no such {what}.", advice)


def _plain(message: str) -> str:
    """Return a message of argparse as a sentence that quotes nothing that was typed."""
    if message.startswith("the following arguments are required: "):
        return f"The command line lacks: {message.partition(': ')[2]}."
    if message.startswith("one of the arguments "):
        names = message.removeprefix("one of the arguments ").removesuffix(" is required")
        return f"The command line needs one of: {', '.join(names.split())}."
    where, _, rule = message.removeprefix("argument ").partition(": ")
    if "not allowed with argument" in rule:
        return f"{where} and {rule.rpartition(' ')[2]} exclude each other."
    if message.startswith("argument ") and "expected" in rule:
        return f"{where} needs a value."
    if message.startswith("argument ") and ("invalid int" in rule or "invalid count_of" in rule):
        return f"{where} takes a whole number."
    return "There is a word or an option in the command line that this command does not take."
