"""Text on the screen: always through the display filter, never read as markup."""

from __future__ import annotations

from typing import Any

from rich.cells import cell_len
from rich.text import Text
from textual.app import RenderResult
from textual.geometry import Size
from textual.widgets import Static

from tui import direction
from tui.text import one_line, shown
from tui.widgets import wrapping


class Plain(Static):
    """A piece of text, ours or anybody's. `say` changes it.

    Textual takes Chinese between two blanks for one long word, and begins a new line for it; such text is broken here.

    Args:
        text: Filtered before it is shown; line breaks stay.
        named: As of `Static`.
    """

    def __init__(self, text: str = "", **named: Any) -> None:
        self._text = shown(text, lines=True)
        super().__init__(self._text, markup=False, **named)

    def say(self, text: str) -> None:
        """Show another text."""
        self._text = shown(text, lines=True)
        self.update(self._text)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """Return how wide it is when nothing is broken."""
        if self._is_wide:
            return max(map(wrapping.cells, self._text.split("\n")))
        return super().get_content_width(container, viewport)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many rows it takes."""
        rows = self._broken(width)
        return super().get_content_height(container, viewport, width) if rows is None else len(rows)

    def render(self) -> RenderResult:
        """Return its rows."""
        rows = self._broken(self.content_size.width)
        return super().render() if rows is None else "\n".join(rows)

    @property
    def _is_wide(self) -> bool:
        return not self._text.isascii() and any(wrapping.cells_of(character) > 1 for character in self._text)

    def _broken(self, width: int) -> list[str] | None:
        """Return the rows of a text with wide letters; None where it is left to Textual."""
        if not width or self.styles.text_wrap == "nowrap" or not self._is_wide:
            return None
        lines = self._text.split("\n")
        return [row.rstrip(" ") for line in lines for row in wrapping.rows(line, wrapping.breaks(line, width))]


class Heading(Plain):
    """The title of a screen, a pane or a dialog."""


class Quiet(Plain):
    """Help and remarks, less bright than the rest."""


def cell(value: object, style: str = "", most: int = 200) -> Text:
    """Return anything as one safe line for a list or a table; `style` is ours."""
    return Text(direction.in_order(one_line(value, most)), style=style, no_wrap=True, overflow="ellipsis")


def fitted(text: str, cells: int) -> str:
    """Return text as one safe line of at most `cells` terminal cells; of a longer one both ends are kept.

    The end of a file's name says what kind it is, so it must not be what a long name hides.
    """
    line = one_line(text, 1000)
    if cell_len(line) <= cells:
        return line
    back = (cells - 1) // 3
    front = _cut(line, cells - 1 - back)
    return line[:front] + "…" + line[len(line) - _cut(line[::-1], back) :]


def begun(text: str, cells: int) -> str:
    """Return text as one safe line of at most `cells` terminal cells; of a longer one the beginning, and a "…"."""
    line = one_line(text, 1000)
    return line if cell_len(line) <= cells else line[: _cut(line, cells - 1)] + "…"


def _cut(line: str, cells: int) -> int:
    """Return how many characters of a line fit into so many cells."""
    for place, character in enumerate(line):
        cells -= cell_len(character)
        if cells < 0:
            return place
    return len(line)
