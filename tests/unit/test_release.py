"""What is handed to people: built the same each time, listed whole, and never called clean without an answer."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release import audit, build, sbom, wheels

ROOT = Path(__file__).resolve().parents[2]
HERE = [Path(place) for place in sys.path if place]

# --- builds -----------------------------------------------------------------------------------------------------------


def _archive(names, moment, mode, owner):
    out = io.BytesIO()
    with (
        gzip.GzipFile(filename=f"{owner}.tar", fileobj=out, mode="wb", mtime=moment) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for name in names:
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode, member.uname = 4, moment, mode, owner
            tar.addfile(member, io.BytesIO(b"same"))
    return out.getvalue()


def test_an_archive_says_nothing_of_when_where_and_by_whom_it_was_made():
    one = _archive(["p/a", "p/b"], 1_000_000_000, 0o600, "maker")
    other = _archive(["p/b", "p/a"], 1_500_000_000, 0o664, "other")
    assert one != other
    assert build.repacked(one, 1_234_567_890) == build.repacked(other, 1_234_567_890)
    with tarfile.open(fileobj=io.BytesIO(build.repacked(one, 1_234_567_890))) as tar:
        (first, second) = tar.getmembers()
    assert (first.name, first.mtime, first.mode, first.uname) == ("p/a", 1_234_567_890, 0o644, "")
    assert second.name == "p/b"


@pytest.fixture
def small(tmp_path) -> Path:
    """A repository of a project with two modules, to be cloned and built in little time."""
    folder = tmp_path / "small"
    (folder / "thing").mkdir(parents=True)
    (folder / "thing" / "__init__.py").write_text("")
    (folder / "thing" / "part.py").write_text("PART = 1\n")
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "thing"\nversion = "1"\n'
    )
    commands = ["init -q", "add -A", "-c user.name=n -c user.email=e@example.org commit -q -m one"]
    for command in commands:
        subprocess.run(["git", *command.split()], cwd=folder, check=True, capture_output=True)
    return folder


def test_two_builds_have_the_same_bytes_and_only_what_is_committed(small, tmp_path, monkeypatch):
    """The long form builds the program itself: `tests/proofs/supply`."""
    first = build.build(small, tmp_path / "one")
    again = tmp_path / "far" / "away" / "clone"
    subprocess.run(["git", "clone", "-q", small, again], check=True, capture_output=True)
    (again / "thing" / "left.py").write_text("left lying about\n")
    for path in again.rglob("*.py"):
        os.utime(path, (0, 0))
        path.chmod(0o600)
    monkeypatch.setenv("TZ", "Asia/Urumqi")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    old = os.umask(0o077)
    try:
        second = build.build(again, tmp_path / "two")
    finally:
        os.umask(old)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert {path.suffix for path in first} == {".whl", ".gz"}


def test_a_build_shows_another_commit(small, tmp_path):
    first = build.build(small, tmp_path / "one")
    (small / "thing" / "part.py").write_text("PART = 2\n")
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org", "commit", "-q", "-am", "two"]
    subprocess.run(command, cwd=small, check=True, capture_output=True)
    second = build.build(small, tmp_path / "two")
    assert all(one.read_bytes() != two.read_bytes() for one, two in zip(first, second, strict=True))


# --- the bill of materials --------------------------------------------------------------------------------------------


def _listed(made):
    parts = [made["metadata"]["component"], *made["components"]]
    return {(canonicalize_name(part["name"]), part["version"]) for part in parts}


def _locked_here():
    text = (ROOT / "requirements.lock").read_text("utf-8").replace("\\\n", " ")
    lines = [line.split(" --hash=")[0] for line in text.splitlines() if "==" in line and not line.startswith(" ")]
    found = [Requirement(line) for line in lines]
    return {
        (canonicalize_name(each.name), next(iter(each.specifier)).version)
        for each in found
        if each.marker is None or each.marker.evaluate()
    }


def test_the_bill_lists_what_the_lock_says_and_the_program():
    own = {(canonicalize_name(each.name), each.version) for each in distributions() if each.name == sbom.PROGRAM}
    assert _listed(sbom.bill(sbom.parts(HERE))) == _locked_here() | own


def test_the_bill_says_who_needs_whom():
    made = sbom.bill(sbom.parts(HERE))
    graph = made["dependencies"]
    needs = {each["ref"].split("@")[0]: {name.split("@")[0] for name in each["dependsOn"]} for each in graph}
    assert "pkg:pypi/cffi" in needs["pkg:pypi/pynacl"]
    assert "pkg:pypi/pillow" in needs["pkg:pypi/evidence-vault"]  # of an extra
    assert "pkg:pypi/linkify-it-py" in needs["pkg:pypi/markdown-it-py"]  # of an extra that another asks for
    assert {name for names in needs.values() for name in names} | {"pkg:pypi/evidence-vault"} == set(needs)


def test_the_bill_is_the_same_each_time():
    one, two = (sbom.text_of(sbom.bill(sbom.parts(places))) for places in (HERE, HERE[::-1]))
    assert one == two


def test_a_bill_of_other_parts_has_another_number():
    found = sbom.parts(HERE)
    fewer = {name: part for name, part in found.items() if name != "segno"}
    fewer["evidence-vault"] = sbom.Part(found["evidence-vault"].distribution, needs=set())
    assert sbom.bill(found)["serialNumber"] != sbom.bill(fewer)["serialNumber"]


def test_a_part_that_is_not_installed_is_no_bill(tmp_path):
    (own,) = [place for place in HERE if list(place.glob("evidence_vault-*.dist-info"))]
    (info,) = own.glob("evidence_vault-*.dist-info")
    shutil.copytree(info, tmp_path / info.name)
    with pytest.raises(LookupError, match="is needed and is not installed"):
        sbom.parts([tmp_path])


# --- the folder of wheels ---------------------------------------------------------------------------------------------


def _wheel(folder, name, text=b""):
    folder.mkdir(exist_ok=True)
    path = folder / f"{name.replace('-', '_')}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
        archive.writestr(f"{name.replace('-', '_')}-1.dist-info/METADATA", metadata)
        archive.writestr("code.py", text)
    return path


def test_a_folder_of_wheels_says_the_hash_of_each(tmp_path):
    own, part = _wheel(tmp_path / "w", "evidence-vault"), _wheel(tmp_path / "w", "part")
    lock = tmp_path / "some.lock"
    lock.write_text(f"part==1 \\\n    --hash=sha256:{hashlib.sha256(part.read_bytes()).hexdigest()}\n    # via x\n")
    lines = wheels.complete(tmp_path / "w", lock, own)
    assert [line.split(" ")[0] for line in lines] == [f"./{own.name}", f"./{part.name}"]
    sums = (tmp_path / "w" / "SHA256SUMS").read_text().splitlines()
    assert [line.split("  ")[1] for line in sums] == [own.name, part.name, "requirements.txt", "sbom.cdx.json"]
    for line in sums:
        digest, name = line.split("  ")
        assert hashlib.sha256((tmp_path / "w" / name).read_bytes()).hexdigest() == digest


def test_a_wheel_that_the_lock_does_not_allow_stays_out(tmp_path):
    own, part = _wheel(tmp_path / "w", "evidence-vault"), _wheel(tmp_path / "w", "part")
    lock = tmp_path / "some.lock"
    lock.write_text(f"part==1 \\\n    --hash=sha256:{hashlib.sha256(part.read_bytes()).hexdigest()}\n")
    _wheel(tmp_path / "w", "part", b"altered")
    with pytest.raises(SystemExit, match="is not a file that"):
        wheels.complete(tmp_path / "w", lock, own)


# --- known weaknesses -------------------------------------------------------------------------------------------------

TODAY = datetime.date(2026, 6, 1)
FLAW = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2"], "description": "bad"}


def _report(*flaws, **more):
    return {"dependencies": [{"name": "part", "version": "1", "vulns": list(flaws), **more}]}


def _exception(number="PYSEC-1", until=TODAY):
    return {"id": number, "package": "part", "until": until, "why": "it does not reach us"}


@pytest.mark.parametrize(
    "report, exceptions, wrong",
    [
        (_report(), [], []),
        (_report(FLAW), [], ["part 1: PYSEC-1 (mended in 2)"]),
        (_report(FLAW), [_exception()], []),
        (_report(FLAW), [_exception("CVE-1")], []),
        (_report(FLAW), [_exception("PYSEC-2")],
         ["part 1: PYSEC-1 (mended in 2)", "part: the exception for PYSEC-2 is not needed any more"]),
        (_report(FLAW), [_exception(until=TODAY - datetime.timedelta(days=1))],
         ["part 1: PYSEC-1 was excused until 2026-05-31 only"]),
        (_report(), [_exception()], ["part: the exception for PYSEC-1 is not needed any more"]),
        ({"dependencies": [{"name": "part", "skip_reason": "not found"}]}, [],
         ["part: nobody could be asked (not found)"]),
    ],
)  # fmt: skip
def test_what_is_known_or_could_not_be_asked_is_told(report, exceptions, wrong):
    assert audit.judge(report, exceptions, TODAY) == wrong


def test_every_exception_has_a_last_day_and_a_reason():
    found = tomllib.loads(audit.EXCEPTIONS.read_text("utf-8")).get("exception", [])
    for each in found:
        assert each.keys() == {"id", "package", "until", "why"}
        assert isinstance(each["until"], datetime.date)
        assert each["why"]


def test_every_lock_is_asked_for():
    assert set(audit.LOCKS) == {path.name for path in ROOT.glob("*.lock")}
