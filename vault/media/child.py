"""The keyless child: looks into foreign files it cannot open, one after the other, until its input ends.

It is started with an empty environment and no descriptors but its pipes, imports everything it will need, gives up
what it does not need (`vault.media.confine`), and only then answers. It holds no key, opens no file and writes only
frames.
"""

from __future__ import annotations

import codecs
import io
import logging
import os
import sys

from vault.media import sniff, wire
from vault.media.confine import confine, rearm_processor_time
from vault.media.facts import READ_SIZE, encode_facts
from vault.media.source import Found, LimitError, Source

# Codecs are imported on first use, which is too late once no file can be opened.
_CODECS = ("ascii", "latin-1", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp437", "iso2022_jp")


class _EndError(BaseException):
    """The parent is gone or does not follow the protocol; no parser may swallow this."""


def main() -> None:
    """Serve the parent on descriptors 0 and 1 until it closes its end."""
    for name in _CODECS:
        codecs.lookup(name)
        b"\xff".decode(name, "backslashreplace")
    logging.disable(logging.CRITICAL)
    requests, answers = io.FileIO(0, "rb", closefd=False), io.FileIO(1, "wb", closefd=False)
    sys.stdin = sys.stdout = sys.stderr = None
    os.close(2)
    held = confine()
    try:
        wire.send(answers, wire.HELLO, " ".join(held).encode("ascii"))
        while True:
            size = wire.unpack_size(wire.receive(requests, {wire.INSPECT: 8})[1])
            rearm_processor_time()
            wire.send(answers, wire.ANSWER, _inspect(requests, answers, size))
    except (EOFError, OSError, ValueError, _EndError):
        # Without clean-up: modules that are torn down may try to open files.
        os._exit(0)


def _inspect(requests: wire.Stream, answers: wire.Stream, size: int) -> bytes:
    def read(offset: int, length: int) -> bytes:
        try:
            wire.send(answers, wire.RANGE, wire.pack_range(offset, length))
            data = wire.receive(requests, {wire.DATA: READ_SIZE})[1]
        except (EOFError, OSError, ValueError) as error:
            raise _EndError from error
        if len(data) != length:
            raise _EndError
        return data

    found = Found()
    try:
        sniff.look(Source(read, size), found)
    except LimitError:
        found.failed = True
    except Exception:  # noqa: BLE001
        # Parsers of foreign bytes may raise anything; what was found before stands.
        found.failed = True
    return encode_facts(found.result())
