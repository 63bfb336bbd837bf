"""Log proofs: one spelling, and they hold for one entry, one place and one signer."""

import base64
import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.crypto import signing
from vault.errors import FormatError, IntegrityError, UnsupportedVersionError
from vault.formats import merkle
from vault.formats.checkpoint import Checkpoint, PaperHead, origin_of
from vault.formats.custody_entry import read_entry
from vault.formats.tlog_consistency import Continuation
from vault.formats.tlog_proof import MAX_EXTRA_SIZE, TlogProof, decode_extra, encode_extra

SEED = bytes(range(32))
KEY = signing.public_key(SEED)
OTHER_KEY = signing.public_key(bytes(32))
ORIGIN = origin_of("00112233445566778899aabbccddeeff", "0123456789abcdef0123456789abcdef")
ENTRIES = [b'{"number":%d}' % number for number in range(7)]

NODES = {}
for _size, _entry in enumerate(ENTRIES):
    for _level, _index, _hash in merkle.append(_size, merkle.leaf_hash(_entry), lambda *at: NODES[at]):
        NODES[_level, _index] = _hash


def node(level, index):
    return NODES[level, index]


NOTE = Checkpoint(ORIGIN, 7, merkle.root(7, node)).sign(KEY, lambda message: signing.sign(SEED, message))


def proof_of(index, extra=b""):
    return TlogProof(index, merkle.inclusion_proof(index, 7, node), NOTE, extra)


def test_every_entry_is_proved_and_no_other_in_its_place():
    for index, entry in enumerate(ENTRIES):
        proof = TlogProof.decode(proof_of(index).encode())
        assert proof.verify(entry, KEY).size == 7
        for other in ENTRIES[:index] + ENTRIES[index + 1 :]:
            with pytest.raises(IntegrityError):
                proof.verify(other, KEY)


def test_another_signer_is_refused():
    with pytest.raises(IntegrityError):
        proof_of(0).verify(ENTRIES[0], OTHER_KEY)


def test_the_layout_is_that_of_the_specification():
    lines = proof_of(5, b"more").encode().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra bW9yZQ==", "index 5"]
    assert [len(line) for line in lines[3:6]] == [44, 44, 44]
    assert lines[6] == ""
    assert "\n".join(lines[7:]) == NOTE
    assert "extra" not in proof_of(5).encode()


def test_every_changed_byte_is_refused():
    data = proof_of(5).encode().encode()
    for at in range(len(data)):
        for flip in (1, 0x20):
            changed = bytearray(data)
            changed[at] ^= flip
            try:
                text = changed.decode()
            except UnicodeDecodeError:
                continue
            with pytest.raises((FormatError, IntegrityError)):
                TlogProof.decode(text).verify(ENTRIES[5], KEY)


TEXT = proof_of(5, b"more").encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t + "\n",
        lambda t: t[:-1],
        lambda t: "\n" + t,
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t.replace("index 5", "index 05"),
        lambda t: t.replace("index 5", "index +5"),
        lambda t: t.replace("index 5", "index  5"),
        lambda t: t.replace("index 5", "index -5"),
        lambda t: t.replace("index 5", "index"),
        lambda t: t.replace("index 5\n", ""),
        lambda t: t.replace("index 5", "index 9007199254740991"),
        lambda t: t.replace("extra bW9yZQ==", "extra "),
        lambda t: t.replace("extra bW9yZQ==", "extra bW9yZR=="),
        lambda t: t.replace("extra bW9yZQ==", "extra bW9yZQ"),
        lambda t: t.replace("extra bW9yZQ==\n", "extra bW9yZQ==\nextra bW9yZQ==\n"),
        lambda t: t.replace("extra bW9yZQ==\nindex 5\n", "index 5\nextra bW9yZQ==\n"),
        lambda t: t.replace("\n\nevidence", "\nevidence"),
        lambda t: t.replace("\n\nevidence", "\n\n\nevidence"),
        lambda t: t.replace("index 5\n", "index 5\nAAAA\n"),
        lambda t: t.replace("index 5\n", "index 5\n" + "A" * 43 + "=\n" * 1 + ("A" * 43 + "=\n") * 60),
        lambda t: t.partition("\n\n")[0],
        lambda t: t.partition("\n\n")[0] + "\n\n",
        lambda t: t.replace("evidence-vault/", "elsewhere/"),
        lambda t: "",
    ],
)
def test_any_other_spelling_is_refused(change):
    changed = change(TEXT)
    assert changed != TEXT
    with pytest.raises(FormatError):
        TlogProof.decode(changed)


def test_another_version_is_named_as_such():
    with pytest.raises(UnsupportedVersionError):
        TlogProof.decode(TEXT.replace("@v1", "@v2"))


def test_what_cannot_be_in_a_proof_is_not_written():
    proof = proof_of(5)
    for bad in (
        replace(proof, index=-1),
        replace(proof, path=(b"short",)),
        replace(proof, path=(bytes(32),) * 54),
        replace(proof, extra=bytes(MAX_EXTRA_SIZE + 1)),
        replace(proof, checkpoint="nothing\n"),
    ):
        with pytest.raises(FormatError):
            bad.encode()


def test_the_longest_audit_path_is_read_back():
    longest = replace(proof_of(5), path=(bytes(32),) * 53)
    assert TlogProof.decode(longest.encode()) == longest


