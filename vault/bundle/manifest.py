"""``data/bundle.json``: what a bundle says about itself, under the signature.

Holds the description, its encoder and its strict decoder. The decoder checks the shape only; whether it is true of the
bag at hand is for `bundle.verify`.

Spec: docs/formats/bundle.md, "bundle.json"; RFC 8785 for the encoding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from vault.bundle import layout
from vault.errors import FormatError, UnsupportedVersionError
from vault.formats import base64_strict, jcs
from vault.formats.checkpoint import Checkpoint
from vault.formats.fingerprint import fingerprint_of_key
from vault.formats.ssh_keys import decode_public_key, encode_public_key
from vault.formats.tar import is_name
from vault.model import Json, format_time, is_id

PASSPHRASE: Final = "passphrase"  # noqa: S105 - the name of a kind
KINDS: Final = ("mlkem768x25519", "x25519", PASSPHRASE)
MAX_PURPOSE: Final = 4000
"""Longest purpose, in characters."""
MAX_KEYS: Final = 16
"""Most keys of one recipient."""

_WHERE = "bundle.json"
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")
_SOFTWARE = re.compile(r"[ -~]{1,64}\Z")
_TEXTS = ("bundle_id", "purpose", "epoch", "previous", "sealed_at", "case", "software")
_MEMBERS = frozenset({*_TEXTS, "format", "sender", "recipient", "number", "checkpoint", "contents"})


@dataclass(frozen=True, slots=True)
class Content:
    """One payload file: its path in the bag, its size in bytes, its SHA-256 in hexadecimal digits."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Description:
    """What a bundle says about itself.

    Attributes:
        bundle_id: Random id of the bundle.
        sender_key: The sender's Ed25519 public key, 32 bytes.
        recipient_kind: One of `KINDS`.
        key_hashes: SHA-256 of each recipient string, ascending; none for a passphrase.
        purpose: What the sender says it is for.
        epoch: Epoch of the sender's vault.
        number: Number of the bundle for this recipient in this epoch, from 1.
        previous: Id of the bundle before for this recipient, or empty.
        sealed_at: The sender's claim.
        case_id: The case it is about.
        software: Name and version of the program that made it.
        checkpoint: The state of the sender's custody log.
        contents: Every payload file but ``bundle.json`` itself, in the order of the paths.
    """

    bundle_id: str
    sender_key: bytes
    recipient_kind: str
    key_hashes: tuple[str, ...]
    purpose: str = field(repr=False)
    epoch: str
    number: int
    previous: str
    sealed_at: datetime
    case_id: str
    software: str
    checkpoint: Checkpoint
    contents: tuple[Content, ...]

    @property
    def fingerprint(self) -> str:
        """The sender's fingerprint in its canonical form."""
        return fingerprint_of_key(self.sender_key)

    def encode(self) -> bytes:
        """Return the bytes of ``bundle.json``.

        Raises:
            FormatError: Values that a description cannot hold.
        """
        value = self.value()
        _check(value)
        return jcs.encode(value)

    def value(self) -> dict[str, Json]:
        """The members of ``bundle.json``, in any order."""
        return {
            "format": layout.FORMAT,
            "bundle_id": self.bundle_id,
            "sender": {"fingerprint": self.fingerprint, "signing_key": encode_public_key(self.sender_key)},
            "recipient": {"key_hashes": list(self.key_hashes), "kind": self.recipient_kind},
            "purpose": self.purpose,
            "epoch": self.epoch,
            "number": self.number,
            "previous": self.previous,
            "sealed_at": format_time(self.sealed_at),
            "case": self.case_id,
            "software": self.software,
            "checkpoint": {
                "origin": self.checkpoint.origin,
                "root": base64_strict.encode(self.checkpoint.root),
                "size": self.checkpoint.size,
            },
            "contents": [{"path": c.path, "sha256": c.sha256, "size": c.size} for c in self.contents],
        }


