"""A picture drawn with signs: two pixels a cell where the terminal has enough colours, else shades of one."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widget import Widget

from tui import pictures
from tui.i18n import N_
from vault import api

_ENOUGH = ("truecolor", "256", "eight_bit")
_PLAIN = Style(color="white", bgcolor="black")


class PictureView(Widget, can_focus=True):
    """Draws a picture as large as there is room; keys go into it and about in it. Empty without one.

    Args:
        named: As of `Widget`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "zoom(2.0)", N_("Closer"), key_display="+"),
        Binding("minus", "zoom(0.5)", N_("Farther"), show=False),
        Binding("left", "move(-1, 0)", show=False),
        Binding("right", "move(1, 0)", show=False),
        Binding("up", "move(0, -1)", show=False),
        Binding("down", "move(0, 1)", show=False),
    ]
    DEFAULT_CSS = """
    PictureView { height: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._picture: api.looking.Picture | None = None
        self._strips: list[Strip] = []
        self._zoom = 1.0
        self._middle = (0.5, 0.5)

    def show(self, picture: api.looking.Picture) -> None:
        """Show this one."""
        self._picture = picture
        self._again()

    def action_zoom(self, factor: float) -> None:
        """Go closer or farther."""
        if self._picture is not None:
            most = pictures.most_zoom(self._picture, self.size.width, 2 * self.size.height)
            self._zoom = max(1.0, min(most, self._zoom * factor))
            self._again()

    def action_move(self, right: int, down: int) -> None:
        """Look at what is beside, a quarter of the view further."""
        step = 1 / (4 * self._zoom)
        edge = 1 / (2 * self._zoom)
        across, along = self._middle[0] + right * step, self._middle[1] + down * step
        self._middle = (max(edge, min(1 - edge, across)), max(edge, min(1 - edge, along)))
        self._again()

    def on_resize(self, event: events.Resize) -> None:
        """Draw it anew in its new size."""
        del event
        self._again()

    def _again(self) -> None:
        if self._picture is not None and self.size.width and self.size.height:
            self.run_worker(
                self._draw(self._picture),
                name="drawing a picture", description="drawing a picture", group="picture", exclusive=True,
            )  # fmt: skip

    async def _draw(self, picture: api.looking.Picture) -> None:
        colours = self.app.console.color_system in _ENOUGH and not self.app.no_color
        # A cell is twice as high as it is wide, so that it holds two square pixels.
        seen = pictures.window(picture, self.size.width, 2 * self.size.height, self._zoom, self._middle)
        self._strips = await asyncio.to_thread(_strips, picture, seen, colours)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return one line of it."""
        style = self.rich_style
        if y >= len(self._strips):
            return Strip.blank(self.size.width, style)
        return self._strips[y].adjust_cell_length(self.size.width, style)


def _strips(picture: api.looking.Picture, seen: pictures.Window, colours: bool) -> list[Strip]:
    """Return the lines of what is seen of a picture."""
    rows = pictures.drawn(picture, seen)
    if len(rows) % 2:
        rows.append(rows[-1])
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
        found.append(Strip(cells, seen.drawn_width))
    return found
