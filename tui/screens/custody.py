"""The custody log: look at it, verify it, check the whole vault, and write down where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from tui.base import VaultScreen
from tui.dialogs.ask import AskDialog
from tui.dialogs.choose import ChooseDialog
from tui.dialogs.choose_files import ChooseFilesDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.findings import FindingsDialog
from tui.dialogs.message import MessageDialog
from tui.i18n import N_, _
from tui.widgets.frame import TitleBar, below
from tui.widgets.timeline import Timeline
from tui.words import EVENTS
from vault import api


async def choose_event(screen: VaultScreen, line: Timeline) -> None:
    """Ask which kind of event a time line shows, and show it."""
    options = [("", _("everything")), *((event, _(told)) for event, told in EVENTS.items())]
    chosen = await screen.app.push_screen_wait(ChooseDialog(_("Show only"), options, [line.event]))
    if chosen:
        line.show(chosen[0])


class CustodyScreen(VaultScreen):
    """The log of the whole vault, or of one thing.

    Args:
        object_id: Only entries about this thing; empty for all.
        name: What that thing is called.
    """

    HELP = N_(
        "Everything that is done in this program is entered here. v computes the whole log again; a checks the whole "
        "vault: the store, all files, all signatures, the log. A checkpoint is a small file for another place: only "
        "with one can anybody show later that nothing was changed before it. w shows the same short enough to be "
        "written on paper by hand."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "filter", N_("Only one kind")),
        Binding("v", "verify", N_("Verify the log")),
        Binding("a", "check", N_("Check everything")),
        Binding("p", "checkpoint", N_("Checkpoint")),
        Binding("w", "paper", N_("For paper")),
    ]

    def __init__(self, object_id: str = "", name: str = "") -> None:
        super().__init__()
        self._object_id, self._name = object_id, name

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield TitleBar(_("Custody log of “{name}”", name=self._name) if self._object_id else _("Custody log"))
        with Vertical(classes="content"):
            yield Timeline(object_id=self._object_id)
        yield from below()

    def on_mount(self) -> None:
        """Show the newest entries."""
        self.query_one(Timeline).show()
        self.work("counting the entries", self._count())

    async def _count(self) -> None:
        head = await self.core(api.custody.head, self.vault)
        self.query_one(TitleBar).say(right=_("{count} entries in all", count=head.size))

    def action_filter(self) -> None:
        """Show only one kind of event, or all again."""
        self.work("choosing what to show", choose_event(self, self.query_one(Timeline)))

    def action_verify(self) -> None:
        """Compute the whole log again."""
        self.work("verifying the log", self._verify())

    async def _verify(self) -> None:
        report = await self.long(_("Verifying the log"), lambda job: api.custody.verify(self.vault, job))
        self.app.push_screen(FindingsDialog(_("The log"), report, _("The log is whole: every entry fits its proof.")))

    def action_check(self) -> None:
        """Check the whole vault, with anchors if there are any."""
        self.work("checking the vault", self._check())

    async def _check(self) -> None:
        chosen = await self.app.push_screen_wait(
            ChooseDialog(
                _("Check everything"),
                [
                    ("without", _("Check without an anchor")),
                    ("with", _("Check against checkpoints kept elsewhere")),
                    ("paper", _("Check against what is written on paper")),
                ],
                help_text=_("Only an anchor from outside shows that this is not an older state of the vault."),
            )
        )
        if not chosen:
            return
        anchors: tuple[Path, ...] = ()
        if chosen == ["with"]:
            found = await self.app.push_screen_wait(ChooseFilesDialog(_("Checkpoints kept elsewhere")))
            if not found:
                return
            anchors = found
        written: tuple[str, ...] = ()
        if chosen == ["paper"]:
            typed = await self.app.push_screen_wait(
                AskDialog(_("What is on the paper?"), _("The number of entries, then the 40 digits."), do=_("Check"))
            )
            if typed is None:
                return
            written = (typed,)
        checked = await self.long(
            _("Checking the vault"), lambda job: api.checking.check(self.vault, anchors, job, written)
        )
        good = _("Everything holds together.")
        if checked.anchored == "yes":
            good += " " + _("It agrees with what was kept elsewhere.")
        self.app.push_screen(FindingsDialog(_("The whole vault"), checked.report, good))

    def action_checkpoint(self) -> None:
        """Write the log's signed head into a file."""
        self.work("writing a checkpoint", self._checkpoint())

    async def _checkpoint(self) -> None:
        agreed = await self.app.push_screen_wait(
            ConfirmDialog(
                _("Write a checkpoint"),
                _("A small file leaves the vault in clear. It says how many entries the log has and proves them; it "
                  "names nobody. Keep it where nobody who takes this computer can change it."),
                _("Choose a place"),
            )
        )  # fmt: skip
        if not agreed:
            return
        paths = await self.app.push_screen_wait(
            ChooseFilesDialog(_("Where the checkpoint goes"), "new", name="checkpoint.txt")
        )
        if not paths:
            return
        head = await self.core(api.custody.write_checkpoint, self.vault, paths[0])
        self.app.push_screen(
            MessageDialog(_("Checkpoint written"), _("It covers {count} entries.", count=head.size), str(paths[0]))
        )
        self.query_one(Timeline).show()

    def action_paper(self) -> None:
        """Show the log's head short enough to be written down."""
        self.work("showing the short fingerprint", self._paper())

    async def _paper(self) -> None:
        short = await self.core(api.custody.short_head, self.vault)
        self.app.push_screen(
            MessageDialog(
                _("Write this on paper"),
                _("The number of entries, then 40 digits:") + f"\n\n    {short}\n",
                _("Keep the paper away from this computer. “Check everything” (a) compares it later: nothing up to now "
                  "can be changed or taken away unnoticed. The digits tell nobody what is in the vault."),
            )
        )  # fmt: skip
