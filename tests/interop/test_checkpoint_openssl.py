"""A checkpoint's signature verifies with stock openssl and the PEM key, by the steps of docs/formats/custody-log.md."""

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from vault.crypto import signing
from vault.formats import merkle, ssh_keys
from vault.formats.checkpoint import Checkpoint, origin_of

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")

DOCUMENT = Path(__file__).parents[2] / "docs" / "formats" / "custody-log.md"
SEED = bytes(range(32))
KEY = signing.public_key(SEED)
NOTE = Checkpoint(
    origin_of("00112233445566778899aabbccddeeff", "0123456789abcdef0123456789abcdef"), 1, merkle.leaf_hash(b"entry")
).sign(KEY, lambda message: signing.sign(SEED, message))


def openssl(folder, key, text, signature):
    for name, content in (("signer.pem", key.encode()), ("text", text), ("signature", signature)):
        (folder / name).write_bytes(content)
    arguments = ["-verify", "-pubin", "-inkey", "signer.pem", "-rawin", "-in", "text", "-sigfile", "signature"]
    return subprocess.run(["openssl", "pkeyutl", *arguments], cwd=folder, capture_output=True, check=False)


def parts():
    """The note's first three lines, and what follows the key ID in its last line."""
    text = "".join(NOTE.splitlines(keepends=True)[:3]).encode()
    return text, base64.b64decode(NOTE.split()[-1])[4:]


def test_openssl_verifies_a_checkpoint(tmp_path):
    text, signature = parts()
    done = openssl(tmp_path, ssh_keys.encode_pem(KEY), text, signature)
    assert done.returncode == 0, done.stderr
    assert b"Signature Verified Successfully" in done.stdout


def test_openssl_refuses_one_changed_byte(tmp_path):
    text, signature = parts()
    key = ssh_keys.encode_pem(KEY)
    assert openssl(tmp_path, key, text.replace(b"\n1\n", b"\n2\n"), signature).returncode != 0
    assert openssl(tmp_path, key, text, bytes([signature[0] ^ 1]) + signature[1:]).returncode != 0
    assert openssl(tmp_path, ssh_keys.encode_pem(signing.public_key(bytes(32))), text, signature).returncode != 0


def test_the_three_shell_commands_of_the_document_do_it(tmp_path):
    """Word by word what a stranger types; the file names are those of a bag."""
    (tmp_path / "checkpoint").write_bytes(NOTE.encode())
    (tmp_path / "signer.pem").write_text(ssh_keys.encode_pem(KEY))
    commands = [
        "head -n 3 checkpoint > text",
        "tail -n 1 checkpoint | cut -d ' ' -f 3 | base64 -d | tail -c 64 > signature",
        "openssl pkeyutl -verify -pubin -inkey signer.pem -rawin -in text -sigfile signature",
    ]
    document = DOCUMENT.read_text("utf-8")
    for command in commands:
        assert f"\n{command}\n" in document
    done = subprocess.run(["sh", "-ec", "\n".join(commands)], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
