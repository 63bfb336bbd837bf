"""Core images of every process of the program after it was locked in any way: no passphrase, no key, no text.

Before, the same search finds them there. `tests/screens/test_memory.py` looks for a few; here it is all canaries and
keys, in every form, and whole core images written by gdb.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proofs.forensic import versions
from tests.proofs.forensic.canaries import PASSPHRASE, TEXTS, Wanted, memory_of
from tests.screens.conftest import Terminal
from tests.vault_world import make_vault, reopen
from vault import api, keys
from vault.jobs import Job

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may read another's memory"
)


@pytest.fixture
def place():
    folder = versions.in_memory("memory")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def filled(place):
    """A locked vault with canaries in it, and the search for them and for all its keys."""
    vault = make_vault(place / "vault")
    case = api.cases.add(vault, TEXTS["title of a case"]).id
    fields = {"title": TEXTS["title of a testimony"], "statement": TEXTS["testimony"]}
    api.records.add(vault, case, "testimony", fields)
    source = place / f"{TEXTS['name of a file']}.txt"
    source.write_text(TEXTS["content of a file"])
    api.intake.attach(vault, case, source, Job())
    identity = vault.identity
    secret = {
        "vault key": vault.keys.vault_key.reveal(),
        "store key": keys.store_key(vault.keys.vault_key).reveal(),
        "backup key": keys.backup_key(vault.keys.vault_key).reveal(),
        "signing key": identity._seed.reveal(),
        "tag key": vault.read(lambda one: one.execute("SELECT tag_key FROM content").fetchone()[0]),
    }
    row = vault.read(lambda one: one.execute("SELECT x25519_secret, hybrid_seed FROM identity").fetchone())
    secret |= {"X25519 key": bytes(row[0]), "hybrid key": bytes(row[1])}
    vault.close()
    # Every longer beginning of the passphrase begins with the eight characters that are among the texts.
    return vault, Wanted(TEXTS, secret, ("UTF-8", "UTF-16", "UTF-32"))


@pytest.fixture
def terminal(place):
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    one = Terminal(place)
    yield one
    one.close()


def core_of(pid: int, folder: Path) -> Iterator[bytes]:
    """Yield a core image that gdb writes of a process, in pieces."""
    done = subprocess.run(["gcore", "-o", folder / "core", str(pid)], capture_output=True, check=False)
    image = folder / f"core.{pid}"
    assert image.exists(), done.stderr
    with open(image, "rb", 0) as file:
        while piece := file.read(4 << 20):
            yield piece
    image.unlink()


def found_in(pids: list[int], wanted: Wanted, folder: Path, cores: bool) -> set[str]:
    found: set[str] = set()
    for pid in pids:
        found |= wanted.in_pieces(core_of(pid, folder) if cores else memory_of(pid), unpack=False)
    return found


def used(one: Terminal, vault, wanted: Wanted, cores: bool) -> None:
    """Unlock, look at a testimony, write a draft; then all of it is in memory, as the search must find."""
    one.start(vault.folder)
    one.unlock()
    one.until(TEXTS["title of a case"])
    one.press("Enter")
    one.until(TEXTS["title of a testimony"])
    one.until("t Testimony")
    one.press("t")
    one.until("not signed")
    one.type(TEXTS["draft"])
    one.until("saved")
    found = found_in(one.processes(), wanted, vault.folder.parent, cores)
    assert {f"{name}, UTF-8" for name in ("draft", "title of a case")} <= found
    assert {"vault key, raw", "store key, raw", "signing key, raw"} <= found


def locked(one: Terminal, vault, way: str) -> None:
    child = one.child()
    parent = int(Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[1])
    if way == "key":
        one.press("C-l")
        one.until("The vault is locked.")
    elif way == "idle":
        one.until("because nobody used it", 120)
    elif way == "killed":
        os.kill(child, signal.SIGKILL)
        one.until("has locked the vault")
        one.press("Enter")
        one.until("Passphrase")
    else:
        os.kill(parent, getattr(signal, way))
        one.until("left 130")


def nothing_left(terminal, filled, place, way: str, count, cores: bool) -> None:
    vault, wanted = filled
    if way == "idle":
        vault = reopen(vault)
        api.settings.change(vault, lock_minutes=1)
        vault.close()
    used(terminal, vault, wanted, cores)
    locked(terminal, vault, way)
    ours = [pid for pid in terminal.processes() if b"tui" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert bool(ours) is (way not in ("SIGTERM", "SIGHUP"))
    assert found_in(ours, wanted, place, cores) == set()
    kind = "core images" if cores else "memories"
    count("trace", f"{kind} of processes searched after locking ({way})", len(ours))
    count("trace", "keys and canaries that were there before and not after", len(wanted.needles))


def test_nothing_is_left_in_any_process_after_locking(terminal, filled, place, count):
    nothing_left(terminal, filled, place, "key", count, cores=False)


@pytest.mark.prove
@pytest.mark.parametrize("round_", range(2))
@pytest.mark.parametrize("way", ["key", "idle", "killed", "SIGTERM", "SIGHUP"])
def test_nothing_is_left_in_core_images_after_locking(terminal, filled, place, way, round_, count):
    if shutil.which("gcore") is None:
        pytest.skip("gcore of gdb is not installed")
    nothing_left(terminal, filled, place, way, count, cores=True)


# -- control --------------------------------------------------------------------------------------------------------

_CLEARED = """
import gc, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from vault import api
vault = api.setup.unlock(Path(sys.argv[2]), api.to_secret(sys.stdin.readline().rstrip("\\n")))
shown = [record.title for record in api.records.page(vault, api.cases.page(vault)[0].id)]
api.lock(vault)
del vault, shown
gc.collect()
print("locked", flush=True)
sys.stdin.read()
"""


def test_locking_by_clearing_variables_would_leave_them(filled, count):
    """Why locking is the end of a process: with the same search, in one that stayed and cleared all it had."""
    vault, wanted = filled
    words = [sys.executable, "-P", "-B", "-c", _CLEARED, Path(__file__).parents[3], vault.folder]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        process.stdin.write(PASSPHRASE + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "locked\n"
        found = wanted.in_pieces(memory_of(process.pid), unpack=False)
    finally:
        process.kill()
        process.communicate()
    assert found
    count("trace", "keys and canaries left where variables were cleared instead (control)", len(found))
