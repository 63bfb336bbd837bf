"""What several use cases do to evidence: sign a version, read one, keep what was signed elsewhere.

Works inside a caller's transaction; commits nothing itself.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from vault import schema
from vault.crypto.hashes import sha256
from vault.errors import FormatError, IntegrityError, NotFoundError, RefusedError
from vault.formats import jcs
from vault.formats.fingerprint import fingerprint_of_key
from vault.formats.record import RecordView, read_record, sign_record
from vault.model import CHUNK_SIZE, CustodyEvent, Json, format_time
from vault.open_vault import OpenVault, Transaction
from vault.schema import consent
from vault.store import cases, content, record_types, records, search
from vault.store.content import StoredContent
from vault.store.database import Connection
from vault.store.records import StoredRecord, StoredVersion

MAX_TEXT_IN_TITLE: Final = 200

_BATCH: Final = 500
"""Records that go into a new search index in one transaction."""

FROM_THE_FILE: Final = frozenset(
    {"sha256", "sha512", "size", "media_type", "original_name", "modified_at", "facts", "discloses", "derived_from"}
)
"""Fields of an attachment that this program fills in while the file is taken in; nobody states or corrects them."""


_load = functools.lru_cache(64)(schema.load_schema)


def type_of(connection: Connection, kind: str) -> schema.Schema | None:
    """Return a type that was added to this vault or comes with the program; None for others, and for a damaged one.

    One that was added goes first: a later release may come with another type of the same name.
    """
    text = record_types.newest(connection, kind)
    return schema.schemas().get(kind) if text is None else _read(text)


def type_signed_under(connection: Connection, kind: str, digest: str) -> schema.Schema | None:
    """Return the version of a type that has this digest, as a record carries it; None where it is not here."""
    shipped = schema.schemas().get(kind)
    if shipped is not None and shipped.digest == digest:
        return shipped
    earlier = schema.earlier_schemas().get(digest)
    if earlier is not None and earlier.type == kind:
        return earlier
    text = record_types.of_digest(connection, digest)
    found = _read(text) if text is not None else None
    return found if found is not None and (found.type, found.digest) == (kind, digest) else None


NO_TYPE: Final = schema.Schema("", 0, {}, {}, (), (), "")
"""What protects everything."""


def types_of(connection: Connection, seen: RecordView) -> tuple[schema.Schema, schema.Schema]:
    """Return the type of a version as it is now, and as it was when it was signed: both must allow what leaves."""
    then = type_signed_under(connection, seen.type, str(seen.meta.get("schema", "")))
    return type_of(connection, seen.type) or NO_TYPE, then or NO_TYPE


def taken_back(connection: Connection, record: StoredRecord) -> frozenset[str] | None:
    """Return the files that stay with a record whose consent was taken back, or None where it was not.

    A version that cannot be read is passed over: a damaged record can be deleted like any other.
    """
    said = []
    for one in records.versions(connection, record.serial):
        with contextlib.suppress(FormatError, IntegrityError):
            seen = view(one)
            said.append((seen.fields, types_of(connection, seen)))
    return consent.files_taken_back(said) if said and consent.is_withdrawn(said[-1][1], said[-1][0]) else None


def files_named(connection: Connection, seen: RecordView) -> Iterator[tuple[schema.Field, str]]:
    """Yield field and id of each file that a version names, by its type as it is now and as it was signed under."""
    for kind in types_of(connection, seen):
        yield from ((one, to) for one, _, to in kind.references(seen.fields) if one.kind == "attachment")


def files_kept(connection: Connection, record: StoredRecord) -> frozenset[str]:
    """Return the files that any version of a record names in a protected field; what cannot be read is passed over."""
    found: set[str] = set()
    for one in records.versions(connection, record.serial):
        with contextlib.suppress(FormatError, IntegrityError):
            found |= {to for named, to in files_named(connection, view(one)) if named.disclosure == "protected"}
    return frozenset(found)


def _read(text: str) -> schema.Schema | None:
    with contextlib.suppress(FormatError):
        return _load(text)
    return None


def schema_of(connection: Connection, kind: str) -> schema.Schema:
    """Return the schema of a record type.

    Raises:
        NotFoundError: There is no such type.
    """
    found = type_of(connection, kind)
    if found is None:
        raise NotFoundError("There is no record type of that name.", "See 'evault schema list'.")
    return found


def refuse_from_the_file(fields: Collection[str]) -> None:
    """Refuse to state what is taken from an attachment's file itself.

    Raises:
        RefusedError: One of the fields is.
    """
    if wrong := sorted(FROM_THE_FILE & set(fields)):
        raise RefusedError(
            f"What is taken from the file itself cannot be stated: {', '.join(wrong)}.", "Leave these fields out."
        )


def refuse_elsewhere(connection: Connection, case_serial: int, reference: Json) -> None:
    """Refuse a reference to a record that is not in this case; what is no reference is for the type to refuse.

    Raises:
        NotFoundError: It is not in this case.
    """
    wanted = reference.get("id") if isinstance(reference, dict) else None
    if isinstance(wanted, str) and records.get(connection, wanted).case_serial != case_serial:
        raise NotFoundError("There is no record of that id in this case.", "See 'evault record list --case ID'.")


def whole(connection: Connection, record: StoredRecord, fields: dict[str, Json]) -> dict[str, Json]:
    """Return all that the next version of a record says; of an attachment, what was taken from its file is added.

    Raises:
        RefusedError: The fields state what is taken from the file.
        NotFoundError: An attachment is to belong to a record that is not in its case.
    """
    if record.type != "attachment":
        return fields
    refuse_from_the_file(fields)
    refuse_elsewhere(connection, record.case_serial, fields.get("belongs_to"))
    present = {} if record.deleted else view(records.newest(connection, record)).fields
    return {name: value for name, value in present.items() if name in FROM_THE_FILE} | fields


def owners(fields: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the ids that an attachment's record names: what the file belongs to, and what it was made from."""
    named = (fields.get(name) for name in ("belongs_to", "derived_from"))
    return tuple(str(one["id"]) for one in named if isinstance(one, dict) and "id" in one)


