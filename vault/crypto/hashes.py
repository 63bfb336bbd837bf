"""Digests and constant-time comparison (FIPS 180-4). Both digest objects release the GIL on large input."""

from __future__ import annotations

import hashlib
import hmac
from typing import Protocol


class Hasher(Protocol):
    """An incremental digest."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take in more bytes."""

    def digest(self) -> bytes:
        """Return the digest of everything taken in so far."""

    def hexdigest(self) -> str:
        """Return the digest as lower-case hexadecimal."""


def sha256(data: bytes | bytearray | memoryview = b"") -> bytes:
    """Return the SHA-256 digest of `data`, 32 bytes."""
    return hashlib.sha256(data).digest()


def new_sha256() -> Hasher:
    """Return an incremental SHA-256."""
    return hashlib.sha256()


def new_sha512() -> Hasher:
    """Return an incremental SHA-512."""
    return hashlib.sha512()


def shake256(data: bytes, size: int) -> bytes:
    """Return `size` bytes of SHAKE256 over `data` (FIPS 202)."""
    return hashlib.shake_256(data).digest(size)


def sha512(data: bytes | bytearray | memoryview = b"") -> bytes:
    """Return the SHA-512 digest of `data`, 64 bytes."""
    return hashlib.sha512(data).digest()


def equal(left: bytes, right: bytes) -> bool:
    """Compare in time that depends on the length only."""
    return hmac.compare_digest(left, right)
