"""Records: sign, correct, look at, delete. A signed version never changes; a correction is a new version."""

from __future__ import annotations

from datetime import datetime

from vault import evidence
from vault.crypto.randomness import new_id
from vault.errors import RefusedError
from vault.model import CustodyEvent, Digest, Json, Record, RecordId, RecordVersion
from vault.open_vault import OpenVault, Transaction
from vault.store import cases, content, records
from vault.store.database import Connection
from vault.store.records import StoredRecord


def add(vault: OpenVault, case_id: str, kind: str, fields: dict[str, Json]) -> Record:
    """Sign a new record.

    Raises:
        RefusedError: The values do not fit the type.
        NotFoundError: There is no such case.
    """
    _refuse_attachment(kind)
    record_id = new_id()

    def work(transaction: Transaction) -> Record:
        cases.serial(transaction.connection, case_id)
        evidence.sign_version(vault, transaction, evidence.NewVersion(record_id, case_id, kind, fields))
        return load(transaction.connection, record_id)

    return vault.atomic(work)


def correct(vault: OpenVault, record_id: str, fields: dict[str, Json], why: str = "") -> Record:
    """Sign a new version of a record; the one before stays as it is.

    Raises:
        RefusedError: The values do not fit, or the record is foreign or deleted.
        NotFoundError: There is no such record.
    """

    def work(transaction: Transaction) -> Record:
        record = records.get(transaction.connection, record_id)
        _refuse_attachment(record.type)
        new = evidence.NewVersion(record_id, record.case_id, record.type, fields, "modification", why)
        evidence.sign_version(vault, transaction, new)
        return load(transaction.connection, record_id)

    return vault.atomic(work)


def show(vault: OpenVault, record_id: str) -> Record:
    """Return a record with its newest values, signature verified, and enter that it was looked at.

    Raises:
        NotFoundError: There is no such record.
        IntegrityError: The stored version is not what was signed.
    """
    record = vault.read(lambda connection: load(connection, record_id))
    if not vault.read_only:
        event = CustodyEvent("displaying", record.id, evidence.object_kind(record.type), case_id=record.case_id)
        vault.atomic(lambda transaction: transaction.record(event))
    return record


def page(vault: OpenVault, case_id: str) -> list[Record]:
    """Return the records of a case without their values, oldest first, tombstones included, attachments left out."""

    def work(connection: Connection) -> list[Record]:
        found = records.of_case(connection, cases.serial(connection, case_id), attachments=False)
        return [_record(connection, record, {}, withheld=False) for record in found]

    return vault.read(work)


def delete(vault: OpenVault, record_id: str, why: str) -> None:
    """Delete what a record or attachment says, text index and content included; a tombstone and its log entries stay.

    Raises:
        RefusedError: No reason is given, or it is deleted already.
        NotFoundError: There is no such record.
    """
    if not why.strip():
        raise RefusedError("Deleting needs a reason.", "Give one with --why.")

    def work(transaction: Transaction) -> None:
        connection = transaction.connection
        record = records.get(connection, record_id)
        if record.deleted:
            raise RefusedError("That record is deleted already.", "Nothing more is to be done.")
        digest = records.newest(connection, record).digest
        evidence.unindex(connection, record)
        content.release(connection, record.serial)
        records.bury(connection, record)
        records.drop_draft(connection, record_id)
        transaction.record(
            CustodyEvent(
                "deletion",
                record.id,
                evidence.object_kind(record.type),
                case_id=record.case_id,
                why=why,
                digests={"before": digest},
            )
        )

    vault.atomic(work)
    vault.start_sweep()


def load(connection: Connection, record_id: str) -> Record:
    """Return a record with its newest values, signature verified; a tombstone has none."""
    record = records.get(connection, record_id)
    if record.deleted:
        return _record(connection, record, {}, withheld=False)
    seen = evidence.view(records.newest(connection, record))
    return _record(connection, record, seen.fields, withheld=bool(record.origin) and seen.withheld)


def _record(connection: Connection, record: StoredRecord, fields: dict[str, Json], *, withheld: bool) -> Record:
    versions = tuple(
        RecordVersion(v.version, Digest(v.digest), datetime.fromisoformat(v.signed_at), evidence.signer_of(v))
        for v in records.versions(connection, record.serial)
    )
    return Record(
        RecordId(record.id), record.case_id, record.type, versions, fields, record.title, record.deleted, withheld,
        record.origin, record.verdict,
    )  # fmt: skip


def _refuse_attachment(kind: str) -> None:
    if kind == "attachment":
        raise RefusedError("Attachments are added with their file.", "Use 'evault attach'.")
