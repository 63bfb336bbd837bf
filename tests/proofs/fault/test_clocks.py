"""Clocks that are wrong, that differ, and that go backwards: nothing is rejected, and order comes from the log."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="clocks are changed on Linux only"),
    pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not installed"),
]

TOP = Path(__file__).parents[3]
CANDIDATES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")


def library() -> Path:
    found = [path for pattern in CANDIDATES for path in Path("/").glob(pattern[1:])]
    if not found:
        pytest.skip("the library of faketime was not found")
    return found[0]


def run(folder: Path, seed: int, runs: int) -> list[dict]:
    """Let two vaults write to each other in a process whose clock they set themselves; return what each run saw."""
    folder.mkdir()
    clock = folder / "clock"
    clock.write_text("2026-11-30 12:00:00\n", "ascii")
    environment = {
        **os.environ, "LD_PRELOAD": str(library()), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
        # What a person turns back is the clock of the day. Files keep the times they have.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.proofs.fault.clocks", folder, str(seed), str(runs)]
    done = subprocess.run(command, cwd=TOP, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def judge(seen: list[dict], count) -> None:
    # The control: these clocks were really set, their times were claimed, and by them the order would be another.
    assert all(one["stood"] and one["claimed"] for one in seen)
    assert any(one["backwards"] for one in seen)
    for one in seen:
        assert one["verdicts"] == ["verified"] * 3, one
        assert one["findings"] == [] and one["sound"] == [True] * 3 and one["anchored"] == "yes", one
        assert one["in order"] and one["newest first"] and one["versions"] == 2 and one["sealed"] == 1, one
    count("clock", "runs of two vaults with clocks of their own", len(seen))
    count("clock", "of these with a log whose claimed times go backwards", sum(one["backwards"] for one in seen))
    count("clock", "clock settings in these runs", sum(len(one["clocks"]) for one in seen))


def test_wrong_clocks_reject_nothing_and_change_no_order(tmp_path, count):
    judge(run(tmp_path / "clocks", 2, 3), count)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(10))
def test_wrong_clocks_reject_nothing_and_change_no_order_at_length(tmp_path, count, seed):
    judge(run(tmp_path / "clocks", seed, 20), count)
