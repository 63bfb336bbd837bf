"""Proofs that an entry is in the custody log (C2SP tlog-proof@v1): a text file that can be checked offline.

A proof names the entry's place, the audit path and a signed checkpoint. Its extra data is not authenticated by the
format; ours carries the entry itself with its disclosures, which the proof then authenticates through the leaf hash.
Bytes as docs/formats/custody-log.md §6 has them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from vault.errors import FormatError, UnsupportedVersionError
from vault.formats import base64_strict, jcs, merkle
from vault.formats.checkpoint import Checkpoint, read_checkpoint, verify_checkpoint
from vault.formats.signed_note import MAX_NOTE_SIZE

MAX_PATH = 53
"""Most hashes of an audit path: the depth of the largest tree."""
MAX_EXTRA_SIZE = 16_777_216
"""Most bytes of extra data: room for an entry that names hundreds of thousands of objects."""
MAX_DISCLOSURES = 12
MAX_PROOF_SIZE = MAX_NOTE_SIZE + MAX_EXTRA_SIZE // 3 * 4 + 4_096
"""Most bytes of UTF-8 in a whole proof."""

FAMILY = "c2sp.org/tlog-proof@"
"""How a proof of any version begins."""

_WHERE = "log proof"
_FIRST = f"{FAMILY}v1"
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,15})\Z")
_EXTRA_FORMAT = "custody-proof/1"


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A proof of inclusion. Nothing in it has been verified.

    Attributes:
        index: Place of the entry, from 0.
        path: Audit path, 32 bytes each, leaf side first.
        checkpoint: The signed note of the checkpoint, verbatim.
        extra: Whatever helps to rebuild the leaf; may be empty.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes = b""

    @property
    def state(self) -> Checkpoint:
        """The state of the log that the checkpoint names, not verified."""
        return read_checkpoint(self.checkpoint)

    def encode(self) -> str:
        """Return the text of the proof.

        Raises:
            FormatError: Parts that cannot be in a proof.
        """
        if not 0 <= self.index < merkle.MAX_SIZE:
            raise FormatError(_WHERE, "an impossible index")
        if len(self.path) > MAX_PATH or any(len(value) != merkle.HASH_SIZE for value in self.path):
            raise FormatError(_WHERE, "an impossible audit path")
        if len(self.extra) > MAX_EXTRA_SIZE:
            raise FormatError(_WHERE, "too much extra data")
        read_checkpoint(self.checkpoint)
        lines = [_FIRST]
        if self.extra:
            lines.append(f"extra {base64_strict.encode(self.extra)}")
        lines.append(f"index {self.index}")
        lines.extend(base64_strict.encode(value) for value in self.path)
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read a proof.

        Raises:
            FormatError: Anything but what `encode` writes.
            UnsupportedVersionError: A proof of another version.
        """
        if len(text) > MAX_PROOF_SIZE:
            raise FormatError(_WHERE, "too long")
        head, gap, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if lines[0] != _FIRST:
            if lines[0].startswith(FAMILY):
                raise UnsupportedVersionError(_WHERE)
            raise FormatError(_WHERE, "not a proof")
        extra = b""
        if lines[1:] and lines[1].startswith("extra "):
            extra = base64_strict.decode(lines.pop(1).removeprefix("extra "), _WHERE)
        if len(lines) < 2 or not lines[1].startswith("index ") or not _NUMBER.match(number := lines[1][6:]):
            raise FormatError(_WHERE, "no index")
        if len(lines) - 2 > MAX_PATH:
            raise FormatError(_WHERE, "an impossible audit path")
        path = tuple(base64_strict.decode(line, _WHERE, size=merkle.HASH_SIZE) for line in lines[2:])
        parsed = cls(int(number), path, checkpoint, extra)
        if not gap or parsed.encode() != text:
            raise FormatError(_WHERE, "not spelled the one allowed way")
        return parsed

    def verify(self, entry: bytes, public_key: bytes) -> Checkpoint:
        """Verify that `entry` is in the log whose checkpoint this key signed, and return the checkpoint.

        Whether the checkpoint's log and epoch are the expected ones is for the caller to say.

        Raises:
            FormatError: The checkpoint is malformed.
            IntegrityError: Not signed by this key, or the entry is not in that tree at that place.
        """
        checkpoint = verify_checkpoint(self.checkpoint, public_key)
        merkle.verify_inclusion(merkle.leaf_hash(entry), self.index, checkpoint.size, self.path, checkpoint.root)
        return checkpoint


def encode_extra(entry: bytes, disclosures: Sequence[str]) -> bytes:
    """Return the extra data of a proof that stands alone: the entry and what is disclosed of it.

    Args:
        entry: The leaf's bytes, UTF-8.
        disclosures: At most 12 disclosure texts; kept in the order given.

    Raises:
        FormatError: More or larger than a reader accepts.
    """
    if len(disclosures) > MAX_DISCLOSURES:
        raise FormatError(_WHERE, "too many disclosures")
    text = entry.decode("utf-8", "replace")
    if text.encode() != entry:
        raise FormatError(_WHERE, "not a custody entry")
    extra = jcs.encode({"disclosures": list(disclosures), "entry": text, "format": _EXTRA_FORMAT})
    if len(extra) > MAX_EXTRA_SIZE:
        raise FormatError(_WHERE, "too much extra data")
    return extra


def decode_extra(extra: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Read what `encode_extra` wrote; returns (entry, disclosures), neither of them verified.

    Raises:
        FormatError: Anything else.
        UnsupportedVersionError: Extra data of another version.
    """
    if len(extra) > MAX_EXTRA_SIZE:
        raise FormatError(_WHERE, "too much extra data")
    value = jcs.decode(extra, _WHERE)
    if not isinstance(value, dict) or not isinstance(found := value.get("format"), str):
        raise FormatError(_WHERE, "no custody entry in it")
    if found != _EXTRA_FORMAT:
        raise UnsupportedVersionError(_WHERE)
    disclosures, entry = value.get("disclosures"), value.get("entry")
    if (
        set(value) != {"format", "disclosures", "entry"}
        or not isinstance(entry, str)
        or not isinstance(disclosures, list)
        or len(disclosures) > MAX_DISCLOSURES
        or not all(isinstance(text, str) for text in disclosures)
    ):
        raise FormatError(_WHERE, "no custody entry in it")
    return entry.encode(), tuple(disclosures)
