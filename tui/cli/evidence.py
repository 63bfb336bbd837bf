"""Commands about evidence: cases, testimonies, records, search, attachments."""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from tui.cli.context import Context, Result, about, say, size
from tui.cli.toml import dumps
from tui.notices import notice_for
from tui.text import one_line
from vault import api
from vault.errors import CancelledError, FormatError, RefusedError, VaultError
from vault.model import Attachment, Case, Hit, Json, Record, format_time

_TEXT_LIMIT = 16 * 1024 * 1024
_PLACE = re.compile(r"line [0-9]+, column [0-9]+")
_MOST = 10_000


def limit(wanted: int) -> int:
    """Return how many lines of a list to show: 1 to 10,000."""
    return max(1, min(wanted, _MOST))


def _case(case: Case) -> Result:
    return {
        "id": case.id,
        "title": case.title,
        "created_at": format_time(case.created_at),
        "records": case.record_count,
        "attachments": case.attachment_count,
        "origin": case.origin,
    }


def case_add(context: Context) -> Result:
    """Add a case."""
    with context.unlocked() as vault:
        case = api.cases.add(vault, context.arguments.title)
    say(
        context.hint(
            f"Next: 'evault testimony add --case {case.id} --file TEXT', or 'evault attach --case {case.id} FILE...'."
        )
    )
    return {"id": case.id, "lines": [case.id]}


def case_list(context: Context) -> Result:
    """List cases, newest first."""
    with context.unlocked() as vault:
        found = api.cases.page(vault, limit(context.arguments.limit))
    lines = [f"{'CASE':<32}  {'OPENED':<10}  {'RECORDS':>7}  {'FILES':>5}  TITLE", *map(_case_line, found)]
    nothing = [context.hint("There are no cases. Open one: 'evault case add'.")]
    return {"cases": [_case(case) for case in found], "lines": lines if found else nothing}


def _case_line(case: Case) -> str:
    opened = format_time(case.created_at)[:10]
    return f"{case.id}  {opened}  {case.record_count:>7}  {case.attachment_count:>5}  {one_line(case.title)}"


def case_show(context: Context) -> Result:
    """Show a case with its records and attachments."""
    with context.unlocked() as vault:
        case = api.cases.get(vault, context.arguments.id)
        records = api.records.page(vault, case.id)
        attachments = api.intake.page(vault, case.id)
    lines = [one_line(case.title)]
    if case.origin:
        lines.append(f"Received from {case.origin}")
    lines += _record_lines(records) + _attachment_lines(attachments)
    return {
        **_case(case),
        "records": [_record(record) for record in records],
        "attachments": [_attachment(one) for one in attachments],
        "lines": lines,
    }


def _record(record: Record) -> Result:
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


def _record_lines(records: list[Record]) -> list[str]:
    """Return a list of records with its heading; nothing for none."""
    return ["", f"{'RECORD':<32}  {'TYPE':<12} {'STATE':<9} TITLE", *map(_record_line, records)] if records else []


def _record_line(record: Record) -> str:
    state = "deleted" if record.deleted else _whose(record)
    return f"{record.id}  {one_line(record.type, 12):<12} {state:<9} {one_line(record.title)}{_from(record)}"


def _whose(one: Record | Attachment | Hit) -> str:
    """Return the verdict on what was received, or that it is this vault's own."""
    return one.verdict or "own"


def _from(one: Record | Attachment | Hit) -> str:
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
    fields: dict[str, Json] = {"statement": text}
    if arguments.title:
        fields["title"] = arguments.title
    if arguments.lang:
        fields["language"] = arguments.lang
    with context.unlocked() as vault:
        record = api.records.add(vault, arguments.case, "testimony", fields)
    return _signed(record)


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
    except UnicodeDecodeError as error:
        raise FormatError("text", "it is not UTF-8", "Save it as UTF-8, or attach the file as it is.") from error


def _toml(name: str) -> dict[str, Json]:
    text = _text(name)
    try:
        values: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # The parser's own message may quote what was written; of it, only the place is told.
        found = _PLACE.search(str(error))
        raise FormatError(
            "record file", f"it is not TOML{f', see {found[0]}' if found else ''}", 'Write NAME = "text" on each line.'
        ) from None
    return values


