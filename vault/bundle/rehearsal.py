"""Checking a bag from somebody else first in a confined child; the verification that counts comes after it, in here.

The child (`bundle.rehearsal_child`) gets what `bundle.gather` has read and carries out the whole verification with it:
manifests, signatures, JSON, signed records, proofs, the page. It has no keys, opens no file and no connection, and may
use so much memory and processor time and no more. What would exhaust this program, or break a library below it, ends
the child instead. It answers with one word, that it came to its end: it cannot say that anything is right.

Spec: docs/formats/bundle.md, "Rehearsal".
"""

from __future__ import annotations

import struct
import threading
import time
from typing import Final

from vault.bundle.gather import Gathered
from vault.confined import process
from vault.confined.process import Child, ViolationError
from vault.errors import RefusedError, StorageError
from vault.jobs import Job

BEGIN: Final = b"B"
"""From the parent, first: 4 bytes files, 8 bytes of contents that follow."""
KEPT: Final = b"K"
"""From the parent: a file with its content: `FACTS`, path, content."""
SEEN: Final = b"S"
"""From the parent: a file of which only size and digest are known: `FACTS`, path."""
END: Final = b"E"
"""From the parent: that was all; no body."""
DONE: Final = b"D"
"""From the child: the verification came to its end; no body."""

SIZES: Final = struct.Struct(">IQ")
FACTS: Final = struct.Struct(">Q32sH")
"""Size, SHA-256, and bytes of the path that follows."""

MEMORY: Final = 300 * 1024 * 1024
"""Bytes of memory of the child, beyond what it needs to start. The largest bag that keeps all limits needs some 270."""

_CHILD: Final = "vault.bundle.rehearsal_child"
_STEP: Final = "trying it out in a closed process"


def processor_seconds(files: int, size: int) -> int:
    """Return the processor time that the child may take: a hundredfold of what a bag of this kind needs."""
    return 30 + files // 250 + size // (1 << 20)


def rehearse(bag: Gathered, job: Job) -> None:
    """Carry out the verification of a bag in a confined child, and come back only if it came to its end.

    Raises:
        RefusedError: It did not: it took more than is allowed, or broke down.
        StorageError: No process could be started.
        CancelledError: Stopped by `job`.
    """
    try:
        child = process.start(_CHILD)
    except ViolationError as error:
        raise StorageError(
            "The closed process in which files from others are tried out could not be started.",
            "Close other programs and try again.",
        ) from error
    try:
        seconds = 60 + 2 * processor_seconds(len(bag.seen), bag.held)
        with _Watch(child, job, seconds):
            child.greet()
            _hand_over(child, bag, job)
            child.receive({DONE: 0})
    except ViolationError as error:
        job.check()
        raise RefusedError(
            "Checking this bundle took more memory or time than is allowed, or broke down; it was not opened.",
            "Do not open it with another program; ask the sender for it in several smaller bundles.",
        ) from error
    finally:
        child.end()


def path_bytes(path: str) -> bytes:
    """Return a path as it is handed over; names of files on a disk need not be text."""
    return path.encode("utf-8", "surrogatepass")


def _hand_over(child: Child, bag: Gathered, job: Job) -> None:
    child.send(BEGIN, SIZES.pack(len(bag.seen), bag.held))
    done = 0
    for path, (size, digest) in bag.seen.items():
        job.report(_STEP, done, bag.held)
        name = path_bytes(path)
        head = FACTS.pack(size, bytes.fromhex(digest), len(name)) + name
        content = bag.small.get(path)
        if content is None:
            child.send(SEEN, head)
        else:
            child.send(KEPT, head, content)
            done += len(content)
    child.send(END, b"")
    job.report(_STEP, bag.held, bag.held)


class _Watch:
    """Kills the child when its time by the clock is up, or when the job is cancelled."""

    def __init__(self, child: Child, job: Job, seconds: float) -> None:
        self._child, self._job, self._seconds = child, job, seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rehearsal", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        end = time.monotonic() + self._seconds
        while not self._over.wait(0.1):
            if self._job.cancelled or time.monotonic() > end:
                self._child.process.kill()
                return
