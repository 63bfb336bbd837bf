"""What is different between two versions of a record."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import Resize
from textual.widgets import Button, Static

from tui.base import Dialog
from tui.i18n import _
from tui.widgets.difference import Piece, amount, told
from tui.widgets.plain import Heading, Quiet

_AROUND = 12
"""Rows of the dialog around its text."""


class DifferenceDialog(Dialog[None]):
    """Shows a difference until it is closed.

    Args:
        title: Which two are compared.
        pieces: The difference.
    """

    def __init__(self, title: str, pieces: list[Piece]) -> None:
        super().__init__()
        self._title, self._pieces = title, pieces

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog wide"):
            yield Heading(self._title)
            yield Quiet(_("[− taken out −]  [+ put in +]") + f"   {amount(self._pieces)}")
            with VerticalScroll(classes="dialog-text", can_focus=True):
                yield Static(told(self._pieces), markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Close"), id="close")

    def on_resize(self, event: Resize) -> None:
        """Leave room for the button, however small the window is."""
        self.query_one(".dialog-text").styles.max_height = max(3, event.size.height * 9 // 10 - _AROUND)

    def on_mount(self) -> None:
        """Give the text the focus, so that it can be scrolled."""
        self.query_one(VerticalScroll).focus()

    def on_button_pressed(self) -> None:
        """Close."""
        self.dismiss(None)
