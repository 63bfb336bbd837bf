"""Sealing a case to recipients: one bundle each, each with what was chosen for it; and revealing a field later.

`choosing` says what leaves, `consenting` what people agreed to, `sending` makes the files and enters them in the log,
`revealing` does so for one field later, `sent` tells what left.
"""

from __future__ import annotations

from vault.schema.consent import Consent
from vault.usecases.sealing.choosing import ALL, Choice, Part, Preview, Said, preview
from vault.usecases.sealing.revealing import preview_reveal, reveal
from vault.usecases.sealing.sending import Sealed, cautions, seal, seal_with_passphrase, unverified
from vault.usecases.sealing.sent import Sent, sent
from vault.usecases.sealing.staying import tells_files

__all__ = [
    "ALL",
    "Choice",
    "Consent",
    "Part",
    "Preview",
    "Said",
    "Sealed",
    "Sent",
    "cautions",
    "preview",
    "preview_reveal",
    "reveal",
    "seal",
    "seal_with_passphrase",
    "sent",
    "tells_files",
    "unverified",
]
