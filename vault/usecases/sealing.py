"""Sealing a case to recipients: one bundle each, each with what was chosen for it; and revealing a field later.

Only shareable fields leave by default; a protected one must be named. The intent is entered in the log before the file
is made, the outcome with its digest after the file is durable: an intent alone reads "may have left".
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vault import audit, evidence, files, schema
from vault.bundle.contents import Outgoing, OutgoingAttachment, OutgoingEntry, OutgoingRecord
from vault.bundle.seal import seal as seal_bundle
from vault.crypto.randomness import new_id
from vault.errors import HoldError, NotFoundError, RefusedError, VaultError, WrongKindError
from vault.formats import custody_entry, merkle
from vault.formats.age import HybridRecipient, ScryptRecipient, X25519Recipient, parse_recipient
from vault.formats.fingerprint import fingerprint_of_key, fingerprint_of_recipient
from vault.formats.record import disclose as disclose_paths
from vault.formats.record import field_paths
from vault.formats.sd_jwt import SdJwt, parse_sd_jwt
from vault.jobs import Job
from vault.model import CustodyEvent, Secret
from vault.open_vault import SOFTWARE, OpenVault, Transaction
from vault.store import cases, contacts, content, custody, records
from vault.store.contacts import StoredContact
from vault.store.database import Connection
from vault.store.records import StoredRecord, StoredVersion

ALL: Final = "*"
"""As a field's name in a choice: the whole record."""

IDENTIFYING: Final = frozenset({"location", "device", "author", "history", "preview", "unknown"})
"""What a file may give away about people; a seal waits until that is acknowledged."""

