"""What every test stands on: no network, repeatable examples, and skips that cannot creep in unnoticed.

Spec: `docs/dependencies.md` names the stock tools some tests need; `.ci/run` installs them all.
"""

from __future__ import annotations

import ctypes
import os
import re
import socket
import sys
from collections import Counter
from collections.abc import Callable

import hypothesis
import pytest

# --- repeatable examples ----------------------------------------------------------------------------------------------
# Deadlines are timed assertions. CI draws the same examples every time, so that a failure belongs to the change.

hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")

# --- no network -------------------------------------------------------------------------------------------------------


class NetworkUsedError(AssertionError):
    """The program or a test reached for the network; nothing in this project may."""


_INTERNET = frozenset({socket.AF_INET, socket.AF_INET6})


def _refuse_network(event: str, arguments: tuple[object, ...]) -> None:
    if not event.startswith("socket."):
        return
    if event == "socket.__new__" and arguments[1] in _INTERNET and sys.platform != "win32":
        # On Windows the event loop's own socket pair is made of loopback sockets: there, connect below has to do.
        raise NetworkUsedError("an internet socket was opened")
    if event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
        raise NetworkUsedError("a name was looked up")
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"} and isinstance(arguments[1], tuple):
        host = str(arguments[1][0])
        if host not in {"127.0.0.1", "::1"}:
            raise NetworkUsedError("a connection was opened")


# An audit hook also sees what C code and already imported names do, and cannot be taken out again.
sys.addaudithook(_refuse_network)

# --- skips ------------------------------------------------------------------------------------------------------------
# A test that skips shows nothing. `make check` therefore fails when more tests skip than expected, or when one skips
# for a reason that is not a missing stock tool.

SKIP_REASONS: dict[str, re.Pattern[str]] = {
    "age": re.compile(r"\bage(-keygen|-plugin-\w+)?\b(?!-encryption)"),
    "openssh": re.compile(r"\b(ssh-keygen|openssh)\b", re.I),
    "openssl": re.compile(r"\bopenssl\b", re.I),
    "node": re.compile(r"\b(node|npm|age-encryption|cctv-age)\b", re.I),
    "coreutils": re.compile(r"\b(tar|sha256sum)\b"),
    "strace": re.compile(r"\bstrace\b"),
    "tmux": re.compile(r"\btmux\b"),
    "faketime": re.compile(r"\bfaketime\b"),
    "fat": re.compile(r"\b(vfat|fusefat|exfat-fuse)\b"),
    "gdb": re.compile(r"\b(gdb|gcore)\b"),
    "restic": re.compile(r"\brestic\b"),
    "borg": re.compile(r"\bborg\b"),
    "atheris": re.compile(r"\batheris\b"),
    "root": re.compile(r"\broot\b"),
    "system": re.compile(r"\b(Linux|Windows|macOS|POSIX)\b"),
}


def skip_kind(reason: str) -> str | None:
    """Return what a skip reason says is missing, or None if that is no reason we know."""
    return next((kind for kind, pattern in SKIP_REASONS.items() if pattern.search(reason)), None)


def judge_skips(reasons: Counter[str], most: int, without: frozenset[str]) -> list[str]:
    """Return what is wrong with the skips of a run; an empty list if nothing is.

    Args:
        reasons: Skip reason → number of tests.
        most: How many tests may skip.
        without: Kinds of `SKIP_REASONS` that this machine is known to lack; these do not count.
    """
    wrong = [f"not an accepted reason to skip: {reason}" for reason in sorted(reasons) if skip_kind(reason) is None]
    counted = sum(number for reason, number in reasons.items() if skip_kind(reason) not in without)
    if counted > most:
        wrong.append(f"{counted} tests skipped, at most {most} may")
    return wrong


class SkipControl:
    """Collects the reasons of all skips of a run and fails the run when they are not as expected.

    Where several processes run the tests (pytest-xdist), the one that hears of all of them judges.
    """

    def __init__(self, most: int, without: frozenset[str]) -> None:
        self.most = most
        self.without = without
        self.reasons: Counter[str] = Counter()
        self.wrong: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self._add(report.longrepr)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._add(report.longrepr)

    def _add(self, longrepr: object) -> None:
        text = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
        self.reasons[str(text).removeprefix("Skipped: ")] += 1

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.wrong = judge_skips(self.reasons, self.most, self.without)
        if self.wrong and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self.wrong:
            terminalreporter.write_line(f"skip control: {line}", red=True)


# --- counts -----------------------------------------------------------------------------------------------------------
# A proof says how many points it tried. The figures in docs/proofs.md are what this prints.


class Counts:
    """Collects what the proofs counted, adds it up over all tests that passed, and prints it at the end of the run."""

    def __init__(self) -> None:
        self.found: Counter[tuple[str, str]] = Counter()
        self.passed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid)
        if report.when == "teardown" and report.passed and report.nodeid in self.passed:
            for name, value in report.user_properties:
                if name == "count":
                    item, what, number = value
                    self.found[item, what] += number

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.found:
            terminalreporter.section("counts")
        for (item, what), number in sorted(self.found.items()):
            terminalreporter.write_line(f"{item:<10} {number:>10,}  {what}")


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Callable[[str, str, int], None]:
    """Say what a proof tried: ``count("kill", "points at which 'sign' was killed", 113)``; equal names add up."""

    def add(item: str, what: str, number: int) -> None:
        request.node.user_properties.append(("count", (item, what, number)))

    return add


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("evidence vault")
    group.addoption("--max-skips", type=int, metavar="N", help="fail if more than N tests skip, or for unknown reasons")
    group.addoption(
        "--fuzz-seconds", type=int, default=600, metavar="N", help="how long the long form fuzzes, all targets together"
    )
    group.addoption(
        "--without", default="", metavar="KIND,…", help=f"do not count skips for want of: {', '.join(SKIP_REASONS)}"
    )


def pytest_configure(config: pytest.Config) -> None:
    without = frozenset(filter(None, config.getoption("--without").split(",")))
    if unknown := without - SKIP_REASONS.keys():
        raise pytest.UsageError(f"--without: unknown kind {', '.join(sorted(unknown))}")
    config.pluginmanager.register(Counts(), "counts")
    most = config.getoption("--max-skips")
    if most is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(SkipControl(most, without), "skip-control")


_CLONE_NEWNS, _MS_REC, _MS_PRIVATE = 0x00020000, 16384, 1 << 18


@pytest.fixture(scope="session", autouse=True)
def own_mounts() -> None:
    """What a test mounts is seen by this run alone and goes with it, also when the run is killed."""
    if sys.platform == "linux" and os.geteuid() == 0:
        library = ctypes.CDLL(None)
        if library.unshare(_CLONE_NEWNS) == 0:
            library.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)


@pytest.fixture(scope="session")
def refuses_network() -> type[BaseException]:
    """What a test sees when something reaches for the network."""
    return NetworkUsedError


@pytest.fixture(scope="session")
def skip_judge() -> Callable[[Counter[str], int, frozenset[str]], list[str]]:
    """The judge of skips, for the tests of it."""
    return judge_skips
