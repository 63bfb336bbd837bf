"""A small vault that grows step by step, every state of it kept: what somebody has who copied the disk on many days.

For tests only. Beside each state lie the anchors that were made in it and kept elsewhere.
"""

from __future__ import annotations

import os
import random
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.proofs.forensic import pages
from tests.vault_world import bag_of, introduce, make_vault, raw, reopen, seal
from vault import api
from vault.bundle import layout
from vault.errors import VaultError
from vault.jobs import Job
from vault.store.database import PAGE_SIZE
from vault.usecases.checking import Checked

ANCHORS = ("checkpoint", "paper", "proof", "continuation", "bundle")
NOT_IN_THE_LOG = {
    "draft": "drafts", "setting": "settings", "counts of cases": "titles and counts of cases",
    "titles of records": "titles of records in lists",
    "search_text": "search index", "search_state": "search index", "search_index_data": "search index",
    "search_index_idx": "search index", "search_index_docsize": "search index",
    "search_index_config": "search index", "sqlite_sequence": "numbers of rows",
}  # fmt: skip
"""What an older page may bring back unnoticed, as `threat-model.md` says under its accepted risks."""


@dataclass
class State:
    """One state of a vault.

    Attributes:
        store: The bytes of the closed store.
        size: Entries in the log.
        anchors: Kind → the file, or of `paper` what was written down. Each was made in this state or one before.
    """

    store: bytes
    size: int
    anchors: dict[str, Path | str] = field(default_factory=dict)


