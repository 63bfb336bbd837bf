"""The kinds of frames (`vault.confined.frames`) between the inspector and its keyless child, and their bodies.

From the child: `RANGE` (8 bytes offset, 4 bytes length), `ANSWER` (`facts.encode_facts`). From the parent: `INSPECT`
(8 bytes size of the file), `DATA` (the range asked for, exactly as long as asked). The child that decodes a picture is
asked by `PICTURE` (8 bytes size of the file, 2 bytes the longest side that is wanted) and answers with `PAINTED`
(`pictures.encode_picture`) or `NOT_PAINTED` (an ASCII word). Numbers are big-endian.

Spec: docs/formats/media-facts.md, section "Between parent and child"
"""

from __future__ import annotations

import struct
from typing import Final

RANGE: Final = b"R"
ANSWER: Final = b"A"
INSPECT: Final = b"I"
DATA: Final = b"D"
PICTURE: Final = b"P"
PAINTED: Final = b"T"
NOT_PAINTED: Final = b"N"

_SIZE: Final = struct.Struct(">Q")
_RANGE: Final = struct.Struct(">QI")
_PICTURE: Final = struct.Struct(">QH")
INSPECT_SIZE: Final = _SIZE.size
PICTURE_SIZE: Final = _PICTURE.size


def pack_size(size: int) -> bytes:
    """Return the body of an `INSPECT` frame."""
    return _SIZE.pack(size)


def unpack_size(body: bytes) -> int:
    """Return the size in the body of an `INSPECT` frame.

    Raises:
        ValueError: The body is not 8 bytes.
    """
    if len(body) != _SIZE.size:
        raise ValueError("malformed size")
    return int(_SIZE.unpack(body)[0])


def pack_picture(size: int, side: int) -> bytes:
    """Return the body of a `PICTURE` frame."""
    return _PICTURE.pack(size, side)


def unpack_picture(body: bytes) -> tuple[int, int]:
    """Return size of the file and longest side in the body of a `PICTURE` frame.

    Raises:
        ValueError: The body is not 10 bytes.
    """
    if len(body) != _PICTURE.size:
        raise ValueError("malformed request for a picture")
    size, side = _PICTURE.unpack(body)
    return int(size), int(side)


def pack_range(offset: int, length: int) -> bytes:
    """Return the body of a `RANGE` frame."""
    return _RANGE.pack(offset, length)


def unpack_range(body: bytes) -> tuple[int, int]:
    """Return offset and length in the body of a `RANGE` frame.

    Raises:
        ValueError: The body is not 12 bytes.
    """
    if len(body) != _RANGE.size:
        raise ValueError("malformed range")
    offset, length = _RANGE.unpack(body)
    return int(offset), int(length)
