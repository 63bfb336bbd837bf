"""Canonical JSON: RFC 8785's own examples, one encoding only, and errors that quote nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.errors import FormatError, RefusedError
from vault.formats import jcs

WHERE = "test document"

texts = st.text(st.characters(exclude_categories=("Cs",)))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-jcs.MAX_INT, jcs.MAX_INT) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def test_members_are_sorted_by_utf16_code_units_as_rfc_8785_3_2_3_shows():
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    encoded = jcs.encode(dict.fromkeys(names, 0))
    assert list(json.loads(encoded)) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_strings_are_escaped_as_rfc_8785_3_2_2_shows():
    assert jcs.encode("\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/") == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode()
    controls = "".join(map(chr, range(32)))
    expected = "".join({8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"}.get(c, f"\\u{c:04x}") for c in range(32))
    assert jcs.encode(controls + "\x7f\u2028") == f'"{expected}\x7f\u2028"'.encode()


def test_nested_values_are_written_without_white_space():
    value = {"z": [1, -1, True, False, None, {}, [], ["x"]], "a": {"b": {"c": ""}}}
    assert jcs.encode(value) == b'{"a":{"b":{"c":""}},"z":[1,-1,true,false,null,{},[],["x"]]}'


@settings(deadline=None)
@given(values)
def test_a_value_survives_the_way_out_and_back(value):
    encoded = jcs.encode(value)
    assert jcs.decode(encoded, WHERE) == value
    assert json.loads(encoded) == value


@settings(deadline=None)
@given(values, st.data())
def test_a_changed_byte_is_refused_or_is_the_canonical_form_of_another_value(value, data):
    encoded = bytearray(jcs.encode(value))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        changed = jcs.decode(bytes(encoded), WHERE)
    except FormatError:
        return
    assert jcs.encode(changed) == bytes(encoded)
    assert json.dumps(changed) != json.dumps(value)


json_like = st.text('[]{}",:0123456789.-+eE\\utrfalsn x\ufeff\ud800', max_size=40)


@settings(deadline=None)
@given(st.binary(max_size=60) | json_like.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_garbage_raises_only_format_error(data):
    try:
        value = jcs.decode(data, WHERE)
    except FormatError:
        return
    assert jcs.encode(value) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" 1",
        b"1 ",
        b"1\n",
        b"{} {}",
        b"01",
        b"-0",
        b"+1",
        b"1.0",
        b"1e3",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"9007199254740992",
        b"-9007199254740992",
        b"9" * 5000,
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b'{"\\u0061":1}',
        b'"\\u0061"',
        b'"\\/"',
        b'"\\u000A"',
        b'"\\u000a"',
        b'"\\ud800"',
        b'"\\ud83d\\ude00"',
        b'"\xed\xa0\x80"',
        b'"\xc0\x80"',
        b'"\xff"',
        b"\xef\xbb\xbf1",
        '"x"'.encode("utf-16"),
        b"[1,]",
        b"[" * 33 + b"]" * 33,
        b"[" * 200_000 + b"]" * 200_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
    ids=lambda data: repr(data[:20]),
)
def test_every_other_spelling_is_refused(data):
    with pytest.raises(FormatError):
        jcs.decode(data, WHERE)


def test_the_extremes_of_numbers_and_depth_are_taken():
    deepest = b"[" * jcs.MAX_DEPTH + b"]" * jcs.MAX_DEPTH
    for data in (b"9007199254740991", b"-9007199254740991", deepest):
        assert jcs.encode(jcs.decode(data, WHERE)) == data


def test_endless_numbers_are_refused_before_they_are_converted():
    assert jcs._integer("-9007199254740991") == -(2**53) + 1
    with pytest.raises(ValueError):
        jcs._integer("1" * 18)


def test_size_is_limited():
    assert jcs.decode(b'"' + b"x" * 8 + b'"', WHERE, limit=10) == "x" * 8
    with pytest.raises(FormatError, match="too long"):
        jcs.decode(b'"' + b"x" * 9 + b'"', WHERE, limit=10)


@pytest.mark.parametrize("value", [2**53, -(2**53), "\ud800", {"\udfff": 1}, ["ok", "a\ud800b"]])
def test_values_that_no_json_reader_keeps_are_refused(value):
    with pytest.raises(RefusedError):
        jcs.encode(value)


def test_too_many_levels_are_refused():
    value = []
    for _ in range(jcs.MAX_DEPTH):
        value = [value]
    with pytest.raises(RefusedError):
        jcs.encode(value)


@pytest.mark.parametrize("value", [1.5, float("nan"), b"x", (1,), {1: 2}, {None: 1}, {"a": {1}}, object()])
def test_what_is_no_json_value_is_a_mistake_of_the_program(value):
    with pytest.raises(TypeError):
        jcs.encode(value)


def test_errors_hold_nothing_of_the_input():
    for data in (b'{"name":"Gulnisa",}', b'"Gulnisa\xff"', b'{"name":1.5,"x":"Gulnisa"}'):
        with pytest.raises(FormatError) as caught:
            jcs.decode(data, WHERE)
        assert caught.value.__cause__ is None and caught.value.__context__ is None
        assert "Gulnisa" not in str(caught.value)
    with pytest.raises(RefusedError) as refused:
        jcs.encode("Gulnisa\ud800")
    assert refused.value.__context__ is None and "Gulnisa" not in str(refused.value)
