"""Writing age files as a stream, and their sizes beforehand (C2SP age.md)."""

from __future__ import annotations

from collections.abc import Sequence

from vault.crypto.randomness import random_bytes
from vault.errors import RefusedError
from vault.formats import age_header
from vault.formats.age_header import FILE_KEY_SIZE, Header
from vault.formats.age_recipients import HYBRID, SCRYPT, Recipient
from vault.formats.age_source import Writable, write_all
from vault.formats.age_stream import NONCE_SIZE, ChunkWriter, payload_key, sealed_size


class AgeWriter:
    """Encrypts what is written to it into an age file; the file is whole only after `finish`.

    Args:
        out: Where the file goes. It is neither flushed nor closed.
        recipients: Who can open it: one passphrase alone, or keys that are all hybrid or all X25519.

    Raises:
        RefusedError: Recipients that must not be mixed, or more than a header can hold.
        ValueError: No recipients.
        StorageError: The memory to derive a key from a passphrase could not be had.
    """

    def __init__(self, out: Writable, recipients: Sequence[Recipient]) -> None:
        _check_recipients(recipients)
        file_key = random_bytes(FILE_KEY_SIZE)
        nonce = random_bytes(NONCE_SIZE)
        header = age_header.make(tuple(recipient.wrap(file_key) for recipient in recipients), file_key)
        write_all(out, header.encode() + nonce)
        self._chunks = ChunkWriter(out, payload_key(file_key, nonce))

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Encrypt `data` and return its length.

        Raises:
            ValueError: After `finish`, or after a write that failed.
        """
        return self._chunks.write(data)

    def finish(self) -> None:
        """Write what is left; without it the file is refused as incomplete.

        Raises:
            ValueError: When called twice, or after a write that failed.
        """
        self._chunks.finish()


def header_size(recipients: Sequence[Recipient]) -> int:
    """Return the size of the header that `AgeWriter` writes for these recipients, in bytes; without the nonce."""
    empty = Header((), bytes(age_header.MAC_SIZE))
    return len(empty.encode()) + sum(recipient.stanza_size for recipient in recipients)


def ciphertext_size(plaintext_size: int) -> int:
    """Return the size of everything after the header for this many bytes of plaintext: nonce and chunks."""
    return NONCE_SIZE + sealed_size(plaintext_size)


def _check_recipients(recipients: Sequence[Recipient]) -> None:
    if not recipients:
        raise ValueError("an age file needs a recipient")
    kinds = {recipient.kind for recipient in recipients}
    if SCRYPT in kinds and len(recipients) > 1:
        raise RefusedError(
            "A passphrase must be the only way to open a file.", "Use the passphrase alone, or only keys."
        )
    if HYBRID in kinds and len(kinds) > 1:
        raise RefusedError(
            "Keys that withstand quantum computers cannot be mixed with keys that do not.",
            "Use only age1pq… recipients, or only age1… recipients.",
        )
    if len(recipients) > age_header.MAX_STANZAS or header_size(recipients) > age_header.MAX_SIZE:
        raise RefusedError("There are too many recipients for one file.", "Make several files.")
