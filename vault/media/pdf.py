"""PDF: the information dictionaries of every revision, XMP, photos with EXIF inside, and signs of editing.

No page is rendered and no content stream is read. Objects are found by scanning, so that damaged files and former
revisions show what they still hold; compressed object streams are unpacked within limits.

Spec: ISO 32000-1 §7.5, §14.3; docs/formats/media-facts.md
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from typing import Final

from vault.media import exif, xmp
from vault.media.source import Found, Source, safe_name

_WHOLE: Final = 48 * 1024 * 1024
_INFO: Final = re.compile(rb"/Info\s{1,8}(\d{1,9})\s{1,8}\d{1,5}\s{1,8}R")
_VALUE: Final = re.compile(
    rb"/([A-Za-z][A-Za-z0-9_:.-]{0,39})\s{0,8}(?:(\()|<([0-9A-Fa-f\s]{0,8192})>|(\d{1,9})\s{1,8}\d{1,5}\s{1,8}R)"
)
_NUMBER: Final = re.compile(rb"/(N|First)\s{0,8}(\d{1,9})")
_ESCAPE: Final = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|[\s\S]))")
_LETTERS: Final = {
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"b": b"\b",
    b"f": b"\f",
    b"\n": b"",
    b"\r": b"",
    b"\r\n": b"",
}
_REVISIONS: Final = 16
_OBJECT_SIZE: Final = 64 * 1024
_STRING_SIZE: Final = 8192
_STREAMS: Final = 2000
_STREAM_SIZE: Final = 8 * 1024 * 1024
_UNPACKED_SIZE: Final = 64 * 1024 * 1024
_PHOTOS: Final = 8
_KINDS: Final = (
    ("author", re.compile(r"author|company|manager|owner|user|person")),
    ("time", re.compile(r"date|modified|created")),
    ("history", re.compile(r"creator|producer|version|source|template|tool")),
)


def read_pdf(source: Source, found: Found) -> None:
    """Scan a PDF of up to 48 MiB whole, of a larger one the first and last 24 MiB."""
    data = source.read_at(0, _WHOLE)
    if source.size > _WHOLE:
        data = data[: _WHOLE // 2] + source.read_at(max(_WHOLE // 2, source.size - 8 * 1024 * 1024), 8 * 1024 * 1024)
        found.unread()
    version = re.match(rb"%PDF-(\d\.\d)", data)
    if version:
        found.add("pdf.version", version[1])
    revisions = data.count(b"%%EOF") - (b"/Linearized" in data[:2048])
    if revisions > 1:
        found.add("pdf.revisions", revisions, "history")
    if revisions < 1:
        found.failed = True
    if re.search(rb"/Encrypt\s{1,8}\d", data):
        found.add("pdf.encrypted", True)
        found.unread()
    else:
        _read_info(data, found)
    for name, sign in (("embedded_files", b"/EmbeddedFile"), ("signatures", b"/ByteRange")):
        count = len(re.findall(re.escape(sign) + rb"\b", data))
        if count:
            found.add(f"pdf.{name}", count, "author" if name == "signatures" else "history")
            found.unread()
    xmp.find_packets_in(data, found)
    _read_photos(data, found)


def _read_info(data: bytes, found: Found) -> None:
    numbers = list(dict.fromkeys(int(match[1]) for match in _INFO.finditer(data)))
    if len(numbers) > _REVISIONS:
        found.unread()
    wanted = set(numbers[-_REVISIONS:])
    if not wanted:
        return
    bodies = [body for number in wanted for body in _plain_objects(data, number)]
    bodies += [body for number, body in _packed_objects(data, found) if number in wanted]
    # The newest revision comes last in the file; its values get the plain names.
    for body in reversed(bodies):
        for match in _VALUE.finditer(body):
            value = _string(body, match, data)
            name = safe_name(match[1].decode("latin-1"))
            if value is not None:
                found.add(f"pdf.info.{name}", value, next((kind for kind, words in _KINDS if words.search(name)), ""))


def _plain_objects(data: bytes, number: int) -> Iterator[bytes]:
    for count, match in enumerate(re.finditer(rb"(?<![0-9])%d\s{1,8}\d{1,5}\s{1,8}obj\b" % number, data)):
        if count >= _REVISIONS:
            return
        body = data[match.end() : match.end() + _OBJECT_SIZE]
        end = body.find(b"endobj")
        yield body[:end] if end >= 0 else body


def _packed_objects(data: bytes, found: Found) -> Iterator[tuple[int, bytes]]:
    at, room = 0, _UNPACKED_SIZE
    for _ in range(_STREAMS):
        at = data.find(b"/ObjStm", at)
        if at < 0:
            return
        begin = data.rfind(b"obj", max(0, at - 1024), at)
        stream = data.find(b"stream", at, at + 1024)
        at += 7
        if begin < 0 or stream < 0:
            continue
        head = data[begin:stream]
        numbers = {match[1]: int(match[2]) for match in _NUMBER.finditer(head)}
        if b"/FlateDecode" not in head or b"/DecodeParms" in head:
            found.unread()
            continue
        body = _unpack(data, stream + 6, min(room, _STREAM_SIZE), found)
        room -= len(body)
        yield from _members(body, numbers.get(b"N", 0), numbers.get(b"First", 0))
    found.unread()


def _unpack(data: bytes, at: int, limit: int, found: Found) -> bytes:
    at += 2 if data[at : at + 2] == b"\r\n" else 1
    unpacker = zlib.decompressobj()
    try:
        body = unpacker.decompress(data[at : at + _STREAM_SIZE], max(limit, 1))
    except zlib.error:
        found.failed = True
        return b""
    if not unpacker.eof:
        found.unread()
    return body


def _members(body: bytes, count: int, first: int) -> Iterator[tuple[int, bytes]]:
    heads = body[:first].split()[: 2 * min(count, 10_000)]
    if not all(head.isdigit() and len(head) < 10 for head in heads):
        return
    values = [int(head) for head in heads]
    pairs = list(zip(values[::2], values[1::2], strict=False))
    for index, (number, start) in enumerate(pairs):
        end = pairs[index + 1][1] if index + 1 < len(pairs) else len(body) - first
        yield number, body[first + start : first + end][:_OBJECT_SIZE]


def _string(body: bytes, match: re.Match[bytes], data: bytes) -> str | None:
    if match[2]:
        return _decoded(_literal(body, match.end()))
    if match[3] is not None:
        return _decoded(_hexadecimal(match[3]))
    for target in _plain_objects(data, int(match[4])):
        inner = re.match(rb"\s{0,8}(?:(\()|<([0-9A-Fa-f\s]{0,8192})>)", target)
        if inner:
            return _decoded(_literal(target, inner.end()) if inner[1] else _hexadecimal(inner[2]))
    return None


def _hexadecimal(digits: bytes) -> bytes:
    digits = b"".join(digits.split())
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))


def _literal(body: bytes, at: int) -> bytes:
    depth, end, limit = 1, at, min(len(body), at + _STRING_SIZE)
    while end < limit:
        octet = body[end]
        if octet == 0x5C:
            end += 1
        elif octet == 0x28:
            depth += 1
        elif octet == 0x29:
            depth -= 1
            if not depth:
                break
        end += 1
    return _ESCAPE.sub(_unescape, body[at:end])


def _unescape(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return bytes([int(match[1], 8) & 0xFF])
    return _LETTERS.get(match[2], match[2])


def _decoded(value: bytes) -> str:
    if value.startswith(b"\xfe\xff"):
        return value[2:].decode("utf-16-be", "backslashreplace")
    if value.startswith(b"\xef\xbb\xbf"):
        value = value[3:]
    elif any(octet > 0x7F for octet in value):
        # PDFDocEncoding agrees with Latin-1 from A1 on; what is below stays visible as a number.
        return "".join(chr(o) if o < 0x80 or o > 0xA0 else f"\\x{o:02x}" for o in value)
    return value.decode("utf-8", "backslashreplace")


def _read_photos(data: bytes, found: Found) -> None:
    at = 0
    for number in range(1, _PHOTOS + 2):
        at = data.find(b"Exif\0\0", at)
        if at < 0:
            return
        at += 6
        if number > _PHOTOS:
            return found.unread()
        if data[at : at + 2] in (b"II", b"MM"):
            exif.read_exif(io.BytesIO(data[at : at + _OBJECT_SIZE]), found, f"embedded.image{number}.exif")
    return None
