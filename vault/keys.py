"""The key ladder: making, opening and changing the key file, and the keys derived from the vault key.

Specification: docs/formats/key-file.md; the reasons: docs/adr/0001-key-ladder.md, 0003-two-generations-in-a-rekey.md.
Nothing here reads or writes a file: bytes come in, and every change returns a new `OpenKeys` whose `encoded` the caller
makes durable with `files.replace` before acting on it. No passphrase, and no key derived from one, is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, NoReturn

from vault.crypto import aead, kem
from vault.crypto.hashes import equal
from vault.crypto.kdf import Label, argon2id, derive, hmac_sha256
from vault.crypto.randomness import new_id, random_bytes
from vault.errors import (
    DamagedError,
    FormatError,
    IntegrityError,
    RefusedError,
    StorageError,
    UnlockError,
    UnsupportedVersionError,
)
from vault.formats import key_file
from vault.formats.key_file import Cost, Header, PassphraseSlot, RecoverySlot, slot_context
from vault.model import Secret

__all__ = [
    "DEFAULT",
    "FLOOR",
    "MAX_PASSPHRASE_SIZE",
    "Cost",
    "OpenKeys",
    "backup_key",
    "create_keys",
    "recover_keys",
    "store_key",
    "unlock_keys",
]

DEFAULT: Final = Cost(3, 262144, 4)
FLOOR: Final = Cost(3, 65536, 4)
MAX_PASSPHRASE_SIZE: Final = 1024
KEY_SIZE: Final = 32

_WRONG = "The passphrase is wrong, or the key file was altered."
_WRONG_ADVICE = "Check the keyboard layout and Caps Lock and try again, or use a backup of vault.keys or the shares."
_DAMAGED_ADVICE = "Put the file vault.keys from a backup of this vault in its place."

_Unwrap = Callable[[Header], tuple[bytes, ...]]


@dataclass(frozen=True, slots=True)
class OpenKeys:
    """The keys of an unlocked vault, with the header they came from; changes return a new value.

    Attributes:
        vault_key: 32 bytes, of the newest generation.
        older_key: During a rekey the key of the generation before, else None.
        damaged_copy: 1 or 2 when that copy of the key file is damaged, altered or older than the other; writing
            `encoded` again repairs it.
    """

    header: Header = field(repr=False)
    vault_key: Secret
    older_key: Secret | None = None
    damaged_copy: int | None = None

    @property
    def vault_id(self) -> str:
        """32 lower-case hexadecimal digits."""
        return self.header.vault_id

    @property
    def generation(self) -> int:
        """Of `vault_key`; `older_key` is the generation before it."""
        return self.header.generation

    @property
    def cost(self) -> Cost:
        """What checking the passphrase costs."""
        return self.header.passphrase.cost

    @property
    def recovery_public_key(self) -> bytes | None:
        """The public key that the shares open, 1216 bytes, or None when there are no shares."""
        return self.header.recovery.public_key if self.header.recovery else None

    @property
    def encoded(self) -> bytes:
        """The whole key file, 32,768 bytes, both copies alike."""
        return key_file.encode_file(self.header)

    def change_passphrase(self, new: Secret, cost: Cost = DEFAULT) -> OpenKeys:
        """Return keys that open with another passphrase; keys and shares stay as they are.

        Raises:
            RefusedError: The passphrase is empty or too long.
            StorageError: Not enough memory for the derivation.
        """
        slot = PassphraseSlot(random_bytes(16), cost, random_bytes(key_file.SALT_SIZE), ())
        slot = _wrap_by_passphrase(slot, self.header, _wrapping_key(slot, new), self._keys)
        return _next(replace(self.header, passphrase=slot), self._keys)

    def add_recovery(self, public_key: bytes) -> OpenKeys:
        """Return keys that the shares of this public key's seed open; a recovery slot that was there is replaced.

        Args:
            public_key: MLKEM768-X25519, 1216 bytes, as `recovery.make_shares` returns it.

        Raises:
            FormatError: The public key is not valid.
        """
        slot = _seal_to_shares(RecoverySlot(random_bytes(16), public_key, ()), self.header, self._keys)
        return _next(replace(self.header, recovery=slot), self._keys)

    def remove_recovery(self) -> OpenKeys:
        """Return keys that no shares open."""
        return _next(replace(self.header, recovery=None), self._keys)

    def begin_rekey(self, passphrase: Secret) -> OpenKeys:
        """Return keys with a new vault key beside the old one, both in every slot; the shares stay good.

        Args:
            passphrase: The present one; the new key cannot be wrapped in its slot without it.

        Raises:
            UnlockError: It is not the passphrase of this vault.
            RefusedError: A rekey is under way already.
            StorageError: Not enough memory for the derivation.
        """
        if self.older_key is not None:
            raise RefusedError("A change of the vault key is under way.", "Finish it first.")
        old = self.header
        wrapping_key = _wrapping_key(old.passphrase, passphrase)
        try:
            _unwrap_by_key(old, wrapping_key)
        except IntegrityError as error:
            raise UnlockError(_WRONG, _WRONG_ADVICE) from error
        vault_key = random_bytes(KEY_SIZE)
        new = replace(old, generation=old.generation + 1)
        slot = _wrap_by_passphrase(old.passphrase, new, wrapping_key, (vault_key,))
        passphrase_slot = replace(slot, wrapped=slot.wrapped + old.passphrase.wrapped)
        recovery = old.recovery
        if recovery is not None:
            sealed = _seal_to_shares(recovery, new, (vault_key,))
            recovery = replace(sealed, wrapped=sealed.wrapped + recovery.wrapped)
        changed = replace(new, passphrase=passphrase_slot, recovery=recovery)
        return _next(changed, (vault_key, self.vault_key.reveal()))

    def finish_rekey(self) -> OpenKeys:
        """Return keys without the older vault key, once the store was checked whole under the new one.

        Raises:
            RefusedError: No rekey is under way.
        """
        if self.older_key is None:
            raise RefusedError("No change of the vault key is under way.")
        old = self.header
        passphrase = replace(old.passphrase, wrapped=old.passphrase.wrapped[:1])
        recovery = replace(old.recovery, wrapped=old.recovery.wrapped[:1]) if old.recovery else None
        return _next(replace(old, passphrase=passphrase, recovery=recovery), (self.vault_key.reveal(),))

    @property
    def _keys(self) -> tuple[bytes, ...]:
        older = () if self.older_key is None else (self.older_key.reveal(),)
        return (self.vault_key.reveal(), *older)


def store_key(vault_key: Secret) -> Secret:
    """Return the raw 32-byte key of the store."""
    return Secret(derive(vault_key.reveal(), Label.STORE))


def backup_key(vault_key: Secret) -> Secret:
    """Return the 32-byte key of the MAC over a backup's manifest."""
    return Secret(derive(vault_key.reveal(), Label.BACKUP_MAC))


