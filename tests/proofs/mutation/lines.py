"""A plugin of pytest that writes down which tests run which lines of the program, and how much each test works.

`python -m pytest -p tests.proofs.mutation.lines --lines FILE …`. The file is JSON: ``tests`` (name → seconds of
processor time, with that of its children) and ``lines`` (path → line → places in ``tests``); what runs when a module is
imported belongs to no test.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import coverage
import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lines", required=True, help="the file to write")


class Lines:
    """Keeps the lines of every test apart."""

    def __init__(self, file: Path, root: Path) -> None:
        self.file = file
        self.root = root
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()
        tops = ("crypto", "formats", "bundle", "store")
        # Also what runs in other threads, as the store does.
        self.coverage = coverage.Coverage(
            data_file=None, config_file=False, include=[f"{root}/vault/{top}/*" for top in tops], messages=False
        )
        self.coverage.set_option("run:disable_warnings", ["no-data-collected", "module-not-imported"])
        self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item):
        self.coverage.switch_context(item.nodeid)
        began = sum(os.times()[:4])
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = round(sum(os.times()[:4]) - began, 3)
            self.coverage.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        self.coverage.stop()
        data = self.coverage.get_data()
        tests = {name: seconds for name, seconds in self.seconds.items() if name not in self.failed}
        number = {name: place for place, name in enumerate(tests)}
        lines = {
            Path(path).relative_to(self.root).as_posix(): {
                line: sorted(number[name] for name in names if name in number)
                for line, names in sorted(data.contexts_by_lineno(path).items())
            }
            for path in sorted(data.measured_files())
        }
        self.file.write_text(json.dumps({"tests": tests, "lines": lines}), "utf-8")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Lines(Path(config.getoption("--lines")), config.rootpath), "lines")
