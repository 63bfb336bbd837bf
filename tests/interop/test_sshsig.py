"""SSH signatures and keys against the stock ssh-keygen and openssl: same bytes, same verdicts."""

import base64
import shutil
import subprocess

import pytest

from vault.crypto import signing
from vault.formats import ssh_keys
from vault.formats.fingerprint import hash_of_key, openssh_of
from vault.formats.sshsig import sign_ssh, verify_ssh

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")

SEED = bytes(range(32))
KEY = signing.public_key(SEED)
NAMESPACE = "evidence-bundle"
MESSAGE = b"abc  data/bundle.json\n"


def sign(message):
    return signing.sign(SEED, message)


def ssh_string(value):
    return len(value).to_bytes(4, "big") + value


def private_key_file(folder):
    """An unencrypted OpenSSH private key (PROTOCOL.key) of the test's own seed."""
    public = ssh_keys.encode_key_blob(KEY)
    private = bytes(8) + public + ssh_string(SEED + KEY) + ssh_string(b"")
    private += bytes(range(1, 1 + -len(private) % 8))
    blob = b"openssh-key-v1\0" + ssh_string(b"none") * 2 + ssh_string(b"") + (1).to_bytes(4, "big")
    blob += ssh_string(public) + ssh_string(private)
    path = folder / "key"
    path.touch(mode=0o600)
    path.write_text(
        "-----BEGIN OPENSSH PRIVATE KEY-----\n"
        + base64.encodebytes(blob).decode()
        + "-----END OPENSSH PRIVATE KEY-----\n"
    )
    return path


def run(*arguments, message=MESSAGE):
    return subprocess.run(["ssh-keygen", *map(str, arguments)], input=message, capture_output=True, check=False)


def verify(folder, signature, message=MESSAGE, namespace=NAMESPACE, name="sender"):
    (folder / "m.sig").write_text(signature)
    (folder / "signers").write_text(ssh_keys.encode_allowed_signer("sender", NAMESPACE, KEY) + "\n")
    return run(
        "-Y", "verify", "-f", folder / "signers", "-I", name, "-n", namespace, "-s", folder / "m.sig", message=message
    )


def check_novalidate(folder, signature, message=MESSAGE, namespace=NAMESPACE):
    (folder / "m.sig").write_text(signature)
    return run("-Y", "check-novalidate", "-n", namespace, "-s", folder / "m.sig", message=message)


# At 40 characters the Base 64 text fills its last line exactly.
@pytest.mark.parametrize("length", [1, 15, 38, 39, 40, 41, 42, 64])
@pytest.mark.parametrize("message", [b"", MESSAGE, bytes(range(256)) * 300])
def test_the_bytes_are_those_of_ssh_keygen(tmp_path, length, message):
    namespace = "n" * length
    theirs = run("-Y", "sign", "-q", "-n", namespace, "-f", private_key_file(tmp_path), message=message)
    assert theirs.returncode == 0, theirs.stderr
    ours = sign_ssh(message, namespace, KEY, sign)
    assert ours == theirs.stdout.decode()
    assert verify_ssh(theirs.stdout.decode(), message, namespace) == KEY


def test_ssh_keygen_accepts_our_signature(tmp_path):
    signature = sign_ssh(MESSAGE, NAMESPACE, KEY, sign)
    done = verify(tmp_path, signature)
    assert done.returncode == 0
    assert done.stdout.startswith(b'Good "evidence-bundle" signature for sender with ED25519 key SHA256:')
    assert check_novalidate(tmp_path, signature).returncode == 0


def test_ssh_keygen_refuses_a_changed_message_a_wrong_namespace_and_a_wrong_name(tmp_path):
    signature = sign_ssh(MESSAGE, NAMESPACE, KEY, sign)
    changed = MESSAGE[:-2] + b"o\n"
    assert verify(tmp_path, signature, changed).returncode != 0
    assert check_novalidate(tmp_path, signature, changed).returncode != 0
    assert verify(tmp_path, signature, namespace="file").returncode != 0
    assert check_novalidate(tmp_path, signature, namespace="file").returncode != 0
    assert verify(tmp_path, signature, name="somebody").returncode != 0


def test_the_signers_line_is_good_for_its_namespace_only(tmp_path):
    signature = sign_ssh(MESSAGE, "file", KEY, sign)
    assert check_novalidate(tmp_path, signature, namespace="file").returncode == 0
    assert verify(tmp_path, signature, namespace="file").returncode != 0


def test_ssh_keygen_shows_our_fingerprint_and_reads_our_key_line(tmp_path):
    (tmp_path / "key.pub").write_text(ssh_keys.encode_public_key(KEY, "a comment") + "\n")
    shown = run("-l", "-f", tmp_path / "key.pub").stdout.decode()
    assert shown == f"256 {ssh_keys.ssh_fingerprint(KEY)} a comment (ED25519)\n"
    assert openssh_of(hash_of_key(KEY)) == ssh_keys.ssh_fingerprint(KEY)


def test_a_key_line_made_by_ssh_keygen_is_read(tmp_path):
    assert run("-q", "-t", "ed25519", "-N", "", "-C", "王 example", "-f", tmp_path / "new").returncode == 0
    line = (tmp_path / "new.pub").read_bytes().decode().removesuffix("\n")
    key, comment = ssh_keys.decode_public_key(line)
    assert comment == "王 example"
    assert ssh_keys.encode_public_key(key, comment) == line


def test_the_pem_of_openssl_is_ours(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    der = bytes.fromhex("302e020100300506032b657004220420") + SEED
    made = subprocess.run(["openssl", "pkey", "-inform", "DER", "-pubout"], input=der, capture_output=True, check=True)
    assert made.stdout.decode() == ssh_keys.encode_pem(KEY)
