"""Making a generation of a backup. Spec: `docs/formats/backup.md`."""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path
from typing import Final

from vault import files
from vault.crypto.hashes import sha256
from vault.errors import (
    AlreadyExistsError,
    FormatError,
    IntegrityError,
    NotFoundError,
    RefusedError,
    StorageError,
    VaultError,
)
from vault.formats import merkle
from vault.formats.backup_manifest import SEGMENT_SIZE, LogHead, Manifest, is_segment_name
from vault.formats.checkpoint import read_checkpoint
from vault.jobs import Job
from vault.model import CustodyEvent
from vault.open_vault import OpenVault
from vault.store import custody
from vault.store.database import Connection
from vault.surroundings import is_folder
from vault.usecases.backup.folder import GROUP_NAME, LAST_SEQUENCE, OWN_NAME, BackupFolder

_NOT_KEPT: Final = "The medium did not keep what was written to it."
_TRY_AGAIN: Final = "Run the backup again; use another medium if it recurs."


def backup(vault: OpenVault, target: Path, job: Job) -> int:
    """Bring a backup folder up to the present state and return the bytes written.

    Most is copied while work goes on; what changed meanwhile is copied at the end in one turn. Everything is
    read back and compared before an old generation goes; one good generation before the new one always stays.

    Raises:
        RefusedError: The folder holds a newer state of this vault; nothing was written.
        StorageError: The medium failed or is full; the last good backup is untouched.
        AlreadyExistsError: The folder holds something else.
    """
    target = target.absolute()
    place, new = BackupFolder(target), not os.path.lexists(target)
    try:
        sequence = _prepare(vault, place)
    except OSError as error:
        raise files.storage_error(error, "the backup") from error

    def event(result: str, digest: str = "") -> CustodyEvent:
        return CustodyEvent(
            "replication", vault.identity.log_id, "backup", why="backup", location="outside this device, encrypted",
            result=result, digests={"after": digest} if digest else {}, detail=f"generation {sequence}",
        )  # fmt: skip

    intended = False
    try:
        _enter(vault, event("intent"))
        intended = True
        manifest = _make(vault, place, sequence, job)
    except BaseException:
        place.remove_empty(whole=new)
        # Where the generation may be whole on the medium, the intent alone stays.
        with contextlib.suppress(VaultError, OSError):
            if intended and sequence not in place.whole():
                _enter(vault, event("failure"))
        raise
    _enter(vault, event("success", sha256(manifest.encode()).hex()))
    return place.written


def _make(vault: OpenVault, place: BackupFolder, sequence: int, job: Job) -> Manifest:
    try:
        manifest = _copy(vault, place, sequence, job)
        _read_back(vault, place, manifest, job)
        _complete(vault, place, manifest)
        _drop_older(vault, place, manifest)
    except OSError as error:
        raise files.storage_error(error, "the backup") from error
    return manifest


def _enter(vault: OpenVault, event: CustodyEvent) -> None:
    if not vault.read_only:
        vault.atomic(lambda transaction: transaction.record(event))


def _prepare(vault: OpenVault, place: BackupFolder) -> int:
    """Make the folder of the backup where it is missing, and return the number of the new generation."""
    real = place.folder.resolve()
    if vault.folder.resolve() in (real, *real.parents):
        raise AlreadyExistsError("The backup would lie inside the vault.", "Choose another place, best another medium.")
    if not is_folder(place.folder.parent):
        # A stick that is not there: whatever is made in its place would lie on this computer's own disk.
        raise NotFoundError(
            "The folder that the backup's folder is to be in does not exist.",
            "Is the medium connected? Only the last folder of the name is made; make the others first.",
        )
    _refuse_foreign(vault, place)
    _refuse_newer(vault, place)
    sequence = max(place.whole(), default=0) + 1
    if sequence > LAST_SEQUENCE:
        raise RefusedError("The backup's folder has no number left for another one.", "Back up into another folder.")
    files.make_folders(place.folder / "segments", "the backup folder")
    for folder in (place.folder, *place.groups()):
        files.remove_leftovers(folder)
    if sequence in place.halves():
        place.remove(sequence)
    return sequence


def _refuse_foreign(vault: OpenVault, place: BackupFolder) -> None:
    if not place.folder.exists():
        return
    if not place.folder.is_dir():
        raise AlreadyExistsError("The backup's place is a file.", "Name a folder.")
    names = [entry.name for entry in place.folder.iterdir() if not entry.name.startswith(".")]
    found = place.sequences()
    # Before the first generation is whole there may be segments and a manifest, but nothing else.
    ours = all(OWN_NAME.match(name) for name in names) and not _foreign_segments(place)
    if not found and not ours:
        raise AlreadyExistsError("The folder holds other things.", "Name a new folder for the backup.")
    for sequence in found:
        if any(header.vault_id != vault.keys.vault_id for header in place.headers(sequence)):
            raise AlreadyExistsError("The folder holds the backup of another vault.", "Name another folder.")


