"""Drafts: encrypted, autosaved, not evidence until signed."""

from __future__ import annotations

import json
from dataclasses import dataclass

from vault import evidence
from vault.crypto.randomness import new_id
from vault.errors import NotFoundError, RefusedError
from vault.model import CaseId, Digest, Draft, Json, RecordId, is_id
from vault.open_vault import OpenVault, Transaction
from vault.store import cases, records

MAX_DRAFT = 32 * 1024 * 1024
"""Largest draft in bytes of JSON."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What became of a draft.

    Attributes:
        id: The record.
        version: The version that was signed.
        digest: As of `RecordVersion`.
        entry: The number of its entry in the custody log.
    """

    id: RecordId
    version: int
    digest: Digest
    entry: int


def save(
    vault: OpenVault, case_id: str, kind: str, fields: dict[str, Json], draft_id: str = "", based_on: int = 0
) -> Draft:
    """Keep a draft, durable when this returns.

    Args:
        vault: The open vault.
        case_id: The case it belongs to.
        kind: Its record type.
        fields: As typed; checked only when it is signed.
        draft_id: An earlier draft, or the record being corrected; empty for a new one.
        based_on: The version that a correction started from, or 0.

    Raises:
        RefusedError: Larger than 32 MiB.
        NotFoundError: There is no such case.
    """
    if draft_id and not is_id(draft_id):
        raise NotFoundError("There is no draft or record of that id.", "See 'evault record list --case ID'.")
    if len(json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass")) > MAX_DRAFT:
        raise RefusedError("The draft is larger than 32 MiB.", "Split it, or attach the text as a file.")
    draft = Draft(RecordId(draft_id or new_id()), CaseId(case_id), kind, fields, vault.clock(), based_on)

    def work(transaction: Transaction) -> Draft:
        connection = transaction.connection
        evidence.schema_of(connection, kind)
        records.save_draft(connection, draft, cases.serial(connection, case_id))
        return draft

    return vault.atomic(work)


def page(vault: OpenVault) -> list[Draft]:
    """Return all drafts, newest first."""
    return vault.read(lambda connection: list(records.drafts(connection)))


def get(vault: OpenVault, draft_id: str) -> Draft:
    """Return a draft.

    Raises:
        NotFoundError: There is none of that id.
    """
    found = vault.read(lambda connection: list(records.drafts(connection, draft_id)))
    if not found:
        raise NotFoundError("There is no draft of that id.", "It was signed or dropped.")
    return found[0]


def drop(vault: OpenVault, draft_id: str) -> None:
    """Remove a draft for good."""
    vault.atomic(lambda transaction: records.drop_draft(transaction.connection, draft_id))


def sign(vault: OpenVault, draft_id: str, why: str = "") -> Signed:
    """Sign a draft as a new record, or as the next version of the record of the same id; the draft goes.

    Raises:
        RefusedError: The values do not fit the type, or the record got another version since the draft was begun.
        NotFoundError: There is no such draft.
    """

    def work(transaction: Transaction) -> Signed:
        connection = transaction.connection
        draft = next(records.drafts(connection, draft_id), None)
        if draft is None:
            raise NotFoundError("There is no draft of that id.", "It was signed or dropped.")
        record = records.find(connection, draft_id)
        if record and draft.based_on and draft.based_on != record.newest:
            raise RefusedError(
                "The record was corrected after this draft was begun.",
                "Look at its newest version, take over what is missing, and sign again.",
            )
        if record is None and draft.type == "attachment":
            raise RefusedError("Attachments are added with their file.", "Take the file in first.")
        fields = evidence.whole(connection, record, draft.fields) if record else draft.fields
        event = "modification" if record else "creation"
        new = evidence.NewVersion(draft.id, draft.case_id, draft.type, fields, event, why)
        _record, version = evidence.sign_version(vault, transaction, new)
        records.drop_draft(connection, draft_id)
        return Signed(draft.id, version.version, Digest(version.digest), version.entry_number)

    return vault.atomic(work)
