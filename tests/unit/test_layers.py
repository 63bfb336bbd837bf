"""The floors of the house hold: what may import what, and what is loaded when."""

from __future__ import annotations

import pkgutil
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOORS = {"api", "model", "errors", "jobs"}
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]


def _contract(start: str) -> dict[str, list[str]]:
    (found,) = [contract for contract in LINTER["contracts"] if contract["name"].startswith(start)]
    return found


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).with_name("lint-imports")
    command = [str(tool), "--no-cache", "--config", str(folder / "pyproject.toml")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env={"PYTHONPATH": str(folder)})


def _loaded_after(statements: str) -> set[str]:
    """Return the names of all modules that a fresh Python has loaded after `statements`."""
    code = f"{statements}\nimport sys\nprint('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def _modules(package: str) -> list[str]:
    folder = ROOT / package.replace(".", "/")
    return [found.name for found in pkgutil.walk_packages([str(folder)], prefix=f"{package}.")]


def test_imports_keep_every_contract():
    run = _lint(ROOT)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("vault/model.py", "from vault import files", "The core has floors"),
        ("vault/bundle/planted.py", "import vault.store", "Bundles are values"),
        ("vault/formats/planted.py", "from cryptography.hazmat.primitives import hashes", "Only vault.crypto"),
        ("vault/usecases/planted.py", "import sqlcipher3", "Only vault.store"),
        ("vault/planted.py", "", "The core has floors"),
        ("vault/files/system.py", "import socket", "The core has no network"),
        ("tui/planted.py", "from vault.crypto import hashes", "Front ends enter"),
        ("tui/cli/planted.py", "from textual.app import App", "The commands do not import Textual"),
    ],
)
def test_a_planted_violation_is_reported(tmp_path, file, line, contract):
    for package in ("vault", "tui"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a", encoding="utf-8") as planted:
        planted.write(f"\n{line}\n")
    run = _lint(tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    broken = [text for text in run.stdout.splitlines() if " BROKEN" in text]
    assert any(text.startswith(contract) for text in broken), run.stdout


def test_every_floor_that_the_contract_names_exists():
    named = {name for floor in _contract("The core has floors")["layers"] for name in re.findall(r"\w+", floor)}
    there = {found.name for found in pkgutil.iter_modules([str(ROOT / "vault")])}
    assert named == there


def test_front_ends_are_kept_from_every_part_of_the_core_but_the_doors():
    closed = {name.removeprefix("vault.") for name in _contract("Front ends enter")["forbidden_modules"]}
    there = {found.name for found in pkgutil.iter_modules([str(ROOT / "vault")])}
    assert closed == there - DOORS


def test_the_door_loads_no_screen_and_no_network_library():
    loaded = _loaded_after("import vault.api")
    networks = {"socket", "_socket", "asyncio", "ssl", "http", "urllib.request", "ftplib", "smtplib", "xmlrpc"}
    assert not loaded & {"textual", "rich", "logging.config", *networks}


def test_the_whole_core_loads_without_the_front_end():
    loaded = _loaded_after("\n".join(f"import {name}" for name in _modules("vault")))
    assert not {name for name in loaded if name.split(".")[0] in {"textual", "rich", "tui"}}


def test_the_commands_load_no_textual():
    names = ["tui.__main__", *_modules("tui.cli")]
    loaded = _loaded_after("\n".join(f"import {name}" for name in names))
    assert not {name for name in loaded if name.split(".")[0] in {"textual", "rich"}}


def test_core_modules_stay_readable_in_one_sitting():
    long = {
        str(path.relative_to(ROOT)): lines
        for package in ("vault", "tui")
        for path in (ROOT / package).rglob("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > 400
    }
    assert not long


def test_tests_cannot_reach_the_network(refuses_network):
    with pytest.raises(refuses_network):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with pytest.raises(refuses_network):
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with pytest.raises(refuses_network):
        socket.getaddrinfo("localhost", 80)


def test_skips_beyond_the_expected_are_named(skip_judge):
    tools = Counter({"age is not installed": 3, "npm is not installed": 2})
    assert skip_judge(tools, 5, frozenset()) == []
    assert skip_judge(tools, 4, frozenset()) == ["5 tests skipped, at most 4 may"]
    assert skip_judge(tools, 3, frozenset({"node"})) == []
    assert skip_judge(Counter({"flaky": 1}), 9, frozenset()) == ["not an accepted reason to skip: flaky"]
