"""Writing an opened bag: a folder that appears under its name whole, or not at all.

Contents wait in files without a name where the operating system has them (Linux, and most of its file systems): if the
process is killed, they are gone with it. Names are given at the very end, within moments: a hidden folder, then its
renaming. Elsewhere, and for more files than may be open at once, contents wait in the hidden folder, whose name begins
with ``.opening-``; a kill leaves that folder behind, unlisted and readable to this user only, to be deleted by hand.

Files are created exclusively, never through links, with mode 0600; folders with 0700.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from vault.bundle import layout
from vault.crypto.randomness import random_bytes
from vault.errors import AlreadyExistsError
from vault.files import name_nameless, open_nameless, storage_error, sync, sync_folder, write_all

MAX_NAMELESS: Final = 256
"""Most contents that wait without a name: each takes an open file, of which a process may have 1024 on many systems."""

_WHAT = "the opened bag"
_NEW = (
    os.O_CREAT
    | os.O_EXCL
    | os.O_WRONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


class NewFolder:
    """A new folder with files in it; use it in a ``with`` block, and call `commit` at its end.

    Leaving the block without `commit` removes everything.

    Args:
        folder: The final name; must not exist.

    Raises:
        AlreadyExistsError: Something of that name exists.
    """

    def __init__(self, folder: Path) -> None:
        refuse_existing(folder)
        self._folder = folder
        self._part = folder.with_name(f".opening-{random_bytes(8).hex()}")
        self._part_made = False
        self._small: list[tuple[str, bytes]] = []
        self._waiting: list[tuple[str, int]] = []
        self._handle = -1

    def begin(self, path: str) -> None:
        """Begin a file; what is written goes there until `end`.

        Raises:
            StorageError: It cannot be created.
        """
        try:
            if len(self._waiting) < MAX_NAMELESS and self._can_wait_nameless:
                self._handle = open_nameless(self._folder.parent)
                self._waiting.append((path, self._handle))
            else:
                self._make_part()
                self._handle = os.open(self._part / path, _NEW, 0o600)
        except OSError as error:
            raise storage_error(error, _WHAT) from error

    def write(self, data: bytes) -> None:
        """Append `data` to the file that was begun.

        Raises:
            DiskFullError, StorageError: The operating system refused.
        """
        try:
            write_all(self._handle, data)
        except OSError as error:
            raise storage_error(error, _WHAT) from error

    def end(self) -> None:
        """End the file that was begun, durably.

        Raises:
            StorageError: The operating system refused.
        """
        handle, self._handle = self._handle, -1
        waits = self._waiting and self._waiting[-1][1] == handle
        try:
            sync(handle)
        except OSError as error:
            raise storage_error(error, _WHAT) from error
        finally:
            if not waits:
                os.close(handle)

    def add(self, path: str, data: bytes) -> None:
        """Add a small file; it is held in memory until `commit`."""
        self._small.append((path, data))

    def commit(self) -> None:
        """Give everything its name; contents and names are durable before the folder's own name is there.

        Raises:
            AlreadyExistsError: The target appeared meanwhile.
            StorageError: The operating system refused.
        """
        try:
            self._make_part()
            for path, handle in self._waiting:
                name_nameless(handle, self._part / path)
            for path, data in self._small:
                self._handle = os.open(self._part / path, _NEW, 0o600)
                self.write(data)
                self.end()
            for folder in (*sorted(layout.FOLDERS), "."):
                sync_folder(self._part / folder)
            refuse_existing(self._folder)
            self._part.rename(self._folder)
            self._part_made = False
            sync_folder(self._folder.parent)
        except OSError as error:
            raise storage_error(error, _WHAT) from error

    @cached_property
    def _can_wait_nameless(self) -> bool:
        """True when a file without a name can be made here and be given one; tried out with an empty file."""
        try:
            handle = open_nameless(self._folder.parent)
            try:
                name_nameless(handle, self._part)
                os.unlink(self._part)
            finally:
                os.close(handle)
        except OSError:
            return False
        return True

    def _make_part(self) -> None:
        if self._part_made:
            return
        os.mkdir(self._part, 0o700)
        self._part_made = True
        for folder in sorted(layout.FOLDERS):
            os.mkdir(self._part / folder, 0o700)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in {self._handle, *(handle for _, handle in self._waiting)} - {-1}:
            with contextlib.suppress(OSError):
                os.close(handle)
        if self._part_made:
            shutil.rmtree(self._part, ignore_errors=True)


def refuse_existing(folder: Path) -> None:
    """Refuse a target that exists, also as a link to nowhere.

    Raises:
        AlreadyExistsError: It exists.
    """
    if os.path.lexists(folder):
        raise AlreadyExistsError("The folder to open into exists already.", "Name a folder that does not exist.")
