"""The streams that age files are read from and written to: bytes only, nothing of age.

Sources may give fewer bytes than asked for and sinks may take fewer than given, as raw files, pipes and sockets do.
"""

from __future__ import annotations

from typing import Protocol


class Readable(Protocol):
    """A source of bytes: ``read(n)`` gives between 1 and n bytes, or none at the end."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""


class Writable(Protocol):
    """A sink of bytes that waits until it can take some; it may take fewer than it is given and say so."""

    def write(self, data: bytes, /) -> int | None:
        """Take `data`, or its beginning."""


def write_all(out: Writable, data: bytes) -> None:
    """Write `data` whole, also to a raw file that takes it in parts."""
    written = out.write(data)
    while written is not None and written < len(data):
        data = data[written:]
        written = out.write(data)


class Source:
    """A source that some bytes can be put back to.

    Args:
        stream: Where the bytes come from.
    """

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._begin = b""

    def read(self, size: int, /) -> bytes:
        """Return between 1 and `size` bytes, or none at the end."""
        if not self._begin:
            return self._stream.read(size)
        part, self._begin = self._begin[:size], self._begin[size:]
        return part

    def take(self, size: int) -> bytes:
        """Return exactly `size` bytes, fewer only at the end."""
        parts: list[bytes] = []
        while size and (part := self.read(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def put_back(self, data: bytes) -> None:
        """Make `data` the next bytes to be read."""
        self._begin = data + self._begin
