"""Standard Base 64 with exactly one accepted spelling (RFC 4648 §4, with padding).

The decoder of the standard library skips foreign characters and ignores unused bits; signed text must have one reading.
"""

from __future__ import annotations

import base64
import binascii

from vault.errors import FormatError


def encode(data: bytes) -> str:
    """Return `data` in Base 64 with padding, without line breaks."""
    return base64.b64encode(data).decode("ascii")


def decode(text: str, where: str, *, size: int | None = None) -> bytes:
    """Return the bytes that `encode` would turn into exactly `text`.

    Args:
        text: Base 64 with padding, one line.
        where: Named in the error.
        size: The number of bytes it must hold, when that is known.

    Raises:
        FormatError: Any other spelling, or another number of bytes.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError(where, "not Base 64") from error
    if encode(data) != text:
        raise FormatError(where, "Base 64 that is not spelled the one allowed way")
    if size is not None and len(data) != size:
        raise FormatError(where, "a value of the wrong length")
    return data
