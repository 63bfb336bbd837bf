"""What the keyless children that look into foreign files do: confine themselves, then answer their parent."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NoReturn

from vault.confined import child, frames
from vault.confined.confine import Limits, allow_processor_time
from vault.media import wire
from vault.media.facts import CPU_SECONDS, MEMORY_SIZE, READ_SIZE

Reading = Callable[[int, int], bytes]
"""Returns exactly a range of the foreign file: offset, length."""


class _EndError(BaseException):
    """The parent is gone or does not follow the protocol; no parser may swallow this."""


def serve(
    kind: bytes,
    length: int,
    answer: Callable[[Reading, bytes], tuple[bytes, bytes]],
    *,
    prepare: Callable[[], None] | None = None,
    once: bool = False,
) -> NoReturn:
    """Serve the parent on descriptors 0 and 1.

    Args:
        kind: The kind of its requests.
        length: Bytes of the body of one.
        answer: Takes a way to read and the body; returns kind and body of the answer.
        prepare: Imports what it will need.
        once: End after one answer.
    """

    def read(offset: int, length: int) -> bytes:
        try:
            frames.send(answers, wire.RANGE, wire.pack_range(offset, length))
            data = frames.receive(requests, {wire.DATA: READ_SIZE})[1]
        except (EOFError, OSError, ValueError) as error:
            raise _EndError from error
        if len(data) != length:
            raise _EndError
        return data

    try:
        requests, answers = child.enter(Limits(MEMORY_SIZE), prepare)
        while True:
            body = frames.receive(requests, {kind: length})[1]
            allow_processor_time(CPU_SECONDS)
            frames.send(answers, *answer(read, body))
            if once:
                break
    except (EOFError, OSError, ValueError, _EndError):
        pass
    # Without clean-up: modules that are torn down may try to open files.
    os._exit(0)