def object_kind(kind: str) -> str:
    """Return what the custody log calls a record of this type."""
    return "attachment" if kind == "attachment" else "record"


@dataclass(frozen=True, slots=True)
class NewVersion:
    """What is about to be signed: the record's id, type and values, and the events' wording."""

    record_id: str
    case_id: str
    kind: str
    fields: dict[str, Json] = field(repr=False)
    event: str = "creation"
    why: str = field(default="", repr=False)
    related: tuple[str, ...] = ()


def sign_version(vault: OpenVault, transaction: Transaction, new: NewVersion) -> tuple[StoredRecord, StoredVersion]:
    """Sign the next version of a record, keep it, index it and enter it in the log.

    Raises:
        RefusedError: The values do not fit the type or change nothing, or the record is foreign or deleted.
    """
    connection = transaction.connection
    kind = schema_of(connection, new.kind)
    fields = kind.validate(new.fields)
    record = records.find(connection, new.record_id)
    if record is None:
        case_serial = cases.serial(connection, new.case_id)
        records.add(connection, new.record_id, case_serial, new.kind)
        record = records.find(connection, new.record_id)
    if record is None or record.origin or record.deleted or record.type != new.kind:
        raise RefusedError(
            "This record cannot get a new version here.",
            "It was received from somebody else, or deleted; add a new one.",
        )
    meta: dict[str, Json] = {"signed_at": format_time(vault.clock()), "case": record.case_id, "schema": kind.digest}
    change: dict[str, str] = {}
    if record.newest:
        before = records.newest(connection, record)
        said = view(before).fields
        if jcs.encode(said) == jcs.encode(fields):
            raise RefusedError("This would change nothing: the newest version says the same.", "Nothing was signed.")
        meta["previous"] = before.digest
        # Names only: what stood there and what stands there now is in the versions.
        names = sorted(name for name in said.keys() | fields if said.get(name) != fields.get(name))
        change = {"what": ", ".join(names), "justification": new.why}
    signed = sign_record(
        id=record.id,
        type=record.type,
        version=record.newest + 1,
        meta=meta,
        fields=fields,
        public_key=vault.identity.public_key,
        sign=vault.identity.sign,
        capacity=len(kind.fields),
    )
    digest = sha256(signed.jwt.encode("ascii")).hex()
    number = transaction.record(
        CustodyEvent(
            new.event,
            record.id,
            object_kind(record.type),
            case_id=record.case_id,
            why=new.why,
            digests={"after": digest} | ({"before": meta["previous"]} if "previous" in meta else {}),
            detail=f"version {record.newest + 1}",
            change=change,
            related=new.related,
        )
    )
    version = StoredVersion(
        0, record.newest + 1, digest, meta["signed_at"], vault.identity.public_key, number, signed.text
    )
    keep_version(connection, record, version, fields)
    return record, version


