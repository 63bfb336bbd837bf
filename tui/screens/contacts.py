"""The address book: who evidence can be sealed to, and whose keys were compared."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import DataTable

from tui.base import VaultScreen
from tui.comparing import hear
from tui.dialogs.ask import AskDialog
from tui.dialogs.choose_files import ChooseFilesDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.message import MessageDialog
from tui.i18n import N_, _, ngettext
from tui.text import one_line
from tui.widgets.frame import TitleBar, below
from tui.widgets.plain import Quiet
from tui.widgets.wide_table import WideTable
from vault import api
from vault.errors import FormatError
from vault.model import Contact

_CARD_LIMIT = 1 << 16


class ContactsScreen(VaultScreen):
    """The list of contacts."""

    HELP = N_(
        "A contact is somebody's keys. Add one from the card file they gave you; then compare fingerprints with them "
        "over another channel (v). Until then nobody knows whose keys these are. Whoever does not use this program "
        "gives you an address that begins with age1 (m)."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", N_("Add a card")),
        Binding("m", "manual", N_("Add an age address")),
        Binding("v", "verify", N_("Compare fingerprints")),
        Binding("e", "rename", N_("Rename")),
        Binding("d", "remove", N_("Remove")),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._contacts: list[Contact] = []

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield TitleBar(_("Contacts"))
        with Vertical(classes="content"):
            yield Quiet("", id="empty", classes="empty hidden")
            columns = ((_("Name"), 0), (_("Fingerprint"), 14), (_("Keys"), 28), (_("Valid until"), 11))
            table = WideTable(columns)
            yield from (table, table.line)
        yield from below()

    def on_mount(self) -> None:
        """Begin with the list."""
        self.query_one(WideTable).focus()

    def on_screen_resume(self) -> None:
        """Show what there is."""
        self.work("listing contacts", self._reload(), group="contacts")

    async def _reload(self) -> None:
        self._contacts = await self.core(api.contacts.page, self.vault)
        table = self.query_one(WideTable)
        row = table.cursor_row
        table.clear()
        for one in self._contacts:
            expires = one.expires_at.astimezone().strftime("%Y-%m-%d") if one.expires_at else ""
            table.put(
                one.id,
                one.name,
                _("✓ verified") if one.verified else _("✗ not verified"),
                _("safe against later computers") if _is_hybrid(one) else _("today's kind only"),
                expires,
            )
        table.done()
        table.move_cursor(row=min(row, max(0, len(self._contacts) - 1)))
        count = len(self._contacts)
        self.query_one(TitleBar).say(right=ngettext("{count} contact", "{count} contacts", count))
        empty = self.query_one("#empty", Quiet)
        empty.say(_("There is no contact yet. Press a to add the card of somebody."))
        empty.set_class(count > 0, "hidden")

    def _marked(self) -> Contact | None:
        table = self.query_one(DataTable)
        return self._contacts[table.cursor_row] if 0 <= table.cursor_row < len(self._contacts) else None

    @on(DataTable.RowSelected)
    def _details(self, event: DataTable.RowSelected) -> None:
        one = self._contacts[event.cursor_row]
        lines = [
            _("✓ Their fingerprint was compared.") if one.verified else _("✗ Their fingerprint was never compared."),
            "",
            one.fingerprint,
            one.ssh_fingerprint,
            "",
            *(recipient if len(recipient) < 70 else f"{recipient[:60]}…" for recipient in one.recipients),
        ]
        advice = "" if one.verified else _("Press v on the list to compare it with them.")
        self.app.push_screen(MessageDialog(one_line(one.name, 60), "\n".join(lines), advice))

    # -- adding -------------------------------------------------------------------------------------------------------

    def action_add(self) -> None:
        """Add a contact from a card file."""
        self.work("adding a contact", self._add())

    async def _add(self) -> None:
        paths = await self.app.push_screen_wait(ChooseFilesDialog(_("The card file of your contact"), "file"))
        if not paths:
            return
        data = await self.core(api.read_small, paths[0], _CARD_LIMIT, "the contact card")
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError("contact card", "not text", "Check that it is the right file.") from error
        await self._added(await self.core(api.contacts.add_card, self.vault, text))

    def action_manual(self) -> None:
        """Add a contact who does not use this program."""
        self.work("adding a contact", self._manual())

    async def _manual(self) -> None:
        name = await self.app.push_screen_wait(AskDialog(_("What is the contact called?"), do=_("Go on")))
        if name is None:
            return
        address = await self.app.push_screen_wait(
            AskDialog(_("Their age address"), _("It begins with age1 or age1pq1."), do=_("Go on"))
        )
        if address is None:
            return
        ssh_key = await self.app.push_screen_wait(
            AskDialog(
                _("Their ssh public key, if they have one"),
                _("A line that begins with ssh-ed25519. Only their card makes what they sign verified. May be empty."),
                do=_("Add"),
                may_be_empty=True,
            )
        )
        if ssh_key is None:
            return
        contact = await self.core(api.contacts.add, self.vault, name.strip(), tuple(address.split()), ssh_key.strip())
        await self._added(contact)

    async def _added(self, contact: Contact) -> None:
        await self._reload()
        if contact.verified:
            self.notify(_("This contact is known, and stays verified."), markup=False)
            return
        compare = await self.app.push_screen_wait(
            ConfirmDialog(
                _("{name} is added", name=one_line(contact.name, 60)),
                _("Nobody knows yet whose keys these are. Compare fingerprints by telephone or face to face."),
                _("Compare now"),
            )
        )
        if compare:
            await self._compare(contact)

    # -- comparing ----------------------------------------------------------------------------------------------------

    def action_verify(self) -> None:
        """Compare fingerprints with the marked contact."""
        one = self._marked()
        if one is not None:
            self.work("comparing fingerprints", self._compare(one))

    async def _compare(self, contact: Contact) -> None:
        heard = await hear(self, contact.name)
        if heard is None:
            return
        known, raised = await self.core(api.contacts.verify, self.vault, contact.name, heard)
        told = _("The fingerprint is the same: {name} is verified.", name=one_line(known.name, 60))
        if raised:
            told += "\n" + ngettext(
                "{count} bundle received from them before is verified now.",
                "{count} bundles received from them before are verified now.",
                raised,
            )
        self.app.push_screen(MessageDialog(_("✓ Verified"), told))

    # -- changing -----------------------------------------------------------------------------------------------------

    def action_rename(self) -> None:
        """Call the marked contact by another name."""
        one = self._marked()
        if one is not None:
            self.work("renaming a contact", self._rename(one))

    async def _rename(self, contact: Contact) -> None:
        name = await self.app.push_screen_wait(AskDialog(_("Another name"), value=contact.name, do=_("Rename")))
        if name is not None:
            await self.core(api.contacts.rename, self.vault, contact.name, name.strip())
            await self._reload()

    def action_remove(self) -> None:
        """Take the marked contact out of the address book."""
        one = self._marked()
        if one is not None:
            self.work("removing a contact", self._remove(one))

    async def _remove(self, contact: Contact) -> None:
        agreed = await self.app.push_screen_wait(
            ConfirmDialog(
                _("Remove this contact?"),
                _("{name} can no longer be sealed to, and what they send will not be verified. What was sealed to them "
                  "or received from them stays.", name=one_line(contact.name, 60)),
                _("Remove 1 contact"),
            )
        )  # fmt: skip
        if agreed:
            await self.core(api.contacts.remove, self.vault, contact.name)
            await self._reload()


def _is_hybrid(contact: Contact) -> bool:
    return any(recipient.startswith("age1pq1") for recipient in contact.recipients)
