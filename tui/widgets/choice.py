"""A line that shows what was chosen; Enter opens the list, Delete empties it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from tui.dialogs.choose import ChooseDialog
from tui.i18n import N_, _
from tui.text import one_line

if TYPE_CHECKING:
    from tui.base import VaultScreen

Options = Sequence[tuple[str, str]]
"""Code and label of each thing that can be chosen."""


class Choice(Widget, can_focus=True):
    """One or several of a list.

    Args:
        title: What is chosen.
        options: What there is; a function is asked when the list opens.
        chosen: Codes that are chosen at first.
        many: Several can be chosen.
        labels: What is shown for chosen codes that `options` does not tell of yet.
        empty: What is shown when nothing is chosen.
        named: As of `Widget`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "open", N_("Choose"), show=False),
        Binding("delete,backspace", "clear", N_("Empty it"), show=False),
    ]
    DEFAULT_CSS = """
    Choice { height: auto; background: $surface; padding: 0 1; }
    Choice:focus { background: $panel; text-style: bold; }
    """

    class Changed(Message):
        """Something else is chosen now."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

        @property
        def control(self) -> Choice:
            """The line it comes from."""
            return self.choice

    def __init__(
        self, title: str, options: Options | Callable[[], Awaitable[Options]], chosen: Sequence[str] = (), *,
        many: bool = False, labels: dict[str, str] | None = None, empty: str = "", may_be_empty: bool = True,
        **named: Any,
    ) -> None:  # fmt: skip
        super().__init__(**named)
        self._title, self._many, self._may_be_empty = title, many, may_be_empty
        self._options = options
        self._labels = dict(labels or {}) | ({} if callable(options) else dict(options))
        self.chosen = list(chosen)
        """Codes of what is chosen."""
        self._empty = empty

    @property
    def code(self) -> str:
        """The one that is chosen, or ""."""
        return self.chosen[0] if self.chosen else ""

    def learn(self, labels: dict[str, str]) -> None:
        """Show these labels for codes from now on."""
        self._labels |= labels
        self.refresh(layout=True)

    def render(self) -> Text:
        """Return the labels."""
        if not self.chosen:
            return Text(f"{self._empty or _('(not said)')} ▾", style="dim italic", no_wrap=True)
        labels = [one_line(self._labels.get(code, code)) for code in self.chosen]
        return Text("\n".join(labels) + " ▾")

    def on_click(self) -> None:
        """Open the list."""
        self.action_open()

    def action_open(self) -> None:
        """Open the list."""
        cast("VaultScreen", self.screen).work("choosing", self._choose())

    async def _choose(self) -> None:
        options = await self._options() if callable(self._options) else self._options
        self.learn(dict(options))
        answer = await self.app.push_screen_wait(
            ChooseDialog(self._title, options, self.chosen, many=self._many, may_be_empty=self._may_be_empty)
        )
        if answer is not None and answer != self.chosen:
            self.chosen = answer
            self._changed()

    def action_clear(self) -> None:
        """Choose nothing."""
        if self.chosen and self._may_be_empty:
            self.chosen = []
            self._changed()

    def _changed(self) -> None:
        self.refresh(layout=True)
        self.post_message(self.Changed(self))
