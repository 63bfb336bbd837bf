"""Whole vaults for the integration tests: made quickly, introduced to each other, their bundles taken apart.

For tests only. Everything is real but the speed of the key derivation, which is the enforced floor.
"""

import atexit
import base64
import binascii
import io
import shutil
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlcipher3 import dbapi2 as sqlite

from tests.bundle_world import untar
from vault import api, keys, schema
from vault.formats.age import AgeReader
from vault.jobs import Job
from vault.keys import FLOOR

PASSPHRASE = "ocean mirror lantern velvet copper puzzle"
PHOTO = Path(__file__).parents[1] / "tui" / "samples" / "photo.jpg"


@cache
def _template(which):
    folder = Path(tempfile.mkdtemp(prefix="evault-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    vault = api.setup.create(folder / "vault", api.to_secret(PASSPHRASE), FLOOR)
    vault.close()
    return folder / "vault", vault.keys


def make_vault(folder, which=0):
    """Return a new unlocked vault: a copy of one that nobody has used yet, to save the derivation of keys.

    Args:
        folder: Where it is to lie.
        which: Vaults of one number have the same keys; two that meet in a test need different ones.
    """
    template, opened = _template(which)
    shutil.copytree(template, folder)
    return api.setup.open_with(Path(folder), opened)


def unlock(folder):
    """Return the vault of a folder, unlocked."""
    return api.setup.unlock(Path(folder), api.to_secret(PASSPHRASE))


def reopen(vault):
    """Return a vault that was closed, unlocked again without deriving a key."""
    return api.setup.open_with(vault.folder, vault.keys)


def introduce(one, other, name):
    """Let `one` know and have verified `other` under a name."""
    api.contacts.add_card(one, api.contacts.card(other, name), name)
    api.contacts.verify(one, name, other.identity.fingerprint)


def seal(vault, case, to, target, job=None, **choice):
    """Seal a case to one contact and return what was made."""
    return api.sealing.seal(vault, api.sealing.Choice(case, **choice), [to], Path(target), job or Job())[0]


def container_of(file, *identities, passphrase=None):
    """Return the decrypted container of a bundle file."""
    data = Path(file).read_bytes()
    return AgeReader(io.BytesIO(data), identities=identities, passphrase=passphrase).read()


def bag_of(file, vault):
    """Return path in the bag → content, of a bundle for this vault."""
    return untar(container_of(file, vault.identity.hybrid, vault.identity.x25519))


def everything_in(container):
    """Return all that whoever opens a container can read: its bytes, and whatever in it is base64url, decoded."""
    found = [container]
    for content in untar(container).values():
        for mark in (b"~", b".", b'"'):
            for part in content.split(mark):
                try:
                    found.append(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
                except (binascii.Error, ValueError):
                    continue
    return b"\n".join(found)


def filled(kind):
    """Return values for every field of a record type, and the texts in them: (fields, shareable texts, protected)."""
    texts = {True: [], False: []}
    count = iter(range(1, 10_000))

    def value(field, shareable):
        number = next(count)
        mark = f"mark{number:04d}of{kind.type[:4]}"
        if field.kind in ("text", "line"):
            made, text = mark, mark
        elif field.kind == "date":
            text = f"{1000 + number}-03-04"
            made = {"value": text, "precision": "day", "qualifier": "exact"}
        elif field.kind == "language":
            made = text = f"zh-x-m{number:04d}{kind.type[:2]}"
        elif field.kind in ("record", "attachment"):
            text = f"{number:04d}" * 8
            made = {"id": text}
        elif field.kind == "facts":
            made, text = {"exif.owner": mark}, mark
        elif field.kind == "integer":
            made, text = field.maximum or 7, ""
        elif field.kind == "choice":
            made, text = field.vocabulary[-1].code, ""
        elif field.kind == "boolean-unknown":
            made, text = "unknown", ""
        else:
            # Consent that was taken back would keep the record here.
            inner = [one for one in field.fields if not one.name.startswith("withdrawn_")]
            return {one.name: several(one, one.shareable) for one in inner}
        if text:
            texts[shareable].append(text.encode())
        return made

    def several(field, shareable):
        return [value(field, shareable), value(field, shareable)] if field.repeat else value(field, shareable)

    fields = {field.name: several(field, field.shareable) for field in kind.fields}
    return fields, texts[True], texts[False]


def types():
    """Return the types of records that people fill in."""
    return [kind for name, kind in schema.schemas().items() if name != "attachment"]


@contextmanager
def raw(vault):
    """A raw SQLCipher connection to the store of a vault that is closed, with its key: what a forger with it can do."""
    connection = sqlite.connect(str(vault.folder / "vault.db"), isolation_level=None)
    key = keys.store_key(vault.keys.vault_key).reveal().hex()
    connection.execute(f"PRAGMA key = \"x'{key}'\"")
    connection.execute("PRAGMA cipher_page_size = 16384")
    connection.execute("PRAGMA cipher_hmac_algorithm = HMAC_SHA256")
    try:
        yield connection
    finally:
        connection.close()


def rows(vault, sql):
    """Return the rows of a query on the open store."""
    return vault.read(lambda connection: connection.execute(sql).fetchall())


def events(vault, kind=None):
    """Return (type, result, object id) of the log's entries, oldest first, of one kind of object if asked for."""
    found = reversed(api.custody.page(vault, 10_000))
    return [
        (entry.event["type"], entry.event["outcome"]["result"], entry.event["object"]["id"])
        for entry in found
        if kind in (None, entry.event["object"]["kind"])
    ]
