"""What was received into a case: from whom, when, and what its verification came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from vault.formats import custody_entry
from vault.formats.fingerprint import fingerprint_of_key
from vault.open_vault import OpenVault
from vault.store import cases, contacts, custody
from vault.store.contacts import StoredReceipt
from vault.store.database import Connection


@dataclass(frozen=True, slots=True)
class Received:
    """A bundle that was taken in.

    Attributes:
        bundle_id: As its sender calls it.
        sender: The name of the contact with the key that signed it, or empty.
        signer: The fingerprint of that key.
        verdict: `verified`, `intact` or `failed`, as it stands now.
        number: Of the sender's bundles for this recipient.
        received_at: When.
        entries: Numbers of the log entries about it.
        codes: What was found when it was taken in, as the codes of findings.
    """

    bundle_id: str
    sender: str = field(repr=False)
    signer: str
    verdict: str
    number: int
    received_at: datetime
    entries: tuple[int, ...] = ()
    codes: tuple[str, ...] = ()


def received(vault: OpenVault, case_id: str) -> tuple[Received, ...]:
    """Return the bundles that were received into a case, newest first.

    Raises:
        NotFoundError: There is no such case.
    """

    def work(connection: Connection) -> tuple[Received, ...]:
        found = contacts.received_in_case(connection, cases.serial(connection, case_id))
        return tuple(_received(connection, one) for one in found)

    return vault.read(work)


def _received(connection: Connection, one: StoredReceipt) -> Received:
    sender = contacts.by_key(connection, one.signer)
    numbers, codes = [], ()
    for stored in custody.entries_of(connection, one.name):
        event = custody_entry.read_entry(stored.entry, stored.disclosures).event
        # A bundle of this vault that came back has entries about its leaving, too.
        if event.get("type") == "dissemination":
            continue
        numbers.append(stored.number)
        if event.get("type") == "ingestion":
            codes = tuple(event.get("outcome", {}).get("detail", "").split(", ")[1:])
    return Received(
        one.bundle_id, sender.name if sender else "", fingerprint_of_key(one.signer), one.verdict, one.number,
        datetime.fromisoformat(one.received_at), tuple(numbers), codes,
    )  # fmt: skip
