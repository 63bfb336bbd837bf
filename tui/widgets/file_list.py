"""A list of what is in a folder, for choosing from with keys; the dialog around it decides what a key does."""

from __future__ import annotations

import contextlib
from collections.abc import Container
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.message import Message
from textual.widgets import DataTable

from tui.folders import FILE, FOLDER, HERE, UP, Entry
from tui.i18n import N_, _
from tui.measures import size
from tui.widgets.plain import cell, fitted

_BESIDE = 38
"""Cells that are not the name's."""
_NARROWEST = 16


class FileList(DataTable[Text]):
    """The entries of a folder with size and time, marked ones with a tick."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", N_("Mark")),
        Binding("backspace,left", "rub_out", N_("Folder above"), show=False),
        Binding("ctrl+a", "mark_all", N_("Mark all"), show=False),
        Binding("home", "scroll_top", show=False),
        Binding("end", "scroll_bottom", show=False),
    ]

    class Done(Message):
        """A key was pressed on a row.

        Args:
            what: ``"enter"``, ``"mark"``, ``"all"``, ``"back"`` or ``"type"``.
            character: What was typed.
        """

        def __init__(self, what: str, character: str = "") -> None:
            super().__init__()
            self.what, self.character = what, character

    def on_key(self, event: events.Key) -> None:
        """Hand a letter on."""
        if event.is_printable and event.character and event.character != " ":
            event.stop()
            event.prevent_default()
            self.post_message(self.Done("type", event.character))

    def action_select_cursor(self) -> None:
        """Enter; a click is told by `RowSelected`."""
        self.post_message(self.Done("enter"))

    def action_mark(self) -> None:
        """Mark, or not any more."""
        self.post_message(self.Done("mark"))

    def action_mark_all(self) -> None:
        """Mark all that are shown."""
        self.post_message(self.Done("all"))

    def action_rub_out(self) -> None:
        """Take back a letter, or go to the folder above."""
        self.post_message(self.Done("back"))

    def fill(self, entries: list[Entry], marked: Container[Path], cursor: int) -> None:
        """Show other entries, with the cursor on one of them."""
        self.clear(columns=True)
        width = max(_NARROWEST, self.size.width - _BESIDE)
        self.add_column("", width=1)
        self.add_column(_("File name"), width=width)
        self.add_column(_("Size"), width=10)
        self.add_column(_("Changed"), width=16)
        self.add_rows((_tick(one.path in marked), *_row(one, width)) for one in entries)
        self.move_cursor(row=cursor)

    def tick(self, row: int, marked: bool) -> None:
        """Show that a row is marked, or not any more."""
        self.update_cell_at(Coordinate(row, 0), _tick(marked))


def _tick(marked: bool) -> Text:
    return Text("✓" if marked else "")


def _row(one: Entry, width: int) -> tuple[Text, Text, Text]:
    if one.kind in (HERE, UP):
        told = _("this folder") if one.kind == HERE else _("the folder above")
        return cell(told, "italic"), Text(""), Text("")
    kinds = {FOLDER: _("folder"), FILE: size(one.size)}
    changed = ""
    with contextlib.suppress(OSError, OverflowError, ValueError):
        changed = datetime.fromtimestamp(one.changed).astimezone().strftime("%Y-%m-%d %H:%M") if one.changed else ""
    return (
        cell(fitted(one.name, width), "bold" if one.kind == FOLDER else "", most=1000),
        Text(kinds.get(one.kind, _("no file")), justify="right"),
        Text(changed),
    )
