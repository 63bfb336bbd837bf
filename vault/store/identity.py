"""The one row that says who this vault is: log id and private keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from vault.errors import DamagedError
from vault.model import Secret, is_id
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
    """Return the identity, or None in a store that was never finished.

    Raises:
        DamagedError: It is not what an identity is; whoever has the key of a store can write anything there.
    """
    row = connection.execute(
        "SELECT log_id, signing_seed, x25519_secret, hybrid_seed, name FROM identity WHERE one = 1"
        " AND length(signing_seed) = 32 AND length(x25519_secret) = 32 AND length(hybrid_seed) = 32"
    ).fetchone()
    if row is None and not connection.execute("SELECT count(*) FROM identity").fetchone()[0]:
        return None
    if row is None or not is_id(str(row[0])):
        raise DamagedError("The identity in the store of this vault is damaged.", "Restore it from a backup.")
    return StoredIdentity(str(row[0]), Secret(row[1]), Secret(row[2]), Secret(row[3]), str(row[4]))


def rename(connection: Connection, name: str) -> None:
    """Change the name that the holder gives on contact cards."""
    connection.execute("UPDATE identity SET name = ?", (name,))
