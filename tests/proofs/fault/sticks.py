"""USB sticks as a defender has them, FAT or exFAT: no links, no permissions, no nameless files. Mounted, and let go."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KINDS = {
    # name in the kernel: (what formats it, what mounts it without the kernel)
    "vfat": ("mkfs.fat", None),
    "exfat": ("mkfs.exfat", "mount.exfat-fuse"),
}


def kinds() -> list[str]:
    """Return the file systems of sticks that this machine can format and mount."""
    known = Path("/proc/filesystems").read_text("ascii").split()
    return [
        kind
        for kind, (maker, helper) in KINDS.items()
        if shutil.which(maker) and (kind in known or (helper and shutil.which(helper)))
    ]


@contextmanager
def stick(kind: str, image: Path, place: Path, size: int) -> Iterator[Path]:
    """A stick of a size in MiB, mounted at `place`, which is made; gone at the end, with its image."""
    maker, helper = KINDS[kind]
    with image.open("wb") as file:
        file.truncate(size << 20)
    subprocess.run([maker, image], check=True, capture_output=True)
    loop = subprocess.run(
        ["losetup", "--find", "--show", image], check=True, capture_output=True, text=True
    ).stdout.strip()
    place.mkdir()
    try:
        in_kernel = kind in Path("/proc/filesystems").read_text("ascii").split()
        command = ["mount", "-t", kind] if in_kernel else [str(helper)]
        subprocess.run([*command, loop, place], check=True, capture_output=True)
        try:
            yield place
        finally:
            subprocess.run(["umount", place], check=True)
    finally:
        subprocess.run(["losetup", "--detach", loop], check=True)
        image.unlink()


@contextmanager
def faulty_stick(image: Path, place: Path) -> Iterator[Path]:
    """A FAT stick behind the driver fusefat, which tells no free space and fails at writes in the middle of a file."""
    with image.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.fat", image], check=True, capture_output=True)
    place.mkdir()
    subprocess.run(["fusefat", "-o", "rw+", image, place], check=True, capture_output=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)
        image.unlink()
