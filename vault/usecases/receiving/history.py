"""Comparing a bundle with what came from the same signer before: replays, gaps, older ones, two histories."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from vault.bundle.contents import Incoming
from vault.bundle.manifest import PASSPHRASE, Description
from vault.errors import FormatError
from vault.formats.checkpoint import Checkpoint, read_checkpoint
from vault.model import Severity
from vault.open_vault import OpenVault
from vault.store import cases, contacts
from vault.store.contacts import StoredReceipt
from vault.store.database import Connection
from vault.usecases.receiving.opening import mark_of


@dataclass
class History:
    """What was found.

    Attributes:
        findings: Code, severity and sentence of each.
        continued: The log is shown to continue a state that an earlier bundle brought.
        again: The case that the very same bundle was taken into before, or empty.
        kept_as: The verdict that it carries here since then, or empty.
    """

    findings: list[tuple[str, Severity, str]] = field(default_factory=list)
    continued: bool = False
    again: str = ""
    kept_as: str = ""

    @property
    def failed(self) -> bool:
        """True when what came before speaks against the bundle."""
        return any(severity is Severity.ERROR for _, severity, _ in self.findings)

    def say(self, code: str, severity: Severity, message: str) -> None:
        """Add a finding, each code once."""
        if all(one[0] != code for one in self.findings):
            self.findings.append((code, severity, message))


def recipient_of(bundle: Description) -> str:
    """Return kind and key hashes of the recipient: bundles are numbered for each such recipient on its own."""
    return ",".join((bundle.recipient_kind, *bundle.key_hashes))


def compare(vault: OpenVault, incoming: Incoming, bundle: Description) -> History:
    """Compare a bundle with every one that was received from its signer."""

    def work(connection: Connection) -> tuple[list[StoredReceipt], dict[int, str]]:
        before = contacts.received_from(connection, incoming.signer)
        return before, {one.case_serial: cases.id_of(connection, one.case_serial) for one in before}

    before, names = vault.read(work)
    found = History()
    for one in before:
        if one.bundle_id == bundle.bundle_id and one.manifest == mark_of(incoming):
            found.again, found.kept_as = names[one.case_serial], one.verdict
            return found
    _compare_numbers(found, before, bundle)
    for one in before:
        _compare_logs(found, one, bundle)
    if before and bundle.epoch not in {one.epoch for one in before}:
        message = "The sender's vault was restored from a backup since the last bundle."
        found.say("new-epoch", Severity.INFO, message)
    if bundle.previous and bundle.previous not in {one.bundle_id for one in before}:
        message = "The sender names an earlier bundle that was not received here."
        found.say("gap", Severity.INFO, message)
    _compare_continuation(found, before, incoming.earlier, bundle)
    return found


def _compare_numbers(found: History, before: list[StoredReceipt], bundle: Description) -> None:
    row = [one for one in before if one.recipient == recipient_of(bundle) and one.epoch == bundle.epoch]
    # Bundles under a passphrase are no row: each has a number of its own.
    numbered = bundle.recipient_kind != PASSPHRASE
    if any(one.bundle_id == bundle.bundle_id for one in before) or (
        numbered and any(one.number == bundle.number for one in row)
    ):
        message = "The sender gave this number to another bundle before: there are two histories. Both are kept."
        found.say("equivocation", Severity.ERROR, message)
    if numbered and row and bundle.number < max(one.number for one in row):
        message = "A newer bundle of this sender was received before this one."
        found.say("older-bundle", Severity.WARNING, message)


def _compare_logs(found: History, one: StoredReceipt, bundle: Description) -> None:
    """Two states of one log that no honest log can have had; a consistent rewriting does not show here."""
    try:
        before: Checkpoint = read_checkpoint(one.checkpoint)
    except FormatError:
        return
    now = bundle.checkpoint
    if (before.origin, before.size) == (now.origin, now.size) and before.root != now.root:
        message = "The sender's custody log shows two histories: the same length, but other contents than before."
        found.say("log-fork", Severity.ERROR, message)
    same_row = one.recipient == recipient_of(bundle) and one.epoch == bundle.epoch
    if bundle.recipient_kind != PASSPHRASE and same_row and before.origin == now.origin:
        grown = (now.size - before.size) * (bundle.number - one.number)
        if grown < 0:
            message = "The sender's custody log was shorter in the later of two bundles: entries were taken out."
            found.say("log-shrunk", Severity.ERROR, message)


def _compare_continuation(
    found: History, before: list[StoredReceipt], earlier: Checkpoint | None, bundle: Description
) -> None:
    """The earlier state that the log was shown to continue must be one that an earlier bundle brought."""
    roots = set()
    for one in before:
        with contextlib.suppress(FormatError):
            known = read_checkpoint(one.checkpoint)
            if earlier is not None and (known.origin, known.size) == (earlier.origin, earlier.size):
                roots.add(known.root)
    if earlier is not None and roots - {earlier.root}:
        message = "The sender's custody log was rewritten: it does not hold what it held in an earlier bundle."
        found.say("log-rewritten", Severity.ERROR, message)
        return
    found.continued = bool(roots)
    if not found.continued and bundle.previous in {one.bundle_id for one in before}:
        message = "The sender does not prove that the custody log continues what earlier bundles brought."
        found.say("log-unproved", Severity.WARNING, message)
