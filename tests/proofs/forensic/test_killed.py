"""Restore, rekey and backup killed at every call that changes a file: the log goes on as its anchors say.

That nothing is lost by a kill is shown in `tests/proofs/crash`. Here: what is left is never called a rollback by the
holder's anchors, nor a second history by who receives the next bundle; and a restore that was cut short can be done
again.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.proofs import interrupt
from tests.proofs.forensic import killing


@pytest.fixture(scope="module")
def workers():
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), multiprocessing.get_context("spawn")) as pool:
        if reason := pool.submit(interrupt.why_not).result():
            pytest.skip(reason)
        yield pool


@pytest.fixture(scope="module")
def root(workers):
    made = workers.submit(killing.prepare).result()
    yield str(made)
    shutil.rmtree(made)


def kill(workers, root, operation, most, count):
    calls, wrong = workers.submit(killing.attempt, root, operation, 0).result()
    assert not wrong, wrong
    numbers = range(1, calls + 1)
    if most:
        numbers = sorted(random.Random(operation).sample(numbers, most))
    done = [workers.submit(killing.attempt, root, operation, number) for number in numbers]
    for number, one in zip(numbers, done, strict=True):
        assert not one.result()[1], f"{operation} at {number}: {one.result()[1]}"
    count("restore", f"points at which '{operation}' was killed, and log and receiver asked", len(numbers))


@pytest.mark.parametrize("operation", killing.OPERATIONS)
def test_after_a_kill_the_log_goes_on_as_its_anchors_say(workers, root, count, operation):
    kill(workers, root, operation, 2, count)


@pytest.mark.prove
@pytest.mark.parametrize("operation", killing.OPERATIONS)
def test_after_a_kill_at_any_point_the_log_goes_on_as_its_anchors_say(workers, root, count, operation):
    kill(workers, root, operation, None, count)


def test_a_restore_that_began_no_epoch_is_found_out(workers, root):
    assert "AssertionError" in workers.submit(killing.forged, root).result()
