"""Making a vault in three steps: where, passphrase, recovery shares; opening another, or restoring one."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import Key
from textual.widgets import Button, ContentSwitcher, Input

from tui import i18n
from tui.base import VaultScreen
from tui.i18n import N_, _
from tui.screens.shares import SharesScreen
from tui.widgets.frame import TitleBar, below
from tui.widgets.plain import Heading, Plain, Quiet
from tui.widgets.secret import SecretInput
from vault import api


class FirstRunScreen(VaultScreen):
    """Asks for a place and a passphrase, makes the vault, and goes on to the recovery shares.

    Args:
        another: There is a vault already, and the person wants another one.
    """

    HELP = N_(
        "A vault is a folder with three files; everything in it is encrypted. Choose where it lies, then a passphrase "
        "that nobody can guess and that you can remember. There is no way in without it, except with recovery shares: "
        "the last step makes them. A vault that was lost is made again from its backup (F6)."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "language", N_("Language")),
        Binding("f5", "generate", N_("Suggest a passphrase")),
        Binding("f6", "restore", N_("Restore from a backup")),
    ]

    def __init__(self, *, another: bool = False) -> None:
        super().__init__()
        self._another = another

    def compose(self) -> ComposeResult:
        """Lay it out."""
        none = _("There is no vault in this folder. To open one, type where it is.")
        other = _("Type where the other vault is, or where a new one is to be made.")
        yield TitleBar(_("Evidence vault"), _("a new vault"))
        with (
            VerticalScroll(classes="content", can_focus=False),
            ContentSwitcher(initial="where", id="steps", classes="form"),
        ):
            with Vertical(id="where", classes="form"):
                yield Plain(other if self._another else none, classes="notice")
                yield Heading(_("Step 1 of 3: where"))
                yield Quiet(_("A folder that does not exist yet, on a disk of this computer. A vault opens here too."))
                yield Input(str(self.evault.folder), id="folder")
                yield Plain("", id="where-problem", classes="problem")
                with Horizontal(classes="buttons"):
                    yield Button(_("Go on"), id="to-passphrase", variant="primary")
                    yield Button(_("Restore from a backup"), id="restore")
            with Vertical(id="passphrase", classes="form"):
                yield Heading(_("Step 2 of 3: passphrase"))
                yield Plain("", id="where-then")
                yield Quiet(
                    _("Several words that do not belong together are easier to remember than signs."), id="several"
                )
                yield Plain(_("Passphrase"), classes="label")
                yield SecretInput(id="first")
                yield Plain("", id="strength")
                yield Plain(_("The same once more"), classes="label")
                yield SecretInput(id="second")
                yield Plain("", id="suggested", classes="notice")
                yield Plain("", id="passphrase-problem", classes="problem")
                with Horizontal(classes="buttons"):
                    yield Button(_("Make the vault"), id="make", variant="primary")
                    yield Button(_("Suggest a passphrase"), id="suggest")
        yield from below()

    def on_mount(self) -> None:
        """Begin with the button: a passphrase typed by habit must not become the name of a folder."""
        self.query_one("#folder" if self._another else "#to-passphrase").focus()

    def on_key(self, event: Key) -> None:
        """Begin a folder anew when a path is typed on a button; say where to type for anything else."""
        if (
            not event.is_printable
            or event.key == "space"
            or not isinstance(self.focused, Button)
            or self._at_passphrase
        ):
            return
        if event.character in ("/", "~"):
            folder = self.query_one("#folder", Input)
            folder.value = event.character
            # What comes next is put behind it.
            folder.select_on_focus = False
            folder.focus()
            folder.cursor_position = 1
            event.stop()
            return
        self.query_one("#where-problem", Plain).say(_("Shift+Tab goes to the line with the folder; type it there."))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Suggest a passphrase only where one is asked for, and go back only where there is something before."""
        if action == "back":
            return self._at_passphrase or len(self.app.screen_stack) > 2
        if action == "restore":
            return not self._at_passphrase
        return self._at_passphrase if action == "generate" else super().check_action(action, parameters)

    @property
    def _at_passphrase(self) -> bool:
        return self.is_mounted and self.query_one("#steps", ContentSwitcher).current == "passphrase"

    def action_back(self) -> None:
        """Go back a step; from the first one to what was there before."""
        if not self._at_passphrase:
            super().action_back()
        elif not self.query_one("#make", Button).disabled:
            for line in ("#first", "#second"):
                self.query_one(line, SecretInput).action_clear()
            for told in ("#suggested", "#strength", "#passphrase-problem"):
                self.query_one(told, Plain).say("")
            self._leave_room(False)
            self._turn_to("where")
            self.query_one("#folder").focus()

    def _turn_to(self, step: str) -> None:
        self.query_one("#steps", ContentSwitcher).current = step
        self.refresh_bindings()

    # -- where --------------------------------------------------------------------------------------------------------

    @on(Input.Submitted, "#folder")
    @on(Button.Pressed, "#to-passphrase")
    def _placed(self) -> None:
        folder = Path(self.query_one("#folder", Input).value.strip()).expanduser()
        problem = self.query_one("#where-problem", Plain)
        try:
            if (folder / "vault.keys").exists() or (folder / "vault.db").exists():
                self.evault.again(folder=str(folder))
                return
            full = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
        except (OSError, ValueError):
            problem.say(_("This place cannot be used. Choose another one."))
            return
        if full:
            problem.say(_("There is something in this folder already. Name one that does not exist yet."))
            return
        if not folder.is_absolute():
            folder = Path.cwd() / folder
        self.evault.folder = folder
        problem.say("")
        self.query_one("#where-then", Plain).say(_("The vault will lie in {folder}", folder=str(folder)))
        self._turn_to("passphrase")
        self.query_one("#first").focus()

    # -- passphrase ---------------------------------------------------------------------------------------------------

    @on(SecretInput.Changed, "#first")
    def _weigh(self) -> None:
        self.work("weighing the passphrase", self._tell_strength(), group="strength")

    async def _tell_strength(self) -> None:
        line, told = self.query_one("#first", SecretInput), self.query_one("#strength", Plain)
        if line.empty:
            told.say("")
            return
        answer = await self.core(line.strength)
        mark = "✓" if answer.ok else "✗"
        told.say(f"{mark} {i18n.from_core(answer.sentence)} {i18n.from_core(answer.advice)}".rstrip())

    @on(SecretInput.Submitted, "#first")
    def _to_second(self) -> None:
        self.query_one("#second").focus()

    @on(SecretInput.Submitted, "#second")
    @on(Button.Pressed, "#make")
    def _make(self) -> None:
        first, second = self.query_one("#first", SecretInput), self.query_one("#second", SecretInput)
        problem = self.query_one("#passphrase-problem", Plain)
        if first.empty:
            problem.say(_("Type a passphrase first."))
            first.focus()
        elif not first.same_as(second):
            problem.say(_("The two are not the same. Type the second one again."))
            second.action_clear()
            second.focus()
        else:
            problem.say(_("Making the vault …"))
            self.work("making the vault", self._create(), group="create")

    async def _create(self) -> None:
        first, second = self.query_one("#first", SecretInput), self.query_one("#second", SecretInput)
        answer = await self.core(first.strength)
        problem = self.query_one("#passphrase-problem", Plain)
        if not answer.ok:
            problem.say(f"{i18n.from_core(answer.sentence)} {i18n.from_core(answer.advice)}".rstrip())
            first.focus()
            return
        problem.say("")
        secret = first.take()
        second.action_clear()
        self.query_one("#suggested", Plain).say("")
        self.query_one("#make", Button).disabled = True
        try:
            vault = await self.core(api.setup.create, self.evault.folder, secret)
        finally:
            self.query_one("#make", Button).disabled = False
        await self.evault.opened(vault)
        self.app.push_screen(SharesScreen(first_run=True))

    @on(Button.Pressed, "#suggest")
    def action_generate(self) -> None:
        """Suggest a random phrase, shown once so that it can be learned."""
        if self.query_one("#steps", ContentSwitcher).current != "passphrase":
            return
        phrase = api.generate()
        self.query_one("#first", SecretInput).fill(phrase)
        self.query_one("#second", SecretInput).action_clear()
        self.query_one("#suggested", Plain).say(
            _("Learn this phrase, then type it in the second line; it is not shown again:") + f"\n    {phrase}"
        )
        self._leave_room(True)
        self.query_one("#second").focus()

    def _leave_room(self, suggested: bool) -> None:
        """Let the phrase stand in the place of what was read by now, or the buttons would be out of sight."""
        for name in ("#where-then", "#several"):
            self.query_one(name).display = not suggested

    @on(Button.Pressed, "#restore")
    def action_restore(self) -> None:
        """Make a vault again from a backup."""
        from tui.screens.restore import RestoreScreen

        self.app.push_screen(RestoreScreen())

    def action_language(self) -> None:
        """Show the next language of those that are complete."""
        self.evault.again(language=i18n.after(i18n.language()), language_chosen=True)
