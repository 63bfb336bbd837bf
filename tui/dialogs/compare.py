"""Comparing fingerprints with somebody: what is heard is typed, and the program compares."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input

from tui.base import Dialog
from tui.i18n import _
from tui.text import one_line
from tui.widgets.plain import Heading, Plain, Quiet


class CompareDialog(Dialog[str | None]):
    """Ends with what was typed, or None. The expected fingerprint is not shown: nobody should only glance at it.

    Args:
        name: Who is called.
        own: The own fingerprint in digits, to be read to them.
        words: The same in words.
    """

    # Without margins, so that all of it fits into 24 lines.
    DEFAULT_CSS = "CompareDialog .told { height: auto; max-height: 16; }"

    def __init__(self, name: str, own: str, words: str) -> None:
        super().__init__()
        self._name, self._own, self._words = name, own, words

    def compose(self) -> ComposeResult:
        """Lay it out."""
        name = one_line(self._name, 60)
        with Vertical(classes="dialog wide"):
            yield Heading(_("Compare fingerprints with {name}", name=name))
            with VerticalScroll(classes="told", can_focus=False):
                yield Plain(_("1. Call {name}, or meet: by a way on which you know the voice or the face. "
                              "Not by the way the card came.", name=name))  # fmt: skip
                yield Plain(_("2. Let them read their fingerprint to you: 40 digits, or 12 words."))
                yield Plain(_("3. Type what you hear; the program compares it."))
                yield Quiet("\n" + _("Yours, to read to them:"))
                yield Plain(f"  {self._own}")
                yield Plain(f"  {self._words}")
            yield Input(placeholder=_("What you hear"), id="heard")
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Cancel"), id="cancel")
                yield Button(_("Compare"), id="do", variant="primary")

    def on_mount(self) -> None:
        """Let the person type."""
        self.query_one("#heard").focus()

    def on_input_submitted(self) -> None:
        """Compare."""
        self._take()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Compare, or not."""
        if event.button.id == "do":
            self._take()
        else:
            self.dismiss(None)

    def _take(self) -> None:
        heard = self.query_one("#heard", Input).value.strip()
        if heard:
            self.dismiss(heard)
