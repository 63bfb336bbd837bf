"""Contents (the bytes of attachments) as chunk rows of 1 MiB.

A content exists once its row is marked complete with length and digests; rows of an abandoned one are never
visible and swept in batches. The same bytes are stored once. Every chunk has a tag under a key that its content alone
has, and is read only where it fits: an old page that somebody put back is not taken for what was stored.
Spec: `docs/formats/store.md`, "Contents".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from vault.crypto.aead import Tags
from vault.crypto.randomness import random_bytes
from vault.errors import DamagedError, IntegrityError, NotFoundError
from vault.store.database import Connection

_NUMBERS = 1 << 24
"""Chunk numbers per content: 16 TiB at most."""

BATCH_CHUNKS = 16
"""Chunks per transaction: at most 16 MiB, so that an autosave behind it in the queue waits a fraction of a second."""


@dataclass(frozen=True, slots=True)
class StoredContent:
    """A complete content, as one row says it: digests and key come together, or a chunk would fit other digests."""

    serial: int
    size: int
    sha256: str
    sha512: str
    tag_key: bytes = field(repr=False)


_COMPLETE = "SELECT serial, size, sha256, sha512, tag_key FROM content WHERE complete = 1"


def begin(connection: Connection) -> int:
    """Open a new, invisible content and return its serial."""
    return int(connection.execute("INSERT INTO content (tag_key) VALUES (?)", (random_bytes(32),)).lastrowid)


def add_chunks(connection: Connection, serial: int, first: int, chunks: Sequence[bytes | memoryview]) -> None:
    """Add chunks numbered from `first`, each once; all but the last of a content are `CHUNK_SIZE` bytes."""
    (key,) = connection.execute("SELECT tag_key FROM content WHERE serial = ?", (serial,)).fetchone()
    base, tags = serial * _NUMBERS, Tags(key)
    connection.executemany(
        "INSERT INTO chunk (id, tag, data) VALUES (?, ?, ?)",
        [(base + number, tags.make(number, chunk), chunk) for number, chunk in enumerate(chunks, first)],
    )


def complete(connection: Connection, serial: int, size: int, sha256: str, sha512: str) -> int:
    """Make a content visible, or abandon it where the same bytes are stored already; returns the serial that counts."""
    known = find(connection, sha256)
    if known is not None:
        return known.serial
    connection.execute(
        "UPDATE content SET complete = 1, size = ?, sha256 = ?, sha512 = ? WHERE serial = ?",
        (size, sha256, sha512, serial),
    )
    return serial


def find(connection: Connection, sha256: str) -> StoredContent | None:
    """Return the content with this digest, or None."""
    row = connection.execute(_COMPLETE + " AND sha256 = ?", (sha256,)).fetchone()
    return None if row is None else StoredContent(*row)


def has_size(connection: Connection, size: int) -> bool:
    """True when some complete content has this size (then hashing first may save storing twice)."""
    row = connection.execute("SELECT 1 FROM content WHERE complete = 1 AND size = ? LIMIT 1", (size,)).fetchone()
    return row is not None


def get(connection: Connection, serial: int) -> StoredContent:
    """Return a complete content.

    Raises:
        DamagedError: There is none of that serial.
    """
    row = connection.execute(_COMPLETE + " AND serial = ?", (serial,)).fetchone()
    if row is None:
        raise DamagedError("The content of an attachment is missing.", "Restore the vault from a backup.")
    return StoredContent(*row)


def complete_ones(connection: Connection) -> list[StoredContent]:
    """Return all complete contents, oldest first."""
    return [StoredContent(*row) for row in connection.execute(_COMPLETE + " ORDER BY serial")]


def read(connection: Connection, stored: StoredContent, first: int, count: int) -> list[bytes]:
    """Return `count` chunks from number `first` upwards, as they were added under these numbers.

    Raises:
        IntegrityError: One is missing, or is not the one that was added.
    """
    base, tags = stored.serial * _NUMBERS + first, Tags(stored.tag_key)
    sql = "SELECT tag, data FROM chunk WHERE id >= ? AND id < ? ORDER BY id"
    chunks = []
    for number, (tag, data) in enumerate(connection.execute(sql, (base, base + count)), first):
        if not tags.fits(number, data, tag):
            raise altered()
        chunks.append(data)
    if len(chunks) != count:
        raise altered()
    return chunks


def altered() -> IntegrityError:
    """Return the error for a content that is not the one that was stored."""
    return IntegrityError("attachment", "its bytes are not those that were taken in", "Run 'evault check'.")


def has_strays(connection: Connection) -> bool:
    """True where there are chunks of a content that is not there: another one could not get its serial any more."""
    sql = "SELECT EXISTS (SELECT 1 FROM chunk WHERE id / ? NOT IN (SELECT serial FROM content))"
    return bool(connection.execute(sql, (_NUMBERS,)).fetchone()[0])


def count(connection: Connection, serial: int) -> int:
    """Return the number of chunk rows of a content."""
    base = serial * _NUMBERS
    row = connection.execute("SELECT count(*) FROM chunk WHERE id >= ? AND id < ?", (base, base + _NUMBERS)).fetchone()
    return int(row[0])


def digest_of_record(connection: Connection, record_serial: int) -> str:
    """Return the SHA-256 of the content bound to an attachment's record, or ``"missing"``."""
    row = connection.execute(
        "SELECT c.sha256 FROM attachment a JOIN content c ON c.serial = a.content_serial AND c.complete = 1 "
        "WHERE a.record_serial = ?",
        (record_serial,),
    ).fetchone()
    return "missing" if row is None else str(row[0])


