"""What goes into a bundle and what comes out of one: plain values, handed from and to the use cases.

Nothing here reads, writes or verifies. Contents of attachments are never held: they are callables that yield pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from vault.bundle.manifest import Description
from vault.formats.age import Recipient
from vault.formats.checkpoint import Checkpoint
from vault.formats.custody_entry import EntryView
from vault.formats.record import RecordView
from vault.model import Report


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """One signed record as it is to leave: only the disclosures that were chosen."""

    id: str
    version: int
    sd_jwt: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OutgoingAttachment:
    """One attachment's content.

    Attributes:
        id: Also the id of the record that describes it, which must be in the bundle and disclose `sha256` and `size`.
        extension: 1 to 8 of ``[a-z0-9]``.
        sha256: Hexadecimal digits.
        size: Bytes.
        content: Called once; yields the bytes in pieces of any size, best 1 MiB. They must be those of `sha256`, which
            nobody looks at again: it raises where they are not.
    """

    id: str
    extension: str
    sha256: str
    size: int
    content: Callable[[], Iterator[bytes]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class OutgoingEntry:
    """One entry of the custody log: its number (its place in the tree), leaf bytes, disclosures, and audit path."""

    number: int
    entry: bytes = field(repr=False)
    disclosures: tuple[str, ...] = field(repr=False)
    proof: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A whole bundle before it is sealed.

    Attributes:
        bundle_id: Fresh random id.
        sender_key: Ed25519 public key, 32 bytes; every record and the checkpoint are signed by it.
        recipients: The keys of the one recipient, all hybrid or all X25519; or one passphrase alone.
        purpose: What the sender says it is for, at most 4000 characters; may be empty.
        epoch: Epoch of the vault.
        number: Number of the bundle for this recipient in this epoch, from 1.
        previous: Id of the bundle before for this recipient, or empty.
        case_id: The case it is about.
        sealed_at: The time of sealing, a claim.
        software: Name and version of this program, at most 64 printable ASCII characters.
        checkpoint: Signed note of the custody log's state, against which the entries' proofs hold.
        records: In any order; at most one version of each.
        attachments: In any order.
        entries: In any order.
        earlier: Signed note of the log's state in an earlier bundle for this recipient, or empty.
        consistency: The proof that the log only grew from there to `checkpoint`.
        sender_name: The name in ``signers``, for ``ssh-keygen -I``; it is no proof and need not name anybody.
    """

    bundle_id: str
    sender_key: bytes
    recipients: tuple[Recipient, ...] = field(repr=False)
    purpose: str = field(repr=False)
    epoch: str
    number: int
    previous: str
    case_id: str
    sealed_at: datetime
    software: str
    checkpoint: str = field(repr=False)
    records: tuple[OutgoingRecord, ...] = ()
    attachments: tuple[OutgoingAttachment, ...] = ()
    entries: tuple[OutgoingEntry, ...] = ()
    earlier: str = field(default="", repr=False)
    consistency: tuple[bytes, ...] = field(default=(), repr=False)
    sender_name: str = "sender"


@dataclass(frozen=True, slots=True)
class IncomingRecord:
    """One record of a bundle whose signature holds: what it discloses, and the signed original with its disclosures."""

    view: RecordView
    sd_jwt: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class IncomingAttachment:
    """One attachment that matches its record; the content is not held.

    Attributes:
        id: Also the id of its record.
        path: Inside the bag, ``data/attachments/…``.
        extension: 1 to 8 of ``[a-z0-9]``.
        sha256: Hexadecimal digits.
        size: Bytes.
    """

    id: str
    path: str
    extension: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class IncomingEntry:
    """One entry of the sender's custody log, proved against the checkpoint."""

    view: EntryView
    entry: bytes = field(repr=False)
    disclosures: tuple[str, ...] = field(repr=False)
    proof: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a verification found. Use anything but `report` only when `report.ok`.

    Attributes:
        report: All findings.
        bundle: The bundle's description, or None when there is no readable one.
        signer: The Ed25519 key that signed the bag, 32 bytes, or empty. Whose it is, is for the caller to establish.
        records: Those whose signatures hold, in the order of their ids.
        attachments: Those that match their records, in the order of their ids.
        entries: Those whose proofs hold, in the order of their numbers.
        checkpoint: The sender's signed checkpoint note, or empty when it does not hold.
        earlier: The earlier state of the sender's log that `checkpoint` is shown to continue, or None.
        seen: For the second pass: path to (size, SHA-256) of every file that was seen.
    """

    report: Report
    bundle: Description | None
    signer: bytes
    records: tuple[IncomingRecord, ...] = ()
    attachments: tuple[IncomingAttachment, ...] = ()
    entries: tuple[IncomingEntry, ...] = ()
    checkpoint: str = field(default="", repr=False)
    earlier: Checkpoint | None = None
    seen: dict[str, tuple[int, str]] = field(default_factory=dict, repr=False)
