"""Folders of this computer for choosing from: listed, never opened; and what a terminal pastes for a dropped file.

Everything here may wait for a slow disk, so it runs in a thread. Names are as the system has them, also such that are
no text; whoever shows them uses `text.one_line`.
"""

from __future__ import annotations

import os
import shlex
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

FOLDER: Final = "folder"
FILE: Final = "file"
OTHER: Final = "other"
"""A device, a pipe, a socket, a link to nothing: shown, never chosen."""
HERE: Final = "here"
UP: Final = "up"
"""The folder itself, and the one above, where a list offers them."""

BACKUP: Final = "vault-backup"
"""Name of the folder that a backup is made in: what it is put on holds other things, too."""

_MOST_PASTED: Final = 10_000
_MOST_PASTED_TEXT: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in a folder.

    Attributes:
        path: Where it is.
        kind: `FOLDER`, `FILE`, `OTHER`, `HERE` or `UP`; a link counts as what it leads to.
        size: In bytes.
        changed: Seconds since 1970.
        hidden: Its name begins with a dot, or the system says so.
    """

    path: Path
    kind: str
    size: int
    changed: float
    hidden: bool

    @property
    def name(self) -> str:
        """Its name in the folder."""
        return self.path.name


def listed(folder: Path) -> list[Entry]:
    """Return what is in a folder, folders first, then by name.

    Raises:
        OSError: It cannot be read.
    """
    with os.scandir(folder) as found:
        entries = [_entry(folder, one) for one in found]
    return sorted(entries, key=lambda one: (one.kind != FOLDER, one.name.casefold(), one.name))


def _entry(folder: Path, one: os.DirEntry[str]) -> Entry:
    kind, size, changed = OTHER, 0, 0.0
    hidden = one.name.startswith(".")
    try:
        state = one.stat()
    except OSError:
        return Entry(folder / one.name, kind, size, changed, hidden)
    kind, size, changed = kind_of(state), state.st_size, state.st_mtime
    attributes = getattr(state, "st_file_attributes", 0)
    return Entry(folder / one.name, kind, size, changed, hidden or bool(attributes & stat.FILE_ATTRIBUTE_HIDDEN))


def kind_of(state: os.stat_result) -> str:
    """Return the kind of thing that a state of the file system tells of."""
    if stat.S_ISDIR(state.st_mode):
        return FOLDER
    return FILE if stat.S_ISREG(state.st_mode) else OTHER


def kind_at(path: Path) -> str:
    """Return the kind of thing at a path; empty when there is nothing, or when it cannot be seen."""
    try:
        return kind_of(path.stat())
    except (OSError, ValueError):
        return OTHER if os.path.lexists(os.fspath(path).replace("\0", "")) else ""


def size_of(path: Path) -> int:
    """Return a file's size in bytes, 0 where that cannot be seen."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0


def places() -> list[Path]:
    """Return where to begin: the home folder and its usual ones, then disks, cards and sticks."""
    home = Path.home()
    found = [home, *(home / name for name in ("Desktop", "Documents", "Downloads", "Pictures", "Videos"))]
    if sys.platform == "win32":
        found += [Path(f"{letter}:\\") for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    elif sys.platform == "darwin":
        found += _inside(Path("/Volumes"))
    else:
        for above in (Path("/media"), Path("/run/media")):
            for one in _inside(above):
                # Both /media/STICK and /media/PERSON/STICK are usual.
                found += [one] if os.path.ismount(one) else (_inside(one) or [one])
        found += [one for one in _inside(Path("/mnt")) if os.path.ismount(one)]
    return [one for one in dict.fromkeys(found) if kind_at(one) == FOLDER]


def _inside(folder: Path) -> list[Path]:
    try:
        return [one.path for one in listed(folder) if one.kind == FOLDER and not one.hidden]
    except OSError:
        return []


def pasted(text: str, folder: Path) -> list[Path]:
    """Return the existing paths that a pasted or dropped text names; none where it is something else.

    Terminals hand over dropped files in several ways: bare, in single or double quotes, with backslashes before
    blanks, as ``file:`` addresses; several on one line or one a line.

    Args:
        text: What was pasted.
        folder: Where names without a folder are looked for.
    """
    text = text[:_MOST_PASTED_TEXT].replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    for words in ([text], [text.strip()], _words(text), text.split("\n"), [line.strip() for line in text.split("\n")]):
        found = [path for word in words[:_MOST_PASTED] if word and (path := to_path(word, folder))]
        if found and all(kind_at(path) for path in found):
            return list(dict.fromkeys(found))
    return []


def to_path(word: str, folder: Path) -> Path | None:
    """Return the path that one word names: absolute, from home, a ``file:`` address, or below `folder`."""
    if word.lower().startswith("file:"):
        return _from_address(word)
    try:
        path = Path(word).expanduser()
    except RuntimeError:
        return None
    return _local(path if path.is_absolute() else folder / path)


def _local(path: Path) -> Path | None:
    """Refuse a folder of another computer: on Windows, only to look there sends it a proof of who asks."""
    return None if os.sep == "\\" and path.drive.startswith("\\\\") else path


def looks_like_path(text: str) -> bool:
    """True when a typed text is meant as a path, not as a part of a name."""
    separators = "/" if os.sep == "/" else "/\\"
    return text.startswith("~") or text.lower().startswith("file:") or any(one in text for one in separators)


def _words(text: str) -> list[str]:
    words = shlex.shlex(text, posix=True)
    words.whitespace_split, words.commenters = True, ""
    if os.sep == "\\":
        # There a backslash is a part of the path, and only double quotes are put around it.
        words.escape, words.quotes = "", '"'
    try:
        return list(words)
    except ValueError:
        return []


def _from_address(address: str) -> Path | None:
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if parts.netloc not in ("", "localhost"):
        return None
    octets = unquote_to_bytes(parts.path)
    if b"\0" in octets:
        return None
    path = os.fsdecode(octets)
    if os.sep == "\\" and path[:1] == "/" and path[2:3] == ":":
        path = path[1:]
    return _local(Path(path)) if path else None
