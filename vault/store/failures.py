"""What went wrong in the store, in our own errors: nothing of SQLite's crosses this floor."""

from __future__ import annotations

from pathlib import Path

from sqlcipher3 import dbapi2 as sqlite

from vault.errors import (
    DamagedError,
    DiskFullError,
    InUseError,
    ReadOnlyError,
    RefusedError,
    StorageError,
)
from vault.files import cannot_grow, storage_error


def primary_code(error: BaseException) -> int | None:
    """Return the primary result code of an error of SQLite, or None."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(error, sqlite.Error) and isinstance(code, int) else None


def is_poison(error: BaseException) -> bool:
    """True after a failed write or sync, and after a page that does not authenticate: SQLCipher refuses all then."""
    return isinstance(error, DamagedError | MemoryError) or primary_code(error) in (10, 11, 26)


def translate(error: BaseException, path: Path | None = None) -> BaseException:
    """Turn an error of SQLite or of the operating system into ours; everything else passes unchanged.

    Args:
        error: What was raised.
        path: The store, where its size may tell why it could not be written: SQLite does not say.
    """
    if isinstance(error, UnicodeEncodeError):
        # It carries the whole text it complains about, which must not travel.
        return RefusedError("The text holds half a character, which cannot be stored.", "Type or paste it anew.")
    if isinstance(error, OSError):
        return storage_error(error, "the store")
    if isinstance(error, MemoryError):
        # SQLite takes a page that SQLCipher cannot decrypt while it prepares a write for a want of memory.
        message = "A page of the store is damaged, or memory ran out; nothing of this step was saved."
        return DamagedError(message, "Close other programs and check the vault; if it is damaged, restore a backup.")
    if not isinstance(error, sqlite.Error):
        return error
    primary = primary_code(error)
    ours: Exception
    if primary is None and isinstance(error, sqlite.OperationalError):
        # Not SQLite's: the module found bytes in a text that are none.
        primary = 11
    if primary in (5, 6):
        ours = InUseError("The vault is in use by another program.", "Close it there, or wait until it is done.")
    elif primary == 13:
        ours = DiskFullError("The disk is full; nothing of this step was saved.", "Free some space and try again.")
    elif primary in (11, 26):
        ours = DamagedError("The store of this vault is damaged or is not a store.", "Restore it from a backup.")
    elif primary == 8:
        ours = ReadOnlyError("The store cannot be written.", "Copy the vault to a disk that can be written.")
    elif primary == 10 and path is not None and (too_large := cannot_grow(path, "the store")):
        ours = too_large
    elif primary == 10 and getattr(error, "at_commit", False):
        ours = StorageError("The disk failed at the very end of this step: it may be saved, or not.",
                            "Check the disk, and look whether it is there before you do it again.")  # fmt: skip
    elif primary in (10, 14):
        ours = StorageError("The disk could not be read or written; nothing of this step was saved.",
                            "Check the disk and try again.")  # fmt: skip
    else:
        ours = RuntimeError("the store refused a statement of ours")
    ours.__cause__ = error
    return ours
