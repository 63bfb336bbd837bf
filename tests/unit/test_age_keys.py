"""Recipients and identities of age: their texts, stanzas and refusals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.crypto import kem
from vault.errors import FormatError, IntegrityError, RefusedError, UnlockError
from vault.formats import age_identities, bech32
from vault.formats.age import (
    HybridIdentity,
    HybridRecipient,
    ScryptRecipient,
    X25519Identity,
    X25519Recipient,
    parse_identity,
    parse_recipient,
)
from vault.formats.age_header import Stanza, encode_base64
from vault.model import Secret

FILE_KEY = b"YELLOW SUBMARINE"
LOW_ORDER = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
]
SPEC_IDENTITY = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
SPEC_RECIPIENT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
SPEC_HYBRID_IDENTITY = "AGE-SECRET-KEY-PQ-1XX76JRALNLXDMEW0CRK45QMCCH4X06SE84UN3VPM33W6HWDX0H3SK3ZQFR"


@pytest.fixture(scope="module")
def x25519():
    return X25519Identity.generate()


@pytest.fixture(scope="module")
def hybrid():
    return HybridIdentity.generate()


def test_the_example_of_the_specification():
    identity = parse_identity(SPEC_IDENTITY)
    assert identity.text == SPEC_IDENTITY
    assert identity.recipient.text == SPEC_RECIPIENT
    assert parse_recipient(SPEC_RECIPIENT).public == identity.recipient.public


def test_the_hybrid_example_of_the_specification():
    identity = parse_identity(SPEC_HYBRID_IDENTITY)
    assert identity.text == SPEC_HYBRID_IDENTITY
    text = identity.recipient.text
    assert len(text) == 1959
    assert text.startswith(
        "age1pq1x34nzsvr0rxjsgdn8zgyhfe8j7ceq5r9rdelkjuh3y235jzxshfg87pzf5zrqtzdxz95paef6caq5aapdmwjj"
    )
    assert text.endswith("dkmhh6gjtqmwze9pyyzk3tlhl53k2ykx3qheyty7saeq0d3fzv49zc0k")
    assert parse_recipient(text).public == identity.recipient.public


def test_a_stanza_opens_for_its_recipient_and_for_nobody_else(x25519, hybrid):
    for identity in (x25519, hybrid):
        stanza = identity.recipient.wrap(FILE_KEY)
        assert identity.unwrap(stanza) == FILE_KEY
        assert type(identity).generate().unwrap(stanza) is None
        assert len(stanza.encode()) == identity.recipient.stanza_size
    assert x25519.unwrap(hybrid.recipient.wrap(FILE_KEY)) is None
    assert hybrid.unwrap(x25519.recipient.wrap(FILE_KEY)) is None


def test_two_stanzas_for_one_recipient_share_nothing(x25519, hybrid):
    for recipient in (x25519.recipient, hybrid.recipient):
        one, two = recipient.wrap(FILE_KEY), recipient.wrap(FILE_KEY)
        assert one.arguments[1] != two.arguments[1]
        assert one.body != two.body


def test_malformed_stanzas_of_the_own_type_are_refused(x25519, hybrid):
    for identity in (x25519, hybrid):
        stanza = identity.recipient.wrap(FILE_KEY)
        kind, share = stanza.arguments
        broken = [
            Stanza((kind,), stanza.body),
            Stanza((kind, share, "x"), stanza.body),
            Stanza((kind, share[:-4]), stanza.body),
            Stanza((kind, share + "AAAA"), stanza.body),
            Stanza((kind, share + "="), stanza.body),
            Stanza((kind, share), stanza.body[:-1]),
            Stanza((kind, share), stanza.body + b"\0"),
            Stanza((kind, share), b""),
        ]
        for case in broken:
            with pytest.raises(FormatError, match=r"malformed|base64"):
                identity.unwrap(case)


@pytest.mark.parametrize("share", LOW_ORDER)
def test_a_share_of_low_order_is_refused(x25519, hybrid, share):
    with pytest.raises(FormatError, match="low order"):
        x25519.unwrap(Stanza(("X25519", encode_base64(share)), bytes(32)))
    with pytest.raises(FormatError, match="low order"):
        hybrid.unwrap(Stanza(("mlkem768x25519", encode_base64(bytes(1088) + share)), bytes(32)))


@pytest.mark.parametrize("public", [*LOW_ORDER, b"", bytes(31), bytes(33), b"\xff" * 32, b"\x09" + bytes(30) + b"\x80"])
def test_an_x25519_recipient_is_a_usable_key_in_its_one_encoding(public, hybrid):
    with pytest.raises(FormatError):
        parse_recipient(bech32.encode("age", public))
    with pytest.raises(FormatError):
        parse_recipient(bech32.encode("age1pq", hybrid.recipient.public[:-32] + public))


def test_a_hybrid_recipient_with_an_ml_kem_part_out_of_range_is_refused(hybrid):
    with pytest.raises(FormatError):
        HybridRecipient(b"\xff" * 1184 + hybrid.recipient.public[-32:])
    with pytest.raises(FormatError):
        kem.hybrid_seal(hybrid.recipient.public[:-1], FILE_KEY, b"", "here")


def test_an_identity_in_lower_case_or_a_recipient_in_upper_case_is_refused(x25519, hybrid):
    for identity in (x25519, hybrid):
        with pytest.raises(FormatError):
            parse_identity(identity.text.lower())
        with pytest.raises(FormatError):
            parse_recipient(identity.recipient.text.upper())


@pytest.mark.parametrize("prefix", ["age1tag", "age1tagpq", "age1yubikey", "ag", "age-"])
def test_other_kinds_of_recipients_are_refused(prefix):
    with pytest.raises(FormatError, match="not supported"):
        parse_recipient(bech32.encode(prefix, bytes(33)))


def test_other_kinds_and_lengths_of_identities_are_refused():
    for prefix, size in [("AGE-PLUGIN-X-", 32), ("AGE-SECRET-KEY-", 31), ("AGE-SECRET-KEY-PQ-", 33)]:
        with pytest.raises(FormatError):
            parse_identity(bech32.encode(prefix, bytes(size)))


@given(st.binary(min_size=30, max_size=34), st.sampled_from(["AGE-SECRET-KEY-", "AGE-SECRET-KEY-PQ-", "age"]))
def test_key_texts_are_refused_or_the_one_encoding(data, prefix):
    text = bech32.encode(prefix, data)
    try:
        key = parse_recipient(text) if prefix == "age" else parse_identity(text)
    except FormatError:
        return
    assert key.text == text


@given(st.text(max_size=80))
def test_garbage_raises_only_our_error(text):
    for parse in (parse_recipient, parse_identity):
        with pytest.raises(FormatError):
            parse(text)


def test_secrets_are_not_shown(x25519, hybrid):
    for identity in (x25519, hybrid):
        assert identity.text[20:30] not in repr(identity) + str(identity) + repr(vars(identity))
    assert "mightier" not in repr(ScryptRecipient(Secret(b"mightier"), 16))


def test_secrets_of_the_wrong_length_are_a_mistake_of_the_caller():
    for size in (0, 31, 33):
        for kind in (X25519Identity, HybridIdentity):
            with pytest.raises(ValueError):
                kind(Secret(bytes(size)))
        with pytest.raises(ValueError):
            kem.hybrid_public(bytes(size))


@pytest.mark.parametrize(("passphrase", "work_factor"), [(b"", 18), (b"x", 15), (b"x", 21)])
def test_a_weak_or_absurd_passphrase_recipient_is_a_mistake_of_the_caller(passphrase, work_factor):
    with pytest.raises(ValueError):
        ScryptRecipient(Secret(passphrase), work_factor)


def test_a_passphrase_stanza_opens_with_its_passphrase_only():
    recipient = ScryptRecipient(Secret(b"correct horse"), 16)
    stanza = recipient.wrap(FILE_KEY)
    assert len(stanza.encode()) == recipient.stanza_size
    assert age_identities.unwrap_passphrase(stanza, Secret(b"correct horse"), 16) == FILE_KEY
    with pytest.raises(UnlockError):
        age_identities.unwrap_passphrase(stanza, Secret(b"correct house"), 16)
    with pytest.raises(RefusedError):
        age_identities.unwrap_passphrase(stanza, Secret(b"correct horse"), 15)
    with pytest.raises(RefusedError):
        age_identities.unwrap_passphrase(stanza, None, 16)


@pytest.mark.parametrize("work_factor", ["21", "40", "63", "99", "100", "9" * 5000])
def test_an_expensive_passphrase_stanza_is_refused_before_any_derivation(work_factor):
    stanza = Stanza(("scrypt", encode_base64(bytes(16)), work_factor), bytes(32))
    with pytest.raises(RefusedError, match="more time and memory"):
        age_identities.unwrap_passphrase(stanza, Secret(b"x"), 20)


@pytest.mark.parametrize(
    ("arguments", "body_size"),
    [
        (("scrypt",), 32),
        (("scrypt", encode_base64(bytes(16))), 32),
        (("scrypt", encode_base64(bytes(16)), "10", "x"), 32),
        (("scrypt", encode_base64(bytes(15)), "10"), 32),
        (("scrypt", encode_base64(bytes(17)), "10"), 32),
        (("scrypt", encode_base64(bytes(16)) + "==", "10"), 32),
        *(
            (("scrypt", encode_base64(bytes(16)), factor), 32)
            for factor in ("0", "01", "+1", "-1", "0x1", "1_0", "١", "1\n")
        ),
        (("scrypt", encode_base64(bytes(16)), "10"), 31),
        (("scrypt", encode_base64(bytes(16)), "10"), 33),
    ],
)
def test_a_malformed_passphrase_stanza_is_refused(arguments, body_size):
    for passphrase in (Secret(b"x"), None):
        with pytest.raises(FormatError):
            age_identities.unwrap_passphrase(Stanza(arguments, bytes(body_size)), passphrase, 20)


def test_hybrid_encryption_is_bound_to_key_share_and_use(hybrid):
    seed = bytes(range(32))
    public = kem.hybrid_public(seed)
    share, sealed = kem.hybrid_seal(public, b"text", b"use", "here")
    assert (len(share), len(sealed)) == (kem.HYBRID_SHARE_SIZE, 4 + kem.HYBRID_TAG_SIZE)
    assert kem.hybrid_open(seed, share, sealed, b"use", "here") == b"text"
    attempts = [
        (bytes(32), share, sealed, b"use"),
        (seed, share, sealed, b"other"),
        (seed, share, sealed[:-1], b"use"),
        (seed, share, b"", b"use"),
        (seed, bytes([share[0] ^ 1]) + share[1:], sealed, b"use"),
        (seed, share[:-1] + bytes([share[-1] ^ 1]), sealed, b"use"),
    ]
    for attempt in attempts:
        with pytest.raises(IntegrityError):
            kem.hybrid_open(*attempt, "here")
    with pytest.raises(FormatError):
        kem.hybrid_open(seed, share[:-1], sealed, b"use", "here")


def test_x25519_recipients_are_equal_to_the_key_they_were_made_from():
    assert X25519Recipient(kem.x25519_public(bytes(range(32)))).public == kem.x25519_public(bytes(range(32)))
