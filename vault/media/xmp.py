"""XMP packets (Adobe's metadata in RDF/XML) and other small XML documents, flattened into facts.

Only documents without a document type definition are parsed: no entities can be declared, so none can explode.

Spec: ISO 16684-1 (XMP); docs/formats/media-facts.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree

from vault.media.source import Found, Source, safe_name

_PREFIXES: Final = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/xap/1.0/mm/": "mm",
    "http://ns.adobe.com/xap/1.0/rights/": "rights",
    "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#": "event",
    "http://ns.adobe.com/xap/1.0/sType/ResourceRef#": "ref",
    "http://ns.adobe.com/xap/1.0/g/img/": "thumbnail",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://cipa.jp/exif/1.0/": "exif",
    "http://ns.adobe.com/exif/1.0/aux/": "aux",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/pdf/1.3/": "pdf",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "iptc",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "iptc",
    "http://ns.google.com/photos/1.0/camera/": "camera",
    "http://ns.google.com/photos/1.0/container/": "container",
}
_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XML: Final = "http://www.w3.org/XML/1998/namespace"
_KINDS: Final = (
    ("preview", re.compile(r"(?i)thumbnail")),
    ("time", re.compile(r"(?i)date|(?<!life)time|when")),
    (
        "location",
        re.compile(r"(?i)gps|latitude|longitude|photoshop\.(city|state|country)|location|countrycode|iptc\.city"),
    ),
    ("device", re.compile(r"(?i)tiff\.(make|model|software)|serial|lens|firmware")),
    (
        "author",
        re.compile(
            r"(?i)creator$|author|rights\.(owner|webstatement)|dc\.(rights|contributor|publisher)|credit|byline|writer|person"
        ),
    ),
    (
        "history",
        re.compile(
            r"(?i)creatortool|producer|\.mm\.|event|\.ref\.|history|instanceid|documentid|softwareagent|revision"
        ),
    ),
)
_START: Final = re.compile(rb"<(?:[A-Za-z]+:)?(?:xmpmeta|RDF)[\s>]")
_END: Final = re.compile(rb"</(?:[A-Za-z]+:)?(xmpmeta|RDF)\s*>")
_PACKET_SIZE: Final = 1024 * 1024
_WINDOW: Final = 4 * 1024 * 1024
_FACTS: Final = 80


class _Builder(ElementTree.TreeBuilder):
    def doctype(self, *_: object) -> None:
        raise ValueError("document type definition")


def read_packet(packet: bytes, found: Found, prefix: str = "xmp") -> None:
    """Add every property of one XMP packet.

    Raises:
        Exception: What the XML parser raises on damage.
    """
    start, ends = _START.search(packet), list(_END.finditer(packet[:_PACKET_SIZE]))
    if start is None or not ends or len(packet) > _PACKET_SIZE:
        return found.unread()
    for count, (path, value) in enumerate(_leaves(parse_xml(packet[start.start() : ends[-1].end()]))):
        if count >= _FACTS:
            return found.unread()
        name = f"{prefix}.{path}"
        found.add(name, value, next((kind for kind, pattern in _KINDS if pattern.search(name.replace("_", ""))), ""))
    return None


def find_packets(source: Source, found: Found, limit: int = 4) -> None:
    """Look for packets in the first and last 4 MiB of a file whose structure is not walked."""
    windows = [source.read_at(0, _WINDOW)]
    if source.size > _WINDOW:
        tail = max(_WINDOW, source.size - _WINDOW)
        windows.append(source.read_at(tail, _WINDOW))
    for window in windows:
        find_packets_in(window, found, limit)


def find_packets_in(data: bytes, found: Found, limit: int = 4) -> None:
    """Add the properties of the first `limit` packets that lie uncompressed in `data`."""
    at = 0
    for _ in range(limit):
        start = data.find(b"<x:xmpmeta", at)
        end = data.find(b"</x:xmpmeta>", start, start + _PACKET_SIZE) if start >= 0 else -1
        if end < 0:
            return
        at = end + 12
        read_packet(data[start:at], found)


def parse_xml(data: bytes) -> ElementTree.Element:
    """Parse one small XML document without a document type definition.

    Raises:
        ValueError: It has one, or it is no XML.
    """
    try:
        # The child has no keys, no files and little memory, and a declaration ends the parsing before its first entity.
        return ElementTree.fromstring(data, ElementTree.XMLParser(target=_Builder()))  # noqa: S314
    except ElementTree.ParseError as error:
        raise ValueError("not XML") from error


def _leaves(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    stack: list[tuple[ElementTree.Element, tuple[str, ...]]] = [(root, ())]
    while stack:
        element, above = stack.pop()
        part = _part(element.tag)
        here = (*above, part)[-2:] if part else above
        for name, value in element.attrib.items():
            leaf = _part(name)
            if leaf:
                yield ".".join((*here, leaf)[-2:]), value
        if element.text and element.text.strip() and here:
            yield ".".join(here), element.text
        if len(stack) < 10_000:
            stack.extend((child, here) for child in reversed(element))


def _part(tag: str) -> str:
    space, _, name = tag[1:].rpartition("}") if tag.startswith("{") else ("", "", tag)
    if space in (_RDF, _XML, "adobe:ns:meta/", ""):
        return ""
    return f"{_PREFIXES.get(space, 'other')}.{safe_name(name)}"
