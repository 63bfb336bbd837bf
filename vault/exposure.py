"""What about this computer, its terminal or the place of a vault can give the vault away, in plain sentences.

Reads small tables of the system and looks for names of files. Starts nothing, writes nothing, refuses nothing and never
fails: what cannot be told is not told. Spec: `docs/formats/store.md`, "Where a vault may lie".
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vault.surroundings import mount_of, network_file_system, unescaped
from vault.synchronised import service_of, service_of_windows

NETWORK: Final = (
    "The vault lies on a network file system, where another computer could write to it unnoticed; "
    "move it to a disk of this computer."
)
SYNCHRONISED: Final = (
    "The vault seems to lie in a folder of {0}, which copies it to other computers and can damage it while you work; "
    "lock it and move it to a folder that is not synchronised."
)
READABLE: Final = (
    "Other users of this computer can look into the folder of the vault; "
    "take that right from them with 'chmod 700' and the name of the folder."
)
SWAP: Final = (
    "The swap of this computer is not encrypted, as far as can be seen, so that parts of an open vault can stay "
    "readable on the disk; have it encrypted, or switch it off with 'sudo swapoff -a' before you unlock."
)
HIBERNATION: Final = (
    "This computer can hibernate, which writes its memory to the disk, with the keys of an open vault; "
    "lock the vault before you leave it, and switch the computer off instead."
)
MULTIPLEXER: Final = (
    "This terminal runs inside tmux, screen or the like, which may keep what was shown after the vault is locked; "
    "use a terminal without it, or end its session afterwards."
)
TEXTUAL: Final = (
    "Variables are set whose names begin with TEXTUAL_, which can make screens write down what they show; "
    "the screens of this program start without them, but find out who set them."
)
CORES: Final = (
    "This computer collects the memory of programs that crash, not of this one but of the terminal that shows it; "
    "if the terminal ever crashes, delete what was collected."
)

_READ_LIMIT: Final = 1 << 20
_BLOCK: Final = "sys/class/block"
_DEEPEST: Final = 16
# Devices that cryptsetup marks as its own and that encrypt nothing.
_NO_CIPHER: Final = ("CRYPT-VERITY-", "CRYPT-INTEGRITY-", "CRYPT-SUBDEV-")
# What Windows and macOS write the memory to when the computer hibernates.
_IMAGES: Final = ("hiberfil.sys", "private/var/vm/sleepimage")
_SESSIONS: Final = ("TMUX", "STY", "ZELLIJ")


def surroundings(
    folder: Path, *, system: Path = Path("/"), environment: Mapping[str, str] = os.environ
) -> tuple[str, ...]:
    """Say what can give the vault in `folder` away here, each in one sentence with what to do; nothing if all is well.

    Args:
        folder: The vault's folder; it need not be there yet.
        system: The root folder of the system to look at.
        environment: The variables that the person's terminal handed on.
    """
    here = _Computer(folder, system, environment)
    told: list[str] = []
    for look in (_network, _synchronised, _readable, _swap, _hibernation, _terminal, _cores):
        with contextlib.suppress(OSError, ValueError):
            told += look(here)
    return tuple(told)


@dataclass(frozen=True, slots=True)
class _Computer:
    folder: Path
    system: Path
    environment: Mapping[str, str]

    def read(self, *names: str) -> str:
        """Return the beginning of a file of the system, or an empty string when it cannot be read."""
        try:
            with self.system.joinpath(*names).open("rb") as handle:
                return handle.read(_READ_LIMIT).decode("utf-8", "surrogateescape").strip()
        except OSError:
            return ""

    @property
    def mounts(self) -> str | None:
        """The mount table; None where the system has none and is asked itself."""
        return self.read("proc/self/mountinfo") or None

    @property
    def swaps(self) -> list[tuple[str, str]]:
        """The path and the kind (``partition`` or ``file``) of every swap on a disk."""
        rows = [line.split() for line in self.read("proc/swaps").splitlines()[1:]]
        found = [(unescaped(row[0]), row[1]) for row in rows if len(row) > 1]
        return [swap for swap in found if not self._in_memory(swap[0])]

    def _in_memory(self, path: str) -> bool:
        name = Path(path).name
        return name.startswith("zram") and self.read(_BLOCK, name, "backing_dev") in ("", "none")

    def way(self, start: str) -> Iterator[Path]:
        """Yield a folder and what it lies in, innermost first, without the root."""
        for path in (Path(start), *Path(start).parents):
            if path == self.system:
                return
            yield path


# -- the place of the vault --------------------------------------------------------------------------------------------


def _network(here: _Computer) -> list[str]:
    return [NETWORK] if network_file_system(here.folder, here.mounts) else []


def _synchronised(here: _Computer) -> list[str]:
    # A service follows its folders by their names, a link leads out of them or into them: both ways count.
    named = os.path.abspath(here.folder)  # noqa: PTH100 - resolving would follow links
    way = [*here.way(named), *here.way(os.path.realpath(here.folder))]
    service = next(filter(None, map(service_of, way)), "") or service_of_windows(way, here.environment)
    return [SYNCHRONISED.format(service)] if service else []


def _readable(here: _Computer) -> list[str]:
    if os.name != "posix":
        return []
    folder, *around = here.way(os.path.realpath(here.folder))
    found = folder.stat()
    # A group with the number of its owner is the owner's own.
    group = found.st_mode & 0o050 and found.st_gid != found.st_uid and all(p.stat().st_mode & 0o011 for p in around)
    others = found.st_mode & 0o005 and all(path.stat().st_mode & 0o001 for path in around)
    return [READABLE] if group or others else []


# -- the memory on a disk ----------------------------------------------------------------------------------------------


def _swap(here: _Computer) -> list[str]:
    return [] if all(_is_encrypted(here, _device(here, *swap)) for swap in here.swaps) else [SWAP]


def _device(here: _Computer, path: str, kind: str) -> str:
    """Return the kernel's name of the device that a swap is on."""
    name = Path(path).name
    if name.startswith("zram"):
        path = here.read(_BLOCK, name, "backing_dev")
    elif kind == "file":
        number, _, path = mount_of(Path(path), here.mounts or "")
        numbered = here.system / "sys/dev/block" / number
        if number and numbered.exists():
            return Path(os.path.realpath(numbered)).name
    name = Path(os.path.realpath(here.system / path.lstrip("/"))).name
    mapped = (one.name for one in (here.system / _BLOCK).glob("dm-*") if here.read(_BLOCK, one.name, "dm/name") == name)
    return next(mapped, name)


