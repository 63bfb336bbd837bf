"""Making, opening and changing the key file: passphrase, shares, rekey, damage and alteration."""

from __future__ import annotations

import dataclasses
import hashlib
import struct

import pytest

from vault import keys, recovery
from vault.crypto import kdf
from vault.errors import (
    DamagedError,
    FormatError,
    RefusedError,
    StorageError,
    UnlockError,
    UnsupportedVersionError,
)
from vault.formats import key_file
from vault.keys import FLOOR, OpenKeys
from vault.model import Secret

PASSPHRASE = Secret(b"tall green river walks home")
NEW = Secret(b"quiet stone under the old bridge")
WRONG = Secret(b"tall green river walks away")
COPY = key_file.COPY_SIZE


@pytest.fixture(scope="module")
def made() -> OpenKeys:
    return keys.create_keys(PASSPHRASE, FLOOR)


@pytest.fixture(scope="module")
def shares():
    return recovery.make_shares()


@pytest.fixture(scope="module")
def shared(made, shares) -> OpenKeys:
    return made.add_recovery(shares[0])


@pytest.fixture(scope="module")
def midway(shared) -> OpenKeys:
    return shared.begin_rekey(PASSPHRASE)


@pytest.fixture
def no_derivation(monkeypatch):
    def refuse(*_args: object, **_kwargs: object) -> bytes:
        raise AssertionError("a key was derived")

    monkeypatch.setattr(keys, "argon2id", refuse)


def flipped(data: bytes, offset: int) -> bytes:
    return data[:offset] + bytes([data[offset] ^ 0x10]) + data[offset + 1 :]


def altered(copy: bytes, offset: int) -> bytes:
    """Changes a byte and makes the checksum match, as somebody with ill intent would."""
    changed = flipped(copy, offset)[:-32]
    return changed + hashlib.sha256(changed).digest()


def same(left: Secret, right: Secret) -> bool:
    return left.reveal() == right.reveal()


class TestPassphrase:
    def test_opens_with_the_passphrase_and_gives_the_same_file(self, made):
        opened = keys.unlock_keys(made.encoded, PASSPHRASE)
        assert same(opened.vault_key, made.vault_key)
        assert opened.encoded == made.encoded
        assert (opened.generation, opened.older_key, opened.damaged_copy) == (1, None, None)

    def test_another_passphrase_is_an_unlock_error(self, made):
        with pytest.raises(UnlockError):
            keys.unlock_keys(made.encoded, WRONG)

    def test_a_change_keeps_the_keys_and_shuts_the_old_passphrase_out(self, shared, shares):
        changed = shared.change_passphrase(NEW, FLOOR)
        opened = keys.unlock_keys(changed.encoded, NEW)
        assert same(opened.vault_key, shared.vault_key)
        assert opened.header.passphrase.salt != shared.header.passphrase.salt
        assert opened.header.passphrase.id != shared.header.passphrase.id
        assert opened.header.sequence == shared.header.sequence + 1
        with pytest.raises(UnlockError):
            keys.unlock_keys(changed.encoded, PASSPHRASE)
        assert same(keys.recover_keys(changed.encoded, recovery.combine(shares[1])).vault_key, shared.vault_key)

    @pytest.mark.parametrize("content", [b"", b"x" * 1025])
    def test_an_empty_or_huge_passphrase_is_refused(self, content, made, no_derivation):
        for attempt in (
            lambda: keys.create_keys(Secret(content), FLOOR),
            lambda: keys.unlock_keys(made.encoded, Secret(content)),
            lambda: made.change_passphrase(Secret(content), FLOOR),
        ):
            with pytest.raises(RefusedError):
                attempt()

    def test_two_vaults_share_nothing(self, made):
        other = keys.create_keys(PASSPHRASE, FLOOR)
        assert other.vault_id != made.vault_id
        assert not same(other.vault_key, made.vault_key)
        assert other.header.passphrase.salt != made.header.passphrase.salt

    def test_derived_keys_differ_from_each_other_and_from_the_vault_key(self, made):
        derived = {keys.store_key(made.vault_key).reveal(), keys.backup_key(made.vault_key).reveal()}
        assert len(derived | {made.vault_key.reveal()}) == 3

    def test_the_default_cost_is_written_and_read(self):
        assert (keys.DEFAULT.passes, keys.DEFAULT.memory_kib, keys.DEFAULT.lanes) == (3, 262144, 4)
        assert keys.unlock_keys(keys.create_keys(PASSPHRASE).encoded, PASSPHRASE).cost == keys.DEFAULT

    def test_keys_cannot_be_changed_in_place_nor_shown(self, made):
        with pytest.raises(dataclasses.FrozenInstanceError):
            made.vault_key = PASSPHRASE
        assert made.vault_key.reveal().hex() not in repr(made)
        assert repr(made.vault_key.reveal()) not in repr(made)


