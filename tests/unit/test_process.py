"""What every process of ours does first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="proved on Linux only")

SCRIPT = """
import os, resource
from vault.process import harden, is_dumpable
assert is_dumpable() is True
harden()
os.close(os.open("made", os.O_CREAT | os.O_WRONLY, 0o666))
print(is_dumpable(), resource.getrlimit(resource.RLIMIT_CORE), oct(os.stat("made").st_mode & 0o777))
from vault.surroundings import file_system_type
print(bool(file_system_type(os.getcwd())))
"""


@LINUX
def test_a_hardened_process_leaves_no_core_and_no_open_files_and_still_sees_its_mounts(tmp_path):
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r})\n{SCRIPT}"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "False (0, 0) 0o600\nTrue\n"
