"""Drafts: encrypted, autosaved, not evidence until signed."""

from __future__ import annotations

import json

from vault import evidence
from vault.crypto.randomness import new_id
from vault.errors import NotFoundError, RefusedError
from vault.model import CaseId, Draft, Json, RecordId
from vault.open_vault import OpenVault, Transaction
from vault.store import cases, records

MAX_DRAFT = 32 * 1024 * 1024
"""Largest draft in bytes of JSON."""


def save(
    vault: OpenVault, case_id: str, kind: str, fields: dict[str, Json], draft_id: str = "", based_on: int = 0
) -> Draft:
    """Keep a draft, durable when this returns; `draft_id` names an earlier draft, or the record being corrected.

    Raises:
        RefusedError: Larger than 32 MiB.
        NotFoundError: There is no such case.
    """
    evidence.schema_of(kind)
    if len(json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass")) > MAX_DRAFT:
        raise RefusedError("The draft is larger than 32 MiB.", "Split it, or attach the text as a file.")
    draft = Draft(RecordId(draft_id or new_id()), CaseId(case_id), kind, fields, vault.clock(), based_on)

    def work(transaction: Transaction) -> Draft:
        connection = transaction.connection
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


def sign(vault: OpenVault, draft_id: str, why: str = "") -> RecordId:
    """Sign a draft as a new record, or as the next version of the record of the same id; the draft goes.

    Raises:
        RefusedError: The values do not fit the type.
        NotFoundError: There is no such draft.
    """

    def work(transaction: Transaction) -> RecordId:
        connection = transaction.connection
        draft = next(records.drafts(connection, draft_id), None)
        if draft is None:
            raise NotFoundError("There is no draft of that id.", "It was signed or dropped.")
        event = "modification" if records.find(connection, draft_id) else "creation"
        new = evidence.NewVersion(draft.id, draft.case_id, draft.type, draft.fields, event, why)
        evidence.sign_version(vault, transaction, new)
        records.drop_draft(connection, draft_id)
        return draft.id

    return vault.atomic(work)