def create_keys(passphrase: Secret, cost: Cost = DEFAULT) -> OpenKeys:
    """Return the keys of a new vault: a random vault key of generation 1 in one passphrase slot.

    Raises:
        RefusedError: The passphrase is empty or too long.
        StorageError: Not enough memory for the derivation.
    """
    slot = PassphraseSlot(random_bytes(16), cost, random_bytes(key_file.SALT_SIZE), ())
    header = Header(new_id(), 0, 1, slot, None)
    keys = (random_bytes(KEY_SIZE),)
    slot = _wrap_by_passphrase(slot, header, _wrapping_key(slot, passphrase), keys)
    return _next(replace(header, passphrase=slot), keys)


def unlock_keys(data: bytes, passphrase: Secret) -> OpenKeys:
    """Open a key file; the copy with the higher sequence number comes first, the other one when that one fails.

    Raises:
        UnlockError: The passphrase is wrong or the key file was altered.
        DamagedError: Both copies are damaged.
        FormatError: Not a key file, or parameters out of bounds (nothing was derived).
        UnsupportedVersionError: A newer version.
        StorageError: Not enough memory for the derivation of any copy.
    """
    return _open(data, lambda header: _unwrap_by_key(header, _wrapping_key(header.passphrase, passphrase)))


def recover_keys(data: bytes, recovery_secret: Secret) -> OpenKeys:
    """Open a key file with the combined shares; the header's MAC is the judge. Also the rehearsal: it changes nothing.

    Args:
        data: The key file.
        recovery_secret: 32 bytes, from `recovery.combine`.

    Raises:
        RefusedError: The vault has no shares, or these are not the ones.
        UnlockError: The shares are right, but the key file was altered.
        DamagedError: Both copies are damaged.
        FormatError: Not a key file, or one that breaks a rule.
        UnsupportedVersionError: A newer version.
    """
    seed = recovery_secret.reveal()
    if len(seed) != kem.HYBRID_SEED_SIZE:
        raise RefusedError("These are not shares of an evidence vault.", "Use the shares made for this vault.")
    public_key = kem.hybrid_public(seed)
    slots = [header.recovery for _, header in _candidates(data)]
    if not any(slots):
        raise RefusedError("This vault has no recovery shares.", "It can only be opened with its passphrase.")
    if all(slot is None or slot.public_key != public_key for slot in slots):
        raise RefusedError(
            "These shares belong to another vault, or newer ones have replaced them.",
            "Use the shares that were made last for this vault.",
        )
    return _open(data, lambda header: _unwrap_by_seed(header, seed))


def _candidates(data: bytes) -> list[tuple[int, Header]]:
    """Return the copies that can be read with their numbers, the higher sequence first; two alike count once."""
    found: list[tuple[int, Header]] = []
    problems: list[FormatError | IntegrityError] = []
    if len(data) > key_file.FILE_SIZE:
        raise FormatError(key_file.WHERE, "longer than a key file", _DAMAGED_ADVICE)
    for number in (1, 2):
        try:
            copy = data[(number - 1) * key_file.COPY_SIZE : number * key_file.COPY_SIZE]
            found.append((number, key_file.decode_copy(copy)))
        except (FormatError, IntegrityError) as problem:
            problems.append(problem)
    if not found:
        _refuse(problems)
    return sorted(found, key=lambda item: (-item[1].sequence, item[0]))


