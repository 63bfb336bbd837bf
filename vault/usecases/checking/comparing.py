"""The store against what the log says of it: records, cases, types, contacts and bundles."""

from __future__ import annotations

import functools
from typing import Final

from vault import audit, evidence
from vault.errors import FormatError, IntegrityError
from vault.jobs import Job
from vault.open_vault import OpenVault
from vault.store import cases, contacts, content, record_types, records
from vault.store.contacts import StoredContact
from vault.store.database import Connection
from vault.store.records import StoredRecord, StoredVersion
from vault.usecases.checking.state import State

_STEP: Final = 200


def check_records(vault: OpenVault, state: State, job: Job) -> None:
    """Compare every record, version, case and type; each version is verified as its signer made it."""
    after, done = 0, 0
    seen: set[str] = set()
    while True:

        def fetch(connection: Connection, after: int = after) -> list[tuple[StoredRecord, list[StoredVersion], str]]:
            found = []
            for record in records.all_records(connection, after, _STEP):
                digest = content.digest_of_record(connection, record.serial) if record.type == "attachment" else ""
                found.append((record, records.versions(connection, record.serial), digest))
            return found

        batch = vault.read(fetch)
        if not batch:
            break
        for record, versions, digest in batch:
            after = record.serial
            seen.add(record.id)
            _check_record(vault, state, record, versions, digest)
        done += len(batch)
        job.report("checking records", done)
    held = vault.read(cases.ids)
    for case_id in sorted(state.cases - held):
        state.say(5, "case-missing", case_id, "The log knows a case that the store does not hold.")
    for case_id in sorted(held - state.cases):
        state.say(5, "case-unlogged", case_id, "The store holds a case that the log does not know.")
    told = dict(state.types)
    for name in vault.read(record_types.names):
        kind = vault.read(functools.partial(evidence.type_of, kind=name))
        known = told.pop(audit.type_id(name), None)
        if kind is None or kind.digest != known:
            state.say(5, "record-type", name, "A record type is not as it was when it was added.")
    for object_id in sorted(told):
        state.say(5, "record-type", object_id, "The log knows a record type that the store does not hold.")
    for object_id in sorted(state.signed.keys() - seen):
        state.say(5, "record-missing", object_id, "The log knows a record that the store does not hold.")


def _check_record(
    vault: OpenVault, state: State, record: StoredRecord, versions: list[StoredVersion], digest: str
) -> None:
    if record.deleted:
        if record.id not in state.deleted or versions:
            state.say(5, "record-deleted", record.id, "A record is marked as deleted, but the log does not say so.")
        return
    if record.id in state.deleted:
        state.say(5, "record-undeleted", record.id, "The log says that this record was deleted, but it is here.")
    if (record.origin, record.verdict) != state.received.get(record.id, ("", "")):
        state.say(5, "record-origin", record.id, "Where a record came from, or its verdict, is not as the log says.")
    logged = state.signed.get(record.id, set())
    for version in versions:
        _check_version(vault, state, record, version, logged, digest)
    if logged - {version.digest for version in versions}:
        state.say(
            5, "version-missing", record.id, "The log knows a version that the store does not hold: an older state."
        )
    if (versions[-1].version if versions else 0) != record.newest:
        state.say(5, "record-newest", record.id, "The newest version is not the one that is shown.")


def _check_version(
    vault: OpenVault, state: State, record: StoredRecord, version: StoredVersion, logged: set[str], digest: str
) -> None:
    try:
        view = evidence.view(version)
    except (FormatError, IntegrityError):
        state.say(5, "record-signature", record.id, "A stored version is not what was signed.")
        return
    own = version.signer == vault.identity.public_key
    if record.origin != ("" if own and not record.origin else evidence.signer_of(version)):
        state.say(5, "record-signer", record.id, "A stored version was signed by another key than the record's origin.")
    elsewhere = view.id != record.id and evidence.local_id(vault, version.signer, view.id) != record.id
    elsewhere = elsewhere or (not record.origin and view.meta.get("case") != record.case_id)
    if elsewhere or (view.type, view.version, view.digest) != (record.type, version.version, version.digest):
        state.say(5, "record-swapped", record.id, "A stored version stands at a place that is not its own.")
    if evidence.disclosed(version.sd_jwt) != state.disclosed.get(version.digest, evidence.disclosed(version.sd_jwt)):
        state.say(5, "record-disclosures", record.id, "Of a received version other parts are here than the log says.")
    if version.digest not in logged:
        state.say(5, "record-unlogged", record.id, "A stored version is not in the log.")
    if version.version == record.newest and record.type == "attachment":
        signed = view.fields.get("sha256", digest)
        right = state.contents.get(record.id, "missing") if record.origin else signed
        if digest != right or (digest != "missing" and digest != signed):
            state.say(5, "attachment-swapped", record.id, "An attachment is bound to another content than was signed.")


def check_contacts(vault: OpenVault, state: State) -> None:
    """Compare the address book, and what left and came."""
    found: list[StoredContact] = vault.read(contacts.page)
    for one in found:
        if state.contact.get(one.id) != contacts.state_digest(one):
            state.say(6, "contact-changed", one.id, "A contact is not as the log says.")
    for contact_id in sorted(state.contact.keys() - {one.id for one in found}):
        state.say(6, "contact-missing", contact_id, "The log knows a contact that the store does not hold.")
    _compare_bundles(state, state.sent, vault.read(contacts.sent_digests))
    _compare_bundles(state, state.taken, vault.read(contacts.received_verdicts))


def _compare_bundles(state: State, logged: dict[str, str], held: dict[str, str]) -> None:
    for bundle_id in sorted(logged.keys() - held.keys()):
        state.say(6, "bundle-missing", bundle_id, "The log knows a bundle that the store does not: an older state.")
    for bundle_id in sorted(held.keys() - logged.keys()):
        state.say(6, "bundle-unlogged", bundle_id, "The store knows a bundle that the log does not.")
    for bundle_id in sorted(held.keys() & logged.keys()):
        if held[bundle_id] != logged[bundle_id]:
            state.say(6, "bundle-changed", bundle_id, "What a bundle came to is not as the log says: an older state.")
