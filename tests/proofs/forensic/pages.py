"""Which table or index each page of a store belongs to, read from the decrypted file as `docs/formats/store.md` says.

For tests only, and apart from SQLite: the format is that of <https://www.sqlite.org/fileformat.html>.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from vault import keys
from vault.store.database import PAGE_SIZE

_RESERVED = 80
_USABLE = PAGE_SIZE - _RESERVED
FREE, MAP = "free page", "map of pages"


def decrypted(opened: keys.OpenKeys, store: bytes) -> list[bytes]:
    """Return the pages of a store in clear; the salt at the start of the first one is left as it is."""
    key, found = keys.store_key(opened.vault_key).reveal(), []
    for start in range(0, len(store), PAGE_SIZE):
        page = store[start : start + PAGE_SIZE]
        first = 16 if start == 0 else 0
        cipher = Cipher(algorithms.AES(key), modes.CBC(page[-48:-32])).decryptor()
        found.append(page[:first] + cipher.update(page[first:-48]))
    return found


def owners(opened: keys.OpenKeys, store: bytes, roots: dict[int, str]) -> dict[int, str]:
    """Return page number → name of what it belongs to.

    Args:
        opened: The keys of the store.
        store: Its bytes.
        roots: Root page → name of the table; an index counts as its table.
    """
    pages = decrypted(opened, store)
    found = dict.fromkeys(_free(pages), FREE)
    found |= dict.fromkeys(range(2, len(pages) + 1, _USABLE // 5 + 1), MAP)
    for root, name in roots.items():
        found |= dict.fromkeys(_tree(pages, root), name)
    return found


def _free(pages: list[bytes]) -> Iterator[int]:
    (trunk,) = struct.unpack_from(">I", pages[0], 32)
    while trunk:
        yield trunk
        following, count = struct.unpack_from(">II", pages[trunk - 1])
        yield from struct.unpack_from(f">{count}I", pages[trunk - 1], 8)
        trunk = following


def _tree(pages: list[bytes], number: int) -> Iterator[int]:
    page, start = pages[number - 1], 100 if number == 1 else 0
    yield number
    kind = page[start]
    interior = kind in (2, 5)
    (count,) = struct.unpack_from(">H", page, start + 3)
    for (at,) in struct.iter_unpack(">H", page[start + (12 if interior else 8) :][: 2 * count]):
        if interior:
            yield from _tree(pages, struct.unpack_from(">I", page, at)[0])
            at += 4
        if kind != 5:
            yield from _overflow(pages, page, at, leaf_of_table=kind == 13)
    if interior:
        yield from _tree(pages, struct.unpack_from(">I", page, start + 8)[0])


def _overflow(pages: list[bytes], page: bytes, at: int, *, leaf_of_table: bool) -> Iterator[int]:
    size, at = _varint(page, at)
    if leaf_of_table:
        _, at = _varint(page, at)
    least = (_USABLE - 12) * 32 // 255 - 23
    most = _USABLE - 35 if leaf_of_table else (_USABLE - 12) * 64 // 255 - 23
    if size <= most:
        return
    local = least + (size - least) % (_USABLE - 4)
    (following,) = struct.unpack_from(">I", page, at + (local if local <= most else least))
    while following:
        yield following
        (following,) = struct.unpack_from(">I", pages[following - 1])


def _varint(page: bytes, at: int) -> tuple[int, int]:
    value = 0
    for number in range(9):
        byte = page[at]
        at += 1
        if number == 8:
            return value << 8 | byte, at
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return value, at
