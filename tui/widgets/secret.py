"""A line for a passphrase: never shown, never copied, never in a message or a reactive attribute."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from tui.i18n import _
from vault import api
from vault.model import Secret

_MOST = 1024


class SecretInput(Widget, can_focus=True):
    """Takes what is typed or pasted; shows a mark for each character.

    Args:
        reveal: Nothing more than "typed" is shown, not even how long it is, where False.
        named: As of `Widget`.
    """

    class _Told(Message):
        def __init__(self, source: SecretInput) -> None:
            super().__init__()
            self.source = source

        @property
        def control(self) -> SecretInput:
            """The line it comes from."""
            return self.source

    class Submitted(_Told):
        """Enter was pressed; the secret itself is fetched with `take`."""

    class Changed(_Told):
        """Something was typed; nothing of it is in the message."""

    def __init__(self, *, reveal: bool = True, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._typed = ""
        self._reveal = reveal

    def render(self) -> Text:
        """Return marks instead of characters."""
        if not self._typed:
            return Text("│" if self.has_focus else "")
        marks = "•" * min(len(self._typed), 64) if self._reveal else _("(typed)")
        return Text(marks + ("│" if self.has_focus else ""), no_wrap=True)

    def on_focus(self) -> None:
        """Show the place of typing."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide the place of typing."""
        self.refresh()

    def on_key(self, event: events.Key) -> None:
        """Take a key; not as bindings, which would come after characters that were typed later."""
        if event.key == "enter":
            self.post_message(self.Submitted(self))
        elif event.key == "backspace":
            self._typed = self._typed[:-1]
            self._changed()
        elif event.key == "ctrl+u":
            self.action_clear()
        elif event.is_printable and event.character:
            self._add(event.character)
        else:
            return
        event.stop()
        event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        """Take pasted text, without its line ends."""
        event.stop()
        event.prevent_default()
        self._add("".join(event.text.splitlines()))

    def _add(self, text: str) -> None:
        self._typed = (self._typed + text)[:_MOST]
        self._changed()

    def _changed(self) -> None:
        self.refresh()
        self.post_message(self.Changed(self))

    def action_clear(self) -> None:
        """Empty the line."""
        self._typed = ""
        self._changed()

    @property
    def empty(self) -> bool:
        """True when nothing was typed."""
        return not self._typed

    def same_as(self, other: SecretInput) -> bool:
        """True when both lines hold the same."""
        return self._typed == other._typed

    def strength(self) -> api.Strength:
        """Return how strong it is, in words."""
        return api.strength(self._typed)

    def fill(self, text: str) -> None:
        """Put a generated passphrase in."""
        self._typed = text
        self._changed()

    def take(self) -> Secret:
        """Return what was typed, and empty the line.

        Raises:
            RefusedError: It cannot be a passphrase, for example an empty one.
        """
        text, self._typed = self._typed, ""
        self.refresh()
        return api.to_secret(text)
