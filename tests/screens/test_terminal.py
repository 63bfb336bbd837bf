"""The whole program in a real terminal (tmux): start, lock, crash, kill, signals; what the terminal is left with."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vault import api

PASSPHRASE = "ocean mirror lantern velvet copper puzzle"
ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Terminal:
    """A terminal with a shell that runs the program."""

    def __init__(self, folder: Path, width: int = 80, height: int = 24, **environment: str) -> None:
        self._socket = folder / "tmux"
        environment = {"LANG": "C.UTF-8", "PS1": "$ ", **environment}
        given = [f"{name}={value}" for name, value in environment.items()]
        self._tmux(
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-s",
            "t",
            "-x",
            str(width),
            "-y",
            str(height),
            "env",
            *given,
            "bash",
            "--norc",
            "-i",
        )
        self.pid = int(self._tmux("display-message", "-p", "-t", "t", "#{pane_pid}"))

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(["tmux", "-S", str(self._socket), *words], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, vault: Path, *words: str) -> None:
        """Run the program over a vault."""
        program = f"import sys; sys.path.insert(0, '{ROOT}'); from tui.__main__ import main; sys.exit(main())"
        self.type(f'{sys.executable} -P -c "{program}" --vault {vault} {" ".join(words)}; echo left $?')
        self.press("Enter")

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-t", "t", "-l", text)

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", "-t", "t", *keys)

    def text(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", "t")

    def raw(self) -> str:
        """Return the screen with its colours."""
        return self._tmux("capture-pane", "-e", "-p", "-t", "t")

    def until(self, words: str, seconds: float = 40.0) -> str:
        """Wait until something stands on the screen, and return it."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            seen = self.text()
            if words in seen:
                return seen
            time.sleep(0.1)
        raise AssertionError(f"{words!r} never came; the screen shows:\n{self.text()}")

    def child(self) -> int:
        """Return the process that shows the screens."""
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if any(b"tui.child" in word for word in words) and self.pid in _above(int(entry.name)):
                return int(entry.name)
        raise AssertionError("no screens are shown")

    def close(self) -> None:
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], capture_output=True)


def _above(pid: int) -> list[int]:
    found = []
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            break
        found.append(pid)
    return found


@pytest.fixture
def terminal(tmp_path):
    """Return a function that opens a terminal."""
    opened = []

    def make(**more) -> Terminal:
        one = Terminal(tmp_path, **more)
        opened.append(one)
        return one

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def locked(vault) -> Path:
    """A locked vault's folder."""
    vault.close()
    return vault.folder


def _unlock(one: Terminal) -> None:
    one.until("Passphrase")
    one.type(PASSPHRASE)
    one.press("Enter")
    one.until("New case")


def test_first_run_makes_a_vault_and_a_case_in_chinese(terminal, tmp_path):
    one = terminal()
    one.start(tmp_path / "new")
    one.until("Step 1")
    one.press("Enter")
    one.until("Step 2")
    one.type(PASSPHRASE)
    one.until("Strong")
    one.press("Enter")
    one.type(PASSPHRASE)
    one.press("Enter")
    one.until("New case")
    one.press("n")
    one.until("A name that tells it")
    one.type("王全璋案")
    one.press("Enter")
    one.until("王全璋案")
    assert PASSPHRASE not in one.text()
    one.press("C-q")
    one.until("left 0")
    vault = api.setup.unlock(tmp_path / "new", api.to_secret(PASSPHRASE))
    assert [case.title for case in api.cases.page(vault)] == ["王全璋案"]
    vault.close()


def test_locking_ends_the_process_and_a_fresh_one_asks_for_the_passphrase(terminal, locked):
    one = terminal()
    one.start(locked)
    _unlock(one)
    before = one.child()
    one.press("C-l")
    one.until("The vault is locked.")
    assert one.child() != before
    _unlock(one)
    one.press("F12")
    one.until("The vault is locked.")


def test_a_wrong_passphrase_is_said_and_can_be_typed_again(terminal, locked):
    one = terminal()
    one.start(locked)
    one.until("Passphrase")
    one.type("not the passphrase")
    one.press("Enter")
    one.until("Not unlocked")
    _unlock(one)


def test_a_killed_child_leaves_a_sane_terminal_and_one_sentence(terminal, locked):
    one = terminal()
    one.start(locked)
    _unlock(one)
    os.kill(one.child(), signal.SIGKILL)
    seen = one.until("has locked the vault")
    assert "Traceback" not in seen
    one.press("r", "Enter")
    one.until("There is no report")
    one.press("q", "Enter")
    one.until("left 70")
    one.type("stty -a | grep -o ' echo ' && echo typed")
    one.press("Enter")
    one.until("typed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_parent_ends_both(terminal, locked, number):
    one = terminal()
    one.start(locked)
    _unlock(one)
    child = one.child()
    os.kill(_above(child)[0], number)
    one.until("left 130")
    assert not Path(f"/proc/{child}").exists()


def test_variables_of_textual_reach_no_child(terminal, locked, tmp_path):
    log = tmp_path / "textual.log"
    one = terminal(TEXTUAL_LOG=str(log), TEXTUAL="debug,devtools", TEXTUAL_SCREENSHOT="1")
    one.start(locked)
    _unlock(one)
    environment = Path(f"/proc/{one.child()}/environ")
    with contextlib.suppress(PermissionError):  # Nobody but root reads that of a process that must not be dumped.
        assert b"TEXTUAL" not in environment.read_bytes()
    one.press("C-q")
    one.until("left 0")
    assert not log.exists()


def test_what_about_the_terminal_can_give_a_vault_away_is_told_each_time_it_is_locked(terminal, locked, tmp_path):
    one = terminal(width=120, height=50, TEXTUAL_LOG=str(tmp_path / "written"))
    one.start(locked)
    for _ in range(2):
        seen = " ".join(one.until("TEXTUAL_").split())
        assert "About this computer" in seen
        assert "inside tmux, screen or the like" in seen
        _unlock(one)
        one.press("C-l")
        one.until("The vault is locked.")
    assert not (tmp_path / "written").exists()
