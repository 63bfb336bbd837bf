"""MP4, MOV and 3GP: the boxes that say when, where, with what and by whom a film or recording was made.

Media data are skipped, never read. Times are counted in seconds since 1904-01-01 00:00 UTC as the file has them; many
cameras write local time or zero.

Spec: ISO/IEC 14496-12, 3GPP TS 26.244 §8, Apple QuickTime File Format; docs/formats/media-facts.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from vault.media import xmp
from vault.media.source import Found, Source, safe_name

_EPOCH: Final = datetime(1904, 1, 1, tzinfo=UTC)
_BOXES: Final = 20_000
_DEPTH: Final = 8
_BODY: Final = 1024 * 1024
_ITEMS: Final = 200
_CONTAINERS: Final = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta", b"moof", b"edts")
_XMP_UUID: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_C2PA_UUID: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_PLACES: Final = (b"gpmd", b"camm", b"gps0")
_NAMES: Final = {
    b"\xa9xyz": "location",
    b"\xa9mak": "make",
    b"\xa9mod": "model",
    b"\xa9swr": "software",
    b"\xa9too": "encoder",
    b"\xa9enc": "encoder",
    b"\xa9nam": "title",
    b"\xa9ART": "artist",
    b"\xa9aut": "author",
    b"\xa9wrt": "writer",
    b"\xa9dir": "director",
    b"\xa9day": "date",
    b"\xa9cmt": "comment",
    b"\xa9inf": "information",
    b"\xa9cpy": "copyright",
    b"\xa9des": "description",
    b"\xa9alb": "album",
    b"\xa9fmt": "format",
    b"auth": "author",
    b"titl": "title",
    b"dscp": "description",
    b"cprt": "copyright",
    b"perf": "performer",
    b"gnre": "genre",
    b"smrd": "maker_data",
    b"apID": "account",
    b"ownr": "owner",
    b"xid ": "vendor_id",
    b"purd": "purchase_date",
    b"covr": "cover",
    b"desc": "description",
    b"name": "name",
    b"hinf": "maker_data",
}
_KINDS: Final = (
    ("location", re.compile(r"location|gps|loci|xyz|latitude|longitude|iso6709|place")),
    (
        "device",
        re.compile(r"make|model|software|android|serial|firmware|device|camera|maker|samsung|hardware|xiaomi|huawei"),
    ),
    ("author", re.compile(r"author|artist|writer|director|copyright|account|owner|performer|producer|user")),
    ("time", re.compile(r"date|time(?!scale)|created|modified")),
    ("preview", re.compile(r"cover|thumbnail|artwork")),
    ("history", re.compile(r"encoder|editor|edited|content_identifier|comment")),
)


def read_boxes(source: Source, found: Found) -> None:
    """Walk the boxes of an ISO base media or QuickTime file."""
    head = source.read_at(0, 16)
    if head[4:8] == b"ftyp":
        found.add("mp4.brand", head[8:12])
    _Walk(source, found).level(0, source.size, 0)


class _Walk:
    def __init__(self, source: Source, found: Found) -> None:
        self._source = source
        self._found = found
        self._left = _BOXES
        self._tracks = 0

    def boxes(self, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        """Yield type, start and end of each body; stop with `failed` where the structure breaks."""
        while end - start >= 8:
            self._left -= 1
            head = self._source.read_at(start, 16)
            size, kind, body = int.from_bytes(head[:4], "big"), head[4:8], start + 8
            if size == 1:
                size, body = int.from_bytes(head[8:16], "big"), start + 16
            elif size == 0:
                size = end - start
            if self._left < 0:
                return self._found.unread()
            if size < body - start or start + size > end or len(head) < 8:
                # QuickTime ends a list of user data with four zero bytes; anything else is damage.
                self._found.failed = self._found.failed or head[:4] != bytes(4)
                return None
            yield kind, body, start + size
            start += size
        return None

    def level(self, start: int, end: int, depth: int, parent: bytes = b"") -> None:
        if depth > _DEPTH:
            return self._found.unread()
        for kind, at, stop in self.boxes(start, end):
            if kind == b"trak":
                self._tracks += 1
            if kind in _CONTAINERS:
                self.level(at, stop, depth + 1, kind)
            elif kind == b"meta":
                self._meta(at, stop)
            elif parent == b"udta":
                self._user(kind, at, stop)
            elif kind in (b"mvhd", b"tkhd", b"mdhd", b"hdlr", b"stsd"):
                self._header(kind, self._body(at, stop))
            elif kind == b"uuid":
                self._extension(at, stop)
        return None

    def _body(self, at: int, stop: int) -> bytes:
        if stop - at > _BODY:
            self._found.unread()
        return self._source.read_at(at, min(stop - at, _BODY))

    def _header(self, kind: bytes, body: bytes) -> None:
        track = f"mp4.track{min(self._tracks, 99)}"
        if kind == b"hdlr":
            self._found.add(f"{track}.kind", body[8:12])
        elif kind == b"stsd":
            codec = body[12:16]
            self._found.add(f"{track}.codec", codec)
            if codec in _PLACES or b"gps" in body[:4096].lower() or b"location" in body[:4096].lower():
                self._found.disclose("location")
                self._found.unread()
        elif kind == b"tkhd" and len(body) >= 84:
            width, height = int.from_bytes(body[-8:-4], "big") >> 16, int.from_bytes(body[-4:], "big") >> 16
            if width and height:
                self._found.add(f"{track}.width", width)
                self._found.add(f"{track}.height", height)
        elif kind in (b"mvhd", b"mdhd"):
            self._times("mp4" if kind == b"mvhd" else track, body)

    def _times(self, name: str, body: bytes) -> None:
        wide = 8 if body[:1] == b"\1" else 4
        if len(body) < 4 + 3 * wide + 4:
            self._found.failed = True
            return
        numbers = [int.from_bytes(body[at : at + wide], "big") for at in (4, 4 + wide, 8 + 2 * wide)]
        scale = int.from_bytes(body[4 + 2 * wide : 8 + 2 * wide], "big")
        for what, seconds in zip(("created", "modified"), numbers[:2], strict=True):
            if seconds:
                self._found.add(f"{name}.{what}", seconds, "time")
                if seconds < 2**33:
                    moment = _EPOCH + timedelta(seconds=seconds)
                    self._found.add(f"{name}.{what}_utc", moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "time")
        self._found.add(f"{name}.duration", f"{numbers[2]}/{scale}")

    def _user(self, kind: bytes, at: int, stop: int) -> None:
        body = self._body(at, stop)
        if kind == b"loci":
            return self._loci(body)
        name = _NAMES.get(kind)
        if kind[:1] == b"\xa9" and len(body) >= 4:
            length = int.from_bytes(body[:2], "big")
            value = body[4 : 4 + length] if 4 + length <= len(body) else body
            return self._add(name or safe_name(kind[1:].decode("latin-1")), value)
        if name == "maker_data":
            return self._add(name, str(len(body)))
        if name and len(body) > 6:
            return self._add(name, _language_text(body[4:]))
        if kind not in (b"free", b"skip", bytes(4)):
            self._found.unread()
        return None

    def _loci(self, body: bytes) -> None:
        place, _, rest = body[6:].partition(b"\0")
        self._add("location.name", place)
        if len(rest) >= 13:
            signed = [int.from_bytes(rest[at : at + 4], "big", signed=True) for at in (1, 5, 9)]
            for name, value in zip(("longitude", "latitude", "altitude"), signed, strict=True):
                self._add(f"location.{name}", f"{value}/65536")

    def _meta(self, at: int, stop: int) -> None:
        # QuickTime's `meta` has no version and flags before its boxes, ISO's has.
        if self._source.read_at(at + 4, 4) != b"hdlr":
            at += 4
        keys: list[str] = []
        for kind, start, end in self.boxes(at, stop):
            if kind == b"keys":
                keys = _keys(self._body(start, end))
            elif kind == b"ilst":
                for count, (item, item_start, item_end) in enumerate(self.boxes(start, end)):
                    if count >= _ITEMS:
                        return self._found.unread()
                    self._item(item, self._body(item_start, item_end), keys)
            elif kind == b"xml ":
                self._found.unread()
        return None

    def _item(self, kind: bytes, body: bytes, keys: list[str]) -> None:
        index = int.from_bytes(kind, "big")
        name = keys[index - 1] if 1 <= index <= len(keys) else _NAMES.get(kind, "")
        if kind == b"----":
            name = safe_name(body[-64:].partition(b"name")[2][8:].partition(b"\0")[0].decode("latin-1"))
        start = body.find(b"data")
        if start < 4 or len(body) < start + 12:
            return
        length = int.from_bytes(body[start - 4 : start], "big")
        value_type, value = int.from_bytes(body[start + 4 : start + 8], "big"), body[start + 12 : start - 4 + length]
        name = name or f"item.{safe_name(kind.decode('latin-1'))}"
        if value_type == 1:
            self._add(name, value)
        elif value_type == 2:
            self._add(name, value.decode("utf-16-be", "backslashreplace"))
        elif value_type in (13, 14, 27) or name == "cover":
            self._found.disclose("preview")
        elif len(value) <= 64:
            self._add(name, value.hex())

    def _add(self, name: str, value: str | bytes) -> None:
        self._found.add(f"mp4.{name}", value, next((kind for kind, pattern in _KINDS if pattern.search(name)), ""))

    def _extension(self, at: int, stop: int) -> None:
        identity = self._source.read_at(at, 16)
        if identity == _XMP_UUID:
            xmp.read_packet(self._body(at + 16, stop), self._found)
        elif identity == _C2PA_UUID:
            self._found.add("mp4.content_credentials", True, "history")
            self._found.unread()
        else:
            self._found.unread()


def _keys(body: bytes) -> list[str]:
    names: list[str] = []
    at = 8
    while at + 8 <= len(body) and len(names) < _ITEMS:
        size = int.from_bytes(body[at : at + 4], "big")
        if size < 8:
            break
        parts = body[at + 8 : at + size].decode("latin-1").split(".")
        names.append(".".join(safe_name(part) for part in parts[:6]))
        at += size
    return names


def _language_text(body: bytes) -> str | bytes:
    # 3GPP texts: two bytes of packed language, then UTF-8, or UTF-16 with a byte order mark.
    value = body[2:]
    return value.decode("utf-16", "backslashreplace").rstrip("\0") if value[:2] in (b"\xfe\xff", b"\xff\xfe") else value
