"""What was sealed of a case: to whom, when, what for; read from the store and the custody log."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from vault.formats import custody_entry
from vault.open_vault import OpenVault
from vault.store import cases, contacts, custody
from vault.store.contacts import StoredSent
from vault.store.database import Connection


@dataclass(frozen=True, slots=True)
class Sent:
    """A bundle that left this vault, or may have left.

    Attributes:
        bundle_id: Its id.
        recipient: What the contact was called when it was sealed, or empty: a passphrase.
        address: The recipient's fingerprint, or ``"passphrase"``.
        purpose: As the recipient was told.
        number: Of the bundles for this recipient in this epoch.
        sealed_at: When.
        sha256: Of the file, or empty: it may have left, but nothing says that it was finished.
        entries: Numbers of the log entries about it.
        records: Ids of what is in it.
    """

    bundle_id: str
    recipient: str = field(repr=False)
    address: str
    purpose: str = field(repr=False)
    number: int
    sealed_at: datetime
    sha256: str
    entries: tuple[int, ...] = ()
    records: tuple[str, ...] = ()


def sent(vault: OpenVault, case_id: str) -> tuple[Sent, ...]:
    """Return the bundles that were sealed of a case, newest first.

    Raises:
        NotFoundError: There is no such case.
    """

    def work(connection: Connection) -> tuple[Sent, ...]:
        found = contacts.sent_of_case(connection, cases.serial(connection, case_id))
        return tuple(_sent(vault, connection, one) for one in found)

    return vault.read(work)


def _sent(vault: OpenVault, connection: Connection, one: StoredSent) -> Sent:
    """Return a bundle with what the log says of it; others can have sent a bundle under the same id back."""
    numbers, address, purpose, related = [], "", "", ()
    for stored in custody.entries_of(connection, one.bundle_id):
        event = custody_entry.read_entry(stored.entry, stored.disclosures).event
        transfer = event.get("transfer", {})
        if event.get("type") != "dissemination" or transfer.get("from") != vault.identity.fingerprint:
            continue
        numbers.append(stored.number)
        address = transfer.get("to", "")
        purpose = event.get("purpose", {}).get("why", "")
        related = related or tuple(event.get("related", ()))
    return Sent(
        one.bundle_id, one.name, address, purpose, one.number, datetime.fromisoformat(one.sealed_at), one.sha256,
        tuple(numbers), related,
    )  # fmt: skip
