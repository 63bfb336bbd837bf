"""The testimonies, notes and other records of a case, signed ones and drafts."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import DataTable

from tui.i18n import _, language
from tui.panes.base import CasePane
from tui.widgets.plain import Quiet, cell
from vault import api
from vault.model import Draft, Record


class RecordsPane(CasePane):
    """A list of records, newest last; drafts come first and say so."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, case_id: str) -> None:
        super().__init__(case_id)
        self._records: list[Record] = []
        self._drafts: list[Draft] = []

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Quiet("", id="records-empty", classes="empty hidden")
        yield DataTable(id="records", cursor_type="row")

    def on_mount(self) -> None:
        """Name the columns."""
        self.query_one("#records", DataTable).add_columns(_("What"), _("Title"), _("State"), _("Signed"), _("From"))

    def reload(self) -> None:
        """Fill the list."""
        self.case_screen.work("listing records", self._load(), group="records")

    async def _load(self) -> None:
        self._records = await self.case_screen.core(api.records.page, self.vault, self.case_id)
        drafts = await self.case_screen.core(api.drafts.page, self.vault)
        self._drafts = [draft for draft in drafts if draft.case_id == self.case_id]
        schemas = api.schemas()

        def label(kind: str) -> str:
            return schemas[kind].label(language()) if kind in schemas else kind

        table = self.query_one("#records", DataTable)
        table.clear()
        for draft in self._drafts:
            title = str(draft.fields.get("title") or draft.fields.get("statement") or "")
            table.add_row(
                cell(label(draft.type)), cell(title, most=60), cell(_("draft, not signed"), "bold"), "", "",
                key=f"draft:{draft.id}",
            )  # fmt: skip
        for record in self._records:
            count = len(record.versions)
            state = _("deleted") if record.deleted else _("version {number}", number=count) if count > 1 else ""
            signed = record.versions[-1].signed_at.astimezone().strftime("%Y-%m-%d %H:%M") if count else ""
            table.add_row(
                cell(label(record.type)), cell(record.title, most=60), cell(state, "italic"), cell(signed),
                cell(record.verdict if record.origin else "", "italic"), key=f"record:{record.id}",
            )  # fmt: skip
        empty = self.query_one("#records-empty", Quiet)
        empty.say(_("Nothing is recorded in this case yet."))
        count = len(self._records) + len(self._drafts)
        empty.set_class(count > 0, "hidden")

    @on(DataTable.RowSelected, "#records")
    def _selected(self, event: DataTable.RowSelected) -> None:
        kind, _colon, found = str(event.row_key.value).partition(":")
        self.case_screen.open_item(kind, found)
