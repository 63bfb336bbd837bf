"""Recovery shares: make, rehearse, use. Shares are written one by one, each encrypted on its own, never together.

Using them is `rehearse`, then `setup.open_with` the keys it returned, then `setup.change_passphrase`: so the store is
locked against other programs and the change is entered in the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from vault import files, keys, recovery
from vault.crypto.hashes import equal
from vault.errors import RefusedError
from vault.formats.age import ScryptRecipient, decrypt_bytes, encrypt_bytes, parse_recipient
from vault.keys import OpenKeys
from vault.model import CustodyEvent, Secret
from vault.open_vault import OpenVault
from vault.recovery import WORDS_PER_SHARE, Share, is_word, parse_share
from vault.surroundings import is_folder

__all__ = [
    "WORDS_PER_SHARE",
    "commit",
    "has_shares",
    "is_encrypted",
    "is_word",
    "needs_passphrase",
    "parse_share",
    "prepare",
    "read_kept_share",
    "read_share",
    "refuse_one_folder",
    "refuse_same_passphrase",
    "rehearse",
    "write_share",
]

_SHARE_LIMIT: Final = 1 << 16


def prepare(threshold: int = 2, count: int = 3) -> tuple[bytes, tuple[Share, ...]]:
    """Return a new set of shares and the public key they belong to; nothing is changed until `commit`.

    Raises:
        RefusedError: Impossible numbers.
    """
    return recovery.make_shares(threshold, count)


def has_shares(vault: OpenVault) -> bool:
    """True when shares open the vault; new ones will end them."""
    return vault.keys.recovery_public_key is not None


def write_share(share: Share, target: Path, protection: Secret | str) -> None:
    """Write one share into a new file, encrypted with a passphrase of its own or to a trustee's age recipient.

    Raises:
        AlreadyExistsError, StorageError, FormatError: As named.
    """
    recipient = ScryptRecipient(protection) if isinstance(protection, Secret) else parse_recipient(protection)
    files.write_new(target, encrypt_bytes(recovery.encode_share(share), [recipient]), "the share's file")


def read_share(source: Path, protection: Secret | None) -> Share:
    """Read a share's file: one that `write_share` encrypted with a passphrase, or one that was decrypted already.

    Raises:
        RefusedError, UnlockError, FormatError: Not a share, or the wrong passphrase.
    """
    data = files.read_small(source, _SHARE_LIMIT, "the share's file")
    if is_encrypted(data):
        data = decrypt_bytes(data, passphrase=protection)
    return recovery.decode_share(data)


def read_kept_share(vault: OpenVault, source: Path) -> Share:
    """Read a share's file that was written to this vault's own keys: its holder is somebody else's trustee.

    Raises:
        NotForUsError: It was written for another key, or with a passphrase.
        RefusedError, FormatError, IntegrityError: Not a share's file, or not whole.
    """
    data = files.read_small(source, _SHARE_LIMIT, "the share's file")
    who = vault.identity
    return recovery.decode_share(decrypt_bytes(data, identities=[who.hybrid, who.x25519]))


def is_encrypted(data: bytes) -> bool:
    """True when the bytes of a share's file are encrypted and need a passphrase."""
    return data.startswith((b"age-encryption.org/", b"-----BEGIN AGE"))


def needs_passphrase(source: Path) -> bool:
    """True when a share's file needs a passphrase."""
    return is_encrypted(files.read_small(source, _SHARE_LIMIT, "the share's file"))


def commit(vault: OpenVault, public_key: bytes) -> None:
    """Make the shares of this public key open the vault; an earlier set then opens older key files only."""
    changed = vault.keys.add_recovery(public_key)
    why = "recovery shares were made"
    change = {"what": "recovery slot of the key file", "justification": why}
    done = CustodyEvent("modification", vault.identity.log_id, "vault", why=why, change=change)
    intent = replace(done, result="intent")
    vault.atomic(lambda transaction: transaction.record(intent))
    files.replace(vault.folder / "vault.keys", changed.encoded, "the key file")
    vault.keys = changed
    vault.atomic(lambda transaction: transaction.record(done))


def rehearse(key_file: bytes, shares: Sequence[Share]) -> OpenKeys:
    """Show that these shares open the vault, and return its keys; changes nothing.

    Raises:
        RefusedError: Too few, of different sets, or of another vault.
        UnlockError, DamagedError, FormatError: The key file was altered or damaged.
    """
    return keys.recover_keys(key_file, recovery.combine(shares))


def refuse_one_folder(folders: Sequence[Path]) -> None:
    """Refuse to write several shares into one folder.

    Raises:
        RefusedError: Two of the folders are the same, or one does not exist.
    """
    if any(not is_folder(folder) for folder in folders):
        raise RefusedError("A folder for a share does not exist.", "Name an existing folder for each share.")
    if len({folder.resolve() for folder in folders}) != len(folders):
        raise RefusedError("Two shares would lie in one folder.", "Name a different place for each share.")


def refuse_same_passphrase(secret: Secret, given: Sequence[Secret]) -> None:
    """Refuse a passphrase that another share of the set has: whoever keeps one share must not open another.

    Args:
        secret: The passphrase of a share.
        given: Those of the shares before it.

    Raises:
        RefusedError: It is one of them.
    """
    if any(equal(secret.reveal(), one.reveal()) for one in given):
        raise RefusedError("Another share has this passphrase already.", "Give each share a passphrase of its own.")
