"""Old pages of the store, put back by somebody who has only the disk: each authenticates, and none leaves as evidence.

The chunks of a content are what a seal does not digest again: their tags must say what the digest would.
"""

import os
import re
from pathlib import Path

import pytest

from tests.bundle_world import untar
from tests.vault_world import container_of, make_vault, raw, reopen, seal
from vault import api
from vault.bundle import layout
from vault.errors import DamagedError, IntegrityError, VaultError
from vault.formats.age import X25519Identity
from vault.jobs import Job
from vault.model import CHUNK_SIZE
from vault.store import content
from vault.store.database import PAGE_SIZE

RECIPIENT = X25519Identity.generate()
SIZE = 2 * CHUNK_SIZE + 100_000


@pytest.fixture
def replaced(tmp_path):
    """A closed vault where a file took the place of a deleted one; its attachment, its bytes, and the older store."""
    vault = make_vault(tmp_path / "vault")
    case = api.cases.add(vault, "a case").id
    api.contacts.add(vault, "Classic", (RECIPIENT.recipient.text,))
    source = tmp_path / "source"
    source.write_bytes(os.urandom(SIZE))
    old = api.intake.attach(vault, case, source, Job()).id
    vault.close()
    before = (vault.folder / "vault.db").read_bytes()
    vault = reopen(vault)
    api.records.delete(vault, old, "a reason")
    vault.start_sweep().result()
    source.write_bytes(os.urandom(SIZE))
    new = api.intake.attach(vault, case, source, Job()).id
    vault.close()
    return vault, case, new, source.read_bytes(), before


def leaves(vault, case, attachment, target):
    """Seal, and write out; return what left, each None where nothing did, and the errors."""
    sealed, written, errors = target.with_suffix(".age"), target.with_suffix(".out"), []
    try:
        vault = reopen(vault)
    except VaultError as error:
        return None, None, [error]
    for act in (
        lambda: seal(vault, case, "Classic", sealed, accept_metadata=True),
        lambda: api.intake.extract(vault, attachment, written, Job()),
    ):
        try:
            act()
        except VaultError as error:
            errors.append(error)
    vault.close()
    found = None
    if sealed.exists():
        bag = untar(container_of(sealed, RECIPIENT))
        found = next((content for path, content in bag.items() if layout.attachment_id(path) == attachment), None)
        sealed.unlink()
    out = None
    if written.exists():
        out = written.read_bytes()
        written.unlink()
    return found, out, errors


