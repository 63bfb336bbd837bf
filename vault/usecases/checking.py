"""Checking a whole vault: store, contents, records, contacts, log, and anchors from outside.

The store is compared against its own log, and the log against every anchor that is given. Without an anchor an older
copy of the whole vault cannot be told from the newest: the report says "unknown".
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from vault import audit, evidence, files, verdicts
from vault.crypto.hashes import new_sha256, new_sha512
from vault.errors import DamagedError, FormatError, IntegrityError, VaultError
from vault.formats import merkle
from vault.formats.checkpoint import Checkpoint, PaperHead, origin_of
from vault.jobs import Job
from vault.model import CHUNK_SIZE, Finding, Json, Report, Severity, Verdict
from vault.open_vault import OpenVault
from vault.store import cases, contacts, content, custody, integrity, record_types, records
from vault.store.contacts import StoredContact
from vault.store.database import Connection
from vault.store.records import StoredRecord, StoredVersion

_MADE: Final = ("creation", "modification", "ingestion")
_HELD: Final = re.compile(r"\Aversion [0-9]+, ([0-9]+) disclosed, ")
_STEP: Final = 200

STEPS: Final = ("1 key file", "2 store", "3 contents", "4 log", "5 records", "6 contacts and bundles", "7 anchors")


@dataclass
class _State:
    """What the log says the store must hold, and the findings.

    Attributes:
        signed: Record id → digests of the versions that were signed or received.
        received: Record id → the sender's fingerprint when it first came, and the weakest verdict it came with.
        disclosed: Digest of a version that was received → how many disclosures of it are held.
        contents: Record id → digest of the content that was received with it.
        deleted: Ids of deleted records.
        contact: Contact id → digest of its last state.
        cases: Ids of cases that were opened.
        sent: Id of a bundle that left or may have left → digest of the file, empty while only the intent is known.
        taken: Id, in the log, of a bundle that was taken in → its verdict.
        types: Id of a record type that was added → digest of its last version.
        begun: Event and object → number of the last intent, as long as nothing says how it ended.
    """

    findings: list[Finding] = field(default_factory=list)
    signed: dict[str, set[str]] = field(default_factory=dict)
    received: dict[str, tuple[str, str]] = field(default_factory=dict)
    disclosed: dict[str, int] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    contact: dict[str, str] = field(default_factory=dict)
    cases: set[str] = field(default_factory=set)
    sent: dict[str, str] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    begun: dict[tuple[str, str], int] = field(default_factory=dict)

    def say(self, step: int, code: str, where: str, message: str, severity: Severity = Severity.ERROR) -> None:
        self.findings.append(Finding(STEPS[step - 1], code, severity, where, message))

    def note(self, number: int, object_id: str, event: dict[str, Json]) -> None:
        """Take down what an entry of the log says about the state of the store."""
        act, kind, digests, outcome = (
            event["type"],
            event["object"]["kind"],
            event.get("digests", {}),
            event["outcome"],
        )
        self._note_intent(number, (act, object_id), outcome["result"])
        if kind == "bundle":
            self._note_bundle(object_id, act, outcome, digests)
        elif outcome["result"] != "success":
            return
        elif kind == "record type":
            self.types[object_id] = digests["after"]
        elif kind == "case":
            self.cases.add(object_id)
        elif kind == "contact":
            if act in _MADE and "after" in digests:
                self.contact[object_id] = digests["after"]
            elif act == "deletion":
                self.contact.pop(object_id, None)
        elif kind not in ("record", "attachment"):
            return
        elif act == "deletion":
            self.deleted.add(object_id)
        elif act == verdicts.EVENT and object_id in self.received:
            self.received[object_id] = (self.received[object_id][0], outcome.get("detail", ""))
        elif act == "message digest calculation":
            self.contents[object_id] = digests.get("after", "")
        elif act in _MADE and "after" in digests:
            self.signed.setdefault(object_id, set()).add(digests["after"])
            if held := _HELD.search(outcome.get("detail", "")):
                self.disclosed[digests["after"]] = int(held[1])
            if "transfer" in event:
                verdict = outcome.get("detail", "").rpartition(", ")[2]
                origin, before = self.received.get(object_id, (event["transfer"].get("from", ""), verdict))
                self.received[object_id] = (origin, verdict if verdict == Verdict.INTACT else before)

    def _note_intent(self, number: int, act: tuple[str, str], result: str) -> None:
        before = self.begun.pop(act, None)
        if result == "intent":
            self.begun[act] = number
            if before is not None:
                self.say_begun(before)

    def say_begun(self, number: int) -> None:
        """Say that an intent was left alone: no fault of the store, but something for the holder to know."""
        self.say(4, "may-have-left", str(number), "The log says that this was begun, and not how it ended: what was to "
                 "leave may have left.", Severity.WARNING)  # fmt: skip

    def _note_bundle(self, bundle_id: str, act: str, outcome: dict[str, str], digests: dict[str, str]) -> None:
        # A bundle of this vault that comes back keeps its id: what left and what came are told apart by the act.
        if act == "ingestion":
            self.taken[bundle_id] = outcome.get("detail", "").partition(", ")[0]
        elif act == verdicts.EVENT:
            self.taken[bundle_id] = outcome.get("detail", "")
        elif outcome["result"] == "intent":
            self.sent[bundle_id] = ""
        elif outcome["result"] == "failure":
            self.sent.pop(bundle_id, None)
        else:
            self.sent[bundle_id] = digests.get("after", "")


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of a check.

    Attributes:
        report: All findings.
        anchored: ``"yes"``, ``"no"`` (an anchor contradicts) or ``"unknown"`` (none given, or none that fits).
    """

    report: Report
    anchored: str


