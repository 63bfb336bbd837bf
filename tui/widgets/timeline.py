"""The custody log as a time line: newest first, fetched fifty at a time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import DataTable

from tui.i18n import _
from tui.widgets.plain import Quiet
from tui.widgets.wide_table import Cell, WideTable
from tui.words import event_word, kind_word, remark_word, result_word
from vault import api
from vault.model import LogEntry

if TYPE_CHECKING:
    from tui.base import VaultScreen

_PAGE = 50


class Timeline(Vertical):
    """Entries of the whole log, of one case, or of one thing.

    Args:
        case_id: Only of this case.
        object_id: Only about this thing.
    """

    DEFAULT_CSS = "Timeline { height: 1fr; }"

    def __init__(self, case_id: str = "", object_id: str = "") -> None:
        super().__init__()
        self._case_id, self._object_id = case_id, object_id
        self._entries: list[LogEntry] = []
        self._names: dict[str, str] = {}
        self._event = ""
        self._all = False

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Quiet("", classes="empty hidden")
        yield WideTable(((_("When"), 19), (_("What happened"), 16), (_("To what"), 0), (_("Remark"), 0)))

    @property
    def _screen(self) -> VaultScreen:
        return cast("VaultScreen", self.screen)

    @property
    def event(self) -> str:
        """The only event that is shown, or an empty string."""
        return self._event

    def show(self, event: str | None = None) -> None:
        """Fill the line anew.

        Args:
            event: From now on only entries of this event; empty for all; None leaves it as it is.
        """
        if event is not None:
            self._event = event
        self._screen.work("reading the custody log", self._reload(), group="timeline")

    async def _reload(self) -> None:
        self._entries, self._all = [], False
        self.query_one(WideTable).clear()
        await self._more()

    async def _more(self) -> None:
        table = self.query_one(WideTable)
        # With a filter a page may hold nothing that is wanted: look on until there is something, or nothing more.
        while not self._all:
            before = self._entries[-1].number if self._entries else None
            found, self._all = await self._screen.core(self._fetch, before)
            self._entries += found
            wanted = [entry for entry in found if not self._event or entry.event.get("type") == self._event]
            for entry in wanted:
                table.put(str(entry.number), *self._row(entry))
            if wanted:
                table.done()
                break
        empty = self.query_one(Quiet)
        empty.say(_("There is no entry of this kind."))
        empty.set_class(table.row_count > 0, "hidden")

    def _fetch(self, before: int | None) -> tuple[list[LogEntry], bool]:
        vault = self._screen.vault
        if self._object_id:
            found = list(reversed(api.custody.of_object(vault, self._object_id)))
            last = True
        else:
            found = api.custody.page(vault, _PAGE, before, self._case_id)
            last = len(found) < _PAGE
        ids = {str(entry.event.get("object", {}).get("id", "")) for entry in found} - self._names.keys()
        self._names |= api.custody.names(vault, ids)
        return found, last

    def _row(self, entry: LogEntry) -> list[Cell]:
        event = entry.event
        when = local_time(str(event.get("time", {}).get("utc", "")))
        thing = str(event.get("object", {}).get("id", ""))
        name = self._names.get(thing, "")
        return [
            when,
            event_word(event),
            f"{kind_word(event)} {name}".strip(),
            (result_word(event) or remark_word(event), "italic"),
        ]

    @on(DataTable.RowHighlighted)
    def _further(self, event: DataTable.RowHighlighted) -> None:
        if not self._all and event.cursor_row >= event.data_table.row_count - 5:
            self._screen.work("reading on in the custody log", self._more(), group="timeline")

    @on(DataTable.RowSelected)
    def _open(self, event: DataTable.RowSelected) -> None:
        from tui.dialogs.entry import EntryDialog

        event.stop()
        number = int(str(event.row_key.value))
        entry = next(one for one in self._entries if one.number == number)
        name = self._names.get(str(entry.event.get("object", {}).get("id", "")), "")
        self.app.push_screen(EntryDialog(entry, name))


def local_time(utc: str) -> str:
    """Return a time of the log in this computer's zone, to the second; what is no time stays as it is."""
    try:
        return datetime.fromisoformat(utc).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return utc
