"""What is known of attachments, and writing one out."""

from __future__ import annotations

import contextlib
from pathlib import Path

from vault import evidence, files
from vault.crypto.hashes import new_sha256, new_sha512
from vault.errors import NotFoundError, VaultError
from vault.jobs import Job
from vault.model import Attachment, CustodyEvent, Digest
from vault.open_vault import OpenVault
from vault.store import cases, content, records
from vault.store.content import StoredContent
from vault.store.database import Connection
from vault.store.records import StoredRecord


def load(connection: Connection, attachment_id: str) -> Attachment:
    """Return what is known of an attachment.

    Raises:
        NotFoundError: There is none of that id.
    """
    record = records.get(connection, attachment_id)
    if record.type != "attachment":
        raise NotFoundError("There is no attachment of that id.", "See 'evault attachment list --case ID'.")
    return _attachment(connection, record)


def _attachment(connection: Connection, record: StoredRecord) -> Attachment:
    whose = (record.origin, record.verdict)
    if record.deleted:
        return Attachment(record.id, record.case_id, Digest(""), "", 0, "", "", {}, True, *whose)
    fields = evidence.view(records.newest(connection, record)).fields
    media_type = str(fields.get("media_type", "application/octet-stream"))
    if record.origin and not content.has_record(connection, record.serial):
        # A sender may tell of a file without sending it.
        return Attachment(record.id, record.case_id, Digest(""), "", 0, media_type, "", fields, False, *whose)
    stored, extension = content.of_record(connection, record.serial)
    return Attachment(
        record.id, record.case_id, Digest(stored.sha256), stored.sha512, stored.size, media_type, extension, fields,
        False, *whose,
    )  # fmt: skip


def page(vault: OpenVault, case_id: str) -> list[Attachment]:
    """Return the attachments of a case, oldest first, tombstones included."""

    def work(connection: Connection) -> list[Attachment]:
        found = records.of_case(connection, cases.serial(connection, case_id), attachments=True)
        return [_attachment(connection, record) for record in found]

    return vault.read(work)


def digests(vault: OpenVault, case_id: str) -> dict[str, str]:
    """Return the SHA-256 of each file in a case, and the id of the oldest attachment that holds it.

    Raises:
        NotFoundError: There is no such case.
    """

    def work(connection: Connection) -> dict[str, str]:
        found: dict[str, str] = {}
        for record in records.of_case(connection, cases.serial(connection, case_id), attachments=True):
            if not record.deleted and content.has_record(connection, record.serial):
                found.setdefault(content.of_record(connection, record.serial)[0].sha256, record.id)
        return found

    return vault.read(work)


def peek(vault: OpenVault, attachment_id: str) -> Attachment:
    """Return what is known of an attachment without entering that it was looked at: for asking before an act.

    Raises:
        NotFoundError: There is none of that id.
    """
    return vault.read(lambda connection: load(connection, attachment_id))


def show(vault: OpenVault, attachment_id: str) -> Attachment:
    """Return what is known of an attachment and enter that it was looked at.

    Raises:
        NotFoundError: There is none of that id.
    """
    found = vault.read(lambda connection: load(connection, attachment_id))
    if not vault.read_only:
        event = CustodyEvent("displaying", found.id, "attachment", case_id=found.case_id)
        vault.atomic(lambda transaction: transaction.record(event))
    return found


def extract(
    vault: OpenVault, attachment_id: str, target: Path, job: Job, why: str = "", authority: str = "", place: str = ""
) -> Attachment:
    """Write an attachment out, in clear, into a new file; its digest is verified while it is written.

    The intent is entered first and the outcome after the file is durable.

    Args:
        vault: The open vault.
        attachment_id: The attachment.
        target: The new file.
        job: Progress and cancelling.
        why: The reason, or empty; entered in the log, like the next two.
        authority: On whose authority or consent, or empty.
        place: What the person calls the place or medium it goes to, or empty.

    Raises:
        AlreadyExistsError: The target exists.
        RefusedError: The target would lie inside the vault.
        IntegrityError: The stored bytes are not those that were taken in; no file is left.
        NotFoundError: There is no such attachment, or it was deleted.
    """
    vault.refuse_inside(target, "The file")
    found = vault.read(lambda connection: load(connection, attachment_id))
    stored = vault.read(lambda connection: _content(connection, attachment_id))

    def enter(result: str, detail: str = "") -> None:
        if vault.read_only:
            return
        event = CustodyEvent(
            "replication", found.id, "attachment", case_id=found.case_id, why=why, authority=authority, place=place,
            location="outside the vault, in clear", digests={"after": found.sha256}, result=result, detail=detail,
        )  # fmt: skip
        vault.atomic(lambda transaction: transaction.record(event))

    with files.NewFile(target, "the target file") as out:
        enter("intent")
        try:
            short, long = new_sha256(), new_sha512()
            for piece in evidence.stream(vault, stored):
                short.update(piece)
                long.update(piece)
                out.write(piece)
                job.report("writing out", out.file.tell(), found.size)
            # Of what was signed, and of what is stored: an older row could bind the record to another content.
            if {found.sha256, found.fields.get("sha256")} != {short.hexdigest()} or long.hexdigest() != found.sha512:
                raise content.altered()
            out.commit()
        except VaultError:
            # An intent alone says "may have left": never wrong, when this entry cannot be saved either.
            with contextlib.suppress(VaultError):
                enter("failure", "nothing was written")
            raise
    enter("success")
    return found


def _content(connection: Connection, attachment_id: str) -> StoredContent:
    return content.of_record(connection, records.get(connection, attachment_id).serial)[0]
