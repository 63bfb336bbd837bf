"""Sealing a case to recipients: one bundle each, each with what was chosen for it; and revealing a field later.

`choosing` says what leaves, `sending` makes the files and enters them in the log.
"""

from __future__ import annotations

from vault.usecases.sealing.choosing import ALL, Choice, Part, Preview, preview
from vault.usecases.sealing.sending import Sealed, cautions, reveal, seal, seal_with_passphrase, unverified

__all__ = [
    "ALL",
    "Choice",
    "Part",
    "Preview",
    "Sealed",
    "cautions",
    "preview",
    "reveal",
    "seal",
    "seal_with_passphrase",
    "unverified",
]
