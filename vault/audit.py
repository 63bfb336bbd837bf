"""Recomputing the custody log: every entry, every tree node, every epoch, the signed head; and reading anchors.

Reads in steps, so that a writer waits a moment only, and keeps one node per level, so that memory does not
grow with the log. Spec: `docs/formats/custody-log.md`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vault import files, schema
from vault.crypto.hashes import sha256
from vault.errors import DamagedError, FormatError, IntegrityError, RefusedError, UnsupportedVersionError
from vault.formats import checkpoint as checkpoints
from vault.formats import custody_entry, merkle
from vault.formats.checkpoint import Checkpoint
from vault.formats.tlog_consistency import FIRST as _CONTINUATION
from vault.formats.tlog_consistency import Continuation
from vault.formats.tlog_proof import FAMILY as _PROOF
from vault.formats.tlog_proof import MAX_PROOF_SIZE, TlogProof
from vault.jobs import Job
from vault.model import Finding, Json, Severity
from vault.open_vault import OpenVault
from vault.store import contacts, custody, record_types, records
from vault.store.contacts import StoredContact
from vault.store.custody import StoredEntry
from vault.store.database import Connection
from vault.store.records import StoredRecord

_STEP: Final = 2048
STEP_NAME: Final = "log"

_ALWAYS: Final = frozenset({"object", "type", "time", "agent", "software", "location", "outcome"})
"""Slots that this program always fills; one that is missing in its own store was taken out."""

_MADE: Final = frozenset({"creation", "modification", "ingestion", "deletion"})
"""Events after which a record is another than before."""

NO_ANCHOR: Final = "Without a fitting anchor from outside, an older copy of the vault looks the same."
LESS_SAID: Final = "Whether an entry once said more (why, from whom, to whom); it cannot have said something else."

PROVABLE: Final = frozenset({"object", "type", "time", "agent", "software", "digests", "outcome"})
"""Slots of an entry that leave with evidence; who else received it, why, on whose authority, where, and which fields a
correction changed, stay here."""


@dataclass
class LogState:
    """What a recomputation keeps: the frontier of the tree, and the findings."""

    epochs: list[tuple[str, int, str]]
    size: int
    head: str
    frontier: merkle.Frontier = field(default_factory=merkle.Frontier)
    findings: list[Finding] = field(default_factory=list)

    def wrong(self, code: str, where: str, message: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(STEP_NAME, code, Severity.ERROR, where, message))


def verify_log(
    vault: OpenVault, job: Job, each: Callable[[int, str, dict[str, Json]], None] | None = None
) -> list[Finding]:
    """Recompute the log and return what is wrong with it.

    Args:
        vault: The open vault.
        job: Told of entries done.
        each: Called with number, object id and event of every sound entry, for checks of the store against its log.
    """
    state = vault.read(_start)
    if not state.head:
        state.wrong("log-head", "head", "The log has no signed head.")
    if not state.epochs:
        state.wrong("log-epoch", "", "The log has no epoch.")
    done, whole = 0, bool(state.head and state.epochs)
    while done < state.size:

        def fetch(connection: Connection, first: int = done) -> tuple[list[StoredEntry], dict[int, bytes]]:
            return list(custody.walk(connection, first, _STEP)), custody.nodes_between(connection, first, _STEP)

        try:
            entries, nodes = vault.read(fetch)
        except (ValueError, TypeError):
            state.wrong("log-entry", str(done), "An entry from here on cannot be read at all.")
            return state.findings
        for stored in entries[: state.size - done]:
            if stored.number != done:
                state.wrong("log-gap", str(done), "Entries are missing from the log.")
                done, whole = stored.number, False
            _check_entry(state, stored, each)
            if whole:
                _check_nodes(state, stored, nodes)
            done += 1
        job.report("verifying the log", done, state.size)
    if whole:
        _check_head(vault, state)
        # Nodes of a longer log in an older copy of the store: the next entry could not be added to it.
        if vault.read(custody.count_nodes) != 2 * state.size - state.size.bit_count():
            state.wrong("log-tree", str(state.size), "The log's tree holds more than its entries.")
    return state.findings


def _start(connection: Connection) -> LogState:
    try:
        head = custody.head(connection)
    except DamagedError:
        head = ""
    return LogState(custody.epochs(connection), custody.size(connection), head)


def _check_nodes(state: LogState, stored: StoredEntry, nodes: dict[int, bytes]) -> None:
    for level, index, value in state.frontier.append(merkle.leaf_hash(stored.entry)):
        if nodes.get(custody.node_id(level, index)) != value:
            state.wrong("log-tree", str(stored.number), "The log's tree does not belong to its entries.")


def _check_entry(
    state: LogState, stored: StoredEntry, each: Callable[[int, str, dict[str, Json]], None] | None
) -> None:
    try:
        view = custody_entry.read_entry(stored.entry, stored.disclosures)
    except (FormatError, IntegrityError):
        state.wrong("log-entry", str(stored.number), "An entry is not what its disclosures say.")
        return
    at = max((i for i, (_, first, _) in enumerate(state.epochs) if first <= stored.number), default=-1)
    if not view.event.keys() >= _ALWAYS:
        state.wrong("log-entry", str(stored.number), "Something that an entry said was taken out of it.")
        return
    if view.number != stored.number or at < 0 or view.epoch != state.epochs[at][0]:
        state.wrong("log-order", str(stored.number), "An entry stands at a place that is not its own.")
        return
    if view.event["object"]["id"] != stored.object:
        state.wrong("log-entry", str(stored.number), "An entry is filed under another object.")
        return
    if each is not None:
        each(stored.number, stored.object, view.event)


def _root_at(size: int, connection: Connection) -> bytes:
    return merkle.root(size, custody.node_of(connection))


def _check_head(vault: OpenVault, state: LogState) -> None:
    identity = vault.identity
    try:
        head = checkpoints.verify_checkpoint(state.head, identity.public_key)
    except (FormatError, IntegrityError):
        state.wrong("log-head", "head", "The log's head is not signed by this vault's key.")
        return
    expected = checkpoints.origin_of(identity.log_id, state.epochs[-1][0])
    fits = head.size == vault.read(custody.head_size) == state.size
    if head.origin != expected or not fits or head.root != state.frontier.root():
        state.wrong("log-head", "head", "The signed head does not belong to the log as it stands.")
    for (_, first, note), (before, _, _) in zip(state.epochs[1:], state.epochs, strict=False):
        try:
            grown = checkpoints.verify_checkpoint(note, identity.public_key)
            tree = vault.read(functools.partial(_root_at, first))
        except (FormatError, IntegrityError, DamagedError):
            state.wrong("log-epoch", before, "An epoch does not name the checkpoint it grew from.")
            continue
        if grown.size != first or grown.root != tree or grown.epoch != before:
            state.wrong("log-epoch", before, "An epoch grew from another checkpoint than it names.")


def check_contact(connection: Connection, contact: StoredContact) -> StoredContact:
    """Return a contact that is as the log says; somebody with the disk could have put an older one in its place.

    Raises:
        DamagedError: The newest entry about it tells of another state, or there is none.
    """
    for stored in reversed(custody.entries_of(connection, contact.id)):
        try:
            event = custody_entry.read_entry(stored.entry, stored.disclosures).event
        except (FormatError, IntegrityError):
            break
        about = (event.get("object"), event.get("outcome", {}).get("result"))
        if about == ({"id": contact.id, "kind": "contact"}, "success"):
            if event.get("digests", {}).get("after") == contacts.state_digest(contact):
                return contact
            break
    raise DamagedError(
        "The address book was changed outside this program.",
        "Run 'evault check', and compare this contact's fingerprint over another channel before you rely on it.",
    )


def check_newest(connection: Connection, case_serial: int) -> None:
    """Refuse a case with an own record that is not as the log says: an older one could let out what was taken back.

    Raises:
        DamagedError: The newest entry about one tells of another version, or of its deletion; or there is none.
    """
    for attachments in (False, True):
        for record in records.of_case(connection, case_serial, attachments=attachments):
            if not record.origin and not record.deleted and not _is_newest(connection, record):
                raise DamagedError(
                    "A record was changed outside this program, so what of it may leave is not known.",
                    "Run 'evault check', and restore from a backup.",
                )


def _is_newest(connection: Connection, record: StoredRecord) -> bool:
    for stored in reversed(custody.entries_of(connection, record.id)):
        event = custody_entry.read_entry(stored.entry, stored.disclosures).event
        kind, result = event["object"]["kind"], event["outcome"]["result"]
        if kind in ("record", "attachment") and result == "success" and event["type"] in _MADE:
            return bool(event["digests"].get("after") == records.newest(connection, record).digest)
    return False


def type_id(name: str) -> str:
    """Return the id under which the log speaks of a record type that was added."""
    return sha256(b"evidence-vault record type\x00" + name.encode()).hex()[:32]


def check_type(connection: Connection, name: str) -> None:
    """Refuse a record type that is not as the log says: an older one, put in its place, could let other fields leave.

    Raises:
        DamagedError: The newest entry about it tells of another version, or of none, or of one where there is none.
    """
    known = None
    for stored in reversed(custody.entries_of(connection, type_id(name))):
        event = custody_entry.read_entry(stored.entry, stored.disclosures).event
        if event["object"]["kind"] == "record type":
            known = event["digests"]["after"]
            break
    text = record_types.newest(connection, name)
    try:
        held = schema.load_schema(text).digest if text is not None else None
    except FormatError:
        held = ""
    if known != held:
        raise DamagedError(
            "A record type was changed outside this program, so what of it may leave is not known.",
            "Run 'evault check', and restore from a backup.",
        )


# -- anchors --------------------------------------------------------------------------------------------------------


def read_log_file(path: Path, what: str) -> TlogProof | Continuation | str:
    """Read a file about a custody log: a proof, a continuation, or the note of a checkpoint. Nothing is verified yet.

    Args:
        path: The file.
        what: What it is, in a few words, for errors.

    Raises:
        FormatError: It is none of them.
        UnsupportedVersionError: A proof of a newer version.
        RefusedError, StorageError: It cannot be read.
    """
    data = files.read_small(path, MAX_PROOF_SIZE, what)
    try:
        text = data.decode("utf-8")
        if text.startswith(_PROOF):
            return TlogProof.decode(text)
        if text.startswith(_CONTINUATION):
            return Continuation.decode(text)
        checkpoints.read_checkpoint(text)
    except UnsupportedVersionError:
        raise
    except (UnicodeDecodeError, FormatError) as error:
        raise FormatError(
            what, "it holds no checkpoint or proof of a custody log",
            "Name a file that 'evault log checkpoint' or 'evault log prove' wrote, unchanged.",
        ) from error  # fmt: skip
    return text


def note_of(found: TlogProof | Continuation | str) -> str:
    """Return the checkpoint note in a file about a custody log."""
    return found if isinstance(found, str) else found.checkpoint


def own_anchor(vault: OpenVault, path: Path) -> Checkpoint:
    """Return the checkpoint of an anchor file that this vault wrote.

    Raises:
        RefusedError: It belongs to another vault.
        IntegrityError: It is not as this vault signed it.
        FormatError, RefusedError, StorageError: It cannot be read as an anchor.
    """
    note = note_of(read_log_file(path, "the anchor file"))
    if checkpoints.read_checkpoint(note).log_id != vault.identity.log_id:
        raise RefusedError(
            "This anchor belongs to another vault, and says nothing about this one.",
            "Name a checkpoint that this vault wrote.",
        )
    try:
        return checkpoints.verify_checkpoint(note, vault.identity.public_key)
    except IntegrityError as error:
        raise IntegrityError(
            "the anchor file", "it is not as this vault signed it", "Use another copy of it: this one was changed."
        ) from error
