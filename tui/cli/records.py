"""Commands about records: sign, correct, show, delete; and what a list shows of one, whoever signed it."""

from __future__ import annotations

import contextlib
import re
import sys
import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any

from tui.cli import asking
from tui.cli.context import Context, Result, about, advised
from tui.cli.toml import dumps
from tui.measures import size
from tui.text import one_line
from vault import api
from vault.errors import FormatError, RefusedError
from vault.model import Attachment, Hit, Json, Record, format_time

_TEXT_LIMIT = 16 * 1024 * 1024
_PLACE = re.compile(r"line [0-9]+, column [0-9]+")


def as_json(record: Record) -> Result:
    """Return a record as a list of them shows it."""
    newest = record.versions[-1] if record.versions else None
    return {
        "id": record.id,
        "type": record.type,
        "title": record.title,
        "version": newest.version if newest else 0,
        "digest": newest.digest if newest else "",
        "deleted": record.deleted,
        "origin": record.origin,
        "verdict": record.verdict,
    }


def record_lines(records: list[Record]) -> list[str]:
    """Return a list of records with its heading; nothing for none."""
    return ["", f"{'RECORD':<32}  {'TYPE':<12} {'STATE':<9} TITLE", *map(_record_line, records)] if records else []


def _record_line(record: Record) -> str:
    state = "deleted" if record.deleted else whose(record)
    return f"{record.id}  {one_line(record.type, 12):<12} {state:<9} {one_line(record.title)}{from_whom(record)}"


def whose(one: Record | Attachment | Hit) -> str:
    """Return the verdict on what was received, or that it is this vault's own."""
    return one.verdict or "own"


def from_whom(one: Record | Attachment | Hit) -> str:
    """Return what a line ends with when it is not this vault's own: enough of the signer to tell two apart."""
    return f"  (from {one.origin[:11]})" if one.origin else ""


def _signed(record: Record) -> Result:
    newest = record.versions[-1]
    lines = [f"{record.id}  version {newest.version}, signed.", f"Digest: {newest.digest}"]
    return {"id": record.id, "version": newest.version, "digest": newest.digest, "lines": lines}


def testimony_add(context: Context) -> Result:
    """Sign a testimony from a text."""
    arguments = context.arguments
    text = _text(arguments.file)
    if not text.strip():
        with about(_named(arguments.file)):
            raise RefusedError("There is no text in it.", "Write the testimony into it first.")
    fields: dict[str, Json] = {"statement": text}
    if arguments.title:
        fields["title"] = arguments.title
    if arguments.lang:
        fields["language"] = arguments.lang
    with context.unlocked() as vault, about(_named(arguments.file), exactly=RefusedError):
        record = api.records.add(vault, arguments.case, "testimony", fields)
    return _signed(record)


def _named(name: str) -> str:
    """Return what errors call a file: nothing for standard input."""
    return "" if name == asking.ASK else name