class TestDamage:
    def test_any_byte_of_either_copy_may_be_damaged(self, shared):
        """Every offset, in the reader that comes before any derivation."""
        data = shared.encoded
        for offset in range(key_file.FILE_SIZE):
            ((number, header),) = keys._candidates(flipped(data, offset))
            assert number == (2 if offset < COPY else 1)
            assert header == shared.header

    @pytest.mark.parametrize("offset", [0, 13, 20, 60, 100, 16290, 16383])
    def test_a_damaged_first_copy_still_opens_and_is_reported(self, shared, offset):
        opened = keys.unlock_keys(flipped(shared.encoded, offset), PASSPHRASE)
        assert same(opened.vault_key, shared.vault_key)
        assert opened.damaged_copy == 1
        assert opened.encoded == shared.encoded

    def test_a_damaged_second_copy_still_opens_and_is_reported(self, shared):
        assert keys.unlock_keys(flipped(shared.encoded, COPY + 100), PASSPHRASE).damaged_copy == 2

    def test_a_first_copy_of_zeros_and_a_missing_second_copy_still_open(self, made):
        assert keys.unlock_keys(bytes(COPY) + made.encoded[COPY:], PASSPHRASE).damaged_copy == 1
        assert keys.unlock_keys(made.encoded[: COPY + 5], PASSPHRASE).damaged_copy == 2

    def test_both_damaged_is_said_with_advice(self, made, no_derivation):
        with pytest.raises(DamagedError) as caught:
            keys.unlock_keys(flipped(flipped(made.encoded, 100), COPY + 100), PASSPHRASE)
        assert "backup" in caught.value.advice

    @pytest.mark.parametrize("data", [b"", b"SQLite format 3\0", bytes(32768), b"x" * 32768])
    def test_another_file_is_no_key_file(self, data, no_derivation):
        with pytest.raises(FormatError) as caught:
            keys.unlock_keys(data, PASSPHRASE)
        assert caught.value.advice

    def test_a_longer_file_is_refused(self, made, no_derivation):
        with pytest.raises(FormatError):
            keys.unlock_keys(made.encoded + b"\0", PASSPHRASE)

    def test_a_newer_version_is_named(self, made, no_derivation):
        newer = made.encoded[:12] + struct.pack(">I", 2) + made.encoded[16:COPY]
        with pytest.raises(UnsupportedVersionError):
            keys.unlock_keys(newer * 2, PASSPHRASE)
        with pytest.raises(UnsupportedVersionError):
            keys.unlock_keys(newer, PASSPHRASE)

    @pytest.mark.parametrize(
        ("offset", "value"), [(65, 2), (65, 17), (69, 65535), (69, 2**21 + 1), (69, 2**32 - 1), (73, 1), (73, 255)]
    )
    def test_a_cost_out_of_bounds_is_refused_before_any_derivation(self, made, offset, value, no_derivation):
        copy = bytearray(made.encoded[:COPY])
        copy[offset : offset + 4] = struct.pack(">I", value)
        copy[-32:] = hashlib.sha256(copy[:-32]).digest()
        with pytest.raises(FormatError, match="out of bounds"):
            keys.unlock_keys(bytes(copy) * 2, PASSPHRASE)


