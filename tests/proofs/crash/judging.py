"""Opening what a power cut left: each state is judged as a person would find it, in processes of their own.

Two things keep it quick, and take nothing away: a key is derived from equal passphrase, salt and cost once; and states
that are equal once the vault was opened and closed are judged once, but for one in sixteen.
"""

from __future__ import annotations

import functools
import hashlib
import multiprocessing
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.proofs import operations
from tests.proofs.crash import disk, recording
from tests.proofs.crash.disk import State
from vault import api, keys
from vault.errors import UnlockError

LARGE = 32 << 20
"""Bytes of a state from which comparing would cost more than judging."""
WHOLE = 16
AHEAD = 6
FOR_EVER = 600
"""Seconds after which a state is taken for one at which the program hangs."""
RECOVERY = "recovery of "


def prepare(name: str, folder: Path) -> None:
    """Prepare the root of an operation.

    Of "recovery of" an operation it is what a power cut leaves in the middle of its last commit, so that the next start
    of the program goes back by the journal first, and then does the operation.
    """
    folder.mkdir(parents=True)
    before = name.removeprefix(RECOVERY)
    operations.OPERATIONS[before].prepare(folder)
    if before != name:
        middle = disk.in_the_middle(record(before, folder))
        shutil.rmtree(folder)
        middle.build(folder)


def record(name: str, prepared: Path) -> recording.Recording:
    """Run an operation once in a copy of its prepared root, and return what it did to the disk."""
    work = prepared.with_name(f"{prepared.name}-recorded")
    shutil.copytree(prepared, work)
    reading, writing = os.pipe()
    try:
        words = [name.removeprefix(RECOVERY), work, str(writing)]
        command = [sys.executable, "-m", "tests.proofs.operations", *words]
        return recording.record(command, work, prepared.with_name("strace"), writing, pass_fds=(writing,), cwd=_TOP)
    finally:
        os.close(reading)
        os.close(writing)
        shutil.rmtree(work)


_TOP = Path(__file__).parents[3]


@contextmanager
def judges(workers: int) -> Iterator[Executor]:
    """Processes that judge states."""
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _derive_once) as pool:
        yield pool


def judge_all(
    pool: Executor, judge: Callable[[Path, State, bool], str], states: Iterable[State], place: Path
) -> Iterator[tuple[State, str]]:
    """Build states, have each judged and removed, and return each with what is wrong with it, "" if nothing is.

    Args:
        pool: Of `judges`.
        judge: Called there with the folder of a state, the state without its files, and whether it is one of those that
            are judged whole in any case.
        states: What the disk may hold.
        place: A folder to build them in.
    """
    begun: dict[Future[str], State] = {}
    for number, state in enumerate(states):
        folder = place / f"state-{number}"
        state.build(folder)
        bare = replace(state, names={})
        begun[pool.submit(_removing, judge, folder, bare, number % WHOLE == 0)] = bare
        while len(begun) > AHEAD:
            yield from _ended(begun)
    while begun:
        yield from _ended(begun)


def _ended(begun: dict[Future[str], State]) -> Iterator[tuple[State, str]]:
    for future in wait(begun, return_when=FIRST_COMPLETED).done:
        yield begun.pop(future), future.result()


# -- in the processes that judge ---------------------------------------------------------------------------------------

_good: set[tuple[str, bytes, bool]] = set()


def _derive_once() -> None:
    keys.argon2id = functools.cache(keys.argon2id)  # type: ignore[assignment]


def _hangs(*_: object) -> None:
    raise TimeoutError("it went on and on")


def _removing(judge: Callable[[Path, State, bool], str], folder: Path, state: State, whole: bool) -> str:
    signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(FOR_EVER)
    try:
        return judge(folder, state, whole)
    except BaseException as error:  # noqa: BLE001 - whatever goes wrong is what this is for
        return "".join(traceback.format_exception(error))
    finally:
        signal.alarm(0)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(_copy_of(folder), ignore_errors=True)


def _copy_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}-opened")


def judge_operation(name: str, prepared: Path, folder: Path, state: State, whole: bool) -> str:
    """Judge a state that an operation left.

    Args:
        name: The operation.
        prepared: Its root before it ran.
        folder: The state.
        state: What was acknowledged.
        whole: Also if an equal one was judged already.
    """
    told, mark = bool(state.acks), None
    if sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < LARGE:
        opened = Path(shutil.copytree(folder, _copy_of(folder)))
        _open_and_close(opened)
        mark = (name, _digest(opened), told)
        if mark in _good and not whole:
            return ""
    root = operations.Root(folder, lambda place: _keys(_key_file(prepared, folder, place.name)))
    operations.OPERATIONS[name.removeprefix(RECOVERY)].check(root, told)
    if mark:
        _good.add(mark)
    return ""


def _key_file(prepared: Path, folder: Path, name: str) -> bytes:
    before = prepared / name / "vault.keys"
    return (before if before.exists() else folder / name / "vault.keys").read_bytes()


def _keys(content: bytes) -> keys.OpenKeys:
    try:
        return keys.unlock_keys(content, api.to_secret(operations.PASSPHRASE))
    except UnlockError:
        return keys.unlock_keys(content, api.to_secret(operations.NEW_PASSPHRASE))


def _open_and_close(root: Path) -> None:
    """Open each vault of a root by its own key file, as the next start of the program does."""
    for name in ("vault", "peer"):
        if (root / name / "vault.keys").exists():
            vault = api.setup.open_with(root / name, _keys((root / name / "vault.keys").read_bytes()))
            vault.close()


def _digest(folder: Path) -> bytes:
    """Return a digest of all in a root that decides how it is judged.

    Not the unfinished vaults beside the vault, which nothing ever looks into; of a journal that was there when the
    vault was opened and is there still, because it is of no account, only whether it is empty.
    """
    digest = hashlib.sha256()
    unfinished = {entry for entry in folder.iterdir() if entry.name.startswith(".") and entry.name.endswith(".part")}
    for path in sorted(folder.rglob("*")):
        if unfinished & {path, *path.parents}:
            continue
        digest.update(f"\0{path.relative_to(folder)}\0".encode())
        if path.name == "vault.db-journal":
            digest.update(b"journal" if path.stat().st_size else b"")
        elif path.is_file():
            digest.update(path.read_bytes())
    return digest.digest()
