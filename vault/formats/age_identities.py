"""Identities of age: the secret keys and the passphrase that open files (C2SP age.md, "Native recipient types").

An identity unwraps the file key from a stanza, or says that the stanza is not for it. Secrets are held as `Secret` for
as long as the object lives and are never part of `repr`. Stanzas of other types are ignored.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn, Protocol

from vault.crypto import kem
from vault.crypto.aead import StreamCipher
from vault.crypto.randomness import random_bytes
from vault.errors import FormatError, IntegrityError, PassphraseNeededError, RefusedError, UnlockError
from vault.formats import age_header, bech32
from vault.formats.age_header import Stanza, decode_base64
from vault.formats.age_recipients import (
    BODY_SIZE,
    HYBRID,
    HYBRID_INFO,
    NONCE,
    SALT_SIZE,
    SECRET_SIZE,
    X25519,
    X25519_STANZA,
    HybridRecipient,
    X25519Recipient,
    scrypt_key,
    x25519_key,
)
from vault.model import Secret

WHERE: Final = "age identity"

_DECIMAL: Final = re.compile(r"[1-9][0-9]*\Z")


class Identity(Protocol):
    """A secret key that opens files encrypted to its recipient."""

    @property
    def kind(self) -> str:
        """`HYBRID` or `X25519`."""

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """Return the file key, or None when the stanza is not for this identity.

        Raises:
            FormatError: The stanza has the type of this identity and is malformed.
        """


class X25519Identity:
    """An X25519 secret key, ``AGE-SECRET-KEY-1…``.

    Args:
        secret: 32 bytes.

    Raises:
        ValueError: Another length.
    """

    kind = X25519

    def __init__(self, secret: Secret) -> None:
        if len(secret) != SECRET_SIZE:
            raise ValueError("an X25519 secret has 32 bytes")
        self._secret = secret
        self.recipient: Final = X25519Recipient(kem.x25519_public(secret.reveal()))

    @classmethod
    def generate(cls) -> X25519Identity:
        """Return a new random identity."""
        return cls(Secret(random_bytes(SECRET_SIZE)))

    @property
    def text(self) -> str:
        """The identity string, 74 characters: a secret in clear."""
        return bech32.encode("AGE-SECRET-KEY-", self._secret.reveal())

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """Return the file key, or None when the stanza is not for this identity.

        Raises:
            FormatError: An X25519 stanza that is malformed.
        """
        if stanza.type != X25519_STANZA:
            return None
        share = _share(stanza, SECRET_SIZE)
        try:
            shared = kem.x25519(self._secret.reveal(), share, age_header.WHERE)
        except IntegrityError as error:
            raise FormatError(age_header.WHERE, "a share of low order") from error
        return _open_body(x25519_key(shared, share, self.recipient.public), stanza.body)

    def __repr__(self) -> str:
        return "X25519Identity(hidden)"


class HybridIdentity:
    """An MLKEM768-X25519 secret key, ``AGE-SECRET-KEY-PQ-1…``.

    Args:
        seed: 32 bytes.

    Raises:
        ValueError: Another length.
    """

    kind = HYBRID

    def __init__(self, seed: Secret) -> None:
        if len(seed) != kem.HYBRID_SEED_SIZE:
            raise ValueError("a hybrid seed has 32 bytes")
        self._seed = seed
        self.recipient: Final = HybridRecipient(kem.hybrid_public(seed.reveal()))

    @classmethod
    def generate(cls) -> HybridIdentity:
        """Return a new random identity."""
        return cls(Secret(random_bytes(kem.HYBRID_SEED_SIZE)))

    @property
    def text(self) -> str:
        """The identity string, 77 characters: a secret in clear."""
        return bech32.encode("AGE-SECRET-KEY-PQ-", self._seed.reveal())

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """Return the file key, or None when the stanza is not for this identity.

        Raises:
            FormatError: A mlkem768x25519 stanza that is malformed.
        """
        if stanza.type != HYBRID:
            return None
        share = _share(stanza, kem.HYBRID_SHARE_SIZE)
        try:
            return kem.hybrid_open(self._seed.reveal(), share, stanza.body, HYBRID_INFO, age_header.WHERE)
        except IntegrityError:
            return None

    def __repr__(self) -> str:
        return "HybridIdentity(hidden)"


def parse_identity(text: str) -> X25519Identity | HybridIdentity:
    """Return the identity that a string ``AGE-SECRET-KEY-1…`` or ``AGE-SECRET-KEY-PQ-1…`` stands for.

    Raises:
        FormatError: Not an identity string of these two types; upper case only.
    """
    prefix, data = bech32.decode(text, WHERE)
    if prefix not in ("AGE-SECRET-KEY-", "AGE-SECRET-KEY-PQ-"):
        raise FormatError(WHERE, "a kind of identity that is not supported")
    if len(data) != SECRET_SIZE:
        raise FormatError(WHERE, "the wrong length")
    return X25519Identity(Secret(data)) if prefix == "AGE-SECRET-KEY-" else HybridIdentity(Secret(data))


def unwrap_passphrase(stanza: Stanza, passphrase: Secret | None, max_work_factor: int) -> bytes:
    """Return the file key of a scrypt stanza.

    Everything that can be refused is refused before the derivation, which a sender could make arbitrarily expensive.

    Raises:
        FormatError: The stanza is malformed.
        RefusedError: There is no passphrase, or the work factor is above the limit.
        UnlockError: The passphrase is wrong.
        StorageError: The memory for the derivation could not be had.
    """
    if len(stanza.arguments) != 3:
        _malformed()
    salt = decode_base64(stanza.arguments[1].encode("ascii"), age_header.WHERE)
    digits = stanza.arguments[2]
    if len(salt) != SALT_SIZE or _DECIMAL.match(digits) is None or len(stanza.body) != BODY_SIZE:
        _malformed()
    if passphrase is None:
        raise PassphraseNeededError(
            "This file is protected by a passphrase, and none was given.",
            "Open it as a passphrase file only if the sender told you to expect one.",
        )
    if len(digits) > 2 or int(digits) > max_work_factor:
        raise RefusedError(
            "Opening this file would take more time and memory than is allowed.",
            "Ask the sender to encrypt it again with the usual settings.",
        )
    file_key = _open_body(scrypt_key(passphrase, salt, int(digits)), stanza.body)
    if file_key is None:
        raise UnlockError("The passphrase does not open this file.", "Check the passphrase and try again.")
    return file_key


def _malformed() -> NoReturn:
    raise FormatError(age_header.WHERE, "a recipient entry is malformed")


def _share(stanza: Stanza, size: int) -> bytes:
    # The length of the body is checked before anything is decrypted: a longer one could be made to fit several keys.
    if len(stanza.arguments) != 2 or len(stanza.body) != BODY_SIZE:
        _malformed()
    share = decode_base64(stanza.arguments[1].encode("ascii"), age_header.WHERE)
    if len(share) != size:
        _malformed()
    return share


def _open_body(key: bytes, body: bytes) -> bytes | None:
    try:
        return StreamCipher(key).decrypt(NONCE, body, age_header.WHERE)
    except IntegrityError:
        return None
