"""After locking, no process of the program holds the passphrase, a key or what was read; before it, one does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vault import api

PASSPHRASE = "ocean mirror lantern velvet copper puzzle"
TITLE = "canary-title-5b1f6c0d"


def _holds(pid: int, wanted: list[bytes]) -> set[bytes]:
    """Return which byte strings the writable memory of a process holds."""
    found = set()
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                span, rights, *_rest = line.split()
                if not rights.startswith("rw"):
                    continue
                start, end = (int(part, 16) for part in span.split("-"))
                tail = b""
                for at in range(start, end, 1 << 20):
                    try:
                        memory.seek(at)
                        piece = memory.read(min(1 << 20, end - at))
                    except OSError:
                        break
                    found |= {one for one in wanted if one in tail + piece}
                    tail = piece[-64:]
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may read another's memory")
@pytest.mark.parametrize("key", ["C-l", "kill"])
def test_nothing_secret_is_left_in_memory_after_locking(terminal, vault, key):
    api.cases.add(vault, TITLE)
    store_key = vault.keys.vault_key.reveal()
    folder = vault.folder
    vault.close()
    wanted = [store_key, TITLE.encode()]
    for encoding in ("utf-8", "utf-16-le", "utf-32-le"):
        wanted += [PASSPHRASE.encode(encoding), PASSPHRASE[:8].encode(encoding)]

    one = terminal()
    one.start(folder)
    one.unlock()
    before = set().union(*(_holds(pid, wanted) for pid in one.processes()))
    assert {store_key, TITLE.encode()} <= before, "the search must find what is there"
    if key == "kill":
        os.kill(one.child(), 9)
        one.until("has locked the vault")
        one.press("Enter")
        one.until("Passphrase")
    else:
        one.press(key)
        one.until("The vault is locked.")
    for pid in one.processes():
        assert not _holds(pid, wanted), Path(f"/proc/{pid}/cmdline").read_bytes()[:80]
