"""What is different between two versions of a record."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Static

from tui.base import Dialog
from tui.i18n import _
from tui.widgets.difference import Piece, amount, told
from tui.widgets.plain import Heading, Quiet


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

    def on_mount(self) -> None:
        """Give the text the focus, so that it can be scrolled."""
        self.query_one(VerticalScroll).focus()

    def on_button_pressed(self) -> None:
        """Close."""
        self.dismiss(None)
