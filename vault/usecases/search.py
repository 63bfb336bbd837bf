"""Search in the titles of cases and in all signed text, newest first; not in what attached files hold."""

from __future__ import annotations

from typing import Final

from vault import evidence
from vault.model import Hit, RecordId
from vault.open_vault import OpenVault
from vault.store import cases, records, search
from vault.store.database import Connection

CASE: Final = "case"
"""The type of a hit that is a case, whose id it has."""

_ALL: Final = 1 << 31


def find(vault: OpenVault, words: str, limit: int = 20, before: int | None = None) -> list[Hit]:
    """Return the newest cases whose titles hold all `words`, then the newest records that do.

    Args:
        vault: The open vault.
        words: Text, never an expression.
        limit: How many at most; cases take half of them at most, and stand on the first page only.
        before: Position of the last record of the page before.

    Raises:
        RefusedError: Too many words.
    """

    def work(connection: Connection) -> list[Hit]:
        def text_of(serial: int) -> str:
            record, version = records.of_version_serial(connection, serial)
            return "\n".join(evidence.schema_of(connection, record.type).texts(evidence.view(version).fields))

        hits = _cases(connection, words, max(1, limit // 2)) if before is None else []
        for serial, snippet in search.find(connection, words, limit - len(hits), before, text_of=text_of):
            record, _ = records.of_version_serial(connection, serial)
            hits.append(Hit(record.id, record.case_id, record.type, snippet, serial, record.origin, record.verdict))
        return hits

    return vault.read(work)


def _cases(connection: Connection, words: str, most: int) -> list[Hit]:
    holds = search.matcher(words)
    found = [case for case in cases.page(connection, _ALL) if holds(case.title)]
    return [Hit(RecordId(case.id), case.id, CASE, case.title, 0, case.origin) for case in found[:most]]
