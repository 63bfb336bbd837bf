"""The door to the store: settings that are asserted, all or nothing, one queue, and errors that leave it usable."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import Future, wait
from pathlib import Path

import pytest

from vault.errors import (
    DamagedError,
    DiskFullError,
    LockedError,
    NetworkFileSystemError,
    NotFoundError,
    RefusedError,
    StorageError,
    UnsupportedVersionError,
)
from vault.model import Secret
from vault.store import database, integrity, migrations
from vault.store.database import PAGE_SIZE, Database

KEY = Secret(bytes(range(32)))
OTHER = Secret(bytes(32))
ROOT = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting a small disk needs root")
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs POSIX limits")


@pytest.fixture(autouse=True)
def own_table(monkeypatch):
    """The tests here work in a table of their own, which no vault may have."""
    found = migrations._tables_of
    monkeypatch.setattr(migrations, "_tables_of", lambda c: frozenset(one for one in found(c) if one[2] != "t"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vault.db"


@pytest.fixture
def store(path: Path):
    made = Database.create(path, KEY)
    made.atomic(lambda c: c.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, data BLOB) STRICT"))
    yield made
    made.close()


@pytest.fixture
def tiny_disk(tmp_path: Path):
    """A file system of 8 MiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def put(store: Database, data: bytes) -> int:
    return store.atomic(lambda c: c.execute("INSERT INTO t (data) VALUES (?)", (data,)).lastrowid)


def count(store: Database) -> int:
    return store.run(lambda c: c.execute("SELECT count(*) FROM t").fetchone()[0])


