"""One of several is chosen, or some of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, OptionList
from textual.widgets.option_list import Option

from tui.base import Dialog
from tui.i18n import N_, _
from tui.text import one_line
from tui.widgets.mark_list import MarkList, Row
from tui.widgets.plain import Heading, Quiet


class ChooseDialog(Dialog[list[str] | None]):
    """Ends with the keys of what was chosen, or None.

    Args:
        title: What is chosen, in a few words.
        options: Pairs of key and what is shown for it; anybody's text.
        chosen: The keys that are marked at first.
        help_text: A remark; may be empty.
        many: Several may be chosen, each marked with Space.
        may_be_empty: Choosing nothing is an answer.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f9", "take", N_("Take these"))]
    DEFAULT_CSS = """
    ChooseDialog OptionList, ChooseDialog MarkList { max-height: 14; height: auto; margin-top: 1; }
    ChooseDialog MarkList { background: $surface; }
    """

    def __init__(
        self,
        title: str,
        options: Sequence[tuple[str, str]],
        chosen: Sequence[str] = (),
        help_text: str = "",
        *,
        many: bool = False,
        may_be_empty: bool = False,
    ) -> None:
        super().__init__()
        self._title, self._options, self._chosen, self._help = title, list(options), list(chosen), help_text
        self._many, self._may_be_empty = many, may_be_empty

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog"):
            yield Heading(self._title)
            if self._help:
                yield Quiet(self._help)
            if self._many:
                yield MarkList()
            else:
                yield OptionList(*(Option(Text(one_line(told, 100))) for _key, told in self._options))
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Cancel"), id="cancel")
                if self._may_be_empty and not self._many:
                    yield Button(_("None of these"), id="none")
                if self._many:
                    yield Button(_("Take these"), id="do", variant="primary")

    def on_mount(self) -> None:
        """Go to what is chosen already."""
        if self._many:
            self.call_after_refresh(self._fill)
            return
        listed = self.query_one(OptionList)
        keys = [key for key, _told in self._options]
        listed.highlighted = keys.index(self._chosen[0]) if self._chosen and self._chosen[0] in keys else 0
        listed.focus()

    def _fill(self) -> None:
        # Places instead of keys: what a list keeps must be unique, and a key may be anything.
        rows = [Row(str(place), (told,)) for place, (_key, told) in enumerate(self._options)]
        marked = {str(place) for place, (key, _told) in enumerate(self._options) if key in self._chosen}
        listed = self.query_one(MarkList)
        listed.show_header = False
        listed.fill(((self._title, 0),), rows, marked)
        listed.focus()

    @on(MarkList.RowSelected)
    def _mark(self, event: MarkList.RowSelected) -> None:
        event.stop()
        self.query_one(MarkList).action_mark()

    @on(OptionList.OptionSelected)
    def _take_one(self, event: OptionList.OptionSelected) -> None:
        if not self._many:
            self.dismiss([self._options[event.option_index][0]])

    def action_take(self) -> None:
        """Take what is marked."""
        if not self._many:
            return
        chosen = [self._options[place][0] for place in sorted(map(int, self.query_one(MarkList).marked))]
        if chosen or self._may_be_empty:
            self.dismiss(chosen)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take what is marked, or not."""
        if event.button.id == "do":
            self.action_take()
        else:
            self.dismiss([] if event.button.id == "none" else None)
