"""The custody log's tables: entries, tree, epochs and the signed head. Rows are only ever added.

Functions take the connection and run inside the caller's transaction. Spec: `docs/formats/custody-log.md`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from vault.crypto.randomness import new_id
from vault.errors import DamagedError, NotFoundError
from vault.formats import checkpoint as checkpoints
from vault.formats import custody_entry, merkle
from vault.model import Json
from vault.store.database import Connection

_LEVEL = 1 << 48


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One entry as stored: its leaf bytes and all its disclosures."""

    number: int
    object: str
    case_serial: int
    entry: bytes
    disclosures: tuple[str, ...] = field(repr=False)


def node_id(level: int, index: int) -> int:
    """Return the row id of a tree node."""
    return level * _LEVEL + index


def nodes_between(connection: Connection, first: int, count: int) -> dict[int, bytes]:
    """Return, by row id, the tree nodes that the entries `first` … `first + count - 1` complete."""
    found: dict[int, bytes] = {}
    for level in range(49):
        low, high = first >> level, (first + count) >> level
        if level and high == 0:
            break
        rows = connection.execute(
            "SELECT id, hash FROM tree_node WHERE id >= ? AND id < ?", (node_id(level, low), node_id(level, high))
        )
        found.update((row[0], bytes(row[1])) for row in rows)
    return found


def node_of(connection: Connection) -> merkle.Node:
    """Return the reader of complete subtree hashes for `merkle`."""

    def node(level: int, index: int) -> bytes:
        row = connection.execute("SELECT hash FROM tree_node WHERE id = ?", (node_id(level, index),)).fetchone()
        if row is None:
            raise DamagedError("The custody log's tree is incomplete.", "Restore the vault from a backup.")
        return bytes(row[0])

    return node


def count_nodes(connection: Connection) -> int:
    """Return how many tree nodes are stored."""
    return int(connection.execute("SELECT count(*) FROM tree_node").fetchone()[0])


def size(connection: Connection) -> int:
    """Return the number of entries."""
    row = connection.execute("SELECT max(number) FROM custody_entry").fetchone()
    return 0 if row[0] is None else int(row[0]) + 1


def start_epoch(connection: Connection, grew_from: str) -> str:
    """Begin a new epoch at the present size and return its id; `grew_from` is the checkpoint note it continues."""
    epoch = new_id()
    connection.execute(
        "INSERT INTO epoch (id, first_number, grew_from) VALUES (?, ?, ?)", (epoch, size(connection), grew_from)
    )
    return epoch


def epochs(connection: Connection) -> list[tuple[str, int, str]]:
    """Return (id, number of its first entry, checkpoint note it grew from) of every epoch, oldest first."""
    rows = connection.execute("SELECT id, first_number, grew_from FROM epoch ORDER BY serial").fetchall()
    return [(str(a), int(b), str(c)) for a, b, c in rows]


def current_epoch(connection: Connection) -> str:
    """Return the id of the newest epoch."""
    row = connection.execute("SELECT id FROM epoch ORDER BY serial DESC LIMIT 1").fetchone()
    if row is None:
        raise DamagedError("The custody log has no epoch.", "Restore the vault from a backup.")
    return str(row[0])


def append(
    connection: Connection, event: dict[str, Json], *, object_id: str, case_serial: int, epoch: str, number: int
) -> None:
    """Add one entry with the next `number` (the present size) and the tree nodes it completes."""
    entry, disclosures = custody_entry.make_entry(epoch=epoch, number=number, event=event)
    connection.execute(
        "INSERT INTO custody_entry (number, case_serial, object, entry, disclosures) VALUES (?, ?, ?, ?, ?)",
        (number, case_serial, object_id, entry, json.dumps(disclosures)),
    )
    for level, index, digest in merkle.append(number, merkle.leaf_hash(entry), node_of(connection)):
        connection.execute("INSERT INTO tree_node (id, hash) VALUES (?, ?)", (node_id(level, index), digest))


def sign_head(
    connection: Connection, log_id: str, epoch: str, count: int, public_key: bytes, sign: Callable[[bytes], bytes]
) -> str:
    """Sign the tree as it stands and keep the checkpoint note as the log's head; returns the note."""
    origin = checkpoints.origin_of(log_id, epoch)
    root = merkle.root(count, node_of(connection))
    note = checkpoints.Checkpoint(origin, count, root).sign(public_key, sign)
    connection.execute("INSERT OR REPLACE INTO log_head (one, size, note) VALUES (1, ?, ?)", (count, note))
    return note


def head(connection: Connection) -> str:
    """Return the signed checkpoint note of the log as it stands."""
    row = connection.execute("SELECT note FROM log_head").fetchone()
    if row is None:
        raise DamagedError("The custody log has no signed head.", "Restore the vault from a backup.")
    return str(row[0])


def head_size(connection: Connection) -> int:
    """Return the size that stands beside the signed head."""
    return int(connection.execute("SELECT size FROM log_head").fetchone()[0])


_COLUMNS = "number, object, case_serial, entry, disclosures"


def _stored(row: tuple[int, str, int, bytes, str]) -> StoredEntry:
    number, object_id, case_serial, entry, disclosures = row
    return StoredEntry(number, object_id, case_serial, bytes(entry), tuple(json.loads(disclosures)))


def entry(connection: Connection, number: int) -> StoredEntry:
    """Return one entry.

    Raises:
        NotFoundError: There is no entry of that number.
    """
    row = connection.execute(f"SELECT {_COLUMNS} FROM custody_entry WHERE number = ?", (number,)).fetchone()  # noqa: S608
    if row is None:
        raise NotFoundError("There is no custody entry of that number.", "See 'evault log show'.")
    return _stored(row)


def entries_of(connection: Connection, object_id: str) -> list[StoredEntry]:
    """Return the entries about one object, oldest first."""
    sql = f"SELECT {_COLUMNS} FROM custody_entry WHERE object = ? ORDER BY number"  # noqa: S608
    return [_stored(row) for row in connection.execute(sql, (object_id,))]


def latest(connection: Connection, limit: int, before: int | None, case_serial: int | None = None) -> list[StoredEntry]:
    """Return up to `limit` entries, newest first, below number `before`, of one case if asked for."""
    top = before if before is not None else 1 << 62
    if case_serial is None:
        sql = f"SELECT {_COLUMNS} FROM custody_entry WHERE number < ? ORDER BY number DESC LIMIT ?"  # noqa: S608
        return [_stored(row) for row in connection.execute(sql, (top, limit))]
    sql = f"SELECT {_COLUMNS} FROM custody_entry WHERE case_serial = ? AND number < ? ORDER BY number DESC LIMIT ?"  # noqa: S608
    return [_stored(row) for row in connection.execute(sql, (case_serial, top, limit))]


def walk(connection: Connection, first: int, count: int) -> Iterator[StoredEntry]:
    """Yield up to `count` entries from number `first` upwards."""
    sql = f"SELECT {_COLUMNS} FROM custody_entry WHERE number >= ? ORDER BY number LIMIT ?"  # noqa: S608
    for row in connection.execute(sql, (first, count)):
        yield _stored(row)
