"""The second reader of age files refuses what the profile names, and the program always agrees."""

import base64
import hmac
import re
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.reference import forge, verifier
from vault.errors import VaultError
from vault.formats.age import decrypt_bytes, parse_identity
from vault.model import Secret

PROFILE = Path(verifier.__file__).parents[2] / "docs/formats/age-profile.md"
IDENTITY = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
HYBRID, _ = forge.age_keys(bytes(range(32)), hybrid=True)
KEY = bytes(range(16))


def derive(key, salt, info):
    return HKDF(SHA256(), 32, salt, info).derive(key)


def text(data):
    return base64.b64encode(data).decode().rstrip("=")


def stanza(share=None, key=KEY, more=()):
    """For IDENTITY; or with another share, which then opens nothing."""
    secret, owner = X25519PrivateKey.from_private_bytes(b"e" * 32), X25519PrivateKey.from_private_bytes(b"\x42" * 32)
    own, mine = owner.public_key().public_bytes_raw(), secret.public_key().public_bytes_raw()
    shared = secret.exchange(X25519PublicKey.from_public_bytes(own))
    body = ChaCha20Poly1305(derive(shared, mine + own, b"age-encryption.org/v1/X25519")).encrypt(bytes(12), key, None)
    return ["X25519", text(mine if share is None else share), *more], text(body)


def file(stanzas, chunks=(b"evidence",), end=b"", key=KEY):
    """An age file with these stanzas whose MAC and chunks are right."""
    lines = "".join(f"-> {' '.join(arguments)}\n{body}\n" for arguments, body in stanzas)
    head = f"age-encryption.org/v1\n{lines}---".encode()
    mac = text(hmac.digest(derive(key, None, b"header"), head, "sha256"))
    aead, last = ChaCha20Poly1305(derive(key, b"n" * 16, b"payload")), len(chunks) - 1
    sealed = (aead.encrypt(n.to_bytes(11, "big") + bytes([n == last]), c, None) for n, c in enumerate(chunks))
    return head + f" {mac}\n".encode() + b"n" * 16 + b"".join(sealed) + end


def read(data, identity=IDENTITY):
    """The plaintext, or None; by both readers."""
    try:
        ours = decrypt_bytes(data, identities=[parse_identity(identity)])
    except VaultError:
        ours = None
    try:
        theirs = verifier.decrypt(data, identity)
    except (ValueError, InvalidTag):
        theirs = None
    assert ours == theirs
    return theirs


SCRYPT = (["scrypt", text(bytes(16)), "1"], text(bytes(32)))
GREASE = (["grease", "?"], "")
LOW = bytes(32)

REFUSED = {
    "65 stanzas": file([stanza(), *[GREASE] * 64]),
    "header above its limit": file([stanza(), (["grease", "x" * 65536], "")]),
    "scrypt beside another": file([stanza(), SCRYPT]),
    "three arguments": file([stanza(more=("x",))]),
    "three arguments in the first stanza": file([stanza(more=("x",)), stanza()]),
    "one argument": file([(["X25519"], stanza()[1])]),
    "a share of 31 bytes": file([stanza(b"x" * 31)]),
    "a share of low order": file([stanza(LOW), stanza()]),
    "a body of 33 bytes": file([(stanza()[0], text(bytes(33))), stanza()]),
    "a key of 17 bytes": file([stanza(key=bytes(17))], key=bytes(17)),
    "no stanza of this type": file([GREASE]),
    "no stanza for this identity": file([stanza(bytes([9] * 32))]),
    "no nonce": file([stanza()])[: -16 - 8 - 16],
    "half a nonce": file([stanza()])[: -16 - 8 - 8],
    "no chunk": file([stanza()], chunks=()),
    "an empty last chunk": file([stanza()], chunks=(bytes(65536), b"")),
    "something after the last chunk": file([stanza()], end=b"x"),
    "a missing last chunk": file([stanza()], chunks=(bytes(65536), b"x"))[:-17],
    "a short chunk before the last": file([stanza()], chunks=(b"x", b"y")),
    "base64 with loose bits": file([(stanza()[0], stanza()[1][:-1] + "/")]),
    "a share of low order after nothing that opens": file([stanza(bytes([9] * 32)), stanza(LOW)]),
    "two blanks": file([stanza()]).replace(b"X25519 ", b"X25519  "),
    "a newer version": file([stanza()]).replace(b"/v1", b"/v2"),
}


def test_what_the_profile_allows_opens():
    assert read(file([stanza()])) == b"evidence"
    assert read(file([GREASE, stanza(bytes([9] * 32)), stanza(), *[GREASE] * 61])) == b"evidence"
    assert read(file([stanza(), stanza(LOW), stanza(more=("x",))])) == b"evidence"
    assert read(file([stanza()], chunks=(b"",))) == b""
    assert read(file([stanza()], chunks=(bytes(65536), b"x"))) == bytes(65536) + b"x"
    assert read(file([stanza()], chunks=(bytes(65536),))) == bytes(65536)


@pytest.mark.parametrize("data", REFUSED.values(), ids=list(REFUSED))
def test_what_the_profile_forbids_is_refused(data):
    assert read(data) is None


@pytest.mark.parametrize("body", [SCRYPT, stanza(), (["mlkem768x25519", text(bytes(1120))], text(bytes(32)))])
def test_a_hybrid_identity_opens_none_of_these(body):
    assert read(file([body]), HYBRID) is None


def test_the_worked_example_opens():
    example = re.search(
        "(-----BEGIN AGE .*?\n-----END AGE ENCRYPTED FILE-----\n)", PROFILE.read_text("utf-8").split("## 9")[1], re.S
    )
    armored = example[1].encode()
    assert decrypt_bytes(armored, identities=[parse_identity(IDENTITY)]) == b"evidence\n"
    assert read(base64.b64decode(b"".join(armored.split(b"\n")[1:-2]))) == b"evidence\n"
    assert forge.age_keys(b"\x42" * 32)[1] in PROFILE.read_text("utf-8")


@pytest.mark.parametrize(
    "identity",
    [
        IDENTITY[:-1] + "Y",
        IDENTITY.capitalize(),
        forge.bech32("age-secret-key-", bytes(31)).upper(),
        forge.bech32("age-secret-key-pq-", bytes(33)).upper(),
        forge.bech32("age-secret-key-x-", bytes(32)).upper(),
    ],
)
def test_identities_in_another_spelling_are_refused(identity):
    with pytest.raises(VaultError):
        parse_identity(identity)


@pytest.mark.parametrize("factor", ["0", "08", "21", "20x", "1", "10"])
def test_a_work_factor_is_a_number_up_to_20(factor):
    (kind, salt, _), body = SCRYPT
    data, secret = file([([kind, salt, factor], body)]), Secret(b"a passphrase")
    with pytest.raises((ValueError, InvalidTag)) as refused:
        verifier.decrypt(data, "a passphrase")
    assert ("work factor" in str(refused.value)) == (factor not in ("1", "10"))
    with pytest.raises(VaultError):
        decrypt_bytes(data, passphrase=secret)
