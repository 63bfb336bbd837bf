"""What a command gets: its arguments, the secrets, where to say things; and the unlocked vault when it needs one."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import platformdirs

from tui.cli import asking
from tui.cli.secrets import TRIES, NoSecretError, Secrets
from tui.measures import duration, is_counted, size
from tui.notices import sentence_of
from tui.text import one_line, shown
from vault import api
from vault.errors import (
    AlreadyExistsError,
    DiskFullError,
    NotFoundError,
    RefusedError,
    StorageError,
    UnlockError,
    VaultError,
)
from vault.jobs import Job, Progress
from vault.model import Secret

T = TypeVar("T")

Result = dict[str, Any]
"""Fields of the JSON object; `exit` overrides the exit code, `lines` are what a person reads instead."""


@dataclass
class Context:
    """One run of one command."""

    arguments: argparse.Namespace
    secrets: Secrets
    job: Job
    _vault: api.OpenVault | None = field(default=None, repr=False)

    @property
    def folder(self) -> Path:
        """The vault's folder."""
        named = self.arguments.vault
        return Path(named) if named else Path(platformdirs.user_data_dir("evidence-vault", appauthor=False)) / "vault"

    def hint(self, text: str) -> str:
        """Return a text of ours whose commands work as they stand, with the vault that was named."""
        return hint(text, self.arguments.vault or "")

    @property
    def attended(self) -> bool:
        """Whether there is somebody to ask: scripts give secrets by a descriptor, or want JSON."""
        return self.secrets.typed and not self.arguments.json

    @contextlib.contextmanager
    def prepared(self) -> Iterator[None]:
        """Have what a command needs asked for before it runs, and lock what is still open at the end.

        At a terminal the passphrase comes first: the hand types it by habit, and a text is shown as it is typed.
        """
        itself = self.secrets.typed and getattr(self.arguments, "asks_itself", False)
        try:
            if self.secrets.typed and getattr(self.arguments, "opens", False) and asking.waiting(self.arguments):
                self._vault = self._open()
            if not itself:
                asking.fill(self.arguments)
            yield
        finally:
            if self._vault is not None:
                api.lock(self._vault)

    @contextlib.contextmanager
    def unlocked(self) -> Iterator[api.OpenVault]:
        """Unlock the vault, unless it is open already, and lock it at the end."""
        vault, self._vault = self._vault or self._open(), None
        try:
            yield vault
        finally:
            try:
                # One command is a short life: what a stopped one left must not wait for hundreds of them.
                if not vault.read_only:
                    with contextlib.suppress(StorageError):
                        api.setup.sweep_all(vault)
            finally:
                api.lock(vault)

    def _open(self) -> api.OpenVault:
        with about(self.folder):
            # Before anybody types a passphrase for nothing.
            api.setup.read_key_file(self.folder)
            vault = self.try_secret("Passphrase", lambda secret: api.setup.unlock(self.folder, secret))
        if vault.keys.damaged_copy is not None and not vault.read_only:
            say("One of the two copies of the vault's keys was damaged and has been written anew: is the disk failing?")
        return vault

    def try_secret(self, prompt: str, work: Callable[[Secret], T]) -> T:
        """Ask for a passphrase and do what it opens; whoever types it may mistype it twice.

        Args:
            prompt: What is asked for, in a few words.
            work: Takes it.

        Raises:
            UnlockError: It is wrong.
            RefusedError: There is none.
        """
        return self._tried(lambda: work(self.secrets.next(prompt)), UnlockError)

    def new_secret(self, prompt: str, of: str = "", given: Sequence[Secret] = ()) -> Secret:
        """Ask for a new passphrase until it is strong enough, three times at most of whoever types it.

        Args:
            prompt: What is asked for, in a few words.
            of: What it is for, where there are several.
            given: The ones before it, from which it has to differ.

        Raises:
            RefusedError: There is none, it is too weak or one of those, or it was not typed twice alike.
        """

        def ask() -> Secret:
            secret = self.secrets.next(prompt, twice=True)
            try:
                api.setup.require_strength(secret)
                api.recovery.refuse_same_passphrase(secret, given)
            except RefusedError as error:
                raise RefusedError(f"{of}: {error.message}" if of else error.message, error.advice) from error
            return secret

        return self._tried(ask, RefusedError)

    def _tried(self, work: Callable[[], T], mistake: type[VaultError]) -> T:
        for _ in range(TRIES - 1):
            if not self.secrets.typed:
                break
            try:
                return work()
            except NoSecretError:
                raise
            except mistake as error:
                say(f"{sentence_of(error)} {error.advice}".rstrip())
        return work()


