"""Work that takes a while: what it is called, how far it is, and how to stop it. Shown by `widgets.jobs`."""

from __future__ import annotations

from dataclasses import dataclass, field

from vault.jobs import Job, Progress


@dataclass(eq=False, slots=True)
class Running:
    """One piece of long work in a thread.

    Attributes:
        title: What is being done, in the person's language; it names no person and no file.
        job: Handed to the core; cancelling it stops the work at the next safe point.
        progress: The last that was told, from the working thread.
        stoppable: False where stopping half-way helps nobody.
    """

    title: str
    stoppable: bool = True
    progress: Progress | None = None
    job: Job = field(init=False)

    def __post_init__(self) -> None:
        self.job = Job(self._told)

    def _told(self, progress: Progress) -> None:
        self.progress = progress
