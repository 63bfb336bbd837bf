"""Attachments: what else happens while a file is taken in or out."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from vault import api
from vault.model import CHUNK_SIZE
from vault.usecases import intake, records, setup


def test_bytes_that_were_deleted_and_came_again_meanwhile_are_the_ones_attached(
    vault, case, tmp_path, job, monkeypatch
):
    path = tmp_path / "a"
    path.write_bytes(os.urandom(5000))
    first = intake.attach(vault, case.id, path, job)
    inspect, again = vault.inspector.inspect, []

    def slow(*args: object) -> object:
        if not again:
            again.append(None)
            records.delete(vault, first.id, "a mistake")
            setup.sweep_all(vault)
            (tmp_path / "other").write_bytes(b"takes the number that got free")
            intake.attach(vault, case.id, tmp_path / "other", job)
            intake.attach(vault, case.id, path, job)
        return inspect(*args)

    monkeypatch.setattr(vault.inspector, "inspect", slow)
    taken = intake.attach(vault, case.id, path, job)
    intake.extract(vault, taken.id, tmp_path / "out", job)
    assert (tmp_path / "out").read_bytes() == path.read_bytes()
    assert api.checking.check(vault, [], job).report.ok


EXTRACTED = """
import os, signal
vault = api.setup.unlock(here / "vault", secret)
class Killed(Job):
    def report(self, step, done, total=None):
        if done == total:
            os.kill(os.getpid(), signal.SIGKILL)
api.intake.extract(vault, sys.argv[2], here / "out" / "film", Killed())
say("whole")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only: files without names")
def test_a_kill_while_a_file_is_taken_out_leaves_nothing_readable(vault, case, child, tmp_path, job):
    (tmp_path / "film").write_bytes(os.urandom(3 * CHUNK_SIZE))
    taken = intake.attach(vault, case.id, tmp_path / "film", job)
    vault.close()
    (tmp_path / "out").mkdir()
    process = child(EXTRACTED, taken.id)
    assert process.communicate()[0] == ""
    assert process.returncode == -signal.SIGKILL
    assert list((tmp_path / "out").iterdir()) == []
