"""The only writer of plain files, and the reader of files that people name.

Writing is exclusive (a target that exists is never touched) or an atomic replacement; file and folder are synced before
it counts as done; modes are 0600 and 0700. `vault.db` is never opened here: closing any handle on it would drop the
lock of SQLite in this process (POSIX advisory locks), so only `store/database.py` may.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from vault.crypto.randomness import random_bytes
from vault.errors import (
    AlreadyExistsError,
    NotFoundError,
    RefusedError,
)
from vault.files import held
from vault.files.system import cannot_grow, free_space, storage_error, sync, sync_folder, write_all

__all__ = [
    "NewFile",
    "cannot_grow",
    "empty_place",
    "forget_cached",
    "free_space",
    "make_folder",
    "make_folders",
    "move_folder",
    "name_nameless",
    "open_nameless",
    "open_source",
    "read_small",
    "remove",
    "remove_leftovers",
    "replace",
    "storage_error",
    "sync",
    "sync_folder",
    "write_all",
    "write_new",
]

_PART_NAME: Final = re.compile(r"\.[0-9a-f]{16}\.part\Z")
_BINARY = getattr(os, "O_BINARY", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NEW = os.O_CREAT | os.O_EXCL | os.O_RDWR | _NOFOLLOW | _BINARY
_NAMELESS = getattr(os, "O_TMPFILE", 0)
_COPY_SIZE: Final = 1 << 20
_SOURCE = os.O_RDONLY | _BINARY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


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


def make_folders(folder: Path, what: str) -> None:
    """Create a folder and the folders above it where they are missing, each with mode 0700 and durable.

    Raises:
        StorageError: One cannot be created.
    """
    missing = []
    while not os.path.isdir(folder):  # noqa: PTH112 - pathlib raises where the folder above may not be looked into
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        with contextlib.suppress(AlreadyExistsError):
            make_folder(one, what)


def empty_place(folder: Path, what: str) -> Path:
    """Return the real path of a folder to be made; the folders above it are left to `make_folders`.

    Raises:
        AlreadyExistsError: Something is there, and not an empty folder.
        RefusedError: It is where a medium is mounted, which cannot be replaced.
        StorageError: It cannot be looked into.
    """
    folder = Path(os.path.realpath(folder))
    try:
        if os.path.lexists(folder):
            if not folder.is_dir() or any(folder.iterdir()):
                raise AlreadyExistsError("The folder exists and is not empty.", "Choose another folder.")
            if os.path.ismount(folder):
                raise RefusedError("A medium is mounted at that folder.", "Name a new folder on the medium.")
    except OSError as error:
        raise storage_error(error, what) from error
    return folder


def move_folder(source: Path, target: Path, what: str) -> None:
    """Give a folder that was built beside it its final name, durably; an empty folder of that name is replaced.

    Raises:
        AlreadyExistsError: The target is no longer an empty folder.
        StorageError: The operating system refused.
    """
    try:
        if os.path.lexists(target):
            target.rmdir()
        source.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise storage_error(error, what) from error


def open_source(path: Path, what: str = "the file") -> BinaryIO:
    """Open a regular file for reading, without blocking on a FIFO or device.

    Raises:
        WrongKindError: A folder, device, FIFO or socket.
        NotFoundError: There is no such file.
        RefusedError: It may not be read, or is the store of an open vault.
        StorageError: It cannot be read.
    """
    try:
        # Looked at before it is opened, because opening alone can already do something to a device.
        state = os.stat(path)
        _refuse_irregular(state.st_mode, what)
        if held.is_held(state):
            raise RefusedError("This is the store of an open vault; it is never read as a file.", "Make a backup.")
        handle = os.open(path, _SOURCE)
    except PermissionError as error:
        raise RefusedError(f"There is no permission to read {what}.", "Change its permissions, or copy it.") from error
    except OSError as error:
        raise storage_error(error, what) from error
    except ValueError as error:
        raise NotFoundError("There is no file of that name.", "Check the path.") from error
    try:
        _refuse_irregular(os.fstat(handle).st_mode, what)
        return os.fdopen(handle, "rb", buffering=0)
    except BaseException:
        os.close(handle)
        raise


def _refuse_irregular(mode: int, what: str) -> None:
    if not stat.S_ISREG(mode):
        raise storage_error(OSError(errno.EISDIR if stat.S_ISDIR(mode) else errno.ENXIO, ""), what)


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
        start = what[:1].upper() + what[1:]
        raise RefusedError(f"{start} is too large to be what it should be.", "Check that it is the right file.")
    return content


def forget_cached(path: Path) -> None:
    """Ask the system to forget its copy of a file in memory, so that the next reading comes from the medium."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(handle)


