"""Signed notes (C2SP signed-note), Ed25519 signatures of type 0x01 only.

A note is text, an empty line, and one or more signature lines. The text counts for nothing until `SignedNote.verify`
has returned. Signatures of others (witnesses) are carried along and ignored, as the specification demands; parsing
accepts exactly what `SignedNote.encode` writes. Bytes and limits as docs/formats/custody-log.md §4 has them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from vault.crypto import signing
from vault.crypto.hashes import sha256
from vault.errors import FormatError, IntegrityError
from vault.formats import base64_strict

MAX_TEXT_SIZE = 65_536
"""Most bytes of UTF-8 in the text of a note."""
MAX_SIGNATURES = 64
MAX_SIGNATURE_SIZE = 8_192
"""Most bytes in one signature, key ID not counted; post-quantum ones take up to 5 kB."""
MAX_NAME_SIZE = 255
"""Most bytes of UTF-8 in a key name."""
MAX_NOTE_SIZE = MAX_TEXT_SIZE + 1 + MAX_SIGNATURES * 12_288
"""Most bytes of UTF-8 in a whole note."""

ED25519 = b"\x01"
_WHERE = "signed note"
_DASH = "\N{EM DASH} "


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line.

    Attributes:
        name: Key name: not empty, no white space, no plus sign.
        key_id: 4 bytes that tell keys of one name apart; no proof of anything.
        signature: The signature itself, 1 to 8192 bytes.
    """

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A note taken apart. Nothing in it has been verified.

    Attributes:
        text: The text with its final newline.
        signatures: In the order of their lines, at least one.
    """

    text: str = field(repr=False)
    signatures: tuple[NoteSignature, ...]

    def encode(self) -> str:
        """Return the note.

        Raises:
            FormatError: Text, name or signature that cannot be in a note.
        """
        _check_text(self.text)
        if not 0 < len(self.signatures) <= MAX_SIGNATURES:
            raise FormatError(_WHERE, "no signature, or too many")
        pairs = {(line.name, line.key_id) for line in self.signatures}
        if len(pairs) != len(self.signatures):
            raise FormatError(_WHERE, "two signatures of one key")
        lines = []
        for line in self.signatures:
            _check_name(line.name)
            if len(line.key_id) != 4 or not 0 < len(line.signature) <= MAX_SIGNATURE_SIZE:
                raise FormatError(_WHERE, "a signature of an impossible length")
            lines.append(f"{_DASH}{line.name} {base64_strict.encode(line.key_id + line.signature)}\n")
        return f"{self.text}\n{''.join(lines)}"

    @classmethod
    def decode(cls, note: str) -> Self:
        """Take a note apart.

        Raises:
            FormatError: Anything but what `encode` writes.
        """
        _check_characters(note, MAX_NOTE_SIZE)
        # Base 64 and names hold no newline, so the last empty line is the one that ends the text.
        text, gap, block = note.rpartition("\n\n")
        if not gap or not block.endswith("\n"):
            raise FormatError(_WHERE, "no signature after an empty line")
        lines = block[:-1].split("\n")
        if len(lines) > MAX_SIGNATURES:
            raise FormatError(_WHERE, "too many signatures")
        signatures = []
        for line in lines:
            name, space, encoded = line.removeprefix(_DASH).partition(" ")
            if not line.startswith(_DASH) or not space:
                raise FormatError(_WHERE, "not a signature line")
            blob = base64_strict.decode(encoded, _WHERE)
            signatures.append(NoteSignature(name, blob[:4], blob[4:]))
        parsed = cls(f"{text}\n", tuple(signatures))
        if parsed.encode() != note:
            raise FormatError(_WHERE, "not spelled the one allowed way")
        return parsed

    def verify(self, name: str, public_key: bytes) -> None:
        """Verify that the key signed the text.

        Raises:
            IntegrityError: No signature of this key, or one that does not match.
            FormatError: The key is no Ed25519 key.
        """
        wanted = key_id(name, public_key)
        for line in self.signatures:
            if (line.name, line.key_id) == (name, wanted):
                if len(line.signature) != signing.SIGNATURE_SIZE:
                    raise IntegrityError(_WHERE, "the signature does not match")
                signing.verify(public_key, self.text.encode(), line.signature, _WHERE)
                return
        raise IntegrityError(_WHERE, "not signed by the expected key")


def key_id(name: str, public_key: bytes) -> bytes:
    """Return the 4 bytes that name an Ed25519 key in a signature line.

    Raises:
        FormatError: The name or the key cannot be used.
    """
    _check_name(name)
    signing.check_public_key(public_key, _WHERE)
    return sha256(name.encode() + b"\n" + ED25519 + public_key)[:4]


def sign_note(text: str, name: str, public_key: bytes, sign: Callable[[bytes], bytes]) -> str:
    """Return the note of `text` with one signature.

    Args:
        text: Ends with a newline; no other control characters; at most 64 KiB.
        name: Key name.
        public_key: Ed25519, 32 bytes.
        sign: Returns the 64-byte signature of the bytes handed to it, by the private half of `public_key`.

    Raises:
        FormatError: Text or name that cannot be in a note.
    """
    _check_text(text)
    line = NoteSignature(name, key_id(name, public_key), sign(text.encode()))
    return SignedNote(text, (line,)).encode()


def _check_characters(text: str, limit: int) -> None:
    size = _utf8_size(text)
    if size is None:
        raise FormatError(_WHERE, "not valid UTF-8")
    if size > limit:
        raise FormatError(_WHERE, "too long")
    if any(character < " " and character != "\n" for character in text):
        raise FormatError(_WHERE, "control characters")


def _utf8_size(text: str) -> int | None:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return None  # the error itself would carry the text along


def _check_text(text: str) -> None:
    _check_characters(text, MAX_TEXT_SIZE)
    if not text.endswith("\n"):
        raise FormatError(_WHERE, "text without a final newline")


def _check_name(name: str) -> None:
    _check_characters(name, MAX_NAME_SIZE)
    if not name or "+" in name or any(character.isspace() for character in name):
        raise FormatError(_WHERE, "a key name that is not allowed")
