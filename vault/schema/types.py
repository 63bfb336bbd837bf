"""A record type, and what follows from it: which values fit, what may leave, what is searched, what a list shows.

Never: reads a type (`reading` does), stores anything.

Spec: docs/formats/schema.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from vault.errors import RefusedError
from vault.formats import jcs
from vault.model import Json
from vault.schema.fields import Field, Labels, pick
from vault.schema.values import check_group

MAX_RECORD: Final = 4_000_000
"""Bytes of all values of a record in canonical JSON."""
MAX_TITLE: Final = 120
"""Characters of a title."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A record type.

    Attributes:
        type: Its name in records.
        version: Rises with every change of the type.
        labels: What people read as its name.
        help: What it is for; may be empty.
        fields: In the order to show them.
        titles: Paths of the fields that a list shows, the first one with a text counts.
        digest: SHA-256, hexadecimal, of the canonical JSON of the whole type.
    """

    type: str
    version: int
    labels: Labels
    help: Labels
    fields: tuple[Field, ...]
    titles: tuple[str, ...]
    digest: str

    def label(self, language: str) -> str:
        """Return what people read as its name."""
        return pick(self.labels, language)

    def validate(self, fields: Mapping[str, Json]) -> dict[str, Json]:
        """Return a copy of a record's values in the order of the type, each exactly as given.

        Raises:
            RefusedError: An unknown or missing field, a value of the wrong kind or beyond a limit. It names the field,
                never the value.
        """
        found = check_group(self.fields, fields)
        if len(jcs.encode(found)) > MAX_RECORD:
            raise RefusedError("The record is too large.", "Put long documents into attachments.")
        return found

    def field(self, path: str) -> Field | None:
        """Return the field at a dotted path (``names.0.full``), or None; inside a plain field it is that one."""
        fields, found = self.fields, None
        for part in path.split("."):
            if found is not None and found.kind != "group":
                break
            if found is not None and found.repeat and part.isdecimal():
                continue
            found = next((field for field in fields if field.name == part), None)
            if found is None:
                return None
            fields = found.fields
        return found

    def all_fields(self) -> Iterator[Field]:
        """Yield every field, those inside groups too."""
        waiting = list(self.fields)
        while waiting:
            one = waiting.pop(0)
            yield one
            waiting.extend(one.fields)

    def is_shareable(self, path: str) -> bool:
        """True when what the path names may leave without being named; for a group only when all of it may."""
        found = self.field(path)
        return found is not None and found.shareable

    def leaves(self, fields: Mapping[str, Json]) -> Iterator[tuple[str, Field | None, Json]]:
        """Yield path, field and value of all that a record says, in the order of the type, groups taken apart.

        The field is None where the type does not know it.
        """
        for name in _in_order(self.fields, fields):
            yield from _leaves(self, name, fields[name])

    def texts(self, fields: Mapping[str, Json]) -> list[str]:
        """Return the texts of a record for the search index; values of any other form are passed over."""
        texts: list[str] = []
        _collect(self.fields, fields, texts)
        return texts

    def references(self, fields: Mapping[str, Json]) -> Iterator[tuple[Field, str, str]]:
        """Yield field, path of the id, and id of each reference in a record; other forms of values are passed over."""
        yield from _references(self.fields, fields, "")

    def title(self, fields: Mapping[str, Json]) -> str:
        """Return one line, at most `MAX_TITLE` characters, that shows which record this is; may be empty."""
        for path in self.titles:
            value: Json = fields
            for name in path.split("."):
                value = value[0] if isinstance(value, list) and value else value
                value = value.get(name) if isinstance(value, Mapping) else None
            value = value[0] if isinstance(value, list) and value else value
            if isinstance(value, str) and (line := " ".join(value[: 4 * MAX_TITLE].split())):
                return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1] + "…"
        return ""


def _references(fields: tuple[Field, ...], values: Mapping[str, Json], path: str) -> Iterator[tuple[Field, str, str]]:
    for field in fields:
        value = values.get(field.name)
        listed = isinstance(value, list)
        for place, item in enumerate(value if isinstance(value, list) else [value]):
            where = f"{path}{field.name}.{place}" if listed else f"{path}{field.name}"
            inner = item if isinstance(item, Mapping) else {}
            if field.kind == "group":
                yield from _references(field.fields, inner, f"{where}.")
            elif field.kind in ("record", "attachment") and isinstance(inner.get("id"), str):
                yield field, f"{where}.id", inner["id"]


def _leaves(kind: Schema, path: str, value: Json) -> Iterator[tuple[str, Field | None, Json]]:
    field = kind.field(path)
    inner = value if isinstance(value, list) else [value]
    if field is None or field.kind != "group" or not all(isinstance(one, dict) for one in inner):
        yield path, field, value
        return
    for place, one in enumerate(inner):
        for name in _in_order(field.fields, one):
            yield from _leaves(kind, f"{path}.{place}.{name}" if field.repeat else f"{path}.{name}", one[name])


def _in_order(fields: tuple[Field, ...], values: Mapping[str, Json]) -> list[str]:
    known = [field.name for field in fields if field.name in values]
    return [*known, *(name for name in values if name not in known)]


def _collect(fields: tuple[Field, ...], values: Mapping[str, Json], texts: list[str]) -> None:
    for field in fields:
        value = values.get(field.name)
        for item in value if isinstance(value, list) else [value]:
            if field.kind == "group" and isinstance(item, Mapping):
                _collect(field.fields, item, texts)
            elif field.kind == "date" and field.search and isinstance(item, Mapping):
                texts.extend(item[part] for part in ("value", "text") if isinstance(item.get(part), str))
            elif field.search and isinstance(item, str):
                texts.append(item)
