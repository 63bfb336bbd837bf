"""Continuations: that a log only grew since an earlier checkpoint (the request body of C2SP tlog-witness).

A file names the earlier size, the consistency proof and the newer checkpoint. The earlier root is not in it: whoever
holds the earlier checkpoint compares with that. Bytes as docs/formats/custody-log.md §7 has them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from vault.errors import FormatError, IntegrityError
from vault.formats import base64_strict, merkle
from vault.formats.checkpoint import Checkpoint, read_checkpoint
from vault.formats.signed_note import MAX_NOTE_SIZE

MAX_PATH: Final = 63
"""Most hashes of a proof, as tlog-witness allows; a log of ours never needs more than 54."""
MAX_SIZE: Final = MAX_NOTE_SIZE + 4_096
"""Most bytes of UTF-8 in a continuation."""
FIRST: Final = "old "
"""How a continuation begins."""

_WHERE = "log continuation"
_NUMBER = re.compile(r"[1-9][0-9]{0,15}\Z")


@dataclass(frozen=True, slots=True)
class Continuation:
    """A consistency proof with the newer checkpoint. Nothing in it has been verified.

    Attributes:
        old: Number of entries of the earlier checkpoint, at least 1.
        path: The proof, 32 bytes each; empty when nothing was added since.
        checkpoint: The signed note of the newer checkpoint, verbatim.
    """

    old: int
    path: tuple[bytes, ...]
    checkpoint: str

    def encode(self) -> str:
        """Return the text.

        Raises:
            FormatError: Parts that cannot be in a continuation.
        """
        if not 0 < self.old <= read_checkpoint(self.checkpoint).size:
            raise FormatError(_WHERE, "an impossible size")
        if len(self.path) > MAX_PATH or any(len(value) != merkle.HASH_SIZE for value in self.path):
            raise FormatError(_WHERE, "an impossible proof")
        lines = [f"{FIRST}{self.old}", *(base64_strict.encode(value) for value in self.path)]
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read a continuation.

        Raises:
            FormatError: Anything but what `encode` writes.
        """
        if len(text) > MAX_SIZE:
            raise FormatError(_WHERE, "too long")
        head, _, checkpoint = text.partition("\n\n")
        first, *lines = head.split("\n")
        if not first.startswith(FIRST) or not _NUMBER.match(number := first.removeprefix(FIRST)):
            raise FormatError(_WHERE, "no earlier size")
        if len(lines) > MAX_PATH:
            raise FormatError(_WHERE, "an impossible proof")
        path = tuple(base64_strict.decode(line, _WHERE, size=merkle.HASH_SIZE) for line in lines)
        parsed = cls(int(number), path, checkpoint)
        if parsed.encode() != text:
            raise FormatError(_WHERE, "not spelled the one allowed way")
        return parsed

    def verify(self, earlier: Checkpoint) -> None:
        """Verify that the newer checkpoint's log holds all that the earlier one's held, unchanged and in its place.

        Both checkpoints' signatures, and that they are of one log, are for the caller to verify.

        Raises:
            IntegrityError: It is not shown: for another earlier checkpoint, or the log was changed.
        """
        newer = read_checkpoint(self.checkpoint)
        if earlier.size != self.old:
            raise IntegrityError(_WHERE, "it continues a checkpoint of another size")
        merkle.verify_consistency(earlier.size, newer.size, earlier.root, newer.root, self.path)
