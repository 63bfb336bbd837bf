"""The passphrase is lost: shares open the vault, and a new passphrase is set."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button

from tui.base import VaultScreen
from tui.dialogs.message import MessageDialog
from tui.dialogs.new_passphrase import NewPassphraseDialog
from tui.gathering import gather
from tui.i18n import N_, _
from tui.widgets.frame import TitleBar, below
from tui.widgets.plain import Heading, Plain, Quiet
from vault import api


class RecoverScreen(VaultScreen):
    """Gathers shares, sets a new passphrase, and opens the vault."""

    HELP = N_(
        "Bring as many shares together as are needed, from paper or from files, and set a new passphrase. The shares "
        "stay good. Then compare the vault's fingerprint with the one you know."
    )

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield TitleBar(_("Recovery shares"), _("locked"))
        with VerticalScroll(classes="content", can_focus=False), Vertical(classes="form"):
            yield Heading(_("The passphrase is lost"))
            yield Quiet(str(self.evault.folder))
            yield Plain(
                "\n" + _("1. Bring the shares together, as many as they say are needed.") + "\n"
                + _("2. Type their words, or open their files.") + "\n"
                + _("3. Set a new passphrase. Nothing is changed before.") + "\n"
            )  # fmt: skip
            with Horizontal(classes="buttons"):
                yield Button(_("Begin"), id="begin", variant="primary")
        yield from below()

    def on_mount(self) -> None:
        """Begin with Enter."""
        self.query_one("#begin").focus()

    def on_button_pressed(self) -> None:
        """Begin."""
        self.work("opening the vault with shares", self._recover())

    async def _recover(self) -> None:
        folder = self.evault.folder
        key_file = await self.core(api.setup.read_key_file, folder)
        shares = await gather(self)
        if shares is None:
            return
        opened = await self.core(api.recovery.rehearse, key_file, shares)
        new = await self.app.push_screen_wait(
            NewPassphraseDialog(
                _("✓ The shares open the vault. A new passphrase:"),
                _("Several words that do not belong together are easier to remember than signs."),
            )
        )
        if new is None:
            return
        vault = await self.core(api.setup.open_with, folder, opened)
        try:
            await self.core(api.setup.change_passphrase, vault, new, why="passphrase set with recovery shares")
        except BaseException:
            vault.close()
            raise
        # From here on it locks when nobody is there any more.
        self.evault.vault = vault
        await self.app.push_screen_wait(
            MessageDialog(
                _("✓ The new passphrase is set"),
                _("The vault's fingerprint:") + f"\n\n{vault.identity.fingerprint}",
                _("Compare it with the one you know: a key file that was exchanged would show another."),
            )
        )
        await self.evault.opened(vault)
