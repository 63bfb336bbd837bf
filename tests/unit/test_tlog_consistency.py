"""Log continuations: one spelling, and they hold for one earlier state and one newer one."""

import base64
import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.crypto import signing
from vault.errors import FormatError, IntegrityError
from vault.formats import merkle
from vault.formats.checkpoint import Checkpoint, origin_of, verify_checkpoint
from vault.formats.tlog_consistency import Continuation

SEED = bytes(range(32))
KEY = signing.public_key(SEED)
ORIGIN = origin_of("00112233445566778899aabbccddeeff", "0123456789abcdef0123456789abcdef")

NODES = {}
for _size in range(12):
    for _level, _index, _hash in merkle.append(_size, merkle.leaf_hash(b"%d" % _size), lambda *at: NODES[at]):
        NODES[_level, _index] = _hash


def node(*at):
    return NODES[at]


def checkpoint(size):
    return Checkpoint(ORIGIN, size, merkle.root(size, node))


def continuation(old, new):
    note = checkpoint(new).sign(KEY, lambda message: signing.sign(SEED, message))
    return Continuation(old, merkle.consistency_proof(old, new, node), note)


def test_every_state_continues_every_earlier_one_and_no_other():
    for new in range(1, 13):
        for old in range(1, new + 1):
            found = Continuation.decode(continuation(old, new).encode())
            found.verify(checkpoint(old))
            with pytest.raises(IntegrityError):
                found.verify(Checkpoint(ORIGIN, old, bytes(32)))
            for other in set(range(1, 13)) - {old}:
                with pytest.raises(IntegrityError):
                    found.verify(checkpoint(other))


def test_the_layout_is_that_of_the_specification():
    made = continuation(3, 7)
    assert made.encode() == (
        "old 3\n" + "".join(f"{base64.b64encode(one).decode()}\n" for one in made.path) + "\n" + made.checkpoint
    )
    assert len(made.path) == 4
    assert continuation(7, 7).encode().startswith("old 7\n\nevidence-vault/")


GOOD = continuation(3, 7).encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "old ",
        GOOD + "\n",
        GOOD[:-1],
        " " + GOOD,
        GOOD.replace("old 3", "old 03"),
        GOOD.replace("old 3", "old 0"),
        GOOD.replace("old 3", "old 8"),
        GOOD.replace("old 3", "old -3"),
        GOOD.replace("old 3", "Old 3"),
        GOOD.replace("old 3\n", "old 3\n\n", 1),
        GOOD.replace("\n\n", "\n", 1),
        GOOD.replace("=\n", "\n", 1),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("old 3\n", "old 3\n" + ("A" * 43 + "=\n") * 60, 1),
        GOOD.partition("\n\n")[2],
        GOOD + GOOD,
    ],
)
def test_any_other_spelling_is_refused(text):
    with pytest.raises(FormatError):
        Continuation.decode(text)


def test_what_cannot_be_in_a_continuation_cannot_be_written():
    good = continuation(3, 7)
    for changes in ({"old": 0}, {"old": 8}, {"path": (bytes(31),)}, {"path": (bytes(32),) * 64}, {"checkpoint": "x"}):
        with pytest.raises(FormatError):
            replace(good, **changes).encode()
    most = replace(good, path=(bytes(32),) * 63)
    assert Continuation.decode(most.encode()) == most


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_no_changed_byte_is_taken_for_the_same(old, new, data):
    old, new = sorted((old, new))
    raw = bytearray(continuation(old, new).encode().encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 6))
    with contextlib.suppress(FormatError, IntegrityError, UnicodeDecodeError):
        found = Continuation.decode(raw.decode())
        assert found.encode().encode() == raw
        found.verify(checkpoint(old))
        # Only the signature line may differ in what still holds: that is for the key to judge.
        assert (found.old, found.path) == (old, continuation(old, new).path)
        with pytest.raises((IntegrityError, FormatError)):
            verify_checkpoint(found.checkpoint, KEY)


@given(st.text("old 0123456789=AB\n—", max_size=80))
def test_garbage_raises_only_our_errors(text):
    with contextlib.suppress(FormatError):
        assert Continuation.decode(text).encode() == text
