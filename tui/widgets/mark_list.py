"""A list in which several things are marked with Space; Enter or a second click opens one."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.message import Message
from textual.widgets import DataTable

from tui.i18n import N_
from tui.text import one_line
from tui.widgets.plain import begun, cell, fitted

_NARROWEST = 14
_PART = 200
"""Rows that are laid out at a time, so that the screen never stands still."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing.

    Attributes:
        key: Names it to the program.
        cells: What is shown of it, anybody's text.
    """

    key: str
    cells: tuple[str, ...]


class MarkList(DataTable[Text]):
    """Rows with a mark in front: ``[✓]`` or ``[ ]``."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", N_("Mark")),
        Binding("home", "scroll_top", show=False),
        Binding("end", "scroll_bottom", show=False),
        Binding("ctrl+a", "mark_all", N_("Mark all or none"), show=False),
    ]

    class Marked(Message):
        """Something is marked now, or not any more.

        Args:
            source: The list.
            key: Of the only thing that changed, or empty.
        """

        def __init__(self, source: MarkList, key: str = "") -> None:
            super().__init__()
            self.source, self.key = source, key

        @property
        def control(self) -> MarkList:
            """The list it comes from."""
            return self.source

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row")
        self._columns: list[tuple[str, int]] = []
        self._rows: list[Row] = []
        self._widths: list[int] = []
        self._laid = 0
        """How many rows are laid out."""
        self.marked: set[str] = set()
        """Keys of what is marked."""

    def fill(self, columns: Sequence[tuple[str, int]], rows: Sequence[Row], marked: Collection[str]) -> None:
        """Show these things; the cursor stays where it was.

        Args:
            columns: Title of each and the most cells that it takes; one of them has 0 and takes what is left.
            rows: The things, each with as many cells.
            marked: Keys of those that are marked.
        """
        before, marks = self._rows, self.marked
        again = self._columns == list(columns) and [one.key for one in before] == [one.key for one in rows]
        self._columns, self._rows, self.marked = list(columns), list(rows), set(marked)
        if again and self._fitting() == self._widths:
            self._say_anew(before, marks ^ self.marked)
        else:
            self._lay_out()

    def _say_anew(self, before: Sequence[Row], other: Collection[str]) -> None:
        """Change what is said of the things, and the marks of `other`, where they stand."""
        for place, (old, one) in enumerate(zip(before[: self._laid], self._rows, strict=False)):
            if one.key in other:
                self.update_cell_at(Coordinate(place, 0), _mark(one.key in self.marked))
            if one != old:
                for column, text in enumerate(self._texts(one), 1):
                    self.update_cell_at(Coordinate(place, column), text)

    def _fitting(self) -> list[int]:
        """Return how wide each column is to be."""
        needed = [most and self._needed(place, most) for place, (_title, most) in enumerate(self._columns)]
        rest = self.size.width - 7 - sum(width + 2 for width in needed)
        return [width or max(_NARROWEST, rest) for width in needed]

    def _texts(self, one: Row) -> list[Text]:
        # What a file is called says at its end what kind it is; everywhere else the beginning says more.
        return [
            cell((begun if most else fitted)(text, width), most=1000)
            for text, width, (_title, most) in zip(one.cells, self._widths, self._columns, strict=True)
        ]

    def _lay_out(self) -> None:
        row, top = self.cursor_row, self.scroll_y
        self.clear(columns=True)
        self._widths = self._fitting()
        self.add_column("", width=3)
        for (title, _width), width in zip(self._columns, self._widths, strict=True):
            self.add_column(Text(title), width=width)
        self._laid = 0
        self._lay(max(_PART, row + 1))
        self.run_worker(self._go_on, group="rows", exclusive=True)  # type: ignore[arg-type]
        self.move_cursor(row=min(row, max(0, len(self._rows) - 1)))
        self.scroll_to(y=top, animate=False)

    async def _go_on(self) -> None:
        """Lay out the rest; between two parts keys are heard, and everything may be begun anew."""
        while self._laid < len(self._rows):
            await asyncio.sleep(0)
            self._lay(_PART)

    def _lay(self, many: int) -> None:
        for one in self._rows[self._laid : self._laid + many]:
            self.add_row(_mark(one.key in self.marked), *self._texts(one))
        self._laid = min(len(self._rows), self._laid + many)

    def _needed(self, place: int, most: int) -> int:
        widest = cell_len(self._columns[place][0])
        for text in {one.cells[place] for one in self._rows}:
            if widest >= most:
                break
            widest = max(widest, cell_len(one_line(text, most + 1)))
        return min(most, widest)

    def on_resize(self) -> None:
        """Use the new width."""
        if self._columns:
            self._lay_out()

    @property
    def current(self) -> str:
        """The key of the thing the cursor is on, or an empty string."""
        return self._rows[self.cursor_row].key if 0 <= self.cursor_row < len(self._rows) else ""

    def action_mark(self) -> None:
        """Mark the thing the cursor is on, or not any more, and go on to the next."""
        self._toggle(self.cursor_row)
        self.move_cursor(row=self.cursor_row + 1)

    def action_mark_all(self) -> None:
        """Mark everything, or nothing where everything is marked."""
        keys = {one.key for one in self._rows}
        self.mark_only(set() if keys <= self.marked else keys)
        self.post_message(self.Marked(self))

    def mark_only(self, keys: Collection[str]) -> None:
        """Mark these things and no others; nothing is told of it."""
        self.marked = set(keys)
        for place, one in enumerate(self._rows[: self._laid]):
            self.update_cell_at(Coordinate(place, 0), _mark(one.key in self.marked))

    def _toggle(self, place: int) -> None:
        if not 0 <= place < self._laid:
            return
        key = self._rows[place].key
        self.marked ^= {key}
        self.update_cell_at(Coordinate(place, 0), _mark(key in self.marked))
        self.post_message(self.Marked(self, key))

    async def _on_click(self, event: events.Click) -> None:
        """A click on the mark changes it."""
        meta = event.style.meta
        if meta.get("column") == 0 and meta.get("row", -1) >= 0:
            event.prevent_default()
            self.move_cursor(row=meta["row"])
            self._toggle(meta["row"])


def _mark(marked: bool) -> Text:
    return Text("[✓]" if marked else "[ ]")
