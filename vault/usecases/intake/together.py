"""Small files that go into the store together: one transaction for many, while the next ones are read.

A transaction waits several times for the disk, however little is in it; a folder of photos would wait once for each.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from vault import files
from vault.crypto.hashes import sha256, sha512
from vault.errors import AlreadyExistsError, RefusedError, VaultError
from vault.jobs import Job
from vault.media import MediaFacts
from vault.model import CHUNK_SIZE, Attachment, Json
from vault.open_vault import OpenVault, Transaction
from vault.store import cases, content
from vault.store.database import Connection
from vault.usecases.intake.entering import enter, from_the_file
from vault.usecases.intake.reading import full_read, refuse_changed

SMALL: Final = 4 * 1024 * 1024
"""Largest file, in bytes, that goes in whole."""

_MOST: Final = 64
"""Files of one transaction, so that an autosave behind it waits a fraction of a second."""

_FULL: Final = content.BATCH_CHUNKS * CHUNK_SIZE - SMALL


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: either it is an attachment now, or `error` says why not."""

    path: Path = field(repr=False)
    attachment: Attachment | None = None
    error: VaultError | None = None


@dataclass(frozen=True, slots=True)
class Small:
    """A whole file, and what its record will say of it."""

    path: Path = field(repr=False)
    data: bytes = field(repr=False)
    facts: MediaFacts = field(repr=False)
    fields: dict[str, Json] = field(repr=False)


def read_small(vault: OpenVault, path: Path, source: BinaryIO, job: Job) -> Small | None:
    """Read and look into a whole file; None, with nothing read, where it is larger than `SMALL`.

    Raises:
        RefusedError: It changed while it was read.
        StorageError: It could not be read.
        CancelledError: Cancelled.
    """
    before = os.fstat(source.fileno())
    if before.st_size > SMALL:
        return None
    try:
        data = full_read(source, SMALL + 1)
        job.report("taking in", len(data), max(len(data), before.st_size))
        facts = vault.inspector.inspect(lambda offset, size: data[offset : offset + size], len(data))
        refuse_changed(source, path, before, len(data))
    except OSError as error:
        raise files.storage_error(error, "the file to attach") from error
    fields = from_the_file(path, before, len(data), sha256(data).hex(), sha512(data).hex(), facts)
    return Small(path, data, facts, fields)


class Together:
    """Gathers small files, and writes them while the next ones are gathered.

    Args:
        vault: The open vault.
        case_id: The case they belong to.
        said: What the person says about all of them, as fields of their records.
        once: Refuse bytes that an attachment of this case has already.
        refuse_full: Raises where a folder has no room for so many bytes.
    """

    def __init__(
        self,
        vault: OpenVault,
        case_id: str,
        said: dict[str, Json],
        once: bool,
        refuse_full: Callable[[Path, int], None],
    ) -> None:
        self._vault = vault
        self._case_id = case_id
        self._said = said
        self._once = once
        self._refuse_full = refuse_full
        self._gathered: list[Small | Outcome] = []
        self._size = 0
        self._sent: list[Small | Outcome] = []
        self._future: Future[list[Outcome]] | None = None

    def add(self, one: Small | Outcome) -> None:
        """Add a file, or what became of one that was refused: all are told in their order."""
        self._gathered.append(one)
        self._size += len(one.data) if isinstance(one, Small) else 0

    @property
    def is_full(self) -> bool:
        """True when it is time to `send`."""
        return len(self._gathered) >= _MOST or self._size > _FULL

    def send(self) -> Iterator[Outcome]:
        """Put what was gathered on its way, after yielding what became of what was sent before."""
        yield from self.settle()
        self._sent, self._gathered, self._size = self._gathered, [], 0
        if any(isinstance(one, Small) for one in self._sent):
            try:
                self._refuse_full(self._vault.folder, content.BATCH_CHUNKS * CHUNK_SIZE)
                self._future = self._vault.submit(functools.partial(self._put, self._sent))
            except VaultError as error:
                self._sent = [_failed(one, error) for one in self._sent]

    def settle(self) -> Iterator[Outcome]:
        """Wait for what is on its way, and yield what became of it."""
        sent, future, self._sent, self._future = self._sent, self._future, [], None
        if future is None:
            yield from (one for one in sent if isinstance(one, Outcome))
            return
        try:
            yield from future.result()
        except VaultError as error:
            yield from (_failed(one, error) for one in sent)

    def flush(self) -> Iterator[Outcome]:
        """Yield what became of everything that was added."""
        yield from self.send()
        yield from self.settle()

    def wait(self) -> None:
        """Wait until nothing is on its way."""
        if self._future is not None:
            self._future.exception()

    def _put(self, group: list[Small | Outcome], transaction: Transaction) -> list[Outcome]:
        return [one if isinstance(one, Outcome) else self._put_one(one, transaction) for one in group]

    def _put_one(self, one: Small, transaction: Transaction) -> Outcome:
        connection = transaction.connection
        known = content.find(connection, one.fields["sha256"])
        try:
            if self._once and known and content.is_in_case(
                connection, known.serial, cases.serial(connection, self._case_id)
            ):  # fmt: skip
                raise AlreadyExistsError("A file with the same bytes is in this case already.", "Nothing was added.")
            taken = enter(
                self._vault,
                transaction,
                self._case_id,
                one.fields | self._said,
                one.facts.extension,
                lambda: known.serial if known else _add(connection, one),
            )
        except (AlreadyExistsError, RefusedError) as error:
            # Raised before anything was written: the others of the transaction are not touched by it.
            return Outcome(one.path, error=error)
        return Outcome(one.path, taken)


def _add(connection: Connection, one: Small) -> int:
    serial = content.begin(connection)
    view = memoryview(one.data)
    chunks = [view[at : at + CHUNK_SIZE] for at in range(0, len(view), CHUNK_SIZE)]
    content.add_chunks(connection, serial, 0, chunks)
    return content.complete(connection, serial, len(view), one.fields["sha256"], one.fields["sha512"])


def _failed(one: Small | Outcome, error: VaultError) -> Outcome:
    return one if isinstance(one, Outcome) else Outcome(one.path, error=error)
