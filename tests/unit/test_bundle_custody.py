"""entries.json: one encoding, nothing else accepted, every entry proved."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bundle_world import EPOCH, LOG, Sender, an_id
from vault.bundle.contents import OutgoingEntry
from vault.bundle.custody import decode_entries, encode_entries, read_note, verify_entry
from vault.errors import FormatError, IntegrityError
from vault.formats import jcs
from vault.formats.checkpoint import Checkpoint, origin_of
from vault.formats.custody_entry import make_entry
from vault.formats.merkle import leaf_hash
from vault.formats.signed_note import SignedNote

SENDER = Sender()
NOTE, ENTRIES = SENDER.log
CHECKPOINT = read_note(NOTE.encode(), SENDER.key)
GOOD = encode_entries(ENTRIES)


def test_round_trip():
    assert decode_entries(GOOD) == ENTRIES
    assert encode_entries(decode_entries(GOOD)[::-1]) == GOOD
    assert encode_entries(()) == b"[]"


def test_every_entry_is_proved_and_says_what_is_disclosed():
    for item in ENTRIES:
        incoming = verify_entry(item, CHECKPOINT)
        assert (incoming.view.number, incoming.view.epoch) == (item.number, EPOCH)
        assert len(incoming.view.event) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "A", "AAAA", "é", "0" * 43 + "="]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=2),
    max_leaves=4,
)


@given(st.data(), JSON)
def test_a_value_of_another_shape_is_refused(data, value):
    """Any value in any place: either it is one that place may have, or a FormatError."""
    tree = jcs.decode(GOOD, "")
    if data.draw(st.integers(0, 9)) == 0:
        mixed = jcs.encode(value)
    else:
        node, steps = tree, []
        while isinstance(node, (dict, list)) and node and (not steps or data.draw(st.booleans())):
            step = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else list(range(len(node)))))
            steps.append((node, step))
            node = node[step]
        parent, step = steps[-1]
        parent[step] = value
        if isinstance(parent, dict) and data.draw(st.booleans()):
            parent["extra"] = value
        mixed = jcs.encode(tree)
    with contextlib.suppress(FormatError):
        assert encode_entries(decode_entries(mixed)) == mixed


@given(st.binary(max_size=100), st.integers(0, len(GOOD)), st.integers(0, 30))
def test_garbage_raises_only_format_errors(noise, at, cut):
    for candidate in (noise, GOOD[:at] + noise + GOOD[at + cut :]):
        with contextlib.suppress(FormatError):
            assert encode_entries(decode_entries(candidate)) == candidate


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.update(extra=1),
        lambda one: one.pop("proof"),
        lambda one: one.update(proof="x"),
        lambda one: one.update(proof=[1]),
        lambda one: one.update(proof=one["proof"] * 30),
        lambda one: one.update(proof=["AAAA"]),
        lambda one: one.update(disclosures={}),
        lambda one: one.update(disclosures=[None]),
        lambda one: one.update(entry=5),
        lambda one: one.update(entry=one["entry"] + "é"),
        lambda one: one.update(entry=one["entry"].replace(":", ": ", 1)),
    ],
)
def test_deviations_are_refused(change):
    tree = jcs.decode(GOOD, "")
    change(tree[0])
    with pytest.raises(FormatError):
        decode_entries(jcs.encode(tree))


@pytest.mark.parametrize("tree", [{}, None, "", [[]], [None], 0])
def test_what_is_no_list_of_entries_is_refused(tree):
    with pytest.raises(FormatError):
        decode_entries(jcs.encode(tree))


def test_repeated_entries_and_another_order_are_refused():
    tree = jcs.decode(GOOD, "")
    for other in (tree[::-1], [tree[0], tree[0]]):
        with pytest.raises(FormatError):
            decode_entries(jcs.encode(other))


def test_an_entry_at_another_place_or_of_another_tree_is_not_proved():
    for changes in ({"number": 1}, {"proof": ENTRIES[0].proof[:-1]}, {"entry": ENTRIES[1].entry, "disclosures": ()}):
        with pytest.raises(IntegrityError):
            verify_entry(replace(ENTRIES[0], **changes), CHECKPOINT)
    with pytest.raises(IntegrityError):
        verify_entry(ENTRIES[0], replace(CHECKPOINT, root=bytes(32)))


def test_an_entry_that_says_another_number_than_its_place_is_refused():
    event = {
        "object": {"id": an_id(1), "kind": "record"},
        "type": "x",
        "time": {"utc": "2026-11-20T21:00:00Z", "clock": "s"},
    }
    entry, _ = make_entry(epoch=EPOCH, number=5, event=event)
    checkpoint = Checkpoint(origin_of(LOG, EPOCH), 1, leaf_hash(entry))
    with pytest.raises(IntegrityError, match="another number"):
        verify_entry(OutgoingEntry(0, entry, (), ()), checkpoint)


def test_a_checkpoint_has_exactly_one_signature_by_the_sender():
    note, other = (SignedNote.decode(sender.log[0]) for sender in (SENDER, Sender(bytes(32))))
    with pytest.raises(FormatError):
        read_note(SignedNote(note.text, note.signatures + other.signatures).encode().encode(), SENDER.key)
    with pytest.raises(IntegrityError):
        read_note(NOTE.encode(), Sender(bytes(32)).key)
    with pytest.raises(FormatError):
        read_note(b"\xff", SENDER.key)
