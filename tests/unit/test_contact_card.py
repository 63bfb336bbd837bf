"""Contact cards: one spelling, signed by the key in them, and strict about what a name or a recipient may be."""

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.crypto import signing
from vault.errors import FormatError, IntegrityError, UnsupportedVersionError
from vault.formats import age
from vault.formats.contact_card import KEY_NAME, MAX_CARD_SIZE, ContactCard, read_card
from vault.formats.signed_note import NoteSignature, SignedNote, sign_note
from vault.model import Secret

SEED = bytes(range(32))
KEY = signing.public_key(SEED)
OTHER_SEED = bytes(32)


def sign(message):
    return signing.sign(SEED, message)


def x25519(number):
    return age.X25519Identity(Secret(bytes([number] * 32))).recipient.text


def hybrid(number):
    return age.HybridIdentity(Secret(bytes([number] * 32))).recipient.text


HYBRID = hybrid(1)
CLASSIC = x25519(1)
ISSUED = datetime(2026, 11, 20, 21, 27, 15, tzinfo=UTC)
CARD = ContactCard(
    name="王全璋 ئۇيغۇر",
    signing_key=KEY,
    recipients=(HYBRID, CLASSIC),
    issued_at=ISSUED,
    expires_at=ISSUED + timedelta(days=365),
    languages=("zh-Hans", "ug", "en"),
)
PLAIN = ContactCard("A", KEY, (CLASSIC,), ISSUED)
NOTE = PLAIN.sign(sign)


def signed(text, seed=SEED, name=KEY_NAME):
    return sign_note(text, name, signing.public_key(seed), lambda message: signing.sign(seed, message))


def altered(**members):
    """The plain card with members set or, where None, left out; signed by the right key."""
    card = json.loads(PLAIN.text()) | members
    card = {name: value for name, value in sorted(card.items()) if value is not None}
    return signed(json.dumps(card, ensure_ascii=False, separators=(",", ":")) + "\n")


def test_a_card_comes_back():
    for card in (CARD, PLAIN, replace(CARD, languages=()), replace(CARD, expires_at=None)):
        assert read_card(card.sign(sign)) == card


def test_the_layout_is_one_line_of_canonical_json_in_a_signed_note():
    assert PLAIN.text() == (
        '{"format":"contact-card/1","issued_at":"2026-11-20T21:27:15Z","name":"A","recipients":["' + CLASSIC + '"],'
        '"signing_key":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"}\n'
    )
    assert NOTE.startswith(PLAIN.text() + "\n— evidence-vault/contact-card ")
    assert altered() == NOTE


def test_times_are_written_in_utc():
    assert replace(PLAIN, issued_at=ISSUED.astimezone(timezone(timedelta(hours=8)))).sign(sign) == NOTE


def test_expiry_is_for_the_caller_to_ask():
    card = read_card(replace(PLAIN, expires_at=ISSUED + timedelta(seconds=1)).sign(sign))
    assert not card.is_expired(ISSUED)
    assert card.is_expired(ISSUED + timedelta(seconds=1))
    assert card.is_expired(ISSUED + timedelta(days=9999))
    assert not PLAIN.is_expired(ISSUED + timedelta(days=9999))


def test_a_card_signed_by_another_key_is_refused():
    with pytest.raises(IntegrityError):
        read_card(signed(PLAIN.text(), OTHER_SEED))
    line = SignedNote.decode(NOTE).signatures[0]
    forged = NoteSignature(KEY_NAME, line.key_id, signing.sign(OTHER_SEED, PLAIN.text().encode()))
    with pytest.raises(IntegrityError):
        read_card(SignedNote(PLAIN.text(), (forged,)).encode())


def test_a_note_of_the_same_key_under_another_name_is_no_card():
    with pytest.raises(IntegrityError):
        read_card(signed(PLAIN.text(), name="evidence-vault/other"))


def test_a_further_signature_is_refused():
    note = SignedNote.decode(NOTE)
    with pytest.raises(FormatError):
        read_card(SignedNote(note.text, (*note.signatures, NoteSignature("w", bytes(4), b"s"))).encode())


def test_every_changed_byte_is_refused():
    data = NOTE.encode()
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        try:
            note = changed.decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises((FormatError, IntegrityError)):
            read_card(note)


