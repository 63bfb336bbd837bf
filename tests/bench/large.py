"""How the vault behaves when it is large: builds one step by step and measures inside one process at each size.

Every figure is the median of several calls, in milliseconds. Unlock is without the KDF.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

from plot import Curve, draw

from vault import api, evidence
from vault.crypto.randomness import new_id
from vault.formats import merkle
from vault.jobs import Job
from vault.keys import FLOOR
from vault.model import CustodyEvent
from vault.open_vault import OpenVault, Transaction
from vault.store import custody
from vault.store.database import Connection
from vault.usecases import setup

WORDS = ["律师", "拘留", "监视居住", "会见", "家属", "通知书", "警察", "派出所", "证言", "医院"]
_CHECKED = 100_000
"""Records up to which the whole vault is checked as well; it takes minutes beyond."""
NAMES = "unlock", "case list", "search", "sign one", "proof", "log page", "build", "check"


def grow(vault: OpenVault, cases: list[str], first: int, last: int, per_record: int) -> None:
    """Add records up to number `last` with so many custody entries each, a thousand records per transaction."""

    def some(transaction: Transaction, start: int, end: int) -> None:
        for number in range(start, end):
            text = f"记录 {number}: " + "".join(WORDS[(number + k) % len(WORDS)] for k in range(6))
            record_id, case_id = new_id(), cases[number % len(cases)]
            fields = {"title": f"n{number}", "text": text}
            evidence.sign_version(vault, transaction, evidence.NewVersion(record_id, case_id, "note", fields))
            for _ in range(per_record - 1):
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


def _check(vault: OpenVault) -> float:
    start = time.perf_counter()
    if not api.checking.check(vault, [], Job()).report.ok:
        raise SystemExit("the vault does not check")
    return (time.perf_counter() - start) * 1000


def measure(folder: Path, sizes: tuple[int, ...], per_record: int) -> Iterator[tuple[int, int, dict[str, float]]]:
    """Build a vault of each size in turn, from what is there already; yield records, custody entries and figures."""
    passphrase = api.to_secret("ocean mirror lantern velvet copper puzzle")
    if folder.exists():
        vault = api.setup.unlock(folder, passphrase)
    else:
        vault = api.setup.create(folder, passphrase, FLOOR)
        for number in range(100):
            api.cases.add(vault, f"case {number}")
    cases = [case.id for case in api.cases.page(vault, 100)]
    done = vault.read(lambda connection: connection.execute("SELECT count(*) FROM record").fetchone()[0])
    for size in sizes:
        start, before = time.perf_counter(), done
        grow(vault, cases, done, size, per_record)
        building = (time.perf_counter() - start) * 1000 / max(1, size - before)
        done = max(done, size)
        taken = []
        for _ in range(5):
            vault.close()
            start = time.perf_counter()
            vault = setup.open_with(folder, vault.keys)
            taken.append((time.perf_counter() - start) * 1000)
        entries = vault.read(custody.size)
        checking = _check(vault) if size <= _CHECKED else math.nan
        figures = (statistics.median(taken), *_figures(vault, cases, size), building, checking)
        yield size, entries, dict(zip(NAMES, figures, strict=True))
    vault.close()


def large(folder: Path, sizes: tuple[int, ...], per_record: int, plot: str | None) -> None:
    """Print the curve over the size of a vault, and draw it where that is asked for."""
    print("\nInside the process, median, in milliseconds (unlock without the KDF; the slowest of four searches;")
    print("'build' is signing in bulk, per record; 'check' is the whole vault, once)")
    print(f"  {'records':>9} {'entries':>10} " + " ".join(f"{name:>10}" for name in NAMES))
    rows = []
    for records, entries, figures in measure(folder, sizes, per_record):
        print(f"  {records:>9} {entries:>10} " + " ".join(f"{figures[name]:>10.2f}" for name in NAMES), flush=True)
        rows.append((records, entries, figures))
    print("  goals at 100,000:" + " " * 5 + "unlock < 50, case list < 10, search < 10, sign one < 50, proof < 10")
    for (_, few, early), (_, many, late) in pairwise(row for row in rows if row[0] <= _CHECKED):
        grown = late["check"] / early["check"]
        linear = many / few
        print(
            f"  check from {few} to {many} entries: {grown:.2f} times as long; "
            f"n: {linear:.2f}, n log n: {linear * math.log(many) / math.log(few):.2f}"
        )
    if plot:
        curves = [
            Curve(name, [(records, figures[name]) for records, _, figures in rows if figures[name] == figures[name]])
            for name in NAMES
        ]
        Path(plot).write_text(draw("milliseconds by records in the vault", curves))
