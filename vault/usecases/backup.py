"""Backups that fit FAT sticks, write only what changed, and never destroy the last good one; and restoring.

The encrypted store is copied as segments named by their digest; a sealed manifest per generation lists them. The old
generation goes last, after the new one was read back and found whole. A restored vault starts an epoch that names the
checkpoint it grew from. Spec: `docs/formats/backup.md`.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from vault import files, keys, recovery
from vault.crypto import aead
from vault.crypto.hashes import sha256
from vault.crypto.randomness import random_bytes
from vault.errors import (
    AlreadyExistsError,
    DamagedError,
    DiskFullError,
    FormatError,
    IntegrityError,
    NotFoundError,
    StorageError,
    UnlockError,
    VaultError,
)
from vault.formats import backup_manifest, key_file
from vault.formats.backup_manifest import SEGMENT_SIZE, Manifest, is_segment_name
from vault.formats.checkpoint import read_checkpoint
from vault.jobs import Job
from vault.keys import OpenKeys
from vault.model import CustodyEvent, Secret
from vault.open_vault import OpenVault, Transaction, now
from vault.recovery import Share
from vault.store import custody, identity, integrity
from vault.store.database import Connection, Database

_KEYS_NAME = re.compile(r"keys-([0-9]{8})\Z")
_OWN_NAME = re.compile(r"(?:keys|manifest)-([0-9]{8})\Z|segments\Z")
_GROUP_NAME = re.compile(r"[0-9a-f]{2}\Z")
_SEALED_LIMIT: Final = backup_manifest.MAX_SIZE + aead.SEAL_OVERHEAD
_CONTEXT: Final = b"evidence-backup/1 manifest"


class _Place:
    """A backup folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written = 0

    def segment(self, name: str) -> Path:
        return self.folder / "segments" / name[:2] / name

    def keys(self, sequence: int) -> Path:
        return self.folder / f"keys-{sequence:08d}"

    def manifest(self, sequence: int) -> Path:
        return self.folder / f"manifest-{sequence:08d}"

    def sequences(self) -> list[int]:
        """Return the generations that have a key file, newest first."""
        return self._numbers(_KEYS_NAME)

    def begun(self) -> list[int]:
        """Return the generations of which anything is there, newest first; a kill may leave a manifest alone."""
        return self._numbers(_OWN_NAME)

    def _numbers(self, pattern: re.Pattern[str]) -> list[int]:
        if not self.folder.is_dir():
            return []
        found = (pattern.match(entry.name) for entry in self.folder.iterdir())
        return sorted({int(match[1]) for match in found if match and match[1]}, reverse=True)

    def groups(self) -> list[Path]:
        """Return the folders that hold segments; whatever else lies there is not ours."""
        segments = self.folder / "segments"
        return [folder for folder in segments.iterdir() if _GROUP_NAME.match(folder.name) and folder.is_dir()]

    def put(self, path: Path, data: bytes) -> None:
        files.make_folders(path.parent, "a folder of the backup")
        if files.free_space(self.folder) < len(data) + (1 << 20):
            raise DiskFullError(
                "The backup's medium is full; the last good backup is untouched.",
                "Use a larger medium or free some space.",
            )
        files.write_new(path, data, "a file of the backup")
        self.written += len(data)

    def put_segment(self, name: str, data: bytes) -> None:
        path = self.segment(name)
        try:
            if path.exists():
                if path.stat().st_size == len(data):
                    return
                files.remove(path, "a damaged segment")
            self.put(path, data)
        except OSError as error:
            # Turned here, because it may come from work on the store's queue, where it would be taken for the store's.
            raise files.storage_error(error, "the backup") from error


def _sealing_key(opened: OpenKeys) -> bytes:
    return keys.backup_key(opened.vault_key).reveal()


