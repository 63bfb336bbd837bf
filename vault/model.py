"""The field's nouns as frozen data: what the use cases take and return.

Nothing here reads, writes, signs or prints. Times are aware UTC `datetime`s with whole seconds, sizes are bytes,
digests lower-case hexadecimal, ids 32 lower-case hexadecimal digits of a random 128-bit value (no time, no count).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NewType

Json = Any
"""A JSON value as `formats.jcs` defines it: None, bool, int, str, list, dict with str keys. No floats."""

CaseId = NewType("CaseId", str)
RecordId = NewType("RecordId", str)
Digest = NewType("Digest", str)
"""SHA-256 as 64 lower-case hexadecimal digits, unless the name says otherwise."""

_ID = re.compile(r"[0-9a-f]{32}\Z")


def is_id(text: str) -> bool:
    """True when `text` has the form of an id: 32 lower-case hexadecimal digits."""
    return _ID.match(text) is not None


def format_time(moment: datetime) -> str:
    """Return an aware time as RFC 3339 UTC with whole seconds, for example ``2026-11-20T21:27:15Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Secret:
    """Bytes that must never be shown: `repr` and `str` hide them, comparison and pickling are refused.

    Python cannot wipe memory; what this type promises is only that no message, log or traceback prints the content.
    """

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content = bytes(content)

    def reveal(self) -> bytes:
        """Return the bytes, for immediate use by `vault.crypto`."""
        return self._content

    def __repr__(self) -> str:
        return "Secret(hidden)"

    __str__ = __repr__

    def __len__(self) -> int:
        return len(self._content)

    def __eq__(self, other: object) -> bool:
        raise TypeError("secrets are not compared with ==")

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> str:
        raise TypeError("secrets are not pickled")


class Severity(StrEnum):
    """How much a finding weighs."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a verification or check has to say.

    Attributes:
        step: The numbered step that found it, for example ``"4 signature"``.
        code: A stable lower-case word for programs, for example ``"digest-mismatch"``.
        severity: `ERROR` makes the whole thing fail; the others do not.
        where: Which part: a path inside the bag, an id, a table; never text that a person wrote.
        message: One plain sentence.
    """

    step: str
    code: str
    severity: Severity
    where: str
    message: str


class Verdict(StrEnum):
    """What a verification of a bundle comes to."""

    VERIFIED = "verified"
    INTACT = "intact"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one verification or check.

    Attributes:
        findings: In the order of the steps.
        steps: Names of the steps that were carried out.
        not_checked: Plain sentences: what this report says nothing about.
    """

    findings: tuple[Finding, ...] = ()
    steps: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True when no finding is an error."""
        return all(f.severity is not Severity.ERROR for f in self.findings)


@dataclass(frozen=True, slots=True)
class Case:
    """A case: the folder that records belong to."""

    id: CaseId
    title: str = field(repr=False)
    created_at: datetime
    record_count: int = 0
    attachment_count: int = 0
    origin: str = ""


@dataclass(frozen=True, slots=True)
class RecordVersion:
    """One signed version of a record.

    Attributes:
        version: 1 for the first, then upwards without gaps.
        digest: SHA-256 of the issuer-signed JWT (its ASCII bytes without disclosures).
        changed: Paths of the fields that differ from the version before; only where a record is looked at on its own.
    """

    version: int
    digest: Digest
    signed_at: datetime
    signer: str
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A record with its newest signed version (or its tombstone).

    Attributes:
        fields: The disclosed values of the newest version, or of the one asked for; empty for a deleted record.
        withheld: True when the vault itself does not hold all values (an imported, partial record).
        origin: Empty for own records, else the signer's fingerprint.
        verdict: For imported records, the weakest that the verification of a bundle with them came to.
    """

    id: RecordId
    case_id: CaseId
    type: str
    versions: tuple[RecordVersion, ...]
    fields: dict[str, Json] = field(repr=False)
    title: str = field(default="", repr=False)
    deleted: bool = False
    withheld: bool = False
    origin: str = ""
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft: autosaved, encrypted at rest, not evidence."""

    id: RecordId
    case_id: CaseId
    type: str
    fields: dict[str, Json] = field(repr=False)
    saved_at: datetime
    based_on: int = 0


@dataclass(frozen=True, slots=True)
class Attachment:
    """What is known of a file in the vault; `id` is also the id of its signed `attachment` record."""

    id: RecordId
    case_id: CaseId
    sha256: Digest
    sha512: str
    size: int
    media_type: str
    extension: str
    fields: dict[str, Json] = field(default_factory=dict, repr=False)
    deleted: bool = False
    origin: str = ""
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody evidence can be sealed to or received from.

    Attributes:
        name: The name the holder of this vault chose; unique in the address book.
        recipients: age recipient strings, the preferred one first.
        signing_key: Ed25519 public key, 32 bytes, or empty when none is known.
        fingerprint: See `vault.formats.fingerprint`; of the signing key, or of the first recipient without one.
        verified: True after the fingerprints were compared over another channel.
        expires_at: End of validity, or None.
        ssh_fingerprint: The same as ``ssh-keygen -lf`` shows it, where it is that of the signing key; else empty.
    """

    id: str
    name: str = field(repr=False)
    recipients: tuple[str, ...]
    signing_key: bytes
    fingerprint: str
    verified: bool
    expires_at: datetime | None = None
    ssh_fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result.

    Attributes:
        id: Of the record, or of a case whose title holds the words.
        type: Of the record, or ``case``.
        snippet: What stands around the words; anybody's text, if it was received.
        position: Continues the list.
        origin: Empty for own records, else the signer's fingerprint.
        verdict: Empty for own records, else as in `Record`.
    """

    id: RecordId
    case_id: CaseId
    type: str
    snippet: str = field(repr=False)
    position: int = 0
    origin: str = ""
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class CustodyEvent:
    """What a use case enters in the custody log; agent, time and software are added by the open vault.

    Attributes:
        type: A PREMIS event name, for example ``"ingestion"``.
        object_id: Id of the one object it concerns, or the vault's log id.
        object_kind: ``"record"``, ``"attachment"``, ``"case"``, ``"contact"``, ``"bundle"``, ``"vault"``, ``"backup"``…
        case_id: The case it belongs to, or empty.
        why: Purpose, in a few words.
        authority: Legal basis or consent it rests on, or empty.
        location: Class of the place it happened at or went to, for example ``"this device"``.
        place: What a person calls that place or medium, or empty.
        transfer: Members ``from`` and ``to``, for hand-overs.
        digests: Members ``before`` and ``after``: hexadecimal SHA-256.
        result: ``"success"``, ``"failure"`` or ``"intent"`` (an act outside the store that may have happened).
        detail: More about the outcome.
        change: Members ``what``, the names of what differs now, and ``justification``; of a change.
        related: Ids of other objects.
    """

    type: str
    object_id: str
    object_kind: str
    case_id: str = ""
    why: str = field(default="", repr=False)
    authority: str = field(default="", repr=False)
    location: str = "this device"
    place: str = field(default="", repr=False)
    transfer: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    result: str = "success"
    detail: str = ""
    change: dict[str, str] = field(default_factory=dict, repr=False)
    related: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One custody entry as a person reads it: its number, epoch and disclosed slots."""

    number: int
    epoch: str
    event: dict[str, Json] = field(repr=False)


CHUNK_SIZE: Final = 1024 * 1024
"""Size of an attachment's chunk row in bytes."""
