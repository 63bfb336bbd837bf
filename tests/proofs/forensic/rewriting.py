"""What the holder of the keys can do to the own log: change entries, cut it short, and sign what comes of it anew.

For tests only. Store and log fit each other again afterwards; nothing inside the vault can show what was done.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.vault_world import raw
from vault import api
from vault.formats import custody_entry, merkle
from vault.formats.checkpoint import Checkpoint
from vault.model import Json
from vault.store import custody

Change = Callable[[dict[str, Json]], dict[str, Json]]


def another_time(event: dict[str, Json]) -> dict[str, Json]:
    """An entry that says the same of an hour that suits the holder better."""
    return event | {"time": {"utc": "2020-02-02T02:02:02Z", "clock": "local clock, not checked"}}


def rewrite(vault: api.OpenVault, number: int, change: Change = another_time) -> None:
    """Replace one entry of a closed vault's log, make the tree anew and sign the head again."""
    with raw(vault) as store:
        entry, told = store.execute(
            "SELECT entry, disclosures FROM custody_entry WHERE number = ?", (number,)
        ).fetchone()
        seen = custody_entry.read_entry(bytes(entry), tuple(json.loads(told)))
        fresh, shown = custody_entry.make_entry(epoch=seen.epoch, number=number, event=change(seen.event))
        store.execute(
            "UPDATE custody_entry SET entry = ?, disclosures = ? WHERE number = ?", (fresh, json.dumps(shown), number)
        )
        _sign(vault, store)


def cut(vault: api.OpenVault, size: int) -> None:
    """Take the newest entries out of a closed vault's log, so that so many stay, and sign the head again."""
    with raw(vault) as store:
        store.execute("DELETE FROM custody_entry WHERE number >= ?", (size,))
        _sign(vault, store)


def _sign(vault: api.OpenVault, store) -> None:
    store.execute("DELETE FROM tree_node")
    rows = store.execute("SELECT number, entry FROM custody_entry ORDER BY number").fetchall()
    for number, entry in rows:
        for level, index, digest in merkle.append(number, merkle.leaf_hash(bytes(entry)), custody.node_of(store)):
            store.execute("INSERT INTO tree_node (id, hash) VALUES (?, ?)", (custody.node_id(level, index), digest))
    (before,) = store.execute("SELECT note FROM log_head").fetchone()
    origin, identity = before.split("\n")[0], vault.identity
    note = Checkpoint(origin, len(rows), merkle.root(len(rows), custody.node_of(store))).sign(
        identity.public_key, identity.sign
    )
    store.execute("UPDATE log_head SET size = ?, note = ?", (len(rows), note))