def test_an_old_page_of_a_deleted_file_never_leaves_in_place_of_the_new_one(replaced, tmp_path):
    vault, case, new, content, before = replaced
    path = vault.folder / "vault.db"
    after = path.read_bytes()
    changed = [
        at
        for at in range(0, min(len(before), len(after)), PAGE_SIZE)
        if before[at : at + PAGE_SIZE] != after[at : at + PAGE_SIZE]
    ]
    assert len(changed) > SIZE // PAGE_SIZE // 2
    several = [changed[at:] for at in range(0, len(changed), len(changed) // 8)]
    noticed = 0
    for pages in (*([at] for at in changed[::7]), *several):
        mixed = bytearray(after)
        for at in pages:
            mixed[at : at + PAGE_SIZE] = before[at : at + PAGE_SIZE]
        path.write_bytes(mixed)
        sealed, written, errors = leaves(vault, case, new, tmp_path / "target")
        assert sealed in (None, content)
        assert written in (None, content)
        noticed += [type(error) for error in errors] == [IntegrityError] * 2
    # The others change nothing of this file, or no longer let SQLite find it.
    assert noticed > len(changed) // 7 // 2


ALTERATIONS = {
    "two change places": "UPDATE chunk SET (tag, data) = (SELECT tag, data FROM chunk c "
    "WHERE c.id = (({new} << 24) + 1) - (chunk.id & 1)) WHERE id = {new} << 24 OR id = ({new} << 24) + 1",
    "another content's, tag and all": "UPDATE chunk SET (tag, data) = "
    "(SELECT tag, data FROM chunk c WHERE c.id = ({other} << 24) + 2) WHERE id = ({new} << 24) + 2",
    "another content's, without its tag": "UPDATE chunk SET data = "
    "(SELECT data FROM chunk c WHERE c.id = {other} << 24) WHERE id = {new} << 24",
    "the last is gone": "DELETE FROM chunk WHERE id = ({new} << 24) + 2",
    "a gap": "UPDATE chunk SET id = id + 1 WHERE id = ({new} << 24) + 2",
    "the first twice": "UPDATE chunk SET (tag, data) = (SELECT tag, data FROM chunk c WHERE c.id = {new} << 24) "
    "WHERE id = ({new} << 24) + 1",
    "another content altogether": "UPDATE attachment SET content_serial = {other} WHERE content_serial = {new}",
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_no_chunk_passes_for_another(replaced, tmp_path, name):
    vault, case, new, _, _ = replaced
    vault = reopen(vault)
    (tmp_path / "other").write_bytes(os.urandom(SIZE))
    api.intake.attach(vault, api.cases.add(vault, "another case").id, tmp_path / "other", Job())
    vault.close()
    with raw(vault) as store:
        first, second = (row[0] for row in store.execute("SELECT serial FROM content ORDER BY serial"))
        assert store.execute(ALTERATIONS[name].format(new=first, other=second)).rowcount > 0
    sealed, written, errors = leaves(vault, case, new, tmp_path / "target")
    assert (sealed, written) == (None, None)
    assert len(errors) == 2
    assert isinstance(errors[1], IntegrityError)


def test_the_worked_tag_of_the_document_is_the_one_that_is_stored(tmp_path):
    text = (Path(__file__).parents[2] / "docs/formats/store.md").read_text()
    key, nonce, tag = map(bytes.fromhex, re.search(r"A tag: .*\n```hex\n(.*)\n(.*)\n(.*)\n```", text).groups())
    vault = make_vault(tmp_path / "vault")

    def work(connection):
        connection.execute("INSERT INTO content (serial, tag_key) VALUES (7, ?)", (key,))
        content.add_chunks(connection, 7, int.from_bytes(nonce, "big"), [b"some bytes"])
        return connection.execute("SELECT tag FROM chunk").fetchall()

    assert vault.database.atomic(work) == [(tag,)]
    vault.close()


@pytest.mark.parametrize("since", ["taken back", "deleted"])
def test_an_old_page_of_a_record_lets_nothing_out_that_was_taken_back_since(tmp_path, since):
    vault = make_vault(tmp_path / "vault")
    case = api.cases.add(vault, "a case").id
    api.contacts.add(vault, "Classic", (RECIPIENT.recipient.text,))
    said = {"statement": "what she said"}
    record = api.records.add(vault, case, "testimony", said).id
    (tmp_path / "recording").write_bytes(b"a recording")
    api.intake.attach(vault, case, tmp_path / "recording", Job(), api.intake.About(record_id=record))
    vault.close()
    with raw(vault) as store:
        before = [store.execute(f"SELECT * FROM {table}").fetchall() for table in ("record", "record_version")]
    vault = reopen(vault)
    if since == "deleted":
        api.records.delete(vault, record, "a reason")
    else:
        api.records.correct(vault, record, said | {"consent": {"withdrawn_how": "she called"}})
    vault.close()
    # What pages of the time before hold, without the keys that are needed here to write them.
    with raw(vault) as store:
        for table, rows in zip(("record_version", "record"), reversed(before), strict=True):
            store.execute(f"DELETE FROM {table}")
            store.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    vault = reopen(vault)
    for choice in ({}, {"withhold": ((record, "*"),)}):
        with pytest.raises(DamagedError, match="changed outside this program"):
            seal(vault, case, "Classic", tmp_path / "b.age", **choice)
    with pytest.raises(DamagedError, match="changed outside this program"):
        api.sealing.reveal(vault, record, "statement", "Classic", tmp_path / "b.age", Job())
    assert not (tmp_path / "b.age").exists()
    vault.close()
