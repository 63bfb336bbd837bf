"""Fixtures for the screens: an application over a real vault, driven by keys as a person would."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.screens import quiet
from tui import i18n
from tui.app import VaultApp
from tui.supervisor import Options
from vault import api
from vault.keys import FLOOR

_ROOT = Path(__file__).resolve().parents[2]
PASSPHRASE = "ocean mirror lantern velvet copper puzzle"


class Person:
    """Somebody at the keyboard of an application."""

    def __init__(self, app: VaultApp, pilot, left: list) -> None:
        self.app, self.pilot, self.left = app, pilot, left

    async def press(self, *keys: str) -> None:
        """Press keys one after the other, and wait after each until nothing moves any more."""
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def type(self, text: str) -> None:
        """Type a text into what has the focus, as a paste or an input method would bring it."""
        from textual import events

        self.app.screen.focused.post_message(events.Paste(text))
        await self.settle()

    async def click(self, selector: str) -> None:
        """Click on a widget of the screen in front; a button that still shows the last click would not take it."""
        await self.until(lambda: not self.app.screen.query(selector).filter(".-active"))
        await self.pilot.click(selector)
        await self.settle()

    async def settle(self) -> None:
        """Wait until no call of the core is going on, all messages are handled and all is drawn."""
        await quiet.settled(self.app, self.left)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until something holds; fails when it never does."""
        await quiet.until(self.app, true)

    def text(self) -> str:
        """Return what is on the screen, line by line."""
        strips = self.app.screen._compositor.render_strips()
        lines = ["".join(segment.text for segment in strip) for strip in strips]
        return "\n".join(line.rstrip() for line in lines)


@pytest.fixture(scope="session")
def made_vault(tmp_path_factory):
    """A locked vault to be copied, and its keys."""
    folder = tmp_path_factory.mktemp("made") / "vault"
    vault = api.setup.create(folder, api.to_secret(PASSPHRASE), FLOOR)
    vault.close()
    return folder, vault.keys


@pytest.fixture
def open_vault(made_vault, tmp_path: Path):
    """Return a function that copies the made vault under a name and opens it."""
    folder, keys = made_vault
    opened = []

    def make(name: str = "vault") -> api.OpenVault:
        vault = api.setup.open_with(Path(shutil.copytree(folder, tmp_path / name)), keys)
        opened.append(vault)
        return vault

    yield make
    for vault in opened:
        vault.close()


@pytest.fixture
def vault(open_vault) -> api.OpenVault:
    """An open vault in the folder `vault`."""
    return open_vault()


@pytest.fixture(scope="session")
def made_other(tmp_path_factory):
    """A locked vault of somebody else to be copied, and its keys."""
    folder = tmp_path_factory.mktemp("other") / "vault"
    vault = api.setup.create(folder, api.to_secret(PASSPHRASE), FLOOR)
    vault.close()
    return folder, vault.keys


@pytest.fixture
def other_vault(made_other, tmp_path: Path):
    """The open vault of somebody else, in the folder `other-vault`."""
    folder, keys = made_other
    vault = api.setup.open_with(Path(shutil.copytree(folder, tmp_path / "other-vault")), keys)
    yield vault
    vault.close()


@pytest.fixture
def at(tmp_path: Path, monkeypatch):
    """Return a function that runs a story at the screens: `at(story, vault=…, size=…, language=…)`.

    With an open vault the story begins at the list of cases, else at the first screen. Returns what the
    application left with: (exit code, last words), or None.
    """

    def run(
        story: Callable[[Person], Awaitable[None]],
        vault: api.OpenVault | None = None,
        size: tuple[int, int] = (80, 24),
        language: str = "en",
        folder: str | Path = "vault",
    ):
        left: list = []
        i18n.use(language)
        monkeypatch.setattr("textual.app.wait_for_idle", quiet.all_ran)
        monkeypatch.setattr("textual.pilot.wait_for_idle", quiet.all_ran)

        def leave(code: int, words: dict) -> None:
            left.append((code, words))
            app.exit(code)

        app = VaultApp(tmp_path / folder, Options(str(tmp_path / folder), language), leave)

        async def go() -> None:
            async with app.run_test(size=size) as pilot:
                person = Person(app, pilot, left)
                await person.settle()
                if vault is not None:
                    await app.opened(vault)
                    await person.settle()
                await story(person)

        try:
            asyncio.run(go())
        finally:
            i18n.use("en")
        return left[0] if left else None

    return run


# -- a real terminal --------------------------------------------------------------------------------------------------


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
        done = subprocess.run(["tmux", "-S", str(self._socket), *words], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, vault: Path, *words: str) -> None:
        """Run the program over a vault."""
        program = f"import sys; sys.path.insert(0, '{_ROOT}'); from tui.__main__ import main; sys.exit(main())"
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

    def until(self, words: str, seconds: float = 120.0) -> str:
        """Wait until something stands on the screen, and return it."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            seen = self.text()
            if words in seen:
                return seen
            time.sleep(0.1)
        if "r: show a technical report" in self.text():
            self.press("r")
            time.sleep(1)
        raise AssertionError(f"{words!r} never came; the screen shows:\n{self.text()}")

    def child(self) -> int:
        """Return the process that shows the screens."""
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if any(b"tui.child" in word for word in words) and self.pid in above(int(entry.name)):
                return int(entry.name)
        raise AssertionError("no screens are shown")

    def unlock(self) -> None:
        """Type the passphrase at the unlock screen."""
        self.until("Passphrase")
        self.type(PASSPHRASE)
        self.press("Enter")
        self.until("New case")

    def processes(self) -> list[int]:
        """Return the processes of the program: the parent, the screens, the one that looks into files."""
        numbers = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
        return [number for number in numbers if self.pid in above(number)]

    def close(self) -> None:
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], capture_output=True)


def above(pid: int) -> list[int]:
    """Return the processes that a process comes from, the nearest first."""
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
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
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
