"""An unlocked vault: what every use case takes.

Holds the store's queue, the keys, the identity, the clock and the agent. Every change goes through `atomic`, whose
transaction carries its custody entries and the newly signed head of the log: both are saved, or neither.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from vault import __version__, files
from vault.crypto import signing
from vault.crypto.hashes import sha256
from vault.errors import DiskFullError, LockedError, RefusedError, VaultError
from vault.formats.age import HybridIdentity, X25519Identity
from vault.formats.fingerprint import fingerprint_of_key
from vault.keys import OpenKeys
from vault.media import Inspector
from vault.model import CustodyEvent, Json, Secret, format_time
from vault.store import cases, content, custody, search
from vault.store.database import Connection, Database
from vault.store.identity import StoredIdentity

T = TypeVar("T")

SOFTWARE: Final = f"evidence-vault {__version__}"


def now() -> datetime:
    """Return this computer's time in UTC, whole seconds: a claim, never a proof."""
    return datetime.now(UTC).replace(microsecond=0)


class Identity:
    """Who this vault is: an Ed25519 signing key and two age identities.

    Attributes:
        log_id: Random id of the custody log, 32 hexadecimal digits.
        public_key: Ed25519 public key, 32 bytes.
        fingerprint: The public key's fingerprint in digits.
    """

    def __init__(self, stored: StoredIdentity) -> None:
        self._seed = stored.signing_seed
        self.name = stored.name
        self.log_id = stored.log_id
        self.public_key = signing.public_key(stored.signing_seed.reveal())
        self.fingerprint = fingerprint_of_key(self.public_key)
        self.x25519 = X25519Identity(stored.x25519_secret)
        self.hybrid = HybridIdentity(stored.hybrid_seed)

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature of `message`, 64 bytes."""
        return signing.sign(self._seed.reveal(), message)


class Transaction:
    """One transaction: the connection, and the custody entries that go with it."""

    def __init__(self, vault: OpenVault, connection: Connection) -> None:
        self.connection = connection
        self._vault = vault
        self._epoch = ""
        self._size = 0
        self._appended = False

    def record(self, event: CustodyEvent) -> int:
        """Enter a custody event and return its number in the log."""
        if not self._appended:
            self._epoch = custody.current_epoch(self.connection)
            self._size = custody.size(self.connection)
            self._appended = True
        number = self._size
        serial = cases.serial(self.connection, event.case_id) if event.case_id else 0
        custody.append(
            self.connection,
            self._vault.slots(event),
            object_id=event.object_id,
            case_serial=serial,
            epoch=self._epoch,
            number=number,
        )
        self._size += 1
        return number

    def finish(self) -> None:
        """Sign the log's new head, where entries were added."""
        if self._appended:
            identity = self._vault.identity
            custody.sign_head(
                self.connection, identity.log_id, self._epoch, self._size, identity.public_key, identity.sign
            )


