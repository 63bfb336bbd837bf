"""Recovery shares: SLIP-39 over the private seed of the recovery slot (docs/formats/recovery.md).

Holds making, writing, reading and combining shares. It never sees the vault key and keeps nothing; whether a combined
secret is the right one is for the public key in the key file and the header's MAC to say (`vault.keys.recover_keys`).
The library's own error messages quote words of shares, so none of them is passed on or chained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics
from shamir_mnemonic.share import Share as Slip39Share
from shamir_mnemonic.wordlist import WORD_INDEX_MAP

from vault.crypto import kem
from vault.crypto.hashes import equal
from vault.crypto.randomness import random_bytes
from vault.errors import RefusedError
from vault.model import Secret

WORDS_PER_SHARE: Final = 33
MAX_SHARES: Final = 16
MAX_FILE_SIZE: Final = 4096

_CHECK = "Compare it with the paper or file it came from."


@dataclass(frozen=True, slots=True)
class Share:
    """One share of a set.

    Attributes:
        set_id: 0 to 32,767, drawn at random; shares of one set carry the same.
        index: Which share of its set, from 1.
        threshold: How many shares of the set open the vault.
        words: The 33 words, lower-case, separated by single spaces; never shown by `repr`.
    """

    set_id: int
    index: int
    threshold: int
    words: str = field(repr=False)


def make_shares(threshold: int = 2, count: int = 3) -> tuple[bytes, tuple[Share, ...]]:
    """Return a new recovery public key (1216 bytes) and the shares of its private seed.

    Args:
        threshold: How many shares are needed, 2 to `count`.
        count: How many there are, at most 16.

    Raises:
        RefusedError: These numbers make no sense.
    """
    if not 2 <= threshold <= count <= MAX_SHARES:
        raise RefusedError(
            "That many shares cannot be made.",
            "Choose at most 16 shares, and at least two that are needed to open the vault.",
        )
    seed = random_bytes(kem.HYBRID_SEED_SIZE)
    ((*texts,),) = generate_mnemonics(1, [(threshold, count)], seed, b"", extendable=False, iteration_exponent=0)
    return kem.hybrid_public(seed), tuple(parse_share(text) for text in texts)


def parse_share(text: str) -> Share:
    """Read the words of one share as a person typed them: any case, any white space between the words.

    Raises:
        RefusedError: Not 33 words of the list, a wrong checksum, or a share that this program does not make.
    """
    words = text.lower().split()
    for position, word in enumerate(words, 1):
        if word not in WORD_INDEX_MAP:
            raise RefusedError(f"Word {position} of a share is not in the list of words.", _CHECK)
    if len(words) != WORDS_PER_SHARE:
        raise RefusedError(f"A share has 33 words, and this one has {len(words)}.", _CHECK)
    canonical = " ".join(words)
    try:
        parsed = Slip39Share.from_mnemonic(canonical)
    except MnemonicError:
        parsed = None
    if parsed is None:
        raise RefusedError("A word of a share is wrong, or two are exchanged.", _CHECK)
    groups = (parsed.group_index, parsed.group_threshold, parsed.group_count)
    if parsed.extendable or parsed.iteration_exponent != 0 or groups != (0, 1, 1) or parsed.member_threshold < 2:
        raise RefusedError("This is a share of another program.", "Use the shares that were made for this vault.")
    return Share(parsed.identifier, parsed.index + 1, parsed.member_threshold, canonical)


def is_word(text: str) -> bool:
    """True for a word that can stand in a share, in lower case."""
    return text in WORD_INDEX_MAP


def encode_share(share: Share) -> bytes:
    """Return the plain text of a share's file (docs/formats/recovery.md); encrypting it is the caller's duty."""
    lines = [
        "# Recovery share of an evidence vault. Keep it secret, and apart from the other shares.",
        f"# Set {share.set_id}, share {share.index}; {share.threshold} shares of this set open the vault.",
    ]
    words = share.words.split()
    lines += [" ".join(words[start : start + 3]) for start in range(0, len(words), 3)]
    return ("\n".join(lines) + "\n").encode("ascii")


def decode_share(data: bytes) -> Share:
    """Read a share's file: lines that begin with ``#`` are skipped, the others are its words.

    Raises:
        RefusedError: Longer than 4 KiB, not plain text, or not a share.
    """
    if len(data) > MAX_FILE_SIZE or not data.isascii():
        raise RefusedError("This is not the file of a recovery share.", "Decrypt it first if it is encrypted.")
    lines = data.decode("ascii").splitlines()
    return parse_share(" ".join(line for line in lines if not line.lstrip().startswith("#")))


def combine(shares: Sequence[Share]) -> Secret:
    """Return the 32-byte private seed of the recovery slot; every share given must fit, also those above the threshold.

    Raises:
        RefusedError: Too few, of different sets, or one that does not fit the others.
    """
    distinct = {share.index: share for share in shares}
    if not distinct:
        raise RefusedError("No shares were given.", "Give as many shares as are needed to open the vault.")
    if len({(share.set_id, share.threshold) for share in shares}) != 1:
        raise RefusedError("These shares do not belong together.", "Use shares that carry the same set number.")
    threshold = shares[0].threshold
    if len(distinct) < threshold:
        raise RefusedError(
            f"{threshold} different shares are needed; given: {len(distinct)}.",
            "Ask the others who hold a share of this set.",
        )
    if any(distinct[share.index].words != share.words for share in shares):
        raise _not_fitting()
    first, *rest = (distinct[index] for index in sorted(distinct))
    base, further = [first, *rest[: threshold - 2]], rest[threshold - 2 :]
    secrets = [_combined([*base, share]) for share in further]
    if not all(equal(secrets[0], secret) for secret in secrets):
        raise _not_fitting()
    return Secret(secrets[0])


def _combined(shares: Sequence[Share]) -> bytes:
    try:
        return bytes(combine_mnemonics([share.words for share in shares]))
    except MnemonicError:
        pass
    raise _not_fitting()


def _not_fitting() -> RefusedError:
    return RefusedError("One of the shares does not fit the others.", "Use shares that were made at the same time.")
