"""The Merkle tree against a naive reading of RFC 9162 §2.1 and against the known roots of the eight-leaf test tree."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.crypto.hashes import sha256
from vault.errors import IntegrityError
from vault.formats import merkle

UP_TO = 130
LEAVES = [merkle.leaf_hash(number.to_bytes(2, "big")) for number in range(UP_TO)]

# Inputs and roots that the implementations of RFC 6962 have shared as a test since Certificate Transparency began.
KNOWN_INPUTS = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
KNOWN_ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def naive_root(leaves):
    """MTH of RFC 9162 §2.1.1, word by word."""
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = 2 ** (math.ceil(math.log2(len(leaves))) - 1)
    return sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:]))


def naive_path(m, leaves):
    """PATH of §2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = 2 ** (math.ceil(math.log2(len(leaves))) - 1)
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_proof(m, leaves, whole=True):
    """SUBPROOF of §2.1.4.1."""
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = 2 ** (math.ceil(math.log2(len(leaves))) - 1)
    if m <= k:
        return [*naive_proof(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_proof(m - k, leaves[k:], False), naive_root(leaves[:k])]


class Store:
    """Nodes as a database would keep them, with a count of what is asked for; a node is written once."""

    def __init__(self, leaves):
        self.nodes = {}
        self.asked = 0
        for size, leaf in enumerate(leaves):
            for level, index, value in merkle.append(size, leaf, self.node):
                assert (level, index) not in self.nodes
                self.nodes[level, index] = value

    def node(self, level, index):
        self.asked += 1
        return self.nodes[level, index]


STORE = Store(LEAVES)
ROOTS = [naive_root(LEAVES[:size]) for size in range(UP_TO + 1)]


def test_known_roots_of_the_eight_leaf_tree():
    store = Store([merkle.leaf_hash(bytes.fromhex(text)) for text in KNOWN_INPUTS])
    assert {size: merkle.root(size, store.node).hex() for size in KNOWN_ROOTS} == KNOWN_ROOTS
    assert merkle.empty_root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_every_root_up_to_130_equals_the_naive_one():
    assert [merkle.root(size, STORE.node) for size in range(UP_TO + 1)] == ROOTS


def test_every_stored_node_is_the_root_of_its_complete_subtree():
    for (level, index), value in STORE.nodes.items():
        assert value == naive_root(LEAVES[index << level : (index + 1) << level])
    assert len(STORE.nodes) == sum(UP_TO >> level for level in range(8))


def test_every_inclusion_proof_up_to_130_equals_the_naive_one_and_verifies():
    for size in range(1, UP_TO + 1):
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, STORE.node)
            merkle.verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])
            if size % 13 in (0, 1) or size < 20:  # the naive path is cubic
                assert list(proof) == naive_path(index, LEAVES[:size])


def test_every_consistency_proof_up_to_130_equals_the_naive_one_and_verifies():
    for new in range(1, UP_TO + 1):
        for old in range(1, new + 1):
            proof = merkle.consistency_proof(old, new, STORE.node)
            merkle.verify_consistency(old, new, ROOTS[old], ROOTS[new], proof)
            if new % 13 in (0, 1) or new < 20:
                assert list(proof) == naive_proof(old, LEAVES[:new])


def test_an_inclusion_proof_holds_for_its_own_place_and_size_only():
    for size in range(1, 20):
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, STORE.node)
            for other in range(size + 2):
                if other != index:
                    with pytest.raises(IntegrityError):
                        merkle.verify_inclusion(LEAVES[index], other, size, proof, ROOTS[size])
            with pytest.raises(IntegrityError):
                merkle.verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size + 1])