@pytest.mark.parametrize(
    "members",
    [
        {"name": None},
        {"recipients": None},
        {"issued_at": None},
        {"signing_key": None},
        {"format": None},
        {"more": 1},
        {"name": 1},
        {"name": ["A"]},
        {"recipients": CLASSIC},
        {"recipients": [1]},
        {"recipients": []},
        {"recipients": [CLASSIC, CLASSIC]},
        {"recipients": [CLASSIC, HYBRID]},
        {"recipients": [CLASSIC.upper()]},
        {"recipients": [CLASSIC[:-1]]},
        {"recipients": [CLASSIC[:-1] + ("q" if CLASSIC[-1] != "q" else "p")]},
        {"recipients": ["age1"]},
        {"recipients": [x25519(n) for n in range(1, 10)]},
        {"signing_key": "ssh-ed25519 AAAA"},
        {"signing_key": json.loads(PLAIN.text())["signing_key"] + " comment"},
        {"signing_key": 1},
        {"issued_at": "2026-11-20T21:27:15+00:00"},
        {"issued_at": "2026-11-20 21:27:15Z"},
        {"issued_at": "2026-11-20T21:27:15.0Z"},
        {"issued_at": "2026-02-30T00:00:00Z"},
        {"issued_at": "2026-11-20T24:00:00Z"},
        {"issued_at": "0026-11-20T00:00:00Z"},
        {"issued_at": "٢٠٢٦-11-20T00:00:00Z"},
        {"issued_at": 1},
        {"expires_at": "2026-11-20T21:27:15Z"},
        {"expires_at": "2020-11-20T21:27:15Z"},
        {"expires_at": ""},
        {"languages": []},
        {"languages": "en"},
        {"languages": ["en", "en"]},
        {"languages": ["EN"]},
        {"languages": ["en_US"]},
        {"languages": [f"a{c}" for c in "abcdefghijklmnopq"]},
    ],
    ids=str,
)
def test_any_other_card_is_refused_although_its_key_signed_it(members):
    with pytest.raises(FormatError):
        read_card(altered(**members))


@pytest.mark.parametrize(
    "name",
    ["", " A", "A ", "A\tB", "A\nB", "A\x7f", "A\x85B", "A\u2028B", "A\u202eB", "A\u2067B", "\u3000", "字" * 201],
)
def test_a_name_that_could_mislead_is_refused(name):
    with pytest.raises(FormatError):
        replace(PLAIN, name=name).sign(sign)
    with pytest.raises(FormatError):
        read_card(altered(name=name))


@pytest.mark.parametrize("name", ["字" * 200, "بىلگۈ\u200cسىز", "A\u200fب", "བསྟན་འཛིན", "O’Neill, Ann", "👩\u200d⚖️"])
def test_names_of_every_script_are_allowed(name):
    assert read_card(replace(PLAIN, name=name).sign(sign)).name == name


def test_half_a_character_is_refused_without_being_quoted():
    with pytest.raises(FormatError) as caught:
        replace(PLAIN, name="A\ud800").sign(sign)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(",", ", "),
        lambda text: text.replace('"A"', '"\\u0041"'),
        lambda text: text.replace('"name":"A",', '"name":"A","name":"A",'),
        lambda text: text[:-1] + "\n\n",
        lambda text: "\n" + text,
        lambda text: "[" + text[:-1] + "]\n",
        lambda text: "1\n",
        lambda text: "null\n",
        lambda text: "not json\n",
    ],
)
def test_any_other_spelling_is_refused_although_its_key_signed_it(change):
    with pytest.raises(FormatError):
        read_card(signed(change(PLAIN.text())))


def test_another_version_is_named_as_such():
    with pytest.raises(UnsupportedVersionError):
        read_card(altered(format="contact-card/2"))


def test_a_card_of_the_largest_size_is_still_read_and_a_larger_text_is_refused():
    card = ContactCard("字" * 200, KEY, tuple(hybrid(n) for n in range(1, 9)), ISSUED)
    note = card.sign(sign)
    assert len(note.encode()) < MAX_CARD_SIZE
    assert read_card(note) == card
    with pytest.raises(FormatError, match="too large"):
        read_card(NOTE + " " * MAX_CARD_SIZE)
    with pytest.raises(FormatError, match="too large"):
        read_card("字" * (MAX_CARD_SIZE // 2))


def test_times_without_a_zone_are_a_programming_error():
    with pytest.raises(ValueError):
        replace(PLAIN, issued_at=ISSUED.replace(tzinfo=None)).sign(sign)


@given(st.text(min_size=1, max_size=30), st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)))
def test_every_card_that_can_be_signed_comes_back(name, issued):
    card = replace(PLAIN, name=name, issued_at=issued.replace(microsecond=0, tzinfo=UTC))
    try:
        note = card.sign(sign)
    except FormatError:
        return
    assert read_card(note) == card


@given(
    st.one_of(
        st.text(max_size=60),
        st.builds(lambda at, new: NOTE[:at] + new + NOTE[at + 1 :], st.integers(0, len(NOTE) - 1), st.text(max_size=3)),
    )
)
def test_whatever_is_read_is_written_alike_and_garbage_is_only_ever_our_error(note):
    with contextlib.suppress(FormatError, IntegrityError):
        assert read_card(note).sign(sign) == note


def test_the_worked_example_of_the_document_holds():
    document = Path(__file__).parents[2] / "docs" / "formats" / "contact-card.md"
    card = read_card(document.read_text("utf-8").split("```\n")[1])
    assert (card.name, card.signing_key, card.languages) == ("王芳 (Legal Aid)", KEY, ("zh-Hans", "en"))
