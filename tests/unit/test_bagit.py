"""The tag files of a bag: one encoding, nothing else accepted."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.errors import FormatError
from vault.formats.bagit import DECLARATION, BagInfo, decode_info, decode_manifest, encode_info, encode_manifest
from vault.formats.tar import is_name

ID = "0123456789abcdef" * 2
PATHS = st.from_regex(r"[A-Za-z0-9_]{1,5}(/[A-Za-z0-9_]{1,5}(\.[a-z0-9]{1,3})?){0,3}", fullmatch=True).filter(is_name)
DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
A, B = "a" * 64, "b" * 64


def test_declaration_is_that_of_bagit_1_0():
    assert DECLARATION == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


@given(st.dictionaries(PATHS, DIGESTS, max_size=8))
def test_manifest_round_trip(digests):
    data = encode_manifest(digests)
    assert decode_manifest(data, "manifest") == digests
    assert encode_manifest(decode_manifest(data, "manifest")) == data


@given(st.text("ab0/.- \n\\%", max_size=40), st.data())
def test_what_decodes_encodes_to_the_same_bytes(noise, data):
    """Noise in and around a good manifest either decodes to exactly these bytes or is refused."""
    good = encode_manifest(data.draw(st.dictionaries(PATHS, DIGESTS, max_size=3))).decode()
    at = data.draw(st.integers(0, len(good)))
    mixed = (good[:at] + noise + good[at + data.draw(st.integers(0, 3)) :]).encode()
    try:
        digests = decode_manifest(mixed, "manifest")
    except FormatError:
        return
    assert encode_manifest(digests) == mixed


@given(st.binary(max_size=200))
def test_garbage_raises_only_format_errors(data):
    for decode in (lambda b: encode_manifest(decode_manifest(b, "m")), lambda b: encode_info(decode_info(b))):
        with contextlib.suppress(FormatError):
            assert decode(data) == data


@pytest.mark.parametrize(
    "data",
    [
        f"{A}  data/a",
        f"{A} data/a\n",
        f"{A} *data/a\n",
        f"{A.upper()}  data/a\n",
        f"{A}  data/b\n{B}  data/a\n",
        f"{A}  data/a\n{B}  data/a\n",
        f"{A}  data/a\r\n",
        f"{A}  ../a\n",
        f"{A}  /a\n",
        f"{A}  data/a b\n",
        f"{A}  data/%0A\n",
        f"{A}  data/\n",
        f"\n{A}  data/a\n",
        f"\\{A}  data/a\n",
        f"{A}  data/ä\n",
    ],
)
def test_manifest_deviations_are_refused(data):
    with pytest.raises(FormatError):
        decode_manifest(data.encode(), "manifest")


@given(st.integers(0, 1 << 60), st.integers(0, 10**6))
def test_info_round_trip(size, files):
    info = BagInfo(ID, size, files)
    assert decode_info(encode_info(info)) == info


@pytest.mark.parametrize(
    "data",
    [
        b"",
        f"External-Identifier: {ID}\nPayload-Oxum: 01.1\n".encode(),
        f"External-Identifier: {ID}\nPayload-Oxum: 1.1".encode(),
        f"External-Identifier: {ID}\nPayload-Oxum: 1.1\nBagging-Date: 2026-01-01\n".encode(),
        f"External-Identifier: {ID.upper()}\nPayload-Oxum: 1.1\n".encode(),
        f"Payload-Oxum: 1.1\nExternal-Identifier: {ID}\n".encode(),
    ],
)
def test_info_deviations_are_refused(data):
    with pytest.raises(FormatError):
        decode_info(data)


def test_encoders_refuse_what_the_files_cannot_hold():
    with pytest.raises(ValueError):
        encode_manifest({"../a": A})
    with pytest.raises(ValueError):
        encode_manifest({"a": A + "\n"})
    with pytest.raises(ValueError):
        encode_info(BagInfo("x", 1, 1))


def test_a_manifest_of_lines_that_are_too_short_is_refused_before_it_is_taken_apart():
    with pytest.raises(FormatError, match="a line that is not"):
        decode_manifest(b"\n" * 1000, "manifest")
