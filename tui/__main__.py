"""The `evault` program: the commands, or, without one, the terminal UI."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run the program and return its exit code."""
    # Until the commands are there to say so in words, Ctrl-C ends the program at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Nothing is written that is not the person's: the installer has compiled what there is to compile.
    sys.dont_write_bytecode = True
    from vault.api import harden

    harden()
    from tui.cli.run import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
