"""The address book, and which bundles went to whom and came from whom."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime

from vault.crypto.hashes import sha256
from vault.errors import NotFoundError
from vault.formats import jcs
from vault.model import Contact, Verdict, format_time
from vault.store.database import Connection


@dataclass(frozen=True, slots=True)
class StoredContact:
    """A contact's row; `card` is the signed card it came from, or empty."""

    id: str
    name: str = field(repr=False)
    recipients: tuple[str, ...]
    signing_key: bytes
    verified: bool
    expires_at: datetime | None
    card: str = field(repr=False)

    def public(self, fingerprint: str) -> Contact:
        """Return it as the model's noun."""
        return Contact(
            self.id, self.name, self.recipients, self.signing_key, fingerprint, self.verified, self.expires_at
        )


_COLUMNS = "id, name, recipients, signing_key, verified, expires_at, card FROM contact"


def _contact(row: tuple[str, str, str, bytes, int, str, str]) -> StoredContact:
    ends = datetime.fromisoformat(row[5]) if row[5] else None
    return StoredContact(row[0], row[1], tuple(json.loads(row[2])), bytes(row[3]), bool(row[4]), ends, row[6])


def put(connection: Connection, contact: StoredContact) -> None:
    """Add a contact or replace the one of the same id."""
    ends = format_time(contact.expires_at) if contact.expires_at else ""
    connection.execute(
        "INSERT OR REPLACE INTO contact (id, name, recipients, signing_key, verified, expires_at, card) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (contact.id, contact.name, json.dumps(contact.recipients), contact.signing_key, int(contact.verified), ends,
         contact.card),
    )  # fmt: skip


def page(connection: Connection) -> list[StoredContact]:
    """Return all contacts by name."""
    return [_contact(row) for row in connection.execute(f"SELECT {_COLUMNS} ORDER BY name")]


def named(connection: Connection, name: str) -> StoredContact | None:
    """Return the contact of this name, or None."""
    row = connection.execute(f"SELECT {_COLUMNS} WHERE name = ?", (name,)).fetchone()
    return None if row is None else _contact(row)


def get(connection: Connection, name: str) -> StoredContact:
    """Return the contact of this name.

    Raises:
        NotFoundError: There is none.
    """
    contact = named(connection, name)
    if contact is None:
        raise NotFoundError("There is no contact of that name.", "See 'evault contact list'.")
    return contact


def by_key(connection: Connection, signing_key: bytes) -> StoredContact | None:
    """Return the contact whose card is signed by this key, or None.

    An ssh key that somebody wrote beside their recipients may be anybody's: only a card shows who has it.
    """
    row = connection.execute(f"SELECT {_COLUMNS} WHERE signing_key = ? AND card <> ''", (signing_key,)).fetchone()
    return None if row is None else _contact(row)


def remove(connection: Connection, contact: StoredContact) -> None:
    """Take a contact out of the address book."""
    connection.execute("DELETE FROM contact WHERE id = ?", (contact.id,))


def state_digest(contact: StoredContact) -> str:
    """Return the digest that the custody log keeps of a contact: SHA-256 of its canonical JSON."""
    state = {
        "card": contact.card,
        "expires_at": format_time(contact.expires_at) if contact.expires_at else "",
        "id": contact.id,
        "name": contact.name,
        "recipients": list(contact.recipients),
        "signing_key": contact.signing_key.hex(),
        "verified": contact.verified,
    }
    return sha256(jcs.encode(state)).hex()


# -- bundles --------------------------------------------------------------------------------------------------------


def next_bundle(connection: Connection, recipient: str, epoch: str) -> tuple[int, str]:
    """Return the number of the next bundle for these keys in this epoch, and the id of the one before, or empty."""
    row = connection.execute(
        "SELECT max(number) FROM sent_bundle WHERE recipient = ? AND epoch = ?", (recipient, epoch)
    ).fetchone()
    last = connection.execute(
        "SELECT bundle_id FROM sent_bundle WHERE recipient = ? ORDER BY serial DESC LIMIT 1", (recipient,)
    ).fetchone()
    return (int(row[0] or 0) + 1, str(last[0]) if last else "")


@dataclass(frozen=True, slots=True)
class StoredSent:
    """A bundle that left, or without a digest may have left.

    Attributes:
        recipient: Hashes of the keys that it was made for, ascending, with commas; empty under a passphrase.
        name: What the contact was called when it was sealed, or empty.
    """

    bundle_id: str
    recipient: str
    name: str = field(repr=False)
    epoch: str
    number: int
    case_serial: int
    sealed_at: str
    sha256: str = ""


