"""Which files of a case stay unless they are named: those of people and notes, papers of consent, and copies of them.

Gathered while `choosing` looks at each record of a case.

Spec: `docs/formats/schema.md` §5, "Links" and "Files that stay"
"""

from __future__ import annotations

from collections.abc import Iterable

from vault import evidence
from vault.formats import custody_entry
from vault.formats.record import RecordView
from vault.model import Draft, Json
from vault.schema import Field, Schema
from vault.store import cases, custody, records
from vault.store.database import Connection
from vault.store.records import StoredRecord


class Staying:
    """What the records and drafts of a case keep of its files.

    Attributes:
        unlinked: Ids of files that a record names, in any version, in a field that is not linked, and of the same
            bytes again: nothing that leaves by default says which record they belong to.
        ids: Ids of files that stay whole.
    """

    def __init__(self, connection: Connection, case_serial: int) -> None:
        self.unlinked: set[str] = set()
        self.ids: set[str] = set()
        self._connection = connection
        self._case_serial = case_serial
        self._told: set[str] = set()
        self._above: dict[str, set[str]] = {}
        self._contents: dict[str, Json] = {}

    def note(self, record: StoredRecord, seen: RecordView) -> None:
        """Look at a record of the case, and at its earlier versions."""
        if record.type == "attachment":
            self._above.setdefault(record.id, set()).update(evidence.owners(seen.fields))
            self._contents[record.id] = seen.fields.get("sha256")
            return
        kinds = evidence.types_of(self._connection, seen)
        named = [{to for one, _, to in kind.references(seen.fields) if one.linked or one.shareable} for kind in kinds]
        self._told |= set.intersection(*named)
        self._keep(evidence.files_named(self._connection, seen))
        for version in records.versions(self._connection, record.serial)[:-1]:
            # Of the newest one's type nothing follows for those that were signed under another.
            self._keep(evidence.files_named(self._connection, evidence.view(version)))

    def note_drafts(self, case_serial: int) -> None:
        """Look at what nobody has signed yet in a case: who writes down a person takes the portrait in first."""
        case_id = cases.id_of(self._connection, case_serial)
        for draft in records.drafts(self._connection):
            if draft.case_id == case_id:
                self._note_draft(draft)

    def _note_draft(self, draft: Draft) -> None:
        kind = evidence.type_of(self._connection, draft.type)
        if draft.type == "attachment":
            self._above.setdefault(draft.id, set()).update(evidence.owners(draft.fields))
        elif kind is not None:
            self._keep((one, to) for one, _, to in kind.references(draft.fields) if one.kind == "attachment")

    def note_deleted(self, record: StoredRecord) -> None:
        """Ask the log which files a deleted record kept, or what a deleted file last belonged to and was made from."""
        for stored in custody.entries_of(self._connection, record.id):
            event = custody_entry.read_entry(stored.entry, stored.disclosures).event
            kind, related = event["object"]["kind"], set(event.get("related", []))
            if kind == "attachment" and event["type"] in ("ingestion", "modification"):
                self._above[record.id] = related
            elif kind == "attachment" and event["type"] == "deletion":
                self._above.setdefault(record.id, set()).update(related)
                for other in related:
                    self._above.setdefault(other, set()).add(record.id)
            elif kind == "record" and event["type"] == "deletion" and record.id not in related:
                # Those of a record that was taken back do not leave at all, and that is said.
                self.unlinked |= related
                self.ids |= related

    def _keep(self, named: Iterable[tuple[Field, str]]) -> None:
        for one, to in named:
            if not one.linked:
                self.unlinked.add(to)
            if one.disclosure == "protected":
                self.ids.add(to)

    def finish(self) -> None:
        """Follow the copies, once every record of the case was noted: also to the cases of what they were made from."""
        done = {self._case_serial}
        while waiting := self._cases_above() - done:
            done |= waiting
            for serial in waiting:
                self._note_case(serial)
        self.unlinked |= self._same_bytes(self.unlinked)
        self.ids |= {one for one, above in self._above.items() if self._is_kept(above)}
        self.ids -= self._told
        while more := (self._copies() | self._same_bytes(self.ids)) - self.ids - self._told:
            self.ids |= more

    def _cases_above(self) -> set[int]:
        found = (records.find(self._connection, one) for one in set().union(*self._above.values()) - self._above.keys())
        return {one.case_serial for one in found if one is not None and one.type == "attachment" and not one.origin}

    def _note_case(self, serial: int) -> None:
        for attachments in (False, True):
            for record in records.of_case(self._connection, serial, attachments=attachments):
                if record.deleted and not record.origin:
                    self.note_deleted(record)
                elif not record.origin:
                    self.note(record, evidence.view(records.newest(self._connection, record)))
        self.note_drafts(serial)

    def _copies(self) -> set[str]:
        return {one for one, above in self._above.items() if above & self.ids}

    def _same_bytes(self, files: set[str]) -> set[str]:
        contents = {self._contents[one] for one in files if self._contents.get(one)}
        return {one for one, digest in self._contents.items() if digest in contents}

    def _is_kept(self, above: set[str]) -> bool:
        """True where a file belongs to a record, and to none whose type tells its files."""
        found = (records.find(self._connection, one) for one in above)
        owners = {one.type for one in found if one is not None and one.type != "attachment"}
        return bool(owners) and not any(tells_files(evidence.type_of(self._connection, one)) for one in owners)


def tells_files(kind: Schema | None) -> bool:
    """True when a type agrees that its records' files are told apart by it."""
    return kind is not None and any(one.linked and one.kind == "attachment" for one in kind.fields)
