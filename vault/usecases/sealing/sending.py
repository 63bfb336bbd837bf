"""Sealing what was chosen to recipients: one bundle each.

The intent is entered in the log before the file is made, the outcome with its digest after the file is durable: an
intent alone reads "may have left".
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vault import audit, evidence, files, passphrase
from vault.bundle.contents import Outgoing, OutgoingAttachment, OutgoingEntry, OutgoingRecord
from vault.bundle.manifest import MAX_PURPOSE
from vault.bundle.seal import binding
from vault.bundle.seal import seal as seal_bundle
from vault.crypto.randomness import new_id
from vault.errors import (
    DamagedError,
    DiskFullError,
    HoldError,
    NotFoundError,
    RefusedError,
    VaultError,
    WrongKindError,
)
from vault.formats import custody_entry, merkle
from vault.formats.age import HybridRecipient, ScryptRecipient, X25519Recipient, parse_recipient
from vault.formats.checkpoint import read_checkpoint
from vault.formats.fingerprint import fingerprint_of_key, fingerprint_of_recipient
from vault.formats.tar import container_size
from vault.jobs import Job
from vault.model import CustodyEvent, Secret, format_time
from vault.open_vault import SOFTWARE, OpenVault, Transaction
from vault.store import cases, contacts, content, custody
from vault.store.contacts import StoredContact, StoredSent
from vault.store.database import Connection
from vault.surroundings import is_folder
from vault.usecases.sealing.choosing import Choice, Chosen, Part, choose

_LEAVING: Final = frozenset({"creation", "modification", "ingestion", "deletion"})
_EVIDENCE: Final = frozenset({"record", "attachment"})
_RESERVE: Final = 64 * 1024 * 1024
PASSPHRASE_RECIPIENT: Final = "passphrase"  # noqa: S105 - the name of a kind


@dataclass(frozen=True, slots=True)
class Sealed:
    """A bundle that was made.

    Attributes:
        file: Where it lies.
        bundle_id: As it is called in the log.
        sha256: Of the file, in hexadecimal.
        recipient: The name of the contact, or empty under a passphrase.
        kind: Of the recipient, as the bundle states it: `mlkem768x25519`, `x25519` or `passphrase`.
        warnings: Sentences that whoever sealed it has to know.
    """

    file: Path
    bundle_id: str
    sha256: str
    recipient: str = field(repr=False)
    kind: str
    warnings: tuple[str, ...] = ()

    @property
    def needs_new_age(self) -> bool:
        """True when stock `age` opens it from version 1.3 on only (docs/formats/age-profile.md)."""
        return self.kind == HybridRecipient.kind


@dataclass(frozen=True, slots=True)
class Plan:
    """What was chosen, held and found good, before anything is written; the same for every recipient of one seal."""

    choice: Choice
    chosen: tuple[Chosen, ...] = field(repr=False)
    target: Path
    job: Job
    warnings: tuple[str, ...] = ()


def cautions(vault: OpenVault, to: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Return what is to be said before sealing to these contacts, as pairs of name and sentence.

    Raises:
        NotFoundError: There is no such contact.
    """
    people = vault.read(lambda connection: [contacts.get(connection, name) for name in dict.fromkeys(to)])
    return tuple((person.name, sentence) for person in people for sentence in _cautions(vault, person))


def unverified(vault: OpenVault, to: Collection[str]) -> tuple[str, ...]:
    """Return which of these contacts nobody has compared fingerprints with, in the order given.

    Raises:
        NotFoundError: There is no such contact.
    """
    people = vault.read(lambda connection: [contacts.get(connection, name) for name in dict.fromkeys(to)])
    return tuple(name for name, person in zip(dict.fromkeys(to), people, strict=True) if not person.verified)


def seal(vault: OpenVault, choice: Choice, to: Collection[str], target: Path, job: Job) -> tuple[Sealed, ...]:
    """Seal what was chosen to each of the contacts: one file for one, a file each in a folder for several.

    Raises:
        HoldError: Files carry identifying facts and that was not acknowledged.
        RefusedError: Consent to a part of it was taken back; a contact has expired; the target is unsuitable.
        DamagedError: A contact, record type or record of the case is not as the log says; nothing leaves.
        NotFoundError: A contact, case, record or field does not exist.
        AlreadyExistsError, StorageError: The file cannot be made. Bundles for earlier recipients stay.
    """
    return seal_plan(vault, make_plan(vault, choice, target, job), to)


