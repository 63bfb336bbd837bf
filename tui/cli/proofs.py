"""Checking what is handed out, with no vault: an opened bag, or a file of a custody log."""

from __future__ import annotations

from pathlib import Path

from tui.cli import opening
from tui.cli.context import Context, Result, about
from tui.cli.findings import finding_lines, findings_of
from tui.cli.usage import UsageError, is_file, is_folder
from tui.text import one_line
from vault import api
from vault.errors import WrongKindError
from vault.model import LogEntry, Verdict

_EXIT = {Verdict.VERIFIED: 0, Verdict.FAILED: 1, Verdict.INTACT: 6}


def verify(context: Context) -> Result:
    """Verify an opened bag, or a checkpoint, proof or continuation of a custody log; needs no vault."""
    opening.check_signer(context)
    arguments = context.arguments
    path = Path(arguments.path)
    if not arguments.key and is_file(path) and api.proofs.is_log_file(path):
        raise UsageError(
            "A checkpoint or proof of a custody log needs --key.",
            "Name a file with the signer's key: their contact card, or signer.pem of one of their bundles.",
        )
    if is_folder(path) and (arguments.key or arguments.anchor):
        raise UsageError("--key and --anchor go with a file of a custody log.", "Leave them out for a folder.")
    if not arguments.key:
        if is_file(path) and not _is_sealed(path):
            with about(path):
                raise WrongKindError(
                    "This is neither an opened bundle nor a file of a custody log.",
                    "Name the folder that 'evault open' wrote, or a checkpoint or proof with --key.",
                )
        return opening.verify(context)
    with about(arguments.key):
        key = api.proofs.public_key(Path(arguments.key))
    anchor = None
    if arguments.anchor:
        with about(arguments.anchor):
            anchor = api.proofs.earlier(Path(arguments.anchor), key)
    with about(path):
        found = api.proofs.verify(path, key, arguments.signer, anchor)
    return _result(found)


def _is_sealed(path: Path) -> bool:
    """Say whether a file begins as encrypted ones do, so that it may be a bundle that is still to be opened."""
    try:
        with path.open("rb") as source:
            return source.read(64).lstrip().startswith((b"age-encryption.org/", b"-----BEGIN AGE"))
    except OSError:
        return True  # Verifying will say what is the matter.


def _result(found: api.proofs.Proved) -> Result:
    lines = finding_lines(found.report.findings)
    lines += ["Not checked:", *(f"    {sentence}" for sentence in found.report.not_checked), ""]
    if found.verdict is not Verdict.FAILED:
        lines += _proves(found)
    lines += [f"Key: {found.signer}", _sentence(found)]
    error = None
    if found.verdict is Verdict.FAILED:
        first = next(one for one in found.report.findings if one.severity.value == "error")
        advice = "Do not rely on it; ask the sender about it, and keep both files."
        error = {"code": first.code, "message": first.message, "advice": advice}
    entry = found.entry
    return {
        "kind": found.kind,
        "verdict": found.verdict.value,
        "findings": findings_of(found.report.findings),
        "steps": list(found.report.steps),
        "not_checked": list(found.report.not_checked),
        "signer": found.signer,
        "log": found.log_id,
        "epoch": found.epoch,
        "size": found.size,
        "root": found.root,
        "entry": {"number": entry.number, "epoch": entry.epoch, "event": entry.event} if entry else None,
        "continues": found.continues,
        "exit": _EXIT[found.verdict],
        "error": error,
        "lines": lines,
    }


def _sentence(found: api.proofs.Proved) -> str:
    if found.verdict is Verdict.FAILED:
        return "FAILED: do not rely on it."
    if found.verdict is Verdict.INTACT:
        return "INTACT, but whose key it is was not established: compare its fingerprint over another channel."
    return "VERIFIED: it holds, and the key is that of the signer whose fingerprint you named."


def _proves(found: api.proofs.Proved) -> list[str]:
    """Return what the file proves, in plain words."""
    lines = [f"The holder of this key signed the state of a custody log: {found.size} entries, root {found.root}."]
    if found.entry:
        lines += _entry_lines(found.entry)
    if found.continues is not None:
        lines.append(
            f"That log begins with the {found.continues} entries that the anchor covers: none of them was changed, "
            "taken out or put in between."
        )
    return lines


def _entry_lines(entry: LogEntry) -> list[str]:
    event = entry.event
    lines = [f"Entry {entry.number} (counted from 0) stands in it at its place, and says:"]
    for slot in event:
        value = event[slot]
        members = value.items() if isinstance(value, dict) else [("", value)]
        said = ", ".join(f"{name} {one_line(text)}".strip() for name, text in members)
        lines.append(f"    {slot}: {said}")
    return lines
