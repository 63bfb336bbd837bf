"""Sealing: from records, attachments and log entries to one encrypted file, written front to back.

Before the first byte is written, everything that goes in is verified as a recipient would verify it. Only contents are
not digested again: whoever hands them over vouches that they are those of the digest, or raises while they pass. Keys
come in as a signing callable and are not kept. The caller removes what was written when this raises.

Spec: docs/formats/bundle.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from vault.bundle import custody, layout
from vault.bundle.contents import (
    IncomingAttachment,
    IncomingEntry,
    Outgoing,
    OutgoingAttachment,
)
from vault.bundle.evidence import match_attachment
from vault.bundle.instructions import verify_text
from vault.bundle.manifest import PASSPHRASE, Content, Description
from vault.bundle.pipeline import Behind
from vault.bundle.report import record_copy, report_html
from vault.crypto.hashes import new_sha256, sha256
from vault.errors import DamagedError, IntegrityError, RefusedError
from vault.formats.age import AgeWriter, HybridRecipient, Recipient, ScryptRecipient, X25519Recipient
from vault.formats.bagit import DECLARATION, BagInfo, encode_info, encode_manifest
from vault.formats.checkpoint import read_checkpoint
from vault.formats.record import RecordView, read_record
from vault.formats.ssh_keys import encode_allowed_signer, encode_pem
from vault.formats.sshsig import sign_ssh
from vault.formats.tar import TarWriter, container_size, entry_size
from vault.formats.tlog_consistency import Continuation
from vault.jobs import Job
from vault.model import is_id

STEP: Final = "sealing"


class Target(Protocol):
    """Where the file is written to; it takes all it is given."""

    def write(self, data: bytes, /) -> int | None:
        """Take `data`."""


def seal(outgoing: Outgoing, sign: Callable[[bytes], bytes], out: Target, job: Job | None = None) -> str:
    """Write a bundle to `out` and return the SHA-256 of the written file in hexadecimal digits.

    Args:
        outgoing: What goes in, and for whom.
        sign: Returns the 64-byte signature of what it is given, by the private half of `outgoing.sender_key`.
        out: Takes the file front to back, in another thread; it is neither synced nor closed.
        job: Progress in bytes of the container, and cancelling.

    Raises:
        RefusedError: Too much for one bundle, or an attachment whose record does not disclose its digest and size.
        IntegrityError, FormatError: A record, entry or checkpoint does not verify with the sender's key.
        DamagedError: A content is shorter or longer than its record says; and whatever a content itself raises.
        CancelledError: Stopped by `job`.
        ValueError: Values that no bundle can hold.
    """
    job = job or Job()
    files = _files(outgoing, sign)
    attachments = sorted(outgoing.attachments, key=_path_of)
    sizes = [entry_size(f"{layout.TOP}/{path}", len(data)) for path, data in files.items()]
    sizes += [entry_size(f"{layout.TOP}/{_path_of(item)}", item.size) for item in attachments]
    total = container_size(sum(sizes))
    digested = _Digested(out)
    with Behind(digested.write) as encrypted:
        age = AgeWriter(encrypted, outgoing.recipients)
        container = TarWriter(age)
        for path, data in files.items():
            job.report(STEP, container.size, total)
            container.begin(f"{layout.TOP}/{path}", len(data))
            container.write(data)
        for item in attachments:
            container.begin(f"{layout.TOP}/{_path_of(item)}", item.size)
            for piece in _whole(item):
                container.write(piece)
                job.report(STEP, container.size, total)
        container.finish()
        age.finish()
    job.report(STEP, total, total)
    return digested.hexdigest()


def _files(outgoing: Outgoing, sign: Callable[[bytes], bytes]) -> dict[str, bytes]:
    """Return every file but the attachments, in the order of the container."""
    _check(outgoing)
    files: dict[str, bytes] = {}
    views: dict[str, RecordView] = {}
    for record in sorted(outgoing.records, key=lambda r: r.id):
        view = read_record(record.sd_jwt, outgoing.sender_key)
        if (view.id, view.version) != (record.id, record.version) or record.id in views:
            raise ValueError("a record under another name, or twice")
        views[record.id] = view
        files[layout.copy_path(record.id)] = record_copy(view)
        files[layout.record_path(record.id)] = record.sd_jwt.encode("ascii")
    attachments = _described(outgoing, views)
    checkpoint = custody.read_note(outgoing.checkpoint.encode(), outgoing.sender_key)
    entries: list[IncomingEntry] = [
        custody.verify_entry(item, checkpoint) for item in sorted(outgoing.entries, key=lambda e: e.number)
    ]
    files[layout.CHECKPOINT] = outgoing.checkpoint.encode()
    if outgoing.earlier:
        size = read_checkpoint(outgoing.earlier).size
        files[layout.EARLIER] = outgoing.earlier.encode()
        files[layout.CONTINUATION] = Continuation(size, outgoing.consistency, outgoing.checkpoint).encode().encode()
        custody.verify_continuation(
            files[layout.EARLIER], files[layout.CONTINUATION], files[layout.CHECKPOINT], outgoing.sender_key
        )
    files[layout.ENTRIES] = custody.encode_entries(outgoing.entries)
    kind, hashes = binding(outgoing.recipients)

    def description(contents: tuple[Content, ...]) -> Description:
        return Description(
            bundle_id=outgoing.bundle_id,
            sender_key=outgoing.sender_key,
            recipient_kind=kind,
            key_hashes=hashes,
            purpose=outgoing.purpose,
            epoch=outgoing.epoch,
            number=outgoing.number,
            previous=outgoing.previous,
            sealed_at=outgoing.sealed_at,
            case_id=outgoing.case_id,
            software=outgoing.software,
            checkpoint=checkpoint,
            contents=contents,
        )

    files[layout.REPORT] = report_html(description(()), views.values(), attachments, [e.view for e in entries])
    contents = [Content(path, len(data), sha256(data).hex()) for path, data in files.items()]
    contents += [Content(item.path, item.size, item.sha256) for item in attachments]
    contents.sort(key=lambda content: content.path)
    files[layout.BUNDLE] = description(tuple(contents)).encode()
    _add_tags(files, contents, outgoing, sign)
    _check_limits(files)
    return dict(sorted(files.items(), key=lambda pair: layout.place(pair[0]) or (0, "")))


def _add_tags(
    files: dict[str, bytes], contents: list[Content], outgoing: Outgoing, sign: Callable[[bytes], bytes]
) -> None:
    bundle = files[layout.BUNDLE]
    digests = {content.path: content.sha256 for content in contents} | {layout.BUNDLE: sha256(bundle).hex()}
    size = sum(content.size for content in contents) + len(bundle)
    signer = encode_allowed_signer(outgoing.sender_name, layout.NAMESPACE, outgoing.sender_key)
    files[layout.DECLARATION] = DECLARATION
    files[layout.INFO] = encode_info(BagInfo(outgoing.bundle_id, size, len(digests)))
    files[layout.MANIFEST] = encode_manifest(digests)
    files[layout.SIGNERS] = f"{signer}\n".encode()
    files[layout.SIGNER_PEM] = encode_pem(outgoing.sender_key).encode()
    files[layout.VERIFY] = verify_text(outgoing.sender_name)
    tags = encode_manifest({path: sha256(files[path]).hex() for path in layout.SIGNED_TAGS})
    files[layout.TAG_MANIFEST] = tags
    files[layout.SIGNATURE] = sign_ssh(tags, layout.NAMESPACE, outgoing.sender_key, sign).encode()


def _check(outgoing: Outgoing) -> None:
    ids = [item.id for item in outgoing.attachments]
    if len(set(ids)) != len(ids) or not all(is_id(name) for name in ids):
        raise ValueError("an attachment twice, or under a name that is no id")
    if any(layout.place(_path_of(item)) is None for item in outgoing.attachments):
        raise ValueError("an extension that is not allowed")
    if 2 * len(outgoing.records) + len(ids) + len(layout.FIXED) + len(layout.OPTIONAL) > layout.MAX_FILES:
        raise _too_much()


def _check_limits(files: dict[str, bytes]) -> None:
    sizes = [len(data) for data in files.values()]
    if max(sizes) > layout.MAX_SMALL_FILE or sum(sizes) > layout.MAX_SMALL_TOTAL:
        raise _too_much()


def _too_much() -> RefusedError:
    return RefusedError("This is more than one bundle can hold.", "Seal a part of the case at a time.")


def _described(outgoing: Outgoing, views: dict[str, RecordView]) -> list[IncomingAttachment]:
    attachments = []
    for item in sorted(outgoing.attachments, key=lambda a: a.id):
        incoming = IncomingAttachment(item.id, _path_of(item), item.extension, item.sha256, item.size)
        try:
            match_attachment(incoming, views.get(item.id))
        except IntegrityError as error:
            raise RefusedError(
                "The record of an attachment does not show its digest and size.",
                "Disclose 'sha256' and 'size' of every attachment that is sealed.",
            ) from error
        attachments.append(incoming)
    return attachments


def binding(recipients: tuple[Recipient, ...]) -> tuple[str, tuple[str, ...]]:
    """Return kind and key hashes, ascending, of the one recipient; no hashes for a passphrase.

    Raises:
        ValueError: No recipient, one twice, or kinds that the encryption refuses to mix.
    """
    if len(recipients) == 1 and isinstance(recipients[0], ScryptRecipient):
        return PASSPHRASE, ()
    texts = {r.text for r in recipients if isinstance(r, HybridRecipient | X25519Recipient)}
    if not texts or len(texts) != len(recipients) or len({r.kind for r in recipients}) != 1:
        raise ValueError("no recipient, one twice, or kinds that must not be mixed")
    return recipients[0].kind, tuple(sorted(sha256(text.encode("ascii")).hex() for text in texts))


def _path_of(item: OutgoingAttachment) -> str:
    return layout.attachment_path(item.id, item.extension)


def _whole(item: OutgoingAttachment) -> Iterator[bytes]:
    """Yield the pieces of an attachment, which must be as long together as was said of it."""
    left = item.size
    for piece in item.content():
        left -= len(piece)
        if left < 0:
            raise _damaged()
        yield piece
    if left:
        raise _damaged()


def _damaged() -> DamagedError:
    return DamagedError(
        "The content of an attachment is not what its record says.", "Run 'evault check' and restore from a backup."
    )


class _Digested:
    """Passes on what is written and digests it."""

    def __init__(self, out: Target) -> None:
        self._out = out
        self._digest = new_sha256()

    def write(self, data: bytes, /) -> int:
        """Write all of `data`."""
        self._digest.update(data)
        view = memoryview(data)
        while view:
            written = self._out.write(bytes(view) if len(view) != len(data) else data)
            view = view[len(view) if written is None else written :]
        return len(data)

    def hexdigest(self) -> str:
        """Return the SHA-256 of what was written."""
        return self._digest.hexdigest()
