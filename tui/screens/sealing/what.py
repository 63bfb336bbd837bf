"""First step of a seal: which records and files leave, and which of their fields."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult

from tui import consenting, leaving
from tui.dialogs.held import HeldDialog
from tui.dialogs.leaving_fields import LeavingFieldsDialog
from tui.i18n import N_, _, ngettext
from tui.screens.sealing.step import Step
from tui.widgets.mark_list import MarkList, Row
from tui.widgets.plain import Plain, Quiet
from vault import api


def _mind(part: api.sealing.Part) -> str:
    """Return in a few words what to think of before it leaves: consent, whose file it is, or what it carries inside."""
    stays = _("stays unless marked") if part.stays else ""
    return " · ".join(filter(None, (consenting.brief(part), stays, leaving.inside(part))))


def _rows(parts: list[api.sealing.Part]) -> list[Row]:
    return [
        Row(one.record_id, (leaving.kind_of(one), leaving.title_of(one), leaving.counted(one), _mind(one)))
        for one in parts
    ]


class What(Step):
    """Marks what leaves."""

    TITLE = N_("What leaves")

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Quiet(_("Space takes a line out, or in again. Enter: which of its fields leave."))
        yield Plain("", id="left-out", classes="hidden")
        yield MarkList(id="parts")
        yield Quiet("", id="amount")

    async def enter(self) -> None:
        """Ask what could leave."""
        await self._load()
        self.query_one(MarkList).focus()

    async def _load(self) -> None:
        await self.looking_up(self.plan.look, self.seal_screen.vault)
        columns = ((_("Kind"), 12), (_("Title"), 0), (_("Leaves"), 16), (_("Mind"), 24))
        rows = await self.seal_screen.core(_rows, list(self.plan.parts.values()))
        self.query_one(MarkList).fill(columns, rows, self.plan.leaving)
        told = self.query_one("#left-out", Plain)
        told.set_class(not self.plan.left_out, "hidden")
        told.say(
            ngettext(
                "{count} thing was received from others or deleted: it cannot be sealed.",
                "{count} things were received from others or deleted: they cannot be sealed.",
                self.plan.left_out,
            )
        )
        self._count()

    def _count(self) -> None:
        leaves = [self.plan.parts[one] for one in self.plan.leaving]
        told = _("Marked: {amount}.", amount=leaving.amount(leaves)) if leaves else _("Nothing is marked.")
        if not self.plan.parts:
            told = _("There is nothing to seal yet. Sign a record or attach a file first.")
        self.query_one("#amount", Quiet).say(told)

    @on(MarkList.Marked)
    def _marked(self, event: MarkList.Marked) -> None:
        self.plan.leaving = set(event.source.marked)
        self._count()

    @on(MarkList.RowSelected)
    def _open(self, event: MarkList.RowSelected) -> None:
        event.stop()
        part = self.plan.parts.get(self.query_one(MarkList).current)
        if part is not None:
            self.seal_screen.work("choosing fields", self._fields(part))

    async def _fields(self, part: api.sealing.Part) -> None:
        wanted = await self.app.push_screen_wait(LeavingFieldsDialog(part))
        if wanted is not None:
            self.plan.set_fields(part, wanted)
            await self._load()

    async def leave(self) -> bool:
        """Ask about files that carry what may identify people."""
        self.plan.leaving = set(self.query_one(MarkList).marked)
        if not self.plan.leaving:
            self.app.notify(_("Mark at least one thing that leaves."), severity="warning", markup=False)
            return False
        if back := self.plan.taken_back():
            told = ngettext(
                "Consent was taken back for {count} marked thing: take it out with Space.",
                "Consent was taken back for {count} marked things: take them out with Space.",
                len(back),
            )
            self.app.notify(told, severity="warning", markup=False)
            return False
        while held := self.plan.held():
            copies = {part.record_id: self.plan.copies_of(part) for part in held}
            may_leave = await self.app.push_screen_wait(HeldDialog(held, copies))
            if may_leave is None:
                return False
            for part in held:
                if part.record_id in may_leave:
                    self.plan.may_leave.add(part.record_id)
                else:
                    self.plan.leaving.discard(part.record_id)
                    self.plan.leaving.update(one.record_id for one in copies[part.record_id])
            await self._load()
        if not self.plan.leaving:
            self.app.notify(_("Nothing is left that would leave."), severity="warning", markup=False)
            return False
        return True