def check(vault: OpenVault, anchors: Sequence[Path], job: Job, written: Sequence[str] = ()) -> Checked:
    """Check the whole vault and return all findings; changes nothing.

    Args:
        vault: The open vault.
        anchors: Anchor files that this vault wrote; findings name them as they are given here.
        job: Progress and cancelling.
        written: What `custody.short_head` once said, typed from paper.

    Raises:
        RefusedError, FormatError, IntegrityError: An anchor file that does not fit, as `anchor` says; or what was typed
            is not whole.
    """
    given: list[tuple[str, Checkpoint | PaperHead]] = [(str(path), anchor(vault, path)) for path in anchors]
    given += [(f"on paper, {one.size}", one) for one in map(PaperHead.decode, written)]
    state = _State()
    anchored = "unknown"
    _check_keys(vault, state)
    with _reading(state, 2):
        for code in integrity.damage(vault.database):
            state.say(2, code, "vault.db", "The store is damaged: restore it from a backup.")
    with _reading(state, 3):
        _check_contents(vault, state, job)
    with _reading(state, 4):
        for found in audit.verify_log(vault, job, state.note):
            state.findings.append(replace(found, step=STEPS[3]))
        for number in state.begun.values():
            state.say_begun(number)
    with _reading(state, 5):
        _check_records(vault, state, job)
    with _reading(state, 6):
        _check_contacts(vault, state)
    with _reading(state, 7):
        anchored = _check_anchors(vault, state, given)
    not_checked = [
        "Times are this computer's claims.",
        "What was never entered cannot be missed.",
        "Drafts and the titles of cases are not signed.",
        audit.LESS_SAID,
    ]
    if anchored == "unknown":
        not_checked.insert(0, audit.NO_ANCHOR)
    return Checked(Report(tuple(state.findings), STEPS, tuple(not_checked)), anchored)


@contextlib.contextmanager
def _reading(state: _State, step: int) -> Iterator[None]:
    """Let a step that meets rows or pages that cannot be read at all end with a finding, and the next one go on."""
    try:
        yield
    except (DamagedError, ValueError, TypeError):
        state.say(step, "unreadable", "vault.db", "What this step looks at cannot be read: restore it from a backup.")


def _check_keys(vault: OpenVault, state: _State) -> None:
    try:
        on_disk = files.read_small(vault.folder / "vault.keys", 1 << 20, "the key file")
    except VaultError:
        on_disk = b""
    if on_disk != vault.keys.encoded:
        state.say(1, "key-file", "vault.keys",
                  "The key file on disk is damaged, or not the one that opened this vault: "
                  "change the passphrase to write it anew, or copy it back from a backup.")  # fmt: skip
    elif vault.keys.damaged_copy is not None:
        state.say(1, "key-copy", "vault.keys", "One copy of the keys was damaged and has been written anew.",
                  Severity.WARNING)  # fmt: skip
    if vault.keys.older_key is not None:
        state.say(1, "rekey-pending", "vault.keys", "A key rotation was not finished: run 'evault rekey' again.",
                  Severity.WARNING)  # fmt: skip


