"""The text form of an SD-JWT: RFC 9901's own digests, one spelling only, limits."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.crypto import signing
from vault.errors import FormatError, IntegrityError, RefusedError
from vault.formats import jcs, sd_jwt
from vault.formats.sd_jwt import Disclosure, arrange, b64url, parse_sd_jwt, sign_jwt, unb64url, verify_jwt

SEED = bytes(range(32))
KEY = signing.public_key(SEED)


def sign(message: bytes) -> bytes:
    return signing.sign(SEED, message)


def sample(count: int = 3) -> sd_jwt.SdJwt:
    disclosures = [Disclosure.make(f"name{i}", "律师" * i) for i in range(count)]
    return arrange(sign_jwt(jcs.encode({"any": "payload"}), KEY, sign), disclosures)


SAMPLE = sample()


def test_digests_are_those_of_rfc_9901_4_2_3():
    member = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    element = "WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0"
    assert sd_jwt.digest_of(member) == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"
    assert sd_jwt.digest_of(element) == "w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs"


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_base64url_is_the_one_of_rfc_7515(data):
    text = b64url(data)
    assert text == base64.urlsafe_b64encode(data).decode().rstrip("=")
    if data:
        assert unb64url(text, "test") == data


@pytest.mark.parametrize(
    "text", ["", "A", "AB", "AAB", "AA==", "AAA=", "A A", "AA\n", "A+A", "A/A", "AAAA=", "é", "Aé", "AAAAA"]
)
def test_other_spellings_of_base64url_are_refused(text):
    with pytest.raises(FormatError):
        unb64url(text, "test")


def test_salts_are_128_bits_and_never_the_same_twice():
    salts = {Disclosure.make("name", "value").salt for _ in range(1000)}
    assert len(salts) == 1000
    assert all(len(unb64url(salt, "test")) == 16 for salt in salts)


def test_a_disclosure_is_the_canonical_array_in_base64url():
    member, element = Disclosure.make("name", {"b": 1, "a": "é"}), Disclosure.make(None, None)
    assert base64.urlsafe_b64decode(member.text + "==") == f'["{member.salt}","name",{{"a":"é","b":1}}]'.encode()
    assert base64.urlsafe_b64decode(element.text + "==") == f'["{element.salt}",null]'.encode()
    assert member.digest == sd_jwt.digest_of(member.text)
    for disclosure in (member, element):
        assert Disclosure.parse(disclosure.text) == disclosure
        assert (Disclosure.parse(disclosure.text).name, Disclosure.parse(disclosure.text).value) == (
            disclosure.name,
            disclosure.value,
        )


SALT = "A" * 22


@pytest.mark.parametrize(
    "content",
    [
        f'["{SALT}", "name", 1]',
        f'["{SALT}","name",1] ',
        f'["{SALT}","name",1.0]',
        f'["{SALT}","_sd",1]',
        f'["{SALT}","_sd_alg",1]',
        f'["{SALT}","...",1]',
        f'["{SALT}","",1]',
        f'["{SALT}","{"n" * 257}",1]',
        f'["{SALT}",1,1]',
        f'["{SALT}",null,1]',
        f'["{SALT}"]',
        f'["{SALT}","name",1,2]',
        f'["{SALT[:-1]}","name",1]',
        f'["{SALT[:-1]}B","name",1]',
        f'["{SALT[:-1]}=","name",1]',
        '[1,"name",1]',
        '["","name",1]',
        f'{{"salt":"{SALT}"}}',
        f'"{SALT}"',
        "null",
        "[]",
    ],
)
def test_disclosures_that_others_might_write_are_refused(content):
    with pytest.raises(FormatError):
        Disclosure.parse(b64url(content.encode()))


@pytest.mark.parametrize("name", ["_sd", "_sd_alg", "...", "", "n" * 257])
def test_reserved_and_endless_names_are_refused(name):
    with pytest.raises(RefusedError):
        Disclosure.make(name, 1)


def test_parsing_is_the_identity_on_what_was_written():
    assert parse_sd_jwt(SAMPLE.text) == SAMPLE
    assert parse_sd_jwt(SAMPLE.text).text == SAMPLE.text
    bare = arrange(SAMPLE.jwt, ())
    assert bare.text == SAMPLE.jwt + "~" and parse_sd_jwt(bare.text) == bare


def test_disclosures_stand_in_the_order_of_their_digests_and_once():
    first, second, third = SAMPLE.disclosures
    for wrong in ((second, first, third), (first, third, second), (first, first, second), (third, second, first)):
        with pytest.raises(FormatError):
            parse_sd_jwt(sd_jwt.SdJwt(SAMPLE.jwt, wrong).text)


@pytest.mark.parametrize("position", range(0, len(SAMPLE.text), 7))
def test_any_flipped_character_is_refused_or_read_as_something_else(position):
    for flip in (1, 2, 32, 64):
        changed = chr(ord(SAMPLE.text[position]) ^ flip)
        text = SAMPLE.text[:position] + changed + SAMPLE.text[position + 1 :]
        try:
            found = parse_sd_jwt(text)
        except FormatError:
            continue
        assert found.text == text and found != SAMPLE
        if found.jwt != SAMPLE.jwt:
            with pytest.raises(IntegrityError):
                verify_jwt(found.jwt, KEY)


@settings(deadline=None)
@given(st.text(max_size=80) | st.text("AQgw.~-_=" + sd_jwt.HEADER, max_size=80))
def test_garbage_raises_only_format_error(text):
    for candidate in (text, SAMPLE.jwt + "~" + text, SAMPLE.jwt + "~" + text + "~", sd_jwt.HEADER + "." + text + "~"):
        try:
            found = parse_sd_jwt(candidate)
        except FormatError:
            continue
        assert found.text == candidate


def test_key_binding_and_missing_or_extra_tildes_are_refused():
    jwt, text = SAMPLE.jwt, SAMPLE.text
    for wrong in (jwt, text[:-1], text + "~", text + jwt, "~" + text, jwt + "~~", "~", "", text + "\n", " " + text):
        with pytest.raises(FormatError):
            parse_sd_jwt(wrong)


@pytest.mark.parametrize(
    "header",
    [
        '{"alg":"EdDSA"}',
        '{"alg":"none","typ":"evidence-record+sd-jwt"}',
        '{"alg":"HS256","typ":"evidence-record+sd-jwt"}',
        '{"typ":"evidence-record+sd-jwt","alg":"EdDSA"}',
        '{"alg":"EdDSA","typ":"evidence-record+sd-jwt" }',
        '{"alg":"EdDSA","kid":"x","typ":"evidence-record+sd-jwt"}',
        '{"alg":"Ed25519","typ":"evidence-record+sd-jwt"}',
        '{"alg":"EdDSA","typ":"example+sd-jwt"}',
    ],
)
def test_any_other_header_is_refused_even_when_signed(header):
    signing_input = b64url(header.encode()) + "." + SAMPLE.jwt.split(".")[1]
    jwt = signing_input + "." + b64url(sign(signing_input.encode()))
    with pytest.raises(FormatError, match="header"):
        verify_jwt(jwt, KEY)


def test_the_header_is_the_documented_one():
    assert json.loads(unb64url(sd_jwt.HEADER, "test")) == {"alg": "EdDSA", "typ": "evidence-record+sd-jwt"}


def test_a_signature_of_another_key_length_or_place_is_refused():
    payload, jwt = jcs.encode({"any": "payload"}), SAMPLE.jwt
    assert verify_jwt(jwt, KEY) == payload
    with pytest.raises(IntegrityError):
        verify_jwt(jwt, signing.public_key(bytes(32)))
    head, _, signature = jwt.rpartition(".")
    short = unb64url(signature, "test")[:-1]
    for wrong in (head, head + ".", head + "." + b64url(short), jwt + ".x", head + "." + b64url(short + b"\0\0")):
        with pytest.raises(FormatError):
            verify_jwt(wrong, KEY)
        with pytest.raises(FormatError):
            parse_sd_jwt(wrong + "~")
    with pytest.raises(IntegrityError):
        verify_jwt(head + "." + b64url(sign(b"something else")), KEY)


def test_signing_with_another_key_than_the_named_one_is_noticed_at_once():
    with pytest.raises(IntegrityError):
        sign_jwt(b"{}", signing.public_key(bytes(32)), sign)


def test_sizes_and_counts_are_limited(monkeypatch):
    text = SAMPLE.text
    monkeypatch.setattr(sd_jwt, "MAX_TEXT", len(text))
    monkeypatch.setattr(sd_jwt, "MAX_JWT", len(SAMPLE.jwt))
    monkeypatch.setattr(sd_jwt, "MAX_DISCLOSURES", 3)
    longest = max(len(d.text) for d in SAMPLE.disclosures)
    monkeypatch.setattr(sd_jwt, "MAX_DISCLOSURE", longest)
    assert parse_sd_jwt(text) == SAMPLE
    for name, value in (
        ("MAX_TEXT", len(text) - 1),
        ("MAX_JWT", len(SAMPLE.jwt) - 1),
        ("MAX_DISCLOSURES", 2),
        ("MAX_DISCLOSURE", longest - 1),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(sd_jwt, name, value)
            with pytest.raises(FormatError, match=r"long|many"):
                parse_sd_jwt(text)
    monkeypatch.setattr(sd_jwt, "MAX_JWT", len(SAMPLE.jwt) - 1)
    with pytest.raises(RefusedError):
        sign_jwt(jcs.encode({"any": "payload"}), KEY, sign)
    with pytest.raises(RefusedError):
        Disclosure.make("name", "x" * longest)


def test_what_a_person_wrote_is_not_in_a_repr():
    assert "律师" not in repr(SAMPLE) and SAMPLE.disclosures[0].text not in repr(SAMPLE)
