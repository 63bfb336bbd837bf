"""Builds the wheel and the source distribution of the last commit, the same bytes each time. `make build`.

What is built is what is committed: the tree of the commit is laid out anew, so that neither files left lying about nor
their times, modes and places come in. The time in both archives is that of the commit. Same commit, same Python, same
zlib and the build backend of `requirements-build.lock`: same bytes.

Spec: https://reproducible-builds.org/specs/source-date-epoch/
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BACKEND = "import sys; from setuptools import build_meta as b; to = sys.argv[1]; b.build_sdist(to); b.build_wheel(to)"


def build(repository: Path, out: Path) -> tuple[Path, Path]:
    """Build the last commit of a repository; returns the wheel and the source distribution."""
    epoch = int(_git(repository, "log", "-1", "--format=%ct"))
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="build-") as name:
        source, made = Path(name) / "source", Path(name) / "made"
        lay_out(_git(repository, "archive", "--format=tar", "HEAD"), source)
        made.mkdir()
        # Nothing of the person's surroundings: locale, time zone, hash seed and umask can all show in an archive.
        surroundings = {
            "SOURCE_DATE_EPOCH": str(epoch), "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0",
            "PATH": os.defpath, "HOME": name, "TMPDIR": name,
        }  # fmt: skip
        if os.name == "nt":
            surroundings = {**os.environ, **surroundings}
        done = subprocess.run(
            [sys.executable, "-I", "-c", BACKEND, str(made)], cwd=source, env=surroundings, umask=0o022,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(done.stderr)
        (wheel,) = made.glob("*.whl")
        (archive,) = made.glob("*.tar.gz")
        archive.write_bytes(repacked(archive.read_bytes(), epoch))
        return Path(shutil.copy(wheel, out)), Path(shutil.copy(archive, out))


def lay_out(archive: bytes, target: Path) -> None:
    """Lay out a tar archive of files, with the modes 0644 and 0755 and nothing else."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            path = target / member.name
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
                path.chmod(0o755)
            elif member.isfile():
                path.parent.mkdir(parents=True, exist_ok=True)
                content = tar.extractfile(member)
                path.write_bytes(content.read() if content else b"")
                path.chmod(0o755 if member.mode & 0o100 else 0o644)


def repacked(archive: bytes, epoch: int) -> bytes:
    """Return a .tar.gz with the same files in the order of their names, one time, one owner, and two kinds of modes."""
    out = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as old,
        gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=9, mtime=epoch) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda each: each.name):
            plain = tarfile.TarInfo(member.name)
            plain.type, plain.size, plain.mtime = member.type, member.size, epoch
            plain.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            new.addfile(plain, old.extractfile(member) if member.isfile() else None)
    return out.getvalue()


def digest(file: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write_digests(folder: Path) -> None:
    """Write ``SHA256SUMS`` beside the files of a folder: ``sha256sum -c SHA256SUMS`` checks it."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    (folder / "SHA256SUMS").write_text("".join(f"{digest(path)}  {path.name}\n" for path in files), "utf-8")


def _git(repository: Path, *words: str) -> bytes:
    done = subprocess.run(["git", "-C", repository, *words], capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    return done.stdout


def main() -> None:
    """Build into a folder and say what was made."""
    parser = argparse.ArgumentParser(description="Build the wheel and the source distribution of the last commit.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    out = parser.parse_args().out
    if _git(ROOT, "status", "--porcelain").strip():
        print("What is not committed is not in it.")
    made = build(ROOT, out)
    write_digests(out)
    for file in made:
        print(f"{digest(file)}  {file}")


if __name__ == "__main__":
    main()
