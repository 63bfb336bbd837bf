"""Error class → code, exit code, title and severity: one table for the commands and the screens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tui.i18n import N_
from vault import errors


@dataclass(frozen=True, slots=True)
class Notice:
    """How a kind of error is told.

    Attributes:
        code: A stable word for programs.
        exit: Exit code of the commands.
        title: A few words for a dialog's title; translated where it is shown.
        severity: ``"error"`` or ``"warning"``.
    """

    code: str
    exit: int
    title: str
    severity: str = "error"


TABLE: Final[dict[type[errors.VaultError], Notice]] = {
    errors.VaultError: Notice("error", 70, N_("Something went wrong")),
    errors.UnlockError: Notice("wrong-passphrase", 3, N_("Not unlocked")),
    errors.LockedError: Notice("locked", 3, N_("The vault is locked")),
    errors.FormatError: Notice("bad-format", 4, N_("Not what it should be")),
    errors.UnsupportedVersionError: Notice("newer-version", 4, N_("A newer version")),
    errors.TruncatedError: Notice("truncated", 4, N_("Not whole")),
    errors.IntegrityError: Notice("integrity", 1, N_("Not intact")),
    errors.RefusedError: Notice("refused", 4, N_("Not accepted")),
    errors.NotFoundError: Notice("not-found", 4, N_("Not found")),
    errors.AlreadyExistsError: Notice("exists", 4, N_("It exists already")),
    errors.NotForUsError: Notice("not-for-us", 4, N_("Not for this vault")),
    errors.PassphraseNeededError: Notice("passphrase-needed", 4, N_("A passphrase is needed")),
    errors.WrongKindError: Notice("wrong-kind", 4, N_("Not a regular file")),
    errors.HoldError: Notice("held", 4, N_("Held for your decision"), "warning"),
    errors.StorageError: Notice("storage", 5, N_("The disk")),
    errors.DiskFullError: Notice("disk-full", 5, N_("The disk is full")),
    errors.InUseError: Notice("in-use", 5, N_("In use elsewhere")),
    errors.NetworkFileSystemError: Notice("network-file-system", 5, N_("A network folder")),
    errors.ReadOnlyError: Notice("read-only", 5, N_("It cannot be written")),
    errors.DamagedError: Notice("damaged", 4, N_("Damaged")),
    errors.CancelledError: Notice("cancelled", 130, N_("Stopped"), "warning"),
}


_PHRASES: Final = {
    "age armor": "encrypted file",
    "age file": "encrypted file",
    "age header": "encrypted file",
    "age payload": "encrypted file",
    "age recipient": "recipient string (age1…)",
    "age identity": "secret key",
    "bundle.json": "description of the bundle",
    "checkpoint": "checkpoint of a custody log",
    "container": "bundle",
    "entries.json": "list of custody entries",
    "log proof": "proof from a custody log",
    "signed note": "signed text (a contact card, a checkpoint, a proof)",
    "SSH public key": "ssh key",
    "tag manifest": "list of files",
}
"""What people call the parts that errors name."""


def sentence_of(error: errors.VaultError) -> str:
    """Return what is the matter as one plain sentence, also of errors that name a format and a reason."""
    if not isinstance(error, errors.FormatError | errors.IntegrityError):
        return error.message
    if error.message != f"{error.where}: {error.reason}":
        return error.message
    what = _PHRASES.get(error.where, error.where.removeprefix("the "))
    if isinstance(error, errors.UnsupportedVersionError):
        return f"The {what} is of a version that this program does not know."
    if isinstance(error, errors.FormatError):
        return f"This is not a usable {what}: {error.reason}."
    return f"The {what} does not hold: {error.reason}."


def advice_of(error: errors.VaultError) -> str:
    """Return what to do next, also where the error says nothing."""
    if error.advice:
        return error.advice
    if isinstance(error, errors.FormatError):
        return "Check that it is the right one, and whole."
    if isinstance(error, errors.IntegrityError):
        return "Do not rely on it; look for another copy."
    return ""


def notice_for(error: errors.VaultError) -> Notice:
    """Return how this error is told: the entry of its own class, or of the nearest one above."""
    return next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
