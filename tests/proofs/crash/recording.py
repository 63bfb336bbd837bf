"""Everything a program does to the files of a folder, recorded with strace: writes with their bytes, names, syncs.

`record` runs a program and returns what it did as a list of steps on numbered inodes. It refuses what it does not
understand, and what its steps make of the folder must be, byte for byte, what the program left there: a call that was
overlooked cannot pass.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ACK_FD = 9

# Not sync_file_range and posix_fadvise: they are hints, and make nothing durable.
_TRACED = (
    "open,openat,creat,write,writev,pwrite64,pwritev,pwritev2,ftruncate,truncate,fallocate,rename,renameat,renameat2,"
    "link,linkat,unlink,unlinkat,rmdir,mkdir,mkdirat,symlink,symlinkat,fsync,fdatasync,msync,close,dup,dup2,dup3,lseek,"
    "copy_file_range,sendfile,clone,clone3,fork,vfork"
)
_LINE = re.compile(rb"(\d+) +(\w+)\((.*)\) += (-?\d+|\?|0x[0-9a-f]+)", re.DOTALL)
_RESUMED = re.compile(rb"(\d+) +<\.\.\. \w+ resumed>(.*)", re.DOTALL)
_UNFINISHED = b" <unfinished ...>"
_EXCLUDED = "-shm"


class UnknownCallError(Exception):
    """The program did something to the folder that the recorder does not understand."""


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes were written into a file."""

    inode: int
    offset: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Resize:
    """A file was given another length."""

    inode: int
    size: int


@dataclass(frozen=True, slots=True)
class Link:
    """A name in a folder now stands for a file or folder."""

    folder: int
    name: str
    inode: int


@dataclass(frozen=True, slots=True)
class Unlink:
    """A name was taken out of a folder."""

    folder: int
    name: str


@dataclass(frozen=True, slots=True)
class Rename:
    """A name of a folder was changed, taking the place of what had the new one."""

    folder: int
    old: str
    new: str
    inode: int


@dataclass(frozen=True, slots=True)
class Sync:
    """A file or folder was synced."""

    inode: int


@dataclass(frozen=True, slots=True)
class Ack:
    """The program told the world something."""

    text: str


Step = Write | Resize | Link | Unlink | Rename | Sync | Ack


