"""Office documents in ZIP (OOXML, OpenDocument): properties, editors' names, previews, and photos with EXIF inside.

Members are unpacked one at a time within limits; nothing is written anywhere. Plain ZIP files are counted, not looked
into.

Spec: ECMA-376 part 2 §11 (core properties), OASIS OpenDocument 1.3 part 3 (meta.xml); docs/formats/media-facts.md
"""

from __future__ import annotations

import re
import zipfile
from typing import Final

from vault.media import image
from vault.media.source import Found, LimitError, Source, safe_name
from vault.media.xmp import parse_xml

KINDS: Final = {
    "word/": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    "xl/": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    "ppt/": ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"),
}
OPEN_KINDS: Final = {
    b"application/vnd.oasis.opendocument.text": "odt",
    b"application/vnd.oasis.opendocument.spreadsheet": "ods",
    b"application/vnd.oasis.opendocument.presentation": "odp",
    b"application/vnd.oasis.opendocument.graphics": "odg",
    b"application/epub+zip": "epub",
}
_ENTRIES: Final = 20_000
_MEMBER_SIZE: Final = 8 * 1024 * 1024
_UNPACKED_SIZE: Final = 48 * 1024 * 1024
_PHOTOS: Final = 16
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_PROPERTIES: Final = {
    "docprops/core.xml": "core",
    "docprops/app.xml": "app",
    "docprops/custom.xml": "custom",
    "meta.xml": "meta",
}
_EDITED: Final = re.compile(
    r"word/(document|comments\w*|footnotes|endnotes|header\d*|footer\d*|people)\.xml$|ppt/(commentAuthors|authors)\.xml$"
    r"|xl/(comments/?\w*|persons/person\d*|threadedComments/\w+)\.xml$|content\.xml$",
    re.IGNORECASE,
)
_EDITOR: Final = re.compile(
    rb"\s(?:w:author|w15:author|displayName)=\"([^\"<]{1,400})\""
    rb"|<p(?:188)?:(?:cmAuthor|author) [^>]{0,200}?\bname=\"([^\"<]{1,400})\""
    rb"|<(?:author|dc:creator)>([^<]{1,400})</"
)
_PICTURE: Final = re.compile(r"(word|xl|ppt)/media/.*\.jpe?g$|pictures/.*\.jpe?g$", re.IGNORECASE)
_PREVIEW: Final = re.compile(r"(docprops/thumbnail\.\w+|thumbnails/thumbnail\.png)$", re.IGNORECASE)
_ENTITIES: Final = ((b"&lt;", b"<"), (b"&gt;", b">"), (b"&quot;", b'"'), (b"&apos;", b"'"), (b"&amp;", b"&"))
_FACTS: Final = 60
_COUNTS: Final = re.compile(
    r"(characters\w*|lines|paragraphs|words|slides|notes|hidden_slides|mm_clips|scale_crop|shared_doc|doc_security|i4|lpstr"
    r"|links_up_to_date|hyperlinks_changed|presentation_format)$"
)
_KINDS_OF: Final = (
    ("author", re.compile(r"creator|modifiedby|modified_by|author|manager|company|printed_by")),
    ("time", re.compile(r"created|modified|date|last_printed|print_date")),
    ("history", re.compile(r"revision|application|app_version|generator|template|total_time|editing|custom")),
)


def read_zip(source: Source, found: Found) -> None:
    """Recognise and read an office document; set the media type.

    Raises:
        Exception: What `zipfile` raises on damage.
    """
    found.media_type, found.extension = "application/zip", "zip"
    with zipfile.ZipFile(source.open()) as archive:
        entries = archive.infolist()
        if len(entries) > _ENTRIES:
            raise LimitError
        names = {entry.filename: entry for entry in entries}
        prefix = next((p for p in KINDS if any(name.startswith(p) for name in names)), "")
        mimetype = names.get("mimetype")
        reader = _Reader(archive, found)
        kind = reader.read(mimetype, 128) if mimetype is not None and mimetype.file_size <= 128 else b""
        if "[Content_Types].xml" in names and prefix:
            found.media_type, found.extension = KINDS[prefix]
        elif kind in OPEN_KINDS:
            found.media_type, found.extension = kind.decode("ascii"), OPEN_KINDS[kind]
        else:
            found.add("zip.entries", len(entries))
            return found.unread()
        if found.extension == "epub" or any(entry.flag_bits & 1 for entry in entries):
            found.unread()
        reader.document(entries)
    return None


class _Reader:
    def __init__(self, archive: zipfile.ZipFile, found: Found) -> None:
        self._archive = archive
        self._found = found
        self._room = _UNPACKED_SIZE

    def read(self, entry: zipfile.ZipInfo, limit: int = _MEMBER_SIZE) -> bytes:
        """Unpack up to `limit` bytes of one member."""
        limit = min(limit, self._room)
        if entry.compress_type not in _METHODS or entry.flag_bits & 1:
            self._found.unread()
            return b""
        with self._archive.open(entry) as member:
            data = member.read(limit + 1)
        self._room -= min(len(data), limit)
        if len(data) > limit:
            self._found.unread()
            return b""
        return data

    def document(self, entries: list[zipfile.ZipInfo]) -> None:
        """Add what the members of an office document say."""
        photos = 0
        for entry in entries:
            name = entry.filename.lower()
            if name in _PROPERTIES:
                self._properties(_PROPERTIES[name], self.read(entry, 1024 * 1024))
            elif _EDITED.match(name):
                self._editors(self.read(entry))
            elif _PREVIEW.match(name):
                self._found.disclose("preview")
            elif _PICTURE.match(name):
                photos += 1
                if photos > _PHOTOS:
                    self._found.unread()
                    continue
                image.read_jpeg_bytes(self.read(entry), self._found, f"embedded.image{photos}.")

    def _properties(self, part: str, data: bytes) -> None:
        if not data:
            return
        for count, element in enumerate(parse_xml(data).iter()):
            if count >= _FACTS:
                return self._found.unread()
            given = next((value for key, value in element.attrib.items() if key.endswith("name")), "")
            name = safe_name(element.tag.rpartition("}")[2])
            if given and part == "custom":
                self._found.add("office.custom.name", given, "history")
            if element.text and element.text.strip() and not (part == "app" and _COUNTS.match(name)):
                full = f"office.{part}.{safe_name(given) if part == 'meta' and given else name}"
                kind = next((kind for kind, words in _KINDS_OF if words.search(full)), "")
                self._found.add(full, element.text, kind)
        return None

    def _editors(self, data: bytes) -> None:
        seen = list(dict.fromkeys(next(filter(None, groups)) for groups in _EDITOR.findall(data)))
        for name in seen[:64]:
            for entity, plain in _ENTITIES:
                name = name.replace(entity, plain)
            self._found.add("office.editor", name, "author")
        if len(seen) > 64:
            self._found.unread()
