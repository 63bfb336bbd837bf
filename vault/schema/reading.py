"""Reads record types: TOML 1.0 under strict rules, from the program or from somebody else.

Never: quotes the input in an error, guesses at a misspelt key, lets a type replace another.

Spec: docs/formats/schema.md
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final, NoReturn

from vault.crypto.hashes import sha256
from vault.errors import FormatError, UnsupportedVersionError
from vault.formats import jcs
from vault.model import Json
from vault.schema.fields import KINDS, NAME, Field, Labels, Term
from vault.schema.types import Schema
from vault.schema.values import is_language

FORMAT: Final = "evidence-type/1"
MAX_FILE: Final = 64 * 1024
"""Characters of a type's TOML text."""
MAX_FIELDS: Final = 200
"""Fields of a type, those in groups included."""
MAX_DEPTH: Final = 3
"""Levels of fields: a group may hold groups that hold plain fields."""
MAX_TERMS: Final = 500
"""Codes of one vocabulary."""
MAX_LABEL: Final = 1_000
"""Characters of a label or help in one language."""
MAX_LANGUAGES: Final = 50

_WHERE: Final = "record type"
_CODE = re.compile(r"[a-z][a-z0-9_-]{0,39}\Z")
_SEARCHED: Final = ("text", "line")
_SEARCHABLE: Final = (*_SEARCHED, "date")


