"""The bytes of the key file `vault.keys` (docs/formats/key-file.md, version 1).

Holds the one encoding of a header, the strict reader of one copy, and what a slot's associated data and a header's MAC
are computed over. It unwraps nothing, verifies no MAC and holds no key: `vault.keys` does.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Final

from vault.crypto.hashes import equal, sha256
from vault.errors import FormatError, IntegrityError, RefusedError, UnsupportedVersionError

WHERE: Final = "key file"
MAGIC: Final = b"evault-keys\n"
VERSION: Final = 1
COPY_SIZE: Final = 16384
FILE_SIZE: Final = 2 * COPY_SIZE
MAC_SIZE: Final = 32
BODY_SIZE: Final = COPY_SIZE - 2 * MAC_SIZE - 32

PASSPHRASE: Final = 1
RECOVERY: Final = 2

SLOT_ID_SIZE: Final = 16
SALT_SIZE: Final = 16
PUBLIC_KEY_SIZE: Final = 1216
WRAPPED_SIZE: Final = 24 + 32 + 16
SEALED_SIZE: Final = 1120 + 32 + 16

_START = struct.Struct(">12sI")
_FIELDS = struct.Struct(">Q16sIBBH")
_COST = struct.Struct(">III")
_MAX_SEQUENCE = 2**63 - 1
_NO_MAC = bytes(MAC_SIZE)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one Argon2id derivation costs (RFC 9106); never below the floor, never above the ceiling.

    Attributes:
        passes: 3 to 64.
        memory_kib: 65,536 (64 MiB) to 2,097,152 (2 GiB).
        lanes: 4 to 16.

    Raises:
        RefusedError: A value is outside its bounds.
    """

    passes: int
    memory_kib: int
    lanes: int

    def __post_init__(self) -> None:
        if not (3 <= self.passes <= 16 and 65536 <= self.memory_kib <= 2097152 and 4 <= self.lanes <= 16):
            raise RefusedError(
                "The cost of checking a passphrase is outside the permitted bounds.",
                "Use 3 to 16 passes, 64 MiB to 2 GiB of memory and 4 to 16 lanes.",
            )


@dataclass(frozen=True, slots=True)
class PassphraseSlot:
    """The vault keys wrapped under a passphrase.

    Attributes:
        id: 16 random bytes, new whenever the passphrase changes.
        salt: 16 random bytes.
        wrapped: nonce ‖ ciphertext ‖ tag (72 bytes) per vault key, the newest first.
    """

    id: bytes
    cost: Cost
    salt: bytes
    wrapped: tuple[bytes, ...]

    @property
    def parameters(self) -> bytes:
        """The slot's start: type, id, cost and salt (45 bytes)."""
        cost = _COST.pack(self.cost.passes, self.cost.memory_kib, self.cost.lanes)
        return bytes([PASSPHRASE]) + self.id + cost + self.salt


@dataclass(frozen=True, slots=True)
class RecoverySlot:
    """The vault keys sealed to a public key whose private seed is shared among people.

    Attributes:
        id: 16 random bytes, new for every set of shares.
        public_key: MLKEM768-X25519, 1216 bytes.
        wrapped: encapsulated key ‖ ciphertext ‖ tag (1168 bytes) per vault key, the newest first.
    """

    id: bytes
    public_key: bytes
    wrapped: tuple[bytes, ...]

    @property
    def parameters(self) -> bytes:
        """The slot's start: type, id and public key (1233 bytes)."""
        return bytes([RECOVERY]) + self.id + self.public_key


@dataclass(frozen=True, slots=True)
class Header:
    """What one copy says.

    Attributes:
        vault_id: 32 lower-case hexadecimal digits.
        sequence: 1 for the first file, one more with every change.
        generation: Of the newest vault key; during a rekey the older key is the generation before.
        passphrase: The passphrase slot; the number of its wrapped keys (1 or 2) is the number of vault keys.
        recovery: The recovery slot, or None.
        macs: 32 bytes per vault key, the newest first; empty before `with_macs`.
    """

    vault_id: str
    sequence: int
    generation: int
    passphrase: PassphraseSlot
    recovery: RecoverySlot | None
    macs: tuple[bytes, ...] = ()

    @property
    def key_count(self) -> int:
        """1, or 2 during a rekey."""
        return len(self.passphrase.wrapped)

    @property
    def body(self) -> bytes:
        """The first 16,288 bytes of a copy: what every MAC is computed over.

        Raises:
            ValueError: A part has the wrong size.
        """
        slots: list[PassphraseSlot | RecoverySlot] = [self.passphrase]
        if self.recovery is not None:
            slots.append(self.recovery)
        if any(len(slot.wrapped) != self.key_count for slot in slots):
            raise ValueError("every slot wraps every vault key")
        fields = _FIELDS.pack(
            self.sequence, bytes.fromhex(self.vault_id), self.generation, self.key_count, len(slots), 0
        )
        parts = b"".join(slot.parameters + b"".join(slot.wrapped) for slot in slots)
        return (_START.pack(MAGIC, VERSION) + fields + parts).ljust(BODY_SIZE, b"\0")

    def with_macs(self, macs: tuple[bytes, ...]) -> Header:
        """Return the same header with its MACs, the newest key's first."""
        return replace(self, macs=macs)


