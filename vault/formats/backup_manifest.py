"""The manifest of one generation of a backup: which segments, in which order, make up the store's file.

Bytes only; sealing them and looking after the segments is the business of the backup. Spec: `docs/formats/backup.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from vault.errors import FormatError
from vault.formats import jcs
from vault.model import Json

FORMAT: Final = "evidence-backup/1"
SEGMENT_SIZE: Final = 16 * 1024 * 1024
"""Bytes per segment, all but the last; a FAT file system takes 4 GiB less one byte."""
MAX_SIZE: Final = 64 * 1024 * 1024
"""Largest manifest in bytes: about 15 TiB of store."""

_WHERE: Final = "backup manifest"
_SEGMENT_NAME: Final = re.compile(r"[0-9a-f]{64}\Z")
_EPOCH: Final = re.compile(r"[0-9a-f]{32}\Z")


def is_segment_name(name: str) -> bool:
    """True when `name` has the form of a segment's name: its SHA-256 in lower-case hexadecimal."""
    return _SEGMENT_NAME.match(name) is not None


@dataclass(frozen=True, slots=True)
class LogHead:
    """How far the custody log had got, so that an older state of the vault never takes the place of a newer one.

    Attributes:
        epoch: 32 lower-case hexadecimal digits.
        size: Number of entries.
        root: Root hash over them, 64 lower-case hexadecimal digits.
    """

    epoch: str
    size: int
    root: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One generation.

    Attributes:
        sequence: Number of the generation, from 1 upwards.
        size: Of the store's file, in bytes.
        segments: Names of the segments, in order; a name may recur.
        log: The head of the custody log in that store.
    """

    sequence: int
    size: int
    segments: tuple[str, ...]
    log: LogHead

    def encode(self) -> bytes:
        """Return the manifest's bytes (RFC 8785)."""
        return jcs.encode(
            {
                "format": FORMAT,
                "log": {"epoch": self.log.epoch, "root": self.log.root, "size": self.log.size},
                "segments": list(self.segments),
                "sequence": self.sequence,
                "size": self.size,
            }
        )


def decode(data: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        FormatError: Not exactly what `Manifest.encode` would write.
    """
    value = jcs.decode(data, _WHERE, limit=MAX_SIZE)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise FormatError(_WHERE, "not a manifest of this version")
    if value.keys() != {"format", "log", "segments", "sequence", "size"}:
        raise FormatError(_WHERE, "unknown or missing members")
    segments, size, sequence = value["segments"], value["size"], value["sequence"]
    if type(size) is not int or type(sequence) is not int or size < 0 or sequence < 1:
        raise FormatError(_WHERE, "impossible numbers")
    if not isinstance(segments, list) or len(segments) != -(-size // SEGMENT_SIZE):
        raise FormatError(_WHERE, "segments that do not make up the size")
    if not all(isinstance(name, str) and is_segment_name(name) for name in segments):
        raise FormatError(_WHERE, "a segment without a proper name")
    return Manifest(sequence, size, tuple(segments), _log_head(value["log"]))


def _log_head(value: Json) -> LogHead:
    if not isinstance(value, dict) or value.keys() != {"epoch", "root", "size"}:
        raise FormatError(_WHERE, "no proper head of the log")
    epoch, root, size = value["epoch"], value["root"], value["size"]
    if not isinstance(epoch, str) or not isinstance(root, str) or type(size) is not int or size < 0:
        raise FormatError(_WHERE, "no proper head of the log")
    if not _EPOCH.match(epoch) or not _SEGMENT_NAME.match(root):
        raise FormatError(_WHERE, "no proper head of the log")
    return LogHead(epoch, size, root)
