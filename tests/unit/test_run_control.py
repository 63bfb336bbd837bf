"""What holds for a run of the tests as a whole, in one process and in several: skips, counts, the closing line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONTROL = Path(__file__).resolve().parents[1] / "conftest.py"
PLANTED = {
    "test_file.py": "import pytest\npytest.skip('no stock tar on this machine', allow_module_level=True)\n",
    "test_one.py": """
import socket
import pytest
def test_counts(count):
    count("kill", "points", 1000)
    count("kill", "points", 200)
    count("tamper", "bytes", 5)
@pytest.mark.xfail
def test_fails(count):
    count("kill", "points", 40000)
    assert False
def test_skips():
    pytest.skip("age is not installed")
""",
    "test_two.py": """
import pytest
def test_counts(count):
    count("kill", "points", 34)
def test_skips():
    pytest.skip("tmux is not installed")
def test_reaches_out(refuses_network):
    import socket
    with pytest.raises(refuses_network):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)
""",
}


@pytest.fixture
def run(tmp_path):
    """Return a function that runs planted tests under the control of ours and returns (exit code, output)."""
    shutil.copy(CONTROL, tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    for name, text in PLANTED.items():
        (tmp_path / name).write_text(text)

    def start(*words: str) -> tuple[int, str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return start


@pytest.mark.parametrize("processes", ["0", "2"])
def test_skips_fail_a_run_and_counts_add_up_in_however_many_processes_it_runs(run, processes):
    code, output = run("-n", processes, "--dist", "loadfile", "--max-skips", "2")
    lines = output.splitlines()
    assert "skip control: 3 tests skipped, at most 2 may" in lines, output
    assert code == pytest.ExitCode.TESTS_FAILED
    assert [line.split() for line in lines if line.endswith((" points", " bytes"))] == [
        ["kill", "1,234", "points"],
        ["tamper", "5", "bytes"],
    ]
    assert "3 passed" in lines[-1]


def test_expected_skips_let_a_run_pass_and_its_last_line_says_how_many_did(run):
    code, output = run("-n", "2", "--dist", "loadfile", "--max-skips", "2", "--without", "tmux")
    assert code == pytest.ExitCode.OK, output
    assert "skip control" not in output
    assert "3 passed" in output.splitlines()[-1]
