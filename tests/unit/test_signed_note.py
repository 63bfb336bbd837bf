"""Signed notes: the specification's own example, one spelling only, and who counts as the signer."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.crypto import signing
from vault.errors import FormatError, IntegrityError
from vault.formats.signed_note import MAX_TEXT_SIZE, NoteSignature, SignedNote, key_id, sign_note

SEED = bytes(range(32))
KEY = signing.public_key(SEED)
OTHER_SEED = bytes(32)
OTHER_KEY = signing.public_key(OTHER_SEED)
NAME = "evidence-vault/test"

# The example of C2SP signed-note.md; its key is not published, its form is.
EXAMPLE = """\
Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore \
NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""


def sign(message, seed=SEED):
    return signing.sign(seed, message)


NOTE = sign_note("one\n\ntwo\n", NAME, KEY, sign)


def verify_note(note, name, key):
    """The text of a note, verified."""
    parsed = SignedNote.decode(note)
    parsed.verify(name, key)
    return parsed.text


def test_a_signed_note_verifies_and_returns_its_text():
    assert verify_note(NOTE, NAME, KEY) == "one\n\ntwo\n"


def test_the_example_of_the_specification_is_read_and_written_alike():
    note = SignedNote.decode(EXAMPLE)
    assert note.encode() == EXAMPLE
    assert note.text.endswith("\n\ned è subito sera.\n")
    assert note.signatures[0].name == "quasimodo.example/salvatore"
    assert note.signatures[0].key_id == bytes.fromhex("367ba04b")
    assert len(note.signatures[0].signature) == 64


def test_the_key_id_is_the_one_the_go_implementation_publishes():
    """`PeterNeumann+c74f20a3+…` is the verifier key in the package documentation of golang.org/x/mod/sumdb/note."""
    key = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    assert key[:1] == b"\x01"
    assert key_id("PeterNeumann", key[1:]).hex() == "c74f20a3"


def test_the_note_of_the_go_documentation_verifies():
    key = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]
    note = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
        "\n"
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    assert verify_note(note, "PeterNeumann", key).startswith("If you think")


def test_signatures_of_others_are_carried_along_and_ignored():
    witness = NoteSignature("witness.example", b"\x01\x02\x03\x04", bytes(72))
    note = SignedNote.decode(NOTE)
    for signatures in ((witness, *note.signatures), (*note.signatures, witness)):
        longer = SignedNote(note.text, signatures).encode()
        assert SignedNote.decode(longer).signatures == signatures
        assert verify_note(longer, NAME, KEY) == note.text


def test_sixteen_further_signatures_are_accepted():
    note = SignedNote.decode(NOTE)
    many = tuple(NoteSignature(f"witness{n}.example", bytes(4), bytes(2_500)) for n in range(16))
    assert verify_note(SignedNote(note.text, many + note.signatures).encode(), NAME, KEY) == note.text


@pytest.mark.parametrize(
    ("name", "key"), [("evidence-vault/tesT", KEY), (NAME, OTHER_KEY)], ids=["another name", "another key"]
)
def test_only_the_expected_key_under_the_expected_name_counts(name, key):
    with pytest.raises(IntegrityError, match="expected key"):
        verify_note(NOTE, name, key)


def test_a_note_signed_by_somebody_else_with_our_key_id_on_it_is_refused():
    text = SignedNote.decode(NOTE).text
    forged = SignedNote(text, (NoteSignature(NAME, key_id(NAME, KEY), sign(text.encode(), OTHER_SEED)),)).encode()
    with pytest.raises(IntegrityError, match="does not match"):
        verify_note(forged, NAME, KEY)


def test_a_signature_of_the_wrong_length_under_our_key_id_is_refused():
    text = SignedNote.decode(NOTE).text
    forged = SignedNote(text, (NoteSignature(NAME, key_id(NAME, KEY), bytes(63)),)).encode()
    with pytest.raises(IntegrityError, match="does not match"):
        verify_note(forged, NAME, KEY)


def test_every_changed_byte_is_refused():
    data = NOTE.encode()
    for at in range(len(data)):
        for flip in (0x01, 0x20, 0x80):
            changed = bytearray(data)
            changed[at] ^= flip
            try:
                text = changed.decode()
            except UnicodeDecodeError:
                continue
            with pytest.raises((FormatError, IntegrityError)):
                verify_note(text, NAME, KEY)