_LEAVING: Final = frozenset({"creation", "modification", "ingestion", "deletion"})
_META: Final = frozenset({"@signed_at", "@schema", "@previous", "@case"})
PASSPHRASE_RECIPIENT: Final = "passphrase"  # noqa: S105 - the name of a kind


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to leave.

    Attributes:
        case_id: The case.
        disclose: Pairs of record id and field path: protected fields that are to leave after all.
        withhold: Pairs of record id and field path (or ``*`` for all of it): what stays although it is shareable.
        only: Ids of the only records that leave; empty for all of the case.
        purpose: Told to the recipient.
        accept_metadata: The person knows what the files carry inside them.
    """

    case_id: str
    disclose: tuple[tuple[str, str], ...] = ()
    withhold: tuple[tuple[str, str], ...] = ()
    only: tuple[str, ...] = ()
    purpose: str = ""
    accept_metadata: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One record as a recipient would see it: which paths leave, which stay."""

    record_id: str
    type: str
    title: str
    disclosed: tuple[str, ...]
    withheld: tuple[str, ...]
    identifying: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What would leave: the parts, and what is left out because it was received from somebody else or deleted."""

    parts: tuple[Part, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """A bundle that was made."""

    file: Path
    bundle_id: str
    sha256: str
    recipient: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Chosen:
    record: StoredRecord
    version: StoredVersion
    presentation: SdJwt = field(repr=False)
    part: Part


def preview(vault: OpenVault, choice: Choice) -> Preview:
    """Return exactly what each recipient would see.

    Raises:
        NotFoundError: The case, a record or a field does not exist.
    """
    chosen, left_out = vault.read(lambda connection: _choose(connection, choice))
    return Preview(tuple(one.part for one in chosen), left_out)


def seal(vault: OpenVault, choice: Choice, to: Collection[str], target: Path, job: Job) -> tuple[Sealed, ...]:
    """Seal what was chosen to each of the contacts: one file for one, a file each in a folder for several.

    Raises:
        HoldError: Files carry identifying facts and that was not acknowledged.
        RefusedError: A contact has expired; the target is unsuitable.
        NotFoundError: A contact, case, record or field does not exist.
        AlreadyExistsError, StorageError: The file cannot be made.
    """
    names = list(dict.fromkeys(to))
    if not names:
        raise RefusedError("A bundle needs a recipient.", "Name one with --to.")
    if len(names) > 1 and not target.is_dir():
        raise WrongKindError("Several recipients need a folder to write into.", "Name an existing folder with --out.")
    people = vault.read(lambda connection: [contacts.get(connection, name) for name in names])
    ends = [person.name for person in people if person.expires_at and person.expires_at <= vault.clock()]
    if ends:
        raise RefusedError("A contact's card has expired.", "Ask for a new card and add it.")
    _hold(vault, choice)
    return tuple(_seal_to(vault, choice, person, _place(target), job) for person in people)


def seal_with_passphrase(vault: OpenVault, choice: Choice, secret: Secret, target: Path, job: Job) -> Sealed:
    """Seal what was chosen under a passphrase that the recipient is told over another channel.

    Raises:
        As `seal`.
    """
    _hold(vault, choice)
    person = StoredContact(PASSPHRASE_RECIPIENT, "", (), b"", True, None, "")
    return _seal_to(vault, choice, person, _place(target), job, (ScryptRecipient(secret),))


def reveal(vault: OpenVault, record_id: str, path: str, to: str, target: Path, job: Job) -> Sealed:
    """Disclose one field of a signed record later, against the same signature, in a bundle of its own.

    Raises:
        As `seal`.
    """
    record = vault.read(lambda connection: records.get(connection, record_id))
    choice = Choice(record.case_id, disclose=((record_id, path),), only=(record_id,), accept_metadata=True)
    return seal(vault, choice, [to], target, job)[0]


def _place(target: Path) -> Path:
    return target / f"{new_id()}.age" if target.is_dir() else target


def _hold(vault: OpenVault, choice: Choice) -> None:
    parts = preview(vault, choice).parts
    if not parts:
        raise RefusedError("Nothing of this case would leave.", "Sign a record or attach a file first.")
    held = [part for part in parts if part.identifying]
    if held and not choice.accept_metadata:
        kinds = ", ".join(sorted({kind for part in held for kind in part.identifying}))
        raise HoldError(
            f"{len(held)} attached file(s) carry facts inside them that may identify people: {kinds}.",
            "Attach cleaned copies and withhold the originals, or say --accept-metadata if they may leave as they are.",
        )


# -- choosing -------------------------------------------------------------------------------------------------------


def _choose(connection: Connection, choice: Choice) -> tuple[list[_Chosen], int]:
    serial = cases.serial(connection, choice.case_id)
    found = records.of_case(connection, serial, attachments=False) + records.of_case(
        connection, serial, attachments=True
    )
    known = {record.id for record in found}
    for record_id, _ in (*choice.disclose, *choice.withhold, *((one, "") for one in choice.only)):
        if record_id not in known:
            raise NotFoundError("There is no record of that id in this case.", "See 'evault case show'.")
    whole = {record_id for record_id, path in choice.withhold if path == ALL}
    chosen, left_out = [], 0
    for record in found:
        if record.id in whole or (choice.only and record.id not in choice.only):
            continue
        if record.deleted or record.origin:
            left_out += 1
            continue
        chosen.append(_present(record, records.newest(connection, record), choice))
    return chosen, left_out


def _present(record: StoredRecord, version: StoredVersion, choice: Choice) -> _Chosen:
    original = parse_sd_jwt(version.sd_jwt)
    paths = field_paths(original)
    named = _named(paths, record.id, choice.disclose)
    kept_back = _named(paths, record.id, choice.withhold)
    kind = evidence.schema_of(record.type)
    leaves = _leaf_paths(paths)
    shown = {path for path in leaves if path in _META or (not path.startswith("@") and _leaves(kind, path))}
    shown = (shown | named) - kept_back
    stays = tuple(path for path in leaves if path not in shown and not path.startswith("@"))
    fields = evidence.view(version).fields
    inside = fields.get("discloses") if record.type == "attachment" else None
    identifying = tuple(kind for kind in inside or () if kind in IDENTIFYING)
    part = Part(
        record.id, record.type, record.title, tuple(p for p in leaves if p in shown and not p.startswith("@")), stays,
        identifying,
    )  # fmt: skip
    return _Chosen(record, version, disclose_paths(original, shown), part)


def _leaves(kind: schema.Schema, path: str) -> bool:
    return kind.is_shareable(path)


def _named(paths: tuple[str, ...], record_id: str, pairs: tuple[tuple[str, str], ...]) -> set[str]:
    """Return the leaf paths that the choice names for a record; a container names all below it."""
    found: set[str] = set()
    for one, path in pairs:
        if one != record_id or path == ALL:
            continue
        below = {other for other in paths if other == path or other.startswith(path + ".")}
        if not below or path.startswith("@"):
            raise NotFoundError("The record has no field of that name.", "See 'evault record show'.")
        found.update(_leaf_paths(below))
    return found


_STEP: Final = re.compile(r"\\.|(\.)")
"""An escaped character, or a dot that parts two steps of a path."""


def _leaf_paths(paths: Collection[str]) -> list[str]:
    """Return the paths that no other path lies below, in their order."""
    containers = {path[: dot.start()] for path in paths for dot in _STEP.finditer(path) if dot[1]}
    return [path for path in paths if path not in containers]


# -- sealing --------------------------------------------------------------------------------------------------------

_Recipients = tuple[HybridRecipient | X25519Recipient, ...]


def recipients_of(person: StoredContact) -> _Recipients:
    """Return the keys to encrypt to: all hybrid ones, else all X25519 ones (age mixes none)."""
    keys = [parse_recipient(text) for text in person.recipients]
    hybrid = tuple(key for key in keys if isinstance(key, HybridRecipient))
    return hybrid or tuple(keys)


def _warnings(person: StoredContact, kinds: Collection[str]) -> tuple[str, ...]:
    told = []
    if not person.verified:
        told.append(
            "This contact is not verified: compare fingerprints over another channel before you hand this over."
        )
    if "x25519" in kinds:
        told.append("The recipient has no post-quantum key: a state that records this today may read it in some years.")
    return tuple(told)


def _seal_to(
    vault: OpenVault,
    choice: Choice,
    person: StoredContact,
    target: Path,
    job: Job,
    recipients: tuple[ScryptRecipient] | None = None,
) -> Sealed:
    keys = recipients or recipients_of(person)
    bundle_id = new_id()

    def event(result: str, digest: str = "") -> CustodyEvent:
        return CustodyEvent(
            "dissemination", bundle_id, "bundle", case_id=choice.case_id, why=choice.purpose,
            location="outside the vault, encrypted", result=result, digests={"after": digest} if digest else {},
            transfer={"from": vault.identity.fingerprint, "to": _address(person)},
            related=tuple(part.record_id for part in preview(vault, choice).parts) if result == "intent" else (),
        )  # fmt: skip

    with files.NewFile(target, "the bundle file") as out:
        intent = event("intent")

        def begin(transaction: Transaction) -> tuple[int, str, str]:
            connection = transaction.connection
            epoch = custody.current_epoch(connection)
            number, previous = contacts.next_bundle(connection, person.id, epoch)
            serial = cases.serial(connection, choice.case_id)
            contacts.add_sent(connection, bundle_id, person.id, epoch, number, serial, vault.clock())
            transaction.record(intent)
            return number, previous, epoch

        number, previous, epoch = vault.atomic(begin)
        try:

            def gather(connection: Connection) -> tuple[list[_Chosen], tuple[OutgoingEntry, ...], str]:
                chosen, _ = _choose(connection, choice)
                return chosen, _entries(connection, chosen), custody.head(connection)

            chosen, entries, note = vault.read(gather)
            outgoing = Outgoing(
                bundle_id=bundle_id, sender_key=vault.identity.public_key, recipients=keys, purpose=choice.purpose,
                epoch=epoch, number=number, previous=previous, case_id=choice.case_id, sealed_at=vault.clock(),
                software=SOFTWARE, checkpoint=note, entries=entries,
                records=tuple(OutgoingRecord(c.record.id, c.version.version, c.presentation.text) for c in chosen),
                attachments=tuple(_attachments(vault, chosen)),
            )  # fmt: skip
            digest = seal_bundle(outgoing, vault.identity.sign, out, job)
            out.commit()
        except VaultError:
            failed = event("failure")
            vault.atomic(lambda transaction: transaction.record(failed))
            raise
    done = event("success", digest)

    def finish(transaction: Transaction) -> None:
        contacts.finish_sent(transaction.connection, bundle_id, digest)
        transaction.record(done)

    vault.atomic(finish)
    return Sealed(target, bundle_id, digest, person.name, _warnings(person, {key.kind for key in keys}))


def _address(person: StoredContact) -> str:
    if person.signing_key:
        return fingerprint_of_key(person.signing_key)
    return fingerprint_of_recipient(person.recipients[0]) if person.recipients else PASSPHRASE_RECIPIENT


def _entries(connection: Connection, chosen: list[_Chosen]) -> tuple[OutgoingEntry, ...]:
    """Return the entries that say how each chosen record came to be; who else got it and who looked stay here."""
    size, node = custody.size(connection), custody.node_of(connection)
    found = {}
    for one in chosen:
        for stored in custody.entries_of(connection, one.record.id):
            view = custody_entry.read_entry(stored.entry, stored.disclosures)
            if view.event.get("type") in _LEAVING:
                shown = custody_entry.choose(stored.disclosures, audit.PROVABLE)
                proof = merkle.inclusion_proof(stored.number, size, node)
                found[stored.number] = OutgoingEntry(stored.number, stored.entry, shown, proof)
    return tuple(found[number] for number in sorted(found))


def _attachments(vault: OpenVault, chosen: list[_Chosen]) -> Iterator[OutgoingAttachment]:
    for one in chosen:
        if one.record.type != "attachment" or not {"sha256", "size"} <= set(one.part.disclosed):
            continue
        stored, extension = vault.read(functools.partial(content.of_record, record_serial=one.record.serial))

        def pieces(serial: int = stored.serial, size: int = stored.size) -> Iterator[bytes]:
            return evidence.stream(vault, serial, size)

        reader: Callable[[], Iterator[bytes]] = pieces
        yield OutgoingAttachment(one.record.id, extension, stored.sha256, stored.size, reader)
