"""Something that must not happen by accident is asked, with the reason for it: Cancel has the focus."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input

from tui.base import Dialog
from tui.i18n import _
from tui.widgets.plain import Heading, Plain, Quiet


class ReasonDialog(Dialog[str | None]):
    """Ends with the reason when the person wants it done, else with None.

    Args:
        title: The question in a few words.
        message: What will happen, to what and how many.
        do: The word on the button that does it.
        advice: A remark; may be empty.
        needed: It is not done without a reason.
    """

    DEFAULT_CSS = """
    ReasonDialog #what { height: auto; max-height: 9; margin: 1 0; }
    ReasonDialog Input { background: $panel; }
    """

    def __init__(self, title: str, message: str, do: str, advice: str = "", *, needed: bool = False) -> None:
        super().__init__()
        self._title, self._message, self._do, self._advice, self._needed = title, message, do, advice, needed

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog"):
            yield Heading(self._title)
            with VerticalScroll(id="what", can_focus=False):
                yield Plain(self._message)
                if self._advice:
                    yield Quiet(self._advice)
            asked = _("Reason, for the log") if self._needed else _("Reason, for the log (may be empty)")
            yield Plain(asked, classes="label")
            yield Input(id="reason", compact=True)
            yield Plain("", id="problem", classes="problem")
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Cancel"), id="cancel")
                yield Button(self._do, id="do", variant="warning")

    def on_mount(self) -> None:
        """Give Cancel the focus."""
        self.query_one("#cancel").focus()

    def on_input_submitted(self) -> None:
        """Do nothing: a key that is held down must not answer."""
        self.notify(_("Tab goes on to the buttons."), markup=False)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        reason = self.query_one("#reason", Input).value.strip()
        if event.button.id != "do":
            self.dismiss(None)
        elif self._needed and not reason:
            self.query_one("#problem", Plain).say(_("Say why first: it stays in the log."))
            self.query_one("#reason").focus()
        else:
            self.dismiss(reason)
