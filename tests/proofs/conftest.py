"""Fixtures of the proofs: prepared roots and workers, made once for all of a run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.proofs import attempts, interrupt
from tests.proofs.attempts import VARIANTS


@pytest.fixture(scope="session")
def workers():
    """Processes for attempts."""
    if reason := interrupt.why_not():
        pytest.skip(reason)
    with attempts.pool() as pool:
        yield pool


@pytest.fixture(scope="session")
def prepared(workers) -> Callable[[str], Path]:
    """Return a function that gives the prepared root of an operation, to be copied."""
    place = attempts.scratch()
    made: dict[str, Path] = {}

    def prepare(name: str) -> Path:
        if name not in made:
            root = place / name
            if " of " not in name:
                root.mkdir()
                VARIANTS[name].prepare(root)
            else:
                before = name.rpartition(" of ")[2]
                workers.submit(attempts.killed_in_the_middle, before, prepare(before), root).result()
            made[name] = root
        return made[name]

    yield prepare
    shutil.rmtree(place)