class OpenVault:
    """An unlocked vault.

    Attributes:
        folder: Where it lies.
        database: The store's queue.
        keys: The open key file; replaced when the passphrase or the vault key changes.
        identity: Keys of this vault's holder.
        clock: Returns the time that is claimed for events.
    """

    def __init__(
        self,
        folder: Path,
        database: Database,
        keys: OpenKeys,
        identity: StoredIdentity,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.folder = folder
        self.database = database
        self.keys = keys
        self.identity = Identity(identity)
        self.clock = clock
        self.inspector = Inspector()
        self._writing: set[int] = set()
        self._guard = threading.Lock()

    @property
    def read_only(self) -> bool:
        """True when the medium is read-only: nothing can be saved, and looking at things is not entered in the log."""
        return self.database.read_only

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run reading work on the store, in its turn."""
        return self.database.run(work)

    def atomic(self, work: Callable[[Transaction], T]) -> T:
        """Run changing work in one transaction together with its custody entries and the log's signed head."""
        return self.database.atomic(self._whole(work))

    def submit(self, work: Callable[[Transaction], T]) -> Future[T]:
        """Queue what `atomic` would run, and return at once."""
        return self.database.submit(self._whole(work), atomic=True)

    def _whole(self, work: Callable[[Transaction], T]) -> Callable[[Connection], T]:
        def whole(connection: Connection) -> T:
            transaction = Transaction(self, connection)
            result = work(transaction)
            transaction.finish()
            return result

        return whole

    def refuse_inside(self, target: Path, what: str) -> None:
        """Refuse a place in the vault's own folder: its files belong to it alone.

        Args:
            target: A file or folder that is to be made.
            what: What it is, with a capital letter, for the error.

        Raises:
            RefusedError: It would lie inside the vault.
        """
        if self._is_inside(target):
            raise RefusedError(f"{what} would lie inside the vault.", "Name a place outside the vault's folder.")

    def refuse_own(self, source: Path, state: os.stat_result) -> None:
        """Refuse to take a file of the vault's own for evidence: with it the wrapped keys could leave in a bundle.

        Args:
            source: Its path.
            state: Of the open file: another name of it (a hard link, a second mount) does not lie inside the vault.

        Raises:
            RefusedError: It lies inside the vault, or is a file that does.
        """
        if self._is_inside(source) or any(os.path.samestat(state, own) for own in self._own_files()):
            raise RefusedError("This file belongs to the vault itself.", "To keep the vault elsewhere, make a backup.")

    def _own_files(self) -> Iterator[os.stat_result]:
        with contextlib.suppress(OSError):
            for entry in self.folder.iterdir():
                yield entry.stat(follow_symlinks=False)

    def _is_inside(self, path: Path) -> bool:
        place = Path(os.path.realpath(path))
        return Path(os.path.realpath(self.folder)) in (place, *place.parents)

    def write_out(
        self, target: Path, what: str, event: CustodyEvent, make: Callable[[], bytes], *, secret: bool = False
    ) -> None:
        """Write something small into a new file outside the store, with an intent before and an outcome after it.

        Args:
            target: The new file.
            what: What it is, in a few words, for errors.
            event: Without result and digests. A read-only vault enters nothing.
            make: Returns the content; called after the intent was entered.
            secret: The digest of the content is not entered.

        Raises:
            AlreadyExistsError, StorageError: The file cannot be made; nothing is left of it.
        """

        def enter(result: str, digest: str = "") -> None:
            outcome = replace(event, result=result, digests={"after": digest} if digest else {})
            if not self.read_only:
                self.atomic(lambda transaction: transaction.record(outcome))

        self.refuse_inside(target, what[:1].upper() + what[1:])
        with files.NewFile(target, what) as out:
            enter("intent")
            try:
                content = make()
                out.write(content)
                out.commit()
            except BaseException:
                with contextlib.suppress(VaultError):
                    enter("failure")
                raise
        enter("success", "" if secret else sha256(content).hex())

    def slots(self, event: CustodyEvent) -> dict[str, Json]:
        """Return an event as the slots of a custody entry, with time, agent and software."""
        slots: dict[str, Json] = {
            "object": {"id": event.object_id, "kind": event.object_kind},
            "type": event.type,
            "time": {"utc": format_time(self.clock()), "clock": "local clock, not checked"},
            "agent": {"key": self.identity.fingerprint, "role": "custodian"},
            "software": {"name": "evidence-vault", "version": __version__},
            "location": {"class": event.location} | ({"id": event.place} if event.place else {}),
            "outcome": {"result": event.result} | ({"detail": event.detail} if event.detail else {}),
        }
        if event.why or event.authority:
            slots["purpose"] = {"why": event.why} | ({"authority": event.authority} if event.authority else {})
        for name, members in (("transfer", event.transfer), ("digests", event.digests), ("change", event.change)):
            if members:
                slots[name] = dict(members)
        if event.related:
            slots["related"] = list(event.related)
        return slots

    @contextlib.contextmanager
    def writing(self, content_serial: int) -> Iterator[None]:
        """Keep a content that is being written from the sweep."""
        with self._guard:
            self._writing.add(content_serial)
        try:
            yield
        finally:
            with self._guard:
                self._writing.discard(content_serial)

    def being_written(self) -> frozenset[int]:
        """Return the serials of contents that are being written."""
        with self._guard:
            return frozenset(self._writing)

    def start_sweep(self) -> Future[None]:
        """Remove abandoned chunk rows and words of deleted text in the background, batch by batch.

        Returns:
            Done when there is nothing left to remove. Its exception is a `StorageError` when that failed, or a
            `LockedError` when the vault was locked before; the rest goes after the next unlock.
        """
        ended: Future[None] = Future()

        def go(chunks: int) -> None:
            def batch(connection: Connection) -> bool:
                return content.sweep(connection, self.being_written(), chunks) or search.tidy(connection)

            def after(done: Future[bool]) -> None:
                error = done.exception()
                if isinstance(error, DiskFullError) and chunks > 1:
                    # What is removed goes through the journal first, so that a full disk is emptied in small steps.
                    go(1)
                elif error is not None:
                    ended.set_exception(error)
                elif done.result():
                    go(min(2 * chunks, content.BATCH_CHUNKS))
                else:
                    ended.set_result(None)

            try:
                self.database.submit(batch, atomic=True).add_done_callback(after)
            except LockedError as error:
                ended.set_exception(error)

        go(content.BATCH_CHUNKS)
        return ended

    def close(self) -> None:
        """Finish what is queued and close the store."""
        self.inspector.close()
        self.database.close()


def new_identity(log_id: str, random: Callable[[int], bytes], name: str = "") -> StoredIdentity:
    """Return a fresh identity from random bytes."""
    return StoredIdentity(log_id, Secret(random(32)), Secret(random(32)), Secret(random(32)), name)
