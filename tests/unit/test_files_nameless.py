"""New files wait without a name where the system has such files: a kill leaves nothing readable behind."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from vault import errors, files

PROJECT = Path(__file__).parents[2]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Linux only: files without names")


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture(params=[True, False], ids=["nameless", "hidden-file"])
def nameless(request, monkeypatch):
    """Write as on Linux, or as on systems without files that have no name."""
    if not request.param:
        monkeypatch.setattr(files, "_NAMELESS", 0)
    elif not files._NAMELESS:
        pytest.skip("Linux only")
    return request.param


@pytest.fixture
def no_links(monkeypatch):
    """A file system without hard links."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)


def test_while_it_is_written_a_file_has_no_name_or_a_hidden_one(tmp_path, nameless):
    with files.NewFile(tmp_path / "a", "the target") as out:
        out.write(b"half")
        assert len(names(tmp_path)) == (not nameless)
        assert "a" not in names(tmp_path)
    assert names(tmp_path) == []


def test_in_the_end_both_are_the_same(tmp_path, nameless):
    before = os.umask(0)
    try:
        files.write_new(tmp_path / "a", b"content", "the target")
    finally:
        os.umask(before)
    assert (tmp_path / "a").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    with pytest.raises(errors.AlreadyExistsError), files.NewFile(tmp_path / "b", "the target") as out:
        (tmp_path / "b").write_bytes(b"theirs")
        out.commit()
    assert (tmp_path / "b").read_bytes() == b"theirs"
    assert names(tmp_path) == ["a", "b"]


def test_a_large_file_that_cannot_be_linked_after_all_is_written_whole(tmp_path, no_links, nameless):
    content = os.urandom((3 << 20) + 5)
    files.write_new(tmp_path / "a", content, "the file")
    assert (tmp_path / "a").read_bytes() == content
    assert names(tmp_path) == ["a"]


KILLED = """
import os, signal, sys
from pathlib import Path
from vault import files
with files.NewFile(Path(sys.argv[1]) / "film", "the target") as out:
    out.write(b"WITNESS" * 100000)
    os.fsync(out.file.fileno())
    os.kill(os.getpid(), signal.SIGKILL)
"""


@LINUX
def test_a_kill_leaves_nothing_of_what_was_written(tmp_path):
    ended = subprocess.run([sys.executable, "-c", KILLED, tmp_path], cwd=PROJECT, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert names(tmp_path) == []


def test_the_free_space_of_a_folder_that_does_not_exist_is_an_error_of_ours(tmp_path):
    with pytest.raises(errors.NotFoundError):
        files.free_space(tmp_path / "nowhere")
