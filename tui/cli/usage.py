"""What the command line itself may get wrong, and the values in it that are more than words."""

from __future__ import annotations

import os
from pathlib import Path

from tui import i18n
from vault import api
from vault.model import is_id


class UsageError(Exception):
    """The command line itself is wrong; neither text quotes what was typed.

    Args:
        message: What is wrong, one plain sentence.
        advice: What to do next.
    """

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


def is_file(path: str | Path) -> bool:
    """Return whether there is a file; never raises, as pathlib does of a name too long or a closed folder."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: str | Path) -> bool:
    """Return whether there is a folder, as `is_file`."""
    return os.path.isdir(path)  # noqa: PTH112


def field_of(text: str) -> tuple[str, str]:
    """Return a record's id and a field's path from RECORD:FIELD."""
    record_id, colon, path = text.partition(":")
    if not colon or not path or not is_id(record_id):
        raise UsageError("A field is named as RECORD:FIELD.", "See 'evault case show ID' and 'evault record show ID'.")
    return record_id, path


def count_of(text: str) -> int:
    """Return how many to show: 1 or more.

    Raises:
        ValueError: Not a number.
    """
    if int(text) < 1:
        raise UsageError("--limit takes a whole number from 1 on.", "Leave it out, or give 20, for example.")
    return int(text)


def screens_in(text: str) -> str:
    """Return the language of the screens that a tag or locale means."""
    found = i18n.from_locale(text)
    if not found:
        begun = ", ".join(one for one in i18n.LANGUAGES if one not in i18n.complete())
        advice = f"Write {' or '.join(i18n.complete())}; {begun} are begun, and show much in English."
        raise UsageError("--language takes a language that the screens speak.", advice)
    return found


def language_of(text: str) -> str:
    """Return a language tag."""
    if not api.is_language(text):
        raise UsageError("--lang takes a language tag.", "Write zh-Hans, ug, bo, kk-Cyrl or en, for example.")
    return text
