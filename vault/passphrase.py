"""Passphrases: making one, saying in plain words how strong one is, and turning typed text into bytes.

Generated phrases use the 1,024 words of SLIP-39 (10 bits a word). Strength is an estimate by zxcvbn of how many guesses
an informed attacker needs; for several words it is the smaller of the estimate for the whole and the sum over the
words, because zxcvbn alone counts every space as a guess to be made. Phrases that everybody knows count as one word,
however they are spaced. Nothing here stores, logs or quotes a passphrase.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from shamir_mnemonic.wordlist import WORDLIST
from zxcvbn import zxcvbn

from vault.crypto.randomness import random_bytes
from vault.errors import RefusedError
from vault.model import Secret

MINIMUM_BITS: Final = 40
GOOD_BITS: Final = 60
MAX_SIZE: Final = 1024
_MEASURED = 72
_BITS_PER_WORD = 10
_SPACING_BITS = 3
"""What it is worth which signs stand between the words."""
_GUESSES_PER_SECOND = 1000
_BETWEEN_WORDS = re.compile(r"[\s\-_.,;:/+]+")
_KNOWN: Final = (
    "correcthorsebatterystaple",
    "allyourbasearebelongtous",
    "itwasthebestoftimesitwastheworstoftimes",
    "maytheforcebewithyou",
    "thequickbrownfoxjumpsoverthelazydog",
    "tobeornottobethatisthequestion",
    "weholdthesetruthstobeselfevident",
)
"""Phrases that come first to mind, and so to a guesser's; without blanks."""
_REFUSED_CATEGORIES = ("Cc", "Cs", "Cn")
_PHRASES: Final = (
    ("more than a million years", 0),
    ("less than two minutes", 0),
    ("about {0} years", 31_557_600),
    ("about {0} days", 86_400),
    ("about {0} hours", 3_600),
    ("about {0} minutes", 60),
)
_OFFER = "Add words that have nothing to do with each other, or let the program make a phrase."


@dataclass(frozen=True, slots=True)
class Strength:
    """How strong a passphrase is.

    Attributes:
        ok: False when it is too weak to be accepted for a new vault (under 40 bits).
        bits: Base-2 logarithm of the guesses an informed attacker needs, rounded; an estimate.
        sentence: What that means, in one plain sentence.
        advice: What would make it better; empty when nothing needs to (60 bits and more).
    """

    ok: bool
    bits: int
    sentence: str
    advice: str


def generate(words: int = 8) -> str:
    """Return a random phrase of 4 to 24 words separated by spaces: 10 bits a word, 80 bits by default.

    Raises:
        RefusedError: Fewer than 4 words or more than 24.
    """
    if not 4 <= words <= 24:
        raise RefusedError("A phrase has 4 to 24 words.", "Use 8 words.")
    number = int.from_bytes(random_bytes((words * _BITS_PER_WORD + 7) // 8), "big")
    return " ".join(WORDLIST[number >> place * _BITS_PER_WORD & len(WORDLIST) - 1] for place in range(words))


def to_secret(text: str) -> Secret:
    """Return the bytes a passphrase stands for: UTF-8 of its NFC form, so that every keyboard yields the same.

    As RFC 8265 (OpaqueString): spaces of every kind become the plain one, letters are never folded, nothing is cut off.

    Raises:
        RefusedError: Empty, longer than 1,024 bytes, or with control, lone surrogate or unassigned code points.
    """
    if any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in text):
        raise RefusedError("The passphrase holds characters that cannot be typed again.", "Use letters and signs.")
    spaced = "".join(" " if unicodedata.category(character) == "Zs" else character for character in text)
    content = unicodedata.normalize("NFC", spaced).encode("utf-8")
    if not 1 <= len(content) <= MAX_SIZE:
        raise RefusedError(
            "A passphrase cannot be empty or longer than 1,024 bytes.", "Type a passphrase of ordinary length."
        )
    return Secret(content)


def strength(text: str) -> Strength:
    """Say how strong a passphrase is; looks at the first 72 characters, which takes some milliseconds."""
    bits = _bits(text[:_MEASURED])
    seconds = 2.0 ** min(bits - 1, 400) / _GUESSES_PER_SECOND
    one, thousand = _duration(seconds), _duration(seconds / 1000)
    sentence = f"One strong computer would guess it in {one}, a thousand of them in {thousand}."
    if one == thousand:
        sentence = f"One strong computer would guess it in {one}."
    if bits < MINIMUM_BITS:
        return Strength(False, bits, f"Too weak. {sentence}", _OFFER)
    if bits < GOOD_BITS:
        return Strength(True, bits, f"Fair. {sentence}", _OFFER)
    return Strength(True, bits, f"Strong. {sentence}", "")


def _bits(text: str) -> int:
    words = [word for word in _BETWEEN_WORDS.split(text) if word]
    return round(min(_guess_bits(text), sum(map(_guess_bits, words)), _guess_bits("".join(words)) + _SPACING_BITS))


def _guess_bits(text: str) -> float:
    return math.log2(zxcvbn(text, user_inputs=_KNOWN)["guesses"]) if text else 0.0


def _duration(seconds: float) -> str:
    for phrase, size in _PHRASES[2:]:
        if seconds >= 2 * size:
            number = seconds / size
            return phrase.format(_rounded(number)) if number < 1e6 else _PHRASES[0][0]
    return _PHRASES[1][0]


def _rounded(number: float) -> str:
    """Round to two digits: an estimate must not look exact."""
    whole = round(number)
    return f"{round(whole, 2 - len(str(whole))):,}"