def backup(vault: OpenVault, target: Path, job: Job) -> int:
    """Bring a backup folder up to the present state and return the bytes written.

    Most is copied while work goes on; what changed meanwhile is copied at the end in one turn. Everything is
    read back and compared before the old generation goes.

    Raises:
        StorageError: The medium failed or is full; the last good backup is untouched.
        AlreadyExistsError: The folder holds something else.
    """
    target = target.absolute()
    place = _Place(target)
    try:
        sequence = _prepare(vault, place)
    except OSError as error:
        raise files.storage_error(error, "the backup") from error

    def event(result: str, digest: str = "") -> CustodyEvent:
        return CustodyEvent(
            "replication", vault.identity.log_id, "backup", why="backup", location="outside this device, encrypted",
            result=result, digests={"after": digest} if digest else {}, detail=f"generation {sequence}",
        )  # fmt: skip

    _enter(vault, event("intent"))
    try:
        manifest = _copy(vault, place, sequence, job)
        _read_back(place, manifest, job)
        _drop_older(place, manifest)
    except OSError as error:
        raise files.storage_error(error, "the backup") from error
    _enter(vault, event("success", sha256(manifest.encode()).hex()))
    return place.written


def _enter(vault: OpenVault, event: CustodyEvent) -> None:
    if not vault.read_only:
        vault.atomic(lambda transaction: transaction.record(event))


def _prepare(vault: OpenVault, place: _Place) -> int:
    """Make the folder of the backup where it is missing, and return the number of the new generation."""
    real = place.folder.resolve()
    if vault.folder.resolve() in (real, *real.parents):
        raise AlreadyExistsError("The backup would lie inside the vault.", "Choose another place, best another medium.")
    _refuse_foreign(vault, place)
    files.make_folders(place.folder / "segments", "the backup folder")
    for folder in (place.folder, *place.groups()):
        files.remove_leftovers(folder)
    return max(place.begun(), default=0) + 1


def _refuse_foreign(vault: OpenVault, place: _Place) -> None:
    if not place.folder.exists():
        return
    if not place.folder.is_dir():
        raise AlreadyExistsError("The backup's place is a file.", "Name a folder.")
    names = [entry.name for entry in place.folder.iterdir() if not entry.name.startswith(".")]
    found = place.sequences()
    # Before the first generation is whole there may be segments and a manifest, but nothing else.
    ours = all(_OWN_NAME.match(name) for name in names) and not _foreign_segments(place)
    if not found and not ours:
        raise AlreadyExistsError("The folder holds other things.", "Name a new folder for the backup.")
    for sequence in found:
        data = files.read_small(place.keys(sequence), 1 << 20, "the backup's key file")
        for copy in (data[: key_file.COPY_SIZE], data[key_file.COPY_SIZE :]):
            try:
                found_id = key_file.decode_copy(copy).vault_id
            except (FormatError, IntegrityError):
                continue
            if found_id != vault.keys.vault_id:
                raise AlreadyExistsError("The folder holds the backup of another vault.", "Name another folder.")


def _foreign_segments(place: _Place) -> bool:
    segments = place.folder / "segments"
    if not os.path.lexists(segments):
        return False
    return not segments.is_dir() or any(not _GROUP_NAME.match(entry.name) for entry in segments.iterdir())


def _copy(vault: OpenVault, place: _Place, sequence: int, job: Job) -> Manifest:
    database = vault.database

    def one(offset: int, connection: Connection) -> tuple[bytes, int]:
        return database.raw_pages(connection, offset, SEGMENT_SIZE), database.commits(connection)

    def begin(connection: Connection) -> tuple[int, int]:
        return database.file_size(connection), database.commits(connection)

    size, commits = vault.read(begin)
    names, same = [], True
    for offset in range(0, size, SEGMENT_SIZE):
        data, seen = vault.read(functools.partial(one, offset))
        same = same and seen == commits
        names.append(sha256(data).hex())
        place.put_segment(names[-1], data)
        job.report("copying", min(offset + SEGMENT_SIZE, size), size)

    def frozen(connection: Connection) -> Manifest:
        size = database.file_size(connection)
        names = []
        for offset in range(0, size, SEGMENT_SIZE):
            data, _ = one(offset, connection)
            names.append(sha256(data).hex())
            place.put_segment(names[-1], data)
            job.report("copying what changed", min(offset + SEGMENT_SIZE, size), size)
        return Manifest(sequence, size, tuple(names))

    manifest = Manifest(sequence, size, tuple(names)) if same else vault.read(frozen)
    place.put(place.manifest(sequence), aead.seal(_sealing_key(vault.keys), manifest.encode(), _CONTEXT))
    place.put(place.keys(sequence), vault.keys.encoded)
    return manifest


