"""Opening a bundle from somebody else, and judging it: is it intact, and whose key signed it?

Nothing is written unless the bundle is intact and, where the signer was named, by that signer.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from vault import audit, files
from vault.bundle.contents import Incoming
from vault.bundle.evidence import ATTACHMENT_TYPE
from vault.bundle.manifest import Description
from vault.bundle.open import Keys, extract_bundle
from vault.bundle.rehearsal import rehearse
from vault.bundle.verify import WHOSE_KEY, verdict_of, verify_folder
from vault.formats import fingerprint
from vault.jobs import Job
from vault.model import Finding, Report, Secret, Severity, Verdict
from vault.open_vault import OpenVault
from vault.store import contacts
from vault.store.contacts import StoredContact
from vault.store.database import Connection

T = TypeVar("T")

_PURPOSE_IN_TITLE: Final = 100
_JOINERS: Final = "\u200c\u200d"
"""Scripts such as Uyghur and Tibetan need them in a purpose too."""

STEP: Final = "12 signer and history"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a bundle that is intact holds.

    Attributes:
        records: How many records, those of files left out.
        files: How many files.
        size: Of these files, in bytes.
        number: Of the sender's bundles for this recipient.
        sealed_at: When the sender claims to have sealed it.
        mark: Tells these contents from any others; for `receive`.
    """

    records: int
    files: int
    size: int
    number: int
    sealed_at: datetime
    mark: str


@dataclass(frozen=True, slots=True)
class Opened:
    """What an opening or verification came to.

    Attributes:
        verdict: `verified`, `intact` or `failed`.
        report: Findings, steps, and what was not checked.
        signer: The signer's fingerprint in digits, or empty.
        signer_name: The name of the verified contact with that key, or empty.
        case_id: The case it was taken into, or, of a bundle that was received before, the case it is in; or empty.
        taken: How many records, those of files included, were taken in or became known more fully.
        taken_files: How many of them are of files.
        purpose: What the sender says it is for; only of a bundle that is intact.
        signer_words: The signer's fingerprint in words, or empty.
        contact: The name of the contact with the signer's key whose fingerprint nobody has compared yet, or empty.
        contents: What it holds; None when it is not intact.
        kept_as: The verdict of the very same bundle here, where it was received before; or empty.
    """

    verdict: Verdict
    report: Report
    signer: str
    signer_name: str = field(default="", repr=False)
    case_id: str = ""
    taken: int = 0
    taken_files: int = 0
    purpose: str = field(default="", repr=False)
    signer_words: str = ""
    contact: str = field(default="", repr=False)
    contents: Contents | None = None
    kept_as: str = ""

    def title(self, bundle_id: str) -> str:
        """Return what to call a case that this bundle opens: from whom, which bundle, what for as the sender says."""
        name = self.signer_name or f"sender {self.signer[:11]}"
        plain = (" " if unicodedata.category(one)[0] in "CZ" and one not in _JOINERS else one for one in self.purpose)
        purpose = " ".join("".join(plain).split())
        if len(purpose) > _PURPOSE_IN_TITLE:
            purpose = f"{purpose[:_PURPOSE_IN_TITLE]}…"
        return f"Received from {name}, bundle {bundle_id[:8]}" + (f": {purpose}" if purpose else "")


@dataclass(frozen=True, slots=True)
class Known:
    """What this vault knows of a signing key.

    Attributes:
        established: It is that of a verified contact, or this vault's own.
        name: The verified contact's name, or empty.
        expired: The contact's card has expired.
        unverified: The name of a contact with that key that is not verified, or empty.
    """

    established: bool = False
    name: str = field(default="", repr=False)
    expired: bool = False
    unverified: str = field(default="", repr=False)


def verify_bag(folder: Path, signer: str = "", job: Job | None = None) -> Opened:
    """Verify an opened bag; needs no vault and no key.

    Args:
        folder: The bag (the folder with ``bagit.txt``), or the folder it lies in under the name ``bag``.
        signer: The fingerprint that was told over another channel, or empty.
        job: Progress and cancelling.

    Raises:
        RefusedError: `signer` is no whole fingerprint.
        NotFoundError, FormatError, RefusedError: It cannot be read as a bag at all.
    """
    check_claim(signer)
    inside = folder / "bag"
    try:
        nested = (inside / "bagit.txt").is_file() and not (folder / "bagit.txt").exists()
    except OSError as error:
        raise files.storage_error(error, "the bag") from error
    place = inside if nested else folder
    return judge(verify_folder(place, job, rehearse), signer, Known())


def open_into(
    vault: OpenVault, source: Path, target: Path, signer: str, job: Job, secret: Secret | None = None
) -> Opened:
    """Decrypt and verify a bundle into a new folder; nothing is written when the verdict is `failed`.

    Raises:
        RefusedError: `signer` is no whole fingerprint, or the folder would lie inside the vault.
        NotForUsError, RefusedError, FormatError, IntegrityError, AlreadyExistsError, StorageError: As named.
    """
    vault.refuse_inside(target, "The opened bundle")
    return _open(source, target, keys_of(vault, secret), signer, job, lambda key: known(vault, key))


