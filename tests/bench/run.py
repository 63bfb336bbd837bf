"""`make bench`: our figures beside those of stock tools, on the same input, in one run, as ratios.

Machines are noisy: read the ratios. Each pair runs alternately, several rounds; the best of each is taken. What a
figure includes stands beside it. Options: --size MIB, --rounds N, --records N[,N…], --only bulk|scale.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import scale

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


def bulk(folder: Path, size: int, rounds: int) -> None:
    """Attach, seal, open and verify one large file."""
    source = folder / "input.bin"
    with source.open("wb") as handle:
        for _ in range(size):
            handle.write(os.urandom(MIB))
    shell("sha256sum input.bin", folder)
    print(
        f"\nOne file of {size} MiB, random bytes, warm; best of {rounds} alternating rounds; ratio > 1: ours is faster"
    )
    memory: dict[str, float] = {}

    def attach(number: int) -> float:
        place = fresh(folder, "v")
        ours("make", place)
        found = ours("attach", place, source)
        memory["attach"] = max(memory.get("attach", 0), found["memory"])
        return found["seconds"]

    def bare(number: int) -> float:
        return ours("bare", fresh(folder, "bare"), source)["seconds"]

    def restic(number: int) -> float:
        place = fresh(folder, "restic")
        more = {"RESTIC_PASSWORD": "bench", "RESTIC_REPOSITORY": str(place / "r"), "RESTIC_CACHE_DIR": str(place / "c")}
        shell("restic init -q", folder, **more)
        return shell("restic backup -q --compression off input.bin", folder, **more)

    def borg(number: int) -> float:
        place = fresh(folder, "borg")
        more = {"BORG_PASSPHRASE": "bench", "BORG_BASE_DIR": str(place), "BORG_REPO": str(place / "r")}
        shell("borg init -e repokey-blake2", folder, **more)
        return shell("borg create -C none ::a input.bin", folder, **more)

    works, names = [attach, bare], ["attach", "bare"]
    for tool, work in (("restic", restic), ("borg", borg)):
        if shutil.which(tool):
            works.append(work)
            names.append(tool)
    times = dict(zip(names, best(rounds, *works), strict=True))
    line("attach (without start-up, KDF)", times["attach"], "bare insert loop + hashing", times["bare"], "goal ≥ 0.90")
    line("attach", times["attach"], "restic backup (whole)", times.get("restic"), "goal > 1")
    line("attach", times["attach"], "borg create -C none (whole)", times.get("borg"), "goal > 1")

    place = folder / "v"
    seal_and_open(folder, place, rounds, memory)
    for name, grown in memory.items():
        print(f"  peak memory of {name} beyond the unlocked vault: {grown / MIB:.0f} MiB (goal ≤ 150)")


def seal_and_open(folder: Path, place: Path, rounds: int, memory: dict[str, float]) -> None:
    """Compare sealing with tar | age, opening with age | tar and sha256sum."""
    has_age = bool(shutil.which("age"))
    if has_age:
        shell("rm -f key.txt; age-keygen -o key.txt 2>/dev/null; age-keygen -y key.txt > rcpt.txt", folder)

    def seal(name: str) -> Callable[[int], float]:
        def work(number: int) -> float:
            (folder / f"{name}.age").unlink(missing_ok=True)
            found = ours("seal", place, folder / f"{name}.age", name)
            memory["seal"] = max(memory.get("seal", 0), found["memory"])
            return found["seconds"]

        return work

    def tar_age(more: str) -> Callable[[int], float]:
        def work(number: int) -> float:
            (folder / "peer.age").unlink(missing_ok=True)
            return shell(f"tar c input.bin | age -r $(cat rcpt.txt) > peer.age{more}", folder)

        return work

    peers = [tar_age(""), tar_age("; sync peer.age")] if has_age else []
    own, hybrid, *times = best(rounds, seal("X25519"), seal("B"), *peers)
    plain, synced = times or (None, None)
    line("seal, X25519 (from the store)", own, "tar c | age -r", plain, "goal ≥ 1")
    # Ours is on the disk when it says so; a redirection is in memory.
    line("seal, X25519 (from the store)", own, "tar c | age -r; sync FILE", synced)
    line("seal, hybrid post-quantum", hybrid, "tar c | age -r; sync FILE", synced)

    def opened(number: int) -> float:
        shutil.rmtree(folder / "opened", ignore_errors=True)
        found = ours("open", place, folder / "X25519.age", folder / "opened")
        memory["open"] = max(memory.get("open", 0), found["memory"])
        return found["seconds"]

    def age_tar(number: int) -> float:
        out = fresh(folder, "peer")
        shell("sha256sum input.bin > sums", folder) if not (folder / "sums").exists() else None
        return shell("age -d -i ../key.txt ../peer.age | tar x && sha256sum -c ../sums", out)

    own, *peer = best(rounds, opened, *([age_tar] if has_age else []))
    line("open and verify (two passes)", own, "age -d | tar x; sha256sum -c", peer[0] if peer else None, "goal ≥ 1")


def large(sizes: tuple[int, ...]) -> None:
    """Print the curve over the size of a vault."""
    print("\nInside the process, median, in milliseconds (unlock without the KDF; the slowest of four searches)")
    print(f"  {'records':>9} {'entries':>9} " + " ".join(f"{name:>10}" for name in scale.NAMES))
    for records, entries, figures in scale.measure(sizes):
        print(f"  {records:>9} {entries:>9} " + " ".join(f"{figures[name]:>10.2f}" for name in scale.NAMES), flush=True)
    print("  goals at the largest:" + " " * 4 + "unlock < 50, case list < 10, search < 10, sign one < 50, proof < 10")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--records", default="1000,10000,100000")
    parser.add_argument("--only", choices=("bulk", "scale"))
    parser.add_argument("--folder", default=None, help="where to work (default: the system's folder for such files)")
    options = parser.parse_args()
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    if options.only != "scale":
        with tempfile.TemporaryDirectory(prefix="evault-bench-", dir=options.folder) as name:
            bulk(Path(name), options.size, options.rounds)
    if options.only != "bulk":
        large(tuple(map(int, options.records.split(","))))


if __name__ == "__main__":
    main()
