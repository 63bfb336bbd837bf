"""Custody entries: one leaf of the custody log, in the salted-disclosure form of a record.

Holds: the leaf `custody-entry/1` and its disclosures. A leaf always has twelve digests, one for each slot of an event,
in the order of `SLOTS`; an absent slot is a decoy, so a leaf does not show what was noted. As each slot has one place,
no leaf can hold two values for it. A slot is disclosed whole or not at all. The leaf is not signed by itself: the
checkpoint of the log covers it.

Never: orders, hashes or signs leaves (`merkle`, `checkpoint`), decides what may leave.
Spec: `docs/formats/custody-log.md` §2; RFC 9901 §4.2 for disclosures and digests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from typing import Final

from vault.crypto.hashes import sha256
from vault.crypto.randomness import random_bytes
from vault.errors import FormatError, IntegrityError, RefusedError, UnsupportedVersionError
from vault.formats import jcs
from vault.formats.sd_jwt import SALT_SIZE, b64url, digest_of, is_salt, unb64url
from vault.model import Json, is_id

FORMAT: Final = "custody-entry/1"
WHERE: Final = "custody entry"
MAX_DISCLOSURE: Final = 8 * 1024 * 1024
"""The longest text of one disclosure, in characters; `related` can name some 170,000 ids in it."""

_FAMILY = "custody-entry/"
_NEEDED = frozenset({"object", "type", "time"})
# Slot → (members it must have, members it may have); every member is a string.
_OBJECTS: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    slot: (frozenset(must.split()), frozenset((must + " " + may).split()))
    for slot, must, may in (
        ("object", "id kind", ""),
        ("time", "utc clock", ""),
        ("agent", "key role", ""),
        ("software", "name version", ""),
        ("purpose", "why", "authority"),
        ("location", "class", "id"),
        ("transfer", "", "from to"),
        ("digests", "", "before after"),
        ("outcome", "result", "detail"),
        ("change", "what justification", ""),
    )
}
SLOTS: Final = (
    "object",
    "type",
    "time",
    "agent",
    "software",
    "purpose",
    "location",
    "transfer",
    "digests",
    "outcome",
    "change",
    "related",
)
"""The slots of an event; the place of a slot here is the place of its digest in the leaf."""

_PLACES: Final = {slot: place for place, slot in enumerate(SLOTS)}
_quote = encode_basestring
_TIME = re.compile(r"[0-9]{4}-[0-1][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z\Z")
_RESULTS = frozenset({"success", "failure", "intent"})
_ENTRY = re.compile(
    rb'\{"_sd":\["([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048](?:","[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]){11})"\],'
    rb'"_sd_alg":"sha-256","epoch":"([0-9a-f]{32})","format":"custody-entry/1","number":(0|[1-9][0-9]{0,15})\}\Z'
)


@dataclass(frozen=True, slots=True)
class EntryView:
    """What an entry says to whoever holds these disclosures.

    Attributes:
        epoch: The epoch's id.
        number: The entry's number: its index in the log.
        event: The disclosed slots, in the order of `SLOTS`.
    """

    epoch: str
    number: int
    event: dict[str, Json] = field(repr=False)


def _slot_text(slot: str, value: Json) -> str | None:
    """Return the canonical JSON of a slot's value, or None when the slot may not hold that value."""
    try:
        shape = _OBJECTS.get(slot)
        if shape is not None:
            must, may = shape
            if not isinstance(value, dict) or not value or not must <= value.keys() <= may:
                return None
            if (slot == "time" and not _TIME.match(value["utc"])) or (
                slot == "outcome" and value["result"] not in _RESULTS
            ):
                return None
            return "{" + ",".join([f'"{name}":{_quote(value[name])}' for name in sorted(value)]) + "}"
        if slot == "type":
            return _quote(value) if value else None
        if slot != "related" or not isinstance(value, list) or not value:
            return None
        return "[" + ",".join(map(_quote, value)) + "]"
    except TypeError:  # Something that is not a str where only a str may stand.
        return None


