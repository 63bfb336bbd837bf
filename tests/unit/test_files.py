"""Plain files: whole and durable under their name or not at all, never over something else, readable for one user."""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from vault import errors, files

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="proved on Linux only")
ROOT = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting a small disk needs root")
STRACE = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
PROJECT = Path(__file__).parents[2]


@pytest.fixture
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def tiny_disk(tmp_path: Path):
    """A file system of 1 MiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def somebody():
    """A folder that everybody reaches, seen by an ordinary user for the length of the test."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    os.seteuid(0)
    shutil.rmtree(folder)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


# -- new files --------------------------------------------------------------------------------------------------------


def test_a_new_file_is_whole_and_readable_for_its_owner_alone(tmp_path, open_umask):
    files.write_new(tmp_path / "a", b"content", "the file")
    assert (tmp_path / "a").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_a_target_that_exists_is_never_touched(tmp_path, kind):
    target = tmp_path / "a"
    if kind == "file":
        target.write_bytes(b"theirs")
    elif kind == "folder":
        target.mkdir()
    else:
        target.symlink_to(tmp_path / "nowhere")
    with pytest.raises(errors.AlreadyExistsError, match="The target exists"):
        files.write_new(target, b"ours", "the target")
    assert names(tmp_path) == ["a"]
    assert kind != "file" or target.read_bytes() == b"theirs"


def test_a_target_that_appears_meanwhile_is_never_touched(tmp_path):
    with pytest.raises(errors.AlreadyExistsError), files.NewFile(tmp_path / "a", "the target") as out:
        out.write(b"ours")
        (tmp_path / "a").write_bytes(b"theirs")
        out.commit()
    assert (tmp_path / "a").read_bytes() == b"theirs"
    assert names(tmp_path) == ["a"]


def test_without_commit_nothing_is_left(tmp_path):
    with files.NewFile(tmp_path / "a", "the target") as out:
        out.write(b"half")
        assert "a" not in names(tmp_path)
    with pytest.raises(KeyboardInterrupt), files.NewFile(tmp_path / "a", "the target") as out:
        raise KeyboardInterrupt
    assert names(tmp_path) == []


