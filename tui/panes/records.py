"""The testimonies, notes and other records of a case, signed ones and drafts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Input

from tui.dialogs.choose import ChooseDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.i18n import N_, _, language
from tui.panes.base import CasePane
from tui.telling import types_of
from tui.widgets.plain import Quiet
from tui.widgets.wide_table import Cell, WideTable
from vault import api
from vault.model import Record

_MOST = 200
"""Records that are shown at once; the filter finds the rest."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the list, and all that it says, to be searched."""

    key: str
    cells: tuple[Cell, ...]
    whole: str


def _holding(rows: list[_Row], words: list[str]) -> list[_Row]:
    return [one for one in rows if all(word in one.whole for word in words)]


class RecordsPane(CasePane):
    """A list of records, newest last; drafts come first and say so."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "add('testimony')", N_("Testimony"), tooltip=N_("Write a new testimony")),
        Binding("n", "add('note')", N_("Note"), tooltip=N_("Write a new note")),
        Binding("o", "other", N_("Other"), tooltip=N_("Write a record of another type")),
        Binding("slash", "filter", N_("Filter"), key_display="/", tooltip=N_("Show only what holds some words")),
        Binding("x", "drop", N_("Drop draft"), tooltip=N_("Throw the marked draft away")),
    ]
    only: ClassVar[Collection[str]] = ()
    """Types that are listed; none: all."""
    but: ClassVar[Collection[str]] = ("person",)
    """Types that are not listed; another pane shows them."""
    nothing: ClassVar[str] = N_("Nothing is recorded here yet. t writes a testimony, n a note.")

    def __init__(self, case_id: str) -> None:
        super().__init__(case_id)
        self._rows: list[_Row] = []
        self._types: dict[str, api.Schema] = {}

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Input(placeholder=_("Show only what holds these words"), compact=True, classes="filter hidden")
        yield Quiet("", classes="empty hidden")
        columns = ((_("Signed"), 16), (_("What"), 12), (_("State"), 18), (_("Title"), 0))
        table = WideTable(columns, classes="records")
        yield from (table, table.line)

    @property
    def _table(self) -> WideTable:
        return self.query_one(".records", WideTable)

    def reload(self) -> None:
        """Fill the list."""
        self.case_screen.work("listing records", self._load(), group=type(self).__name__)

    async def _load(self) -> None:
        screen = self.case_screen
        self._types = await screen.core(types_of, self.vault)
        self._rows = await screen.core(self._all_rows)
        await self._fill()

    def _listed(self, kind: str) -> bool:
        return (not self.only or kind in self.only) and kind not in self.but

    def _all_rows(self) -> list[_Row]:
        """Return what there is to be listed; in a thread, for it may be much."""
        schemas, rows = self._types, []

        def label(kind: str) -> str:
            return schemas[kind].label(language()) if kind in schemas else kind

        for draft in api.drafts.page(self.vault):
            if draft.case_id == self.case_id and self._listed(draft.type):
                title = schemas[draft.type].title(draft.fields) if draft.type in schemas else ""
                state = _("correction") if draft.based_on else _("draft")
                cells = ((_("not signed"), "bold"), label(draft.type), (state, "bold"), title)
                rows.append(_Row(f"draft:{draft.id}", cells, " ".join((label(draft.type), title, state)).casefold()))
        for record in api.records.page(self.vault, self.case_id):
            if self._listed(record.type):
                count = len(record.versions)
                signed = record.versions[-1].signed_at.astimezone().strftime("%Y-%m-%d %H:%M") if count else ""
                state = self._state(record)
                whole = " ".join((label(record.type), record.title, state, signed)).casefold()
                told: tuple[Cell, ...] = (signed, label(record.type), (state, "italic"), record.title)
                rows.append(_Row(f"record:{record.id}", told, whole))
        return rows

    async def _fill(self) -> None:
        found, words, line = self._rows, None, self.query_one(".filter", Input)
        while words != (words := line.value.casefold().split()):
            # Until nothing was typed while it was looked for.
            found = await self.case_screen.core(_holding, self._rows, words)
        table = self._table
        row = table.cursor_row
        table.clear()
        # Drafts come first; of more records than anybody reads, the newest.
        drafts = [one for one in found[:_MOST] if one.key.startswith("draft:")]
        for one in (*drafts, *found[len(drafts) :][-_MOST:]):
            table.put(one.key, *one.cells)
        table.done()
        table.move_cursor(row=min(row, max(0, table.row_count - 1)))
        told = self.query_one(".empty", Quiet)
        told.say(_("Nothing holds these words.") if words else _(self.nothing))
        if more := table.row_count < len(found):
            count, every = table.row_count, len(found)
            told.say(_("The newest {shown} of {all} are shown; / finds the others.", shown=count, all=every))
        told.set_class(table.row_count > 0 and not more, "hidden")

    def _state(self, record: Record) -> str:
        if record.deleted:
            return _("deleted")
        if record.origin:
            # In one word: the column is narrow, and the record itself says it whole.
            return _("received, {verdict}", verdict=_(record.verdict))
        count = len(record.versions)
        return _("version {number}", number=count) if count > 1 else ""

    @on(DataTable.RowSelected, ".records")
    def _selected(self, event: DataTable.RowSelected) -> None:
        kind, _colon, found = str(event.row_key.value).partition(":")
        self.case_screen.open_item(kind, found)

    # -- filter -------------------------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Go to the line with the words."""
        line = self.query_one(".filter", Input)
        line.remove_class("hidden")
        line.focus()

    @on(Input.Changed, ".filter")
    def _filter(self) -> None:
        self.case_screen.work("filtering records", self._fill, group=f"{type(self).__name__} filter")

    @on(Input.Submitted, ".filter")
    def _to_list(self) -> None:
        line = self.query_one(".filter", Input)
        line.set_class(not line.value, "hidden")
        self._table.focus()

    # -- new ones, and dropping drafts --------------------------------------------------------------------------------

    def action_add(self, kind: str) -> None:
        """Write a new record of a type."""
        self.case_screen.work("beginning a record", self._add(kind))

    async def _add(self, kind: str) -> None:
        from tui.screens.record_edit import new_draft, screen_for

        draft = new_draft(self.case_id, kind)
        self.app.push_screen(await self.case_screen.core(screen_for, self.vault, draft))

    def action_other(self) -> None:
        """Write a record of another type."""
        self.case_screen.work("choosing a type", self._other())

    async def _other(self) -> None:
        options = [(name, one.label(language())) for name, one in self._types.items() if name != "attachment"]
        answer = await self.app.push_screen_wait(
            ChooseDialog(_("What kind of record?"), options, may_be_empty=False)
        )  # fmt: skip
        if answer:
            await self._add(answer[0])

    def _marked(self) -> str:
        """Return kind and id of the marked line, or an empty text."""
        table = self._table
        if not table.row_count:
            return ""
        return table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value or ""

    @on(DataTable.RowHighlighted, ".records")
    def _highlighted(self) -> None:
        self.case_screen.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to drop a draft only where one is marked; a record is deleted where it is read."""
        if action == "drop":
            return self.is_mounted and self._marked().startswith("draft:")
        return super().check_action(action, parameters)

    def action_drop(self) -> None:
        """Throw the marked draft away, once that is confirmed."""
        self.case_screen.work("dropping a draft", self._drop())

    async def _drop(self) -> None:
        kind, _colon, found = self._marked().partition(":")
        if kind != "draft":
            return
        message = _("1 draft is deleted for good. What was signed stays.")
        if await self.app.push_screen_wait(ConfirmDialog(_("Drop this draft?"), message, _("Drop the draft"))):
            await self.case_screen.core(api.drafts.drop, self.vault, found)
            self.reload()
