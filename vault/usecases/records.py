"""Records: sign, correct, look at, delete. A signed version never changes; a correction is a new version."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from vault import evidence
from vault.crypto.randomness import new_id
from vault.errors import NotFoundError, RefusedError
from vault.formats import jcs
from vault.model import CustodyEvent, Digest, Json, Record, RecordId, RecordVersion, is_id
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
    if kind == "attachment":
        raise RefusedError("Attachments are added with their file.", "Use 'evault attach --case ID FILE'.")
    record_id = new_id()

    def work(transaction: Transaction) -> Record:
        cases.serial(transaction.connection, case_id)
        evidence.sign_version(vault, transaction, evidence.NewVersion(record_id, case_id, kind, fields))
        return load(transaction.connection, record_id)

    return vault.atomic(work)


def correct(vault: OpenVault, record_id: str, fields: dict[str, Json], why: str = "") -> Record:
    """Sign a new version of a record; the one before stays as it is.

    Of an attachment only what a person states is corrected; what was taken from its file stays.

    Args:
        vault: The open vault.
        record_id: The record.
        fields: All that it is to say; see `correctable`.
        why: The reason; entered in the log.

    Raises:
        RefusedError: The values do not fit or change nothing, or the record is foreign or deleted.
        NotFoundError: There is no such record, or an attachment is to belong to a record that is not in its case.
    """

    def work(transaction: Transaction) -> Record:
        connection = transaction.connection
        record = records.get(connection, record_id)
        whole = evidence.whole(connection, record, fields)
        related = evidence.owners(whole) if record.type == "attachment" else ()
        new = evidence.NewVersion(record_id, record.case_id, record.type, whole, "modification", why, related)
        evidence.sign_version(vault, transaction, new)
        return load(connection, record_id)

    return vault.atomic(work)


def fixed(kind: str) -> frozenset[str]:
    """Return the fields of a type that nobody states: of an attachment what is taken from its file."""
    return evidence.FROM_THE_FILE if kind == "attachment" else frozenset()


def correctable(record: Record) -> dict[str, Json]:
    """Return what `correct` takes, as the record says it now."""
    return {name: value for name, value in record.fields.items() if name not in fixed(record.type)}


def disclosure(vault: OpenVault, record: Record) -> dict[str, str]:
    """Return path → ``shareable``, ``linked`` or ``protected``, of all that the record says, as a seal takes them."""
    kind = vault.read(lambda connection: evidence.type_of(connection, record.type))
    if kind is None:
        return dict.fromkeys(record.fields, "protected")
    return {path: field.disclosure if field else "protected" for path, field, _ in kind.leaves(record.fields)}


def references(vault: OpenVault, record: Record) -> dict[str, tuple[str, str]]:
    """Return path → the id that a record names, and the id under which that record is here, or empty."""

    def work(connection: Connection) -> dict[str, tuple[str, str]]:
        kind = evidence.type_of(connection, record.type)
        stored = records.get(connection, record.id)
        found = {path: target for _, path, target in kind.references(record.fields)} if kind else {}
        held = {one: evidence.resolve(vault, connection, stored, one) for one in set(found.values()) if is_id(one)}
        return {path: (one, here.id if (here := held.get(one)) else "") for path, one in found.items()}

    return vault.read(work)


def outline(vault: OpenVault, record_id: str) -> tuple[Record, int]:
    """Return a record or attachment without its values, and how many attachments say that they belong to it.

    Raises:
        NotFoundError: There is no such record.
    """

    def work(connection: Connection) -> tuple[Record, int]:
        record = records.get(connection, record_id)
        files = 0
        for one in records.of_case(connection, record.case_serial, attachments=True):
            if not one.deleted and one.origin == record.origin:
                named = evidence.view(records.newest(connection, one)).fields.get("belongs_to")
                target = str(named.get("id")) if isinstance(named, dict) else ""
                found = evidence.resolve(vault, connection, one, target) if is_id(target) else None
                files += found is not None and found.id == record.id
        return _record(connection, record, {}, withheld=False), files

    return vault.read(work)


def show(vault: OpenVault, record_id: str, version: int = 0) -> Record:
    """Return a record with its newest values, signature verified, and enter that it was looked at.

    Args:
        vault: The open vault.
        record_id: The record.
        version: Which version's values, or 0 for the newest.

    Raises:
        NotFoundError: There is no such record or version.
        IntegrityError: The stored version is not what was signed.
    """
    record = vault.read(lambda connection: load(connection, record_id, version))
    if not vault.read_only:
        detail = f"version {version}" if version else ""
        kind = evidence.object_kind(record.type)
        event = CustodyEvent("displaying", record.id, kind, case_id=record.case_id, detail=detail)
        vault.atomic(lambda transaction: transaction.record(event))
    return record


def page(vault: OpenVault, case_id: str) -> list[Record]:
    """Return the records of a case without their values, oldest first, tombstones included, attachments left out."""

    def work(connection: Connection) -> list[Record]:
        found = records.of_case(connection, cases.serial(connection, case_id), attachments=False)
        return [_record(connection, record, {}, withheld=False) for record in found]

    return vault.read(work)


def delete(vault: OpenVault, record_id: str, why: str, authority: str = "") -> None:
    """Delete what a record or attachment says, text index and content included; a tombstone and its log entries stay.

    Args:
        vault: The open vault.
        record_id: The record or attachment.
        why: The reason; entered in the log.
        authority: On whose authority or consent, or empty; entered in the log.

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
        files = _that_stay(connection, record)
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
                authority=authority,
                digests={"before": digest},
                # What was kept, or taken back, stays when nothing else says so any more.
                related=tuple(sorted(files)),
            )
        )

    vault.atomic(work)
    vault.start_sweep()


