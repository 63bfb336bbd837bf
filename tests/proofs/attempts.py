"""One attempt of a proof: a copy of a prepared root, an operation interrupted at one call, and what is left judged.

Attempts run in processes of their own, started clean, because they fork: `pool` gives as many as there are processors.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from tests.proofs import interrupt
from tests.proofs.interrupt import KILL, Call, Ended
from tests.proofs.operations import DRAFT, OPERATIONS, TYPED, Done, Operation, Root, unlocked
from tui.notices import notice_for
from vault import api
from vault.errors import RefusedError, VaultError
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
        error: The class of the error that the program told of, or an empty string.
        told: Its sentence.
        silent: The program said "done" after the call had failed, and told of no error.
    """

    attempt: Attempt
    call: Call | None
    killed: bool
    acknowledged: bool
    wrong: str
    error: str = ""
    told: str = ""
    silent: bool = False


# -- variants of the operations ----------------------------------------------------------------------------------------


def _said_too_early(root: Root, done: Done) -> None:
    done()
    OPERATIONS["sign"].run(root, lambda: None)


def _errors_let_through(root: Root, done: Done) -> None:
    database.translate = lambda error, path=None: error  # this process ends with the attempt
    OPERATIONS["sign"].run(root, done)


def _without_a_journal(root: Root, done: Done) -> None:
    settings = (("journal_mode", "OFF", "off"), *(one for one in database._SETTINGS if one[0] != "journal_mode"))
    database._SETTINGS = settings  # type: ignore[misc]  # this process ends with the attempt
    OPERATIONS["sign"].run(root, done)


def _as_if_it_had_not_been_said(check: Callable[[Root, bool], None]) -> Callable[[Root, bool], None]:
    """What is acknowledged while a vault is opened is the opening, not what was interrupted before."""
    return lambda root, acknowledged: check(root, False)


_RECOVERIES = {
    f"recovery of {name}": replace(
        OPERATIONS[name], run=run or OPERATIONS[name].run, act=None,
        check=_as_if_it_had_not_been_said(OPERATIONS[name].check) if run else OPERATIONS[name].check,
    )
    for name, run in (("sign", OPERATIONS["unlock"].run), ("attach-1", OPERATIONS["unlock"].run),
                      ("migration", OPERATIONS["unlock"].run), ("rekey", None))
}  # fmt: skip

VARIANTS: dict[str, Operation] = {
    **OPERATIONS,
    **_RECOVERIES,
    "draft": DRAFT,
    "sign, said too early": replace(OPERATIONS["sign"], act=None, run=_said_too_early),
    "sign without a journal": replace(OPERATIONS["sign"], act=None, run=_without_a_journal),
    "sign, errors let through": replace(OPERATIONS["sign"], act=None, run=_errors_let_through),
}
"""The twelve, the saving of a draft, the opening after a kill in a commit, and what is wrong on purpose."""


# -- in a worker -------------------------------------------------------------------------------------------------------


def _copy(template: Path) -> Root:
    place = scratch() / "root"
    shutil.copytree(template, place)
    return Root(place, unlocked)


def _remove(root: Root) -> None:
    shutil.rmtree(root.folder.parent)


def _interrupted(root: Root, attempt: Attempt) -> Ended:
    run = VARIANTS[attempt.operation].run

    def decide(number: int, call: Call, said: list[object]) -> int:
        del call, said
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


