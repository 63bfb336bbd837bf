"""Every byte of a small vault changed: the vault is refused, healed from the other key copy, or `check` finds it.

Pages authenticate one by one, so one byte in every page at once tries as many bytes as there are pages: the test that
`check` itself uses must name each of these pages and no other. That this is what `check` and the opening come to is
shown by the whole way for changes of one byte at a time.
"""

from __future__ import annotations

import os
import random
import re
import shutil

import pytest

from tests.proofs.forensic import versions
from tests.proofs.forensic.versions import look
from tests.vault_world import raw, reopen
from vault import api, keys, recovery
from vault.crypto.hashes import sha256
from vault.errors import DamagedError, FormatError, UnlockError, VaultError
from vault.formats import key_file
from vault.store.database import PAGE_SIZE

COPY = key_file.COPY_SIZE
SALT = 16
"""The first bytes of the store: they choose the key of all MACs, and are read at the opening alone."""


@pytest.fixture
def small():
    """A closed vault with one thing of each kind in it, its shares, and the bytes of its two files."""
    folder = versions.in_memory("flips")
    world = versions.grown(folder, 9, seed=2)
    public_key, shares = recovery.make_shares(2, 3)
    api.recovery.commit(world.vault, public_key)
    world.close()
    path = world.vault.folder
    yield world.vault, shares, (path / "vault.db").read_bytes(), (path / "vault.keys").read_bytes()
    shutil.rmtree(folder)


def fate(vault) -> str:
    """Return what becomes of a changed vault: ``refused``, ``found``, or empty."""
    try:
        checked = look(vault)
    except VaultError:
        return "refused at the opening"
    return "" if checked.report.ok else "found by check"


def flip(vault, store, at: int, by: int) -> str:
    changed = bytearray(store)
    changed[at] ^= by
    versions.write_store(vault, bytes(changed))
    return fate(vault)


