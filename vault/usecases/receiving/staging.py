"""Putting the attachments of a bundle into the store, invisible until the transaction that takes the bundle in."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import BinaryIO, Final

from vault import files
from vault.bundle.contents import Incoming
from vault.bundle.open import Keys, attachment_contents
from vault.crypto.hashes import new_sha256, new_sha512
from vault.errors import DiskFullError, IntegrityError
from vault.jobs import Job
from vault.model import CHUNK_SIZE
from vault.open_vault import OpenVault, Transaction
from vault.store import content

_RESERVE: Final = 64 * 1024 * 1024
_BATCH: Final = content.BATCH_CHUNKS

Staged = dict[str, tuple[int, int, str, str]]
"""Attachment id → content serial, size, SHA-256, SHA-512; not visible yet."""


def stage(
    vault: OpenVault, handle: BinaryIO, keys: Keys, incoming: Incoming, job: Job, kept: contextlib.ExitStack
) -> Staged:
    """Second pass: put the attachments' bytes into the store, invisible, and digest them again."""
    total = sum(item.size for item in incoming.attachments)
    if files.free_space(vault.folder) < total + _RESERVE:
        raise DiskFullError("There is not enough free space to take this bundle in.", "Free some space and try again.")
    staged: Staged = {}
    for name, pieces in _by_attachment(attachment_contents(handle, 0, keys, incoming, job)):

        def begin(transaction: Transaction) -> int:
            serial = content.begin(transaction.connection)
            kept.enter_context(vault.writing(serial))
            return serial

        serial = vault.atomic(begin)
        short, long, size, number = new_sha256(), new_sha512(), 0, 0
        for batch in _batches(pieces):
            vault.database.atomic(functools.partial(content.add_chunks, serial=serial, first=number, chunks=batch))
            number += len(batch)
            for piece in batch:
                short.update(piece)
                long.update(piece)
                size += len(piece)
        staged[name] = (serial, size, short.hexdigest(), long.hexdigest())
    wanted = {item.id: (item.size, item.sha256) for item in incoming.attachments}
    if {name: (size, short) for name, (_, size, short, _) in staged.items()} != wanted:
        raise IntegrityError(
            "bundle", "the file was changed while it was read", "Copy it to a safe place and try again."
        )
    return staged


def _by_attachment(stream: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Split a stream of (id, piece) at the empty pieces that begin each attachment."""
    ahead = next(stream, None)
    while ahead is not None:
        name = ahead[0]

        def pieces() -> Iterator[bytes]:
            nonlocal ahead
            ahead = next(stream, None)
            while ahead is not None and ahead[1]:
                yield ahead[1]
                ahead = next(stream, None)

        yield name, pieces()


def _batches(pieces: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Cut pieces of any size into chunks of the store, a batch at a time."""
    batch: list[bytes] = []
    rest = bytearray()
    for piece in pieces:
        rest += piece
        while len(rest) >= CHUNK_SIZE:
            batch.append(bytes(rest[:CHUNK_SIZE]))
            del rest[:CHUNK_SIZE]
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    if rest:
        batch.append(bytes(rest))
    if batch:
        yield batch
