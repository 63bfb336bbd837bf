"""Recipients of age: mlkem768x25519, X25519, scrypt (C2SP age.md, "Native recipient types").

A recipient wraps the file key of one file into a stanza. Public keys, and a passphrase for as long as its object lives.
Tagged, ssh and plugin recipients are not supported: their strings are refused.
"""

from __future__ import annotations

from typing import Final, Protocol

from vault.crypto import kem
from vault.crypto.aead import TAG_SIZE, StreamCipher
from vault.crypto.kdf import hkdf_sha256, scrypt
from vault.crypto.randomness import random_bytes
from vault.errors import FormatError, StorageError
from vault.formats import bech32
from vault.formats.age_header import FILE_KEY_SIZE, Stanza, encode_base64
from vault.model import Secret

HYBRID: Final = "mlkem768x25519"
X25519: Final = "x25519"
SCRYPT: Final = "scrypt"

SECRET_SIZE: Final = 32
SALT_SIZE: Final = 16
MIN_WORK_FACTOR: Final = 16
"""Least work factor that is written: 2^16 with r = 8 takes 64 MiB, as the floor of the vault's own passphrase does."""
DEFAULT_WORK_FACTOR: Final = 18
MAX_WORK_FACTOR: Final = 20
"""Greatest work factor, 1 GiB of memory: never written above it, and read above it only when asked for."""

WHERE: Final = "age recipient"
X25519_STANZA: Final = "X25519"
_X25519_INFO: Final = b"age-encryption.org/v1/X25519"
HYBRID_INFO: Final = b"age-encryption.org/mlkem768x25519"
_SCRYPT_LABEL: Final = b"age-encryption.org/v1/scrypt"
BODY_SIZE: Final = FILE_KEY_SIZE + TAG_SIZE
# Every wrapping key is used for one file key only, so the nonce may be fixed.
NONCE: Final = bytes(12)


class Recipient(Protocol):
    """Somebody, or a passphrase, that a file can be encrypted to."""

    @property
    def kind(self) -> str:
        """`HYBRID`, `X25519` or `SCRYPT`."""

    @property
    def stanza_size(self) -> int:
        """Bytes that the stanza of this recipient takes up in a header; the same for every file."""

    def wrap(self, file_key: bytes) -> Stanza:
        """Return a fresh stanza that carries the 16-byte file key."""


class X25519Recipient:
    """An X25519 public key, ``age1…``.

    Raises:
        FormatError: `public` is not the one encoding of a usable public key.
    """

    kind = X25519
    stanza_size = len(Stanza((X25519_STANZA, encode_base64(bytes(SECRET_SIZE))), bytes(BODY_SIZE)).encode())

    def __init__(self, public: bytes) -> None:
        kem.check_x25519_public(public, WHERE)
        self.public: Final = public

    @property
    def text(self) -> str:
        """The recipient string, 62 characters."""
        return bech32.encode("age", self.public)

    def wrap(self, file_key: bytes) -> Stanza:
        """Return a fresh stanza that carries the 16-byte file key."""
        ephemeral = random_bytes(SECRET_SIZE)
        share = kem.x25519_public(ephemeral)
        key = x25519_key(kem.x25519(ephemeral, self.public, WHERE), share, self.public)
        return Stanza((X25519_STANZA, encode_base64(share)), StreamCipher(key).encrypt(NONCE, file_key))

    def __repr__(self) -> str:
        return f"X25519Recipient({self.text})"


class HybridRecipient:
    """An MLKEM768-X25519 public key, ``age1pq1…``, safe against quantum computers as far as is known.

    Raises:
        FormatError: `public` is not the one encoding of a usable public key.
    """

    kind = HYBRID
    stanza_size = len(Stanza((HYBRID, encode_base64(bytes(kem.HYBRID_SHARE_SIZE))), bytes(BODY_SIZE)).encode())

    def __init__(self, public: bytes) -> None:
        kem.check_hybrid_public(public, WHERE)
        self.public: Final = public

    @property
    def text(self) -> str:
        """The recipient string, 1959 characters."""
        return bech32.encode("age1pq", self.public)

    def wrap(self, file_key: bytes) -> Stanza:
        """Return a fresh stanza that carries the 16-byte file key."""
        share, body = kem.hybrid_seal(self.public, file_key, HYBRID_INFO, WHERE)
        return Stanza((HYBRID, encode_base64(share)), body)

    def __repr__(self) -> str:
        return f"HybridRecipient({self.text[:24]}…)"


class ScryptRecipient:
    """A passphrase; it must be the only recipient of its file.

    Args:
        passphrase: The bytes as typed (UTF-8), at least one.
        work_factor: Binary logarithm of the scrypt cost, `MIN_WORK_FACTOR` to `MAX_WORK_FACTOR`.

    Raises:
        ValueError: An empty passphrase, or a work factor out of range.
    """

    kind = SCRYPT

    def __init__(self, passphrase: Secret, work_factor: int = DEFAULT_WORK_FACTOR) -> None:
        if not len(passphrase) or not MIN_WORK_FACTOR <= work_factor <= MAX_WORK_FACTOR:
            raise ValueError("a passphrase recipient needs a passphrase and a work factor between 16 and 20")
        self._passphrase = passphrase
        self._work_factor = work_factor

    @property
    def stanza_size(self) -> int:
        """Bytes that the stanza takes up in a header."""
        return len(self._stanza(bytes(SALT_SIZE), bytes(BODY_SIZE)).encode())

    def wrap(self, file_key: bytes) -> Stanza:
        """Return a fresh stanza that carries the 16-byte file key; slow and hungry on purpose.

        Raises:
            StorageError: The memory for the derivation could not be had.
        """
        salt = random_bytes(SALT_SIZE)
        key = scrypt_key(self._passphrase, salt, self._work_factor)
        return self._stanza(salt, StreamCipher(key).encrypt(NONCE, file_key))

    def _stanza(self, salt: bytes, body: bytes) -> Stanza:
        return Stanza((SCRYPT, encode_base64(salt), str(self._work_factor)), body)

    def __repr__(self) -> str:
        return "ScryptRecipient(hidden)"


def parse_recipient(text: str) -> X25519Recipient | HybridRecipient:
    """Return the recipient that a string ``age1…`` or ``age1pq1…`` stands for.

    Raises:
        FormatError: Not a recipient string of these two types; lower case only.
    """
    prefix, data = bech32.decode(text, WHERE)
    if prefix == "age":
        return X25519Recipient(data)
    if prefix == "age1pq":
        return HybridRecipient(data)
    raise FormatError(WHERE, "a kind of recipient that is not supported", "Ask for an age1… or age1pq1… string.")


def x25519_key(shared: bytes, share: bytes, public: bytes) -> bytes:
    """Return the 32-byte key that wraps the file key, from the agreed secret and both public values."""
    return hkdf_sha256(shared, share + public, _X25519_INFO)


def scrypt_key(passphrase: Secret, salt: bytes, work_factor: int) -> bytes:
    """Return the 32-byte key that wraps the file key.

    Raises:
        StorageError: The memory for the derivation could not be had.
    """
    try:
        return scrypt(passphrase.reveal(), _SCRYPT_LABEL + salt, work_factor=work_factor)
    except MemoryError as error:
        raise StorageError(
            "There is not enough memory to check the passphrase.", "Close other programs and try again."
        ) from error
