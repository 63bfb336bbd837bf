"""Runs chosen tests on one mutant, in a child that is forked when everything foreign is imported already.

The program is never changed where it lies: the child works in a copy (`lay`). Nothing of the program is imported in the
parent, so each child imports it anew, with the fault in it. POSIX only.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from filecmp import cmp
from fnmatch import fnmatch
from pathlib import Path

import pytest

NOT_COPIED = (".git", ".venv*", "build", "dist", "node_modules", "__pycache__", "*.egg-info", ".*_cache", ".hypothesis")
FOREIGN = (
    "argon2", "cryptography.hazmat.primitives.asymmetric.ed25519", "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.hazmat.primitives.hpke", "cryptography.hazmat.primitives.kdf.hkdf", "nacl.bindings", "sqlcipher3",
    "hypothesis", "hypothesis.strategies", "hypothesis.extra", "shamir_mnemonic", "zxcvbn", "platformdirs", "puremagic",
    "segno", "bidi", "packaging.requirements", "textual.app", "rich.console", "tomllib", "sqlite3", "asyncio", "pyrage",
)  # fmt: skip
MEMORY = 4 << 30
LARGEST_FILE = 4 << 30
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Ending:
    """How a run of tests ended: ``passed``, ``failed``, ``broken`` (not even collected) or ``timeout``."""

    kind: str
    test: str = ""
    reason: str = ""


def lay(root: Path, tree: Path) -> None:
    """Lay a copy of the project that may be changed, or put right the one that lies there."""
    kept = set()
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not any(fnmatch(name, pattern) for pattern in NOT_COPIED)]
        to = tree / Path(folder).relative_to(root)
        to.mkdir(parents=True, exist_ok=True)
        for name in names:
            source, copy = Path(folder) / name, to / name
            kept.add(copy)
            if not copy.is_file() or copy.stat().st_mtime != source.stat().st_mtime or not cmp(source, copy, False):
                shutil.copy2(source, copy)
    for path in tree.rglob("*"):
        if path.is_file() and path not in kept and path.parent.name != "__pycache__":
            path.unlink()


def warm() -> None:
    """Import what is not the program, and take in children whose parents die."""
    for name in FOREIGN:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run(tree: Path, tests: Sequence[str], seconds: float) -> Ending:
    """Run tests of a tree one after another until one fails; they work about `seconds` where all is well.

    Tests of one file run together, in the order of the file, so that what they share is made once.
    """
    reading, writing = os.pipe()
    temporary = tempfile.mkdtemp(prefix="mutation-")
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _child(tree, tests, writing, temporary, seconds)
    os.close(writing)
    try:
        status = _wait(pid, 120 + 40 * seconds)
        with os.fdopen(reading) as told:
            lines = [json.loads(line) for line in told.read().splitlines()]
    finally:
        _end_all(pid)
        shutil.rmtree(temporary, ignore_errors=True)
    test, reason = lines[-1] if lines else ("", "")
    if status is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)):
        return Ending("timeout", test, "took more than five times as long")
    code = os.waitstatus_to_exitcode(status)
    if code == 99:
        raise RuntimeError("the tests did not run the copy of the program")
    return Ending({0: "passed", 1: "failed"}.get(code, "broken"), test, reason or f"exit {code}")


class _Chosen:
    """Keeps the chosen tests, in the order asked for, and tells the first that fails."""

    def __init__(self, tests: Sequence[str], told: int) -> None:
        files = list(dict.fromkeys(test.split("::")[0] for test in tests))
        self.rank = {test: files.index(test.split("::")[0]) for test in tests}
        self.told = told

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((item for item in items if item.nodeid in self.rank), key=lambda item: self.rank[item.nodeid])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._tell(report.nodeid, report.longreprtext)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._tell(report.nodeid, report.longreprtext)

    def _tell(self, name: str, text: str) -> None:
        marked = [line for line in text.splitlines() if line.startswith("E ")] or text.splitlines()[-1:] or [""]
        os.write(self.told, json.dumps([name, marked[0][:200]]).encode() + b"\n")


def _child(tree: Path, tests: Sequence[str], told: int, temporary: str, seconds: float) -> None:
    code = 98
    try:
        os.setsid()
        for name in [name for name in sys.modules if name.split(".")[0] in ("tests", "vault", "tui")]:
            del sys.modules[name]
        os.chdir(tree)
        sys.path[:] = [str(tree), *(place for place in sys.path if place and Path(place) != Path.cwd())]
        sys.path_importer_cache.clear()
        sys.dont_write_bytecode = True
        os.environ |= {
            "CI": "true", "TMPDIR": temporary, "PYTEST_DEBUG_TEMPROOT": temporary, "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(tree), "HYPOTHESIS_STORAGE_DIRECTORY": temporary,
        }  # fmt: skip
        tempfile.tempdir = None
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        limit = int(3 + 5 * seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        files = list(dict.fromkeys(test.split("::")[0] for test in tests))
        options = ["-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
        code = int(pytest.main([*options, *files], plugins=[_Chosen(tests, told)]))
        vault = sys.modules.get("vault")
        if code in (0, 1) and (vault is None or not str(vault.__path__[0]).startswith(str(tree))):
            code = 99
    finally:
        os._exit(code)


def _wait(pid: int, most: float) -> int | None:
    """Return how a child ended, or None when it was still running after `most` seconds."""
    until = time.monotonic() + most
    while time.monotonic() < until:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return status
        time.sleep(0.05)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def _end_all(group: int) -> None:
    """End whatever a run left behind: its group, and what came to us when its parent died."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    for _ in range(10):
        try:
            left = Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()
        except OSError:
            return
        if not left:
            return
        for pid in map(int, left):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
