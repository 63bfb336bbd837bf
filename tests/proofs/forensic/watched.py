"""A disk of its own that holds home and temporary folders, commands that run there under strace, and what that saw.

For tests only. The disk is an ext4 file system in a file, mounted so that every write reaches the file at once: what
was written and removed again is still there to be found. /tmp and /var/tmp lie on it for the commands alone.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.proofs.forensic.canaries import PASSPHRASE

ROOT = Path(__file__).resolve().parents[3]
_START = "import sys; sys.path.insert(0, {root!r}); {before}from tui.__main__ import main; sys.exit(main())"
_HIDDEN = ROOT.parts[1:2] == ("tmp",) or ROOT.parts[1:3] == ("var", "tmp")
# Where the program itself lies in a folder that the disk is mounted over, it is put there again.
_KEPT = 'mkdir -p "$0/program" && mount --bind {root} "$0/program"' if _HIDDEN else "true"
_BACK = 'mkdir -p {root} && mount --bind "$0/program" {root}' if _HIDDEN else "true"
_MOUNT = (
    f'{_KEPT} && mount --bind "$0/tmp" /tmp && mount --bind "$0/vartmp" /var/tmp && {_BACK} && cd "$0/home" '
    '&& exec "$@"'
).replace("{root}", shlex.quote(str(ROOT)))
_CALLS = "%network,execve,execveat,open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat," \
    "symlink,symlinkat,mknod,mknodat,truncate"  # fmt: skip
_LINE = re.compile(r"(\w+)\((.*)")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')


def why_not() -> str:
    """Return why there can be no such disk here, or an empty string."""
    if sys.platform != "linux" or os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
        return "mounting a disk from a file needs root and the loop devices of Linux"
    if shutil.which("strace") is None:
        return "strace is not installed"
    return (
        "" if shutil.which("mkfs.ext4") and shutil.which("unshare") else "a disk of its own needs Linux with mkfs.ext4"
    )


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: bytes
    err: bytes

    def json(self) -> dict:
        return json.loads(self.out)


class Disk:
    """The disk.

    Attributes:
        folder: Where the image and the traces lie, and what is not to be on the disk.
        image: The file that holds the file system.
        place: Where it is mounted.
    """

    def __init__(self, folder: Path, mebibytes: int = 256) -> None:
        self.folder, self.image, self.place = folder, folder / "image", folder / "disk"
        self.traces = folder / "traces"
        for one in (self.place, self.traces):
            one.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(mebibytes << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "nodiscard", self.image], check=True)
        subprocess.run(["mount", "-o", "loop,sync,nodiscard", self.image, self.place], check=True)
        for name in ("home", "tmp", "vartmp"):
            (self.place / name).mkdir(mode=0o1777 if "tmp" in name else 0o700)
            os.chmod(self.place / name, 0o1777 if "tmp" in name else 0o700)
        self.home, self.vault = self.place / "home", self.place / "home" / "vault"
        self.runs = 0

    def command(self, *words: object, before: str = "", trace: bool = True, more: tuple[str, ...] = ()) -> list[str]:
        """Return the words that start the program on this disk; `before` is Python that runs before it."""
        python = [sys.executable, "-P", "-B", "-c", _START.format(root=str(ROOT), before=before)]
        return self.inside([*python, *map(str, words)], trace=trace, more=more)

    def inside(self, words: list[str], *, trace: bool = True, more: tuple[str, ...] = ()) -> list[str]:
        """Return the words that start any program on this disk."""
        self.runs += 1
        watched = ["strace", "-ff", "--seccomp-bpf", "-qq", "-v", "-s", "1000000", "-o",
                   str(self.traces / f"{self.runs:03}"), "-e", f"trace={_CALLS}"]  # fmt: skip
        return ["unshare", "-m", "sh", "-c", _MOUNT, str(self.place), *(watched if trace else []), *more, *words]

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm-256color"}

    def run(self, *words: object, stdin: str = "", secrets: tuple[str, ...] = (PASSPHRASE,), **more) -> Ran:
        """Run one command of the program to its end, with --json."""
        reading, writing = os.pipe()
        os.write(writing, "".join(f"{line}\n" for line in secrets).encode())
        os.close(writing)
        front = ["--vault", str(self.vault), "--passphrase-fd", str(reading), "--json"]
        started = self.command(*front, *words, **more)
        try:
            done = subprocess.run(
                started, input=stdin.encode(), capture_output=True, pass_fds=(reading,), env=self.environment,
                timeout=300, check=False,
            )  # fmt: skip
        finally:
            os.close(reading)
        return Ran(done.returncode, done.stdout, done.stderr)

    def python(self, code: str, *words: object, trace: bool = True) -> Ran:
        """Run Python code on this disk."""
        started = self.inside([sys.executable, "-P", "-B", "-c", code, *map(str, words)], trace=trace)
        done = subprocess.run(started, capture_output=True, env=self.environment, timeout=300, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)

    def calls(self, first: int = 1) -> list[tuple[str, str]]:
        """Return name and arguments of the calls that were seen since a run, those that failed left out."""
        found = []
        for file in sorted(self.traces.glob("*")):
            if int(file.name.partition(".")[0]) >= first:
                for line in file.read_text("utf-8", "replace").splitlines():
                    if (call := _LINE.match(line)) and " = -1 " not in line[-80:]:
                        found.append((call[1], call[2]))
        return found

    def close(self) -> None:
        for _ in range(50):
            if subprocess.run(["umount", self.place], capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.1)
        subprocess.run(["umount", "--lazy", self.place], check=True)


def internet(calls: list[tuple[str, str]]) -> list[str]:
    """Return the calls that have to do with a socket of the internet family."""
    return [f"{name}({rest[:200]}" for name, rest in calls if "AF_INET" in rest and not name.startswith("exec")]


def written(calls: list[tuple[str, str]]) -> set[str]:
    """Return the paths that were made, renamed to, or opened for writing."""
    found = set()
    for name, rest in calls:
        if name.startswith(("exec", "socket", "connect", "send", "recv", "bind", "get", "set", "shut", "listen")):
            continue
        if name.startswith("open") and not re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE|O_TRUNC", rest):
            continue
        paths = _TEXT.findall(rest)
        if paths:
            found.add(_plain(paths[-1] if not name.startswith("open") else paths[0]).decode("utf-8", "replace"))
    return found


def handed_over(calls: list[tuple[str, str]]) -> list[bytes]:
    """Return arguments and environment of every program that was started."""
    return [_plain(text) for name, rest in calls if name.startswith("exec") for text in _TEXT.findall(rest)]


def _plain(text: str) -> bytes:
    return codecs.escape_decode(text.encode())[0]
