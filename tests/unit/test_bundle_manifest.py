"""bundle.json: one encoding, nothing else accepted."""

import contextlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bundle_world import CASE, EPOCH, LOG, Sender, an_id
from vault.bundle import layout
from vault.bundle.custody import decode_entries
from vault.bundle.manifest import Content, Description, decode
from vault.errors import FormatError, UnsupportedVersionError
from vault.formats import jcs
from vault.formats.checkpoint import Checkpoint, origin_of

DIGEST = "ab" * 32
GOOD = Description(
    bundle_id=an_id(1),
    sender_key=Sender().key,
    recipient_kind="x25519",
    key_hashes=("0" * 64, DIGEST),
    purpose="",
    epoch=EPOCH,
    number=1,
    previous="",
    sealed_at=datetime(2026, 11, 20, 21, 27, 15, tzinfo=UTC),
    case_id=CASE,
    software="evidence-vault 0.1.0",
    checkpoint=Checkpoint(origin_of(LOG, EPOCH), 3, bytes(32)),
    contents=(Content("data/a", 0, DIGEST), Content("data/b", 1 << 44, DIGEST)),
)


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
    st.integers(1, 2**53 - 1),
    st.sampled_from(["", an_id(9)]),
    st.sampled_from([("passphrase", ()), ("mlkem768x25519", (DIGEST,))]),
    st.lists(st.integers(0, 99), unique=True, max_size=5),
)
def test_round_trip(purpose, number, previous, recipient, paths):
    contents = tuple(Content(f"data/{path:02}", path, DIGEST) for path in sorted(paths))
    kind, hashes = recipient
    one = replace(
        GOOD,
        purpose=purpose,
        number=number,
        previous=previous,
        recipient_kind=kind,
        key_hashes=hashes,
        contents=contents,
    )
    assert decode(one.encode()) == one
    assert decode(one.encode()).encode() == one.encode()


@given(st.binary(max_size=300), st.data())
def test_garbage_raises_only_format_errors(noise, data):
    good = GOOD.encode()
    at = data.draw(st.integers(0, len(good)))
    mixed = good[:at] + noise + good[at + data.draw(st.integers(0, 40)) :]
    for candidate in (noise, mixed):
        with contextlib.suppress(FormatError):
            assert decode(candidate).encode() == candidate


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("a0 /", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=2),
    max_leaves=4,
)


@given(st.data(), JSON)
def test_a_value_of_another_shape_is_refused(data, value):
    """Any value in any place: either it is one that place may have, or a FormatError."""
    tree = jcs.decode(GOOD.encode(), "")
    node, steps = tree, []
    while isinstance(node, (dict, list)) and node and (not steps or data.draw(st.booleans())):
        step = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else list(range(len(node)))))
        steps.append((node, step))
        node = node[step]
    parent, step = steps[-1]
    parent[step] = value
    mixed = jcs.encode(tree)
    with contextlib.suppress(FormatError):
        assert decode(mixed).encode() == mixed


@pytest.mark.parametrize(
    "changes",
    [
        {"bundle_id": "x"},
        {"bundle_id": an_id(1).upper().replace("0", "A")},
        {"number": 0},
        {"number": True},
        {"previous": "0"},
        {"sealed_at": "2026-13-20T21:27:15Z"},
        {"sealed_at": "2026-11-20T21:27:15+00:00"},
        {"sealed_at": "2026-11-20T21:27:60Z"},
        {"recipient": {"kind": "x25519", "key_hashes": []}},
        {"recipient": {"kind": "passphrase", "key_hashes": [DIGEST]}},
        {"recipient": {"kind": "ssh", "key_hashes": [DIGEST]}},
        {"recipient": {"kind": "x25519", "key_hashes": [DIGEST, DIGEST]}},
        {"recipient": {"kind": "x25519", "key_hashes": [DIGEST.upper()]}},
        {"contents": [{"path": "../a", "sha256": DIGEST, "size": 0}]},
        {"contents": [{"path": "data/bundle.json", "sha256": DIGEST, "size": 0}]},
        {"contents": [{"path": "data/a", "sha256": DIGEST, "size": -1}]},
        {"contents": [{"path": "data/a", "sha256": DIGEST, "size": 1 << 45}]},
        {"contents": [{"path": "data/a", "sha256": DIGEST, "size": 0}] * 2},
        {"epoch": "x"},
        {"case": "x"},
        {"contents": [{"path": 5, "sha256": DIGEST, "size": 0}]},
        {"contents": [{"path": "data/a", "sha256": 5, "size": 0}]},
        {"contents": [{"path": "data/a", "sha256": DIGEST[1:], "size": 0}]},
        {"contents": {}},
        {"contents": [[]]},
        {"recipient": {"kind": "x25519", "key_hashes": {}}},
        {"recipient": {"kind": "x25519", "key_hashes": [f"{at:064x}" for at in range(17)]}},
        {"recipient": {"kind": "x25519", "key_hashes": [5]}},
        {"checkpoint": {"origin": "x", "root": "0" * 43 + "=", "size": 3}},
        {"checkpoint": {"origin": origin_of(LOG, EPOCH), "root": "AAAA", "size": 3}},
        {"checkpoint": {"origin": origin_of(LOG, EPOCH), "root": "A" * 43 + "=", "size": 0}},
        {"checkpoint": {"origin": origin_of(LOG, EPOCH), "root": "A" * 43 + "=", "size": "3"}},
        {"sender": {"fingerprint": GOOD.fingerprint, "signing_key": "ssh-ed25519 AAAA"}},
        {"format": 1},
        {"software": ""},
        {"extra": 1},
        {"purpose": "x" * 4001},
    ],
)
def test_deviations_are_refused(changes):
    tree = jcs.decode(GOOD.encode(), "") | changes
    with pytest.raises(FormatError):
        decode(jcs.encode(tree))


def test_a_fingerprint_of_another_key_is_refused():
    tree = jcs.decode(GOOD.encode(), "")
    tree["sender"]["fingerprint"] = Sender(bytes(32)).outgoing().bundle_id
    with pytest.raises(FormatError):
        decode(jcs.encode(tree))


def test_white_space_and_other_orders_are_refused():
    good = GOOD.encode()
    for changed in (good + b"\n", good.replace(b":", b": ", 1), b" " + good):
        with pytest.raises(FormatError):
            decode(changed)


def test_a_newer_version_is_named_as_such():
    tree = jcs.decode(GOOD.encode(), "") | {"format": "evidence-bundle/2", "more": 1}
    with pytest.raises(UnsupportedVersionError):
        decode(jcs.encode(tree))


def test_a_file_that_would_fill_the_memory_when_parsed_is_refused_before(monkeypatch):
    def parsed(*_, **__):
        raise AssertionError

    monkeypatch.setattr(jcs, "decode", parsed)
    for unit in (b"[],", b"0,", b'"",'):
        for refuse in (decode, decode_entries):
            with pytest.raises(FormatError, match="more values"):
                refuse(b"[" + unit * 100_000 + b"0]")


def test_the_largest_description_is_read():
    contents = tuple(Content(f"data/records/{at:032x}.json", at, DIGEST) for at in range(99_000))
    assert decode(replace(GOOD, contents=contents, purpose="[{," * 1300).encode()).contents == contents


def test_more_contents_than_a_bag_may_have_are_refused(monkeypatch):
    good = GOOD.encode()
    monkeypatch.setattr(layout, "MAX_FILES", 1)
    with pytest.raises(FormatError):
        decode(good)
