"""Records, their signed versions and drafts. A signed version never changes; deleting leaves a tombstone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from vault.errors import NotFoundError
from vault.model import CaseId, Draft, Json, RecordId, Verdict, format_time
from vault.store.database import Connection


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record's own row."""

    serial: int
    id: RecordId
    case_id: CaseId
    case_serial: int
    type: str
    title: str = field(repr=False)
    newest: int
    deleted: bool
    origin: str
    verdict: str


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One signed version: the SD-JWT with all disclosures that this vault holds."""

    serial: int
    version: int
    digest: str
    signed_at: str
    signer: bytes
    entry_number: int
    sd_jwt: str = field(repr=False)


_RECORD = (
    "r.serial, r.id, c.id, r.case_serial, r.type, r.title, r.newest, r.deleted, r.origin, r.verdict "
    "FROM record r JOIN vault_case c ON c.serial = r.case_serial"
)
_VERSION = "serial, version, digest, signed_at, signer, entry_number, sd_jwt FROM record_version"


def _record(row: tuple[int, str, str, int, str, str, int, int, str, str]) -> StoredRecord:
    return StoredRecord(
        row[0], RecordId(row[1]), CaseId(row[2]), row[3], row[4], row[5], row[6], bool(row[7]), row[8], row[9]
    )


def add(
    connection: Connection, record_id: str, case_serial: int, kind: str, origin: str = "", verdict: str = ""
) -> int:
    """Add a record without a version and return its serial."""
    cursor = connection.execute(
        "INSERT INTO record (id, case_serial, type, origin, verdict) VALUES (?, ?, ?, ?, ?)",
        (record_id, case_serial, kind, origin, verdict),
    )
    return int(cursor.lastrowid)


def find(connection: Connection, record_id: str) -> StoredRecord | None:
    """Return a record's row, tombstones included, or None."""
    row = connection.execute(f"SELECT {_RECORD} WHERE r.id = ?", (record_id,)).fetchone()
    return None if row is None else _record(row)


def get(connection: Connection, record_id: str) -> StoredRecord:
    """Return a record's row, tombstones included.

    Raises:
        NotFoundError: There is none of that id, or it has no signed version.
    """
    record = find(connection, record_id)
    if record is None or record.newest == 0:
        raise NotFoundError("There is no record of that id.", "See 'evault record list --case ID'.")
    return record


def of_case(connection: Connection, case_serial: int, *, attachments: bool) -> list[StoredRecord]:
    """Return the signed records of a case, oldest first: the attachments' records, or the others."""
    sign = "=" if attachments else "<>"
    sql = f"SELECT {_RECORD} WHERE r.case_serial = ? AND r.newest > 0 AND r.type {sign} 'attachment' ORDER BY r.serial"
    return [_record(row) for row in connection.execute(sql, (case_serial,))]


def deleted_files(connection: Connection) -> list[StoredRecord]:
    """Return all own attachments that were deleted, oldest first."""
    sql = f"SELECT {_RECORD} WHERE r.type = 'attachment' AND r.deleted = 1 AND r.origin = '' ORDER BY r.serial"
    return [_record(row) for row in connection.execute(sql)]


def all_records(connection: Connection, after: int, limit: int) -> list[StoredRecord]:
    """Return up to `limit` records with a serial above `after`, in the order of their serials."""
    sql = f"SELECT {_RECORD} WHERE r.serial > ? ORDER BY r.serial LIMIT ?"
    return [_record(row) for row in connection.execute(sql, (after, limit))]


def intact_from(connection: Connection, origin: str) -> list[StoredRecord]:
    """Return the records of this signer whose verdict is `intact`, tombstones left out."""
    sql = f"SELECT {_RECORD} WHERE r.origin = ? AND r.verdict = ? AND r.deleted = 0 AND r.newest > 0 ORDER BY r.serial"
    return [_record(row) for row in connection.execute(sql, (origin, Verdict.INTACT.value))]


def add_version(connection: Connection, record_serial: int, version: StoredVersion, title: str) -> int:
    """Add a signed version as the record's newest and return its serial (the given serial is ignored)."""
    serial = add_older_version(connection, record_serial, version)
    connection.execute(
        "UPDATE record SET newest = ?, title = ? WHERE serial = ?", (version.version, title, record_serial)
    )
    return serial


