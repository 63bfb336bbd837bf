"""Writing a file of the vault out, in clear: where to, what that means, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import attachments
from tui.dialogs.choose_files import ChooseFilesDialog
from tui.dialogs.message import MessageDialog
from tui.dialogs.reason import ReasonDialog
from tui.i18n import _
from tui.measures import size
from vault import api
from vault.model import Attachment

if TYPE_CHECKING:
    from tui.base import VaultScreen


async def extract(screen: VaultScreen, one: Attachment) -> None:
    """Ask where, warn, and write the file out; runs as the work of a screen."""
    if one.deleted or not one.sha256:
        told = _("This file is deleted.") if one.deleted else _("The sender told of this file, but did not send it.")
        screen.notify(told, severity="warning", markup=False)
        return
    chosen = await screen.app.push_screen_wait(
        ChooseFilesDialog(
            _("Extract: where to?"), "new", do=_("Go on"), name=attachments.suggested_name(one),
            notice=_("The copy will not be encrypted. A stick that you can put away is safer than this computer."),
        )
    )  # fmt: skip
    if chosen is None:
        return
    (target,) = chosen
    lines = [
        _("{name}, {size}, is written to {place}.", name=attachments.name_of(one), size=size(one.size), place=target),
        _("There it lies in clear: whoever has that disk can read it, and this vault no longer protects it."),
        _("Deleting it later does not wipe it from a disk or stick. Other programs that open it leave traces too."),
    ]
    if inside := attachments.inside(one.fields):
        lines.append(_("It gives away: {kinds}.", kinds=inside))
    why = await screen.app.push_screen_wait(
        ReasonDialog(_("Let it out of the vault?"), "\n".join(lines), _("Write it out"), _("The log keeps this."))
    )
    if why is None:
        return
    vault = screen.vault
    await screen.long(_("Writing a file out"), lambda job: api.intake.extract(vault, one.id, target, job, why))
    screen.app.push_screen(
        MessageDialog(
            _("It is written"),
            _("It lies in clear at {place}.", place=target),
            _("What was written is what was taken in: its SHA-256 was computed again, {digest}.", digest=one.sha256),
        )
    )
