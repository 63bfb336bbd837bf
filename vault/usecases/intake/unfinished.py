"""What was being taken in when a vault was closed: noted in the store while it goes on, told once, then forgotten.

Locking ends the process at once, so nothing else could say afterwards how many of many files went in. How many did is
read from the case itself, never from the note. It is kept among the settings: no evidence, and not in the custody log.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

from vault.errors import NotFoundError
from vault.model import Case
from vault.open_vault import OpenVault, Transaction
from vault.store import cases, settings
from vault.store.database import Connection

KEY: Final = "taking_in"
_Notes = dict[str, list[int]]
"""Case id → how many things it had before, how many files were to go in, how many takings in are going on."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Files that were going into a case.

    Attributes:
        case: The case as it is now.
        count: How many files were to go in.
        taken: How many of them did; nothing of the others is left.
    """

    case: Case = field(repr=False)
    count: int
    taken: int


def note_begun(vault: OpenVault, case_id: str, count: int) -> None:
    """Note that files are about to go into a case.

    Raises:
        NotFoundError: There is no such case.
        ReadOnlyError, StorageError: Nothing can be saved.
    """

    def work(transaction: Transaction) -> None:
        notes = _notes(transaction.connection)
        there = cases.get(transaction.connection, case_id).attachment_count
        before, total, going = notes.get(case_id, [there, 0, 0])
        notes[case_id] = [before, total + count, going + 1]
        _keep(transaction.connection, notes)

    vault.atomic(work)


def note_ended(vault: OpenVault, case_id: str) -> None:
    """Note that a taking in came to its end, whatever that was: whoever did it tells of it.

    Raises:
        ReadOnlyError, StorageError: Nothing can be saved.
    """

    def work(transaction: Transaction) -> None:
        notes = _notes(transaction.connection)
        before, total, going = notes.pop(case_id, [0, 0, 0])
        if going > 1:
            notes[case_id] = [before, total, going - 1]
        _keep(transaction.connection, notes)

    vault.atomic(work)


def unfinished(vault: OpenVault) -> tuple[Unfinished, ...]:
    """Return what was going on when the vault was closed, once: it is forgotten with that.

    Nothing may be going in at this moment. A vault that is open read-only tells of nothing, for it cannot forget.
    """
    if vault.read_only or not vault.read(_notes):
        return ()

    def work(transaction: Transaction) -> tuple[Unfinished, ...]:
        found = []
        for case_id, (before, total, _going) in _notes(transaction.connection).items():
            try:
                case = cases.get(transaction.connection, case_id)
            except NotFoundError:
                continue
            found.append(Unfinished(case, total, min(total, max(0, case.attachment_count - before))))
        _keep(transaction.connection, {})
        return tuple(found)

    return vault.atomic(work)


def _notes(connection: Connection) -> _Notes:
    """Return the notes; one that cannot be read counts as not there."""
    try:
        found = json.loads(settings.every(connection).get(KEY, "{}"))
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        name: note
        for name, note in found.items()
        if isinstance(note, list) and len(note) == 3 and all(type(one) is int for one in note)
    }


def _keep(connection: Connection, notes: _Notes) -> None:
    settings.put(connection, KEY, json.dumps(notes))
