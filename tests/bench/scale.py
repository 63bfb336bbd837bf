"""How the vault behaves when it is large: builds one step by step and measures inside one process at each size.

Every figure is the median of several calls, in milliseconds. Unlock is without the KDF.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vault import api, evidence
from vault.crypto.randomness import new_id
from vault.formats import merkle
from vault.keys import FLOOR
from vault.model import CustodyEvent
from vault.open_vault import OpenVault, Transaction
from vault.store import custody
from vault.store.database import Connection
from vault.usecases import setup

ENTRIES_PER_RECORD = 10
WORDS = ["律师", "拘留", "监视居住", "会见", "家属", "通知书", "警察", "派出所", "证言", "医院"]
NAMES = "unlock", "case list", "search", "sign one", "proof", "log page"


def grow(vault: OpenVault, cases: list[str], first: int, last: int) -> None:
    """Add records up to number `last`, ten custody entries for each, a thousand records per transaction."""

    def some(transaction: Transaction, start: int, end: int) -> None:
        for number in range(start, end):
            text = f"记录 {number}: " + "".join(WORDS[(number + k) % len(WORDS)] for k in range(6))
            record_id, case_id = new_id(), cases[number % len(cases)]
            fields = {"title": f"n{number}", "text": text}
            evidence.sign_version(vault, transaction, evidence.NewVersion(record_id, case_id, "note", fields))
            for _ in range(ENTRIES_PER_RECORD - 1):
                transaction.record(CustodyEvent("displaying", record_id, "record", case_id=case_id))

    for start in range(first, last, 1000):
        vault.atomic(lambda transaction, start=start: some(transaction, start, min(last, start + 1000)))


def median(work: Callable[[], object], times: int = 9) -> float:
    """Return the median time of a call in milliseconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)


def _figures(vault: OpenVault, cases: list[str], size: int) -> tuple[float, ...]:
    entries = vault.read(custody.size)

    def prove(connection: Connection) -> None:
        merkle.inclusion_proof(entries // 3, entries, custody.node_of(connection))

    asked = ("律师", "监视居住", f"n{size // 2}", "证言医院")
    return (
        median(lambda: api.cases.page(vault, 20)),
        max(median(partial(api.search.find, vault, words)) for words in asked),
        median(lambda: api.records.add(vault, cases[0], "note", {"title": "one more", "text": "拘留"})),
        median(lambda: vault.read(prove)),
        median(lambda: api.custody.page(vault, 50)),
    )


def measure(sizes: tuple[int, ...]) -> list[tuple[int, int, dict[str, float]]]:
    """Build a vault of each size in turn; return (records, custody entries, figures) for each."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="evault-bench-") as name:
        folder = Path(name) / "vault"
        vault = api.setup.create(folder, api.to_secret("ocean mirror lantern velvet copper puzzle"), FLOOR)
        cases = [api.cases.add(vault, f"case {n}").id for n in range(100)]
        done = 0
        for size in sizes:
            grow(vault, cases, done, size)
            done = size
            taken = []
            for _ in range(5):
                vault.close()
                start = time.perf_counter()
                vault = setup.open_with(folder, vault.keys)
                taken.append((time.perf_counter() - start) * 1000)
            entries = vault.read(custody.size)
            figures = (statistics.median(taken), *_figures(vault, cases, size))
            rows.append((size, entries, dict(zip(NAMES, figures, strict=True))))
        vault.close()
    return rows
