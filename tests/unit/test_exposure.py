"""What is said about a computer: each condition when it is there, and nothing when it is not.

The computer is a folder with the files that Linux would show; everything in it is read for real.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from vault.exposure import (
    CORES,
    HIBERNATION,
    MULTIPLEXER,
    NETWORK,
    READABLE,
    SWAP,
    SYNCHRONISED,
    TEXTUAL,
    surroundings,
)

ROOT = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="changing the group needs root")
POSIX = pytest.mark.skipif(os.name != "posix", reason="modes of files")
EVERY = (NETWORK, SYNCHRONISED, READABLE, SWAP, HIBERNATION, MULTIPLEXER, TEXTUAL, CORES)


class Computer:
    """A computer in a folder: a vault in a home, block devices, tables, variables."""

    def __init__(self, root: Path):
        self.root, self.environment = root, {"TERM": "xterm-256color", "HOME": "/home/me", "STYLE": "x", "TMUX": ""}
        self.vault = self.folder("home/me/vault", 0o700)
        self.swaps: list[str] = []
        self.mounts: list[str] = ["22 1 8:1 / / rw - ext4 /dev/sda1 rw"]
        self.write("sys/power/state", "freeze mem\n")
        self.write("sys/power/disk", "[disabled]\n")
        self.write("proc/sys/kernel/core_pattern", "core\n")

    def folder(self, name: str, mode: int = 0o755) -> Path:
        made = self.root / name
        made.mkdir(parents=True, exist_ok=True)
        made.chmod(mode)
        return made

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, "utf-8")

    def device(self, name: str, uuid: str = "", on: tuple[str, ...] = (), called: str = "", number: str = "") -> None:
        """Add a whole block device, made of others or not, as /sys shows it."""
        home = self.folder(f"sys/devices/block/{name}")
        self.folder("sys/class/block")
        self.folder("sys/dev/block")
        (self.root / "sys/class/block" / name).symlink_to(home)
        if number:
            (self.root / "sys/dev/block" / number).symlink_to(home)
        if uuid:
            self.write(f"sys/devices/block/{name}/dm/uuid", uuid + "\n")
        if called:
            self.write(f"sys/devices/block/{name}/dm/name", called + "\n")
        for one in on:
            self.folder(f"sys/devices/block/{name}/slaves/{one}")

    def partition(self, disk: str, name: str) -> None:
        """Add a partition of a block device."""
        self.write(f"sys/devices/block/{disk}/{name}/partition", "2\n")
        (self.root / "sys/class/block" / name).symlink_to(self.root / "sys/devices/block" / disk / name)

    def swap(self, path: str, kind: str = "partition") -> None:
        self.swaps.append(f"{path}\t{kind}\t8388604\t0\t-2")

    def told(self, folder: Path | None = None) -> tuple[str, ...]:
        self.write("proc/swaps", "\n".join(["Filename Type Size Used Priority", *self.swaps]) + "\n")
        self.write("proc/self/mountinfo", "\n".join(self.mounts) + "\n")
        return surroundings(folder or self.vault, system=self.root, environment=self.environment)


@pytest.fixture
def computer(tmp_path):
    root = tmp_path / "computer"
    root.mkdir()
    return Computer(root)


def test_of_a_computer_with_nothing_amiss_nothing_is_said(computer):
    assert computer.told() == ()


# -- swap --------------------------------------------------------------------------------------------------------------


def disk(computer):
    computer.device("sda")
    computer.partition("sda", "sda2")
    computer.swap("/dev/sda2")


def an_unknown_device(computer):
    computer.swap("/dev/nowhere")


def lvm_on_a_disk(computer):
    disk(computer)
    computer.swaps.clear()
    computer.device("dm-0", "LVM-abc", ("sda2",), "vg-swap")
    computer.swap("/dev/dm-0")


def raid_of_which_half_is_encrypted(computer):
    computer.device("sda")
    computer.device("dm-0", "CRYPT-LUKS2-1", ("sda",))
    computer.device("md0", on=("dm-0", "sda"))
    computer.swap("/dev/md0")


def verity_and_integrity_which_encrypt_nothing(computer):
    computer.device("sda")
    computer.device("dm-0", "CRYPT-INTEGRITY-1", ("sda",))
    computer.device("dm-1", "CRYPT-VERITY-1", ("dm-0",))
    computer.swap("/dev/dm-1")


def the_part_of_a_device_that_keeps_its_sums(computer):
    computer.device("sda")
    computer.device("dm-0", "CRYPT-SUBDEV-1", ("sda",))
    computer.swap("/dev/dm-0")


def a_file_on_a_disk(computer):
    computer.device("sda", number="8:1")
    computer.swap("/swapfile", "file")


def a_file_where_no_table_names_its_disk(computer):
    computer.mounts.clear()
    computer.swap("/swapfile", "file")


def zram_that_is_written_back_to_a_disk(computer):
    disk(computer)
    computer.swaps.clear()
    computer.device("zram0")
    computer.write("sys/devices/block/zram0/backing_dev", "/dev/sda2\n")
    computer.swap("/dev/zram0")


def one_of_two(computer):
    luks(computer)
    disk(computer)


def devices_that_lie_on_each_other(computer):
    computer.device("dm-0", "LVM-1", ("dm-1",))
    computer.device("dm-1", "LVM-2", ("dm-0",))
    computer.swap("/dev/dm-0")


def luks(computer):
    computer.device("dm-0", "CRYPT-LUKS2-0123-cryptswap", ("sda2",), "cryptswap")
    computer.swap("/dev/dm-0")


def plain_dm_crypt_under_its_name(computer):
    computer.device("dm-7", "CRYPT-PLAIN-swap", (), "swap_crypt")
    computer.swap("/dev/mapper/swap_crypt")


def lvm_on_luks(computer):
    computer.device("dm-0", "CRYPT-LUKS1-1", ("sda2",))
    computer.device("dm-1", "LVM-abc", ("dm-0",), "vg-swap")
    computer.swap("/dev/dm-1")


def raid_on_luks(computer):
    computer.device("dm-0", "CRYPT-LUKS2-1")
    computer.device("dm-1", "CRYPT-LUKS2-2")
    computer.device("md0", on=("dm-0", "dm-1"))
    computer.partition("md0", "md0p2")
    computer.swap("/dev/md0p2")


def a_file_on_luks(computer):
    computer.device("dm-0", "CRYPT-LUKS2-1", number="253:0")
    computer.mounts.append("23 22 253:0 / /swap\\040disk rw - ext4 /dev/mapper/swap rw")
    computer.swap("/swap\\040disk/file", "file")


def a_file_on_btrfs_on_luks(computer):
    # Btrfs gives numbers of its own, which no device has.
    computer.device("dm-3", "CRYPT-LUKS2-1", called="home root")
    computer.mounts.append("23 22 0:31 /@swap /swap rw - btrfs /dev/mapper/home\\040root rw")
    computer.swap("/swap/file", "file")


def zram(computer):
    computer.device("zram0")
    computer.write("sys/devices/block/zram0/backing_dev", "none\n")
    computer.swap("/dev/zram0")


def zram_of_an_older_kernel(computer):
    computer.device("zram1")
    computer.swap("/dev/zram1")


def zram_that_is_written_back_to_luks(computer):
    computer.device("dm-0", "CRYPT-LUKS2-1")
    computer.device("zram0")
    computer.write("sys/devices/block/zram0/backing_dev", "/dev/dm-0\n")
    computer.swap("/dev/zram0")


OPEN_SWAPS = [
    disk, an_unknown_device, lvm_on_a_disk, raid_of_which_half_is_encrypted, a_file_on_a_disk, one_of_two,
    verity_and_integrity_which_encrypt_nothing, the_part_of_a_device_that_keeps_its_sums,
    a_file_where_no_table_names_its_disk,
    zram_that_is_written_back_to_a_disk, devices_that_lie_on_each_other,
]  # fmt: skip
SAFE_SWAPS = [
    luks, plain_dm_crypt_under_its_name, lvm_on_luks, raid_on_luks, a_file_on_luks, a_file_on_btrfs_on_luks, zram,
    zram_of_an_older_kernel, zram_that_is_written_back_to_luks,
]  # fmt: skip


@pytest.mark.parametrize("swap", OPEN_SWAPS)
def test_swap_that_is_not_encrypted_is_told(computer, swap):
    swap(computer)
    assert computer.told() == (SWAP,)


@pytest.mark.parametrize("swap", SAFE_SWAPS)
def test_swap_that_is_encrypted_or_in_memory_is_not(computer, swap):
    swap(computer)
    assert computer.told() == ()


# -- hibernation and core images ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "way", "swap", "told"),
    [
        ("freeze mem disk", "[platform] shutdown reboot", luks, (HIBERNATION,)),
        ("freeze mem disk", "[platform] shutdown", disk, (SWAP, HIBERNATION)),
        ("freeze mem disk", "[disabled]", luks, ()),
        ("freeze mem", "[platform]", luks, ()),
        ("freeze mem disk", "[platform]", zram, ()),
        ("freeze mem disk", "[platform]", None, ()),
    ],
)
def test_hibernation_is_told_where_it_can_happen(computer, state, way, swap, told):
    computer.write("sys/power/state", state + "\n")
    computer.write("sys/power/disk", way + "\n")
    if swap:
        swap(computer)
    assert computer.told() == told


@pytest.mark.parametrize("image", ["hiberfil.sys", "private/var/vm/sleepimage"])
def test_the_hibernation_of_other_systems_is_told_by_its_file(computer, image):
    computer.write(image, "")
    assert computer.told() == (HIBERNATION,)


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("|/usr/lib/systemd/systemd-coredump %P %u", (CORES,)),
        ("|/usr/share/apport/apport -p%p", (CORES,)),
        ("|/bin/false", ()),
        ("core.%p", ()),
        ("/var/crash/a|b", ()),
        ("|", ()),
    ],
)
def test_a_collector_of_core_images_is_told(computer, pattern, told):
    computer.write("proc/sys/kernel/core_pattern", pattern + "\n")
    assert computer.told() == told


# -- terminal ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"TMUX": "/tmp/tmux-1000/default,1,0"}, (MULTIPLEXER,)),
        ({"STY": "1234.pts-0.host"}, (MULTIPLEXER,)),
        ({"ZELLIJ": "0"}, (MULTIPLEXER,)),
        ({"TERM": "screen.xterm-256color"}, (MULTIPLEXER,)),
        ({"TERM": "tmux-256color"}, (MULTIPLEXER,)),
        ({"TERM": "tmux", "TMUX": "x", "STY": "y"}, (MULTIPLEXER,)),
        ({"TERM": "xterm-kitty"}, ()),
        ({"TEXTUAL_LOG": "/tmp/log"}, (TEXTUAL,)),
        ({"TEXTUAL": "x", "MY_TEXTUAL_LOG": "x"}, ()),
        ({"TMUX": "x", "TEXTUAL_DEBUG": ""}, (MULTIPLEXER, TEXTUAL)),
    ],
)
def test_what_the_terminal_runs_in_and_hands_on_is_told(computer, variables, told):
    computer.environment |= variables
    assert computer.told() == told


# -- place -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "service"),
    [
        ("home/me/Dropbox/work/vault", "Dropbox"),
        ("home/me/Dropbox (Personal)/vault", "Dropbox"),
        ("home/me/OneDrive - Organisation/vault", "OneDrive"),
        ("home/me/Google Drive/vault", "Google Drive"),
        ("home/me/我的云端硬盘/vault", "Google Drive"),
        ("home/me/Library/Mobile Documents/com~apple~CloudDocs/vault", "iCloud"),
        ("home/me/Library/CloudStorage/Box-Box/vault", "CloudStorage"),
        ("home/me/Nextcloud2/vault", "Nextcloud"),
        ("home/me/ownCloud/vault", "ownCloud"),
        ("home/me/Seafile/vault", "Seafile"),
        ("home/me/pCloudDrive/vault", "pCloud"),
        ("home/me/MEGA/vault", "MEGA"),
        ("home/me/Nutstore Files/我的坚果云/vault", "Nutstore (坚果云)"),
        ("home/me/我的坚果云/vault", "Nutstore (坚果云)"),
        ("D/BaiduSyncdisk/vault", "Baidu (百度网盘)"),
        ("D/百度云同步盘/案件/vault", "Baidu (百度网盘)"),
        ("home/me/Dropbox", "Dropbox"),
        ("home/mega/vault", ""),
        ("home/me/Dropbox old copies/vault", ""),
        ("home/me/My Dropbox/vault", ""),
        ("home/me/OneDrives/vault", ""),
        ("home/me/Nextcloud-src/vault", ""),
    ],
)
def test_a_folder_with_the_name_of_a_service_is_told(computer, place, service):
    folder = computer.folder(place, 0o700)
    assert computer.told(folder) == ((SYNCHRONISED.format(service),) if service else ())


@pytest.mark.parametrize(
    ("marker", "service"),
    [
        (".dropbox.cache/x", "Dropbox"),
        (".849C9593-D756-4E56-8D6E-42412F2A707B", "OneDrive"),
        (".tmp.driveupload/x", "Google Drive"),
        (".stfolder/x", "Syncthing"),
        (".sync_0123456789ab.db", "Nextcloud or ownCloud"),
        ("._sync_0123456789ab.db", "Nextcloud or ownCloud"),
        (".seafile-data/x", "Seafile"),
        (".megaignore", "MEGA"),
        (".sync/ID", "Resilio Sync"),
        (".SynologyWorkingDirectory/x", "Synology Drive"),
        (".tresorit/x", "Tresorit"),
        (".dropbox/info.json", ""),
        (".sync/else", ""),
        (".sync_of_something.txt", ""),
        (".stignore.txt", ""),
    ],
)
@pytest.mark.parametrize("place", ["vault", "", ".."])
def test_what_a_service_leaves_in_a_folder_is_told(computer, marker, service, place):
    computer.write(f"home/me/{place}/{marker}", "")
    assert computer.told() == ((SYNCHRONISED.format(service),) if service else ())


def test_a_service_is_seen_through_links_from_both_sides(computer):
    real = computer.folder("home/me/Dropbox/vault", 0o700)
    into, out = computer.root / "home/me/into", computer.root / "home/me/Dropbox/out"
    into.symlink_to(real)
    out.symlink_to(computer.vault)
    assert computer.told(into) == computer.told(out) == (SYNCHRONISED.format("Dropbox"),)
    assert computer.told(real / ".." / ".." / "vault") == ()


def test_windows_says_in_variables_where_onedrive_is(computer):
    computer.environment["OneDriveCommercial"] = str(computer.root / "home")
    assert computer.told() == (SYNCHRONISED.format("OneDrive"),)
    computer.environment["OneDriveCommercial"] = str(computer.root / "elsewhere")
    assert computer.told() == ()


@pytest.mark.parametrize(("kind", "told"), [("nfs4", (NETWORK,)), ("fuse.sshfs", (NETWORK,)), ("ext4", ())])
def test_a_network_file_system_is_told(computer, kind, told):
    computer.mounts.append(f"23 22 0:21 / {computer.root}/home rw - {kind} server:/x rw")
    assert computer.told() == told


@POSIX
@pytest.mark.parametrize(
    ("vault", "home", "told"),
    [
        (0o700, 0o755, ()),
        (0o701, 0o755, (READABLE,)),
        (0o704, 0o755, (READABLE,)),
        (0o755, 0o755, (READABLE,)),
        (0o777, 0o711, (READABLE,)),
        (0o755, 0o700, ()),
        (0o755, 0o754, ()),
    ],
)
def test_a_vault_that_others_can_look_into_is_told(computer, vault, home, told):
    computer.vault.chmod(vault)
    computer.vault.parent.chmod(home)
    os.chown(computer.vault, -1, os.geteuid() if os.geteuid() == 0 else -1)
    assert computer.told() == told


@ROOT
@pytest.mark.parametrize(
    ("group", "home", "told"), [(54321, 0o750, (READABLE,)), (54321, 0o700, ()), (54320, 0o755, ())]
)
def test_the_groups_own_right_counts_unless_it_is_the_owners_own_group(computer, group, home, told):
    computer.vault.chmod(0o750)
    computer.vault.parent.chmod(home)
    os.chown(computer.vault, 54320, group)
    assert computer.told() == told


# -- altogether --------------------------------------------------------------------------------------------------------


def everything(computer):
    folder = computer.folder("home/me/Nextcloud/vault")
    computer.environment |= {"TMUX": "x", "TEXTUAL_LOG": "x"}
    computer.mounts.append(f"23 22 0:21 / {computer.root}/home rw - cifs //server/x rw")
    computer.write("sys/power/state", "mem disk\n")
    computer.write("sys/power/disk", "[platform]\n")
    computer.write("proc/sys/kernel/core_pattern", "|/usr/bin/collector\n")
    disk(computer)
    return folder


@POSIX
def test_all_of_them_are_told_together_the_gravest_first(computer):
    told = computer.told(everything(computer))
    assert told == tuple(one.format("Nextcloud") for one in EVERY)


def test_every_sentence_is_one_and_says_what_to_do():
    for sentence in EVERY:
        assert re.fullmatch(r"[A-Z][^.!?]*[,;] [^.!?]*\.", sentence.replace("vault.", "vault"))
        assert sentence.count(";") == 1
        assert sentence.count("{0}") == (sentence is SYNCHRONISED)


@POSIX
def test_what_cannot_be_read_is_not_told_and_nothing_fails(computer):
    folder = everything(computer)
    for name in ("proc/swaps", "proc/self/mountinfo", "proc/sys/kernel/core_pattern", "sys/power/state"):
        computer.write(name, "")
        (computer.root / name).unlink()
        (computer.root / name).mkdir()
    found = surroundings(folder, system=computer.root, environment={})
    assert found == (SYNCHRONISED.format("Nextcloud"), READABLE)
    for odd in (Path("x" * 5000), Path("a\0b"), computer.root / "none" / "yet", computer.root):
        assert surroundings(odd, system=computer.root, environment={}) == ()


def test_tables_without_sense_are_survived(computer):
    computer.swap("/dev/x")
    computer.told()
    for name in ("proc/swaps", "proc/self/mountinfo", "proc/sys/kernel/core_pattern", "sys/power/state"):
        (computer.root / name).write_bytes(b"\n\xff\xfe | \n - \n\\777 - \\1 " + b"\0 x" * 100)
    surroundings(computer.vault, system=computer.root, environment=computer.environment)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at this Linux")
def test_this_very_computer_can_be_asked(tmp_path):
    told = surroundings(tmp_path)
    assert all(one in EVERY or one.startswith("The vault seems to lie") for one in told)
    pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    assert (CORES in told) == (pattern.startswith("|") and "/false" not in pattern)
