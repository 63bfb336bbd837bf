"""What SQLCipher and SQLite themselves find wrong with the store. An old page put back is found by the log."""

from __future__ import annotations

from vault.store.database import Connection


def damage(connection: Connection) -> list[str]:
    """Return what is wrong, as short codes; an empty list when every page authenticates and the tables are sound."""
    found = []
    if connection.execute("PRAGMA cipher_integrity_check").fetchall():
        found.append("page-authentication")
    reply = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if reply is None or reply[0] != "ok":
        found.append("table-structure")
    if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
        found.append("table-references")
    return found