class TestAlteration:
    @pytest.mark.parametrize("offset", [23, 30, 43, 50, 80, 100, 140, 200, 1500, 16290])
    def test_altered_in_both_copies_under_a_right_checksum_does_not_open(self, shared, offset):
        copy = altered(shared.encoded[:COPY], offset)
        with pytest.raises(UnlockError):
            keys.unlock_keys(copy * 2, PASSPHRASE)

    def test_altered_in_one_copy_opens_by_the_other(self, shared):
        data = altered(shared.encoded[:COPY], 1500) + shared.encoded[COPY:]
        opened = keys.unlock_keys(data, PASSPHRASE)
        assert opened.damaged_copy == 1
        assert opened.encoded == shared.encoded

    @pytest.mark.parametrize("copy", [0, 1])
    def test_one_copy_that_asks_for_too_much_memory_does_not_lock_anybody_out(self, shared, monkeypatch, copy):
        derive = keys.argon2id

        def limited(*args, memory_kib, **more):
            if memory_kib > FLOOR.memory_kib:
                raise StorageError("There is not enough memory to check the passphrase.")
            return derive(*args, memory_kib=memory_kib, **more)

        monkeypatch.setattr(keys, "argon2id", limited)
        dear = bytearray(shared.encoded[:COPY])
        dear[16:24] = struct.pack(">Q", 999)
        dear[69:73] = struct.pack(">I", 2**21)
        dear[-32:] = hashlib.sha256(dear[:-32]).digest()
        both = [shared.encoded[:COPY]] * 2
        both[copy] = bytes(dear)
        opened = keys.unlock_keys(b"".join(both), PASSPHRASE)
        assert (opened.damaged_copy, opened.encoded) == (copy + 1, shared.encoded)
        with pytest.raises(UnlockError):
            keys.unlock_keys(b"".join(both), Secret(b"another one"))
        with pytest.raises(StorageError):
            keys.unlock_keys(bytes(dear) * 2, PASSPHRASE)

    def test_a_recovery_slot_of_another_vault_does_not_pass_the_mac(self, made, shared):
        other = keys.create_keys(PASSPHRASE, FLOOR).add_recovery(recovery.make_shares()[0])
        pasted = dataclasses.replace(shared.header, recovery=other.header.recovery)
        with pytest.raises(UnlockError):
            keys.unlock_keys(key_file.encode_file(pasted), PASSPHRASE)

    def test_a_wrapped_key_is_bound_to_its_generation(self, midway):
        wrapped = midway.header.passphrase.wrapped
        slot = dataclasses.replace(midway.header.passphrase, wrapped=wrapped[::-1])
        swapped = dataclasses.replace(midway.header, passphrase=slot)
        macs = tuple(keys._mac(swapped, key.reveal()) for key in (midway.older_key, midway.vault_key))
        with pytest.raises(UnlockError):
            keys.unlock_keys(key_file.encode_file(swapped.with_macs(macs)), PASSPHRASE)


class TestTornUpdate:
    def test_the_higher_sequence_number_wins_wherever_it_stands(self, made, shared):
        torn = shared.encoded[:COPY] + made.encoded[COPY:]
        first = keys.unlock_keys(torn, PASSPHRASE)
        assert (first.header, first.damaged_copy) == (shared.header, 2)
        second = keys.unlock_keys(made.encoded[:COPY] + shared.encoded[COPY:], PASSPHRASE)
        assert (second.header, second.damaged_copy) == (shared.header, 1)

    def test_either_passphrase_opens_when_a_change_of_it_was_torn(self, made):
        changed = made.change_passphrase(NEW, FLOOR)
        torn = changed.encoded[:COPY] + made.encoded[COPY:]
        assert keys.unlock_keys(torn, NEW).damaged_copy == 2
        assert keys.unlock_keys(torn, PASSPHRASE).damaged_copy == 1
        with pytest.raises(UnlockError):
            keys.unlock_keys(torn, WRONG)


