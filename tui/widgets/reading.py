"""The one way in which long text of people is shown for reading: every row through the display filter.

Terminals differ in what they do with text from right to left: `tui.direction` decides what a row looks like.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any, ClassVar

from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from tui import direction
from tui.text import MOST_MARKS, is_hidden, shown
from tui.widgets import wrapping

Order = Callable[[str, bool], str]
"""Takes a row in the order it was written and whether its paragraph runs from right to left; returns it as shown."""


class Reading(Widget):
    """A text to be read, as high as it needs to be; put it into something that scrolls.

    Args:
        text: Anybody's text.
        named: As of `Widget`.
    """

    DEFAULT_CSS = "Reading { width: 1fr; height: auto; }"

    order: ClassVar[Order] = staticmethod(direction.in_order)
    """How a row is put in order for this terminal; set it for all, then `again`."""

    def __init__(self, text: str = "", **named: Any) -> None:
        super().__init__(**named)
        self._paragraphs = [(_filtered(one), from_right(one)) for one in text.split("\n")]
        self._width = -1
        self._rows: list[tuple[str, bool]] = []

    def say(self, text: str) -> None:
        """Show another text."""
        self._paragraphs = [(_filtered(one), from_right(one)) for one in text.split("\n")]
        self.again()

    def again(self) -> None:
        """Lay it out anew, for example after `order` was changed."""
        self._width = -1
        self.refresh(layout=True)

    def _wrapped(self, width: int) -> list[tuple[str, bool]]:
        if width != self._width:
            self._width = width
            self._rows = [
                (row, rtl)
                for text, rtl in self._paragraphs
                for row in wrapping.rows(text, wrapping.breaks(text, width))
            ]
        return self._rows

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """Return as much as there is."""
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many rows it takes."""
        return len(self._wrapped(width))

    def render_line(self, y: int) -> Strip:
        """Return one row."""
        width, style = self.size.width, self.rich_style
        rows = self._wrapped(width)
        if y >= len(rows):
            return Strip.blank(width, style)
        row, rtl = rows[y]
        text = type(self).order(row.expandtabs(wrapping.TAB), rtl)
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)


def from_right(paragraph: str) -> bool:
    """True when the first letter that has a direction runs from right to left."""
    for character in paragraph[:200]:
        direction = unicodedata.bidirectional(character)
        if direction in ("L", "R", "AL"):
            return direction != "L"
    return False


def _filtered(paragraph: str) -> str:
    """Return a paragraph through the display filter; only one that needs it is gone through sign by sign."""
    each = set(paragraph)
    marks = "".join(one for one in each if unicodedata.category(one) in ("Mn", "Me"))
    flood = marks and re.search(f"[{marks}]{{{MOST_MARKS + 1}}}", paragraph)
    return shown(paragraph, lines=True) if flood or any(map(is_hidden, each)) else paragraph
