"""What the header of a store must say, looked at before SQLCipher does.

Spec: `docs/formats/store.md`, "Opening"
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vault.crypto import cbc
from vault.errors import DamagedError
from vault.files import storage_error
from vault.model import Secret

PAGE_SIZE: Final = 16384
"""Bytes of a page."""
_HEADER: Final = PAGE_SIZE.to_bytes(2, "big") + bytes((1, 1, 80, 64, 32, 32))
"""Bytes 16 to 23 of the database (SQLite's file format, 1.3): size of pages, no WAL, reserved bytes, constants."""


def check(path: Path, key: Secret) -> None:
    """Refuse a header of other pages than ours, made by somebody with the key: SQLCipher leaves its memory with them.

    Args:
        path: A store that nothing in this process has open: closing it drops the locks on it.
        key: Of the store, 32 bytes.

    Raises:
        DamagedError: It is another one, or not of this key.
        StorageError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            page = file.read(PAGE_SIZE)
    except OSError as error:
        raise storage_error(error, "the store") from error
    vector, block = page[-48:-32], page[16:32]
    if cbc.first_block(key.reveal(), vector, block)[: len(_HEADER)] != _HEADER:
        raise DamagedError("The store of this vault is damaged or is not a store.", "Restore it from a backup.")
