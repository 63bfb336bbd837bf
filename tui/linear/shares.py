"""Recovery shares line by line: make them, rehearse them, and open a vault with them when the passphrase is lost.

A screen reader says aloud what is printed, and a terminal keeps it: words are printed only when that was asked for and
after a plain warning, and those of a share are typed unseen. A file with a passphrase of its own says nothing aloud.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from tui.i18n import _, from_core
from tui.linear.talk import Back, Talk
from tui.text import one_line
from vault import api
from vault.errors import RefusedError, VaultError
from vault.model import Secret


def make(talk: Talk) -> None:
    """Make a set of shares, one after the other; nothing is changed before the last one is out."""
    vault = talk.open_vault
    talk.say(
        _("If the passphrase is forgotten, only shares open the vault. Each one goes to another person or place that "
          "you trust; a single one opens nothing."),
    )  # fmt: skip
    count, needed = (_number(talk, question, usual) for question, usual in (
        (_("How many shares are made"), 3), (_("How many of them are needed to open the vault"), 2),
    ))  # fmt: skip
    public_key, made = api.recovery.prepare(needed, count)
    if api.recovery.has_shares(vault) and not talk.agreed(
        _("When the last new share is out, the shares made before open only older copies and backups of this vault. "
          "Make new ones?")
    ):  # fmt: skip
        return
    kept = _Kept()
    try:
        for share in made:
            _hand_out(talk, share, count, kept)
    except Back:
        talk.say(_("Nothing is changed. Shares that are out already open nothing; destroy them."))
        return
    api.recovery.commit(vault, public_key)
    talk.say(_("✓ The shares are made: any {needed} of {count} open the vault", needed=needed, count=count))
    if talk.agreed(_("Rehearse now: bring {needed} of them back", needed=needed) + "?"):
        rehearse(talk)


@dataclass(slots=True)
class _Kept:
    """Where shares are by now, and what opens each: no other may have either.

    Attributes:
        folders: The folders they lie in.
        passphrases: Their passphrases.
    """

    folders: list[Path] = field(default_factory=list)
    passphrases: list[Secret] = field(default_factory=list)


def _number(talk: Talk, question: str, usual: int) -> int:
    typed = talk.ask(f"{question} ({usual})").strip()
    if not typed:
        return usual
    if not typed.isdecimal() or len(typed) > 2:
        raise RefusedError("These are no numbers of shares.", "Usual are 3 shares, of which 2 are needed.")
    return int(typed)


def _hand_out(talk: Talk, share: api.Share, count: int, kept: _Kept) -> None:
    """Get one share to its place.

    Raises:
        Back: The person stops.
    """
    ways = [("file", _("Write a file with a passphrase of its own")), ("paper", _("Say its words, to be written down"))]
    while True:
        title = _("Share {number} of {count}, set {set}", number=share.index, count=count, set=share.set_id)
        chosen = talk.choose(title, ways, _("Stop making shares"))
        if chosen is None:
            raise Back
        try:
            if _in_file(talk, share, count, kept) if chosen == "file" else _on_paper(talk, share):
                return
        except VaultError as error:
            talk.tell(error)


def _in_file(talk: Talk, share: api.Share, count: int, kept: _Kept) -> bool:
    talk.say(_("Another stick or disk for each share; never two in one folder."))
    typed = talk.ask(_("Folder to write into")).strip().strip("'\"")
    if not typed:
        return False
    folder = Path(typed).expanduser().absolute()
    talk.open_vault.refuse_inside(folder, "The share")
    api.recovery.refuse_one_folder([*kept.folders, folder])
    talk.say(_("Not that of the vault. Whoever keeps the share needs it; never put it beside the file."))
    protection = new_passphrase(talk, _("A passphrase for share {number} alone", number=share.index))
    if protection is None:
        return False
    api.recovery.refuse_same_passphrase(protection, kept.passphrases)
    target = folder / f"share-{share.index}-of-{count}-set-{share.set_id}.age"
    api.recovery.write_share(share, target, protection)
    kept.folders.append(folder)
    kept.passphrases.append(protection)
    talk.say("✓ " + _("Share {number}: {file}", number=share.index, file=one_line(target, 500)))
    return True


def _on_paper(talk: Talk, share: api.Share) -> bool:
    if not talk.agreed(
        _("! The words are printed here, and a screen reader says them aloud: be alone, or use headphones. They stay "
          "in this window until it is closed. Go on?")
    ):  # fmt: skip
        return False
    words = share.words.split()
    while True:
        talk.say(_("Write each word down with its number; Enter alone goes on to the next."))
        for number, word in enumerate(words, 1):
            talk.ask(f"{number}. {word}")
        first = secrets.randbelow(len(words) // 2)
        second = len(words) // 2 + secrets.randbelow(len(words) // 2)
        talk.say(_("Look at your paper."))
        typed = [talk.secret(_("Word {number}", number=place + 1)).strip().lower() for place in (first, second)]
        if typed == [words[first], words[second]]:
            talk.say("✓ " + _("Share {number}: on paper", number=share.index))
            talk.say(_("Close this window when all is done: the words stand in it."))
            return True
        talk.say(_("✗ That is not what was shown. Compare your paper once more."))


def new_passphrase(talk: Talk, question: str) -> Secret | None:
    """Ask for a new passphrase twice, unseen; None when it is weak or the two are not the same."""
    typed = talk.secret(question)
    told = api.strength(typed)
    if not told.ok:
        talk.say("✗ " + f"{from_core(told.sentence)} {from_core(told.advice)}".rstrip())
        return None
    if talk.secret(_("The same once more")) != typed:
        talk.say(_("The two are not the same. Nothing was made."))
        return None
    return api.to_secret(typed)


# -- bringing them back ------------------------------------------------------------------------------------------------


def rehearse(talk: Talk) -> None:
    """Show that shares open the open vault; changes nothing."""
    found = _gather(talk)
    if found is None:
        return
    api.recovery.rehearse(api.setup.read_key_file(talk.open_vault.folder), found)
    talk.say("✓ " + _("These shares open this vault. Nothing was changed."))
    talk.say(_("Bring each share back to its own place, and clear this table."))


def recover(talk: Talk) -> api.OpenVault | None:
    """Open a vault whose passphrase is lost, and set a new one; None when the person stops."""
    key_file = api.setup.read_key_file(talk.folder)
    found = _gather(talk)
    if found is None:
        return None
    opened = api.recovery.rehearse(key_file, found)
    new = new_passphrase(talk, _("✓ The shares open the vault. A new passphrase:"))
    if new is None:
        return None
    vault = api.setup.open_with(talk.folder, opened)
    try:
        api.setup.change_passphrase(vault, new, why="passphrase set with recovery shares")
    except BaseException:
        vault.close()
        raise
    talk.say(_("✓ The new passphrase is set"), _("The vault's fingerprint:"), vault.identity.fingerprint)
    talk.say(_("Compare it with the one you know: a key file that was exchanged would show another."))
    return vault


def _gather(talk: Talk) -> list[api.Share] | None:
    """Ask for shares until there are as many as they say are needed; None when the person stops."""
    found: list[api.Share] = []
    while not found or len(found) < found[0].threshold:
        title = _("The first share")
        if found:
            title = _("Share {number} of the {needed} that are needed", number=len(found) + 1,
                      needed=found[0].threshold)  # fmt: skip
        chosen = talk.choose(title, [("file", _("Open its file")), ("words", _("Type its words from paper"))])
        if chosen is None:
            return None
        try:
            share = _from_file(talk) if chosen == "file" else _from_paper(talk)
        except VaultError as error:
            talk.tell(error)
            continue
        if share is None:
            continue
        if found and (share.set_id, share.threshold) != (found[0].set_id, found[0].threshold):
            talk.say(_("This share is of set {this}, the first one of set {first}: they were not made together.",
                       this=share.set_id, first=found[0].set_id))  # fmt: skip
        elif share.index in {one.index for one in found}:
            talk.say(_("You have brought share {number} already.", number=share.index))
        else:
            found.append(share)
    return found


def _from_file(talk: Talk) -> api.Share | None:
    typed = talk.ask(_("Path of the file")).strip().strip("'\"")
    if not typed:
        return None
    path = Path(typed).expanduser()
    secret = None
    if api.recovery.needs_passphrase(path):
        secret = api.to_secret(talk.secret(_("The passphrase of this share")))
    return api.recovery.read_share(path, secret)


def _from_paper(talk: Talk) -> api.Share | None:
    """Take the words one by one, unseen and not said; Enter alone stops."""
    talk.say(_("Type each word and Enter. Enter alone stops."))
    words: list[str] = []
    while len(words) < api.recovery.WORDS_PER_SHARE:
        typed = talk.secret(_("Word {number}", number=len(words) + 1)).strip().lower()
        if not typed:
            return None
        if api.recovery.is_word(typed):
            words.append(typed)
        else:
            talk.say(_("✗ This word is in no share. Look at the paper again."))
    return api.recovery.parse_share(" ".join(words))
