"""The Merkle tree of a log: hashes, appending, proofs and their verification (RFC 9162 §2.1, the tree of RFC 6962).

It holds no tree. Whoever stores one hands in `node(level, index)`: the hash over the complete subtree of the leaves
`index * 2^level` up to, not including, `(index + 1) * 2^level`; level 0 are the leaf hashes. Complete subtrees never
change again, so appending only ever adds nodes, and every function here asks for O(log size) of them.

A consistency proof from size 0 is refused: it would prove nothing, and reading it as success invites mistakes.
Positions that do not exist are `ValueError` where our own code asks, `IntegrityError` where a proof claims them.
Bytes as docs/formats/custody-log.md §3 has them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vault.crypto.hashes import equal, sha256
from vault.errors import IntegrityError

HASH_SIZE = 32
MAX_SIZE = 2**53 - 1
"""Most leaves of a log: what a JSON number holds exactly."""

Node = Callable[[int, int], bytes]
"""`node(level, index)` returns the stored hash, 32 bytes, of a complete subtree."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf, 32 bytes: SHA-256 of 0x00 and the entry (§2.1.1)."""
    return sha256(b"\x00" + entry)


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash over two subtrees, 32 bytes: SHA-256 of 0x01 and both hashes (§2.1.1)."""
    return sha256(b"\x01" + left + right)


def empty_root() -> bytes:
    """Return the root of a tree without leaves: SHA-256 of nothing (§2.1.1)."""
    return sha256(b"")


def append(size: int, leaf: bytes, node: Node) -> list[tuple[int, int, bytes]]:
    """Return the nodes that a new leaf completes.

    Args:
        size: Leaves in the tree before.
        leaf: The hash of the new leaf, as `leaf_hash` gives it.
        node: The tree before; asked only for left siblings of what is returned.

    Returns:
        (level, index, hash), levels upwards from (0, size, leaf): what the caller has to store.
    """
    if not 0 <= size < MAX_SIZE or len(leaf) != HASH_SIZE:
        raise ValueError("not a place or a hash of a leaf")
    made = [(0, size, leaf)]
    level, index, value = 0, size, leaf
    while index & 1:
        value = node_hash(node(level, index - 1), value)
        level, index = level + 1, index >> 1
        made.append((level, index, value))
    return made


def root(size: int, node: Node) -> bytes:
    """Return the root hash of the first `size` leaves, 32 bytes."""
    _check_size(size)
    return _subtree(0, size, node) if size else empty_root()


def inclusion_proof(index: int, size: int, node: Node) -> tuple[bytes, ...]:
    """Return the audit path of leaf `index` in the tree of the first `size` leaves, leaf side first (§2.1.3.1)."""
    _check_size(size)
    if not 0 <= index < size:
        raise ValueError("no such leaf")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_subtree(middle, end, node))
            end = middle
        else:
            path.append(_subtree(start, middle, node))
            start = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, node: Node) -> tuple[bytes, ...]:
    """Return the proof that the first `old` leaves are the same in the tree of `new` leaves (§2.1.4.1).

    It is empty for `old == new`; `old == 0` is a `ValueError`.
    """
    _check_size(new)
    if not 0 < old <= new:
        raise ValueError("no consistency proof between these sizes")
    path: list[bytes] = []
    start, end = 0, new
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_subtree(middle, end, node))
            end = middle
        else:
            path.append(_subtree(start, middle, node))
            start = middle
    if start:  # otherwise the verifier knows this hash: it is the old root
        path.append(_subtree(start, end, node))
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Verify that a leaf is in the tree (§2.1.3.2).

    Args:
        leaf: The leaf's hash, 32 bytes.
        index: Its claimed place, from 0.
        size: Leaves of the tree.
        proof: The audit path, leaf side first.
        root: The root hash that somebody signed.

    Raises:
        IntegrityError: The proof does not show it.
    """
    where = "inclusion proof"
    _check_hashes(where, leaf, root, *proof)
    if not 0 <= index < size <= MAX_SIZE:
        raise IntegrityError(where, "no such place in a tree of this size")
    place, last, value = index, size - 1, leaf
    for sibling in proof:
        if not last:
            raise IntegrityError(where, "the proof is too long")
        if place & 1 or place == last:
            value = node_hash(sibling, value)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise IntegrityError(where, "the proof is too short")
    if not equal(value, root):
        raise IntegrityError(where, "the leaf is not in this tree")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Verify that a tree grew from an older one without changing it (§2.1.4.2).

    Args:
        old: Leaves of the older tree, at least 1.
        new: Leaves of the newer tree, at least `old`.
        old_root: Root hash of the older tree.
        new_root: Root hash of the newer tree.
        proof: As `consistency_proof` makes it; empty exactly when the sizes are equal.

    Raises:
        IntegrityError: The proof does not show it.
    """
    where = "consistency proof"
    _check_hashes(where, old_root, new_root, *proof)
    if not 0 < old <= new <= MAX_SIZE:
        raise IntegrityError(where, "the sizes do not allow a proof")
    if old == new:
        if proof or not equal(old_root, new_root):
            raise IntegrityError(where, "two different trees of one size")
        return
    if not proof:
        raise IntegrityError(where, "the proof is too short")
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if not last:
            raise IntegrityError(where, "the proof is too long")
        if place & 1 or place == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise IntegrityError(where, "the proof is too short")
    if not (equal(first, old_root) and equal(second, new_root)):
        raise IntegrityError(where, "the newer tree did not grow from the older one")


class Frontier:
    """The right edge of a growing tree in memory: recomputes a whole log in one pass with O(log size) hashes kept."""

    def __init__(self) -> None:
        self._size = 0
        self._edge: dict[int, bytes] = {}

    @property
    def size(self) -> int:
        """Leaves taken in so far."""
        return self._size

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Take in the next leaf hash; returns the nodes that it completes, as the function `append` does."""
        made = append(self._size, leaf, self._node)
        level, _, value = made[-1]
        self._edge[level] = value
        self._size += 1
        return made

    def root(self) -> bytes:
        """Return the root hash of all leaves so far."""
        return root(self._size, self._node)

    def _node(self, level: int, index: int) -> bytes:
        # Only left siblings of the edge are ever asked for, and there is one of them on each level.
        return self._edge[level]


def _split(width: int) -> int:
    """The largest power of two smaller than `width` (§2.1.1)."""
    return 1 << ((width - 1).bit_length() - 1)


def _subtree(start: int, end: int, node: Node) -> bytes:
    """The hash over the leaves from `start` to before `end`, where `start` is what `_split` led to."""
    pieces: list[bytes] = []
    while start < end:
        # The largest complete subtree that begins here: `start` is a multiple of each power of two in `end - start`.
        level = (end - start).bit_length() - 1
        pieces.append(node(level, start >> level))
        start += 1 << level
    value = pieces.pop()
    while pieces:
        value = node_hash(pieces.pop(), value)
    return value


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise ValueError("not a size of a tree")


def _check_hashes(where: str, *hashes: bytes) -> None:
    if any(len(value) != HASH_SIZE for value in hashes):
        raise IntegrityError(where, "a hash of the wrong length")
