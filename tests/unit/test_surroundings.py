"""Where a vault lies: network file systems and read-only media are recognised under whatever name they are mounted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from vault import surroundings

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="proved on Linux only")
ROOT = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting needs root")

TABLE = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /mnt/share rw - cifs //server/share rw
24 22 0:22 / /mnt/my\040files rw - nfs4 server:/x rw
25 22 0:23 / /mnt/我的\040文件 rw shared:7 master:2 - fuse.sshfs me@server rw
26 22 0:24 / /mnt/share/local rw - ext4 /dev/sdb1 rw
27 22 0:25 / /home rw - ext4 /dev/sdc1 rw
28 22 0:26 / /home rw - nfs server:/home rw
29 22 0:27 / /mnt/back\134slash rw - 9p host rw
a broken line
30 22 0:28 / /mnt/broken rw nfs
"""


@LINUX
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/vault", "ext4"),
        ("/mnt/share", "cifs"),
        ("/mnt/share/vault/deep", "cifs"),
        ("/mnt/shared", "ext4"),
        ("/mnt/share/local/vault", "ext4"),
        ("/mnt/my files/vault", "nfs4"),
        ("/mnt/我的 文件/vault", "fuse.sshfs"),
        ("/mnt/back\\slash/vault", "9p"),
        ("/home/me/vault", "nfs"),
        ("/mnt/broken/vault", "ext4"),
    ],
)
def test_the_innermost_and_latest_mount_counts(path, kind):
    assert surroundings.file_system_type(Path(path), TABLE) == kind


@LINUX
def test_a_link_is_followed_to_where_it_leads(tmp_path):
    (tmp_path / "link").symlink_to("/mnt/share")
    assert surroundings.file_system_type(tmp_path / "link" / "vault", TABLE) == "cifs"


@LINUX
def test_a_table_that_cannot_be_read_says_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(surroundings, "_MOUNT_TABLE", tmp_path / "missing")
    assert surroundings.file_system_type(tmp_path) == ""
    assert surroundings.network_file_system(tmp_path) == ""


@LINUX
@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "fuse.rclone", "vboxsf", "ceph"])
def test_network_file_systems_are_named(tmp_path, monkeypatch, kind):
    table = tmp_path / "table"
    table.write_text(f"1 1 0:1 / {tmp_path} rw - {kind} server rw\n")
    monkeypatch.setattr(surroundings, "_MOUNT_TABLE", table)
    assert surroundings.network_file_system(tmp_path / "vault") == kind


@LINUX
@ROOT
def test_the_real_table_is_understood(tmp_path):
    place = tmp_path / "有 空格"
    place.mkdir()
    assert surroundings.network_file_system(place) == ""
    assert surroundings.file_system_type(place) != ""
    subprocess.run(["mount", "-t", "ramfs", "none", place], check=True)
    try:
        assert surroundings.file_system_type(place) == "ramfs"
        assert surroundings.file_system_type(place / "deeper") == "ramfs"
    finally:
        subprocess.run(["umount", place], check=True)


@ROOT
def test_a_read_only_medium_is_recognised(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert not surroundings.is_read_only(tmp_path / "file")
    place = tmp_path / "medium"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
    try:
        (place / "file").write_bytes(b"")
        assert not surroundings.is_read_only(place / "file")
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        assert surroundings.is_read_only(place / "file")
    finally:
        subprocess.run(["umount", place], check=True)


@ROOT
@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o755, 0o666), (0o777, 0o644)])
def test_a_file_or_folder_that_this_user_may_not_write_counts_as_read_only(folder_mode, file_mode):
    # os.access asks for the real user, so a child process becomes another one.
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "file").write_bytes(b"")
        (folder / "file").chmod(file_mode)
        folder.chmod(folder_mode)
        child = os.fork()
        if child == 0:
            os.setuid(65534)
            os._exit(10 + surroundings.is_read_only(folder / "file"))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 11
    finally:
        shutil.rmtree(folder)
