"""Sound and RIFF files: ID3 and ID3v1, Vorbis comments in FLAC and Ogg, INFO and `bext` chunks in WAV and AVI.

Spec: ID3 2.2 to 2.4, RFC 9639 §8.6 (FLAC), Xiph Vorbis comment, EBU Tech 3285 (`bext`); docs/formats/media-facts.md
"""

from __future__ import annotations

import re
from typing import Final

from vault.media.source import Found, Source, safe_name

_TAG_SIZE: Final = 4 * 1024 * 1024
_COMMENTS: Final = 200
_CHUNKS: Final = 2000
_PAGES: Final = 64
_PICTURES: Final = ("APIC", "PIC")
_ENCODINGS: Final = ("latin-1", "utf-16", "utf-16-be", "utf-8")
_FRAME_NAMES: Final = {
    **dict.fromkeys(("TIT2", "TT2"), "title"),
    **dict.fromkeys(("TPE1", "TP1"), "artist"),
    **dict.fromkeys(("TALB", "TAL"), "album"),
    **dict.fromkeys(("TCOM", "TCM"), "composer"),
    **dict.fromkeys(("TCOP", "TCR"), "copyright"),
    **dict.fromkeys(("TENC", "TEN"), "encoded_by"),
    **dict.fromkeys(("TSSE", "TSS"), "encoder"),
    **dict.fromkeys(("TOWN",), "owner"),
    **dict.fromkeys(("TDRC", "TYER", "TYE"), "date"),
    **dict.fromkeys(("TDEN",), "encoding_time"),
    **dict.fromkeys(("TDTG",), "tagging_time"),
    **dict.fromkeys(("TXXX", "TXX"), "user_text"),
    **dict.fromkeys(("COMM", "COM"), "comment"),
}
_INFO_NAMES: Final = {
    b"IART": "artist",
    b"ICOP": "copyright",
    b"ICRD": "date",
    b"IDIT": "digitization_date",
    b"ISFT": "software",
    b"INAM": "title",
    b"ICMT": "comment",
    b"IENG": "engineer",
    b"ITCH": "technician",
    b"ISRC": "source",
    b"ISRF": "source_form",
    b"IMED": "medium",
}
_KINDS: Final = (
    ("time", re.compile(r"date|(?<!life)time$|year")),
    ("location", re.compile(r"location|gps|latitude|longitude|place")),
    ("device", re.compile(r"software|device|make|model|source|android|serial|originator_reference")),
    (
        "author",
        re.compile(
            r"artist|composer|copyright|encoded_by|owner|engineer|technician|author|performer|contact|organi|originator"
        ),
    ),
    ("history", re.compile(r"encoder|coding_history|vendor")),
)


def read_mp3(source: Source, found: Found) -> None:
    """Add ID3v2 at the start and ID3v1 at the end."""
    head = source.read_at(0, 10)
    if head[:3] == b"ID3":
        _id3(head, source.read_at(10, min(_synchsafe(head[6:10]), _TAG_SIZE)), found)
        if _synchsafe(head[6:10]) > _TAG_SIZE:
            found.unread()
    tail = source.read_at(max(0, source.size - 128), 128)
    if tail[:3] == b"TAG" and len(tail) == 128:
        for name, start, end in (
            ("title", 3, 33),
            ("artist", 33, 63),
            ("album", 63, 93),
            ("date", 93, 97),
            ("comment", 97, 125),
        ):
            _add(found, f"id3v1.{name}", tail[start:end].split(b"\0")[0])


def read_flac(source: Source, found: Found) -> None:
    """Add the Vorbis comments and pictures of a FLAC file."""
    at = 4
    for _ in range(_CHUNKS):
        head = source.read_at(at, 4)
        if len(head) < 4:
            found.failed = True
            return
        kind, length = head[0] & 0x7F, int.from_bytes(head[1:], "big")
        if kind == 4:
            _vorbis(source.read_at(at + 4, min(length, _TAG_SIZE)), found)
        elif kind == 6:
            found.disclose("preview")
        elif kind == 2:
            found.unread()
        if head[0] & 0x80:
            return
        at += 4 + length


def read_ogg(source: Source, found: Found) -> None:
    """Add the comments of an Ogg Vorbis or Opus stream: the second packet, wherever its pages end."""
    data, at = b"", 0
    for _ in range(_PAGES):
        head = source.read_at(at, 27)
        if head[:4] != b"OggS" or len(head) < 27:
            break
        table = source.read_at(at + 27, head[26])
        data += source.read_at(at + 27 + len(table), sum(table))
        at += 27 + len(table) + sum(table)
        if len(data) > _TAG_SIZE:
            break
    for mark in (b"OpusTags", b"\x03vorbis"):
        start = data.find(mark)
        if start >= 0:
            return _vorbis(data[start + len(mark) :], found)
    return found.unread()


