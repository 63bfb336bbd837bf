"""The record types that an organisation added to this vault, as the texts that they were given in."""

from __future__ import annotations

from vault.store.database import Connection


def put(connection: Connection, name: str, toml: str) -> None:
    """Keep a type, in the place of an older one of the same name."""
    connection.execute("INSERT OR REPLACE INTO record_type (type, toml) VALUES (?, ?)", (name, toml))


def get(connection: Connection, name: str) -> str | None:
    """Return a type's text, or None."""
    row = connection.execute("SELECT toml FROM record_type WHERE type = ?", (name,)).fetchone()
    return str(row[0]) if row else None


def names(connection: Connection) -> list[str]:
    """Return the names of all types, in their order."""
    return [str(row[0]) for row in connection.execute("SELECT type FROM record_type ORDER BY type")]
