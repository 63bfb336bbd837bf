"""Choosing what of a case is to leave: which records, which of their fields, which contents.

Only shareable fields leave by default; a protected one must be named, and so must a file that `staying` keeps. Nothing
is written here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from vault import audit, evidence, schema
from vault.errors import NotFoundError
from vault.formats.record import RecordView, escape_step, field_paths
from vault.formats.record import disclose as disclose_paths
from vault.formats.sd_jwt import SdJwt, parse_sd_jwt
from vault.jobs import Job
from vault.model import Json
from vault.open_vault import OpenVault
from vault.schema.consent import Consent, consent_of
from vault.store import cases, records
from vault.store.database import Connection
from vault.store.records import StoredRecord, StoredVersion
from vault.usecases.sealing.consenting import Consents
from vault.usecases.sealing.staying import Staying, tells_files

ALL: Final = "*"
"""As a field's name in a choice: the whole record."""

IDENTIFYING: Final = frozenset({"location", "device", "author", "history", "preview", "unknown"})
"""What a file may give away about people; a seal waits until that is acknowledged."""

LOOKING_UP_STEP: Final = "looking up records"

_NAMES_CONTENT: Final = frozenset({"sha256", "sha512", "size"})

_META: Final = frozenset({"@signed_at", "@schema", "@previous", "@case"})


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to leave.

    Attributes:
        case_id: The case.
        disclose: Pairs of record id and field path (or ``*`` for all of it): protected fields that are to leave after
            all. A file that stays leaves like any other with one of its `sha256`, `sha512` and `size`.
        withhold: Pairs of record id and field path (or ``*`` for all of it): what stays although it is shareable, or
            although it is named in `disclose`. With any one of an attachment's `sha256`, `sha512` and `size`, all
            three stay, and the content with them.
        only: Ids of the only records that leave; empty for all of the case.
        named_only: Nothing leaves but what `disclose` names: shareable fields and contents stay too.
        purpose: Told to the recipient; at most 4,000 characters.
        accept_metadata: The person knows what the files carry inside them.
        authority: On whose authority or consent it leaves; entered in the log, and told to nobody else.
        place: What the person calls the place or medium it is handed over at or on; likewise.
    """

    case_id: str
    disclose: tuple[tuple[str, str], ...] = ()
    withhold: tuple[tuple[str, str], ...] = ()
    only: tuple[str, ...] = ()
    named_only: bool = False
    purpose: str = field(default="", repr=False)
    accept_metadata: bool = False
    authority: str = field(default="", repr=False)
    place: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a record says.

    Attributes:
        path: As a choice names it.
        disclosure: ``shareable``, ``linked`` or ``protected``.
        leaves: The recipient would read it.
        value: What it says; of what leaves only in part, that part.
    """

    path: str
    disclosure: str
    leaves: bool
    value: Json = field(repr=False)


@dataclass(frozen=True, slots=True)
class Part:
    """One record as a recipient would see it: which paths leave, which stay.

    Attributes:
        disclosed: Paths that leave, to the last member.
        withheld: Paths that stay.
        content: The file itself leaves with it.
        size: Of that file, in bytes; 0 when none leaves.
        identifying: What that file carries inside that may identify people.
        links: Ids of what leaves with it that it says it belongs together with.
        consent: What is noted of the consent of whoever told it, held against this; None where its type asks for none.
            Files, and copies of them, share the fate of a record that was taken back.
        said: All that it says, in the order of its type; only in a preview.
        derived_from: Id of the attachment that it was made from, or empty; only in a preview.
        stays: It is a file that stays unless something of it is named; a recipient is not even told that there is one.
        kind: Its type as this vault knows it, or None: what its paths are called.
    """

    record_id: str
    type: str
    title: str = field(repr=False)
    disclosed: tuple[str, ...]
    withheld: tuple[str, ...]
    content: bool = False
    size: int = 0
    identifying: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    consent: Consent | None = None
    said: tuple[Said, ...] = field(default=(), repr=False)
    derived_from: str = ""
    stays: bool = False
    kind: schema.Schema | None = field(default=None, repr=False)

    @property
    def is_told(self) -> bool:
        """True when a recipient learns that there is such a thing."""
        return bool(self.disclosed) or not self.stays


