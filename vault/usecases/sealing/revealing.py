"""Revealing a field of a signed record later, to somebody who has the rest of it: against the same signature."""

from __future__ import annotations

from pathlib import Path

from vault.errors import RefusedError
from vault.jobs import Job
from vault.open_vault import OpenVault
from vault.store import records
from vault.store.database import Connection
from vault.store.records import StoredRecord, StoredVersion
from vault.usecases.sealing.choosing import Choice, Part, preview
from vault.usecases.sealing.sending import Sealed, make_plan, seal_plan


def reveal(
    vault: OpenVault,
    record_id: str,
    path: str,
    to: str,
    target: Path,
    job: Job,
    *,
    authority: str = "",
    place: str = "",
) -> Sealed:
    """Disclose one field of a signed record later, against the same signature, in a bundle of its own.

    Nothing else of the record leaves, and no content. It is the newest version that is revealed. For `authority` and
    `place` see `Choice`.

    Raises:
        RefusedError: The record was received from somebody else.
        As `seal`.
    """
    choice, version = _choice(vault, record_id, path, authority, place)
    told = (f"Version {version} was revealed: it fits a bundle that holds this version.",) if version > 1 else ()
    return seal_plan(vault, make_plan(vault, choice, target, job, told), (to,))[0]


def preview_reveal(vault: OpenVault, record_id: str, path: str) -> Part:
    """Return what a recipient would see of a record to whom a field of it is revealed, and what speaks against it.

    Raises:
        RefusedError: The record was received from somebody else.
        NotFoundError: There is no such record or field.
    """
    (part,) = preview(vault, _choice(vault, record_id, path)[0]).parts
    return part


def _choice(vault: OpenVault, record_id: str, path: str, authority: str = "", place: str = "") -> tuple[Choice, int]:
    """Return what reveals a field, and the version of its record."""

    def look(connection: Connection) -> tuple[StoredRecord, StoredVersion]:
        record = records.get(connection, record_id)
        return record, records.newest(connection, record)

    record, version = vault.read(look)
    if record.origin:
        raise RefusedError(
            "This record was received from somebody else.", "Only whoever signed it can reveal more of it."
        )
    choice = Choice(
        record.case_id, disclose=((record_id, path),), only=(record_id,), named_only=True,
        authority=authority, place=place,
    )  # fmt: skip
    return choice, version.version
