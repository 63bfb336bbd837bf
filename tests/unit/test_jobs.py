"""Long work: what it reports, how often, and that it stops where it was asked to."""

from __future__ import annotations

import pytest

from vault import jobs
from vault.errors import CancelledError
from vault.jobs import Job, Progress


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now[0])
    return now


def test_progress_says_rate_and_remaining_time(clock):
    seen: list[Progress] = []
    job = Job(seen.append)
    job.report("taking in", 0, 100)
    clock[0] += 2
    job.report("taking in", 50, 100)
    assert (seen[-1].rate, seen[-1].remaining) == (25.0, 2.0)
    job.report("counting", 5)
    assert (seen[-1].step, seen[-1].total, seen[-1].remaining) == ("counting", None, None)


def test_progress_comes_at_most_ten_times_a_second_but_the_end_always(clock):
    seen: list[Progress] = []
    job = Job(seen.append)
    for done in range(1000):
        clock[0] += 0.001
        job.report("taking in", done, 999)
    assert 10 <= len(seen) <= 12
    assert seen[-1].done == 999


def test_the_next_file_of_the_same_step_starts_with_its_own_rate(clock):
    seen: list[Progress] = []
    job = Job(seen.append)
    job.report("taking in", 0, 100)
    clock[0] += 10
    job.report("taking in", 100, 100)
    job.report("taking in", 0, 100)
    clock[0] += 1
    job.report("taking in", 50, 100)
    assert (seen[-1].rate, seen[-1].remaining) == (50.0, 1.0)


def test_work_that_is_called_off_stops_at_its_next_report(clock):
    seen: list[Progress] = []
    job = Job(seen.append)
    job.report("taking in", 0, 100)
    job.cancel()
    with pytest.raises(CancelledError):
        job.report("taking in", 50, 100)
    with pytest.raises(CancelledError):
        job.check()
    assert len(seen) == 1
