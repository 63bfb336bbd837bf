"""Fingerprints that two people read to each other: 40 digits or 12 words, and the forms that stock tools show.

All forms are spellings of one SHA-256 hash: of an OpenSSH public key blob (so that ``ssh-keygen -lf`` shows the same
hash) or of an age recipient string (so that ``sha256sum`` does). The canonical text is the digits form. Comparing takes
a whole fingerprint only, never its beginning. Spec: docs/formats/fingerprint.md.
"""

from __future__ import annotations

import base64
import re
import unicodedata

from shamir_mnemonic.wordlist import WORDLIST

from vault.crypto.hashes import equal, sha256
from vault.errors import FormatError, RefusedError
from vault.formats.ssh_keys import encode_key_blob

DIGIT_COUNT = 40
WORD_COUNT = 12
MAX_CLAIM_SIZE = 512
"""Most characters of a fingerprint that somebody typed."""

_HASH_SIZE = 32
_WORD_BITS = 10
_HEX = re.compile(r"[0-9a-f]{64}\Z")
_OPENSSH = re.compile(r"SHA256:[A-Za-z0-9+/]{43}\Z")
_WORDS = frozenset(WORDLIST)


def hash_of_key(public_key: bytes) -> bytes:
    """Return the 32-byte hash that stands for an Ed25519 key: SHA-256 of its OpenSSH public key blob.

    Raises:
        FormatError: Not a valid Ed25519 public key.
    """
    return sha256(encode_key_blob(public_key))


def hash_of_recipient(text: str) -> bytes:
    """Return the 32-byte hash that stands for an age recipient: SHA-256 of its string.

    Raises:
        FormatError: Not ASCII. Anything else about the string is for `age.parse_recipient` to judge.
    """
    if not text.isascii():
        raise FormatError("age recipient", "not ASCII")
    return sha256(text.encode("ascii"))


def fingerprint_of_key(public_key: bytes) -> str:
    """Return the digits form for an Ed25519 key, for example ``01234 56789 …`` (47 characters)."""
    return digits_of(hash_of_key(public_key))


def fingerprint_of_recipient(text: str) -> str:
    """Return the digits form for an age recipient string."""
    return digits_of(hash_of_recipient(text))


def digits_of(hashed: bytes) -> str:
    """Return 40 decimal digits in 8 groups of 5: the hash as a big-endian integer, modulo 10^40."""
    text = f"{int.from_bytes(hashed, 'big') % 10**DIGIT_COUNT:0{DIGIT_COUNT}d}"
    return " ".join(text[at : at + 5] for at in range(0, DIGIT_COUNT, 5))


def words_of(hashed: bytes) -> str:
    """Return 12 words of the SLIP-39 list: the first 120 bits of the hash, 10 bits a word."""
    bits = int.from_bytes(hashed, "big") >> (8 * _HASH_SIZE - _WORD_BITS * WORD_COUNT)
    return " ".join(WORDLIST[bits >> _WORD_BITS * at & 1023] for at in reversed(range(WORD_COUNT)))


def hex_of(hashed: bytes) -> str:
    """Return the hash as 64 lower-case hexadecimal digits, as ``sha256sum`` shows it."""
    return hashed.hex()


def openssh_of(hashed: bytes) -> str:
    """Return the hash as ``ssh-keygen -lf`` shows it: ``SHA256:`` and 43 characters of Base 64."""
    return "SHA256:" + base64.b64encode(hashed).decode("ascii").rstrip("=")


def matches(claimed: str, hashed: bytes) -> bool:
    """Say whether a fingerprint that somebody named is that of `hashed`, in time that does not tell where it differs.

    Args:
        claimed: 40 digits or 12 words, with blanks, hyphens or line breaks anywhere between them; 64 hexadecimal
            digits; or ``SHA256:`` and 43 characters. Full-width and local digits count as digits.
        hashed: As `hash_of_key` or `hash_of_recipient` returns it.

    Raises:
        RefusedError: Not a whole fingerprint in any of these forms.
    """
    spelled = _spellings(hashed)
    form, text = _normalise(claimed)
    return equal(text.encode("ascii"), spelled[form].encode("ascii"))


def differing(claimed: str, hashed: bytes) -> tuple[int, ...]:
    """Return which groups of five digits, or which words, are other than those of `hashed`, counted from 0.

    For whoever compares at the same table or telephone and may have misheard; it is no secret which they are.

    Args:
        claimed: As in `matches`; of one in another form than digits or words, all of it is the group 0.
        hashed: As in `matches`.

    Raises:
        RefusedError: Not a whole fingerprint in any of the forms.
    """
    form, text = _normalise(claimed)
    spelled = _spellings(hashed)[form]
    pairs = zip(groups_of(text, form), groups_of(spelled, form), strict=True)
    return tuple(place for place, (one, other) in enumerate(pairs) if one != other)


def groups_of(text: str, form: str = "") -> tuple[str, ...]:
    """Return the groups that a fingerprint is read in: five digits each, or the words; otherwise all of it as one.

    Args:
        text: As in `matches`.
        form: Its form, where it is known and `text` is written without blanks and marks.

    Raises:
        RefusedError: Not a whole fingerprint in any of the forms.
    """
    if not form:
        form, text = _normalise(text)
    if form == "digits":
        return tuple(text[at : at + 5] for at in range(0, DIGIT_COUNT, 5))
    return tuple(text.split())


def _spellings(hashed: bytes) -> dict[str, str]:
    if len(hashed) != _HASH_SIZE:
        raise ValueError("not a SHA-256 hash")
    return {
        "digits": digits_of(hashed).replace(" ", ""),
        "words": words_of(hashed),
        "hex": hex_of(hashed),
        "openssh": openssh_of(hashed),
    }


def _normalise(claimed: str) -> tuple[str, str]:
    """Return the form and its spelling without blanks, marks and capitals; the result is ASCII."""
    if len(claimed) <= MAX_CLAIM_SIZE:
        text = unicodedata.normalize("NFKC", claimed).strip()
        if _OPENSSH.match(text):
            return "openssh", text
        parts = "".join(map(_plain, text)).casefold().split()
        joined = "".join(parts)
        if len(joined) == DIGIT_COUNT and joined.isascii() and joined.isdigit():
            return "digits", joined
        if _HEX.match(joined):
            return "hex", joined
        if len(parts) == WORD_COUNT and _WORDS.issuperset(parts):
            return "words", " ".join(parts)
    raise RefusedError(
        "This is not a whole fingerprint.", "Give all 40 digits, all 12 words, or what 'ssh-keygen -lf' shows."
    )


def _plain(character: str) -> str:
    """A decimal digit of any script as ASCII, a hyphen or format mark as a blank or nothing, anything else as it is."""
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Pd":
        return " "
    return "" if category == "Cf" else character
