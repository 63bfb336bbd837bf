"""What is different between two texts, said in signs and not by colour alone: [− taken out −] and [+ put in +].

Paragraphs are compared first, then Chinese characters and words inside those that changed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.text import Text

from tui.i18n import _, listed, ngettext
from tui.telling import LONG, NO_NAMES, bare, label_of
from tui.telling import told as told_value
from tui.text import shown
from vault import api
from vault.model import Json

_TOKEN = re.compile(
    "[\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]|[^\\W_\u3400-\u9fff]+|\\s+|.",
    re.DOTALL,
)
_MOST = 3000
"""Words of two paragraphs beyond which they are shown as replaced whole: comparing them would take too long."""
_AROUND = 24
_LONG = 400


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text: ``" "`` is in both, ``"-"`` only in the older, ``"+"`` only in the newer."""

    sign: str
    text: str


def compare(old: str, new: str) -> list[Piece]:
    """Return the two texts as pieces, in order."""
    pieces: list[Piece] = []
    for sign, text in _joined(_lines(old, new)):
        if text:
            pieces.append(Piece(sign, text))
    return pieces


def compare_records(
    schema: api.Schema, old: dict[str, Json], new: dict[str, Json], names: Mapping[str, str] = NO_NAMES
) -> list[Piece]:
    """Return two versions of a record as pieces, field by field; labels and layout are ours, and never a difference.

    Args:
        schema: Their type.
        old: What the earlier one says.
        new: What the later one says.
        names: As of `tui.telling.told`.
    """
    before = {path: (field, value) for path, field, value in schema.leaves(old)}
    after = {path: (field, value) for path, field, value in schema.leaves(new)}
    found: list[tuple[str, str]] = []
    for top in schema.fields:
        for path in dict.fromkeys(path for path in (*after, *before) if path.partition(".")[0] == top.name):
            texts = [_text(said[path], names) if path in said else "" for said in (before, after)]
            apart = "\n" if any("\n" in text or len(text) > LONG for text in texts) else " "
            found.append((" ", f"{label_of(schema, path)}:{apart}"))
            found += ((piece.sign, piece.text) for piece in compare(*texts))
            found.append((" ", "\n"))
    return [Piece(sign, text) for sign, text in _joined(iter(found)) if text]


def _text(said: tuple[api.Field | None, Json], names: Mapping[str, str]) -> str:
    field, value = said
    return bare(value) if field is None else told_value(field, value, names)


def _lines(old: str, new: str) -> Iterator[tuple[str, str]]:
    """Compare paragraphs; what many paragraphs say alike (an empty line) is no landmark."""
    lead, before, after, tail = _trimmed(old.splitlines(keepends=True), new.splitlines(keepends=True))
    yield " ", "".join(lead)
    for kind, first, last, start, end in difflib.SequenceMatcher(None, before, after).get_opcodes():
        if kind == "equal":
            yield " ", "".join(before[first:last])
        elif last - first == end - start:
            for pair in zip(before[first:last], after[start:end], strict=True):
                yield from _words(*pair)
        else:
            yield from _words("".join(before[first:last]), "".join(after[start:end]))
    yield " ", "".join(tail)


def _words(old: str, new: str) -> Iterator[tuple[str, str]]:
    lead, before, after, tail = _trimmed(_TOKEN.findall(old), _TOKEN.findall(new))
    yield " ", "".join(lead)
    if max(sum(not token.isspace() for token in tokens) for tokens in (before, after)) > _MOST:
        yield "-", "".join(before)
        yield "+", "".join(after)
    else:
        for kind, first, last, start, end in difflib.SequenceMatcher(str.isspace, before, after, False).get_opcodes():
            if kind == "equal":
                yield " ", "".join(before[first:last])
            else:
                yield "-", "".join(before[first:last])
                yield "+", "".join(after[start:end])
    yield " ", "".join(tail)


def _trimmed(old: list[str], new: list[str]) -> tuple[list[str], list[str], list[str], list[str]]:
    """Return the common beginning, what is left of both, and the common end."""
    most = min(len(old), len(new))
    lead = next((place for place in range(most) if old[place] != new[place]), most)
    most -= lead
    tail = next((place for place in range(most) if old[-1 - place] != new[-1 - place]), most)
    return old[:lead], old[lead : len(old) - tail], new[lead : len(new) - tail], old[len(old) - tail :]


def _joined(pieces: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Put neighbours of one sign together."""
    sign, text = " ", ""
    for next_sign, next_text in pieces:
        if next_sign == sign:
            text += next_text
        elif next_text:
            yield sign, text
            sign, text = next_sign, next_text
    yield sign, text


def amount(pieces: list[Piece]) -> str:
    """Return in words how much was taken out and put in; spaces and line ends are no signs, and said by themselves."""
    changed = [piece for piece in pieces if piece.sign != " "]
    if not changed:
        return _("nothing is different")
    out, put = (sum(_signs(piece.text) for piece in changed if piece.sign == sign) for sign in "-+")
    if not out and not put:
        return _("only spaces and line ends are different")
    words = [
        ngettext("{count} sign put in", "{count} signs put in", put),
        ngettext("{count} sign taken out", "{count} signs taken out", out),
    ]
    if any(not _signs(piece.text) for piece in changed):
        words.append(_("spaces or line ends changed"))
    return listed(words)


def _signs(text: str) -> int:
    """Return how many signs of a text are to be seen, as they are counted elsewhere."""
    return sum(not character.isspace() for character in text)


def told(pieces: list[Piece]) -> Text:
    """Return the pieces as one text: changes in full, a little of what stands around them."""
    text = Text()
    for place, piece in enumerate(pieces):
        if piece.sign == " ":
            text.append(_around(piece.text, first=place == 0, last=place == len(pieces) - 1), style="dim")
        else:
            sign, style = ("−", "bold red") if piece.sign == "-" else ("+", "bold green")
            body = piece.text if len(piece.text) <= _LONG else f"{piece.text[:_LONG]} … ({len(piece.text)})"
            text.append(f"[{sign} {shown(body, lines=True)} {sign}]", style=style)
    return text


def _around(text: str, *, first: bool, last: bool) -> str:
    if len(text) <= 2 * _AROUND + 3:
        return shown(text, lines=True)
    begin = "" if first else shown(text[:_AROUND], lines=True)
    end = "" if last else shown(text[-_AROUND:], lines=True)
    return f"{begin} … {end}"