@cache
def schemas() -> Mapping[str, Schema]:
    """Return the shipped types by name."""
    found = {}
    for entry in sorted(resources.files("vault").joinpath("schemas").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            schema = load_schema(entry.read_text("utf-8"))
            found[schema.type] = schema
    return MappingProxyType(found)


@cache
def earlier_schemas() -> Mapping[str, Schema]:
    """Return the versions of shipped types that came before, by digest: records were signed under them."""
    folder = resources.files("vault").joinpath("schemas", "earlier")
    found = (load_schema(entry.read_text("utf-8")) for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return MappingProxyType({schema.digest: schema for schema in found})


def load_schema(text: str) -> Schema:
    """Read a record type.

    Args:
        text: TOML, at most `MAX_FILE` characters.

    Raises:
        FormatError: Not TOML, an unknown, missing or wrong key, or a limit passed. It says where.
        UnsupportedVersionError: Another version of the format.
    """
    if len(text) > MAX_FILE:
        _bad("too long")
    document = _parse(text)
    if not isinstance(document.get("format"), str) or not document["format"].startswith("evidence-type/"):
        _bad("no format line")
    if document["format"] != FORMAT:
        raise UnsupportedVersionError(_WHERE, document["format"].rpartition("/")[2])
    _keys(document, ("format", "type", "version", "title", "label", "field"), ("help", "vocabulary"), "the type")
    if not isinstance(document["type"], str) or not NAME.match(document["type"]):
        _bad("a type name not of a-z, 0-9 and _")
    version = document["version"]
    if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= 1_000_000:
        _bad("a version that is no whole number from 1")
    reader = _Reader(_vocabularies(document.get("vocabulary", {})))
    fields = reader.fields(document["field"], 1, "field")
    if reader.unused:
        _bad("a vocabulary that no field uses")
    labels = _labels(document["label"], "the type")
    helps = _labels(document.get("help", {}), "the type", optional=True)
    plain = {
        "format": FORMAT,
        "type": document["type"],
        "version": version,
        "title": document["title"],
        "label": dict(labels),
        "help": dict(helps),
        "fields": [_plain(field) for field in fields],
    }
    schema = Schema(
        document["type"], version, labels, helps, fields, _titles(document["title"]), sha256(jcs.encode(plain)).hex()
    )
    for path in schema.titles:
        found = schema.field(path)
        if found is None or found.kind not in _SEARCHED or any(part.isdecimal() for part in path.split(".")):
            _bad("a title that is no text or line of the type")
    return schema


def _parse(text: str) -> dict[str, Json]:
    try:
        text.encode("utf-8")
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        pass  # The library's message quotes the text; it is not chained.
    _bad("not TOML 1.0 in UTF-8")


def _bad(reason: str) -> NoReturn:
    raise FormatError(_WHERE, reason, "Correct the type's file; docs/formats/schema.md says how.")


def _keys(table: Json, needed: tuple[str, ...], allowed: tuple[str, ...], where: str) -> None:
    if not isinstance(table, dict):
        _bad(f"{where} is not a table")
    if any(key not in table for key in needed):
        _bad(f"{where} lacks one of: {', '.join(needed)}")
    if not set(table) <= {*needed, *allowed}:
        _bad(f"{where} has a key other than: {', '.join((*needed, *allowed))}")


def _titles(value: Json) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= 10 or not all(isinstance(path, str) for path in value):
        _bad("a title that is no list of 1 to 10 paths")
    return tuple(value)


def _labels(value: Json, where: str, *, optional: bool = False) -> Labels:
    if not isinstance(value, dict) or len(value) > MAX_LANGUAGES:
        _bad(f"{where} has labels that are no table of at most {MAX_LANGUAGES} languages")
    for tag, text in value.items():
        if not is_language(tag):
            _bad(f"{where} has a label under something that is no language tag")
        if not isinstance(text, str) or not 0 < len(text) <= MAX_LABEL:
            _bad(f"{where} has an empty label or one of more than {MAX_LABEL} characters")
    if "en" not in value and (value or not optional):
        _bad(f"{where} has no English label")
    return MappingProxyType(dict(value))


def _vocabularies(value: Json) -> dict[str, tuple[Term, ...]]:
    if not isinstance(value, dict):
        _bad("vocabulary is not a table")
    found = {}
    for number, (name, codes) in enumerate(value.items(), 1):
        where = f"vocabulary {number}"
        if not _CODE.match(name) or not isinstance(codes, dict) or not 1 <= len(codes) <= MAX_TERMS:
            _bad(f"{where} is not a named table of 1 to {MAX_TERMS} codes")
        if not all(map(_CODE.match, codes)):
            _bad(f"{where} has a code not of a-z, 0-9, _ and -")
        found[name] = tuple(Term(code, _labels(labels, where)) for code, labels in codes.items())
    return found


class _Reader:
    """Reads the fields of one type and counts them."""

    def __init__(self, vocabularies: dict[str, tuple[Term, ...]]) -> None:
        self._vocabularies = vocabularies
        self.unused = set(vocabularies)
        self._count = 0

    def fields(self, value: Json, level: int, where: str) -> tuple[Field, ...]:
        """Return the fields of one list."""
        if not isinstance(value, list) or not value:
            _bad(f"{where} is no list of fields")
        if level > MAX_DEPTH:
            _bad(f"{where}: more than {MAX_DEPTH} levels")
        self._count += len(value)
        if self._count > MAX_FIELDS:
            _bad(f"more than {MAX_FIELDS} fields")
        found = tuple(self._field(item, level, f"{where} {number}") for number, item in enumerate(value, 1))
        if len({field.name for field in found}) != len(found):
            _bad(f"{where}: two fields of one name")
        return found

    def _field(self, value: Json, level: int, where: str) -> Field:
        if not isinstance(value, dict) or value.get("kind") not in KINDS:
            _bad(f"{where} has no kind that exists")
        kind = value["kind"]
        special: tuple[str, ...] = {"choice": ("vocabulary",), "group": ("field",)}.get(kind, ())
        allowed: tuple[str, ...] = ("help", "required", "repeat")
        allowed += ("minimum", "maximum") if kind == "integer" else ()
        allowed += ("search",) if kind in _SEARCHABLE else ()
        allowed += ("disclosure",) if kind != "group" else ()
        _keys(value, ("name", "kind", "label", *special), allowed, where)
        if not isinstance(value["name"], str) or not NAME.match(value["name"]):
            _bad(f"{where} has a name not of a-z, 0-9 and _")
        inner = self.fields(value["field"], level + 1, f"{where}, field") if kind == "group" else ()
        disclosure = value.get("disclosure", "protected")
        if disclosure not in ("shareable", "protected", "linked"):
            _bad(f"{where} is neither shareable nor protected nor linked")
        if disclosure == "linked" and kind not in ("record", "attachment"):
            _bad(f"{where} is linked, but no reference")
        return Field(
            name=value["name"],
            kind=kind,
            required=_flag(value, "required", False, where),
            repeat=_flag(value, "repeat", False, where),
            shareable=all(field.shareable for field in inner) if inner else disclosure == "shareable",
            search=_flag(value, "search", kind in _SEARCHED, where),
            labels=_labels(value["label"], where),
            help=_labels(value.get("help", {}), where, optional=True),
            vocabulary=self._vocabulary(value["vocabulary"], where) if kind == "choice" else (),
            minimum=_bound(value, "minimum", where),
            maximum=_bound(value, "maximum", where),
            linked=disclosure == "linked",
            fields=inner,
        )

    def _vocabulary(self, name: Json, where: str) -> tuple[Term, ...]:
        if not isinstance(name, str) or name not in self._vocabularies:
            _bad(f"{where} names a vocabulary that does not exist")
        self.unused.discard(name)
        return self._vocabularies[name]


def _flag(table: dict[str, Json], key: str, default: bool, where: str) -> bool:
    value = table.get(key, default)
    if not isinstance(value, bool):
        _bad(f"{where}: {key} is neither true nor false")
    return value


def _bound(table: dict[str, Json], key: str, where: str) -> int | None:
    value = table.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > jcs.MAX_INT:
        _bad(f"{where}: {key} is no whole number of at most 53 bits")
    return value


def _plain(field: Field) -> dict[str, Json]:
    """Return a field with every default written out, for the digest."""
    return {
        "name": field.name,
        "kind": field.kind,
        "required": field.required,
        "repeat": field.repeat,
        "disclosure": field.disclosure,
        "search": field.search,
        "label": dict(field.labels),
        "help": dict(field.help),
        "vocabulary": [{"code": term.code, "label": dict(term.labels)} for term in field.vocabulary],
        "minimum": field.minimum,
        "maximum": field.maximum,
        "fields": [_plain(inner) for inner in field.fields],
    }
