"""Taking files in, and writing one out (`known`).

A large file goes in as transactions of at most 16 MiB while it is hashed; it exists once its last row, with length and
digests, is committed together with its signed record. Small ones go in whole, several in one transaction (`together`).
A kill, a cancel or a full disk leaves nothing visible.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from vault import evidence, files
from vault.crypto.hashes import new_sha256, new_sha512
from vault.errors import AlreadyExistsError, CancelledError, DiskFullError, RefusedError, StorageError, VaultError
from vault.jobs import Job
from vault.media import MediaFacts
from vault.model import CHUNK_SIZE, Attachment, Json
from vault.open_vault import OpenVault, Transaction
from vault.store import cases, content
from vault.store.database import Connection
from vault.usecases.intake.entering import enter, from_the_file, readable_name
from vault.usecases.intake.known import digests, extract, load, page, peek, show
from vault.usecases.intake.reading import batches, changed, part, refuse_changed
from vault.usecases.intake.together import Outcome, Together, read_small
from vault.usecases.intake.unfinished import Unfinished, note_begun, note_ended, unfinished

__all__ = [
    "About", "Outcome", "Unfinished", "attach", "attach_all", "digests", "extract", "load", "note_begun", "note_ended",
    "page", "peek", "readable_name", "show", "unfinished",
]  # fmt: skip

RESERVE: Final = 64 * 1024 * 1024
"""Bytes that stay free, so that a draft can still be saved on a full disk."""

_AHEAD: Final = 2
"""Batches on their way to the store while the next is read and hashed."""

MAX_SIZE: Final = (1 << 24) * CHUNK_SIZE


@dataclass(frozen=True, slots=True)
class _Taken:
    serial: int
    new: bool
    size: int
    sha256: str
    sha512: str


@dataclass(frozen=True, slots=True)
class About:
    """What the person says about a file that is taken in.

    Attributes:
        record_id: A record of the same case that it belongs to, or empty.
        note: A description, or empty.
        derived_from: The attachment it was made from, for example by blurring a face, or empty.
        derivation: What was changed, by whom, with what and why, or empty.
        stated: Further fields of the attachment's record, such as ``acquired``; what is named above comes before them.
    """

    record_id: str = ""
    note: str = field(default="", repr=False)
    derived_from: str = ""
    derivation: str = field(default="", repr=False)
    stated: dict[str, Json] = field(default_factory=dict, repr=False)


_NOTHING_SAID: Final = About()
_LATER: Final = {"sha256": "-", "size": 0, "media_type": "-"}
"""Stands for the required fields that are not known before the file was read."""


def refuse_unsuitable(path: Path) -> None:
    """Refuse a file that could not be taken in, before anything is done.

    Raises:
        NotFoundError, WrongKindError, RefusedError, StorageError: As `attach` would.
    """
    files.open_source(path, "the file to attach").close()


def attach(
    vault: OpenVault, case_id: str, path: Path, job: Job, about: About = _NOTHING_SAID, *, once: bool = False
) -> Attachment:
    """Take a file in as an attachment with its own signed record, and return what is known of it.

    Args:
        vault: The open vault.
        case_id: The case it belongs to.
        path: A regular file of 0 bytes to 16 TiB; it is read and never changed.
        job: Told of bytes read; cancelling leaves nothing visible.
        about: What the person says about it.
        once: Refuse a file whose bytes an attachment of this case has already.

    Raises:
        AlreadyExistsError: The case has the same bytes already; only with `once`.
        NotFoundError: A case, record or attachment that does not exist.
        WrongKindError: A folder, device, FIFO or socket.
        RefusedError: It may not be read, or it changed, grew or shrank while it was read; or what is stated does not
            fit the type, or is taken from the file itself.
        DiskFullError: Less than 64 MiB would stay free.
        CancelledError: Cancelled.
    """
    (outcome,) = attach_all(vault, case_id, [(path, job)], about, once=once)
    if outcome.attachment is None:
        raise outcome.error or RuntimeError("neither taken in nor refused")
    return outcome.attachment


def attach_all(
    vault: OpenVault,
    case_id: str,
    paths: Iterable[tuple[Path, Job]],
    about: About = _NOTHING_SAID,
    *,
    once: bool = False,
) -> Iterator[Outcome]:
    """Take files in as `attach` does, small ones together, and yield in their order what became of each.

    An attachment that is yielded is durable. A caller that stops listening leaves what was not yielded undone, or done
    where it was on its way.

    Args:
        vault: The open vault.
        case_id: The case they belong to.
        paths: Each file with the job that is told of it; the next one is asked for when the one before was read.
        about: What the person says about all of them.
        once: Refuse each file whose bytes an attachment of this case has already.

    Raises:
        NotFoundError, RefusedError: What is said of them does not fit; nothing is taken in.
        CancelledError: Cancelled by the job of the file that is being read; what was on its way is yielded before.
    """
    original = vault.read(lambda connection: _look(connection, case_id, about))
    said = _said(about, original)
    together = Together(vault, case_id, said, once, _refuse_full)
    try:
        for path, job in paths:
            try:
                with files.open_source(path, "the file to attach") as source:
                    vault.refuse_own(path, os.fstat(source.fileno()))
                    small = read_small(vault, path, source, job)
                    if small is not None:
                        together.add(small)
                    else:
                        yield from together.flush()
                        yield Outcome(path, _attach_large(vault, case_id, path, source, job, said, once))
            except CancelledError:
                yield from together.settle()
                raise
            except VaultError as error:
                together.add(Outcome(path, error=error))
            if together.is_full:
                yield from together.send()
        yield from together.flush()
    finally:
        together.wait()


def _attach_large(
    vault: OpenVault, case_id: str, path: Path, source: BinaryIO, job: Job, said: dict[str, Json], once: bool
) -> Attachment:
    with contextlib.ExitStack() as kept:
        before = os.fstat(source.fileno())
        if before.st_size > MAX_SIZE:
            raise RefusedError("The file is larger than 16 TiB.", "Split it first.")
        try:
            known = _known(vault, source, before.st_size, job)
            if once and known is not None:
                _refuse_again(vault, case_id, known)
            taken = known or _store(vault, source, before.st_size, job, kept)
            facts = vault.inspector.inspect(lambda offset, size: part(source, offset, size), taken.size)
            refuse_changed(source, path, before, taken.size)
        except OSError as error:
            raise files.storage_error(error, "the file to attach") from error
        fields = from_the_file(path, before, taken.size, taken.sha256, taken.sha512, facts) | said
        return vault.atomic(lambda transaction: _finish(vault, transaction, case_id, taken, facts, fields))


def _look(connection: Connection, case_id: str, about: About) -> str:
    """Refuse what does not exist or fit, before anything is read; returns the SHA-256 of a derived file's original."""
    serial = cases.serial(connection, case_id)
    original = load(connection, about.derived_from).sha256 if about.derived_from else ""
    said = _said(about, original)
    evidence.refuse_from_the_file(about.stated)
    evidence.refuse_elsewhere(connection, serial, said.get("belongs_to"))
    evidence.schema_of(connection, "attachment").validate({**_LATER, **said})
    return original


