"""Commands about the whole vault: log, check, backup, restore."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tui.cli.context import Context, Result, about, say, writing
from tui.cli.evidence import limit
from tui.cli.findings import finding_lines, findings_of
from tui.cli.keys import read_shares
from tui.measures import size
from tui.text import one_line
from vault import api
from vault.api import Share
from vault.errors import AlreadyExistsError, VaultError
from vault.model import LogEntry, Secret

_ANCHORED = {
    "yes": "Anchored: it is not an older state than the checkpoint that was given.",
    "no": "NOT anchored: it contradicts a checkpoint that was given.",
    "unknown": "Not anchored: whether it is an older state is unknown. Give a checkpoint with --anchor, or what is "
    "on paper with --written.",
}


def log_show(context: Context) -> Result:
    """Show the newest entries of the custody log."""
    with context.unlocked() as vault:
        found = api.custody.page(vault, limit(context.arguments.limit), case_id=context.arguments.case)
        head = api.custody.head(vault)
        short = api.custody.short_head(vault)
    unfinished = _unfinished(found)
    entries = [
        {"number": one.number, "epoch": one.epoch, "event": one.event, "unfinished": one.number in unfinished}
        for one in found
    ]
    lines = []
    for one in found:
        event = one.event
        what, when = event.get("object", {}), event.get("time", {})
        result = event.get("outcome", {}).get("result", "")
        lines.append(
            f"{one.number:>7}  {when.get('utc', '?')}  {event.get('type', '?'):<26} {result:<8} "
            f"{what.get('kind', '?'):<10} {what.get('id', '?')}"
            + ("  nothing says how it ended: it may have been done" if one.number in unfinished else "")
        )
    lines.append(context.hint(f"For paper, to be checked later with 'evault check --written': {short}"))
    return {"size": head.size, "root": head.root.hex(), "written": short, "entries": entries, "lines": lines}


def _unfinished(newest_first: list[LogEntry]) -> set[int]:
    """Return the numbers of the intents that no outcome follows."""
    after: dict[tuple[str, str], str] = {}
    found = set()
    for one in newest_first:
        result = one.event.get("outcome", {}).get("result", "")
        act = (one.event.get("type", ""), one.event.get("object", {}).get("id", ""))
        if result == "intent" and after.get(act, "intent") == "intent":
            found.add(one.number)
        after[act] = result
    return found


def log_verify(context: Context) -> Result:
    """Recompute the whole log."""
    with context.unlocked() as vault:
        head = api.custody.head(vault)
        report = api.custody.verify(vault, context.job)
    lines = [*finding_lines(report.findings), "The log holds." if report.ok else "The log does NOT hold."]
    lines += [f"Not checked: {sentence}" for sentence in report.not_checked]
    return {
        "size": head.size,
        "root": head.root.hex(),
        "findings": findings_of(report.findings),
        "exit": 0 if report.ok else 1,
        "lines": lines,
    }


def log_checkpoint(context: Context) -> Result:
    """Write a checkpoint: an anchor to keep elsewhere."""
    out, since = context.arguments.out, context.arguments.since
    with context.unlocked() as vault, writing(out, since or ""):
        head = api.custody.write_checkpoint(vault, Path(out), Path(since) if since else None)
    lines = [f"The checkpoint is in {one_line(out)}: keep it away from this computer.", f"Root: {head.root.hex()}"]
    if since:
        lines.append("It proves that the log only grew since the earlier one: 'evault verify' shows it to anybody.")
    return {"size": head.size, "root": head.root.hex(), "file": out, "lines": lines}


def log_prove(context: Context) -> Result:
    """Write a proof that an entry is in the log."""
    with context.unlocked() as vault, writing(context.arguments.out):
        proof = api.custody.write_proof(vault, context.arguments.id, Path(context.arguments.out))
    lines = [
        f"The proof of entry {proof.index}, of {proof.state.size} then, is in {one_line(context.arguments.out)}.",
        "Anybody can check it with 'evault verify', this vault's contact card and its fingerprint.",
    ]
    return {
        "size": proof.state.size,
        "root": proof.state.root.hex(),
        "number": proof.index,
        "file": context.arguments.out,
        "lines": lines,
    }


def check(context: Context) -> Result:
    """Check the whole vault."""
    anchors = [Path(name) for name in context.arguments.anchor]
    with context.unlocked() as vault:
        for one in anchors:
            with about(one):
                api.checking.anchor(vault, one)
        checked = api.checking.check(vault, anchors, context.job, context.arguments.written)
    report = checked.report
    lines = finding_lines(report.findings)
    lines += [f"Not checked: {sentence}" for sentence in report.not_checked]
    lines.append("Everything that was checked holds." if report.ok else "The vault does NOT hold together.")
    lines.append(_ANCHORED[checked.anchored])
    return {
        "findings": findings_of(report.findings),
        "anchored": checked.anchored,
        "steps": list(report.steps),
        "not_checked": list(report.not_checked),
        "exit": 0 if report.ok else 1,
        "lines": lines,
    }


def backup(context: Context) -> Result:
    """Bring a backup up to date."""
    target = Path(context.arguments.target)
    with context.unlocked() as vault, about(target=target):
        try:
            written = api.backup.backup(vault, target, context.job)
        except AlreadyExistsError as error:
            with contextlib.suppress(VaultError):
                if (place := api.backup.find(target)) != target:
                    error.advice = f"There is a backup in {one_line(place)}: name that folder, or a new one."
            raise
    return {"bytes_written": written, "lines": [f"The backup is whole; {size(written)} were written."]}


def restore(context: Context) -> Result:
    """Rebuild a vault from a backup."""
    source = context.arguments.source
    with about(source):
        # Before anybody types a passphrase for nothing.
        place = api.backup.find(Path(source))
    if place != Path(source):
        say(f"The backup is in {one_line(place)}.")
    shares = read_shares(context, context.arguments.share)

    def rebuild(secret: Secret | list[Share]) -> int:
        return api.backup.restore(place, context.folder, secret, context.job)

    with about(source, context.folder):
        passed = rebuild(shares) if shares else context.try_secret("Passphrase of the backup", rebuild)
    lines = [f"The vault is in {one_line(context.folder)}. It starts a new epoch that names the state it grew from."]
    if passed:
        lines.append("It is an OLDER state: a newer generation in the backup is not whole, or has another passphrase.")
    if shares:
        again = "Its passphrase is the old one: set a new one with 'evault recovery use SHARE SHARE'."
        lines.append(context.hint(again))
    written = sum(path.stat().st_size for path in context.folder.iterdir())
    return {
        "vault": str(context.folder),
        "backup": str(place),
        "bytes_written": written,
        "newer_generations_passed_over": passed,
        "lines": lines,
    }
