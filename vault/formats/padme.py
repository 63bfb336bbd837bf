"""Padmé: lengths that say little about what they hold.

Holds the rounding of a length up to a Padmé length and from there to whole blocks. Never pads anything itself.

Spec: Nikitin, Barman, Lueks, Underwood, Hubaux, Ford: "Reducing Metadata Leakage from Encrypted Files and
Communication with PURBs" (PoPETs 2019), section 4, algorithm 1. A length of L bytes leaks O(log log L) bits, and the
growth is at most 12 %.
"""

from __future__ import annotations


def padme(length: int) -> int:
    """Return the smallest Padmé length that is at least `length` (both in bytes).

    Raises:
        ValueError: `length` is negative.
    """
    if length < 0:
        raise ValueError("a length is not negative")
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    low_bits = exponent - exponent.bit_length()
    mask = (1 << low_bits) - 1
    return (length + mask) & ~mask


def padded_size(length: int, block: int) -> int:
    """Return the smallest multiple of `block` that is at least `padme(length)` (all in bytes).

    Raises:
        ValueError: `length` is negative, or `block` is not positive.
    """
    if block < 1:
        raise ValueError("a block has at least one byte")
    return -(-padme(length) // block) * block
