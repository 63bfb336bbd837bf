"""Backups that fit FAT sticks, write only what changed, and never destroy the last good one; and restoring.

The encrypted store is copied as segments named by their digest; a sealed manifest per generation lists them. An old
generation goes last, after the new one was read back and found whole, and one good generation before it stays. A
folder with a newer state than this vault's is refused. A restored vault starts an epoch that names the checkpoint it
grew from.

`making` writes a generation, `restoring` makes a vault of one, `folder` is what both read and write.
Spec: `docs/formats/backup.md`.
"""

from __future__ import annotations

from vault.usecases.backup.making import backup
from vault.usecases.backup.restoring import find, restore

__all__ = ["backup", "find", "restore"]
