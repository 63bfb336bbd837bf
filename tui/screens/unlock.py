"""Opening a vault with its passphrase."""

from __future__ import annotations

import os
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button

from tui import i18n
from tui.base import VaultScreen
from tui.i18n import N_, _
from tui.notices import notice_for
from tui.supervisor import notice_of
from tui.widgets.frame import TitleBar, below
from tui.widgets.plain import Heading, Plain, Quiet
from tui.widgets.secret import SecretInput
from vault import api
from vault.errors import VaultError


class UnlockScreen(VaultScreen):
    """Asks for the passphrase."""

    HELP = N_(
        "Type the passphrase of this vault and press Enter. It is not shown, and nothing is written down. "
        "If it is lost, recovery shares open the vault (F3)."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "language", N_("Language")),
        Binding("f3", "recover", N_("Passphrase lost")),
        Binding("f4", "another", N_("Another vault")),
    ]

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield TitleBar(_("Evidence vault"), _("locked"))
        with VerticalScroll(classes="content", can_focus=False), Vertical(classes="form"):
            if notice := notice_of(self.evault.options):
                yield Plain(notice, classes="notice")
            yield Heading(_("Unlock"))
            yield Quiet(str(self.evault.folder))
            yield Plain(_("Passphrase"), classes="label")
            yield SecretInput(id="passphrase")
            with Horizontal(classes="buttons"):
                yield Button(_("Unlock"), id="unlock", variant="primary")
            yield Plain("", id="problem", classes="problem")
            yield Plain("", id="surroundings", classes="notice")
        yield from below()

    def on_mount(self) -> None:
        """Let the person type, and look at the surroundings meanwhile."""
        self.query_one(SecretInput).focus()
        self.work("looking at the surroundings", self._look(), group="surroundings")

    async def _look(self) -> None:
        variables = {**os.environ, **dict.fromkeys(self.evault.options.dropped, "")}
        told = await self.core(api.surroundings, self.evault.folder, environment=variables)
        lines = [f"• {i18n.from_core(one)}" for one in told]
        if lines:
            self.query_one("#surroundings", Plain).say(_("About this computer:") + "\n" + "\n".join(lines))

    def on_secret_input_submitted(self) -> None:
        """Unlock."""
        self._start()

    def on_button_pressed(self) -> None:
        """Unlock."""
        self._start()

    def _start(self) -> None:
        line = self.query_one(SecretInput)
        if not line.empty and not line.disabled:
            self.work("unlocking", self._unlock(), group="unlock")

    async def _unlock(self) -> None:
        line, problem = self.query_one(SecretInput), self.query_one("#problem", Plain)
        line.disabled = True
        problem.say(_("Unlocking …"))
        try:
            vault = await self.core(api.setup.unlock, self.evault.folder, line.take())
        except VaultError as error:
            title = _(notice_for(error).title)
            problem.say(f"{title}. {i18n.from_core(error.message)} {i18n.from_core(error.advice)}")
            line.disabled = False
            line.focus()
            return
        await self.evault.opened(vault)

    def action_language(self) -> None:
        """Show the next language of those that are complete."""
        self.evault.again(language=i18n.after(i18n.language()), language_chosen=True)

    def action_recover(self) -> None:
        """Open the vault with recovery shares."""
        from tui.screens.recover import RecoverScreen

        self.app.push_screen(RecoverScreen())

    def action_another(self) -> None:
        """Open another vault, or make one."""
        from tui.screens.first_run import FirstRunScreen

        self.app.push_screen(FirstRunScreen(another=True))
