"""Error class → code, exit code, title and severity: one table for the commands and the screens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vault import errors


@dataclass(frozen=True, slots=True)
class Notice:
    """How a kind of error is told.

    Attributes:
        code: A stable word for programs.
        exit: Exit code of the commands.
        title: A few words for a dialog's title.
        severity: ``"error"`` or ``"warning"``.
    """

    code: str
    exit: int
    title: str
    severity: str = "error"


TABLE: Final[dict[type[errors.VaultError], Notice]] = {
    errors.VaultError: Notice("error", 70, "Something went wrong"),
    errors.UnlockError: Notice("wrong-passphrase", 3, "Not unlocked"),
    errors.LockedError: Notice("locked", 3, "The vault is locked"),
    errors.FormatError: Notice("bad-format", 4, "Not what it should be"),
    errors.UnsupportedVersionError: Notice("newer-version", 4, "A newer version"),
    errors.TruncatedError: Notice("truncated", 4, "Not whole"),
    errors.IntegrityError: Notice("integrity", 1, "Not intact"),
    errors.RefusedError: Notice("refused", 4, "Not accepted"),
    errors.NotFoundError: Notice("not-found", 4, "Not found"),
    errors.AlreadyExistsError: Notice("exists", 4, "It exists already"),
    errors.NotForUsError: Notice("not-for-us", 4, "Not for this vault"),
    errors.WrongKindError: Notice("wrong-kind", 4, "Not a regular file"),
    errors.HoldError: Notice("held", 4, "Held for your decision", "warning"),
    errors.StorageError: Notice("storage", 5, "The disk"),
    errors.DiskFullError: Notice("disk-full", 5, "The disk is full"),
    errors.InUseError: Notice("in-use", 5, "In use elsewhere"),
    errors.NetworkFileSystemError: Notice("network-file-system", 5, "A network folder"),
    errors.ReadOnlyError: Notice("read-only", 5, "It cannot be written"),
    errors.DamagedError: Notice("damaged", 4, "Damaged"),
    errors.CancelledError: Notice("cancelled", 130, "Stopped", "warning"),
}


def notice_for(error: errors.VaultError) -> Notice:
    """Return how this error is told: the entry of its own class, or of the nearest one above."""
    return next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
