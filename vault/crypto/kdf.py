"""Key derivation: HKDF-SHA256 with one table of labels, HMAC-SHA256, Argon2id, scrypt."""

from __future__ import annotations

from enum import StrEnum

from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from vault.errors import StorageError


class Label(StrEnum):
    """What a derived key is for; every label is used for one purpose only.

    The first three derive from the vault key, `SLOT` from what Argon2id made of the passphrase; `RECOVERY` opens the
    HPKE info of the recovery slot. `formats/key-file.md` lists the bytes.
    """

    STORE = "evidence-vault/v1/store"
    HEADER_MAC = "evidence-vault/v1/key-file-header-mac"
    BACKUP_MAC = "evidence-vault/v1/backup-manifest-mac"
    SLOT = "evidence-vault/v1/slot-wrapping"
    RECOVERY = "evidence-vault/v1/recovery-slot"


def hkdf_sha256(key: bytes, salt: bytes, info: bytes, size: int = 32) -> bytes:
    """Derive `size` bytes (RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=size, salt=salt, info=info).derive(key)


def derive(key: bytes, label: Label, context: bytes = b"") -> bytes:
    """Derive the 32-byte key for one purpose; `context` must have a fixed length per label."""
    return hkdf_sha256(key, context, label.value.encode())


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return the 32-byte HMAC-SHA256 of `message`."""
    mac = HMAC(key, SHA256())
    mac.update(message)
    return mac.finalize()


def argon2id(passphrase: bytes, salt: bytes, *, passes: int, memory_kib: int, lanes: int, size: int = 32) -> bytes:
    """Derive a key from a passphrase (RFC 9106, version 0x13); releases the GIL.

    Raises:
        StorageError: The memory for it could not be had.
    """
    try:
        return hash_secret_raw(passphrase, salt, passes, memory_kib, lanes, size, Type.ID, 19)
    except (HashingError, MemoryError) as error:
        raise StorageError(
            "There is not enough memory to check the passphrase.", "Close other programs and try again."
        ) from error


def scrypt(passphrase: bytes, salt: bytes, *, work_factor: int, size: int = 32) -> bytes:
    """Derive a key with N = 2^work_factor, r = 8, p = 1 (RFC 7914), as age passphrase files do."""
    return Scrypt(salt=salt, length=size, n=1 << work_factor, r=8, p=1).derive(passphrase)
