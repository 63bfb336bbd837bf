"""Bringing recovery shares together, from paper and from files; for the rehearsal and for a lost passphrase."""

from __future__ import annotations

from tui import i18n
from tui.base import VaultScreen
from tui.dialogs.ask_passphrase import AskPassphraseDialog
from tui.dialogs.choose import ChooseDialog
from tui.dialogs.choose_files import ChooseFilesDialog
from tui.dialogs.message import MessageDialog
from tui.dialogs.share_words import TypeWordsDialog
from tui.i18n import _
from tui.notices import notice_for
from vault import api
from vault.errors import VaultError


async def gather(screen: VaultScreen) -> list[api.Share] | None:
    """Ask for shares until there are as many as they say are needed; None when the person stops.

    A share that cannot be read, does not belong to the others, or is there already is told of, and asked for again.
    """
    found: list[api.Share] = []
    while not found or len(found) < found[0].threshold:
        number = len(found) + 1
        title = (
            _("Share {number} of the {needed} that are needed", number=number, needed=found[0].threshold)
            if found
            else _("The first share")
        )
        chosen = await screen.app.push_screen_wait(
            ChooseDialog(title, [("words", _("Type its words from paper")), ("file", _("Open its file"))])
        )
        if not chosen:
            return None
        try:
            share = await (
                screen.app.push_screen_wait(TypeWordsDialog(number)) if chosen == ["words"] else _from_file(screen)
            )
        except VaultError as error:
            await tell(screen, error)
            continue
        if share is not None and await _fits(screen, share, found):
            found.append(share)
    return found


async def rehearse(screen: VaultScreen) -> None:
    """Show that shares open the open vault; changes nothing."""
    shares = await gather(screen)
    if shares is None:
        return
    key_file = await screen.core(api.setup.read_key_file, screen.vault.folder)
    await screen.core(api.recovery.rehearse, key_file, shares)
    await screen.app.push_screen_wait(
        MessageDialog(
            _("✓ These shares open this vault"),
            _("Nothing was changed."),
            _("Bring each share back to its own place, and clear this table."),
        )
    )


async def _from_file(screen: VaultScreen) -> api.Share | None:
    paths = await screen.app.push_screen_wait(ChooseFilesDialog(_("The file of a share"), "file"))
    if not paths:
        return None
    secret = None
    if await screen.core(api.recovery.needs_passphrase, paths[0]):
        secret = await screen.app.push_screen_wait(
            AskPassphraseDialog(
                _("The passphrase of this share"),
                _(
                    "The one that this file was given. A share made for a trustee's key is opened by them, in their "
                    "own vault (k, then o)."
                ),
            )
        )
        if secret is None:
            return None
    return await screen.core(api.recovery.read_share, paths[0], secret)


async def _fits(screen: VaultScreen, share: api.Share, found: list[api.Share]) -> bool:
    if not found:
        return True
    if (share.set_id, share.threshold) != (found[0].set_id, found[0].threshold):
        message = _("This share is of set {this}, the first one of set {first}: they were not made together.",
                    this=share.set_id, first=found[0].set_id)  # fmt: skip
        await screen.app.push_screen_wait(
            MessageDialog(_("Not of the same set"), message, _("Take another share, or begin again with this one."))
        )
        return False
    if share.index in {one.index for one in found}:
        message = _("You have brought share {number} already.", number=share.index)
        await screen.app.push_screen_wait(MessageDialog(_("The same share"), message, _("Take another one.")))
        return False
    return True


async def tell(screen: VaultScreen, error: VaultError) -> None:
    """Show an error of the core, and wait until it was read."""
    await screen.app.push_screen_wait(
        MessageDialog(_(notice_for(error).title), i18n.from_core(error.message), i18n.from_core(error.advice))
    )
