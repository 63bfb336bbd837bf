"""The one encoding of what the child found: strict, bounded, identical both ways."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.errors import FormatError
from vault.formats import jcs
from vault.media import wire
from vault.media.facts import ANSWER_SIZE, DISCLOSURES, FACT_COUNT, MediaFacts, decode_facts, encode_facts
from vault.media.source import Found, safe_name

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}(\.[a-z0-9_]{1,8}){1,3}", fullmatch=True)
VALUES = st.one_of(st.text(max_size=60), st.integers(-(2**53) + 1, 2**53 - 1), st.booleans())
GOOD = {"discloses": [], "extension": "bin", "facts": {}, "failed": False, "media_type": "a/b"}


@given(
    facts=st.dictionaries(NAMES, VALUES, max_size=8),
    kinds=st.sets(st.sampled_from(DISCLOSURES)),
    failed=st.booleans(),
)
def test_decoding_gives_back_what_was_encoded(facts, kinds, failed):
    value = MediaFacts("image/jpeg", "jpg", facts, tuple(k for k in DISCLOSURES if k in kinds), failed)
    assert decode_facts(encode_facts(value)) == value


@settings(max_examples=300)
@given(st.binary(max_size=80) | st.text(alphabet='{}[]":,abtrue01 ', max_size=80).map(str.encode))
def test_garbage_raises_only_format_errors(data):
    with pytest.raises(FormatError):
        decode_facts(data)


@settings(max_examples=300)
@given(at=st.integers(0, 200), octet=st.integers(0, 255))
def test_whatever_is_accepted_has_exactly_one_encoding(at, octet):
    data = bytearray(encode_facts(MediaFacts("image/png", "png", {"a.b": "x", "a.c": 7, "a.d": True}, ("author",))))
    data[at % len(data)] = octet
    try:
        found = decode_facts(bytes(data))
    except FormatError:
        return
    assert encode_facts(found) == bytes(data)


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"failed": 0},
        {"failed": None},
        {"extension": "JPG"},
        {"extension": "a/b"},
        {"extension": ""},
        {"extension": "ninechars"},
        {"extension": "jpg\n"},
        {"media_type": "image"},
        {"media_type": "image/jpeg; charset=x"},
        {"media_type": "Image/jpeg"},
        {"media_type": 1},
        {"discloses": ["place"]},
        {"discloses": ["author", "location"]},
        {"discloses": ["author", "author"]},
        {"discloses": [[]]},
        {"discloses": "author"},
        {"facts": []},
        {"facts": {"noDot": 1}},
        {"facts": {"a.B": 1}},
        {"facts": {"a": 1}},
        {"facts": {"a.b": "x" * 1001}},
        {"facts": {"a.b": None}},
        {"facts": {"a.b": ["x"]}},
        {"facts": {"a.b": {"c": 1}}},
        {"facts": {f"a.n{number}": 1 for number in range(FACT_COUNT + 1)}},
    ],
)
def test_every_breach_of_a_rule_is_refused(change):
    with pytest.raises(FormatError):
        decode_facts(jcs.encode({**GOOD, **change}))


@pytest.mark.parametrize(
    "data",
    [
        jcs.encode(GOOD) + b" ",
        jcs.encode(GOOD).replace(b"{}", b'{"a.b":1.5}'),
        jcs.encode(GOOD).replace(b"{}", b'{"a.b":9007199254740992}'),
        jcs.encode(GOOD).replace(b"{}", b'{"a.b":1,"a.b":1}'),
        jcs.encode({**GOOD, "facts": {f"a.n{n}": "x" * 1000 for n in range(80)}}),
    ],
)
def test_other_encodings_floats_large_numbers_and_long_answers_are_refused(data):
    with pytest.raises(FormatError):
        decode_facts(data)


def test_the_good_example_is_accepted():
    assert decode_facts(jcs.encode(GOOD)) == MediaFacts("a/b", "bin")


@settings(max_examples=60)
@given(st.lists(st.tuples(NAMES, st.text(max_size=1500) | st.binary(max_size=1500) | st.integers()), max_size=40))
def test_the_collector_never_exceeds_the_limits(claims):
    found = Found()
    for name, value in claims:
        found.add(name, value, "author")
    assert decode_facts(encode_facts(found.result())) == found.result()


def test_an_overflowing_collector_cuts_and_says_so():
    found = Found()
    for number in range(500):
        found.add(f"many.n{number}", "\x01" * 5000, "time")
    result = found.result()
    assert result.facts["inspection.cut"] is True
    assert not result.complete
    assert len(encode_facts(result)) <= ANSWER_SIZE
    assert result.discloses == ("time",)


def test_more_facts_than_allowed_are_left_out():
    found = Found()
    for number in range(500):
        found.add(f"many.n{number}", number)
    result = decode_facts(encode_facts(found.result()))
    assert 190 < len(result.facts) <= FACT_COUNT
    assert not result.complete


def test_a_long_text_is_cut_to_the_limit_and_that_is_said():
    found = Found()
    found.add("a.b", "文" * 1001)
    assert found.result().facts == {"a.b": "文" * 1000, "inspection.cut": True}


def test_a_second_different_value_is_kept_beside_the_first():
    found = Found()
    for value in ("Ann", "Ann", "Bo", " \0", ""):
        found.add("doc.author", value, "author")
    assert found.result().facts == {"doc.author": "Ann", "doc.author.2": "Bo"}


def test_control_characters_and_foreign_bytes_stay_visible_data():
    found = Found()
    found.add("a.b", "\x1b[31mred\u202e")
    found.add("a.c", b"\xd6\xd0 ok\0\0")
    found.add("a.d", "\ud800")
    assert found.result().facts == {"a.b": "\x1b[31mred\u202e", "a.c": "\\xd6\\xd0 ok", "a.d": "\\ud800"}


@given(st.text(max_size=60))
def test_names_from_files_become_safe(name):
    assert encode_facts(MediaFacts(facts={f"x.{safe_name(name)}": 1}))
    found = Found()
    found.add(f"x.{safe_name(name)}", 1)
    assert len(found.result().facts) == 1


def test_camel_case_names_are_split():
    assert [safe_name(n) for n in ("DateTimeOriginal", "GPSInfo", "FNumber", "lastModifiedBy", "ISO6709", "©xyz")] == [
        "date_time_original",
        "gps_info",
        "f_number",
        "last_modified_by",
        "iso6709",
        "xyz",
    ]


def test_the_worked_example_of_the_document():
    text = (Path(__file__).parents[2] / "docs" / "formats" / "media-facts.md").read_text(encoding="utf-8")
    example = text.split("```\n")[1].strip().encode()
    facts = {"exif.gps.latitude": "46 13 357/10", "image.width": 1440}
    assert decode_facts(example) == MediaFacts("image/jpeg", "jpg", facts, ("location",))
    assert f"41 {len(example):08x}" in text
    assert f"`49 00000008 {wire.pack_size(120064).hex()}`" in text
    assert f"`52 0000000c {wire.pack_range(65536, 1000).hex()[:16]} {wire.pack_range(65536, 1000).hex()[16:]}`" in text
