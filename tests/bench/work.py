"""One measured piece of work, run in a process of its own; prints one JSON object: seconds, peak memory, and more.

Usage: python tests/bench/work.py NAME FOLDER [ARGUMENT…]. Seconds are inside the process, without start-up and
the KDF (which the vault is opened with at its floor). Peak memory: growth since the unlock.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from vault import api, evidence
from vault.crypto.hashes import new_sha256, new_sha512
from vault.jobs import Job
from vault.keys import FLOOR
from vault.model import Secret
from vault.store import content
from vault.store.database import Database

PASSPHRASE = "ocean mirror lantern velvet copper puzzle"
CHUNK = 1024 * 1024


def peak() -> int:
    """Return the peak resident size of this process since the last reset, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


def reset_peak() -> int:
    """Forget the peak so far (the KDF's memory) and return the size now."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def make(folder: Path) -> None:
    """Make two vaults that know each other, at the KDF floor, and a case."""
    secret = api.to_secret(PASSPHRASE)
    sender, receiver = api.setup.create(folder / "a", secret, FLOOR), api.setup.create(folder / "b", secret, FLOOR)
    for one, other, name in ((sender, receiver, "B"), (receiver, sender, "A")):
        api.contacts.add_card(one, api.contacts.card(other, name))
        api.contacts.verify(one, name, other.identity.fingerprint)
    # Stock age of Debian knows X25519 only: sealing is compared with that.
    api.contacts.add(sender, "X25519", (api.contacts.own(receiver).x25519_recipient,))
    api.cases.add(sender, "bench")
    sender.close()
    receiver.close()


def unlock(folder: Path, which: str) -> api.OpenVault:
    """Open one of the two vaults."""
    return api.setup.unlock(folder / which, api.to_secret(PASSPHRASE))


def bare(folder: Path, source: Path) -> float:
    """Insert a file's chunks with the store's own settings and nothing else, hashing beside; return seconds."""
    database = Database.create(folder / "bare.db", Secret(bytes(32)))
    serial = database.atomic(content.begin)
    short, long, number = new_sha256(), new_sha512(), 0
    start = time.perf_counter()
    waiting = None
    with source.open("rb", buffering=0) as handle:
        while batch := [piece for _ in range(content.BATCH_CHUNKS) if (piece := handle.read(CHUNK))]:
            if waiting is not None:
                waiting.result()
            waiting = database.submit(lambda c, n=number, b=batch: content.add_chunks(c, serial, n, b), atomic=True)
            for piece in batch:
                short.update(piece)
                long.update(piece)
            number += len(batch)
    waiting.result()
    seconds = time.perf_counter() - start
    database.close()
    return seconds


def work(name: str, folder: Path, arguments: list[str]) -> dict[str, object]:
    """Do one piece of work and return its figures."""
    if name == "make":
        make(folder)
        return {}
    if name == "bare":
        return {"seconds": bare(folder, Path(arguments[0]))}
    vault = unlock(folder, "b" if name in ("open", "receive") else "a")
    before = reset_peak()
    job = Job()
    start = time.perf_counter()
    if name == "attach":
        case = api.cases.page(vault)[0]
        for path in arguments:
            api.intake.attach(vault, case.id, Path(path), job)
    elif name == "attach-all":
        case = api.cases.page(vault)[0]
        paths = ((path, job) for path in sorted(Path(arguments[0]).iterdir()))
        if any(outcome.error for outcome in api.intake.attach_all(vault, case.id, paths)):
            raise SystemExit("a file was refused")
    elif name == "seal":
        choice = api.sealing.Choice(api.cases.page(vault)[0].id, accept_metadata=True)
        api.sealing.seal(vault, choice, [arguments[1]], Path(arguments[0]), job)
    elif name == "read":
        stored = vault.read(content.complete_ones)
        for one in stored:
            for _piece in evidence.stream(vault, one):
                pass
    elif name == "open":
        api.receiving.open_into(vault, Path(arguments[0]), Path(arguments[1]), "", job)
    elif name == "extract":
        one = api.intake.page(vault, api.cases.page(vault)[0].id)[0]
        api.intake.extract(vault, one.id, Path(arguments[0]), job)
    elif name == "check":
        api.checking.check(vault, [], job)
    elif name == "backup":
        api.backup.backup(vault, Path(arguments[0]), job)
    seconds = time.perf_counter() - start
    grown = peak() - before
    vault.close()
    return {"seconds": seconds, "memory": grown}


if __name__ == "__main__":
    print(json.dumps(work(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])))
