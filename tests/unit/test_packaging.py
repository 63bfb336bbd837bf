"""What is installed is what was decided: pinned, hashed, the same on every system, and explained."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = [text for texts in PROJECT["project"]["optional-dependencies"].values() for text in texts]
DIRECT = [Requirement(text) for text in PROJECT["project"]["dependencies"] + EXTRAS]
LOCKS = ("requirements-build.lock", "requirements.lock", "requirements-dev.lock", "requirements-tools.lock")
MOST_RUNTIME_DISTRIBUTIONS = 24

# sys_platform, platform_machine, and what cryptography must be there: its wheels for Intel Macs end with 48.
SYSTEMS = {
    "linux-x86_64": ("linux", "x86_64", "50.0.2"),
    "linux-aarch64": ("linux", "aarch64", "50.0.2"),
    "mac-arm64": ("darwin", "arm64", "50.0.2"),
    "mac-intel": ("darwin", "x86_64", "48.0.1"),
    "windows": ("win32", "AMD64", "50.0.2"),
}
PYTHON = ".".join(map(str, sys.version_info[:2]))
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def _group(name: str) -> list[Requirement]:
    found = []
    for entry in PROJECT["dependency-groups"][name]:
        found += [Requirement(entry)] if isinstance(entry, str) else _group(entry["include-group"])
    return found


def _entries(lock: str) -> list[tuple[Requirement, list[str]]]:
    """Return the requirements of a lock, each with its hashes."""
    text = (ROOT / lock).read_text("utf-8")
    joined = re.sub(r"\s*\\\n\s*", " ", re.sub(r"(?m)^\s*#.*\n", "", text))
    found = []
    for line in joined.splitlines():
        requirement, *hashes = line.split(" --hash=")
        found.append((Requirement(requirement), [text.strip() for text in hashes]))
    return found


def _names(lock: str) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement, _ in _entries(lock)}


def _installed_on(lock: str, system: str, python: str) -> dict[str, str]:
    """Return name → version of what pip installs from a lock on a system."""
    platform, machine, _ = SYSTEMS[system]
    environment = default_environment() | {
        "sys_platform": platform,
        "platform_machine": machine,
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_system": {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[platform],
        "os_name": "nt" if platform == "win32" else "posix",
    }
    found: dict[str, str] = {}
    for requirement, _ in _entries(lock):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            name = canonicalize_name(requirement.name)
            assert name not in found, f"{name} twice on {system}"
            (pin,) = requirement.specifier
            found[name] = pin.version
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_of_a_lock_is_pinned_and_hashed(lock):
    entries = _entries(lock)
    assert entries
    for requirement, hashes in entries:
        assert [pin.operator for pin in requirement.specifier] == ["=="], requirement
        assert requirement.url is None
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", text) for text in hashes), requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_to_download_from(lock):
    text = (ROOT / lock).read_text("utf-8")
    assert not re.search(r"(?m)://|^-|index|find-links", text)


@pytest.mark.parametrize(
    "requirements", [DIRECT, _group("dev"), _group("build"), _group("tools")], ids=["runtime", "dev", "build", "tools"]
)
def test_every_direct_dependency_is_pinned_in_the_metadata(requirements):
    for requirement in requirements:
        assert [pin.operator for pin in requirement.specifier] == ["=="], requirement


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_locks_give_each_system_what_the_metadata_says(system, python):
    runtime = _installed_on("requirements.lock", system, python)
    everything = _installed_on("requirements-dev.lock", system, python)
    build = _installed_on("requirements-build.lock", system, python)
    tools = _installed_on("requirements-tools.lock", system, python)
    platform, machine, cryptography = SYSTEMS[system]
    both = DIRECT + _group("dev")
    sets = ((DIRECT, runtime), (both, everything), (_group("build"), build), (_group("tools"), tools))
    for wanted, locked in sets:
        for requirement in wanted:
            here = {"sys_platform": platform, "platform_machine": machine}
            if requirement.marker is None or requirement.marker.evaluate(here):
                (pin,) = requirement.specifier
                assert locked[canonicalize_name(requirement.name)] == pin.version
    assert runtime["cryptography"] == cryptography
    assert runtime.items() <= everything.items()
    assert build.items() <= everything.items()


def test_the_build_backend_is_the_locked_one():
    (backend,) = [Requirement(text) for text in PROJECT["build-system"]["requires"]]
    locked = _installed_on("requirements-build.lock", "linux-x86_64", "3.11")
    assert str(backend.specifier) == f"=={locked[backend.name]}"


def test_what_is_installed_here_is_complete_and_as_locked():
    system = {"linux": "linux-x86_64", "darwin": "mac-arm64", "win32": "windows"}[sys.platform]
    if sys.platform == "darwin" and os.uname().machine == "x86_64":
        system = "mac-intel"
    for name, version in _installed_on("requirements.lock", system, PYTHON).items():
        assert importlib.metadata.version(name) == version
        for text in importlib.metadata.requires(name) or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                assert needed.specifier.contains(importlib.metadata.version(needed.name), prereleases=True), text


def test_runtime_distributions_stay_few():
    assert len(_names("requirements.lock")) <= MOST_RUNTIME_DISTRIBUTIONS


def _table(heading: str) -> set[str]:
    """Return the names in the first column of the table below a heading of docs/dependencies.md."""
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")][2:]
    assert all(len(row) == len(rows[0]) and all(cell.strip() for cell in row) for row in rows)
    names = [canonicalize_name(row[0].strip().strip("`")) for row in rows]
    assert len(names) == len(set(names))
    return set(names)


def test_every_runtime_distribution_has_its_reason():
    assert _table("At run time") == _names("requirements.lock")


def test_every_development_distribution_has_its_reason():
    assert _table("For tests and building") == _names("requirements-dev.lock") - _names("requirements.lock")


def test_every_direct_tool_has_its_reason():
    assert _table("For what is handed to people") == {canonicalize_name(each.name) for each in _group("tools")}


def test_the_count_that_is_written_down_is_the_count():
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    (count,) = re.findall(r"(\d+) runtime distributions today", text)
    assert int(count) == len(_names("requirements.lock"))


def test_the_program_imports_only_what_the_metadata_names():
    by_module = importlib.metadata.packages_distributions()
    named = {canonicalize_name(requirement.name) for requirement in DIRECT}
    strangers = set()
    for package in ("vault", "tui"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                modules = []
                if isinstance(node, ast.Import):
                    modules = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                    modules = [node.module]
                for module in {name.split(".")[0] for name in modules} - sys.stdlib_module_names - {"vault", "tui"}:
                    if module == "_typeshed":
                        continue
                    owners = {canonicalize_name(name) for name in by_module.get(module, ())}
                    if not owners & named:
                        strangers.add(f"{path.relative_to(ROOT)}: {module}")
    assert not strangers


def test_every_direct_dependency_is_used_somewhere():
    """Imported, or its data read by the name of its module."""
    by_module = importlib.metadata.packages_distributions()
    owners: dict[str, set[str]] = {}
    for module, names in by_module.items():
        for name in names:
            owners.setdefault(canonicalize_name(name), set()).add(module)
    source = "\n".join(path.read_text("utf-8") for top in ("vault", "tui") for path in (ROOT / top).rglob("*.py"))
    excused = {"argon2-cffi-bindings"}  # pinned for argon2-cffi: later ones have no wheel for Intel Macs
    if not (ROOT / "tui" / "app.py").exists():
        excused.add("textual")
    unused = [
        requirement.name
        for requirement in DIRECT
        if requirement.name not in excused
        and not any(
            re.search(rf"(?m)^\s*(import|from) {re.escape(module)}\b|\"{re.escape(module)}\"$", source)
            for module in owners.get(canonicalize_name(requirement.name), ())
        )
    ]
    assert not unused


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> set[str]:
    """The names inside a wheel built from the sources, as people get it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("vault", "tui"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    code = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=source, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def test_a_wheel_holds_every_file_of_the_program(wheel):
    wanted = {
        path.relative_to(ROOT).as_posix()
        for top in ("vault", "tui")
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in wheel if ".dist-info/" not in name}
    assert packed == wanted


def test_a_wheel_brings_the_command_and_the_license(wheel):
    endings = {name.split(".dist-info/")[1] for name in wheel if ".dist-info/" in name}
    assert {"entry_points.txt", "METADATA", "licenses/LICENSE"} <= endings