def attach(connection: Connection, record_serial: int, content_serial: int | None, extension: str) -> None:
    """Bind a content to an attachment's record."""
    connection.execute(
        "INSERT OR REPLACE INTO attachment (record_serial, content_serial, extension) VALUES (?, ?, ?)",
        (record_serial, content_serial, extension),
    )


def of_record(connection: Connection, record_serial: int) -> tuple[StoredContent, str]:
    """Return the content and extension of an attachment's record.

    Raises:
        NotFoundError: The record is no attachment, or its content was deleted.
    """
    row = connection.execute(
        "SELECT content_serial, extension FROM attachment WHERE record_serial = ?", (record_serial,)
    ).fetchone()
    if row is None or row[0] is None:
        raise NotFoundError("There is no content for that id.", "See 'evault attachment list --case ID'.")
    return get(connection, row[0]), str(row[1])


def has_record(connection: Connection, record_serial: int) -> bool:
    """True when an attachment's record has a content bound to it."""
    sql = "SELECT 1 FROM attachment WHERE record_serial = ? AND content_serial IS NOT NULL"
    return connection.execute(sql, (record_serial,)).fetchone() is not None


def is_in_case(connection: Connection, content_serial: int, case_serial: int) -> bool:
    """True when an attachment of this case has this content."""
    sql = (
        "SELECT 1 FROM attachment a JOIN record r ON r.serial = a.record_serial "
        "WHERE a.content_serial = ? AND r.case_serial = ? LIMIT 1"
    )
    return connection.execute(sql, (content_serial, case_serial)).fetchone() is not None


def cases_sharing(connection: Connection, case_serial: int) -> set[int]:
    """Return the serials of the other cases that hold a content of this one."""
    sql = (
        "SELECT DISTINCT other.case_serial FROM record r JOIN attachment a ON a.record_serial = r.serial "
        "JOIN attachment b ON b.content_serial = a.content_serial JOIN record other ON other.serial = b.record_serial "
        "WHERE r.case_serial = ? AND other.case_serial <> r.case_serial"
    )
    return {int(row[0]) for row in connection.execute(sql, (case_serial,))}


def records_sharing(connection: Connection, record_serial: int) -> list[str]:
    """Return the ids of the other own attachments that have the content of this one, in any case."""
    sql = (
        "SELECT r.id FROM attachment a JOIN attachment b ON b.content_serial = a.content_serial "
        "JOIN record r ON r.serial = b.record_serial "
        "WHERE a.record_serial = ? AND b.record_serial <> a.record_serial AND r.origin = '' ORDER BY r.id"
    )
    return [str(row[0]) for row in connection.execute(sql, (record_serial,))]


def release(connection: Connection, record_serial: int) -> None:
    """Unbind the content of a deleted attachment; a content that nothing binds any more is abandoned to the sweep."""
    row = connection.execute(
        "SELECT content_serial FROM attachment WHERE record_serial = ?", (record_serial,)
    ).fetchone()
    if row is None or row[0] is None:
        return
    connection.execute("UPDATE attachment SET content_serial = NULL WHERE record_serial = ?", (record_serial,))
    left = connection.execute("SELECT 1 FROM attachment WHERE content_serial = ? LIMIT 1", (row[0],)).fetchone()
    if left is None:
        connection.execute("UPDATE content SET complete = 0, sha256 = '', sha512 = '' WHERE serial = ?", (row[0],))


def sweep(connection: Connection, keep: Iterable[int] = (), chunks: int = BATCH_CHUNKS) -> bool:
    """Remove one batch of abandoned chunk rows; returns True while there may be more.

    Args:
        connection: Inside a transaction.
        keep: Serials of contents that are being written at this moment.
        chunks: Rows in the batch, at most.
    """
    kept = set(keep)
    for (serial,) in connection.execute("SELECT serial FROM content WHERE complete = 0 ORDER BY serial").fetchall():
        if serial in kept:
            continue
        base = serial * _NUMBERS
        ids = connection.execute(
            "SELECT id FROM chunk WHERE id >= ? AND id < ? LIMIT ?", (base, base + _NUMBERS, chunks)
        ).fetchall()
        connection.executemany("DELETE FROM chunk WHERE id = ?", ids)
        if len(ids) < chunks:
            gone = connection.execute("DELETE FROM content WHERE serial = ?", (serial,)).rowcount
            if not ids and not gone:
                # A damaged index names what is not there, and would be swept for ever.
                continue
        connection.execute(f"PRAGMA incremental_vacuum({chunks * 80})").fetchall()
        return True
    return False
