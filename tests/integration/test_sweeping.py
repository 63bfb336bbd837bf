"""Sweeping what was abandoned comes to an end, also in a store whose index is damaged."""

from __future__ import annotations

from tests.vault_world import make_vault, raw, reopen, rows
from vault import api

NAMED = "SELECT serial FROM content WHERE complete = 0"


def test_an_index_that_names_what_is_not_there_is_not_swept_for_ever(tmp_path):
    vault = make_vault(tmp_path / "vault")
    vault.close()
    with raw(vault) as connection:
        connection.execute("INSERT INTO content (serial, complete, tag_key) VALUES (7, 0, x'00')")
        connection.execute("PRAGMA writable_schema = ON")
        (kept,) = connection.execute("SELECT * FROM sqlite_schema WHERE name = 'content_abandoned'").fetchall()
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'content_abandoned'")
    with raw(vault) as connection:
        connection.execute("DELETE FROM content WHERE serial = 7")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", kept)
    vault = reopen(vault)
    try:
        assert rows(vault, NAMED) == [(7,)], "the damage is there"
        api.setup.sweep_all(vault)
        assert api.cases.add(vault, "work goes on").title == "work goes on"
    finally:
        vault.close()
