"""The custody log: look at it, prove an entry, write a checkpoint, verify it whole."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from vault import audit
from vault.errors import IntegrityError, NotFoundError
from vault.formats import checkpoint as checkpoints
from vault.formats import custody_entry, merkle
from vault.formats.checkpoint import Checkpoint
from vault.formats.tlog_consistency import Continuation
from vault.formats.tlog_proof import TlogProof, encode_extra
from vault.jobs import Job
from vault.model import CustodyEvent, LogEntry, Report
from vault.open_vault import OpenVault
from vault.store import cases, contacts, custody, records
from vault.store.custody import StoredEntry
from vault.store.database import Connection


def _seen(stored: StoredEntry) -> LogEntry:
    view = custody_entry.read_entry(stored.entry, stored.disclosures)
    return LogEntry(view.number, view.epoch, view.event)


def page(vault: OpenVault, limit: int = 50, before: int | None = None, case_id: str = "") -> list[LogEntry]:
    """Return up to `limit` entries, newest first, below number `before`, of one case if asked for."""

    def work(connection: Connection) -> list[LogEntry]:
        serial = cases.serial(connection, case_id) if case_id else None
        return [_seen(stored) for stored in custody.latest(connection, limit, before, serial)]

    return vault.read(work)


def of_object(vault: OpenVault, object_id: str) -> list[LogEntry]:
    """Return the entries about one object, oldest first."""
    return vault.read(lambda connection: [_seen(stored) for stored in custody.entries_of(connection, object_id)])


def names(vault: OpenVault, ids: Collection[str]) -> dict[str, str]:
    """Return what things are called in this vault: titles of cases and records, names of contacts; others are left out.

    Args:
        vault: The open vault.
        ids: Ids as entries name them.
    """

    def work(connection: Connection) -> dict[str, str]:
        found = {person.id: person.name for person in contacts.page(connection) if person.id in ids}
        for one in ids:
            if cases.find(connection, one) is not None:
                found[one] = cases.get(connection, one).title
            elif (record := records.find(connection, one)) is not None and record.title:
                found[one] = record.title
        return found

    return vault.read(work)


def head(vault: OpenVault) -> checkpoints.Checkpoint:
    """Return the log's signed head: origin, size and root hash (signature verified).

    Raises:
        IntegrityError: The head is not signed by this vault's key.
    """
    return checkpoints.verify_checkpoint(vault.read(custody.head), vault.identity.public_key)


def short_head(vault: OpenVault) -> str:
    """Return the log's head short enough to be written on paper: number of entries and a fingerprint of 40 digits.

    Raises:
        IntegrityError: The head is not signed by this vault's key.
    """
    note, epochs = vault.read(lambda connection: (custody.head(connection), custody.epochs(connection)))
    signed = checkpoints.verify_checkpoint(note, vault.identity.public_key)
    return checkpoints.PaperHead.of(signed, len(epochs)).encode()


def write_checkpoint(vault: OpenVault, target: Path, since: Path | None = None) -> Checkpoint:
    """Write the signed head into a new file: an anchor to be kept outside this computer.

    Args:
        vault: The open vault.
        target: The new file.
        since: An earlier anchor of this vault: the file then also proves that the log only grew since.

    Raises:
        IntegrityError: The log does not hold what the earlier anchor covers, or that was changed.
        RefusedError, FormatError: The earlier anchor is of another vault, or is none.
        AlreadyExistsError, StorageError: The file cannot be made.
    """
    earlier = audit.own_anchor(vault, since) if since else None
    if earlier:
        vault.read(lambda connection: _continuation(connection, earlier))
    event = CustodyEvent("replication", vault.identity.log_id, "vault", why="checkpoint written out",
                         location="outside the vault, in clear")  # fmt: skip
    written: list[str] = []

    def make() -> bytes:
        if earlier is None:
            written.append(vault.read(custody.head))
            return written[0].encode()
        made = vault.read(lambda connection: _continuation(connection, earlier))
        written.append(made.checkpoint)
        return made.encode().encode()

    vault.write_out(target, "the checkpoint file", event, make)
    return checkpoints.read_checkpoint(written[0])


def _continuation(connection: Connection, earlier: Checkpoint) -> Continuation:
    """Return the proof that the log only grew since an earlier checkpoint of it.

    Raises:
        IntegrityError: It did not: entries are missing, or others.
    """
    size, node = custody.size(connection), custody.node_of(connection)
    if not 0 < earlier.size <= size or merkle.root(earlier.size, node) != earlier.root:
        raise IntegrityError(
            "the custody log", "it does not continue that checkpoint",
            "Run 'evault check' with it as --anchor: it says whether a restore lies between.",
        )  # fmt: skip
    path = merkle.consistency_proof(earlier.size, size, node)
    return Continuation(earlier.size, path, custody.head(connection))


def write_proof(vault: OpenVault, what: str, target: Path) -> TlogProof:
    """Write a proof that an entry is in the log, with the entry's bytes and what may be shown of it, into a new file.

    Args:
        vault: The open vault.
        what: An entry number, or an object's id (then its newest entry that says what it is).
        target: The new file.

    Raises:
        NotFoundError: There is no such entry.
        AlreadyExistsError, StorageError: The file cannot be made.
    """
    found = vault.read(lambda connection: _find(connection, what))
    event = CustodyEvent("replication", found.object, _kind(found), why=f"proof of entry {found.number} written out",
                         location="outside the vault, in clear")  # fmt: skip
    proofs: list[TlogProof] = []

    def make() -> bytes:
        def work(connection: Connection) -> TlogProof:
            path = merkle.inclusion_proof(found.number, custody.size(connection), custody.node_of(connection))
            # The digest of a contact's state is no secret's: whoever holds it could try names.
            slots = audit.PROVABLE - ({"digests"} if _kind(found) == "contact" else frozenset())
            extra = encode_extra(found.entry, custody_entry.choose(found.disclosures, slots))
            return TlogProof(found.number, path, custody.head(connection), extra)

        proofs.append(vault.read(work))
        return proofs[0].encode().encode()

    vault.write_out(target, "the proof file", event, make)
    return proofs[0]


def _kind(stored: StoredEntry) -> str:
    event = custody_entry.read_entry(stored.entry, stored.disclosures).event
    return str(event["object"]["kind"]) if "object" in event else "vault"


def _find(connection: Connection, what: str) -> StoredEntry:
    if what.isdecimal() and len(what) <= 16:
        return custody.entry(connection, int(what))
    found = custody.entries_of(connection, what)
    if not found:
        raise NotFoundError("There is no custody entry about that id.", "See 'evault log show'.")
    # An id is that of the thing it was entered for first: others cannot have known it before.
    alike = [stored for stored in found if _kind(stored) == _kind(found[0])]
    for stored in reversed(alike):
        event = custody_entry.read_entry(stored.entry, stored.disclosures).event
        made = event.get("type") in ("creation", "modification", "ingestion")
        if made and event.get("outcome", {}).get("result") != "failure":
            return stored
    return alike[-1]


def verify(vault: OpenVault, job: Job) -> Report:
    """Recompute the whole log from its entries; the report has no error when all of it holds."""
    findings = audit.verify_log(vault, job)
    return Report(tuple(findings), ("log",), (audit.NO_ANCHOR, audit.LESS_SAID))
