"""Commands about bundles: seal, reveal, open, receive, verify."""

from __future__ import annotations

from pathlib import Path

from tui.cli.context import Context, Result, say
from vault import api
from vault.errors import RefusedError
from vault.model import Finding, Verdict, is_id

_EXIT = {Verdict.VERIFIED: 0, Verdict.FAILED: 1, Verdict.INTACT: 6}
_SENTENCE = {
    Verdict.VERIFIED: "VERIFIED: intact, and the signer is established.",
    Verdict.INTACT: "INTACT, but who signed it is not established: compare the fingerprint over another channel.",
    Verdict.FAILED: "FAILED: do not rely on it.",
}


def _pair(text: str) -> tuple[str, str]:
    record_id, colon, path = text.partition(":")
    if not colon or not path or not is_id(record_id):
        raise RefusedError("A field is named as RECORD:FIELD.", "See 'evault case show' and 'evault record show'.")
    return record_id, path


def seal(context: Context) -> Result:
    """Seal a case."""
    arguments = context.arguments
    if bool(arguments.to) == arguments.with_passphrase:
        raise RefusedError("Name recipients with --to, or use --with-passphrase.", "One of the two is needed.")
    choice = api.sealing.Choice(
        arguments.case,
        disclose=tuple(map(_pair, arguments.disclose)),
        withhold=tuple(map(_pair, arguments.withhold)),
        purpose=arguments.purpose,
        accept_metadata=arguments.accept_metadata,
    )
    target = Path(arguments.out)
    with context.unlocked() as vault:
        if arguments.with_passphrase:
            secret = context.secrets.next("Passphrase for the bundle", twice=True)
            made: tuple[api.sealing.Sealed, ...] = (
                api.sealing.seal_with_passphrase(vault, choice, secret, target, context.job),
            )
        else:
            made = api.sealing.seal(vault, choice, arguments.to, target, context.job)
        left_out = api.sealing.preview(vault, choice).left_out
    if left_out:
        say(f"Left out: {left_out} record(s) that were deleted or received from others.")
    return {"bundles": [_made(one) for one in made], "left_out": left_out, "lines": _lines(made)}


def _made(one: api.sealing.Sealed) -> Result:
    return {
        "file": str(one.file),
        "bundle_id": one.bundle_id,
        "sha256": one.sha256,
        "recipient": one.recipient,
        "warnings": list(one.warnings),
    }


def _lines(made: tuple[api.sealing.Sealed, ...]) -> list[str]:
    lines = []
    for one in made:
        lines += [f"{one.file}", f"    for {one.recipient or 'whoever knows the passphrase'}, SHA-256 {one.sha256}"]
        lines += [f"    Note: {warning}" for warning in one.warnings]
    return lines


def reveal(context: Context) -> Result:
    """Disclose a field later."""
    record_id, path = _pair(context.arguments.what)
    with context.unlocked() as vault:
        one = api.sealing.reveal(vault, record_id, path, context.arguments.to, Path(context.arguments.out), context.job)
    return {**_made(one), "lines": _lines((one,))}


def _finding(finding: Finding) -> Result:
    return {
        "step": finding.step,
        "code": finding.code,
        "severity": finding.severity.value,
        "where": finding.where,
        "message": finding.message,
    }


def findings_of(findings: tuple[Finding, ...]) -> list[Result]:
    """Return findings as JSON objects."""
    return [_finding(finding) for finding in findings]


def finding_lines(findings: tuple[Finding, ...]) -> list[str]:
    """Return findings as lines for people."""
    return [
        f"{one.severity.value.upper()} in step {one.step}: {one.message} ({one.where}) [{one.code}]" for one in findings
    ]


def _opened(opened: api.receiving.Opened, more: Result, more_lines: list[str]) -> Result:
    lines = [f"Step {step}: done" for step in opened.report.steps]
    lines += finding_lines(opened.report.findings)
    lines.append(_SENTENCE[opened.verdict])
    if opened.signer:
        lines.append(f"Signer: {opened.signer}" + (f" ({opened.signer_name})" if opened.signer_name else ""))
    lines += ["Not checked:", *(f"    {sentence}" for sentence in opened.report.not_checked), *more_lines]
    error = None
    if opened.verdict is Verdict.FAILED:
        first = next((one for one in opened.report.findings if one.severity.value == "error"), None)
        error = {
            "code": first.code if first else "failed",
            "message": first.message if first else "The bundle did not verify.",
            "advice": "Do not rely on it; ask the sender for a new one.",
        }
    return {
        "verdict": opened.verdict.value,
        "findings": findings_of(opened.report.findings),
        "steps": list(opened.report.steps),
        "not_checked": list(opened.report.not_checked),
        "signer": opened.signer,
        "signer_name": opened.signer_name,
        "exit": _EXIT[opened.verdict],
        "error": error,
        "lines": lines,
        **more,
    }


def open_bundle(context: Context) -> Result:
    """Decrypt and verify into a new folder."""
    arguments = context.arguments
    source, target = Path(arguments.file), Path(arguments.out)
    if arguments.with_passphrase:
        secret = context.secrets.next("Passphrase of the bundle")
        opened = api.receiving.open_with_passphrase(source, target, secret, arguments.signer, context.job)
    else:
        with context.unlocked() as vault:
            opened = api.receiving.open_into(vault, source, target, arguments.signer, context.job)
    written = opened.verdict is not Verdict.FAILED and target.exists()
    return _opened(opened, {"out": str(target) if written else ""}, [f"The bag is in {target}."] if written else [])


def receive(context: Context) -> Result:
    """Verify and take into this vault."""
    arguments = context.arguments
    with context.unlocked() as vault:
        secret = context.secrets.next("Passphrase of the bundle") if arguments.with_passphrase else None
        opened = api.receiving.receive(vault, Path(arguments.file), context.job, secret, arguments.signer)
    lines = [f"Case: {opened.case_id}"] if opened.case_id else ["Nothing was taken in."]
    return _opened(opened, {"case": opened.case_id}, lines)


def verify(context: Context) -> Result:
    """Verify an opened bag; needs no vault."""
    opened = api.verify_bag(Path(context.arguments.path), context.arguments.signer, context.job)
    return _opened(opened, {}, [])
