"""The container of a bundle: a tar archive with exactly one encoding.

Holds a writer and a reader of regular files in ustar form; a file of 8 GiB and more has its size in a pax header. Every
header field but name and size is fixed, folders come from the names of files, and the whole is padded with zero blocks
to a Padmé length. The reader takes exactly what the writer writes: a header is decoded, encoded again and compared.
It never sees a link, device, folder entry, second entry of one name or path outside, because none of them can be
encoded. Never opens a file and never keeps a content.

Spec: POSIX.1-2024 `pax`, "ustar Interchange Format" and "pax Extended Header"; docs/formats/bundle.md, "Container".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Protocol

from vault.errors import FormatError
from vault.formats.padme import padded_size

BLOCK: Final = 512
MAX_NAME: Final = 99
"""Longest name of an entry, in bytes."""
MAX_SIZE: Final = 1 << 44
"""Largest entry, in bytes (16 TiB)."""
MTIME: Final = 315532800
"""Every entry's time, 1980-01-01T00:00:00Z: file systems such as FAT know no earlier one, and zero makes tar warn."""

_WHERE = "container"
_PAX_NAME = "PaxHeaders/size"
_USTAR_LIMIT = 1 << 33
_BUFFER = 1 << 20
_ZEROS = bytes(_BUFFER)
_SEGMENT = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?"
_NAME = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*\Z")
_OCTAL = re.compile(rb"[0-7]{11}\x00\Z")
_PAX_RECORD = re.compile(rb"[1-9][0-9]{0,2} size=([1-9][0-9]{0,14})\n\Z")
_KINDS = {b"1": "a hard link", b"2": "a link", b"3": "a device", b"4": "a device", b"5": "a folder", b"6": "a FIFO"}


class Source(Protocol):
    """Where a container is read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, and none only at the end."""


class Target(Protocol):
    """Where a container is written to."""

    def write(self, data: bytes, /) -> object:
        """Take all of `data`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a container: its name and its size in bytes."""

    name: str
    size: int


def is_name(name: str) -> bool:
    """True for a name an entry may have.

    Segments of ``[A-Za-z0-9._-]`` joined by ``/``, none of which begins with a dot or hyphen or ends with a dot; at
    most `MAX_NAME` bytes.
    """
    return len(name) <= MAX_NAME and _NAME.match(name) is not None


def encode_header(name: str, size: int) -> bytes:
    """Return the header of one file: 512 bytes, or 1536 with the pax header of a size of 8 GiB and more.

    Raises:
        ValueError: A name or size that the container cannot hold.
    """
    if not is_name(name) or not 0 <= size <= MAX_SIZE:
        raise ValueError("no such entry in a container")
    if size < _USTAR_LIMIT:
        return _block(name, size, b"0")
    record = _pax_record(size)
    return _block(_PAX_NAME, len(record), b"x") + record.ljust(BLOCK, b"\0") + _block(name, 0, b"0")


def entry_size(name: str, size: int) -> int:
    """Return how many bytes a file takes in the container, with header and filling."""
    return len(encode_header(name, size)) + size + -size % BLOCK


def container_size(entries: int) -> int:
    """Return the whole length of a container whose entries take `entries` bytes together."""
    return padded_size(entries + 2 * BLOCK, BLOCK)


def is_container_size(size: int) -> bool:
    """True when a whole container can have so many bytes."""
    return size >= 2 * BLOCK and padded_size(size, BLOCK) == size


def _pax_record(size: int) -> bytes:
    body = f" size={size}\n"
    length = len(body) + 2
    return f"{length}{body}".encode()


def _block(name: str, size: int, kind: bytes) -> bytes:
    head = b"%b0000644\0%b%b%011o\0%011o\0" % (name.encode().ljust(100, b"\0"), b"0000000\0", b"0000000\0", size, MTIME)
    tail = b"%b%b%b%b" % (kind, bytes(100), b"ustar\00000", bytes(64) + b"0000000\0" * 2 + bytes(155 + 12))
    checksum = sum(head) + 8 * 0x20 + sum(tail)
    return head + b"%06o\0 " % checksum + tail


class TarWriter:
    """Writes a container to `out`, front to back.

    Call `begin` for a file, `write` until its size is reached, then the next `begin`, and `finish` at the end.
    """

    def __init__(self, out: Target) -> None:
        self._out = out
        self._names: set[str] = set()
        self._left = 0
        self._fill = 0
        self.size = 0
        """Bytes written so far."""

    def begin(self, name: str, size: int) -> None:
        """Begin a file of `size` bytes.

        Raises:
            ValueError: The file before is not complete, the name was used, or name or size cannot be held.
        """
        if self._left or name in self._names:
            raise ValueError("an incomplete file before, or a second file of one name")
        header = encode_header(name, size)
        self._names.add(name)
        self._left, self._fill = size, -size % BLOCK
        self._put(header)

    def write(self, data: bytes) -> None:
        """Write a part of the file.

        Raises:
            ValueError: More than the size that was announced.
        """
        if len(data) > self._left:
            raise ValueError("more than was announced")
        self._left -= len(data)
        self._put(data)
        if not self._left:
            self._put(bytes(self._fill))
            self._fill = 0

    def finish(self) -> None:
        """Write the end mark and the padding.

        Raises:
            ValueError: The last file is not complete.
        """
        if self._left:
            raise ValueError("an incomplete file")
        missing = container_size(self.size) - self.size
        while missing:
            piece = min(missing, _BUFFER)
            self._put(_ZEROS[:piece])
            missing -= piece

    def _put(self, data: bytes) -> None:
        if data:
            self._out.write(data)
            self.size += len(data)


