"""Verifying a bag: the same numbered steps for a container stream and for an opened folder.

1. container: it can be read to its end and holds regular files only.
2. layout and names: every file has its place; what every bag has is there.
3. manifests: both are well formed; every file they list is there with its digest.
4. signature: the tag manifest is signed; the key files name the same key.
5. bundle description: well formed, names the signing key, and lists exactly the payload.
6. recipient: the bundle was made for the key, or the passphrase, that opened it.
7. records, 8. attachments, 9. custody, 10. readable copies: see `bundle.evidence`.
11. nothing else: no file that no manifest lists.

A deviation is a finding and the next step goes on, as far as it still can; only what cannot be parsed as a container
raises. Who signed is not decided here: a key that came in the bag proves nothing.

Spec: docs/formats/bundle.md, "Verification".
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from vault.bundle import evidence, findings, layout, manifest
from vault.bundle.contents import Incoming
from vault.bundle.findings import Findings
from vault.bundle.gather import Gathered, gather_container, gather_folder, shown
from vault.bundle.manifest import Description
from vault.crypto.hashes import sha256
from vault.errors import FormatError, IntegrityError, UnsupportedVersionError
from vault.formats.bagit import DECLARATION, decode_info, decode_manifest
from vault.formats.ssh_keys import decode_allowed_signer, encode_allowed_signer, encode_pem
from vault.formats.sshsig import verify_ssh
from vault.formats.tar import Source
from vault.jobs import Job
from vault.model import Report, Verdict

WHOSE_KEY = "Whose key signed the bag: compare the fingerprint with one that you received on another way."
"""Not checked here; whoever knows the key, or was told its fingerprint, has it established."""
NOT_CHECKED = (
    "Times are claims of the sender: nothing here proves when something was written or signed.",
    WHOSE_KEY,
    "Whether the sender holds more records, attachments or log entries than were included.",
    "Whether what is told is true.",
    "Whether the SHA-512 digests that records may state are right: SHA-256 is what was compared.",
)

REWRITTEN = "Whether the custody log was rewritten before its checkpoint: an earlier checkpoint would show it."
"""Not checked where the bag shows no earlier state; only a receiver who has that state knows it."""
UNSEEN = "Whether the earlier state that the custody log is shown to continue is one that you were given before."


@dataclass(frozen=True, slots=True)
class OpenedBy:
    """What opened the encryption around a bag: recipient strings of the keys at hand, or a passphrase."""

    recipients: tuple[str, ...] = ()
    passphrase: bool = False


def verify_stream(
    source: Source,
    opened_by: OpenedBy | None = None,
    job: Job | None = None,
    size: int | None = None,
    first: Callable[[Gathered, Job], None] = lambda bag, job: None,
) -> Incoming:
    """Verify the bag in a container.

    Args:
        source: The container, read to its end.
        opened_by: What the container was decrypted with; None when it is not known, which the report says.
        job: Progress and cancelling.
        size: About how many bytes `source` has, to tell how far the reading is; None when unknown.
        first: Called with what was read, before any of it is parsed: `bundle.rehearsal.rehearse` for what others sent.

    Raises:
        FormatError, IntegrityError: The container cannot be read to its end.
        RefusedError: It is beyond the limits of the format.
        UnsupportedVersionError: It is signed and undamaged, but of a newer version of the format.
        CancelledError: Stopped by `job`.
    """
    job = job or Job()
    found = Findings(job)
    bag = gather_container(source, found, job, size)
    first(bag, job)
    return verify_gathered(bag, found, opened_by, job)


def verify_folder(
    folder: Path, job: Job | None = None, first: Callable[[Gathered, Job], None] = lambda bag, job: None
) -> Incoming:
    """Verify a bag that was unpacked into a folder; no vault and no key is needed. `first` as of `verify_stream`.

    Raises:
        NotFoundError, WrongKindError: There is no such folder.
        RefusedError: It is beyond the limits of the format.
        UnsupportedVersionError: It is signed and undamaged, but of a newer version of the format.
        StorageError: It cannot be read.
        CancelledError: Stopped by `job`.
    """
    job = job or Job()
    found = Findings(job)
    bag = gather_folder(folder, found, job)
    first(bag, job)
    return verify_gathered(bag, found, None, job)


def verdict_of(report: Report, signer_established: bool) -> Verdict:
    """Return what a report comes to, given whether the caller knows whose key signed."""
    if not report.ok:
        return Verdict.FAILED
    return Verdict.VERIFIED if signer_established else Verdict.INTACT


def verify_gathered(bag: Gathered, found: Findings, opened_by: OpenedBy | None, job: Job) -> Incoming:
    """Carry out steps 3 to 11 with what `bundle.gather` has read.

    Raises:
        UnsupportedVersionError, CancelledError: As `verify_stream`.
    """
    for path in layout.FIXED:
        if path not in bag.seen:
            found.add("missing-file", path, "A file that every bag has is missing.")
    found.begin(findings.MANIFESTS)
    listed = _check_manifests(bag, found)
    found.begin(findings.SIGNATURE)
    signer, name = _check_signature(bag, found)
    found.begin(findings.DESCRIPTION)
    description = _check_description(bag, signer, found)
    if opened_by is None:
        found.skip("For whom the bundle was made: that is compared only when it is opened with a key.")
    elif description is not None:
        found.begin(findings.RECIPIENT)
        _check_recipient(description, opened_by, found)
    incoming = Incoming(Report(), description, signer, seen=bag.seen)
    if signer and description is not None:
        incoming = _check_evidence(bag, signer, name, description, found, job)
    else:
        found.skip("Records, attachments, custody entries and readable copies: the signature does not hold.")
    found.begin(findings.NOTHING_ELSE)
    for path in sorted(bag.seen.keys() - listed - {layout.TAG_MANIFEST, layout.SIGNATURE}):
        found.add("unlisted-file", shown(path), "No manifest lists this file: it is not part of what was signed.")
    for sentence in (*NOT_CHECKED, UNSEEN if incoming.earlier else REWRITTEN):
        found.skip(sentence)
    return Incoming(
        found.report(),
        description,
        signer,
        incoming.records,
        incoming.attachments,
        incoming.entries,
        incoming.checkpoint,
        incoming.earlier,
        bag.seen,
    )


def _check_manifests(bag: Gathered, found: Findings) -> Collection[str]:
    """Step 3; returns every path that a manifest lists."""
    if bag.small.get(layout.DECLARATION, DECLARATION) != DECLARATION:
        found.add("tag-file", layout.DECLARATION, "This is not the declaration of BagIt 1.0.")
    listed: dict[str, str] = {}
    for manifest_path in (layout.TAG_MANIFEST, layout.MANIFEST):
        if manifest_path not in bag.small:
            continue
        try:
            digests = decode_manifest(bag.small[manifest_path], manifest_path)
        except FormatError as error:
            found.add("manifest-format", manifest_path, f"This list of files cannot be read: {error.reason}.")
            continue
        payload = manifest_path == layout.MANIFEST
        for path in digests:
            if payload != path.startswith("data/"):
                found.add("manifest-format", path, "This file is named in the wrong list.")
        if not payload and digests.keys() != layout.SIGNED_TAGS:
            found.add("manifest-format", manifest_path, "This list does not name exactly the files it must name.")
        listed |= digests
        for path, digest in digests.items():
            if path not in bag.seen:
                if path not in layout.FIXED:
                    found.add("missing-file", path, "This file is listed but missing.")
            elif bag.seen[path][1] != digest:
                found.add("digest-mismatch", path, "This file is not the one that was listed.")
    return listed.keys()


def _check_signature(bag: Gathered, found: Findings) -> tuple[bytes, str]:
    """Step 4; returns the key that signed, or none, and the name that ``signers`` gives it, or none."""
    signer, name = b"", ""
    tags, signature = bag.small.get(layout.TAG_MANIFEST), bag.small.get(layout.SIGNATURE)
    if tags is not None and signature is not None:
        try:
            signer = verify_ssh(signature.decode("ascii"), tags, layout.NAMESPACE)
        except (FormatError, IntegrityError, UnicodeDecodeError):
            found.add("signature-bad", layout.SIGNATURE, "The signature does not hold for this bag.")
    if not signer:
        return b"", ""
    if layout.SIGNERS in bag.small:
        try:
            line = bag.small[layout.SIGNERS].decode("ascii")
            name = decode_allowed_signer(line.removesuffix("\n"))[0]
            right = line == encode_allowed_signer(name, layout.NAMESPACE, signer) + "\n"
        except (FormatError, UnicodeDecodeError):
            right = False
        if not right:
            found.add("signer-file", layout.SIGNERS, "This file names another key than the one that signed.")
    if bag.small.get(layout.SIGNER_PEM, b"") != encode_pem(signer).encode() and layout.SIGNER_PEM in bag.small:
        found.add("signer-file", layout.SIGNER_PEM, "This file holds another key than the one that signed.")
    return signer, name


def _check_description(bag: Gathered, signer: bytes, found: Findings) -> Description | None:
    """Step 5; returns the description when it can be read."""
    if layout.BUNDLE not in bag.small:
        return None
    try:
        description = manifest.decode(bag.small[layout.BUNDLE])
    except FormatError as error:
        if isinstance(error, UnsupportedVersionError) and signer and found.clean:
            raise
        found.add("description-format", layout.BUNDLE, f"The bundle's description cannot be read: {error.reason}.")
        return None
    if signer and description.sender_key != signer:
        message = "The bundle names another sender than the key that signed it."
        found.add("sender-mismatch", layout.BUNDLE, message)
    described = {content.path: (content.size, content.sha256) for content in description.contents}
    there = {path: facts for path, facts in bag.seen.items() if path.startswith("data/") and path != layout.BUNDLE}
    for path in sorted(described.keys() | there.keys()):
        if described.get(path) != there.get(path):
            found.add("contents-mismatch", shown(path), "The bundle's description does not fit this file.")
    payload = [size for path, (size, _) in bag.seen.items() if path.startswith("data/")]
    if layout.INFO in bag.small:
        try:
            info = decode_info(bag.small[layout.INFO])
            right = (info.identifier, info.size, info.files) == (description.bundle_id, sum(payload), len(payload))
        except FormatError:
            right = False
        if not right:
            found.add("tag-file", layout.INFO, "This file does not fit the bag.")
    return description


def _check_recipient(description: Description, opened_by: OpenedBy, found: Findings) -> None:
    """Step 6: what opened the encryption is what the signed description names."""
    ours = {sha256(text.encode("ascii")).hex() for text in opened_by.recipients}
    if opened_by.passphrase:
        right = description.recipient_kind == manifest.PASSPHRASE
    else:
        right = not ours.isdisjoint(description.key_hashes)
    if not right:
        message = "The sender made this bundle for somebody else; whoever passed it on encrypted it again."
        found.add("recipient-mismatch", layout.BUNDLE, message)


def _check_evidence(
    bag: Gathered, signer: bytes, name: str, description: Description, found: Findings, job: Job
) -> Incoming:
    found.begin(findings.RECORDS)
    records = evidence.check_records(bag, signer, found, job)
    found.begin(findings.ATTACHMENTS)
    attachments = evidence.check_attachments(bag, records, found)
    found.begin(findings.CUSTODY)
    checkpoint, entries = evidence.check_custody(bag, signer, description, found, job)
    earlier = evidence.check_continuation(bag, signer, found)
    found.begin(findings.COPIES)
    evidence.check_copies(bag, name, description, records, attachments, entries, found)
    return Incoming(Report(), description, signer, records, attachments, entries, checkpoint, earlier)
