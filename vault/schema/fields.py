"""What a type is made of: fields, codes, and their names in the languages people read.

Never: checks a value (`values` does), reads a type (`reading` does).

Spec: docs/formats/schema.md, "Fields"
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

KINDS: Final = (
    "text", "line", "integer", "boolean-unknown", "choice", "date", "language", "record", "attachment", "facts",
    "group",
)  # fmt: skip
"""What a field can hold."""

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
"""The form of a type's and a field's name."""

Labels = Mapping[str, str]
"""Language tag to text; `en` is always there."""


def pick(labels: Labels, language: str) -> str:
    """Return the text in `language`, else in its nearest wider language, else in English; "" when there is none."""
    wanted = language
    while wanted:
        if wanted in labels:
            return labels[wanted]
        wanted = wanted.rpartition("-")[0]
    near = (text for tag, text in labels.items() if tag.partition("-")[0] == language.partition("-")[0])
    return next(near, labels.get("en", ""))


@dataclass(frozen=True, slots=True)
class Term:
    """One code of a vocabulary."""

    code: str
    labels: Labels

    def label(self, language: str) -> str:
        """Return what people read for the code."""
        return pick(self.labels, language)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a type.

    Attributes:
        name: The member's name in a record.
        kind: One of `KINDS`.
        required: A record (or, inside a group, an element) without it is refused.
        repeat: The value is a list of such values.
        shareable: It may leave without being named; for a group: everything in it may.
        linked: A reference that may leave without being named where both its ends leave in the same bundle.
        search: Its text goes into the index.
        labels: What people read as its name.
        help: What to write into it; may be empty.
        vocabulary: The codes of a choice, in the order to show them.
        minimum: The least integer, or None.
        maximum: The greatest integer, or None.
        fields: The fields of a group.
    """

    name: str
    kind: str
    required: bool
    repeat: bool
    shareable: bool
    search: bool
    labels: Labels
    help: Labels
    vocabulary: tuple[Term, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    linked: bool = False
    fields: tuple[Field, ...] = ()

    @property
    def disclosure(self) -> str:
        """``shareable``, ``linked`` or ``protected``."""
        return "shareable" if self.shareable else "linked" if self.linked else "protected"

    def label(self, language: str) -> str:
        """Return what people read as its name."""
        return pick(self.labels, language)

    def hint(self, language: str) -> str:
        """Return what people read beside it; may be empty."""
        return pick(self.help, language)
