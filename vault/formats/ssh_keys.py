"""Ed25519 public keys as other programs read them: OpenSSH lines (RFC 8709, RFC 4253 §6.6) and PEM (RFC 8410).

Public keys only; private ones are never written in any of these forms. Every decoder accepts exactly what its encoder
writes and refuses keys that are no valid point. Lines come without their newline: whoever read a file takes it off.
Bytes as docs/formats/fingerprint.md §4 has them.
"""

from __future__ import annotations

import base64
import re
import unicodedata

from vault.crypto.hashes import sha256
from vault.crypto.signing import PUBLIC_KEY_SIZE, check_public_key
from vault.errors import FormatError
from vault.formats import base64_strict

MAX_COMMENT_SIZE = 1_024
"""Most characters in the comment of a public key line."""

_WHERE = "SSH public key"
_PEM_WHERE = "public key in PEM"
_SIGNERS_WHERE = "allowed signers line"
_TYPE = "ssh-ed25519"
_BLOB = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"
BLOB_SIZE = len(_BLOB) + PUBLIC_KEY_SIZE
# SEQUENCE { SEQUENCE { OID 1.3.101.112 } BIT STRING }: the only DER for it, so no parser is needed.
_SPKI = bytes.fromhex("302a300506032b6570032100")
_PEM = ("-----BEGIN PUBLIC KEY-----\n", "\n-----END PUBLIC KEY-----\n")
_PRINCIPAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")
_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")
_SIGNERS = re.compile(r'([^ ]+) namespaces="([^"]+)" (.+)\Z')


def encode_key_blob(public_key: bytes) -> bytes:
    """Return the key in SSH's wire form, 51 bytes (RFC 8709 §4)."""
    check_public_key(public_key, _WHERE)
    return _BLOB + public_key


def decode_key_blob(blob: bytes) -> bytes:
    """Return the 32-byte key from SSH's wire form.

    Raises:
        FormatError: Another kind of key, or not a valid one.
    """
    if len(blob) != BLOB_SIZE or not blob.startswith(_BLOB):
        raise FormatError(_WHERE, "not an Ed25519 key", "Ask for a key of the kind ssh-ed25519.")
    public_key = blob[len(_BLOB) :]
    check_public_key(public_key, _WHERE)
    return public_key


def encode_public_key(public_key: bytes, comment: str = "") -> str:
    """Return the line of a ``.pub`` file: type, key, and the comment if there is one; no newline.

    Raises:
        FormatError: No valid key, or a comment with control characters, outer blanks or over 1024 characters.
    """
    _check_comment(comment)
    line = f"{_TYPE} {base64_strict.encode(encode_key_blob(public_key))}"
    return f"{line} {comment}" if comment else line


def decode_public_key(line: str) -> tuple[bytes, str]:
    """Read the line of a ``.pub`` file, given without newline; returns (32-byte key, comment).

    Raises:
        FormatError: Anything but what `encode_public_key` writes.
    """
    kind, _, rest = line.partition(" ")
    if kind != _TYPE:
        raise FormatError(_WHERE, "not an Ed25519 key", "Ask for a key of the kind ssh-ed25519.")
    encoded, space, comment = rest.partition(" ")
    if space and not comment:
        raise FormatError(_WHERE, "a blank at the end")
    _check_comment(comment)
    return decode_key_blob(base64_strict.decode(encoded, _WHERE)), comment


def encode_allowed_signer(principal: str, namespace: str, public_key: bytes) -> str:
    """Return one line for ``ssh-keygen -Y verify -f``, good for one namespace; no newline.

    Args:
        principal: The name given to ``-I``: 1 to 64 of ``A-Za-z0-9._@-``, a letter or digit first, so that it can be
            no pattern, comment or option.
        namespace: The namespace given to ``-n``, of the same form.
        public_key: Ed25519, 32 bytes.

    Raises:
        FormatError: A name, namespace or key that is not allowed.
    """
    if not _PRINCIPAL.match(principal) or not _NAMESPACE.match(namespace):
        raise FormatError(_SIGNERS_WHERE, "a name that is not allowed")
    return f'{principal} namespaces="{namespace}" {encode_public_key(public_key)}'


def decode_allowed_signer(line: str) -> tuple[str, str, bytes]:
    """Read what `encode_allowed_signer` wrote; returns (principal, namespace, 32-byte key).

    Raises:
        FormatError: Anything else.
    """
    match = _SIGNERS.match(line)
    if not match:
        raise FormatError(_SIGNERS_WHERE, "not of the form name, namespace, key")
    principal, namespace, key_line = match.groups()
    public_key, _ = decode_public_key(key_line)
    if encode_allowed_signer(principal, namespace, public_key) != line:
        raise FormatError(_SIGNERS_WHERE, "not spelled the one allowed way")
    return principal, namespace, public_key


def encode_pem(public_key: bytes) -> str:
    """Return the key as SubjectPublicKeyInfo in PEM (RFC 8410 §4, RFC 7468 §13), as openssl reads it."""
    check_public_key(public_key, _PEM_WHERE)
    return base64_strict.encode(_SPKI + public_key).join(_PEM)


def decode_pem(text: str) -> bytes:
    """Return the 32-byte key from its PEM form.

    Raises:
        FormatError: Anything but what `encode_pem` writes.
    """
    head, tail = _PEM
    if not text.startswith(head) or not text.endswith(tail) or len(text) != len(head) + 60 + len(tail):
        raise FormatError(_PEM_WHERE, "not an Ed25519 key")
    der = base64_strict.decode(text[len(head) : -len(tail)], _PEM_WHERE)
    if not der.startswith(_SPKI):
        raise FormatError(_PEM_WHERE, "not an Ed25519 key")
    public_key = der[len(_SPKI) :]
    check_public_key(public_key, _PEM_WHERE)
    return public_key


def ssh_fingerprint(public_key: bytes) -> str:
    """Return what ``ssh-keygen -lf`` shows: ``SHA256:`` and the digest in Base 64 without padding, 50 characters."""
    return "SHA256:" + base64.b64encode(sha256(encode_key_blob(public_key))).decode("ascii").rstrip("=")


def _check_comment(comment: str) -> None:
    if len(comment) > MAX_COMMENT_SIZE:
        raise FormatError(_WHERE, "the comment is too long")
    if comment != comment.strip() or any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in comment):
        raise FormatError(_WHERE, "the comment holds control characters or outer blanks")
