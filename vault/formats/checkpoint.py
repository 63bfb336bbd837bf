"""Checkpoints of the custody log (C2SP tlog-checkpoint): origin, size and root in a signed note, or short on paper.

Only checkpoints of this program's logs are read: the origin has one form, the key name equals the origin, and there are
no extension lines. Nothing here decides whose key it is. Bytes as docs/formats/custody-log.md §5 has them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from vault.crypto.hashes import sha256
from vault.errors import FormatError, RefusedError
from vault.formats import base64_strict, fingerprint, merkle
from vault.formats.signed_note import SignedNote, sign_note
from vault.model import is_id

_WHERE = "checkpoint"
_ORIGIN = re.compile(r"evidence-vault/([0-9a-f]{32})/([0-9a-f]{32})\Z")
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,15})\Z")
_ON_PAPER = re.compile(r"([1-9][0-9]{0,15})(?: ?- ?([1-9][0-9]{0,3}))? ((?:[0-9][ -]*){40})\Z")
_LONGEST_ON_PAPER = 512


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


@dataclass(frozen=True, slots=True)
class PaperHead:
    """A checkpoint as a person writes it on paper; it is not signed: the paper's keeper vouches for it.

    Attributes:
        size: Number of entries, at least 1.
        epoch: Which epoch of the log, counted from 1.
        digits: The fingerprint of the checkpoint's text, 40 digits in 8 groups of 5.
    """

    size: int
    epoch: int
    digits: str

    @classmethod
    def of(cls, checkpoint: Checkpoint, epoch: int) -> Self:
        """Return what is written down of a checkpoint of the log's epoch with this number."""
        return cls(checkpoint.size, epoch, fingerprint.digits_of(sha256(checkpoint.encode().encode())))

    def encode(self) -> str:
        """Return it as it is written down, for example ``1204 01234 56789 …``; the second epoch's with ``1204-2``."""
        return (f"{self.size}-{self.epoch}" if self.epoch > 1 else f"{self.size}") + f" {self.digits}"

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read what a person typed: any decimal digits, blanks or hyphens anywhere between those of the fingerprint.

        Raises:
            RefusedError: Not the whole of what was written down.
        """
        found = _ON_PAPER.match(_plain(text)) if len(text) <= _LONGEST_ON_PAPER else None
        if found is None:
            raise RefusedError(
                "This is not the whole short fingerprint of a custody log.",
                "Type the number of entries, a blank, and all 40 digits, as they stand on the paper.",
            )
        digits = "".join(filter(str.isdigit, found[3]))
        return cls(int(found[1]), int(found[2] or 1), " ".join(digits[at : at + 5] for at in range(0, 40, 5)))


def _plain(text: str) -> str:
    """Return what was typed with ASCII digits, single blanks and ASCII hyphens."""
    typed = unicodedata.normalize("NFKC", text)
    kinds = {character: unicodedata.category(character) for character in set(typed)}
    return " ".join(
        "".join(
            str(unicodedata.decimal(one)) if kinds[one] == "Nd" else "-" if kinds[one] == "Pd" else one
            for one in typed
            if kinds[one] != "Cf"
        ).split()
    )
