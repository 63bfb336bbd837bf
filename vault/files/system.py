"""What the operating system is asked for below every file: its errors as ours, free space, durability."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Final

from vault.errors import (
    AlreadyExistsError,
    DiskFullError,
    NotFoundError,
    ReadOnlyError,
    RefusedError,
    StorageError,
    VaultError,
    WrongKindError,
)

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]


def storage_error(error: OSError, what: str) -> VaultError:
    """Turn an operating system error into ours; `what` names the thing in a few words that quote nobody."""
    start = what[:1].upper() + what[1:]
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"There is not enough free space for {what}.", "Free some space and try again.")
    if error.errno == errno.EFBIG:
        return StorageError(f"{start} is too large for this file system.", "Use a medium formatted as exFAT or better.")
    if error.errno in (errno.EROFS, errno.EPERM, errno.EACCES):
        return ReadOnlyError(
            f"No permission to read or write {what}.", "Choose another place or change its permissions."
        )
    if error.errno == errno.ENAMETOOLONG:
        return RefusedError(f"The name of {what} is too long.", "Choose a shorter name.")
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotFoundError(f"{start} does not exist.", "Check the path.")
    if error.errno == errno.EISDIR:
        return WrongKindError(f"{start} is not a regular file but a folder.", "Name a file in it.")
    if error.errno in (errno.ELOOP, errno.ENXIO, errno.ENODEV):
        return WrongKindError(f"{start} is not a regular file.", "Name a regular file.")
    if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
        return AlreadyExistsError(f"{start} exists already.", "Choose another name; nothing is overwritten.")
    return StorageError(f"The operating system could not read or write {what}.", "Check the disk and try again.")


LARGEST_ON_FAT: Final = (1 << 32) - 1
"""Bytes of a file, at most, where a medium is formatted as FAT."""
_NEARLY: Final = 64 << 20  # more than one step of work adds to a file


def cannot_grow(path: Path, what: str) -> VaultError | None:
    """Return an error if a file that could not be written is about as long as FAT lets one be; SQLite does not say."""
    with contextlib.suppress(OSError):  # A stick that was pulled out has no file to look at.
        if LARGEST_ON_FAT - _NEARLY < os.stat(path).st_size <= LARGEST_ON_FAT:
            return storage_error(OSError(errno.EFBIG, ""), what)
    return None


def free_space(folder: Path) -> int:
    """Return the bytes that this user may still write on the file system of `folder`.

    Raises:
        NotFoundError: There is no such folder.
        StorageError: The operating system does not say.
    """
    try:
        if hasattr(os, "statvfs"):
            state = os.statvfs(folder)
            return state.f_bavail * state.f_frsize
        import shutil

        return shutil.disk_usage(folder).free
    except OSError as error:
        raise storage_error(error, "the folder to write into") from error


STRETCH: Final = 8 * 1024 * 1024
"""Bytes of a growing file after which the system is told to begin writing them to the medium."""


def write_all(handle: int, data: bytes | bytearray | memoryview) -> None:
    """Write all of `data` where the open file stands; of a long file, the medium gets the beginning meanwhile.

    The writing out is only begun, by a hint that neither waits nor asks for errors. The `sync` at the end still waits
    for all of it, and the system still tells that one of every error since the file was opened.

    Raises:
        OSError: The operating system refused.
    """
    with memoryview(data) as view:
        at = 0
        while at < len(view):
            at += os.write(handle, view[at:])
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):
            end = os.lseek(handle, 0, os.SEEK_CUR)
            begun = (end - at) // STRETCH * STRETCH
            if end // STRETCH * STRETCH > begun:
                # On Linux this begins to write what is dirty, and forgets only what is on the medium already.
                os.posix_fadvise(handle, begun, end - begun, os.POSIX_FADV_DONTNEED)


def sync(handle: int) -> None:
    """Make what was written to an open file durable."""
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is None:
        os.fsync(handle)
        return
    try:
        # On macOS a plain fsync stops at the drive's own cache.
        fcntl.fcntl(handle, full)
    except OSError:
        os.fsync(handle)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable (a no-op where folders cannot be opened or synced, as on Windows)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        sync(handle)
    except OSError as error:
        # Some file systems in user space know no sync of folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
    finally:
        os.close(handle)
