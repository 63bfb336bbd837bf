"""A foreign file seen through a pipe, and the collector of what is found in it.

`Source` never opens anything: every byte comes from the parent, which asks the store. It counts what it reads and
stops at `READ_TOTAL`. `Found` keeps the limits of docs/formats/media-facts.md while facts are added, so that an
answer always fits.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Final

from vault.formats import jcs
from vault.media.facts import (
    ANSWER_SIZE,
    DISCLOSURES,
    FACT_COUNT,
    GENERIC_EXTENSION,
    GENERIC_TYPE,
    READ_SIZE,
    READ_TOTAL,
    VALUE_LENGTH,
    MediaFacts,
    is_name,
)

_BUFFER: Final = 64 * 1024
_RESERVED: Final = 1024
_FLAGS: Final = ("inspection.unread", "inspection.cut", "inspection.failed")


class LimitError(Exception):
    """A limit was reached; what was found so far stands."""


class Source:
    """Random access to one foreign file.

    Args:
        read: Returns exactly `length` bytes from `offset`, at most `READ_SIZE` at a time.
        size: Length of the file in bytes.
    """

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self._read = read
        self.size = size
        self._left = READ_TOTAL

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer where the file ends.

        Raises:
            LimitError: More than `READ_TOTAL` bytes of this file would have been read.
        """
        if offset < 0 or length < 0:
            raise ValueError("negative range")
        length = max(0, min(length, self.size - offset))
        if length > self._left:
            raise LimitError
        self._left -= length
        parts = []
        while length:
            part = self._read(offset, min(length, READ_SIZE))
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return b"".join(parts)

    def open(self) -> io.BufferedReader:
        """Return a new seekable binary file over this source, for libraries."""
        return io.BufferedReader(_Raw(self), _BUFFER)


class _Raw(io.RawIOBase):
    """The raw file under `Source.open`."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size}[whence]
        if base + offset < 0:
            raise ValueError("negative position")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self._source.read_at(self._at, len(view))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


class Found:
    """Collects facts and what kinds of information they give away."""

    def __init__(self) -> None:
        self.media_type = GENERIC_TYPE
        self.extension = GENERIC_EXTENSION
        self.failed = False
        self._facts: dict[str, str | int | bool] = {}
        self._kinds: set[str] = set()
        self._room = ANSWER_SIZE - _RESERVED

    def add(self, name: str, value: str | int | bool | bytes, kind: str = "") -> None:
        r"""Add one claim of the file.

        A text over `VALUE_LENGTH` is cut and `inspection.cut` set. A second, different value of the same name becomes
        ``name.2`` and so on up to ``name.9``. Empty texts and texts of blanks only are no claim and are left out.

        Args:
            name: Dotted name; see `safe_name` for parts that come from the file.
            value: As found; bytes are read as UTF-8, others shown as ``\xNN``.
            kind: One of `DISCLOSURES`, or empty.
        """
        if isinstance(value, bytes):
            value = text(value)
        if isinstance(value, str):
            value = value.encode("utf-8", "backslashreplace").decode("utf-8")
            if not value.strip(" \0\t\r\n"):
                return
            if len(value) > VALUE_LENGTH:
                value = value[:VALUE_LENGTH]
                self._flag("inspection.cut")
        elif not isinstance(value, bool) and abs(value) > jcs.MAX_INT:
            value = str(value) if abs(value) < 10**100 else "very large number"
        self.disclose(kind)
        for free in (name, *(f"{name}.{number}" for number in range(2, 10))):
            if free not in self._facts:
                return self._put(free, value)
            if self._facts[free] == value:
                return None
        return self._flag("inspection.cut")

    def disclose(self, kind: str) -> None:
        """Note that the file holds this kind of information; an empty `kind` says nothing."""
        if kind in DISCLOSURES:
            self._kinds.add(kind)

    def unread(self) -> None:
        """Note that the file has parts, or is of a kind, that nothing here can look into."""
        self._flag("inspection.unread")

    def result(self) -> MediaFacts:
        """Return what was found, within all limits."""
        if self.failed:
            self._flag("inspection.failed")
        kinds = tuple(kind for kind in DISCLOSURES if kind in self._kinds)
        return MediaFacts(self.media_type, self.extension, dict(self._facts), kinds, self.failed)

    def _flag(self, name: str) -> None:
        self._facts[name] = True

    def _put(self, name: str, value: str | int | bool) -> None:
        size = len(jcs.encode(name)) + len(jcs.encode(value)) + 2
        full = len(self._facts) >= FACT_COUNT - len(_FLAGS) or size > self._room
        if full or not is_name(name):
            return self._flag("inspection.cut")
        self._room -= size
        self._facts[name] = value
        return None


def text(data: bytes) -> str:
    r"""Return bytes as text without losing any: UTF-8, other bytes as ``\xNN``, one trailing NUL run dropped."""
    return data.rstrip(b"\0").decode("utf-8", "backslashreplace")


def safe_name(part: str) -> str:
    """Return a part of a name from the file as ``[a-z0-9_]``, at most 40 characters, never empty."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", part[:80])
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:40] or "unnamed"
