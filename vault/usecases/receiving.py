"""Bundles from others: open into a folder, verify an opened bag, take into this vault.

A verdict answers two questions apart: is it intact, and is its signer established? A key that came in the bag proves
nothing. What is taken in is read-only and carries its origin and verdict; nothing of it is shown before it verified.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Final

from vault import evidence, files
from vault.bundle.contents import Incoming, IncomingRecord
from vault.bundle.open import Keys, attachment_contents, extract_bundle, open_bundle
from vault.bundle.verify import verdict_of, verify_folder
from vault.crypto.hashes import new_sha256, new_sha512
from vault.crypto.randomness import new_id
from vault.errors import DiskFullError, IntegrityError
from vault.formats import fingerprint
from vault.formats.record import merge
from vault.formats.sd_jwt import parse_sd_jwt
from vault.jobs import Job
from vault.model import CHUNK_SIZE, CaseId, CustodyEvent, Finding, Report, Secret, Severity, Verdict
from vault.open_vault import OpenVault, Transaction
from vault.store import cases, contacts, content, records
from vault.store.contacts import StoredReceipt
from vault.store.database import Connection
from vault.store.records import StoredVersion

STEP: Final = "12 history"
_RESERVE: Final = 64 * 1024 * 1024
_BATCH: Final = content.BATCH_CHUNKS


@dataclass(frozen=True, slots=True)
class Opened:
    """What an opening or verification came to.

    Attributes:
        verdict: `verified`, `intact` or `failed`.
        report: Findings, steps, and what was not checked.
        signer: The signer's fingerprint in digits, or empty.
        signer_name: The name of the verified contact with that key, or empty.
        case_id: The case it was taken into, or empty.
        purpose: What the sender says it is for; only of a bundle that did not fail.
    """

    verdict: Verdict
    report: Report
    signer: str
    signer_name: str = ""
    case_id: str = ""
    purpose: str = field(default="", repr=False)


def verify_bag(folder: Path, signer: str = "", job: Job | None = None) -> Opened:
    """Verify an opened bag; needs no vault and no key.

    Args:
        folder: The bag (the folder with ``bagit.txt``), or the folder it lies in under the name ``bag``.
        signer: The fingerprint that was told over another channel, or empty.
        job: Progress and cancelling.

    Raises:
        NotFoundError, FormatError, RefusedError: It cannot be read as a bag at all.
    """
    place = (
        folder / "bag" if (folder / "bag" / "bagit.txt").is_file() and not (folder / "bagit.txt").exists() else folder
    )
    return _judge(verify_folder(place, job), signer, "")


def open_into(
    vault: OpenVault, source: Path, target: Path, signer: str, job: Job, secret: Secret | None = None
) -> Opened:
    """Decrypt and verify a bundle into a new folder; nothing is written unless it is intact.

    Raises:
        NotForUsError, RefusedError, FormatError, IntegrityError, AlreadyExistsError, StorageError: As named.
    """
    with files.open_source(source, "the bundle") as handle:
        incoming = _storage(lambda: extract_bundle(handle, keys_of(vault, secret), target, job=job))
    return _judge(incoming, signer, _known_name(vault, incoming.signer))


def open_with_passphrase(source: Path, target: Path, secret: Secret, signer: str, job: Job) -> Opened:
    """Decrypt and verify a passphrase bundle into a new folder; needs no vault."""
    with files.open_source(source, "the bundle") as handle:
        return _judge(_storage(lambda: extract_bundle(handle, Keys(passphrase=secret), target, job=job)), signer, "")


def keys_of(vault: OpenVault, secret: Secret | None) -> Keys:
    """Return what a bundle is opened with: a passphrase where one was said to be agreed on, else this vault's keys."""
    return Keys(passphrase=secret) if secret else Keys(identities=(vault.identity.hybrid, vault.identity.x25519))


def _storage(work: Callable[[], Incoming]) -> Incoming:
    try:
        return work()
    except OSError as error:
        raise files.storage_error(error, "the bundle") from error


