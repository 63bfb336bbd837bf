"""Walks through the real application on a pseudo-terminal and keeps every byte that reaches the terminal."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
PASSPHRASE = "ocean mirror lantern velvet copper puzzle"

# Runs the real application on the terminal that it is given; `plain` takes out both filters, in this process only.
_CHILD = """
import asyncio, json, os, sys
sys.path.insert(0, sys.argv[1])
folder, passphrase, walk, plain = sys.argv[2], sys.argv[3], json.loads(sys.argv[4]), sys.argv[5] == "plain"
if plain:
    import tui.text
    tui.text.shown = lambda text, *, lines=False: text
    tui.text.is_hidden = lambda character: False
from pathlib import Path
from tui.app import VaultApp
from tui.supervisor import Options
from vault import api

class Walk(VaultApp):
    CSS_PATH = os.path.join(sys.argv[1], "tui", "app.tcss")

    def get_line_filters(self):
        return [] if plain else super().get_line_filters()

    def on_ready(self):
        self.run_worker(self.go(), exit_on_error=False)

    async def quiet(self):
        for _ in range(2):
            await asyncio.sleep(0.04)
            while self.busy or self.running:
                await asyncio.sleep(0.02)

    async def go(self):
        try:
            await self.opened(await self.core(api.setup.unlock, Path(folder), api.to_secret(passphrase)))
            for key in walk:
                await self.quiet()
                await self._press_keys([key])
            await self.quiet()
        except BaseException as error:
            self.exit(9)
            raise
        self.exit(0)

app = Walk(Path(folder), Options(folder), lambda code, note: os._exit(code))
app.run()
os._exit(app.return_code or 0)
"""


def run(folder: Path, walk: list[str], plain: bool = False, **variables: str) -> str:
    """Walk through the screens on a pseudo-terminal and return all that was written to it; `plain`: without filters."""
    pty = pytest.importorskip("pty")
    import fcntl
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 120, 120, 0, 0))
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment |= variables
    words = [str(_ROOT), str(folder), PASSPHRASE, json.dumps(walk), "plain" if plain else "filtered"]
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _CHILD, *words],
        stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True, cwd=folder.parent,
    )  # fmt: skip
    os.close(slave)
    out = bytearray()
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        out += piece
    os.close(master)
    assert process.wait() == 0, out[-3000:].decode(errors="replace")
    return out.decode("utf-8", "surrogateescape")