def decode(data: bytes) -> Description:
    """Read ``bundle.json``.

    Raises:
        FormatError: Not what `Description.encode` writes.
        UnsupportedVersionError: Another version of the format.
    """
    if layout.is_dense(data):
        raise FormatError(_WHERE, "more values than it can have")
    value = jcs.decode(data, _WHERE, limit=layout.MAX_SMALL_FILE)
    if isinstance(value, dict) and isinstance(value.get("format"), str) and value["format"] != layout.FORMAT:
        raise UnsupportedVersionError(_WHERE)
    _check(value)
    checkpoint = value["checkpoint"]
    description = Description(
        bundle_id=value["bundle_id"],
        sender_key=decode_public_key(value["sender"]["signing_key"])[0],
        recipient_kind=value["recipient"]["kind"],
        key_hashes=tuple(value["recipient"]["key_hashes"]),
        purpose=value["purpose"],
        epoch=value["epoch"],
        number=value["number"],
        previous=value["previous"],
        sealed_at=_time(value["sealed_at"]),
        case_id=value["case"],
        software=value["software"],
        checkpoint=Checkpoint(
            checkpoint["origin"], checkpoint["size"], base64_strict.decode(checkpoint["root"], _WHERE)
        ),
        contents=tuple(Content(c["path"], c["size"], c["sha256"]) for c in value["contents"]),
    )
    description.checkpoint.encode()
    if description.value() != value:
        raise FormatError(_WHERE, "values that are not written the one allowed way")
    return description


def _check(value: Json) -> None:
    """Refuse every shape but the one; values of another type never get past here."""
    _members(value, _MEMBERS)
    _members(value["sender"], {"fingerprint", "signing_key"})
    _members(value["recipient"], {"key_hashes", "kind"})
    _members(value["checkpoint"], {"origin", "root", "size"})
    texts = [value[name] for name in _TEXTS]
    texts += [value["sender"]["fingerprint"], value["sender"]["signing_key"], value["recipient"]["kind"]]
    texts += [value["checkpoint"]["origin"], value["checkpoint"]["root"]]
    if not all(isinstance(text, str) for text in texts):
        raise FormatError(_WHERE, "a value of the wrong type")
    if not (is_id(value["bundle_id"]) and is_id(value["epoch"]) and is_id(value["case"])):
        raise FormatError(_WHERE, "an id that is none")
    if value["previous"] and not is_id(value["previous"]):
        raise FormatError(_WHERE, "an id that is none")
    if not _whole(value["number"]) or value["number"] < 1 or not _whole(value["checkpoint"]["size"]):
        raise FormatError(_WHERE, "a number out of range")
    if len(value["purpose"]) > MAX_PURPOSE or not _SOFTWARE.match(value["software"]):
        raise FormatError(_WHERE, "a text that is too long or not allowed")
    _check_recipient(value["recipient"])
    _check_contents(value["contents"])


def _check_recipient(value: Json) -> None:
    hashes = value["key_hashes"]
    if value["kind"] not in KINDS or not isinstance(hashes, list) or len(hashes) > MAX_KEYS:
        raise FormatError(_WHERE, "an unknown kind of recipient")
    if (value["kind"] == PASSPHRASE) != (not hashes):
        raise FormatError(_WHERE, "key hashes that do not go with the kind of recipient")
    last = ""
    for digest in hashes:
        if not isinstance(digest, str) or not _DIGEST.match(digest) or digest <= last:
            raise FormatError(_WHERE, "key hashes that are not digests in ascending order")
        last = digest


def _check_contents(value: Json) -> None:
    if not isinstance(value, list) or len(value) > layout.MAX_FILES:
        raise FormatError(_WHERE, "no list of contents, or too long a one")
    last = ""
    for item in value:
        _members(item, {"path", "sha256", "size"})
        path, digest = item["path"], item["sha256"]
        if not isinstance(path, str) or not is_name(path) or path <= last or path == layout.BUNDLE:
            raise FormatError(_WHERE, "contents that are not paths in ascending order")
        if not isinstance(digest, str) or not _DIGEST.match(digest) or not _whole(item["size"]):
            raise FormatError(_WHERE, "contents with a wrong digest or size")
        if item["size"] > layout.MAX_ATTACHMENT:
            raise FormatError(_WHERE, "contents with a wrong digest or size")
        last = path


def _members(value: Json, names: frozenset[str] | set[str]) -> None:
    if not isinstance(value, dict) or value.keys() != names:
        raise FormatError(_WHERE, "members that are missing or unknown")


def _whole(value: Json) -> bool:
    return type(value) is int and value >= 0


def _time(text: str) -> datetime:
    if _TIME.match(text):
        try:
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            pass  # A thirteenth month, for example; refused below without the text.
    raise FormatError(_WHERE, "a time that is none")
