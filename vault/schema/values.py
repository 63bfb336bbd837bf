"""Checks values against the fields of a type, strictly, and changes none of them.

Never: quotes a value, normalises text, fills in what is missing.

Spec: docs/formats/schema.md, "Values"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NoReturn

from vault.errors import RefusedError
from vault.formats import jcs
from vault.model import Json, is_id
from vault.schema.fields import NAME, Field

MAX_TEXT: Final = 1_000_000
MAX_LINE: Final = 1_000
MAX_ITEMS: Final = 1_000
MAX_FACTS: Final = 1_000
"""Characters of a text and of a line, elements of a repeated field, values of a facts map."""

_LANGUAGE = re.compile(
    r"[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*(?:-[A-WYZa-wyz0-9](?:-[A-Za-z0-9]{2,8})+)*"
    r"(?:-[xX](?:-[A-Za-z0-9]{1,8})+)?\Z"
)  # RFC 5646 §2.1 without grandfathered tags, and without languages of 4 to 8 letters: none was ever registered
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_FACT = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,99}\Z")
_ZONE = re.compile(
    r"(?:UTC|[+-](?:0[0-9]|1[0-4]):[0-5][0-9]|[A-Z][A-Za-z_]{1,31}(?:/[A-Z][A-Za-z0-9_+-]{1,31}){1,2})\Z"
)
_BREAK = re.compile("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_DATE: Final = {
    "year": (re.compile(r"[0-9]{4}\Z"), "%Y"),
    "month": (re.compile(r"[0-9]{4}-[0-9]{2}\Z"), "%Y-%m"),
    "day": (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z"), "%Y-%m-%d"),
    "minute": (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}\Z"), "%Y-%m-%dT%H:%M"),
}
_QUALIFIERS: Final = ("exact", "estimated", "before", "after")


def _refuse(path: str, wrong: str, advice: str = "") -> NoReturn:
    raise RefusedError(f"The field '{path}' {wrong}.", advice or "Correct this field and try again.")


def check_group(fields: tuple[Field, ...], value: Json, path: str = "") -> dict[str, Json]:
    """Return a copy of a record's (or a group's) values in the order of its fields.

    Args:
        fields: What may be there.
        value: What is there.
        path: Where the group is in the record; empty for the record itself.

    Raises:
        RefusedError: Names the field, never the value.
    """
    if not isinstance(value, Mapping):
        if path:
            _refuse(path, "is not a group of fields")
        raise RefusedError("A record is a table of fields.", "See docs/formats/schema.md.")
    known = {field.name for field in fields}
    for name in value:
        if name not in known:
            shown = f"{path}.{name}" if path else name
            if isinstance(name, str) and NAME.match(name):
                _refuse(shown, "does not exist in this type", "See docs/formats/schema.md for the fields of each type.")
            raise RefusedError("A field does not exist in this type.", "See docs/formats/schema.md for the fields.")
    found: dict[str, Json] = {}
    for field in fields:
        where = f"{path}.{field.name}" if path else field.name
        if field.required and value.get(field.name) == "":
            _refuse(where, "is empty, and is required", "Write something into it.")
        if field.name in value:
            found[field.name] = _field(field, value[field.name], where)
        if field.required and found.get(field.name) in (None, []):
            _refuse(where, "is required")
    if path and not found:
        _refuse(path, "is an empty group", "Leave it out.")
    return found


def _field(field: Field, value: Json, path: str) -> Json:
    if not field.repeat:
        return _VALUES[field.kind](field, value, path)
    if not isinstance(value, list):
        _refuse(path, "takes a list of values")
    if len(value) > MAX_ITEMS:
        _refuse(path, f"has more than {MAX_ITEMS} values")
    return [_VALUES[field.kind](field, item, f"{path}.{number}") for number, item in enumerate(value)]


def _string(value: Json, path: str, limit: int) -> str:
    if not isinstance(value, str):
        _refuse(path, "is not a text", "Write it between quotation marks.")
    if not value:
        _refuse(path, "is empty", "Leave it out.")
    if len(value) > limit:
        _refuse(path, f"is longer than {limit} characters")
    if any("\ud800" <= character <= "\udfff" for character in value):
        _refuse(path, "holds half a character that cannot be stored")
    return value


def _text(_field: Field, value: Json, path: str) -> str:
    return _string(value, path, MAX_TEXT)


def _line(_field: Field, value: Json, path: str) -> str:
    text = _string(value, path, MAX_LINE)
    if _BREAK.search(text):
        _refuse(path, "takes one line only")
    return text


def _integer(field: Field, value: Json, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        _refuse(path, "is not a whole number")
    least = -jcs.MAX_INT if field.minimum is None else field.minimum
    greatest = jcs.MAX_INT if field.maximum is None else field.maximum
    if not least <= value <= greatest:
        _refuse(path, f"is not between {least} and {greatest}")
    return value


def _yes_no(_field: Field, value: Json, path: str) -> str:
    if value not in ("yes", "no", "unknown"):
        _refuse(path, "takes yes, no or unknown", 'Write "yes", "no" or "unknown".')
    return str(value)


def _choice(field: Field, value: Json, path: str) -> str:
    if not isinstance(value, str) or all(value != term.code for term in field.vocabulary):
        _refuse(path, "takes one of the codes of its vocabulary", "See docs/formats/schema.md for the codes.")
    return value


def is_language(tag: str) -> bool:
    """True when `tag` is a well-formed language tag of at most 64 characters (docs/formats/schema.md)."""
    return len(tag) <= 64 and _LANGUAGE.match(tag) is not None


def _language(_field: Field, value: Json, path: str) -> str:
    if not isinstance(value, str) or not is_language(value):
        _refuse(path, "is not a language tag", "Write zh-Hans, ug-Arab, bo, kk or en, for example.")
    return value


def _members(
    value: Json, path: str, needed: tuple[str, ...], allowed: tuple[str, ...], advice: str = ""
) -> dict[str, Json]:
    if not isinstance(value, Mapping):
        _refuse(path, f"takes a table with {', '.join(needed)}", advice)
    if not set(value) <= {*needed, *allowed}:
        _refuse(path, f"takes only {', '.join((*needed, *allowed))}", advice)
    for name in needed:
        if name not in value:
            _refuse(path, f"lacks its {name}", advice)
    return {name: value[name] for name in (*needed, *allowed) if name in value}


def _date(_field: Field, value: Json, path: str) -> dict[str, Json]:
    advice = 'Write { value = "2018-02", precision = "month", qualifier = "exact" }, for example.'
    found = _members(value, path, ("value", "precision", "qualifier"), ("zone", "text"), advice)
    precision = found["precision"]
    if not isinstance(precision, str) or precision not in _DATE:
        _refuse(f"{path}.precision", f"takes {', '.join(_DATE)}")
    pattern, form = _DATE[precision]
    if not isinstance(found["value"], str) or not pattern.match(found["value"]) or not _exists(found["value"], form):
        _refuse(
            f"{path}.value", f"is not a date to the {precision}", "Write 2018, 2018-02, 2018-02-03 or 2018-02-03T14:05."
        )
    if found["qualifier"] not in _QUALIFIERS:
        _refuse(f"{path}.qualifier", f"takes {', '.join(_QUALIFIERS)}")
    if "zone" in found and not (isinstance(found["zone"], str) and _ZONE.match(found["zone"])):
        _refuse(f"{path}.zone", "is not a time zone", "Write UTC, +08:00 or Asia/Urumqi, for example.")
    if "text" in found:
        _string(found["text"], f"{path}.text", MAX_LINE)
    return found


def _exists(value: str, form: str) -> bool:
    try:
        datetime.strptime(value, form)
    except ValueError:
        return False
    return True


def _reference(value: Json, path: str, digest: str) -> dict[str, Json]:
    found = _members(value, path, ("id",), (digest,))
    if not isinstance(found["id"], str) or not is_id(found["id"]):
        _refuse(f"{path}.id", "is not an id of 32 hexadecimal digits")
    if digest in found and not (isinstance(found[digest], str) and _DIGEST.match(found[digest])):
        _refuse(f"{path}.{digest}", "is not a digest of 64 hexadecimal digits")
    return found


def _facts(_field: Field, value: Json, path: str) -> dict[str, Json]:
    if not isinstance(value, Mapping) or len(value) > MAX_FACTS:
        _refuse(path, f"takes a table of at most {MAX_FACTS} facts")
    for name, fact in value.items():
        if not isinstance(name, str) or not _FACT.match(name):
            _refuse(path, "has a fact whose name is not of letters, digits and .:_-")
        if isinstance(fact, str):
            if fact:
                _string(fact, path, MAX_LINE)
        elif not isinstance(fact, int) or abs(fact) > jcs.MAX_INT:
            _refuse(path, "has a fact that is no text, whole number, true or false")
    return dict(value)


_VALUES: Final[Mapping[str, Callable[[Field, Json, str], Json]]] = {
    "text": _text,
    "line": _line,
    "integer": _integer,
    "boolean-unknown": _yes_no,
    "choice": _choice,
    "date": _date,
    "language": _language,
    "record": lambda _field, value, path: _reference(value, path, "digest"),
    "attachment": lambda _field, value, path: _reference(value, path, "sha256"),
    "facts": _facts,
    "group": lambda field, value, path: check_group(field.fields, value, path),
}
