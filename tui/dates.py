"""Dates as people type them, and as a record holds them: a claim with its precision."""

from __future__ import annotations

import re
from typing import Final

from vault.model import Json

_TYPED: Final = re.compile(
    r"(?P<year>\d{4})年?"
    r"(?:[-/.]?(?P<month>\d{1,2})月?(?:[-/.]?(?P<day>\d{1,2})日?(?:[T ]+(?P<hour>\d{1,2})[:：](?P<minute>\d{2}))?)?)?"
)
_MARKED: Final = re.compile(r"[-/.年月日:：T ]")


def read(typed: str) -> tuple[str, str]:
    """Return value and precision of a typed date; what cannot be read comes back as it is, "to the day".

    Takes ``2018``, ``2018-02``, ``2018-02-03``, ``2018-02-03 14:05``, and the same with ``/``, ``.`` or ``年月日``.
    """
    text = typed.strip()
    found = _TYPED.fullmatch(text)
    if found is None or (len(text) > 4 and not _MARKED.search(text)):
        return text, "day"
    value, precision = found["year"], "year"
    for name, form in (("month", "-{}"), ("day", "-{}"), ("hour", "T{}"), ("minute", ":{}")):
        if found[name] is None:
            break
        value, precision = value + form.format(found[name].zfill(2)), name
    return value, precision


def told(value: Json) -> str:
    """Return the date of a record's value as it is typed; anything else as an empty text."""
    text = value.get("value") if isinstance(value, dict) else ""
    return text.replace("T", " ") if isinstance(text, str) else ""
