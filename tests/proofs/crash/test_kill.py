"""Killed by SIGKILL at any call that changes a file, an operation is whole or did not happen, and nothing is lost."""

from __future__ import annotations

import pytest

from tests.proofs import attempts
from tests.proofs.attempts import VARIANTS, Attempt
from tests.proofs.operations import OPERATIONS

# How many points of each operation the short sample tries: fewer where a passphrase is derived or much is written.
SAMPLE = {
    "create": 4, "unlock": 50, "sign": 40, "correct": 40, "attach-1": 16, "attach-64": 4, "delete": 26,
    "passphrase": 3, "rekey": 3, "seal": 25, "receive": 28, "backup": 8, "migration": 30,
    "recovery of sign": 16, "recovery of attach-1": 2, "recovery of migration": 6, "recovery of rekey": 1,
}  # fmt: skip


def kill(workers, prepared, name: str, most: int | None, template: str = "") -> list[attempts.Result]:
    """Kill an operation at all of its calls, or at a sample of them, and return what came of each."""
    root = prepared(template or name)
    calls = workers.submit(attempts.trace, name, root).result()
    numbers = range(1, len(calls) + 1) if most is None else attempts.sample(calls, most, f"kill {name}")
    return list(workers.map(attempts.killed, [Attempt(name, root, number) for number in numbers]))


def judge(results: list[attempts.Result]) -> None:
    wrong = [
        f"{one.attempt.operation} at call {one.attempt.number} ({one.call}): {one.wrong}"
        for one in results
        if one.wrong
    ]
    assert not wrong, f"{len(wrong)} of {len(results)}: {wrong[0]}"
    missed = [one.attempt.number for one in results if not (one.killed and one.call)]
    assert not missed, f"not killed at {missed}"


@pytest.mark.parametrize("name", SAMPLE)
def test_killed_at_a_sample_of_its_calls_nothing_is_lost_or_half_done(workers, prepared, count, name):
    results = kill(workers, prepared, name, SAMPLE[name])
    judge(results)
    count("kill", f"points of a sample at which '{name}' was killed", len(results))


@pytest.mark.prove
@pytest.mark.parametrize("name", SAMPLE)
def test_killed_at_every_call_nothing_is_lost_or_half_done(workers, prepared, count, name):
    results = kill(workers, prepared, name, None)
    judge(results)
    count("kill", f"points at which '{name}' was killed, every one of them", len(results))
    count(
        "kill",
        "points that were killed after the program had said that it was done",
        sum(one.acknowledged for one in results),
    )


def test_every_operation_is_killed():
    assert set(OPERATIONS) <= set(SAMPLE) <= set(VARIANTS)


def test_what_is_said_before_it_is_saved_is_found_out(workers, prepared, count):
    results = kill(workers, prepared, "sign, said too early", 12, "sign")
    assert all(one.killed for one in results)
    lost = [one for one in results if one.acknowledged and "neither as before nor all of the change" in one.wrong]
    assert lost
    count("kill", "control: points at which a save that was said too early was lost", len(lost))


def test_a_store_without_a_journal_is_found_out(workers, prepared, count):
    results = kill(workers, prepared, "sign without a journal", 12, "sign")
    assert all(one.killed for one in results)
    broken = [one for one in results if one.wrong]
    assert broken
    count("kill", "control: points at which a store without a journal was broken", len(broken))
