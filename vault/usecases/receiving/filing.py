"""One transaction that files a bundle: case, read-only records, attachments, log entries and the receipt.

Nothing that a sender wrote decides where it goes: an id that is taken here by somebody else's record gets a local one.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from vault import evidence
from vault.bundle.contents import Incoming, IncomingRecord
from vault.bundle.manifest import Description
from vault.crypto.randomness import new_id
from vault.errors import FormatError, IntegrityError
from vault.formats import custody_entry
from vault.formats.record import merge
from vault.formats.sd_jwt import parse_sd_jwt
from vault.jobs import Job
from vault.model import CaseId, CustodyEvent, Json, Severity, Verdict, format_time
from vault.open_vault import OpenVault, Transaction
from vault.store import cases, contacts, content, custody, records
from vault.store.contacts import StoredReceipt
from vault.store.records import StoredRecord, StoredVersion
from vault.usecases.receiving.history import History, recipient_of
from vault.usecases.receiving.opening import STEP, Opened, mark_of
from vault.usecases.receiving.staging import Staged

_MOST_RELATED: Final = 1000
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")


@dataclass
class Filing:
    """One transaction: case, records, attachments, custody entries and the receipt of a bundle.

    Attributes:
        case_id: The case that it is taken into.
        name: The bundle's id in this vault's log.
        verdict: What its records carry: where what came before speaks against the bundle, `intact` at most.
        count: How many records, those of files included, were taken in or became known more fully.
        files: How many of them are of files.
    """

    vault: OpenVault
    incoming: Incoming
    bundle: Description
    opened: Opened
    staged: Staged
    history: History
    job: Job
    transaction: Transaction
    case_id: str = ""
    name: str = ""
    verdict: Verdict = Verdict.INTACT
    count: int = 0
    files: int = 0
    _extensions: dict[str, str] = field(default_factory=dict)

    def run(self) -> Filing:
        """Take everything in."""
        self._extensions = {item.id: item.extension for item in self.incoming.attachments}
        self.name = self._name()
        self.verdict = Verdict.INTACT if self.history.failed else self.opened.verdict
        case_serial = self._case(self.bundle.case_id)
        for done, item in enumerate(self.incoming.records):
            self.job.report("taking in records", done, len(self.incoming.records))
            self._record(item, case_serial)
        verdict = Verdict.FAILED if self.history.failed else self.opened.verdict
        codes = [one.code for one in self.opened.report.findings if one.step == STEP]
        codes += [code for code, _, _ in self.history.findings]
        contacts.add_received(
            self.transaction.connection,
            StoredReceipt(
                self.bundle.bundle_id, self.name, self.incoming.signer, self.bundle.epoch, self.bundle.number,
                recipient_of(self.bundle), mark_of(self.incoming), verdict.value, case_serial,
                format_time(self.vault.clock()), self.incoming.checkpoint,
            ),
        )  # fmt: skip
        self.transaction.record(
            CustodyEvent(
                "ingestion", self.name, "bundle", case_id=self.case_id, why="received",
                transfer=self._transfer(), digests={"after": mark_of(self.incoming)},
                detail=", ".join((verdict.value, *codes)),
                related=tuple(item.view.id for item in self.incoming.records)[:_MOST_RELATED],
            )
        )  # fmt: skip
        return self

    def _transfer(self) -> dict[str, str]:
        return {"from": self.opened.signer, "to": self.vault.identity.fingerprint}

    @property
    def _own(self) -> bool:
        """True for a bundle that this vault sealed itself."""
        return self.incoming.signer == self.vault.identity.public_key

    def _name(self) -> str:
        """Return the bundle's id in this vault's log: its own, unless anything else has that here.

        Entries about two things under one id would be taken for those about one of them. A bundle of this vault that
        comes back keeps its id: the entries about its leaving are about the same thing.
        """
        wanted, own = self.bundle.bundle_id, self.vault.identity.fingerprint
        for stored in custody.entries_of(self.transaction.connection, wanted):
            event = custody_entry.read_entry(stored.entry, stored.disclosures).event
            left = event["type"] == "dissemination" and event.get("transfer", {}).get("from") == own
            if not (self._own and left):
                message = "This bundle has an id that something else has here; the log knows it under another."
                self.history.say("bundle-id-taken", Severity.WARNING, message)
                return new_id()
        return wanted

    def _case(self, sender_case: str) -> int:
        """Return the serial of the case for this sender's case: the one from before, or a new one, its id ours."""
        connection = self.transaction.connection
        known = cases.received(connection, self.opened.signer, sender_case)
        if known is None and self._own:
            known = cases.find(connection, sender_case)
        if known is not None:
            self.case_id = cases.id_of(connection, known)
            return known
        self.case_id = new_id()
        title = self.opened.title(self.bundle.bundle_id)
        serial = cases.add(connection, CaseId(self.case_id), title, self.vault.clock(), self.opened.signer, sender_case)
        self.transaction.record(
            CustodyEvent("creation", self.case_id, "case", case_id=self.case_id, why="for a received bundle")
        )
        return serial

    def _record(self, item: IncomingRecord, case_serial: int) -> None:
        connection, view = self.transaction.connection, item.view
        local, record = self._place(view.id)
        if record is None:
            records.add(connection, local, case_serial, view.type, self.opened.signer, self.verdict.value)
            record = records.find(connection, local)
        assert record is not None
        if record.deleted:
            message = "A record of this bundle was deleted here; it stays deleted."
            self.history.say("record-deleted", Severity.WARNING, message)
            return
        held = {one.version: one for one in records.versions(connection, record.serial)}
        same = held.get(view.version)
        if same is not None and same.digest == view.digest:
            self._fuller(record, same, item)
        elif not record.origin:
            message = (
                "This bundle holds a version of an own record that this vault does not: it may be an older copy of the "
                "vault. The version was left out; keep the bundle."
            )
            self.history.say("own-version-unknown", Severity.WARNING, message)
        elif same is not None or record.type != view.type or self._other_content(record, held, item):
            # What is known of a file can be corrected; another content is another attachment.
            message = "A record of this bundle contradicts what its signer sent before; it was left out."
            self._conflict(record, item, message)
        else:
            self._keep(record, item)

    def _other_content(self, record: StoredRecord, held: dict[int, StoredVersion], item: IncomingRecord) -> bool:
        """True when a new version of an attachment's record names another content than what is held of it."""
        if record.type != "attachment":
            return False
        named = {item.view.fields.get("sha256"), *(evidence.view(one).fields.get("sha256") for one in held.values())}
        named.add(content.digest_of_record(self.transaction.connection, record.serial))
        return len(named - {None, "", "missing"}) > 1

    def _place(self, record_id: str) -> tuple[str, StoredRecord | None]:
        """Return the local id of a signer's record, and the record if it is held.

        It is the record's own id, unless something else has that here: whoever learns an id could otherwise keep its
        owner's record out by sending one first, or plant log entries under the id of a case or a contact.
        """
        connection = self.transaction.connection
        found = records.find(connection, record_id)
        if found is None:
            free = record_id != self.name and not custody.entries_of(connection, record_id)
        else:
            free = found.origin == self.opened.signer or (self._own and not found.origin)
        if free:
            return record_id, found
        message = "A record of this bundle has an id that something else has here; both are kept, apart."
        self.history.say("record-id-taken", Severity.WARNING, message)
        local = evidence.local_id(self.vault, self.incoming.signer, record_id)
        return local, records.find(connection, local)

    def _keep(self, record: StoredRecord, item: IncomingRecord) -> None:
        """Keep a version that is new here."""
        connection, view = self.transaction.connection, item.view
        number = self._enter(record, item, evidence.disclosed(item.sd_jwt))
        version = StoredVersion(
            0, view.version, view.digest, self._signed_at(view.meta.get("signed_at")), view.signer, number, item.sd_jwt
        )
        if view.version > record.newest:
            evidence.keep_version(connection, record, version, view.fields)
        else:
            records.add_older_version(connection, record.serial, version)
        self._attach(record, view.id)
        self.count += 1
        self.files += record.type == "attachment"

    def _signed_at(self, claimed: Json) -> str:
        """Return when a version claims to have been signed; where it does not say, the bundle's time has to do."""
        with contextlib.suppress(ValueError):
            if isinstance(claimed, str) and _TIME.match(claimed):
                datetime.fromisoformat(claimed)
                return claimed
        return format_time(self.bundle.sealed_at)

    def _enter(self, record: StoredRecord, item: IncomingRecord, held: int, more: str = "") -> int:
        """Enter that a record came: how many disclosures of it are held now, or, without any, that it was left out."""
        view, result = item.view, "success" if held else "failure"
        detail = f"version {view.version}" + (f", {held} disclosed" if held else "")
        if held and record.origin and self.verdict is Verdict.INTACT:
            records.set_verdict(self.transaction.connection, record.serial, self.verdict.value)
        return self.transaction.record(
            CustodyEvent(
                "ingestion", record.id, evidence.object_kind(record.type), case_id=self.case_id,
                why="received in a bundle", transfer=self._transfer(), digests={"after": view.digest},
                result=result, detail=f"{detail}, {self.verdict.value}{more}",
                related=(self.name,) if record.id == view.id else (self.name, view.id),
            )
        )  # fmt: skip

    def _conflict(self, record: StoredRecord, item: IncomingRecord, message: str) -> None:
        """Leave a record out that does not go with what is here, and enter that it came."""
        self.history.say("record-conflict", Severity.ERROR, message)
        self._enter(record, item, 0, ", record-conflict: left out")

    def _fuller(self, record: StoredRecord, same: StoredVersion, item: IncomingRecord) -> None:
        """Keep what a later presentation of the same signed version discloses beyond the earlier one.

        Two presentations that are right each can still not be right together: a signer can put two digests for one
        name into what is signed, and show one now and the other later. What came first stays.
        """
        connection = self.transaction.connection
        merged = replace(same, sd_jwt=merge(parse_sd_jwt(same.sd_jwt), parse_sd_jwt(item.sd_jwt)).text)
        if merged.sd_jwt != same.sd_jwt:
            try:
                evidence.view(merged)
            except (FormatError, IntegrityError):
                message = "The sender shows two different values for one field; the one that came first was kept."
                self._conflict(record, item, message)
                return
            self._enter(record, item, evidence.disclosed(merged.sd_jwt))
            records.add_disclosures(connection, same.serial, merged.sd_jwt)
            evidence.reindex(connection, record, merged)
            self.count += 1
            self.files += record.type == "attachment"
        if record.origin:
            self._attach(record, item.view.id)

    def _attach(self, record: StoredRecord, attachment_id: str) -> None:
        """Bind the content that came with an attachment's record, once, and enter its digest."""
        connection = self.transaction.connection
        if attachment_id not in self.staged or content.has_record(connection, record.serial):
            return
        serial, size, short, long = self.staged[attachment_id]
        serial = content.complete(connection, serial, size, short, long)
        content.attach(connection, record.serial, serial, self._extensions[attachment_id])
        self.transaction.record(
            CustodyEvent(
                "message digest calculation", record.id, "attachment", case_id=self.case_id,
                why="content received in a bundle", digests={"after": short}, related=(self.name,),
            )
        )  # fmt: skip
