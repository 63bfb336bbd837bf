"""Taking a bundle into this vault as read-only records that carry their origin and verdict.

All or nothing: contents are staged invisibly in the store, and one transaction (`filing`) makes everything visible.
"""

from __future__ import annotations

import contextlib
import functools
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from vault import files
from vault.bundle.contents import Incoming
from vault.bundle.open import Keys, open_bundle
from vault.bundle.verify import REWRITTEN, UNSEEN, WHOSE_KEY, verdict_of
from vault.errors import IntegrityError, ReadOnlyError
from vault.jobs import Job
from vault.model import Secret, Severity, Verdict
from vault.open_vault import OpenVault
from vault.usecases.receiving.filing import Filing
from vault.usecases.receiving.history import History, compare
from vault.usecases.receiving.opening import STEP, Opened, add, check_claim, judge, keys_of, known, mark_of, storage
from vault.usecases.receiving.staging import stage
from vault.verdicts import establish


def look(vault: OpenVault, source: Path, job: Job, secret: Secret | None = None, signer: str = "") -> Opened:
    """Verify a bundle and compare it with what came before, as `receive` does, but take nothing in and enter nothing.

    Args:
        vault: The open vault.
        source: The bundle file.
        job: Progress and cancelling; told of the steps.
        secret: The passphrase of a passphrase bundle.
        signer: The fingerprint that was told over another channel, or empty.

    Raises:
        PassphraseNeededError: It is a passphrase bundle, and no passphrase was given.
        As `open_into`.
    """
    check_claim(signer)
    keys = keys_of(vault, secret)
    with files.open_source(source, "the bundle") as handle:
        _, opened, history = storage(lambda: _examine(vault, handle, keys, signer, job))
    if history is None:
        return opened
    if history.again and _now_verified(opened, history):
        message = "This bundle was received before as intact. Who signed it is established now: take it in again."
        history.say("now-verified", Severity.INFO, message)
    elif history.again:
        _say_replayed(history)
    return _told(replace(opened, case_id=history.again), history)


def receive(
    vault: OpenVault, source: Path, job: Job, secret: Secret | None = None, signer: str = "", mark: str = ""
) -> Opened:
    """Verify a bundle and take it into this vault as read-only records; a failed one leaves nothing.

    The same bundle twice, an older one, and another one under the same number are recognised and said. Where only
    what came before speaks against it, it is taken in all the same, with the verdict `failed` and the findings.

    Args:
        vault: The open vault.
        source: The bundle file.
        job: Progress and cancelling.
        secret: The passphrase of a passphrase bundle.
        signer: The fingerprint that was told over another channel, or empty.
        mark: Of the contents that the person agreed to take in, from `look`, or empty.

    Raises:
        IntegrityError: The file does not hold what `mark` stands for.
        As `open_into`; ReadOnlyError: Nothing can be saved in this vault.
    """
    check_claim(signer)
    if vault.read_only:
        raise ReadOnlyError("The vault is open read-only.", "Copy it to a disk that can be written.")
    keys = keys_of(vault, secret)
    try:
        with files.open_source(source, "the bundle") as handle, contextlib.ExitStack() as kept:
            return storage(lambda: _receive(vault, handle, keys, signer, mark, job, kept))
    finally:
        # Whatever was staged and did not become visible goes now.
        vault.start_sweep()


def _examine(
    vault: OpenVault, handle: BinaryIO, keys: Keys, signer: str, job: Job
) -> tuple[Incoming, Opened, History | None]:
    """Verify a bundle; where it is intact, compare it with what came before."""
    incoming = open_bundle(handle, keys, job)
    job.begin_step(STEP, incoming.report.ok)
    opened = judge(incoming, signer, known(vault, incoming.signer))
    if opened.verdict is Verdict.FAILED or incoming.bundle is None:
        return incoming, opened, None
    return incoming, opened, compare(vault, incoming, incoming.bundle)


def _receive(
    vault: OpenVault, handle: BinaryIO, keys: Keys, signer: str, mark: str, job: Job, kept: contextlib.ExitStack
) -> Opened:
    incoming, opened, history = _examine(vault, handle, keys, signer, job)
    if history is None or incoming.bundle is None:
        return opened
    if mark and mark_of(incoming) != mark:
        raise IntegrityError("bundle", "the file is not the one that was looked at", "Look at it again.")
    if not history.again:
        staged = stage(vault, handle, keys, incoming, job, kept)
        work = functools.partial(Filing, vault, incoming, incoming.bundle, opened, staged, history, job)
        taken = vault.atomic(lambda transaction: work(transaction).run())
        opened = replace(opened, case_id=taken.case_id, taken=taken.count, taken_files=taken.files)
    else:
        _again(vault, incoming, opened, history)
        opened = replace(opened, case_id=history.again)
    return _told(opened, history)


def _told(opened: Opened, history: History) -> Opened:
    """Return what the verification came to with what the comparison found."""
    report = opened.report
    if STEP not in report.steps:
        report = replace(report, steps=(*report.steps, STEP))
    # The one who receives is the one who has that earlier state; whose key it is was established when this came first.
    settled = {UNSEEN, REWRITTEN} if history.continued else set()
    if history.kept_as == Verdict.VERIFIED:
        settled.add(WHOSE_KEY)
    report = replace(report, not_checked=tuple(one for one in report.not_checked if one not in settled))
    for code, severity, message in history.findings:
        report = add(report, code, message, severity)
    verdict = verdict_of(report, opened.verdict is Verdict.VERIFIED)
    return replace(opened, report=report, verdict=verdict, kept_as=history.kept_as)


def _now_verified(opened: Opened, history: History) -> bool:
    return history.kept_as == Verdict.INTACT and opened.verdict is Verdict.VERIFIED


def _say_replayed(history: History) -> None:
    when = f"{history.received_at[:16].replace('T', ' ')} UTC"
    message = f"You already have this bundle: received on {when}, kept as {history.kept_as}. Nothing was changed."
    history.say("replayed", Severity.ERROR, message)


def _again(vault: OpenVault, incoming: Incoming, opened: Opened, history: History) -> None:
    """Say of a bundle that was received before what it is here; raise it where its signer is established only now."""
    if _now_verified(opened, history):
        why = "received again, the signer being established"
        vault.atomic(lambda transaction: establish(vault, transaction, incoming.signer, why, history.name))
        message = "This bundle was received before as intact. Who signed it is established now: it is kept as verified."
        history.say("now-verified", Severity.INFO, message)
    else:
        _say_replayed(history)