def failed(attempt: Attempt) -> Result:
    """Let a call of an operation fail, let the person try again once the disk works, and judge what is left."""
    root, operation = _copy(attempt.template), VARIANTS[attempt.operation]
    other = root.folder.parent / "another disk"
    if operation is DRAFT:
        shutil.copytree(root.vault, other)
    try:
        ended = interrupt.run(lambda say: _tried_again(root, operation, other, say), root.folder, _failing(attempt))
        errors = [said for said in ended.said if isinstance(said, dict)]
        done = "done" in ended.said
        wrong = ended.noise or _unclean(errors)
        if "it had happened" in ended.said and operation.name != "seal" and _SAVED_NOTHING in errors[0]["told"][0]:
            wrong = wrong or "it was told that nothing was saved, and it was"
        if not wrong and (ended.status or ended.said[-1] not in ("done", "it had happened")):
            wrong = f"it ended with {ended.status}: {ended.said}"
        # A bundle that left although its entry failed reads "may have left": it is not said to have been sealed.
        whole = "done" in ended.said or operation.name != "seal"
        wrong = wrong or judged(root, attempt.operation, acknowledged=whole)
        hit = len(ended.calls) >= attempt.number
        silent = hit and done and not errors and ended.heard[ended.said.index("done")] >= attempt.number
        call = ended.calls[attempt.number - 1] if hit else None
        told = errors[0] if errors else {"error": "", "told": [""]}
        return Result(attempt, call, ended.killed, done, wrong, told["error"], told["told"][0], silent)
    except TimeoutError:
        return Result(attempt, None, True, False, "it hung")
    finally:
        _remove(root)


_SAVED_NOTHING: Final = "nothing of this step was saved"
_GROWING: Final = ("write", "link", "mkdir", "rename", "fallocate", "copy_file_range", "sendfile")


def _failing(attempt: Attempt) -> interrupt.Decide:
    def grows(call: Call) -> bool:
        return any(word in call.name for word in _GROWING) or bool(call.flags & os.O_CREAT)

    def meant(call: Call) -> bool:
        if attempt.fault in (errno.ENOSPC, errno.EDQUOT):
            return grows(call)
        if attempt.fault == errno.EFBIG:
            return "write" in call.name
        return attempt.fault == errno.EIO or not call.name.endswith("sync")

    def decide(number: int, call: Call, said: list[object]) -> int:
        hit = number == attempt.number or (attempt.sticky and number > attempt.number and meant(call))
        return attempt.fault if hit and "over" not in said else 0

    return decide


def _tried_again(root: Root, operation: Operation, other: Path, say: interrupt.Say) -> None:
    """Do an operation on a disk that fails, say so, and when the disk works do it again in the same open vault."""
    vault: list[api.OpenVault] = []
    said: list[str] = []

    def done() -> None:
        said.append("done")
        say("done")

    def once() -> None:
        if operation.act is None:
            operation.run(root, done)
            return
        if not vault:
            vault.append(root.open())
        operation.act(root, vault[0])
        done()

    try:
        once()
        if vault:
            api.setup.sweep_all(vault[0])
    except VaultError as error:
        say({"error": type(error).__name__, "exit": notice_for(error).exit, "told": [error.message, error.advice]})
        if operation is DRAFT:
            _write_elsewhere(root, other)
    say("over")
    if not said:
        try:
            once()
        except RefusedError:
            say("it had happened")
    else:
        say("done")
    for one in vault:
        one.close()


def _write_elsewhere(root: Root, other: Path) -> None:
    """Save what is typed, and the draft as it was, in a vault on another disk while this one fails."""
    place = api.setup.open_with(other, unlocked(other))
    try:
        api.drafts.save(place, root.known["case"], "testimony", TYPED, root.known["draft"])
        assert api.drafts.get(place, root.known["draft"]).fields == TYPED
    finally:
        place.close()


def _unclean(errors: list[dict[str, Any]]) -> str:
    """Return what is wrong with the errors that were told: each is one of the disk, with a sentence and advice."""
    for one in errors:
        if one["exit"] != 5 or not all(text.endswith(".") and "\n" not in text for text in one["told"]):
            return f"not a clean error: {one}"
    return ""


def killed_in_the_middle(operation: str, template: Path, target: Path, calls: list[Call]) -> None:
    """Make a root that was killed at the end of its largest commit, so that the next opening has to undo that."""
    commits: list[list[int]] = [[]]
    for number, call in enumerate(calls, 1):
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
