"""EXIF inside images, read by `exifread`: which tags become facts, under which names, and what they give away.

Values are the file's own: texts as they stand, numbers as numbers, several numbers with one space between, rationals as
``numerator/denominator`` in lowest terms, bytes as hexadecimal. Nothing is converted to degrees or to a time zone.

Spec: CIPA DC-008 (Exif 2.32), TIFF 6.0; docs/formats/media-facts.md
"""

from __future__ import annotations

import re
from typing import Any, BinaryIO, Final

import exifread

from vault.media.source import Found, safe_name, text

_GROUPS: Final = {
    "Image": "image",
    "EXIF": "photo",
    "GPS": "gps",
    "Interoperability": "interop",
    "Thumbnail": "thumbnail",
    "MakerNote": "maker",
}
_SKIPPED: Final = re.compile(
    r"(Image|Thumbnail) (ExifOffset|GPSInfo|SubIFDs|StripOffsets|StripByteCounts|TileOffsets|"
    r"TileByteCounts|ApplicationNotes|JPEGInterchangeFormat(Length)?)$"
    r"|EXIF (InteroperabilityOffset|MakerNote)$|.* Tag 0x[0-9A-F]{4}$|.*[Pp]rofile$|Image (IPTC/NAA|PhotoshopSettings)$"
)
_MAKER: Final = re.compile(
    r"(?i)serial|owner|firmware|gps|latitude|longitude|identifier|unique|date|time|lens|model|name"
)
_KINDS: Final = (
    (
        "time",
        re.compile(r"GPS GPS(Date|TimeStamp)|.*(DateTime|SubSecTime|OffsetTime|TimeZone)|MakerNote .*(Date|Time)"),
    ),
    ("location", re.compile(r"GPS (?!GPSVersionID)|.*(Latitude|Longitude)")),
    ("author", re.compile(r".* (Artist|Copyright|XPAuthor|CameraOwnerName|Photographer|ImageEditor|.*Owner.*)$")),
    (
        "device",
        re.compile(
            r".* (Make|Model|Software|HostComputer|LensMake|LensModel|LensSpecification|UniqueCameraModel|"
            r"ImageUniqueID|CameraFirmware|.*Serial.*|.*Firmware.*|.*Identifier.*|.*Unique.*)$"
        ),
    ),
    ("history", re.compile(r".* (ProcessingSoftware|ImageHistory|OriginalRawFileName|DocumentName)$")),
)
_ORDER: Final = ("location", "device", "author", "time", "history", "")
_NUMBERS: Final = 24
_BYTES: Final = 512
_BYTE_TYPES: Final = (1, 6, 7)
_CHARSETS: Final = {b"ASCII\0\0\0": "ascii", b"JIS\0\0\0\0\0": "iso2022_jp", b"\0\0\0\0\0\0\0\0": "utf-8"}


def read_exif(file: BinaryIO, found: Found, prefix: str = "exif") -> None:
    """Add what EXIF holds in `file`: a TIFF structure, or an image kind that `exifread` knows.

    Raises:
        Exception: Whatever `exifread` raises on damage; the tags found before are lost then.
    """
    try:
        tags: dict[str, Any] = exifread.process_file(file, details=True, extract_thumbnail=False)
    except (ValueError, TypeError, IndexError, KeyError, AttributeError):
        # Vendor notes are the fragile part: the plain tags are worth a second try.
        tags = exifread.process_file(file, details=False, extract_thumbnail=False)
        found.unread()
    if "EXIF MakerNote" in tags:
        found.add(f"{prefix}.maker_note_size", int(tags["EXIF MakerNote"].field_length), "device")
    if any(name.startswith("Thumbnail ") for name in tags):
        found.disclose("preview")
    chosen = [(_kind(key), key) for key in tags if _wanted(key)]
    for kind, key in sorted(chosen, key=lambda item: _ORDER.index(item[0])):
        group, _, name = key.partition(" ")
        shown = safe_name(name.removeprefix("GPS") if group == "GPS" else name)
        value = _value(name, tags[key])
        if value is not None:
            found.add(f"{prefix}.{_GROUPS.get(group) or safe_name(group)}.{shown}", value, kind)


def _wanted(key: str) -> bool:
    if key.startswith("MakerNote "):
        return _MAKER.search(key) is not None and not _SKIPPED.match(key)
    return " " in key and not _SKIPPED.match(key)


def _kind(key: str) -> str:
    return next((kind for kind, pattern in _KINDS if pattern.match(key)), "")


def _value(name: str, tag: Any) -> str | int | bytes | None:
    values = tag.values
    if isinstance(values, str | bytes):
        return values
    if not isinstance(values, list):
        return str(tag.printable)
    if int(tag.field_type) in _BYTE_TYPES and len(values) > 1 and all(isinstance(v, int) for v in values):
        return _octets(name, bytes(v & 0xFF for v in values))
    if not values or len(values) > _NUMBERS:
        return None
    if len(values) == 1 and isinstance(values[0], int):
        return values[0]
    return " ".join(str(v[0]) if isinstance(v, tuple) and v else str(v) for v in values)


def _octets(name: str, data: bytes) -> str | None:
    if name.startswith("XP"):
        return data.decode("utf-16-le", "backslashreplace").rstrip("\0")
    charset = _CHARSETS.get(data[:8])
    if name in ("UserComment", "GPSProcessingMethod", "GPSAreaInformation"):
        return data[8:].rstrip(b"\0").decode(charset, "backslashreplace") if charset else text(data)
    if all(32 <= octet < 127 for octet in data.rstrip(b"\0")):
        return text(data)
    return data.hex() if len(data) <= _BYTES else None
