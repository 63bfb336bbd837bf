"""Checkpoints: three lines, one spelling, signed under their own origin."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.crypto import signing
from vault.errors import FormatError, IntegrityError, RefusedError
from vault.formats import merkle
from vault.formats.checkpoint import Checkpoint, PaperHead, origin_of, read_checkpoint, verify_checkpoint
from vault.formats.signed_note import SignedNote, sign_note

SEED = bytes(range(32))
KEY = signing.public_key(SEED)
OTHER_KEY = signing.public_key(bytes(32))
LOG = "00112233445566778899aabbccddeeff"
EPOCH = "0123456789abcdef0123456789abcdef"
ORIGIN = origin_of(LOG, EPOCH)
CHECKPOINT = Checkpoint(ORIGIN, 3, merkle.leaf_hash(b"x"))


def sign(message):
    return signing.sign(SEED, message)


NOTE = CHECKPOINT.sign(KEY, sign)


def test_a_checkpoint_is_three_lines():
    assert CHECKPOINT.encode() == (
        "evidence-vault/00112233445566778899aabbccddeeff/0123456789abcdef0123456789abcdef\n"
        "3\n"
        "PH6byTDck/AfppmF7yQtn56GHzxTVaokzl70tLinDMs=\n"
    )


def test_a_signed_checkpoint_verifies_under_its_own_origin():
    assert verify_checkpoint(NOTE, KEY) == CHECKPOINT == read_checkpoint(NOTE)
    SignedNote.decode(NOTE).verify(ORIGIN, KEY)
    assert SignedNote.decode(NOTE).text == CHECKPOINT.encode()
    assert (CHECKPOINT.log_id, CHECKPOINT.epoch) == (LOG, EPOCH)


def test_another_key_is_refused():
    with pytest.raises(IntegrityError):
        verify_checkpoint(NOTE, OTHER_KEY)


def test_a_checkpoint_signed_under_another_name_is_refused():
    """A signature by the right key for another epoch's name must not carry over."""
    note = sign_note(CHECKPOINT.encode(), origin_of(LOG, "f" * 32), KEY, sign)
    with pytest.raises(IntegrityError):
        verify_checkpoint(note, KEY)


def test_every_changed_byte_of_the_text_is_refused():
    data = NOTE.encode()
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        try:
            note = changed.decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises((FormatError, IntegrityError)):
            verify_checkpoint(note, KEY)


ROOT_LINE = CHECKPOINT.encode().splitlines()[2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        f"{ORIGIN}\n3\n{ROOT_LINE}",
        f"{ORIGIN}\n3\n{ROOT_LINE}\n\n",
        f"{ORIGIN}\n3\n{ROOT_LINE}\nextension\n",
        f"{ORIGIN}\n03\n{ROOT_LINE}\n",
        f"{ORIGIN}\n+3\n{ROOT_LINE}\n",
        f"{ORIGIN}\n3 \n{ROOT_LINE}\n",
        f"{ORIGIN}\n-3\n{ROOT_LINE}\n",
        f"{ORIGIN}\n٣\n{ROOT_LINE}\n",
        f"{ORIGIN}\n9007199254740992\n{ROOT_LINE}\n",
        f"{ORIGIN}\n99999999999999999999999\n{ROOT_LINE}\n",
        f"{ORIGIN}\n0\n{ROOT_LINE}\n",
        f"{ORIGIN}\n3\n{ROOT_LINE[:-1]}\n",
        f"{ORIGIN}\n3\n{ROOT_LINE[:-2]}J=\n",
        f"{ORIGIN}\n3\nAAAA\n",
        f"{ORIGIN}\r\n3\r\n{ROOT_LINE}\r\n",
        f"{ORIGIN.upper()}\n3\n{ROOT_LINE}\n",
        f"{ORIGIN}/\n3\n{ROOT_LINE}\n",
        f"evidence-vault/{LOG}\n3\n{ROOT_LINE}\n",
        f"example.com/log\n3\n{ROOT_LINE}\n",
    ],
)
def test_any_other_text_is_refused(text):
    with pytest.raises(FormatError):
        Checkpoint.decode(text)


