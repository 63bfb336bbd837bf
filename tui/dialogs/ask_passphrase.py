"""The passphrase of something that somebody else encrypted."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button

from tui.base import Dialog
from tui.i18n import _
from tui.widgets.plain import Heading, Plain, Quiet
from tui.widgets.secret import SecretInput
from vault.model import Secret


class AskPassphraseDialog(Dialog[Secret | None]):
    """Ends with what was typed, or None.

    Args:
        title: What it opens.
        remark: What to know of it.
        problem: What was wrong with the last one, or empty.
    """

    def __init__(self, title: str, remark: str, problem: str = "") -> None:
        super().__init__()
        self._title, self._remark, self._problem = title, remark, problem

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog form"):
            yield Heading(self._title)
            yield Quiet(self._remark)
            yield SecretInput(id="secret")
            yield Plain(self._problem, classes="problem")
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Cancel"), id="cancel")
                yield Button(_("Go on"), id="do", variant="primary")

    def on_mount(self) -> None:
        """Let the person type."""
        self.query_one(SecretInput).focus()

    def on_secret_input_submitted(self) -> None:
        """Answer."""
        self._answer()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer, or not."""
        if event.button.id == "do":
            self._answer()
        else:
            self.dismiss(None)

    def _answer(self) -> None:
        line = self.query_one(SecretInput)
        if not line.empty:
            self.dismiss(line.take())
