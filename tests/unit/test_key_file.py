"""The key file's bytes: one encoding, strict reading, and the document's worked example read without our code."""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from argon2.low_level import Type, hash_secret_raw
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt

from vault import keys
from vault.crypto import kem
from vault.errors import FormatError, IntegrityError, RefusedError, UnsupportedVersionError
from vault.formats import key_file
from vault.formats.key_file import Cost, Header, PassphraseSlot, RecoverySlot
from vault.model import Secret

DOCUMENT = Path(__file__).parents[2] / "docs" / "formats" / "key-file.md"


def blocks() -> dict[str, bytes]:
    found = re.findall(r"^([^\n`]+)\n```hex\n([0-9a-f\n]+)```", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: bytes.fromhex(digits) for name, digits in found}


def example_file() -> bytes:
    """Puts the document's file together from its blocks, by its offsets."""
    example = blocks()
    copy = bytearray(16384)
    for offset, content in (
        (0, example["body start"]),
        (48, example["passphrase slot"]),
        (165, example["recovery slot start"]),
        (182, kem.hybrid_public(example["seed"])),
        (1398, example["sealed key"]),
        (16288, example["MAC"]),
        (16352, example["checksum"]),
    ):
        copy[offset : offset + len(content)] = content
    return bytes(copy) * 2


EXAMPLE = example_file()[: key_file.COPY_SIZE]


def with_checksum(copy: bytes) -> bytes:
    return copy[:-32] + hashlib.sha256(copy[:-32]).digest()


def changed(offset: int, content: bytes, copy: bytes = EXAMPLE) -> bytes:
    return with_checksum(copy[:offset] + content + copy[offset + len(content) :])


def hkdf(key: bytes, label: str) -> bytes:
    extracted = hmac.digest(bytes(32), key, "sha256")
    return hmac.digest(extracted, label.encode() + b"\x01", "sha256")


class TestWorkedExample:
    def test_a_reader_of_forty_lines_written_from_the_document_gets_the_vault_key(self):
        example = blocks()
        data = example_file()
        assert hashlib.sha256(data).digest() == example["file digest"]
        copy = data[:16384]
        assert copy[:12] == b"evault-keys\n"
        version, sequence, vault_id, generation, count, slots = struct.unpack(">IQ16sIBB", copy[12:46])
        assert (version, sequence, generation, count, slots) == (1, 2, 1, 1, 2)
        assert vault_id == example["vault id"]
        assert hashlib.sha256(copy[:16352]).digest() == copy[16352:]
        slot = copy[48:165]
        passes, memory, lanes, salt = struct.unpack(">III16s", slot[17:45])
        derived = hash_secret_raw(example["passphrase"], salt, passes, memory, lanes, 32, Type.ID)
        assert derived == example["argon2id output"]
        wrapping_key = hkdf(derived, "evidence-vault/v1/slot-wrapping")
        assert wrapping_key == example["wrapping key"]
        context = copy[:16] + vault_id + slot[:45] + struct.pack(">I", generation)
        assert context == example["passphrase slot context"]
        assert slot[45:] == example["wrapped key"]
        vault_key = crypto_aead_xchacha20poly1305_ietf_decrypt(slot[69:], context, slot[45:69], wrapping_key)
        assert vault_key == example["vault key"]
        mac_key = hkdf(vault_key, "evidence-vault/v1/key-file-header-mac")
        assert mac_key == example["MAC key"]
        assert hmac.digest(mac_key, copy[:16288], "sha256") == copy[16288:16320] == example["MAC"]
        assert hkdf(vault_key, "evidence-vault/v1/store") == example["store key"]

    def test_the_recovery_slot_opens_as_the_document_says(self):
        example = blocks()
        copy = example_file()[:16384]
        public_key, sealed = copy[182:1398], copy[1398:2566]
        assert hashlib.sha256(public_key).digest() == example["public key digest"]
        info = b"evidence-vault/v1/recovery-slot" + copy[:16] + copy[24:40] + copy[165:1398] + struct.pack(">I", 1)
        assert hashlib.sha256(info).digest() == example["recovery info digest"]
        opened = kem.hybrid_open(example["seed"], sealed[:1120], sealed[1120:], info, "example")
        assert opened == example["vault key"]

    def test_our_program_opens_it_both_ways(self):
        example = blocks()
        by_passphrase = keys.unlock_keys(example_file(), Secret("café by the river".encode()))
        by_shares = keys.recover_keys(example_file(), Secret(example["seed"]))
        assert by_passphrase.vault_key.reveal() == by_shares.vault_key.reveal() == example["vault key"]
        assert by_passphrase.encoded == by_shares.encoded == example_file()
        assert keys.store_key(by_passphrase.vault_key).reveal() == example["store key"]


