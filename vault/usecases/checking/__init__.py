"""Checking a whole vault: key file, store, contents, log, records, contacts, and anchors from outside.

The store is compared against its own log (`comparing`), and the log against every anchor that is given (`anchors`).
Without an anchor an older copy of the whole vault cannot be told from the newest: the report says "unknown".
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vault import audit, evidence, files
from vault.crypto.hashes import new_sha256, new_sha512
from vault.errors import DamagedError, IntegrityError, VaultError
from vault.formats.checkpoint import Checkpoint, PaperHead
from vault.jobs import Job
from vault.model import CHUNK_SIZE, Report, Severity
from vault.open_vault import OpenVault
from vault.store import content, integrity
from vault.usecases.checking.anchors import anchor, check_anchors
from vault.usecases.checking.comparing import check_contacts, check_records
from vault.usecases.checking.state import STEPS, State

__all__ = ["STEPS", "Checked", "anchor", "check"]


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of a check.

    Attributes:
        report: All findings.
        anchored: ``"yes"``, ``"no"`` (an anchor contradicts) or ``"unknown"`` (none given, or none that fits).
    """

    report: Report
    anchored: str


def check(vault: OpenVault, anchors: Sequence[Path], job: Job, written: Sequence[str] = ()) -> Checked:
    """Check the whole vault and return all findings; changes nothing.

    Args:
        vault: The open vault.
        anchors: Anchor files that this vault wrote; findings name them as they are given here.
        job: Progress and cancelling.
        written: What `custody.short_head` once said, typed from paper.

    Raises:
        RefusedError, FormatError, IntegrityError: An anchor file that does not fit, as `anchor` says; or what was typed
            is not whole.
    """
    given: list[tuple[str, Checkpoint | PaperHead]] = [(str(path), anchor(vault, path)) for path in anchors]
    given += [(f"on paper, {one.size}", one) for one in map(PaperHead.decode, written)]
    state = State()
    anchored = "unknown"
    _check_keys(vault, state)
    with _reading(state, 2):
        for code in integrity.damage(vault.database):
            state.say(2, code, "vault.db", "The store is damaged: restore it from a backup.")
    with _reading(state, 3):
        _check_contents(vault, state, job)
    with _reading(state, 4):
        for found in audit.verify_log(vault, job, state.note):
            state.findings.append(replace(found, step=STEPS[3]))
        for number in state.begun.values():
            state.say_begun(number)
    with _reading(state, 5):
        check_records(vault, state, job)
    with _reading(state, 6):
        check_contacts(vault, state)
    with _reading(state, 7):
        anchored = check_anchors(vault, state, given)
    not_checked = [
        "Times are this computer's claims.",
        "What was never entered cannot be missed.",
        "Drafts, titles of cases, titles in lists and the search index are not signed.",
        audit.LESS_SAID,
    ]
    if anchored == "unknown":
        not_checked.insert(0, audit.NO_ANCHOR)
    return Checked(Report(tuple(state.findings), STEPS, tuple(not_checked)), anchored)


@contextlib.contextmanager
def _reading(state: State, step: int) -> Iterator[None]:
    """Let a step that meets rows or pages that cannot be read at all end with a finding, and the next one go on."""
    try:
        yield
    except (DamagedError, ValueError, TypeError):
        state.say(step, "unreadable", "vault.db", "What this step looks at cannot be read: restore it from a backup.")


def _check_keys(vault: OpenVault, state: State) -> None:
    try:
        on_disk = files.read_small(vault.folder / "vault.keys", 1 << 20, "the key file")
    except VaultError:
        on_disk = b""
    if on_disk != vault.keys.encoded:
        state.say(1, "key-file", "vault.keys",
                  "The key file on disk is damaged, or not the one that opened this vault: "
                  "change the passphrase to write it anew, or copy it back from a backup.")  # fmt: skip
    elif vault.keys.damaged_copy is not None:
        state.say(1, "key-copy", "vault.keys", "One copy of the keys was damaged and has been written anew.",
                  Severity.WARNING)  # fmt: skip
    if vault.keys.older_key is not None:
        state.say(1, "rekey-pending", "vault.keys", "A key rotation was not finished: run 'evault rekey' again.",
                  Severity.WARNING)  # fmt: skip


def _check_contents(vault: OpenVault, state: State, job: Job) -> None:
    found = vault.read(content.complete_ones)
    total, done = sum(stored.size for stored in found), 0
    for stored in found:
        short, long, length = new_sha256(), new_sha512(), 0
        try:
            for piece in evidence.stream(vault, stored):
                short.update(piece)
                long.update(piece)
                length += len(piece)
                job.report("checking contents", done + length, total)
        except (DamagedError, IntegrityError):
            length = -1
        done += stored.size
        rows = vault.read(functools.partial(content.count, serial=stored.serial))
        right = (length, short.hexdigest(), long.hexdigest()) == (stored.size, stored.sha256, stored.sha512)
        if not right or rows != -(-stored.size // CHUNK_SIZE):
            where = str(stored.serial)
            state.say(3, "content-mismatch", where, "An attachment's bytes are not those that were taken in.")
    if vault.read(content.has_strays):
        state.say(3, "content-unknown", "chunk", "The store holds pieces of a file that it does not know.")
