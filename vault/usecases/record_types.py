"""Record types: those that come with the program, and those that an organisation adds to a vault."""

from __future__ import annotations

from vault import audit, evidence, schema
from vault.errors import AlreadyExistsError
from vault.model import CustodyEvent
from vault.open_vault import OpenVault, Transaction
from vault.schema import Schema
from vault.store import record_types
from vault.store.database import Connection


def add(vault: OpenVault, text: str) -> Schema:
    """Add a type that somebody wrote, or the next version of one, and enter it in the log; the same one again is fine.

    Records keep the digest of the version they were signed under, and what that protects stays protected.

    Args:
        vault: The open vault.
        text: The type's TOML.

    Raises:
        FormatError, UnsupportedVersionError: It is no type.
        AlreadyExistsError: The program has a type of that name, or this vault one of the same or a newer version.
    """
    new = schema.load_schema(text)
    if new.type in schema.schemas():
        raise AlreadyExistsError(
            "A type of that name comes with the program; it cannot be replaced.", "Give yours another name."
        )

    def work(transaction: Transaction) -> None:
        known = evidence.type_of(transaction.connection, new.type)
        if known is not None and known.digest == new.digest:
            return
        if known is not None and known.version >= new.version:
            raise AlreadyExistsError(
                f"This vault has version {known.version} of that type, and this is another version {new.version}.",
                "Raise the version in the type's file.",
            )
        record_types.add(transaction.connection, new.type, new.version, new.digest, text)
        transaction.record(
            CustodyEvent(
                "modification" if known else "creation",
                audit.type_id(new.type),
                "record type",
                why=f"{new.type}, version {new.version}",
                digests={"after": new.digest} | ({"before": known.digest} if known else {}),
            )
        )

    vault.atomic(work)
    return new


def page(vault: OpenVault) -> tuple[Schema, ...]:
    """Return all types that records can have here, by name."""

    def work(connection: Connection) -> tuple[Schema, ...]:
        names = {*schema.schemas(), *record_types.names(connection)}
        found = (evidence.type_of(connection, name) for name in sorted(names))
        return tuple(one for one in found if one is not None)

    return vault.read(work)


def get(vault: OpenVault, name: str) -> Schema:
    """Return a type.

    Raises:
        NotFoundError: There is none of that name.
    """
    return vault.read(lambda connection: evidence.schema_of(connection, name))
