"""One attempt of a proof: a copy of a prepared root, an operation interrupted at one call, and what is left judged.

Attempts run in processes of their own, started clean, because they fork: `pool` gives as many as there are processors.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from tests.proofs import interrupt
from tests.proofs.interrupt import KILL, Call, Ended
from tests.proofs.operations import OPERATIONS, Operation, Root, unlocked
from vault.store import database

MEMORY = Path("/dev/shm")
"""A file system in memory, on which a sync costs nothing: what a kill leaves does not depend on the disk."""


def scratch() -> Path:
    """Return a new folder for roots, in memory where there is such a place."""
    return Path(tempfile.mkdtemp(prefix="evault-proof-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None))


def pool() -> ProcessPoolExecutor:
    """Return workers for attempts, one for each processor that this process may use."""
    return ProcessPoolExecutor(len(os.sched_getaffinity(0)), multiprocessing.get_context("spawn"))


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is to be tried.

    Attributes:
        operation: Its name in `OPERATIONS`, or in `VARIANTS` here.
        template: The prepared root.
        number: At which of its calls, from 1.
        fault: `KILL`, or an error number.
        sticky: The error stays from that call on, for every call of the same kinds.
    """

    operation: str
    template: Path
    number: int
    fault: int = KILL
    sticky: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it.

    Attributes:
        attempt: What was tried.
        call: The call that was interrupted, or None where there were fewer.
        killed: The process died by SIGKILL.
        acknowledged: The program had said "done" before.
        wrong: What does not hold, or an empty string.
    """

    attempt: Attempt
    call: Call | None
    killed: bool
    acknowledged: bool
    wrong: str


# -- variants of the operations ----------------------------------------------------------------------------------------


def _reopen(root: Root, done: Callable[[], None]) -> None:
    vault = root.open()
    done()
    vault.close()


def _said_too_early(root: Root, done: Callable[[], None]) -> None:
    done()
    OPERATIONS["sign"].run(root, lambda: None)


def _without_a_journal(root: Root, done: Callable[[], None]) -> None:
    settings = (("journal_mode", "OFF", "off"), *(one for one in database._SETTINGS if one[0] != "journal_mode"))
    database._SETTINGS = settings  # type: ignore[misc]  # this process ends with the attempt
    OPERATIONS["sign"].run(root, done)


def _as_if_it_had_not_been_said(check: Callable[[Root, bool], None]) -> Callable[[Root, bool], None]:
    """What is acknowledged while a vault is opened is the opening, not what was interrupted before."""
    return lambda root, acknowledged: check(root, False)


_RECOVERIES = {
    f"recovery of {name}": replace(
        OPERATIONS[name], run=run or OPERATIONS[name].run,
        check=_as_if_it_had_not_been_said(OPERATIONS[name].check) if run else OPERATIONS[name].check,
    )
    for name, run in (("sign", _reopen), ("attach-1", _reopen), ("migration", _reopen), ("rekey", None))
}  # fmt: skip

VARIANTS: dict[str, Operation] = {
    **OPERATIONS,
    **_RECOVERIES,
    "sign, said too early": replace(OPERATIONS["sign"], run=_said_too_early),
    "sign without a journal": replace(OPERATIONS["sign"], run=_without_a_journal),
}
"""The twelve, the opening after a kill in the middle of a commit, and two that are wrong on purpose."""


# -- in a worker -------------------------------------------------------------------------------------------------------


def _copy(template: Path) -> Root:
    place = scratch() / "root"
    shutil.copytree(template, place)
    return Root(place, unlocked)


def _remove(root: Root) -> None:
    shutil.rmtree(root.folder.parent)


def _interrupted(root: Root, attempt: Attempt) -> Ended:
    run = VARIANTS[attempt.operation].run

    def decide(number: int, call: Call) -> int:
        return attempt.fault if number == attempt.number else 0

    return interrupt.run(lambda say: run(root, lambda: say("done")), root.folder, decide)


def trace(operation: str, template: Path) -> list[Call]:
    """Return the calls of an operation that nothing interrupts, after judging what it left."""
    root = _copy(template)
    try:
        ended = _interrupted(root, Attempt(operation, template, 0))
        assert (ended.status, ended.said, ended.noise) == (0, ["done"], ""), (operation, ended.status, ended.noise)
        wrong = judged(root, operation, acknowledged=True)
        assert not wrong, (operation, wrong)
    finally:
        _remove(root)
    return ended.calls


def judged(root: Root, operation: str, *, acknowledged: bool) -> str:
    """Return what the checker of an operation finds wrong, in a process of its own; or an empty string."""
    checked = interrupt.run(lambda say: VARIANTS[operation].check(root, acknowledged))
    return "" if checked.status == 0 and not checked.noise else checked.noise or f"it ended with {checked.status}"


def killed(attempt: Attempt) -> Result:
    """Kill an operation at one of its calls and judge what is left."""
    root = _copy(attempt.template)
    try:
        ended = _interrupted(root, attempt)
        acknowledged = "done" in ended.said
        hit = len(ended.calls) == attempt.number
        wrong = ended.noise or judged(root, attempt.operation, acknowledged=acknowledged)
        return Result(attempt, ended.calls[-1] if hit else None, ended.killed, acknowledged, wrong)
    finally:
        _remove(root)


def killed_in_the_middle(operation: str, template: Path, target: Path) -> None:
    """Make a root that was killed at the end of its largest commit, so that the next opening has to undo that."""
    commits: list[list[int]] = [[]]
    for number, call in enumerate(trace(operation, template), 1):
        if (call.name, call.file) == ("ftruncate", "vault/vault.db-journal"):
            commits.append([])
        elif (call.name, call.file) == ("pwrite64", "vault/vault.db"):
            commits[-1].append(number)
    shutil.copytree(template, target)
    root = Root(target, unlocked)
    ended = _interrupted(root, Attempt(operation, template, max(commits, key=len)[-1]))
    journal = (root.vault / "vault.db-journal").read_bytes()
    assert ended.killed and any(journal[:12]), "no journal to be played back"


def sample(calls: list[Call], most: int, seed: str) -> list[int]:
    """Return numbers of calls, drawn with a seed: up to half of them syncs, renames and the like, the rest any."""
    drawn = random.Random(seed)
    numbers = drawn.sample(range(1, len(calls) + 1), len(calls))
    decisive = [number for number in numbers if "write" not in calls[number - 1].name][: most // 2]
    return sorted([*decisive, *(number for number in numbers if number not in decisive)][:most])
