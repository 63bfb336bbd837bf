"""age v1 encryption (C2SP age.md): write and read encrypted files, as streams or in memory.

What is used of it: recipients mlkem768x25519, X25519 and scrypt; armor accepted when reading. An age file says nothing
of who made it: who did is for a signature inside. No file is opened here; streams handed in are never closed or sought.
`docs/formats/age-profile.md` is the normative profile.

This module is the door to its parts: `age_writer` and `age_reader`, on `age_header` (text header), `age_stream`
(chunks), `age_recipients` and `age_identities` (keys), `age_armor`, `age_source` and `bech32`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from vault.formats.age_armor import encode_armor
from vault.formats.age_identities import HybridIdentity, Identity, X25519Identity, parse_identity
from vault.formats.age_reader import AgeReader
from vault.formats.age_recipients import (
    HYBRID,
    MAX_WORK_FACTOR,
    SCRYPT,
    X25519,
    HybridRecipient,
    Recipient,
    ScryptRecipient,
    X25519Recipient,
    parse_recipient,
)
from vault.formats.age_writer import AgeWriter, ciphertext_size, header_size
from vault.model import Secret

__all__ = [
    "HYBRID",
    "SCRYPT",
    "X25519",
    "AgeReader",
    "AgeWriter",
    "HybridIdentity",
    "HybridRecipient",
    "Identity",
    "Recipient",
    "ScryptRecipient",
    "X25519Identity",
    "X25519Recipient",
    "ciphertext_size",
    "decrypt_bytes",
    "encrypt_bytes",
    "header_size",
    "parse_identity",
    "parse_recipient",
]


def encrypt_bytes(data: bytes | bytearray | memoryview, recipients: Sequence[Recipient], armor: bool = False) -> bytes:
    """Return `data` as an age file, as text if `armor` is true.

    Raises:
        RefusedError: Recipients that must not be mixed, or more than a header can hold.
        ValueError: No recipients.
        StorageError: The memory to derive a key from a passphrase could not be had.
    """
    out = io.BytesIO()
    writer = AgeWriter(out, recipients)
    writer.write(data)
    writer.finish()
    return encode_armor(out.getvalue()) if armor else out.getvalue()


def decrypt_bytes(
    data: bytes | bytearray | memoryview,
    *,
    identities: Iterable[Identity] = (),
    passphrase: Secret | None = None,
    max_work_factor: int = MAX_WORK_FACTOR,
) -> bytes:
    """Return the plaintext of a whole age file, binary or armored.

    Raises:
        NotForUsError: None of the identities opens it.
        UnlockError: The passphrase is wrong.
        RefusedError: A passphrase is needed and none was given, or it would be too expensive to try.
        UnsupportedVersionError: A newer age file.
        FormatError: Not an age file, or malformed.
        TruncatedError, IntegrityError: Truncated, altered or lengthened.
    """
    return AgeReader(
        io.BytesIO(data), identities=identities, passphrase=passphrase, max_work_factor=max_work_factor
    ).readall()
