"""On a disk that is full or broken nothing is lost: what is said to be saved is saved, the rest is told as an error."""

from __future__ import annotations

import errno
import re
from collections import Counter

import pytest

from tests.proofs import attempts
from tests.proofs.attempts import VARIANTS, Attempt
from tests.proofs.interrupt import Call
from tests.proofs.operations import OPERATIONS

# How many errors the short sample tries in each operation: fewer where a passphrase is derived or much is written.
SAMPLE = {
    "create": 4, "unlock": 10, "sign": 18, "draft": 14, "correct": 10, "attach-1": 10, "attach-64": 2, "delete": 14,
    "passphrase": 4, "rekey": 4, "seal": 16, "receive": 14, "backup": 8, "migration": 10,
    "recovery of sign": 6, "recovery of attach-1": 2, "recovery of migration": 3, "recovery of rekey": 1,
}  # fmt: skip
ERRORS = [
    (number, sticky)
    for number in (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT, errno.EFBIG)
    for sticky in (False, True)
]
DEAR = {"create", "passphrase", "rekey", "backup", "recovery of rekey"}
"""Operations that derive a passphrase: each call that only writes has one of the errors, every other call has four."""
MOST = 40
"""At so many calls of the largest operation errors are tried, drawn with a seed."""


def some(calls: list[Call], name: str, most: int) -> list[tuple[int, int, bool]]:
    numbers = attempts.sample(calls, most, f"errors {name}")
    return [(number, *ERRORS[at % len(ERRORS)]) for at, number in enumerate(numbers, len(name))]


def every(calls: list[Call], name: str) -> list[tuple[int, int, bool]]:
    """All ten errors at each call; two in turn where it only writes, of which there are thousands."""
    numbers = list(range(1, len(calls) + 1))
    if name == "attach-64":
        numbers = attempts.sample(calls, MOST, f"errors {name}")
    points = []
    for number in numbers:
        writes = "write" in calls[number - 1].name
        most = (1 if writes else 4) if name in DEAR else (2 if writes else 10)
        points += [(number, *ERRORS[(number * most + at) % len(ERRORS)]) for at in range(most)]
    return points


SAVED: dict[str, int] = {}
"""Operation → the call that ends its first commit."""


def fail(workers, prepared, name: str, points, template: str = "") -> list[attempts.Result]:
    root = prepared(template or name)
    calls = workers.submit(attempts.trace, name, root).result()
    cuts = [number for number, call in enumerate(calls, 1) if call.name in ("ftruncate", "unlink")]
    SAVED[name] = next(
        (number + 1 for number in cuts if calls[number - 1].file == "vault/vault.db-journal"), len(calls)
    )
    return list(workers.map(attempts.failed, [Attempt(name, root, *point) for point in points(calls)]))


def judge(results: list[attempts.Result]) -> None:
    def what(one: attempts.Result) -> str:
        tried = one.attempt
        times = "from there on" if tried.sticky else "once"
        return f"{tried.operation}, {errno.errorcode[tried.fault]} {times} at call {tried.number}, {one.call}"

    wrong = [f"{what(one)}: {one.wrong}" for one in results if one.wrong]
    assert not wrong, f"{len(wrong)} of {len(results)}: {wrong[0]}"
    missed = [what(one) for one in results if not one.call]
    assert not missed
    silent = [what(one) for one in results if one.silent and not harmless(one)]
    assert not silent, f"said to be done after a call had failed: {silent}"


BESIDE = re.compile(r"^\.[0-9a-f]{16}\.part(?=/|$)")
REMOVED = [(name, "vault/vault.db-journal") for name in ("unlink", "fsync")]


def harmless(one: attempts.Result) -> bool:
    """True where an operation is done although this call of it failed."""
    name = one.attempt.operation
    # A vault is made beside its place, and moved there whole.
    call = (one.call.name, BESIDE.sub("vault", one.call.file))
    return (
        # The owner of the journal and the name of an empty journal: SQLite passes over both. The commit that is
        # acknowledged does not need the journal any more.
        call in (("fchown", "vault/vault.db-journal"), ("fsync", "vault"))
        # Files without a name, and links to them, are done without where there are none.
        or call[0] in ("openat", "linkat")
        # What opening a vault tidies up is tried again at the next opening.
        or name in ("unlock", "migration")
        or name.startswith("recovery of ")
        # What a deletion left is swept beside it, once the deletion is saved, and again at the next opening.
        or (name == "delete" and one.attempt.number > SAVED[name])
        # When the store is closed, its journal is removed, and that synced: at the end of making a vault, and between
        # the rewriting and the end of the old key. It is empty by then.
        or (name in ("create", "rekey") and call in REMOVED)
    )


