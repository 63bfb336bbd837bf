"""Fingerprints: fixed values, every form people use, and nothing less than a whole one."""

import contextlib
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.crypto import signing
from vault.errors import FormatError, RefusedError
from vault.formats import fingerprint, ssh_keys
from vault.formats.sshsig import verify_ssh

KEY = signing.public_key(bytes(range(32)))
HASH = fingerprint.hash_of_key(KEY)
DIGITS = "86401 10809 68741 69485 30430 42389 75119 98104"
WORDS = "move tofu short advance deliver lecture hush chemical facility endless sister health"
HEX = "95b9aca00d322047048950d19cc5aece6fa757edd9104a5521446a168792b298"
OPENSSH = "SHA256:lbmsoA0yIEcEiVDRnMWuzm+nV+3ZEEpVIURqFoeSspg"
RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kudhvsuusqagjwc"


def test_fixed_values():
    assert fingerprint.fingerprint_of_key(KEY) == DIGITS
    assert fingerprint.words_of(HASH) == WORDS
    assert fingerprint.hex_of(HASH) == HEX
    assert fingerprint.openssh_of(HASH) == OPENSSH


def test_the_digits_and_words_follow_the_document():
    number = int(HEX, 16)
    assert DIGITS.replace(" ", "") == str(number % 10**40).rjust(40, "0")
    bits = format(number, "0256b")
    assert WORDS.split() == [fingerprint.WORDLIST[int(bits[at : at + 10], 2)] for at in range(0, 120, 10)]


def test_leading_zeros_are_kept():
    assert fingerprint.digits_of(bytes(31) + b"\x07") == "00000 " * 7 + "00007"
    assert fingerprint.words_of(bytes(32)) == " ".join(["academic"] * 12)


def test_a_recipient_has_the_hash_of_its_string():
    hashed = hashlib.sha256(RECIPIENT.encode()).digest()
    assert fingerprint.hash_of_recipient(RECIPIENT) == hashed
    assert fingerprint.fingerprint_of_recipient(RECIPIENT) == fingerprint.digits_of(hashed)
    with pytest.raises(FormatError):
        fingerprint.hash_of_recipient("age1ä")


@pytest.mark.parametrize(
    "claimed",
    [
        DIGITS,
        DIGITS.replace(" ", ""),
        DIGITS.replace(" ", "-"),
        DIGITS.replace(" ", "\n"),
        DIGITS.replace(" ", "\u2013"),
        f"  {DIGITS}\r\n",
        " ".join(DIGITS.replace(" ", "")),
        DIGITS.translate({ord("0") + n: 0xFF10 + n for n in range(10)}),
        DIGITS.translate({ord("0") + n: 0x0F20 + n for n in range(10)}),
        DIGITS.translate({ord("0") + n: 0x06F0 + n for n in range(10)}),
        f"\u2066{DIGITS}\u2069",
        WORDS,
        WORDS.upper(),
        WORDS.replace(" ", "-"),
        WORDS.replace(" ", "\n"),
        WORDS.replace(" ", "   "),
        HEX,
        HEX.upper(),
        " ".join(HEX[at : at + 4] for at in range(0, 64, 4)),
        OPENSSH,
        f" {OPENSSH}\n",
        OPENSSH.replace(":", "\uff1a"),
    ],
)
def test_every_form_matches(claimed):
    assert fingerprint.matches(claimed, HASH)


@pytest.mark.parametrize("claimed", [DIGITS, WORDS, HEX, OPENSSH])
def test_no_form_matches_another_hash(claimed):
    for at in range(32):
        # Words cover the first 15 bytes only; a change behind them is for the other forms to show.
        if claimed is not WORDS or at < 15:
            other = HASH[:at] + bytes([HASH[at] ^ 1]) + HASH[at + 1 :]
            assert not fingerprint.matches(claimed, other)


@pytest.mark.parametrize(
    "claimed",
    [
        "",
        " ",
        DIGITS[:-1],
        DIGITS[6:],
        DIGITS + "1",
        DIGITS + " " + DIGITS,
        DIGITS.replace("8", "B", 1),
        DIGITS.replace("1", "¹", 1)[:-1],
        WORDS.rsplit(" ", 1)[0],
        WORDS + " health",
        WORDS.replace("move", "moved"),
        WORDS.replace("health", "heal"),
        HEX[:-1],
        HEX + "0",
        HEX.replace("9", "g", 1),
        OPENSSH[:-1],
        OPENSSH + "=",
        OPENSSH[7:],
        OPENSSH.replace("SHA256", "MD5"),
        OPENSSH[:20] + " " + OPENSSH[20:],
        "0" * 100_000,
    ],
)
def test_less_or_more_than_a_whole_fingerprint_is_refused(claimed):
    with pytest.raises(RefusedError):
        fingerprint.matches(claimed, HASH)


@given(st.text(max_size=100))
def test_anything_typed_is_either_compared_or_refused(claimed):
    with contextlib.suppress(RefusedError):
        assert not fingerprint.matches(claimed, HASH)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_a_hash_matches_its_own_forms_and_no_other(one, two):
    for form in (fingerprint.digits_of, fingerprint.words_of, fingerprint.hex_of, fingerprint.openssh_of):
        assert fingerprint.matches(form(one), one)
        assert fingerprint.matches(form(one), two) == (form(one) == form(two))


@pytest.mark.parametrize("whole", [DIGITS, WORDS])
def test_the_groups_that_differ_are_named_and_no_others(whole):
    assert fingerprint.differing(whole.replace(" ", " - ").upper(), HASH) == ()
    groups = whole.split()
    for place, one in enumerate(groups):
        other = groups[place - 1]
        claimed = " ".join(other if at == place else group for at, group in enumerate(groups))
        assert fingerprint.differing(claimed, HASH) == (() if one == other else (place,))
        assert fingerprint.groups_of(claimed) == tuple(claimed.split())


def test_a_form_that_nobody_reads_aloud_differs_as_a_whole():
    for form in (HEX, OPENSSH):
        assert fingerprint.differing(form, HASH) == ()
        assert fingerprint.differing(form, bytes(32)) == (0,)
    with pytest.raises(RefusedError):
        fingerprint.differing(DIGITS[:-1], HASH)


def test_a_hash_of_another_length_is_a_programming_error():
    with pytest.raises(ValueError):
        fingerprint.matches(DIGITS, HASH[:31])


def test_the_worked_example_of_the_document_holds():
    document = Path(__file__).parents[2] / "docs" / "formats" / "fingerprint.md"
    text, _, rest = document.read_text("utf-8").partition("## 7. Worked example")[2].partition("```\n")
    values = [line[17:] for line in text.splitlines() if line.startswith("    ")]
    recipient = values[6]
    hashed = fingerprint.hash_of_recipient(recipient)
    forms = (fingerprint.digits_of, fingerprint.words_of, fingerprint.hex_of)
    assert values[:2] == [KEY.hex(), ssh_keys.encode_public_key(KEY)]
    assert values[2:6] == [DIGITS, WORDS, HEX, OPENSSH]
    assert values[6:] == [recipient, *(form(hashed) for form in forms)]
    pem, _, signature = rest.split("```")[:3]
    assert ssh_keys.decode_pem(pem) == KEY
    assert verify_ssh(signature.removeprefix("\n"), b"", "evidence-bundle") == KEY
