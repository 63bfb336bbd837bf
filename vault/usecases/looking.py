"""Looking into an attachment: the start of its bytes, or a small picture of a picture. Nothing is written out."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from vault.errors import RefusedError
from vault.media import Picture
from vault.model import CHUNK_SIZE
from vault.open_vault import OpenVault
from vault.store import content, records
from vault.store.content import StoredContent
from vault.store.database import Connection

__all__ = ["Picture", "picture", "start"]

_WHY_NOT: Final = {
    "no-decoder": (
        "Pictures cannot be shown: the program was installed without what decodes them.",
        "Install it with the extra 'images'; the file itself is safe.",
    ),
    "no-kind": (
        "Files of this kind cannot be shown here.",
        "Write it out to look at it, on a computer where it may be seen.",
    ),
    "too-large": (
        "The picture is too large to be decoded safely.",
        "Write it out to look at it, on a computer where it may be seen.",
    ),
    "damaged": (
        "The picture cannot be decoded: it is damaged, cut off, or not what it says.",
        "The file itself is kept exactly as it was taken in.",
    ),
}


def start(vault: OpenVault, attachment_id: str, most: int) -> bytes:
    """Return the first bytes of an attachment, at most `most`.

    Raises:
        IntegrityError: Its stored bytes are not those that were taken in.
        NotFoundError: There is no such attachment, or it was deleted or not sent.
    """
    stored = vault.read(lambda connection: _stored(connection, attachment_id))
    read = _reader(vault, stored)
    size = min(most, stored.size)
    return b"".join(read(offset, min(CHUNK_SIZE, size - offset)) for offset in range(0, size, CHUNK_SIZE))


def picture(vault: OpenVault, attachment_id: str, side: int) -> Picture:
    """Return a small picture of an attachment, decoded in a child process without keys.

    Args:
        vault: The open vault.
        attachment_id: The attachment.
        side: Pixels that its longer side may have, 1 to 1024.

    Raises:
        IntegrityError: Its stored bytes are not those that were taken in.
        NotFoundError: There is no such attachment, or it was deleted or not sent.
        RefusedError: It is no picture that can be decoded here.
    """
    stored = vault.read(lambda connection: _stored(connection, attachment_id))
    found = vault.inspector.picture(_reader(vault, stored), stored.size, side)
    if isinstance(found, str):
        raise RefusedError(*_WHY_NOT[found])
    return found


def _stored(connection: Connection, attachment_id: str) -> StoredContent:
    return content.of_record(connection, records.get(connection, attachment_id).serial)[0]


def _reader(vault: OpenVault, stored: StoredContent) -> Callable[[int, int], bytes]:
    """Return a way to read ranges of a content; the last chunks are kept, because ranges are small and follow on."""

    @lru_cache(maxsize=2)
    def chunk(number: int) -> bytes:
        return vault.read(lambda connection: content.read(connection, stored, number, 1))[0]

    def read(offset: int, length: int) -> bytes:
        first, last = offset // CHUNK_SIZE, (offset + length - 1) // CHUNK_SIZE
        whole = b"".join(chunk(number) for number in range(first, last + 1))
        return whole[offset - first * CHUNK_SIZE :][:length]

    return read
