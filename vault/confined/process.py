"""Starts, watches and ends a confined child; what comes out of it is foreign input.

The child gets no keys, no environment, no folder of ours and no descriptor but two pipes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Final, cast

from vault.confined import frames
from vault.confined.confine import MEASURES

_START: Final = (
    "import sys; sys.path[:] = [sys.argv[1], *sys.path]; "
    "from importlib import import_module; import_module(sys.argv[2]).main()"
)
_KEPT: Final = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""What Python itself may need to start, and nothing else."""


class ViolationError(Exception):
    """The child did not start, died, hung, or broke its contract."""


class Child:
    """The process and its two pipes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.confinement: tuple[str, ...] = ()
        self._greeted = False
        self._requests = cast(IO[bytes], process.stdin)
        self._answers = cast(IO[bytes], process.stdout)

    def greet(self) -> None:
        """Take the child's first words, once.

        Raises:
            ViolationError: They are other words than those of `MEASURES`.
        """
        if self._greeted:
            return
        words = tuple(self.receive({frames.HELLO: frames.HELLO_SIZE})[1].decode("ascii", "replace").split())
        if any(word not in MEASURES for word in words):
            raise ViolationError
        self.confinement, self._greeted = words, True

    def send(self, kind: bytes, *body: bytes) -> None:
        """Send one frame, whose body may come in parts.

        Raises:
            ViolationError: The child is gone.
        """
        try:
            frames.send(cast(frames.Stream, self._requests), kind, *body)
        except OSError as error:
            raise ViolationError from error

    def receive(self, limits: dict[bytes, int]) -> tuple[bytes, bytes]:
        """Wait for one frame of these kinds, each with the longest body allowed, and return kind and body.

        Raises:
            ViolationError: The child is gone, or sent something else.
        """
        try:
            return frames.receive(cast(frames.Stream, self._answers), limits)
        except (OSError, ValueError, EOFError) as error:
            raise ViolationError from error

    def end(self) -> None:
        """Kill the process, wait for it and close the pipes."""
        self.process.kill()
        self.process.wait()
        for stream in (self._requests, self._answers):
            try:
                stream.close()
            except OSError:
                continue


class Alarm:
    """Kills the child when its time is up; after the end of the block it never does."""

    def __init__(self, child: Child, seconds: float) -> None:
        self._child = child
        self._lock = threading.Lock()
        self._over = False
        self._timer = threading.Timer(seconds, self._ring)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._over = True
        self._timer.cancel()

    def _ring(self) -> None:
        with self._lock:
            if not self._over:
                self._child.process.kill()


def start(module: str) -> Child:
    """Start the child whose `main` is in `module`.

    Raises:
        ViolationError: No process could be started.
    """
    try:
        process = subprocess.Popen(
            _command(module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            close_fds=True,
            cwd=Path(sys.executable).resolve().anchor,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            # Ctrl-C at the terminal is the parent's affair.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise ViolationError from error
    return Child(process)


def _command(module: str) -> list[str]:
    # Isolated mode ignores the environment and the current folder, so the package's own place is handed over: it is the
    # same whether the package is installed, installed editable or run from a checkout.
    return [sys.executable, "-I", "-B", "-c", _START, str(Path(__file__).resolve().parents[2]), module]
