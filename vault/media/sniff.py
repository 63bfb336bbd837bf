"""What kind of file these bytes are, and which reader looks into it.

Kinds with a reader are recognised here, by their own specifications; the long tail of others by `puremagic`, whose
table of two- and three-byte marks is ignored. The name a file came with is never asked.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Final

import puremagic

from vault.media import audio, boxes, image, office, pdf
from vault.media.source import Found, LimitError, Source

Reader = Callable[[Source, Found], None]

_HEAD: Final = 4096
_FOOT: Final = 1024
_STEP: Final = 1024 * 1024
_MARK: Final = 4
_TEXT_SIZE: Final = 16
_TYPE: Final = re.compile(r"(image|video|audio|text|font)/[a-z0-9][a-z0-9.+-]{0,63}\Z")
_PASSIVE: Final = {
    "application/x-7z-compressed": "7z",
    "application/x-rar-compressed": "rar",
    "application/vnd.rar": "rar",
    "application/x-gzip": "gz",
    "application/gzip": "gz",
    "application/x-bzip2": "bz2",
    "application/x-xz": "xz",
    "application/x-tar": "tar",
    "application/rtf": "rtf",
    "application/postscript": "ps",
    "application/pgp-encrypted": "pgp",
    "application/vnd.sqlite3": "sqlite",
    "application/x-sqlite3": "sqlite",
    "application/vnd.tcpdump.pcap": "pcap",
}
_FIXED: Final[tuple[tuple[bytes, str, str, Reader | None], ...]] = (
    (b"\xff\xd8\xff", "image/jpeg", "jpg", image.read_jpeg),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png", image.read_png),
    (b"GIF87a", "image/gif", "gif", image.read_gif),
    (b"GIF89a", "image/gif", "gif", image.read_gif),
    (b"II*\0", "image/tiff", "tif", image.read_tiff),
    (b"MM\0*", "image/tiff", "tif", image.read_tiff),
    (b"%PDF-", "application/pdf", "pdf", pdf.read_pdf),
    (b"PK\3\4", "application/zip", "zip", office.read_zip),
    (b"PK\5\6", "application/zip", "zip", office.read_zip),
    (b"fLaC", "audio/flac", "flac", audio.read_flac),
    (b"OggS", "audio/ogg", "ogg", audio.read_ogg),
    (b"ID3", "audio/mpeg", "mp3", audio.read_mp3),
    (b"#!AMR\n", "audio/amr", "amr", None),
    (b"#!AMR-WB\n", "audio/amr-wb", "awb", None),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage", "ole", None),
    (b"age-encryption.org/v1\n", "application/x-age-encryption", "age", None),
    (b"\x1f\x8b\x08", "application/gzip", "gz", None),
    (b"\0\0\1\xba", "video/mpeg", "mpg", None),
    (b"\xff\xf1", "audio/aac", "aac", None),
    (b"\xff\xf9", "audio/aac", "aac", None),
    (b"BZh", "application/x-bzip2", "bz2", None),
    (b"MZ", "application/x-msdownload", "bin", None),
    (b"\x7fELF", "application/x-elf", "bin", None),
)
_RIFF: Final[dict[bytes, tuple[str, str, Reader]]] = {
    b"WEBP": ("image/webp", "webp", image.read_webp),
    b"WAVE": ("audio/wav", "wav", audio.read_riff),
    b"AVI ": ("video/x-msvideo", "avi", audio.read_riff),
}
_BRANDS: Final[dict[bytes, tuple[str, str, Reader]]] = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), ("image/heic", "heic", image.read_heif)),
    **dict.fromkeys((b"mif1", b"msf1"), ("image/heif", "heif", image.read_heif)),
    **dict.fromkeys((b"avif", b"avis"), ("image/avif", "avif", image.read_heif)),
    b"qt  ": ("video/quicktime", "mov", boxes.read_boxes),
    **dict.fromkeys((b"M4A ", b"M4B "), ("audio/mp4", "m4a", boxes.read_boxes)),
    **dict.fromkeys((b"3gp4", b"3gp5", b"3gp6", b"3gp7", b"3gr6", b"3gs7"), ("video/3gpp", "3gp", boxes.read_boxes)),
    **dict.fromkeys((b"3g2a", b"3g2b", b"3g2c"), ("video/3gpp2", "3g2", boxes.read_boxes)),
}
_MARKUP: Final = (
    (re.compile(r"<!doctype html|<html[\s>]", re.IGNORECASE), "text/html", "html"),
    (
        re.compile(r"(<\?xml[^>]{0,200}\?>\s*)?(<!--[^>]{0,1000}-->\s*)?(<!DOCTYPE svg[^>]{0,500}>\s*)?<svg[\s>]"),
        "image/svg+xml",
        "svg",
    ),
    (re.compile(r"<\?xml\s"), "application/xml", "xml"),
    (re.compile(r"BEGIN:VCARD\r?\n", re.IGNORECASE), "text/vcard", "vcf"),
    (re.compile(r"\{\\rtf1"), "application/rtf", "rtf"),
)
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_BITMAP_HEADERS: Final = (12, 40, 56, 108, 124)
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def look(source: Source, found: Found) -> None:
    """Recognise the file and let its reader add facts.

    Raises:
        Exception: What a reader or its library raises; the type found so far stands.
    """
    head = source.read_at(0, _HEAD)
    if not head:
        found.media_type = "application/x-empty"
        return
    known = _known(head)
    if known is not None:
        found.media_type, found.extension, reader = known
        return reader(source, found) if reader else _without_reader(found)
    if _read_text(source, head, found):
        return None
    if re.match(rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]", head):
        found.media_type, found.extension = "audio/mpeg", "mp3"
        return audio.read_mp3(source, found)
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"):
        found.media_type, found.extension = "video/quicktime", "mov"
        return boxes.read_boxes(source, found)
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS:
        found.media_type, found.extension = "image/bmp", "bmp"
        return None
    _other(source, head, found)
    return found.unread()


def _known(head: bytes) -> tuple[str, str, Reader | None] | None:
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], ("video/mp4", "mp4", boxes.read_boxes))
    if head[:4] == b"\x1aE\xdf\xa3":
        return ("video/webm", "webm", None) if b"webm" in head[:64] else ("video/x-matroska", "mkv", None)
    if head[257:262] == b"ustar":
        return ("application/x-tar", "tar", None)
    return next(((kind, end, reader) for mark, kind, end, reader in _FIXED if head.startswith(mark)), None)


def _without_reader(found: Found) -> None:
    # AMR has no place for metadata at all; every other kind without a reader may hold some.
    if not found.media_type.startswith("audio/amr"):
        found.unread()


def _read_text(source: Source, head: bytes, found: Found) -> bool:
    encoding = next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
    decoder = codecs.getincrementaldecoder(encoding)()
    lines, characters, last, at = 0, 0, "", 0
    try:
        while at < source.size:
            part = decoder.decode(source.read_at(at, _STEP), at + _STEP >= source.size)
            at += _STEP
            if _CONTROLS.search(part):
                return False
            lines += part.count("\n")
            characters += len(part)
            last = part[-1:] or last
    except UnicodeDecodeError:
        return False
    except LimitError:
        found.unread()
    else:
        found.add("text.lines", lines + (last != "\n"))
        found.add("text.characters", characters - encoding.startswith("utf-16"))
    found.add("text.encoding", encoding)
    found.media_type, found.extension = "text/plain", "txt"
    start = head.decode(encoding, "ignore").lstrip("\ufeff \t\r\n")
    for pattern, media_type, extension in _MARKUP:
        if pattern.match(start):
            found.media_type, found.extension = media_type, extension
            found.unread()
            break
    return True


def _other(source: Source, head: bytes, found: Found) -> None:
    if len(head) >= _TEXT_SIZE and not _CONTROLS.search(head.decode("latin-1")):
        # Text in an older encoding (GBK, Windows-1251, ...): which one, the bytes do not say.
        found.media_type, found.extension = "text/plain", "txt"
        found.add("text.encoding", "unknown")
    foot = source.read_at(max(0, source.size - _FOOT), _FOOT)
    try:
        matches = puremagic.magic_string(head + foot)
    except (puremagic.PureError, ValueError):
        return
    for match in matches:
        if len(match.byte_match) < _MARK or match.offset < 0:
            continue
        extension = match.extension.removeprefix(".").lower()
        if match.mime_type in _PASSIVE:
            found.media_type, found.extension = match.mime_type, _PASSIVE[match.mime_type]
            return
        if _TYPE.match(match.mime_type) and re.fullmatch(r"[a-z0-9]{1,8}", extension):
            found.media_type, found.extension = match.mime_type, extension
            return
