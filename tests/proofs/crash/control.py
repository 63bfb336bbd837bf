"""A store of the same library under settings that are not the vault's, to show that the proof can fail.

By hand: ``python -m tests.proofs.crash.control FOLDER JOURNAL SYNCHRONOUS FD`` commits a few transactions and writes a
line to the open file FD after each.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2 as sqlite

from tests.proofs.crash import recording
from tests.proofs.crash.disk import State

ROUNDS, ROWS = 4, 24


def connect(folder: Path, journal: str, synchronous: str) -> Any:
    """Return a connection with these settings, which locks as SQLite does by default."""
    connection = sqlite.connect(str(folder / "store.db"), isolation_level=None)
    connection.execute("PRAGMA cipher_log_level = NONE")
    connection.execute(f"PRAGMA key = \"x'{'5a' * 32}'\"")
    connection.execute("PRAGMA cipher_page_size = 16384")
    assert connection.execute(f"PRAGMA journal_mode = {journal}").fetchone()[0] == journal.lower()
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA locking_mode = NORMAL")
    return connection


def prepare(folder: Path, journal: str) -> None:
    """Make the store: each row has the round that wrote it, which is 0."""
    folder.mkdir()
    connection = connect(folder, journal, "EXTRA")
    connection.execute("CREATE TABLE line (id INTEGER PRIMARY KEY, round INTEGER, filler BLOB)")
    connection.execute("CREATE INDEX by_round ON line (round, filler)")
    for number in range(ROWS):
        connection.execute("INSERT INTO line VALUES (?, 0, randomblob(3000))", (number,))
    connection.close()


def run(folder: Path, journal: str, synchronous: str, acks: int) -> None:
    """Write every row anew in each round, and say so after its commit."""
    connection = connect(folder, journal, synchronous)
    for number in range(1, ROUNDS + 1):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE line SET round = ?, filler = randomblob(3500)", (number,))
        connection.execute("INSERT INTO line VALUES (?, ?, randomblob(9000))", (1000 + number, number))
        connection.execute("COMMIT")
        os.write(acks, b"done\n")
    connection.close()


def record(folder: Path, journal: str, synchronous: str) -> recording.Recording:
    """Make a store in `folder`, run the rounds and return what was done to the disk."""
    prepare(folder, journal)
    reading, writing = os.pipe()
    try:
        command = [sys.executable, "-m", "tests.proofs.crash.control", folder, journal, synchronous, str(writing)]
        top = Path(__file__).parents[3]
        return recording.record(command, folder, folder.with_name("strace"), writing, pass_fds=(writing,), cwd=top)
    finally:
        os.close(reading)
        os.close(writing)
        shutil.rmtree(folder)


def judge(journal: str, folder: Path, state: State, whole: bool) -> str:
    """Return "corrupt", "lost" or "", after opening the store as SQLite recovers it."""
    del whole
    try:
        connection = connect(folder, journal, "EXTRA")
        try:
            # In WAL mode the check of the pages reads the file alone, which is not the whole store until then.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            rounds = {number for (number,) in connection.execute("SELECT DISTINCT round FROM line")}
            (rows,) = connection.execute("SELECT count(*) FROM line").fetchone()
            whole_pages = connection.execute("PRAGMA cipher_integrity_check").fetchall() == []
            whole_tables = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        finally:
            connection.close()
    except sqlite.DatabaseError:
        return "corrupt"
    if not (whole_pages and whole_tables) or len(rounds - {max(rounds)}) > max(rounds) or rows != ROWS + max(rounds):
        return "corrupt"
    return "lost" if max(rounds) < len(state.acks) else ""


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