@pytest.fixture
def no_links(monkeypatch):
    """A file system without hard links, such as FAT."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)


def test_where_there_are_no_hard_links_it_is_the_same(tmp_path, no_links):
    files.write_new(tmp_path / "a", b"content", "the file")
    assert names(tmp_path) == ["a"]
    with pytest.raises(errors.AlreadyExistsError), files.NewFile(tmp_path / "b", "the target") as out:
        (tmp_path / "b").write_bytes(b"theirs")
        out.commit()
    assert (tmp_path / "b").read_bytes() == b"theirs"
    assert names(tmp_path) == ["a", "b"]


def test_where_there_are_no_hard_links_a_failed_rename_leaves_no_empty_file(tmp_path, no_links, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(errors.StorageError):
        files.write_new(tmp_path / "a", b"content", "the file")
    assert names(tmp_path) == []


def test_a_name_that_could_not_be_made_durable_is_taken_back(tmp_path, monkeypatch):
    def fail(_: Path) -> None:
        raise OSError(errno.EIO, "")

    monkeypatch.setattr(files, "sync_folder", fail)
    with pytest.raises(errors.StorageError):
        files.write_new(tmp_path / "a", b"content", "the file")
    assert names(tmp_path) == []


@ROOT
def test_a_full_disk_leaves_nothing_of_a_new_file(tiny_disk):
    with pytest.raises(errors.DiskFullError):
        files.write_new(tiny_disk / "a", bytes(2 << 20), "the file")
    assert names(tiny_disk) == []


@LINUX
@STRACE
def test_content_is_synced_before_its_name_and_the_name_before_the_return(tmp_path):
    script = (
        "import sys\nfrom pathlib import Path\nfrom vault import files\n"
        "files.write_new(Path(sys.argv[1]) / 'new', b'x', 'the file')\n"
        "files.replace(Path(sys.argv[1]) / 'new', b'y', 'the file')\n"
        "files.make_folder(Path(sys.argv[1]) / 'folder', 'the folder')\n"
    )
    trace = tmp_path / "trace"
    place = tmp_path / "place"
    place.mkdir()
    calls = "fsync,link,linkat,rename,renameat,renameat2,mkdir,write"
    command = ["strace", "-y", "-qq", "-e", f"trace={calls}", "-o", trace, sys.executable, "-c", script, place]
    subprocess.run(command, cwd=PROJECT, check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    seen = []
    for line in trace.read_text().splitlines():
        if str(place) not in line:
            continue
        call = re.sub(r"at2?$", "", line.split("(")[0])
        # A file without a name is shown as one of a number, or as deleted.
        content = re.match(r"\w+\(\d+<[^>]*(\.part|/#\d+( \(deleted\))?)>", line)
        where = "" if call in ("link", "rename", "mkdir") else " content" if content else " folder"
        seen.append(call + where)
    assert seen == [
        "write content", "fsync content", "link", "fsync folder",
        "write content", "fsync content", "rename", "fsync folder",
        "mkdir", "fsync folder",
    ]  # fmt: skip


@LINUX
@STRACE
def test_a_long_file_goes_to_the_medium_while_it_is_written(tmp_path):
    """Each stretch is begun once, in order and without a gap, and the whole is still synced before it has its name."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom vault import files\n"
        "with files.NewFile(Path(sys.argv[1]) / 'new', 'the file') as out:\n"
        "    for _ in range(7): out.write(bytes(3 << 20))\n"
        "    out.commit()\n"
    )
    trace = tmp_path / "trace"
    calls = "fadvise64,fsync,linkat"
    command = ["strace", "-y", "-qq", "-e", f"trace={calls}", "-o", trace, sys.executable, "-c", script, tmp_path]
    subprocess.run(command, cwd=PROJECT, check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    lines = [line for line in trace.read_text().splitlines() if str(tmp_path) in line]
    begun = [tuple(map(int, found)) for line in lines for found in re.findall(r"^fadvise64\(.*, (\d+), (\d+), ", line)]
    assert begun == [(0, 9 << 20), (8 << 20, 10 << 20)]
    assert [line.split("(")[0] for line in lines] == ["fadvise64", "fadvise64", "fsync", "linkat", "fsync"]


@pytest.fixture
def lying_disk(tmp_path: Path):
    """A file system that takes 64 MiB, on a medium that has only 24; and how to mend the medium."""
    medium, folder = tmp_path / "medium", tmp_path / "disk"
    medium.mkdir()
    folder.mkdir()
    image = medium / "image"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", medium], check=True)
    try:
        image.touch()
        os.truncate(image, 64 << 20)
        make = ["mkfs.ext4", "-q", "-O", "^has_journal", image]
        if shutil.which("mkfs.ext4") is None or subprocess.run(make, check=False).returncode:
            pytest.skip("no ext4 can be made here")
        if subprocess.run(["mount", "-o", "loop", image, folder], check=False).returncode:
            pytest.skip("no file can be mounted here")
        yield folder, lambda: subprocess.run(["mount", "-o", "remount,size=80m", medium], check=True)
        subprocess.run(["umount", folder], check=True)
    finally:
        subprocess.run(["umount", medium], check=True)


@LINUX
@ROOT
def test_what_failed_while_it_went_to_the_medium_is_never_called_saved(lying_disk):
    """Every write is taken, the medium fails meanwhile, and nothing is wrong any more when the file is committed."""
    folder, mend = lying_disk
    with pytest.raises(errors.StorageError), files.NewFile(folder / "a", "the file") as out:
        for _ in range(40):
            out.write(os.urandom(1 << 20))
        other = os.open(f"/proc/self/fd/{out.file.fileno()}", os.O_RDONLY)
        try:
            with pytest.raises(OSError, match=rf"{os.strerror(errno.EIO)}|{os.strerror(errno.ENOSPC)}"):
                os.fsync(other)
        finally:
            os.close(other)
        mend()
        out.commit()
    assert "a" not in names(folder)


# -- replacing and removing -------------------------------------------------------------------------------------------


def test_a_replacement_is_whole_and_private(tmp_path, open_umask):
    target = tmp_path / "keys"
    files.replace(target, b"one", "the key file")
    files.replace(target, b"two", "the key file")
    assert target.read_bytes() == b"two"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert names(tmp_path) == ["keys"]


@ROOT
def test_a_replacement_that_fails_leaves_the_old_content(tiny_disk):
    target = tiny_disk / "keys"
    files.replace(target, b"old", "the key file")
    with pytest.raises(errors.DiskFullError):
        files.replace(target, bytes(2 << 20), "the key file")
    assert target.read_bytes() == b"old"
    assert names(tiny_disk) == ["keys"]


def test_removing_what_is_gone_is_fine(tmp_path):
    files.write_new(tmp_path / "a", b"", "the file")
    files.remove(tmp_path / "a", "the file")
    files.remove(tmp_path / "a", "the file")
    assert names(tmp_path) == []


def test_only_our_own_half_written_files_are_swept(tmp_path):
    kept = ["notes.part", ".part", ".0123456789abcdef.part.txt", ".0123456789ABCDEF.part", "vault.db", ".hidden"]
    for name in [*kept, ".0123456789abcdef.part"]:
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / ".00112233445566ff.part").mkdir()
    files.remove_leftovers(tmp_path)
    assert names(tmp_path) == sorted([*kept, ".00112233445566ff.part"])
    files.remove_leftovers(tmp_path / "nowhere")