def hint(text: str, vault: str) -> str:
    """Return a text of ours whose commands, as in 'evault case list', name the vault.

    Args:
        text: A text that holds nothing foreign.
        vault: The folder as it was typed, or empty for the default one.
    """
    if not vault:
        return text
    plain = all(character.isalnum() or character in "/._-+:\\" for character in vault)
    word = vault if plain else f'"{vault}"' if not set(vault) & set('"$`!\\') else shlex.quote(vault)
    return text.replace("'evault ", f"'evault --vault {one_line(word)} ")


@contextlib.contextmanager
def about(
    source: str | Path = "", target: str | Path = "", *, exactly: type[VaultError] | None = None
) -> Iterator[None]:
    """Name the file, or the option, in what is refused inside.

    Args:
        source: What is read, if anything.
        target: What is made, if anything: named where it exists, or the disk refused.
        exactly: Name it only in errors of this very class.
    """
    try:
        yield
    except NoSecretError:
        raise
    except VaultError as error:
        if exactly and type(error) is not exactly:
            raise
        refused = isinstance(error, StorageError)
        made = isinstance(error, AlreadyExistsError | DiskFullError) or (refused and not source)
        subject = target if made and target else source
        if refused and not made and target:
            subject = ""  # It may be the disk of either; the sentence says which.
        error.message = sentence_of(error)
        if subject and not error.message.endswith(")."):
            error.message = f"{error.message.removesuffix('.')} ({one_line(subject)})."
        raise


@contextlib.contextmanager
def advised(advice: str, *instead_of: str) -> Iterator[None]:
    """Give better advice in what is refused inside, where its own is one of these general ones."""
    try:
        yield
    except VaultError as error:
        if error.advice in instead_of:
            error.advice = advice
        raise


def refuse_taken(target: str | Path) -> None:
    """Refuse a new file that cannot be made, before anybody is asked anything.

    Raises:
        NotFoundError: The folder for it does not exist.
        AlreadyExistsError: Something of that name is there that is no folder to write into.
    """
    with writing(target):
        if os.path.lexists(target) and not Path(target).is_dir():
            raise AlreadyExistsError("The file exists already, and nothing was written.", "Name another one.")


@contextlib.contextmanager
def writing(target: str | Path, source: str | Path = "") -> Iterator[None]:
    """As `about`, for a file or folder that is made in a folder that must exist.

    Raises:
        NotFoundError: It does not.
    """
    folder = Path(target).absolute().parent
    try:
        os.stat(folder)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(
            f"The folder to write into does not exist ({one_line(folder)}).", "Make it first, or name another place."
        ) from error
    except OSError:
        pass  # What writes into it will say what is the matter.
    with about(source, target):
        yield


RIGHT_FILE: Final = "Check that it is the right file."
"""What is advised of a file that is too large for anything of its kind."""

_progress_is_shown = False


def say(text: str) -> None:
    """Write prose to standard error, filtered; lines in it stay."""
    clear_progress()
    with contextlib.suppress(OSError, AttributeError, ValueError):
        sys.stderr.write(shown(text, lines=True) + "\n")
        sys.stderr.flush()


def say_stopping() -> None:
    """Say at once that work which shows its progress is being stopped: tidying up may take a while.

    Safe in a signal's handler: it uses no buffer.
    """
    if _progress_is_shown:
        with contextlib.suppress(OSError, AttributeError, ValueError):
            os.write(sys.stderr.fileno(), b"\nStopping ...\n")


def clear_progress() -> None:
    """Take the line of progress away, so that what follows begins a line."""
    global _progress_is_shown
    if _progress_is_shown:
        _progress_is_shown = False
        with contextlib.suppress(OSError, AttributeError, ValueError):
            sys.stderr.write("\r" + " " * max(20, _width() - 1) + "\r")
            sys.stderr.flush()


def show_progress(progress: Progress) -> None:
    """Rewrite one line of progress on a terminal."""
    global _progress_is_shown
    with contextlib.suppress(OSError, AttributeError, ValueError):
        if not sys.stderr.isatty():
            return
        amount = str if is_counted(progress.step) else size
        total = f" of {amount(progress.total)}" if progress.total else ""
        left = f", {duration(progress.remaining)} left" if progress.remaining is not None else ""
        line = f"{progress.step}: {amount(progress.done)}{total}, {amount(int(progress.rate))}/s{left}"
        width = max(20, _width() - 1)
        # Before it is there: a signal that comes in between must find that there is a line to end.
        _progress_is_shown = True
        sys.stderr.write("\r" + line[:width].ljust(width))
        sys.stderr.flush()


def _width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        return 80