def _read_segment(place: _Place, name: str) -> bytes:
    data = files.read_small(place.segment(name), SEGMENT_SIZE, "a segment of the backup")
    if sha256(data).hex() != name:
        raise IntegrityError("backup", "a segment is damaged", "Make the backup again, on another medium.")
    return data


def _read_back(place: _Place, manifest: Manifest, job: Job) -> None:
    done = 0
    for name in dict.fromkeys(manifest.segments):
        files.forget_cached(place.segment(name))
        try:
            done += len(_read_segment(place, name))
        except (IntegrityError, NotFoundError) as error:
            # A segment of an earlier generation that rotted must not be taken for good by the next backup.
            files.remove(place.segment(name), "a damaged segment")
            raise StorageError(
                "The medium did not keep what was written to it.",
                "Run the backup again; use another medium if it recurs.",
            ) from error
        job.report("reading back", done, max(manifest.size, done))


def _drop_older(place: _Place, manifest: Manifest) -> None:
    for sequence in place.begun():
        if sequence < manifest.sequence:
            # The key file first: what has none is no generation any more.
            files.remove(place.keys(sequence), "an older generation")
            files.remove(place.manifest(sequence), "an older generation")
    kept = set(manifest.segments)
    for folder in place.groups():
        for path in folder.iterdir():
            if is_segment_name(path.name) and path.name not in kept:
                path.unlink(missing_ok=True)


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
    place = _Place(source)
    try:
        sequences = place.sequences()
    except OSError as error:
        raise files.storage_error(error, "the backup") from error
    if not sequences:
        raise NotFoundError("There is no backup in this folder.", "Name the folder that 'evault backup' wrote.")
    folder = files.empty_place(folder, "the folder of the vault")
    failure: VaultError | None = None
    for passed, sequence in enumerate(sequences):
        try:
            opened, manifest = _open(place, sequence, secret)
            _rebuild(place, manifest, opened, folder, job, clock)
        except UnlockError as error:
            failure = failure or error
        except (IntegrityError, FormatError, NotFoundError, DamagedError) as error:
            failure = error
        else:
            return passed
    raise failure or DamagedError("No whole backup is left in this folder.", "Try another copy of it.")


def _open(place: _Place, sequence: int, secret: Secret | Sequence[Share]) -> tuple[OpenKeys, Manifest]:
    data = files.read_small(place.keys(sequence), 1 << 20, "the backup's key file")
    if isinstance(secret, Secret):
        opened = keys.unlock_keys(data, secret)
    else:
        opened = keys.recover_keys(data, recovery.combine(secret))
    sealed = files.read_small(place.manifest(sequence), _SEALED_LIMIT, "the backup's manifest")
    for key in (opened.vault_key, opened.older_key):
        if key is not None:
            try:
                manifest = backup_manifest.decode(
                    aead.open_sealed(keys.backup_key(key).reveal(), sealed, _CONTEXT, "backup manifest")
                )
            except IntegrityError:
                continue
            if manifest.sequence == sequence:
                return opened, manifest
    raise IntegrityError("backup manifest", "it was altered or is damaged", "Try another copy of the backup.")


def _rebuild(
    place: _Place, manifest: Manifest, opened: OpenKeys, folder: Path, job: Job, clock: Callable[[], datetime]
) -> None:
    if files.free_space(folder.parent) < manifest.size + (64 << 20):
        raise DiskFullError("There is not enough free space for the vault.", "Free some space and try again.")
    building = folder.parent / f".{random_bytes(8).hex()}.part"
    files.make_folder(building, "the vault")
    try:
        with files.NewFile(building / "vault.db", "the store") as out:
            done = 0
            for name in manifest.segments:
                data = _read_segment(place, name)
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
