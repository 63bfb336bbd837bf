"""Raising to `verified` what was received as `intact`, once it is established whose key signed it.

A signer's fingerprint is often compared after the first bundle has come. What that bundle came to at first stays in
the log; an entry about the bundle and one about each record say what it is now. What speaks against a bundle otherwise
stays: where two histories were seen, nobody's fingerprint says which of them holds.

Works inside a caller's transaction; commits nothing itself. Spec: `docs/formats/bundle.md` §9.
"""

from __future__ import annotations

from typing import Final

from vault import evidence
from vault.formats import custody_entry
from vault.formats.fingerprint import fingerprint_of_key
from vault.model import CustodyEvent, Json, Verdict
from vault.open_vault import OpenVault, Transaction
from vault.store import cases, contacts, custody, records
from vault.store.database import Connection

EVENT: Final = "digital signature validation"
_CONTESTED: Final = frozenset({"equivocation", "log-fork", "log-shrunk", "log-rewritten"})


def establish(vault: OpenVault, transaction: Transaction, signer: bytes, why: str, only: str = "") -> int:
    """Raise what was received from a key as `intact`, now that it is established whose key it is.

    Args:
        vault: The open vault.
        transaction: The one in which it became established.
        signer: Ed25519 public key, 32 bytes.
        why: How it became established; entered in the log.
        only: The only bundle to raise, by its id in the log here, or empty for all.

    Returns:
        How many bundles are verified now that were not before.
    """
    connection = transaction.connection
    sound, raised = set(), 0
    for one in contacts.received_from(connection, signer):
        if _CONTESTED & _codes(connection, one.name):
            continue
        if one.verdict == Verdict.INTACT:
            if only not in ("", one.name):
                continue
            raised += 1
            contacts.raise_received(connection, one.name)
            _enter(transaction, one.name, "bundle", cases.id_of(connection, one.case_serial), why)
        sound.add(one.name)
    if raised:
        for record in records.intact_from(connection, fingerprint_of_key(signer)):
            if _brought_by(connection, record.id) <= sound:
                records.set_verdict(connection, record.serial, Verdict.VERIFIED)
                _enter(transaction, record.id, evidence.object_kind(record.type), record.case_id, why)
    return raised


def _enter(transaction: Transaction, object_id: str, kind: str, case_id: str, why: str) -> None:
    transaction.record(CustodyEvent(EVENT, object_id, kind, case_id=case_id, why=why, detail=Verdict.VERIFIED))


def _events(connection: Connection, object_id: str) -> list[Json]:
    found = custody.entries_of(connection, object_id)
    return [custody_entry.read_entry(stored.entry, stored.disclosures).event for stored in found]


def _codes(connection: Connection, name: str) -> set[str]:
    """Return what was found about a bundle when it was taken in."""
    outcomes = [event["outcome"] for event in _events(connection, name) if event["type"] == "ingestion"]
    return {code for outcome in outcomes for code in outcome.get("detail", "").split(", ")}


def _brought_by(connection: Connection, record_id: str) -> set[str]:
    """Return the ids, in the log, of the bundles that brought a record or more of it."""
    brought = [event for event in _events(connection, record_id) if event["type"] == "ingestion"]
    return {event["related"][0] for event in brought if event["outcome"]["result"] == "success"}
