"""Opens and receives crafted bundles as the program does, and tells of each what came of it and what it cost.

    python -m tests.proofs.hostile.receiving FOLDER NUMBER…     a line of JSON for each case

The bundles are made by a child, so that what making them takes is not counted.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import shutil
import stat
import sys
import threading
import traceback
from pathlib import Path

from tests.vault_world import make_vault, rows
from vault import api
from vault.confined import process
from vault.errors import VaultError
from vault.formats.age import X25519Identity
from vault.jobs import Job
from vault.model import Secret, Verdict

BATCH = 60


def memory_of(pid: int | str = "self", what: str = "VmHWM:") -> int:
    """Bytes that a process has in memory, or had at most since the mark was last set back."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(what):
                return int(line.split()[1]) * 1024
    return 0


def set_back() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


class Measured:
    """What this process and the child of the moment have in memory together, at most.

    The child is looked at while it runs: one that has ended no longer says what it had.
    """

    def __init__(self) -> None:
        self.most = 0
        self.children = 0
        self._watched: tuple[threading.Event, threading.Thread] | None = None
        start, end = process.start, process.Child.end

        def started(module: str) -> process.Child:
            child = start(module)
            over = threading.Event()
            thread = threading.Thread(target=self._watch, args=(child.process.pid, over), daemon=True)
            self._watched = over, thread
            thread.start()
            return child

        def ended(child: process.Child) -> None:
            if self._watched is not None:
                over, thread = self._watched
                over.set()
                thread.join()
            self.children += 1
            end(child)
            set_back()

        process.start, process.Child.end = started, ended

    def _watch(self, pid: int, over: threading.Event) -> None:
        while not over.wait(0.01):
            if below := memory_of(pid):
                self.most = max(self.most, memory_of(what="VmRSS:") + below)

    def begin(self) -> None:
        self.most = self.children = 0
        set_back()

    def end(self) -> int:
        return max(self.most, memory_of())


def processor() -> float:
    own, below = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + below.ru_utime + below.ru_stime


def tree(folder: Path) -> list[str]:
    """Everything in a folder with its size and digest of a kind, links not followed."""
    found = []
    for place, names, files in os.walk(folder):
        for name in [*names, *files]:
            path = Path(place, name)
            state = path.lstat()
            size = state.st_size if stat.S_ISREG(state.st_mode) else 0
            found.append(f"{path.relative_to(folder)} {stat.S_IFMT(state.st_mode)} {size} {state.st_mtime_ns}")
    return sorted(found)


def attempt(work) -> tuple[str, str, bool]:
    """(what came of it, error or findings, whether it was believed or taken in)."""
    try:
        opened = work()
    except VaultError as error:
        return "error", f"{type(error).__name__}: {error}", False
    except BaseException:  # noqa: BLE001 - a fault, and told as one
        return "traceback", traceback.format_exc(), False
    good = opened.verdict is not Verdict.FAILED or bool(opened.case_id)
    return str(opened.verdict), ",".join(one.code for one in opened.report.findings), good


def make(folder: Path, numbers: list[int]) -> dict[int, dict]:
    """Make these bundles in a child of this process; returns what is said of each."""
    child = os.fork()
    if not child:
        try:
            made = {}
            all_of_them = importlib.import_module("tests.proofs.hostile.bundles").cases()
            for number in numbers:
                case = all_of_them[number]
                place = folder / f"{number}"
                if case.folder:
                    case.make(place)
                else:
                    place.with_suffix(".age").write_bytes(case.make())
                made[number] = {
                    "family": case.family,
                    "what": case.what[:120],
                    "expect": case.expect,
                    "folder": case.folder,
                }
            (folder / "made.json").write_text(json.dumps(made))
            os._exit(0)
        except BaseException:  # noqa: BLE001 - nothing of the parent's may run in the child
            traceback.print_exc()
            os._exit(1)
    if os.waitpid(child, 0)[1]:
        raise SystemExit("a bundle could not be made")
    return {int(number): case for number, case in json.loads((folder / "made.json").read_text()).items()}


class Reader:
    """A vault whose X25519 secret the forger knows, in a folder beside which nothing may appear."""

    def __init__(self, folder: Path) -> None:
        self.vault = make_vault(folder)
        self.vault.identity.x25519 = X25519Identity(Secret(bytes(range(32))))

    def held(self) -> object:
        counts = ", ".join(
            f"(SELECT count(*) FROM {one})" for one in ("record", "record_version", "custody_entry", "received_bundle")
        )
        return rows(self.vault, f"SELECT {counts}")


def judge(case: dict, number: int, place: Path, reader: Reader, measured: Measured) -> dict:
    """Open or verify one case, receive it, and look at what is there afterwards."""
    made = place / "made" / (str(number) if case["folder"] else f"{number}.age")
    out = place / "out"
    out.mkdir()
    outside = frozenset(tree(place))
    held = reader.held()
    began = processor()
    measured.begin()
    result = {"number": number, **case}
    if case["folder"]:
        results = [attempt(lambda: api.verify_bag(made))]
    else:
        results = [attempt(lambda: api.receiving.open_into(reader.vault, made, out / "opened", "", Job()))]
        if results[0][2]:
            results.append(attempt(lambda: api.verify_bag(out / "opened")))
        results.append(attempt(lambda: api.receiving.receive(reader.vault, made, Job())))
    result |= {"memory": measured.end(), "processor": processor() - began, "children": measured.children}
    result["results"] = results
    result["left"] = (not results[0][2] and bool(os.listdir(out))) or (not results[-1][2] and reader.held() != held)
    shutil.rmtree(out)
    result["outside"] = [one for one in tree(place) if one not in outside and not one.startswith("vault")]
    result["good"] = any(good for _, _, good in results)
    return result


def main(folder: Path, numbers: list[int]) -> None:
    measured = Measured()
    for start in range(0, len(numbers), BATCH):
        place = folder / f"batch-{start}"
        (place / "made").mkdir(parents=True)
        cases = make(place / "made", numbers[start : start + BATCH])
        reader = Reader(place / "vault")
        for number, case in cases.items():
            print(json.dumps(judge(case, number, place, reader, measured)), flush=True)
        found = api.checking.check(reader.vault, [], Job()).report.findings
        print(json.dumps({"check": [one.code for one in found]}), flush=True)
        reader.vault.close()
        shutil.rmtree(place)


if __name__ == "__main__":
    main(Path(sys.argv[1]), list(map(int, sys.argv[2:])))
