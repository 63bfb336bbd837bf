"""Opening a bundle: a first pass over the whole file verifies it, only a second pass over the same handle gives it out.

What the first pass has read is verified in a confined child first (`bundle.rehearsal`), then here, where it counts.
Nothing is written before the first pass has found everything right. The second pass digests again and compares with
the first, so that a file that was exchanged in between is noticed. Keys are used and not kept.

Spec: docs/formats/bundle.md, "Opening".
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from vault.bundle import layout
from vault.bundle.contents import Incoming
from vault.bundle.gather import items_of_container
from vault.bundle.pipeline import Ahead, PieceSource, pieces
from vault.bundle.rehearsal import rehearse
from vault.bundle.unpack import NewFolder, refuse_existing
from vault.bundle.verify import OpenedBy, verify_stream
from vault.crypto.hashes import new_sha256
from vault.errors import DiskFullError, IntegrityError
from vault.files import free_space, storage_error
from vault.formats.age import AgeReader, HybridIdentity, X25519Identity
from vault.formats.tar import is_container_size
from vault.jobs import Job
from vault.model import Secret

_STEP: Final = "writing"
_SPARE: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Keys:
    """What a bundle is opened with: identities, or a passphrase that was agreed on, never both.

    Raises:
        ValueError: Both, or neither.
    """

    identities: Sequence[X25519Identity | HybridIdentity] = field(default=(), repr=False)
    passphrase: Secret | None = None

    def __post_init__(self) -> None:
        if bool(self.identities) == (self.passphrase is not None):
            raise ValueError("either identities or a passphrase")

    def reader(self, source: BinaryIO) -> AgeReader:
        """Return the plaintext of `source` as a stream."""
        return AgeReader(source, identities=self.identities, passphrase=self.passphrase, may_end=is_container_size)

    def opened_by(self) -> OpenedBy:
        """Return what the recipient named in a bundle is compared with."""
        recipients = tuple(identity.recipient.text for identity in self.identities)
        return OpenedBy(recipients, self.passphrase is not None)


def open_bundle(source: BinaryIO, keys: Keys, job: Job | None = None) -> Incoming:
    """Decrypt and verify a whole bundle, from where `source` stands to its end; writes nothing.

    Args:
        source: The encrypted file.
        keys: What opens it.
        job: Progress and cancelling.

    Raises:
        NotForUsError: None of the identities opens it.
        UnlockError: The passphrase is wrong.
        RefusedError: It needs a passphrase and none was given, it is beyond the limits, or checking it broke down.
        TruncatedError: The file ends too early.
        FormatError, UnsupportedVersionError, IntegrityError: It is not a whole age file with a container in it.
        StorageError: It cannot be read.
        CancelledError: Stopped by `job`.
    """
    size = _size(source)
    with Ahead(_plaintext(source, keys)) as plaintext:
        return verify_stream(PieceSource(plaintext), keys.opened_by(), job, size, rehearse)


def _size(source: BinaryIO) -> int | None:
    """Return how many bytes there are from where `source` stands to its end, where it is a file."""
    with contextlib.suppress(OSError):
        return os.fstat(source.fileno()).st_size - source.tell()
    return None


def extract_bundle(
    source: BinaryIO,
    keys: Keys,
    folder: Path,
    *,
    accept: Callable[[Incoming], bool] = lambda incoming: True,
    job: Job | None = None,
) -> Incoming:
    """Open a bundle into a new folder, the bag itself; nothing is written unless it verifies.

    Args:
        source: The encrypted file, seekable.
        keys: What opens it.
        folder: Must not exist. It appears at the end, whole.
        accept: Asked after the first pass, only when the report has no error; when it says no, nothing is written.
        job: Progress and cancelling.

    Returns:
        What the first pass found. The folder was written when `report.ok` and `accept` agreed.

    Raises:
        AlreadyExistsError: The folder exists.
        NotFoundError: The folder it would lie in does not exist.
        DiskFullError, StorageError: It cannot be written; nothing is left.
        IntegrityError: The file changed between the two passes; nothing is left.
        VaultError: As `open_bundle`.
    """
    refuse_existing(folder)
    _free_space(folder)
    start = source.tell()
    incoming = open_bundle(source, keys, job)
    if not incoming.report.ok or not accept(incoming):
        return incoming
    needed = sum(size for size, _ in incoming.seen.values())
    if _free_space(folder) < needed + _SPARE:
        raise DiskFullError("There is not enough free space for the opened bag.", "Free some space and try again.")
    with NewFolder(folder) as target:
        kept: list[bytes] = []
        for path, piece in _again(source, start, keys, incoming, job):
            attachment = layout.attachment_id(path) is not None
            if piece is None and attachment:
                target.end()
            elif piece is None:
                target.add(path, b"".join(kept))
                kept.clear()
            elif attachment:
                if not piece:
                    target.begin(path)
                target.write(piece)
            else:
                kept.append(piece)
        target.commit()
    return incoming


def _free_space(folder: Path) -> int:
    """Return the bytes that fit beside where `folder` will be; names a place that does not exist before any work."""
    return free_space(folder.parent)


def attachment_contents(
    source: BinaryIO, start: int, keys: Keys, incoming: Incoming, job: Job | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yield the contents of the attachments of a bundle that `open_bundle` has verified, in the order of their paths.

    Only when the iterator has come to its end is everything proved again: until then keep invisible what it gave out.

    Args:
        source: The same handle as in the first pass, seekable.
        start: Where the encrypted file begins in it.
        keys: What opens it.
        incoming: What the first pass found; its report must have no error.
        job: Progress and cancelling.

    Yields:
        (id, piece). Each attachment begins with one empty piece, and only with one.

    Raises:
        IntegrityError: The file changed between the two passes.
        VaultError: As `open_bundle`.
        ValueError: `incoming` did not verify.
    """
    for path, piece in _again(source, start, keys, incoming, job):
        name = layout.attachment_id(path)
        if name is not None and piece is not None:
            yield name, piece


def _again(
    source: BinaryIO, start: int, keys: Keys, incoming: Incoming, job: Job | None
) -> Iterator[tuple[str, bytes | None]]:
    """Second pass: yield each file as an empty piece, its pieces, and None once it is the one of the first pass."""
    if not incoming.report.ok:
        raise ValueError("only what verified is given out")
    job = job or Job()
    total = sum(size for size, _ in incoming.seen.values())
    done, waiting = 0, set(incoming.seen)
    source.seek(start)
    with Ahead(_plaintext(source, keys)) as plaintext:
        for item in items_of_container(PieceSource(plaintext)):
            if item.path not in waiting or incoming.seen[item.path][0] != item.size:
                raise _changed()
            waiting.remove(item.path)
            yield item.path, b""
            digest = new_sha256()
            for piece in item.pieces:
                digest.update(piece)
                done += len(piece)
                job.report(_STEP, done, total)
                yield item.path, piece
            if digest.hexdigest() != incoming.seen[item.path][1]:
                raise _changed()
            yield item.path, None
    if waiting:
        raise _changed()


def _plaintext(source: BinaryIO, keys: Keys) -> Iterator[bytes]:
    try:
        yield from pieces(keys.reader(source))
    except OSError as error:
        raise storage_error(error, "the bundle") from error


def _changed() -> IntegrityError:
    return IntegrityError("bundle", "the file was changed while it was read", "Copy it to a safe place and try again.")
