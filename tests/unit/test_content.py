"""Contents in the store: what is not whole is not there."""

from __future__ import annotations

import sqlite3

import pytest

from vault.errors import DamagedError
from vault.store import content


@pytest.fixture
def table():
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE content (serial, size, sha256, sha512, tag_key, complete)")
    connection.execute("INSERT INTO content VALUES (1, 3, 'a', 'b', x'00', 1), (2, NULL, '', '', x'00', 0)")
    yield connection
    connection.close()


def test_a_whole_content_is_found(table):
    assert content.get(table, 1) == content.StoredContent(1, 3, "a", "b", b"\0")


@pytest.mark.parametrize("serial", [2, 3])
def test_a_content_that_is_missing_or_not_whole_is_damage(table, serial):
    with pytest.raises(DamagedError, match="missing"):
        content.get(table, serial)
