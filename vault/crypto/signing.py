"""Ed25519 signatures (RFC 8032) by libsodium, which refuses small-order keys and non-canonical signatures."""

from __future__ import annotations

from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.exceptions import BadSignatureError, CryptoError
from nacl.signing import SigningKey, VerifyKey

from vault.errors import FormatError, IntegrityError

PUBLIC_KEY_SIZE = 32
SIGNATURE_SIZE = 64


def public_key(seed: bytes) -> bytes:
    """Return the 32-byte public key of a 32-byte seed."""
    return bytes(SigningKey(seed).verify_key)


def sign(seed: bytes, message: bytes) -> bytes:
    """Return the 64-byte signature of `message`."""
    return SigningKey(seed).sign(message).signature


def verify(key: bytes, message: bytes, signature: bytes, where: str) -> None:
    """Verify a signature.

    Args:
        key: Public key, 32 bytes.
        message: What was signed.
        signature: 64 bytes.
        where: Named in the error.

    Raises:
        IntegrityError: The signature is not by this key over this message.
        FormatError: Key or signature has the wrong length.
    """
    if len(key) != PUBLIC_KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        raise FormatError(where, "a key or signature of the wrong length")
    try:
        VerifyKey(key).verify(message, signature)
    except (BadSignatureError, CryptoError, ValueError) as error:
        raise IntegrityError(where, "the signature does not match") from error


def check_public_key(key: bytes, where: str) -> None:
    """Refuse a public key that is no valid point of the prime-order group.

    Raises:
        FormatError: Wrong length, not canonical, or of small order.
    """
    if len(key) != PUBLIC_KEY_SIZE or not crypto_core_ed25519_is_valid_point(key):
        raise FormatError(where, "not a valid Ed25519 public key")