# -- folders ----------------------------------------------------------------------------------------------------------


def test_folders_are_made_private_all_the_way(tmp_path, open_umask):
    files.make_folders(tmp_path / "a" / "b" / "c", "the folder")
    files.make_folders(tmp_path / "a" / "b" / "c", "the folder")
    for path in ("a", "a/b", "a/b/c"):
        assert stat.S_IMODE((tmp_path / path).stat().st_mode) == 0o700
    with pytest.raises(errors.AlreadyExistsError):
        files.make_folder(tmp_path / "a", "the folder")


def test_a_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(errors.VaultError):
        files.make_folders(tmp_path / "a" / "b", "the folder")


def test_the_place_of_a_new_folder_is_empty_or_nothing(tmp_path):
    assert files.empty_place(tmp_path / "x" / "new", "it") == tmp_path / "x" / "new"
    assert names(tmp_path) == []
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    assert files.empty_place(tmp_path / "link", "it") == tmp_path / "empty"
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_bytes(b"")
    for name in ("file", "full"):
        with pytest.raises(errors.AlreadyExistsError):
            files.empty_place(tmp_path / name, "it")


@ROOT
def test_where_a_medium_is_mounted_there_is_no_place_for_a_new_folder(tiny_disk):
    with pytest.raises(errors.RefusedError, match="mounted"):
        files.empty_place(tiny_disk, "it")
    assert files.empty_place(tiny_disk / "vault", "it") == tiny_disk / "vault"


def test_a_folder_moves_to_its_name_only_over_an_empty_one(tmp_path):
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_bytes(b"")
    (tmp_path / "target").mkdir()
    files.move_folder(tmp_path / "one", tmp_path / "target", "the vault")
    assert names(tmp_path / "target") == ["one"]
    with pytest.raises(errors.AlreadyExistsError):
        files.move_folder(tmp_path / "two", tmp_path / "target", "the vault")
    assert names(tmp_path / "target") == ["one"]
    files.move_folder(tmp_path / "three", tmp_path / "new", "the vault")
    assert names(tmp_path / "new") == ["three"]


