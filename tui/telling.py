"""What a record says, in words for people: each field with its label, values as they were stated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from tui import places
from tui.dates import told as told_date
from tui.i18n import N_, _, language
from vault import api
from vault.errors import NotFoundError
from vault.model import Case, Finding, Json, Severity

NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})
"""Where no record is named, or none is looked up."""
LONG: Final = 60
"""Characters from which a value stands on lines of its own."""

VERDICTS: Final = {
    "verified": N_("verified"),
    "intact": N_("intact, signer not established"),
    "failed": N_("failed"),
}
"""What the verification of a received record came to; translated where it is shown."""


_TITLE: Final = re.compile(
    r"Received from (?:sender (?P<digits>[\d ]{11})|(?P<name>.*)), bundle (?P<id>[0-9a-f]{8})(?P<rest>: .*)?", re.DOTALL
)
"""How the core calls a case that a bundle opened."""
_MARKS: Final = {"verified": "✓", "intact": "!", "failed": "✗"}
_SEVERITIES: Final = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.INFO: "·"}


def is_replay(finding: Finding) -> bool:
    """True when it says that the very same bundle is here already: nothing is wrong with that."""
    return finding.code == "replayed"


def mark_of(finding: Finding) -> str:
    """Return the sign that stands before a finding."""
    return "=" if is_replay(finding) else _SEVERITIES[finding.severity]


def case_title(case: Case) -> str:
    """Return what a case is called; of one that came in a bundle, in the language in use."""
    found = _TITLE.fullmatch(case.title) if case.origin else None
    if found is None:
        return case.title
    name = _("sender {digits}", digits=found["digits"]) if found["digits"] else found["name"]
    return _("Received from {name}, bundle {id}", name=name, id=found["id"]) + (found["rest"] or "")


def senders(vault: api.OpenVault) -> dict[str, str]:
    """Return fingerprint → name of the contacts with whom it was compared."""
    return {one.fingerprint: one.name for one in api.contacts.page(vault) if one.verified}


def sender(origin: str, names: Mapping[str, str], verdict: str = "") -> str:
    """Return in a few words from whom something came: a mark for its verdict, and a name or what begins their digits.

    Args:
        origin: Their fingerprint; empty for what is one's own.
        names: As `senders` returns them.
        verdict: What its verification came to, where that is to be told.
    """
    whom = names.get(origin, origin[:11])
    return f"{_MARKS.get(verdict, '')} {whom}".strip() if origin else ""


def told(field: api.Field, value: Json, names: Mapping[str, str] = NO_NAMES) -> str:
    """Return a value of a field in words; of a group its members line by line.

    Args:
        field: The field.
        value: What it holds.
        names: Id → title of records that it may refer to; others are shown by their ids.
    """
    if field.repeat and isinstance(value, list):
        inner = [_one(field, one, names) for one in value]
        blocks = field.kind == "group" or any("\n" in one for one in inner)
        return ("\n\n" if blocks else "\n").join(inner)
    return _one(field, value, names)


def names_in(vault: api.OpenVault, schema: api.Schema, *versions: dict[str, Json]) -> dict[str, str]:
    """Return id → title of the own records and attachments that versions of a record name; as `told` takes them."""
    named = {found for fields in versions for _field, _path, found in schema.references(fields)}
    return {one: title_of(vault, one) for one in named}


def title_of(vault: api.OpenVault, record_id: str) -> str:
    """Return what a record or attachment of this vault is called, or that it is not here."""
    try:
        return api.records.outline(vault, record_id)[0].title or _("(no title)")
    except NotFoundError:
        return _("a record that is not here")


def label_of(schema: api.Schema, path: str) -> str:
    """Return a field's name in words, with those of the groups it lies in; empty where the type does not know it."""
    steps = path.split(".")
    words: list[str] = []
    for place in range(len(steps)):
        field = schema.field(".".join(steps[: place + 1]))
        if steps[place].isdecimal() and words:
            words[-1] += f" {int(steps[place]) + 1}"
        elif field is not None:
            words.append(field.label(language()))
    return " – ".join(words)


def types_of(vault: api.OpenVault) -> dict[str, api.Schema]:
    """Return the types that records can have in a vault, those of an organisation included, by name."""
    return {one.type: one for one in api.record_types.page(vault)}


def bare(value: Json) -> str:
    """Return a value whose type is not known, as it is."""
    if isinstance(value, dict):
        return "\n".join(f"{name}: {bare(inner)}" for name, inner in value.items())
    return "\n".join(map(bare, value)) if isinstance(value, list) else str(value)


def _one(field: api.Field, value: Json, names: Mapping[str, str]) -> str:
    match field.kind:
        case "choice":
            return next((term.label(language()) for term in field.vocabulary if term.code == value), str(value))
        case "boolean-unknown":
            return {"yes": _("yes"), "no": _("no"), "unknown": _("not known")}.get(str(value), str(value))
        case "date" if isinstance(value, dict):
            return _date(value)
        case "record" | "attachment" if isinstance(value, dict):
            found = str(value.get("id", ""))
            return names.get(found, found)
        case "facts" if isinstance(value, dict):
            return "\n".join(places.lines(value))
        case "group" if isinstance(value, dict):
            return "\n".join(
                f"{inner.label(language())}: {told(inner, value[inner.name], names)}"
                for inner in field.fields
                if inner.name in value
            )
    return str(value)


def _date(value: dict[str, Json]) -> str:
    kinds = {"estimated": _("about {date}"), "before": _("before {date}"), "after": _("after {date}")}
    text = kinds.get(str(value.get("qualifier")), "{date}").format(date=told_date(value))
    if value.get("zone"):
        text += f" {value['zone']}"
    return f"{text} “{value['text']}”" if value.get("text") else text


def said(schema: api.Schema, fields: dict[str, Json]) -> Iterator[tuple[api.Field, Json]]:
    """Yield each field that says something, in the order of the type, with its value."""
    for field in schema.fields:
        if field.name in fields:
            yield field, fields[field.name]


def plain(schema: api.Schema, fields: dict[str, Json]) -> str:
    """Return all that a record says as one text, one paragraph or more a field."""
    lines = []
    for field, value in said(schema, fields):
        text = told(field, value)
        apart = "\n" if "\n" in text or len(text) > LONG else " "
        lines.append(f"{field.label(language())}:{apart}{text}\n")
    return "".join(lines)


def leaving(schema: api.Schema, fields: dict[str, Json]) -> tuple[list[str], list[str]]:
    """Return the labels of what leaves by default when this is sealed, and of what stays."""
    leaves: list[str] = []
    stays: list[str] = []

    def walk(of: tuple[api.Field, ...], values: Json, above: str) -> None:
        for field in of:
            value = values.get(field.name) if isinstance(values, dict) else None
            if value is None:
                continue
            name = f"{above}{field.label(language())}"
            if field.kind == "group" and not field.shareable:
                for one in value if isinstance(value, list) else [value]:
                    walk(field.fields, one, f"{name} – ")
                continue
            where = stays if field.disclosure == "protected" else leaves
            if name not in where:
                where.append(name)

    walk(schema.fields, fields, "")
    return leaves, stays
