"""Search in all signed text, newest first."""

from __future__ import annotations

from vault import evidence
from vault.model import Hit
from vault.open_vault import OpenVault
from vault.store import records, search
from vault.store.database import Connection


def find(vault: OpenVault, words: str, limit: int = 20, before: int | None = None) -> list[Hit]:
    """Return the newest records that hold all `words`; the words are text, never an expression."""

    def work(connection: Connection) -> list[Hit]:
        def text_of(serial: int) -> str:
            record, version = records.of_version_serial(connection, serial)
            return "\n".join(evidence.schema_of(connection, record.type).texts(evidence.view(version).fields))

        hits = []
        for serial, snippet in search.find(connection, words, limit, before, text_of=text_of):
            record, _ = records.of_version_serial(connection, serial)
            hits.append(Hit(record.id, record.case_id, record.type, snippet, serial, record.origin, record.verdict))
        return hits

    return vault.read(work)
