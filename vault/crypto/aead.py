"""Authenticated encryption: XChaCha20-Poly1305 for wrapped keys, ChaCha20-Poly1305 for streams; and tags by GMAC.

XChaCha20 takes random 192-bit nonces without a birthday worry, so `seal` draws its own. ChaCha20-Poly1305 releases the
GIL; its nonces are counters that the caller owns (`formats.age`). GMAC is AES-256-GCM that encrypts nothing: twenty
times as fast as a digest, for who has the key; it releases the GIL.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from vault.crypto.hashes import equal
from vault.crypto.randomness import random_bytes
from vault.errors import IntegrityError

TAG_SIZE = 16
SEAL_OVERHEAD = 24 + TAG_SIZE


def seal(key: bytes, plaintext: bytes, context: bytes) -> bytes:
    """Encrypt with XChaCha20-Poly1305 under a random nonce; returns nonce (24) ‖ ciphertext ‖ tag (16)."""
    nonce = random_bytes(24)
    return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, context, nonce, key)


def open_sealed(key: bytes, sealed: bytes, context: bytes, where: str) -> bytes:
    """Decrypt what `seal` made.

    Raises:
        IntegrityError: Wrong key, wrong context or altered bytes.
    """
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed[24:], context, sealed[:24], key)
    except (CryptoError, ValueError, TypeError) as error:
        raise IntegrityError(where, "authentication failed") from error


class StreamCipher:
    """ChaCha20-Poly1305 with caller-made 12-byte nonces, for chunked streams."""

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)

    def encrypt(self, nonce: bytes, plaintext: bytes | memoryview, context: bytes = b"") -> bytes:
        """Return ciphertext ‖ tag (16)."""
        return self._cipher.encrypt(nonce, plaintext, context or None)

    def decrypt(self, nonce: bytes, ciphertext: bytes | memoryview, where: str, context: bytes = b"") -> bytes:
        """Return the plaintext.

        Raises:
            IntegrityError: Wrong key, nonce or altered bytes.
        """
        try:
            return self._cipher.decrypt(nonce, ciphertext, context or None)
        except (InvalidTag, ValueError) as error:
            raise IntegrityError(where, "authentication failed") from error


class Tags:
    """16-byte GMAC tags (NIST SP 800-38D) of numbered messages under one key.

    A key must be used for one series only, and a number in it for one message only: tags of two messages under one
    number would tell somebody who sees them how to forge others.

    Args:
        key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def make(self, number: int, message: bytes | memoryview) -> bytes:
        """Return the tag of the message of this number (0 to 2^96 - 1)."""
        return self._cipher.encrypt(number.to_bytes(12, "big"), b"", message)

    def fits(self, number: int, message: bytes | memoryview, tag: bytes) -> bool:
        """True when the tag was made of this message under this number."""
        return equal(self.make(number, message), tag)
