"""Text on the screen: always through the display filter, never read as markup."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from textual.widgets import Static

from tui.text import one_line, shown


class Plain(Static):
    """A piece of text, ours or anybody's. `say` changes it.

    Args:
        text: Filtered before it is shown; line breaks stay.
        named: As of `Static`.
    """

    def __init__(self, text: str = "", **named: Any) -> None:
        super().__init__(shown(text, lines=True), markup=False, **named)

    def say(self, text: str) -> None:
        """Show another text."""
        self.update(shown(text, lines=True))


class Heading(Plain):
    """The title of a screen, a pane or a dialog."""


class Quiet(Plain):
    """Help and remarks, less bright than the rest."""


def cell(value: object, style: str = "", most: int = 200) -> Text:
    """Return anything as one safe line for a list or a table; `style` is ours."""
    return Text(one_line(value, most), style=style, no_wrap=True, overflow="ellipsis")
