"""One entry of the custody log, slot by slot."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button

from tui.base import Dialog
from tui.i18n import _
from tui.text import one_line
from tui.widgets.plain import Heading, Plain, Quiet
from tui.words import MEMBERS, SLOTS, event_word, kind_word, remark, result_word
from vault.model import LogEntry


def _member(name: str) -> str:
    return _(MEMBERS[name]) if name in MEMBERS else one_line(name)


class EntryDialog(Dialog[None]):
    """Shows an entry.

    Args:
        entry: The entry.
        name: What the thing it is about is called here, or empty.
    """

    def __init__(self, entry: LogEntry, name: str = "") -> None:
        super().__init__()
        self._entry, self._name = entry, name

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog wide"):
            yield Heading(_("Entry {number}: {what}", number=self._entry.number, what=event_word(self._entry.event)))
            with VerticalScroll(classes="dialog-text", can_focus=True):
                for slot, label in SLOTS.items():
                    if slot in self._entry.event:
                        yield Quiet(_(label))
                        yield Plain("  " + self._told(slot, self._entry.event[slot]))
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Close"), id="close")

    def _told(self, slot: str, value: Any) -> str:
        event = self._entry.event
        if slot == "type":
            return f"{event_word(event)} ({one_line(value)})"
        if slot == "object":
            name = f" “{one_line(self._name)}”" if self._name else ""
            return f"{kind_word(event)}{name}\n  {one_line(value.get('id', ''))}"
        if slot == "outcome":
            told = result_word(event) or _("done")
            detail = one_line(remark(str(value.get("detail", ""))))
            return f"{told}: {detail}" if detail else told
        if isinstance(value, dict):
            return "\n  ".join(f"{_member(name)}: {one_line(remark(str(part)))}" for name, part in value.items())
        if isinstance(value, list):
            return "\n  ".join(one_line(part) for part in value)
        return one_line(value)

    def on_mount(self) -> None:
        """Give the button the focus."""
        self.query_one("#close").focus()

    def on_button_pressed(self) -> None:
        """Close."""
        self.dismiss(None)
