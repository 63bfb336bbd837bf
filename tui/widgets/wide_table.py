"""A list whose columns stay on the screen, however long anybody's titles are: what does not fit is cut with a "…".

Widths are counted in terminal cells, never in characters. What was cut can be read whole in the line below the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.text import Text
from textual.widgets import DataTable

from tui.text import one_line
from tui.widgets.plain import Quiet, begun, cell

_NARROWEST = 14
_AROUND = 2
"""Cells of padding that a column takes."""

Cell = str | Text | tuple[str, str]
"""Anybody's text; a text of ours; or anybody's text with a style of ours."""


def _text(one: Cell) -> str:
    return one.plain if isinstance(one, Text) else one[0] if isinstance(one, tuple) else one


class WideTable(DataTable[Text]):
    """Rows of cells; `line` is to stand below it.

    Args:
        columns: Title of each, and the most cells that it takes; those of 0 share what is left.
        named: As of `DataTable`.
    """

    def __init__(self, columns: Sequence[tuple[str, int]], **named: Any) -> None:
        super().__init__(cursor_type="row", **named)
        self._named = list(columns)
        self._given: list[tuple[str, tuple[Cell, ...]]] = []
        self._widths: list[int] = []
        self.line = Quiet("", classes="hidden whole")

    def on_mount(self) -> None:
        """Name the columns."""
        self._lay_out()

    def on_resize(self) -> None:
        """Use the new width."""
        self._lay_out()

    def clear(self, columns: bool = False) -> WideTable:
        """Take all rows away."""
        self._given = []
        super().clear(columns)
        self._tell()
        return self

    def put(self, key: str, *cells: Cell) -> None:
        """Add a row; call `done` after the last one."""
        self._given.append((key, cells))
        self.add_row(*self._fitting(cells), key=key or None)

    def done(self) -> None:
        """Give each column as much room as its cells need, and the rest to those that share it."""
        self._lay_out()
        self._tell()

    def _needed(self, column: int, most: int) -> int:
        texts = [self._named[column][0], *(one_line(_text(cells[column]), 1000) for _key, cells in self._given)]
        return min(most, max(map(cell_len, texts)))

    def _lay_out(self) -> None:
        rows, row, top = self._given, self.cursor_row, self.scroll_y
        needed = [most and self._needed(column, most) for column, (_title, most) in enumerate(self._named)]
        rest = self.size.width - 1 - sum(width + _AROUND for width in needed)
        share = max(_NARROWEST, rest // max(1, needed.count(0)))
        widths = [width or share for width in needed]
        if widths == self._widths:
            return
        self.clear(columns=True)
        self._widths = widths
        for (title, _width), width in zip(self._named, widths, strict=True):
            self.add_column(Text(title), width=width)
        for key, cells in rows:
            self.put(key, *cells)
        self.move_cursor(row=min(row, max(0, len(rows) - 1)))
        self.scroll_to(y=top, animate=False)

    def _fitting(self, cells: Sequence[Cell]) -> list[Text]:
        shown = []
        for one, width in zip(cells, self._widths, strict=True):
            if isinstance(one, Text):
                shown.append(one)
            else:
                text, style = one if isinstance(one, tuple) else (one, "")
                shown.append(cell(begun(text, width), style, most=1000))
        return shown

    def watch_cursor_coordinate(self, old_coordinate: Any, new_coordinate: Any) -> None:
        """Say in full what the row is called."""
        super().watch_cursor_coordinate(old_coordinate, new_coordinate)
        self._tell()

    def _tell(self) -> None:
        cut = ""
        if 0 <= self.cursor_row < len(self._given):
            texts = (one_line(_text(one), 1000) for one in self._given[self.cursor_row][1])
            lines = zip(texts, self._widths, strict=True)
            cut = "\n".join(line for line, width in lines if cell_len(line) > width)
        self.line.set_class(not cut, "hidden")
        self.line.say(cut)
