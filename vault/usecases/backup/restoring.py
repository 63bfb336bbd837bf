"""Making a vault of a backup; its new epoch names the checkpoint it grew from. Spec: `docs/formats/backup.md`."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from vault import files, keys, recovery
from vault.crypto.randomness import random_bytes
from vault.errors import (
    DamagedError,
    DiskFullError,
    FormatError,
    IntegrityError,
    NotFoundError,
    UnlockError,
    VaultError,
)
from vault.formats.backup_manifest import Manifest
from vault.formats.checkpoint import read_checkpoint
from vault.jobs import Job
from vault.keys import OpenKeys
from vault.model import CustodyEvent, Secret
from vault.open_vault import OpenVault, Transaction, now
from vault.recovery import Share
from vault.store import custody, identity, integrity
from vault.store.database import Database
from vault.usecases.backup.folder import OWN_NAME, BackupFolder

_NAME_IT: Final = "Name the folder that 'evault backup' wrote."


def find(source: Path) -> Path:
    """Return the folder of a backup: the one that is named, one that lies in it alone, or the one that it is a part of.

    The screens put a backup into a folder of its own on the medium, so that people come with the one around it.

    Args:
        source: A folder, as somebody named it.

    Raises:
        NotFoundError: There is no backup there, or more than one.
        StorageError: The folder cannot be read.
    """
    try:
        if BackupFolder(source).sequences():
            return source
        if OWN_NAME.match(source.name):
            near = [source.absolute().parent]
        else:
            near = sorted(source.iterdir()) if source.is_dir() else []
    except OSError as error:
        raise files.storage_error(error, "the backup") from error
    found = [folder for folder in near if _is_backup(folder)]
    if len(found) > 1:
        raise NotFoundError("There is more than one backup in this folder.", "Name the folder of one of them.")
    if not found:
        raise NotFoundError("There is no backup in this folder.", _NAME_IT)
    return found[0]


def _is_backup(folder: Path) -> bool:
    with contextlib.suppress(OSError):  # Of another user perhaps: there is no backup in it for this one.
        return bool(BackupFolder(folder).sequences())
    return False


def restore(
    source: Path, folder: Path, secret: Secret | Sequence[Share], job: Job, clock: Callable[[], datetime] = now
) -> int:
    """Rebuild a vault from a backup into a folder that does not exist or is empty; it starts a new epoch.

    The newest generation that is whole and that the secret opens is taken. Returns how many newer ones were passed
    over: 0 unless a stick was pulled out or damaged, and then the person has to be told that the vault is an older one.

    Args:
        source: The backup's folder.
        folder: Where the vault is to be.
        secret: The passphrase of the backup, or recovery shares that open it; its passphrase stays as it was.
        job: Told of bytes written.
        clock: Returns the time that is claimed for the entry.

    Raises:
        UnlockError: The passphrase is not the one of the backup.
        RefusedError: The shares are not those of the backup.
        NotFoundError: There is no backup in the folder.
        AlreadyExistsError: The folder is not empty.
        IntegrityError, DamagedError: No whole generation is left.
    """
    place = BackupFolder(source)
    try:
        sequences = place.sequences()
    except OSError as error:
        raise files.storage_error(error, "the backup") from error
    if not sequences:
        raise NotFoundError("There is no backup in this folder.", _NAME_IT)
    folder = files.empty_place(folder, "the folder of the vault")
    failure: VaultError | None = None
    for passed, sequence in enumerate(sequences):
        try:
            opened, manifest = _open(place, sequence, secret)
            _rebuild(place, manifest, opened, folder, job, clock)
        except UnlockError as error:
            failure = failure or error
        except (IntegrityError, FormatError, DamagedError) as error:
            failure = error
        else:
            return passed
    raise failure or DamagedError("No whole backup is left in this folder.", "Try another copy of it.")


def _open(place: BackupFolder, sequence: int, secret: Secret | Sequence[Share]) -> tuple[OpenKeys, Manifest]:
    data = place.read_keys(sequence)
    if isinstance(secret, Secret):
        opened = keys.unlock_keys(data, secret)
    else:
        opened = keys.recover_keys(data, recovery.combine(secret))
    return opened, place.open_manifest(sequence, opened)


def _rebuild(
    place: BackupFolder, manifest: Manifest, opened: OpenKeys, folder: Path, job: Job, clock: Callable[[], datetime]
) -> None:
    # Not before the backup is open: a mistyped passphrase leaves nothing behind.
    files.make_folders(folder.parent, "the folder of the vault")
    if files.free_space(folder.parent) < manifest.size + (64 << 20):
        raise DiskFullError("There is not enough free space for the vault.", "Free some space and try again.")
    building = folder.parent / f".{random_bytes(8).hex()}.part"
    files.make_folder(building, "the vault")
    try:
        with files.NewFile(building / "vault.db", "the store") as out:
            done = 0
            for name in manifest.segments:
                data = place.read_segment(name)
                out.write(data)
                done += len(data)
                job.report("restoring", done, manifest.size)
            if done != manifest.size:
                raise IntegrityError("backup", "it has not the length its manifest says")
            out.commit()
        files.write_new(building / "vault.keys", opened.encoded, "the key file")
        _begin_epoch(building, opened, clock)
        files.move_folder(building, folder, "the vault")
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _begin_epoch(building: Path, opened: OpenKeys, clock: Callable[[], datetime]) -> None:
    try:
        database = Database.open(building / "vault.db", keys.store_key(opened.vault_key))
    except DamagedError:
        if opened.older_key is None:
            raise
        database = Database.open(building / "vault.db", keys.store_key(opened.older_key))
    try:
        who = database.run(identity.get)
        if who is None or integrity.damage(database):
            raise DamagedError("The restored store is damaged.", "Try another copy of the backup.")
        vault = OpenVault(building, database, opened, who, clock)
        note = vault.read(custody.head)
        grown = read_checkpoint(note)
        event = CustodyEvent(
            "replication",
            who.log_id,
            "vault",
            why="restored from a backup",
            digests={"before": grown.root.hex()},
            related=(grown.epoch,),
        )

        def begin(transaction: Transaction) -> None:
            custody.start_epoch(transaction.connection, note)
            transaction.record(event)

        vault.atomic(begin)
    finally:
        database.close()
