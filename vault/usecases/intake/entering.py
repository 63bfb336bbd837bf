"""The signed record of a file that was taken in: what it says, and entering it together with its content."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vault import evidence
from vault.crypto.randomness import new_id
from vault.media import MediaFacts
from vault.model import Attachment, Digest, Json
from vault.open_vault import OpenVault, Transaction
from vault.store import content


def from_the_file(
    path: Path, state: os.stat_result, size: int, sha256: str, sha512: str, facts: MediaFacts
) -> dict[str, Json]:
    """Return the fields of an attachment's record that are taken from the file itself."""
    return {
        "sha256": sha256,
        "sha512": sha512,
        "size": size,
        "media_type": facts.media_type,
        "original_name": readable_name(path),
        **_modified(state),
        "facts": facts.facts,
        "discloses": [*facts.discloses, *(() if facts.complete else ("unknown",))],
    }


def _modified(state: os.stat_result) -> dict[str, Json]:
    """Return when the file system says that a file was changed; nothing where no calendar has that time."""
    try:
        modified = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=state.st_mtime_ns // 10**9)
    except OverflowError:
        return {}
    value = modified.isoformat()[:16]
    return {"modified_at": {"value": value, "precision": "minute", "qualifier": "exact", "zone": "UTC"}}


def readable_name(path: Path) -> str:
    r"""Return a file's name as text; bytes that are no UTF-8 become ``\\xNN``; at most 1,000 characters."""
    name = os.fsencode(path.name).decode("utf-8", "backslashreplace")
    return name[:1000]


def enter(
    vault: OpenVault,
    transaction: Transaction,
    case_id: str,
    fields: dict[str, Json],
    extension: str,
    content_serial: Callable[[], int],
) -> Attachment:
    """Sign the record of a new attachment and bind its content to it.

    Args:
        vault: The open vault.
        transaction: The transaction.
        case_id: The case.
        fields: All that the record says.
        extension: For the file's name when it leaves.
        content_serial: Returns the content; called after the record was found to fit, so that a refusal writes nothing.
    """
    new = evidence.NewVersion(
        new_id(),
        case_id,
        "attachment",
        fields,
        "ingestion",
        "taken in",
        evidence.owners(fields),
    )
    record, _ = evidence.sign_version(vault, transaction, new)
    content.attach(transaction.connection, record.serial, content_serial(), extension)
    return Attachment(
        record.id,
        record.case_id,
        Digest(fields["sha256"]),
        fields["sha512"],
        fields["size"],
        fields["media_type"],
        extension,
        fields,
        verdict=record.verdict,
    )
