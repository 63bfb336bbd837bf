"""Drives a target: with coverage by atheris where that is installed, without it by plain mutation.

    python -m tests.proofs.hostile.fuzz TARGET SECONDS CORPUS FOUND    fuzz; CORPUS grows, FOUND gets what broke
    python -m tests.proofs.hostile.fuzz --grow SECONDS [TARGET …]      fuzz, then keep what covers as much

A kept corpus is one text file for each target, a line of base64 for each input: `corpus/TARGET.txt`.
"""

from __future__ import annotations

import base64
import importlib.util
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
KEPT = HERE / "corpus"
ROOT = HERE.parents[2]
LONGEST = 64
"""Inputs of one target that are kept."""
MEMORY = 512
"""MiB that a target may take, the driver included."""
SECONDS_EACH = 30
"""That one input may take."""


def has_atheris() -> bool:
    return importlib.util.find_spec("atheris") is not None


def kept(name: str) -> list[bytes]:
    """The kept corpus of a target."""
    file = KEPT / f"{name}.txt"
    return [base64.b64decode(line) for line in file.read_text("ascii").split()] if file.exists() else []


def keep(name: str, inputs: list[bytes]) -> None:
    lines = sorted({base64.b64encode(one).decode() for one in inputs if one}, key=lambda line: (len(line), line))
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{name}.txt").write_text("".join(line + "\n" for line in lines), "ascii")


def unpack(inputs: list[bytes], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for one in inputs:
        (folder / sha256(one).hexdigest()[:20]).write_bytes(one)


def mutations(inputs: list[bytes], seed: int, length: int) -> Iterator[bytes]:
    """Inputs without end, each made of one or two of the given ones by a few small changes."""
    draw = random.Random(seed)
    inputs = [one for one in inputs if one] or [b"\0"]
    odd = [
        b"\0",
        b"\xff",
        b"\n",
        b"~",
        b'"',
        b"[" * 40,
        b"{",
        b"-1",
        b"00",
        b"9" * 20,
        b"\xed\xa0\x80",
        b"\xe2\x80\xae",
        b"e9",
    ]
    while True:
        made = bytearray(draw.choice(inputs))
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(len(made) + 1)
            match draw.randrange(7):
                case 0 if at < len(made):
                    made[at] ^= 1 << draw.randrange(8)
                case 1 if at < len(made):
                    made[at] = draw.randrange(256)
                case 2:
                    del made[at : at + draw.randint(1, 16)]
                case 3:
                    made[at:at] = draw.choice(odd)
                case 4:
                    made[at:at] = made[at : at + draw.randint(1, 64)]
                case 5:
                    other = draw.choice(inputs)
                    made[at:] = other[draw.randrange(len(other)) :]
                case 6:
                    del made[at:]
        yield bytes(made[:length])


def command(
    name: str, seconds: int, corpus: Path, found: Path, module: str = "tests.proofs.hostile.targets"
) -> list[str]:
    """The command that fuzzes a target of a module in a process of its own."""
    return [sys.executable, "-m", "tests.proofs.hostile.fuzz", name, str(seconds), str(corpus), str(found), module]


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)


def executed(log: str) -> int:
    """How many inputs a run tried."""
    found = re.search(r"stat::number_of_executed_units:\s*(\d+)", log)
    return int(found[1]) if found else 0


def _fuzz(name: str, seconds: int, corpus: Path, found: Path, module: str) -> None:
    import atheris

    with atheris.instrument_imports(include=["vault", module]):
        targets = importlib.import_module(module)
    chosen = targets.TARGETS[name]
    found.mkdir(parents=True, exist_ok=True)

    def once(data: bytes) -> None:
        targets.attempt(name, data)

    options = [
        f"-max_total_time={seconds}",
        f"-max_len={chosen.length}",
        f"-artifact_prefix={found}/",
        "-print_final_stats=1",
        f"-rss_limit_mb={MEMORY}",
        f"-timeout={SECONDS_EACH}",
        "-verbosity=0",
        "-seed=1",
        "-len_control=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], once)
    atheris.Fuzz()


def smallest_of(targets: ModuleType, name: str, inputs: list[bytes]) -> list[bytes]:
    """Of these inputs the shortest that together run every step from line to line that all of them run."""
    seen: set[tuple[str, int, int]] = set()
    here = f"{ROOT / 'vault'}{os.sep}"

    def arcs(data: bytes) -> set[tuple[str, int, int]]:
        found: set[tuple[str, int, int]] = set()
        last: dict[object, int] = {}

        def trace(frame, event, argument):
            file = frame.f_code.co_filename
            if not file.startswith(here):
                return None
            found.add((file, last.get(frame, 0), frame.f_lineno))
            last[frame] = frame.f_lineno
            return trace

        sys.settrace(trace)
        try:
            targets.attempt(name, data)
        finally:
            sys.settrace(None)
        return found

    chosen = []
    for one in sorted(inputs, key=lambda one: (len(one), one)):
        new = arcs(one) - seen
        if new and len(chosen) < LONGEST:
            seen |= new
            chosen.append(one)
    return chosen


def grow(names: list[str], seconds: int) -> None:
    """Fuzz, and keep the smallest corpus that covers as much."""
    targets = importlib.import_module("tests.proofs.hostile.targets")
    for name in names or sorted(targets.TARGETS):
        with tempfile.TemporaryDirectory() as place:
            corpus, found = Path(place, "corpus"), Path(place, "found")
            unpack([*kept(name), *targets.TARGETS[name].seeds()], corpus)
            done = run(command(name, seconds, corpus, found))
            for fault in found.iterdir():
                Path(tempfile.gettempdir(), f"fault-{name}-{fault.name}").write_bytes(fault.read_bytes())
                print(name, "FOUND", fault.name, done.stderr[-1500:])
            smallest = smallest_of(targets, name, [one.read_bytes() for one in corpus.iterdir()])
            keep(name, smallest)
            print(f"{name:<20} {executed(done.stderr):>9,} tried, {len(smallest)} kept", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    if sys.argv[1] == "--grow":
        grow(sys.argv[3:], int(sys.argv[2]))
    else:
        _fuzz(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5])
