"""The one door to `vault.db`: opens it, asserts its settings, serves one queue, commits all or nothing.

Rules: one thread owns the connection and works through a first-in-first-out queue; nobody else touches it. Nothing else
in the process ever opens the file: closing any other handle on it would silently drop SQLite's lock. Every setting that
matters is read back at every open, because SQLite ignores pragmas it does not know. Spec: `docs/formats/store.md`.
"""

from __future__ import annotations

import contextlib
import os
import queue
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, NewType, TypeVar

from sqlcipher3 import dbapi2 as sqlite

from vault.errors import (
    DamagedError,
    LockedError,
    NetworkFileSystemError,
    ReadOnlyError,
    StorageError,
)
from vault.files import held, storage_error
from vault.model import Secret
from vault.store import header
from vault.store.failures import is_poison, primary_code, translate
from vault.store.header import PAGE_SIZE
from vault.store.migrations import APPLICATION_ID, migrate, require_current
from vault.surroundings import is_read_only, network_file_system

Connection = NewType("Connection", Any)  # type: ignore[valid-newtype]
"""An open sqlcipher3 connection; only work functions on the queue ever see it."""

T = TypeVar("T")

_LOCK_BYTE: Final = 0x40000000
_PATIENCE: Final = 1.0
"""Seconds after which an opener says that the store is in use."""
_PAUSE: Final = (0.02, 0.1)
"""Seconds between two attempts, from and to."""
_CIPHER: Final = (("cipher_page_size", str(PAGE_SIZE)), ("cipher_hmac_algorithm", "HMAC_SHA256"))
_SETTINGS: Final = (
    ("journal_mode", "DELETE", "delete"),
    ("synchronous", "EXTRA", 3),
    ("fullfsync", "ON", 1),  # macOS: without it a sync does not reach the platter
    ("journal_size_limit", "0", 0),
    ("temp_store", "MEMORY", 2),
    ("secure_delete", "ON", 1),
    ("trusted_schema", "OFF", 0),
    ("foreign_keys", "ON", 1),
    ("cell_size_check", "ON", 1),
    ("cache_size", "-16384", -16384),
)