def _text(name: str) -> str:
    if name == "-":
        if sys.stdin is None:
            raise RefusedError("Standard input is closed.", "Name a file instead of '-'.")
        data = sys.stdin.buffer.read(_TEXT_LIMIT + 1)
        if len(data) > _TEXT_LIMIT:
            raise RefusedError("The text is larger than 16 MiB.", "Attach it as a file instead.")
    else:
        with about(name):
            data = api.read_small(Path(name), _TEXT_LIMIT, "the text file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass  # The error quotes the text; it is not chained.
    with about(_named(name)):
        raise FormatError("text", "it is not UTF-8", "Save it as UTF-8, or attach the file as it is.")


def toml_of(name: str) -> dict[str, Json]:
    """Return what a TOML file says, or standard input for ``-``; a bare date is the claim of that very day.

    Raises:
        FormatError: It is no TOML.
    """
    text = _text(name)
    try:
        return {name: _claimed(value) for name, value in tomllib.loads(text).items()}
    except (ValueError, RecursionError) as error:
        # The parser's own message may quote what was written; of it, only the place is told.
        found = _PLACE.search(str(error))
        reason = f"it is not TOML{f', see {found[0]}' if found else ''}"
        with about(_named(name)):
            raise FormatError("record file", reason, 'Write NAME = "text" on each line.') from None


def _claimed(value: Any) -> Json:
    """Return a value with each date in it as the claim that the screens make of it: to the day, and exact.

    A date with a time stays, and is refused: its zone, and whether its seconds are meant, would be a guess.
    """
    if isinstance(value, dict):
        return {name: _claimed(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_claimed(one) for one in value]
    if isinstance(value, date) and not isinstance(value, datetime):
        return {"value": value.isoformat(), "precision": "day", "qualifier": "exact"}
    return value


def record_add(context: Context) -> Result:
    """Sign a record of any type."""
    fields = toml_of(context.arguments.file)
    named = about(_named(context.arguments.file), exactly=RefusedError)
    with context.unlocked() as vault, named, _fields_of(context.arguments.type):
        record = api.records.add(vault, context.arguments.case, context.arguments.type, fields)
    return _signed(record)


def record_correct(context: Context) -> Result:
    """Sign a new version."""
    fields = toml_of(context.arguments.file)
    named = about(_named(context.arguments.file), exactly=RefusedError)
    with context.unlocked() as vault, named, _fields_of(api.records.outline(vault, context.arguments.id)[0].type):
        record = api.records.correct(vault, context.arguments.id, fields, context.arguments.why)
    result, changed = _signed(record), record.versions[-1].changed
    lines = [*result["lines"], f"Changed: {', '.join(map(one_line, changed))}."]
    return {**result, "changed": list(changed), "lines": lines}


def _fields_of(kind: str) -> contextlib.AbstractContextManager[None]:
    """Advise how to see the fields of a type where one is named that it does not have."""
    general = "See docs/formats/schema.md for the fields"
    advice = f"'evault schema show {one_line(kind)}' prints the fields that there are."
    return advised(advice, f"{general}.", f"{general} of each type.")


def record_list(context: Context) -> Result:
    """List the records of a case."""
    with context.unlocked() as vault:
        found = api.records.page(vault, context.arguments.case)
    return {
        "records": [as_json(record) for record in found],
        "lines": record_lines(found)[1:] or ["There are no records."],
    }


def record_show(context: Context) -> Result:
    """Show a record's values and its versions, or print what a correction takes."""
    with context.unlocked() as vault:
        record = api.records.show(vault, context.arguments.id, context.arguments.version)
        named = api.records.references(vault, record)
        leaves = api.records.disclosure(vault, record)
    versions = [
        {
            "version": one.version,
            "digest": one.digest,
            "signed_at": format_time(one.signed_at),
            "signer": one.signer,
            "changed": list(one.changed),
        }
        for one in record.versions
    ]
    lines = [_record_line(record)]
    if record.deleted:
        lines.append(context.hint("What it said was deleted; its log entries stay: 'evault log show'."))
    if record.origin:
        withheld = "; parts of it are withheld" if record.withheld else ""
        lines.append(f"Received from {record.origin}, {record.verdict}{withheld}.")
    if context.arguments.version:
        lines.append(f"Its values in version {context.arguments.version}:")
    if record.fields:
        lines.append("")
    for name, value in record.fields.items():
        lines += [f"{one_line(name)}{_marks(leaves, name)}:", *(f"    {line}" for line in plain(value).split("\n"))]
    for path, (target, here) in named.items():
        lines.append(f"{one_line(path)}: {'here as ' + here if here else one_line(target) + ' is not here'}")
    if record.versions:
        lines.append("")
    for one in record.versions:
        lines.append(f"version {one.version}  {format_time(one.signed_at)}  {one.digest}")
        if one.changed:
            lines.append(f"    changed: {', '.join(map(one_line, one.changed))}")
    toml = dumps(api.records.correctable(record))
    return {
        **as_json(record), "fields": record.fields, "disclosure": leaves,
        "references": {path: here for path, (_, here) in named.items()}, "versions": versions, "toml": toml,
        "withheld": record.withheld, "lines": [toml] if context.arguments.toml else lines,
    }  # fmt: skip


def _marks(leaves: dict[str, str], name: str) -> str:
    """Return what a field's name is followed by: whether it leaves by default, or stays unless it is named."""
    below = {path: mark for path, mark in leaves.items() if path == name or path.startswith(f"{name}.")}
    marks = sorted(set(below.values()))
    if len(marks) < 2:
        return f" ({marks[0]})" if marks else ""
    return f" (shareable: {', '.join(path for path, mark in below.items() if mark == 'shareable')}; else protected)"


def plain(value: Json) -> str:
    """Return a value as people read it."""
    if isinstance(value, dict):
        return "; ".join(f"{name}: {plain(member)}" for name, member in value.items())
    if isinstance(value, list):
        return ", ".join(plain(element) for element in value)
    return str(value)


def record_delete(context: Context) -> Result:
    """Delete what a record or attachment says."""
    with context.unlocked() as vault:
        if context.attended:
            _ask_to_delete(vault, context.arguments.id)
        api.records.delete(vault, context.arguments.id, context.arguments.why, context.arguments.authority)
        api.setup.sweep_all(vault)
    return {
        "id": context.arguments.id,
        "lines": ["Deleted. Its log entries stay. Earlier backups and bundles still hold it."],
    }


def _ask_to_delete(vault: api.OpenVault, record_id: str) -> None:
    """Say what goes and how much of it, and let the person decide."""
    record, files = api.records.outline(vault, record_id)
    if record.deleted:
        return
    what = f"the {one_line(record.type, 40)} '{one_line(record.title, 60)}'" if record.title else f"the {record.type}"
    parts = [f"{len(record.versions)} version(s)"]
    if record.type == "attachment":
        parts.append(f"the file of {size(api.intake.peek(vault, record_id).size)}")
    stays = f"; {files} file(s) that belong to it stay" if files else ""
    if not asking.confirm(
        f"This deletes {what} for good: {' and '.join(parts)}{stays}. Type yes, or only Enter to stop: "
    ):
        raise RefusedError("Nothing was deleted.", "Look at it with 'evault record show ID'.")
