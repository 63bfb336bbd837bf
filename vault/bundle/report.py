"""The readable copies in a bag: ``report.html`` and ``records/<id>.json``, made from verified values only.

Both are deterministic, so that a reader makes them again from the signed originals and compares bytes; the shipped
ones are never shown. The page is one file without scripts, links or remote addresses; everything from outside is
escaped, and characters that could hide or turn round text are shown as ``[U+XXXX]``.

Spec: docs/formats/bundle.md, "Readable copies".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from vault.bundle.contents import IncomingAttachment
from vault.bundle.manifest import Description
from vault.formats import jcs
from vault.formats.custody_entry import EntryView
from vault.formats.record import RecordView
from vault.formats.ssh_keys import ssh_fingerprint
from vault.model import Json

_STYLE = (
    "body{max-width:52em;margin:2em auto;padding:0 1em;line-height:1.5;font-family:'Noto Sans','Noto Sans SC',"
    "'Noto Naskh Arabic','Noto Serif Tibetan','Microsoft YaHei','Microsoft Himalaya',sans-serif}"
    "p{white-space:pre-wrap;overflow-wrap:anywhere;margin:0}section{border-top:1px solid;margin-top:1.5em}"
    "dt{font-weight:bold;margin-top:.5em}dd{margin-inline-start:1.5em}"
)
_HEAD = (
    '<!DOCTYPE html>\n<html lang="en" dir="ltr">\n<head>\n<meta charset="utf-8">\n'
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    f"<title>Evidence bundle</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
)
_NOTE = (
    "This page is a copy for reading. It proves nothing by itself: VERIFY.txt says how to check the bag. "
    "Times are claims of the sender. "
    'Of custody entries, and of records with "withheld": true, some parts may be withheld.'
)

# Controls, and marks that turn the direction of what follows or cannot be seen; joiners (U+200C, U+200D) and the simple
# direction marks (U+200E, U+200F, U+061C) stay, because scripts need them.
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_SPECIAL = re.compile("[&<>\"']")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\Z")


def record_copy(view: RecordView) -> bytes:
    """Return the bytes of ``records/<id>.json``: what the record discloses, in canonical JSON."""
    return jcs.encode(_copy(view))


def report_html(
    description: Description,
    records: Iterable[RecordView],
    attachments: Sequence[IncomingAttachment],
    entries: Iterable[EntryView],
) -> bytes:
    """Return the bytes of ``report.html``; arguments as of `report_pieces`."""
    return b"".join(report_pieces(description, records, attachments, entries))


def report_pieces(
    description: Description,
    records: Iterable[RecordView],
    attachments: Sequence[IncomingAttachment],
    entries: Iterable[EntryView],
) -> Iterator[bytes]:
    """Yield the bytes of ``report.html`` in pieces, so that a reader can compare the page without making it whole.

    Args:
        description: Of the bundle; its contents and their digests are not used, since they name this very page.
        records: Any order; the page puts testimony and other records first, descriptions of attachments after them.
        attachments: In the order of their ids.
        entries: In the order of their numbers.
    """
    files: list[Json] = [{"path": item.path, "sha256": item.sha256, "size": item.size} for item in attachments]
    yield f"{_HEAD}<h1>Evidence bundle</h1>\n<p>{_NOTE}</p>\n".encode()
    yield _section("Bundle", {**description.value(), "contents": files}).encode()
    for view in sorted(records, key=lambda v: (v.type == "attachment", v.type, v.id)):
        yield _section(f"{view.type} {view.id}", _copy(view)).encode()
    for entry in entries:
        about = {"epoch": entry.epoch, "event": entry.event, "number": entry.number}
        yield _section(f"Custody entry {entry.number}", about).encode()
    yield b"</body>\n</html>\n"


def _copy(view: RecordView) -> dict[str, Json]:
    return {
        "digest": view.digest,
        "fields": view.fields,
        "id": view.id,
        "meta": view.meta,
        "signer": ssh_fingerprint(view.signer),
        "type": view.type,
        "version": view.version,
        "withheld": view.withheld,
    }


def _section(title: str, value: dict[str, Json]) -> str:
    return f"<section>\n<h2>{_text(title)}</h2>\n{_render(value)}</section>\n"


def _render(value: Json) -> str:
    """Return a value as nested lists: members in the order of canonical JSON, elements in their own."""
    if isinstance(value, dict):
        language = value.get("language")
        attribute = f' lang="{language}"' if isinstance(language, str) and _LANGUAGE.match(language) else ""
        items = "".join(
            f"<dt>\n{_render(name)}</dt>\n<dd>\n{_render(value[name])}</dd>\n"
            for name in sorted(value, key=lambda n: n.encode("utf-16-be"))
        )
        return f"<dl{attribute}>\n{items}</dl>\n"
    if isinstance(value, list):
        items = "".join(f"<li>\n{_render(item)}</li>\n" for item in value)
        return f"<ul>\n{items}</ul>\n"
    text = value if isinstance(value, str) else jcs.encode(value).decode()
    return f'<p dir="auto">{_text(text)}</p>\n'


def _text(text: str) -> str:
    escaped = _SPECIAL.sub(lambda found: _ENTITIES[found[0]], text)
    return _HIDDEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", escaped)
