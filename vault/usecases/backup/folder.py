"""The folder of a backup: its names, writing into it, and reading from it as a restore does.

What is read here comes from a medium that may be damaged or was in other hands: everything unreadable is an
`IntegrityError`. Spec: `docs/formats/backup.md`.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Final

from vault import files, keys
from vault.crypto import aead
from vault.crypto.hashes import sha256
from vault.errors import DiskFullError, FormatError, IntegrityError, RefusedError, StorageError
from vault.formats import backup_manifest, key_file
from vault.formats.backup_manifest import SEGMENT_SIZE, Manifest
from vault.formats.key_file import Header
from vault.keys import OpenKeys

OWN_NAME: Final = re.compile(r"(?:keys|manifest)-([0-9]{8})\Z|segments\Z")
"""The names in a backup folder."""
GROUP_NAME: Final = re.compile(r"[0-9a-f]{2}\Z")
"""The names of the folders in `segments`."""
LAST_SEQUENCE: Final = 99_999_999
"""The highest number of a generation."""

_KEYS_NAME = re.compile(r"keys-([0-9]{8})\Z")
_MANIFEST_NAME = re.compile(r"manifest-([0-9]{8})\Z")
_SEALED_LIMIT: Final = backup_manifest.MAX_SIZE + aead.SEAL_OVERHEAD
_CONTEXT: Final = b"evidence-backup/1 manifest"


class BackupFolder:
    """A backup folder.

    Attributes:
        folder: Where it is.
        written: Bytes that were written into it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written = 0

    def segment(self, name: str) -> Path:
        """Return the place of a segment."""
        return self.folder / "segments" / name[:2] / name

    def keys(self, sequence: int) -> Path:
        """Return the place of a generation's key file."""
        return self.folder / f"keys-{sequence:08d}"

    def manifest(self, sequence: int) -> Path:
        """Return the place of a generation's sealed manifest."""
        return self.folder / f"manifest-{sequence:08d}"

    def sequences(self) -> list[int]:
        """Return the generations that have a key file, newest first; a restore says that it passed over a half one."""
        return sorted(self._numbers(_KEYS_NAME), reverse=True)

    def whole(self) -> list[int]:
        """Return the generations that have both a key file and a manifest, newest first."""
        return sorted(self._numbers(_KEYS_NAME) & self._numbers(_MANIFEST_NAME), reverse=True)

    def halves(self) -> set[int]:
        """Return the numbers of which one file alone is there: what a kill left, or what somebody put there."""
        return self._numbers(_KEYS_NAME) ^ self._numbers(_MANIFEST_NAME)

    def _numbers(self, pattern: re.Pattern[str]) -> set[int]:
        if not self.folder.is_dir():
            return set()
        found = (pattern.match(entry.name) for entry in self.folder.iterdir())
        return {int(match[1]) for match in found if match} - {0}

    def remove(self, sequence: int) -> None:
        """Remove a generation's key file, then its manifest: what has no key file is no generation any more.

        Raises:
            StorageError: The operating system refused.
        """
        files.remove(self.keys(sequence), "an older generation")
        files.remove(self.manifest(sequence), "an older generation")

    def groups(self) -> list[Path]:
        """Return the folders that hold segments; whatever else lies there is not ours."""
        segments = self.folder / "segments"
        return [folder for folder in segments.iterdir() if GROUP_NAME.match(folder.name) and folder.is_dir()]

    def remove_empty(self, *, whole: bool) -> None:
        """Remove the folders that hold nothing; what cannot be removed stays.

        Args:
            whole: The backup's own folder too.
        """
        segments = self.folder / "segments"
        with contextlib.suppress(OSError):
            for folder in (*self.groups(), segments, *([self.folder] if whole else [])):
                with contextlib.suppress(OSError):
                    folder.rmdir()

    def put(self, path: Path, data: bytes, *, replace: bool = False) -> None:
        """Write a file; with `replace` in the place of another one, atomically.

        Raises:
            DiskFullError: The medium is full.
            StorageError: The operating system refused.
        """
        files.make_folders(path.parent, "a folder of the backup")
        if files.free_space(self.folder) < len(data) + (1 << 20):
            raise DiskFullError(
                "The backup's medium is full; the last good backup is untouched.",
                "Use a larger medium or free some space.",
            )
        (files.replace if replace else files.write_new)(path, data, "a file of the backup")
        self.written += len(data)

    def put_segment(self, name: str, data: bytes) -> None:
        """Write a segment unless it is there; one of another length is replaced.

        Raises:
            DiskFullError, StorageError: As `put`.
        """
        path = self.segment(name)
        try:
            if not path.exists():
                self.put(path, data)
            elif path.stat().st_size != len(data):
                self.put(path, data, replace=True)
        except OSError as error:
            # Turned here, because it may come from work on the store's queue, where it would be taken for the store's.
            raise files.storage_error(error, "the backup") from error

    def read_segment(self, name: str) -> bytes:
        """Read a segment.

        Raises:
            IntegrityError: It is missing, cannot be read, is too long or has another digest.
        """
        data = self._read(self.segment(name), SEGMENT_SIZE, "a segment of the backup")
        if sha256(data).hex() != name:
            raise IntegrityError("backup", "a segment is damaged", "Make the backup again, on another medium.")
        return data

    def read_keys(self, sequence: int) -> bytes:
        """Read a generation's key file, unopened.

        Raises:
            IntegrityError: It is missing or cannot be read.
        """
        return self._read(self.keys(sequence), 1 << 20, "the backup's key file")

    def headers(self, sequence: int) -> list[Header]:
        """Return the readable copies of a generation's key file; nothing vouches for what they say."""
        headers = []
        try:
            data = self.read_keys(sequence)
        except IntegrityError:
            return []
        for copy in (data[: key_file.COPY_SIZE], data[key_file.COPY_SIZE :]):
            try:
                headers.append(key_file.decode_copy(copy))
            except (FormatError, IntegrityError):
                continue
        return headers

    def put_manifest(self, manifest: Manifest, opened: OpenKeys) -> None:
        """Seal and write the manifest of a generation.

        Raises:
            DiskFullError, StorageError: As `put`.
        """
        key = keys.backup_key(opened.vault_key).reveal()
        self.put(self.manifest(manifest.sequence), aead.seal(key, manifest.encode(), _CONTEXT))

    def open_manifest(self, sequence: int, opened: OpenKeys) -> Manifest:
        """Open the manifest of a generation.

        Raises:
            IntegrityError: It is missing, cannot be read, or does not open with these keys.
            FormatError: It is not what a manifest should be.
        """
        sealed = self._read(self.manifest(sequence), _SEALED_LIMIT, "the backup's manifest")
        for key in (opened.vault_key, opened.older_key):
            if key is not None:
                try:
                    manifest = backup_manifest.decode(
                        aead.open_sealed(keys.backup_key(key).reveal(), sealed, _CONTEXT, "backup manifest")
                    )
                except IntegrityError:
                    continue
                if manifest.sequence == sequence:
                    return manifest
        raise IntegrityError("backup manifest", "it was altered or is damaged", "Try another copy of the backup.")

    def _read(self, path: Path, limit: int, what: str) -> bytes:
        try:
            return files.read_small(path, limit, what)
        except (StorageError, RefusedError) as error:
            raise IntegrityError("backup", f"{what} cannot be read", "Try another copy of the backup.") from error