def _check_contents(vault: OpenVault, state: _State, job: Job) -> None:
    found = vault.read(content.complete_ones)
    total, done = sum(stored.size for stored in found), 0
    for stored in found:
        short, long, length = new_sha256(), new_sha512(), 0
        try:
            for piece in evidence.stream(vault, stored):
                short.update(piece)
                long.update(piece)
                length += len(piece)
                job.report("checking contents", done + length, total)
        except (DamagedError, IntegrityError):
            length = -1
        done += stored.size
        rows = vault.read(functools.partial(content.count, serial=stored.serial))
        right = (length, short.hexdigest(), long.hexdigest()) == (stored.size, stored.sha256, stored.sha512)
        if not right or rows != -(-stored.size // CHUNK_SIZE):
            where = str(stored.serial)
            state.say(3, "content-mismatch", where, "An attachment's bytes are not those that were taken in.")
    if vault.read(content.has_strays):
        state.say(3, "content-unknown", "chunk", "The store holds pieces of a file that it does not know.")


def _check_records(vault: OpenVault, state: _State, job: Job) -> None:
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
    vault: OpenVault, state: _State, record: StoredRecord, versions: list[StoredVersion], digest: str
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
    vault: OpenVault, state: _State, record: StoredRecord, version: StoredVersion, logged: set[str], digest: str
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


def _check_contacts(vault: OpenVault, state: _State) -> None:
    found: list[StoredContact] = vault.read(contacts.page)
    for one in found:
        if state.contact.get(one.id) != contacts.state_digest(one):
            state.say(6, "contact-changed", one.id, "A contact is not as the log says.")
    for contact_id in sorted(state.contact.keys() - {one.id for one in found}):
        state.say(6, "contact-missing", contact_id, "The log knows a contact that the store does not hold.")
    _compare_bundles(state, state.sent, vault.read(contacts.sent_digests))
    _compare_bundles(state, state.taken, vault.read(contacts.received_verdicts))


def _compare_bundles(state: _State, logged: dict[str, str], held: dict[str, str]) -> None:
    for bundle_id in sorted(logged.keys() - held.keys()):
        state.say(6, "bundle-missing", bundle_id, "The log knows a bundle that the store does not: an older state.")
    for bundle_id in sorted(held.keys() - logged.keys()):
        state.say(6, "bundle-unlogged", bundle_id, "The store knows a bundle that the log does not.")
    for bundle_id in sorted(held.keys() & logged.keys()):
        if held[bundle_id] != logged[bundle_id]:
            state.say(6, "bundle-changed", bundle_id, "What a bundle came to is not as the log says: an older state.")


# -- anchors --------------------------------------------------------------------------------------------------------


def anchor(vault: OpenVault, path: Path) -> Checkpoint:
    """Return the checkpoint of an anchor file of this vault: a checkpoint, continuation or proof that it wrote.

    Raises:
        RefusedError: It belongs to another vault, or cannot be read.
        FormatError: It is no anchor.
        IntegrityError: It was changed after this vault signed it.
    """
    return audit.own_anchor(vault, path)


def _check_anchors(vault: OpenVault, state: _State, anchors: Sequence[tuple[str, Checkpoint | PaperHead]]) -> str:
    fits = [_check_anchor(vault, state, where, one) for where, one in anchors]
    if all(fit == "unknown" for fit in fits):
        return "unknown"
    return "no" if "no" in fits else "yes"


def _check_anchor(vault: OpenVault, state: _State, where: str, anchor: Checkpoint | PaperHead) -> str:
    def work(connection: Connection) -> tuple[list[tuple[str, int, str]], int, bytes]:
        size = custody.size(connection)
        root = merkle.root(anchor.size, custody.node_of(connection)) if anchor.size <= size else b""
        return custody.epochs(connection), size, root

    try:
        epochs, size, root = vault.read(work)
    except DamagedError:
        state.say(7, "anchor-broken", where, "The log's tree is incomplete.")
        return "no"
    names = [name for name, _, _ in epochs]
    if isinstance(anchor, PaperHead):
        at = anchor.epoch - 1
    else:
        at = names.index(anchor.epoch) if anchor.epoch in names else len(names)
    if at >= len(names):
        state.say(7, "anchor-epoch", where, "This anchor is from an epoch that this vault does not know: "
                  "a newer state, or another copy that was restored from a backup.")  # fmt: skip
        return "no"
    end = epochs[at + 1][1] if at + 1 < len(epochs) else size
    if anchor.size > end:
        if at + 1 < len(epochs):
            state.say(7, "restored-before-anchor", where,
                      "This vault was restored from a backup that is older than this "
                      "anchor: entries in between are not here.", Severity.WARNING)  # fmt: skip
            return "unknown"
        state.say(7, "rolled-back", where, "This vault is an older copy: the anchor knows entries that are not here.")
        return "no"
    held = Checkpoint(origin_of(vault.identity.log_id, names[at]), anchor.size, root)
    if anchor != (PaperHead.of(held, at + 1) if isinstance(anchor, PaperHead) else held):
        state.say(7, "anchor-mismatch", where, "The log was changed after this anchor was made.")
        return "no"
    return "yes"