@dataclass(frozen=True, slots=True)
class Preview:
    """What would leave: the parts, and what is left out because it was received from somebody else or deleted."""

    parts: tuple[Part, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """One record that leaves: its newest version, and the presentation that was chosen of it.

    Attributes:
        shown: The paths that the presentation was made of.
        links: Path → id of the linked references that would leave if what they name does.
    """

    record: StoredRecord
    version: StoredVersion
    presentation: SdJwt = field(repr=False)
    part: Part
    shown: frozenset[str] = field(default=frozenset(), repr=False)
    links: dict[str, str] = field(default_factory=dict, repr=False)


def preview(vault: OpenVault, choice: Choice, job: Job | None = None) -> Preview:
    """Return exactly what each recipient would see.

    Args:
        vault: The open vault.
        choice: What is to leave.
        job: Told of the records that were looked up, and once more of those whose fields were.

    Raises:
        NotFoundError: The case, a record or a field does not exist.
        CancelledError: Cancelled.
    """

    def work(connection: Connection) -> Preview:
        chosen, left_out = choose(connection, choice, vault.clock(), job)
        parts = []
        for place, one in enumerate(chosen):
            if job is not None:
                job.report(LOOKING_UP_STEP, len(chosen) + place, 2 * len(chosen))
            parts.append(_told(connection, one))
        return Preview(tuple(parts), left_out)

    return vault.read(work)


def _told(connection: Connection, one: Chosen) -> Part:
    """Return a part with all that its record says."""
    view = evidence.view(one.version)
    fields, (now, then) = view.fields, evidence.types_of(connection, view)
    leaves = now.leaves(fields)
    shown = frozenset(one.part.disclosed)
    said = []
    for path, about, value in leaves:
        seen = _seen(path, value, shown)
        before = then.field(path)
        same = about and before and before.disclosure == about.disclosure and not one.part.stays
        disclosure = about.disclosure if about and same else "protected"
        said.append(Said(path, disclosure, seen is not None, value if seen is None else seen))
    derived = fields.get("derived_from") if one.record.type == "attachment" else None
    return replace(one.part, said=tuple(said), derived_from=str(derived["id"]) if isinstance(derived, dict) else "")


def _seen(path: str, value: Json, shown: frozenset[str]) -> Json | None:
    """Return what of a value leaves, or None."""
    if path in shown:
        return value
    if isinstance(value, dict):
        members = {name: _seen(f"{path}.{escape_step(name)}", inner, shown) for name, inner in value.items()}
        return {name: inner for name, inner in members.items() if inner is not None} or None
    if isinstance(value, list):
        items = [_seen(f"{path}.{place}", inner, shown) for place, inner in enumerate(value)]
        return [inner for inner in items if inner is not None] or None
    return None


def choose(connection: Connection, choice: Choice, now: datetime, job: Job | None = None) -> tuple[list[Chosen], int]:
    """Return what leaves, and how many records are left out because they were received or deleted.

    A job is told of the records that were looked up, as the first half of the work.

    Raises:
        NotFoundError: The case, a record or a field does not exist.
        DamagedError: A record type is not as the log says.
    """
    serial = cases.serial(connection, choice.case_id)
    found = records.of_case(connection, serial, attachments=False) + records.of_case(
        connection, serial, attachments=True
    )
    known = {record.id for record in found}
    for record_id, _ in (*choice.disclose, *choice.withhold, *((one, "") for one in choice.only)):
        if record_id not in known:
            raise NotFoundError("There is no record of that id in this case.", "See 'evault case show ID'.")
    whole = {record_id for record_id, path in choice.withhold if path == ALL}
    wanted_ones: list[tuple[StoredRecord, StoredVersion, RecordView]] = []
    left_out = 0
    consents, staying = Consents(connection, serial), Staying(connection, serial)
    for place, record in enumerate(found):
        if job is not None:
            job.report(LOOKING_UP_STEP, place, 2 * len(found))
        wanted = record.id not in whole and (not choice.only or record.id in choice.only)
        if record.deleted or record.origin:
            left_out += wanted
            if not record.origin:
                consents.note_deleted(record)
                staying.note_deleted(record)
            continue
        version = records.newest(connection, record)
        view = evidence.view(version)
        consents.note(record, view)
        staying.note(record, view)
        if wanted:
            wanted_ones.append((record, version, view))
    staying.note_drafts(serial)
    consents.finish()
    staying.finish()
    for name in {record.type for record, _, _ in wanted_ones}:
        audit.check_type(connection, name)
    chosen = [
        _present(connection, record, version, view, choice, now, record.id in staying.ids)
        for record, version, view in wanted_ones
    ]
    linked = _with_links(connection, chosen, staying.unlinked)
    leaving = {str(one.record.id): one.part.disclosed for one in linked}
    return [_consented(one, consents.of(one.record.id, one.part.consent, leaving)) for one in linked], left_out


def _consented(one: Chosen, consent: Consent | None) -> Chosen:
    return one if consent == one.part.consent else replace(one, part=replace(one.part, consent=consent))


def _with_links(connection: Connection, chosen: list[Chosen], unlinked: set[str]) -> list[Chosen]:
    """Let linked references leave whose two ends do: a file, and a record whose type agrees to its files being told.

    Spec: `docs/formats/schema.md` §5, "Links".
    """
    files = {one.record.id for one in chosen if one.part.content} - unlinked
    tellers = {one.record.id for one in chosen if tells_files(evidence.type_of(connection, one.record.type))}

    def linked(one: Chosen) -> Chosen:
        if one.record.type == "attachment":
            others = tellers if one.record.id in files else set()
        else:
            others = files if one.record.id in tellers else set()
        paths = {path: target for path, target in one.links.items() if target in others}
        part = replace(
            one.part,
            disclosed=(*one.part.disclosed, *paths),
            withheld=tuple(path for path in one.part.withheld if path not in paths),
            links=tuple(dict.fromkeys(paths.values())),
        )
        presentation = disclose_paths(parse_sd_jwt(one.version.sd_jwt), one.shown | paths.keys())
        return replace(one, presentation=presentation, part=part) if paths else one

    return [linked(one) for one in chosen]


def _present(
    connection: Connection,
    record: StoredRecord,
    version: StoredVersion,
    view: RecordView,
    choice: Choice,
    now: datetime,
    stays: bool,
) -> Chosen:
    fields = view.fields
    original = parse_sd_jwt(version.sd_jwt)
    paths = field_paths(original)
    named = _named(paths, record.id, choice.disclose)
    kept_back = _named(paths, record.id, choice.withhold)
    rules = evidence.types_of(connection, view)
    leaves = _leaf_paths(path for path in paths if not path.startswith("@"))
    shown = set(named)
    if not choice.named_only and (not stays or named & _NAMES_CONTENT):
        shown.update(path for path in leaves if all(kind.is_shareable(path) for kind in rules))
    if record.type == "attachment" and kept_back & _NAMES_CONTENT:
        # Each of them names the very bytes: whoever has the file would know it by any one of them.
        kept_back |= _NAMES_CONTENT
    shown -= kept_back
    with_content = record.type == "attachment" and {"sha256", "size"} <= shown
    inside = fields.get("discloses") if with_content else ()
    part = Part(
        record.id, record.type, record.title,
        disclosed=tuple(path for path in leaves if path in shown),
        withheld=tuple(path for path in leaves if path not in shown),
        content=with_content,
        size=fields["size"] if with_content else 0,
        identifying=tuple(kind for kind in inside or () if kind in IDENTIFYING),
        consent=consent_of(rules[0], fields, shown, now),
        stays=stays,
        kind=None if rules[0] is evidence.NO_TYPE else rules[0],
    )  # fmt: skip
    links = {}
    if not choice.named_only:
        found = [{path: target for one, path, target in kind.references(fields) if one.linked} for kind in rules]
        agreed = set.intersection(*map(set, found))
        links = {path: target for path, target in found[0].items() if path in agreed - shown - kept_back}
    shown |= _META & set(paths)
    return Chosen(record, version, disclose_paths(original, shown), part, frozenset(shown), links)


def _named(paths: tuple[str, ...], record_id: str, pairs: tuple[tuple[str, str], ...]) -> set[str]:
    """Return the leaf paths that the choice names for a record; a container names all below it."""
    found: set[str] = set()
    for one, path in pairs:
        if one != record_id:
            continue
        below = {
            other
            for other in paths
            if not other.startswith("@") and (path in (ALL, other) or other.startswith(path + "."))
        }
        if not below:
            raise NotFoundError("The record has no field of that name.", "See 'evault record show ID'.")
        found.update(_leaf_paths(below))
    return found


_STEP: Final = re.compile(r"\\.|(\.)")
"""An escaped character, or a dot that parts two steps of a path."""


def _leaf_paths(paths: Iterable[str]) -> list[str]:
    """Return the paths that no other path lies below, in their order."""
    listed = list(paths)
    containers = {path[: dot.start()] for path in listed for dot in _STEP.finditer(path) if dot[1]}
    return [path for path in listed if path not in containers]