def seal_with_passphrase(vault: OpenVault, choice: Choice, secret: Secret, target: Path, job: Job) -> Sealed:
    """Seal what was chosen under a passphrase that the recipient is told over another channel.

    Raises:
        RefusedError: The passphrase is too weak: whoever finds the file can try as many as they like.
        As `seal`.
    """
    answer = passphrase.strength(secret.reveal().decode("utf-8", "replace"))
    if not answer.ok:
        raise RefusedError(answer.sentence, answer.advice)
    person = StoredContact(new_id(), "", (), b"", True, None, "")
    return _seal_to(vault, make_plan(vault, choice, target, job), person, (ScryptRecipient(secret),))


def make_plan(vault: OpenVault, choice: Choice, target: Path, job: Job, warnings: tuple[str, ...] = ()) -> Plan:
    """Look at everything once, so that what is acknowledged is what leaves.

    Raises:
        As `seal`.
    """
    if len(choice.purpose) > MAX_PURPOSE:
        raise RefusedError(f"The purpose is longer than {MAX_PURPOSE} characters.", "Say it in fewer words.")
    if not is_folder(target.parent):
        raise NotFoundError("The folder to write into does not exist.", "Make it first, or name another place.")
    vault.refuse_inside(target, "The bundle")

    def look(connection: Connection) -> tuple[list[Chosen], int]:
        audit.check_newest(connection, cases.serial(connection, choice.case_id))
        return choose(connection, choice, vault.clock())

    found, left_out = vault.read(look)
    # Not even that there is such a file is told unless something of it is named.
    chosen = [one for one in found if one.part.is_told]
    if not chosen:
        advice = "Sign a record or attach a file first, or withhold less."
        if found:
            advice = "Files of people, notes and consents stay unless they are named: --disclose ID:sha256."
        elif left_out:
            advice = "What was received from others or deleted cannot be sealed."
        raise RefusedError("Nothing of this case would leave.", advice)
    if taken_back := [one.part for one in chosen if one.part.consent and one.part.consent.withdrawn]:
        raise _withdrawn(taken_back)
    held = [one.part for one in chosen if one.part.identifying]
    if held and not choice.accept_metadata:
        raise _held(held)
    return Plan(choice, tuple(chosen), target, job, warnings)


def _withdrawn(parts: Sequence[Part]) -> RefusedError:
    return RefusedError(
        f"Consent was taken back for {len(parts)} of these records and files ({_some(parts)}): they do not leave.",
        "Withhold them (--withhold ID:*). If the person agreed again, correct the consent first.",
    )


def _some(parts: Sequence[Part]) -> str:
    return ", ".join(part.record_id for part in parts[:5]) + (" and others" if len(parts) > 5 else "")


def _held(held: Sequence[Part]) -> HoldError:
    kinds = ", ".join(sorted({kind for part in held for kind in part.identifying}))
    ids = _some(held)
    return HoldError(
        f"{len(held)} attached file(s) carry facts inside them that may identify people: {kinds} ({ids}).",
        "Attach cleaned copies and withhold these (--withhold ID:*), or say --accept-metadata if they may leave as "
        "they are.",
    )


# -- sealing --------------------------------------------------------------------------------------------------------

_Recipients = tuple[HybridRecipient | X25519Recipient, ...]


def recipients_of(person: StoredContact) -> _Recipients:
    """Return the keys to encrypt to: all hybrid ones, else all X25519 ones (age mixes none)."""
    keys = [parse_recipient(text) for text in person.recipients]
    hybrid = tuple(key for key in keys if isinstance(key, HybridRecipient))
    return hybrid or tuple(keys)


def _is_expired(vault: OpenVault, person: StoredContact) -> bool:
    return person.expires_at is not None and person.expires_at <= vault.clock()


