"""What a bag holds, checked piece by piece: records, attachments, custody entries, readable copies (steps 7 to 10).

Works on files that `bundle.gather` has read and on the key that `bundle.verify` has found. Every deviation becomes a
finding; what does not verify is left out of the result.

Spec: docs/formats/bundle.md, "Verification".
"""

from __future__ import annotations

from collections.abc import Iterator

from vault.bundle import custody, layout
from vault.bundle.contents import IncomingAttachment, IncomingEntry, IncomingRecord
from vault.bundle.findings import Findings
from vault.bundle.gather import Gathered
from vault.bundle.instructions import verify_text
from vault.bundle.manifest import Description
from vault.bundle.report import record_copy, report_pieces
from vault.errors import FormatError, IntegrityError, RefusedError, UnsupportedVersionError
from vault.formats.checkpoint import Checkpoint
from vault.formats.record import RecordView, read_record
from vault.jobs import Job
from vault.model import Severity

ATTACHMENT_TYPE = "attachment"
"""The type of the records that describe attachments."""


def check_records(bag: Gathered, signer: bytes, findings: Findings, job: Job) -> tuple[IncomingRecord, ...]:
    """Step 7: every signed original is by the signer, names its own id, and has its readable copy beside it."""
    records = []
    ids = sorted({name for path in bag.small if (name := layout.record_id(path))})
    for done, name in enumerate(ids):
        job.report("verifying records", done, len(ids))
        path = layout.record_path(name)
        if path not in bag.small:
            findings.add("missing-file", path, "A readable copy is here without the signed original.")
            continue
        try:
            text = bag.small[path].decode("ascii")
            view = read_record(text, signer)
        except UnsupportedVersionError:
            findings.add(
                "record-version", path, "This record is of a newer format; use a newer version of this program."
            )
            continue
        except (FormatError, IntegrityError, UnicodeDecodeError):
            findings.add("record-signature", path, "This record is not what the signer of the bag signed.")
            continue
        if view.id != name:
            findings.add("record-name", path, "This record lies under the name of another one.")
            continue
        records.append(IncomingRecord(view, text))
    return tuple(records)


def match_attachment(item: IncomingAttachment, view: RecordView | None) -> None:
    """Compare a content with the signed record that describes it.

    Raises:
        IntegrityError: No such record, it does not disclose digest and size, or they are others.
    """
    if view is None or view.type != ATTACHMENT_TYPE or view.id != item.id:
        raise IntegrityError("attachment", "no signed record describes it")
    sha256, size = view.fields.get("sha256"), view.fields.get("size")
    if not isinstance(sha256, str) or type(size) is not int:
        raise IntegrityError("attachment", "its record does not disclose digest and size")
    if (sha256, size) != (item.sha256, item.size):
        raise IntegrityError("attachment", "it is not the file that its record describes")


def check_attachments(
    bag: Gathered, records: tuple[IncomingRecord, ...], findings: Findings
) -> tuple[IncomingAttachment, ...]:
    """Step 8: every attachment is the file that a signed record of the same id describes."""
    views = {record.view.id: record.view for record in records}
    attachments: list[IncomingAttachment] = []
    for path in sorted(bag.seen):
        name = layout.attachment_id(path)
        if name is None:
            continue
        size, sha256 = bag.seen[path]
        item = IncomingAttachment(name, path, path.rpartition(".")[2], sha256, size)
        if attachments and attachments[-1].id == name:
            findings.add("attachment-mismatch", path, "There are two files for one attachment.")
            continue
        try:
            match_attachment(item, views.get(name))
        except IntegrityError as error:
            findings.add("attachment-mismatch", path, f"Of this attachment: {error.reason}.")
            continue
        attachments.append(item)
    there = {item.id for item in attachments}
    for name, view in views.items():
        if view.type == ATTACHMENT_TYPE and name not in there:
            message = "This record describes an attachment whose content is not in the bag."
            findings.add("attachment-absent", layout.record_path(name), message, Severity.INFO)
    return tuple(attachments)


