"""A small picture of a foreign picture, and its one encoding between a keyless child and its parent.

The parent treats the child as hostile: it takes a width, a height and exactly that many red, green and blue bytes, or
one word that says why there is no picture. Nothing here decodes a foreign format.

Spec: docs/formats/media-facts.md, "Pictures"
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from vault.errors import FormatError

SIDE: Final = 1024
"""Pixels of the longer side of a small picture, at most."""
PIXELS: Final = 64 * 1024 * 1024
"""Pixels that are decoded, at most; a JPEG may have more where it can be decoded smaller."""
CLAIMED_SIDE: Final = 65535
"""Pixels of one side that a picture may claim to have."""
NO_DECODER, NO_KIND, TOO_LARGE, DAMAGED = "no-decoder", "no-kind", "too-large", "damaged"
WHY_NOT: Final = (NO_DECODER, NO_KIND, TOO_LARGE, DAMAGED)
WHY_SIZE: Final = 16

_WHERE: Final = "picture"
_HEAD: Final = struct.Struct(">HHHH")
ANSWER_SIZE: Final = _HEAD.size + 3 * SIDE * SIDE


@dataclass(frozen=True, slots=True)
class Picture:
    """A small picture.

    Attributes:
        width: In pixels.
        height: In pixels.
        rgb: Red, green and blue, one byte each, row by row from the upper left.
        full_width: Pixels of the whole picture as it is meant to be looked at; a claim of the file.
        full_height: The same for its height.
    """

    width: int
    height: int
    rgb: bytes
    full_width: int
    full_height: int


def encode_picture(picture: Picture) -> bytes:
    """Return the one encoding of a picture: four big-endian numbers of two bytes, then the pixels."""
    return _HEAD.pack(picture.width, picture.height, picture.full_width, picture.full_height) + picture.rgb


def decode_picture(data: bytes, side: int) -> Picture:
    """Decode an answer of the child.

    Args:
        data: The answer.
        side: What the longer side may have, in pixels.

    Raises:
        FormatError: Anything else than `encode_picture` writes.
    """
    if len(data) < _HEAD.size:
        raise FormatError(_WHERE, "it ends too early")
    width, height, full_width, full_height = _HEAD.unpack_from(data)
    if not (0 < width <= side and 0 < height <= side and full_width and full_height):
        raise FormatError(_WHERE, "a side is out of its limits")
    if len(data) != _HEAD.size + 3 * width * height:
        raise FormatError(_WHERE, "the pixels do not fill it")
    return Picture(width, height, data[_HEAD.size :], full_width, full_height)


def decode_why_not(data: bytes) -> str:
    """Decode the word that says why there is no picture.

    Raises:
        FormatError: It is none of `WHY_NOT`.
    """
    word = data.decode("ascii", "replace")
    if word not in WHY_NOT:
        raise FormatError(_WHERE, "an unknown word")
    return word
