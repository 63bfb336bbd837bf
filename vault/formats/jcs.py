"""Canonical JSON: the JSON Canonicalization Scheme of RFC 8785 without floating-point numbers.

Holds: one encoder and one decoder. A value is None, a bool, an int of at most 53 bits, a str without lone surrogates,
a list, or a dict with such str keys. One value has exactly one encoding: no white space, members sorted by the UTF-16
code units of their names (RFC 8785 §3.2.3), strings escaped only where JSON demands it (§3.2.2.2), UTF-8 without a byte
order mark. The decoder refuses everything that the encoder would not have written: `encode(decode(data)) == data`.

Never: reads or writes files, repairs input, quotes input in an error.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import Final

from vault.errors import FormatError, RefusedError
from vault.model import Json

MAX_INT: Final = 2**53 - 1
"""The largest magnitude of a number: what every JSON implementation keeps exactly (RFC 8785 §3.2.2.3, I-JSON)."""

MAX_DEPTH: Final = 32
"""How many lists and objects may lie inside each other."""

MAX_SIZE: Final = 16 * 1024 * 1024
"""The longest text that `decode` takes unless the caller sets another limit, in bytes."""

_MAX_DIGITS = 17
_quote = encode_basestring


class _NotCanonicalError(ValueError):
    """What the hooks of the JSON parser raise; never leaves this module."""


def _refuse(_text: str) -> Json:
    raise _NotCanonicalError


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise _NotCanonicalError
    return int(text)


_parse = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse, parse_int=_integer).decode


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")


def _order(value: dict[str, Json]) -> list[str]:
    """Return the member names in the order of their UTF-16 code units."""
    for name in value:
        if not isinstance(name, str):
            raise TypeError("a member name that is not a str")
    names = sorted(value)
    # Code points and UTF-16 code units order alike unless a name leaves the basic plane, which is rare.
    return names if all(map(str.isascii, names)) else sorted(names, key=_utf16)


def _write(value: Json, parts: list[str], depth: int) -> None:
    """Append the canonical text of `value` to `parts`; `depth` more levels may be opened."""
    if isinstance(value, str):
        parts.append(_quote(value))
    elif value is None:
        parts.append("null")
    elif value is True:
        parts.append("true")
    elif value is False:
        parts.append("false")
    elif isinstance(value, int):
        if not -MAX_INT <= value <= MAX_INT:
            raise RefusedError("A number is too large to be kept exactly.", "Write it as text.")
        parts.append(int.__repr__(value))
    elif isinstance(value, (dict, list)):
        if depth == 0:
            raise RefusedError("Values are nested too deeply.", "Use fewer levels.")
        if isinstance(value, list):
            mark = "["
            for item in value:
                parts.append(mark)
                _write(item, parts, depth - 1)
                mark = ","
            parts.append("]" if value else "[]")
        else:
            mark = "{"
            for name in _order(value):
                parts.append(mark + _quote(name) + ":")
                _write(value[name], parts, depth - 1)
                mark = ","
            parts.append("}" if value else "{}")
    else:
        raise TypeError("only None, bool, int, str, list and dict have a canonical form")


def encode(value: Json) -> bytes:
    """Return the one canonical encoding of `value`, UTF-8.

    Raises:
        RefusedError: A number beyond 53 bits, a string with a lone surrogate, or more than `MAX_DEPTH` levels.
        TypeError: Something that is no JSON value here, a float for example.

    Spec: RFC 8785 §3.
    """
    parts: list[str] = []
    _write(value, parts, MAX_DEPTH)
    text = "".join(parts)
    parts.clear()
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        pass  # That exception holds the text itself; the one below does not, and is not chained to it.
    raise RefusedError("A text holds half a character that cannot be stored.", "Type that text again.")


def _decode(data: bytes) -> tuple[bool, Json]:
    """Return whether `data` is canonical, and its value."""
    try:
        value = _parse(data.decode("utf-8"))
        return encode(value) == data, value
    except (ValueError, RecursionError, RefusedError):
        return False, None


def decode(data: bytes, where: str, *, limit: int = MAX_SIZE) -> Json:
    """Return the value whose canonical encoding is exactly `data`.

    Args:
        data: The bytes, at most `limit` of them.
        where: Named in the error.
        limit: The largest size taken, in bytes.

    Raises:
        FormatError: Not JSON, not canonical (white space, order, escapes, floats, duplicate members), too long, nested
            too deeply, or a number beyond 53 bits.
    """
    if len(data) > limit:
        raise FormatError(where, "too long")
    canonical, value = _decode(data)
    if not canonical:
        raise FormatError(where, "not canonical JSON")
    return value
