"""Vault files made to harm are refused, or are as they were; nothing crashes, and no SQL of theirs runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.proofs.hostile import stores
from vault import keys
from vault.errors import DamagedError
from vault.store import database, migrations

ROOT = Path(__file__).parents[3]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="limits and forks as Linux has them")
HARMLESS = {"intact", "refused", "found"}


def drive(folder: Path, kind: str, first: int, number: int) -> list[dict]:
    command = [sys.executable, "-m", "tests.proofs.hostile.stores", str(folder), kind, str(first), str(number)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def judge(results: list[dict], count, what: str, more: frozenset[str] = frozenset()) -> Counter:
    assert not [one for one in results if one["left"]], "something was written beside the vault"
    wrong = [one for one in results if one["end"] not in HARMLESS | more]
    assert not wrong, wrong[:5]
    ends = Counter(one["end"] for one in results)
    count("hostile", what, len(results))
    return ends


@LINUX
def test_a_file_that_somebody_without_the_key_altered_is_refused_or_intact(tmp_path, count):
    ends = judge(drive(tmp_path, "outside", 0, 60), count, "vault files altered without the key")
    assert ends["refused"] and ends["intact"] and ends["found"]


@LINUX
@pytest.mark.parametrize("number", [50_096, 50_135])
def test_a_damaged_page_met_while_writing_is_damage_and_no_want_of_memory(tmp_path, number):
    (one,) = drive(tmp_path, "outside", number, 1)
    assert one["end"] == "refused" and one["what"].startswith("DamagedError"), one


@LINUX
def test_a_key_file_that_was_altered_is_refused_or_opens_from_its_other_copy(tmp_path, count):
    ends = judge(drive(tmp_path, "keys", 0, 12), count, "key files altered")
    assert ends["refused"] and ends["intact"]


@LINUX
@pytest.mark.parametrize("number", [22_298, 28_397])
def test_a_header_of_other_pages_is_refused_before_sqlcipher_crashes_on_it(tmp_path, number):
    (one,) = drive(tmp_path, "inside", number, 1)
    assert one["end"] == "refused", one


@LINUX
def test_pages_that_somebody_with_the_key_made_crash_nothing(tmp_path, count):
    what = "vault files whose pages somebody with the key made anew"
    ends = judge(drive(tmp_path, "inside", 0, 80), count, what, frozenset({"internal"}))
    assert ends["refused"] and ends["intact"]


@LINUX
def test_no_sql_of_somebody_with_the_key_runs(tmp_path, count):
    results = {one["name"]: one for one in drive(tmp_path, "sql", 0, len(stores.SQL))}
    judge(list(results.values()), count, "vaults that somebody with the key wrote by SQL", frozenset({"internal"}))
    for name, script in stores.SQL.items():
        if any(word in "".join(script) for word in ("CREATE ", "DROP ", "ALTER ", "SET sql")):
            assert results[name]["end"] == "refused", results[name]


@LINUX
@pytest.mark.prove
@pytest.mark.parametrize("part", range(10))
def test_altered_vault_files(tmp_path, count, part):
    (tmp_path / "outside").mkdir()
    (tmp_path / "inside").mkdir()
    outside = drive(tmp_path / "outside", "outside", 1_000 + 950 * part, 950)
    judge(outside, count, "vault files altered without the key")
    inside = drive(tmp_path / "inside", "inside", 20_000 + 1_000 * part, 1_000)
    what = "vault files whose pages somebody with the key made anew"
    ends = judge(inside, count, what, frozenset({"internal"}))
    count("hostile", "of them ended by an error that has no sentence of its own", ends["internal"])


@LINUX
@pytest.mark.prove
def test_altered_key_files(tmp_path, count):
    judge(drive(tmp_path, "keys", 1_000, 500), count, "key files altered")


# -- controls and settings -------------------------------------------------------------------------------------------


def test_a_crash_and_an_endless_loop_would_be_noticed(monkeypatch):
    if not hasattr(stores.os, "fork"):
        pytest.skip("POSIX only")
    monkeypatch.setattr(stores, "SECONDS", 1)

    def endless():
        while True:
            pass

    def crash():
        stores.os.kill(stores.os.getpid(), stores.signal.SIGSEGV)

    assert stores.attempt(crash) == {"end": "crash", "what": "SIGSEGV"}
    assert stores.attempt(endless)["what"] in ("SIGXCPU", "SIGKILL")
    assert stores.attempt(lambda: "")["end"] == "intact"


@LINUX
def test_a_trigger_of_somebody_else_would_run_if_the_tables_were_not_compared(tmp_path, monkeypatch):
    vault = stores.make(tmp_path / "vault")
    key = bytes(keys.store_key(vault.keys.vault_key).reveal())
    evil = "CREATE TRIGGER evil AFTER INSERT ON custody_entry BEGIN UPDATE vault_case SET title = 'theirs'; END"
    stores.rewritten(tmp_path / "vault/vault.db", key, [evil])
    with pytest.raises(DamagedError, match="not those of its version"):
        stores.walk(tmp_path / "vault", vault.keys)
    expected = migrations._tables(migrations.newest_version())
    monkeypatch.setattr(migrations, "_tables_of", lambda connection: expected)
    opened = stores.api.setup.open_with(tmp_path / "vault", vault.keys)
    stores.api.cases.add(opened, "mine")
    assert "theirs" in {case.title for case in stores.api.cases.page(opened)}
    opened.close()


def test_what_runs_no_code_from_a_store_is_set_and_read_back(tmp_path):
    store = database.Database.create(tmp_path / "vault.db", database.Secret(bytes(32)))

    def work(connection):
        for name, reply in (("trusted_schema", 0), ("cell_size_check", 1), ("writable_schema", 0)):
            assert connection.execute(f"PRAGMA {name}").fetchone()[0] == reply
        with pytest.raises(database.sqlite.OperationalError, match="not authorized"):
            connection.execute("SELECT load_extension('x')")

    store.run(work)
    store.close()