def test_an_altered_inclusion_proof_is_refused():
    for size in (1, 2, 3, 7, 8, 9, 100, 130):
        for index in {0, size // 2, size - 1}:
            proof = merkle.inclusion_proof(index, size, STORE.node)
            for bad in alterations(proof):
                with pytest.raises(IntegrityError):
                    merkle.verify_inclusion(LEAVES[index], index, size, bad, ROOTS[size])


def test_an_altered_consistency_proof_is_refused():
    for new in (2, 3, 7, 8, 9, 100, 130):
        for old in {1, new // 2, new - 1, new}:
            proof = merkle.consistency_proof(old, new, STORE.node)
            for bad in alterations(proof):
                with pytest.raises(IntegrityError):
                    merkle.verify_consistency(old, new, ROOTS[old], ROOTS[new], bad)


def alterations(proof):
    yield (*proof, LEAVES[0])
    yield (LEAVES[0], *proof)
    for at, value in enumerate(proof):
        yield (*proof[:at], bytes([value[0] ^ 1]) + value[1:], *proof[at + 1 :])
        yield (*proof[:at], value[:31], *proof[at + 1 :])
        yield (*proof[:at], *proof[at + 1 :])


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [(0, 0, "sizes"), (0, 5, "sizes"), (-1, 5, "sizes"), (6, 5, "sizes"), (1, 2**53, "sizes"), (4, 4, "different")],
)
def test_sizes_without_a_meaningful_consistency_proof_are_refused(old, new, reason):
    with pytest.raises(IntegrityError, match=reason):
        merkle.verify_consistency(old, new, ROOTS[4], ROOTS[5], ())


def test_an_old_root_that_is_a_power_of_two_is_still_compared():
    """For sizes 1, 2, 4 … the proof starts from the old root itself; another root of that size must fail."""
    proof = merkle.consistency_proof(4, 7, STORE.node)
    with pytest.raises(IntegrityError):
        merkle.verify_consistency(4, 7, naive_root(LEAVES[1:5]), ROOTS[7], proof)


def test_other_roots_are_refused_for_every_pair_of_sizes():
    for new in range(2, 20):
        for old in range(1, new):
            proof = merkle.consistency_proof(old, new, STORE.node)
            with pytest.raises(IntegrityError):
                merkle.verify_consistency(old, new, ROOTS[old + 1], ROOTS[new], proof)
            with pytest.raises(IntegrityError):
                merkle.verify_consistency(old, new, ROOTS[old], ROOTS[new + 1], proof)


def test_a_proof_that_goes_on_above_the_root_is_refused_although_its_hashes_fit():
    above = LEAVES[9]
    for size in range(1, 10):
        root = merkle.node_hash(above, ROOTS[size])
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, STORE.node)
            with pytest.raises(IntegrityError, match="too long"):
                merkle.verify_inclusion(LEAVES[index], index, size, (*proof, above), root)
    old_root, new_root = merkle.node_hash(above, ROOTS[3]), merkle.node_hash(above, ROOTS[7])
    proof = merkle.consistency_proof(3, 7, STORE.node)
    with pytest.raises(IntegrityError, match="too long"):
        merkle.verify_consistency(3, 7, old_root, new_root, (*proof, above))


def test_a_hash_of_another_length_is_named_as_such():
    proof = merkle.inclusion_proof(2, 7, STORE.node)
    for leaf, path, root in (
        (LEAVES[2][:31], proof, ROOTS[7]),
        (LEAVES[2], (proof[0] + b"x", *proof[1:]), ROOTS[7]),
        (LEAVES[2], proof, ROOTS[7] + b"x"),
    ):
        with pytest.raises(IntegrityError, match="length"):
            merkle.verify_inclusion(leaf, 2, 7, path, root)


@pytest.mark.parametrize("index", [-1, 5, 6, 2**53])
def test_a_claimed_place_outside_the_tree_is_refused(index):
    with pytest.raises(IntegrityError, match="no such place"):
        merkle.verify_inclusion(LEAVES[0], index, 5, (), ROOTS[5])


def test_our_own_wrong_questions_are_programming_errors():
    for question in (
        lambda: merkle.root(-1, STORE.node),
        lambda: merkle.inclusion_proof(5, 5, STORE.node),
        lambda: merkle.inclusion_proof(-1, 5, STORE.node),
        lambda: merkle.append(5, b"short", STORE.node),
        lambda: merkle.append(-1, LEAVES[0], STORE.node),
    ):
        with pytest.raises(ValueError):
            question()


@pytest.mark.parametrize("old, new", [(-1, 5), (0, 5), (6, 5)])
def test_a_consistency_proof_of_impossible_sizes_is_a_programming_error(old, new):
    with pytest.raises(ValueError, match="no consistency proof between these sizes"):
        merkle.consistency_proof(old, new, STORE.node)


def test_the_work_grows_with_the_logarithm():
    """A million leaves: no more nodes are asked for than the tree has levels, times two for a proof."""
    asked = []

    def node(level, index):
        asked.append((level, index))
        assert (index + 1) << level <= 1_000_000, "only complete subtrees exist"
        return sha256(bytes([level]) + index.to_bytes(4, "big"))

    for work, most in (
        (lambda: merkle.append(999_999, LEAVES[0], node), 20),
        (lambda: merkle.root(1_000_000, node), 20),
        (lambda: merkle.inclusion_proof(0, 1_000_000, node), 40),
        (lambda: merkle.inclusion_proof(999_999, 1_000_000, node), 40),
        (lambda: merkle.consistency_proof(524_287, 1_000_000, node), 40),
    ):
        asked.clear()
        work()
        assert len(asked) <= most


def test_the_frontier_recomputes_the_same_nodes_and_roots():
    frontier = merkle.Frontier()
    assert frontier.root() == merkle.empty_root()
    made = {}
    for size, leaf in enumerate(LEAVES, 1):
        made.update({(level, index): value for level, index, value in frontier.append(leaf)})
        assert frontier.size == size
        assert frontier.root() == ROOTS[size]
    assert made == STORE.nodes


@given(
    st.integers(-2, 300), st.integers(-2, 300), st.lists(st.binary(min_size=31, max_size=33), max_size=70), st.binary()
)
def test_garbage_is_only_ever_an_integrity_error(first, second, proof, value):
    with pytest.raises(IntegrityError):
        merkle.verify_inclusion(LEAVES[0], first, second, proof, value)
    with pytest.raises(IntegrityError):
        merkle.verify_consistency(first, second, value, LEAVES[0], proof)