def _cautions(vault: OpenVault, person: StoredContact) -> tuple[str, ...]:
    told = []
    if _is_expired(vault, person):
        told.append("The card of this contact has expired: ask for a new card and add it.")
    if not person.verified:
        told.append(
            "This contact is not verified: compare fingerprints over another channel before you hand this over."
        )
    if all(key.kind == "x25519" for key in recipients_of(person)):
        told.append("The recipient has no post-quantum key: a state that records this today may read it in some years.")
    return tuple(told)


def seal_plan(vault: OpenVault, plan: Plan, to: Collection[str]) -> tuple[Sealed, ...]:
    """Seal what was planned to each of the contacts; raises as `seal`."""
    names = list(dict.fromkeys(to))
    if not names:
        raise RefusedError("A bundle needs a recipient.", "Name one with --to.")
    if len(names) > 1 and not is_folder(plan.target):
        raise WrongKindError("Several recipients need a folder to write into.", "Name an existing folder with --out.")
    people = vault.read(
        lambda connection: [audit.check_contact(connection, contacts.get(connection, name)) for name in names]
    )
    if any(_is_expired(vault, person) for person in people):
        raise RefusedError("A contact's card has expired.", "Ask for a new card and add it.")
    made: list[Sealed] = []
    for person in people:
        try:
            made.append(_seal_to(vault, plan, person, recipients_of(person)))
        except VaultError as error:
            if made:
                error.advice = f"{error.advice} {len(made)} of {len(people)} bundles were made; they are in the folder."
            raise
    return tuple(made)


def _seal_to(vault: OpenVault, plan: Plan, person: StoredContact, keys: _Recipients | tuple[ScryptRecipient]) -> Sealed:
    choice, bundle_id, (kind, hashes) = plan.choice, new_id(), binding(keys)
    whom = ",".join(hashes)
    target = plan.target / f"{new_id()}.age" if is_folder(plan.target) else plan.target
    event = functools.partial(_event, vault, plan, person, bundle_id)

    def begin(transaction: Transaction) -> tuple[int, str, str]:
        connection = transaction.connection
        epoch = custody.current_epoch(connection)
        # Bundles under a passphrase have no order: nobody learns from one how many others were made.
        number, previous = contacts.next_bundle(connection, whom, epoch) if whom else (1, "")
        serial, now = cases.serial(connection, choice.case_id), format_time(vault.clock())
        contacts.add_sent(connection, StoredSent(bundle_id, whom, person.name, epoch, number, serial, now))
        transaction.record(event("intent"))
        return number, previous, epoch

    def gather(connection: Connection) -> tuple[tuple[OutgoingEntry, ...], str, str, tuple[bytes, ...]]:
        earlier = contacts.sent_checkpoint(connection, whom) if whom else ""
        path = _consistency(connection, earlier) if earlier else ()
        return _entries(connection, plan.chosen), custody.head(connection), earlier, path

    with files.NewFile(target, "the bundle file") as out:
        _refuse_full(vault, target.parent, plan.chosen)
        number, previous, epoch = vault.atomic(begin)
        try:
            entries, note, earlier, consistency = vault.read(gather)
            outgoing = Outgoing(
                bundle_id=bundle_id, sender_key=vault.identity.public_key, recipients=keys, purpose=choice.purpose,
                epoch=epoch, number=number, previous=previous, case_id=choice.case_id, sealed_at=vault.clock(),
                software=SOFTWARE, checkpoint=note, entries=entries, earlier=earlier, consistency=consistency,
                records=tuple(OutgoingRecord(c.record.id, c.version.version, c.presentation.text) for c in plan.chosen),
                attachments=tuple(_attachments(vault, plan.chosen)),
            )  # fmt: skip
            digest = seal_bundle(outgoing, vault.identity.sign, out, plan.job)
            out.commit()
        except BaseException:
            _nothing_left(vault, target, bundle_id, event("failure"))
            raise

    def finish(transaction: Transaction) -> None:
        contacts.finish_sent(transaction.connection, bundle_id, digest, note)
        transaction.record(event("success", digest))

    try:
        vault.atomic(finish)
    except VaultError as error:
        error.advice = f"The bundle was written whole, but the log says only that it may have left. {error.advice}"
        raise
    warnings = (*plan.warnings, *(_cautions(vault, person) if person.recipients else ()))
    return Sealed(target, bundle_id, digest, person.name, kind, warnings)


