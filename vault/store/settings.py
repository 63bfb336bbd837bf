"""What the person chose about the screens, kept with the vault so that nothing about it lies on the disk in clear."""

from __future__ import annotations

from vault.store.database import Connection


def put(connection: Connection, key: str, value: str) -> None:
    """Keep a choice, in the place of the one before."""
    connection.execute("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", (key, value))


def every(connection: Connection) -> dict[str, str]:
    """Return all choices that were ever made, also those that this version does not know."""
    return {str(key): str(value) for key, value in connection.execute("SELECT key, value FROM setting")}
