"""What the person who told it agreed to, held against what is about to leave.

A type asks for consent by a group field named `consent`. Not noted means not agreed. What was taken back does not
leave; everything else is said, and left to the person who seals: the program does not know who a recipient is.

Spec: `docs/formats/schema.md`, "Consent"
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from vault.model import Json
from vault.schema import Schema

GROUP: Final = "consent"
"""The field that a type asks for consent with."""

MISSING, WITHDRAWN, NO_USE, RISKS, NAME, DUE = "missing", "withdrawn", "no-use", "risks", "name", "due"
"""What can speak against leaving: nothing is noted; taken back; nothing was agreed to that leaves this vault; the risks
were not explained; a name leaves that was not agreed to; the day on which to ask again is past."""

_STAYS: Final = frozenset({"keep", "ask_again"})
"""Uses for which nothing leaves the vault."""

_NAMES: Final = ("witness", "witness_name")
"""Fields that say who told it."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What is noted of a person's consent to a record.

    Attributes:
        speaks_against: What speaks against its leaving as it was chosen, of the words above; empty: nothing does.
        said: The group as it was signed; may be empty.
    """

    speaks_against: tuple[str, ...] = ()
    said: Mapping[str, Json] = field(default_factory=dict, repr=False)

    @property
    def withdrawn(self) -> bool:
        """The person took it back: this does not leave."""
        return WITHDRAWN in self.speaks_against


def is_withdrawn(kind: Schema | None, fields: Mapping[str, Json]) -> bool:
    """True when a record says that the person took their consent back."""
    said = fields.get(GROUP) if _asks(kind) else None
    return isinstance(said, dict) and ("withdrawn_on" in said or "withdrawn_how" in said)


def consent_of(
    kind: Schema | None, fields: Mapping[str, Json], shown: Collection[str], now: datetime
) -> Consent | None:
    """Return what the consent of a record comes to, or None where its type asks for none.

    Args:
        kind: Its type as it is now.
        fields: All that it says.
        shown: The paths that leave.
        now: The time, to see whether the person is to be asked again.
    """
    if not _asks(kind):
        return None
    said = fields.get(GROUP)
    if not isinstance(said, dict) or not said:
        return Consent((MISSING,))
    if is_withdrawn(kind, fields):
        return Consent((WITHDRAWN,), said)
    uses = said.get("uses")
    against = []
    if not isinstance(uses, list) or not set(map(str, uses)) - _STAYS:
        against.append(NO_USE)
    if said.get("risks_explained") != "yes":
        against.append(RISKS)
    if said.get("name_use") != "named" and any(path.split(".")[0] in _NAMES for path in shown):
        against.append(NAME)
    if _is_past(said.get("ask_again_on"), now):
        against.append(DUE)
    return Consent(tuple(against), said)


def _asks(kind: Schema | None) -> bool:
    group = kind.field(GROUP) if kind else None
    return group is not None and group.kind == "group" and not group.repeat


def _is_past(date: Json, now: datetime) -> bool:
    """True from the day, month or year on that a date names."""
    value = str(date.get("value", "")) if isinstance(date, dict) else ""
    return bool(value) and value <= now.strftime("%Y-%m-%dT%H:%M")[: len(value)]


@dataclass(slots=True)
class Withdrawn:
    """Records of a case that people took back, and what goes with them: their files, and copies made of those."""

    _ids: set[str] = field(default_factory=set)
    _above: dict[str, set[str]] = field(default_factory=dict)
    _contents: dict[str, Json] = field(default_factory=dict)

    def note(self, record_id: str, kind: Schema | None, fields: Mapping[str, Json]) -> None:
        """Look at one record of the case."""
        if is_withdrawn(kind, fields) and kind is not None:
            self._ids |= {record_id, *(to for one, _, to in kind.references(fields) if one.kind == "attachment")}
        if kind is not None and kind.type == "attachment":
            self._contents[record_id] = fields.get("sha256")
            owners = (fields.get(name) for name in ("belongs_to", "derived_from"))
            self._above[record_id] = {str(one.get("id")) for one in owners if isinstance(one, dict)}

    def ids(self) -> set[str]:
        """Return the ids of all that does not leave any more, once every record was looked at."""
        while True:
            # The same recording taken in twice is the same recording.
            contents = {self._contents[one] for one in self._ids if self._contents.get(one)}
            more = {one for one, above in self._above.items() if above & self._ids or self._contents[one] in contents}
            if more <= self._ids:
                return self._ids
            self._ids |= more
