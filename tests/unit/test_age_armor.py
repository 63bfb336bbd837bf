"""The armor of age files: strict PEM, read as a stream."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.errors import FormatError
from vault.formats.age_armor import MAX_WHITE_SPACE, ArmorReader, encode_armor

BEGIN, END = b"-----BEGIN AGE ENCRYPTED FILE-----", b"-----END AGE ENCRYPTED FILE-----"


class Trickle:
    """A source that gives a few bytes at a time, as a slow pipe does."""

    def __init__(self, data: bytes, step: int) -> None:
        self._stream = io.BytesIO(data)
        self._step = step

    def read(self, size: int, /) -> bytes:
        return self._stream.read(min(size, self._step))


def decode(text: bytes, step: int = 1 << 20, ask: int = 1 << 20) -> bytes:
    begin = len(text) - len(text.lstrip()) + 1
    reader = ArmorReader(Trickle(text[begin:], step), text[:begin])
    return b"".join(iter(lambda: reader.read(ask), b""))


@given(st.binary(max_size=400), st.integers(1, 100), st.integers(1, 100))
def test_decode_undoes_encode_whatever_the_sizes_of_the_reads(data, step, ask):
    assert decode(encode_armor(data), step, ask) == data


def test_a_long_armor_is_decoded():
    data = bytes(range(256)) * 4096
    assert decode(encode_armor(data)) == data


@given(st.binary(min_size=1, max_size=200), st.data())
def test_an_altered_armor_is_refused_or_stands_for_other_bytes(data, draw):
    text = bytearray(encode_armor(data))
    at = draw.draw(st.integers(0, len(text) - 2))
    text[at : at + draw.draw(st.integers(0, 1))] = draw.draw(st.binary(min_size=1, max_size=2) | st.just(b"\n"))
    try:
        decoded = decode(bytes(text))
    except FormatError:
        return
    assert encode_armor(decoded) == text.strip() + b"\n"


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda garbage: BEGIN + b"\n" + garbage))
def test_garbage_raises_only_our_error(garbage):
    try:
        decoded = decode(garbage)
    except FormatError:
        return
    assert encode_armor(decoded).strip() == garbage.replace(b"\r\n", b"\n").strip()


def test_line_endings_of_windows_and_white_space_around_are_allowed():
    data = bytes(100)
    text = encode_armor(data)
    assert decode(text.replace(b"\n", b"\r\n")) == data
    assert decode(b"\n \t\r\n" + text + b"\r\n\t \n") == data
    assert decode(text[:-1]) == data


@pytest.mark.parametrize(
    "text",
    [
        b"",
        BEGIN,
        BEGIN + b"\n",
        BEGIN + b"\nAAAA\n",
        BEGIN + b"\nAAAA\n" + END[:-1] + b"\n",
        BEGIN + b"\n\nAAAA\n" + END + b"\n",
        BEGIN + b"\nAAAA\n\n" + END + b"\n",
        BEGIN + b"\nAAAA \n" + END + b"\n",
        BEGIN + b"\n AAAA\n" + END + b"\n",
        BEGIN + b"\nAAAA\nAAAA\n" + END + b"\n",
        BEGIN + b"\n" + b"A" * 62 + b"==\n" + b"AAAA\n" + END + b"\n",
        BEGIN + b"\n" + b"A" * 68 + b"\n" + END + b"\n",
        BEGIN + b"\nAA\n" + END + b"\n",
        BEGIN + b"\nAB==\n" + END + b"\n",
        BEGIN + b"\nAA=\n=\n" + END + b"\n",
        BEGIN + b"\nAA*A\n" + END + b"\n",
        BEGIN + b"\nKey: value\n\nAAAA\n" + END + b"\n",
        BEGIN + b"\nAAAA\r\n" + END + b"\n",
        BEGIN + b"\r\nAAAA\n" + END + b"\r\n",
        BEGIN.lower() + b"\nAAAA\n" + END.lower() + b"\n",
        BEGIN + b"\nAAAA\n" + END + b"\nx",
        BEGIN + b"\nAAAA\n" + END + b" \n",
        BEGIN + b"\nAAAA\n" + END + b"\n" + b" " * (MAX_WHITE_SPACE + 1),
        b"x\n" + BEGIN + b"\nAAAA\n" + END + b"\n",
        BEGIN + b"\n" + b"A" * 100_000,
    ],
)
def test_anything_but_the_one_encoding_is_refused(text):
    with pytest.raises(FormatError):
        decode(text)
    with pytest.raises(FormatError):
        decode(text, step=7)


def test_more_white_space_than_the_limit_before_it_is_refused():
    with pytest.raises(FormatError):
        ArmorReader(io.BytesIO(), b" " * (MAX_WHITE_SPACE + 1) + BEGIN)