def test_every_shortened_note_is_refused():
    for end in range(len(NOTE)):
        with pytest.raises((FormatError, IntegrityError)):
            verify_note(NOTE[:end], NAME, KEY)


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note + "\n",
        lambda note: note + "x",
        lambda note: note.replace("— ", "—  "),
        lambda note: note.replace("— ", "- "),
        lambda note: note.replace("\n— ", "\n\n— "),
        lambda note: note.replace("one\n", "one\r\n"),
        lambda note: note.replace("one", "o\x00ne"),
        lambda note: note.replace("one", "o\tne"),
        lambda note: note + note.splitlines(keepends=True)[-1],
        lambda note: "\ufeff" + note,
        lambda note: note.replace("one", "o\ud800ne"),
        lambda note: note.split("\n\n—")[0] + "\n\n",
        lambda note: note[:-2] + note[-1:],
        lambda note: note.replace(NAME, "evidence vault"),
        lambda note: note.replace(NAME, "evidence+vault"),
        lambda note: note.replace(NAME, "evidence\u00a0vault"),
        lambda note: note.replace(NAME, ""),
    ],
)
def test_any_other_spelling_is_refused(change):
    changed = change(NOTE)
    assert changed != NOTE
    with pytest.raises((FormatError, IntegrityError)):
        verify_note(changed, NAME, KEY)


def test_base64_with_stray_bits_is_refused():
    """A 71-byte signature leaves unused bits in its last character; only zeros are allowed there."""
    note = SignedNote("a\n", (NoteSignature("w", bytes(4), bytes(66)),)).encode()
    assert note.endswith("A==\n")
    with pytest.raises(FormatError):
        SignedNote.decode(note[:-4] + "B==\n")


@pytest.mark.parametrize("text", ["", "no newline", "a\rb\n", "a\x1fb\n", "\udc80\n", "x" * MAX_TEXT_SIZE + "\n"])
def test_a_text_that_cannot_be_in_a_note_is_not_signed(text):
    with pytest.raises(FormatError):
        sign_note(text, NAME, KEY, sign)


@pytest.mark.parametrize("text", ["", "no newline at its end", "a\0b\n", "a" * MAX_TEXT_SIZE + "\n"])
def test_a_text_that_cannot_be_in_a_note_is_not_written(text):
    with pytest.raises(FormatError):
        SignedNote(text, (NoteSignature("w", bytes(4), b"s"),)).encode()


def test_no_error_carries_the_text_along():
    with pytest.raises(FormatError) as caught:
        sign_note("a name\udc80\n", NAME, KEY, sign)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_limits_hold():
    note = SignedNote.decode(NOTE)
    with pytest.raises(FormatError):
        SignedNote(note.text, tuple(NoteSignature(f"w{n}", bytes(4), b"s") for n in range(65))).encode()
    with pytest.raises(FormatError):
        SignedNote(note.text, (NoteSignature("w", bytes(4), bytes(8_193)),)).encode()
    with pytest.raises(FormatError):
        SignedNote(note.text, (NoteSignature("w" * 256, bytes(4), b"s"),)).encode()
    with pytest.raises(FormatError):
        SignedNote.decode("x" * 2_000_000)
    with pytest.raises(FormatError):
        SignedNote.decode(NOTE + "— w AAAAAAA=\n" * 64)


@pytest.mark.parametrize("name", ["", "a+b", "a b", "a\u00a0b", "a\u2003b", "a\u3000b", "a\u0085b", "a\nb"])
def test_a_name_with_white_space_or_a_plus_sign_is_refused(name):
    with pytest.raises(FormatError):
        key_id(name, KEY)
    with pytest.raises(FormatError):
        SignedNote("a\n", (NoteSignature(name, bytes(4), b"s"),)).encode()
    with pytest.raises(FormatError):
        SignedNote.decode(f"a\n\n— {name} AAAAAAA=\n")


def test_a_key_of_small_order_is_refused():
    with pytest.raises(FormatError):
        verify_note(NOTE, NAME, bytes(32))


@given(st.text(max_size=80), st.text(max_size=20), st.binary(max_size=12), st.booleans())
def test_whatever_is_read_is_written_alike(text, name, blob, tidy):
    note = f"{text}\n\n— {name} {base64.b64encode(blob).decode()}\n"
    if tidy:
        note = "".join(c for c in note if c >= " " or c == "\n")
    with contextlib.suppress(FormatError):
        assert SignedNote.decode(note).encode() == note


@given(st.text(alphabet="\n— aA=+\t\r", max_size=60))
def test_garbage_is_only_ever_a_format_error(text):
    with contextlib.suppress(FormatError):
        assert SignedNote.decode(text).encode() == text


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=60))
def test_any_text_that_may_be_signed_comes_back(text):
    assert verify_note(sign_note(text + "\n", NAME, KEY, sign), NAME, KEY) == text + "\n"
