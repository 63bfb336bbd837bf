"""Many small files go in together, in few transactions, and each still stands for itself."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import vault_world
from vault import api, errors
from vault.jobs import Job
from vault.usecases import intake, setup


@pytest.fixture
def vault(tmp_path):
    opened = vault_world.make_vault(tmp_path / "vault")
    yield opened
    opened.close()


@pytest.fixture
def case(vault):
    return api.cases.add(vault, "case")


def many(folder: Path, count: int, size: int = 1000) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{number:04}.bin" for number in range(count)]
    for path in paths:
        path.write_bytes(os.urandom(size))
    return paths


def names(vault, case):
    return [one.fields["original_name"] for one in api.intake.page(vault, case.id)]


def test_a_folder_of_small_files_takes_few_transactions(vault, case, tmp_path):
    paths = many(tmp_path / "in", 200)
    before = vault.read(vault.database.commits)
    outcomes = list(intake.attach_all(vault, case.id, ((path, Job()) for path in paths)))
    assert vault.read(vault.database.commits) - before == 4
    assert [one.path for one in outcomes] == paths
    assert api.intake.page(vault, case.id) == [outcome.attachment for outcome in outcomes]
    report = api.checking.check(vault, [], Job()).report
    assert report.ok, report.findings


@pytest.fixture(autouse=True)
def out(tmp_path):
    (tmp_path / "out").mkdir()


def test_files_of_all_sizes_keep_their_order_and_their_bytes(vault, case, tmp_path):
    sizes = [0, 1, 1 << 20, (1 << 20) + 1, 4 << 20, (4 << 20) + 1, 5, 6 << 20, 0]
    paths = [tmp_path / f"{place} {size}" for place, size in enumerate(sizes)]
    for path, size in zip(paths, sizes, strict=True):
        path.write_bytes(os.urandom(size))
    outcomes = list(intake.attach_all(vault, case.id, ((path, Job()) for path in paths)))
    assert [one.path for one in outcomes] == paths
    assert names(vault, case) == [path.name for path in paths]
    for path, outcome in zip(paths, outcomes, strict=True):
        api.intake.extract(vault, outcome.attachment.id, tmp_path / "out" / path.name, Job())
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def test_what_is_refused_is_named_in_its_place_and_the_others_go_in(vault, case, tmp_path):
    paths = many(tmp_path / "in", 5)
    paths[1].unlink()
    paths[2].unlink()
    paths[2].mkdir()
    paths[4].write_bytes(paths[0].read_bytes())
    outcomes = list(intake.attach_all(vault, case.id, ((path, Job()) for path in paths), once=True))
    kinds = [type(one.error) for one in outcomes]
    assert kinds == [type(None), errors.NotFoundError, errors.WrongKindError, type(None), errors.AlreadyExistsError]
    assert [one.path for one in outcomes] == paths
    assert names(vault, case) == ["0000.bin", "0003.bin"]


def test_the_same_bytes_in_one_transaction_are_stored_once_and_recorded_twice(vault, case, tmp_path):
    paths = many(tmp_path / "in", 2)
    paths[1].write_bytes(paths[0].read_bytes())
    first, second = intake.attach_all(vault, case.id, ((path, Job()) for path in paths))
    assert first.attachment.id != second.attachment.id
    assert vault.read(lambda c: c.execute("SELECT count(*) FROM content").fetchone()[0]) == 1


def test_what_is_said_and_does_not_fit_is_refused_before_a_file_is_read(vault, case, tmp_path):
    asked = []

    def paths():
        asked.append(True)
        yield tmp_path / "a", Job()

    with pytest.raises(errors.RefusedError):
        list(intake.attach_all(vault, case.id, paths(), intake.About(stated={"sha256": "0" * 64})))
    assert not asked


def test_cancelled_what_was_yielded_stays_and_nothing_else_is_half_there(vault, case, tmp_path):
    paths = many(tmp_path / "in", 150)
    job = Job()

    def asked():
        for place, path in enumerate(paths):
            if place == 140:
                job.cancel()
            yield path, job

    told = []
    with pytest.raises(errors.CancelledError):
        for one in intake.attach_all(vault, case.id, asked()):
            told.append(one.path.name)
    assert told == [path.name for path in paths[:128]]
    assert names(vault, case) == told
    assert vault.read(lambda c: c.execute("SELECT count(*) FROM content WHERE NOT complete").fetchone()[0]) == 0


def test_a_caller_that_stops_listening_waits_for_what_is_on_its_way(vault, case, tmp_path):
    paths = many(tmp_path / "in", 150)
    outcomes = intake.attach_all(vault, case.id, ((path, Job()) for path in paths))
    next(outcomes)
    outcomes.close()
    assert len(names(vault, case)) in (64, 128)
    assert api.checking.check(vault, [], Job()).report.ok


def test_a_full_disk_refuses_the_whole_transaction_and_says_so_of_each(vault, case, tmp_path, monkeypatch):
    paths = many(tmp_path / "in", 3)
    monkeypatch.setattr("vault.files.free_space", lambda folder: intake.RESERVE)
    outcomes = list(intake.attach_all(vault, case.id, ((path, Job()) for path in paths)))
    assert [type(one.error) for one in outcomes] == [errors.DiskFullError] * 3
    assert names(vault, case) == []


CHILD = """
import sys
from pathlib import Path
from tests import vault_world
from vault import api
from vault.jobs import Job
vault = vault_world.unlock(Path(sys.argv[1]))
case = api.cases.page(vault)[0]
paths = sorted(Path(sys.argv[2]).iterdir())
for outcome in api.intake.attach_all(vault, case.id, ((path, Job()) for path in paths)):
    assert outcome.attachment, outcome.error
    print(outcome.path.name, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="POSIX kills")
def test_killed_what_was_told_is_there_and_whole(vault, case, tmp_path):
    many(tmp_path / "in", 300, 50_000)
    folder = vault.folder
    vault.close()
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), str(tmp_path / "in")],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    ) as child:  # fmt: skip
        told = [child.stdout.readline().strip()]
        os.kill(child.pid, signal.SIGKILL)
        told += child.stdout.read().split()
    again = vault_world.unlock(folder)
    try:
        setup.sweep_all(again)
        found = names(again, case)
        assert set(told) <= set(found)
        assert found == sorted(found)
        assert api.checking.check(again, [], Job()).report.ok
    finally:
        again.close()
