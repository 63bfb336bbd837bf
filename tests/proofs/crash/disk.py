"""What a disk may hold after the power went: the states that follow from a recording.

The model reads POSIX strictly. Syncing a file makes its bytes and its length durable, not its name; syncing a folder
makes its names durable, not what is in its files. What was not synced may be there or not, in any combination:

- all of it dropped, or all of it kept;
- any subset of the writes of each file, and of the changes of each folder (in order, as a journaling file system keeps
  them, or any subset of them); a rename is one change, which happens whole or not at all;
- one file (or folder) has everything, another nothing;
- a write torn at sectors of 512 or 4,096 bytes: its beginning, its end, or any of its sectors;
- a file that has its new length but not its new bytes, which read as zeros.

Hints such as ``sync_file_range`` make nothing durable.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.proofs.crash.recording import (
    Ack,
    Link,
    Recording,
    Rename,
    Resize,
    Step,
    Sync,
    Tree,
    Unlink,
    Write,
    put,
    resize,
    tree,
)

SECTORS = (512, 4096)
STORE = "vault.db"


@dataclass(frozen=True, slots=True)
class State:
    """What the disk holds after a power cut.

    Attributes:
        names: The folder as it is found.
        at: Number of steps that were done before the cut.
        acks: What the program had told the world before the cut.
        model: How it was chosen, for messages.
    """

    names: Tree = field(repr=False)
    at: int
    acks: tuple[str, ...]
    model: str

    @property
    def digest(self) -> bytes:
        """Equal for states that demand the same of the program."""
        digest = hashlib.sha256("\0".join(self.acks).encode())
        _feed(digest, self.names)
        return digest.digest()

    def build(self, folder: Path) -> None:
        """Put it into a folder, which is made."""
        _build(self.names, folder)


def _feed(digest: hashlib._Hash, names: Tree) -> None:
    for name in sorted(names):
        value = names[name]
        digest.update(f"\0{name}\0".encode())
        if isinstance(value, dict):
            digest.update(b"folder")
            _feed(digest, value)
            digest.update(b"end")
        else:
            digest.update(len(value).to_bytes(8, "big"))
            digest.update(value)


def _build(names: Tree, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    for name, value in names.items():
        if isinstance(value, dict):
            _build(value, folder / name)
        else:
            (folder / name).write_bytes(value)


class _Disk:
    """The durable part of each file and folder, and what came after it, while the steps go by."""

    def __init__(self, recording: Recording) -> None:
        self.files = dict(recording.files)
        self.folders = {inode: dict(names) for inode, names in recording.folders.items()}
        self.pending: dict[int, list[Step]] = {}
        self.acks: list[str] = []
        self._new_folders = recording.new_folders

    def go(self, step: Step) -> None:
        """Take one more step."""
        if isinstance(step, Ack):
            self.acks.append(step.text)
        elif isinstance(step, Sync):
            steps = self.pending.pop(step.inode, [])
            if step.inode in self.folders:
                _change(self.folders[step.inode], steps)
            elif steps:
                content = bytearray(self.files.get(step.inode, b""))
                _fill(content, steps)
                self.files[step.inode] = bytes(content)
        elif isinstance(step, (Write, Resize)):
            self.pending.setdefault(step.inode, []).append(step)
        else:
            if isinstance(step, Link) and step.inode in self._new_folders:
                self.folders.setdefault(step.inode, {})
            self.pending.setdefault(step.folder, []).append(step)

    def found(self, chosen: dict[int, list[Step]], zeros: frozenset[int] = frozenset()) -> Tree:
        """Return the folder with the chosen part of what is pending; files of `zeros` keep their new length."""
        folders, files = {}, {}
        for inode, names in self.folders.items():
            folders[inode] = dict(names)
            _change(folders[inode], chosen.get(inode, []))
        for names in folders.values():
            for inode in names.values():
                if inode not in folders and inode not in files:
                    content = bytearray(self.files.get(inode, b""))
                    _fill(content, chosen.get(inode, []))
                    if inode in zeros:
                        resize(content, max(len(content), self._length(inode)))
                    files[inode] = content
        return tree(folders, files, 0)

    def _length(self, inode: int) -> int:
        length = len(self.files.get(inode, b""))
        for step in self.pending.get(inode, []):
            length = step.size if isinstance(step, Resize) else max(length, step.offset + len(step.data))  # type: ignore[union-attr]
        return length


def _fill(content: bytearray, steps: list[Step]) -> None:
    for step in steps:
        if isinstance(step, Write):
            put(content, step.offset, step.data)
        elif isinstance(step, Resize):
            resize(content, step.size)


def _change(names: dict[str, int], steps: list[Step]) -> None:
    for step in steps:
        if isinstance(step, Link):
            names[step.name] = step.inode
        elif isinstance(step, Unlink):
            names.pop(step.name, None)
        elif isinstance(step, Rename):
            # What is moved is known also where the making of its first name was dropped.
            names.pop(step.old, None)
            names[step.new] = step.inode


# -- choosing ----------------------------------------------------------------------------------------------------------

_MODELS = {"dropped": 2, "kept": 2, "some": 5, "one file": 3, "cut short": 4, "torn": 5}


def states(recording: Recording, most: int, seed: int) -> Iterator[State]:
    """Return up to `most` different states: for a quarter nothing or all is kept around each sync, the rest is drawn.

    Args:
        recording: What the program did.
        most: How many.
        seed: Equal seeds choose equal states.
    """
    chooser = random.Random(seed)
    seen: set[bytes] = set()
    cuts = _telling(recording.steps)
    plain = [(cut, model, 0) for cut in cuts for model in ("dropped", "kept")]
    chooser.shuffle(plain)
    wanted = plain[: most // 4]
    # The most that can be asked of a disk that kept the least.
    wanted += [(number + 1, "dropped", 0) for number, step in enumerate(recording.steps) if isinstance(step, Ack)]
    fruitless = 0
    while wanted and fruitless < 5:
        found = 0
        for state in _walk(recording, sorted(wanted)):
            digest = state.digest
            if digest not in seen:
                seen.add(digest)
                found += 1
                yield state
                if len(seen) == most:
                    return
        fruitless = 0 if found else fruitless + 1
        wanted = [_drawn(recording, cuts, chooser) for _ in range(max(most - len(seen), 64))]


def in_the_middle(recording: Recording) -> State:
    """Return the state in the middle of the longest commit: all was written, and the journal would undo it."""
    disk, found, longest = _Disk(recording), None, 0
    for number, step in enumerate(recording.steps):
        names = [inode for folder in disk.folders.values() for name, inode in folder.items() if name == STORE]
        if isinstance(step, Sync) and step.inode in names and len(disk.pending.get(step.inode, [])) >= longest:
            longest = len(disk.pending.get(step.inode, []))
            found = State(disk.found(disk.pending), number, tuple(disk.acks), "in the middle")
        disk.go(step)
    assert found and longest, "the store was never written"
    return found


def without_syncs(recording: Recording) -> Recording:
    """Return a recording of a disk, or a program, for which no sync means anything."""
    steps = [step for step in recording.steps if not isinstance(step, Sync)]
    return replace(recording, steps=steps)


def _telling(steps: list[Step]) -> list[int]:
    """Return the cuts just before and just after each sync and acknowledgement, and the one at the end."""
    marks = [number for number, step in enumerate(steps) if isinstance(step, (Sync, Ack))]
    return sorted({*marks, *(number + 1 for number in marks), len(steps)})


def _drawn(recording: Recording, cuts: list[int], chooser: random.Random) -> tuple[int, str, int]:
    cut = chooser.choice(cuts) if chooser.random() < 0.5 else chooser.randint(0, len(recording.steps))
    model = chooser.choices(list(_MODELS), list(_MODELS.values()))[0]
    return cut, model, chooser.getrandbits(32)


def _walk(recording: Recording, wanted: list[tuple[int, str, int]]) -> Iterator[State]:
    disk = _Disk(recording)
    done = 0
    for cut, model, draw in wanted:
        while done < cut:
            disk.go(recording.steps[done])
            done += 1
        chosen, zeros = _choose(disk.pending, model, random.Random(draw))
        yield State(disk.found(chosen, zeros), cut, tuple(disk.acks), f"{model}, draw {draw}")


def _choose(
    pending: dict[int, list[Step]], model: str, chooser: random.Random
) -> tuple[dict[int, list[Step]], frozenset[int]]:
    """Return what of the pending steps reached the disk, by inode, and which files have their new length anyway."""
    if model == "dropped" or not pending:
        return {}, frozenset()
    if model == "kept":
        return pending, frozenset()
    chosen = {}
    alone = chooser.choice(list(pending)) if model == "one file" else None
    inverted = chooser.random() < 0.5
    for inode, steps in pending.items():
        names = not isinstance(steps[0], (Write, Resize))
        if model == "one file":
            chosen[inode] = steps if (inode == alone) is not inverted else []
        elif model == "cut short" or (names and chooser.random() < 0.5):
            # In order, up to a point; of the write at that point a part.
            end = chooser.randint(0, len(steps))
            chosen[inode] = steps[:end] + [part for step in steps[end : end + 1] for part in _torn(step, chooser)]
        else:
            share = chooser.choice((0.1, 0.5, 0.9))
            kept = [step for step in steps if chooser.random() < share]
            if model == "torn":
                kept = [part for step in kept for part in (_torn(step, chooser) if chooser.random() < 0.3 else [step])]
            chosen[inode] = kept
    return chosen, frozenset(inode for inode in pending if chooser.random() < 0.25)


def _torn(step: Step, chooser: random.Random) -> list[Step]:
    """Return a part of a write: its first or last sectors, all but some in the middle, or any of them."""
    if not isinstance(step, Write):
        return []
    sector = chooser.choice(SECTORS)
    edges = [0, *range(sector - step.offset % sector, len(step.data), sector), len(step.data)]
    parts = [Write(step.inode, step.offset + start, step.data[start:end]) for start, end in itertools.pairwise(edges)]
    first, last = sorted((chooser.randint(0, len(parts)), chooser.randint(0, len(parts))))
    how = chooser.randrange(4)
    if how == 0:
        return list(parts[:first])
    if how == 1:
        return list(parts[last:])
    if how == 2:
        return list(parts[:first] + parts[last:])
    return [part for part in parts if chooser.random() < 0.5]
