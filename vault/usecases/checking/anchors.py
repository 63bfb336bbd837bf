"""The log against what was kept outside the vault: checkpoints, proofs, and the short fingerprint on paper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vault import audit
from vault.errors import DamagedError
from vault.formats import merkle
from vault.formats.checkpoint import Checkpoint, PaperHead, origin_of
from vault.model import Severity
from vault.open_vault import OpenVault
from vault.store import custody
from vault.store.database import Connection
from vault.usecases.checking.state import State


def anchor(vault: OpenVault, path: Path) -> Checkpoint:
    """Return the checkpoint of an anchor file of this vault: a checkpoint, continuation or proof that it wrote.

    Raises:
        RefusedError: It belongs to another vault, or cannot be read.
        FormatError: It is no anchor.
        IntegrityError: It was changed after this vault signed it.
    """
    return audit.own_anchor(vault, path)


def check_anchors(vault: OpenVault, state: State, anchors: Sequence[tuple[str, Checkpoint | PaperHead]]) -> str:
    """Compare the log with every anchor; returns "yes", "no", or "unknown" where none fits it."""
    fits = [_check_anchor(vault, state, where, one) for where, one in anchors]
    if all(fit == "unknown" for fit in fits):
        return "unknown"
    return "no" if "no" in fits else "yes"


def _check_anchor(vault: OpenVault, state: State, where: str, anchor: Checkpoint | PaperHead) -> str:
    def work(connection: Connection) -> tuple[list[tuple[str, int, str]], int, bytes]:
        size = custody.size(connection)
        root = merkle.root(anchor.size, custody.node_of(connection)) if anchor.size <= size else b""
        return custody.epochs(connection), size, root

    try:
        epochs, size, root = vault.read(work)
    except DamagedError:
        state.say(7, "anchor-broken", where, "The log's tree is incomplete.")
        return "no"
    names = [name for name, _, _ in epochs]
    if isinstance(anchor, PaperHead):
        at = anchor.epoch - 1
    else:
        at = names.index(anchor.epoch) if anchor.epoch in names else len(names)
    if at >= len(names):
        state.say(7, "anchor-epoch", where, "This anchor is from an epoch that this vault does not know: "
                  "a newer state, or another copy that was restored from a backup.")  # fmt: skip
        return "no"
    end = epochs[at + 1][1] if at + 1 < len(epochs) else size
    if anchor.size > end:
        if at + 1 < len(epochs):
            state.say(7, "restored-before-anchor", where,
                      "This vault was restored from a backup that is older than this "
                      "anchor: entries in between are not here.", Severity.WARNING)  # fmt: skip
            return "unknown"
        state.say(7, "rolled-back", where, "This vault is an older copy: the anchor knows entries that are not here.")
        return "no"
    held = Checkpoint(origin_of(vault.identity.log_id, names[at]), anchor.size, root)
    if anchor != (PaperHead.of(held, at + 1) if isinstance(anchor, PaperHead) else held):
        state.say(7, "anchor-mismatch", where, "The log was changed after this anchor was made.")
        return "no"
    return "yes"