def make_entry(*, epoch: str, number: int, event: dict[str, Json]) -> tuple[bytes, tuple[str, ...]]:
    """Make a leaf and the disclosures of its slots.

    Args:
        epoch: 32 hexadecimal digits.
        number: The index the leaf gets in the log, from 0.
        event: Slots by name, as `docs/formats/custody-log.md` §2.3 lists them; `object`, `type` and `time` at least.

    Returns:
        The leaf's bytes, and one disclosure text for each slot, in the order of `SLOTS`.

    Raises:
        RefusedError: A text that is too long or holds half a character.
        ValueError: An epoch, number, slot or value that no entry can have.
    """
    if not is_id(epoch) or not 0 <= number <= jcs.MAX_INT or not _NEEDED <= event.keys() <= _PLACES.keys():
        raise ValueError("an epoch, number or event that no custody entry can have")
    randomness = random_bytes(SALT_SIZE * len(SLOTS))
    digests: list[str] = []
    disclosures: list[str] = []
    for place, slot in enumerate(SLOTS):
        fresh = randomness[place * SALT_SIZE : (place + 1) * SALT_SIZE]
        if slot not in event:
            digests.append(b64url(sha256(fresh)))
            continue
        content = _slot_text(slot, event[slot])
        if content is None:
            raise ValueError("a slot that no custody entry can have")
        text = _encode_disclosure(f'["{b64url(fresh)}","{slot}",{content}]')
        digests.append(digest_of(text))
        disclosures.append(text)
    listed = '","'.join(digests)
    entry = f'{{"_sd":["{listed}"],"_sd_alg":"sha-256","epoch":"{epoch}","format":"{FORMAT}","number":{number}}}'
    return entry.encode("ascii"), tuple(disclosures)


def _encode_disclosure(content: str) -> str:
    try:
        text = b64url(content.encode("utf-8"))
    except UnicodeEncodeError:
        text = ""
    if not text:
        raise RefusedError("A text holds half a character that cannot be stored.", "Type that text again.")
    if len(text) > MAX_DISCLOSURE:
        raise RefusedError("A text is too long for the custody log.", "Use fewer words.")
    return text


def _read_disclosure(text: str) -> tuple[str, Json]:
    """Return slot and value of a disclosure that `make_entry` can have written."""
    if len(text) > MAX_DISCLOSURE:
        raise FormatError(WHERE, "a disclosure that is too long")
    data = unb64url(text, WHERE)
    try:
        content = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, list) and len(content) == 3 and is_salt(content[0]) and isinstance(content[1], str):
        salt, slot, value = content
        written = _slot_text(slot, value)
        # Writing it again is what refuses white space, other escapes, other orders and members named twice.
        if written is not None and f'["{salt}","{slot}",{written}]'.encode("utf-8", "surrogatepass") == data:
            return slot, value
    raise FormatError(WHERE, "a disclosure that is no slot of an event")


def read_entry(entry: bytes, disclosures: Iterable[str]) -> EntryView:
    """Check that the disclosures belong to the leaf and return what they say.

    The caller verifies that the leaf is in a log that somebody signed; this function does not.

    Args:
        entry: The leaf's bytes.
        disclosures: Any of its disclosure texts, in the order of `SLOTS`, each slot at most once.

    Raises:
        FormatError: Not an entry or a disclosure, not spelled the one allowed way, or slots out of order.
        UnsupportedVersionError: A later `custody-entry`.
        IntegrityError: A disclosure that the leaf does not have at the place of its slot.
    """
    match = _ENTRY.match(entry)
    if match is None:
        raise _not_an_entry(entry)
    digests = match[1].decode("ascii").split('","')
    number = int(match[3])
    if len(set(digests)) != len(SLOTS) or number > jcs.MAX_INT:
        raise FormatError(WHERE, "digests or a number that are not allowed")
    event: dict[str, Json] = {}
    last = -1
    for text in disclosures:
        slot, value = _read_disclosure(text)
        place = _PLACES[slot]
        if place <= last:
            raise FormatError(WHERE, "disclosures that are not in the order of their slots")
        if digest_of(text) != digests[place]:
            raise IntegrityError(WHERE, "a disclosure that the entry does not have at the place of its slot")
        event[slot] = value
        last = place
    return EntryView(match[2].decode("ascii"), number, event)


def _not_an_entry(entry: bytes) -> FormatError:
    """Return the error for bytes that are no entry: a newer version is said to be one."""
    try:
        leaf = jcs.decode(entry, WHERE, limit=65536)
    except FormatError as error:
        return error
    name = leaf.get("format") if isinstance(leaf, dict) else None
    if isinstance(name, str) and name.startswith(_FAMILY) and name != FORMAT:
        return UnsupportedVersionError(WHERE, name.removeprefix(_FAMILY))
    return FormatError(WHERE, "not a custody entry")


def choose(disclosures: Iterable[str], slots: Collection[str]) -> tuple[str, ...]:
    """Return those of an entry's disclosures that belong to these slots, in their order; absent slots are fine.

    Raises:
        FormatError: A text that is no disclosure of an entry.
    """
    return tuple(text for text in disclosures if _read_disclosure(text)[0] in slots)