def slot_context(vault_id: str, slot: PassphraseSlot | RecoverySlot, generation: int) -> bytes:
    """Return what a wrapped key is bound to: format, vault, slot with its parameters, and the key's generation."""
    start = _START.pack(MAGIC, VERSION) + bytes.fromhex(vault_id)
    return start + slot.parameters + struct.pack(">I", generation)


def encode_copy(header: Header) -> bytes:
    """Return one copy, 16,384 bytes.

    Raises:
        ValueError: The header could not be read back: a wrong size, count or number.
    """
    try:
        content = header.body + b"".join(header.macs).ljust(2 * MAC_SIZE, b"\0")
        encoded = content + sha256(content)
        same = decode_copy(encoded) == header
    except (FormatError, IntegrityError, struct.error) as error:
        raise ValueError("not a header that can be written") from error
    if not same:
        raise ValueError("not a header that can be written")
    return encoded


def encode_file(header: Header) -> bytes:
    """Return the key file: the same copy twice, 32,768 bytes.

    Raises:
        ValueError: As `encode_copy`.
    """
    return encode_copy(header) * 2


def decode_copy(data: bytes) -> Header:
    """Read one copy.

    Args:
        data: Exactly one copy.

    Raises:
        UnsupportedVersionError: A version or slot type this program does not know.
        IntegrityError: Bytes are missing or the checksum does not match: damage.
        FormatError: Not a key file, or a whole one that breaks a rule.
    """
    magic, version = _START.unpack(data[: _START.size]) if len(data) >= _START.size else (b"", 0)
    if magic != MAGIC:
        raise FormatError(WHERE, "not a key file")
    if version != VERSION:
        raise UnsupportedVersionError(WHERE, str(version))
    if len(data) != COPY_SIZE or not equal(sha256(data[:-32]), data[-32:]):
        raise IntegrityError(WHERE, "the checksum does not match")
    return _decode_content(data)


def _decode_content(data: bytes) -> Header:
    sequence, vault_id, generation, key_count, slot_count, reserved = _FIELDS.unpack_from(data, _START.size)
    if not 1 <= sequence <= _MAX_SEQUENCE:
        raise FormatError(WHERE, "a sequence number out of bounds")
    if key_count not in (1, 2) or generation < key_count:
        raise FormatError(WHERE, "a wrong number of vault keys")
    if slot_count not in (1, 2) or reserved != 0:
        raise FormatError(WHERE, "a wrong number of slots")
    at = _START.size + _FIELDS.size
    passphrase, at = _decode_passphrase_slot(data, at, key_count)
    recovery = None
    if slot_count == 2:
        recovery, at = _decode_recovery_slot(data, at, key_count)
    if any(data[at:BODY_SIZE]):
        raise FormatError(WHERE, "bytes where zeros are required")
    macs = tuple(data[BODY_SIZE + i * MAC_SIZE : BODY_SIZE + (i + 1) * MAC_SIZE] for i in range(2))
    if key_count == 1 and macs[1] != _NO_MAC:
        raise FormatError(WHERE, "bytes where zeros are required")
    return Header(vault_id.hex(), sequence, generation, passphrase, recovery, macs[:key_count])


def _decode_passphrase_slot(data: bytes, at: int, key_count: int) -> tuple[PassphraseSlot, int]:
    slot_id, at = _start_of_slot(data, at, PASSPHRASE)
    numbers = _COST.unpack_from(data, at)
    at += _COST.size
    try:
        cost = Cost(*numbers)
    except RefusedError as error:
        raise FormatError(WHERE, "key derivation parameters out of bounds") from error
    salt = data[at : at + SALT_SIZE]
    wrapped, at = _wrapped(data, at + SALT_SIZE, WRAPPED_SIZE, key_count)
    return PassphraseSlot(slot_id, cost, salt, wrapped), at


def _decode_recovery_slot(data: bytes, at: int, key_count: int) -> tuple[RecoverySlot, int]:
    slot_id, at = _start_of_slot(data, at, RECOVERY)
    public_key = data[at : at + PUBLIC_KEY_SIZE]
    wrapped, at = _wrapped(data, at + PUBLIC_KEY_SIZE, SEALED_SIZE, key_count)
    return RecoverySlot(slot_id, public_key, wrapped), at


def _start_of_slot(data: bytes, at: int, expected: int) -> tuple[bytes, int]:
    if data[at] not in (PASSPHRASE, RECOVERY):
        raise UnsupportedVersionError(f"{WHERE} slot type", str(data[at]))
    if data[at] != expected:
        raise FormatError(WHERE, "slots out of order")
    return data[at + 1 : at + 1 + SLOT_ID_SIZE], at + 1 + SLOT_ID_SIZE


def _wrapped(data: bytes, at: int, size: int, count: int) -> tuple[tuple[bytes, ...], int]:
    return tuple(data[at + i * size : at + (i + 1) * size] for i in range(count)), at + count * size
