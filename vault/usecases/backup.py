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
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from vault import files, keys
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
from vault.formats import jcs, key_file
from vault.formats.checkpoint import read_checkpoint
from vault.jobs import Job
from vault.keys import OpenKeys
from vault.model import CustodyEvent, Secret
from vault.open_vault import OpenVault, Transaction, now
from vault.store import custody, identity, integrity
from vault.store.database import Connection, Database

SEGMENT_SIZE: Final = 16 * 1024 * 1024
"""Bytes per segment; a FAT file system takes 4 GiB less one byte."""

FORMAT: Final = "evidence-backup/1"
_MANIFEST_LIMIT: Final = 64 * 1024 * 1024
_KEYS_NAME = re.compile(r"keys-([0-9]{8})\Z")
_SEGMENT_NAME = re.compile(r"[0-9a-f]{64}\Z")
_CONTEXT: Final = b"evidence-backup/1 manifest"


@dataclass(frozen=True, slots=True)
class _Manifest:
    sequence: int
    size: int
    segments: tuple[str, ...]

    def encode(self) -> bytes:
        return jcs.encode(
            {"format": FORMAT, "segments": list(self.segments), "sequence": self.sequence, "size": self.size}
        )


def _decode(data: bytes) -> _Manifest:
    value = jcs.decode(data, "backup manifest", limit=_MANIFEST_LIMIT)
    if not isinstance(value, dict) or value.get("format") != FORMAT or len(value) != 4:
        raise FormatError("backup manifest", "not a manifest of this version")
    segments = value["segments"]
    right = isinstance(segments, list) and all(isinstance(s, str) and _SEGMENT_NAME.match(s) for s in segments)
    size = value["size"]
    if not right or not isinstance(size, int) or len(segments) != -(-size // SEGMENT_SIZE):
        raise FormatError("backup manifest", "impossible members")
    return _Manifest(int(value["sequence"]), size, tuple(segments))


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
        if not self.folder.is_dir():
            return []
        return sorted(
            (int(m[1]) for m in (_KEYS_NAME.match(entry.name) for entry in self.folder.iterdir()) if m), reverse=True
        )

    def put(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if files.free_space(self.folder) < len(data) + (1 << 20):
            raise DiskFullError(
                "The backup's medium is full; the last good backup is untouched.",
                "Use a larger medium or free some space.",
            )
        files.write_new(path, data, "a file of the backup")
        self.written += len(data)

    def put_segment(self, name: str, data: bytes) -> None:
        path = self.segment(name)
        if path.exists():
            if path.stat().st_size == len(data):
                return
            files.remove(path, "a damaged segment")
        self.put(path, data)


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
    _refuse_foreign(vault, place)
    if vault.folder.resolve() == target.resolve() or vault.folder.resolve() in target.resolve().parents:
        raise AlreadyExistsError("The backup would lie inside the vault.", "Choose another place, best another medium.")
    if not target.exists():
        files.make_folder(target, "the backup folder")
    (target / "segments").mkdir(mode=0o700, exist_ok=True)
    sequence = max(place.sequences(), default=0) + 1

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


def _refuse_foreign(vault: OpenVault, place: _Place) -> None:
    if not place.folder.exists():
        return
    if not place.folder.is_dir():
        raise AlreadyExistsError("The backup's place is a file.", "Name a folder.")
    names = [entry.name for entry in place.folder.iterdir() if not entry.name.startswith(".")]
    found = place.sequences()
    if names and not found and names != ["segments"]:
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


def _copy(vault: OpenVault, place: _Place, sequence: int, job: Job) -> _Manifest:
    total = vault.read(vault.database.file_size)

    def one(offset: int, connection: Connection) -> bytes:
        return vault.database.raw_pages(connection, offset, SEGMENT_SIZE)

    for offset in range(0, total, SEGMENT_SIZE):
        data = vault.read(functools.partial(one, offset))
        place.put_segment(sha256(data).hex(), data)
        job.report("copying", min(offset + SEGMENT_SIZE, total), total)

    def frozen(connection: Connection) -> _Manifest:
        size = vault.database.file_size(connection)
        names = []
        for offset in range(0, size, SEGMENT_SIZE):
            data = one(offset, connection)
            name = sha256(data).hex()
            place.put_segment(name, data)
            names.append(name)
            job.report("copying what changed", min(offset + SEGMENT_SIZE, size), size)
        return _Manifest(sequence, size, tuple(names))

    manifest = vault.read(frozen)
    place.put(place.manifest(sequence), aead.seal(_sealing_key(vault.keys), manifest.encode(), _CONTEXT))
    place.put(place.keys(sequence), vault.keys.encoded)
    return manifest


def _read_segment(place: _Place, name: str) -> bytes:
    data = files.read_small(place.segment(name), SEGMENT_SIZE, "a segment of the backup")
    if sha256(data).hex() != name:
        raise IntegrityError("backup", "a segment is damaged", "Make the backup again, on another medium.")
    return data


def _read_back(place: _Place, manifest: _Manifest, job: Job) -> None:
    done = 0
    for name in dict.fromkeys(manifest.segments):
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


def _drop_older(place: _Place, manifest: _Manifest) -> None:
    for sequence in place.sequences():
        if sequence < manifest.sequence:
            files.remove(place.keys(sequence), "an older generation")
            files.remove(place.manifest(sequence), "an older generation")
    kept = set(manifest.segments)
    for folder in (place.folder / "segments").iterdir():
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.name not in kept:
                path.unlink(missing_ok=True)


def restore(source: Path, folder: Path, secret: Secret, job: Job, clock: Callable[[], datetime] = now) -> None:
    """Rebuild a vault from a backup into a folder that does not exist or is empty; it starts a new epoch.

    Raises:
        UnlockError: The passphrase is not the one of the backup.
        NotFoundError: There is no backup in the folder.
        IntegrityError, DamagedError: No whole generation is left.
    """
    folder = folder.absolute()
    if os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        raise AlreadyExistsError("The folder exists and is not empty.", "Choose another folder for the vault.")
    place = _Place(source)
    if not place.sequences():
        raise NotFoundError("There is no backup in this folder.", "Name the folder that 'evault backup' wrote.")
    failure: VaultError | None = None
    for sequence in place.sequences():
        try:
            opened, manifest = _open(place, sequence, secret)
            _rebuild(place, manifest, opened, folder, job, clock)
        except UnlockError as error:
            failure = failure or error
        except (IntegrityError, FormatError, NotFoundError, DamagedError) as error:
            failure = error
        else:
            return
    raise failure or DamagedError("No whole backup is left in this folder.", "Try another copy of it.")


def _open(place: _Place, sequence: int, secret: Secret) -> tuple[OpenKeys, _Manifest]:
    opened = keys.unlock_keys(files.read_small(place.keys(sequence), 1 << 20, "the backup's key file"), secret)
    sealed = files.read_small(place.manifest(sequence), _MANIFEST_LIMIT, "the backup's manifest")
    for key in (opened.vault_key, opened.older_key):
        if key is not None:
            try:
                data = aead.open_sealed(keys.backup_key(key).reveal(), sealed, _CONTEXT, "backup manifest")
            except IntegrityError:
                continue
            return opened, _decode(data)
    raise IntegrityError("backup manifest", "it was altered or is damaged", "Try another copy of the backup.")


def _rebuild(
    place: _Place, manifest: _Manifest, opened: OpenKeys, folder: Path, job: Job, clock: Callable[[], datetime]
) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
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
        if folder.exists():
            folder.rmdir()
        building.rename(folder)
        files.sync_folder(folder.parent)
    except OSError as error:
        raise files.storage_error(error, "the vault") from error
    finally:
        if building.exists():
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
        if who is None or database.run(integrity.damage):
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
