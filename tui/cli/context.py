"""What a command gets: its arguments, the secrets, where to say things; and the unlocked vault when it needs one."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from tui.cli.secrets import Secrets
from tui.text import shown
from vault import api
from vault.jobs import Job, Progress

Result = dict[str, Any]
"""Fields of the JSON object; `exit` overrides the exit code, `lines` are what a person reads instead."""


@dataclass
class Context:
    """One run of one command."""

    arguments: argparse.Namespace
    secrets: Secrets
    job: Job

    @property
    def folder(self) -> Path:
        """The vault's folder."""
        named = self.arguments.vault
        return Path(named) if named else Path(platformdirs.user_data_dir("evidence-vault", appauthor=False)) / "vault"

    @contextlib.contextmanager
    def unlocked(self) -> Iterator[api.OpenVault]:
        """Unlock the vault, and lock it at the end."""
        vault = api.setup.unlock(self.folder, self.secrets.next("Passphrase"))
        try:
            yield vault
        finally:
            api.lock(vault)


def say(text: str) -> None:
    """Write one line of prose to standard error, filtered."""
    sys.stderr.write(shown(text, lines=True) + "\n")


def show_progress(progress: Progress) -> None:
    """Rewrite one line of progress on a terminal."""
    if not sys.stderr.isatty():
        return
    total = f" of {size(progress.total)}" if progress.total else ""
    left = f", {duration(progress.remaining)} left" if progress.remaining is not None else ""
    line = f"{progress.step}: {size(progress.done)}{total}, {size(int(progress.rate))}/s{left}"
    width = max(20, _width() - 1)
    sys.stderr.write("\r" + line[:width].ljust(width))
    if progress.done == progress.total:
        sys.stderr.write("\r" + " " * width + "\r")
    sys.stderr.flush()


def _width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        return 80


def size(count: int) -> str:
    """Return a count of bytes for people."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def duration(seconds: float) -> str:
    """Return a duration for people."""
    whole = int(seconds + 0.5)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
