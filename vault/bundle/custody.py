"""``data/custody/``: entries of the sender's log with disclosures and audit paths, its checkpoint, its continuation.

Spec: docs/formats/bundle.md, "Custody"; docs/formats/record.md for an entry; RFC 9162 §2.1.3 for the proofs.
"""

from __future__ import annotations

from collections.abc import Sequence

from vault.bundle import layout
from vault.bundle.contents import IncomingEntry, OutgoingEntry
from vault.errors import FormatError, IntegrityError
from vault.formats import base64_strict, jcs
from vault.formats.checkpoint import Checkpoint, read_checkpoint, verify_checkpoint
from vault.formats.custody_entry import read_entry
from vault.formats.merkle import HASH_SIZE, leaf_hash, verify_inclusion
from vault.formats.signed_note import SignedNote
from vault.formats.tlog_consistency import Continuation
from vault.formats.tlog_proof import MAX_PATH
from vault.model import Json

_WHERE = "entries.json"
_MEMBERS = {"disclosures", "entry", "proof"}


def encode_entries(entries: Sequence[OutgoingEntry]) -> bytes:
    """Return the bytes of ``entries.json``; the entries come in the order of their numbers."""
    value: list[Json] = []
    for item in sorted(entries, key=lambda e: e.number):
        proof: list[Json] = [base64_strict.encode(digest) for digest in item.proof]
        value.append({"disclosures": list(item.disclosures), "entry": item.entry.decode("ascii"), "proof": proof})
    return jcs.encode(value)


def decode_entries(data: bytes) -> tuple[OutgoingEntry, ...]:
    """Read ``entries.json``; nothing in it is verified yet but the shape, and that the numbers ascend.

    Raises:
        FormatError: Not what `encode_entries` writes.
    """
    if layout.is_dense(data):
        raise FormatError(_WHERE, "more values than it can have")
    value = jcs.decode(data, _WHERE, limit=layout.MAX_SMALL_FILE)
    if not isinstance(value, list):
        raise FormatError(_WHERE, "not a list")
    entries: list[OutgoingEntry] = []
    for item in value:
        if not isinstance(item, dict) or item.keys() != _MEMBERS or not isinstance(item["entry"], str):
            raise FormatError(_WHERE, "members that are missing or unknown")
        disclosures, proof = _texts(item["disclosures"]), _texts(item["proof"])
        if not item["entry"].isascii() or len(proof) > MAX_PATH:
            raise FormatError(_WHERE, "an entry or proof that is not allowed")
        entry = item["entry"].encode("ascii")
        number = read_entry(entry, ()).number
        if entries and number <= entries[-1].number:
            raise FormatError(_WHERE, "entries that are not in ascending order")
        path = tuple(base64_strict.decode(text, _WHERE, size=HASH_SIZE) for text in proof)
        entries.append(OutgoingEntry(number, entry, disclosures, path))
    return tuple(entries)


def _texts(value: Json) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise FormatError(_WHERE, "a value of the wrong type")
    return tuple(value)


def verify_entry(item: OutgoingEntry, checkpoint: Checkpoint) -> IncomingEntry:
    """Verify that an entry is in the log at its place, and its disclosures.

    Raises:
        FormatError: The entry or a disclosure is malformed.
        IntegrityError: The proof does not hold, or a disclosure is not covered.
    """
    view = read_entry(item.entry, item.disclosures)
    if view.number != item.number:
        raise IntegrityError("custody entry", "another number than its place in the log")
    verify_inclusion(leaf_hash(item.entry), item.number, checkpoint.size, item.proof, checkpoint.root)
    return IncomingEntry(view, item.entry, item.disclosures, item.proof)


def read_note(note: bytes, public_key: bytes) -> Checkpoint:
    """Verify ``data/custody/checkpoint``: a signed note with exactly one signature, by this key.

    Raises:
        FormatError: Not such a note.
        IntegrityError: Not signed by this key.
    """
    try:
        text = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError("checkpoint", "not valid UTF-8") from error
    checkpoint = verify_checkpoint(text, public_key)
    if len(SignedNote.decode(text).signatures) != 1:
        raise FormatError("checkpoint", "more than one signature")
    return checkpoint


def verify_continuation(earlier: bytes, continuation: bytes, note: bytes, public_key: bytes) -> Checkpoint:
    """Verify that the checkpoint continues the one in ``data/custody/earlier-checkpoint``, and return that one.

    Args:
        earlier: The file ``earlier-checkpoint``.
        continuation: The file ``continuation``.
        note: The file ``checkpoint``, its signature verified by the caller.
        public_key: The sender's.

    Raises:
        FormatError: Not what these files are.
        IntegrityError: Another log, another checkpoint, not signed by this key, or the log did not only grow.
    """
    before = read_note(earlier, public_key)
    try:
        proof = Continuation.decode(continuation.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise FormatError("continuation", "not valid UTF-8") from error
    if proof.checkpoint.encode() != note or before.log_id != read_checkpoint(proof.checkpoint).log_id:
        raise IntegrityError("continuation", "it is about another log or checkpoint")
    proof.verify(before)
    return before
