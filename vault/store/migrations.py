"""The store's tables through the versions: each step runs in one transaction together with its own record.

The steps are the numbered `.sql` files in `steps/`. Spec: `docs/formats/store.md`, "Tables".
"""

from __future__ import annotations

import contextlib
from functools import cache
from importlib import resources
from typing import Any, Final

from sqlcipher3 import dbapi2 as sqlite

from vault.errors import DamagedError, ReadOnlyError, UnsupportedVersionError

APPLICATION_ID: Final = 0x45565354
"""`EVST`, in the header of the decrypted database."""


def _steps() -> list[tuple[int, str, str]]:
    """Return (version, name, SQL) of every step, in order."""
    found = []
    for entry in resources.files("vault.store").joinpath("steps").iterdir():
        number, _, rest = entry.name.partition("_")
        if entry.name.endswith(".sql") and number.isdecimal():
            found.append((int(number), rest.removesuffix(".sql"), entry.read_text("utf-8")))
    return sorted(found)


def newest_version() -> int:
    """Return the version of the tables that this program writes."""
    return _steps()[-1][0]


def statements(script: str) -> list[str]:
    """Split an SQL script into statements at lines that end with a semicolon outside a trigger body."""
    found, lines = [], []
    for line in script.splitlines():
        if line.strip().startswith("--") or not line.strip():
            continue
        lines.append(line)
        text = "\n".join(lines)
        if line.rstrip().endswith(";") and ("BEGIN" not in text or line.strip() == "END;"):
            found.append(text)
            lines = []
    return found


def _tables_of(connection: Any) -> frozenset[tuple[Any, ...]]:
    """Return everything that the schema of a database defines, as it is written there."""
    return frozenset(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall())


@cache
def _tables(version: int) -> frozenset[tuple[Any, ...]]:
    """Return what the schema of a store of this version defines.

    Whoever has the key of a store, or gives away a backup with its passphrase, could otherwise add triggers, views and
    tables that run SQL of theirs at the next change.
    """
    with contextlib.closing(sqlite.connect(":memory:", isolation_level=None)) as connection:
        for _, _, script in _steps()[:version]:
            for statement in statements(script):
                connection.execute(statement)
        return _tables_of(connection)


def _version(connection: Any, newest: int) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > newest:
        raise UnsupportedVersionError("store", str(version))
    if version < 0 or _tables_of(connection) != _tables(version):
        raise DamagedError("The tables of the store are not those of its version.", "Restore it from a backup.")
    if version:
        done = connection.execute("SELECT count(*), max(version) FROM migration").fetchone()
        if done != (version, version):
            raise DamagedError("The store does not know its own version.", "Restore it from a backup.")
    return version


def require_current(connection: Any) -> None:
    """Refuse tables of another version, where they cannot be brought to the newest.

    Raises:
        UnsupportedVersionError: The store was written by a newer program.
        ReadOnlyError: It was written by an older one.
        DamagedError: The tables, or the record of the steps, do not fit the version.
    """
    newest = newest_version()
    if _version(connection, newest) < newest:
        raise ReadOnlyError(
            "The vault was made by an older version of this program, and its medium is read-only.",
            "Copy the whole folder to a disk that can be written and open it there.",
        )


def migrate(connection: Any) -> None:
    """Bring the tables to the newest version, step by step, each step with its record or not at all.

    Raises:
        UnsupportedVersionError: The store was written by a newer program.
        DamagedError: The tables, or the record of the steps, do not fit the version.
    """
    steps = _steps()
    version = _version(connection, steps[-1][0])
    for number, name, script in steps[version:]:
        connection.execute("BEGIN EXCLUSIVE")
        try:
            for statement in statements(script):
                connection.execute(statement)
            connection.execute("INSERT INTO migration (version, name) VALUES (?, ?)", (number, name))
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
