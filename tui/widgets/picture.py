"""A picture drawn with signs: two pixels a cell where the terminal has enough colours, else shades of one."""

from __future__ import annotations

import asyncio

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from tui import pictures
from vault import api

_ENOUGH = ("truecolor", "256", "eight_bit")
_PLAIN = Style(color="white", bgcolor="black")


class PictureView(Widget):
    """Draws a picture as large as there is room; empty without one.

    Args:
        named: As of `Widget`.
    """

    DEFAULT_CSS = """
    PictureView { height: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._picture: api.looking.Picture | None = None
        self._strips: list[Strip] = []

    def show(self, picture: api.looking.Picture) -> None:
        """Show this one."""
        self._picture = picture
        self._again()

    def on_resize(self, event: events.Resize) -> None:
        """Draw it anew in its new size."""
        del event
        self._again()

    def _again(self) -> None:
        if self._picture is not None and self.size.width and self.size.height:
            self.run_worker(
                self._draw(self._picture, self.size.width, self.size.height),
                name="drawing a picture", description="drawing a picture", group="picture", exclusive=True,
            )  # fmt: skip

    async def _draw(self, picture: api.looking.Picture, columns: int, lines: int) -> None:
        colours = self.app.console.color_system in _ENOUGH and not self.app.no_color
        self._strips = await asyncio.to_thread(_strips, picture, columns, lines, colours)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return one line of it."""
        style = self.rich_style
        if y >= len(self._strips):
            return Strip.blank(self.size.width, style)
        return self._strips[y].adjust_cell_length(self.size.width, style)


def _strips(picture: api.looking.Picture, columns: int, lines: int, colours: bool) -> list[Strip]:
    """Return the lines of a picture; a cell is twice as high as it is wide, so that it holds two square pixels."""
    width, height = pictures.fitting(picture.width, picture.height, columns, 2 * lines)
    rows = pictures.shrunk(picture, width, height + height % 2)
    found = []
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        if colours:
            cells = [
                Segment("▀", Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below)))
                for above, below in zip(upper, lower, strict=True)
            ]
        else:
            marks = "".join(pictures.shade([above, below]) for above, below in zip(upper, lower, strict=True))
            cells = [Segment(marks, _PLAIN)]
        found.append(Strip(cells, width))
    return found
