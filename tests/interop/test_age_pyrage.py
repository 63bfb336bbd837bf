"""`pyrage` (the Rust implementation) and ours open each other's files, with keys and with passphrases."""

from __future__ import annotations

import pytest

from vault.formats.age import ScryptRecipient, X25519Identity, decrypt_bytes, encrypt_bytes
from vault.model import Secret

pyrage = pytest.importorskip("pyrage")

SIZES = [0, 1, 65535, 65536, 65537, 3 * 1024 * 1024]
PATTERN = bytes(range(251)) * (3 * 1024 * 1024 // 251 + 1)
PASSPHRASE = "证据 and a long passphrase"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])
def test_each_opens_the_other_with_keys(size, armor):
    data = PATTERN[:size]
    ours = X25519Identity.generate()
    theirs = pyrage.x25519.Identity.from_str(ours.text)
    assert str(theirs.to_public()) == ours.recipient.text
    assert pyrage.decrypt(encrypt_bytes(data, [ours.recipient], armor), [theirs]) == data
    assert decrypt_bytes(pyrage.encrypt(data, [theirs.to_public()], armored=armor), identities=[ours]) == data


@pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])
def test_pyrage_opens_ours_with_a_passphrase(armor):
    file = encrypt_bytes(b"evidence", [ScryptRecipient(Secret(PASSPHRASE.encode()), 16)], armor)
    assert pyrage.passphrase.decrypt(file, PASSPHRASE) == b"evidence"


def test_ours_opens_pyrage_with_a_passphrase():
    # pyrage chooses the work factor by the speed of the machine, so the limit is set wider than our own.
    file = pyrage.passphrase.encrypt(b"evidence", PASSPHRASE)
    assert decrypt_bytes(file, passphrase=Secret(PASSPHRASE.encode()), max_work_factor=22) == b"evidence"