def _judge(incoming: Incoming, claimed: str, name: str) -> Opened:
    report, signer = incoming.report, ""
    established = bool(name)
    if incoming.signer:
        hashed = fingerprint.hash_of_key(incoming.signer)
        signer = fingerprint.digits_of(hashed)
        if claimed:
            established = fingerprint.matches(claimed, hashed)
            if not established:
                report = _with(report, "signer-mismatch", "The bag was signed by another key than the one you named.")
    return Opened(
        verdict_of(report, established), report, signer, name,
        purpose=incoming.bundle.purpose if incoming.bundle and report.ok else "",
    )  # fmt: skip


def _with(report: Report, code: str, message: str, severity: Severity = Severity.ERROR, step: str = STEP) -> Report:
    return replace(report, findings=(*report.findings, Finding(step, code, severity, "bundle", message)))


def _known_name(vault: OpenVault, signer: bytes) -> str:
    """Return the name of the verified contact with this signing key, or an empty string."""
    if not signer:
        return ""
    found = vault.read(lambda connection: contacts.by_key(connection, signer))
    return found.name if found is not None and found.verified else ""


# -- taking in ------------------------------------------------------------------------------------------------------


def receive(vault: OpenVault, source: Path, job: Job, secret: Secret | None = None, signer: str = "") -> Opened:
    """Verify a bundle and take it into this vault as read-only records; a failed one leaves nothing.

    The same bundle twice, an older one, and another one under the same number are recognised and said.

    Raises:
        As `open_into`.
    """
    with files.open_source(source, "the bundle") as handle, contextlib.ExitStack() as kept:
        keys = keys_of(vault, secret)
        try:
            incoming = open_bundle(handle, keys, job)
            opened = _judge(incoming, signer, _known_name(vault, incoming.signer))
            if opened.verdict is Verdict.FAILED or incoming.bundle is None:
                return opened
            history, again = _history(vault, incoming)
            report = replace(opened.report, steps=(*opened.report.steps, STEP))
            for code, severity, message in history:
                report = _with(report, code, message, severity)
            if again:
                return replace(opened, verdict=verdict_of(report, False), report=report, case_id=again)
            staged = _stage(vault, handle, keys, incoming, job, kept)
        except OSError as error:
            raise files.storage_error(error, "the bundle") from error
        finally:
            vault.start_sweep()
        taken = vault.atomic(lambda transaction: _Taking(vault, transaction, incoming, opened, staged).run())
    for code, message in taken.findings:
        report = _with(report, code, message)
    verdict = opened.verdict if report.ok else Verdict.FAILED
    return replace(opened, verdict=verdict, report=report, case_id=taken.case_id)


_History = list[tuple[str, Severity, str]]


def _history(vault: OpenVault, incoming: Incoming) -> tuple[_History, str]:
    """Compare with what came from this signer before; returns findings, and the case of the same bundle or empty."""
    bundle = incoming.bundle
    assert bundle is not None
    said: _History = []

    def work(connection: Connection) -> tuple[list[StoredReceipt], dict[int, str]]:
        before = contacts.received_from(connection, incoming.signer)
        return before, {one.case_serial: cases.id_of(connection, one.case_serial) for one in before}

    before, names = vault.read(work)
    mark = _mark(incoming)
    for one in before:
        if one.bundle_id == bundle.bundle_id and one.manifest == mark:
            said.append(("replayed", Severity.ERROR, "This bundle was received before; nothing was taken in again."))
            return said, names[one.case_serial]
    for one in before:
        if one.bundle_id == bundle.bundle_id or (one.epoch, one.number) == (bundle.epoch, bundle.number):
            said.append(
                ("equivocation", Severity.ERROR, "The sender gave this number to another bundle before; both are kept.")
            )
    same_epoch = [one.number for one in before if one.epoch == bundle.epoch]
    if same_epoch and bundle.number < max(same_epoch):
        said.append(("older-bundle", Severity.WARNING, "A newer bundle of this sender was received before this one."))
    if before and bundle.epoch not in {one.epoch for one in before}:
        said.append(
            ("new-epoch", Severity.INFO, "The sender's vault was restored from a backup since the last bundle.")
        )
    known = {one.bundle_id for one in before}
    if bundle.previous and bundle.previous not in known:
        said.append(("gap", Severity.INFO, "The sender names an earlier bundle that was not received here."))
    return said, ""


