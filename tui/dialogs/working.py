"""Something is done that nothing else may happen beside."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from tui.base import Dialog
from tui.widgets.jobs import JobLine
from tui.widgets.plain import Heading, Plain


class WorkingDialog(Dialog[None]):
    """Stays until `finish` is called; Escape does nothing, locking works.

    Args:
        title: What is being done.
        message: What to know meanwhile.
    """

    def __init__(self, title: str, message: str) -> None:
        super().__init__()
        self._title, self._message = title, message
        self._finished = False

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog"):
            yield Heading(self._title)
            yield Plain(self._message)
        yield JobLine()

    def finish(self) -> None:
        """Go away, now or as soon as this is in front again."""
        self._finished = True
        if self.is_active:
            self.dismiss(None)

    def on_screen_resume(self) -> None:
        """Go away when everything was done while help was read."""
        if self._finished:
            self.dismiss(None)

    def action_cancel(self) -> None:
        """Do nothing: it cannot be stopped half-way."""
