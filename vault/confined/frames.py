"""The frames between a parent and its confined child: one byte of kind, four of length (big-endian), then the body.

A stream that ends inside a frame ends the conversation. What the kinds mean is for those who talk.
"""

from __future__ import annotations

import struct
from typing import Final, Protocol

HELLO: Final = b"H"
"""The child's first frame, once: ASCII words, which confinements hold."""
HELLO_SIZE: Final = 64

_HEAD: Final = struct.Struct(">cI")


class Stream(Protocol):
    """The two methods of an unbuffered binary stream that frames need."""

    def read(self, size: int = -1, /) -> bytes | None:
        """Return up to `size` bytes, empty at the end."""

    def write(self, data: bytes | memoryview, /) -> int | None:
        """Write some or all of `data` and return how much."""


def send(stream: Stream, kind: bytes, *body: bytes) -> None:
    """Write one frame whole; its body may come in parts, which are not copied.

    Raises:
        OSError: The other side is gone.
    """
    for part in (_HEAD.pack(kind, sum(map(len, body))), *body):
        view = memoryview(part)
        while view:
            view = view[stream.write(view[:65536]) or 0 :]


def receive(stream: Stream, limits: dict[bytes, int]) -> tuple[bytes, bytes]:
    """Read one frame.

    Args:
        stream: Where to read.
        limits: The kinds acceptable now, each with the longest body allowed.

    Returns:
        Kind and body.

    Raises:
        EOFError: The stream ended.
        ValueError: An unexpected kind or a body over its limit.
    """
    kind, length = _HEAD.unpack(_exactly(stream, _HEAD.size))
    if length > limits.get(kind, -1):
        raise ValueError("unexpected frame")
    return kind, _exactly(stream, length)


def _exactly(stream: Stream, length: int) -> bytes:
    parts: list[bytes] = []
    while length:
        part = stream.read(min(length, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