def at(calls: list[Call], name: str, file: str, *, last: bool = False) -> int:
    """Return the number of the first or last call of a name on a file."""
    found = [number for number, call in enumerate(calls, 1) if (call.name, call.file) == (name, file)]
    return found[-1 if last else 0]


def tell(count, results: list[attempts.Result], name: str) -> None:
    count("errors", f"errors in '{name}'", len(results))
    for (number, sticky), times in Counter((one.attempt.fault, one.attempt.sticky) for one in results).items():
        count("errors", f"of these, {errno.errorcode[number]} {'from there on' if sticky else 'once'}", times)
    count("errors", "of these, told as an error", sum(bool(one.error) for one in results))


@pytest.mark.parametrize("name", SAMPLE)
def test_a_sample_of_errors_loses_nothing_and_is_told(workers, prepared, count, name):
    results = fail(workers, prepared, name, lambda calls: some(calls, name, SAMPLE[name]))
    judge(results)
    tell(count, results, name)


@pytest.mark.prove
@pytest.mark.parametrize("name", SAMPLE)
def test_an_error_at_any_call_loses_nothing_and_is_told(workers, prepared, count, name):
    results = fail(workers, prepared, name, lambda calls: every(calls, name))
    judge(results)
    tell(count, results, name)


def test_every_operation_meets_errors():
    assert {*OPERATIONS, "draft"} <= set(SAMPLE) <= set(VARIANTS)


@pytest.mark.parametrize("name", ["sign, said too early", "sign, errors let through"])
def test_a_program_that_says_it_wrong_is_found_out(workers, prepared, count, name):
    results = fail(workers, prepared, name, lambda calls: some(calls, name, 10), "sign")
    wrong = [one for one in results if one.wrong]
    assert wrong
    count("errors", f"control: errors at which '{name}' was found out", len(wrong))


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS])
def test_a_vault_that_could_not_be_opened_for_writing_for_a_while_saves_again_when_it_can(workers, prepared, number):
    # After a failed write the store is opened anew. SQLite opens for reading alone what it cannot open for writing.
    (result,) = fail(
        workers, prepared, "draft", lambda calls: [(at(calls, "pwrite64", "vault/vault.db-journal"), number, True)]
    )
    judge([result])
    assert result.error and result.acknowledged


@pytest.mark.parametrize("name", ["sign", "correct", "delete", "receive"])
def test_nobody_is_told_that_nothing_was_saved_when_the_disk_failed_after_the_commit(workers, prepared, name):
    def sync_after_the_cut(calls: list[Call]):
        cuts = [n for n, call in enumerate(calls, 1) if call.name == "ftruncate" and call.file.endswith("-journal")]
        return [(cut + 1, errno.EIO, False) for cut in cuts if calls[cut].name == "fsync"]

    results = fail(workers, prepared, name, sync_after_the_cut)
    judge(results)
    assert any("may be saved, or not" in one.told for one in results)


def test_a_rotation_of_the_key_whose_commit_failed_is_no_damage(workers, prepared):
    def ends(calls: list[Call]):
        cuts = [n for n, call in enumerate(calls, 1) if call.name == "ftruncate" and call.file.endswith("-journal")]
        return [(n, errno.EFBIG, False) for cut in cuts for n in (cut - 1, cut)]

    results = fail(workers, prepared, "rekey", ends)
    judge(results)
    assert "The store could not be encrypted anew; it is unchanged." in {one.told for one in results}


def test_a_rotation_of_the_key_that_failed_at_the_end_leaves_the_vault_to_be_opened(workers, prepared):
    (result,) = fail(
        workers,
        prepared,
        "rekey",
        lambda calls: [(at(calls, "pwrite64", "vault/vault.db", last=True), errno.EIO, False)],
    )
    judge([result])
    assert result.error == "StorageError" and result.acknowledged
