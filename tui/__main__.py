"""The `evault` program: the commands, or, without one, the terminal UI."""

from __future__ import annotations

import sys

from vault.api import harden


def main() -> int:
    """Run the program and return its exit code."""
    harden()
    from tui.cli.run import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