class Growing:
    """A vault with somebody to exchange bundles with, and the steps that it can take."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random = folder, random.Random(seed)
        self.vault, self.other = make_vault(folder / "vault"), make_vault(folder / "other", 1)
        introduce(self.vault, self.other, "Other")
        introduce(self.other, self.vault, "Vault")
        self.case = api.cases.add(self.vault, "a case").id
        self.theirs = api.cases.add(self.other, "theirs").id
        self.notes = [api.records.add(self.vault, self.case, "note", {"text": "the first"}).id]
        self.draft = ""
        self.made = 0
        self.anchors: dict[str, Path | str] = {}
        self.states: list[State] = []
        self.keep()

    STEPS = ("note", "correct", "attach", "draft", "seal", "contact", "delete", "receive", "fuller", "case", "setting",
             "type", "look", "proof", "continuation")  # fmt: skip

    def take(self, step: str) -> None:
        """Take a step, and keep the state after it."""
        self.made += 1
        getattr(self, f"_{step}")(str(self.made))
        self.keep()

    def keep(self) -> None:
        """Close the store, keep its bytes and an exported checkpoint, and go on."""
        vault, path = self.vault, self.folder / f"checkpoint-{self.made}"
        api.custody.write_checkpoint(vault, path)
        self.anchors = {**self.anchors, "checkpoint": path, "paper": api.custody.short_head(vault)}
        size = api.custody.head(vault).size
        vault.close()
        self.states.append(State((vault.folder / "vault.db").read_bytes(), size, self.anchors))
        self.vault = reopen(vault)

    def close(self) -> None:
        self.vault.close()
        self.other.close()

    def _note(self, word: str) -> None:
        text = " ".join(f"{word}{self.random.randrange(1000)}" for _ in range(self.random.randrange(1, 60)))
        self.notes.append(api.records.add(self.vault, self.case, "note", {"text": text}).id)

    def _correct(self, word: str) -> None:
        api.records.correct(self.vault, self.random.choice(self.notes), {"text": f"corrected {word}"}, "a reason")

    def _attach(self, word: str) -> None:
        (self.folder / f"{word}.bin").write_bytes(self.random.randbytes(self.random.randrange(1, 40_000)))
        api.intake.attach(self.vault, self.case, self.folder / f"{word}.bin", Job())

    def _draft(self, word: str) -> None:
        saved = api.drafts.save(self.vault, self.case, "note", {"text": f"draft {word}"}, self.draft or None)
        self.draft = saved.id

    def _seal(self, word: str) -> None:
        target = self.folder / f"{word}.age"
        seal(self.vault, self.case, "Other", target, accept_metadata=True)
        state = self.folder / f"{word}.checkpoint"
        state.write_bytes(bag_of(target, self.other)[layout.CHECKPOINT])
        self.anchors = {**self.anchors, "bundle": state}

    def _contact(self, word: str) -> None:
        api.contacts.add(self.vault, f"New {word}", (self.other.identity.x25519.recipient.text,))

    def _delete(self, word: str) -> None:
        if len(self.notes) > 2:
            gone = self.notes.pop(self.random.randrange(len(self.notes)))
            api.records.delete(self.vault, gone, "a reason")
            self.vault.start_sweep().result()

    def _receive(self, word: str) -> None:
        """Take in a bundle with a record that is disclosed in part."""
        person = {"pseudonym": f"P-{word}", "names": [{"full": f"name {word}"}]}
        self.person = api.records.add(self.other, self.theirs, "person", person).id
        self._come(word)

    def _fuller(self, word: str) -> None:
        """Take in more of what came before."""
        self._come(word, disclose=((self.person, "*"),))

    def _come(self, word: str, **choice: Any) -> None:
        seal(self.other, self.theirs, "Vault", self.folder / f"{word}.back", **choice)
        api.receiving.receive(self.vault, self.folder / f"{word}.back", Job())

    def _case(self, word: str) -> None:
        api.cases.add(self.vault, f"case {word}")

    def _setting(self, word: str) -> None:
        api.settings.change(self.vault, lock_minutes=self.random.choice((1, 5, 15)))

    def _type(self, word: str) -> None:
        text = _VISIT.replace('"visit"', f'"visit_{word}"')
        api.record_types.add(self.vault, text)

    def _look(self, word: str) -> None:
        api.records.show(self.vault, self.notes[0])

    def _proof(self, word: str) -> None:
        path = self.folder / f"{word}.tlog-proof"
        api.custody.write_proof(self.vault, self.notes[0], path)
        self.anchors = {**self.anchors, "proof": path}

    def _continuation(self, word: str) -> None:
        path = self.folder / f"{word}.tlog-consistency"
        api.custody.write_checkpoint(self.vault, path, Path(self.anchors["checkpoint"]))
        self.anchors = {**self.anchors, "continuation": path}


_VISIT = re.search(r"```toml\n(.*?)```", (Path(__file__).parents[3] / "docs/formats/schema.md").read_text(), re.S)[1]


def grown(folder: Path, number: int, seed: int) -> Growing:
    """Return a vault that took so many steps, each kind of them in turn."""
    world = Growing(folder, seed)
    for at in range(number):
        world.take(Growing.STEPS[at % len(Growing.STEPS)])
    return world


def rows_of(vault: api.OpenVault) -> dict[str, list]:
    """Return the rows of every table of a closed store; what lists show of cases and records stands apart."""
    with raw(vault) as store:
        names = [row[0] for row in store.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        found = {
            name: store.execute(f"SELECT * FROM {name}").fetchall()
            for name in names
            if name not in ("vault_case", "record", "search_index")
        }
        found["vault_case"] = store.execute("SELECT serial, id, origin, sender_case FROM vault_case").fetchall()
        counts = "SELECT id, title, created_at, records, attachments FROM vault_case"
        found["counts of cases"] = store.execute(counts).fetchall()
        known = "SELECT serial, id, case_serial, type, newest, deleted, origin, verdict FROM record"
        found["record"] = store.execute(known).fetchall()
        found["titles of records"] = store.execute("SELECT serial, title FROM record").fetchall()
    return found


def tables_of(vault: api.OpenVault, store: bytes) -> dict[int, str]:
    """Return page number → table, for a store that lies in the folder of a closed vault."""
    with raw(vault) as found:
        roots = found.execute("SELECT rootpage, tbl_name FROM sqlite_schema WHERE rootpage > 0").fetchall()
    return pages.owners(vault.keys, store, {1: "sqlite_schema", **dict(roots)})


def look(vault: api.OpenVault, anchors: list[Path] | tuple[Path, ...] = (), written: tuple[str, ...] = ()) -> Checked:
    """Open a closed vault, check it, and close it.

    Raises:
        VaultError: It does not even open.
    """
    vault = reopen(vault)
    try:
        return api.checking.check(vault, anchors, Job(), written)
    finally:
        vault.close()


def noticed(vault: api.OpenVault) -> bool:
    """True when a closed vault does not open, or `check` finds something."""
    try:
        return not look(vault).report.ok
    except VaultError:
        return True


def changed_pages(older: bytes, newer: bytes) -> list[int]:
    """Return the offsets of the pages that both have and that differ."""
    both = range(0, min(len(older), len(newer)), PAGE_SIZE)
    return [at for at in both if older[at : at + PAGE_SIZE] != newer[at : at + PAGE_SIZE]]


def spliced(older: bytes, newer: bytes, taken: list[int]) -> bytes:
    """Return the newer store with these pages of the older one."""
    mixed = bytearray(newer)
    for at in taken:
        mixed[at : at + PAGE_SIZE] = older[at : at + PAGE_SIZE]
    return bytes(mixed)


def write_store(vault: api.OpenVault, store: bytes) -> None:
    """Put the bytes of a store into the folder of a closed vault, as somebody with the disk does."""
    path = vault.folder / "vault.db"
    path.with_name("vault.db-journal").unlink(missing_ok=True)
    path.write_bytes(store)


def in_memory(prefix: str) -> Path:
    """Make a folder: in memory where the system has one for that, as these proofs write much."""
    place = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix=f"evault-{prefix}-", dir=place if os.access(place, os.W_OK) else None))
