"""A QR code drawn with half blocks, dark on light whatever the colours of the terminal are."""

from __future__ import annotations

import segno
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

_COLOURS = ("#ffffff", "#000000")
_STYLES = {(upper, lower): Style(color=_COLOURS[upper], bgcolor=_COLOURS[lower])
           for upper in (0, 1) for lower in (0, 1)}  # fmt: skip


class QrCode(Widget):
    """Digits as a QR code: 33 cells wide and 17 high for 40 digits, the quiet zone included.

    Args:
        digits: Decimal digits; others are left out.
    """

    DEFAULT_CSS = "QrCode { width: auto; height: auto; }"

    def __init__(self, digits: str) -> None:
        super().__init__()
        only = "".join(one for one in digits if one in "0123456789")
        code = segno.make(only, mode="numeric", error="m", boost_error=False, micro=False)
        self._rows = [[int(bool(module)) for module in row] for row in code.matrix_iter(border=4)]
        if len(self._rows) % 2:
            self._rows.append([0] * len(self._rows[0]))

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """Return one cell for each module."""
        return len(self._rows[0])

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return one cell for two modules."""
        return len(self._rows) // 2

    def render_line(self, y: int) -> Strip:
        """Return two rows of modules."""
        if 2 * y >= len(self._rows):
            return Strip.blank(self.size.width)
        pairs = zip(self._rows[2 * y], self._rows[2 * y + 1], strict=True)
        return Strip([Segment("▀", _STYLES[pair]) for pair in pairs]).adjust_cell_length(self.size.width)
