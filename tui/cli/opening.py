"""Commands about bundles from others: open, receive, verify."""

from __future__ import annotations

from pathlib import Path

from tui.cli import asking
from tui.cli.context import Context, Result, about, writing
from tui.cli.findings import finding_lines, findings_of
from tui.text import one_line
from vault import api
from vault.model import Finding, Secret, Severity, Verdict

_EXIT = {Verdict.VERIFIED: 0, Verdict.FAILED: 1, Verdict.INTACT: 6}
_SENTENCE = {
    Verdict.VERIFIED: "VERIFIED: intact, and the signer is established.",
    Verdict.INTACT: "INTACT, but who signed it is not established: compare the fingerprint over another channel.",
    Verdict.FAILED: "FAILED: do not rely on it.",
}


def _opened(opened: api.receiving.Opened, more: Result, more_lines: list[str]) -> Result:
    lines = [f"Checked: {', '.join(opened.report.steps)}."]
    lines += finding_lines(opened.report.findings)
    lines += ["Not checked:", *(f"    {sentence}" for sentence in opened.report.not_checked), ""]
    if opened.signer:
        who = f" ({one_line(opened.signer_name)}, verified contact)" if opened.signer_name else ""
        lines.append(f"Signer: {opened.signer}{who}")
    if opened.purpose:
        lines.append(f"Purpose, as the sender says: {one_line(opened.purpose)}")
    lines += [_SENTENCE[opened.verdict], *more_lines]
    error = None
    if opened.verdict is Verdict.FAILED:
        first = next((one for one in opened.report.findings if one.severity.value == "error"), None)
        error = {
            "code": first.code if first else "failed",
            "message": first.message if first else "The bundle did not verify.",
            "advice": "Delete the files of file managers and verify again."
            if all(one.code == "left-behind" for one in opened.report.findings if one.severity is Severity.ERROR)
            else "Do not rely on it; ask the sender for a new one.",
        }
    return {
        "verdict": opened.verdict.value,
        "findings": findings_of(opened.report.findings),
        "steps": list(opened.report.steps),
        "not_checked": list(opened.report.not_checked),
        "signer": opened.signer,
        "signer_name": opened.signer_name,
        "purpose": opened.purpose,
        "exit": _EXIT[opened.verdict],
        "error": error,
        "lines": lines,
        **more,
    }


def check_signer(context: Context) -> None:
    """Refuse a --signer that is no fingerprint before anything else, under the option's name."""
    if context.arguments.signer == asking.ASK:
        return  # It is still to be asked for.
    with about("--signer"):
        api.receiving.check_claim(context.arguments.signer)


def open_bundle(context: Context) -> Result:
    """Decrypt and verify into a new folder."""
    check_signer(context)
    arguments = context.arguments
    source, target = Path(arguments.file), Path(arguments.out)
    if arguments.with_passphrase:

        def decrypt(secret: Secret) -> api.receiving.Opened:
            asking.fill(arguments)
            check_signer(context)
            return api.receiving.open_with_passphrase(source, target, secret, arguments.signer, context.job)

        with writing(target, source):
            opened = context.try_secret("Passphrase of the bundle", decrypt)
    else:
        with context.unlocked() as vault:
            asking.fill(arguments)
            check_signer(context)
            with writing(target, source):
                opened = api.receiving.open_into(vault, source, target, arguments.signer, context.job)
    if opened.verdict is Verdict.FAILED:
        return _opened(opened, {"out": ""}, ["Nothing was written."])
    return _opened(opened, {"out": str(target)}, [f"The bag is in {one_line(target)}: begin with data/report.html."])


def receive(context: Context) -> Result:
    """Verify and take into this vault."""
    check_signer(context)
    arguments = context.arguments
    source = Path(arguments.file)
    with context.unlocked() as vault:

        def take(secret: Secret | None = None) -> api.receiving.Opened:
            return api.receiving.receive(vault, source, context.job, secret, arguments.signer)

        with about(source):
            opened = context.try_secret("Passphrase of the bundle", take) if arguments.with_passphrase else take()
    result = _opened(
        opened,
        {
            "case": opened.case_id,
            "kept_as": opened.kept_as,
            "taken": opened.taken,
            "taken_files": opened.taken_files,
        },
        [context.hint(_taken(opened)), *_to_be_compared(context, opened.verdict)],
    )
    had = [one for one in opened.report.findings if one.code == "replayed"]
    if had:
        return {**result, **_had(context, opened, had[0])}
    if opened.case_id and opened.verdict is Verdict.FAILED:
        # The bundle itself is intact: it is what came before that speaks against it.
        result["lines"].remove(_SENTENCE[Verdict.FAILED])
        result["error"]["advice"] = "Ask the sender about it; what was received stays."
    return result


def _had(context: Context, opened: api.receiving.Opened, had: Finding) -> Result:
    """Return what is said of the very same bundle: that it is here, and nothing that sounds like harm.

    The exit code and the verdict in JSON stay those of a replay: a script must not take it for something new.
    """
    lines = finding_lines(tuple(one for one in opened.report.findings if one is not had))
    see = context.hint(f"See 'evault case show {opened.case_id}'.")
    lines += [had.message, see]
    if opened.kept_as == Verdict.INTACT:
        lines += [_SENTENCE[Verdict.INTACT], *_to_be_compared(context, Verdict.INTACT)]
    return {"error": {"code": had.code, "message": had.message, "advice": see}, "lines": lines}


def _to_be_compared(context: Context, verdict: Verdict) -> list[str]:
    if verdict is not Verdict.INTACT:
        return []
    return [context.hint("Once you were told it: 'evault receive FILE --signer -' asks for it, and makes it verified.")]


def _taken(opened: api.receiving.Opened) -> str:
    if not opened.case_id:
        return "Nothing was taken in."
    if not opened.taken:
        return f"Nothing new was taken in. It is in case {opened.case_id}."
    records = opened.taken - opened.taken_files
    told = [f"{records} record{'s' * (records != 1)}"]
    if opened.taken_files:
        told.append(f"{opened.taken_files} file{'s' * (opened.taken_files != 1)}")
    return f"Taken in: {' and '.join(told)}. See 'evault case show {opened.case_id}'."


def verify(context: Context) -> Result:
    """Verify an opened bag; needs no vault."""
    path = context.arguments.path
    with about(path):
        opened = api.verify_bag(Path(path), context.arguments.signer, context.job)
    return _opened(opened, {}, [])
