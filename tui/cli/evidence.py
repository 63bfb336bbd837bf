"""Commands about evidence: cases, search, attachments."""

from __future__ import annotations

import argparse
from pathlib import Path

from tui.cli.context import Context, Result, advised, say, writing
from tui.cli.records import as_json, from_whom, plain, record_lines, toml_of, whose
from tui.cli.usage import is_folder
from tui.cli.words import inside
from tui.measures import size
from tui.notices import advice_of, notice_for, sentence_of
from tui.text import one_line
from vault import api
from vault.errors import RefusedError, VaultError
from vault.model import Attachment, Case, Json, format_time

_MOST = 10_000
_ITS_FILES = "Name its files: 'evault attach --case ID FOLDER/*' takes in all that lies in it."


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
    lines += record_lines(records) + _attachment_lines(attachments)
    return {
        **_case(case),
        "records": [as_json(record) for record in records],
        "attachments": [_attachment(one) for one in attachments],
        "lines": lines,
    }


def search(context: Context) -> Result:
    """Search the titles of cases and all signed text."""
    with context.unlocked() as vault:
        found = api.search.find(vault, " ".join(context.arguments.words), min(limit(context.arguments.limit), 1000))
    hits = [
        {"id": hit.id, "case": hit.case_id, "type": hit.type, "snippet": hit.snippet, "origin": hit.origin,
         "verdict": hit.verdict}
        for hit in found
    ]  # fmt: skip
    lines = [
        f"{hit.id}  {one_line(hit.type, 12):<12} {'' if hit.type == api.search.CASE else whose(hit):<9} "
        f"{one_line(hit.snippet)}{from_whom(hit)}"
        for hit in found
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
    return f"{one.id}  {state:>10}  {whose(one):<9} {one_line(one.media_type, 40):<24} {name}{from_whom(one)}"


def attach(context: Context) -> Result:
    """Take files in, one after the other; a file that is refused is named, and the others go on."""
    arguments = context.arguments
    taken: list[Attachment] = []
    failed: list[tuple[str, VaultError]] = []
    said = api.intake.About(
        arguments.record, arguments.note, arguments.derived_from, arguments.derivation, _stated(arguments)
    )
    with context.unlocked() as vault:
        before = api.intake.digests(vault, arguments.case)
        paths = ((Path(name), context.job) for name in arguments.files)
        outcomes = api.intake.attach_all(vault, arguments.case, paths, said)
        for name, outcome in zip(arguments.files, outcomes, strict=False):
            one, error = outcome.attachment, outcome.error
            if error is not None:
                advice = context.hint(_ITS_FILES if is_folder(name) else advice_of(error))
                say(f"NOT taken in: {one_line(name)}: {sentence_of(error)} {advice}")
                failed.append((name, error))
                if not isinstance(error, RefusedError):
                    break  # A disk that is full or failing does not get better with the next file.
            if one is None:
                continue
            carried = one.fields.get("discloses")
            within = f"; in it: {inside(carried)}" if isinstance(carried, list) and carried else ""
            say(f"Taken in: {one_line(name)} ({size(one.size)}{within})")
            if one.sha256 in before:
                say(f"    The same file is in this case already, as {before[one.sha256]}.")
            before.setdefault(one.sha256, one.id)
            taken.append(one)
    result: Result = {
        "attachments": [_attachment(one) for one in taken],
        "already_attached": {one.id: before[one.sha256] for one in taken if before[one.sha256] != one.id},
        "refused": [{"file": name, "message": sentence_of(error)} for name, error in failed],
        "lines": _attachment_lines(taken)[1:],
    }
    if failed:
        notice = notice_for(failed[-1][1])
        result["exit"] = notice.exit
        result["error"] = {
            "code": notice.code,
            "message": f"{len(arguments.files) - len(taken)} of {len(arguments.files)} files were not taken in.",
            "advice": context.hint(_ITS_FILES if is_folder(failed[-1][0]) else advice_of(failed[-1][1])),
        }
    return result


def _stated(arguments: argparse.Namespace) -> dict[str, Json]:
    """Return what is said of files beyond note and record: the TOML file, and the options before it."""
    stated: dict[str, Json] = toml_of(arguments.file) if arguments.file else {}
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
        lines.append(f"{one_line(name)}: " + "\n    ".join(plain(value).split("\n")))
    return {"attachments": [{**_attachment(one), "fields": one.fields}], "lines": lines}


def extract(context: Context) -> Result:
    """Write an attachment out, in clear."""
    arguments = context.arguments
    ids = "'evault attachment list --case ID' shows the ids of files."
    with context.unlocked() as vault, writing(arguments.out), advised(ids, "See 'evault record list --case ID'."):
        one = api.intake.extract(
            vault, arguments.attachment, Path(arguments.out), context.job, arguments.why,
            arguments.authority, arguments.location,
        )  # fmt: skip
    return {
        "file": arguments.out,
        "sha256": one.sha256,
        "size": one.size,
        "lines": [f"Written to {one_line(arguments.out)}, in clear.", f"SHA-256: {one.sha256}"],
    }
