"""Public keys in the forms of OpenSSH and openssl: fixed bytes, one spelling, no weak keys."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.crypto import signing
from vault.errors import FormatError
from vault.formats import ssh_keys

KEY = signing.public_key(bytes(range(32)))
ENCODED = "AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
LINE = f"ssh-ed25519 {ENCODED}"
PEM = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n"
    "-----END PUBLIC KEY-----\n"
)
SIGNER = f'sender namespaces="evidence-bundle" {LINE}'
SMALL_ORDER = bytes([1]) + bytes(31)


def pem(prefix, key):
    der = base64.b64encode(bytes.fromhex(prefix) + key).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n"


def test_fixed_bytes():
    assert ssh_keys.encode_public_key(KEY) == LINE
    assert ssh_keys.encode_public_key(KEY, "名 字") == f"{LINE} 名 字"
    assert ssh_keys.encode_pem(KEY) == PEM
    assert ssh_keys.encode_allowed_signer("sender", "evidence-bundle", KEY) == SIGNER
    assert ssh_keys.encode_key_blob(KEY).hex() == "0000000b7373682d6564323535313900000020" + KEY.hex()


def test_what_was_written_is_read():
    assert ssh_keys.decode_public_key(LINE) == (KEY, "")
    assert ssh_keys.decode_public_key(f"{LINE} 名 字") == (KEY, "名 字")
    assert ssh_keys.decode_pem(PEM) == KEY
    assert ssh_keys.decode_allowed_signer(SIGNER) == ("sender", "evidence-bundle", KEY)
    assert ssh_keys.decode_key_blob(ssh_keys.encode_key_blob(KEY)) == KEY


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-ed25519",
        f"{LINE} ",
        f"{LINE}\n",
        f" {LINE}",
        f"{LINE}  two blanks",
        f"{LINE} tab\tin it",
        f"{LINE} half\ud800",
        f"{LINE} line\u2028end",
        f"{LINE} {'x' * 1025}",
        LINE.replace(" ", "  "),
        LINE.replace(" ", "\t"),
        LINE[:-1],
        LINE + "=",
        LINE.replace("G4", "G5", 1).replace("VTG5", "VTG"),
        LINE.replace("ssh-ed25519", "ssh-rsa"),
        LINE.replace("ssh-ed25519", "SSH-ED25519"),
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQ==",
        f"ssh-ed25519 {base64.b64encode(ssh_keys.encode_key_blob(KEY) + b'x').decode()}",
        f"ssh-ed25519 {base64.b64encode(ssh_keys.encode_key_blob(KEY)[:-1]).decode()}",
        f"ssh-ed25519 {base64.b64encode(ssh_keys.encode_key_blob(KEY)[:19] + SMALL_ORDER).decode()}",
        f'namespaces="x" {LINE}',
    ],
)
def test_any_other_key_line_is_refused(line):
    with pytest.raises(FormatError):
        ssh_keys.decode_public_key(line)


@pytest.mark.parametrize(
    "text",
    [
        "",
        PEM[:-1],
        PEM + "\n",
        PEM.replace("\n", "\r\n"),
        PEM.replace("PUBLIC", "PRIVATE"),
        PEM.replace("MCow", "MCox"),
        PEM.replace("bg=", "bh="),
        PEM.replace("=\n", "\n\n"),
        pem("302a300506032b6570032100", SMALL_ORDER),
        pem("302a300506032b656e032100", KEY),
    ],
)
def test_any_other_pem_is_refused(text):
    with pytest.raises(FormatError):
        ssh_keys.decode_pem(text)


@pytest.mark.parametrize(
    "line",
    [
        "",
        SIGNER + "\n",
        SIGNER + " comment",
        SIGNER.replace("sender", "*"),
        SIGNER.replace("sender", "a,b"),
        SIGNER.replace("sender", "!a"),
        SIGNER.replace("sender", "#a"),
        SIGNER.replace("sender", "-a"),
        SIGNER.replace("sender", '"a"'),
        SIGNER.replace("sender", "a" * 65),
        SIGNER.replace("evidence-bundle", "*"),
        SIGNER.replace("evidence-bundle", "evidence-bundle,git"),
        SIGNER.replace("evidence-bundle", ""),
        SIGNER.replace(' namespaces="evidence-bundle"', ""),
        SIGNER.replace(" namespaces", " cert-authority,namespaces"),
        SIGNER.replace(" namespaces", "  namespaces"),
        f"{SIGNER}\n{SIGNER}",
    ],
)
def test_any_other_signers_line_is_refused(line):
    with pytest.raises(FormatError):
        ssh_keys.decode_allowed_signer(line)


def test_what_no_reader_would_take_is_not_written():
    for work in (
        lambda: ssh_keys.encode_public_key(KEY[:31]),
        lambda: ssh_keys.encode_public_key(SMALL_ORDER),
        lambda: ssh_keys.encode_public_key(KEY, "a\nb"),
        lambda: ssh_keys.encode_public_key(KEY, " a"),
        lambda: ssh_keys.encode_pem(SMALL_ORDER),
        lambda: ssh_keys.encode_allowed_signer("a b", "evidence-bundle", KEY),
        lambda: ssh_keys.encode_allowed_signer("a", 'x"', KEY),
    ):
        with pytest.raises(FormatError):
            work()


@given(st.binary(min_size=32, max_size=32), st.text(max_size=20))
def test_every_key_comes_back(seed, comment):
    key = signing.public_key(seed)
    assert ssh_keys.decode_pem(ssh_keys.encode_pem(key)) == key
    try:
        line = ssh_keys.encode_public_key(key, comment)
    except FormatError:
        return
    assert ssh_keys.decode_public_key(line) == (key, comment)


@given(st.one_of(st.text(max_size=40), st.builds(lambda tail: LINE + tail, st.text(max_size=8))))
def test_whatever_key_line_is_read_is_written_alike(line):
    with contextlib.suppress(FormatError):
        assert ssh_keys.encode_public_key(*ssh_keys.decode_public_key(line)) == line


@given(
    st.one_of(
        st.text(max_size=40),
        st.builds(lambda at, c: PEM[:at] + c + PEM[at + 1 :], st.integers(0, 114), st.characters()),
    )
)
def test_whatever_pem_is_read_is_written_alike(text):
    with contextlib.suppress(FormatError):
        assert ssh_keys.encode_pem(ssh_keys.decode_pem(text)) == text


@given(
    st.one_of(
        st.text(max_size=40),
        st.builds(lambda at, c: SIGNER[:at] + c + SIGNER[at + 1 :], st.integers(0, 115), st.characters()),
    )
)
def test_whatever_signers_line_is_read_is_written_alike(line):
    with contextlib.suppress(FormatError):
        assert ssh_keys.encode_allowed_signer(*ssh_keys.decode_allowed_signer(line)) == line


@given(st.binary(max_size=60))
def test_garbage_as_a_key_blob_is_only_ever_a_format_error(blob):
    with pytest.raises(FormatError):
        ssh_keys.decode_key_blob(blob)
