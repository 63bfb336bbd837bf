"""Without power, at any moment, nothing that was called saved is lost, and nothing is half there.

The writes and syncs of each operation are recorded, and what a disk may hold after a cut is rebuilt, opened and judged.
"""

from __future__ import annotations

import functools
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from tests.proofs import operations
from tests.proofs.crash import control, disk, judging

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="system calls are recorded on Linux only"),
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

ALL = list(operations.OPERATIONS)
RECOVERIES = [f"{judging.RECOVERY}{name}" for name in ("sign", "attach-1", "rekey")]
# Fewer where much is written, a passphrase is derived anew for each state, or a backup is restored.
SAMPLE = dict.fromkeys(ALL, 30) | {"attach-64": 0, "passphrase": 8, "backup": 12, "unlock": 20, "receive": 20}
SAMPLE |= {"recovery of sign": 10}
LONG = dict.fromkeys(ALL, 1_600) | {"attach-64": 100} | dict.fromkeys(RECOVERIES, 300)
SEED = 20_261_130


@pytest.fixture(scope="module")
def pool():
    with judging.judges(2) as processes:
        yield processes


@pytest.fixture
def place():
    """A folder in memory, where there is one: thousands of states are written to it."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="evault-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


CONTROLS = {
    # journal, synchronous: what has to be found
    ("DELETE", "OFF"): {"corrupt"},
    ("WAL", "NORMAL"): {"lost"},
    ("DELETE", "FULL"): {"lost"},
    ("WAL", "FULL"): set(),
    ("DELETE", "EXTRA"): set(),
}


@pytest.fixture(scope="module")
def controls(pool):
    """What was found with each of the settings that are not the vault's, and with its own."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="evault-") as folder:
        for journal, synchronous in CONTROLS:
            recording = control.record(Path(folder) / "store", journal, synchronous)
            states = disk.states(recording, 60, SEED)
            judge = functools.partial(control.judge, journal)
            results = judging.judge_all(pool, judge, states, Path(folder))
            found[journal, synchronous] = Counter(what for _, what in results)
    return found


@pytest.fixture
def proven(controls):
    """The harness finds what is wrong with other settings, and nothing wrong with good ones; else it proves nothing."""
    for settings, expected in CONTROLS.items():
        what = {kind for kind in controls[settings] if kind}
        assert expected <= what if expected else not what, (settings, controls[settings])
    assert not controls["WAL", "NORMAL"]["corrupt"] and not controls["DELETE", "FULL"]["corrupt"]


def test_the_harness_finds_what_other_settings_lose(proven, controls, count):
    for (journal, synchronous), found in controls.items():
        count("power", f"control {journal}+{synchronous}: states rebuilt", sum(found.values()))
        count("power", f"control {journal}+{synchronous}: states corrupt", found["corrupt"])
        count("power", f"control {journal}+{synchronous}: states that lost a commit that was told", found["lost"])


def prove(name: str, most: int, pool, place: Path, count) -> None:
    prepared = place / name
    judging.prepare(name, prepared)
    recording = judging.record(name, prepared)
    judge = functools.partial(judging.judge_operation, name, prepared)

    # If no sync counted, this operation would be found broken.
    nothing, broken = disk.without_syncs(recording), []
    while not any(what for _, what in broken) and len(broken) < 80:
        broken += judging.judge_all(pool, judge, disk.states(nothing, 8, SEED + len(broken)), place)
    assert any(what for _, what in broken), "without any sync nothing is found wrong: nothing is proved"
    count("power", "control without any sync: states rebuilt", len(broken))
    count("power", "control without any sync: states found wrong", sum(bool(what) for _, what in broken))

    results = list(judging.judge_all(pool, judge, disk.states(recording, most, SEED), place))
    wrong = [f"after step {state.at}, {state.model}, told {state.acks}: {what}" for state, what in results if what]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(results)} states", *wrong[:3]])
    count("power", "states of the disk rebuilt and opened", len(results))
    count("power", f"of '{name}'", len(results))


@pytest.mark.parametrize("name", [name for name, most in SAMPLE.items() if most])
def test_a_power_cut_loses_nothing(name, proven, pool, place, count):
    prove(name, SAMPLE[name], pool, place, count)


@pytest.mark.prove
@pytest.mark.parametrize("name", LONG)
def test_a_power_cut_loses_nothing_at_length(name, proven, pool, place, count):
    prove(name, LONG[name], pool, place, count)
