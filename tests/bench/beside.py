"""Our work and that of other programs, in processes of their own, and how the two are compared.

Machines are noisy: each pair runs alternately, several rounds, and the best of each is taken.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
MIB = 1024 * 1024


def ours(name: str, folder: Path, *arguments: object) -> dict[str, float]:
    """Run one piece of our work in its own process; adds its whole time, start-up and KDF included."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, HERE / "work.py", name, folder, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout) | {"whole": time.perf_counter() - start}


def shell(command: str, folder: Path, **more: str) -> float:
    """Run a command line of stock tools and return seconds."""
    start = time.perf_counter()
    subprocess.run(["bash", "-ec", "set -o pipefail; " + command], cwd=folder, check=True, capture_output=True,
                   env={**os.environ, **more})  # fmt: skip
    return time.perf_counter() - start


def line(what: str, own: float, peer: str, other: float | None, note: str = "") -> None:
    """Print one comparison; a ratio above 1 means that ours is faster."""
    if other is None:
        print(f"  {what:<34} {own:8.2f} s   {peer}: not installed")
    else:
        print(f"  {what:<34} {own:8.2f} s   {peer:<26} {other:8.2f} s   ratio {other / own:5.2f}  {note}")


def best(rounds: int, *works: Callable[[int], float]) -> list[float]:
    """Run several works alternately and return the best time of each."""
    taken: list[list[float]] = [[] for _ in works]
    for number in range(rounds):
        for place, work in enumerate(works):
            taken[place].append(work(number))
    return [min(times) for times in taken]


def fresh(folder: Path, name: str) -> Path:
    """Return an empty folder."""
    place = folder / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    return place
