"""What every confined child does first: import what it will need, give up the rest, and write nothing but frames.

It is started with an empty environment and no descriptors but its pipes. It holds no key and opens no file.
"""

from __future__ import annotations

import codecs
import io
import logging
import os
import sys
from collections.abc import Callable

from vault.confined import frames
from vault.confined.confine import Limits, confine

# Codecs are imported on first use, which is too late once no file can be opened.
_CODECS = ("ascii", "latin-1", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp437", "iso2022_jp")


def enter(limits: Limits, prepare: Callable[[], None] | None = None) -> tuple[io.FileIO, io.FileIO]:
    """Confine this process for good, say so to the parent, and return where to read from it and write to it.

    Args:
        limits: Of memory, and whether to end with the parent.
        prepare: Imports what it will need.

    Raises:
        OSError: The parent is gone.
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
    held = confine(limits)
    frames.send(answers, frames.HELLO, " ".join(held).encode("ascii"))
    return requests, answers