class TestRecovery:
    def test_shares_open_the_vault_and_a_new_passphrase_can_be_set(self, shared, shares, no_derivation, monkeypatch):
        recovered = keys.recover_keys(shared.encoded, recovery.combine(shares[1][:2]))
        assert same(recovered.vault_key, shared.vault_key)
        assert recovered.encoded == shared.encoded
        monkeypatch.undo()
        changed = recovered.change_passphrase(NEW, FLOOR)
        assert same(keys.unlock_keys(changed.encoded, NEW).vault_key, shared.vault_key)

    def test_shares_of_another_set_are_refused(self, shared):
        with pytest.raises(RefusedError, match="another vault"):
            keys.recover_keys(shared.encoded, recovery.combine(recovery.make_shares()[1]))

    def test_new_shares_replace_the_old_ones(self, shared, shares):
        public_key, newer = recovery.make_shares(3, 5)
        replaced = shared.add_recovery(public_key)
        assert replaced.recovery_public_key == public_key
        assert same(keys.recover_keys(replaced.encoded, recovery.combine(newer)).vault_key, shared.vault_key)
        with pytest.raises(RefusedError):
            keys.recover_keys(replaced.encoded, recovery.combine(shares[1]))

    def test_a_vault_without_shares_says_so(self, made, shared, shares):
        for without in (made, shared.remove_recovery()):
            assert without.recovery_public_key is None
            with pytest.raises(RefusedError, match="no recovery shares"):
                keys.recover_keys(without.encoded, recovery.combine(shares[1]))

    def test_the_mac_judges_what_the_shares_open(self, shared, shares):
        copy = altered(shared.encoded[:COPY], 100)
        with pytest.raises(UnlockError):
            keys.recover_keys(copy * 2, recovery.combine(shares[1]))
        assert keys.recover_keys(copy + shared.encoded[COPY:], recovery.combine(shares[1])).damaged_copy == 1

    def test_an_altered_sealed_key_does_not_open(self, shared, shares):
        copy = altered(shared.encoded[:COPY], 2000)
        with pytest.raises(UnlockError):
            keys.recover_keys(copy * 2, recovery.combine(shares[1]))

    def test_an_invalid_public_key_is_refused(self, made):
        for public_key in (b"", bytes(1216), b"\xff" * 1216):
            with pytest.raises(FormatError):
                made.add_recovery(public_key)

    def test_a_secret_of_another_length_is_refused(self, shared):
        with pytest.raises(RefusedError):
            keys.recover_keys(shared.encoded, Secret(bytes(16)))


class TestRekey:
    def test_midway_every_slot_holds_both_generations(self, shared, midway, shares):
        assert midway.generation == shared.generation + 1
        assert same(midway.older_key, shared.vault_key)
        assert not same(midway.vault_key, shared.vault_key)
        for opened in (
            keys.unlock_keys(midway.encoded, PASSPHRASE),
            keys.recover_keys(midway.encoded, recovery.combine(shares[1])),
        ):
            assert same(opened.vault_key, midway.vault_key)
            assert same(opened.older_key, shared.vault_key)
            assert opened.encoded == midway.encoded

    def test_either_mac_notices_an_alteration_midway(self, midway):
        for offset in (16290, 16330):
            with pytest.raises(UnlockError):
                keys.unlock_keys(altered(midway.encoded[:COPY], offset) * 2, PASSPHRASE)

    def test_finished_only_the_new_key_is_left(self, midway, shares):
        finished = keys.unlock_keys(midway.encoded, PASSPHRASE).finish_rekey()
        for opened in (
            keys.unlock_keys(finished.encoded, PASSPHRASE),
            keys.recover_keys(finished.encoded, recovery.combine(shares[1])),
        ):
            assert same(opened.vault_key, midway.vault_key)
            assert opened.older_key is None
            assert opened.generation == midway.generation
        old = midway.header.passphrase.wrapped[1]
        assert old in midway.encoded
        assert old not in finished.encoded

    def test_passphrase_and_shares_can_change_midway(self, midway):
        public_key, newer = recovery.make_shares()
        changed = midway.change_passphrase(NEW, FLOOR).add_recovery(public_key)
        for opened in (
            keys.unlock_keys(changed.encoded, NEW),
            keys.recover_keys(changed.encoded, recovery.combine(newer)),
        ):
            assert same(opened.vault_key, midway.vault_key)
            assert same(opened.older_key, midway.older_key)

    def test_begins_only_with_the_passphrase(self, made):
        with pytest.raises(UnlockError):
            made.begin_rekey(WRONG)

    def test_is_not_begun_twice_nor_finished_before_it_began(self, made, midway):
        with pytest.raises(RefusedError):
            midway.begin_rekey(PASSPHRASE)
        with pytest.raises(RefusedError):
            made.finish_rekey()

    def test_works_again_after_it_was_finished(self, midway):
        again = midway.finish_rekey().begin_rekey(PASSPHRASE)
        assert again.generation == midway.generation + 1
        assert same(keys.unlock_keys(again.finish_rekey().encoded, PASSPHRASE).vault_key, again.vault_key)


def test_argon2id_is_called_with_the_stored_cost(monkeypatch, made):
    seen = []

    def watch(passphrase: bytes, salt: bytes, **cost: int) -> bytes:
        seen.append((salt, cost))
        return kdf.argon2id(passphrase, salt, **cost)

    monkeypatch.setattr(keys, "argon2id", watch)
    keys.unlock_keys(made.encoded, PASSPHRASE)
    assert seen == [(made.header.passphrase.salt, {"passes": 3, "memory_kib": 65536, "lanes": 4})]
