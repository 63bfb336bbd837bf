"""What stands around every screen: the title line above, running work and keys below."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from tui.widgets.jobs import JobLine
from tui.widgets.keys_line import KeysLine
from tui.widgets.plain import Plain


class TitleBar(Horizontal):
    """The title line: where one is, and a remark on the right.

    Args:
        left: Where one is, for example the case's title.
        right: A remark, for example how many there are.
    """

    def __init__(self, left: str, right: str = "") -> None:
        super().__init__(classes="title-bar")
        self._left = Plain(left, classes="left")
        self._right = Plain(right, classes="right")

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield self._left
        yield self._right

    def say(self, left: str | None = None, right: str | None = None) -> None:
        """Change one or both."""
        if left is not None:
            self._left.say(left)
        if right is not None:
            self._right.say(right)


def below() -> ComposeResult:
    """Yield what stands below every screen."""
    with Vertical(classes="below"):
        yield JobLine()
        yield KeysLine()