class TestDamage:
    def test_every_changed_byte_of_a_copy_is_noticed(self):
        for offset in range(key_file.COPY_SIZE):
            damaged = bytearray(EXAMPLE)
            damaged[offset] ^= 1 << offset % 8
            with pytest.raises((FormatError, IntegrityError)):
                key_file.decode_copy(bytes(damaged))

    @pytest.mark.parametrize("size", [0, 1, 15, 16, 100, 16383])
    def test_every_truncation_is_noticed(self, size):
        with pytest.raises((FormatError, IntegrityError)):
            key_file.decode_copy(EXAMPLE[:size])

    def test_one_byte_more_is_noticed(self):
        with pytest.raises(IntegrityError):
            key_file.decode_copy(EXAMPLE + b"\0")


class TestRules:
    """Each rule is broken under a checksum that matches."""

    def test_the_example_keeps_every_rule(self):
        assert key_file.encode_copy(key_file.decode_copy(with_checksum(EXAMPLE))) == EXAMPLE

    @pytest.mark.parametrize(
        ("offset", "content"),
        [
            pytest.param(0, b"evault-keys\r", id="magic"),
            pytest.param(16, bytes(8), id="sequence 0"),
            pytest.param(16, b"\x80" + bytes(7), id="sequence 2^63"),
            pytest.param(40, bytes(4), id="generation 0"),
            pytest.param(44, b"\0", id="no key"),
            pytest.param(44, b"\2", id="two keys of generation 1"),
            pytest.param(44, b"\3", id="three keys"),
            pytest.param(45, b"\0", id="no slot"),
            pytest.param(45, b"\1", id="a slot too few, so bytes behind the last"),
            pytest.param(45, b"\3", id="three slots"),
            pytest.param(46, b"\1", id="reserved"),
            pytest.param(47, b"\1", id="reserved, second byte"),
            pytest.param(48, b"\2", id="recovery slot first"),
            pytest.param(165, b"\1", id="two passphrase slots"),
            pytest.param(65, struct.pack(">I", 2), id="passes under the floor"),
            pytest.param(65, struct.pack(">I", 17), id="passes over the ceiling"),
            pytest.param(69, struct.pack(">I", 65535), id="memory under the floor"),
            pytest.param(69, struct.pack(">I", 2097153), id="memory over the ceiling"),
            pytest.param(73, struct.pack(">I", 3), id="lanes under the floor"),
            pytest.param(73, struct.pack(">I", 17), id="lanes over the ceiling"),
            pytest.param(2566, b"\1", id="a byte behind the slots"),
            pytest.param(16287, b"\1", id="the last byte of the padding"),
            pytest.param(16320, b"\1", id="a second MAC with one key"),
        ],
    )
    def test_a_broken_rule_is_refused(self, offset, content):
        with pytest.raises(FormatError):
            key_file.decode_copy(changed(offset, content))

    @pytest.mark.parametrize(
        ("offset", "content"),
        [(12, struct.pack(">I", 0)), (12, struct.pack(">I", 2)), (48, b"\3"), (165, b"\0"), (165, b"\3")],
    )
    def test_an_unknown_version_or_slot_type_is_named(self, offset, content):
        with pytest.raises(UnsupportedVersionError):
            key_file.decode_copy(changed(offset, content))

    def test_the_version_is_looked_at_before_the_checksum(self):
        with pytest.raises(UnsupportedVersionError):
            key_file.decode_copy(EXAMPLE[:15] + b"\2" + EXAMPLE[16:2000])

    def test_bounds_themselves_are_accepted(self):
        for cost in (Cost(3, 65536, 4), Cost(16, 2097152, 16)):
            packed = struct.pack(">III", cost.passes, cost.memory_kib, cost.lanes)
            assert key_file.decode_copy(changed(65, packed)).passphrase.cost == cost

    @pytest.mark.parametrize("numbers", [(2, 65536, 4), (3, 65535, 4), (3, 65536, 3), (17, 65536, 4), (3, 2097153, 4)])
    def test_a_cost_outside_the_bounds_cannot_be_made(self, numbers):
        with pytest.raises(RefusedError):
            Cost(*numbers)


