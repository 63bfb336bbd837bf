"""One case: its people, testimonies, files, custody and bundles as panes."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import ContentSwitcher, Tab, Tabs

from tui.base import VaultScreen
from tui.i18n import N_, _, listed, ngettext
from tui.panes.base import CasePane
from tui.panes.bundles import BundlesPane
from tui.panes.custody import CustodyPane
from tui.panes.files import FilesPane
from tui.panes.people import PeoplePane
from tui.panes.records import RecordsPane
from tui.telling import case_title
from tui.widgets.frame import TitleBar, below
from vault import api

PANES: tuple[tuple[str, str, type[CasePane]], ...] = (
    ("records", N_("Records"), RecordsPane),
    ("people", N_("People"), PeoplePane),
    ("files", N_("Files"), FilesPane),
    ("custody", N_("Custody"), CustodyPane),
    ("bundles", N_("Bundles"), BundlesPane),
)
"""Id, title and class of each pane, in their order."""


class CaseScreen(VaultScreen):
    """A case.

    Args:
        case_id: The case.
        record_id: A record to open at once, for example one that was found.
        draft_id: A draft to go on with at once.
    """

    HELP = N_(
        "The panes of this case are chosen with the number keys or with the arrow keys on their titles. s seals "
        "something of it for somebody."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(number + 1), f"pane({number})", show=False) for number in range(9)),
        Binding("s", "seal", N_("Seal"), show=False),
    ]

    def __init__(self, case_id: str, record_id: str = "", draft_id: str = "") -> None:
        super().__init__()
        self.case_id = case_id
        self._record_id, self._draft_id = record_id, draft_id

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield TitleBar(_("Case"))
        yield Tabs(*(Tab(f"{place + 1} {_(title)}", id=name) for place, (name, title, made) in enumerate(PANES)))
        with ContentSwitcher(initial=PANES[0][0], classes="content"):
            for name, _title, made in PANES:
                pane = made(self.case_id)
                pane.id = name
                yield pane
        yield from below()

    def on_mount(self) -> None:
        """Show the case, and the record that was asked for."""
        self.call_after_refresh(self.pane.focus_first)
        if self._record_id:
            self.open_item("record", self._record_id)
        if self._draft_id:
            self.open_item("draft", self._draft_id)

    def on_screen_resume(self) -> None:
        """Show what may have changed meanwhile."""
        self.count()
        self.pane.reload()

    def count(self) -> None:
        """Say how much there is in the case now."""
        self.work("showing the case", self._show(), group="case")

    async def _show(self) -> None:
        case = await self.core(api.cases.get, self.vault, self.case_id)
        records = ngettext("{count} record", "{count} records", case.record_count)
        files = ngettext("{count} file", "{count} files", case.attachment_count)
        told = listed((records, files))
        self.query_one(TitleBar).say(case_title(case), told)

    @property
    def pane(self) -> CasePane:
        """The pane in front."""
        switcher = self.query_one(ContentSwitcher)
        return self.query_one(f"#{switcher.current}", CasePane)

    def action_pane(self, number: int) -> None:
        """Bring a pane to the front."""
        if number < len(PANES):
            self.query_one(Tabs).active = self.query_one(ContentSwitcher).current = PANES[number][0]
            self.pane.focus_first()

    @on(Tabs.TabActivated)
    def _to_pane(self, event: Tabs.TabActivated) -> None:
        if event.tab.id:
            self.query_one(ContentSwitcher).current = event.tab.id
            self.pane.reload()
            if not isinstance(self.focused, Tabs):
                self.pane.focus_first()

    def action_seal(self) -> None:
        """Seal something of this case."""
        from tui.screens.seal import SealScreen

        self.app.push_screen(SealScreen(self.case_id))

    def open_item(self, kind: str, item_id: str) -> None:
        """Open a thing of this case.

        Args:
            kind: ``"record"``, ``"draft"`` or ``"attachment"``.
            item_id: Its id.
        """
        if kind == "draft":
            self.work("opening a draft", self._open_draft(item_id))
        elif kind == "attachment":
            from tui.screens.attachment import AttachmentScreen

            self.app.push_screen(AttachmentScreen(item_id))
        else:
            from tui.screens.record import RecordScreen

            self.app.push_screen(RecordScreen(item_id))

    async def _open_draft(self, draft_id: str) -> None:
        from tui.screens.record_edit import screen_for

        draft = await self.core(api.drafts.get, self.vault, draft_id)
        self.app.push_screen(await self.core(screen_for, self.vault, draft, stored=True))
