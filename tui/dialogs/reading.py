"""A long text is read; anybody's."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button

from tui.base import Dialog
from tui.i18n import _
from tui.widgets.plain import Heading
from tui.widgets.reading import Reading


class ReadingDialog(Dialog[None]):
    """Shows a text in full.

    Args:
        title: What it is; one safe line.
        text: The text.
    """

    DEFAULT_CSS = """
    ReadingDialog .wide { height: 90%; }
    ReadingDialog VerticalScroll { height: 1fr; margin: 1 0; }
    """

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog wide"):
            yield Heading(self._title)
            with VerticalScroll(can_focus=True):
                yield Reading(self._text)
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Close"), id="close")

    def on_mount(self) -> None:
        """Let the arrow keys scroll."""
        self.query_one(VerticalScroll).focus()

    def on_button_pressed(self) -> None:
        """Close."""
        self.dismiss(None)
