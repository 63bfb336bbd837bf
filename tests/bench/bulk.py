"""One large file beside restic, borg, age, tar and sha256sum."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from beside import MIB, best, fresh, line, ours, shell


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

    def read(number: int) -> float:
        return ours("read", place)["seconds"]

    own, hybrid, reading, *times = best(rounds, seal("X25519"), seal("B"), read, *peers)
    plain, synced = times or (None, None)
    line("seal, X25519 (from the store)", own, "tar c | age -r", plain, "goal ≥ 1")
    # Ours is on the disk when it says so; a redirection is in memory.
    line("seal, X25519 (from the store)", own, "tar c | age -r; sync FILE", synced)
    line("reading it from the store, no more", reading, "tar c | age -r", plain)
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
