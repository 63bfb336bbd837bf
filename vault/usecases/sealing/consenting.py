"""Consent across records: what was taken back and what goes with it, and a witness' name.

Gathered while `choosing` looks at each record of a case. What is deleted by now is asked of the custody log, and other
cases are looked at where they hold the same file, or what one was made from.

Spec: `docs/formats/schema.md`, "Consent"
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from vault import evidence
from vault.formats import custody_entry
from vault.formats.record import RecordView
from vault.model import Json
from vault.schema import Schema
from vault.schema.consent import GROUP, NAME, WITHDRAWN, Consent, Withdrawn, asks, is_withdrawn
from vault.store import content, custody, records
from vault.store.database import Connection
from vault.store.records import StoredRecord

_NAMES = "names"
"""The field of a person's record that says who a witness is."""


class Consents:
    """What the records of a case, and of cases that share files with it, say of consent."""

    def __init__(self, connection: Connection, case_serial: int) -> None:
        self._connection = connection
        self._case_serial = case_serial
        self._withdrawn = Withdrawn()
        self._made_from: set[str] = set()
        self._unnamed: dict[str, dict[str, Mapping[str, Json]]] = {}
        self._back: set[str] = set()

    def note(self, record: StoredRecord, seen: RecordView) -> None:
        """Look at the newest version of a record of the case."""
        kinds = evidence.types_of(self._connection, seen)
        self._note(record, seen, kinds)
        said = seen.fields.get(GROUP)
        witness = seen.fields.get("witness")
        if asks(kinds[0]) and isinstance(said, dict) and said.get("name_use") != "named" and isinstance(witness, dict):
            self._unnamed.setdefault(str(witness.get("id")), {})[record.id] = said

    def note_deleted(self, record: StoredRecord) -> None:
        """Ask the log what a deleted record was: taken back, or a file in between."""
        for stored in custody.entries_of(self._connection, record.id):
            event = custody_entry.read_entry(stored.entry, stored.disclosures).event
            kind, related = event["object"]["kind"], event.get("related", [])
            if kind == "attachment" and event["type"] in ("ingestion", "modification"):
                self._withdrawn.note_file(record.id, related)
                self._made_from.update(related)
            elif kind == "attachment" and event["type"] == "deletion":
                # What had the same content shows it no longer.
                self._withdrawn.note_file(record.id, related)
                for other in related:
                    self._withdrawn.note_file(other, (record.id,))
            elif kind == "record" and event["type"] == "deletion" and record.id in related:
                self._withdrawn.note_record(record.id, related)

    def finish(self) -> None:
        """Look at the other cases that matter, once every record of this one was noted."""
        for record in records.deleted_files(self._connection):
            if self._had_others(record):
                self.note_deleted(record)
        done, waiting = {self._case_serial}, self._cases_beside(self._case_serial)
        while waiting := waiting - done:
            serial = waiting.pop()
            done.add(serial)
            self._note_case(serial)
            waiting |= self._cases_beside(serial)
        self._back = self._withdrawn.ids()

    def of(self, record_id: str, consent: Consent | None, leaving: Mapping[str, Collection[str]]) -> Consent | None:
        """Return the consent of a record with what its neighbours mean for it.

        Args:
            record_id: The record.
            consent: What it says by itself.
            leaving: Id → paths that leave, of all that leaves.
        """
        if record_id in self._back:
            return Consent((WITHDRAWN,), consent.said if consent else {})
        for witness, told in self._unnamed.items():
            if record_id in told and consent and _names(leaving.get(witness, ())):
                return replace(consent, speaks_against=tuple(dict.fromkeys((*consent.speaks_against, NAME))))
        told = self._unnamed.get(record_id, {})
        if consent is None and told and not told.keys() & leaving.keys() and _names(leaving[record_id]):
            # What was told stays, or went before: the name would be put to it.
            return Consent((NAME,), next(iter(told.values())))
        return consent

    def _note(self, record: StoredRecord, seen: RecordView, kinds: Collection[Schema]) -> None:
        if record.type == "attachment":
            self._withdrawn.note_file(record.id, evidence.owners(seen.fields), seen.fields.get("sha256"))
            original = seen.fields.get("derived_from")
            self._made_from |= {str(original.get("id"))} if isinstance(original, dict) else set()
        elif is_withdrawn(kinds, seen.fields):
            self._withdrawn.note_record(record.id, evidence.taken_back(self._connection, record) or ())

    def _had_others(self, record: StoredRecord) -> bool:
        """True where a deleted file had the content of others: nothing else leads from those to its case."""
        entries = (custody_entry.read_entry(one.entry, one.disclosures).event
                   for one in custody.entries_of(self._connection, record.id))  # fmt: skip
        return any(event["type"] == "deletion" and "related" in event for event in entries)

    def _note_case(self, serial: int) -> None:
        for attachments in (False, True):
            for record in records.of_case(self._connection, serial, attachments=attachments):
                if record.origin:
                    continue
                if record.deleted:
                    self.note_deleted(record)
                else:
                    seen = evidence.view(records.newest(self._connection, record))
                    self._note(record, seen, evidence.types_of(self._connection, seen))

    def _cases_beside(self, serial: int) -> set[int]:
        """Return the cases that hold a file of this one, or what a file that was noted was made from."""
        found = (records.find(self._connection, one) for one in self._made_from)
        self._made_from = set()
        originals = {one.case_serial for one in found if one is not None}
        return originals | content.cases_sharing(self._connection, serial)


def _names(paths: Iterable[str]) -> bool:
    return any(path.split(".")[0] == _NAMES for path in paths)
