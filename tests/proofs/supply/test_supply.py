"""The program as it is handed over: the same bytes each time, installed and used without a network, listed whole.

`make prove` makes the folder of wheels before, with `make wheels`; nothing here reaches for a network.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from release import build

ROOT = Path(__file__).resolve().parents[3]
WHEELS = ROOT / "dist" / "wheels"
TOOLS = ROOT / ".venv-tools" / "bin" / "python"
PASSPHRASE = "ocean mirror lantern velvet copper puzzle"

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are of Linux")
WITHOUT_NETWORK = ["unshare", "--net", *([] if sys.platform == "linux" and os.geteuid() == 0 else ["--map-root-user"])]
CONNECT = "import socket; socket.create_connection(('192.0.2.1', 443), 2)"


def _run(words, **more):
    return subprocess.run([*map(str, words)], capture_output=True, text=True, check=False, **more)


@pytest.mark.prove
def test_two_builds_in_two_places_at_two_times_are_the_same_bytes(tmp_path, monkeypatch, count):
    made, plain = [], []
    # Locale, zone, umask, clock and place of the one who builds; "C" and UTC are what a server has.
    for place, zone, locale, umask in (("a", "UTC", "C", 0o022), ("far/off/b", "Asia/Urumqi", "de_DE.UTF-8", 0o077)):
        old = os.umask(umask)
        try:
            clone = tmp_path / place / "clone"
            clone.parent.mkdir(parents=True)
            assert _run(["git", "clone", "-q", ROOT, clone]).returncode == 0
            for path in (clone / "vault").rglob("*.py"):
                os.utime(path, (len(made), len(made)))
            surroundings = {**os.environ, "TZ": zone, "LC_ALL": locale, "SOURCE_DATE_EPOCH": "7"}
            code = "from pathlib import Path; from release.build import build; build(Path('.'), Path('out'))"
            faketime = ["faketime", "-f", "+400d"] if made and _run(["which", "faketime"]).returncode == 0 else []
            done = _run([*faketime, sys.executable, "-c", code], cwd=clone, env=surroundings)
            assert done.returncode == 0, done.stderr
            bare = _run([sys.executable, "-I", "-c", build.BACKEND, clone / "bare"], cwd=clone, env=surroundings)
            assert bare.returncode == 0, bare.stderr
        finally:
            os.umask(old)
        made.append({path.name: path.read_bytes() for path in (clone / "out").iterdir()})
        plain.append({path.name: path.read_bytes() for path in (clone / "bare").iterdir()})
    assert len(made[0]) == 2
    assert made[0] == made[1]
    assert all(plain[0][name] != plain[1][name] for name in made[0])  # the control: the build backend alone
    count("supply", "wheels and source distributions built twice, the same bytes", len(made[0]))


@pytest.mark.prove
def test_the_source_distribution_holds_what_is_committed_and_makes_the_same_wheel(tmp_path, count):
    wheel, archive = build.build(ROOT, tmp_path / "out")
    assert _run(["tar", "xzf", archive, "-C", tmp_path]).returncode == 0
    (folder,) = tmp_path.glob("evidence_vault-*")
    made = {"PKG-INFO", "setup.cfg"}
    held = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    committed = set(_run(["git", "ls-files"], cwd=ROOT).stdout.splitlines())
    assert {name for name in held if ".egg-info/" not in name} - made == committed
    code = "import sys; from setuptools import build_meta as b; b.build_wheel(sys.argv[1])"
    epoch = _run(["git", "log", "-1", "--format=%ct"], cwd=ROOT).stdout.strip()
    again = tmp_path / "again"
    done = _run(
        [sys.executable, "-I", "-c", code, again], cwd=folder, env={"SOURCE_DATE_EPOCH": epoch, "PATH": os.defpath}
    )
    assert done.returncode == 0, done.stderr
    assert (again / wheel.name).read_bytes() == wheel.read_bytes()
    count("supply", "files of the source distribution, all that are committed", len(committed))


@pytest.fixture(scope="module")
def folder() -> Path:
    """The folder of wheels; everything in it is what its lists say."""
    assert WHEELS.is_dir(), "run 'make wheels' before"
    assert _run(["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"], cwd=WHEELS).returncode == 0
    return WHEELS


def _install(environment, folder):
    """Install from a folder as docs/dependencies.md says, in a fresh environment and without a network."""
    words = ["-m", "pip", "--isolated", "install", "--no-index", "--no-deps", "--only-binary", ":all:"]
    python = environment / "bin" / "python"
    made = _run([*WITHOUT_NETWORK, sys.executable, "-m", "venv", environment])
    assert made.returncode == 0, made.stderr
    before = _installed(python)
    done = _run([*WITHOUT_NETWORK, python, *words, "--require-hashes", "-r", "requirements.txt"], cwd=folder)
    return done, _installed(python) - before


def _installed(python):
    code = "import importlib.metadata as m; print(*(f'{d.name} {d.version}' for d in m.distributions()), sep='\\n')"
    found = [line.split() for line in _run([python, "-I", "-c", code]).stdout.splitlines()]
    return {(canonicalize_name(name), version) for name, version in found}


@on_linux
@pytest.mark.prove
def test_it_installs_from_the_folder_without_a_network_and_works(folder, tmp_path, count):
    cut = _run([*WITHOUT_NETWORK, sys.executable, "-c", CONNECT])
    assert "Network is unreachable" in cut.stderr  # the control: there is none

    done, installed = _install(tmp_path / "env", folder)
    assert done.returncode == 0, done.stderr
    listed = json.loads((folder / "sbom.cdx.json").read_text("utf-8"))
    parts = [listed["metadata"]["component"], *listed["components"]]
    assert installed == {(canonicalize_name(part["name"]), part["version"]) for part in parts}
    for part in parts:
        ((wheel,), (told,)) = (
            list(folder.glob(f"{canonicalize_name(part['name']).replace('-', '_')}-*.whl")), part["hashes"],
        )  # fmt: skip
        assert told == {"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}

    program, vault = tmp_path / "env" / "bin" / "evault", tmp_path / "vault"

    def evault(*words):
        reading, writing = os.pipe()
        os.write(writing, PASSPHRASE.encode() + b"\n")
        os.close(writing)
        words = [*WITHOUT_NETWORK, program, "--passphrase-fd", reading, "--vault", vault, *words]
        made = _run(words, pass_fds=(reading,), cwd=tmp_path, stdin=subprocess.DEVNULL)
        os.close(reading)
        assert made.returncode == 0, made.stderr
        return made.stdout

    assert "usage" in _run([*WITHOUT_NETWORK, program, "--help"], cwd=tmp_path).stdout.lower()
    evault("init")
    assert (vault / "vault.db").stat().st_size > 0
    evault("check")
    count("supply", "distributions installed without a network and listed in the bill of materials", len(installed))


@on_linux
@pytest.mark.prove
def test_a_wheel_with_one_byte_changed_is_not_installed(folder, tmp_path, count):
    copy = tmp_path / "wheels"
    assert _run(["cp", "-r", folder, copy]).returncode == 0
    (wheel,) = copy.glob("segno-*.whl")
    data = bytearray(wheel.read_bytes())
    data[len(data) // 2] ^= 1
    wheel.write_bytes(data)
    assert _run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=copy).returncode != 0
    done, installed = _install(tmp_path / "env", copy)
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not installed
    count("supply", "folders with a changed wheel refused", 1)


@pytest.mark.prove
def test_the_bill_of_materials_follows_the_schema(folder, tmp_path, count):
    assert TOOLS.exists(), "run 'make prove', which sets up the tools"
    check = ROOT / "release" / "check_sbom.py"
    done = _run([TOOLS, check, folder / "sbom.cdx.json"])
    assert done.returncode == 0, done.stdout + done.stderr
    made = json.loads((folder / "sbom.cdx.json").read_text("utf-8"))
    made["components"][0]["colour"] = "blue"
    (tmp_path / "wrong.json").write_text(json.dumps(made), "utf-8")
    assert _run([TOOLS, check, tmp_path / "wrong.json"]).returncode == 1
    count("supply", "bills of materials held against the schema", 1)
