"""A folder from which the program can be installed without a network. `make wheels`.

Holds the making of it. In it are the program's own wheel (as `build` makes it), a wheel of every distribution of
`requirements.lock` for this system and this Python, `requirements.txt` with the SHA-256 of each, the bill of materials,
and `SHA256SUMS`. A wheel whose hash is not in the lock does not come in.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

from packaging.utils import parse_wheel_filename

from release import sbom
from release.build import build, digest, write_digests

ROOT = Path(__file__).resolve().parents[1]


def locked(lock: Path) -> dict[tuple[str, str], set[str]]:
    """Return (name, version) → SHA-256 of the files that a lock allows."""
    text = re.sub(r"\s*\\\n\s*", " ", re.sub(r"(?m)^\s*#.*\n", "", lock.read_text("utf-8")))
    found = {}
    for line in text.splitlines():
        name, version = line.split(" ")[0].split("==")
        found[name, version] = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
    return found


def fetch(lock: Path, folder: Path) -> None:
    """Fetch a wheel of each line of a lock for this system and this Python."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*command, "--require-hashes", "--dest", str(folder), "-r", str(lock)], check=True)


def complete(folder: Path, lock: Path, own: Path) -> list[str]:
    """Write the lists beside the wheels; returns the lines of `requirements.txt`.

    Args:
        folder: Where the wheels lie, the program's own among them.
        lock: What they may be.
        own: The program's own wheel.

    Raises:
        SystemExit: A wheel is not one that the lock allows.
    """
    allowed = locked(lock)
    wheels = sorted(folder.glob("*.whl"))
    digests = {}
    for wheel in wheels:
        name, version, _, _ = parse_wheel_filename(wheel.name)
        digests[str(name)] = digest(wheel)
        if wheel.name != own.name and digest(wheel) not in allowed.get((name, str(version)), ()):
            raise SystemExit(f"{wheel.name} is not a file that {lock.name} allows")
    lines = [f"./{wheel.name} --hash=sha256:{digest(wheel)}" for wheel in wheels]
    (folder / "requirements.txt").write_text("\n".join(lines) + "\n", "utf-8")
    made = sbom.bill(sbom.parts(wheels), digests)
    (folder / "sbom.cdx.json").write_text(sbom.text_of(made), "utf-8")
    write_digests(folder)
    return lines


def main() -> None:
    """Make the folder anew and say what is in it."""
    parser = argparse.ArgumentParser(description="Make a folder from which the program installs without a network.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "wheels")
    out = parser.parse_args().out
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    lock = ROOT / "requirements.lock"
    fetch(lock, out)
    own, archive = build(ROOT, out)
    archive.unlink()
    print(f"{out}: {len(complete(out, lock, own))} wheels")


if __name__ == "__main__":
    main()