def open_with_passphrase(source: Path, target: Path, secret: Secret, signer: str, job: Job) -> Opened:
    """Decrypt and verify a passphrase bundle into a new folder; needs no vault.

    Raises:
        UnlockError: The passphrase is wrong.
        As `open_into`.
    """
    return _open(source, target, Keys(passphrase=secret), signer, job, lambda key: Known())


def _open(source: Path, target: Path, keys: Keys, signer: str, job: Job, look_up: Callable[[bytes], Known]) -> Opened:
    check_claim(signer)

    def accept(incoming: Incoming) -> bool:
        return judge(incoming, signer, look_up(incoming.signer)).verdict is not Verdict.FAILED

    with files.open_source(source, "the bundle") as handle:
        incoming = storage(lambda: extract_bundle(handle, keys, target, accept=accept, job=job))
    return judge(incoming, signer, look_up(incoming.signer))


def keys_of(vault: OpenVault, secret: Secret | None) -> Keys:
    """Return what a bundle is opened with: a passphrase where one was said to be agreed on, else this vault's keys."""
    return Keys(passphrase=secret) if secret else Keys(identities=(vault.identity.hybrid, vault.identity.x25519))


def storage(work: Callable[[], T]) -> T:
    """Run `work`, in which the bundle's file is read.

    Raises:
        StorageError: The file cannot be read.
    """
    try:
        return work()
    except OSError as error:
        raise files.storage_error(error, "the bundle") from error


def check_claim(signer: str) -> None:
    """Refuse what is no whole fingerprint before any work is done; an empty one is fine.

    Raises:
        RefusedError: It is none.
    """
    if signer:
        fingerprint.matches(signer, bytes(32))


def known(vault: OpenVault, signer: bytes) -> Known:
    """Return what this vault knows of a signing key; none may be given.

    Raises:
        DamagedError: The contact with that key is not as the log says.
    """
    if not signer:
        return Known()
    if signer == vault.identity.public_key:
        return Known(established=True)

    def look(connection: Connection) -> StoredContact | None:
        found = contacts.by_key(connection, signer)
        return audit.check_contact(connection, found) if found is not None else None

    found = vault.read(look)
    # `by_key` knows keys from cards alone: whoever names an ssh key need not have it.
    if found is None or not found.verified:
        return Known(unverified=found.name if found else "")
    return Known(True, found.name, bool(found.expires_at and found.expires_at <= vault.clock()))


def judge(incoming: Incoming, claimed: str, who: Known) -> Opened:
    """Return the verdict on what a verification found.

    Args:
        incoming: What it found.
        claimed: The signer's fingerprint as told over another channel, or empty; it decides where it is given.
        who: What is known of the key that signed.
    """
    report, signer, words, established = incoming.report, "", "", who.established
    if incoming.signer:
        hashed = fingerprint.hash_of_key(incoming.signer)
        signer, words = fingerprint.digits_of(hashed), fingerprint.words_of(hashed)
        if claimed:
            established = fingerprint.matches(claimed, hashed)
            if not established:
                report = add(report, "signer-mismatch", "The bag was signed by another key than the one you named.")
        if established:
            report = replace(report, not_checked=tuple(one for one in report.not_checked if one != WHOSE_KEY))
        if who.expired:
            message = "The card of the contact who signed this has expired: ask whether the key is still in use."
            report = add(report, "signer-expired", message, Severity.WARNING)
    bundle = incoming.bundle if report.ok else None
    return Opened(
        verdict_of(report, established), report, signer, who.name, purpose=bundle.purpose if bundle else "",
        signer_words=words, contact=who.unverified, contents=_contents(incoming, bundle) if bundle else None,
    )  # fmt: skip


def mark_of(incoming: Incoming) -> str:
    """Return the digest of a bag's description, which names every file of it."""
    return incoming.seen["data/bundle.json"][1]


def _contents(incoming: Incoming, bundle: Description) -> Contents:
    records = sum(1 for item in incoming.records if item.view.type != ATTACHMENT_TYPE)
    files, size = len(incoming.attachments), sum(item.size for item in incoming.attachments)
    return Contents(records, files, size, bundle.number, bundle.sealed_at, mark_of(incoming))


def add(report: Report, code: str, message: str, severity: Severity = Severity.ERROR) -> Report:
    """Return the report with one more finding, of the step that only a vault or a told fingerprint makes possible."""
    steps = report.steps if STEP in report.steps else (*report.steps, STEP)
    return replace(report, findings=(*report.findings, Finding(STEP, code, severity, "bundle", message)), steps=steps)
