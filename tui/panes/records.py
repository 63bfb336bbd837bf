"""The testimonies, notes and other records of a case, signed ones and drafts."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Input

from tui.dialogs.choose import ChooseDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.i18n import N_, _, language
from tui.panes.base import CasePane
from tui.telling import VERDICTS, types_of
from tui.widgets.plain import Quiet
from tui.widgets.wide_table import WideTable
from vault import api
from vault.model import Draft, Record


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
        self._records: list[Record] = []
        self._drafts: list[Draft] = []
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
        records = await self.case_screen.core(api.records.page, self.vault, self.case_id)
        drafts = await self.case_screen.core(api.drafts.page, self.vault)
        self._records = [record for record in records if self._listed(record.type)]
        self._drafts = [draft for draft in drafts if draft.case_id == self.case_id and self._listed(draft.type)]
        self._types = await self.case_screen.core(types_of, self.vault)
        self._fill()

    def _listed(self, kind: str) -> bool:
        return (not self.only or kind in self.only) and kind not in self.but

    def _fill(self) -> None:
        schemas = self._types
        words = self.query_one(".filter", Input).value.casefold().split()

        def label(kind: str) -> str:
            return schemas[kind].label(language()) if kind in schemas else kind

        def fits(*texts: str) -> bool:
            whole = " ".join(texts).casefold()
            return all(word in whole for word in words)

        table = self._table
        row = table.cursor_row
        table.clear()
        for draft in self._drafts:
            title = schemas[draft.type].title(draft.fields) if draft.type in schemas else ""
            state = _("correction") if draft.based_on else _("draft")
            if fits(label(draft.type), title, state):
                table.put(f"draft:{draft.id}", (_("not signed"), "bold"), label(draft.type), (state, "bold"), title)
        for record in self._records:
            count = len(record.versions)
            signed = record.versions[-1].signed_at.astimezone().strftime("%Y-%m-%d %H:%M") if count else ""
            state = self._state(record)
            if fits(label(record.type), record.title, state, signed):
                table.put(f"record:{record.id}", signed, label(record.type), (state, "italic"), record.title)
        table.done()
        table.move_cursor(row=min(row, max(0, table.row_count - 1)))
        empty = self.query_one(".empty", Quiet)
        empty.say(_("Nothing holds these words.") if words else _(self.nothing))
        empty.set_class(table.row_count > 0, "hidden")

    def _state(self, record: Record) -> str:
        if record.deleted:
            return _("deleted")
        if record.origin:
            return _("received, {verdict}", verdict=_(VERDICTS.get(record.verdict, record.verdict)))
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
        self._fill()

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
