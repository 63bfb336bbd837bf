"""What the proof of power cuts stands on: the recorder overlooks nothing, and the disk forgets what it may."""

from __future__ import annotations

import shutil
import sys

import pytest

from tests.proofs.crash import disk, recording
from tests.proofs.crash.recording import Ack, Link, Recording, Rename, Resize, Sync, UnknownCallError, Unlink, Write

RECORDED = [
    pytest.mark.skipif(sys.platform != "linux", reason="system calls are recorded on Linux only"),
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

PRELUDE = "import mmap, os, sys, threading\nhere = sys.argv[1]\n"
EVERYTHING = """
one = os.open(here + "/one", os.O_CREAT | os.O_RDWR, 0o600)
os.write(one, b"a" * 3000)
thread = threading.Thread(target=lambda: os.pwrite(one, b"b" * 1000, 2500))
thread.start()
thread.join()
os.lseek(one, 10, os.SEEK_SET)
os.write(one, b"c")
os.fsync(one)
os.ftruncate(one, 3200)
nameless = os.open(here, os.O_TMPFILE | os.O_RDWR, 0o600)
os.write(nameless, b"n")
os.link(f"/proc/self/fd/{nameless}", here + "/two", src_dir_fd=nameless, follow_symlinks=True)
os.rename(here + "/two", here + "/three")
os.mkdir(here + "/folder")
with open(here + "/folder/four", "wb") as four:
    four.write(b"4")
os.link(here + "/folder/four", here + "/folder/five")
os.unlink(here + "/folder/four")
with open(here + "/old", "r+b") as old:
    old.truncate(1)
with open(here + "/old", "ab") as old:
    old.write(b"d")
folder = os.open(here, os.O_RDONLY)
os.fsync(folder)
"""
BY_MEMORY = """
with open(here + "/old", "r+b") as old, mmap.mmap(old.fileno(), 3) as memory:
    memory[0:1] = b"x"
"""


@pytest.fixture
def recorded(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "old").write_bytes(b"old")

    def run(script: str) -> Recording:
        return recording.record(
            [sys.executable, "-c", PRELUDE + script, root], root, tmp_path / "log", capture_output=True
        )

    run.root = root
    return run


class TestRecorder:
    pytestmark = RECORDED

    def test_what_was_done_is_known_to_the_last_byte(self, recorded):
        found = recorded(EVERYTHING)
        whole = {
            "old": b"od",
            "one": (b"a" * 10 + b"c" + b"a" * 2489 + b"b" * 700),
            "three": b"n",
            "folder": {"five": b"4"},
        }
        assert whole in [state.names for state in disk.states(found, 500, 1)]

    def test_what_is_written_behind_its_back_is_noticed(self, recorded):
        with pytest.raises(UnknownCallError, match="old"):
            recorded(BY_MEMORY)


# -- the model ---------------------------------------------------------------------------------------------------------


def outcomes(steps, files=None, names=None) -> list[dict]:
    """Return what may be on the disk once all steps are done."""
    begun = Recording(files or {}, {0: names or {}}, [*steps, Ack("all done")])
    return [state.names for state in disk.states(begun, 400, 1) if state.acks]


def test_what_was_synced_is_there_and_only_with_its_name():
    made = [Link(0, "a", 1), Write(1, 0, b"x" * 600), Sync(1)]
    assert {} in outcomes(made)
    assert all(found in ({}, {"a": b"x" * 600}) for found in outcomes(made))
    assert outcomes([*made, Sync(0)]) == [{"a": b"x" * 600}]


def test_what_was_not_synced_may_be_there_in_part():
    contents = [found["a"] for found in outcomes([Write(1, 0, b"x" * 1500)], {1: b"o" * 1500}, {"a": 1})]
    assert {b"o" * 1500, b"x" * 1500, b"x" * 512 + b"o" * 988, b"o" * 1024 + b"x" * 476} <= set(contents)
    sectors = {tuple({content[at : at + 1] for at in range(start, min(start + 512, 1500))}) for content in contents
               for start in (0, 512, 1024)}  # fmt: skip
    assert sectors == {(b"o",), (b"x",)}, "a sector is written whole or not at all"


def test_a_length_may_come_without_the_bytes():
    contents = [found["a"] for found in outcomes([Write(1, 3, b"x" * 600)], {1: b"old"}, {"a": 1})]
    assert {b"old", b"old" + b"x" * 600, b"old" + bytes(600)} <= set(contents)


def test_later_writes_may_come_without_earlier_ones():
    steps = [Write(1, 0, b"1"), Write(2, 0, b"2")]
    found = outcomes(steps, {1: b"", 2: b""}, {"a": 1, "b": 2})
    assert {"a": b"", "b": b"2"} in found and {"a": b"1", "b": b""} in found


def test_a_name_is_changed_whole_or_not_at_all_and_back_until_the_folder_is_synced():
    steps = [Link(0, "new", 2), Write(2, 0, b"new"), Sync(2), Sync(0), Rename(0, "new", "a", 2)]
    before, after = {"a": b"old", "new": b"new"}, {"a": b"new"}
    found = outcomes(steps, {1: b"old"}, {"a": 1})
    assert before in found and after in found and all(one in (before, after) for one in found)
    assert outcomes([*steps, Sync(0)], {1: b"old"}, {"a": 1}) == [after]


def test_a_file_that_was_removed_may_come_back_with_what_was_synced():
    steps = [Write(1, 0, b"j"), Sync(1), Resize(1, 0), Unlink(0, "journal")]
    found = outcomes(steps, {1: b""}, {"journal": 1})
    assert {"journal": b"j"} in found and {"journal": b""} in found and {} in found
