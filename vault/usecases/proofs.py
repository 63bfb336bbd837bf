"""Checking what a custody log handed out, with no vault: a checkpoint, a proof of an entry, a continuation.

Whose key it is, is not in such a file: the key comes from whoever checks, and only a fingerprint told over another
channel establishes whose it is. Spec: `docs/formats/custody-log.md` §5-7.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vault import audit, files
from vault.bundle.verify import verdict_of
from vault.errors import FormatError, IntegrityError, RefusedError, UnsupportedVersionError
from vault.formats import checkpoint as checkpoints
from vault.formats import fingerprint, ssh_keys
from vault.formats.checkpoint import Checkpoint
from vault.formats.contact_card import MAX_CARD_SIZE, read_card
from vault.formats.custody_entry import read_entry
from vault.formats.tlog_consistency import Continuation
from vault.formats.tlog_proof import TlogProof, decode_extra
from vault.model import Finding, LogEntry, Report, Severity, Verdict

SIGNATURE: Final = "1 signature of the checkpoint"
ENTRY: Final = "2 entry and its place in the log"
CONTINUED: Final = "3 continuation of the anchor"
SIGNER: Final = "4 signer"

_NOT_CHECKED: Final = (
    "Times are claims of the signer.",
    "What was never entered in the log cannot be missed.",
)


@dataclass(frozen=True, slots=True)
class Proved:
    """What a file of a custody log was found to prove.

    Attributes:
        kind: ``"checkpoint"``, ``"proof"`` or ``"continuation"``.
        verdict: `verified`, `intact` (the signer is not established) or `failed`: then nothing else counts.
        report: Findings, steps, and what was not checked.
        signer: Fingerprint in digits of the key that was given.
        log_id: The log.
        epoch: The epoch in which the checkpoint was signed.
        size: Entries that the checkpoint covers.
        root: Root hash over them, hexadecimal.
        entry: What a proof discloses of its entry.
        continues: Size of the anchor that the log was shown to continue, or None.
    """

    kind: str
    verdict: Verdict
    report: Report
    signer: str
    log_id: str
    epoch: str
    size: int
    root: str
    entry: LogEntry | None = field(default=None, repr=False)
    continues: int | None = None


def is_log_file(path: Path) -> bool:
    """Say whether a file is a checkpoint, proof or continuation, whoever signed it.

    Raises:
        RefusedError, StorageError: It cannot be read.
    """
    try:
        audit.read_log_file(path, "the file")
    except UnsupportedVersionError:
        return True
    except FormatError:
        return False
    return True


def verify(path: Path, key: bytes, signer: str = "", anchor: Checkpoint | None = None) -> Proved:
    """Verify a file that 'evault log checkpoint' or 'evault log prove' wrote; needs no vault.

    Args:
        path: A checkpoint, proof or continuation.
        key: The signer's Ed25519 key, 32 bytes, as `public_key` reads it.
        signer: The signer's fingerprint as told over another channel, or empty.
        anchor: An earlier state that the reader holds, as `earlier` reads it: the log must continue it.

    Raises:
        RefusedError: `signer` is no whole fingerprint; the anchor is of another log, or the file says nothing about it.
        FormatError: The file is not what it should be.
        RefusedError, StorageError: It cannot be read.
    """
    if signer:
        fingerprint.matches(signer, bytes(32))
    found = audit.read_log_file(path, "the file")
    state = checkpoints.read_checkpoint(audit.note_of(found))
    if anchor and anchor.log_id != state.log_id:
        raise RefusedError("The file belongs to another vault's log than the anchor.", "Name two of the same vault.")
    findings: list[Finding] = []
    steps, not_checked = [SIGNATURE], list(_NOT_CHECKED)
    entry, continues = None, None
    try:
        checkpoints.verify_checkpoint(audit.note_of(found), key)
    except IntegrityError:
        message = "The checkpoint was not signed by the key that you named, or was changed."
        findings.append(Finding(SIGNATURE, "checkpoint-signature", Severity.ERROR, "checkpoint", message))
        not_checked.insert(0, "Everything else: it counts for nothing without the signature.")
    else:
        if isinstance(found, TlogProof):
            steps.append(ENTRY)
            entry, wrong = _entry(found, key)
            findings += wrong
            not_checked.append("What the entry withholds: who saw it, why and where stay with the signer.")
        if anchor:
            steps.append(CONTINUED)
            wrong = _continued(found, state, anchor)
            findings += wrong
            continues = anchor.size if all(one.severity is not Severity.ERROR for one in wrong) else None
        else:
            not_checked.append("Whether the log continues an earlier state of it: that needs a checkpoint you hold.")
    hashed = fingerprint.hash_of_key(key)
    if signer:
        steps.append(SIGNER)
        if not fingerprint.matches(signer, hashed):
            message = "The key that you named is another than the one whose fingerprint you were told."
            findings.append(Finding(SIGNER, "signer-mismatch", Severity.ERROR, "key", message))
    else:
        not_checked.append("Whose key it is: compare the fingerprint with one that you received on another way.")
    report = Report(tuple(findings), tuple(steps), tuple(not_checked))
    kind = {TlogProof: "proof", Continuation: "continuation"}.get(type(found), "checkpoint")
    return Proved(
        kind, verdict_of(report, bool(signer)), report, fingerprint.digits_of(hashed),
        state.log_id, state.epoch, state.size, state.root.hex(),
        entry if report.ok else None, continues if report.ok else None,
    )  # fmt: skip


def public_key(path: Path) -> bytes:
    """Return the Ed25519 key in a file, 32 bytes: a card, a PEM file, a line of ``signers`` or of a ``.pub`` file.

    Raises:
        FormatError: There is none in it.
        RefusedError, StorageError: It cannot be read.
    """
    data = files.read_small(path, MAX_CARD_SIZE, "the key file")
    try:
        text = data.decode("utf-8")
        if text.startswith("-----BEGIN"):
            return ssh_keys.decode_pem(text)
        if text.startswith("ssh-"):
            return ssh_keys.decode_public_key(text.removesuffix("\n"))[0]
        if " namespaces=" in text.partition("\n")[0]:
            return ssh_keys.decode_allowed_signer(text.removesuffix("\n"))[2]
        return read_card(text).signing_key
    except (UnicodeDecodeError, FormatError) as error:
        raise FormatError(
            "the key file", "it holds no signing key",
            "Name a contact card, signer.pem of a bundle, or a file with a line 'ssh-ed25519 …'.",
        ) from error  # fmt: skip


def earlier(path: Path, key: bytes) -> Checkpoint:
    """Return the state of a log that an anchor file holds, its signature verified.

    Raises:
        IntegrityError: It is not signed by the key.
        FormatError: It is no anchor.
        RefusedError, StorageError: It covers no entries, or cannot be read.
    """
    note = audit.note_of(audit.read_log_file(path, "the anchor file"))
    try:
        anchor = checkpoints.verify_checkpoint(note, key)
    except IntegrityError as error:
        raise IntegrityError(
            "the anchor file", "it is not signed by the key that you named",
            "Name the right key, or another copy of the anchor.",
        ) from error  # fmt: skip
    if not anchor.size:
        raise RefusedError("The anchor covers no entries: every log continues it.", "Name a later one.")
    return anchor


def _entry(proof: TlogProof, key: bytes) -> tuple[LogEntry | None, list[Finding]]:
    leaf, disclosures = decode_extra(proof.extra)
    try:
        proof.verify(leaf, key)
        view = read_entry(leaf, disclosures)
        if view.number != proof.index:
            raise IntegrityError("custody entry", "another number than its place in the log")
    except IntegrityError:
        message = "The entry is not proved to be in the log at its place, or was altered."
        return None, [Finding(ENTRY, "proof-bad", Severity.ERROR, str(proof.index), message)]
    return LogEntry(view.number, view.epoch, view.event), []


def _continued(found: TlogProof | Continuation | str, state: Checkpoint, anchor: Checkpoint) -> list[Finding]:
    """Return what speaks against it that the log still begins with all that the anchor covers.

    Raises:
        RefusedError: The file says nothing about that.
    """

    def wrong(code: str, message: str) -> list[Finding]:
        return [Finding(CONTINUED, code, Severity.ERROR, "anchor", message)]

    restored = anchor.epoch != state.epoch
    maybe = " Its epoch is another one: it may have been restored from a backup that is older than the anchor."
    if state.size < anchor.size:
        if not restored:
            return wrong("log-shrunk", "The log has fewer entries than the anchor: entries were taken out of it.")
        return wrong("not-continued", "The log has fewer entries than the anchor." + maybe)
    if state.size == anchor.size:
        proof: Continuation = Continuation(anchor.size, (), audit.note_of(found))
    elif isinstance(found, Continuation) and found.old == anchor.size:
        proof = found
    else:
        raise RefusedError(
            "This file does not say whether the log continues the anchor.",
            "Ask its holder for one that does: 'evault log checkpoint --since ANCHOR --out FILE'.",
        )
    try:
        proof.verify(anchor)
    except IntegrityError:
        if not restored:
            return wrong("log-rewritten", "The log does not continue the anchor: what it held then was changed.")
        return wrong("not-continued", "The log does not continue the anchor." + maybe)
    if restored:
        message = "The vault was restored from a backup in between; it still holds all that the anchor covers."
        return [Finding(CONTINUED, "new-epoch", Severity.INFO, "anchor", message)]
    return []
