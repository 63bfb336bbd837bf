"""What leaves in a bundle, in words for people: fields by their labels, what files carry, and the names in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

from tui import attachments, consenting, telling
from tui.i18n import _, language, listed, ngettext
from tui.measures import size
from tui.telling import LONG, told
from tui.text import is_hidden, one_line
from vault import api
from vault.model import Json

DIGESTS: Final = frozenset({"sha256", "sha512", "size"})
"""What names the bytes of a file: all of it leaves with the file, or nothing of it."""

_NAMES: Final = frozenset(
    {"full", "family", "given", "name", "pseudonym", "witness_name", "witness_pseudonym", "interviewer", "from_whom",
     "by", "represented_by", "persons_present", "original_name", "translator", "reviewed_by", "to_whom",
     "agreed_by_name", "earlier_holders"}
)  # fmt: skip
"""Fields that hold somebody's name; file names often do."""
_LONGEST_NAME: Final = 60
_SHORTEST_NAME: Final = 2
_JOINERS: Final = "\u200c\u200d"
"""Scripts need them, and nobody sees whether they stand in a name."""


def kind_of(part: api.sealing.Part) -> str:
    """Return what kind of thing it is."""
    if part.type == "attachment":
        return _("File")
    return part.kind.label(language()) if part.kind else part.type


def title_of(part: api.sealing.Part) -> str:
    """Return which one it is, as one safe line."""
    return one_line(part.title, 1000) or _("(without a title)")


def heading_of(part: api.sealing.Part) -> str:
    """Return kind and title."""
    return _("{kind}: {title}", kind=kind_of(part), title=title_of(part))


def inside(part: api.sealing.Part) -> str:
    """Return in words what a file carries that may identify people."""
    return attachments.inside({"discloses": list(part.identifying)})


def label_of(part: api.sealing.Part, path: str) -> str:
    """Return a field's name in words, with the names of the groups it lies in."""
    return (telling.label_of(part.kind, path) if part.kind else "") or one_line(path)


def value_of(part: api.sealing.Part, said: api.sealing.Said) -> str:
    """Return what a field says, in words."""
    field = part.kind.field(said.path) if part.kind else None
    return told(field, said.value) if field else str(said.value)


def counted(part: api.sealing.Part) -> str:
    """Return how many of its fields leave."""
    listed = [one for one in part.said if not (part.type == "attachment" and one.path in DIGESTS)]
    leaves = sum(one.leaves for one in listed)
    if part.content:
        return _("file, {leaves} of {all}", leaves=leaves, all=len(listed))
    return _("{leaves} of {all}", leaves=leaves, all=len(listed))


def amount(parts: Sequence[api.sealing.Part]) -> str:
    """Return how much leaves in all."""
    files = [part for part in parts if part.content]
    records = sum(part.type != "attachment" for part in parts)
    words = [ngettext("{count} record", "{count} records", records)]
    if files:
        many = ngettext("{count} file", "{count} files", len(files))
        words.append(f"{many} ({size(sum(part.size for part in files))})")
    return listed(words)


def text_of(part: api.sealing.Part) -> str:
    """Return in full what a recipient reads of a record, then the names of what stays."""
    lines = consenting.told(part)
    lines += [""] if lines else []
    if part.content:
        lines.append(_("The file itself leaves: {size}.", size=size(part.size)))
        if "original_name" in part.withheld:
            lines.append(_("Its name stays here."))
        if part.identifying:
            lines.append("! " + _("It gives away: {kinds}.", kinds=inside(part)))
        lines.append("")
    elif part.type == "attachment":
        lines += [_("The file itself stays."), ""]
    for said in part.said:
        if said.leaves:
            text = value_of(part, said)
            label = label_of(part, said.path)
            if "\n" in text or len(text) > LONG:
                lines += [_("{label}:", label=label), text, ""]
            else:
                lines.append(_("{label}: {value}", label=label, value=text))
    stays = list(dict.fromkeys(label_of(part, said.path) for said in part.said if not said.leaves))
    if stays:
        told_stays = (
            _("The file leaves whole, with all that is in it; of what is noted beside it, this stays here:")
            if part.content
            else ngettext("{count} thing stays here:", "{count} things stay here:", len(stays))
        )
        lines += ["", f"{told_stays} {', '.join(stays)}"]
    return "\n".join(lines)


def names(parts: Sequence[api.sealing.Part]) -> list[str]:
    """Return a line for each name that leaves: in a field of its own, or in the middle of a text that leaves."""
    lines: dict[str, None] = {}
    for part in parts:
        for said in part.said:
            if said.leaves and _is_name(said):
                lines[f"{one_line(value_of(part, said))} ({label_of(part, said.path)})"] = None
    return list(lines)


def hidden_names(
    parts: Sequence[api.sealing.Part], all_parts: Sequence[api.sealing.Part], purpose: str = ""
) -> list[str]:
    """Return a line for each name of this case that stands inside a text that leaves.

    Args:
        parts: What leaves.
        all_parts: The whole case: a name that is withheld in one record may stand in the text of another.
        purpose: What the recipient is told of why.
    """
    known = {text for part in all_parts for said in part.said if _is_name(said) for text in _texts(said.value)}
    known = {text for text in known if _SHORTEST_NAME <= len(_plain(text)) <= _LONGEST_NAME}
    patterns = {name: (_alike(_plain(name)), _pattern(name)) for name in sorted(known)}
    lines: dict[str, None] = {}
    for part in parts:
        for said in part.said:
            if said.leaves and not _is_name(said):
                whole = _plain("\n".join(_texts(said.value)))
                seen = _alike(whole)
                for name, (alike, pattern) in patterns.items():
                    # Most names stand in most texts nowhere, and that is seen far sooner so.
                    if alike in seen and pattern.search(whole):
                        where = f"{title_of(part)}, {label_of(part, said.path)}"
                        lines[_("{name}, in the text of: {where}", name=one_line(name), where=where)] = None
    for name, (_same, pattern) in patterns.items():
        if pattern.search(_plain(purpose)):
            lines[_("{name}, in the text of: {where}", name=one_line(name), where=_("What for"))] = None
    return list(lines)


def _plain(text: str) -> str:
    """Return a text as it looks: without marks that nobody sees, one space where there are several or a line ends."""
    seen = "".join(one for one in unicodedata.normalize("NFC", text) if one not in _JOINERS and not is_hidden(one))
    return " ".join(seen.split())


def _alike(text: str) -> str:
    """Return a text so that whatever `re.IGNORECASE` takes for the same is the same."""
    return text.replace("\u0130", "i").replace("\u0131", "i").casefold()


def _pattern(name: str) -> re.Pattern[str]:
    """Return how to find a name in a text: of Latin letters as a whole word, in other scripts anywhere."""
    before = "(?<![A-Za-z])" if name[0].isascii() else ""
    after = "(?![A-Za-z])" if name[-1].isascii() else ""
    return re.compile(f"{before}{re.escape(_plain(name))}{after}", re.IGNORECASE)


def _is_name(said: api.sealing.Said) -> bool:
    return next((step for step in reversed(said.path.split(".")) if not step.isdecimal()), "") in _NAMES


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value.strip()
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