class Database:
    """An open store, from `create` or `open`; call `close` at the end. Any thread may call any method."""

    def __init__(self, path: Path, key: Secret, *, new: bool, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self._key = key
        self._queue: queue.SimpleQueue[tuple[Callable[[Connection], Any], bool, Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._raw: int | None = None
        self._suspect = False
        self._commits = 0
        self._closed = False
        self._gate = threading.Lock()
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._serve, args=(new, ready), name="store", daemon=True)
        self._thread.start()
        try:
            ready.result()
        except BaseException:
            self._closed = True
            raise

    @classmethod
    def create(cls, path: Path, key: Secret) -> Database:
        """Make a new store with its tables.

        Raises:
            NetworkFileSystemError: The folder lies on a network file system.
            StorageError: It cannot be written.
        """
        _refuse_network(path.parent)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError as error:
            raise storage_error(error, "the store") from error
        return cls(path, key, new=True, read_only=False)

    @classmethod
    def open(cls, path: Path, key: Secret) -> Database:
        """Open a store, read-only when its medium is read-only.

        Raises:
            InUseError: Another program has it open (known within two seconds).
            DamagedError: It is no store, or not one of this key.
            NetworkFileSystemError, StorageError, UnsupportedVersionError: As named.
        """
        if not os.path.isfile(path):  # noqa: PTH113 - pathlib raises where the folder may not be looked into
            raise DamagedError("The store of this vault is missing.", "Restore it from a backup.")
        _refuse_network(path)
        read_only = is_read_only(path)
        journal = path.with_name(path.name + "-journal")
        unfinished = journal.exists() and journal.stat().st_size > 0
        if path.stat().st_size < PAGE_SIZE and not unfinished:
            # SQLite would take an empty file for a new store and write to it.
            raise DamagedError("The store of this vault is empty or is not a store.", "Restore it from a backup.")
        if read_only and unfinished:
            raise ReadOnlyError(
                "The vault was not closed cleanly and its medium is read-only.",
                "Copy the whole folder to a disk that can be written and open it there.",
            )
        if not unfinished and not held.is_held(path.stat()):
            # With a journal, what is in the file may be half a page: SQLite puts the whole one back first.
            header.check(path, key)
        return cls(path, key, new=False, read_only=read_only)

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on the connection, in its turn, outside a transaction; for reading."""
        return self.submit(work, atomic=False).result()

    def atomic(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction: all of it is durable when this returns, or none of it happened.

        Raises:
            DiskFullError, StorageError: Nothing was saved.
            ReadOnlyError: The vault is open read-only.
        """
        return self.submit(work, atomic=True).result()

    def submit(self, work: Callable[[Connection], T], *, atomic: bool) -> Future[T]:
        """Queue `work` and return at once."""
        if atomic and self.read_only:
            raise ReadOnlyError("The vault is open read-only.", "Copy it to a disk that can be written.")
        future: Future[T] = Future()
        with self._gate:
            # Behind the end mark of `close` nothing would ever be served, and its caller would wait for ever.
            if self._closed:
                raise LockedError("The vault is locked.", "Unlock it first.")
            self._queue.put((work, atomic, future))
        return future

    def rekey(self, key: Secret) -> None:
        """Encrypt the whole store anew under another raw key, in one journaled transaction of SQLCipher.

        Raises:
            StorageError: The store is unchanged.
        """

        def work(connection: Connection) -> None:
            # After a rekey that failed SQLCipher writes pages with the new key into a store of the old one, and then
            # no key opens it: such a connection must never write again.
            self._suspect = True
            try:
                connection.execute(f"PRAGMA rekey = \"x'{key.reveal().hex()}'\"")
            except sqlite.Error as error:
                raise StorageError(
                    "The store could not be encrypted anew; it is unchanged.",
                    "Free some space, check the disk and try again.",
                ) from error
            self._key = key
            self._commits += 1
            self._suspect = False

        self.submit(work, atomic=False).result()

    def commits(self, connection: Connection) -> int:
        """Return how many transactions were committed since the opening; only from work on the queue.

        The bytes of the store file are the same as long as this number is.
        """
        del connection
        return self._commits

    def raw_pages(self, connection: Connection, offset: int, size: int) -> bytes:
        """Return encrypted bytes of the store file, for backups; only from work on the queue.

        The handle stays open until the store is closed (see the module's rules). SQLite's lock-byte page is no part of
        the database and reads as zeros everywhere.
        """
        del connection
        if self._raw is None:
            self._raw = os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        pieces = []
        end = offset + size
        while offset < end:
            if offset <= _LOCK_BYTE < offset + PAGE_SIZE and offset % PAGE_SIZE == 0:
                piece = bytes(min(PAGE_SIZE, end - offset))
            else:
                stop = min(end, _LOCK_BYTE) if offset < _LOCK_BYTE else end
                os.lseek(self._raw, offset, os.SEEK_SET)
                piece = os.read(self._raw, stop - offset)
                if not piece:
                    break
            pieces.append(piece)
            offset += len(piece)
        return b"".join(pieces)

    def file_size(self, connection: Connection) -> int:
        """Return the size of the store file in bytes; only from work on the queue."""
        del connection
        return self.path.stat().st_size

    def close(self) -> None:
        """Finish what is queued and close; safe to call twice."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    # -- the owning thread ------------------------------------------------------------------------------------------

    def _serve(self, new: bool, ready: Future[None]) -> None:
        connection: Connection | None = None
        try:
            connection = _connect(self.path, self._key, new=new, read_only=self.read_only)
            if self.read_only:
                require_current(connection)
            else:
                migrate(connection)
            key = held.hold(self.path)
        except BaseException as error:  # noqa: BLE001 - handed to the opener
            if connection is not None:
                connection.close()
            ready.set_exception(translate(error))
            return
        ready.set_result(None)
        while (item := self._queue.get()) is not None:
            work, atomic, future = item
            if isinstance(connection, _Broken):
                connection = self._reopen(connection)
            if future.set_running_or_notify_cancel():
                try:
                    result = _in_transaction(connection, work) if atomic else work(connection)
                except BaseException as error:  # noqa: BLE001 - handed to the caller
                    if self._suspect or connection.in_transaction or is_poison(error):
                        connection = self._reopen(connection)
                    future.set_exception(translate(error, self.path))
                else:
                    self._commits += atomic
                    future.set_result(result)
                    del result
            del item, work, future
        connection.close()
        if self._raw is not None:
            os.close(self._raw)
        held.let_go(key)

    def _reopen(self, connection: Connection) -> Connection:
        """Start from what is on disk, after an error that leaves pages or keys in memory not to be trusted."""
        with contextlib.suppress(sqlite.Error):
            connection.close()
        self._suspect = False
        self._commits += 1
        try:
            return _connect(self.path, self._key, new=False, read_only=self.read_only)
        except BaseException as error:  # noqa: BLE001 - every later call gets it
            return Connection(_Broken(translate(error)))


class _Broken:
    """Stands for a connection that could not be opened again: everything fails, and the next turn tries anew."""

    in_transaction = False

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def execute(self, *_: object) -> None:
        raise self._error

    def close(self) -> None:
        return


def _refuse_network(path: Path) -> None:
    if network_file_system(path):
        raise NetworkFileSystemError(
            "The vault lies on a network file system, where another computer could write to it unnoticed.",
            "Move the folder to a disk of this computer.",
        )


def _connect(path: Path, key: Secret, *, new: bool, read_only: bool) -> Connection:
    """Open the file once nobody else has it; gives up after a second.

    Two that open it at the same moment may each hold a lock for reading, which keeps the other from all that comes
    after: both let go, and come back at moments of their own.
    """
    ends = time.monotonic() + _PATIENCE
    while True:
        try:
            return _connect_once(path, key, new=new, read_only=read_only)
        except sqlite.Error as error:
            if primary_code(error) not in (5, 6) or time.monotonic() > ends:
                raise
        time.sleep(random.uniform(*_PAUSE))  # noqa: S311 - nothing secret


def _connect_once(path: Path, key: Secret, *, new: bool, read_only: bool) -> Connection:
    # Read-only is not "immutable", which takes no lock: another user may have write access to the same file.
    mode = "ro" if read_only else "rw"
    connection = sqlite.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=0.1,
                                check_same_thread=False)  # fmt: skip
    try:
        _assert(connection, "cipher_log_level", "NONE", "NONE")
        connection.execute(f"PRAGMA key = \"x'{key.reveal().hex()}'\"")
        for name, value in _CIPHER:
            connection.execute(f"PRAGMA {name} = {value}")
            _expect(connection, name, value)
        if new:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        _assert(connection, "locking_mode", "EXCLUSIVE", "exclusive")
        for name, value, reply in _SETTINGS:
            _assert(connection, name, value, reply)
        if not read_only:
            # Without this a second opener gets in while the first has only read.
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
        _assert(connection, "busy_timeout", "1000", 1000)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        if not read_only and "migration" in tables:
            # SQLite opens for reading, without a word, what it cannot open for writing just now. This is refused then.
            connection.execute("DELETE FROM migration WHERE 0")
        if not new and (_reply(connection, "application_id"), _reply(connection, "auto_vacuum")) != (APPLICATION_ID, 2):
            raise DamagedError("The store of this vault is empty or is not a store.", "Restore it from a backup.")
        connection.enable_load_extension(False)
    except BaseException:
        connection.close()
        raise
    return Connection(connection)


def _assert(connection: Any, name: str, value: str, reply: object) -> None:
    connection.execute(f"PRAGMA {name} = {value}")
    _expect(connection, name, reply)


def _reply(connection: Any, name: str) -> object:
    row = connection.execute(f"PRAGMA {name}").fetchone()
    return None if row is None else row[0]


def _expect(connection: Any, name: str, reply: object) -> None:
    if _reply(connection, name) != reply:
        raise StorageError(
            f"The store did not take its setting {name}.", "Reinstall the program; the vault is untouched."
        )


def _in_transaction(connection: Connection, work: Callable[[Connection], T]) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        try:
            connection.execute("COMMIT")
        except sqlite.Error as error:
            # The last of its syncs may have failed, when all is written: SQLite does not tell which of them.
            error.at_commit = True
            raise
    except BaseException:
        if connection.in_transaction:
            with contextlib.suppress(sqlite.Error):
                connection.execute("ROLLBACK")
        raise
    return result
