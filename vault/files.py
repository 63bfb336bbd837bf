"""The only writer of plain files, and the reader of files that people name.

Writing is exclusive (a target that exists is never touched) or an atomic replacement; file and folder are synced before
it counts as done; modes are 0600 and 0700. `vault.db` is never opened here: closing any handle on it would drop the
lock of SQLite in this process (POSIX advisory locks), so only `store/database.py` may.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from vault.crypto.randomness import random_bytes
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

_BINARY = getattr(os, "O_BINARY", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NEW = os.O_CREAT | os.O_EXCL | os.O_RDWR | _NOFOLLOW | _BINARY
_SOURCE = os.O_RDONLY | _BINARY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


def storage_error(error: OSError, what: str) -> VaultError:
    """Turn an operating system error into ours; `what` names the thing in a few words that quote nobody."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"There is not enough free space for {what}.", "Free some space and try again.")
    if error.errno == errno.EFBIG:
        return StorageError(f"{what} is too large for this file system.", "Use a medium formatted as exFAT or better.")
    if error.errno in (errno.EROFS, errno.EPERM, errno.EACCES):
        return ReadOnlyError(
            f"No permission to read or write {what}.", "Choose another place or change its permissions."
        )
    if error.errno == errno.ENAMETOOLONG:
        return RefusedError(f"The name of {what} is too long.", "Choose a shorter name.")
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotFoundError(f"{what} does not exist.", "Check the path.")
    if error.errno in (errno.EISDIR, errno.ELOOP):
        return WrongKindError(f"{what} is not a regular file.", "Name a regular file.")
    if error.errno == errno.EEXIST:
        return AlreadyExistsError(f"{what} exists already.", "Choose another name; nothing is overwritten.")
    return StorageError(f"The operating system could not read or write {what}.", "Check the disk and try again.")


def free_space(folder: Path) -> int:
    """Return the bytes that this user may still write on the file system of `folder`."""
    if hasattr(os, "statvfs"):
        state = os.statvfs(folder)
        return state.f_bavail * state.f_frsize
    import shutil

    return shutil.disk_usage(folder).free


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable (a no-op where folders cannot be opened, as on Windows)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path, what: str) -> None:
    """Create a folder with mode 0700 and make its name durable.

    Raises:
        AlreadyExistsError: Something of that name exists.
        StorageError: It cannot be created.
    """
    try:
        os.mkdir(folder, 0o700)
        sync_folder(folder.parent)
    except OSError as error:
        raise storage_error(error, what) from error


def open_source(path: Path, what: str = "the file") -> BinaryIO:
    """Open a regular file for reading, without blocking on a FIFO or device.

    Raises:
        WrongKindError: A folder, device, FIFO or socket.
        NotFoundError, StorageError: It cannot be read.
    """
    try:
        handle = os.open(path, _SOURCE)
    except OSError as error:
        raise storage_error(error, what) from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise WrongKindError(f"{what} is not a regular file.", "Name a regular file.")
        return os.fdopen(handle, "rb", buffering=0)
    except BaseException:
        os.close(handle)
        raise


def read_small(path: Path, limit: int, what: str) -> bytes:
    """Read a whole small file.

    Raises:
        RefusedError: It is larger than `limit` bytes, or not a regular file.
    """
    with open_source(path, what) as source:
        try:
            content = b""
            while len(content) <= limit and (piece := source.read(limit + 1 - len(content))):
                content += piece
        except OSError as error:
            raise storage_error(error, what) from error
    if len(content) > limit:
        raise RefusedError(f"{what} is too large to be what it should be.", "Check that it is the right file.")
    return content


class NewFile:
    """A new file that appears under its name whole and synced, or not at all.

    Writes go to a hidden file of a random name in the same folder; `commit` syncs it and gives it its name, never
    replacing anything. Leaving the `with` block without `commit` removes it.

    Args:
        path: The final name; must not exist.
        what: The thing in a few words, for errors.

    Raises:
        AlreadyExistsError: The target exists.
        StorageError: It cannot be created.
    """

    def __init__(self, path: Path, what: str) -> None:
        if os.path.lexists(path):
            raise storage_error(OSError(errno.EEXIST, ""), what)
        self._path = path
        self._what = what
        self._part = path.with_name(f".{random_bytes(8).hex()}.part")
        try:
            handle = os.open(self._part, _NEW, 0o600)
        except OSError as error:
            raise storage_error(error, what) from error
        self.file: BinaryIO = os.fdopen(handle, "w+b", buffering=0)
        self._done = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append all of `data`.

        Raises:
            StorageError: The operating system refused.
        """
        view = memoryview(data)
        try:
            while view:
                view = view[self.file.write(view) :]
        except OSError as error:
            raise storage_error(error, self._what) from error

    def commit(self) -> None:
        """Sync the content, give it its name, sync the folder.

        Raises:
            AlreadyExistsError: The target appeared meanwhile.
            StorageError: The operating system refused.
        """
        try:
            os.fsync(self.file.fileno())
            self.file.close()
            self._give_name()
            self._done = True
            sync_folder(self._path.parent)
        except OSError as error:
            raise storage_error(error, self._what) from error

    def _give_name(self) -> None:
        try:
            os.link(self._part, self._path)
        except FileExistsError:
            raise
        except (OSError, NotImplementedError, AttributeError):
            # No hard links here (FAT, some network shares): reserve the name, then rename over the reservation.
            os.close(os.open(self._path, _NEW, 0o600))
            os.replace(self._part, self._path)
        else:
            os.unlink(self._part)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._done:
            with contextlib.suppress(OSError):
                self.file.close()
            with contextlib.suppress(OSError):
                os.unlink(self._part)


def write_new(path: Path, content: bytes, what: str) -> None:
    """Create a file with this content, durable when this returns; never overwrites.

    Raises:
        AlreadyExistsError, StorageError: As `NewFile`.
    """
    with NewFile(path, what) as target:
        target.write(content)
        target.commit()


def replace(path: Path, content: bytes, what: str) -> None:
    """Replace a file atomically: afterwards the old or the new content is there, whole, also after a power cut.

    Raises:
        StorageError: The operating system refused; the old content is untouched.
    """
    part = path.with_name(f".{random_bytes(8).hex()}.part")
    try:
        handle = os.open(part, _NEW, 0o600)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(part, path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise storage_error(error, what) from error


def remove(path: Path, what: str) -> None:
    """Remove a file, durably; a missing file is fine.

    Raises:
        StorageError: The operating system refused.
    """
    try:
        os.unlink(path)
        sync_folder(path.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_error(error, what) from error
