"""The whole conversation: opening a vault or making one, its cases, and the ways to everything else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from tui import i18n, supervisor, telling, unfinished
from tui.i18n import _, from_core, ngettext
from tui.linear import cases, exchange, shares
from tui.linear.talk import Back, Leave, Talk
from tui.text import one_line
from vault import api
from vault.errors import VaultError


def run(folder: Path, options: supervisor.Options, leave: Leave) -> NoReturn:
    """Talk until the person leaves or locks."""
    talk = Talk(folder, options, leave)
    talk.say("", _("Evidence vault"))
    if notice := supervisor.notice_of(options):
        talk.say(notice)
    talk.say(_("Choose by typing a number and Enter. Ctrl+C goes back or stops, Ctrl+D locks and leaves."))
    while talk.vault is None:
        _guarded(talk, lambda: _enter(talk))
    while True:
        _guarded(talk, lambda: _main(talk))


def _guarded(talk: Talk, doing: Callable[[], None]) -> None:
    try:
        doing()
    except (Back, KeyboardInterrupt):
        talk.say(_("Back"))
    except VaultError as error:
        talk.tell(error)


# -- opening -----------------------------------------------------------------------------------------------------------


def _enter(talk: Talk) -> None:
    known = (talk.folder / "vault.keys").exists() or (talk.folder / "vault.db").exists()
    variables = {**os.environ, **dict.fromkeys(talk.options.dropped, "")}
    for told in api.surroundings(talk.folder, environment=variables):
        talk.say("! " + from_core(told))
    if known:
        # Asked for first, and not shown: whoever types a passphrase by habit does not type it into a shown line.
        typed = talk.secret(_("Passphrase, or Enter alone for other ways"))
        if typed:
            _take_over(talk, _unlock(talk, typed))
            return
    ways = [("open", _("Unlock"))] if known else [("make", _("Make the vault"))]
    ways += [("shares", _("The passphrase is lost: use shares"))] if known else []
    ways += [("other", _("Another vault"))]
    chosen = talk.choose(str(talk.folder), ways, _("Leave"))
    if chosen is None:
        talk.end(supervisor.EXIT_QUIT)
    if chosen == "other":
        talk.folder = Path(talk.ask(_("Folder of the vault")).strip()).expanduser().absolute()
        return
    if chosen == "open":
        vault: api.OpenVault | None = _unlock(talk, talk.secret(_("Passphrase")))
    else:
        vault = shares.recover(talk) if chosen == "shares" else _make(talk)
    if vault is not None:
        _take_over(talk, vault)
        if chosen == "make":
            _guarded(talk, lambda: _first_shares(talk))


def _take_over(talk: Talk, vault: api.OpenVault) -> None:
    talk.settings = api.settings.read(vault)
    if talk.settings.language and not talk.options.language_chosen:
        i18n.use(talk.settings.language)
    talk.vault = vault
    if left := api.intake.unfinished(vault):
        title, lines, advice = unfinished.told(left)
        talk.say(title, *lines.split("\n"), advice)


def _unlock(talk: Talk, typed: str) -> api.OpenVault:
    secret = api.to_secret(typed)
    talk.say(_("Unlocking …"))
    return api.setup.unlock(talk.folder, secret)


def _make(talk: Talk) -> api.OpenVault | None:
    talk.say(_("Several words that do not belong together are easier to remember than signs."))
    chosen = talk.choose(
        _("Passphrase"), [("own", _("Type one of my own")), ("new", _("Suggest a passphrase"))], _("Back")
    )
    if chosen is None:
        return None
    if chosen == "new":
        phrase = api.generate()
        talk.say(_("Learn this phrase, then type it; it is not said again:"), "", phrase, "")
    else:
        phrase = talk.secret(_("Passphrase"))
        told = api.strength(phrase)
        talk.say(("✓ " if told.ok else "✗ ") + f"{from_core(told.sentence)} {from_core(told.advice)}".rstrip())
        if not told.ok:
            return None
    if talk.secret(_("The same once more")) != phrase:
        talk.say(_("The two are not the same. Nothing was made."))
        return None
    talk.say(_("Making the vault …"))
    vault = api.setup.create(talk.folder, api.to_secret(phrase))
    return vault


def _first_shares(talk: Talk) -> None:
    """Offer recovery shares for a vault that was just made."""
    chosen = talk.choose(
        _("Recovery shares"), [("make", _("Make recovery shares"))], _("Go on without recovery shares")
    )
    if chosen == "make":
        _guarded(talk, lambda: shares.make(talk))
    if not api.recovery.has_shares(talk.open_vault):
        talk.say(
            _("! There are no recovery shares: without the passphrase all is lost. Make them later from the list.")
        )


# -- the list of cases -------------------------------------------------------------------------------------------------


def _main(talk: Talk) -> None:
    vault = talk.open_vault
    found = api.cases.page(vault, 1000)
    drafts = len(api.drafts.page(vault))
    if drafts:
        talk.say(ngettext("{count} draft is not signed yet.", "{count} drafts are not signed yet.", drafts))
    ways: dict[str, tuple[str, Callable[[], None]]] = {
        "new": (_("New case"), lambda: cases.add(talk)),
        "receive": (_("Receive"), lambda: exchange.receive(talk)),
        "contacts": (_("Contacts"), lambda: exchange.contacts(talk)),
        "check": (_("Check everything"), lambda: exchange.check(talk)),
        "shares": (_("Make recovery shares"), lambda: shares.make(talk)),
        "rehearse": (_("Rehearse recovery shares"), lambda: shares.rehearse(talk)),
        "lock": (_("Lock"), lambda: talk.end(supervisor.EXIT_AGAIN, "locked")),
    }
    options = [(way, label) for way, (label, _doing) in ways.items()]
    options += [(f"case {one.id}", f"{_('Case')}: {one_line(telling.case_title(one))}") for one in found]
    chosen = talk.choose(ngettext("{count} case", "{count} cases", len(found)), options, _("Leave"))
    if chosen is None:
        talk.end(supervisor.EXIT_QUIT)
    if chosen in ways:
        ways[chosen][1]()
    else:
        cases.show(talk, chosen.removeprefix("case "))
