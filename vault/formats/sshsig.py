"""Detached SSH signatures (OpenSSH PROTOCOL.sshsig) by Ed25519 over SHA-512, as ``ssh-keygen -Y sign`` writes them.

Reading accepts exactly those bytes: version 1, an empty reserved field, sha512, armour in lines of 70 characters (what
ssh-keygen writes; its specification names 76). The namespace says what a signature is for and is compared; a signature
made for another purpose never counts. Who the signer is, is the caller's question.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from vault.crypto import signing
from vault.crypto.hashes import sha512
from vault.errors import FormatError, IntegrityError, UnsupportedVersionError
from vault.formats import base64_strict
from vault.formats.ssh_keys import decode_key_blob, encode_key_blob

MAX_ARMORED_SIZE = 1_024
"""Most characters of an armored signature; a real one has about 300."""

_WHERE = "SSH signature"
_MAGIC = b"SSHSIG"
_BEGIN = "-----BEGIN SSH SIGNATURE-----\n"
_END = "-----END SSH SIGNATURE-----\n"
_COLUMNS = 70
_HASH = b"sha512"
_TYPE = b"ssh-ed25519"
_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class SshSignature:
    """A signature taken apart. Nothing in it has been verified.

    Attributes:
        public_key: Ed25519, 32 bytes, as the signature itself claims it.
        namespace: What it was made for: 1 to 64 of ``A-Za-z0-9._@-``, a letter or digit first.
        signature: 64 bytes.
    """

    public_key: bytes
    namespace: str
    signature: bytes

    def encode(self) -> str:
        """Return the armored signature.

        Raises:
            FormatError: Parts that cannot be in a signature.
        """
        _check_namespace(self.namespace)
        if len(self.signature) != signing.SIGNATURE_SIZE:
            raise FormatError(_WHERE, "a signature of the wrong length")
        blob = b"".join(
            (
                _MAGIC,
                (1).to_bytes(4, "big"),
                _string(encode_key_blob(self.public_key)),
                _string(self.namespace.encode()),
                _string(b""),
                _string(_HASH),
                _string(_string(_TYPE) + _string(self.signature)),
            )
        )
        text = base64_strict.encode(blob)
        lines = [text[at : at + _COLUMNS] + "\n" for at in range(0, len(text), _COLUMNS)]
        return _BEGIN + "".join(lines) + _END

    @classmethod
    def decode(cls, armored: str) -> Self:
        """Take an armored signature apart.

        Raises:
            FormatError: Anything but what `encode` writes.
            UnsupportedVersionError: A later version of the signature format.
        """
        if len(armored) > MAX_ARMORED_SIZE or not armored.startswith(_BEGIN) or not armored.endswith(_END):
            raise FormatError(_WHERE, "not an armored signature")
        blob = base64_strict.decode(armored[len(_BEGIN) : -len(_END)].replace("\n", ""), _WHERE)
        if blob[:6] != _MAGIC:
            raise FormatError(_WHERE, "not a signature")
        if blob[6:10] != b"\x00\x00\x00\x01":
            raise UnsupportedVersionError(_WHERE)
        public_key, namespace, reserved, hash_name, signature = _strings(blob[10:], 5)
        if reserved or hash_name != _HASH:
            raise FormatError(_WHERE, "not made over SHA-512, or with options that are not known")
        kind, value = _strings(signature, 2)
        if kind != _TYPE:
            raise FormatError(_WHERE, "not by an Ed25519 key")
        parsed = cls(decode_key_blob(public_key), namespace.decode("ascii", "replace"), value)
        if parsed.encode() != armored:
            raise FormatError(_WHERE, "not spelled the one allowed way")
        return parsed


def sign_ssh(message: bytes, namespace: str, public_key: bytes, sign: Callable[[bytes], bytes]) -> str:
    """Return the armored signature of `message`, the same bytes that ``ssh-keygen -Y sign -n namespace`` would write.

    Args:
        message: What is signed.
        namespace: What the signature is for: 1 to 64 of ``A-Za-z0-9._@-``, a letter or digit first.
        public_key: Ed25519, 32 bytes.
        sign: Returns the 64-byte signature of the bytes handed to it, by the private half of `public_key`.

    Raises:
        FormatError: A namespace or key that is not allowed.
    """
    _check_namespace(namespace)
    return SshSignature(public_key, namespace, sign(_signed_data(message, namespace))).encode()


def verify_ssh(armored: str, message: bytes, namespace: str) -> bytes:
    """Verify a signature and return the signer's 32-byte key; whose key that is must be established elsewhere.

    Raises:
        FormatError: Not a signature of the one allowed form.
        IntegrityError: Made for another namespace, or not over this message by the key it names.
    """
    parsed = SshSignature.decode(armored)
    if parsed.namespace != namespace:
        raise IntegrityError(_WHERE, "made for another purpose")
    signing.verify(parsed.public_key, _signed_data(message, namespace), parsed.signature, _WHERE)
    return parsed.public_key


def _signed_data(message: bytes, namespace: str) -> bytes:
    return _MAGIC + _string(namespace.encode()) + _string(b"") + _string(_HASH) + _string(sha512(message))


def _string(value: bytes) -> bytes:
    """SSH's `string` (RFC 4251 §5)."""
    return len(value).to_bytes(4, "big") + value


def _strings(data: bytes, count: int) -> list[bytes]:
    """Read exactly `count` strings that fill `data`."""
    values = []
    for _ in range(count):
        size = int.from_bytes(data[:4], "big")
        if len(data) < 4 + size or len(data) < 4:
            raise FormatError(_WHERE, "cut short")
        values.append(data[4 : 4 + size])
        data = data[4 + size :]
    if data:
        raise FormatError(_WHERE, "something behind the end")
    return values


def _check_namespace(namespace: str) -> None:
    if not _NAMESPACE.match(namespace):
        raise FormatError(_WHERE, "a namespace that is not allowed")