def add_older_version(connection: Connection, record_serial: int, version: StoredVersion) -> int:
    """Add a signed version that arrived after a newer one and return its serial."""
    cursor = connection.execute(
        "INSERT INTO record_version (record_serial, version, digest, signed_at, signer, entry_number, sd_jwt) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (record_serial, version.version, version.digest, version.signed_at, version.signer, version.entry_number,
         version.sd_jwt),
    )  # fmt: skip
    return int(cursor.lastrowid)


def add_disclosures(connection: Connection, version_serial: int, sd_jwt: str) -> None:
    """Keep a fuller presentation of the same signed version (its JWT part is unchanged: the caller has checked)."""
    connection.execute("UPDATE record_version SET sd_jwt = ? WHERE serial = ?", (sd_jwt, version_serial))


def set_title(connection: Connection, record_serial: int, title: str) -> None:
    """Set the title that lists show."""
    connection.execute("UPDATE record SET title = ? WHERE serial = ?", (title, record_serial))


def set_verdict(connection: Connection, record_serial: int, verdict: str) -> None:
    """Set the verdict that a received record carries."""
    connection.execute("UPDATE record SET verdict = ? WHERE serial = ?", (verdict, record_serial))


def versions(connection: Connection, record_serial: int) -> list[StoredVersion]:
    """Return the signed versions, oldest first."""
    sql = f"SELECT {_VERSION} WHERE record_serial = ? ORDER BY version"
    return [StoredVersion(*row) for row in connection.execute(sql, (record_serial,))]


def newest(connection: Connection, record: StoredRecord) -> StoredVersion:
    """Return the newest signed version of a record that is not deleted.

    Raises:
        NotFoundError: The record is deleted.
    """
    sql = f"SELECT {_VERSION} WHERE record_serial = ? AND version = ?"
    row = connection.execute(sql, (record.serial, record.newest)).fetchone()
    if row is None or record.deleted:
        raise NotFoundError("That record was deleted.", "Its custody entries are kept; see 'evault log prove'.")
    return StoredVersion(*row)


def of_version_serial(connection: Connection, serial: int) -> tuple[StoredRecord, StoredVersion]:
    """Return the record and version of a row of the search index."""
    row = connection.execute(
        f"SELECT record_serial, {_VERSION} WHERE serial = ?",
        (serial,),
    ).fetchone()
    record = connection.execute(f"SELECT {_RECORD} WHERE r.serial = ?", (row[0],)).fetchone()
    return _record(record), StoredVersion(*row[1:])


def bury(connection: Connection, record: StoredRecord) -> None:
    """Delete what a record says and keep its row as a tombstone."""
    connection.execute("DELETE FROM record_version WHERE record_serial = ?", (record.serial,))
    connection.execute("UPDATE record SET deleted = 1, title = '' WHERE serial = ?", (record.serial,))


# -- drafts ---------------------------------------------------------------------------------------------------------


def save_draft(connection: Connection, draft: Draft, case_serial: int) -> None:
    """Keep a draft, replacing the one of the same id."""
    connection.execute(
        "INSERT OR REPLACE INTO draft (id, case_serial, type, based_on, saved_at, fields) VALUES (?, ?, ?, ?, ?, ?)",
        (draft.id, case_serial, draft.type, draft.based_on, format_time(draft.saved_at), _dump(draft.fields)),
    )


def drafts(connection: Connection, draft_id: str | None = None) -> Iterator[Draft]:
    """Yield all drafts, or the one of this id, newest first."""
    sql = (
        "SELECT d.id, c.id, d.type, d.fields, d.saved_at, d.based_on FROM draft d "
        "JOIN vault_case c ON c.serial = d.case_serial WHERE ?1 IS NULL OR d.id = ?1 ORDER BY d.saved_at DESC"
    )
    for row in connection.execute(sql, (draft_id,)):
        yield Draft(
            RecordId(row[0]), CaseId(row[1]), row[2], json.loads(row[3]), datetime.fromisoformat(row[4]), row[5]
        )


def drop_draft(connection: Connection, draft_id: str) -> None:
    """Remove a draft; a missing one is fine."""
    connection.execute("DELETE FROM draft WHERE id = ?", (draft_id,))


def _dump(fields: dict[str, Json]) -> str:
    text = json.dumps(fields, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half a character, as a terminal may deliver one: a draft is kept whatever was typed.
        return json.dumps(fields)
    return text