def keep_version(connection: Connection, record: StoredRecord, version: StoredVersion, fields: dict[str, Json]) -> int:
    """Add a version's row and put its text in the place of the older one in the search index; returns its serial."""
    if record.newest:
        unindex(connection, record, superseded=True)
    kind = type_of(connection, record.type)
    title = kind.title(fields)[:MAX_TEXT_IN_TITLE] if kind else ""
    serial = records.add_version(connection, record.serial, version, title)
    if kind:
        search.index(connection, serial, kind.texts(fields))
    return serial


def reindex(connection: Connection, record: StoredRecord, version: StoredVersion) -> None:
    """Index a version anew after more of it became known."""
    kind = type_of(connection, record.type)
    if kind is None or version.version != record.newest:
        return
    fields = view(version).fields
    search.unindex(connection, version.serial, superseded=True)
    search.index(connection, version.serial, kind.texts(fields))
    records.set_title(connection, record.serial, kind.title(fields)[:MAX_TEXT_IN_TITLE])


def unindex(connection: Connection, record: StoredRecord, *, superseded: bool = False) -> None:
    """Take the text of a record's versions out of the search index; `superseded`: a newer version follows."""
    for version in records.versions(connection, record.serial):
        search.unindex(connection, version.serial, superseded=superseded)


def index_more(connection: Connection) -> bool:
    """Put the next records into a search index that is being made anew; call it in a transaction of its own.

    A newest version that cannot be read is for the check to name.

    Returns:
        True when there is more to do: it goes on where it stopped, also after a crash.
    """
    first = search.next_record(connection)
    batch = records.all_records(connection, first - 1, _BATCH) if first else []
    for record in batch:
        kind = type_of(connection, record.type)
        if kind and record.newest and not record.deleted:
            with contextlib.suppress(FormatError, IntegrityError, NotFoundError):
                version = records.newest(connection, record)
                search.index(connection, version.serial, kind.texts(view(version).fields))
    search.go_on_from(connection, batch[-1].serial + 1 if batch else 0)
    return bool(batch)


def view(version: StoredVersion) -> RecordView:
    """Return what a stored version says, its signature verified.

    Raises:
        IntegrityError: The stored version is not what was signed.
    """
    return read_record(version.sd_jwt, version.signer)


def disclosed(sd_jwt: str) -> int:
    """Return how many disclosures go with a signed version, of which a received one may get more: at least one."""
    return sd_jwt.count("~") - 1


def local_id(vault: OpenVault, signer: bytes, foreign_id: str) -> str:
    """Return the id under which a received record is kept when its own is taken by something else here.

    Always the same for one signer and id, and known to nobody without this vault's key, so nobody can take it as well.
    """
    message = b"evidence-vault/local-record-id\0" + signer + bytes.fromhex(foreign_id)
    return sha256(vault.identity.sign(message))[:16].hex()


def resolve(vault: OpenVault, connection: Connection, record: StoredRecord, wanted: str) -> StoredRecord | None:
    """Return the record that an id inside a record means here, or None where that one is not here.

    Ids are the signer's words. Inside a received record an id means that signer's record, under whatever id it is kept
    here, and never somebody else's that has it.
    """
    if not record.origin:
        return records.find(connection, wanted)
    signer = records.versions(connection, record.serial)[-1].signer
    for one in (wanted, local_id(vault, signer, wanted)):
        found = records.find(connection, one)
        whose = found.origin or fingerprint_of_key(vault.identity.public_key) if found else ""
        if whose == record.origin:
            return found
    return None


def signer_of(version: StoredVersion) -> str:
    """Return the fingerprint of the key that signed a version."""
    return fingerprint_of_key(version.signer)


def stream(vault: OpenVault, stored: StoredContent) -> Iterator[bytes]:
    """Yield the chunks of a content, the next ones being read while one is used.

    Raises:
        IntegrityError: A chunk is missing, or is not the one that was stored.
    """
    count = -(-stored.size // CHUNK_SIZE)
    step = 4

    def fetch(first: int) -> Future[list[bytes]]:
        wanted = min(step, count - first)
        return vault.database.submit(lambda connection: content.read(connection, stored, first, wanted), atomic=False)

    ahead = fetch(0) if count else None
    first = 0
    while ahead is not None:
        pieces = ahead.result()
        first += step
        ahead = fetch(first) if first < count else None
        yield from pieces
