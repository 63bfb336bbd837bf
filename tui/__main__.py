"""The `evault` program: the commands, or, without one, the terminal UI."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType
from typing import NoReturn


def main() -> int:
    """Run the program and return its exit code."""
    # Until the commands are there to do the same: importing them takes a moment.
    signal.signal(signal.SIGINT, _stop)
    # Nothing is written that is not the person's: the installer has compiled what there is to compile.
    sys.dont_write_bytecode = True
    from vault.api import harden

    harden()
    from tui.cli.run import run

    return run(sys.argv[1:])


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    """Say what the commands say when Ctrl-C stops them, and end at once: nothing was begun yet."""
    del number, frame
    words = sys.argv[1:]
    if "--json" in (words[: words.index("--")] if "--" in words else words):
        stream, text = (
            1,
            (
                '{"ok": false, "exit": 130, "error": {"code": "cancelled", "message": "Stopped on request.", '
                '"advice": "Nothing half-done was kept."}}\n'
            ),
        )
    else:
        stream, text = 2, "evault: Stopped on request. Nothing half-done was kept.\n"
    with contextlib.suppress(OSError):
        os.write(stream, text.encode())
    os._exit(130)


if __name__ == "__main__":
    sys.exit(main())