def _that_stay(connection: Connection, record: StoredRecord) -> frozenset[str]:
    """Return what the log has to know of a record that is about to be deleted, for `sealing`."""
    if record.origin:
        return frozenset()
    if record.type == "attachment":
        return frozenset(content.records_sharing(connection, record.serial))
    back = evidence.taken_back(connection, record)
    return evidence.files_kept(connection, record) | (frozenset() if back is None else back | {record.id})


def load(connection: Connection, record_id: str, version: int = 0) -> Record:
    """Return a record with the values of its newest version, or of another one, signature verified.

    A tombstone has none. Of an own record each version says what it changed.

    Raises:
        NotFoundError: There is no such record or version.
        IntegrityError: A stored version is not what was signed.
    """
    record = records.get(connection, record_id)
    stored = records.versions(connection, record.serial)
    wanted = next((one for one in stored if one.version == (version or record.newest)), None)
    if wanted is None and (version or not record.deleted):
        raise NotFoundError("There is no such version of this record.", "See 'evault record show ID'.")
    if wanted is None:
        return _record(connection, record, {}, withheld=False)
    seen = evidence.view(wanted)
    found = _record(connection, record, seen.fields, withheld=bool(record.origin) and seen.withheld)
    if record.origin:
        return found
    said = [evidence.view(one).fields for one in stored]
    changed = [(), *(tuple(_changes(*pair)) for pair in itertools.pairwise(said))]
    return replace(
        found, versions=tuple(replace(one, changed=what) for one, what in zip(found.versions, changed, strict=True))
    )


def _changes(before: dict[str, Json], after: dict[str, Json], path: str = "") -> Iterator[str]:
    """Yield the paths of what differs between two versions; a list counts as one."""
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _changes(old, new, f"{path}{name}.")
        elif jcs.encode(old) != jcs.encode(new):
            yield f"{path}{name}"


def _record(connection: Connection, record: StoredRecord, fields: dict[str, Json], *, withheld: bool) -> Record:
    versions = tuple(
        RecordVersion(v.version, Digest(v.digest), datetime.fromisoformat(v.signed_at), evidence.signer_of(v))
        for v in records.versions(connection, record.serial)
    )
    return Record(
        RecordId(record.id), record.case_id, record.type, versions, fields, record.title, record.deleted, withheld,
        record.origin, record.verdict,
    )  # fmt: skip
