"""The record types that an organisation added to this vault, every version, as the texts that they were given in."""

from __future__ import annotations

from vault.store.database import Connection


def add(connection: Connection, name: str, version: int, digest: str, toml: str) -> None:
    """Keep a version of a type; the versions before stay, because records were signed under them."""
    connection.execute(
        "INSERT INTO record_type (digest, type, version, toml) VALUES (?, ?, ?, ?)", (digest, name, version, toml)
    )


def newest(connection: Connection, name: str) -> str | None:
    """Return the text of a type's newest version, or None."""
    sql = "SELECT toml FROM record_type WHERE type = ? ORDER BY version DESC LIMIT 1"
    row = connection.execute(sql, (name,)).fetchone()
    return str(row[0]) if row else None


def of_digest(connection: Connection, digest: str) -> str | None:
    """Return the text of the version that has this digest, or None."""
    row = connection.execute("SELECT toml FROM record_type WHERE digest = ?", (digest,)).fetchone()
    return str(row[0]) if row else None


def names(connection: Connection) -> list[str]:
    """Return the names of all types, in their order."""
    return [str(row[0]) for row in connection.execute("SELECT DISTINCT type FROM record_type ORDER BY type")]