def _mark(incoming: Incoming) -> str:
    """Return the digest of the bag's description, which names every file of it."""
    return incoming.seen["data/bundle.json"][1]


_Staged = dict[str, tuple[int, int, str, str]]
"""Attachment id → content serial, size, SHA-256, SHA-512; not visible yet."""


def _stage(
    vault: OpenVault, handle: BinaryIO, keys: Keys, incoming: Incoming, job: Job, kept: contextlib.ExitStack
) -> _Staged:
    """Second pass: put the attachments' bytes into the store, invisible, and digest them again."""
    total = sum(item.size for item in incoming.attachments)
    if files.free_space(vault.folder) < total + _RESERVE:
        raise DiskFullError("There is not enough free space to take this bundle in.", "Free some space and try again.")
    staged: _Staged = {}
    for name, pieces in _by_attachment(attachment_contents(handle, 0, keys, incoming, job)):

        def begin(transaction: Transaction) -> int:
            serial = content.begin(transaction.connection)
            kept.enter_context(vault.writing(serial))
            return serial

        serial = vault.atomic(begin)
        short, long, size, number = new_sha256(), new_sha512(), 0, 0
        for batch in _batches(pieces):
            vault.database.atomic(functools.partial(content.add_chunks, serial=serial, first=number, chunks=batch))
            number += len(batch)
            for piece in batch:
                short.update(piece)
                long.update(piece)
                size += len(piece)
        staged[name] = (serial, size, short.hexdigest(), long.hexdigest())
    wanted = {item.id: (item.size, item.sha256) for item in incoming.attachments}
    if {name: (size, short) for name, (_, size, short, _) in staged.items()} != wanted:
        raise IntegrityError(
            "bundle", "the file was changed while it was read", "Copy it to a safe place and try again."
        )
    return staged


