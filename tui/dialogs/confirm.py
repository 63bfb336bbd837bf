"""Something is asked that cannot be undone, or that lets something out: Cancel has the focus."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button

from tui.base import Dialog
from tui.i18n import _
from tui.widgets.plain import Heading, Plain, Quiet


class ConfirmDialog(Dialog[bool]):
    """Ends with True only when the person chose so.

    Args:
        title: The question in a few words.
        message: What will happen, to what and how many.
        do: The word on the button that does it, for example "Delete 3 files".
        advice: A remark; may be empty.
    """

    def __init__(self, title: str, message: str, do: str, advice: str = "") -> None:
        super().__init__()
        self._title, self._message, self._do, self._advice = title, message, do, advice

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog"):
            yield Heading(self._title)
            with VerticalScroll(classes="dialog-text"):
                yield Plain(self._message)
                if self._advice:
                    yield Quiet(self._advice)
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Cancel"), id="cancel")
                yield Button(self._do, id="do", variant="warning")

    def on_mount(self) -> None:
        """Give Cancel the focus."""
        self.query_one("#cancel").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "do")

    def action_cancel(self) -> None:
        """Answer with no."""
        self.dismiss(False)
