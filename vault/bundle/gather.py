"""Reading a bag once, front to back: from a container stream, or from an opened folder.

Small files are kept in memory within fixed limits, attachments only digested. Both sources give the same `Gathered`.
From a folder nothing is followed: links, devices and the like become findings, and so do folders that no bag has.

Spec: docs/formats/bundle.md, "Layout", "Limits" and steps 1 and 2 of "Verification".
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vault.bundle import layout
from vault.bundle.findings import CONTAINER, LAYOUT, Findings
from vault.bundle.pipeline import PIECE
from vault.crypto.hashes import new_sha256
from vault.errors import FormatError, NotFoundError, RefusedError, WrongKindError
from vault.files import storage_error
from vault.formats.tar import Source, TarReader, is_name
from vault.jobs import Job

_STEP = "reading the bag"
_LITTER = frozenset({".ds_store", "thumbs.db", "desktop.ini", ".directory", ".localized"})
_LITTER_MESSAGE = (
    "File managers leave files of this name behind; it is not part of what was signed. "
    "Delete it, without opening it, and verify again."
)
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
)


@dataclass(slots=True)
class Gathered:
    """A bag as it was read.

    Attributes:
        seen: Every file: path to (size in bytes, SHA-256 in hexadecimal digits).
        small: The content of every file that the layout knows, but attachments.
        held: Bytes in `small`.
    """

    seen: dict[str, tuple[int, str]] = field(default_factory=dict)
    small: dict[str, bytes] = field(default_factory=dict, repr=False)
    held: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """One file on its way: path in the bag, size if it is known before, and its pieces, to be read once and whole."""

    path: str
    size: int
    pieces: Iterator[bytes]


def items_of_container(source: Source) -> Iterator[Item]:
    """Yield the files of a container in its order; each must be read whole before the next one.

    Raises:
        FormatError: Not a container of this format, or a file outside the folder `bag`.
    """
    reader = TarReader(source, layout.MAX_FILES)
    prefix = f"{layout.TOP}/"
    while entry := reader.next():
        if not entry.name.startswith(prefix):
            raise FormatError("container", "a file outside the folder of the bag")
        yield Item(entry.name.removeprefix(prefix), entry.size, _until_empty(reader))


def _until_empty(reader: TarReader) -> Iterator[bytes]:
    while piece := reader.read(PIECE):
        yield piece


def gather_container(source: Source, findings: Findings, job: Job, size: int | None = None) -> Gathered:
    """Read a bag from its container; `size` is about how many bytes it has, if that is known.

    Raises:
        FormatError: Not a container of this format.
        RefusedError: More than the limits allow.
    """
    findings.begin(CONTAINER)
    findings.begin(LAYOUT)
    bag = Gathered()
    last: tuple[int, str] = (-1, "")
    done = 0
    for item in items_of_container(source):
        place = layout.place(item.path)
        if place is None:
            findings.add("unexpected-name", item.path, "No bag of this format has a file of this name.")
        elif place < last:
            findings.add("order", item.path, "This file does not come at its place.")
        else:
            last = place
        done = _take(item, place is not None, bag, job, done, size)
    return bag


def gather_folder(folder: Path, findings: Findings, job: Job) -> Gathered:
    """Read a bag from the folder it was unpacked into.

    Raises:
        NotFoundError, WrongKindError: There is no such folder, or it is plainly no bag.
        RefusedError: More than the limits allow.
        StorageError: It cannot be read.
    """
    findings.begin(CONTAINER)
    bag = Gathered()
    odd_folders: list[str] = []
    _refuse_other_folders(folder)
    files = sorted(_walk(folder, odd_folders, findings), key=lambda path: (layout.place(path) or (99, ""), path))
    findings.begin(LAYOUT)
    for path in odd_folders:
        findings.add("unexpected-name", shown(path), "No bag of this format has such a folder.")
    done = 0
    for path in files:
        known = layout.place(path) is not None
        if _is_litter(path):
            findings.add("left-behind", shown(path), _LITTER_MESSAGE)
            continue
        if not known:
            findings.add("unexpected-name", shown(path), "No bag of this format has a file of this name.")
        try:
            handle = os.open(folder / path, _FLAGS)
        except OSError as error:
            raise storage_error(error, "a file of the bag") from error
        try:
            state = os.fstat(handle)
            if not stat.S_ISREG(state.st_mode):
                findings.add("not-a-file", shown(path), "This is a link or a special file.")
                continue
            done = _take(Item(path, state.st_size, _read(handle)), known, bag, job, done)
        finally:
            os.close(handle)
    return bag


def _is_litter(path: str) -> bool:
    """True for the names under which file managers leave files of their own in folders that they show."""
    name = path.rpartition("/")[2].lower()
    return name in _LITTER or name.startswith("._")


def _refuse_other_folders(folder: Path) -> None:
    """Refuse what is plainly no bag, in a sentence instead of a finding for each file in it."""
    if folder.is_file():
        raise WrongKindError("This is a file, not an opened bundle.", "Open it first: 'evault open FILE --out DIR'.")
    try:
        other = folder.is_dir() and any(folder.iterdir()) and not any((folder / one).is_file() for one in layout.FIXED)
    except OSError as error:
        raise storage_error(error, "the bag") from error
    if other:
        raise WrongKindError(
            "This folder is not an opened bundle.", "Name the folder that 'evault open' wrote: the one with bagit.txt."
        )


def shown(path: str) -> str:
    """Return a path as a finding may name it: as it is if it is a plain name, else with everything unusual escaped."""
    return path if is_name(path) else ascii(path)[1:-1][:200]


def _read(handle: int) -> Iterator[bytes]:
    try:
        while piece := os.read(handle, PIECE):
            yield piece
    except OSError as error:
        raise storage_error(error, "a file of the bag") from error


def _walk(folder: Path, odd_folders: list[str], findings: Findings) -> Iterator[str]:
    """Yield the paths of the regular files, with ``/`` between their parts; enters only folders that a bag has."""
    try:
        if not stat.S_ISDIR(os.stat(folder).st_mode):
            raise WrongKindError("This is not a folder.", "Name the folder that holds bagit.txt.")
    except OSError as error:
        raise storage_error(error, "the bag") from error
    count = 0
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(folder / inside) as entries:
                for entry in entries:
                    count += 1
                    if count > layout.MAX_FILES + len(layout.FOLDERS):
                        raise _too_much()
                    path = f"{inside}/{entry.name}" if inside else entry.name
                    # A junction of Windows counts as a folder, but leads elsewhere as a link does.
                    junction = getattr(entry, "is_junction", bool)()
                    if entry.is_dir(follow_symlinks=False) and not junction:
                        if path in layout.FOLDERS:
                            waiting.append(path)
                        else:
                            odd_folders.append(path)
                    elif entry.is_file(follow_symlinks=False):
                        yield path
                    else:
                        findings.add("not-a-file", shown(path), "This is a link or a special file.")
        except OSError as error:
            raise storage_error(error, "the bag") from error
    if not count:
        raise NotFoundError("This folder is empty.", "Name the folder that holds bagit.txt.")


def _take(item: Item, known: bool, bag: Gathered, job: Job, done: int, total: int | None = None) -> int:
    """Digest one file, keep it if it is small and known, and return the bytes read so far."""
    keep = known and layout.attachment_id(item.path) is None
    digest, size, kept = new_sha256(), 0, []
    for piece in item.pieces:
        digest.update(piece)
        size += len(piece)
        job.report(_STEP, done + size, total)
        if keep:
            if size > layout.MAX_SMALL_FILE or bag.held + size > layout.MAX_SMALL_TOTAL:
                raise _too_much()
            kept.append(piece)
    bag.seen[item.path] = (size, digest.hexdigest())
    if keep:
        bag.small[item.path] = b"".join(kept)
        bag.held += size
    return done + size


def _too_much() -> RefusedError:
    return RefusedError(
        "This bag is larger or has more files than the format allows.",
        "Do not open it; ask the sender for it in several bundles.",
    )
