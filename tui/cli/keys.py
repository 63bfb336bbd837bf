"""Commands about the vault itself: init, phrase, passwd, rekey, recovery."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from pathlib import Path

from tui.cli import asking
from tui.cli.context import RIGHT_FILE, Context, Result, about, advised, say
from tui.cli.usage import UsageError
from tui.text import one_line
from vault import api
from vault.api import Share
from vault.errors import AlreadyExistsError, RefusedError
from vault.model import Secret

_ENDS = (
    "There are shares already. New ones end them: they will open only older copies and backups of this vault. "
    "Type yes, or only Enter to stop: "
)


def init(context: Context) -> Result:
    """Make a vault."""
    _refuse_full(context.folder)
    secret = context.new_secret("New passphrase")
    asking.fill(context.arguments)
    answer = api.strength(secret.reveal().decode())
    say(f"{answer.sentence} {answer.advice}".rstrip())
    with about(target=context.folder):
        vault = api.setup.create(context.folder, secret, name=context.arguments.name)
    try:
        found = vault.identity.fingerprint
    finally:
        api.lock(vault)
    told = api.surroundings(context.folder)
    lines = [
        f"The vault is in {one_line(context.folder)}.",
        f"Its fingerprint: {found}",
        *(f"Take care: {one}" for one in told),
        "Next: make recovery shares, for without them a lost passphrase is lost evidence:",
        context.hint("'evault recovery make --out DIR --out DIR --out DIR', each DIR on another medium."),
    ]
    return {
        "vault": str(context.folder),
        "fingerprint": found,
        "strength": answer.sentence,
        "surroundings": list(told),
        "lines": lines,
    }


def _refuse_full(folder: Path) -> None:
    """Refuse a folder that holds something before anybody makes up a passphrase for it."""
    full = False
    with contextlib.suppress(OSError):  # Making the vault will say what is the matter.
        full = folder.is_dir() and any(folder.iterdir())
    if full:
        raise AlreadyExistsError(f"The folder is not empty ({one_line(folder)}).", "Name another one with --vault.")


def phrase(context: Context) -> Result:
    """Print a random passphrase: the one command that exists to print a secret."""
    words = api.generate(context.arguments.words)
    return {"phrase": words, "lines": [words]}


def passwd(context: Context) -> Result:
    """Change the passphrase."""
    with context.unlocked() as vault:
        api.setup.change_passphrase(vault, context.new_secret("New passphrase"))
        generation = vault.keys.generation
    return {
        "generation": generation,
        "lines": [
            "The passphrase was changed. Older copies of the vault still open with the old one.",
            context.hint("If somebody may know the old one and have such a copy, run 'evault rekey' as well."),
        ],
    }


def rekey(context: Context) -> Result:
    """Rotate the vault key."""
    with about(context.folder):
        api.setup.read_key_file(context.folder)
        vault = context.try_secret("Passphrase", lambda secret: api.setup.rekey(context.folder, secret, context.job))
    try:
        generation = vault.keys.generation
    finally:
        api.lock(vault)
    return {"generation": generation, "lines": ["The vault key was rotated. Make a new backup."]}


def recovery_make(context: Context) -> Result:
    """Write recovery shares, each into a folder of its own and encrypted on its own."""
    arguments = context.arguments
    folders = [Path(name) for name in arguments.out]
    if arguments.trustee and len(arguments.trustee) != len(folders):
        raise UsageError("The numbers of --trustee and --out differ.", "Give one trustee per folder.")
    if len(set(arguments.trustee)) != len(arguments.trustee):
        raise UsageError("One trustee would hold two shares.", "Give another trustee for each share.")
    if not 2 <= arguments.threshold <= len(folders):
        raise UsageError(
            "The threshold is less than 2, or more than there are shares.",
            "Give --out once for each share, twice at least.",
        )
    for folder in folders:
        with about(folder):
            api.recovery.refuse_one_folder([folder])
    api.recovery.refuse_one_folder(folders)
    with context.unlocked() as vault:
        for folder in folders:
            with about(folder):
                vault.refuse_inside(folder, "The share")
        replaced = api.recovery.has_shares(vault)
        if replaced and context.attended and not asking.confirm(_ENDS):
            raise RefusedError("No shares were made.", "The ones that there are stay good.")
        public_key, shares = api.recovery.prepare(arguments.threshold, len(folders))
        # All of them before the first file is written: what is refused half-way leaves none behind.
        protections = arguments.trustee or _passphrases(context, shares)
        told: list[Result] = []
        for share, folder, protection in zip(shares, folders, protections, strict=True):
            target = folder / f"share-{share.index}-of-{len(shares)}-set-{share.set_id}.age"
            with about("--trustee" if arguments.trustee else "", target):
                api.recovery.write_share(share, target, protection)
            told.append({"set": share.set_id, "index": share.index, "file": str(target)})
        api.recovery.commit(vault, public_key)
    lines = [f"Share {one['index']} of set {one['set']}: {one_line(one['file'])}" for one in told]
    lines.append(
        f"Any {arguments.threshold} of them open the vault. Rehearse it now: "
        + context.hint(f"'evault recovery check{' SHARE' * arguments.threshold}'.")
    )
    if replaced:
        lines.append("The shares made before do not open this vault any more, only older copies and backups of it.")
    return {"shares": told, "threshold": arguments.threshold, "replaced": replaced, "lines": lines}


def _passphrases(context: Context, shares: Sequence[Share]) -> list[Secret]:
    """Ask for a passphrase for each share."""
    if context.attended:
        say("Each share gets a passphrase of its own, which only its keeper needs; 'evault phrase' makes one.")
    given: list[Secret] = []
    for share in shares:
        given.append(context.new_secret(f"Passphrase for share {share.index}", f"Share {share.index}", given))
    return given


def read_shares(context: Context, names: list[str]) -> list[Share]:
    """Read the files of recovery shares, asking for a passphrase where one is encrypted."""
    shares = []
    for name in names:
        path = Path(name)
        with about(path), advised("Name a share: a file such as share-1-of-3-set-6023.age.", RIGHT_FILE):
            asked = api.recovery.needs_passphrase(path)
            if asked:
                shares.append(context.try_secret(f"Passphrase of {path.name}", functools.partial(_read_share, path)))
            else:
                shares.append(api.recovery.read_share(path, None))
    return shares


def _read_share(path: Path, secret: Secret) -> Share:
    return api.recovery.read_share(path, secret)


def recovery_check(context: Context) -> Result:
    """Rehearse: show that the shares open the vault, and change nothing."""
    with about(context.folder):
        key_file = api.setup.read_key_file(context.folder)
    shares = read_shares(context, context.arguments.shares)
    opened = api.recovery.rehearse(key_file, shares)
    return {
        "shares": [share.index for share in shares],
        "generation": opened.generation,
        "set": shares[0].set_id,
        "lines": [f"These shares of set {shares[0].set_id} open the vault. Nothing was changed."],
    }


def recovery_use(context: Context) -> Result:
    """Set a new passphrase with shares."""
    with about(context.folder):
        key_file = api.setup.read_key_file(context.folder)
    shares = read_shares(context, context.arguments.shares)
    opened = api.recovery.rehearse(key_file, shares)
    new = context.new_secret("New passphrase")
    with about(context.folder):
        vault = api.setup.open_with(context.folder, opened)
    try:
        api.setup.change_passphrase(vault, new, why="passphrase set with recovery shares")
        found = vault.identity.fingerprint
    finally:
        api.lock(vault)
    return {
        "shares": [share.index for share in shares],
        "generation": opened.generation,
        "fingerprint": found,
        "lines": [
            "The new passphrase is set.",
            f"The vault's fingerprint: {found}",
            "Compare it with the one you know: a key file that was exchanged would show another.",
        ],
    }