@dataclass(slots=True)
class Recording:
    """What a program did.

    Attributes:
        files: Content of each file at the beginning, by inode.
        folders: Names in each folder at the beginning, by inode; inode 0 is the recorded folder.
        steps: What it did, in order; new inodes are empty files or folders.
        new_folders: Inodes made by the program that are folders.
    """

    files: dict[int, bytes] = field(default_factory=dict)
    folders: dict[int, dict[str, int]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    new_folders: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Call:
    process: int
    name: str
    arguments: list[bytes]
    result: int


def record(command: Sequence[str | Path], root: Path, log: Path, acks: int = ACK_FD, **options: object) -> Recording:
    """Run a program and return what it did to the files below a folder.

    Args:
        command: The program; what it writes to the descriptor `acks` is taken for an acknowledgement.
        root: The folder.
        log: Where strace writes; removed afterwards.
        acks: The number of that descriptor in the program.
        options: For `subprocess.run`.

    Raises:
        UnknownCallError: It did something that is not modelled.
    """
    root = root.resolve()
    recorder = _Recorder(root, acks)
    strace = ["strace", "-f", "-qq", "--seccomp-bpf", "-xx", "-s", "33554432", "-o", log, "-e", f"trace={_TRACED}"]
    done = subprocess.run([*strace, "-e", "signal=none", *command], check=False, **options)  # type: ignore[call-overload]
    if done.returncode != 0:
        raise AssertionError(f"the recorded program ended with {done.returncode}: {done.stderr!r}")
    with log.open("rb") as lines:
        recorder.replay(list(_calls(lines)))
    log.unlink()
    recorder.compare()
    return recorder.recording


def _calls(lines: Iterator[bytes]) -> Iterator[_Call]:
    begun: dict[bytes, bytes] = {}
    for line in lines:
        whole = line.rstrip(b"\n")
        if whole.endswith(_UNFINISHED):
            begun[whole.split(b" ", 1)[0]] = whole[: -len(_UNFINISHED)]
            continue
        if resumed := _RESUMED.match(whole):
            whole = begun.pop(resumed[1]) + resumed[2]
        match = _LINE.match(whole)
        if match is None or match[4] == b"?":
            continue
        result = int(match[4], 0)
        if result >= 0:
            yield _Call(int(match[1]), match[2].decode(), match[3].split(b", "), result)


def _text(argument: bytes) -> bytes:
    quoted = argument.strip()
    if not (quoted.startswith(b'"') and quoted.endswith(b'"')):
        raise UnknownCallError(f"not a whole string: {quoted[:80]!r}")
    return bytes.fromhex(quoted[1:-1].replace(b"\\x", b"").decode())


class _Recorder:
    def __init__(self, root: Path, acks: int) -> None:
        self._root = root
        self._acks = acks
        self.recording = Recording()
        self._next = 0
        self._folders: dict[int, dict[str, int]] = {}
        self._files: dict[int, bytearray] = {}
        self._open: dict[tuple[int, int], int] = {}
        self._at: dict[tuple[int, int], int] = {}
        self._append: set[tuple[int, int]] = set()
        self._group: dict[int, int] = {}
        self._main = 0
        self._scan(root)
        self.recording.files = {inode: bytes(content) for inode, content in self._files.items()}
        self.recording.folders = {inode: dict(names) for inode, names in self._folders.items()}

    def _new(self) -> int:
        self._next += 1
        return self._next - 1

    def _scan(self, path: Path) -> int:
        inode = self._new()
        if path.is_dir():
            self._folders[inode] = {}
            self._folders[inode] = {entry.name: self._scan(entry) for entry in sorted(path.iterdir())}
        else:
            self._files[inode] = bytearray(path.read_bytes())
        return inode

    # -- replaying ----------------------------------------------------------------------------------------------------

    def replay(self, calls: list[_Call]) -> None:
        """Go through the calls, keeping what the folder looks like, and note the steps."""
        self._main = calls[0].process
        self._group = {self._main: self._main}
        for call in calls:
            if call.name in ("clone", "clone3", "fork", "vfork") and call.result:
                thread = any(b"CLONE_THREAD" in argument for argument in call.arguments)
                self._group[call.result] = self._group.get(call.process, call.process) if thread else call.result
        for call in calls:
            handler = getattr(self, f"_on_{call.name}", None)
            if handler is not None:
                handler(call)
            elif call.name not in ("clone", "clone3", "fork", "vfork"):
                self._refuse(call)

    def _refuse(self, call: _Call) -> None:
        for argument in call.arguments[:2]:
            if argument.isdigit() and self._key(call, int(argument)) in self._open:
                raise UnknownCallError(call.name)
            if argument.startswith(b'"') and self._inside(_text(argument)):
                raise UnknownCallError(call.name)

    def _key(self, call: _Call, handle: int) -> tuple[int, int]:
        return self._group.get(call.process, call.process), handle

    def _inside(self, path: bytes) -> bool:
        name = os.fsdecode(path)
        return name == str(self._root) or name.startswith(f"{self._root}/")

    def _find(self, call: _Call, at: bytes, path: bytes) -> tuple[int, str] | None:
        """Return the folder and the name in it that a path means, or None if it is not below the recorded folder."""
        name = os.fsdecode(path)
        if not name.startswith("/"):
            if at == b"AT_FDCWD":
                return None
            base = self._open.get(self._key(call, int(at)))
            if base is None:
                return None
            return self._walk(base, name)
        if name == str(self._root):
            return 0, "."
        if not self._inside(path):
            return None
        return self._walk(0, name[len(str(self._root)) + 1 :])

    def _walk(self, folder: int, name: str) -> tuple[int, str]:
        *above, last = [part for part in name.split("/") if part not in ("", ".")] or ["."]
        for part in above:
            folder = self._folders[folder][part]
        return folder, last

    def _lookup(self, place: tuple[int, str]) -> int | None:
        folder, name = place
        return folder if name == "." else self._folders[folder].get(name)

    def _add(self, step: Step) -> None:
        self.recording.steps.append(step)

    # -- opening ------------------------------------------------------------------------------------------------------

    def _on_openat(self, call: _Call) -> None:
        self._opened(call, call.arguments[0], _text(call.arguments[1]), call.arguments[2])

    def _on_open(self, call: _Call) -> None:
        self._opened(call, b"AT_FDCWD", _text(call.arguments[0]), call.arguments[1])

    def _opened(self, call: _Call, at: bytes, path: bytes, flags: bytes) -> None:
        key = self._key(call, call.result)
        self._forget(key)
        place = self._find(call, at, path)
        if place is None:
            return
        given = set(flags.split(b"|"))
        if given & {b"O_SYNC", b"O_DSYNC", b"O_DIRECT"}:
            raise UnknownCallError(f"open with {flags!r}")
        inode = self._lookup(place)
        if b"O_TMPFILE" in given:
            inode = self._new()
            self._files[inode] = bytearray()
        elif inode is None:
            inode = self._new()
            self._files[inode] = bytearray()
            self._name(place, inode)
        elif b"O_TRUNC" in given:
            self._resize(inode, 0)
        self._open[key] = inode
        self._at[key] = 0
        if b"O_APPEND" in given:
            self._append.add(key)

    def _forget(self, key: tuple[int, int]) -> None:
        self._open.pop(key, None)
        self._at.pop(key, None)
        self._append.discard(key)

    def _on_close(self, call: _Call) -> None:
        self._forget(self._key(call, int(call.arguments[0])))

    def _on_dup(self, call: _Call) -> None:
        source = self._key(call, int(call.arguments[0]))
        if source in self._open:
            raise UnknownCallError("dup")
        self._forget(self._key(call, call.result))

    _on_dup2 = _on_dup3 = _on_dup

    def _on_lseek(self, call: _Call) -> None:
        key = self._key(call, int(call.arguments[0]))
        if key in self._at:
            self._at[key] = call.result

    # -- contents -----------------------------------------------------------------------------------------------------

    def _on_write(self, call: _Call) -> None:
        handle = int(call.arguments[0])
        key = self._key(call, handle)
        if key in self._open:
            offset = len(self._files[self._open[key]]) if key in self._append else self._at[key]
            self._write(key, offset, _text(call.arguments[1])[: call.result])
            self._at[key] = offset + call.result
        elif handle == self._acks and key[0] == self._main:
            self._add(Ack(_text(call.arguments[1]).decode()))

    def _on_pwrite64(self, call: _Call) -> None:
        key = self._key(call, int(call.arguments[0]))
        if key in self._open:
            self._write(key, int(call.arguments[3]), _text(call.arguments[1])[: call.result])

    def _write(self, key: tuple[int, int], offset: int, data: bytes) -> None:
        inode = self._open[key]
        put(self._files[inode], offset, data)
        self._add(Write(inode, offset, data))

    def _resize(self, inode: int, size: int) -> None:
        resize(self._files[inode], size)
        self._add(Resize(inode, size))

    def _on_ftruncate(self, call: _Call) -> None:
        key = self._key(call, int(call.arguments[0]))
        if key in self._open:
            self._resize(self._open[key], int(call.arguments[1]))

    def _on_fsync(self, call: _Call) -> None:
        key = self._key(call, int(call.arguments[0]))
        if key in self._open:
            self._add(Sync(self._open[key]))

    # A change of the length is part of what has to be durable for the data to be found again.
    _on_fdatasync = _on_fsync

    # -- names --------------------------------------------------------------------------------------------------------

    def _name(self, place: tuple[int, str], inode: int) -> None:
        folder, name = place
        self._folders[folder][name] = inode
        self._add(Link(folder, name, inode))

    def _on_mkdir(self, call: _Call) -> None:
        place = self._find(call, b"AT_FDCWD", _text(call.arguments[0]))
        if place is not None:
            inode = self._new()
            self._folders[inode] = {}
            self.recording.new_folders.add(inode)
            self._name(place, inode)

    def _on_unlink(self, call: _Call) -> None:
        self._unlink(self._find(call, b"AT_FDCWD", _text(call.arguments[0])))

    _on_rmdir = _on_unlink

    def _on_unlinkat(self, call: _Call) -> None:
        self._unlink(self._find(call, call.arguments[0], _text(call.arguments[1])))

    def _unlink(self, place: tuple[int, str] | None) -> None:
        if place is not None:
            folder, name = place
            del self._folders[folder][name]
            self._add(Unlink(folder, name))

    def _on_rename(self, call: _Call) -> None:
        old, new = (self._find(call, b"AT_FDCWD", _text(argument)) for argument in call.arguments[:2])
        if old is None and new is None:
            return
        if old is None or new is None or old[0] != new[0]:
            raise UnknownCallError("rename from one folder to another")
        names = self._folders[old[0]]
        names[new[1]] = names.pop(old[1])
        self._add(Rename(old[0], old[1], new[1], names[new[1]]))

    def _on_link(self, call: _Call) -> None:
        self._linked(call, b"AT_FDCWD", call.arguments[0], b"AT_FDCWD", call.arguments[1])

    def _on_linkat(self, call: _Call) -> None:
        self._linked(call, *call.arguments[:4])

    def _linked(self, call: _Call, at: bytes, source: bytes, to: bytes, target: bytes) -> None:
        place = self._find(call, to, _text(target))
        if place is None:
            return
        path = _text(source)
        if path.startswith(b"/proc/self/fd/"):
            inode = self._open.get(self._key(call, int(path.rsplit(b"/", 1)[1])))
        else:
            found = self._find(call, at, path)
            inode = None if found is None else self._lookup(found)
        if inode is None:
            raise UnknownCallError("a link from elsewhere")
        self._name(place, inode)

    # -- the end ------------------------------------------------------------------------------------------------------

    def compare(self) -> None:
        """Compare what the steps made with what is there."""
        seen = tree(self._folders, self._files, 0)
        there = _read(self._root)
        if seen != there:
            raise UnknownCallError(f"the steps do not make what is there: {sorted(_differences(seen, there))}")


Tree = dict[str, "bytes | Tree"]


def put(content: bytearray, offset: int, data: bytes) -> None:
    """Write into a file; a gap before it is zeros."""
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def resize(content: bytearray, size: int) -> None:
    """Give a file a length; what is new of it is zeros."""
    if size < len(content):
        del content[size:]
    else:
        content.extend(bytes(size - len(content)))


def tree(folders: dict[int, dict[str, int]], files: dict[int, bytearray], inode: int) -> Tree:
    """Return the names and contents below a folder, without the memory that SQLite's WAL mode shares by a file."""
    return {
        name: tree(folders, files, child) if child in folders else bytes(files[child])
        for name, child in folders[inode].items()
        if not name.endswith(_EXCLUDED)
    }


def _read(path: Path) -> Tree:
    return {
        entry.name: _read(entry) if entry.is_dir() else entry.read_bytes()
        for entry in path.iterdir()
        if not entry.name.endswith(_EXCLUDED)
    }


def _differences(one: Tree, other: Tree, above: str = "") -> Iterator[str]:
    for name in one.keys() | other.keys():
        left, right = one.get(name), other.get(name)
        if isinstance(left, dict) and isinstance(right, dict):
            yield from _differences(left, right, f"{above}{name}/")
        elif left != right:
            yield f"{above}{name}"
