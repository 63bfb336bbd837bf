"""Rounds of two processes that want one vault at the same moment.

By hand: ``python -m tests.proofs.fault.rounds FOLDER SEED ROUNDS`` prints a line of JSON for each round, and one at the
end. Each process of a round is forked from this one, which never opens the vault itself, and is told to go at once:

- *hold*: whoever comes in writes, and stays until the other has been answered;
- *read*: the same, and both only read;
- *kill*: the same, and then it is killed in the middle of writing; another comes in at once;
- *quick*: whoever comes in writes and leaves, and the other may come in after it.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.vault_world import PASSPHRASE
from vault import api, keys
from vault.errors import InUseError
from vault.jobs import Job

_PR_SET_PDEATHSIG = 1
KINDS = ("hold", "read", "kill", "quick")


class Child:
    """A forked process that says lines of JSON and waits to be told things."""

    def __init__(self, work: Callable[[Callable[..., None], Callable[[], bytes]], None]) -> None:
        self._out, out = os.pipe()
        wait, self._in = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            code = 70
            try:
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
                os.close(self._in)
                work(lambda *said: os.write(out, (json.dumps(said) + "\n").encode()) and None, lambda: os.read(wait, 1))
                code = 0
            finally:
                os._exit(code)
        os.close(out)
        os.close(wait)
        self._rest = b""
        self.said: list[list[Any]] = []

    def hear(self) -> list[Any]:
        """Return the next thing it says, or an empty list at its end."""
        while b"\n" not in self._rest:
            piece = os.read(self._out, 1 << 16)
            if not piece:
                return []
            self._rest += piece
        line, self._rest = self._rest.split(b"\n", 1)
        self.said.append(json.loads(line))
        return self.said[-1]

    def tell(self) -> None:
        """Let it go on."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._in, b".")

    def end(self) -> None:
        """Hear the rest and wait for it."""
        while self.hear():
            pass
        os.waitpid(self.pid, 0)
        os.close(self._out)
        os.close(self._in)


class Vault:
    """The vault of the rounds, and the notes that somebody was told are saved."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = keys.unlock_keys((folder / "vault.keys").read_bytes(), api.to_secret(PASSPHRASE))
        self.saved: list[str] = []

    def wanting(self, kind: str) -> Callable[[Callable[..., None], Callable[[], bytes]], None]:
        """Return the work of a process that wants the vault."""

        def work(say: Callable[..., None], wait: Callable[[], bytes]) -> None:
            wait()
            begun = time.monotonic()
            try:
                vault = api.setup.open_with(self.folder, self.keys)
            except InUseError:
                say("in use", round(time.monotonic() - begun, 3))
                return
            except BaseException as error:  # noqa: BLE001 - told to the parent
                say("error", repr(error))
                return
            say("opened", round(time.monotonic() - begun, 3))
            (case,) = api.cases.page(vault)
            if kind == "read":
                say("read", len(api.records.page(vault, case.id)))
            else:
                say("saved", api.records.add(vault, case.id, "note", {"text": "lantern"}).id)
            if kind != "quick":
                wait()
            for number in itertools.count():
                if kind != "kill":
                    break
                say("saved", api.records.add(vault, case.id, "note", {"text": f"lantern {number}" * 500}).id)
            vault.close()
            say("closed")

        return work

    def all_there(self, say: Callable[..., None], wait: Callable[[], bytes]) -> None:
        """Say which saved notes are missing, and whether the program's own check finds anything."""
        del wait
        vault = api.setup.open_with(self.folder, self.keys)
        (case,) = api.cases.page(vault)
        there = {record.id for record in api.records.page(vault, case.id)}
        say("missing", sorted(set(self.saved) - there))
        report = api.checking.check(vault, [], Job()).report
        say("sound", report.ok and not report.findings)
        vault.close()

    def round(self, kind: str, chooser: random.Random) -> dict[str, Any]:
        """Let two processes want the vault at once, and return what each was told."""
        both = [Child(self.wanting(kind)) for _ in range(2)]
        for child in both:
            child.tell()
        answers = [child.hear() for child in both]
        killed, after = False, ""
        for child, answer in zip(both, answers, strict=True):
            if answer[:1] == ["opened"]:
                child.hear()
                child.tell()
                if kind == "kill":
                    time.sleep(chooser.random() * 0.1)
                    os.kill(child.pid, signal.SIGKILL)
                    killed = True
        for child in both:
            child.end()
            self.saved += [said[1] for said in child.said if said[0] == "saved"]
        if killed:
            next_one = Child(self.wanting("read"))
            next_one.tell()
            after = (next_one.hear() or ["died"])[0]
            next_one.tell()
            next_one.end()
        took = [answer[1] for answer in answers if answer[:1] == ["in use"]]
        return {"kind": kind, "told": [answer[0] if answer else "died" for answer in answers], "after": after,
                "took": took, "errors": [answer[1] for answer in answers if answer[:1] == ["error"]]}  # fmt: skip

    def judged(self) -> dict[str, Any]:
        """Return what is missing in the end."""
        child = Child(self.all_there)
        child.end()
        return {"saved": len(self.saved), **{said[0]: said[1] for said in child.said}}


def main(folder: Path, seed: int, rounds: int) -> None:
    """Do the rounds and judge what is there after each tenth and at the end."""
    chooser, vault = random.Random(seed), Vault(folder)
    for number in range(rounds):
        print(json.dumps(vault.round(KINDS[number % len(KINDS)], chooser)), flush=True)
        if number % 10 == 9 or number == rounds - 1:
            print(json.dumps({"kind": "judged", **vault.judged()}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
