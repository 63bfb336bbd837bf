"""SSH signatures: one spelling, one namespace, one message (stock tools: tests/interop/test_sshsig.py)."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.crypto import signing
from vault.errors import FormatError, IntegrityError, UnsupportedVersionError
from vault.formats.sshsig import SshSignature, sign_ssh, verify_ssh

SEED = bytes(range(32))
KEY = signing.public_key(SEED)
NAMESPACE = "evidence-bundle"
MESSAGE = b"what is signed\n"


def sign(message):
    return signing.sign(SEED, message)


SIGNATURE = sign_ssh(MESSAGE, NAMESPACE, KEY, sign)
BLOB = base64.b64decode("".join(SIGNATURE.splitlines()[1:-1]))


def armored(blob, columns=70):
    text = base64.b64encode(blob).decode()
    lines = [text[at : at + columns] for at in range(0, len(text), columns)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


def replaced(old, new):
    assert BLOB.count(old) >= 1
    return armored(BLOB.replace(old, new))


def test_a_signature_verifies_and_names_its_key():
    assert verify_ssh(SIGNATURE, MESSAGE, NAMESPACE) == KEY
    assert SshSignature.decode(SIGNATURE).encode() == SIGNATURE == armored(BLOB)


def test_another_message_is_refused():
    with pytest.raises(IntegrityError):
        verify_ssh(SIGNATURE, MESSAGE + b" ", NAMESPACE)


def test_another_namespace_is_refused():
    with pytest.raises(IntegrityError, match="purpose"):
        verify_ssh(SIGNATURE, MESSAGE, "evidence-bundl")


def test_a_namespace_written_over_is_refused():
    with pytest.raises(IntegrityError):
        verify_ssh(replaced(b"evidence-bundle", b"evidence-bundlf"), MESSAGE, "evidence-bundlf")


def test_every_changed_byte_of_the_blob_is_refused():
    for at in range(len(BLOB)):
        for flip in (1, 0x80):
            changed = bytearray(BLOB)
            changed[at] ^= flip
            with pytest.raises((FormatError, IntegrityError)):
                verify_ssh(armored(bytes(changed)), MESSAGE, NAMESPACE)


def test_every_changed_character_and_every_cut_is_refused():
    for at in range(len(SIGNATURE)):
        for text in (
            SIGNATURE[:at] + chr(ord(SIGNATURE[at]) ^ 1) + SIGNATURE[at + 1 :],
            SIGNATURE[:at],
            SIGNATURE[:at] + SIGNATURE[at + 1 :],
            SIGNATURE[:at] + "\n" + SIGNATURE[at:],
        ):
            if text != SIGNATURE:
                with pytest.raises((FormatError, IntegrityError)):
                    verify_ssh(text, MESSAGE, NAMESPACE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        armored(b""),
        armored(BLOB, 76),
        armored(BLOB, 69),
        armored(BLOB, 1000),
        armored(BLOB + b"\x00"),
        armored(BLOB[:-1]),
        SIGNATURE[:-1],
        SIGNATURE + "\n",
        "\n" + SIGNATURE,
        SIGNATURE.replace("\n", "\r\n"),
        SIGNATURE + SIGNATURE,
        replaced(b"\x00\x00\x00\x06sha512", b"\x00\x00\x00\x06sha256"),
        replaced(b"bundle\x00\x00\x00\x00", b"bundle\x00\x00\x00\x01x"),
        replaced(b"\x00\x00\x00\x0fevidence-bundle", b"\x00\x00\x00\x00"),
        replaced(b"evidence-bundle", b"evidence bundle"),
        replaced(b"evidence-bundle", b"evidence\xffbundle"),
        replaced(b"ssh-ed25519", b"ssh-ed25518"),
        replaced(KEY, bytes(32)),
        replaced(b"\x00\x00\x00\x40", b"\x00\x00\x00\x3f"),
        replaced(b"\x00\x00\x00\x40", b"\xff\xff\xff\xff"),
        replaced(b"SSHSIG", b"SSHSIH"),
        "x" * 10_000,
    ],
)
def test_any_other_spelling_is_refused(text):
    with pytest.raises(FormatError):
        verify_ssh(text, MESSAGE, NAMESPACE)


def test_a_later_version_is_named_as_such():
    with pytest.raises(UnsupportedVersionError):
        verify_ssh(replaced(b"SSHSIG\x00\x00\x00\x01", b"SSHSIG\x00\x00\x00\x02"), MESSAGE, NAMESPACE)


@pytest.mark.parametrize("namespace", ["", "a b", "a\n", "*", "ä", "x" * 65, "a,b"])
def test_a_namespace_that_stock_tools_would_read_otherwise_is_not_signed(namespace):
    with pytest.raises(FormatError):
        sign_ssh(MESSAGE, namespace, KEY, sign)


@given(st.binary(max_size=200), st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", fullmatch=True))
def test_every_signature_comes_back(message, namespace):
    signature = sign_ssh(message, namespace, KEY, sign)
    assert verify_ssh(signature, message, namespace) == KEY
    assert SshSignature.decode(signature).encode() == signature


@given(
    st.one_of(
        st.text(max_size=60),
        st.binary(max_size=250).map(armored),
        st.builds(
            lambda at, new: armored(BLOB[:at] + new + BLOB[at + 1 :]), st.integers(0, 184), st.binary(max_size=3)
        ),
    )
)
def test_whatever_is_read_is_written_alike(text):
    with contextlib.suppress(FormatError):
        assert SshSignature.decode(text).encode() == text
