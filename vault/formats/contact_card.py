"""Contact cards: who somebody is, said by that person's own signing key (a signed note over canonical JSON).

The signature binds the recipients to the signing key; it does not say whose key that is. A card is worth nothing until
the key's fingerprint was compared over another channel. Reading accepts exactly what `ContactCard.sign` writes.
Spec: docs/formats/contact-card.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from vault.errors import FormatError, UnsupportedVersionError
from vault.formats import age, jcs
from vault.formats.signed_note import SignedNote, sign_note
from vault.formats.ssh_keys import decode_public_key, encode_public_key
from vault.model import Json, format_time

KEY_NAME: Final = "evidence-vault/contact-card"
"""The key name in the signature line; it says what was signed, the key itself is in the card."""
MAX_NAME_LENGTH = 200
"""Most code points in a name."""
MAX_RECIPIENTS = 8
MAX_LANGUAGES = 16
MAX_CARD_SIZE = 32_768
"""Most bytes of UTF-8 in a card."""

_WHERE = "contact card"
_FORMAT = "contact-card/1"
_REQUIRED = frozenset({"format", "name", "signing_key", "recipients", "issued_at"})
_OPTIONAL = frozenset({"expires_at", "languages"})
_TIME = re.compile(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")
# The form of BCP 47 tags; whether a tag is registered changes with time and is not asked.
_LANGUAGE = re.compile(r"[a-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,7}\Z")
# Embeddings, overrides and isolates reorder what stands beside a name; the marks that scripts need are not among them.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class ContactCard:
    """What a card says.

    Attributes:
        name: 1 to 200 code points; no control characters, line separators or reordering marks, no outer blanks.
        signing_key: Ed25519 public key, 32 bytes.
        recipients: 1 to 8 different age recipient strings, every hybrid one before every X25519 one.
        issued_at: Aware, UTC, whole seconds.
        expires_at: Later than `issued_at`, or None for no end.
        languages: Up to 16 different BCP 47 tags, the preferred one first.
    """

    name: str = field(repr=False)
    signing_key: bytes
    recipients: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime | None = None
    languages: tuple[str, ...] = ()

    def is_expired(self, now: datetime) -> bool:
        """Say whether the card's validity has ended at `now`, an aware time."""
        return self.expires_at is not None and now >= self.expires_at

    def text(self) -> str:
        """Return what is signed: the card as canonical JSON in one line, with a newline.

        Raises:
            FormatError: A part that cannot be in a card.
        """
        _check_name(self.name)
        _check_recipients(self.recipients)
        if len(self.languages) > MAX_LANGUAGES or len(set(self.languages)) != len(self.languages):
            raise FormatError(_WHERE, "too many languages, or one of them twice")
        if not all(_LANGUAGE.match(tag) for tag in self.languages):
            raise FormatError(_WHERE, "a language tag that is not allowed")
        card: dict[str, Json] = {
            "format": _FORMAT,
            "name": self.name,
            "signing_key": encode_public_key(self.signing_key),
            "recipients": list(self.recipients),
            "issued_at": _encode_time(self.issued_at),
        }
        if self.expires_at is not None:
            if self.expires_at <= self.issued_at:
                raise FormatError(_WHERE, "it would end before it begins")
            card["expires_at"] = _encode_time(self.expires_at)
        if self.languages:
            card["languages"] = list(self.languages)
        return jcs.encode(card).decode() + "\n"

    def sign(self, sign: Callable[[bytes], bytes]) -> str:
        """Return the signed card.

        Args:
            sign: Returns the 64-byte signature of the bytes handed to it, by the private half of `signing_key`.

        Raises:
            FormatError: A part that cannot be in a card, or a card that is too large.
        """
        note = sign_note(self.text(), KEY_NAME, self.signing_key, sign)
        if len(note.encode()) > MAX_CARD_SIZE:
            raise FormatError(_WHERE, "too large")
        return note


def read_card(note: str) -> ContactCard:
    """Read a card and verify that the key in it signed it. An expired card is read like any other.

    Raises:
        FormatError: Anything but what `ContactCard.sign` writes.
        UnsupportedVersionError: A card of another version.
        IntegrityError: Not signed by the key in it.
    """
    if len(note) > MAX_CARD_SIZE or len(note.encode(errors="replace")) > MAX_CARD_SIZE:
        raise FormatError(_WHERE, "too large")
    parsed = SignedNote.decode(note)
    if len(parsed.signatures) != 1:
        raise FormatError(_WHERE, "more than one signature")
    card = _decode(parsed.text)
    parsed.verify(KEY_NAME, card.signing_key)
    return card


def _decode(text: str) -> ContactCard:
    value = jcs.decode(text.removesuffix("\n").encode(), _WHERE, limit=MAX_CARD_SIZE)
    if not isinstance(value, dict) or not isinstance(found := value.get("format"), str):
        raise FormatError(_WHERE, "not a contact card")
    if found != _FORMAT:
        raise UnsupportedVersionError(_WHERE)
    if not _REQUIRED <= set(value) <= _REQUIRED | _OPTIONAL:
        raise FormatError(_WHERE, "members that are missing or unknown")
    signing_key, comment = decode_public_key(_text(value, "signing_key"))
    if comment:
        raise FormatError(_WHERE, "a comment behind the signing key")
    card = ContactCard(
        name=_text(value, "name"),
        signing_key=signing_key,
        recipients=_texts(value, "recipients"),
        issued_at=_decode_time(_text(value, "issued_at")),
        expires_at=_decode_time(_text(value, "expires_at")) if "expires_at" in value else None,
        languages=_texts(value, "languages") if "languages" in value else (),
    )
    if card.text() != text:
        raise FormatError(_WHERE, "not spelled the one allowed way")
    return card


def _text(card: dict[str, Json], name: str) -> str:
    value = card[name]
    if not isinstance(value, str):
        raise FormatError(_WHERE, "a member of the wrong kind")
    return value


def _texts(card: dict[str, Json], name: str) -> tuple[str, ...]:
    value = card[name]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise FormatError(_WHERE, "a member of the wrong kind")
    return tuple(value)


def _encode_time(moment: datetime) -> str:
    if moment.tzinfo is None or moment.microsecond:
        raise ValueError("times of a card are aware and in whole seconds")
    return format_time(moment)


def _decode_time(text: str) -> datetime:
    if not _TIME.match(text):
        raise FormatError(_WHERE, "a time that is not allowed")
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise FormatError(_WHERE, "a time that does not exist") from error


def _check_name(name: str) -> None:
    if not 0 < len(name) <= MAX_NAME_LENGTH or name != name.strip():
        raise FormatError(_WHERE, "a name that is empty, too long or has outer blanks")
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in _REORDERING for c in name):
        raise FormatError(_WHERE, "a name with control characters")


def _check_recipients(recipients: tuple[str, ...]) -> None:
    if not 0 < len(recipients) <= MAX_RECIPIENTS or len(set(recipients)) != len(recipients):
        raise FormatError(_WHERE, "no recipients, too many, or one of them twice")
    kinds = [age.parse_recipient(text).kind for text in recipients]
    if kinds != sorted(kinds, key=lambda kind: kind != age.HYBRID):
        raise FormatError(_WHERE, "a hybrid recipient behind a classic one")
