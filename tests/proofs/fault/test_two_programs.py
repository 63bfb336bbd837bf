"""Two programs want one vault, and a copy is made while somebody writes: one comes in, and nothing is lost."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.vault_world import PASSPHRASE, make_vault, reopen
from vault import api
from vault.errors import DamagedError, FormatError
from vault.jobs import Job

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked and stopped on Linux only")

TOP = Path(__file__).parents[3]
TOGETHER = 6
"""Vaults whose rounds go on at once: whoever is turned away waits for a second first."""


def new_vault(folder: Path) -> api.OpenVault:
    vault = make_vault(folder)
    api.cases.add(vault, "saltmarsh")
    return vault


def start(module: str, *arguments: object, **options) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", f"tests.proofs.fault.{module}", *map(str, arguments)]
    return subprocess.Popen(command, cwd=TOP, text=True, stdout=subprocess.PIPE, **options)


# -- rounds ------------------------------------------------------------------------------------------------------------


def go_rounds(folder: Path, rounds: int, count) -> None:
    running = []
    for number in range(TOGETHER):
        new_vault(folder / str(number)).close()
        running.append(start("rounds", folder / str(number), number, rounds // TOGETHER))
    lines = [json.loads(line) for process in running for line in process.communicate()[0].splitlines()]
    assert [process.returncode for process in running] == [0] * TOGETHER
    played = [line for line in lines if line["kind"] != "judged"]
    assert len(played) == rounds // TOGETHER * TOGETHER
    assert [line["errors"] for line in played if line["errors"]] == []
    for line in played:
        one_in = sorted(line["told"]) == ["in use", "opened"]
        one_after_the_other = line["kind"] == "quick" and line["told"] == ["opened", "opened"]
        assert one_in or one_after_the_other, line
        assert line["after"] == ("opened" if line["kind"] == "kill" else ""), line
    judged = [line for line in lines if line["kind"] == "judged"]
    assert [line["missing"] for line in judged if line["missing"]] == []
    assert all(line["sound"] for line in judged)
    took = [seconds for line in played for seconds in line["took"]]
    count("two", "rounds of two processes on one vault", len(played))
    count("two", "rounds in which the one that came in was killed", sum(line["kind"] == "kill" for line in played))
    count("two", "times that the second was told 'in use'", len(took))
    count("two", "of these within two seconds", sum(seconds <= 2 for seconds in took))
    count("two", "notes that were saved and missing afterwards", sum(len(line["missing"]) for line in judged))


def test_of_two_programs_one_comes_in_and_nothing_is_lost(tmp_path, count):
    go_rounds(tmp_path, 30, count)


@pytest.mark.prove
def test_of_two_programs_one_comes_in_and_nothing_is_lost_in_a_thousand_rounds(tmp_path, count):
    go_rounds(tmp_path, 1_002, count)


def test_a_command_hears_by_its_exit_code_that_the_vault_is_in_use(tmp_path, count):
    vault = new_vault(tmp_path / "vault")
    command = [sys.executable, "-m", "tui", "--vault", tmp_path / "vault", "--passphrase-fd", "0", "--json"]
    options = {"cwd": TOP, "input": f"{PASSPHRASE}\n", "text": True, "capture_output": True, "check": False}
    turned_away = subprocess.run([*command, "case", "list"], **options)
    vault.close()
    let_in = subprocess.run([*command, "case", "list"], **options)
    assert (turned_away.returncode, json.loads(turned_away.stdout)["error"]["code"]) == (5, "in-use")
    assert let_in.returncode == 0


def test_the_rounds_notice_when_the_store_is_not_locked(tmp_path):
    """The control: with the lock that SQLite takes by itself both come in, which the rounds must not accept."""
    new_vault(tmp_path / "0").close()
    unlocked = (
        "import sys; from vault.store import database as d; a = d._assert\n"
        "d._assert = lambda c, n, v, r: a(c, n, *(('NORMAL', 'normal') if n == 'locking_mode' else (v, r)))\n"
        "from tests.proofs.fault import rounds; rounds.main(rounds.Path(sys.argv[1]), 1, 2)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", unlocked, tmp_path / "0"], cwd=TOP, text=True, capture_output=True, check=True
    )
    told = [json.loads(line).get("told") for line in done.stdout.splitlines()]
    assert ["opened", "opened"] in told[:2]


ABREAST = """
import sys
from pathlib import Path
from tests.vault_world import PASSPHRASE
from vault import api
from vault.errors import InUseError
from vault.store import database
given = database._assert
waited = []
def wait_after_the_last(connection, name, value, reply):
    given(connection, name, value, reply)
    if name == database._SETTINGS[-1][0] and not waited:
        waited.append(name)
        print("ready", flush=True)
        sys.stdin.readline()
database._assert = wait_after_the_last
try:
    vault = api.setup.unlock(Path(sys.argv[1]), api.to_secret(PASSPHRASE))
