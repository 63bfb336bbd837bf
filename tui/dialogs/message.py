"""Something is said, and read."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button

from tui.base import Dialog
from tui.i18n import N_, _
from tui.widgets.plain import Heading, Plain, Quiet


class MessageDialog(Dialog[None]):
    """A title, a sentence, and what to do next.

    Args:
        title: A few words.
        message: What is the matter.
        advice: What to do next; may be empty.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "cancel", N_("Close"), show=False)]

    def __init__(self, title: str, message: str, advice: str = "") -> None:
        super().__init__()
        self._title, self._message, self._advice = title, message, advice

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog"):
            yield Heading(self._title)
            with VerticalScroll(classes="dialog-text"):
                yield Plain(self._message)
                if self._advice:
                    yield Quiet(self._advice)
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Close"), id="close")

    def on_mount(self) -> None:
        """Give the button the focus."""
        self.query_one("#close").focus()

    def on_button_pressed(self) -> None:
        """Close."""
        self.dismiss(None)