def _by_attachment(stream: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Split a stream of (id, piece) at the empty pieces that begin each attachment."""
    ahead = next(stream, None)
    while ahead is not None:
        name = ahead[0]

        def pieces() -> Iterator[bytes]:
            nonlocal ahead
            ahead = next(stream, None)
            while ahead is not None and ahead[1]:
                yield ahead[1]
                ahead = next(stream, None)

        yield name, pieces()


def _batches(pieces: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Cut pieces of any size into chunks of the store, a batch at a time."""
    batch: list[bytes] = []
    rest = bytearray()
    for piece in pieces:
        rest += piece
        while len(rest) >= CHUNK_SIZE:
            batch.append(bytes(rest[:CHUNK_SIZE]))
            del rest[:CHUNK_SIZE]
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    if rest:
        batch.append(bytes(rest))
    if batch:
        yield batch


@dataclass
class _Taking:
    """One transaction: case, records, attachments, custody entries and the receipt of a bundle."""

    vault: OpenVault
    transaction: Transaction
    incoming: Incoming
    opened: Opened
    staged: _Staged
    findings: list[tuple[str, str]] = field(default_factory=list)
    case_id: str = ""

    def run(self) -> _Taking:
        """Take everything in."""
        bundle = self.incoming.bundle
        assert bundle is not None
        connection = self.transaction.connection
        serial = self._case(bundle.case_id)
        for item in self.incoming.records:
            self._record(item, serial)
        contacts.add_received(
            connection,
            StoredReceipt(
                bundle.bundle_id,
                self.incoming.signer,
                bundle.epoch,
                bundle.number,
                _mark(self.incoming),
                self.opened.verdict.value,
                serial,
                self._now(),
                self.incoming.checkpoint,
            ),
        )
        self.transaction.record(
            CustodyEvent(
                "ingestion",
                bundle.bundle_id,
                "bundle",
                case_id=self.case_id,
                why="received",
                transfer={"from": self.opened.signer, "to": self.vault.identity.fingerprint},
                digests={"after": _mark(self.incoming)},
                detail=self.opened.verdict.value,
                related=tuple(item.view.id for item in self.incoming.records)[:1000],
            )
        )
        return self

    def _now(self) -> str:
        return self.vault.clock().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _case(self, sender_case: str) -> int:
        """Return the serial of the case for this sender's case: the one from before, or a new one."""
        connection = self.transaction.connection
        known = cases.received(connection, self.opened.signer, sender_case)
        if known is not None:
            self.case_id = cases.id_of(connection, known)
            return known
        self.case_id = CaseId(sender_case if cases.find(connection, sender_case) is None else new_id())
        name = self.opened.signer_name or f"sender {self.opened.signer[:11]}"
        title = f"Received from {name}"
        serial = cases.add(connection, CaseId(self.case_id), title, self.vault.clock(), self.opened.signer, sender_case)
        self.transaction.record(
            CustodyEvent("creation", self.case_id, "case", case_id=self.case_id, why="for a received bundle")
        )
        return serial

    def _record(self, item: IncomingRecord, case_serial: int) -> None:
        connection, view = self.transaction.connection, item.view
        record = records.find(connection, view.id)
        if record is None:
            records.add(connection, view.id, case_serial, view.type, self.opened.signer, self.opened.verdict.value)
            record = records.find(connection, view.id)
        assert record is not None
        held = {one.version: one for one in records.versions(connection, record.serial)}
        same = held.get(view.version)
        if same is not None and same.digest == view.digest:
            self._fuller(same, item)
            return
        if record.origin != self.opened.signer or record.deleted or same is not None or record.type != view.type:
            self.findings.append(
                ("record-conflict", "A record of this bundle contradicts one that is held here; it was left out.")
            )
            return
        signed_at = view.meta.get("signed_at")
        number = self._enter(item)
        version = StoredVersion(
            0, view.version, view.digest, signed_at if isinstance(signed_at, str) else self._now(), view.signer, number,
            item.sd_jwt,
        )  # fmt: skip
        if view.version > record.newest:
            evidence.keep_version(connection, record, version, view.fields)
        else:
            records.add_older_version(connection, record.serial, version)
        self._attach(view.id, record.serial)

    def _enter(self, item: IncomingRecord) -> int:
        view = item.view
        return self.transaction.record(
            CustodyEvent(
                "ingestion",
                view.id,
                evidence.object_kind(view.type),
                case_id=self.case_id,
                why="received in a bundle",
                transfer={"from": self.opened.signer, "to": self.vault.identity.fingerprint},
                digests={"after": view.digest},
                detail=f"version {view.version}, {self.opened.verdict.value}",
            )
        )

    def _fuller(self, same: StoredVersion, item: IncomingRecord) -> None:
        """Keep what a later presentation of the same signed version discloses beyond the earlier one."""
        connection = self.transaction.connection
        merged = merge(parse_sd_jwt(same.sd_jwt), parse_sd_jwt(item.sd_jwt))
        record = records.find(connection, item.view.id)
        if merged.text != same.sd_jwt and record is not None:
            self._enter(item)
            records.add_disclosures(connection, same.serial, merged.text)
            evidence.reindex(connection, record, replace(same, sd_jwt=merged.text))
        if record is not None and record.origin:
            self._attach(item.view.id, record.serial)

    def _attach(self, attachment_id: str, record_serial: int) -> None:
        connection = self.transaction.connection
        match = next((item for item in self.incoming.attachments if item.id == attachment_id), None)
        if match is None or content.has_record(connection, record_serial):
            return
        serial, size, short, long = self.staged[attachment_id]
        serial = content.complete(connection, serial, size, short, long)
        content.attach(connection, record_serial, serial, match.extension)
