"""What the person who told it agreed to, held against what is about to leave.

A type asks for consent by a group field named `consent`. Not noted means not agreed. What was taken back does not
leave; everything else is said, and left to the person who seals: the program does not know who a recipient is.

Spec: `docs/formats/schema.md`, "Consent"
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from vault.model import Json
from vault.schema.types import Schema

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


Said = tuple[Mapping[str, Json], Collection[Schema]]
"""What one version of a record says, and the types it is read by: as it is now, and as it was when it was signed."""


def is_withdrawn(kinds: Iterable[Schema], fields: Mapping[str, Json]) -> bool:
    """True when a record says that the person took their consent back, and one of its types asks for consent."""
    said = fields.get(GROUP) if any(map(asks, kinds)) else None
    return isinstance(said, dict) and ("withdrawn_on" in said or "withdrawn_how" in said)


def files_taken_back(versions: Sequence[Said]) -> frozenset[str]:
    """Return the files that a record named when it was taken back, or since; it may name none any more.

    Args:
        versions: Of one record whose newest says that it was taken back, oldest first.
    """
    first = len(versions) - 1
    while first and is_withdrawn(versions[first][1], versions[first][0]):
        first -= 1
    return frozenset(
        target
        for fields, kinds in versions[first:]
        for kind in kinds
        for one, _, target in kind.references(fields)
        if one.kind == "attachment"
    )


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
    if kind is None or not asks(kind):
        return None
    said = fields.get(GROUP)
    if not isinstance(said, dict) or not said:
        return Consent((MISSING,))
    if is_withdrawn([kind], fields):
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


def asks(kind: Schema) -> bool:
    """True when a type asks for consent."""
    group = kind.field(GROUP)
    return group is not None and group.kind == "group" and not group.repeat


def _is_past(date: Json, now: datetime) -> bool:
    """True from the day, month or year on that a date names."""
    value = str(date.get("value", "")) if isinstance(date, dict) else ""
    return bool(value) and value <= now.strftime("%Y-%m-%dT%H:%M")[: len(value)]


@dataclass(slots=True)
class Withdrawn:
    """What people took back, and what goes with it: their files, copies made of those, and the same bytes again."""

    _ids: set[str] = field(default_factory=set)
    _above: dict[str, set[str]] = field(default_factory=dict)
    _contents: dict[str, Json] = field(default_factory=dict)

    def note_record(self, record_id: str, its_files: Iterable[str]) -> None:
        """Take down a record that was taken back, and the files that it named."""
        self._ids |= {record_id, *its_files}

    def note_file(self, file_id: str, above: Iterable[str], content: Json = None) -> None:
        """Take down what a file belongs to and was made from, and its digest; also of one that is deleted by now."""
        self._above.setdefault(file_id, set()).update(above)
        self._contents[file_id] = content or self._contents.get(file_id)

    def ids(self) -> set[str]:
        """Return the ids of all that does not leave any more, once every record and file was looked at."""
        while True:
            # The same recording taken in twice is the same recording.
            contents = {self._contents[one] for one in self._ids if self._contents.get(one)}
            more = {one for one, above in self._above.items() if above & self._ids or self._contents[one] in contents}
            if more <= self._ids:
                return self._ids
            self._ids |= more