def read_riff(source: Source, found: Found) -> None:
    """Walk the chunks of a WAV or AVI file; sound and pictures are skipped."""
    at, count, ends = 12, 0, source.size
    while at + 8 <= ends and count < _CHUNKS:
        count += 1
        head = source.read_at(at, 12)
        kind, length = head[:4], int.from_bytes(head[4:8], "little")
        if kind == b"LIST" and head[8:12] in (b"INFO", b"hdrl"):
            at += 12
            continue
        if kind in _INFO_NAMES:
            _add(found, f"riff.{_INFO_NAMES[kind]}", source.read_at(at + 8, min(length, 4096)).split(b"\0")[0])
        elif kind == b"bext":
            _bext(source.read_at(at + 8, min(length, 8192)), found)
        elif kind in (b"id3 ", b"ID3 "):
            body = source.read_at(at + 8, min(length, _TAG_SIZE))
            _id3(body[:10], body[10:], found)
        elif kind in (b"iXML", b"_PMX", b"strd"):
            found.unread()
        at += 8 + length + length % 2
    if count >= _CHUNKS:
        found.unread()


def _bext(body: bytes, found: Found) -> None:
    for name, start, end in (
        ("description", 0, 256),
        ("originator", 256, 288),
        ("originator_reference", 288, 320),
        ("origination_date", 320, 330),
        ("origination_time", 330, 338),
        ("coding_history", 602, 8192),
    ):
        _add(found, f"bext.{name}", body[start:end].split(b"\0")[0])


def _vorbis(data: bytes, found: Found) -> None:
    at, vendor = _counted(data, 0)
    _add(found, "vorbis.vendor", vendor)
    count = int.from_bytes(data[at : at + 4], "little")
    at += 4
    for _ in range(min(count, _COMMENTS)):
        at, comment = _counted(data, at)
        key, _, value = comment.partition(b"=")
        name = safe_name(key.decode("latin-1"))
        if name == "metadata_block_picture":
            found.disclose("preview")
        elif name != "unnamed":
            _add(found, f"vorbis.{name}", value)
    if count > _COMMENTS:
        found.unread()


def _counted(data: bytes, at: int) -> tuple[int, bytes]:
    length = int.from_bytes(data[at : at + 4], "little")
    if at + 4 + length > len(data) or len(data) < at + 4:
        raise ValueError("comment past the end")
    return at + 4 + length, data[at + 4 : at + 4 + length]


def _id3(head: bytes, body: bytes, found: Found) -> None:
    version, flags = head[3], head[5]
    if version not in (2, 3, 4):
        return found.unread()
    if flags & 0x80 and version < 4:
        body = body.replace(b"\xff\0", b"\xff")
    at = 0
    if flags & 0x40 and version > 2:
        at = _synchsafe(body[:4]) if version == 4 else 4 + int.from_bytes(body[:4], "big")
    wide = 3 if version == 2 else 4
    for _ in range(_COMMENTS):
        name = body[at : at + wide].decode("latin-1")
        if len(body) < at + 2 * wide or not re.fullmatch(r"[A-Z0-9]{3,4}", name):
            return None
        size = body[at + wide : at + 2 * wide]
        length = _synchsafe(size) if version == 4 else int.from_bytes(size, "big")
        at += 6 if version == 2 else 10
        _frame(name, body[at : at + length], found)
        at += length
    return found.unread()


def _frame(name: str, value: bytes, found: Found) -> None:
    if name in _PICTURES:
        found.disclose("preview")
    elif name in ("COMM", "COM") and len(value) > 4:
        _add(found, "id3.comment", _encoded(value[0], value[4:]))
    elif name.startswith("T") and value:
        _add(found, f"id3.{_FRAME_NAMES.get(name, name.lower())}", _encoded(value[0], value[1:]))
    elif name not in ("UFID", "MCDI", "POPM", "PCNT", "RVA2", "RVAD", "TLEN", "WXXX"):
        found.unread()


def _encoded(encoding: int, value: bytes) -> str:
    if encoding == 0 and any(octet > 0x7F for octet in value):
        # Declared Latin-1 is often some other encoding: the bytes stay visible.
        return value.rstrip(b"\0").decode("ascii", "backslashreplace")
    name = _ENCODINGS[encoding] if encoding < len(_ENCODINGS) else "ascii"
    return value.decode(name, "backslashreplace").rstrip("\0")


def _synchsafe(data: bytes) -> int:
    value = 0
    for octet in data[:4]:
        value = value << 7 | octet & 0x7F
    return value


def _add(found: Found, name: str, value: str | bytes) -> None:
    found.add(name, value, next((kind for kind, pattern in _KINDS if pattern.search(name)), ""))
