"""Checkpoints of the custody log (C2SP tlog-checkpoint): origin, size and root in a signed note.

Only checkpoints of this program's logs are read: the origin has one form, the key name equals the origin, and there are
no extension lines. Nothing here decides whose key it is. Bytes as docs/formats/custody-log.md §5 has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from vault.errors import FormatError
from vault.formats import base64_strict, merkle
from vault.formats.signed_note import SignedNote, sign_note
from vault.model import is_id

_WHERE = "checkpoint"
_ORIGIN = re.compile(r"evidence-vault/([0-9a-f]{32})/([0-9a-f]{32})\Z")
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,15})\Z")


def origin_of(log_id: str, epoch: str) -> str:
    """Return the origin line, which is the key name too, of a log in one of its epochs."""
    if not is_id(log_id) or not is_id(epoch):
        raise ValueError("not the ids of a log and its epoch")
    return f"evidence-vault/{log_id}/{epoch}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log: who it is, how many entries it has, and the root hash over them.

    Attributes:
        origin: ``evidence-vault/<log id>/<epoch>``, both 32 lower-case hexadecimal digits.
        size: Number of entries.
        root: Root hash, 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    @property
    def log_id(self) -> str:
        """The id of the log, which stays the same through all epochs."""
        return self.origin.split("/")[1]

    @property
    def epoch(self) -> str:
        """The id of the epoch in which it was signed."""
        return self.origin.split("/")[2]

    def encode(self) -> str:
        """Return the text of the note: three lines.

        Raises:
            FormatError: An origin, size or root that no checkpoint can have.
        """
        if not _ORIGIN.match(self.origin):
            raise FormatError(_WHERE, "not the origin of a custody log")
        if not 0 <= self.size <= merkle.MAX_SIZE:
            raise FormatError(_WHERE, "an impossible size")
        if len(self.root) != merkle.HASH_SIZE or (self.size == 0 and self.root != merkle.empty_root()):
            raise FormatError(_WHERE, "an impossible root hash")
        return f"{self.origin}\n{self.size}\n{base64_strict.encode(self.root)}\n"

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read the text of a note.

        Raises:
            FormatError: Anything but what `encode` writes.
        """
        lines = text.split("\n")
        if len(lines) != 4 or lines[3]:
            raise FormatError(_WHERE, "not exactly three lines")
        if not _NUMBER.match(lines[1]):
            raise FormatError(_WHERE, "an impossible size")
        parsed = cls(lines[0], int(lines[1]), base64_strict.decode(lines[2], _WHERE, size=merkle.HASH_SIZE))
        if parsed.encode() != text:
            raise FormatError(_WHERE, "not spelled the one allowed way")
        return parsed

    def sign(self, public_key: bytes, sign: Callable[[bytes], bytes]) -> str:
        """Return the signed note; `sign` returns the 64-byte signature of the bytes handed to it."""
        return sign_note(self.encode(), self.origin, public_key, sign)


def read_checkpoint(note: str) -> Checkpoint:
    """Read a signed checkpoint without verifying who signed it.

    Raises:
        FormatError: Not a signed note, or not a checkpoint of a custody log.
    """
    return Checkpoint.decode(SignedNote.decode(note).text)


def verify_checkpoint(note: str, public_key: bytes) -> Checkpoint:
    """Verify that a key signed a checkpoint under the checkpoint's own origin, and return it.

    Raises:
        FormatError: Not a signed note, or not a checkpoint of a custody log.
        IntegrityError: Not signed by this key.
    """
    parsed = SignedNote.decode(note)
    checkpoint = Checkpoint.decode(parsed.text)
    parsed.verify(checkpoint.origin, public_key)
    return checkpoint