# -- sources ----------------------------------------------------------------------------------------------------------


def things(folder: Path) -> dict[str, Path]:
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(folder / "s"))
    (folder / "sub").mkdir()
    (folder / "loop").symlink_to(folder / "loop")
    return {
        "folder": folder / "sub",
        "fifo": folder / "fifo",
        "socket": folder / "s",
        "device": Path("/dev/null"),
        "loop": folder / "loop",
    }


@pytest.mark.skipif(os.name != "posix", reason="POSIX has these kinds of files")
@pytest.mark.parametrize("kind", ["folder", "fifo", "socket", "device", "loop"])
def test_only_regular_files_are_read(tmp_path, kind, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(errors.WrongKindError, match="The file to attach is not a regular file"):
        files.open_source(things(Path())[kind], "the file to attach")


@pytest.mark.parametrize("name", ["nowhere", "nowhere/file", "nul\0byte", "half\ud83d"])
def test_a_file_that_does_not_exist_is_not_found(tmp_path, name):
    with pytest.raises(errors.NotFoundError):
        files.open_source(tmp_path / name)


def test_a_file_that_may_not_be_read_is_refused(somebody):
    (somebody / "secret").write_bytes(b"x")
    (somebody / "secret").chmod(0o600)
    os.seteuid(65534)
    with pytest.raises(errors.RefusedError, match="no permission to read"):
        files.open_source(somebody / "secret")


def test_a_folder_that_may_not_be_written_is_called_so(somebody):
    os.seteuid(65534)
    with pytest.raises(errors.ReadOnlyError):
        files.write_new(somebody / "a", b"", "the file")
    with pytest.raises(errors.ReadOnlyError):
        files.make_folder(somebody / "b", "the folder")


def test_a_small_file_is_read_whole_up_to_its_limit(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    assert files.read_small(tmp_path / "a", 5, "it") == b"12345"
    with pytest.raises(errors.RefusedError, match="too large"):
        files.read_small(tmp_path / "a", 4, "it")


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="Linux has posix_fadvise")
def test_forgetting_what_is_cached_changes_nothing(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    files.forget_cached(tmp_path / "a")
    files.forget_cached(tmp_path / "nowhere")
    assert (tmp_path / "a").read_bytes() == b"12345"


# -- what the operating system says -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, errors.DiskFullError),
        (errno.EDQUOT, errors.DiskFullError),
        (errno.EFBIG, errors.StorageError),
        (errno.EROFS, errors.ReadOnlyError),
        (errno.EACCES, errors.ReadOnlyError),
        (errno.EPERM, errors.ReadOnlyError),
        (errno.ENAMETOOLONG, errors.RefusedError),
        (errno.ENOENT, errors.NotFoundError),
        (errno.ENOTDIR, errors.NotFoundError),
        (errno.EISDIR, errors.WrongKindError),
        (errno.ELOOP, errors.WrongKindError),
        (errno.ENXIO, errors.WrongKindError),
        (errno.EEXIST, errors.AlreadyExistsError),
        (errno.ENOTEMPTY, errors.AlreadyExistsError),
        (errno.EIO, errors.StorageError),
        (errno.ESTALE, errors.StorageError),
    ],
)
def test_each_error_of_the_system_has_its_class_and_a_sentence_without_the_path(number, kind):
    made = files.storage_error(OSError(number, "reason", "/home/somebody/name of a person"), "the target file")
    assert type(made) is kind
    assert "person" not in made.message + made.advice
    assert made.message[0].isupper()
    assert made.message.endswith(".")
    assert made.advice


@ROOT
def test_free_space_is_what_may_still_be_written(tiny_disk):
    before = files.free_space(tiny_disk)
    assert before == 1 << 20
    (tiny_disk / "a").write_bytes(bytes(1 << 19))
    assert files.free_space(tiny_disk) == 1 << 19
