"""The age header: one encoding, limits, and its authentication code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.errors import FormatError, IntegrityError, UnsupportedVersionError
from vault.formats import age_header
from vault.formats.age_header import Header, Stanza

KEY = b"YELLOW SUBMARINE"
MAC = "A" * 43
ARGUMENT = st.text(alphabet=[chr(c) for c in range(0x21, 0x7F)], min_size=1, max_size=30)
STANZA = st.builds(Stanza, st.lists(ARGUMENT, min_size=1, max_size=4).map(tuple), st.binary(max_size=200))
HEADER = st.builds(Header, st.lists(STANZA, min_size=1, max_size=5).map(tuple), st.binary(min_size=32, max_size=32))


def file(*lines: str) -> bytes:
    return "\n".join(["age-encryption.org/v1", *lines, f"--- {MAC}", ""]).encode()


@given(HEADER, st.binary(max_size=20))
def test_parse_undoes_encode_and_finds_the_end(header, rest):
    data = header.encode()
    assert age_header.parse(data + rest) == (header, len(data))


@given(HEADER, st.data())
def test_an_altered_header_is_refused_or_is_the_one_encoding_of_another(header, data):
    encoded = bytearray(header.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(encoded) - 1))
        encoded[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.binary(max_size=2) | st.sampled_from([b"\n", b"="])
        )
    try:
        parsed, size = age_header.parse(bytes(encoded))
    except FormatError:
        return
    assert parsed.encode() == encoded[:size]


@given(st.binary(max_size=300).map(lambda garbage: b"age-encryption.org/v1\n-> " + garbage) | st.binary(max_size=300))
def test_garbage_raises_only_our_error(garbage):
    try:
        parsed, size = age_header.parse(garbage)
    except FormatError:
        return
    assert parsed.encode() == garbage[:size]


@pytest.mark.parametrize("size", [0, 1, 47, 48, 49, 95, 96, 97])
def test_a_body_ends_with_a_line_shorter_than_64_columns(size):
    lines = Stanza(("x",), bytes(size)).encode().split(b"\n")[1:-1]
    assert [len(line) for line in lines[:-1]] == [64] * (len(lines) - 1)
    assert len(lines[-1]) < 64
    assert age_header.parse(file("-> x", *(line.decode() for line in lines)))[0].stanzas[0].body == bytes(size)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"age-encryption.org/v1",
        b"age-encryption.org/v1\r\n-> x\n\n--- " + MAC.encode() + b"\n",
        b"AGE-encryption.org/v1\n-> x\n\n--- " + MAC.encode() + b"\n",
        b"age-encryption.org/\n-> x\n\n--- " + MAC.encode() + b"\n",
        file(),
        file("-> x"),
        file("->x", ""),
        file("->  x", ""),
        file("-> x ", ""),
        file("-> x  y", ""),
        file("-> ", ""),
        file("-> x\r", ""),
        file("-> ü", ""),
        file("-> x\x7f", ""),
        file("-> x", "A"),
        file("-> x", "AB"),
        file("-> x", "AA=="),
        file("-> x", "AA A"),
        file("-> x", "A" * 64),
        file("-> x", "A" * 65, ""),
        file("-> x", "A" * 68, ""),
        file("-> x", "AA", "AA"),
        file("-> x", "", ""),
        file("-> x", "")[:-1],
        file("-> x", "").replace(b"--- ", b"---"),
        file("-> x", "").replace(b"--- ", b"---  "),
        file("-> x", "").replace(MAC.encode(), MAC.encode() + b" "),
        file("-> x", "").replace(MAC.encode(), MAC[1:].encode()),
        file("-> x", "").replace(MAC.encode(), MAC.encode() + b"A"),
        file("-> x", "").replace(MAC.encode(), MAC[1:].encode() + b"B"),
    ],
)
def test_anything_but_the_one_encoding_is_refused(data):
    with pytest.raises(FormatError):
        age_header.parse(data)


def test_every_truncation_is_refused():
    data = age_header.make((Stanza(("x", "y"), bytes(60)),), KEY).encode()
    for size in range(len(data)):
        with pytest.raises(FormatError):
            age_header.parse(data[:size])


def test_another_version_is_told_apart():
    with pytest.raises(UnsupportedVersionError):
        age_header.parse(file("-> x", "").replace(b"/v1", b"/v2"))


def test_64_stanzas_are_read_and_one_more_is_refused():
    stanza = Stanza(("x",), b"")
    assert len(age_header.parse(age_header.make((stanza,) * 64, KEY).encode())[0].stanzas) == 64
    with pytest.raises(FormatError, match="too many"):
        age_header.parse(Header((stanza,) * 65, bytes(32)).encode())
    with pytest.raises(ValueError):
        age_header.make((stanza,) * 65, KEY)


def test_a_header_of_64_kib_is_read_and_a_longer_one_is_refused():
    def header(argument_size: int) -> Header:
        return Header((Stanza(("x" * argument_size,), b""),), bytes(32))

    fitting = age_header.MAX_SIZE - len(header(1).encode()) + 1
    assert age_header.parse(header(fitting).encode() + b"payload")[1] == age_header.MAX_SIZE
    with pytest.raises(FormatError, match="64 KiB"):
        age_header.parse(header(fitting + 1).encode() + b"payload")
    with pytest.raises(ValueError):
        age_header.make(header(fitting + 1).stanzas, KEY)


def test_the_code_holds_for_its_file_key_and_its_stanzas_only():
    header = age_header.make((Stanza(("x",), b"body"),), KEY)
    header.verify(KEY)
    with pytest.raises(IntegrityError):
        header.verify(b"yellow submarine")
    with pytest.raises(IntegrityError):
        Header((Stanza(("y",), b"body"),), header.mac).verify(KEY)


@pytest.mark.parametrize("arguments", [(), ("",), ("a b",), ("a\n",), ("é",)])
def test_a_stanza_that_cannot_be_written_is_a_mistake_of_the_caller(arguments):
    with pytest.raises(ValueError):
        Stanza(arguments, b"").encode()
