"""Comparing fingerprints with a contact until they agree or the person stops; what was typed is kept meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import i18n
from tui.dialogs.compare import CompareDialog
from vault import api
from vault.errors import RefusedError

if TYPE_CHECKING:
    from tui.base import VaultScreen


async def hear(screen: VaultScreen, name: str) -> str | None:
    """Ask for what a contact reads out until it is their fingerprint, and return it; None when the person stops."""
    own = await screen.core(api.contacts.own, screen.vault)
    heard, problem = "", ""
    differing: tuple[int, ...] = ()
    while True:
        asked = CompareDialog(name, own.fingerprint, own.words, heard, differing, problem)
        answer: str | None = await screen.app.push_screen_wait(asked)
        if answer is None:
            return None
        heard, problem, differing = answer, "", ()
        try:
            differing = await screen.core(api.contacts.differing, screen.vault, name, heard)
        except RefusedError as error:
            problem = f"{i18n.from_core(error.message)} {i18n.from_core(error.advice)}"
            continue
        if not differing:
            return heard
