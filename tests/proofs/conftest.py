"""Fixtures of the proofs: prepared roots and workers, made once for all of a run."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

import pytest

from tests.proofs import attempts, interrupt
from tests.proofs.attempts import VARIANTS
from tests.proofs.interrupt import Call


@pytest.fixture(scope="session")
def workers():
    """Processes for attempts."""
    if reason := interrupt.why_not():
        pytest.skip(reason)
    with attempts.pool() as pool:
        yield pool


class World:
    """The prepared roots of the operations, to be copied, and their calls; each is made when it is first asked for."""

    def __init__(self, workers: Executor, place: Path) -> None:
        self._workers = workers
        self._place = place
        self.root = functools.cache(self._root)
        self.calls = functools.cache(self._calls)

    def _root(self, name: str) -> Path:
        root = self._place / name
        before = name.rpartition(" of ")[2]
        if before == name:
            root.mkdir()
            VARIANTS[name].prepare(root)
        else:
            made = self.root(before), root, self.calls(before)
            self._workers.submit(attempts.killed_in_the_middle, before, *made).result()
        return root

    def _calls(self, name: str) -> list[Call]:
        return self._workers.submit(attempts.trace, name, self.root(name)).result()


@pytest.fixture(scope="session")
def world(workers):
    """What the next two take from."""
    place = attempts.scratch()
    yield World(workers, place)
    shutil.rmtree(place)


@pytest.fixture(scope="session")
def prepared(world) -> Callable[[str], Path]:
    """Return a function that gives the prepared root of an operation, to be copied."""
    return world.root


@pytest.fixture(scope="session")
def traced(world) -> Callable[[str], list[Call]]:
    """Return a function that gives the calls of an operation, after it was run undisturbed and judged."""
    return world.calls
