"""JPEG, PNG, WebP, GIF, TIFF and HEIC/AVIF: size, EXIF, XMP, IPTC, comments, and what hangs on behind the picture.

Spec: ISO/IEC 10918-1 (JPEG), W3C PNG, WebP container specification, IPTC IIM 4.2; docs/formats/media-facts.md
"""

from __future__ import annotations

import io
import re
import zlib
from typing import Final

from vault.media import exif, xmp
from vault.media.source import Found, Source, safe_name, text

_WHOLE: Final = 32 * 1024 * 1024
_MARKER: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_EXIF: Final = b"Exif\0"
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_MORE_XMP: Final = b"http://ns.adobe.com/xmp/extension/\0"
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEGMENTS: Final = 4096
_TEXT_SIZE: Final = 64 * 1024
_IPTC: Final = {
    5: ("object_name", ""),
    25: ("keywords", ""),
    55: ("date_created", "time"),
    60: ("time_created", "time"),
    62: ("digital_date", "time"),
    63: ("digital_time", "time"),
    65: ("program", "history"),
    80: ("byline", "author"),
    85: ("byline_title", "author"),
    90: ("city", "location"),
    92: ("sublocation", "location"),
    95: ("state", "location"),
    100: ("country_code", "location"),
    101: ("country", "location"),
    105: ("headline", ""),
    110: ("credit", "author"),
    115: ("source", "author"),
    116: ("copyright", "author"),
    118: ("contact", "author"),
    120: ("caption", ""),
    122: ("caption_writer", "author"),
}
_PNG_KINDS: Final = {
    "author": "author",
    "copyright": "author",
    "creation_time": "time",
    "date_create": "time",
    "date_modify": "time",
    "software": "history",
    "source": "device",
    "gps": "location",
    "location": "location",
}


def read_jpeg(source: Source, found: Found) -> None:
    """Walk a JPEG's segments and look behind its end."""
    data = source.read_at(0, _WHOLE)
    if source.size > len(data):
        found.unread()
    read_jpeg_bytes(data, found)


def read_jpeg_bytes(data: bytes, found: Found, prefix: str = "") -> None:
    """Walk the segments of a JPEG held in memory; `prefix` ends with a dot or is empty."""
    at = 2
    for _ in range(_SEGMENTS):
        marker = _MARKER.search(data, at)
        if marker is None:
            return _cut_off(found)
        at, kind = marker.end(), data[marker.start() + 1]
        if kind == 0xD9:
            return _trailing(data[at:], found, f"{prefix}jpeg.trailing_size")
        if kind in (0x01, 0xD8):
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        payload = data[at + 2 : at + length]
        if length < 2 or len(payload) != length - 2:
            return _cut_off(found)
        _segment(kind, payload, found, prefix)
        at += length
    return found.unread()


