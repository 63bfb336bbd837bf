"""Bech32 text (BIP 173) without its length limit, as age keys use it; never Bech32m.

Holds only the conversion between bytes and text. Accepts one text per value: one case throughout, no spare bits set.
"""

from __future__ import annotations

from typing import Final

from vault.errors import FormatError

MAX_LENGTH: Final = 4096
"""Longest accepted text, in characters; an age hybrid recipient has 1959."""

_ALPHABET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_SIZE: Final = 6


def encode(prefix: str, data: bytes) -> str:
    """Return the Bech32 text of `data`.

    Args:
        prefix: The human-readable part. If it is upper-case, so is the whole text.
        data: The bytes, at most about 2500.

    Raises:
        ValueError: The prefix is empty, of mixed case or not printable ASCII, or the text would be longer than
            `MAX_LENGTH`.
    """
    lower = prefix.lower()
    if not _prefix_ok(prefix) or prefix not in (lower, prefix.upper()):
        raise ValueError("a Bech32 prefix is printable ASCII of one case")
    values = _to_quintets(data)
    polymod = _polymod([*_expand(lower), *values, *[0] * _CHECKSUM_SIZE]) ^ 1
    checksum = [(polymod >> 5 * (5 - i)) & 31 for i in range(_CHECKSUM_SIZE)]
    text = lower + "1" + "".join(_ALPHABET[value] for value in values + checksum)
    if len(text) > MAX_LENGTH:
        raise ValueError("too much data for one Bech32 text")
    return text if prefix == lower else text.upper()


def decode(text: str, where: str) -> tuple[str, bytes]:
    """Return the prefix, in the case it is written in, and the bytes.

    Args:
        text: The whole text, without spaces around it.
        where: Named in the error.

    Raises:
        FormatError: Not what `encode` makes of any prefix and data.
    """
    lower = text.lower()
    if len(text) > MAX_LENGTH:
        raise FormatError(where, "the text is too long")
    if not text.isascii() or text not in (lower, text.upper()):
        raise FormatError(where, "upper and lower case are mixed, or a character is not allowed")
    split = lower.rfind("1")
    prefix, body = text[:split], lower[split + 1 :]
    if split < 1 or len(body) < _CHECKSUM_SIZE or not _prefix_ok(prefix):
        raise FormatError(where, "the text is incomplete")
    try:
        values = [_VALUES[character] for character in body]
    except KeyError:
        raise FormatError(where, "a character is not allowed") from None
    if _polymod([*_expand(prefix.lower()), *values]) != 1:
        raise FormatError(where, "the check characters do not match", "Check it for typing mistakes.")
    if prefix == prefix.lower() == prefix.upper() and text != lower:
        # A prefix without letters does not say which case the text has; the lower-case one is the encoding.
        raise FormatError(where, "the text is in the wrong case")
    return prefix, _from_quintets(values[:-_CHECKSUM_SIZE], where)


def _prefix_ok(prefix: str) -> bool:
    return bool(prefix) and all(33 <= ord(character) <= 126 for character in prefix)


def _expand(prefix: str) -> list[int]:
    codes = prefix.encode("ascii")
    return [code >> 5 for code in codes] + [0] + [code & 31 for code in codes]


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate(_GENERATOR):
            if top >> bit & 1:
                check ^= term
    return check


def _to_quintets(data: bytes) -> list[int]:
    bits = len(data) * 8
    spare = -bits % 5
    number = int.from_bytes(data, "big") << spare
    return [number >> shift & 31 for shift in range(bits + spare - 5, -1, -5)]


def _from_quintets(values: list[int], where: str) -> bytes:
    number = 0
    for value in values:
        number = number << 5 | value
    size, spare = divmod(len(values) * 5, 8)
    if spare > 4 or number & ((1 << spare) - 1):
        raise FormatError(where, "spare bits are set or too many")
    return (number >> spare).to_bytes(size, "big")
