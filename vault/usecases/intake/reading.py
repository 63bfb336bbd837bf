"""Reading a file that is to be taken in: in pieces, a part of it, and whether it stayed the same meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from vault.errors import RefusedError
from vault.model import CHUNK_SIZE
from vault.store import content


def batches(source: BinaryIO) -> Iterator[list[bytes]]:
    """Yield the chunks of a file, as many at a time as go into one transaction."""
    batch: list[bytes] = []
    while piece := full_read(source, CHUNK_SIZE):
        batch.append(piece)
        if len(batch) == content.BATCH_CHUNKS:
            yield batch
            batch = []
    if batch:
        yield batch


def full_read(source: BinaryIO, size: int) -> bytes:
    """Read exactly `size` bytes unless the file ends; a short read is not an end."""
    piece = source.read(size) or b""
    while piece and len(piece) < size and (more := source.read(size - len(piece))):
        piece += more
    return piece


def part(source: BinaryIO, offset: int, size: int) -> bytes:
    """Return a range of a file, shorter where the file ends."""
    source.seek(offset)
    return full_read(source, size)


def refuse_changed(source: BinaryIO, path: Path, before: os.stat_result, size: int) -> None:
    """Refuse a file that is not as it was when it was opened.

    Args:
        source: The open file.
        path: Its name.
        before: Its state when it was opened.
        size: How many bytes were read.

    Raises:
        RefusedError: It changed, grew, shrank or vanished.
    """
    after = os.fstat(source.fileno())
    same = (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns) and size == before.st_size
    if not same or not os.path.lexists(path):
        raise changed()


def changed() -> RefusedError:
    """Return the error for a file that changed while it was read."""
    return RefusedError(
        "The file changed while it was being read; it was not taken in.",
        "Wait until the other program has finished with it, then attach it again.",
    )
