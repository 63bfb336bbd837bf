"""A vault is made again from a backup: where that is, where the vault goes, the passphrase; then it is unlocked."""

from __future__ import annotations

from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input

from tui import folders, i18n
from tui.base import VaultScreen
from tui.dialogs.choose_files import ChooseFilesDialog
from tui.dialogs.message import MessageDialog
from tui.gathering import gather
from tui.i18n import N_, _
from tui.notices import advice_of, notice_for, sentence_of
from tui.widgets.frame import TitleBar, below
from tui.widgets.plain import Plain, Quiet
from tui.widgets.secret import SecretInput
from vault import api
from vault.errors import RefusedError, UnlockError
from vault.model import Secret


class RestoreScreen(VaultScreen):
    """Asks for a backup, a place and what opens it, restores the vault, and goes on to where it is unlocked."""

    HELP = N_(
        "A backup is a folder, often on a stick; it is read and never changed. The vault is made again in a folder "
        "that does not exist yet. The passphrase is that of the vault when the backup was made; recovery shares open "
        "it too. Nothing is left behind if it is stopped."
    )

    def __init__(self) -> None:
        super().__init__()
        self._busy = False

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield TitleBar(_("Evidence vault"), _("restore from a backup"))
        with VerticalScroll(classes="content", can_focus=False), Vertical(classes="form"):
            yield Plain(_("Where is the backup?"), classes="label")
            yield Input(id="source", placeholder=_("The folder of the backup, or the stick it is on"))
            yield Plain(_("Where is the vault to lie?"), classes="label")
            yield Input(self._suggested(), id="target")
            yield Plain(_("Passphrase of the backup"), classes="label")
            yield SecretInput(id="passphrase")
            yield Plain("", id="problem", classes="problem")
            with Horizontal(classes="buttons"):
                yield Button(_("Choose the backup"), id="choose", variant="primary")
                yield Button(_("Restore"), id="restore")
                yield Button(_("With recovery shares"), id="shares")
            yield Quiet(_("The backup is only read. The vault goes into a new folder."))
        yield from below()

    def on_mount(self) -> None:
        """Begin with where the backup is."""
        self.query_one("#choose").focus()

    def _suggested(self) -> str:
        folder = self.evault.folder
        return "" if (folder / "vault.keys").exists() or (folder / "vault.db").exists() else str(folder)

    def action_back(self) -> None:
        """Go back, but not while the vault is being made."""
        if self._busy:
            self.notify(_("The vault is being restored. F8 stops it."), markup=False)
        else:
            super().action_back()

    # -- what is asked ------------------------------------------------------------------------------------------------

    @on(Button.Pressed, "#choose")
    def _choose(self) -> None:
        self.work("choosing a backup", self._chosen())

    async def _chosen(self) -> None:
        chosen = await self.app.push_screen_wait(ChooseFilesDialog(_("Where is the backup?"), "folder"))
        if chosen:
            self.query_one("#source", Input).value = str(chosen[0])
            self.query_one(SecretInput if self.query_one("#target", Input).value else "#target").focus()

    @on(Input.Submitted)
    def _to_next(self, event: Input.Submitted) -> None:
        self.query_one("#target" if event.input.id == "source" else SecretInput).focus()

    @on(SecretInput.Submitted)
    @on(Button.Pressed, "#restore")
    def _start(self) -> None:
        line = self.query_one(SecretInput)
        if line.empty:
            self.query_one("#problem", Plain).say(_("Type the passphrase, or use recovery shares."))
            line.focus()
        elif self._ready():
            self.work("restoring a vault", self._with_passphrase())

    @on(Button.Pressed, "#shares")
    def _gather(self) -> None:
        if self._ready():
            self.work("restoring a vault", self._with_shares())

    def _ready(self) -> bool:
        """True when both places are named and nothing is going on; else it is said what is missing."""
        for name in ("#source", "#target"):
            if not self.query_one(name, Input).value.strip():
                self.query_one("#problem", Plain).say(
                    _("Say first where the backup is, and where the vault is to lie.")
                )
                self.query_one(name).focus()
                return False
        return not self._busy

    def _place(self, line: str) -> Path:
        place = folders.to_path(self.query_one(line, Input).value.strip(), Path.cwd())
        if place is None:
            raise RefusedError("This place cannot be used.", "Choose another one.")
        return place.absolute()

    # -- restoring ----------------------------------------------------------------------------------------------------

    async def _with_passphrase(self) -> None:
        problem = self.query_one("#problem", Plain)
        problem.say("")
        try:
            await self._restore(self.query_one(SecretInput).take())
        except UnlockError as error:
            told = f"{i18n.from_core(sentence_of(error))} {i18n.from_core(advice_of(error))}".rstrip()
            problem.say(f"{_(notice_for(error).title)}. {told}")
            self.query_one(SecretInput).focus()

    async def _with_shares(self) -> None:
        shares = await gather(self)
        if shares is not None:
            await self._restore(shares)

    async def _restore(self, secret: Secret | list[api.Share]) -> None:
        source, target = self._place("#source"), self._place("#target")
        source = await self.core(api.backup.find, source)
        self._busy = True
        try:
            passed = await self.long(
                _("Restoring the vault"), lambda job: api.backup.restore(source, target, secret, job)
            )
        finally:
            self._busy = False
        lines = [_("It lies in {folder}.", folder=str(target))]
        if passed:
            lines.append("! " + _("It is an OLDER state: something newer in the backup is not whole, or has another "
                                  "passphrase."))  # fmt: skip
        advice = _("Now unlock it with the passphrase of the backup.")
        if not isinstance(secret, Secret):
            advice = _("Its passphrase is the old one. With the shares a new one is set: F3 on the next screen.")
        await self.app.push_screen_wait(MessageDialog(_("✓ The vault is restored"), "\n\n".join(lines), advice))
        self.evault.again(folder=str(target))