def test_an_empty_log_has_the_empty_root():
    empty = Checkpoint(ORIGIN, 0, merkle.empty_root())
    assert Checkpoint.decode(empty.encode()) == empty


def test_what_no_checkpoint_can_have_is_not_written():
    for bad in (
        Checkpoint("example.com/log", 3, CHECKPOINT.root),
        Checkpoint(ORIGIN, -1, CHECKPOINT.root),
        Checkpoint(ORIGIN, 2**53, CHECKPOINT.root),
        Checkpoint(ORIGIN, 3, b"short"),
        Checkpoint(ORIGIN, 0, CHECKPOINT.root),
    ):
        with pytest.raises(FormatError):
            bad.encode()
    with pytest.raises(ValueError):
        origin_of(LOG.upper(), EPOCH)


@given(st.integers(1, 2**53 - 1), st.binary(min_size=32, max_size=32))
def test_every_checkpoint_comes_back(size, root):
    checkpoint = Checkpoint(ORIGIN, size, root)
    assert Checkpoint.decode(checkpoint.encode()) == checkpoint


@given(
    st.one_of(st.text(max_size=60), st.from_regex(rf"{ORIGIN}\n[0-9]{{1,17}}\n[A-Za-z0-9+/]{{43}}=\n", fullmatch=True))
)
def test_whatever_is_read_is_written_alike(text):
    with contextlib.suppress(FormatError):
        assert Checkpoint.decode(text).encode() == text


# -- on paper -------------------------------------------------------------------------------------------------------

_DIGITS = "81903 78720 03547 59057 73426 99083 81931 74555"


@pytest.mark.parametrize(
    "typed",
    [
        f"1204 {_DIGITS}",
        f"  1204\t{_DIGITS.replace(' ', '')}\n",
        f"1204-1 {_DIGITS.replace(' ', '-')}",
        "1204 " + _DIGITS.replace(" ", " \u2013 "),
        "１２０４　" + _DIGITS.translate({ord("0") + one: ord("０") + one for one in range(10)}),
        "\u200f" + f"1204 {_DIGITS}".translate({ord("0") + one: 0x06F0 + one for one in range(10)}),
    ],
)
def test_what_is_on_paper_is_read_however_it_was_typed(typed):
    assert PaperHead.decode(typed) == PaperHead(1204, 1, _DIGITS)


@pytest.mark.parametrize(
    "typed",
    [
        "", "1204", _DIGITS, f"1204{_DIGITS}", f"1204 {_DIGITS}1", f"1204 {_DIGITS[:-1]}", f"0 {_DIGITS}",
        f"01204 {_DIGITS}", f"1204-0 {_DIGITS}", f"1204-12345 {_DIGITS}", f"-1204 {_DIGITS}", f"1204 {_DIGITS} x",
        f"1204 {_DIGITS}" + " " * 512, "1" * 17 + f" {_DIGITS}", f"²04 {_DIGITS[:-1]}½",
    ],
)  # fmt: skip
def test_half_of_what_is_on_paper_is_refused(typed):
    with pytest.raises(RefusedError, match="not the whole") as caught:
        PaperHead.decode(typed)
    assert caught.value.advice


@given(st.integers(1, 2**53 - 1), st.integers(1, 9999), st.binary(min_size=32, max_size=32))
def test_whatever_is_written_down_is_read_alike(size, epoch, root):
    head = PaperHead.of(Checkpoint(ORIGIN, size, root), epoch)
    assert PaperHead.decode(head.encode()) == head


def test_epoch_size_and_root_all_change_what_is_written_down():
    one = PaperHead.of(CHECKPOINT, 1).digits
    others = (
        Checkpoint(origin_of(LOG, LOG), 3, CHECKPOINT.root),
        Checkpoint(origin_of(EPOCH, EPOCH), 3, CHECKPOINT.root),
        Checkpoint(ORIGIN, 4, CHECKPOINT.root),
        Checkpoint(ORIGIN, 3, merkle.leaf_hash(b"y")),
    )
    assert len({one, *(PaperHead.of(other, 1).digits for other in others)}) == 5