def open_nameless(folder: Path) -> int:
    """Open a new file without a name, for reading and writing: if this process is killed, it is gone (Linux alone).

    Raises:
        OSError: The system or the file system of `folder` has none, or none that could be named later.
    """
    if not _NAMELESS:
        raise OSError(errno.ENOTSUP, "")
    handle = os.open(folder, _NAMELESS | os.O_RDWR | os.O_CLOEXEC, 0o600)
    if not os.path.lexists(f"/proc/self/fd/{handle}"):
        os.close(handle)
        raise OSError(errno.ENOTSUP, "")
    return handle


def name_nameless(handle: int, path: Path) -> None:
    """Give a file of `open_nameless` its name, never replacing anything.

    Raises:
        FileExistsError: The name is taken.
        OSError: The operating system refused.
    """
    # The link under /proc is followed only by linkat(2), which Python calls when it is given a folder's descriptor.
    os.link(f"/proc/self/fd/{handle}", path, src_dir_fd=handle, follow_symlinks=True)


class NewFile:
    """A new file that appears under its name whole and synced, or not at all.

    Writes go to a file without a name where there are such files, so that a kill leaves nothing behind; elsewhere to a
    hidden file of a random name in the same folder. `commit` syncs it and gives it its name, never replacing
    anything. Leaving the `with` block without `commit` removes it.

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
        self._nameless = True
        try:
            try:
                handle = open_nameless(path.parent)
            except OSError:
                self._nameless = False
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
        try:
            write_all(self.file.fileno(), data)
        except OSError as error:
            raise storage_error(error, self._what) from error

    def commit(self) -> None:
        """Sync the content, give it its name, sync the folder.

        Raises:
            AlreadyExistsError: The target appeared meanwhile.
            StorageError: The operating system refused.
        """
        try:
            sync(self.file.fileno())
            if self._nameless:
                self._name_nameless()
            if not self._nameless:
                self.file.close()
                self._give_name()
            self._done = True
            self.file.close()
        except OSError as error:
            raise storage_error(error, self._what) from error
        try:
            sync_folder(self._path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(self._path)
            raise storage_error(error, self._what) from error

    def _name_nameless(self) -> None:
        try:
            name_nameless(self.file.fileno(), self._path)
        except FileExistsError:
            raise
        except OSError:
            # No links here after all, though the file system has nameless files: go on with a copy that has a name.
            source = self.file
            with source:
                self.file = os.fdopen(os.open(self._part, _NEW, 0o600), "w+b", buffering=0)
                self._nameless = False
                source.seek(0)
                while piece := source.read(_COPY_SIZE):
                    self.write(piece)
            sync(self.file.fileno())

    def _give_name(self) -> None:
        try:
            os.link(self._part, self._path)
        except FileExistsError:
            raise
        except (OSError, NotImplementedError, AttributeError):
            # No hard links here (FAT, some network shares): reserve the name, then rename over the reservation.
            os.close(os.open(self._path, _NEW, 0o600))
            try:
                os.replace(self._part, self._path)
            except OSError:
                os.unlink(self._path)
                raise
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
            write_all(handle, content)
            sync(handle)
        finally:
            os.close(handle)
        os.replace(part, path)
        sync_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(part)
        if isinstance(error, OSError):
            raise storage_error(error, what) from error
        raise


def remove_leftovers(folder: Path) -> None:
    """Remove the half-written files of this module that a kill left in a folder; failing to is fine.

    Only for a folder in which nobody else writes at this moment.
    """
    with contextlib.suppress(OSError):
        for entry in list(folder.iterdir()):
            if _PART_NAME.match(entry.name) and entry.is_file():
                with contextlib.suppress(OSError):
                    os.unlink(entry)


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
