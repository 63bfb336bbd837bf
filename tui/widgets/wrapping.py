"""How text is broken into rows of a terminal: by its cells, for Chinese, Tibetan and spaced scripts alike.

Chinese breaks between any two characters but never before a closing mark, Tibetan after its tsheg, other scripts at
spaces; an accent or a vowel sign stays with its letter. Hidden marks take one cell, so that they can be shown.
"""

from __future__ import annotations

import functools
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from rich.cells import get_character_cell_size

from tui.text import is_hidden

TAB: Final = 4
"""Cells from one tab stop to the next."""
HIDDEN: Final = "\ufffd"
"""Stands on the screen for a mark that would be hidden, or obeyed."""

_AFTER: Final = frozenset(" \t-\u0f0b\u0f0d\u2013\u2014")
_CLOSING: Final = frozenset("，。、；：！？）」』》】〉〕…—·’”%,.;:!?)]}།")
_OPENING: Final = frozenset("（「『《【〈〔‘“([{")


@functools.lru_cache(65536)
def cells_of(character: str) -> int:
    """Return how many cells a character takes where it is shown by `visible`; of a tab 1, see `cells`."""
    return 1 if character == "\t" or is_hidden(character) else get_character_cell_size(character)


def cells(text: str) -> int:
    """Return how many cells a row takes, tabs included."""
    if "\t" not in text:
        return sum(map(cells_of, text))
    taken = 0
    for character in text:
        taken += TAB - taken % TAB if character == "\t" else cells_of(character)
    return taken


def visible(text: str) -> str:
    """Return a row as it is shown, character for character: what is hidden becomes a mark."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(HIDDEN if is_hidden(character) else character for character in text)


def column_at(row: str, x: int) -> int:
    """Return the index of the character of a row at a cell; beyond the end its length."""
    taken = 0
    for column, character in enumerate(row):
        taken += TAB - taken % TAB if character == "\t" else cells_of(character)
        if taken > x:
            return column
    return len(row)


def breaks(line: str, width: int) -> list[int]:
    """Return where a line is broken so that each row fits into `width` cells; a space may hang over the edge."""
    if width <= 0 or (2 * len(line) <= width and "\t" not in line):
        return []
    return list(_breaks(line, width, 0))


def mended(line: str, width: int, before: Sequence[int], edit: tuple[int, int, int]) -> list[int]:
    """Return the same as `breaks` for a line that was edited, looking only at the rows around the edit.

    Args:
        line: The line as it is now.
        width: Cells of a row.
        before: Where the line was broken before the edit.
        edit: First column that was edited, last one of what was there before, last one of what is there now.
    """
    first, old_end, new_end = edit
    if not before or (2 * len(line) <= width and "\t" not in line):
        return breaks(line, width)
    # A shorter word can slip back into the row above, and spaces at its end belong to it.
    kept = max(0, bisect_left(before, first) - 2)
    found = list(before[:kept])
    shift = new_end - old_end
    for place in _breaks(line, width, found[-1] if found else 0):
        found.append(place)
        if place > new_end:
            at = bisect_left(before, place - shift)
            if at < len(before) and before[at] == place - shift:
                # From the same place on the same text is broken in the same way.
                return found + [one + shift for one in before[at + 1 :]]
    return found


def _breaks(line: str, width: int, start: int) -> Iterator[int]:
    """Yield where the rows after the one that begins at `start` begin."""
    length = len(line)
    guess = width + 1
    while True:
        index = _filled(line, start, width, guess)
        if index >= length:
            return
        guess = index - start + 2
        start = _cut(line, start, index)
        if start >= length:
            return
        yield start


def _filled(line: str, start: int, width: int, guess: int) -> int:
    """Return the first index from `start` on whose character does not fit into a row; `guess` is how far to look."""
    taken, index = 0, start
    while index < len(line):
        piece = line[index : index + guess]
        if "\t" in piece:
            return _filled_with_tabs(line, index, width, taken)
        # Whole rows at a time, outside of the interpreter's loop: a text of a megabyte has 20,000 of them.
        sums = list(itertools.accumulate(map(cells_of, piece), initial=taken))
        fits = bisect_right(sums, width) - 1
        if fits < len(piece):
            return index + fits
        taken, index = sums[-1], index + len(piece)
    return index


def _filled_with_tabs(line: str, index: int, width: int, taken: int) -> int:
    while index < len(line):
        character = line[index]
        taken += TAB - taken % TAB if character == "\t" else cells_of(character)
        if taken > width:
            break
        index += 1
    return index


def _cut(line: str, start: int, index: int) -> int:
    """Return where the row that begins at `start` ends, when the character at `index` does not fit any more."""
    if line[index] != " ":
        for place in range(index, start, -1):
            if _may_break(line[place - 1], line[place]):
                return place
        index = max(index, start + 1)
    while index < len(line) and (line[index] == " " or cells_of(line[index]) == 0):
        index += 1
    return index


def _may_break(before: str, after: str) -> bool:
    if cells_of(after) == 0 or after == " ":
        return False
    if before in _AFTER:
        return after not in _CLOSING
    wide = cells_of(before) == 2 or cells_of(after) == 2
    return wide and after not in _CLOSING and before not in _OPENING


def rows(line: str, offsets: Sequence[int]) -> list[str]:
    """Return the rows of a line that is broken at `offsets`."""
    edges = [0, *offsets, len(line)]
    return [line[first:last] for first, last in itertools.pairwise(edges)]