@contextlib.contextmanager
def no_file_beyond(size: int):
    """Let every write behind this offset fail, as on a broken disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# -- settings ---------------------------------------------------------------------------------------------------------

EXPECTED = {
    "cipher_log_level": "NONE",
    "cipher_page_size": "16384",
    "cipher_hmac_algorithm": "HMAC_SHA256",
    "journal_mode": "delete",
    "synchronous": 3,
    "fullfsync": 1,
    "journal_size_limit": 0,
    "temp_store": 2,
    "secure_delete": 1,
    "trusted_schema": 0,
    "foreign_keys": 1,
    "cell_size_check": 1,
    "busy_timeout": 1000,
    "locking_mode": "exclusive",
    "auto_vacuum": 2,
    "application_id": 0x45565354,
    "user_version": migrations.newest_version(),
}


def test_every_setting_holds_in_a_new_store_and_in_one_opened_again(path):
    def settings(store: Database) -> dict[str, object]:
        return store.run(lambda c: {name: c.execute(f"PRAGMA {name}").fetchone()[0] for name in EXPECTED})

    store = Database.create(path, KEY)
    assert settings(store) == EXPECTED
    store.close()
    again = Database.open(path, KEY)
    assert settings(again) == EXPECTED
    again.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("journal_mode", "MEMORY"),
        ("synchronous", "FULL"),
        ("fullfsync", "OFF"),
        ("journal_size_limit", "-1"),
        ("temp_store", "FILE"),
        ("secure_delete", "FAST"),
        ("trusted_schema", "ON"),
        ("foreign_keys", "OFF"),
        ("cell_size_check", "OFF"),
        ("cache_size", "-100"),
    ],
)
def test_a_setting_that_was_not_taken_refuses_the_opening(path, monkeypatch, name, value):
    Database.create(path, KEY).close()
    assert name in [setting[0] for setting in database._SETTINGS]
    changed = tuple((n, value if n == name else v, reply) for n, v, reply in database._SETTINGS)
    monkeypatch.setattr(database, "_SETTINGS", changed)
    with pytest.raises(StorageError, match=name):
        Database.open(path, KEY)


def test_a_setting_that_the_library_does_not_know_refuses_the_opening(path, monkeypatch):
    Database.create(path, KEY).close()
    monkeypatch.setattr(database, "_SETTINGS", (*database._SETTINGS, ("strict_types", "ON", 1)))
    with pytest.raises(StorageError, match="strict_types"):
        Database.open(path, KEY)


def test_every_table_of_ours_is_strict_and_no_extension_can_be_loaded(store):
    loose = store.run(
        lambda c: [
            row[1]
            for row in c.execute("PRAGMA table_list")
            if row[2] == "table" and not row[5] and not row[1].startswith("sqlite_")
        ]
    )
    assert loose == []
    with pytest.raises(RuntimeError):
        store.run(lambda c: c.execute("SELECT load_extension('/nowhere')"))


def test_nothing_is_readable_without_the_key_and_nothing_is_said_on_stderr(path, capfd):
    store = Database.create(path, KEY)
    store.atomic(lambda c: c.execute("CREATE TABLE t (words TEXT) STRICT"))
    store.atomic(lambda c: c.execute("INSERT INTO t VALUES ('purple elephant')"))
    store.close()
    content = path.read_bytes()
    assert b"SQLite" not in content
    assert b"purple" not in content
    assert path.stat().st_mode & 0o777 == 0o600
    with contextlib.closing(sqlite3.connect(path)) as plain, pytest.raises(sqlite3.DatabaseError):
        plain.execute("SELECT * FROM sqlite_schema")
    with pytest.raises(DamagedError):
        Database.open(path, OTHER)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + bytes(PAGE_SIZE), os.urandom(3 * PAGE_SIZE), b"short"])
def test_what_is_no_store_is_refused_and_left_as_it_is(path, content):
    path.write_bytes(content)
    with pytest.raises(DamagedError):
        Database.open(path, KEY)
    assert path.read_bytes() == content


def test_a_missing_store_is_not_made(path):
    with pytest.raises(DamagedError, match="missing"):
        Database.open(path, KEY)
    assert not path.exists()


def test_a_store_that_exists_is_never_made_anew(path):
    path.write_bytes(b"x")
    with pytest.raises(RefusedError):
        Database.create(path, KEY)
    assert path.read_bytes() == b"x"


def test_a_network_file_system_is_refused_with_the_reason(path, tmp_path, monkeypatch):
    table = tmp_path / "mounts"
    Database.create(path, KEY).close()
    table.write_text(f"36 35 98:0 / {tmp_path} rw - nfs4 server:/x rw\n")
    monkeypatch.setattr("vault.surroundings._MOUNT_TABLE", table)
    with pytest.raises(NetworkFileSystemError, match="another computer"):
        Database.open(path, KEY)
    with pytest.raises(NetworkFileSystemError):
        Database.create(tmp_path / "other.db", KEY)


# -- versions of the tables -------------------------------------------------------------------------------------------


def test_a_newer_version_is_refused_and_untouched(path):
    store = Database.create(path, KEY)
    store.run(lambda c: c.execute("PRAGMA user_version = 99"))
    store.close()
    before = path.read_bytes()
    with pytest.raises(UnsupportedVersionError, match="99"):
        Database.open(path, KEY)
    assert path.read_bytes() == before


def test_a_version_without_its_record_is_called_damaged(path):
    store = Database.create(path, KEY)
    store.run(lambda c: c.execute("DELETE FROM migration WHERE version = 1"))
    store.close()
    with pytest.raises(DamagedError, match="version"):
        Database.open(path, KEY)


def test_a_step_of_the_tables_happens_whole_or_not_at_all(path, monkeypatch):
    Database.create(path, KEY).close()
    steps, newest = migrations._steps(), migrations.newest_version()
    script = "CREATE TABLE fresh (a INTEGER) STRICT;\nINSERT INTO fresh VALUES ('no number');\n"
    monkeypatch.setattr(migrations, "_steps", lambda: [*steps, (newest + 1, "bad", script)])
    with pytest.raises(RuntimeError):
        Database.open(path, KEY)
    monkeypatch.setattr(migrations, "_steps", lambda: steps)
    store = Database.open(path, KEY)
    assert store.run(lambda c: c.execute("PRAGMA user_version").fetchone()[0]) == newest
    assert not store.run(lambda c: c.execute("SELECT 1 FROM sqlite_schema WHERE name = 'fresh'").fetchone())
    store.close()
    good = script.replace("'no number'", "7")
    monkeypatch.setattr(migrations, "_steps", lambda: [*steps, (newest + 1, "good", good)])
    store = Database.open(path, KEY)
    assert store.run(lambda c: c.execute("SELECT a FROM fresh").fetchone()[0]) == 7
    assert store.run(lambda c: c.execute("SELECT name FROM migration ORDER BY version DESC").fetchone()[0]) == "good"
    store.close()


# -- the queue --------------------------------------------------------------------------------------------------------


def test_work_is_done_in_the_order_in_which_it_was_queued(store):
    done: list[int] = []
    futures = [store.submit(lambda _, i=i: done.append(i), atomic=bool(i % 2)) for i in range(200)]
    wait(futures)
    assert done == list(range(200))


def test_what_raises_is_undone_whole(store):
    def work(c: object) -> None:
        c.execute("INSERT INTO t (data) VALUES (x'00')")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.atomic(work)
    assert count(store) == 0
    put(store, b"1")
    assert count(store) == 1


def test_closing_finishes_what_is_queued_and_refuses_the_rest(store, path):
    futures = [store.submit(lambda c: c.execute("INSERT INTO t (data) VALUES (x'01')"), atomic=True) for _ in range(50)]
    store.close()
    assert all(future.exception() is None for future in futures)
    store.close()
    with pytest.raises(LockedError):
        count(store)
    again = Database.open(path, KEY)
    assert count(again) == 50
    again.close()


def test_nobody_waits_for_ever_when_work_comes_while_it_is_closed(path):
    for _ in range(5):
        store = Database.create(path, KEY)
        futures: list[Future[None]] = []
        go = threading.Barrier(5)

        def push(store: Database = store, go: threading.Barrier = go, futures: list[Future[None]] = futures) -> None:
            go.wait()
            with contextlib.suppress(LockedError):
                while True:
                    futures.append(store.submit(lambda _: None, atomic=False))

        threads = [threading.Thread(target=push) for _ in range(4)]
        for thread in threads:
            thread.start()
        go.wait()
        store.close()
        for thread in threads:
            thread.join()
        assert not wait(futures, timeout=300).not_done
        path.unlink()


def test_work_that_was_called_off_is_skipped_and_the_queue_goes_on(store):
    held = threading.Event()
    first = store.submit(lambda _: held.wait(), atomic=False)
    second = store.submit(lambda c: c.execute("INSERT INTO t (data) VALUES (x'01')"), atomic=True)
    assert second.cancel()
    held.set()
    first.result()
    assert count(store) == 0


# -- errors -----------------------------------------------------------------------------------------------------------


def test_half_a_character_is_refused_without_repeating_the_text(store):
    with pytest.raises(RefusedError) as caught:
        store.atomic(lambda c: c.execute("CREATE TEMP TABLE w AS SELECT ?", ("hidden name \ud83d",)))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "hidden" not in caught.value.message + caught.value.advice


def test_an_error_of_the_system_inside_the_work_is_ours_and_names_no_path(store, path):
    path.rename(path.with_name("taken away"))
    with pytest.raises(NotFoundError, match="The store") as caught:
        store.run(store.file_size)
    assert str(path) not in caught.value.message
    path.with_name("taken away").rename(path)


def test_a_statement_that_fails_is_no_foreign_exception(store):
    with pytest.raises(RuntimeError) as caught:
        store.run(lambda c: c.execute("SELECT * FROM nothing"))
    assert type(caught.value) is RuntimeError


@POSIX
def test_a_disk_that_breaks_undoes_the_step_and_leaves_the_store_usable(store, path):
    put(store, b"before")
    with no_file_beyond(path.stat().st_size), pytest.raises(StorageError, match="may be saved, or not"):
        put(store, bytes(1_000_000))
    assert count(store) == 1
    put(store, b"after")
    assert integrity.damage(store) == []
    store.close()
    again = Database.open(path, KEY)
    assert count(again) == 2
    again.close()


@POSIX
def test_a_store_that_stays_broken_says_so_every_time_and_still_closes(store, path):
    put(store, b"before")
    path.rename(path.with_name("taken away"))
    with no_file_beyond(0), pytest.raises(StorageError):
        put(store, bytes(1_000_000))
    for _ in range(3):
        with pytest.raises((StorageError, DamagedError)):
            count(store)
    store.close()


@ROOT
def test_a_full_disk_undoes_the_step_and_leaves_the_store_usable(tiny_disk):
    store = Database.create(tiny_disk / "vault.db", KEY)
    store.atomic(lambda c: c.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, data BLOB) STRICT"))
    put(store, bytes(1_000_000))
    with pytest.raises(DiskFullError, match="nothing of this step"):
        put(store, bytes(20_000_000))
    assert count(store) == 1
    put(store, bytes(100_000))
    assert integrity.damage(store) == []
    store.close()
    again = Database.open(tiny_disk / "vault.db", KEY)
    assert count(again) == 2
    again.close()


def test_one_damaged_page_does_not_take_the_others_with_it(store, path):
    for _ in range(4):
        put(store, os.urandom(1_000_000))
    store.close()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"damage")
    again = Database.open(path, KEY)

    def size_of(number: int) -> int:
        try:
            row = again.run(lambda c: c.execute("SELECT data FROM t WHERE id = ?", (number,)).fetchone())
            return len(row[0])
        except DamagedError:
            return -1

    seen = [size_of(number) for number in range(1, 5)]
    assert sorted(seen) == [-1, 1_000_000, 1_000_000, 1_000_000]
    put(again, b"still")
    assert integrity.damage(again) == ["page-authentication", "table-structure"]
    again.close()


# -- another key ------------------------------------------------------------------------------------------------------


def test_a_rekey_leaves_nothing_that_the_old_key_opens(store, path):
    put(store, b"words")
    store.rekey(OTHER)
    put(store, b"more")
    store.close()
    with pytest.raises(DamagedError):
        Database.open(path, KEY)
    again = Database.open(path, OTHER)
    assert count(again) == 2
    assert integrity.damage(again) == []
    again.close()


@ROOT
def test_a_rekey_that_fails_harms_nothing_and_what_is_saved_after_it_is_there(tiny_disk):
    path = tiny_disk / "vault.db"
    store = Database.create(path, KEY)
    store.atomic(lambda c: c.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, data BLOB) STRICT"))
    for _ in range(5):
        put(store, os.urandom(1_000_000))
    with pytest.raises(StorageError, match="unchanged"):
        store.rekey(OTHER)
    put(store, b"saved after it")
    store.close()
    again = Database.open(path, KEY)
    assert count(again) == 6
    assert integrity.damage(again) == []
    again.close()


# -- raw bytes for backups --------------------------------------------------------------------------------------------


def test_raw_pages_are_the_bytes_of_the_file(store, path):
    put(store, os.urandom(300_000))
    size = store.run(store.file_size)
    step = 5 * PAGE_SIZE
    pieces = [store.run(lambda c, o=o: store.raw_pages(c, o, step)) for o in range(0, size, step)]
    store.close()
    assert b"".join(pieces) == path.read_bytes()


def test_the_lock_page_reads_as_zeros(store, path, tmp_path):
    lock = 0x40000000
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.seek(lock - PAGE_SIZE)
        file.write(b"a" * PAGE_SIZE + b"b" * PAGE_SIZE + b"c" * PAGE_SIZE)
    store.path = big
    got = store.raw_pages(None, lock - 2 * PAGE_SIZE, 16 * PAGE_SIZE)
    store.path = path
    assert got == bytes(PAGE_SIZE) + b"a" * PAGE_SIZE + bytes(PAGE_SIZE) + b"c" * PAGE_SIZE


def test_the_count_of_commits_tells_whether_the_file_may_have_changed(store):
    first = store.run(store.commits)
    count(store)
    assert store.run(store.commits) == first
    put(store, b"1")
    assert store.run(store.commits) != first


def test_reading_raw_pages_does_not_give_up_the_lock(store, path):
    store.run(lambda c: store.raw_pages(c, 0, PAGE_SIZE))
    script = (
        "import sys\nfrom pathlib import Path\nfrom vault.errors import InUseError\nfrom vault.model import Secret\n"
        "from vault.store.database import Database\n"
        "try:\n    Database.open(Path(sys.argv[1]), Secret(bytes(range(32))))\n"
        "except InUseError:\n    print('in use')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, path], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert done.stdout == "in use\n"
