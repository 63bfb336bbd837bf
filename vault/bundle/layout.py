"""Where everything lies in a bag, in which order, and how much of it there may be.

Holds the names, the fixed order and the limits, nothing that reads or writes.

Spec: docs/formats/bundle.md, "Layout" and "Limits".
"""

from __future__ import annotations

import re
from typing import Final

FORMAT: Final = "evidence-bundle/1"
NAMESPACE: Final = "evidence-bundle"
"""SSHSIG namespace of the signature over the tag manifest."""
TOP: Final = "bag"
"""The one folder at the top of the container."""

DECLARATION: Final = "bagit.txt"
INFO: Final = "bag-info.txt"
MANIFEST: Final = "manifest-sha256.txt"
TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
SIGNATURE: Final = "tagmanifest-sha256.txt.sig"
SIGNERS: Final = "signers"
SIGNER_PEM: Final = "signer.pem"
VERIFY: Final = "VERIFY.txt"
BUNDLE: Final = "data/bundle.json"
REPORT: Final = "data/report.html"
CHECKPOINT: Final = "data/custody/checkpoint"
ENTRIES: Final = "data/custody/entries.json"
EARLIER: Final = "data/custody/earlier-checkpoint"
CONTINUATION: Final = "data/custody/continuation"
RECORDS: Final = "data/records/"
ATTACHMENTS: Final = "data/attachments/"

FIXED: Final = (
    DECLARATION,
    INFO,
    MANIFEST,
    TAG_MANIFEST,
    SIGNATURE,
    SIGNERS,
    SIGNER_PEM,
    VERIFY,
    BUNDLE,
    REPORT,
    CHECKPOINT,
    ENTRIES,
)
"""The files that every bag has, in their order; `OPTIONAL`, records and attachments follow, the latter two by path."""
OPTIONAL: Final = (EARLIER, CONTINUATION)
"""Both or neither."""
SIGNED_TAGS: Final = frozenset({DECLARATION, INFO, MANIFEST, SIGNERS, SIGNER_PEM, VERIFY})
"""The files that the tag manifest lists."""
FOLDERS: Final = frozenset({"data", "data/custody", "data/records", "data/attachments"})

MAX_FILES: Final = 100_000
MAX_SMALL_FILE: Final = 32 * 1024 * 1024
"""Largest file other than an attachment, in bytes."""
MAX_SMALL_TOTAL: Final = 96 * 1024 * 1024
"""All files other than attachments together, in bytes: they are held in memory while a bag is verified."""
MAX_ATTACHMENT: Final = 1 << 44

_SPARSE = 20
_SLACK = 10_000

_RUNS = (
    "bat|cmd|com|command|cpl|desktop|exe|fileloc|hta|inetloc|jar|js|jse|lnk|msc|msi|"
    "pif|ps1|reg|scf|scr|sh|terminal|url|vbe|vbs|webloc|website|wsf|wsh"
)
"""Endings that a file manager runs, or follows to another computer as soon as it shows the folder."""

_RECORD = re.compile(r"data/records/([0-9a-f]{32})\.(json|sd-jwt)\Z")
_ATTACHMENT = re.compile(rf"data/attachments/([0-9a-f]{{32}})\.(?!(?:{_RUNS})\Z)([a-z0-9]{{1,8}})\Z")
_PLACES = {path: place for place, path in enumerate((*FIXED, *OPTIONAL))}


def is_dense(data: bytes) -> bool:
    """True for JSON with more values than a file of this format can have for its length.

    Parsing would turn a few bytes each into objects of hundreds, so such a file is refused before it is parsed.
    """
    return sum(data.count(mark) for mark in b"[{,") > len(data) // _SPARSE + _SLACK


def record_path(record_id: str) -> str:
    """Return where the signed original of a record lies."""
    return f"{RECORDS}{record_id}.sd-jwt"


def copy_path(record_id: str) -> str:
    """Return where the readable copy of a record lies."""
    return f"{RECORDS}{record_id}.json"


def attachment_path(attachment_id: str, extension: str) -> str:
    """Return where the content of an attachment lies."""
    return f"{ATTACHMENTS}{attachment_id}.{extension}"


def place(path: str) -> tuple[int, str] | None:
    """Return the sort key of a path in the fixed order, or None when the layout has no such path."""
    if path in _PLACES:
        return _PLACES[path], path
    if _RECORD.match(path):
        return len(_PLACES), path
    if _ATTACHMENT.match(path):
        return len(_PLACES) + 1, path
    return None


def record_id(path: str) -> str | None:
    """Return the id in the path of a record's file, or None for other paths."""
    found = _RECORD.match(path)
    return found[1] if found else None


def attachment_id(path: str) -> str | None:
    """Return the id in the path of an attachment, or None for other paths."""
    found = _ATTACHMENT.match(path)
    return found[1] if found else None