def _refuse_newer(vault: OpenVault, place: BackupFolder) -> None:
    """Refuse to go on in a folder that holds more than this vault: a vault restored from an older backup, say."""
    for sequence in place.whole():
        manifest = _readable(vault, place, sequence)
        if manifest is None:
            # Sealed under another vault key. What the header says of it is good enough for a refusal.
            newer = any(header.generation > vault.keys.generation for header in place.headers(sequence))
        else:
            newer = not vault.read(functools.partial(_goes_on_from, manifest.log))
        if newer:
            raise RefusedError(
                "The backup there holds a newer state than this vault.",
                "Back up into another folder, and keep that one: it may hold the only copy of something.",
            )


def _readable(vault: OpenVault, place: BackupFolder, sequence: int) -> Manifest | None:
    try:
        return place.open_manifest(sequence, vault.keys)
    except (IntegrityError, FormatError):
        return None


def _goes_on_from(head: LogHead, connection: Connection) -> bool:
    epochs = custody.epochs(connection)
    ends = [first for _, first, _ in epochs[1:]] + [custody.size(connection)]
    for (epoch, _, _), end in zip(epochs, ends, strict=True):
        if epoch == head.epoch and head.size <= end:
            return merkle.root(head.size, custody.node_of(connection)).hex() == head.root
    return False


def _foreign_segments(place: BackupFolder) -> bool:
    segments = place.folder / "segments"
    if not os.path.lexists(segments):
        return False
    return not segments.is_dir() or any(not GROUP_NAME.match(entry.name) for entry in segments.iterdir())


def _copy(vault: OpenVault, place: BackupFolder, sequence: int, job: Job) -> Manifest:
    database = vault.database

    def one(offset: int, connection: Connection) -> tuple[bytes, int]:
        return database.raw_pages(connection, offset, SEGMENT_SIZE), database.commits(connection)

    def begin(connection: Connection) -> tuple[int, int, LogHead]:
        return database.file_size(connection), database.commits(connection), _log_head(connection)

    size, commits, head = vault.read(begin)
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
        return Manifest(sequence, size, tuple(names), _log_head(connection))

    return Manifest(sequence, size, tuple(names), head) if same else vault.read(frozen)


def _log_head(connection: Connection) -> LogHead:
    checkpoint = read_checkpoint(custody.head(connection))
    return LogHead(checkpoint.epoch, checkpoint.size, checkpoint.root.hex())


def _read_back(vault: OpenVault, place: BackupFolder, manifest: Manifest, job: Job) -> None:
    done = 0
    for name in dict.fromkeys(manifest.segments):
        # Read twice before it is taken for bad: a drive may misread once.
        if not _is_kept(place, name) and not _is_kept(place, name):
            # It may have rotted since an earlier generation, which may need it too: never removed, only replaced.
            place.put(place.segment(name), _once_more(vault, manifest, name), replace=True)
            if not _is_kept(place, name):
                raise StorageError(_NOT_KEPT, _TRY_AGAIN)
        done += place.segment(name).stat().st_size
        job.report("reading back", done, max(manifest.size, done))


def _is_kept(place: BackupFolder, name: str) -> bool:
    files.forget_cached(place.segment(name))
    try:
        place.read_segment(name)
    except IntegrityError:
        return False
    return True


def _once_more(vault: OpenVault, manifest: Manifest, name: str) -> bytes:
    """Read the bytes of a segment from the store again, if it still has them."""
    for number, other in enumerate(manifest.segments):
        if other == name:
            offset = number * SEGMENT_SIZE
            length = min(SEGMENT_SIZE, manifest.size - offset)
            data = vault.read(functools.partial(vault.database.raw_pages, offset=offset, size=length))
            if sha256(data).hex() == name:
                return data
    raise StorageError(_NOT_KEPT, _TRY_AGAIN)


def _complete(vault: OpenVault, place: BackupFolder, manifest: Manifest) -> None:
    """Write the manifest, then the key file, and open both from the medium as a restore will."""
    sequence = manifest.sequence
    place.put_manifest(manifest, vault.keys)
    place.put(place.keys(sequence), vault.keys.encoded)
    for path in (place.manifest(sequence), place.keys(sequence)):
        files.forget_cached(path)
    try:
        kept = place.open_manifest(sequence, vault.keys) == manifest
        kept = kept and place.read_keys(sequence) == vault.keys.encoded
    except (IntegrityError, FormatError):
        kept = False
    if not kept:
        place.remove(sequence)
        raise StorageError(_NOT_KEPT, _TRY_AGAIN)


def _drop_older(vault: OpenVault, place: BackupFolder, manifest: Manifest) -> None:
    """Remove what is older than the newest good generation before this one, and the segments nothing needs."""
    needed, all_known, good = set(manifest.segments), True, False
    for sequence in place.whole():
        if sequence >= manifest.sequence:
            continue
        if good:
            place.remove(sequence)
            continue
        older = _readable(vault, place, sequence)
        if older is None:
            # Which segments it needs nobody can say now (it was made before a rekey, or is damaged): all stay.
            all_known = False
        else:
            needed.update(older.segments)
            good = all(place.segment(name).exists() for name in older.segments)
    for sequence in place.halves():
        place.remove(sequence)
    for path in (path for folder in place.groups() for path in folder.iterdir()):
        if all_known and is_segment_name(path.name) and path.name not in needed:
            path.unlink(missing_ok=True)
