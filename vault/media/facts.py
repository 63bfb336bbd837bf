"""What is found inside a foreign file, its limits, and its one encoding between the keyless child and its parent.

The parent treats the child as hostile: `decode_facts` accepts exactly what `encode_facts` writes and nothing else.
Facts are claims of the file, never checked and never corrected. Nothing here reads a file.

Spec: docs/formats/media-facts.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final, cast

from vault.errors import FormatError
from vault.formats import jcs
from vault.model import Json

DISCLOSURES: Final = ("location", "device", "author", "time", "history", "preview")
"""Kinds of identifying information, in the order in which they are listed."""

GENERIC_TYPE: Final = "application/octet-stream"
GENERIC_EXTENSION: Final = "bin"

WALL_SECONDS: Final = 20.0
"""Seconds by the clock for one file, the caller's reading included."""
CPU_SECONDS: Final = 30
"""Seconds of processor time for one file."""
MEMORY_SIZE: Final = 512 * 1024 * 1024
"""Bytes of address space of the child."""
READ_SIZE: Final = 1024 * 1024
"""Bytes in one answer to a request for a range."""
READ_TOTAL: Final = 64 * 1024 * 1024
"""Bytes read of one file in all."""
ANSWER_SIZE: Final = 64 * 1024
"""Bytes of the encoded answer."""
FACT_COUNT: Final = 200
VALUE_LENGTH: Final = 1000
"""Characters of one value."""

_WHERE = "media facts"
_MEMBERS = ("discloses", "extension", "facts", "failed", "media_type")
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}\Z")
_EXTENSION = re.compile(r"[a-z0-9]{1,8}\Z")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}(\.[a-z0-9_]{1,40}){1,7}\Z")


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What a look into one file found.

    Attributes:
        media_type: Sniffed from the bytes alone, lower case, without parameters; `GENERIC_TYPE` when not recognised.
        extension: A safe file name extension for that type, 1 to 8 of ``[a-z0-9]``, without the dot.
        facts: Claims of the file: dotted name to str, int or bool; at most `FACT_COUNT`.
        discloses: Kinds of identifying information found inside, in the order of `DISCLOSURES`.
        failed: True when the look did not end as it should: damaged, over a limit, or the child died. What is listed
            is then less than what may be inside.
    """

    media_type: str = GENERIC_TYPE
    extension: str = GENERIC_EXTENSION
    facts: dict[str, Json] = field(default_factory=dict)
    discloses: tuple[str, ...] = ()
    failed: bool = False

    @property
    def complete(self) -> bool:
        """False when the file may hold more identifying information than `discloses` says.

        That is so after a failure, for kinds of files nothing here can read, and when a limit cut the list.
        """
        return not self.failed and not any(name.startswith("inspection.") for name in self.facts)


FAILED: Final = MediaFacts(failed=True)
"""The answer when nothing can be said: the generic type and `failed`."""


def is_name(name: str) -> bool:
    """True when `name` has the form of a fact's name."""
    return _NAME.match(name) is not None


def encode_facts(facts: MediaFacts) -> bytes:
    """Return the one encoding of `facts`: canonical JSON (RFC 8785) of its five members."""
    return jcs.encode(
        {
            "discloses": list(facts.discloses),
            "extension": facts.extension,
            "facts": dict(facts.facts),
            "failed": facts.failed,
            "media_type": facts.media_type,
        }
    )


def decode_facts(data: bytes) -> MediaFacts:
    """Decode an answer of the child.

    Guarantee: `encode_facts` of the result gives `data` again, and every limit of the specification holds.

    Raises:
        FormatError: Anything else.
    """
    value = jcs.decode(data, _WHERE, limit=ANSWER_SIZE)
    if type(value) is not dict or tuple(sorted(value)) != _MEMBERS:
        raise FormatError(_WHERE, "unexpected members")
    return MediaFacts(
        media_type=_text(value["media_type"], _TYPE),
        extension=_text(value["extension"], _EXTENSION),
        facts=_checked(value["facts"]),
        discloses=_kinds(value["discloses"]),
        failed=_flag(value["failed"]),
    )


def _flag(value: Json) -> bool:
    if type(value) is not bool:
        raise FormatError(_WHERE, "a flag is not a boolean")
    return value


def _text(value: Json, pattern: re.Pattern[str]) -> str:
    if type(value) is not str or not pattern.match(value):
        raise FormatError(_WHERE, "a type or extension is not well formed")
    return value


def _kinds(value: Json) -> tuple[str, ...]:
    if type(value) is not list or value != [kind for kind in DISCLOSURES if kind in value]:
        raise FormatError(_WHERE, "unknown, repeated or unordered kinds")
    return tuple(cast(list[str], value))


def _checked(value: Json) -> dict[str, Json]:
    if type(value) is not dict or len(value) > FACT_COUNT:
        raise FormatError(_WHERE, "too many facts")
    for name, fact in cast(dict[str, Any], value).items():
        if not is_name(name):
            raise FormatError(_WHERE, "a name is not well formed")
        if type(fact) is str:
            if len(fact) > VALUE_LENGTH:
                raise FormatError(_WHERE, "a text is too long")
        elif type(fact) not in (int, bool):
            raise FormatError(_WHERE, "a value is neither text, number nor boolean")
    return cast(dict[str, Json], value)