def record_add(context: Context) -> Result:
    """Sign a record of any type."""
    fields = _toml(context.arguments.file)
    with context.unlocked() as vault:
        record = api.records.add(vault, context.arguments.case, context.arguments.type, fields)
    return _signed(record)


def record_correct(context: Context) -> Result:
    """Sign a new version."""
    fields = _toml(context.arguments.file)
    with context.unlocked() as vault:
        record = api.records.correct(vault, context.arguments.id, fields, context.arguments.why)
    result, changed = _signed(record), record.versions[-1].changed
    lines = [*result["lines"], f"Changed: {', '.join(map(one_line, changed))}."]
    return {**result, "changed": list(changed), "lines": lines}


def record_list(context: Context) -> Result:
    """List the records of a case."""
    with context.unlocked() as vault:
        found = api.records.page(vault, context.arguments.case)
    return {
        "records": [_record(record) for record in found],
        "lines": _record_lines(found)[1:] or ["There are no records."],
    }


def record_show(context: Context) -> Result:
    """Show a record's values and its versions, or print what a correction takes."""
    with context.unlocked() as vault:
        record = api.records.show(vault, context.arguments.id, context.arguments.version)
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
    if record.origin:
        withheld = "; parts of it are withheld" if record.withheld else ""
        lines.append(f"Received from {record.origin}, {record.verdict}{withheld}.")
    if context.arguments.version:
        lines.append(f"Its values in version {context.arguments.version}:")
    lines.append("")
    leaves = api.records.disclosure(record)
    for name, value in record.fields.items():
        lines += [f"{one_line(name)}{_marks(leaves, name)}:", *(f"    {line}" for line in _plain(value).split("\n"))]
    lines.append("")
    for one in record.versions:
        lines.append(f"version {one.version}  {format_time(one.signed_at)}  {one.digest}")
        if one.changed:
            lines.append(f"    changed: {', '.join(map(one_line, one.changed))}")
    toml = dumps(api.records.correctable(record))
    return {
        **_record(record), "fields": record.fields, "disclosure": leaves, "versions": versions, "toml": toml,
        "withheld": record.withheld, "lines": [toml] if context.arguments.toml else lines,
    }  # fmt: skip


def _marks(leaves: dict[str, str], name: str) -> str:
    """Return what a field's name is followed by: whether it leaves by default, or stays unless it is named."""
    below = {path: mark for path, mark in leaves.items() if path == name or path.startswith(f"{name}.")}
    marks = sorted(set(below.values()))
    if len(marks) < 2:
        return f" ({marks[0]})" if marks else ""
    return f" (shareable: {', '.join(path for path, mark in below.items() if mark == 'shareable')}; else protected)"


def _plain(value: Json) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_plain(member)}" for name, member in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(element) for element in value)
    return str(value)


def record_delete(context: Context) -> Result:
    """Delete what a record or attachment says."""
    with context.unlocked() as vault:
        api.records.delete(vault, context.arguments.id, context.arguments.why)
        api.setup.sweep_all(vault)
    return {
        "id": context.arguments.id,
        "lines": ["Deleted. Its log entries stay. Earlier backups and bundles still hold it."],
    }


def search(context: Context) -> Result:
    """Search all signed text."""
    with context.unlocked() as vault:
        found = api.search.find(vault, " ".join(context.arguments.words), min(limit(context.arguments.limit), 1000))
    hits = [
        {"id": hit.id, "case": hit.case_id, "type": hit.type, "snippet": hit.snippet, "origin": hit.origin,
         "verdict": hit.verdict}
        for hit in found
    ]  # fmt: skip
    lines = [
        f"{hit.id}  {one_line(hit.type, 12):<12} {_whose(hit):<9} {one_line(hit.snippet)}{_from(hit)}" for hit in found
    ]
    return {"hits": hits, "lines": lines or ["Nothing was found."]}


def _attachment(one: Attachment) -> Result:
    return {
        "id": one.id,
        "sha256": one.sha256,
        "sha512": one.sha512,
        "size": one.size,
        "media_type": one.media_type,
        "original_name": one.fields.get("original_name", ""),
        "deleted": one.deleted,
        "origin": one.origin,
        "verdict": one.verdict,
    }


