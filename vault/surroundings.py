"""What the operating system says about the place a vault lies in: network file systems and read-only media.

Reads system tables only; writes nothing. Spec: `docs/formats/store.md`, "Where a vault may lie".
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_MOUNT_TABLE = Path("/proc/self/mountinfo")
_ESCAPE = re.compile(r"\\([0-7]{3})")
_NETWORK_TYPES = frozenset(
    {
        "9p", "afs", "afp", "afpfs", "beegfs", "ceph", "cifs", "coda", "davfs",
        "fuse.ceph", "fuse.davfs", "fuse.gcsfuse",
        "fuse.glusterfs", "fuse.gvfsd-fuse", "fuse.juicefs", "fuse.rclone", "fuse.s3fs", "fuse.smbnetfs", "fuse.sshfs",
        "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb2", "smb3", "smbfs",
        "vboxsf", "vmhgfs", "fuse.vmhgfs-fuse", "webdav",
    }
)  # fmt: skip


def unescaped(name: str) -> str:
    """Return a name of a system table, which writes spaces and the like as octal numbers."""
    return _ESCAPE.sub(lambda octal: chr(int(octal[1], 8)), name)


def mount_of(path: Path, table: str) -> tuple[str, str, str]:
    """Return the device number, the type and the source of the mount that holds `path`; empty strings if none does.

    Args:
        path: A path; links in it are followed.
        table: The text of a Linux mount table.
    """
    whole = os.path.realpath(path)
    best, found = -1, ("", "", "")
    for line in table.splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(" "), right.split(" ")
        if len(fields) < 5 or not right:
            continue
        mount = unescaped(fields[4])
        inside = whole == mount or whole.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= best:
            best, found = len(mount), (fields[2], kind[0], unescaped(kind[1]) if len(kind) > 1 else "")
    return found


def file_system_type(path: Path, table: str | None = None) -> str:
    """Return the type of the file system that holds `path`, or an empty string where it cannot be told.

    Args:
        path: An existing path.
        table: The text of a Linux mount table; the system itself is asked by default.
    """
    if table is None and sys.platform == "win32":
        import ctypes

        drive = Path(path).resolve().anchor
        return "smbfs" if drive.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(drive) == 4 else ""
    if table is None and sys.platform == "darwin":
        return _darwin_type(path)
    if table is None:
        try:
            table = _MOUNT_TABLE.read_text("utf-8", "surrogateescape")
        except OSError:
            return ""
    return mount_of(path, table)[1]


def _darwin_type(path: Path) -> str:
    """Ask statfs(2), whose 64-bit structure holds the type's name in 16 bytes from offset 72."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    statfs = getattr(library, "statfs$INODE64", None) or library.statfs
    answer = ctypes.create_string_buffer(4096)
    if statfs(os.fsencode(path), answer) != 0:
        return ""
    return answer.raw[72:88].partition(b"\0")[0].decode("ascii", "replace")


def network_file_system(path: Path, table: str | None = None) -> str:
    """Return the type of the network file system that holds `path`, or an empty string when it is a local one.

    Args:
        path: An existing path.
        table: As for `file_system_type`.
    """
    kind = file_system_type(path, table)
    return kind if kind in _NETWORK_TYPES else ""


def is_folder(path: Path) -> bool:
    """True when `path` is a folder that can be reached; a name that is too long or forbidden is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_read_only(path: Path) -> bool:
    """True when the file or its medium cannot be written by this user."""
    if hasattr(os, "statvfs") and os.statvfs(path).f_flag & os.ST_RDONLY:
        return True
    return not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))
