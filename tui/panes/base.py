"""What all panes of a case have in common: a list of things of this case, filled in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.containers import Vertical
from textual.widget import Widget

from vault import api

if TYPE_CHECKING:
    from tui.screens.case import CaseScreen


class CasePane(Vertical):
    """One pane; its keys work while it is in front.

    Args:
        case_id: The case.
    """

    def __init__(self, case_id: str) -> None:
        super().__init__(classes="pane")
        self.case_id = case_id

    @property
    def case_screen(self) -> CaseScreen:
        """The screen it is on."""
        return cast("CaseScreen", self.screen)

    @property
    def vault(self) -> api.OpenVault:
        """The open vault."""
        return self.case_screen.vault

    def reload(self) -> None:
        """Show what there is now; called when the pane comes to the front and after something changed."""

    def focus_first(self) -> None:
        """Give the first thing on the pane the focus."""
        for child in self.walk_children(Widget):
            if child.can_focus and child.display:
                child.focus()
                return
