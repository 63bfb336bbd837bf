"""Receiving a bundle: it is verified first, step by step; then it is taken in, or refused.

Nothing of a bundle is shown, and nothing is kept, before it was verified and the person agreed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button

from tui import i18n, verifying
from tui.base import VaultScreen
from tui.comparing import hear
from tui.dialogs.ask_passphrase import AskPassphraseDialog
from tui.dialogs.choose_files import ChooseFilesDialog
from tui.dialogs.compare import CompareDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.findings import FindingsDialog
from tui.i18n import N_, _
from tui.notices import advice_of, notice_for, sentence_of
from tui.verifying import Turning
from tui.widgets.frame import TitleBar, below
from tui.widgets.plain import Heading, Plain, fitted
from tui.widgets.reading import Reading
from vault import api
from vault.errors import CancelledError, PassphraseNeededError, UnlockError, VaultError
from vault.model import Secret, Severity, Verdict

if TYPE_CHECKING:
    from tui.app import VaultApp

_TICK = 0.1
_NAME = 40


class ReceiveScreen(VaultScreen):
    """A bundle that came."""

    HELP = N_(
        "A bundle is verified before anything of it is shown or kept. Read the verdict, then take it in or refuse it. "
        "If the signer is not established, call the sender and compare fingerprints (f): the key that came in a "
        "bundle proves nothing by itself."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "take", N_("Take it in")),
        Binding("f", "compare", N_("Compare fingerprints")),
        Binding("o", "another", N_("Another file")),
        Binding("g", "case", N_("Show the case")),
        Binding("up", "scroll('up')", show=False),
        Binding("down", "scroll('down')", show=False),
        Binding("pageup", "scroll('page_up')", show=False),
        Binding("pagedown", "scroll('page_down')", show=False),
    ]
    DEFAULT_CSS = """
    ReceiveScreen #page { padding: 1 2 0 2; height: 1fr; }
    ReceiveScreen .buttons { padding: 0 2; height: 3; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._path: Path | None = None
        self._secret: Secret | None = None
        self._signer = self._heard = ""
        self._opened: api.receiving.Opened | None = None
        self._turning = Turning(ended=True)
        self._busy = False

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield TitleBar(_("Receive"))
        with VerticalScroll(id="page", can_focus=True):
            yield Heading("", id="verdict")
            yield Plain("", id="means")
            yield Plain("", id="steps")
            yield Reading(id="report")
        with Horizontal(classes="buttons"):
            yield Button(_("Refuse"), id="refuse")
            yield Button(_("Take it in"), id="take", classes="hidden")
            yield Button(_("Compare fingerprints"), id="compare", classes="hidden")
            yield Button(_("Show the case"), id="case", classes="hidden")
        yield from below()

    def on_mount(self) -> None:
        """Ask for the file at once."""
        self.set_interval(_TICK, self._turn)
        self.work("choosing a bundle", self._choose())

    async def _choose(self) -> None:
        chosen = await self.app.push_screen_wait(
            ChooseFilesDialog(_("Which bundle?"), "file", notice=_("It is verified first. Nothing of it is opened."))
        )
        if chosen:
            self._path, self._secret, self._signer, self._heard = chosen[0], None, "", ""
            self.query_one(TitleBar).say(right=fitted(chosen[0].name, _NAME))
            await self._look()
        elif self._path is None:
            super().action_back()

    # -- verifying ----------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        if not self._turning.ended:
            self.query_one("#steps", Plain).say("\n".join(self._turning.lines()))

    async def _look(self) -> None:
        """Verify the file; a passphrase is asked for where it needs one."""
        self._opened = None
        problem = ""
        while True:
            try:
                self._opened = await self._verify()
            except (PassphraseNeededError, UnlockError) as error:
                if isinstance(error, UnlockError):
                    problem = _told(error)
                if await self._ask(problem):
                    continue
                self._say(_("Nothing was opened."), "")
            except CancelledError:
                self._say(_("Stopped."), _("Nothing was kept."))
            except VaultError as error:
                self._say(f"✗ {_(notice_for(error).title)}", _told(error))
            break
        self._show()

    async def _ask(self, problem: str) -> bool:
        self._secret = await self.app.push_screen_wait(
            AskPassphraseDialog(
                _("This bundle is under a passphrase"),
                _("Only go on if the sender told you to expect one, over another way than the file."),
                problem,
            )
        )
        return self._secret is not None

    async def _verify(self) -> api.receiving.Opened:
        vault, path, secret, signer = self.vault, self._path, self._secret, self._signer
        assert path is not None
        turning = self._turning = Turning()
        self._say(_("Verifying …"), "")
        self._buttons()
        self._busy = True
        opened = None
        try:
            opened = await self.long(
                _("Verifying a bundle"),
                lambda job: api.receiving.look(vault, path, turning.watch(job), secret, signer),
            )
        finally:
            self._busy = False
            turning.end(opened.report if opened else None)
        return opened

    def _say(self, verdict: str, means: str) -> None:
        self.query_one("#verdict", Heading).say(verdict)
        self.query_one("#means", Plain).say(means + "\n" if means else "")
        self.query_one("#report", Reading).say("")

    def _show(self) -> None:
        """Show what the verification came to."""
        opened, steps = self._opened, "\n".join(self._turning.lines())
        if opened is None:
            self.query_one("#steps", Plain).say(steps if self._turning.begun else "")
        else:
            self._say(*verifying.verdict(opened))
            self.query_one("#steps", Plain).say("")
            lines = [*verifying.told(opened), _("What was checked:"), steps, "", *verifying.not_checked(opened)]
            self.query_one("#report", Reading).say("\n".join(lines))
        self._buttons()
        self.query_one("#page").scroll_home(animate=False)
        self.query_one("#refuse").focus()

    def _buttons(self) -> None:
        for name in ("take", "compare", "case"):
            self.query_one(f"#{name}").set_class(not self.check_action(name, ()), "hidden")
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done with what was found."""
        opened = self._opened
        if action in ("take", "compare", "case", "another") and self._busy:
            return False
        if action == "take":
            return bool(opened and opened.contents and not (opened.case_id and opened.verdict is Verdict.FAILED))
        if action == "compare":
            # What was typed may have been misheard.
            again = opened is not None and any(one.code == "signer-mismatch" for one in opened.report.findings)
            return opened is not None and (opened.verdict is Verdict.INTACT or again)
        if action == "case":
            return bool(opened and opened.case_id)
        return True

    def action_scroll(self, way: str) -> None:
        """Scroll the report, whatever has the focus."""
        getattr(self.query_one("#page"), f"scroll_{way}")()

    # -- what the person decides --------------------------------------------------------------------------------------

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        match event.button.id:
            case "refuse":
                self.action_back()
            case "take":
                self.action_take()
            case "compare":
                self.action_compare()
            case "case":
                self.action_case()

    def action_back(self) -> None:
        """Refuse it: nothing of it was kept."""
        if self._busy:
            self.notify(_("The bundle is being read. F8 stops it."), markup=False)
        else:
            super().action_back()

    def action_another(self) -> None:
        """Choose another file."""
        self.work("choosing a bundle", self._choose())

    def action_case(self) -> None:
        """Go to the case that it is in."""
        from tui.screens.case import CaseScreen

        if self._opened is not None:
            self.app.switch_screen(CaseScreen(self._opened.case_id))

    def action_compare(self) -> None:
        """Compare the signer's fingerprint with what is told over another channel."""
        self.work("comparing fingerprints", self._compare())

    async def _compare(self) -> None:
        opened = self._opened
        if opened is None:
            return
        known = await self.core(api.contacts.get, self.vault, opened.contact) if opened.contact else None
        if known is not None and known.fingerprint == opened.signer:
            heard = await hear(self, known.name)
            if heard is None:
                return
            # One comparison for both: the contact is verified, and with it all that came from this key.
            await self.core(api.contacts.verify, self.vault, known.name, heard)
        else:
            own = await self.core(api.contacts.own, self.vault)
            asked = CompareDialog(
                opened.contact or _("the sender"), own.fingerprint, own.words, self._heard, self._differing(opened)
            )
            heard = await self.app.push_screen_wait(asked)
            if heard is None:
                return
            # What was typed may have been misheard, or not be whole: it is kept, to be mended.
            self._heard = heard
            await self.core(api.receiving.check_claim, heard)
            self._signer = heard
        await self._look()

    def _differing(self, opened: api.receiving.Opened) -> tuple[int, ...]:
        """Return which groups of what was typed before are not those of the key that signed it."""
        if not self._signer or self._signer != self._heard:
            return ()
        typed = api.groups_of(self._signer)
        signer = opened.signer.split()
        signer = signer if len(typed) == len(signer) else opened.signer_words.split()
        return tuple(at for at, pair in enumerate(zip(typed, signer, strict=False)) if pair[0] != pair[1])

    def action_take(self) -> None:
        """Take it into the vault."""
        self.work("taking a bundle in", self._take())

    async def _take(self) -> None:
        opened, path = self._opened, self._path
        if opened is None or opened.contents is None or path is None or not await self._agreed(opened):
            return
        vault, secret, signer, mark = self.vault, self._secret, self._signer, opened.contents.mark
        self._busy = True
        self._buttons()
        try:
            taken = await self.long(
                _("Taking in a bundle"), lambda job: api.receiving.receive(vault, path, job, secret, signer, mark)
            )
        finally:
            self._busy = False
            self._buttons()
        self._opened = taken
        if not taken.case_id:
            self._show()
            return
        self.notify(verifying.taken_in(taken), markup=False)
        new = [one for one in taken.report.findings if one not in opened.report.findings]
        # After this work has ended: it ends with this screen.
        self.app.call_later(_to_case, self.evault, taken, any(one.severity is not Severity.INFO for one in new))

    async def _agreed(self, opened: api.receiving.Opened) -> bool:
        if opened.verdict is Verdict.VERIFIED:
            return True
        title, means = verifying.verdict(opened)
        return await self.app.push_screen_wait(
            ConfirmDialog(
                _("Take it in all the same?"), f"{title}\n\n{means}", _("Take it in"),
                _("Everything of it is marked with that, wherever it is shown."),
            )
        )  # fmt: skip


def _told(error: VaultError) -> str:
    return f"{i18n.from_core(sentence_of(error))} {i18n.from_core(advice_of(error))}".rstrip()


async def _to_case(app: VaultApp, taken: api.receiving.Opened, remarkable: bool) -> None:
    """Go to the case that a bundle was taken into; what was found only then is told."""
    from tui.screens.case import CaseScreen

    await app.switch_screen(CaseScreen(taken.case_id))
    if remarkable:
        good = _("It was taken in; something is to be known.")
        app.push_screen(FindingsDialog(_("What was found while it was taken in"), taken.report, good))
