"""Signed JSON with disclosures: the text form of an SD-JWT (RFC 9901) signed with Ed25519 (RFC 8037, RFC 7515).

Holds: one disclosure, the text `jwt~disclosure~…~`, its parser, and the signature of the JWT part. What the digests in
the payload mean is the work of `sd_jwt_tree` and `record`.

Rules beyond RFC 9901, so that one content has one spelling: header and payload are canonical JSON (`jcs`), a disclosure
is the base64url text of the canonical `[salt,name,value]` or `[salt,value]`, the salt is 16 bytes, disclosures stand in
ascending order of their digests, and there is no key-binding JWT. The only algorithms are EdDSA and SHA-256.

Never: keeps a key, opens a file, shows a value in an error or a `repr`.
Spec: `docs/formats/record.md`.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Self

from vault.crypto import signing
from vault.crypto.hashes import sha256
from vault.crypto.randomness import random_bytes
from vault.errors import FormatError, RefusedError
from vault.formats import jcs
from vault.model import Json

WHERE: Final = "signed record"
MAX_JWT: Final = 16 * 1024 * 1024
"""The longest JWT part, in characters."""
MAX_DISCLOSURE: Final = 16 * 1024 * 1024
"""The longest text of one disclosure, in characters."""
MAX_TEXT: Final = 64 * 1024 * 1024
"""The longest SD-JWT, in characters."""
MAX_DISCLOSURES: Final = 100_000
MAX_NAME: Final = 256
"""The longest name of a member, in characters."""
SALT_SIZE: Final = 16
RESERVED_NAMES: Final = frozenset({"_sd", "_sd_alg", "..."})
"""Names that mean something to SD-JWT and are refused as names of members (RFC 9901 §4.1)."""

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_SALT = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]\Z")
_DIGEST = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\Z")


def b64url(data: bytes) -> str:
    """Return `data` in base64url without padding (RFC 7515 §2)."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=").decode("ascii")


def unb64url(text: str, where: str) -> bytes:
    """Return the bytes that `b64url` turns into exactly `text`.

    Raises:
        FormatError: Padding, foreign characters, unused bits that are not zero.
    """
    try:
        data = binascii.a2b_base64(text.encode("ascii").translate(_FROM_URL) + b"=" * (-len(text) % 4))
    except ValueError:
        data = b""
    if not text or b64url(data) != text:
        raise FormatError(where, "not base64url without padding")
    return data


def digest_of(text: str) -> str:
    """Return the digest of a disclosure's text: base64url of the SHA-256 of its ASCII characters (RFC 9901 §4.2.3)."""
    return b64url(sha256(text.encode("ascii")))


def decoy() -> str:
    """Return a digest that belongs to nothing and cannot be told from one that does (RFC 9901 §4.2.5)."""
    return b64url(sha256(random_bytes(32)))


def is_digest(value: Json) -> bool:
    """True when `value` has the form of a digest: 43 characters that spell 32 bytes."""
    return isinstance(value, str) and _DIGEST.match(value) is not None


