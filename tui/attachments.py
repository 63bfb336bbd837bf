"""What is said of an attachment in lists and questions: name, kind, what it gives away."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Final

from tui.i18n import N_, _, language, listed
from tui.text import one_line
from vault import api
from vault.model import Attachment, Json

_KINDS: Final[Mapping[str, str]] = {
    "image": N_("picture"),
    "video": N_("film"),
    "audio": N_("sound"),
    "text": N_("text"),
    "font": N_("font"),
}
_LONGEST_STEM: Final = 60
_SAFE: Final = frozenset("._- ")


def name_of(one: Attachment) -> str:
    """Return the name it came with, else its description, as one safe line; else that it has none."""
    if one.deleted:
        return _("(deleted)")
    given = one.fields.get("original_name") or one.fields.get("description") or ""
    return one_line(given, 1000) if str(given).strip() else _("(without a name)")


def kind_of(one: Attachment) -> str:
    """Return what kind of file it is, by its bytes, in a word or two."""
    if one.deleted or not one.media_type:
        return ""
    general = _KINDS.get(one.media_type.partition("/")[0])
    extension = one_line(one.extension, 8)
    if general:
        return f"{_(general)} {extension}".strip()
    return extension.upper() if extension and extension != "bin" else _("not known")


def inside(fields: Mapping[str, Json]) -> str:
    """Return in words which kinds of information about people and places lie in a file; empty where none was found."""
    found = fields.get("discloses")
    if found is None and "sha256" in fields:
        return _("not known here")
    schema = api.schemas()["attachment"]
    field = schema.field("discloses")
    labels = {term.code: term.label(language()) for term in field.vocabulary} if field else {}
    codes = [str(code) for code in found] if isinstance(found, list) else []
    return listed(labels.get(code, one_line(code, 20)).lower() for code in codes)


def suggested_name(one: Attachment) -> str:
    """Return a harmless name to write it to; its ending says what the bytes are, whatever it was called."""
    given = unicodedata.normalize("NFC", str(one.fields.get("original_name") or ""))
    kept = "".join(
        letter if letter in _SAFE or unicodedata.category(letter)[0] in "LNM" else "_"
        for letter in given[: 2 * _LONGEST_STEM]
    )
    extension = one.extension if one.extension.isascii() and one.extension.isalnum() else "bin"
    stem = kept[: -len(extension) - 1] if kept.lower().endswith(f".{extension}") else kept
    stem = stem.strip(" .-_")[:_LONGEST_STEM].strip(" .-_")
    return f"{stem or one.id[:12]}.{extension}"
