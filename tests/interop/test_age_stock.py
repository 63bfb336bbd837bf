"""Stock `age` and ours open each other's files."""

from __future__ import annotations

import io
import shutil
import subprocess

import pytest

from vault.errors import NotForUsError
from vault.formats.age import (
    AgeReader,
    HybridIdentity,
    X25519Identity,
    decrypt_bytes,
    encrypt_bytes,
    parse_identity,
    parse_recipient,
)

pytestmark = pytest.mark.skipif(
    not (shutil.which("age") and shutil.which("age-keygen")), reason="age and age-keygen are not installed"
)

SIZES = [0, 1, 65535, 65536, 65537, 3 * 1024 * 1024]
PATTERN = bytes(range(251)) * (3 * 1024 * 1024 // 251 + 1)


@pytest.fixture(scope="module")
def identity():
    return X25519Identity.generate()


@pytest.fixture(scope="module")
def key_file(identity, tmp_path_factory):
    path = tmp_path_factory.mktemp("age") / "key.txt"
    path.write_text(identity.text + "\n")
    return path


def run(*arguments: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(arguments, input=stdin, capture_output=True, check=True, timeout=300).stdout


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])
def test_stock_age_opens_ours(identity, key_file, size, armor):
    data = PATTERN[:size]
    file = encrypt_bytes(data, [X25519Identity.generate().recipient, identity.recipient], armor)
    assert run("age", "-d", "-i", str(key_file), stdin=file) == data


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("options", [[], ["--armor"]], ids=["binary", "armored"])
def test_ours_opens_stock_age(identity, size, options):
    data = PATTERN[:size]
    file = run("age", *options, "-r", identity.recipient.text, stdin=data)
    assert AgeReader(io.BytesIO(file), identities=[HybridIdentity.generate(), identity]).read() == data
    with pytest.raises(NotForUsError):
        decrypt_bytes(file, identities=[X25519Identity.generate()])


def test_keys_of_age_keygen_are_ours(tmp_path):
    run("age-keygen", "-o", str(tmp_path / "key.txt"))
    comment, identity = [line for line in (tmp_path / "key.txt").read_text().splitlines() if "created" not in line]
    ours = parse_identity(identity)
    assert ours.text == identity
    assert comment.endswith(ours.recipient.text)
    assert parse_recipient(ours.recipient.text).text == ours.recipient.text


def test_stock_age_derives_the_same_recipient(identity, key_file):
    assert run("age-keygen", "-y", str(key_file)).decode().strip() == identity.recipient.text


def test_stock_age_refuses_ours_with_one_byte_altered(identity, key_file):
    file = bytearray(encrypt_bytes(b"evidence", [identity.recipient]))
    for at in (30, len(file) // 2, len(file) - 1):
        altered = bytes(file[:at]) + bytes([file[at] ^ 1]) + bytes(file[at + 1 :])
        result = subprocess.run(["age", "-d", "-i", str(key_file)], input=altered, capture_output=True, timeout=300)
        assert result.returncode != 0
