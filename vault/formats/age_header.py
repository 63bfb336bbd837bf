"""The textual header of an age file: parse, serialise, authenticate (C2SP age.md, "Header").

Holds bytes and text only: it knows no recipient type and no key but the file key that its code is computed with.
`parse` accepts exactly what `encode` makes. Limits of the project: 64 KiB, 64 stanzas.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from vault.crypto.hashes import equal
from vault.crypto.kdf import hkdf_sha256, hmac_sha256
from vault.errors import FormatError, IntegrityError, TruncatedError, UnsupportedVersionError

WHERE: Final = "age header"
PREFIX: Final = b"age-encryption.org/"
MAX_SIZE: Final = 64 * 1024
"""Largest header, in bytes, version line to the end of the line with the code."""
MAX_STANZAS: Final = 64
FILE_KEY_SIZE: Final = 16
MAC_SIZE: Final = 32

_VERSION_LINE: Final = PREFIX + b"v1\n"
_MARK: Final = b"---"
_STANZA: Final = b"-> "
_COLUMNS: Final = 64
_VISIBLE: Final = frozenset(range(0x21, 0x7F))


@dataclass(frozen=True, slots=True)
class Stanza:
    """One recipient stanza.

    Attributes:
        arguments: At least one, each of visible ASCII; the first names the recipient type.
        body: The bytes, base64-decoded.
    """

    arguments: tuple[str, ...]
    body: bytes

    @property
    def type(self) -> str:
        """The first argument."""
        return self.arguments[0]

    def encode(self) -> bytes:
        """Return the lines of this stanza.

        Raises:
            ValueError: There is no argument, or one is empty or holds other than visible ASCII.
        """
        if not self.arguments or not all(_is_argument(argument.encode("utf-8")) for argument in self.arguments):
            raise ValueError("stanza arguments are visible ASCII")
        text = encode_base64(self.body).encode("ascii")
        lines = [text[i : i + _COLUMNS] for i in range(0, len(text) + 1, _COLUMNS)]
        return b"\n".join([_STANZA + " ".join(self.arguments).encode("ascii"), *lines, b""])


@dataclass(frozen=True, slots=True)
class Header:
    """A whole header.

    Attributes:
        stanzas: At least one.
        mac: The authentication code as written, 32 bytes; `verify` says whether it holds.
    """

    stanzas: tuple[Stanza, ...]
    mac: bytes

    def encode(self) -> bytes:
        """Return the bytes of this header, to the end of its last line."""
        return _authenticated(self.stanzas) + b" " + encode_base64(self.mac).encode("ascii") + b"\n"

    def verify(self, file_key: bytes) -> None:
        """Check the authentication code.

        Raises:
            IntegrityError: The header is not the one that was made with this file key.
        """
        if not equal(_mac(self.stanzas, file_key), self.mac):
            raise IntegrityError(WHERE, "its authentication code does not match", "Ask for the file again.")


def make(stanzas: tuple[Stanza, ...], file_key: bytes) -> Header:
    """Return the header with these stanzas, authenticated with the 16-byte file key.

    Raises:
        ValueError: No stanza, too many, or more bytes than `MAX_SIZE`.
    """
    header = Header(stanzas, _mac(stanzas, file_key))
    if not 1 <= len(stanzas) <= MAX_STANZAS or len(header.encode()) > MAX_SIZE:
        raise ValueError("an age header has between 1 and 64 stanzas and at most 64 KiB")
    return header


def parse(data: bytes) -> tuple[Header, int]:
    """Read a header from the beginning of `data`.

    Args:
        data: The first `MAX_SIZE` bytes of the file, or the whole file if it is shorter.

    Returns:
        The header, and how many bytes of `data` it takes up.

    Raises:
        UnsupportedVersionError: A version other than v1.
        FormatError: Not a header, or beyond a limit.
    """
    lines = _Lines(data)
    _check_version(lines)
    stanzas: list[Stanza] = []
    while True:
        line = lines.next()
        if line.startswith(_MARK):
            break
        if len(stanzas) == MAX_STANZAS:
            raise FormatError(WHERE, "too many recipients")
        stanzas.append(_parse_stanza(line, lines))
    if not stanzas:
        raise FormatError(WHERE, "no recipient")
    if line[len(_MARK) : len(_MARK) + 1] != b" ":
        raise FormatError(WHERE, "the last line is malformed")
    mac = decode_base64(line[len(_MARK) + 1 :], WHERE)
    if len(mac) != MAC_SIZE:
        raise FormatError(WHERE, "the last line is malformed")
    return Header(tuple(stanzas), mac), lines.position


def encode_base64(data: bytes) -> str:
    """Return standard base64 without padding (RFC 4648, section 4)."""
    return base64.b64encode(data).decode("ascii").rstrip("=")


def decode_base64(text: bytes, where: str) -> bytes:
    """Return the bytes of canonical, unpadded standard base64.

    Raises:
        FormatError: Anything that `encode_base64` would not produce.
    """
    try:
        data = binascii.a2b_base64(text + b"=" * (-len(text) % 4), strict_mode=True)
    except binascii.Error:
        raise FormatError(where, "base64 is malformed") from None
    if encode_base64(data).encode("ascii") != text:
        raise FormatError(where, "base64 is not in its canonical form")
    return data


class _Lines:
    """Walks over lines that end with a line feed."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def next(self) -> bytes:
        end = self._data.find(b"\n", self.position, MAX_SIZE)
        if end < 0:
            if len(self._data) >= MAX_SIZE:
                raise FormatError(WHERE, "it is longer than 64 KiB")
            raise TruncatedError(WHERE)
        line = self._data[self.position : end]
        self.position = end + 1
        return line


def _check_version(lines: _Lines) -> None:
    line = lines.next() + b"\n"
    if line == _VERSION_LINE:
        return
    version = line[len(PREFIX) : -1]
    if line.startswith(PREFIX) and _is_argument(version):
        raise UnsupportedVersionError(WHERE, version.decode("ascii"))
    raise FormatError(WHERE, "the first line is malformed")


def _parse_stanza(line: bytes, lines: _Lines) -> Stanza:
    arguments = line[len(_STANZA) :].split(b" ")
    if not line.startswith(_STANZA) or not all(_is_argument(argument) for argument in arguments):
        raise FormatError(WHERE, "a recipient line is malformed")
    body: list[bytes] = []
    while True:
        part = lines.next()
        if len(part) > _COLUMNS:
            raise FormatError(WHERE, "a line is too long")
        body.append(part)
        if len(part) < _COLUMNS:
            break
    return Stanza(tuple(argument.decode("ascii") for argument in arguments), decode_base64(b"".join(body), WHERE))


def _is_argument(text: bytes) -> bool:
    return bool(text) and _VISIBLE.issuperset(text)


def _authenticated(stanzas: tuple[Stanza, ...]) -> bytes:
    return _VERSION_LINE + b"".join(stanza.encode() for stanza in stanzas) + _MARK


def _mac(stanzas: tuple[Stanza, ...], file_key: bytes) -> bytes:
    # The code covers the serialised header; that is the received one, because parse and encode are inverse on bytes.
    return hmac_sha256(hkdf_sha256(file_key, b"", b"header"), _authenticated(stanzas))
