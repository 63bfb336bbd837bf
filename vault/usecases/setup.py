"""Making a vault, opening it, changing its passphrase and rotating its key."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from vault import evidence, files, keys, passphrase
from vault.crypto.randomness import new_id, random_bytes
from vault.errors import (
    DamagedError,
    DiskFullError,
    InUseError,
    NetworkFileSystemError,
    NotFoundError,
    ReadOnlyError,
    RefusedError,
    StorageError,
)
from vault.jobs import Job
from vault.keys import Cost, OpenKeys
from vault.model import CustodyEvent, Secret
from vault.open_vault import OpenVault, new_identity, now
from vault.store import custody, identity, integrity, search
from vault.store.database import Database
from vault.surroundings import network_file_system

KEY_FILE: Final = "vault.keys"
STORE_FILE: Final = "vault.db"
_KEY_FILE_LIMIT: Final = 1 << 20


def require_strength(secret: Secret) -> None:
    """Refuse a passphrase for a new lock that is too weak.

    Raises:
        RefusedError: Its strength is under the minimum; the message says how weak, in plain words.
    """
    answer = passphrase.strength(secret.reveal().decode("utf-8", "replace"))
    if not answer.ok:
        raise RefusedError(answer.sentence, answer.advice)


def create(
    folder: Path, secret: Secret, cost: Cost = keys.DEFAULT, clock: Callable[[], datetime] = now, name: str = ""
) -> OpenVault:
    """Make a new vault and return it unlocked.

    The vault is built beside its place and moved there whole, so that a kill leaves no half vault.

    Raises:
        AlreadyExistsError: The folder exists and is not empty.
        RefusedError: The passphrase is too weak.
        StorageError: The folder cannot be written, or lies on a network file system.
    """
    require_strength(secret)
    folder = files.empty_place(folder, "the folder of the vault")
    files.make_folders(folder.parent, "the folder of the vault")
    if network_file_system(folder.parent):
        raise NetworkFileSystemError(
            "The folder lies on a network file system, where another computer could write to it unnoticed.",
            "Choose a folder on a disk of this computer.",
        )
    building = folder.parent / f".{random_bytes(8).hex()}.part"
    files.make_folder(building, "the vault")
    try:
        opened = keys.create_keys(secret, cost)
        _found(building, opened, clock, name)
        files.write_new(building / KEY_FILE, opened.encoded, "the key file")
        files.move_folder(building, folder, "the vault")
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return _open(folder, opened, clock)


def _found(building: Path, opened: OpenKeys, clock: Callable[[], datetime], name: str) -> None:
    database = Database.create(building / STORE_FILE, keys.store_key(opened.vault_key))
    try:
        who = new_identity(new_id(), random_bytes, name)
        database.atomic(lambda connection: identity.put(connection, who))
        database.atomic(lambda connection: custody.start_epoch(connection, ""))
        vault = OpenVault(building, database, opened, who, clock)
        vault.atomic(
            lambda transaction: transaction.record(
                CustodyEvent("creation", who.log_id, "vault", why="a new vault was made")
            )
        )
    finally:
        database.close()


def unlock(folder: Path, secret: Secret, clock: Callable[[], datetime] = now) -> OpenVault:
    """Open a vault with its passphrase.

    Raises:
        UnlockError: The passphrase is wrong, or the key file was altered.
        NotFoundError: The folder is no vault.
        InUseError, DamagedError, UnsupportedVersionError, StorageError: As named.
    """
    return _open(folder, keys.unlock_keys(read_key_file(folder), secret), clock)


def read_key_file(folder: Path) -> bytes:
    """Return the bytes of a vault's key file.

    Raises:
        NotFoundError: The folder is no vault.
        DamagedError: The store is there, but the key file is not.
    """
    if not os.path.lexists(folder / KEY_FILE):
        if os.path.lexists(folder / STORE_FILE):
            raise DamagedError(
                "The key file 'vault.keys' of this vault is missing.",
                "Copy it back from a backup; nothing else opens it.",
            )
        raise NotFoundError("There is no vault in this folder.", "Name the vault's folder with --vault, or make one.")
    return files.read_small(folder / KEY_FILE, _KEY_FILE_LIMIT, "the key file")


def open_with(folder: Path, opened: OpenKeys, clock: Callable[[], datetime] = now) -> OpenVault:
    """Open a vault with keys that are open already (after a recovery)."""
    return _open(folder, opened, clock)


def _open(folder: Path, opened: OpenKeys, clock: Callable[[], datetime]) -> OpenVault:
    try:
        database = Database.open(folder / STORE_FILE, keys.store_key(opened.vault_key))
    except DamagedError:
        if opened.older_key is None:
            raise
        database = Database.open(folder / STORE_FILE, keys.store_key(opened.older_key))
    try:
        who = database.run(identity.get)
        if who is None:
            raise DamagedError("The store of this vault was never finished.", "Make a new vault in another folder.")
        _refuse_changed_keys(folder, opened)
        vault = OpenVault(folder, database, opened, who, clock)
        if not database.read_only:
            _tidy(vault)
    except BaseException:
        database.close()
        raise
    return vault


def _refuse_changed_keys(folder: Path, opened: OpenKeys) -> None:
    """Refuse keys that another program replaced between our reading them and our getting the store to ourselves."""
    on_disk, size = read_key_file(folder), len(opened.encoded) // 2
    if opened.encoded[:size] not in (on_disk[:size], on_disk[size:]):
        raise InUseError("The vault's keys were changed by another program at this moment.", "Try again.")


def _tidy(vault: OpenVault) -> None:
    if vault.keys.damaged_copy is not None:
        # The whole copy is written over the damaged one at once, so that a second accident is survived too; where that
        # fails, as on a full disk, the vault is to open all the same.
        with contextlib.suppress(StorageError):
            files.replace(vault.folder / KEY_FILE, vault.keys.encoded, "the key file")
            vault.atomic(lambda transaction: transaction.record(_repaired(vault)))
    # A key file that was half written may open with a passphrase that was changed since.
    files.remove_leftovers(vault.folder)
    if not vault.read(search.is_current):
        while vault.database.atomic(evidence.index_more):
            pass
    vault.start_sweep()


def _repaired(vault: OpenVault) -> CustodyEvent:
    why = "a damaged copy of the keys was written anew"
    change = {"what": f"copy {vault.keys.damaged_copy} of the key file", "justification": why}
    return CustodyEvent("modification", vault.identity.log_id, "vault", why=why, change=change)


def sweep_all(vault: OpenVault) -> None:
    """Remove everything that was abandoned or deleted, now.

    Raises:
        StorageError: It could not be removed; it goes after the next unlock.
    """
    vault.start_sweep().result()


def check_passphrase(folder: Path, secret: Secret) -> None:
    """Show that a passphrase opens the vault's keys; changes nothing, and the vault may be open meanwhile.

    Raises:
        UnlockError: It does not.
        NotFoundError, DamagedError, FormatError, UnsupportedVersionError, StorageError: As `unlock`.
    """
    keys.unlock_keys(read_key_file(folder), secret)


def change_passphrase(
    vault: OpenVault, new: Secret, cost: Cost = keys.DEFAULT, why: str = "passphrase changed"
) -> OpenVault:
    """Change the passphrase; the old one no longer opens this key file (older copies of it still do).

    Raises:
        RefusedError: The new passphrase is too weak.
        ReadOnlyError, StorageError: The old one still opens the vault.
    """
    require_strength(new)
    _replace_keys(vault, vault.keys.change_passphrase(new, cost), why)
    return vault


def _replace_keys(vault: OpenVault, changed: OpenKeys, what: str) -> None:
    done = CustodyEvent(
        "modification", vault.identity.log_id, "vault", why=what,
        change={"what": "passphrase slot of the key file", "justification": what},
    )  # fmt: skip
    intent = replace(done, result="intent")
    vault.atomic(lambda transaction: transaction.record(intent))
    files.replace(vault.folder / KEY_FILE, changed.encoded, "the key file")
    vault.keys = changed
    vault.atomic(lambda transaction: transaction.record(done))


def rekey(folder: Path, secret: Secret, job: Job, clock: Callable[[], datetime] = now) -> OpenVault:
    """Rotate the vault key: every byte of the store is encrypted anew. A rekey that was killed is finished by the next.

    Steps: both generations are made durable in the key file; the store is rewritten in one transaction; it is checked
    whole under the new key; only then the old generation goes.

    Raises:
        DiskFullError: Less than 1.1 times the store's size is free.
        UnlockError and the others: As `unlock`.
    """
    opened = keys.unlock_keys(read_key_file(folder), secret)
    pending = opened.older_key is not None
    vault = _open(folder, opened, clock)
    try:
        if vault.read_only:
            raise ReadOnlyError("The vault is open read-only.", "Copy it to a disk that can be written.")
        size = vault.read(vault.database.file_size)
        if files.free_space(folder) < size * 11 // 10:
            raise DiskFullError(
                "There is not enough free space to rotate the key (1.1 times the size of the vault is needed).",
                "Free some space and try again.",
            )
        if not pending:
            opened = opened.begin_rekey(secret)
            files.replace(folder / KEY_FILE, opened.encoded, "the key file")
        job.report("rotating the key", 0, size)
        intent = replace(_rotated(vault), result="intent")
        vault.atomic(lambda transaction: transaction.record(intent))
        vault.database.rekey(keys.store_key(opened.vault_key))
    finally:
        vault.close()
    try:
        fresh = Database.open(folder / STORE_FILE, keys.store_key(opened.vault_key))
    except DamagedError:
        # SQLCipher tells nothing of an error of the commit itself: after that the old key still opens the store.
        _open(folder, opened, clock).close()
        raise StorageError(
            "The store could not be encrypted anew; it is unchanged.", "Free some space, check the disk and try again."
        ) from None
    try:
        damage = integrity.damage(fresh)
    finally:
        fresh.close()
    if damage:
        raise DamagedError(
            "The rewritten store did not pass its check; the old key was kept.", "Restore from a backup."
        )
    job.report("rotating the key", size, size)
    finished = opened.finish_rekey()
    files.replace(folder / KEY_FILE, finished.encoded, "the key file")
    vault = _open(folder, finished, clock)
    try:
        done = _rotated(vault)
        vault.atomic(lambda transaction: transaction.record(done))
    except BaseException:
        vault.close()
        raise
    return vault


def _rotated(vault: OpenVault) -> CustodyEvent:
    why = "vault key rotated"
    change = {"what": "vault key, all slots of the key file, encryption of the whole store", "justification": why}
    return CustodyEvent("modification", vault.identity.log_id, "vault", why=why, change=change)
