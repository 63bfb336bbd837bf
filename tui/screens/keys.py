"""The vault's own keys: fingerprint and card, passphrase, recovery shares, rotating the keys, backup."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll

from tui import folders, i18n
from tui.base import VaultScreen
from tui.dialogs.ask import AskDialog
from tui.dialogs.ask_passphrase import AskPassphraseDialog
from tui.dialogs.choose_files import ChooseFilesDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.message import MessageDialog
from tui.dialogs.new_passphrase import NewPassphraseDialog
from tui.dialogs.share_words import ShowWordsDialog
from tui.dialogs.working import WorkingDialog
from tui.gathering import rehearse
from tui.i18n import N_, _
from tui.measures import size
from tui.widgets.frame import TitleBar, below
from tui.widgets.plain import Heading, Plain, Quiet
from tui.widgets.qr import QrCode
from vault import api
from vault.errors import UnlockError, VaultError
from vault.model import Secret


class KeysScreen(VaultScreen):
    """Shows what others may know of this vault's keys, and the ways to change what opens it."""

    HELP = N_(
        "The fingerprint stands for your keys. Others compare it to know that a card or a bundle is yours: read the "
        "digits or the words to them, or let them scan the code. A card is a small file with your public keys; it is "
        "no secret. p changes the passphrase; s makes recovery shares and t tries them. k makes new keys for the whole "
        "vault, for when somebody may have the old ones. b brings a backup up to date. o opens a share that somebody "
        "gave into your keeping."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "card", N_("Card"), tooltip=N_("Write your contact card into a file")),
        Binding("p", "passphrase", N_("Passphrase"), tooltip=N_("Change the passphrase")),
        Binding("s", "shares", N_("Shares"), tooltip=N_("Make recovery shares")),
        Binding("k", "rotate", N_("New keys"), tooltip=N_("Encrypt the whole vault anew with another key")),
        Binding("b", "backup", N_("Backup"), tooltip=N_("Bring a backup up to date")),
        Binding("o", "kept", N_("Kept share"), tooltip=N_("Open a share that somebody gave into your keeping")),
        Binding("t", "rehearse", N_("Try shares"), tooltip=N_("Show that shares open the vault; changes nothing")),
    ]
    DEFAULT_CSS = """
    KeysScreen QrCode { margin-left: 2; }
    KeysScreen .told { width: 1fr; height: auto; }
    KeysScreen .content > Horizontal { height: auto; }
    KeysScreen Plain { margin-bottom: 1; }
    """

    def compose(self) -> ComposeResult:
        """Lay it out."""
        own = api.contacts.own(self.vault)
        digits, words = own.fingerprint.split(), own.words.split()
        yield TitleBar(_("Your keys"))
        with VerticalScroll(classes="content"), Horizontal():
            with Vertical(classes="told"):
                yield Heading(_("Your fingerprint"))
                yield Plain("\n".join(" ".join(digits[at : at + 4]) for at in (0, 4)), id="digits")
                yield Plain("\n".join(" ".join(words[at : at + 4]) for at in (0, 4, 8)), id="words")
                yield Plain(own.ssh_fingerprint, id="ssh")
                yield Quiet(_("Read digits or words to others, or let them scan the code: it holds the digits."))
                yield Plain("", id="shares", classes="notice")
            yield QrCode(own.fingerprint)
        yield from below()

    def on_screen_resume(self) -> None:
        """Say whether there are shares."""
        self.query_one("#shares", Plain).say(
            _("✓ Recovery shares were made.")
            if api.recovery.has_shares(self.vault)
            else _("! There are no recovery shares. s makes them.")
        )

    # -- card ---------------------------------------------------------------------------------------------------------

    def action_card(self) -> None:
        """Write the contact card into a file."""
        self.work("writing the own card", self._card())

    async def _card(self) -> None:
        name = await self.app.push_screen_wait(
            AskDialog(
                _("Which name stands on the card?"),
                _("Whoever gets the card sees it. It may be a pseudonym."),
                self.vault.identity.name,
            )
        )
        if name is None:
            return
        paths = await self.app.push_screen_wait(
            ChooseFilesDialog(_("Where the card goes"), "new", name="contact-card.txt")
        )
        if not paths:
            return
        await self.core(api.contacts.write_card, self.vault, name.strip(), paths[0])
        self.app.push_screen(
            MessageDialog(
                _("The card is written"),
                str(paths[0]),
                _("Give it to others by any way. Then compare fingerprints by another way."),
            )
        )

    # -- passphrase and shares ----------------------------------------------------------------------------------------

    async def _own_passphrase(self, title: str) -> Secret | None:
        """Ask for the vault's passphrase until it is right; None when the person stops."""
        problem = ""
        while True:
            secret: Secret | None = await self.app.push_screen_wait(
                AskPassphraseDialog(title, _("The passphrase that opens this vault now."), problem)
            )
            if secret is None:
                return None
            try:
                await self.core(api.setup.check_passphrase, self.vault.folder, secret)
            except UnlockError as error:
                problem = f"✗ {i18n.from_core(error.message)} {i18n.from_core(error.advice)}"
                continue
            return secret

    def action_passphrase(self) -> None:
        """Change the passphrase."""
        self.work("changing the passphrase", self._passphrase())

    async def _passphrase(self) -> None:
        if await self._own_passphrase(_("Change the passphrase")) is None:
            return
        new = await self.app.push_screen_wait(
            NewPassphraseDialog(
                _("The new passphrase"),
                _("Several words that do not belong together are easier to remember than signs."),
            )
        )
        if new is None:
            return
        await self.core(api.setup.change_passphrase, self.vault, new)
        self.app.push_screen(
            MessageDialog(
                _("✓ The passphrase is changed"),
                _("Older copies and backups of this vault still open with the old one."),
                _("If somebody may know the old one, make new keys as well (k), and a new backup (b)."),
            )
        )

    def action_shares(self) -> None:
        """Make recovery shares."""
        from tui.screens.shares import SharesScreen

        self.app.push_screen(SharesScreen())

    def action_rehearse(self) -> None:
        """Show that shares open the vault."""
        self.work("rehearsing recovery shares", rehearse(self))

    def action_kept(self) -> None:
        """Show the words of a share that this vault's holder keeps for somebody else."""
        self.work("opening a kept share", self._kept())

    async def _kept(self) -> None:
        paths = await self.app.push_screen_wait(
            ChooseFilesDialog(_("The file of the share that you keep for somebody"), "file")
        )
        if not paths:
            return
        share = await self.core(api.recovery.read_kept_share, self.vault, paths[0])
        title = _("Share {number}, set {set}, kept for somebody", number=share.index, set=share.set_id)
        remark = _("Tell the words only to the one who gave it to you, when you know the voice or the face.")
        await self.app.push_screen_wait(ShowWordsDialog(share, title, remark, _("Close")))

    # -- new keys -----------------------------------------------------------------------------------------------------

    def action_rotate(self) -> None:
        """Encrypt the whole vault anew with another key."""
        self.work("rotating the keys", self._rotate())

    async def _rotate(self) -> None:
        if self.evault.running or self.evault.savers:
            self.app.push_screen(
                MessageDialog(
                    _("Something else is going on"),
                    _("New keys are made while nothing else happens in the vault."),
                    _("Wait until it is finished, close drafts, and try again."),
                )
            )
            return
        folder = self.vault.folder
        amount = await self.core(lambda: (folder / "vault.db").stat().st_size)
        agreed = await self.app.push_screen_wait(
            ConfirmDialog(
                _("Make new keys?"),
                _("The whole vault ({size}) is encrypted anew. It takes as long as reading and writing all of it, and "
                  "needs {needed} of free space. Passphrase, shares and your fingerprint stay the same.",
                  size=size(amount), needed=size(amount * 11 // 10))
                + "\n\n" + _("Whoever took an old key then cannot open what is there from now on. Older copies and "
                             "backups still open with the old key."),
                _("Make new keys"),
                _("If the power fails meanwhile, nothing is lost."),
            )
        )  # fmt: skip
        if not agreed:
            return
        secret = await self._own_passphrase(_("Make new keys"))
        if secret is None:
            return
        working = WorkingDialog(
            _("New keys are being made"), _("The vault is closed meanwhile. Leave the computer on.")
        )  # fmt: skip
        self.app.push_screen(working)
        try:
            await self._rekey(folder, secret)
        finally:
            working.finish()
        self.app.push_screen(
            MessageDialog(_("✓ The vault has new keys"), _("Everything was encrypted anew and checked."),
                          _("Make a new backup (b), and destroy older ones if you can."))
        )  # fmt: skip

    async def _rekey(self, folder: Path, secret: Secret) -> None:
        vault, self.evault.vault = self.vault, None
        await self.core(api.lock, vault)
        try:
            self.evault.vault = await self.long(
                _("Making new keys"), lambda job: api.setup.rekey(folder, secret, job), stoppable=False
            )
        except VaultError:
            try:
                self.evault.vault = await self.core(api.setup.unlock, folder, secret)
            except VaultError:
                # What is the matter is told where it is unlocked.
                self.evault.action_lock()
            raise

    # -- backup -------------------------------------------------------------------------------------------------------

    def action_backup(self) -> None:
        """Bring a backup up to date."""
        self.work("making a backup", self._backup())

    async def _backup(self) -> None:
        paths = await self.app.push_screen_wait(
            ChooseFilesDialog(
                _("Where the backup goes"),
                "folder",
                notice=_("A stick or disk that is kept elsewhere. The backup is encrypted like the vault."),
            )
        )
        if not paths:
            return
        target = await self.core(_place, paths[0])
        written = await self.long(_("Making a backup"), lambda job: api.backup.backup(self.vault, target, job))
        self.app.push_screen(
            MessageDialog(
                _("✓ The backup is whole"),
                _("{size} were written, all of it read back and compared. What had not changed was there already.",
                  size=size(written)) + f"\n\n{target}",
                _("Keep it away from this computer."),
            )
        )  # fmt: skip


def _place(folder: Path) -> Path:
    """Return the chosen folder where it is a backup's already, else a new one in it: a stick holds other things."""
    return folder if folder.name == folders.BACKUP or (folder / "segments").is_dir() else folder / folders.BACKUP
