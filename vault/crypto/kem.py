"""Key agreement: X25519 (RFC 7748) and HPKE with MLKEM768-X25519 (RFC 9180, draft-ietf-hpke-pq, X-Wing).

The HPKE suite is fixed: KEM MLKEM768-X25519, KDF HKDF-SHA256, AEAD ChaCha20Poly1305, base mode, empty associated data.
Nothing is kept here: secrets come in as bytes with every call and go out of scope with it.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from vault.crypto.hashes import shake256
from vault.errors import FormatError, IntegrityError

X25519_SIZE = 32
HYBRID_SEED_SIZE = 32
HYBRID_PUBLIC_SIZE = 1184 + X25519_SIZE
HYBRID_SHARE_SIZE = 1088 + X25519_SIZE
HYBRID_TAG_SIZE = 16

_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_PROBE = bytes(range(X25519_SIZE))
_P25519 = 2**255 - 19


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


def check_x25519_public(public: bytes, where: str) -> None:
    """Refuse a public key that is not 32 bytes, not the canonical form of its value, or of low order.

    RFC 7748 lets two byte strings stand for one key (values from 2^255-19 up, and the top bit); only the smaller is
    accepted here, so that a key has one encoding.

    Raises:
        FormatError: It is none of the keys that an implementation would make.
    """
    if len(public) != X25519_SIZE or int.from_bytes(public, "little") >= _P25519:
        raise FormatError(where, "not a valid X25519 public key")
    try:
        x25519(_PROBE, public, where)
    except IntegrityError as error:
        raise FormatError(where, "not a valid X25519 public key") from error


def hybrid_public(seed: bytes) -> bytes:
    """Return the 1216-byte public key of a 32-byte seed: ML-KEM-768 key (1184) ‖ X25519 key (32)."""
    mlkem, x25519_secret = _hybrid_secrets(seed)
    public = MLKEM768PrivateKey.from_seed_bytes(mlkem).public_key().public_bytes_raw()
    return public + x25519_public(x25519_secret)


def check_hybrid_public(public: bytes, where: str) -> None:
    """Refuse a public key of the wrong length, with an ML-KEM part out of range or a bad X25519 part.

    Raises:
        FormatError: It is none of the keys that an implementation would make.
    """
    _hybrid_public_key(public, where)
    check_x25519_public(public[-X25519_SIZE:], where)


def hybrid_seal(public: bytes, plaintext: bytes, info: bytes, where: str) -> tuple[bytes, bytes]:
    """Encrypt to a public key (RFC 9180 SealBase).

    Args:
        public: 1216 bytes.
        plaintext: What to encrypt.
        info: Binds the ciphertext to its use.
        where: Named in the error.

    Returns:
        The encapsulated key (1120 bytes) and the ciphertext (16 bytes longer than the plaintext).

    Raises:
        FormatError: The public key is not valid.
    """
    key = _hybrid_public_key(public, where)
    try:
        sealed = _SUITE.encrypt(plaintext, key, info)
    except ValueError as error:
        raise FormatError(where, "not a valid hybrid public key") from error
    return sealed[:HYBRID_SHARE_SIZE], sealed[HYBRID_SHARE_SIZE:]


def hybrid_open(seed: bytes, share: bytes, ciphertext: bytes, info: bytes, where: str) -> bytes:
    """Decrypt what `hybrid_seal` made for the public key of this seed (RFC 9180 OpenBase).

    Args:
        seed: 32 bytes.
        share: The encapsulated key, 1120 bytes.
        ciphertext: What was sealed.
        info: As given to `hybrid_seal`.
        where: Named in the errors.

    Raises:
        FormatError: The encapsulated key has the wrong length, or its X25519 part is of low order.
        IntegrityError: Another key, another `info`, or altered bytes.
    """
    if len(share) != HYBRID_SHARE_SIZE:
        raise FormatError(where, "an encapsulated key of the wrong length")
    mlkem, x25519_secret = _hybrid_secrets(seed)
    # The suite answers a low-order share and a wrong key alike; only the first is malformed, so it is looked at here.
    try:
        x25519(x25519_secret, share[-X25519_SIZE:], where)
    except IntegrityError as error:
        raise FormatError(where, "a share of low order") from error
    key = MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(mlkem), X25519PrivateKey.from_private_bytes(x25519_secret)
    )
    try:
        return _SUITE.decrypt(share + ciphertext, key, info)
    except (InvalidTag, ValueError) as error:
        raise IntegrityError(where, "authentication failed") from error


def _hybrid_secrets(seed: bytes) -> tuple[bytes, bytes]:
    """Expand a seed as X-Wing does: SHAKE256 to an ML-KEM seed (64) and an X25519 secret (32)."""
    if len(seed) != HYBRID_SEED_SIZE:
        raise ValueError("a hybrid seed has 32 bytes")
    expanded = shake256(seed, 96)
    return expanded[:64], expanded[64:]


def _hybrid_public_key(public: bytes, where: str) -> MLKEM768X25519PublicKey:
    if len(public) != HYBRID_PUBLIC_SIZE:
        raise FormatError(where, "not a valid hybrid public key")
    try:
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(public[:-X25519_SIZE]),
            X25519PublicKey.from_public_bytes(public[-X25519_SIZE:]),
        )
    except ValueError as error:
        raise FormatError(where, "not a valid hybrid public key") from error
