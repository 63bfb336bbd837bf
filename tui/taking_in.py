"""Files on their way into a case: how far each is, and what became of it. It goes on whatever screen is in front."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tui import folders, unfinished
from tui.dialogs.message import MessageDialog
from tui.i18n import _, listed, ngettext
from vault import api
from vault.errors import AlreadyExistsError, CancelledError, RefusedError, VaultError
from vault.jobs import Job, Progress

if TYPE_CHECKING:
    from tui.app import VaultApp

WAITING: Final = "waiting"
GOING: Final = "going"
TAKEN: Final = "taken"
THERE: Final = "there"
REFUSED: Final = "refused"
STOPPED: Final = "stopped"


@dataclass(slots=True)
class Item:
    """One file.

    Attributes:
        path: Where it is.
        state: One of the words above.
        size: In bytes, as the system says.
        progress: The last that was told of it.
        error: Why it was refused.
    """

    path: Path
    state: str = WAITING
    size: int = 0
    progress: Progress | None = None
    error: VaultError | None = None


@dataclass(eq=False, slots=True)
class TakingIn:
    """Files that go into a case together.

    Attributes:
        case_id: The case.
        items: The files, in their order.
        about: What is said of all of them.
        ended: True when nothing goes on any more.
        told: True when the person was shown what became of them.
    """

    case_id: str
    items: list[Item]
    about: api.intake.About = field(default_factory=api.intake.About)
    ended: bool = False
    told: bool = False

    def count(self, *states: str) -> int:
        """Return how many files are in one of these states."""
        return sum(item.state in states for item in self.items)

    @property
    def current(self) -> int:
        """Place of the file that goes in now, or of the last one."""
        return next((place for place, item in enumerate(self.items) if item.state == GOING), len(self.items) - 1)

    def summary(self) -> str:
        """Return in one line what became of them."""
        parts = [ngettext("{count} file taken in", "{count} files taken in", self.count(TAKEN))]
        if there := self.count(THERE):
            parts.append(ngettext("{count} was there already", "{count} were there already", there))
        if refused := self.count(REFUSED):
            parts.append(ngettext("{count} NOT taken in", "{count} NOT taken in", refused))
        if stopped := self.count(STOPPED, WAITING):
            parts.append(ngettext("{count} stopped", "{count} stopped", stopped))
        return listed(parts) + "."

    def note(self, vault: api.OpenVault) -> None:
        """Note that it begins: when it is locked meanwhile, that says afterwards how many files were to go in."""
        # Without it they go in all the same.
        with contextlib.suppress(VaultError):
            api.intake.note_begun(vault, self.case_id, len(self.items))

    def take(self, vault: api.OpenVault, job: Job) -> None:
        """Take all in, one after the other, after `note`; the thread's part.

        A file that is refused leaves the others alone. When the work is stopped, or the disk fails, the rest waits for
        another time.
        """
        try:
            self._take(vault, job)
        finally:
            with contextlib.suppress(VaultError):
                api.intake.note_ended(vault, self.case_id)

    def _take(self, vault: api.OpenVault, job: Job) -> None:
        for item in self.items:
            item.size = folders.size_of(item.path)
        total, done = sum(item.size for item in self.items), 0
        left = iter(self.items)

        def reading() -> Iterator[tuple[Path, Job]]:
            nonlocal done
            for item in self.items:
                item.state = GOING

                def told(progress: Progress, item: Item = item, before: int = done) -> None:
                    item.progress = progress
                    job.report("taking in", min(total, before + progress.done), total)

                yield item.path, Job(told)
                done += item.size

        try:
            for outcome in api.intake.attach_all(vault, self.case_id, reading(), self.about, once=True):
                item, error = next(left), outcome.error
                item.error = error
                item.state = TAKEN if error is None else THERE if isinstance(error, AlreadyExistsError) else REFUSED
                if error is not None and not isinstance(error, RefusedError):
                    # A disk that is full or failing does not get better with the next file.
                    for rest in left:
                        rest.state = WAITING
                    break
        except CancelledError:
            for item in left:
                item.state = STOPPED
        except VaultError as error:
            # What is said of all of them does not fit, or the case is gone.
            for item in left:
                item.state, item.error = REFUSED, error


def left_dialog(left: Sequence[api.intake.Unfinished]) -> MessageDialog:
    """Return a dialog that tells what became of files that were going in when the vault was locked."""
    return MessageDialog(*unfinished.told(left))


def begin(app: VaultApp, case_id: str, paths: Sequence[Path], about: api.intake.About | None = None) -> TakingIn:
    """Take files in beside whatever the person does, and say at the end what became of them.

    Args:
        app: The application.
        case_id: The case.
        paths: The files.
        about: What is said of all of them.
    """
    taking = TakingIn(case_id, [Item(path) for path in paths], about or api.intake.About())
    app.run_worker(
        _run(app, taking), name="taking in files", description="taking in files", group="intake", exit_on_error=True
    )
    return taking


async def _run(app: VaultApp, taking: TakingIn) -> None:
    vault = app.open_vault
    count = len(taking.items)
    try:
        await app.core(taking.note, vault)
        app.intakes.append(taking)
        await app.long(
            ngettext("Taking in {count} file", "Taking in {count} files", count), lambda job: taking.take(vault, job)
        )
    finally:
        taking.ended = True
    good = taking.count(TAKEN) == count
    app.notify(
        taking.summary(), title=_("Files"), severity="information" if good else "warning", markup=False,
        timeout=5 if good else 20,
    )  # fmt: skip
