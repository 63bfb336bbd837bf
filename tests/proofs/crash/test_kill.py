"""Killed by SIGKILL at any call that changes a file, an operation is whole or did not happen, and nothing is lost."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter

import pytest

from tests.proofs import attempts
from tests.proofs.attempts import VARIANTS, Attempt
from tests.proofs.operations import HERE, OPERATIONS

# How many points of each operation the short sample tries: fewer where a passphrase is derived or much is written.
SAMPLE = {
    "create": 4, "unlock": 50, "sign": 40, "correct": 40, "attach-1": 16, "attach-64": 4, "delete": 26,
    "passphrase": 3, "rekey": 3, "seal": 25, "receive": 28, "backup": 8, "migration": 30,
    "recovery of sign": 16, "recovery of attach-1": 2, "recovery of migration": 6, "recovery of rekey": 1,
}  # fmt: skip


def kill(workers, prepared, name: str, most: int | None, template: str = "") -> list[attempts.Result]:
    """Kill an operation at all of its calls, or at a sample of them, and return what came of each."""
    root = prepared(template or name)
    calls = workers.submit(attempts.trace, name, root).result()
    numbers = range(1, len(calls) + 1) if most is None else attempts.sample(calls, most, f"kill {name}")
    return list(workers.map(attempts.killed, [Attempt(name, root, number) for number in numbers]))


def judge(results: list[attempts.Result]) -> None:
    wrong = [
        f"{one.attempt.operation} at call {one.attempt.number} ({one.call}): {one.wrong}"
        for one in results
        if one.wrong
    ]
    assert not wrong, f"{len(wrong)} of {len(results)}: {wrong[0]}"
    missed = [one.attempt.number for one in results if not (one.killed and one.call)]
    assert not missed, f"not killed at {missed}"


@pytest.mark.parametrize("name", SAMPLE)
def test_killed_at_a_sample_of_its_calls_nothing_is_lost_or_half_done(workers, prepared, count, name):
    results = kill(workers, prepared, name, SAMPLE[name])
    judge(results)
    count("kill", f"points of a sample at which '{name}' was killed", len(results))


@pytest.mark.prove
@pytest.mark.parametrize("name", SAMPLE)
def test_killed_at_every_call_nothing_is_lost_or_half_done(workers, prepared, count, name):
    results = kill(workers, prepared, name, None)
    judge(results)
    count("kill", f"points at which '{name}' was killed, every one of them", len(results))
    count(
        "kill",
        "points that were killed after the program had said that it was done",
        sum(one.acknowledged for one in results),
    )


def test_every_operation_is_killed():
    assert set(OPERATIONS) <= set(SAMPLE) <= set(VARIANTS)


def test_what_is_said_before_it_is_saved_is_found_out(workers, prepared, count):
    results = kill(workers, prepared, "sign, said too early", 12, "sign")
    assert all(one.killed for one in results)
    lost = [one for one in results if one.acknowledged and "neither as before nor all of the change" in one.wrong]
    assert lost
    count("kill", "control: points at which a save that was said too early was lost", len(lost))


def test_a_store_without_a_journal_is_found_out(workers, prepared, count):
    results = kill(workers, prepared, "sign without a journal", 12, "sign")
    assert all(one.killed for one in results)
    broken = [one for one in results if one.wrong]
    assert broken
    count("kill", "control: points at which a store without a journal was broken", len(broken))


TRACED = """
import json, sys
from pathlib import Path
from tests.proofs import interrupt
from tests.proofs.operations import HERE, OPERATIONS, Root, unlocked
root = Root(Path(sys.argv[2]), unlocked)
ended = interrupt.run(lambda say: OPERATIONS[sys.argv[1]].run(root, lambda: None), root.folder, lambda *_: 0)
print(json.dumps([call.name for call in ended.calls]))
"""
READING = {
    "access", "close", "dup", "faccessat", "faccessat2", "fadvise64", "fcntl", "fstat", "fstatfs", "getdents64",
    "ioctl", "lseek", "lstat", "mmap", "newfstatat", "pread64", "read", "readlink", "readlinkat", "stat", "statfs",
    "statx",
}  # fmt: skip
"""Calls on files that change none; opening a file for reading is another."""


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("name", ["unlock", "sign", "backup"])
def test_strace_sees_no_call_that_changes_files_and_could_not_be_interrupted(prepared, tmp_path, count, name):
    root, trace = tmp_path / "root", tmp_path / "trace"
    shutil.copytree(prepared(name), root)
    command = ["strace", "-f", "-y", "-o", trace, "-e", "trace=%file,%desc", "-e", "signal=none"]
    ran = subprocess.run(
        [*command, sys.executable, "-c", TRACED, name, root], cwd=HERE, capture_output=True, text=True, check=True
    )
    seen: Counter[str] = Counter()
    for line in trace.read_text("utf-8", "replace").splitlines():
        call = re.match(r"\d+ +(\w+)\(", line)
        if call and str(root) in line and call[1] not in READING:
            opened = call[1] in ("open", "openat")
            seen[call[1]] += not opened or bool(re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", line))
    assert +seen == Counter(json.loads(ran.stdout))
    count("kill", f"calls of '{name}' that strace sees, none more than can be interrupted", seen.total())
