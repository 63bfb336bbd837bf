"""Crafted bundles are refused, every one: nothing is believed, written or left, in bounded memory and time."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.bundle_world import CASE, EPOCH, LOG, Sender, new_identity, unwrap
from tests.proofs.hostile import bundles
from tui.cli.run import run
from vault.bundle.contents import OutgoingEntry
from vault.bundle.findings import Findings
from vault.bundle.gather import gather_container
from vault.bundle.rehearsal import rehearse
from vault.formats import merkle
from vault.formats.checkpoint import Checkpoint, origin_of
from vault.formats.custody_entry import make_entry
from vault.jobs import Job

ROOT = Path(__file__).parents[3]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the memory of processes is told by Linux only")
MEMORY = 512 << 20
"""Bytes that the program and its child may have in memory together."""
PROCESSOR = 60
"""Seconds that opening and receiving one bundle may take of the processor, the child included."""
SAMPLE = 60
COSTLY = ("costs", "JSON")
"""Families in which the child may come to its limits."""
BREAKS = "took more memory or time than is allowed, or broke down"


def sample() -> list[int]:
    """Some of every family, the cheap ones of those that cost."""
    found: dict[str, list[int]] = {}
    for number, case in enumerate(bundles.cases()):
        if case.family != "costs" or " MiB" not in case.what:
            found.setdefault(case.family, []).append(number)
    chosen = {number for numbers in found.values() for number in (numbers[0], numbers[-1])}
    rest = [number for numbers in found.values() for number in numbers if number not in chosen]
    step = max(1, len(rest) // max(1, SAMPLE - len(chosen)))
    return sorted(chosen | set(rest[step // 2 :: step]))[: SAMPLE + 10]


def drive(folder: Path, numbers: list[int]) -> list[dict]:
    """Open and receive these cases in a process of its own."""
    command = [sys.executable, "-m", "tests.proofs.hostile.receiving", str(folder), *map(str, numbers)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def faults(one: dict) -> list[str]:
    """What is wrong with how one case ended; nothing if nothing is."""
    if "check" in one:
        return [f"the vault that received them: {code}" for code in one["check"]]
    where = f"{one['number']} ({one['family']}: {one['what']})"
    found = []
    if one["expect"] == bundles.REFUSED and one["good"]:
        found.append(f"{where} was believed: {one['results']}")
    if one["expect"] == bundles.ACCEPTED and not one["good"]:
        found.append(f"{where} was not accepted, and nothing is wrong with it: {one['results']}")
    if any(name == "traceback" for name, *_ in one["results"]):
        found.append(f"{where} ended in a traceback: {one['results']}")
    if one["left"]:
        found.append(f"{where} was refused and left something behind")
    if one["outside"]:
        found.append(f"{where} wrote outside: {one['outside']}")
    if one["memory"] > MEMORY:
        found.append(f"{where} took {one['memory'] >> 20} MiB")
    if one["processor"] > PROCESSOR:
        found.append(f"{where} took {one['processor']:.0f} s of the processor")
    if one["family"] not in COSTLY and any(BREAKS in text for _, text, _ in one["results"]):
        found.append(f"{where} broke the child down: {one['results']}")
    return found


def judge(results: list[dict], count) -> None:
    wrong = [fault for one in results for fault in faults(one)]
    assert not wrong, "\n".join(wrong[:20])
    cases = [one for one in results if "check" not in one]
    count("hostile", "crafted bundles and folders opened, verified and received", len(cases))
    count(
        "hostile",
        "of them controls that must be accepted, and were",
        sum(o["expect"] == bundles.ACCEPTED for o in cases),
    )
    count(
        "hostile",
        "of them refused because the confined child came to its limits",
        sum(any(BREAKS in text for _, text, _ in one["results"]) for one in cases),
    )
    print(f"most memory of program and child together: {max(one['memory'] for one in cases) >> 20} MiB")
    print(f"most processor time: {max(one['processor'] for one in cases):.1f} s")


def test_there_are_as_many_as_are_promised():
    families = Counter(case.family for case in bundles.cases())
    assert sum(families.values()) >= bundles.COUNT
    assert len(families) >= 20


@LINUX
def test_crafted_bundles_are_refused_and_leave_nothing(tmp_path, count):
    judge(drive(tmp_path, sample()), count)


@LINUX
@pytest.mark.prove
@pytest.mark.parametrize("part", range(10))
def test_every_crafted_bundle_is_refused_and_leaves_nothing(tmp_path, count, part):
    judge(drive(tmp_path, list(range(len(bundles.cases())))[part::10]), count)


# -- controls: each thing that is looked for is seen where it is there ---------------------------------------------

FINE = {
    "number": 0,
    "family": "names",
    "what": "",
    "expect": bundles.REFUSED,
    "good": False,
    "left": False,
    "outside": [],
    "memory": 1,
    "processor": 0.1,
    "results": [["failed", "order", False]],
}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"good": True}, "believed"),
        ({"expect": bundles.ACCEPTED}, "not accepted"),
        ({"results": [["traceback", "", False]]}, "traceback"),
        ({"results": [["error", f"RefusedError: it {BREAKS}", False]]}, "broke the child"),
        ({"left": True}, "left something"),
        ({"outside": ["x"]}, "outside"),
        ({"memory": MEMORY + 1}, "MiB"),
        ({"processor": PROCESSOR + 1}, "processor"),
    ],
)
def test_what_must_not_happen_would_be_noticed(change, word):
    assert faults(FINE) == []
    assert word in faults({**FINE, **change})[0]


WEAK = """
import sys
from pathlib import Path
import tests.proofs.hostile.receiving as receiving
{change}
receiving.main(Path(sys.argv[1]), [int(sys.argv[2])])
"""


@LINUX
@pytest.mark.parametrize(
    ("family", "what", "change", "word"),
    [
        # Signatures that are not looked at.
        (
            "signatures",
            "bag: another key",
            "import vault.bundle.verify as v, tests.reference.forge as f\nv.verify_ssh = lambda *_: f.Signer().key",
            "believed",
        ),
        # A child without a limit, and a reader without a cap.
        pytest.param(
            "costs",
            "ten million empty lists",
            "import vault.confined.process as p\nreal = p._command\n"
            "more = 'import sys, vault.bundle.rehearsal as r, vault.bundle.layout as l;'\n"
            "more += 'l.is_dense = lambda data: False; r.MEMORY = 2 << 30;'\n"
            "p._command = lambda m: [*real(m)[:4], real(m)[4].replace('import sys;', more), *real(m)[5:]]",
            "MiB",
            marks=pytest.mark.prove,
        ),
        # An error that is none of ours.
        ("kinds of entries", "type 0x32", "import vault.formats.tar as t\nt._KINDS = None", "traceback"),
        # Something written before it was verified.
        (
            "cut",
            "container at 512",
            "import vault.bundle.open as o\nreal = o.open_bundle\n"
            "def early(source, keys, job=None):\n"
            "    for one in Path(sys.argv[1]).glob('*/out'): (one / 'x').write_bytes(b'x')\n"
            "    return real(source, keys, job)\no.open_bundle = early",
            "left something",
        ),
    ],
    ids=["believed", "memory", "traceback", "left"],
)
def test_a_program_without_the_protection_is_caught(tmp_path, family, what, change, word):
    (number,) = [n for n, case in enumerate(bundles.cases()) if (case.family, case.what) == (family, what)]
    script = WEAK.format(change=change)
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), str(number)], cwd=ROOT, capture_output=True, text=True
    )
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert any(word in fault for one in results for fault in faults(one)), (results, done.stderr[-2000:])


def test_a_hostile_folder_ends_a_command_with_one_sentence(tmp_path, capsys):
    (case,) = [one for one in bundles.cases() if one.folder and one.what == "an endless file"]
    case.make(tmp_path / "bag")
    assert run(["verify", str(tmp_path / "bag")]) == 4
    said = capsys.readouterr()
    assert "larger or has more files than the format allows" in said.out + said.err
    assert "Traceback" not in said.out + said.err


@LINUX
@pytest.mark.prove
def test_the_largest_bags_that_keep_all_limits_fit_into_the_child(count):
    """A limit that refused what a writer may write would lose evidence."""
    sender, me = Sender(contents={}, entries=1), new_identity()
    nodes, made = {}, []
    for number in range(17_000):
        event = {"object": {"id": CASE, "kind": "record"}, "type": "capture", "purpose": {"why": "withheld"}}
        event["time"] = {"utc": "2026-11-20T21:00:00Z", "clock": "system"}
        made.append(make_entry(epoch=EPOCH, number=number, event=event))
        for level, index, digest in merkle.append(number, merkle.leaf_hash(made[-1][0]), lambda *at: nodes[at]):
            nodes[level, index] = digest
    size = len(made)
    state = Checkpoint(origin_of(LOG, EPOCH), size, merkle.root(size, lambda *at: nodes[at]))
    entries = tuple(
        OutgoingEntry(number, entry, texts, merkle.inclusion_proof(number, size, lambda *at: nodes[at]))
        for number, (entry, texts) in enumerate(made)
    )
    for records, length, log in ((50, 100_000, entries), (100, 100_000, ()), (7, 1_400_000, ()), (8_000, 300, ())):
        data = sender.seal(
            me.recipient,
            records=tuple(
                sender.record(1000 + n, "testimony", {"language": "zh", "statement": "我" * length, "name": "a"})
                for n in range(records)
            ),
            attachments=(),
            entries=log,
            checkpoint=state.sign(sender.key, sender.sign),
        )
        bag = gather_container(io.BytesIO(unwrap(data, me)), Findings(Job()), Job())
        del data
        assert bag.held > 50 << 20
        rehearse(bag, Job())
    count("hostile", "bags at the limits of the format that fitted into the child", 4)