def _said(about: About, original: str) -> dict[str, Json]:
    fields: dict[str, Json] = dict(about.stated)
    if about.note:
        fields["description"] = about.note
    if about.record_id:
        fields["belongs_to"] = {"id": about.record_id}
    if about.derived_from:
        fields["derived_from"] = {"id": about.derived_from, "sha256": original}
        fields["original_status"] = "derived"
    if about.derivation:
        fields["derivation"] = about.derivation
    return fields


def _known(vault: OpenVault, source: BinaryIO, size: int, job: Job) -> _Taken | None:
    """Hash first where a content of this size is stored already; return it when it is the same."""
    if not vault.read(lambda connection: content.has_size(connection, size)):
        return None
    short, long, done = new_sha256(), new_sha512(), 0
    while piece := source.read(CHUNK_SIZE):
        short.update(piece)
        long.update(piece)
        done += len(piece)
        if done > size:
            raise changed()
        job.report("comparing", done, size)
    source.seek(0)
    found = vault.read(lambda connection: content.find(connection, short.hexdigest()))
    if found is None or found.sha512 != long.hexdigest():
        return None
    return _Taken(found.serial, False, found.size, found.sha256, found.sha512)


def _refuse_again(vault: OpenVault, case_id: str, known: _Taken) -> None:
    def is_here(connection: Connection) -> bool:
        return content.is_in_case(connection, known.serial, cases.serial(connection, case_id))

    if vault.read(is_here):
        raise AlreadyExistsError("A file with the same bytes is in this case already.", "Nothing was added.")


def _store(vault: OpenVault, source: BinaryIO, expected: int, job: Job, kept: contextlib.ExitStack) -> _Taken:
    def begin(transaction: Transaction) -> int:
        # Registered before the commit, so that no sweep can come between.
        serial = content.begin(transaction.connection)
        kept.enter_context(vault.writing(serial))
        return serial

    # Called after `writing` has ended: a sweep before that would leave the rows until the next one.
    kept.callback(vault.start_sweep)
    serial = vault.atomic(begin)
    short, long, size, number = new_sha256(), new_sha512(), 0, 0
    pending: deque[Future[None]] = deque()
    try:
        for batch in batches(source):
            while len(pending) >= _AHEAD:
                pending.popleft().result()
            if size + sum(map(len, batch)) > expected:
                raise changed()
            _refuse_full(vault.folder, (len(pending) + 1) * content.BATCH_CHUNKS * CHUNK_SIZE)
            pending.append(_put(vault, serial, number, batch))
            for piece in batch:
                short.update(piece)
                long.update(piece)
                size += len(piece)
            number += len(batch)
            job.report("taking in", size, max(expected, size))
        while pending:
            pending.popleft().result()
    except BaseException:
        for future in pending:
            future.exception()
        raise
    return _Taken(serial, True, size, short.hexdigest(), long.hexdigest())


def _put(vault: OpenVault, serial: int, number: int, batch: list[bytes]) -> Future[None]:
    return vault.database.submit(lambda connection: content.add_chunks(connection, serial, number, batch), atomic=True)


def _refuse_full(folder: Path, size: int) -> None:
    if files.free_space(folder) < RESERVE + size:
        raise DiskFullError(
            "The disk is almost full; the file was not taken in.",
            "Free some space and try again; everything saved before is untouched.",
        )


def _finish(
    vault: OpenVault,
    transaction: Transaction,
    case_id: str,
    taken: _Taken,
    facts: MediaFacts,
    fields: dict[str, Json],
) -> Attachment:
    connection = transaction.connection
    if taken.new:
        serial = content.complete(connection, taken.serial, taken.size, taken.sha256, taken.sha512)
    else:
        # Looked for again: what was found before may be deleted by now, and the same bytes stored under another number.
        known = content.find(connection, taken.sha256)
        if known is None:
            raise StorageError("The same content was being deleted at this moment.", "Attach the file again.")
        serial = known.serial
    return enter(vault, transaction, case_id, fields, facts.extension, lambda: serial)