def one_in_every_page(vault, store, offsets, draw) -> tuple[int, int]:
    """Change the byte at each of these offsets in all pages at once, and undo it.

    Returns:
        How many bytes were tried, and how many pages were named for them.
    """
    count = len(store) // PAGE_SIZE
    tried = named = 0
    versions.write_store(vault, store)
    with raw(vault) as connection:
        connection.execute("PRAGMA cipher_log_level = NONE")
        assert connection.execute("PRAGMA cipher_integrity_check").fetchall() == []
        file = os.open(vault.folder / "vault.db", os.O_RDWR)
        try:
            for offset in offsets:
                places = [page * PAGE_SIZE + offset for page in range(offset < SALT, count)]
                for at in places:
                    os.pwrite(file, bytes([store[at] ^ draw.randrange(1, 256)]), at)
                said = connection.execute("PRAGMA cipher_integrity_check").fetchall()
                pages = {int(re.search(r"page (\d+)", row[0])[1]) for row in said}
                assert pages == {at // PAGE_SIZE + 1 for at in places}, offset
                tried, named = tried + len(places), named + len(pages)
                for at in places:
                    os.pwrite(file, store[at : at + 1], at)
            assert connection.execute("PRAGMA cipher_integrity_check").fetchall() == []
        finally:
            os.close(file)
    return tried, named


def flips_in_store(small, offsets, singles, draw, count):
    vault, _, store, _ = small
    assert fate(vault) == ""
    tried, named = one_in_every_page(vault, store, offsets, draw)
    assert tried == named
    count("flip", "bytes of vault.db changed: their page no longer authenticates", tried)
    for at in sorted({*range(SALT), *singles}):
        what = flip(vault, store, at, draw.randrange(1, 256))
        assert what, f"byte {at} was changed unnoticed"
        count("flip", f"bytes of vault.db changed, one at a time, the whole way: {what}", 1)
    count("flip", "bytes of vault.db that mean nothing", 0)
    versions.write_store(vault, store)


def test_a_changed_byte_of_the_store_is_refused_or_found(small, count):
    draw, size = random.Random(3), len(small[2])
    flips_in_store(small, draw.sample(range(PAGE_SIZE), 40), draw.sample(range(size), 120), draw, count)


@pytest.mark.prove
def test_every_changed_byte_of_the_store_is_refused_or_found(small, count):
    draw, size = random.Random(4), len(small[2])
    flips_in_store(small, range(PAGE_SIZE), draw.sample(range(size), 10_000), draw, count)


def test_what_is_added_or_cut_off_is_refused_or_found(small, count):
    vault, _, store, _ = small
    last, draw = store[-PAGE_SIZE:], random.Random(5)
    ends = [b"\0", b"x", bytes(PAGE_SIZE), last, draw.randbytes(PAGE_SIZE), store, draw.randbytes(100_000)]
    lengths = [len(store) - cut for cut in (1, 2, 79, 80, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 3 * PAGE_SIZE)]
    for changed in [store + end for end in ends] + [store[:length] for length in (*lengths, PAGE_SIZE, 1, 0)]:
        versions.write_store(vault, changed)
        what = fate(vault)
        assert what, f"{len(changed)} bytes instead of {len(store)} passed"
        count("flip", f"bytes added to vault.db or cut off: {what}", 1)


def test_whole_pages_that_change_places_are_refused_or_found(small, count):
    vault, _, store, _ = small
    pages = [store[at : at + PAGE_SIZE] for at in range(0, len(store), PAGE_SIZE)]
    draw = random.Random(6)
    for _ in range(25):
        one, other = draw.sample(range(len(pages)), 2)
        mixed = list(pages)
        mixed[one], mixed[other] = mixed[other], mixed[one]
        versions.write_store(vault, b"".join(mixed))
        what = fate(vault)
        assert what
        count("flip", f"pages of vault.db exchanged: {what}", 1)


# -- the key file ---------------------------------------------------------------------------------------------------


def opened_by_shares(data: bytes, shares) -> keys.OpenKeys:
    """Open a key file the way that costs no derivation; copies are chosen and judged as for a passphrase."""
    return keys.recover_keys(data, recovery.combine(shares[:2]))


def flips_in_keys(small, offsets, healed, draw, count):
    vault, shares, _, whole = small
    secret = recovery.combine(shares[:2])
    key = opened_by_shares(whole, shares).vault_key.reveal()
    for at in offsets:
        by = draw.randrange(1, 256)
        for copy in (0, 1):
            changed = bytearray(whole)
            changed[copy * COPY + at] ^= by
            opened = keys.recover_keys(bytes(changed), secret)
            assert (opened.vault_key.reveal(), opened.damaged_copy, opened.encoded) == (key, copy + 1, whole)
        changed = bytearray(whole)
        changed[at] ^= by
        changed[COPY + at] ^= by
        with pytest.raises((UnlockError, DamagedError, FormatError)):
            keys.recover_keys(bytes(changed), secret)
        if at < COPY - 32:
            # A checksum is no secret: whoever changes a byte makes it anew.
            part = bytes(changed[: COPY - 32])
            with pytest.raises(VaultError):
                keys.recover_keys((part + sha256(part)) * 2, secret)
            count("flip", "bytes of vault.keys changed in both copies, the checksums made anew: refused", 1)
        count("flip", "bytes of vault.keys changed in one copy: opened by the other", 2)
        count("flip", "bytes of vault.keys changed in both copies: refused", 1)
    for at in healed:
        changed = bytearray(whole)
        changed[at] ^= draw.randrange(1, 256)
        (vault.folder / "vault.keys").write_bytes(changed)
        one = api.setup.open_with(vault.folder, keys.recover_keys(bytes(changed), secret))
        codes = [finding.code for finding in api.checking.check(one, [], versions.Job()).report.findings]
        one.close()
        assert codes == ["key-copy"]
        assert (vault.folder / "vault.keys").read_bytes() == whole
        count("flip", "bytes of vault.keys changed on the disk: healed at the opening and said by check", 1)
    count("flip", "bytes of vault.keys that mean nothing", 0)


def test_a_changed_byte_of_the_keys_is_healed_or_refused(small, count):
    draw = random.Random(7)
    flips_in_keys(small, draw.sample(range(COPY), 150), draw.sample(range(2 * COPY), 20), draw, count)


@pytest.mark.prove
def test_every_changed_byte_of_the_keys_is_healed_or_refused(small, count):
    draw = random.Random(8)
    flips_in_keys(small, range(COPY), draw.sample(range(2 * COPY), 2000), draw, count)


def test_a_byte_that_is_changed_while_the_vault_is_open_is_found(small):
    """The key file lies there all the time, and so does the store: `check` reads both from the disk."""
    vault, _, store, whole = small
    draw = random.Random(9)
    one = reopen(vault)
    changed = bytearray(whole)
    changed[draw.randrange(2 * COPY)] ^= 1
    (vault.folder / "vault.keys").write_bytes(changed)
    assert not api.checking.check(one, [], versions.Job()).report.ok
    (vault.folder / "vault.keys").write_bytes(whole)
    assert api.checking.check(one, [], versions.Job()).report.ok
    at = draw.randrange(PAGE_SIZE, len(store))
    # Its own process keeps the lock of the store: no handle of this one may be closed.
    file = os.open(vault.folder / "vault.db", os.O_RDWR)
    os.pwrite(file, bytes([store[at] ^ 1]), at)
    assert not api.checking.check(one, [], versions.Job()).report.ok
    one.close()
    os.close(file)


# -- control --------------------------------------------------------------------------------------------------------


def test_without_authentication_changed_bytes_pass(small, monkeypatch):
    """With the test of the pages switched off, most changes of a byte go unnoticed where they are not read."""
    vault, _, store, _ = small
    monkeypatch.setattr("vault.store.integrity._pages", lambda connection: None)
    monkeypatch.setattr("vault.store.integrity._structure", lambda connection: None)
    owner = versions.tables_of(vault, store)
    unread = [number for number, name in owner.items() if name in ("draft", "setting", "search_text")]
    assert "" in [flip(vault, store, (number - 1) * PAGE_SIZE + 5000, 1) for number in unread]