def _is_encrypted(here: _Computer, device: str, depth: int = _DEEPEST) -> bool:
    """Say whether a device, or all that it consists of, is encrypted by dm-crypt."""
    uuid = here.read(_BLOCK, device, "dm/uuid")
    if uuid.startswith("CRYPT-") and not uuid.startswith(_NO_CIPHER):
        return True
    home = here.system / _BLOCK / device
    below = [one.name for one in (home / "slaves").glob("*")]
    if (home / "partition").exists():
        below = [Path(os.path.realpath(home)).parent.name]
    return bool(device and depth and below) and all(_is_encrypted(here, one, depth - 1) for one in below)


def _hibernation(here: _Computer) -> list[str]:
    linux = "disk" in here.read("sys/power/state").split() and "[disabled]" not in here.read("sys/power/disk")
    images = any(os.path.lexists(here.system / name) for name in _IMAGES)
    return [HIBERNATION] if (linux and here.swaps) or images else []


# -- the terminal and its like -----------------------------------------------------------------------------------------


def _terminal(here: _Computer) -> list[str]:
    inside = here.environment.get("TERM", "").startswith(("screen", "tmux"))
    told = [MULTIPLEXER] if inside or any(here.environment.get(name) for name in _SESSIONS) else []
    return [*told, TEXTUAL] if any(name.startswith("TEXTUAL_") for name in here.environment) else told


def _cores(here: _Computer) -> list[str]:
    piped, _, command = here.read("proc/sys/kernel/core_pattern").partition("|")
    collected = command and not piped and Path(command.split()[0]).name not in ("false", "true")
    return [CORES] if collected else []
