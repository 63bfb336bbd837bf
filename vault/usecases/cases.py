"""Cases: add, list, look at."""

from __future__ import annotations

from vault.crypto.randomness import new_id
from vault.errors import RefusedError
from vault.model import Case, CaseId, CustodyEvent
from vault.open_vault import OpenVault, Transaction
from vault.store import cases

MAX_TITLE = 500


def add(vault: OpenVault, title: str) -> Case:
    """Add a case and return it.

    Raises:
        RefusedError: The title is empty or longer than 500 characters.
    """
    if not title.strip() or len(title) > MAX_TITLE:
        raise RefusedError("A case needs a title of 1 to 500 characters.", "Give a shorter title, or one at all.")
    case_id = CaseId(new_id())

    def work(transaction: Transaction) -> Case:
        cases.add(transaction.connection, case_id, title, vault.clock())
        transaction.record(CustodyEvent("creation", case_id, "case", case_id=case_id))
        return cases.get(transaction.connection, case_id)

    return vault.atomic(work)


def page(vault: OpenVault, limit: int = 50, before: str | None = None) -> list[Case]:
    """Return up to `limit` cases, newest first, older than the case `before`."""
    return vault.read(lambda connection: cases.page(connection, limit, before))


def get(vault: OpenVault, case_id: str) -> Case:
    """Return a case.

    Raises:
        NotFoundError: There is none of that id.
    """
    return vault.read(lambda connection: cases.get(connection, case_id))
