"""Last step of a seal: the files, how they are verified, and where they stand in the log."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from tui import i18n
from tui.i18n import N_, _, listed
from tui.screens.sealing.plan import Plan
from tui.screens.sealing.step import Step
from tui.text import one_line
from tui.widgets.reading import Reading
from vault import api

_BY_HAND = (
    "sha256sum -c tagmanifest-sha256.txt && sha256sum -c manifest-sha256.txt",
    "ssh-keygen -Y verify -f signers -I sender -n evidence-bundle \\",
    "  -s tagmanifest-sha256.txt.sig < tagmanifest-sha256.txt",
)
"""As `docs/formats/bundle.md` and VERIFY.txt in each bundle say it."""


class Done(Step):
    """Tells what was made."""

    TITLE = N_("Sealed")
    NEXT = N_("Close")

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.made: Sequence[api.sealing.Sealed] = ()

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with VerticalScroll(can_focus=True):
            yield Reading()

    async def enter(self) -> None:
        """Tell what was made, and what the log says of it."""
        screen = self.seal_screen
        own = await screen.core(api.contacts.own, screen.vault)
        entries = {one.bundle_id: one.entries for one in await screen.core(api.sealing.sent, screen.vault,
                                                                           self.plan.case_id)}  # fmt: skip
        lines = []
        for one in self.made:
            whom = one_line(one.recipient) if one.recipient else _("whoever knows the passphrase")
            numbers = listed(str(number) for number in entries.get(one.bundle_id, ()))
            lines += [
                f"✓ {one.file}",
                "  " + _("For {whom}", whom=whom),
                f"  SHA-256 {one.sha256}",
                "  " + _("Entered in the custody log under the numbers {numbers}", numbers=numbers),
                *(f"  ! {i18n.from_core(warning)}" for warning in one.warnings),
                "",
            ]
        lines += [
            _("The recipient compares your fingerprint with the one they see. Read it to them on a call:"),
            f"  {own.fingerprint}",
            f"  {own.words}",
            f"  {own.ssh_fingerprint}",
            "",
            _("How they check it: with this program, r on the list of cases. By hand, without it:"),
            f"  age -d{'' if self.plan.passphrase else ' -i KEY'} -o b.tar FILE.age && tar xf b.tar && cd bag",
            *(f"  {line}" for line in _BY_HAND),
            _("VERIFY.txt in each bundle says this, too."),
        ]
        if any(one.needs_new_age for one in self.made):
            lines.append(_("For a key that begins with age1pq1, age has to be 1.3 or later."))
        self.query_one(Reading).say("\n".join(lines))
        self.query_one(VerticalScroll).focus()
