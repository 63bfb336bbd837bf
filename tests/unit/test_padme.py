"""Padmé lengths."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.formats.padme import padded_size, padme


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, 0),
        (1, 1),
        (2, 2),
        (9, 10),
        (100, 104),
        (1000, 1024),
        (1023, 1024),
        (1 << 20, 1 << 20),
        ((1 << 20) + 1, 1081344),
    ],
)
def test_known_lengths(length, expected):
    assert padme(length) == expected


@given(st.integers(2, 1 << 50))
def test_follows_the_definition_of_the_paper(length):
    """A Padmé length has no more bits in its mantissa than its exponent has; computed here with logarithms."""
    exponent = length.bit_length() - 1
    mantissa_bits = math.floor(math.log2(exponent)) + 1 if exponent else 0
    step = 1 << max(0, exponent - mantissa_bits)
    assert padme(length) == -(-length // step) * step


@given(st.integers(0, 1 << 60))
def test_is_the_smallest_and_stays_put(length):
    padded = padme(length)
    assert padded >= length
    assert padme(padded) == padded
    assert padded <= length * 1.12 + 1


@given(st.integers(1, 1 << 50), st.sampled_from([1, 2, 512, 4096]))
def test_padded_size_is_a_multiple_and_stays_put(length, block):
    size = padded_size(length, block)
    assert size % block == 0
    assert size - block < padme(length) <= size
    if block == 512:
        assert padded_size(size, block) == size


@given(st.integers(0, 1 << 40), st.integers(0, 1 << 40))
def test_never_shrinks_when_the_length_grows(one, other):
    low, high = sorted((one, other))
    assert padme(low) <= padme(high)


def test_there_are_few_distinct_lengths():
    """All lengths from 1 KiB to 4 GiB fall into some six hundred classes."""
    seen, length = 0, 1024
    while length <= 1 << 32:
        length = padme(length) + 1
        seen += 1
    assert seen < 620


@pytest.mark.parametrize(("length", "block"), [(-1, 512), (1, 0)])
def test_refuses_impossible_arguments(length, block):
    with pytest.raises(ValueError):
        padded_size(length, block)