def _refuse(problems: list[FormatError | IntegrityError]) -> NoReturn:
    """Say what is wrong with a file of which no copy can be read.

    A newer version may have copies of another size, so only the first one's version counts.
    """
    if isinstance(problems[0], UnsupportedVersionError):
        raise problems[0]
    damage = [problem for problem in problems if isinstance(problem, IntegrityError)]
    if damage:
        raise DamagedError("Both copies of the vault's keys are damaged.", _DAMAGED_ADVICE) from damage[0]
    raise FormatError(key_file.WHERE, problems[0].reason, _DAMAGED_ADVICE)


def _open(data: bytes, unwrap: _Unwrap) -> OpenKeys:
    candidates = _candidates(data)
    distinct = candidates[:1] if len(candidates) == 2 and candidates[0][1] == candidates[1][1] else candidates
    tried, too_large = False, None
    for number, header in distinct:
        try:
            keys = unwrap(header)
            _verify_macs(header, keys)
        except (IntegrityError, FormatError):
            tried = True
            continue
        except StorageError as error:
            # Its cost may have been altered to keep the owner out; the other copy may ask for less.
            too_large = error
            continue
        whole = len(candidates) == 2 and len(distinct) == 1
        older = Secret(keys[1]) if len(keys) == 2 else None
        return OpenKeys(header, Secret(keys[0]), older, None if whole else 3 - number)
    if too_large is not None and not tried:
        raise too_large
    raise UnlockError(_WRONG, _WRONG_ADVICE)


def _mac(header: Header, key: bytes) -> bytes:
    return hmac_sha256(derive(key, Label.HEADER_MAC), header.body)


def _verify_macs(header: Header, keys: tuple[bytes, ...]) -> None:
    for key, mac in zip(keys, header.macs, strict=True):
        if not equal(_mac(header, key), mac):
            raise IntegrityError(key_file.WHERE, "the header was altered")


def _next(header: Header, keys: tuple[bytes, ...]) -> OpenKeys:
    """Return the header with the next sequence number and its MACs, and its keys."""
    header = replace(header, sequence=header.sequence + 1, macs=())
    header = header.with_macs(tuple(_mac(header, key) for key in keys))
    return OpenKeys(header, Secret(keys[0]), Secret(keys[1]) if len(keys) == 2 else None)


def _generations(header: Header, count: int) -> range:
    return range(header.generation, header.generation - count, -1)


def _wrapping_key(slot: PassphraseSlot, passphrase: Secret) -> bytes:
    if not 1 <= len(passphrase) <= MAX_PASSPHRASE_SIZE:
        raise RefusedError(
            "A passphrase cannot be empty or longer than 1,024 bytes.", "Type a passphrase of ordinary length."
        )
    cost = slot.cost
    derived = argon2id(passphrase.reveal(), slot.salt, passes=cost.passes, memory_kib=cost.memory_kib, lanes=cost.lanes)
    return derive(derived, Label.SLOT)


def _wrap_by_passphrase(
    slot: PassphraseSlot, header: Header, wrapping_key: bytes, keys: tuple[bytes, ...]
) -> PassphraseSlot:
    wrapped = (
        aead.seal(wrapping_key, key, slot_context(header.vault_id, slot, generation))
        for key, generation in zip(keys, _generations(header, len(keys)), strict=True)
    )
    return replace(slot, wrapped=tuple(wrapped))


def _unwrap_by_key(header: Header, wrapping_key: bytes) -> tuple[bytes, ...]:
    slot = header.passphrase
    return tuple(
        aead.open_sealed(wrapping_key, wrapped, slot_context(header.vault_id, slot, generation), key_file.WHERE)
        for wrapped, generation in zip(slot.wrapped, _generations(header, len(slot.wrapped)), strict=True)
    )


def _recovery_info(header: Header, slot: RecoverySlot, generation: int) -> bytes:
    return Label.RECOVERY.encode() + slot_context(header.vault_id, slot, generation)


def _seal_to_shares(slot: RecoverySlot, header: Header, keys: tuple[bytes, ...]) -> RecoverySlot:
    sealed = (
        kem.hybrid_seal(slot.public_key, key, _recovery_info(header, slot, generation), "recovery public key")
        for key, generation in zip(keys, _generations(header, len(keys)), strict=True)
    )
    return replace(slot, wrapped=tuple(share + ciphertext for share, ciphertext in sealed))


def _unwrap_by_seed(header: Header, seed: bytes) -> tuple[bytes, ...]:
    slot = header.recovery
    if slot is None:
        raise IntegrityError(key_file.WHERE, "no recovery slot")
    size = kem.HYBRID_SHARE_SIZE
    keys = zip(slot.wrapped, _generations(header, len(slot.wrapped)), strict=True)
    return tuple(
        kem.hybrid_open(seed, sealed[:size], sealed[size:], _recovery_info(header, slot, generation), key_file.WHERE)
        for sealed, generation in keys
    )