def test_a_whole_entry_travels_in_the_extra_data():
    extra = encode_extra(ENTRIES[5], ["WyJhIl0", "WyJiIl0"])
    assert extra == b'{"disclosures":["WyJhIl0","WyJiIl0"],"entry":"{\\"number\\":5}","format":"custody-proof/1"}'
    proof = TlogProof.decode(proof_of(5, extra).encode())
    entry, disclosures = decode_extra(proof.extra)
    proof.verify(entry, KEY)
    assert (entry, disclosures) == (ENTRIES[5], ("WyJhIl0", "WyJiIl0"))


@pytest.mark.parametrize(
    "extra",
    [
        b"",
        b"{}",
        b"[]",
        b"1",
        b"\xff",
        b'{"format":"custody-proof/1"}',
        b'{"disclosures":[],"entry":"","format":"custody-proof/1","more":1}',
        b'{"disclosures":[1],"entry":"","format":"custody-proof/1"}',
        b'{"disclosures":"","entry":"","format":"custody-proof/1"}',
        b'{"disclosures":[],"entry":1,"format":"custody-proof/1"}',
        b'{"disclosures":[],"entry":"","format":1}',
        b'{"disclosures":[], "entry":"","format":"custody-proof/1"}',
        b'{"disclosures":[%s],"entry":"","format":"custody-proof/1"}' % b",".join([b'""'] * 13),
        b" " * (MAX_EXTRA_SIZE + 1),
    ],
    ids=range(14),
)
def test_other_extra_data_is_refused(extra):
    with pytest.raises(FormatError):
        decode_extra(extra)


def test_extra_data_of_another_version_is_named_as_such():
    with pytest.raises(UnsupportedVersionError):
        decode_extra(b'{"disclosures":[],"entry":"","format":"custody-proof/2"}')


def test_extra_data_that_no_reader_would_take_is_not_written():
    for entry, disclosures in ((b"\xff", []), (b"", ["x"] * 13), (b"x" * MAX_EXTRA_SIZE, [])):
        with pytest.raises(FormatError):
            encode_extra(entry, disclosures)


@given(st.text(max_size=60), st.lists(st.text("abcXYZ09-_", max_size=20), max_size=12))
def test_extra_data_comes_back(entry, disclosures):
    extra = encode_extra(entry.encode(), disclosures)
    assert decode_extra(extra) == (entry.encode(), tuple(disclosures))


@given(st.binary(max_size=80))
def test_garbage_as_extra_data_is_only_ever_a_format_error(extra):
    with pytest.raises(FormatError):
        decode_extra(extra)


@given(st.integers(0, 2**53 - 2), st.lists(st.binary(min_size=32, max_size=32), max_size=53), st.binary(max_size=40))
def test_every_proof_comes_back(index, path, extra):
    proof = TlogProof(index, tuple(path), NOTE, extra)
    assert TlogProof.decode(proof.encode()) == proof


@given(
    st.one_of(
        st.text(max_size=60),
        st.builds(
            lambda head, blob, number, at: (
                f"c2sp.org/tlog-proof@v1\n{head}{base64.b64encode(blob).decode()}\nindex {number}\n{at}\n{NOTE}"
            ),
            st.sampled_from(["extra ", "", "Extra "]),
            st.binary(max_size=4),
            st.text("0123456789 ", max_size=18),
            st.sampled_from(["", "A" * 43 + "=\n", "A" * 42 + "==\n"]),
        ),
    )
)
def test_whatever_is_read_is_written_alike(text):
    with contextlib.suppress(FormatError):
        assert TlogProof.decode(text).encode() == text


def test_the_worked_example_of_the_document_holds():
    document = Path(__file__).parents[2] / "docs" / "formats" / "custody-log.md"
    blocks = document.read_text("utf-8").partition("## 9. Worked example")[2].split("```\n")[1::2]
    leaves, disclosures, plain, hashes, roots, continued, text = (block.splitlines() for block in blocks)
    frontier = merkle.Frontier()
    for leaf, hashed, root in zip(leaves, hashes, roots, strict=True):
        assert merkle.leaf_hash(leaf.encode()).hex() == hashed
        frontier.append(bytes.fromhex(hashed))
        assert frontier.root().hex() == root
    proof = TlogProof.decode("\n".join(text) + "\n")
    entry, disclosed = decode_extra(proof.extra)
    assert (entry.decode(), list(disclosed)) == (leaves[1], disclosures)
    assert [base64.urlsafe_b64decode(one + "=" * (-len(one) % 4)).decode() for one in disclosures] == plain
    assert proof.verify(entry, KEY).root.hex() == roots[2]
    view = read_entry(entry, disclosed)
    assert (view.number, view.event["type"]) == (proof.index, "ingestion")
    one, two, three = map(bytes.fromhex, (roots[1], roots[2], hashes[2]))
    merkle.verify_consistency(2, 3, one, two, [three])
    continuation = Continuation.decode("\n".join(continued) + "\n")
    assert (continuation.path, continuation.checkpoint) == ((three,), proof.checkpoint)
    continuation.verify(Checkpoint(ORIGIN, 2, one))
    on_paper = document.read_text("utf-8").partition("On paper, the newer checkpoint is\n\n    ")[2].partition("\n")[0]
    assert PaperHead.of(Checkpoint(ORIGIN, 3, bytes.fromhex(roots[2])), 1).encode() == on_paper
