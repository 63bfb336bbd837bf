"""Where the time of the large pieces of work goes: samples of `perf`, put together by what the code does.

Percentages of processor time, start-up and the KDF included; the symbols are those of the pinned wheels and of Linux.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from beside import HERE, MIB, fresh, ours

_KINDS = (
    ("SHA-256 of pages (HMAC) in the store", r"_sqlite3.*sha256"),
    ("AES-256-CBC of pages in the store", r"_sqlite3.*aes"),
    ("SHA-256 and SHA-512 outside the store", r"sha256|sha512|libcrypto.*0x"),
    ("ChaCha20-Poly1305 (age)", r"ChaCha|poly1305"),
    ("GMAC of chunks", r"gcm|ghash"),
    ("Argon2id (opening the vault)", r"fill_block|argon2|blake2"),
    ("copying into the page cache (writing)", r"copy_folio_from_iter|copy_page_from_iter|generic_perform_write"),
    ("copying out of the page cache (reading)", r"_copy_to_iter|copy_page_to_iter"),
    ("the rest of the kernel", r"\[k\]"),
    ("copying in memory", r"memmove|memcpy|memset"),
    ("SQLite and SQLCipher besides", r"_sqlite3"),
    ("Python", r"libpython|python3|\.so"),
)


def hot(folder: Path, size: int) -> None:
    """Sample attaching, sealing, opening and checking."""
    if not shutil.which("perf"):
        print("\nperf is not installed: no profile")
        return
    place, source = fresh(folder, "hot"), folder / "input.bin"
    with source.open("wb") as handle:
        for _ in range(size):
            handle.write(os.urandom(MIB))
    ours("make", place)
    works = (("attach", source), ("seal", folder / "hot.age", "B"), ("open", folder / "hot.age", folder / "hot.out"),
             ("check",))  # fmt: skip
    for name, *arguments in works:
        data = folder / "perf.data"
        command = ["perf", "record", "-q", "-F", "997", "-o", data, sys.executable, HERE / "work.py", name, place]
        subprocess.run([*map(str, command), *map(str, arguments)], check=True, capture_output=True)
        report = subprocess.run(
            ["perf", "report", "-q", "-i", str(data), "--stdio", "--percent-limit", "0", "-F", "overhead,dso,symbol"],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        shares: Counter[str] = Counter()
        for row in report.splitlines():
            if found := re.match(r"\s*([0-9.]+)%\s+(.*)", row):
                kind = next((kind for kind, pattern in _KINDS if re.search(pattern, found[2])), "the rest")
                shares[kind] += float(found[1])
        print(f"\n{name}, {size} MiB: where processor time goes")
        for kind, share in shares.most_common():
            if share >= 0.5:
                print(f"  {share:5.1f} %  {kind}")
