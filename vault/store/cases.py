"""Cases: the folders that records belong to."""

from __future__ import annotations

from datetime import datetime

from vault.errors import DamagedError, NotFoundError
from vault.model import Case, CaseId, format_time
from vault.store.database import Connection

_CASE = "id, title, created_at, origin, records, attachments FROM vault_case"


def add(
    connection: Connection, case_id: CaseId, title: str, created_at: datetime, origin: str = "", sender_case: str = ""
) -> int:
    """Add a case and return its serial; a received one carries its sender's fingerprint and the sender's case id."""
    cursor = connection.execute(
        "INSERT INTO vault_case (id, title, created_at, origin, sender_case) VALUES (?, ?, ?, ?, ?)",
        (case_id, title, format_time(created_at), origin, sender_case),
    )
    return int(cursor.lastrowid)


def find(connection: Connection, case_id: str) -> int | None:
    """Return the serial of a case, or None."""
    row = connection.execute("SELECT serial FROM vault_case WHERE id = ?", (case_id,)).fetchone()
    return None if row is None else int(row[0])


def received(connection: Connection, origin: str, sender_case: str) -> int | None:
    """Return the serial of the case that a sender's case was taken into before, or None."""
    row = connection.execute(
        "SELECT serial FROM vault_case WHERE origin = ? AND sender_case = ?", (origin, sender_case)
    ).fetchone()
    return None if row is None else int(row[0])


def id_of(connection: Connection, case_serial: int) -> str:
    """Return the id of a case's serial."""
    return str(connection.execute("SELECT id FROM vault_case WHERE serial = ?", (case_serial,)).fetchone()[0])


def serial(connection: Connection, case_id: str) -> int:
    """Return the serial of a case.

    Raises:
        NotFoundError: There is none of that id.
    """
    found = find(connection, case_id)
    if found is None:
        raise NotFoundError("There is no case of that id.", "See 'evault case list'.")
    return found


def get(connection: Connection, case_id: str) -> Case:
    """Return a case with its counts.

    Raises:
        NotFoundError: There is none of that id.
    """
    number = serial(connection, case_id)
    sql = f"SELECT {_CASE} WHERE serial = ?"
    return _case(connection.execute(sql, (number,)).fetchone())


def page(connection: Connection, limit: int, before: str | None = None) -> list[Case]:
    """Return up to `limit` cases, newest first, older than the case `before`."""
    top = serial(connection, before) if before else 1 << 62
    sql = f"SELECT {_CASE} WHERE serial < ? ORDER BY serial DESC LIMIT ?"
    return [_case(row) for row in connection.execute(sql, (top, limit))]


def ids(connection: Connection) -> set[str]:
    """Return the ids of all cases."""
    return {str(row[0]) for row in connection.execute("SELECT id FROM vault_case")}


def _case(row: tuple[str, str, str, str, int, int]) -> Case:
    try:
        return Case(CaseId(row[0]), row[1], datetime.fromisoformat(row[2]), row[4], row[5], row[3])
    except ValueError as error:
        raise DamagedError("A case in the store has no proper time.", "Restore the vault from a backup.") from error
