"""Many small files, as a camera makes them, beside restic, borg, 7z and gpg.

Each is a real photo with facts inside it, and random bytes behind them up to 200 kB, so that no two are alike and none
can be compressed. Ours looks into every file and signs a record of it; the others do not.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from beside import MIB, best, fresh, line, ours, shell

_PHOTO = Path(__file__).parents[2] / "tui" / "samples" / "photo.jpg"
_SIZE = 200_000


def small(folder: Path, count: int, rounds: int) -> None:
    """Attach many photos, and hand them to the others."""
    source = fresh(folder, "photos")
    photo = _PHOTO.read_bytes()
    for number in range(count):
        (source / f"IMG_{number:05}.jpg").write_bytes(photo + os.urandom(_SIZE - len(photo)))
    shell("cat photos/* > /dev/null", folder)
    print(
        f"\n{count} photos of {_SIZE // 1000} kB, warm; best of {rounds} alternating rounds; ratio > 1: ours is faster"
    )
    memory: list[float] = []

    def attach(number: int) -> float:
        place = fresh(folder, "v")
        ours("make", place)
        found = ours("attach-all", place, source)
        memory.append(found["memory"])
        return found["seconds"]

    def restic(number: int) -> float:
        place = fresh(folder, "restic")
        more = {"RESTIC_PASSWORD": "bench", "RESTIC_REPOSITORY": str(place / "r"), "RESTIC_CACHE_DIR": str(place / "c")}
        shell("restic init -q", folder, **more)
        return shell("restic backup -q --compression off photos", folder, **more)

    def borg(number: int) -> float:
        place = fresh(folder, "borg")
        more = {"BORG_PASSPHRASE": "bench", "BORG_BASE_DIR": str(place), "BORG_REPO": str(place / "r")}
        shell("borg init -e repokey-blake2", folder, **more)
        return shell("borg create -C none ::a photos", folder, **more)

    def seven(number: int) -> float:
        fresh(folder, "seven")
        return shell("7z a -bd -mx0 -mhe=on -pbench seven/a.7z photos; sync seven/a.7z", folder)

    def gpg(number: int) -> float:
        place = fresh(folder, "gpg")
        place.chmod(0o700)
        return shell(
            "tar c photos | gpg --homedir gpg --batch --quiet --passphrase bench --pinentry-mode loopback -z0 "
            "--symmetric -o gpg/a.gpg; sync gpg/a.gpg",
            folder,
        )

    peers = [("restic backup", "restic", restic), ("borg create -C none", "borg", borg),
             ("7z a -mx0, then sync", "7z", seven), ("tar | gpg, then sync", "gpg", gpg)]  # fmt: skip
    there = [peer for peer in peers if shutil.which(peer[1])]
    own, *times = best(rounds, attach, *(work for _, _, work in there))
    taken = dict(zip((name for name, _, _ in there), times, strict=True))
    for name, _, _ in peers:
        line("attach (without start-up, KDF)", own, name, taken.get(name))
    print(f"  {own / count * 1000:.2f} ms a photo; peak memory beyond the unlocked vault: {max(memory) / MIB:.0f} MiB")
