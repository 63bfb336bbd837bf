"""Random bytes and ids from the operating system."""

from __future__ import annotations

import os


def random_bytes(size: int) -> bytes:
    """Return `size` random bytes."""
    return os.urandom(size)


def new_id() -> str:
    """Return a new id: 128 random bits as 32 lower-case hexadecimal digits."""
    return os.urandom(16).hex()
