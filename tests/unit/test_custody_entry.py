"""Custody entries: what was noted comes back, absent looks like withheld, nothing else gets through."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.errors import FormatError, IntegrityError, RefusedError, UnsupportedVersionError
from vault.formats import custody_entry, jcs
from vault.formats.custody_entry import SLOTS, choose, make_entry, read_entry
from vault.formats.sd_jwt import Disclosure, b64url, decoy, digest_of, unb64url

EPOCH = "0123456789abcdef" * 2
ID = "fedcba9876543210" * 2
EVENT = {
    "object": {"id": ID, "kind": "attachment"},
    "type": "message digest calculation",
    "time": {"utc": "2026-11-20T21:27:15Z", "clock": "system clock, not checked"},
    "agent": {"key": "SHA256:xyz", "role": "holder"},
    "software": {"name": "evault", "version": "0.1.0"},
    "purpose": {"why": '家属要求 "quoted" \\ \n\x01', "authority": "consent"},
    "location": {"class": "this device"},
    "transfer": {"from": "SHA256:a", "to": "SHA256:b"},
    "digests": {"before": "0" * 64, "after": "1" * 64},
    "outcome": {"result": "success"},
    "change": {"what": "EXIF removed", "justification": "names a place"},
    "related": [ID, EPOCH],
}
NEEDED = {slot: EVENT[slot] for slot in ("object", "type", "time")}
ENTRY, DISCLOSURES = make_entry(epoch=EPOCH, number=7, event=EVENT)
DOCUMENT = Path(__file__).parents[2] / "docs" / "formats" / "custody-log.md"


def make(event, number=7):
    return make_entry(epoch=EPOCH, number=number, event=event)


words = st.text(st.characters(exclude_categories=("Cs",)), max_size=10)


def members(must, may):
    return st.fixed_dictionaries(dict.fromkeys(must.split(), words), optional=dict.fromkeys(may.split(), words))


events = st.fixed_dictionaries(
    {
        "object": members("id kind", ""),
        "type": words.filter(bool),
        "time": st.fixed_dictionaries({"utc": st.just("2026-11-20T21:27:15Z"), "clock": words}),
    },
    optional={
        "agent": members("key role", ""),
        "software": members("name version", ""),
        "purpose": members("why", "authority"),
        "location": members("class", "id"),
        "transfer": members("", "from to").filter(bool),
        "digests": members("", "before after").filter(bool),
        "outcome": st.fixed_dictionaries(
            {"result": st.sampled_from(["success", "failure", "intent"])}, optional={"detail": words}
        ),
        "change": members("what justification", ""),
        "related": st.lists(words, min_size=1, max_size=3),
    },
)
few = settings(max_examples=60, deadline=None)


@few
@given(events, st.integers(0, jcs.MAX_INT))
def test_an_event_comes_back(event, number):
    entry, disclosures = make(event, number)
    view = read_entry(entry, disclosures)
    assert (view.epoch, view.number, view.event) == (EPOCH, number, event)
    assert list(view.event) == [slot for slot in SLOTS if slot in event]


@few
@given(events, st.sets(st.sampled_from(SLOTS)))
def test_any_choice_of_slots_shows_exactly_that(event, slots):
    entry, disclosures = make(event)
    view = read_entry(entry, choose(disclosures, slots))
    assert view.event == {slot: event[slot] for slot in event if slot in slots}


@few
@given(events)
def test_the_bytes_are_canonical_and_the_digests_those_of_the_disclosures(event):
    entry, disclosures = make(event)
    leaf = jcs.decode(entry, "test")
    assert leaf.keys() == {"_sd", "_sd_alg", "epoch", "format", "number"}
    assert jcs.encode(leaf) == entry
    assert len(set(leaf["_sd"])) == 12
    for text in disclosures:
        salt, slot, value = jcs.decode(unb64url(text, "test"), "test")
        assert event[slot] == value and len(unb64url(salt, "test")) == 16
        assert leaf["_sd"][SLOTS.index(slot)] == digest_of(text)
        assert Disclosure.parse(text).digest == digest_of(text)


def test_leaves_of_full_and_sparse_events_have_the_same_form():
    sparse, _ = make(NEEDED)
    assert len(sparse) == len(ENTRY) and len(jcs.decode(sparse, "test")["_sd"]) == 12


def test_the_same_event_never_makes_the_same_leaf_twice():
    leaves = [make(NEEDED) for _ in range(200)]
    digests = [digest for entry, _ in leaves for digest in jcs.decode(entry, "test")["_sd"]]
    assert len(set(digests)) == 200 * 12
    salts = [jcs.decode(unb64url(text, "test"), "test")[0] for _, texts in leaves for text in texts]
    assert len(set(salts)) == 200 * 3


@few
@given(st.permutations(list(EVENT)))
def test_disclosures_stand_in_the_order_of_the_slots_however_the_event_was_told(order):
    entry, disclosures = make({slot: EVENT[slot] for slot in order})
    assert [jcs.decode(unb64url(text, "test"), "test")[1] for text in disclosures] == list(SLOTS)
    assert [digest_of(text) for text in disclosures] == jcs.decode(entry, "test")["_sd"]


def test_a_withheld_slot_is_not_in_the_bytes():
    for word in (b"EXIF", b"holder", b"attachment", b"2026", ID.encode()):
        assert word not in ENTRY


@pytest.mark.parametrize(
    "change",
    [
        {"object": None},
        {"object": {}},
        {"object": {"id": ID}},
        {"object": {"id": ID, "kind": "x", "name": "y"}},
        {"object": {"id": 1, "kind": "x"}},
        {"object": "record"},
        {"type": ""},
        {"type": None},
        {"type": ["capture"]},
        {"time": {"utc": "2026-11-20 21:27:15", "clock": ""}},
        {"time": {"utc": "2026-11-20T21:27:15.5Z", "clock": ""}},
        {"time": {"utc": "2026-11-20T21:27:15+00:00", "clock": ""}},
        {"time": {"utc": "2026-11-20T21:27:15Z\n", "clock": ""}},
        {"time": {"utc": 1, "clock": ""}},
        {"transfer": {}},
        {"digests": {"during": "x"}},
        {"outcome": {"result": "perhaps"}},
        {"outcome": {"result": ["success"]}},
        {"outcome": {"detail": "x"}},
        {"related": []},
        {"related": [1]},
        {"related": "x"},
        {"related": {"x": "y"}},
        {"purpose": {"why": "x", "authority": None}},
        {"unknown": "x"},
        {"_sd": "x"},
    ],
    ids=repr,
)
def test_slots_of_another_form_are_refused_on_both_sides(change):
    with pytest.raises(ValueError):
        make(NEEDED | change)
    [(slot, value)] = change.items()
    text = b64url(jcs.encode(["A" * 22, slot, value]))
    with pytest.raises(FormatError):
        read_entry(ENTRY, [text])


@pytest.mark.parametrize("slot", sorted(NEEDED))
def test_an_event_without_object_type_or_time_is_no_event(slot):
    with pytest.raises(ValueError):
        make({name: value for name, value in NEEDED.items() if name != slot})


@pytest.mark.parametrize("changes", [{"epoch": "x"}, {"epoch": EPOCH.upper()}, {"number": -1}, {"number": 2**53}])
def test_epochs_and_numbers_of_another_form_are_refused(changes):
    with pytest.raises(ValueError):
        make_entry(**({"epoch": EPOCH, "number": 0, "event": NEEDED} | changes))


def test_texts_that_cannot_be_stored_or_are_endless_are_refused(monkeypatch):
    monkeypatch.setattr(custody_entry, "MAX_DISCLOSURE", 1000)
    for why in ("\ud800", "x" * 1000):
        with pytest.raises(RefusedError) as caught:
            make(NEEDED | {"purpose": {"why": why}})
        assert caught.value.__context__ is None


def test_an_entry_can_name_a_hundred_thousand_related_ids():
    event = NEEDED | {"related": [ID] * 100_000}
    assert read_entry(*make(event)).event == event


def decoys(count: int) -> list[str]:
    return [decoy() for _ in range(count)]


def leaf_with(**changes) -> bytes:
    leaf = {"_sd": decoys(12), "_sd_alg": "sha-256", "epoch": EPOCH, "format": "custody-entry/1", "number": 7}
    return jcs.encode(leaf | changes)


def test_disclosures_of_another_spelling_are_refused():
    content = unb64url(DISCLOSURES[0], "test").decode()
    salt = json.loads(content)[0]
    for other in (
        content.replace(",", ", ", 1),
        content + " ",
        content.replace(salt, salt[:-1] + "B"),
        content.replace(salt, ""),
        content[:-1] + ",1]",
        "[]",
        "{}",
        "x",
        "[" * 100_000,
        f'["{salt}","type",{"9" * 5000}]',
        f'["{salt}","type","\\u0061"]',
        f'["{salt}","type","\\ud800"]',
        f'["{salt}",["type"],"a"]',
        f'["{salt}","object",{{"id":"a","id":"b","kind":"c"}}]',
        f'["{salt}","object",{{"kind":"c","id":"b"}}]',
    ):
        text = b64url(other.encode())
        with pytest.raises(FormatError):
            read_entry(ENTRY, [text])
    for text in (DISCLOSURES[0] + "=", DISCLOSURES[0] + "\n", "", "é", " " + DISCLOSURES[0]):
        with pytest.raises(FormatError):
            read_entry(ENTRY, [text])


def test_a_disclosure_has_a_largest_size(monkeypatch):
    monkeypatch.setattr(custody_entry, "MAX_DISCLOSURE", 1000)
    text = b64url(jcs.encode(["A" * 22, "type", "x" * 1000]))
    with pytest.raises(FormatError, match="too long"):
        read_entry(ENTRY, [text])


def test_disclosures_of_another_leaf_are_refused():
    _, others = make(EVENT)
    with pytest.raises(IntegrityError):
        read_entry(ENTRY, others[:1])


def test_disclosures_stand_in_the_order_of_their_slots_and_once():
    for wrong in (DISCLOSURES[::-1], DISCLOSURES[:1] * 2, (*DISCLOSURES[1:], DISCLOSURES[0])):
        with pytest.raises(FormatError, match="order"):
            read_entry(ENTRY, wrong)


@pytest.mark.parametrize("slot", SLOTS)
def test_a_leaf_with_two_prepared_values_for_a_slot_cannot_show_the_second(slot):
    """Whoever makes the leaf puts the digest of a second value where another slot belongs; no reader takes it there."""
    _, texts = make(EVENT)
    first = texts[SLOTS.index(slot)]
    second = make(EVENT)[1][SLOTS.index(slot)]
    for elsewhere in set(SLOTS) - {slot}:
        digests = decoys(12)
        digests[SLOTS.index(slot)] = digest_of(first)
        digests[SLOTS.index(elsewhere)] = digest_of(second)
        prepared = leaf_with(_sd=digests)
        assert read_entry(prepared, [first]).event == {slot: EVENT[slot]}
        with pytest.raises(IntegrityError):
            read_entry(prepared, [second])
        for both in ([first, second], [second, first]):
            with pytest.raises((FormatError, IntegrityError)):
                read_entry(prepared, both)


def test_any_two_digests_that_change_places_are_seen():
    digests = jcs.decode(ENTRY, "test")["_sd"]
    for first in range(12):
        for second in range(first):
            moved = list(digests)
            moved[first], moved[second] = moved[second], moved[first]
            assert read_entry(leaf_with(_sd=moved), []).event == {}
            with pytest.raises(IntegrityError):
                read_entry(leaf_with(_sd=moved), DISCLOSURES)


def test_any_flipped_byte_of_a_leaf_is_refused_or_seen():
    for position in range(len(ENTRY)):
        for flip in (1, 2, 32, 128):
            changed = bytearray(ENTRY)
            changed[position] ^= flip
            try:
                view = read_entry(bytes(changed), DISCLOSURES)
            except (FormatError, IntegrityError):
                continue
            assert (view.epoch, view.number) != (EPOCH, 7) and view.event == EVENT


def test_any_flipped_character_of_a_disclosure_is_refused():
    for at, text in enumerate(DISCLOSURES):
        for position in range(len(text)):
            flipped = text[:position] + chr(ord(text[position]) ^ (1, 2, 4, 32)[position % 4]) + text[position + 1 :]
            with pytest.raises((FormatError, IntegrityError)):
                read_entry(ENTRY, [*DISCLOSURES[:at], flipped, *DISCLOSURES[at + 1 :]])


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"{}",
        b"null",
        ENTRY + b"\n",
        b" " + ENTRY,
        ENTRY[:-1],
        ENTRY.replace(b":", b": ", 1),
        leaf_with(number=-1),
        leaf_with(number=2**53 - 1).replace(b"9007199254740991", b"9007199254740992"),
        leaf_with(number=7).replace(b":7}", b":07}"),
        leaf_with(number="7"),
        leaf_with(epoch=EPOCH.upper()),
        leaf_with(epoch=EPOCH[:-1]),
        leaf_with(format="custody-entry"),
        leaf_with(format=1),
        leaf_with(_sd_alg="sha-512"),
        leaf_with(_sd=[]),
        leaf_with(_sd=decoys(11)),
        leaf_with(_sd=decoys(13)),
        leaf_with(_sd=[*decoys(11), "z" * 43]),
        leaf_with(_sd=[*decoys(11), "A" * 42]),
        leaf_with(_sd=["A" * 43, *decoys(10), "A" * 43]),
        leaf_with(extra=1),
        b"[" * 100_000,
        b"x" * 100_000,
    ],
    ids=lambda entry: repr(re.sub(rb"[\w-]{43}", b"d", entry)[-120:]),
)
def test_leaves_of_another_form_are_refused(entry):
    with pytest.raises(FormatError) as caught:
        read_entry(entry, [])
    assert not isinstance(caught.value, UnsupportedVersionError)


def test_a_later_version_is_said_to_be_one():
    with pytest.raises(UnsupportedVersionError):
        read_entry(leaf_with(format="custody-entry/2"), [])


@few
@given(st.binary(max_size=80), st.text(max_size=40))
def test_garbage_raises_only_our_errors(entry, text):
    with pytest.raises(FormatError):
        read_entry(entry, [])
    with pytest.raises(FormatError):
        read_entry(ENTRY, [text])
    with pytest.raises(FormatError):
        choose([text], SLOTS)


@few
@given(st.integers(0, jcs.MAX_INT), st.text("0123456789abcdef", min_size=32, max_size=32))
def test_a_leaf_has_one_encoding(number, epoch):
    entry, _ = make_entry(epoch=epoch, number=number, event=NEEDED)
    view = read_entry(entry, ())
    digests = jcs.decode(entry, "test")["_sd"]
    assert leaf_with(_sd=digests, epoch=view.epoch, number=view.number) == entry


def test_what_a_person_wrote_is_not_in_a_repr():
    assert "EXIF" not in repr(read_entry(ENTRY, DISCLOSURES))


def test_the_slots_are_documented_at_their_places():
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    assert rows == [(str(place), slot) for place, slot in enumerate(SLOTS)]


def test_the_documented_places_are_those_of_the_documented_leaf():
    text = DOCUMENT.read_text("utf-8").partition("## 9. Worked example")[2]
    leaves, disclosures = (block.splitlines() for block in text.split("```\n")[1:4:2])
    digests = jcs.decode(leaves[1].encode(), "test")["_sd"]
    assert [digests.index(digest_of(one)) for one in disclosures] == [0, 1, 8]
    assert "at the places 0, 1 and 8 of `_sd`" in text
    assert all(not read_entry(leaf.encode(), ()).event for leaf in leaves)
    assert list(read_entry(leaves[1].encode(), disclosures).event) == ["object", "type", "digests"]
