"""Comparing a bundle with what came from the same signer before: replays, gaps, older ones, two histories."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from vault.bundle.contents import Incoming
from vault.bundle.manifest import PASSPHRASE, Description
from vault.crypto.hashes import sha256
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
        continued: The log is shown to continue the newest state of it that earlier bundles brought.
        again: The case that the very same bundle was taken into before, or empty.
        name: The id that it has in the log here since then, or empty.
        kept_as: The verdict that it carries here since then, or empty.
        received_at: When that was, as the store has it, or empty.
    """

    findings: list[tuple[str, Severity, str]] = field(default_factory=list)
    continued: bool = False
    again: str = ""
    name: str = ""
    kept_as: str = ""
    received_at: str = ""

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
            found.again, found.name = names[one.case_serial], one.name
            found.kept_as, found.received_at = one.verdict, one.received_at
            return found
    own = {recipient.text for recipient in (vault.identity.hybrid.recipient, vault.identity.x25519.recipient)}
    _compare_numbers(found, before, bundle, {sha256(text.encode("ascii")).hex() for text in own})
    if before and bundle.epoch not in {one.epoch for one in before}:
        message = "The sender's vault was restored from a backup since the last bundle."
        found.say("new-epoch", Severity.INFO, message)
    if bundle.previous and bundle.previous not in {one.bundle_id for one in before}:
        message = "The sender names an earlier bundle that was not received here."
        found.say("gap", Severity.INFO, message)
    _compare_logs(found, before, incoming.earlier, bundle)
    return found


def _compare_numbers(found: History, before: list[StoredReceipt], bundle: Description, own: set[str]) -> None:
    row = [one for one in before if _same_row(one, bundle)]
    if any(one.bundle_id == bundle.bundle_id for one in before) or any(one.number == bundle.number for one in row):
        message = "The sender gave this number to another bundle before: there are two histories. Both are kept."
        found.say("equivocation", Severity.ERROR, message)
    if row and bundle.number < max(one.number for one in row):
        message = "A newer bundle of this sender was received before this one."
        found.say("older-bundle", Severity.WARNING, message)
    # Each set of keys is numbered for itself, so this can be honest; it can be a way around the rule above, too.
    ours = own & set(bundle.key_hashes)
    for one in before:
        same = (one.epoch, one.number) == (bundle.epoch, bundle.number) and ours & set(one.recipient.split(","))
        if same and not _same_row(one, bundle):
            message = "The sender gave this number to another bundle for the same key, made for other keys as well."
            found.say("number-shared", Severity.WARNING, message)


def _same_row(one: StoredReceipt, bundle: Description) -> bool:
    """True for bundles that are numbered together; those under a passphrase have a number of their own each."""
    same = (one.recipient, one.epoch) == (recipient_of(bundle), bundle.epoch)
    return same and bundle.recipient_kind != PASSPHRASE


def _compare_logs(found: History, before: list[StoredReceipt], earlier: Checkpoint | None, bundle: Description) -> None:
    """Compare the state of the log with every one that this signer showed; one signer has one log.

    It is shown to be whole only by a proof that leads from the newest of these states: from an older one a proof also
    leads to a log in which everything since was rewritten.
    """
    now, known = bundle.checkpoint, []
    for one in before:
        with contextlib.suppress(FormatError):
            known.append((one, read_checkpoint(one.checkpoint)))
    for one, state in known:
        if state.origin == now.origin:
            if state.size == now.size and state.root != now.root:
                message = (
                    "The sender's custody log shows two histories: the same length, but other contents than before."
                )
                found.say("log-fork", Severity.ERROR, message)
            if _same_row(one, bundle) and (now.size - state.size) * (bundle.number - one.number) < 0:
                message = "The sender's custody log was shorter in the later of two bundles: entries were taken out."
                found.say("log-shrunk", Severity.ERROR, message)
        if earlier and (state.origin, state.size) == (earlier.origin, earlier.size) and state.root != earlier.root:
            message = "The sender's custody log was rewritten: it does not hold what it held in an earlier bundle."
            found.say("log-rewritten", Severity.ERROR, message)
    if any(code.startswith("log-") for code, _, _ in found.findings):
        return
    # What a restored vault enters carries another origin.
    states = [state for _, state in known if state.origin == now.origin] or [state for _, state in known]
    newest = max(states, key=lambda state: state.size, default=None)
    found.continued = newest is not None and newest in (earlier, now)
    if newest is None or found.continued:
        return
    # One that was only overtaken on its way cannot prove more, and is said to be older.
    if now.size >= newest.size or all(code != "older-bundle" for code, _, _ in found.findings):
        message = "The sender does not prove that the custody log continues what earlier bundles brought."
        found.say("log-unproved", Severity.WARNING, message)
