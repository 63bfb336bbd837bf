"""One line is asked for."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input

from tui.base import Dialog
from tui.i18n import _
from tui.widgets.plain import Heading, Quiet


class AskDialog(Dialog[str | None]):
    """Ends with the typed line, or None.

    Args:
        title: What is asked for, in a few words.
        help_text: A remark below it; may be empty.
        value: What stands there at first.
        do: The word on the button.
        may_be_empty: An empty line is an answer.
    """

    def __init__(
        self, title: str, help_text: str = "", value: str = "", do: str = "", *, may_be_empty: bool = False
    ) -> None:
        super().__init__()
        self._title, self._help, self._value, self._do = title, help_text, value, do
        self._may_be_empty = may_be_empty

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog"):
            yield Heading(self._title)
            if self._help:
                yield Quiet(self._help)
            yield Input(self._value, id="answer")
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Cancel"), id="cancel")
                yield Button(self._do or _("Go on"), id="do", variant="primary")

    def on_mount(self) -> None:
        """Let the person type."""
        self.query_one("#answer").focus()

    def on_input_submitted(self) -> None:
        """Answer."""
        self._answer()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer, or not."""
        if event.button.id == "do":
            self._answer()
        else:
            self.dismiss(None)

    def _answer(self) -> None:
        text = self.query_one("#answer", Input).value
        if text.strip() or self._may_be_empty:
            self.dismiss(text)
