"""The text of an editor: lines end with a line feed and with nothing else, and are broken into rows by `wrapping`.

Textual's own classes also split at form feeds, U+0085 and U+2028, which would change what somebody wrote, and look at
the whole text again for each row they show.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from textual.document._document import Document, EditResult
from textual.document._wrapped_document import WrappedDocument
from textual.geometry import Offset

from tui.widgets import wrapping

if TYPE_CHECKING:
    from textual.document._document import Location


_NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})
_MOST: Final = 4_000_000
"""Signs that are kept prepared."""


class Lines(Document):
    """A text as lines; joined with line feeds it is the text again, character for character.

    Args:
        text: Any text.
    """

    def __init__(self, text: str) -> None:
        super().__init__("")
        self._lines = text.split("\n")

    def replace_range(self, start: Location, end: Location, text: str) -> EditResult:
        """Put a text in the place of what is between two locations, and return what was there."""
        top, bottom = sorted((start, end))
        replaced = self.get_text_range(top, bottom)
        before = self._lines[top[0]][: top[1]] if top[0] < len(self._lines) else ""
        after = self._lines[bottom[0]][bottom[1] :] if bottom[0] < len(self._lines) else ""
        new = text.split("\n")
        row, column = top[0] + len(new) - 1, len(new[-1]) + (len(before) if len(new) == 1 else 0)
        new[0] = before + new[0]
        new[-1] += after
        self._lines[top[0] : bottom[0] + 1] = new
        return EditResult((row, column), replaced)


class Rows(WrappedDocument):
    """The rows that lines are broken into, kept up to date line by line.

    Args:
        document: The lines.
        width: Cells of a row; 0: lines are not broken.
    """

    def __init__(self, document: Lines, width: int = 0) -> None:
        self._ready: Mapping[int, Mapping[str, list[int]]] = _NOTHING
        self._signs = 0
        super().__init__(document, width)

    def prepare(self, lines: Iterable[str], widths: Collection[int]) -> None:
        """Break lines in any thread, so that nobody waits for it when they come, go, and come back.

        Args:
            lines: As they stand there, or will.
            widths: Cells of a row, now and when a scroll bar comes; what was prepared for others is forgotten.
        """
        kept = list(lines)
        signs = sum(map(len, kept))
        known = self._ready if self._signs + signs <= _MOST and set(widths) <= self._ready.keys() else _NOTHING
        self._signs = signs + (self._signs if known else 0)
        self._ready = {
            width: {**known.get(width, _NOTHING), **{line: wrapping.breaks(line, width) for line in kept}}
            for width in widths
        }

    def is_prepared(self, width: int) -> bool:
        """True when a text was prepared for this many cells."""
        return width in self._ready

    @property
    def width(self) -> int:
        """Cells of a row; 0: lines are not broken."""
        return self._width

    def _breaks(self, line: str) -> list[int]:
        known = self._ready.get(self._width, _NOTHING).get(line)
        return wrapping.breaks(line, self._width) if known is None else known

    def wrap(self, width: int, tab_width: int | None = None) -> None:
        """Break all lines anew."""
        del tab_width
        self._width = width
        self._wrap_offsets = [self._breaks(line) for line in self.document.lines]
        self._number()

    def wrap_range(self, start: Location, old_end: Location, new_end: Location) -> None:
        """Break those lines anew that an edit touched."""
        top, bottom = sorted((start[0], old_end[0]))
        now = self.document.lines[top : max(start[0], new_end[0]) + 1]
        before = self._wrap_offsets[top : bottom + 1]
        if len(before) == len(now) == 1 and now[0] not in self._ready.get(self._width, _NOTHING):
            edit = (min(start[1], old_end[1]), max(start[1], old_end[1]), new_end[1])
            offsets = [wrapping.mended(now[0], self._width, before[0], edit)]
        else:
            offsets = [self._breaks(line) for line in now]
        self._wrap_offsets[top : bottom + 1] = offsets
        if [len(one) for one in before] != [len(one) for one in offsets]:
            self._number()

    def _number(self) -> None:
        counts = [len(offsets) + 1 for offsets in self._wrap_offsets]
        firsts = [0, *accumulate(counts)]
        self._line_index_to_offsets = [
            list(range(first, first + count)) for first, count in zip(firsts, counts, strict=False)
        ]
        self._offset_to_line_info = [(line, row) for line, count in enumerate(counts) for row in range(count)]

    @property
    def height(self) -> int:
        """How many rows there are."""
        return len(self._offset_to_line_info)

    def row(self, y: int) -> tuple[int, int, int] | None:
        """Return line, first and last column of a row, or None beyond the end."""
        if not 0 <= y < len(self._offset_to_line_info):
            return None
        line, number = self._offset_to_line_info[y]
        offsets = self._wrap_offsets[line]
        first = offsets[number - 1] if number else 0
        return line, first, offsets[number] if number < len(offsets) else len(self.document[line])

    def get_sections(self, line_index: int) -> list[str]:
        """Return the rows of a line."""
        return wrapping.rows(self.document[line_index], self._wrap_offsets[line_index])

    def location_to_offset(self, location: Location) -> Offset:
        """Return the cell of a location, counted from the top left of the whole text."""
        line, column = location
        line = min(line, len(self._wrap_offsets) - 1)
        offsets = self._wrap_offsets[line]
        number = bisect_right(offsets, column)
        first = offsets[number - 1] if number else 0
        return Offset(wrapping.cells(self.document[line][first:column]), self._line_index_to_offsets[line][number])

    def offset_to_location(self, offset: Offset) -> Location:
        """Return the location at a cell; beyond the end the last one."""
        y = min(max(0, offset.y), self.height - 1)
        line, number = self._offset_to_line_info[y]
        return line, self.get_target_document_column(line, max(0, offset.x), number)

    def get_target_document_column(self, line_index: int, x_offset: int, y_offset: int) -> int:
        """Return the column at a cell of a row of a line; rows may be counted from the end."""
        offsets = self._wrap_offsets[line_index]
        number = y_offset if y_offset >= 0 else len(offsets) + 1 + y_offset
        first = offsets[number - 1] if number else 0
        last = number == len(offsets)
        row = self.document[line_index][first : None if last else offsets[number]]
        column = wrapping.column_at(row, x_offset)
        return first + (column if last else min(column, len(row) - 1))