except InUseError:
    print("in use", flush=True)
else:
    print("opened", flush=True)
    sys.stdin.readline()
    vault.close()
"""


def test_of_two_programs_that_ask_for_the_lock_at_the_same_moment_one_comes_in(tmp_path):
    folder = tmp_path / "vault"
    new_vault(folder).close()
    command = [sys.executable, "-c", ABREAST, folder]
    both = [
        subprocess.Popen(command, cwd=TOP, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)
    ]
    assert [process.stdout.readline() for process in both] == ["ready\n"] * 2
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    told = sorted(process.stdout.readline().strip() for process in both)
    for process in both:
        process.communicate("close\n")
    assert told == ["in use", "opened"]


# -- a copy while somebody writes --------------------------------------------------------------------------------------

WRITER = """
import os, sys
from pathlib import Path
from tests.vault_world import PASSPHRASE
from vault import api
vault = api.setup.unlock(Path(sys.argv[1]), api.to_secret(PASSPHRASE))
(case,) = api.cases.page(vault)
number = 0
while True:
    api.records.add(vault, case.id, "note", {"text": f"{number:08d}" + "saltmarsh " * 500})
    number += 1
    os.write(1, b".")
"""


@pytest.fixture
def writer(tmp_path):
    """A vault in which a process writes one long note after another, and that process."""
    vault = new_vault(tmp_path / "vault")
    vault.close()
    process = subprocess.Popen([sys.executable, "-c", WRITER, vault.folder], cwd=TOP, stdout=subprocess.PIPE)
    assert process.stdout.read(1) == b"."
    yield vault, process
    process.kill()
    process.communicate()


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)


def copy_and_look(writer, folder: Path, copies: int, *, frozen: bool) -> Counter[str]:
    """Copy the vault again and again, and return how often the copy was whole, and how often it was known not to be."""
    vault, process = writer
    os.set_blocking(process.stdout.fileno(), False)
    chooser, saved, found = random.Random(7), 1, Counter()
    for number in range(copies):
        process.send_signal(signal.SIGCONT)
        time.sleep(chooser.random() * 0.1)
        if frozen:
            stop(process)
        before = saved = saved + len(process.stdout.read() or b"")
        copy = Path(shutil.copytree(vault.folder, folder / str(number)))
        saved += len(process.stdout.read() or b"")
        # While the copy is looked at, the vault need not grow.
        stop(process)
        journal = copy / "vault.db-journal"
        found["with a journal to go back by"] += journal.exists() and journal.stat().st_size > 0
        try:
            opened = api.setup.open_with(copy, vault.keys)
        except (DamagedError, FormatError):
            found["refused"] += 1
            continue
        try:
            (case,) = api.cases.page(opened)
            report = api.checking.check(opened, [], Job()).report
            if not report.ok:
                found["refused"] += 1
                continue
            notes = sorted(
                api.records.show(opened, one.id).fields["text"][:8] for one in api.records.page(opened, case.id)
            )
            assert notes == [f"{number:08d}" for number in range(len(notes))]
            assert before <= len(notes) <= saved + 1
            found["whole"] += 1
        finally:
            opened.close()
            shutil.rmtree(copy)
    assert process.poll() is None
    return found


def hot_copies(writer, folder: Path, copies: int, count) -> None:
    (folder / "copies").mkdir()
    found = copy_and_look(writer, folder / "copies", copies, frozen=True)
    assert found["whole"] == copies and found["with a journal to go back by"]
    count("two", "copies of an open vault at one moment, in the middle of writing", copies)
    count("two", "of these whole, with all that was saved", found["whole"])
    count("two", "of these with a journal to go back by", found["with a journal to go back by"])


def test_a_copy_of_an_open_vault_at_one_moment_has_all_that_was_saved(writer, tmp_path, count):
    hot_copies(writer, tmp_path, 12, count)


@pytest.mark.prove
def test_a_hundred_copies_of_an_open_vault_at_one_moment_have_all_that_was_saved(writer, tmp_path, count):
    hot_copies(writer, tmp_path, 100, count)


@pytest.mark.prove
def test_a_copy_that_was_made_while_the_vault_changed_is_whole_or_known_not_to_be(writer, tmp_path, count):
    (tmp_path / "copies").mkdir()
    found = copy_and_look(writer, tmp_path / "copies", 100, frozen=False)
    assert found["whole"] + found["refused"] == 100
    count("two", "copies of a vault that went on changing meanwhile", 100)
    count("two", "of these known not to be whole", found["refused"])


def test_the_vault_itself_is_whole_after_its_writer_was_stopped_and_killed(writer):
    vault, process = writer
    stop(process)
    process.kill()
    process.wait()
    again = reopen(vault)
    assert api.checking.check(again, [], Job()).report.ok
    again.close()
