"""All cases, newest first; typing searches in everything that was signed."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import DataTable, Input

from tui.base import VaultScreen
from tui.dialogs.ask import AskDialog
from tui.i18n import N_, _, listed, ngettext
from tui.telling import case_title, sender, senders
from tui.widgets.frame import TitleBar, below
from tui.widgets.plain import Plain, Quiet
from tui.widgets.wide_table import WideTable
from vault import api
from vault.model import Case, Draft, Hit

_PAGE = 50
_MOST_HITS = 50
"""Found things that are listed; more words find less."""


class CasesScreen(VaultScreen):
    """The list of cases, the search line, and the ways to everything else."""

    HELP = N_(
        "Each line is a case. Enter opens it; n begins a new one. Press / and type to search in all titles and all "
        "signed text; Escape goes back to the list."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", N_("New case")),
        Binding("slash", "search", N_("Search"), key_display="/", priority=True),
        Binding("r", "receive", N_("Receive"), tooltip=N_("Verify a bundle, and take it in")),
        Binding("c", "contacts", N_("Contacts")),
        Binding("k", "keys", N_("Keys"), tooltip=N_("Your fingerprint and card, passphrase, shares, backup")),
        Binding("g", "log", N_("Custody log")),
        Binding("d", "draft", N_("Go on with the draft")),
        Binding("s", "settings", N_("Settings")),
        Binding("escape", "clear", N_("Whole list"), show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._cases: list[Case] = []
        self._hits: list[Hit] = []
        self._all = False
        self._draft: Draft | None = None
        self._senders: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield TitleBar(_("Cases"))
        with Vertical(classes="content"):
            yield Input(placeholder=_("Search in titles and in all signed text"), id="search")
            yield Plain("", id="drafts", classes="notice hidden")
            yield Quiet("", id="told")
            yield Quiet("", id="empty", classes="empty hidden")
            cases = WideTable(
                ((_("Case"), 0), (_("Records"), 8), (_("Files"), 6), (_("Begun"), 10), (_("From"), 16)), id="cases"
            )
            hits = WideTable(((_("Found in"), 20), (_("Text"), 0), (_("From"), 16)), id="hits", classes="hidden")
            yield from (cases, cases.line, hits, hits.line)
        yield from below()

    def on_mount(self) -> None:
        """Begin with the list."""
        self.query_one("#cases").focus()

    def on_screen_resume(self) -> None:
        """Show what may have changed meanwhile."""
        self.work("listing cases", self._reload(), group="list")

    async def _reload(self) -> None:
        wanted = max(_PAGE, len(self._cases))
        self._cases = await self.core(api.cases.page, self.vault, wanted)
        self._senders = await self.core(senders, self.vault)
        self._all = len(self._cases) < wanted
        table = self.query_one("#cases", WideTable)
        row = table.cursor_row
        table.clear()
        self._append(self._cases)
        table.move_cursor(row=min(row, max(0, len(self._cases) - 1)))
        self._tell()
        self._tell_drafts(await self.core(api.drafts.page, self.vault))

    def _tell_drafts(self, drafts: list[Draft]) -> None:
        self._draft = drafts[0] if drafts else None
        line = self.query_one("#drafts", Plain)
        line.set_class(not drafts, "hidden")
        line.say(
            ngettext(
                "You have {count} draft that is not signed. Press d to go on with it.",
                "You have {count} drafts that are not signed. Press d to go on with the newest.",
                len(drafts),
            )
        )
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to go on with a draft only where there is one; in the search line a stroke is a letter."""
        if action == "search":
            return not isinstance(self.focused, Input)
        return self._draft is not None if action == "draft" else super().check_action(action, parameters)

    def action_draft(self) -> None:
        """Go on with the newest draft, in its case."""
        from tui.screens.case import CaseScreen

        if self._draft is not None:
            self.app.push_screen(CaseScreen(self._draft.case_id, draft_id=self._draft.id))

    def _append(self, cases: list[Case]) -> None:
        table = self.query_one("#cases", WideTable)
        for case in cases:
            table.put(
                case.id,
                case_title(case),
                Text(str(case.record_count), justify="right"),
                Text(str(case.attachment_count), justify="right"),
                case.created_at.astimezone().strftime("%Y-%m-%d"),
                (sender(case.origin, self._senders), "italic"),
            )
        table.done()

    def _tell(self) -> None:
        count = len(self._cases)
        told = ngettext("{count} case", "{count} cases", count) if self._all else _("the newest {count}", count=count)
        self.query_one(TitleBar).say(right=told)
        empty = self.query_one("#empty", Quiet)
        empty.say(_("There is no case yet. Press n to begin one."))
        empty.set_class(count > 0, "hidden")

    @on(DataTable.RowHighlighted, "#cases")
    def _further(self, event: DataTable.RowHighlighted) -> None:
        if not self._all and event.cursor_row >= len(self._cases) - 5:
            self.work("listing more cases", self._more(), group="list")

    async def _more(self) -> None:
        if not self._cases:
            return
        more = await self.core(api.cases.page, self.vault, _PAGE, self._cases[-1].id)
        self._cases += more
        self._all = len(more) < _PAGE
        self._append(more)
        self._tell()

    @on(DataTable.RowSelected)
    def _open(self, event: DataTable.RowSelected) -> None:
        from tui.screens.case import CaseScreen

        if event.data_table.id == "cases":
            self.app.push_screen(CaseScreen(str(event.row_key.value)))
        else:
            hit = self._hits[event.cursor_row]
            self.app.push_screen(CaseScreen(hit.case_id, record_id="" if hit.type == api.search.CASE else hit.id))

    # -- search -------------------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        """Go to the search line at once: what is typed next must not be taken for other keys of this screen."""
        self.set_focus(self.query_one("#search"))

    def action_clear(self) -> None:
        """Empty the search line and show the whole list."""
        self.query_one("#search", Input).value = ""
        self.query_one("#cases").focus()

    @on(Input.Submitted, "#search")
    def _to_results(self) -> None:
        self.query_one("#hits" if self.query_one("#search", Input).value.strip() else "#cases").focus()

    @on(Input.Changed, "#search")
    def _typed(self) -> None:
        self.work("searching", self._search, group="search")

    async def _search(self) -> None:
        words = self.query_one("#search", Input).value.strip()
        hits, cases = self.query_one("#hits", WideTable), self.query_one("#cases", WideTable)
        told = self.query_one("#told", Quiet)
        if not words:
            hits.clear()
            hits.add_class("hidden")
            cases.remove_class("hidden")
            told.say("")
            return
        found = await self.core(api.search.find, self.vault, words, _MOST_HITS + 1)
        self._hits = found[:_MOST_HITS]
        titles = {}
        for hit in self._hits:
            if hit.case_id not in titles:
                titles[hit.case_id] = case_title(await self.core(api.cases.get, self.vault, hit.case_id))
        hits.clear()
        for hit in self._hits:
            whom = sender(hit.origin, self._senders, hit.verdict)
            hits.put("", titles[hit.case_id], hit.snippet, (whom, "italic"))
        hits.done()
        told.say(_found(self._hits, whole=len(found) <= _MOST_HITS))
        hits.remove_class("hidden")
        cases.add_class("hidden")

    # -- elsewhere ----------------------------------------------------------------------------------------------------

    def action_receive(self) -> None:
        """Receive a bundle."""
        from tui.screens.receive import ReceiveScreen

        self.app.push_screen(ReceiveScreen())

    def action_new(self) -> None:
        """Begin a case."""
        self.work("adding a case", self._new())

    async def _new(self) -> None:
        title = await self.app.push_screen_wait(
            AskDialog(
                _("New case"),
                _("A name that tells it from others, without anybody's real name: whoever opens the vault sees it."),
                do=_("Begin"),
            )
        )
        if title is None:
            return
        from tui.screens.case import CaseScreen

        case = await self.core(api.cases.add, self.vault, title.strip())
        self.app.push_screen(CaseScreen(case.id))

    def action_contacts(self) -> None:
        """Show the address book."""
        from tui.screens.contacts import ContactsScreen

        self.app.push_screen(ContactsScreen())

    def action_keys(self) -> None:
        """Show the vault's own keys."""
        from tui.screens.keys import KeysScreen

        self.app.push_screen(KeysScreen())

    def action_log(self) -> None:
        """Show the custody log."""
        from tui.screens.custody import CustodyScreen

        self.app.push_screen(CustodyScreen())

    def action_settings(self) -> None:
        """Show the settings."""
        from tui.screens.settings import SettingsScreen

        self.app.push_screen(SettingsScreen())


def _found(hits: list[Hit], *, whole: bool) -> str:
    """Return in words how many of what were found, and whether that is all."""
    if not hits:
        return _("Nothing was found.")
    cases = sum(hit.type == api.search.CASE for hit in hits)
    files = sum(hit.type == "attachment" for hit in hits)
    records = len(hits) - cases - files
    told = [
        ngettext("{count} case", "{count} cases", cases) if cases else "",
        ngettext("{count} record", "{count} records", records) if records else "",
        ngettext("{count} file", "{count} files", files) if files else "",
    ]
    amount = listed(filter(None, told))
    if whole:
        return _("{amount}, newest first", amount=amount)
    return _("the newest: {amount}. There are more; type another word.", amount=amount)
