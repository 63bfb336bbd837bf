"""The one row that says who this vault is: log id and private keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from vault.model import Secret
from vault.store.database import Connection


@dataclass(frozen=True, slots=True)
class StoredIdentity:
    """Log id (32 hexadecimal digits), Ed25519 seed, X25519 secret and hybrid seed (32 bytes each)."""

    log_id: str
    signing_seed: Secret
    x25519_secret: Secret
    hybrid_seed: Secret
    name: str = field(repr=False)


def put(connection: Connection, identity: StoredIdentity) -> None:
    """Keep the identity of a new vault."""
    connection.execute(
        "INSERT INTO identity (one, log_id, signing_seed, x25519_secret, hybrid_seed, name) VALUES (1, ?, ?, ?, ?, ?)",
        (identity.log_id, identity.signing_seed.reveal(), identity.x25519_secret.reveal(),
         identity.hybrid_seed.reveal(), identity.name),
    )  # fmt: skip


def get(connection: Connection) -> StoredIdentity | None:
    """Return the identity, or None in a store that was never finished."""
    row = connection.execute("SELECT log_id, signing_seed, x25519_secret, hybrid_seed, name FROM identity").fetchone()
    if row is None:
        return None
    return StoredIdentity(str(row[0]), Secret(row[1]), Secret(row[2]), Secret(row[3]), str(row[4]))


def rename(connection: Connection, name: str) -> None:
    """Change the name that the holder gives on contact cards."""
    connection.execute("UPDATE identity SET name = ?", (name,))
