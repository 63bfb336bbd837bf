"""Sealing a case step by step: what leaves, to whom, what for, a look at all of it; then the files are made."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, ContentSwitcher

from tui.base import VaultScreen
from tui.dialogs.choose_files import ChooseFilesDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.new_passphrase import NewPassphraseDialog
from tui.i18n import N_, _, ngettext
from tui.screens.sealing.done import Done
from tui.screens.sealing.plan import Plan
from tui.screens.sealing.preview import Preview
from tui.screens.sealing.step import Step
from tui.screens.sealing.what import What
from tui.screens.sealing.whom import Whom
from tui.screens.sealing.why import Why
from tui.telling import case_title
from tui.text import one_line
from tui.widgets.frame import TitleBar, below
from vault import api
from vault.errors import CancelledError
from vault.jobs import Job
from vault.model import Secret

_STEPS: tuple[type[Step], ...] = (What, Whom, Why, Preview, Done)


class SealScreen(VaultScreen):
    """The steps of a seal.

    Args:
        case_id: The case.
    """

    HELP = N_(
        "A bundle is one encrypted file for one recipient. F9 goes on to the next step, Escape back to the one before; "
        "nothing is written before the last. Fields that are protected stay here unless you mark them: open a line "
        "with Enter to see its fields."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f9", "go_on", N_("Go on"))]
    DEFAULT_CSS = """
    SealScreen ContentSwitcher { height: 1fr; padding: 1 2 0 2; }
    SealScreen .buttons { padding: 0 2; height: 3; }
    """

    def __init__(self, case_id: str) -> None:
        super().__init__()
        self.plan = Plan(case_id)
        self._steps = [made(self.plan) for made in _STEPS]
        self._place = 0
        self._busy = False
        self._going = False
        """A step is being left or filled; what is pressed meanwhile was meant for what was seen."""

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield TitleBar(_("Seal"))
        # A step is laid out when it is come to: all at once would hold up the screen.
        with ContentSwitcher(initial=None):
            pass
        with Horizontal(classes="buttons"):
            yield Button(_("Back"), id="back")
            yield Button(_("Go on"), id="go-on", variant="primary")
        yield from below()

    def on_mount(self) -> None:
        """Begin."""
        self._step("beginning a seal", self._begin)

    async def _begin(self) -> None:
        case = await self.core(api.cases.get, self.vault, self.plan.case_id)
        self.query_one(TitleBar).say(_("Seal: {case}", case=case_title(case)))
        await self._go_to(0)

    def _step(self, description: str, doing: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Leave or fill a step, one at a time: a key that is pressed twice means it once."""

        async def alone() -> None:
            try:
                await doing()
            finally:
                self._going = False

        if not self._going:
            self._going = True
            self.work(description, alone)

    @property
    def step(self) -> Step:
        """The step in front."""
        return self._steps[self._place]

    async def _go_to(self, place: int) -> None:
        switcher, step = self.query_one(ContentSwitcher), self._steps[place]
        if not step.is_attached:
            await switcher.add_content(step)
        self._place = place
        switcher.current = step.id
        last = len(_STEPS) - 1
        told = _("step {number} of {all}: {title}", number=place + 1, all=last, title=_(self.step.TITLE))
        self.query_one(TitleBar).say(right=told if place < last else _(self.step.TITLE))
        self.query_one("#go-on", Button).label = _(self.step.NEXT) if self.step.NEXT else _("Go on")
        self.query_one("#back").set_class(place == last, "hidden")
        await self.step.enter()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "go-on":
            self.action_go_on()
        elif event.button.id == "back":
            self.action_back()

    def action_back(self) -> None:
        """Go back one step; from the first and the last one out."""
        if self._busy:
            self.notify(_("The bundle is being made. F8 stops it."), markup=False)
        elif 0 < self._place < len(_STEPS) - 1:
            self._step("going back a step", lambda: self._go_to(self._place - 1))
        else:
            super().action_back()

    def action_go_on(self) -> None:
        """Go on to the next step; the last ones seal, and close."""
        step = self.step
        if self._busy or self._going:
            return
        if isinstance(step, Done):
            super().action_back()
        elif isinstance(step, Preview):
            self._step("sealing", lambda: self._seal(step))
        else:
            self._step("going on a step", self._go_on)

    async def _go_on(self) -> None:
        if await self.step.leave():
            await self._go_to(self._place + 1)

    # -- sealing ------------------------------------------------------------------------------------------------------

    async def _seal(self, preview: Preview) -> None:
        self._busy = True
        try:
            made = await self._make(preview) if await preview.leave() else ()
        finally:
            self._busy = False
        if made:
            done = self._steps[-1]
            assert isinstance(done, Done)
            done.made = made
            await self._go_to(len(_STEPS) - 1)

    async def _make(self, preview: Preview) -> tuple[api.sealing.Sealed, ...]:
        choice, secret = preview.choice, None
        if self.plan.passphrase:
            secret = await self.app.push_screen_wait(
                NewPassphraseDialog(
                    _("The passphrase of the bundle"),
                    _("Tell it to the recipient over another way than the file: on a call, on paper."),
                )
            )
            if secret is None:
                return self._not_sealed()
        chosen = await self.app.push_screen_wait(
            ChooseFilesDialog(
                _("Where does the bundle go?"), "folder",
                notice=_("It gets a name that says nothing, and is encrypted. A stick keeps it off this disk."),
            )
        )  # fmt: skip
        if not chosen:
            return self._not_sealed()
        vault, folder, count = self.vault, chosen[0], max(1, len(self.plan.to))
        agreed = await self.app.push_screen_wait(
            ConfirmDialog(
                _("Seal it now?"),
                f"{preview.summary}\n\n" + _("Into the folder: {folder}", folder=one_line(folder)),
                ngettext("Seal {count} bundle", "Seal {count} bundles", count),
                _("What was handed over cannot be called back."),
            )
        )
        if not agreed:
            return self._not_sealed()
        title = ngettext("Sealing {count} bundle", "Sealing {count} bundles", count)
        try:
            return await self.long(title, lambda job: _sealed(vault, choice, self.plan.to, secret, folder, job))
        except CancelledError as error:
            # It says how many for earlier recipients were made.
            self.evault.tell(error)
            return ()

    def _not_sealed(self) -> tuple[api.sealing.Sealed, ...]:
        self.notify(_("Not sealed: nothing left the vault."), markup=False)
        return ()


def _sealed(
    vault: api.OpenVault, choice: api.sealing.Choice, to: list[str], secret: Secret | None, folder: Path, job: Job
) -> tuple[api.sealing.Sealed, ...]:
    if secret is not None:
        return (api.sealing.seal_with_passphrase(vault, choice, secret, folder, job),)
    return api.sealing.seal(vault, choice, to, folder, job)
