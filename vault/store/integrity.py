"""What SQLCipher and SQLite themselves find wrong with the store. An old page put back is found by the log."""

from __future__ import annotations

from vault.errors import DamagedError
from vault.store.database import Connection, Database


def damage(database: Database) -> list[str]:
    """Return what is wrong, as short codes; an empty list when every page authenticates and the tables are sound.

    Raises:
        StorageError: The disk could not be read.
    """
    found = []
    for code, test in (
        ("page-authentication", _pages),
        ("table-structure", _structure),
        ("table-references", _references),
    ):
        # Each in a turn of its own, which ends in an error: one that met a damaged page leaves a fresh connection.
        try:
            database.run(test)
        except DamagedError:
            found.append(code)
    return found


def _pages(connection: Connection) -> None:
    if connection.execute("PRAGMA cipher_integrity_check").fetchall():
        raise DamagedError("A page of the store does not authenticate.")


def _structure(connection: Connection) -> None:
    reply = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if reply is None or reply[0] != "ok":
        raise DamagedError("A table of the store is not sound.")


def _references(connection: Connection) -> None:
    if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise DamagedError("A row of the store refers to one that is missing.")
