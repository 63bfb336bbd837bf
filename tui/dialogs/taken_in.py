"""What became of the files that were to be taken in, one line a file; those that were refused come first."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button

from tui import taking_in
from tui.base import Dialog
from tui.i18n import N_, _, from_core
from tui.notices import advice_of, sentence_of
from tui.text import one_line
from tui.widgets.plain import Heading, Plain

_WORDS = (
    (taking_in.REFUSED, "✗", N_("not taken in")),
    (taking_in.STOPPED, "–", N_("stopped, not taken in")),
    (taking_in.WAITING, "–", N_("not begun")),
    (taking_in.THERE, "=", N_("there already, the same bytes")),
    (taking_in.TAKEN, "✓", N_("taken in")),
)
_MOST = 500


class TakenInDialog(Dialog[None]):
    """The summary of a taking in.

    Args:
        taking: It has ended.
    """

    def __init__(self, taking: taking_in.TakingIn) -> None:
        super().__init__()
        self._taking = taking

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog wide"):
            yield Heading(self._taking.summary())
            with VerticalScroll(classes="dialog-text", can_focus=True):
                yield Plain("\n".join(self._lines()))
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Close"), id="close")

    def _lines(self) -> list[str]:
        lines = []
        for state, mark, words in _WORDS:
            for item in self._taking.items:
                if item.state == state:
                    lines.append(f"{mark} {one_line(item.path.name)}: {_(words)}")
                    if item.error is not None:
                        lines.append(f"    {from_core(sentence_of(item.error))} {from_core(advice_of(item.error))}")
        if len(lines) > _MOST:
            return [*lines[:_MOST], _("… and {count} more lines", count=len(lines) - _MOST)]
        return lines

    def on_mount(self) -> None:
        """Give the button the focus."""
        self.query_one("#close").focus()

    def on_button_pressed(self) -> None:
        """Close."""
        self.dismiss(None)