def _event(
    vault: OpenVault, plan: Plan, person: StoredContact, bundle_id: str, result: str, digest: str = ""
) -> CustodyEvent:
    return CustodyEvent(
        "dissemination", bundle_id, "bundle", case_id=plan.choice.case_id, why=plan.choice.purpose,
        authority=plan.choice.authority, place=plan.choice.place,
        location="outside the vault, encrypted", result=result, digests={"after": digest} if digest else {},
        transfer={"from": vault.identity.fingerprint, "to": _address(person)},
        related=tuple(one.record.id for one in plan.chosen) if result == "intent" else (),
    )  # fmt: skip


def _nothing_left(vault: OpenVault, target: Path, bundle_id: str, failed: CustodyEvent) -> None:
    """Enter that a bundle did not come to be; where even that fails, the intent alone says that it may have left."""
    if os.path.lexists(target):
        return

    def work(transaction: Transaction) -> None:
        contacts.drop_sent(transaction.connection, bundle_id)
        transaction.record(failed)

    with contextlib.suppress(VaultError):
        vault.atomic(work)


def _refuse_full(vault: OpenVault, folder: Path, chosen: tuple[Chosen, ...]) -> None:
    """Refuse at once what will not fit; on the vault's own disk, room stays for saving drafts and the log."""
    needed = container_size(sum(one.part.size for one in chosen))
    try:
        if folder.stat().st_dev == vault.folder.stat().st_dev:
            needed += _RESERVE
        free = files.free_space(folder)
    except OSError as error:
        raise files.storage_error(error, "the folder for the bundle") from error
    if free < needed:
        raise DiskFullError("There is not enough free space for the bundle.", "Free some space, or name another place.")


def _address(person: StoredContact) -> str:
    if person.card:
        return fingerprint_of_key(person.signing_key)
    return fingerprint_of_recipient(person.recipients[0]) if person.recipients else PASSPHRASE_RECIPIENT


def _entries(connection: Connection, chosen: tuple[Chosen, ...]) -> tuple[OutgoingEntry, ...]:
    """Return the entries that say how each chosen record came to be; who else got it and who looked stay here."""
    size, node = custody.size(connection), custody.node_of(connection)
    found = {}
    for one in chosen:
        for stored in custody.entries_of(connection, one.record.id):
            view = custody_entry.read_entry(stored.entry, stored.disclosures)
            # What a stranger sent can be filed under the same id, as a bundle or a case of theirs.
            own = view.event.get("object", {}).get("kind") in _EVIDENCE
            if own and view.event.get("type") in _LEAVING:
                shown = custody_entry.choose(stored.disclosures, audit.PROVABLE)
                proof = merkle.inclusion_proof(stored.number, size, node)
                found[stored.number] = OutgoingEntry(stored.number, stored.entry, shown, proof)
    return tuple(found[number] for number in sorted(found))


def _consistency(connection: Connection, note: str) -> tuple[bytes, ...]:
    """Return the proof that the log only grew since an earlier bundle left.

    Raises:
        DamagedError: It did not: whoever has that bundle would see a log that was rewritten.
    """
    earlier = read_checkpoint(note)
    size, node = custody.size(connection), custody.node_of(connection)
    if not 0 < earlier.size <= size or merkle.root(earlier.size, node) != earlier.root:
        raise DamagedError(
            "The custody log is not what it was when an earlier bundle left.",
            "Run 'evault check', and restore the vault from a backup.",
        )
    return merkle.consistency_proof(earlier.size, size, node)


def _attachments(vault: OpenVault, chosen: tuple[Chosen, ...]) -> Iterator[OutgoingAttachment]:
    for one in chosen:
        if not one.part.content:
            continue
        stored, extension = vault.read(functools.partial(content.of_record, record_serial=one.record.serial))

        reader = functools.partial(evidence.stream, vault, stored)
        yield OutgoingAttachment(one.record.id, extension, stored.sha256, stored.size, reader)