_SENT = "bundle_id, recipient, name, epoch, number, case_serial, sealed_at, sha256"


def add_sent(connection: Connection, sent: StoredSent) -> None:
    """Enter a bundle that is about to leave; without a digest it reads "may have left"."""
    connection.execute(
        f"INSERT INTO sent_bundle (serial, {_SENT}) VALUES "  # noqa: S608
        "((SELECT coalesce(max(serial), 0) + 1 FROM sent_bundle), ?, ?, ?, ?, ?, ?, ?, ?)",
        (sent.bundle_id, sent.recipient, sent.name, sent.epoch, sent.number, sent.case_serial, sent.sealed_at,
         sent.sha256),
    )  # fmt: skip


def drop_sent(connection: Connection, bundle_id: str) -> None:
    """Take back a bundle of which nothing left; its number is free again."""
    connection.execute("DELETE FROM sent_bundle WHERE bundle_id = ?", (bundle_id,))


def sent_digests(connection: Connection) -> dict[str, str]:
    """Return id → digest of the file, of all bundles that left; an empty one of those that may have left."""
    return dict(connection.execute("SELECT bundle_id, sha256 FROM sent_bundle").fetchall())


def finish_sent(connection: Connection, bundle_id: str, sha256: str, checkpoint: str) -> None:
    """Enter the digest of a bundle file that was written, and the checkpoint note in it."""
    connection.execute(
        "UPDATE sent_bundle SET sha256 = ?, checkpoint = ? WHERE bundle_id = ?", (sha256, checkpoint, bundle_id)
    )


def sent_checkpoint(connection: Connection, recipient: str) -> str:
    """Return the checkpoint note in the newest bundle for these keys that was written, or empty."""
    row = connection.execute(
        "SELECT checkpoint FROM sent_bundle WHERE recipient = ? AND checkpoint <> '' ORDER BY serial DESC LIMIT 1",
        (recipient,),
    ).fetchone()
    return str(row[0]) if row else ""


def sent_of_case(connection: Connection, case_serial: int) -> list[StoredSent]:
    """Return what was sealed of a case, newest first."""
    sql = f"SELECT {_SENT} FROM sent_bundle WHERE case_serial = ? ORDER BY serial DESC"  # noqa: S608
    return [StoredSent(*row) for row in connection.execute(sql, (case_serial,))]


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """A bundle that was received.

    Attributes:
        bundle_id: As its sender calls it.
        name: Its id in the log here: another one where something else had that id.
        recipient: Kind and hashes of the keys it was made for; bundles are numbered for each such recipient.
        manifest: SHA-256 of its description, hexadecimal.
    """

    bundle_id: str
    name: str
    signer: bytes
    epoch: str
    number: int
    recipient: str
    manifest: str
    verdict: str
    case_serial: int
    received_at: str
    checkpoint: str


_RECEIVED = (
    "bundle_id, name, signer, epoch, number, recipient, manifest, verdict, case_serial, received_at, checkpoint "
    "FROM received_bundle"
)


def received_from(connection: Connection, signer: bytes) -> list[StoredReceipt]:
    """Return what was received from this signer, oldest first."""
    sql = f"SELECT {_RECEIVED} WHERE signer = ? ORDER BY serial"
    return [StoredReceipt(*row) for row in connection.execute(sql, (signer,))]


def received_in_case(connection: Connection, case_serial: int) -> list[StoredReceipt]:
    """Return what was received into a case, newest first."""
    sql = f"SELECT {_RECEIVED} WHERE case_serial = ? ORDER BY serial DESC"
    return [StoredReceipt(*row) for row in connection.execute(sql, (case_serial,))]


def received_verdicts(connection: Connection) -> dict[str, str]:
    """Return the id in the log here → verdict, of all bundles that were taken in."""
    return dict(connection.execute("SELECT name, verdict FROM received_bundle").fetchall())


def raise_received(connection: Connection, name: str) -> None:
    """Enter that the signer of the received bundle with this id in the log is established."""
    connection.execute("UPDATE received_bundle SET verdict = ? WHERE name = ?", (Verdict.VERIFIED.value, name))


def add_received(connection: Connection, receipt: StoredReceipt) -> None:
    """Enter a received bundle."""
    connection.execute(
        f"INSERT INTO received_bundle ({_RECEIVED.split(' FROM ')[0]}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (receipt.bundle_id, receipt.name, receipt.signer, receipt.epoch, receipt.number, receipt.recipient,
         receipt.manifest, receipt.verdict, receipt.case_serial, receipt.received_at, receipt.checkpoint),
    )  # fmt: skip