@st.composite
def headers(draw: st.DrawFn) -> Header:
    count = draw(st.integers(1, 2))

    def parts(size: int) -> tuple[bytes, ...]:
        seeds = [draw(st.binary(min_size=1, max_size=8)) for _ in range(count)]
        return tuple(hashlib.shake_256(seed).digest(size) for seed in seeds)

    cost = Cost(draw(st.integers(3, 16)), draw(st.integers(65536, 2097152)), draw(st.integers(4, 16)))
    id_ = st.binary(min_size=16, max_size=16)
    passphrase = PassphraseSlot(draw(id_), cost, draw(id_), parts(72))
    recovery = None
    if draw(st.booleans()):
        recovery = RecoverySlot(draw(id_), hashlib.shake_256(draw(id_)).digest(1216), parts(1168))
    return Header(
        draw(id_).hex(),
        draw(st.integers(1, 2**63 - 1)),
        draw(st.integers(count, 2**32 - 1)),
        passphrase,
        recovery,
        parts(32),
    )


class TestOneEncoding:
    @settings(deadline=None, max_examples=150)
    @given(headers())
    def test_what_is_written_is_read_back(self, header):
        encoded = key_file.encode_copy(header)
        assert len(encoded) == key_file.COPY_SIZE
        assert key_file.decode_copy(encoded) == header

    @settings(deadline=None, max_examples=300)
    @given(headers(), st.integers(0, 5200), st.binary(min_size=1, max_size=4))
    def test_what_is_accepted_is_written_the_same(self, header, offset, content):
        """Changes anywhere, under a checksum that matches, are refused or carried through."""
        offset = offset if offset < 4000 else offset - 4000 + 15150
        data = changed(offset, content[: 16352 - offset], key_file.encode_copy(header))
        try:
            decoded = key_file.decode_copy(data)
        except (FormatError, IntegrityError):
            return
        assert key_file.encode_copy(decoded) == data

    @settings(deadline=None, max_examples=200)
    @given(st.binary(max_size=300), st.booleans())
    def test_garbage_raises_only_our_errors(self, garbage, dressed):
        data = (
            with_checksum((key_file.MAGIC + bytes([0, 0, 0, 1]) + garbage).ljust(16384, b"\0")) if dressed else garbage
        )
        try:
            decoded = key_file.decode_copy(data)
        except (FormatError, IntegrityError):
            return
        assert key_file.encode_copy(decoded) == data

    def test_a_header_that_could_not_be_read_back_is_not_written(self):
        good = key_file.decode_copy(EXAMPLE)
        for bad in (
            replace(good, sequence=0),
            replace(good, sequence=2**64),
            replace(good, vault_id=good.vault_id.upper()),
            replace(good, macs=()),
            replace(good, macs=good.macs * 2),
            replace(good, passphrase=replace(good.passphrase, salt=b"short")),
            replace(good, passphrase=replace(good.passphrase, wrapped=good.passphrase.wrapped * 2)),
        ):
            with pytest.raises(ValueError):
                key_file.encode_copy(bad)