def read_png(source: Source, found: Found) -> None:
    """Walk a PNG's chunks; image data is skipped."""
    at = 8
    for _ in range(_SEGMENTS * 4):
        head = source.read_at(at, 8)
        if len(head) < 8:
            return _cut_off(found)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"IEND":
            return _trailing(source.read_at(at + 12, 64), found, "png.trailing_size", source.size - at - 12)
        if kind in (b"IHDR", b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"):
            if length > 4 * 1024 * 1024:
                found.unread()
            else:
                _chunk(kind, source.read_at(at + 8, length), found)
        elif kind == b"caBX":
            _credentials(found, "png")
        at += 12 + length
    return found.unread()


def read_webp(source: Source, found: Found) -> None:
    """Walk a WebP's chunks; image data is skipped."""
    at = 12
    for _ in range(_SEGMENTS * 4):
        head = source.read_at(at, 8)
        if len(head) < 8:
            return
        kind, length = head[:4], int.from_bytes(head[4:], "little")
        if kind == b"VP8X" and length >= 10:
            body = source.read_at(at + 8, 10)
            found.add("image.width", int.from_bytes(body[4:7], "little") + 1)
            found.add("image.height", int.from_bytes(body[7:10], "little") + 1)
        elif kind in (b"EXIF", b"XMP "):
            body = source.read_at(at + 8, length)
            if kind == b"EXIF":
                exif.read_exif(io.BytesIO(body.removeprefix(b"Exif\0\0")), found)
            else:
                xmp.read_packet(body, found)
        elif kind == b"C2PA":
            _credentials(found, "webp")
        at += 8 + length + length % 2
    found.unread()


def read_gif(source: Source, found: Found) -> None:
    """Add size and XMP; other GIF comments are not looked for."""
    head = source.read_at(0, 10)
    found.add("image.width", int.from_bytes(head[6:8], "little"))
    found.add("image.height", int.from_bytes(head[8:10], "little"))
    found.unread()
    xmp.find_packets(source, found)


def read_tiff(source: Source, found: Found) -> None:
    """Add EXIF and XMP of a TIFF, or of a raw photo built like one."""
    exif.read_exif(source.open(), found)
    xmp.find_packets(source, found)


def read_heif(source: Source, found: Found) -> None:
    """Add EXIF and XMP of a HEIC, HEIF or AVIF image."""
    file = source.open()
    file.seek(8)
    if file.read(4) in (b"heic", b"avif", b"mif1"):
        exif.read_exif(file, found)
    else:
        found.unread()
    xmp.find_packets(source, found)


def _segment(kind: int, payload: bytes, found: Found, prefix: str) -> None:
    if kind == 0xE1 and payload.startswith(_EXIF):
        exif.read_exif(io.BytesIO(payload[6:]), found, f"{prefix}exif")
    elif kind == 0xE1 and payload.startswith(_XMP):
        xmp.read_packet(payload[len(_XMP) :], found, f"{prefix}xmp")
    elif kind == 0xE1 and payload.startswith(_MORE_XMP):
        found.unread()
    elif kind == 0xE0 and payload.startswith(b"JFXX\0"):
        found.disclose("preview")
    elif kind == 0xEB and payload.startswith(b"JP"):
        _credentials(found, "jpeg")
    elif kind == 0xED and payload.startswith(b"Photoshop 3.0\0"):
        _iptc(payload[14:], found, f"{prefix}iptc")
    elif kind == 0xFE:
        found.add(f"{prefix}jpeg.comment", payload, "history")
    elif kind in _FRAMES and len(payload) >= 5 and not prefix:
        found.add("image.width", int.from_bytes(payload[3:5], "big"))
        found.add("image.height", int.from_bytes(payload[1:3], "big"))


def _iptc(data: bytes, found: Found, prefix: str) -> None:
    at = data.find(b"8BIM\x04\x04")
    if at < 0:
        return
    name_length = data[at + 6] if at + 6 < len(data) else 0
    at += 7 + name_length + (1 - name_length % 2)
    end = at + 4 + int.from_bytes(data[at : at + 4], "big")
    at += 4
    while at + 5 <= min(end, len(data)) and data[at] == 0x1C:
        record, number, length = data[at + 1], data[at + 2], int.from_bytes(data[at + 3 : at + 5], "big")
        if length > 0x7FFF:
            return found.unread()
        if record == 2 and number in _IPTC:
            name, kind = _IPTC[number]
            found.add(f"{prefix}.{name}", data[at + 5 : at + 5 + length], kind)
        at += 5 + length
    return None


def _chunk(kind: bytes, body: bytes, found: Found) -> None:
    if kind == b"IHDR":
        found.add("image.width", int.from_bytes(body[:4], "big"))
        found.add("image.height", int.from_bytes(body[4:8], "big"))
    elif kind == b"eXIf":
        exif.read_exif(io.BytesIO(body), found)
    elif kind == b"tIME" and len(body) == 7:
        found.add("png.time", f"{int.from_bytes(body[:2], 'big')} {' '.join(str(part) for part in body[2:])}", "time")
    elif kind in (b"tEXt", b"zTXt", b"iTXt"):
        _png_text(kind, body, found)


def _png_text(kind: bytes, body: bytes, found: Found) -> None:
    key, _, rest = body.partition(b"\0")
    packed = kind == b"zTXt"
    if kind == b"iTXt":
        packed, rest = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
    elif packed:
        rest = rest[1:]
    if packed:
        unpacker = zlib.decompressobj()
        rest = unpacker.decompress(rest, _TEXT_SIZE)
        if unpacker.unconsumed_tail:
            found.unread()
    if key == b"XML:com.adobe.xmp":
        return xmp.read_packet(rest, found)
    if key.startswith(b"Raw profile type"):
        found.unread()
    name = safe_name(text(key))
    found.add(f"png.text.{name}", rest, _PNG_KINDS.get(name, ""))
    return None


def _credentials(found: Found, family: str) -> None:
    # Content Credentials (C2PA) name device, program and edits; they are signed structures nothing here reads.
    found.add(f"{family}.content_credentials", True, "history")
    found.unread()


def _trailing(rest: bytes, found: Found, name: str, size: int = -1) -> None:
    size = len(rest) if size < 0 else size
    if size <= 0 or not rest.strip(b"\0"):
        return
    found.add(name, size, "preview")
    # A phone may hang a film or a second picture here; neither is looked into.
    found.unread()


def _cut_off(found: Found) -> None:
    found.failed = True