def check_custody(
    bag: Gathered, signer: bytes, description: Description, findings: Findings, job: Job
) -> tuple[str, tuple[IncomingEntry, ...]]:
    """Step 9: the signer signed the checkpoint, it is the one described, and every entry is proved against it."""
    note = bag.small.get(layout.CHECKPOINT)
    if note is None:
        return "", ()
    try:
        checkpoint = custody.read_note(note, signer)
    except (FormatError, IntegrityError):
        message = "The checkpoint of the custody log is not signed by the signer of the bag."
        findings.add("checkpoint-signature", layout.CHECKPOINT, message)
        return "", ()
    if checkpoint != description.checkpoint:
        findings.add("checkpoint-mismatch", layout.CHECKPOINT, "The bundle's description names another checkpoint.")
    return note.decode(), _check_entries(bag, checkpoint, findings, job)


def check_continuation(bag: Gathered, signer: bytes, findings: Findings) -> Checkpoint | None:
    """Step 9, where the bag has it: the log only grew since an earlier checkpoint; returns that one, if it holds."""
    there = [path for path in layout.OPTIONAL if path in bag.small]
    for path in layout.OPTIONAL:
        if there and path not in there:
            findings.add("missing-file", path, "The proof that the log continues an earlier state is not whole.")
    note = bag.small.get(layout.CHECKPOINT)
    if note is None or len(there) < len(layout.OPTIONAL):
        return None
    try:
        earlier, continuation = (bag.small[path] for path in layout.OPTIONAL)
        return custody.verify_continuation(earlier, continuation, note, signer)
    except (FormatError, IntegrityError):
        message = "The custody log is not shown to continue the earlier state that the sender names."
        findings.add("continuation-bad", layout.CONTINUATION, message)
        return None


def _check_entries(bag: Gathered, checkpoint: Checkpoint, findings: Findings, job: Job) -> tuple[IncomingEntry, ...]:
    if layout.ENTRIES not in bag.small:
        return ()
    try:
        listed = custody.decode_entries(bag.small[layout.ENTRIES])
    except FormatError as error:
        findings.add("entries-format", layout.ENTRIES, f"The custody entries cannot be read: {error.reason}.")
        return ()
    entries = []
    for done, item in enumerate(listed):
        job.report("verifying custody entries", done, len(listed))
        try:
            entries.append(custody.verify_entry(item, checkpoint))
        except IntegrityError:
            message = f"Custody entry {item.number} is not proved to be in the sender's log, or was altered."
            findings.add("proof-bad", layout.ENTRIES, message)
        except FormatError as error:
            findings.add("entries-format", layout.ENTRIES, f"Custody entry {item.number}: {error.reason}.")
    return tuple(entries)


def check_copies(
    bag: Gathered,
    name: str,
    description: Description,
    records: tuple[IncomingRecord, ...],
    attachments: tuple[IncomingAttachment, ...],
    entries: tuple[IncomingEntry, ...],
    findings: Findings,
) -> None:
    """Step 10: what people read is, byte for byte, what the verified values give."""
    for record in records:
        path = layout.copy_path(record.view.id)
        if path not in bag.small:
            findings.add("missing-file", path, "The readable copy of a record is missing.")
            continue
        try:
            right = record_copy(record.view) == bag.small[path]
        except RefusedError:
            right = False
        if not right:
            findings.add("copy-mismatch", path, "The readable copy does not say what the signed record says.")
    if layout.REPORT in bag.small:
        page = report_pieces(description, [r.view for r in records], attachments, [e.view for e in entries])
        if not _is_made_of(bag.small[layout.REPORT], page):
            message = "The page for people does not say what the signed contents say. Do not rely on it."
            findings.add("report-mismatch", layout.REPORT, message)
    if name and bag.small.get(layout.VERIFY, b"") != verify_text(name):
        message = "The instructions for checking by hand are not the ones of this format. Do not follow them."
        findings.add("instructions-mismatch", layout.VERIFY, message)


def _is_made_of(data: bytes, pieces: Iterator[bytes]) -> bool:
    at = 0
    for piece in pieces:
        if not data.startswith(piece, at):
            return False
        at += len(piece)
    return at == len(data)
