"""Key agreement: X25519 (RFC 7748) and HPKE SealBase with MLKEM768-X25519 (RFC 9180, X-Wing)."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from vault.errors import IntegrityError

X25519_SIZE = 32


def x25519_public(secret: bytes) -> bytes:
    """Return the 32-byte public key of a 32-byte secret."""
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def x25519(secret: bytes, public: bytes, where: str) -> bytes:
    """Return the 32-byte shared secret.

    Raises:
        IntegrityError: The public value is of low order (an all-zero result).
    """
    try:
        return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:
        raise IntegrityError(where, "a public value of low order") from error