class TarReader:
    """Reads a container from `source`, front to back, and refuses everything `TarWriter` would not write.

    Call `next` for the next file and `read` until it returns nothing, then `next` again. When `next` returns None, end
    mark and padding have been checked and the source has been read to its end.

    Args:
        source: Where the bytes come from.
        max_entries: More files than this are refused.
    """

    def __init__(self, source: Source, max_entries: int) -> None:
        self._source = source
        self._max_entries = max_entries
        self._names: set[str] = set()
        self._left = 0
        self._fill = 0
        self._ended = False
        self.position = 0
        """Bytes read so far."""

    def next(self) -> Entry | None:
        """Return the next file, or None at the end of a whole and well-formed container.

        Raises:
            FormatError: Not what `TarWriter` writes; the reason names the deviation.
            ValueError: The file before was not read to its end.
        """
        if self._left:
            raise ValueError("the file before was not read to its end")
        if self._ended:
            return None
        block = self._exactly(BLOCK)
        if block == _ZEROS[:BLOCK]:
            self._end()
            return None
        entry = self._entry(block)
        if entry.name in self._names:
            raise FormatError(_WHERE, "two entries of one name")
        if len(self._names) >= self._max_entries:
            raise FormatError(_WHERE, "too many entries")
        self._names.add(entry.name)
        self._left, self._fill = entry.size, -entry.size % BLOCK
        return entry

    def read(self, size: int = _BUFFER) -> bytes:
        """Return up to `size` bytes of the file, and none at its end.

        Raises:
            FormatError: The container ends early, or the filling after the file is not zero.
        """
        if not self._left:
            return b""
        data = self._source.read(min(size, self._left))
        if not data:
            raise FormatError(_WHERE, "ends too early")
        self.position += len(data)
        self._left -= len(data)
        if not self._left and self._fill and self._exactly(self._fill) != _ZEROS[: self._fill]:
            raise FormatError(_WHERE, "something other than zeros after a file")
        return data

    def _entry(self, block: bytes) -> Entry:
        _check_block(block)
        raw = block
        if block[156:157] == b"x":
            record_size = _octal(block)
            body = self._exactly(BLOCK)
            found = _PAX_RECORD.match(body[:record_size]) if record_size <= BLOCK else None
            if found is None:
                raise FormatError(_WHERE, "an extended header that this format does not use")
            last = self._exactly(BLOCK)
            _check_block(last)
            raw = block + body + last
            entry = Entry(_name(last), int(found[1]))
        else:
            entry = Entry(_name(block), _octal(block))
        if entry.size > MAX_SIZE:
            raise FormatError(_WHERE, "an entry that is too large")
        if encode_header(entry.name, entry.size) != raw:
            raise FormatError(_WHERE, "a header with fields that this format does not use")
        return entry

    def _end(self) -> None:
        if self._exactly(BLOCK) != _ZEROS[:BLOCK]:
            raise FormatError(_WHERE, "a broken end mark")
        total = padded_size(self.position, BLOCK)
        while self.position < total:
            piece = self._exactly(min(_BUFFER, total - self.position))
            if piece != _ZEROS[: len(piece)]:
                raise FormatError(_WHERE, "something other than zeros in the padding")
        if self._source.read(1):
            raise FormatError(_WHERE, "something behind the padding")
        self._ended = True

    def _exactly(self, size: int) -> bytes:
        data = self._source.read(size)
        while len(data) < size:
            more = self._source.read(size - len(data))
            if not more:
                raise FormatError(_WHERE, "ends too early")
            data += more
        self.position += size
        return data


def _check_block(block: bytes) -> None:
    checksum = sum(block[:148]) + 8 * 0x20 + sum(block[156:])
    if block[148:156] != b"%06o\0 " % checksum:
        raise FormatError(_WHERE, "a header with a wrong checksum")
    kind = block[156:157]
    if kind not in (b"0", b"x"):
        raise FormatError(_WHERE, f"an entry that is {_KINDS.get(kind, 'not a regular file')}")


def _name(block: bytes) -> str:
    raw = block[:100].rstrip(b"\0")
    name = raw.decode("latin-1")
    if not is_name(name):
        if name.startswith("/") or ".." in name.split("/"):
            raise FormatError(_WHERE, "a path that leads outside")
        raise FormatError(_WHERE, "a name with characters that are not allowed")
    return name


def _octal(block: bytes) -> int:
    field = block[124:136]
    if not _OCTAL.match(field):
        raise FormatError(_WHERE, "a size that is not written as this format writes it")
    return int(field[:11], 8)