def is_salt(value: Json) -> bool:
    """True when `value` has the form of a salt: 22 characters that spell 16 bytes."""
    return isinstance(value, str) and _SALT.match(value) is not None


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One disclosure; equal when the texts are.

    Attributes:
        text: What is handed over and hashed.
        salt: 16 random bytes in base64url.
        name: The member's name, or None for an array element.
        value: The value; inside a record its members and elements are digests again.
        digest: What stands in the payload, or in another disclosure, for this one.
    """

    text: str = field(repr=False)
    salt: str = field(repr=False, compare=False)
    name: str | None = field(compare=False)
    value: Json = field(repr=False, compare=False)
    digest: str = field(compare=False)

    @classmethod
    def make(cls, name: str | None, value: Json) -> Self:
        """Make a disclosure with a fresh salt.

        Raises:
            RefusedError: A reserved, empty or overlong name, or a value that is too large or has no canonical form.
        """
        if name is not None and (name in RESERVED_NAMES or not 0 < len(name) <= MAX_NAME):
            raise RefusedError("A field has a name that cannot be used.", "Choose another name for it.")
        salt = b64url(random_bytes(SALT_SIZE))
        text = b64url(jcs.encode([salt, value] if name is None else [salt, name, value]))
        if len(text) > MAX_DISCLOSURE:
            raise RefusedError("A field is too large for a record.", "Attach the text as a file instead.")
        return cls(text, salt, name, value, digest_of(text))

    @classmethod
    def parse(cls, text: str, where: str = WHERE) -> Self:
        """Read a disclosure; accepts only what `make` can have written.

        Raises:
            FormatError: Anything else.
        """
        if len(text) > MAX_DISCLOSURE:
            raise FormatError(where, "a disclosure that is too long")
        content = jcs.decode(unb64url(text, where), where)
        if not isinstance(content, list) or len(content) not in (2, 3) or not is_salt(content[0]):
            raise FormatError(where, "a disclosure that is not salt, name and value")
        name = content[1] if len(content) == 3 else None
        if len(content) == 3 and (not isinstance(name, str) or name in RESERVED_NAMES or not 0 < len(name) <= MAX_NAME):
            raise FormatError(where, "a disclosure with a name that is not allowed")
        return cls(text, content[0], name, content[-1], digest_of(text))


@dataclass(frozen=True, slots=True)
class SdJwt:
    """A signed JWT and the disclosures that go with it.

    Attributes:
        jwt: header, payload and signature: what never changes, whatever is withheld.
        disclosures: In ascending order of their digests.
    """

    jwt: str
    disclosures: tuple[Disclosure, ...]

    @property
    def text(self) -> str:
        """The SD-JWT in its compact form, ending in `~` (RFC 9901 §4)."""
        return "~".join([self.jwt, *(d.text for d in self.disclosures), ""])


def arrange(jwt: str, disclosures: Iterable[Disclosure]) -> SdJwt:
    """Put disclosures into the one order that is accepted."""
    return SdJwt(jwt, tuple(sorted(disclosures, key=lambda d: d.digest)))


HEADER: Final = b64url(jcs.encode({"alg": "EdDSA", "typ": "evidence-record+sd-jwt"}))
"""The only header there is, encoded."""


def sign_jwt(payload: bytes, public_key: bytes, sign: Callable[[bytes], bytes]) -> str:
    """Sign a payload and check the signature before anybody relies on it.

    Args:
        payload: Canonical JSON.
        public_key: Ed25519, 32 bytes.
        sign: Returns the 64-byte signature of what it is given.

    Raises:
        RefusedError: The result would be longer than `MAX_JWT`.
        IntegrityError: `sign` does not belong to `public_key`.

    Spec: RFC 7515 §5.1, RFC 8037 §3.1.
    """
    signing_input = f"{HEADER}.{b64url(payload)}"
    signature = sign(signing_input.encode("ascii"))
    jwt = f"{signing_input}.{b64url(signature)}"
    if len(jwt) > MAX_JWT:
        raise RefusedError("The record is too large to be signed.", "Split it into several records.")
    signing.verify(public_key, signing_input.encode("ascii"), signature, WHERE)
    return jwt


def payload_of(jwt: str) -> bytes:
    """Return the payload of a JWT without verifying anything but its form.

    Raises:
        FormatError: Not three parts, another header, or not base64url.
    """
    return _split_jwt(jwt)[0]


def verify_jwt(jwt: str, public_key: bytes) -> bytes:
    """Verify the signature and return the payload.

    Raises:
        FormatError: Not a JWT of this kind.
        IntegrityError: Not signed by this key.

    Spec: RFC 7515 §5.2, RFC 8037 §3.1.
    """
    payload, signature = _split_jwt(jwt)
    signing.verify(public_key, jwt.rpartition(".")[0].encode("ascii"), signature, WHERE)
    return payload


def _split_jwt(jwt: str) -> tuple[bytes, bytes]:
    """Return payload and signature."""
    if len(jwt) > MAX_JWT:
        raise FormatError(WHERE, "too long")
    parts = jwt.split(".", 3)
    if len(parts) != 3:
        raise FormatError(WHERE, "not a JWT of three parts")
    if parts[0] != HEADER:
        raise FormatError(WHERE, "a header that is not allowed")
    payload, signature = unb64url(parts[1], WHERE), unb64url(parts[2], WHERE)
    if len(signature) != signing.SIGNATURE_SIZE:
        raise FormatError(WHERE, "a signature of the wrong length")
    return payload, signature


def parse_sd_jwt(text: str) -> SdJwt:
    """Read the text form; `parse_sd_jwt(text).text == text`. Verifies no signature and no digest.

    Raises:
        FormatError: Anything that `docs/formats/record.md` tells readers to refuse in the text form.

    Spec: RFC 9901 §4.
    """
    if len(text) > MAX_TEXT:
        raise FormatError(WHERE, "too long")
    if not text.isascii() or not text.endswith("~"):
        raise FormatError(WHERE, "not an SD-JWT that ends in a tilde")
    if text.count("~") > MAX_DISCLOSURES + 1:
        raise FormatError(WHERE, "too many disclosures")
    jwt, *texts = text[:-1].split("~")
    _split_jwt(jwt)
    disclosures = tuple(Disclosure.parse(each) for each in texts)
    if any(first.digest >= second.digest for first, second in pairwise(disclosures)):
        raise FormatError(WHERE, "disclosures that are not in the order of their digests")
    return SdJwt(jwt, disclosures)
