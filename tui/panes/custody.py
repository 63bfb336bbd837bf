"""What happened to a case and the things in it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.i18n import N_
from tui.panes.base import CasePane
from tui.widgets.timeline import Timeline


class CustodyPane(CasePane):
    """The time line of a case."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f", "filter", N_("Only one kind"))]

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Timeline(case_id=self.case_id)

    def reload(self) -> None:
        """Fill the time line."""
        self.query_one(Timeline).show()

    def action_filter(self) -> None:
        """Show only one kind of event, or all again."""
        from tui.screens.custody import choose_event

        line = self.query_one(Timeline)
        self.case_screen.work("choosing what to show", choose_event(self.case_screen, line))
