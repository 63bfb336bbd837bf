"""Fourth step of a seal: exactly what each recipient will see, and which names are in it."""

from __future__ import annotations

import asyncio

from textual import on
from textual.app import ComposeResult
from textual.widgets import DataTable

from tui import consenting, leaving
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.reading import ReadingDialog
from tui.i18n import N_, _, listed, ngettext
from tui.screens.sealing.plan import Plan
from tui.screens.sealing.step import Step
from tui.text import one_line
from tui.widgets.plain import Plain, Quiet, cell, fitted
from vault import api

_NAMES = "\0names"
_CONSENT = "\0consent"
_PURPOSE = "\0purpose"
_OTHER_COLUMNS = 34
_AT_ONCE = 200


class Preview(Step):
    """Shows what would leave; nothing is written yet."""

    TITLE = N_("Look it over")
    NEXT = N_("Seal")
    DEFAULT_CSS = "Preview DataTable { margin-top: 1; }"

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.choice = plan.choice(set())
        """What was looked over; this is what is sealed."""
        self.summary = ""
        """For whom it is and how much leaves, in words."""
        self._looked_over = False
        self._parts: tuple[api.sealing.Part, ...] = ()
        self._names: list[str] = []

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Plain("", id="for-whom")
        yield Plain("", id="how-much")
        yield Plain("", id="consent", classes="problem")
        yield Quiet(_("Enter shows in full what they will read. Nothing is written yet."))
        yield DataTable(id="shown", cursor_type="row")

    async def enter(self) -> None:
        """Ask the core what leaves."""
        screen = self.seal_screen
        self._looked_over, self.choice = False, self.plan.choice()
        self.query_one("#how-much", Plain).say("")
        self.query_one("#for-whom", Plain).say(_("Looking up what would leave …"))
        shown = await self.looking_up(api.sealing.preview, screen.vault, self.choice)
        self._parts = tuple(part for part in shown.parts if part.is_told)
        self._names = await screen.core(leaving.names, self._parts)
        inside = await screen.core(leaving.hidden_names, self._parts, list(self.plan.parts.values()), self.plan.purpose)
        whom = _("For: {names}", names=await self._whom())
        self.query_one("#for-whom", Plain).say(whom)
        stays = sum(not said.leaves for part in self._parts for said in part.said)
        told = ngettext("{count} thing is withheld", "{count} things are withheld", stays)
        amount = leaving.amount(self._parts)
        much = _("{amount}; {withheld}.", amount=amount, withheld=told)
        self.query_one("#how-much", Plain).say(much)
        self.summary = f"{whom}\n{much}"
        self._names += inside
        told = consenting.counted(self._parts)
        self.query_one("#consent", Plain).say(f"! {told}" if told else "")
        self.query_one("#consent").set_class(not told, "hidden")
        await self._fill()
        self._looked_over = True

    async def leave(self) -> bool:
        """Ask once more where somebody did not agree; nothing leaves that could not be shown."""
        if not self._looked_over:
            return False
        doubtful = consenting.doubtful(self._parts)
        if not doubtful:
            return True
        advice = _("Courts and the UN do not give back what they have. If you can still ask the person, ask first.")
        asked = ConfirmDialog(
            _("Let it leave without their consent?"), self._about_consent(), _("Let it leave"), advice
        )
        return await self.app.push_screen_wait(asked)

    def _about_consent(self) -> str:
        """Return for each thing that asks for consent what is noted of it, the doubtful ones first."""
        asked = [part for part in self._parts if part.consent]
        asked.sort(key=lambda part: not consenting.speaks_against(part))
        blocks = ["\n".join([leaving.heading_of(part), *consenting.told(part)]) for part in asked]
        return "\n\n".join(blocks)

    async def _whom(self) -> str:
        if self.plan.passphrase:
            return _("whoever knows the passphrase")
        screen = self.seal_screen
        unverified = await screen.core(api.sealing.unverified, screen.vault, self.plan.to)
        names = [f"{one_line(name, 40)}{' ' + _('(✗ not verified)') * (name in unverified)}" for name in self.plan.to]
        return listed(name.strip() for name in names)

    async def _fill(self) -> None:
        table = self.query_one("#shown", DataTable)
        table.clear(columns=True)
        width = max(20, table.size.width - _OTHER_COLUMNS)
        table.add_column(_("Kind"), width=12)
        table.add_column(_("Title"), width=width)
        table.add_column(_("Leaves"), width=16)
        count = len(self._names)
        told = _("none that is noted; read the texts for others")
        if count:
            told = ngettext("{count} name is in it", "{count} names are in it", count)
        table.add_row(cell(_("Names"), "bold"), cell(told, "bold"), cell(""), key=_NAMES)
        if any(part.consent for part in self._parts):
            doubtful = consenting.doubtful(self._parts)
            told = ngettext("! in doubt for {count}", "! in doubt for {count}", len(doubtful))
            told = told if doubtful else _("noted for all of it; Enter says what")
            table.add_row(cell(_("Consent"), "bold"), cell(told, "bold"), cell(""), key=_CONSENT)
        purpose = self.choice.purpose or _("(not said)")
        table.add_row(cell(_("What for"), "bold"), cell(fitted(purpose, width)), cell(""), key=_PURPOSE)
        for place, part in enumerate(self._parts):
            if place % _AT_ONCE == _AT_ONCE - 1:
                # A long list is filled in steps, between which keys are heard.
                await asyncio.sleep(0)
            title = fitted(leaving.title_of(part), width)
            table.add_row(cell(leaving.kind_of(part)), cell(title), cell(leaving.counted(part)), key=part.record_id)
        table.focus()

    @on(DataTable.RowSelected)
    def _open(self, event: DataTable.RowSelected) -> None:
        event.stop()
        if event.row_key.value == _NAMES:
            names = "\n".join(self._names) or _("No name was found in what leaves.")
            remark = _("The program knows only names that have a field of their own. Read the texts for others.")
            self.app.push_screen(ReadingDialog(_("Names that leave"), f"{names}\n\n{remark}"))
            return
        if event.row_key.value == _CONSENT:
            remark = _("Compare it with whom this is for and what for: the program does not know that.")
            self.app.push_screen(ReadingDialog(_("Consent"), f"{self._about_consent()}\n\n{remark}"))
            return
        if event.row_key.value == _PURPOSE:
            self.app.push_screen(ReadingDialog(_("What for"), self.choice.purpose or _("(not said)")))
            return
        part = next(one for one in self._parts if one.record_id == event.row_key.value)
        self.app.push_screen(ReadingDialog(leaving.heading_of(part), leaving.text_of(part)))
