"""The files of a case: what each is, what it gives away, and the ways in and out."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from tui import attachments, writing_out
from tui.dialogs.choose_files import ChooseFilesDialog
from tui.dialogs.reason import ReasonDialog
from tui.dialogs.taken_in import TakenInDialog
from tui.i18n import N_, _, ngettext
from tui.measures import size
from tui.panes.base import CasePane
from tui.taking_in import REFUSED, TAKEN, TakingIn, begin
from tui.telling import sender, senders
from tui.widgets.intake import IntakeProgress
from tui.widgets.plain import Quiet, cell, fitted
from vault import api
from vault.model import Attachment

_KIND, _SIZE, _DATED, _FROM, _FROM_WIDE = 11, 10, 10, 10, 18
_WIDE = 100
"""Cells from which there is room for the date too."""
_NARROWEST = 18
_AT_ONCE = 200
_PATIENCE = 2.0
"""Seconds between two listings while many small files go in."""


class FilesPane(CasePane):
    """A list of attachments, oldest first, and the files that go in at this moment."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "attach", N_("Attach files")),
        Binding("e", "extract", N_("Extract")),
        Binding("d", "delete", N_("Delete")),
        Binding("r", "result", N_("Last result"), tooltip=N_("Show what became of each file that went in last")),
    ]

    def __init__(self, case_id: str) -> None:
        super().__init__(case_id)
        self._files: list[Attachment] = []
        self._senders: dict[str, str] = {}
        self._shown = self._counted = 0
        """How many files of this case had gone in when the list was filled, and when they were counted above it."""
        self._listed = 0.0
        self._went = False
        """Files were going in when that was looked at last."""

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield IntakeProgress()
        yield Quiet("", id="files-told", classes="hidden")
        yield Quiet("", id="files-empty", classes="empty hidden")
        yield DataTable(id="files", cursor_type="row")

    def on_mount(self) -> None:
        """Look at what goes in."""
        self.set_interval(0.25, self._look)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the last result where there is one."""
        return action != "result" or any(one.ended for one in self._intakes)

    # -- what is there ------------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Fill the list."""
        self.case_screen.work("listing files", self._load(), group="files")

    async def _load(self) -> None:
        self._shown, self._listed = self._gone_in(), time.monotonic()
        self._files = await self.case_screen.core(api.intake.page, self.vault, self.case_id)
        self._senders = await self.case_screen.core(senders, self.vault)
        await self._fill()

    async def _fill(self) -> None:
        table = self.query_one("#files", DataTable)
        row = table.cursor_row
        table.clear(columns=True)
        wide, foreign = table.size.width >= _WIDE, any(one.origin for one in self._files)
        columns = [(_("Kind"), _KIND), (_("Size"), _SIZE)]
        columns += [(_("Dated"), _DATED)] if wide else []
        columns += [(_("From"), _FROM_WIDE if wide else _FROM)] if foreign else []
        # Two cells around each column, and one for a scroll bar.
        rest = table.size.width - sum(width + 2 for _title, width in columns) - 5
        width = max(_NARROWEST, rest * 3 // 5)
        table.add_column(_("File"), width=width)
        for title, cells in columns:
            table.add_column(title, width=cells)
        table.add_column(_("Gives away"), width=max(_NARROWEST, rest - width))
        for place, one in enumerate(self._files):
            if place % _AT_ONCE == _AT_ONCE - 1:
                # A long list is filled in steps, between which keys are heard.
                await asyncio.sleep(0)
            dated, origin = one.fields.get("modified_at"), sender(one.origin, self._senders, one.verdict)
            when = [cell(str(dated.get("value", ""))[:10] if isinstance(dated, dict) else "")] if wide else []
            whose = [cell(fitted(origin, columns[-1][1]), "italic")] if foreign else []
            table.add_row(*self._row(one, width), *when, *whose, cell(attachments.inside(one.fields)), key=str(one.id))
        table.move_cursor(row=min(row, max(0, len(self._files) - 1)))
        empty = self.query_one("#files-empty", Quiet)
        empty.say(_("There are no files in this case yet. Press a, or drop some here: they are copied and encrypted."))
        empty.set_class(bool(self._files) or self._going is not None, "hidden")

    def _row(self, one: Attachment, width: int) -> tuple[Text, ...]:
        amount = "" if one.deleted else size(one.size) if one.sha256 else _("not sent")
        return (
            cell(fitted(attachments.name_of(one), width), "italic" if one.deleted else "", most=1000),
            cell(attachments.kind_of(one)),
            Text(amount, justify="right"),
        )

    @property
    def _current(self) -> Attachment | None:
        row = self.query_one("#files", DataTable).cursor_row
        return self._files[row] if 0 <= row < len(self._files) else None

    def on_resize(self) -> None:
        """Use the new width."""
        if self._files:
            self.case_screen.work("fitting the list of files", self._fill(), group="files")

    # -- in -----------------------------------------------------------------------------------------------------------

    @property
    def _intakes(self) -> list[TakingIn]:
        return [one for one in self.case_screen.evault.intakes if one.case_id == self.case_id]

    def _gone_in(self) -> int:
        return sum(one.count(TAKEN) for one in self._intakes)

    @property
    def _going(self) -> TakingIn | None:
        return next((one for one in self._intakes if not one.ended), None)

    def _look(self) -> None:
        """Show how far the files are, and list those that are in."""
        going = self._going
        if self._gone_in() != self._counted:
            self._counted = self._gone_in()
            self.case_screen.count()
        if not self.is_on_screen or not self.display:
            return
        self.query_one(IntakeProgress).show(going)
        if going is not None:
            self.query_one("#files-empty").add_class("hidden")
        ended, self._went = self._went and going is None, going is not None
        if ended:
            self.refresh_bindings()
        more = self._gone_in() != self._shown
        if ended or (more and (going is None or time.monotonic() > self._listed + _PATIENCE)):
            self.reload()
            if going is None:
                # What became of them is told when they are listed.
                return
        last = self._intakes[-1] if self._intakes else None
        told = self.query_one("#files-told", Quiet)
        told.set_class(last is None or not last.ended, "hidden")
        if last is not None and last.ended:
            told.say(_("Last time: {summary} Press r to see each.", summary=last.summary()))
            if not last.told and last.count(REFUSED) and self.screen.is_active:
                self.action_result()

    def action_attach(self) -> None:
        """Choose files and take them in."""
        self.case_screen.work("attaching files", self._choose())

    def on_paste(self, event: events.Paste) -> None:
        """Take files that were dropped on the list; they are shown before they go in."""
        event.stop()
        self.case_screen.work("attaching files", self._choose(event.text))

    async def _choose(self, dropped: str = "") -> None:
        paths = await self.app.push_screen_wait(ChooseFilesDialog(_("Attach files"), do=_("Attach"), pasted=dropped))
        if paths:
            begin(self.case_screen.evault, self.case_id, paths)

    def action_result(self) -> None:
        """Show what became of the files of last time."""
        ended = [one for one in self._intakes if one.ended]
        if ended:
            ended[-1].told = True
            self.app.push_screen(TakenInDialog(ended[-1]))

    # -- out ----------------------------------------------------------------------------------------------------------

    def action_extract(self) -> None:
        """Write the file out, in clear."""
        if self._current is not None:
            self.case_screen.work("extracting a file", writing_out.extract(self.case_screen, self._current))

    def action_delete(self) -> None:
        """Delete what is known of the file, and its bytes."""
        if self._current is not None:
            self.case_screen.work("deleting a file", self._delete(self._current))

    async def _delete(self, one: Attachment) -> None:
        if one.deleted:
            self.notify(_("This file is deleted already."), markup=False)
            return
        made = sum(_made_from(other) == one.id for other in self._files if not other.deleted)
        lines = [
            _("One file: {name}, {size}.", name=attachments.name_of(one), size=size(one.size)),
            _("Its bytes and all that is known of it are deleted from this vault. That cannot be undone."),
        ]
        if made:
            told = ngettext(
                "{count} file was made from it and stays.", "{count} files were made from it and stay.", made
            )
            lines.append(told)
        reason = await self.app.push_screen_wait(
            ReasonDialog(
                _("Delete this file?"), "\n".join(lines), _("Delete 1 file"),
                _("The log keeps that it was here, and why it was deleted. Earlier bundles and backups still hold it."),
                needed=True,
            )
        )  # fmt: skip
        if reason:
            await self.case_screen.core(api.records.delete, self.vault, one.id, reason)
            self.reload()

    @on(DataTable.RowSelected, "#files")
    def _selected(self, event: DataTable.RowSelected) -> None:
        self.case_screen.open_item("attachment", str(event.row_key.value))


def _made_from(one: Attachment) -> str:
    source = one.fields.get("derived_from")
    return str(source.get("id", "")) if isinstance(source, dict) else ""
