"""Bech32 text against BIP 173, and its one-encoding rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.errors import FormatError
from vault.formats import bech32

PREFIXES = st.sampled_from(["age", "age1pq", "AGE-SECRET-KEY-", "a", "1", "?", "x" * 83])


@pytest.mark.parametrize(
    "text",
    [
        "A12UEL5L",
        "a12uel5l",
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
        "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
        "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
        "?1ezyfcl",
    ],
)
def test_valid_texts_of_bip_173_are_read_and_written_alike(text):
    prefix, data = bech32.decode(text, "here")
    assert bech32.encode(prefix, data) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "pzry9x0s0muk",
        "1pzry9x0s0muk",
        "x1b4n0q5v",
        "li1dgmt3",
        "de1lg7wt\xff",
        "A1G7SGD8",
        "10a06t8",
        "1qzzfhee",
        "\x201nwldj5",
        "\x7f1axkwrx",
        "\x801eym55h",
        "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwJ",
        "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwq",
        # The checksum of Bech32m, which is another format.
        "a1lqfn3a",
        # Valid checksum, spare bits set.
        "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3pjxtptv",
        "q" * 5000,
    ],
)
def test_invalid_texts_are_refused(text):
    with pytest.raises(FormatError):
        bech32.decode(text, "here")


@given(PREFIXES, st.binary(max_size=200))
def test_decode_undoes_encode(prefix, data):
    assert bech32.decode(bech32.encode(prefix, data), "here") == (prefix, data)


@given(st.text(alphabet="qpzry9x8gf2tvdw0s3jn54khce6mua7l1age-AGEQP", max_size=40) | st.text(max_size=40))
def test_any_text_is_refused_or_the_one_encoding(text):
    try:
        prefix, data = bech32.decode(text, "here")
    except FormatError:
        return
    assert bech32.encode(prefix, data) == text


@given(st.binary(min_size=32, max_size=32), st.data())
def test_one_wrong_character_is_noticed(data, draw):
    text = bech32.encode("age", data)
    at = draw.draw(st.integers(4, len(text) - 1))
    other = draw.draw(st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7l").filter(lambda c: c != text[at]))
    with pytest.raises(FormatError):
        bech32.decode(text[:at] + other + text[at + 1 :], "here")


@pytest.mark.parametrize("prefix", ["", "Age", "a b", "é"])
def test_a_prefix_that_cannot_be_written_is_a_mistake_of_the_caller(prefix):
    with pytest.raises(ValueError):
        bech32.encode(prefix, b"")


def test_more_data_than_a_text_may_hold_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError):
        bech32.encode("age", bytes(3000))


def test_a_prefix_without_letters_is_written_in_lower_case_only():
    text = bech32.encode("12", bytes(range(9)))
    assert bech32.decode(text, "here") == ("12", bytes(range(9)))
    with pytest.raises(FormatError):
        bech32.decode(text.upper(), "here")