def _attachment_lines(attachments: list[Attachment]) -> list[str]:
    """Return a list of attachments with its heading; nothing for none."""
    if not attachments:
        return []
    return [
        "",
        f"{'ATTACHMENT':<32}  {'SIZE':>10}  {'STATE':<9} {'TYPE':<24} NAME",
        *map(_attachment_line, attachments),
    ]


def _attachment_line(one: Attachment) -> str:
    state = "deleted" if one.deleted else size(one.size) if one.sha256 else "not sent"
    name = one_line(one.fields.get("original_name", ""))
    return f"{one.id}  {state:>10}  {_whose(one):<9} {one_line(one.media_type, 40):<24} {name}{_from(one)}"


def attach(context: Context) -> Result:
    """Take files in, one after the other; a file that is refused is named, and the others go on."""
    arguments = context.arguments
    taken: list[Attachment] = []
    failed: list[tuple[str, VaultError]] = []
    about = api.intake.About(
        arguments.record, arguments.note, arguments.derived_from, arguments.derivation, _stated(arguments)
    )
    with context.unlocked() as vault:
        api.cases.get(vault, arguments.case)
        for name in arguments.files:
            try:
                one = api.intake.attach(vault, arguments.case, Path(name), context.job, about)
            except CancelledError:
                raise
            except VaultError as error:
                say(f"NOT taken in: {one_line(name)}: {error.message} {error.advice}")
                failed.append((name, error))
                if not isinstance(error, RefusedError):
                    break  # A disk that is full or failing does not get better with the next file.
                continue
            say(f"Taken in: {one_line(name)} ({size(one.size)})")
            taken.append(one)
    result: Result = {
        "attachments": [_attachment(one) for one in taken],
        "refused": [{"file": name, "message": error.message} for name, error in failed],
        "lines": _attachment_lines(taken)[1:],
    }
    if failed:
        notice = notice_for(failed[-1][1])
        result["exit"] = notice.exit
        result["error"] = {
            "code": notice.code,
            "message": f"{len(arguments.files) - len(taken)} of {len(arguments.files)} files were not taken in.",
            "advice": failed[-1][1].advice,
        }
    return result


def _stated(arguments: argparse.Namespace) -> dict[str, Json]:
    """Return what is said of files beyond note and record: the TOML file, and the options before it."""
    stated: dict[str, Json] = _toml(arguments.file) if arguments.file else {}
    if arguments.declared_type:
        stated["declared_type"] = arguments.declared_type
    if arguments.language:
        stated["language"] = arguments.language
    acquired = {
        name: value
        for name, value in (("how", arguments.how), ("where", arguments.where), ("from_whom", arguments.from_whom))
        if value
    }
    if acquired:
        before = stated.get("acquired", {})
        stated["acquired"] = {**before, **acquired} if isinstance(before, dict) else before
    return stated


def attachment_list(context: Context) -> Result:
    """List the attachments of a case."""
    with context.unlocked() as vault:
        found = api.intake.page(vault, context.arguments.case)
    return {
        "attachments": [_attachment(one) for one in found],
        "lines": _attachment_lines(found)[1:] or ["There are no attachments."],
    }


def attachment_show(context: Context) -> Result:
    """Show what is known of a file."""
    with context.unlocked() as vault:
        one = api.intake.show(vault, context.arguments.id)
    lines = [_attachment_line(one), f"SHA-256: {one.sha256}"]
    for name, value in one.fields.items():
        lines.append(f"{one_line(name)}: " + "\n    ".join(_plain(value).split("\n")))
    return {"attachments": [{**_attachment(one), "fields": one.fields}], "lines": lines}


def extract(context: Context) -> Result:
    """Write an attachment out, in clear."""
    arguments = context.arguments
    with context.unlocked() as vault, about(arguments.out):
        one = api.intake.extract(vault, arguments.attachment, Path(arguments.out), context.job, arguments.why)
    return {
        "file": arguments.out,
        "sha256": one.sha256,
        "size": one.size,
        "lines": [f"Written to {one_line(arguments.out)}, in clear.", f"SHA-256: {one.sha256}"],
    }
