"""The ASCII armor of age files: strict PEM with the label AGE ENCRYPTED FILE (C2SP age.md, RFC 7468 section 3).

Armor is accepted when reading and written only where a caller asks for text. One encoding is accepted, apart from two
freedoms that the specification gives: white space before and after, and CRLF instead of LF if every line has it.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from vault.errors import FormatError
from vault.formats.age_source import Readable

WHERE: Final = "age armor"
MAX_WHITE_SPACE: Final = 1024
"""Most bytes of white space accepted before, and again after, the armor."""
WHITE_SPACE: Final = b" \t\r\n"

_BEGIN: Final = b"-----BEGIN AGE ENCRYPTED FILE-----"
_END: Final = b"-----END AGE ENCRYPTED FILE-----"
_COLUMNS: Final = 64
_BLOCK: Final = 64 * 1024


def encode_armor(data: bytes) -> bytes:
    """Return `data` as armor with LF line endings, the last line's included."""
    text = base64.b64encode(data)
    lines = [text[i : i + _COLUMNS] for i in range(0, len(text), _COLUMNS)]
    return b"\n".join([_BEGIN, *lines, _END, b""])


class ArmorReader:
    """Decodes armor while it is read, with bounded memory.

    Args:
        source: Where the armor comes from.
        begin: Bytes already taken from it: all white space before the armor, and at least one byte of the armor.

    Raises:
        FormatError: Too much white space before it.
    """

    def __init__(self, source: Readable, begin: bytes) -> None:
        self._source = source
        self._raw = begin.lstrip(WHITE_SPACE)
        if len(begin) - len(self._raw) > MAX_WHITE_SPACE:
            raise FormatError(WHERE, "too much white space before it")
        self._at = 0
        self._ending = b""
        self._decoded = b""
        self._begun = False
        self._short = False
        self._ended = False

    def read(self, size: int, /) -> bytes:
        """Return between 1 and `size` bytes, or none at the end of a whole, well-formed armor.

        Raises:
            FormatError: Not the one encoding of any bytes, or something else before or after it.
        """
        if not self._begun:
            if self._line() != _BEGIN:
                raise FormatError(WHERE, "the first line is malformed")
            self._begun = True
        while not self._decoded and not self._ended:
            self._decoded = self._decode_lines()
        part, self._decoded = self._decoded[:size], self._decoded[size:]
        return part

    def _decode_lines(self) -> bytes:
        """Decode some lines, so that the cost of a call is spread over many of them."""
        texts: list[bytes] = []
        while len(texts) < _BLOCK // _COLUMNS:
            line = self._line()
            if line == _END:
                self._finish()
                break
            if self._short or not line or len(line) > _COLUMNS:
                raise FormatError(WHERE, "a line has the wrong length")
            self._short = len(line) < _COLUMNS or line.endswith(b"=")
            texts.append(line)
        text = b"".join(texts)
        try:
            data = binascii.a2b_base64(text, strict_mode=True)
        except binascii.Error:
            raise FormatError(WHERE, "base64 is malformed") from None
        if base64.b64encode(data) != text:
            raise FormatError(WHERE, "base64 is not in its canonical form")
        return data

    def _line(self) -> bytes:
        """Return the next line without its ending, which must be the same for all lines."""
        while (end := self._raw.find(b"\n", self._at)) < 0:
            self._raw, self._at = self._raw[self._at :], 0
            more = self._source.read(_BLOCK) if len(self._raw) <= _COLUMNS + 2 else b""
            if not more:
                return self._last_line()
            self._raw += more
        line, self._at = self._raw[self._at : end], end + 1
        ending = b"\r\n" if line.endswith(b"\r") else b"\n"
        if not self._ending:
            self._ending = ending
        if ending != self._ending:
            raise FormatError(WHERE, "line endings are mixed")
        return line[:-1] if ending == b"\r\n" else line

    def _last_line(self) -> bytes:
        line, self._raw = self._raw, b""
        if line != _END:
            raise FormatError(WHERE, "it ends too early, or a line is too long")
        return line

    def _finish(self) -> None:
        space = self._raw[self._at :]
        while len(space) <= MAX_WHITE_SPACE and (more := self._source.read(_BLOCK)):
            space += more
        if space.strip(WHITE_SPACE):
            raise FormatError(WHERE, "something follows it")
        if len(space) > MAX_WHITE_SPACE:
            raise FormatError(WHERE, "too much white space after it")
        self._raw, self._at = b"", 0
        self._ended = True
