"""What every keyless child does: give up what it does not need, then answer its parent, and write nothing but frames.

It is started with an empty environment and no descriptors but its pipes, imports everything it will need, confines
itself (`vault.media.confine`), and only then answers. It holds no key and opens no file.
"""

from __future__ import annotations

import codecs
import io
import logging
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from vault.media import wire
from vault.media.confine import confine, rearm_processor_time
from vault.media.facts import READ_SIZE

# Codecs are imported on first use, which is too late once no file can be opened.
_CODECS = ("ascii", "latin-1", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp437", "iso2022_jp")


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
    for name in _CODECS:
        codecs.lookup(name)
        b"\xff".decode(name, "backslashreplace")
    logging.disable(logging.CRITICAL)
    if prepare is not None:
        prepare()
    requests, answers = io.FileIO(0, "rb", closefd=False), io.FileIO(1, "wb", closefd=False)
    sys.stdin = sys.stdout = sys.stderr = None
    os.close(2)
    held = confine()

    def read(offset: int, length: int) -> bytes:
        try:
            wire.send(answers, wire.RANGE, wire.pack_range(offset, length))
            data = wire.receive(requests, {wire.DATA: READ_SIZE})[1]
        except (EOFError, OSError, ValueError) as error:
            raise _EndError from error
        if len(data) != length:
            raise _EndError
        return data

    try:
        wire.send(answers, wire.HELLO, " ".join(held).encode("ascii"))
        while True:
            body = wire.receive(requests, {kind: length})[1]
            rearm_processor_time()
            wire.send(answers, *answer(read, body))
            if once:
                break
    except (EOFError, OSError, ValueError, _EndError):
        pass
    # Without clean-up: modules that are torn down may try to open files.
    os._exit(0)
