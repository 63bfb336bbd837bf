"""The confined child that verifies a bag before the program does, and says only that it came to the end."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from typing import Final

from vault.bundle import layout
from vault.bundle.findings import LAYOUT, Findings
from vault.bundle.gather import Gathered
from vault.bundle.rehearsal import BEGIN, DONE, END, FACTS, KEPT, MEMORY, SEEN, SIZES, processor_seconds
from vault.bundle.verify import verify_gathered
from vault.confined import child, frames
from vault.confined.confine import Limits, allow_processor_time
from vault.errors import VaultError
from vault.jobs import Job

_HEAD: Final = FACTS.size + (1 << 16)
_LIMITS: Final = {KEPT: _HEAD + layout.MAX_SMALL_FILE, SEEN: _HEAD, END: 0}


def main() -> None:
    """Verify one bag from descriptor 0 and answer on descriptor 1; without an answer it failed."""
    # Whatever goes wrong, the one sign of it is that there is no answer.
    with contextlib.suppress(BaseException):
        requests, answers = child.enter(Limits(MEMORY, beyond=True, ends_with_parent=True), _prepare)
        allow_processor_time(processor_seconds(*SIZES.unpack(frames.receive(requests, {BEGIN: SIZES.size})[1])))
        bag, job = Gathered(), Job()
        while True:
            kind, body = frames.receive(requests, _LIMITS)
            if kind == END:
                break
            _take(kind, body, bag)
            del body
        found = Findings(job)
        found.begin(LAYOUT)
        # What is refused is refused by the program itself as well: an end like any other.
        with contextlib.suppress(VaultError):
            verify_gathered(bag, found, None, job)
        frames.send(answers, DONE, b"")
    # Without clean-up: modules that are torn down may try to open files.
    os._exit(0)


def _prepare() -> None:
    """Use once what imports something on its first use: later no file can be opened any more."""
    datetime.strptime("2026-01-01", "%Y-%m-%d").replace(tzinfo=UTC)
    "".encode("utf-16-be")


def _take(kind: bytes, body: bytes, bag: Gathered) -> None:
    size, digest, length = FACTS.unpack_from(body)
    end = FACTS.size + length
    path = str(body[FACTS.size : end], "utf-8", "surrogatepass")
    bag.seen[path] = (size, digest.hex())
    if kind == KEPT:
        bag.small[path] = body[end:]
        bag.held += len(body) - end
