"""Commands about record types: add one that an organisation wrote, list them, print what a record of one takes."""

from __future__ import annotations

from pathlib import Path

from tui.cli.context import Context, Result, about
from tui.text import one_line
from vault import api
from vault.api import Schema
from vault.errors import FormatError

_LIMIT = 1 << 20
_VALUES = {
    "text": '""',
    "line": '""',
    "integer": "0",
    "boolean-unknown": '"unknown"',
    "date": '{ value = "2018-02", precision = "month", qualifier = "exact" }',
    "language": '"en"',
    "record": '{ id = "" }',
    "attachment": '{ id = "" }',
    "facts": "{}",
}


def schema_add(context: Context) -> Result:
    """Add a record type."""
    name = context.arguments.file
    with about(name):
        try:
            text = api.read_small(Path(name), _LIMIT, "the record type").decode("utf-8-sig")
        except UnicodeDecodeError:
            text = ""
        if not text:
            raise FormatError("record type", "it is empty or not UTF-8", "Check that it is the right file.")
    with context.unlocked() as vault, about(name):
        added = api.record_types.add(vault, text)
    again = context.hint(f"See what a record of it takes: 'evault schema show {added.type}'.")
    return {**_schema(added), "lines": [f"The type {added.type}, version {added.version}, is there.", again]}


def schema_list(context: Context) -> Result:
    """List the record types."""
    with context.unlocked() as vault:
        found = api.record_types.page(vault)
    lines = [f"{one.type:<24} version {one.version:<4} {one_line(one.labels['en'])}" for one in found]
    return {"types": [_schema(one) for one in found], "lines": lines}


def schema_show(context: Context) -> Result:
    """Print an empty record of a type."""
    with context.unlocked() as vault:
        found = api.record_types.get(vault, context.arguments.type)
    toml = "\n".join([f"# {one_line(found.labels['en'])}", *_template(found.fields, "", True)])
    return {**_schema(found), "toml": toml, "lines": [toml]}


def _schema(one: Schema) -> Result:
    return {"type": one.type, "version": one.version, "digest": one.digest, "label": one.labels["en"]}


def _template(fields: tuple[api.Field, ...], path: str, needed: bool) -> list[str]:
    """Return TOML lines for fields; what may be left out stands behind a ``#``, groups follow the plain fields."""
    lines = []
    for field in (one for one in fields if one.kind != "group"):
        notes = [one_line(field.labels["en"]), "required" if field.required else "", field.disclosure]
        notes += [one_line(field.help["en"]).removesuffix(".")] if "en" in field.help else []
        if field.kind == "choice":
            notes.append("one of: " + ", ".join(term.code for term in field.vocabulary))
        if field.kind == "date":
            notes.append("a whole day may stand as 2018-02-03, without anything around it")
        value = _VALUES.get(field.kind) or f'"{field.vocabulary[0].code}"'
        mark = "" if field.required and needed else "# "
        lines += [f"# {'; '.join(filter(None, notes))}"]
        lines += [f"{mark}{field.name} = {f'[{value}]' if field.repeat else value}", ""]
    for field in (one for one in fields if one.kind == "group"):
        name, inner = f"{path}{field.name}", field.required and needed
        head = f"[[{name}]]" if field.repeat else f"[{name}]"
        lines += [f"# {one_line(field.labels['en'])}{'; required' if field.required else ''}"]
        lines += [f"{'' if inner else '# '}{head}", *_template(field.fields, f"{name}.", inner)]
    return lines
