"""What every process of ours does first: no core images, no reading by others of the same user, private files.

On Linux `PR_SET_DUMPABLE` is the part that counts, because a core image piped to a collector ignores size limits.
Other systems get what the standard library offers. Nothing here fails: a system without a measure simply lacks it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

_PR_SET_DUMPABLE = 4


def harden() -> None:
    """Forbid core images and make new files private; call it before any secret is in memory."""
    os.umask(0o077)
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if sys.platform != "win32":
        import resource

        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def is_dumpable() -> bool | None:
    """Say whether this process may be dumped or traced by its own user; None where that cannot be told."""
    if not sys.platform.startswith("linux"):
        return None
    return bool(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
