"""Every error the core raises on purpose, in one tree.

```
VaultError
├── UnlockError              the passphrase is wrong, or the key file was altered (the two look the same)
├── LockedError              the vault must be unlocked for this
├── FormatError              bytes do not follow their specification
│   ├── UnsupportedVersionError   a version this program does not know
│   └── TruncatedError       a file that ends before its end: incomplete, or altered
├── IntegrityError           well formed, but a signature, digest, binding or chain is wrong
├── RefusedError             input that is not acceptable, before anything was done with it
│   ├── NotFoundError        an id, name, field or file that does not exist
│   ├── AlreadyExistsError   a target that exists
│   ├── NotForUsError        encrypted to somebody else
│   ├── PassphraseNeededError     encrypted under a passphrase, and none was given
│   ├── WrongKindError       a folder, device, FIFO or other thing where a regular file is needed
│   └── HoldError            allowed only after the person has acknowledged what it would give away
├── StorageError             the disk, the medium or the operating system
│   ├── DiskFullError        not enough free space
│   ├── InUseError           another program has the vault open
│   ├── NetworkFileSystemError    the vault lies where locks cannot be trusted
│   └── ReadOnlyError        the medium cannot be written
├── DamagedError             the vault's own files are damaged
└── CancelledError           the person, or a signal, stopped it
```

Rules: the message is one plain sentence, `advice` says what to do next. Neither ever holds what a person wrote or
typed, nor key material. A path appears only where the path is the subject. Programmer mistakes stay `ValueError` and
`TypeError`, outside the tree. Exit codes and screen texts belong to the front ends (`tui/notices.py`).
"""

from __future__ import annotations


class VaultError(Exception):
    """Base of all errors that a person may be shown.

    Args:
        message: One plain sentence: what is the matter.
        advice: One plain sentence: what to do next; may be empty.
    """

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class UnlockError(VaultError):
    """The passphrase is wrong or the key file was altered; nobody can tell which."""


class LockedError(VaultError):
    """The vault is locked."""


class FormatError(VaultError):
    """Bytes do not follow their specification.

    Args:
        where: The format and part, for example ``"age header"``.
        reason: What is wrong with it, in a few words that quote no input.
    """

    def __init__(self, where: str, reason: str, advice: str = "") -> None:
        super().__init__(f"{where}: {reason}", advice)
        self.where = where
        self.reason = reason


class UnsupportedVersionError(FormatError):
    """A version of a format that this program does not know."""

    def __init__(self, where: str, found: str = "") -> None:
        detail = f" ({found})" if found.isascii() and found.isalnum() and len(found) <= 16 else ""
        super().__init__(where, f"unknown version{detail}", "Use a newer version of this program.")


class TruncatedError(FormatError):
    """A file that ends before its end; a cut and an alteration of its length look the same."""

    def __init__(self, where: str) -> None:
        super().__init__(where, "it ends too early", "Ask for it again.")
        self.message = "The file is incomplete or was altered: its length is not that of a whole bundle."


class IntegrityError(VaultError):
    """Well formed, but a signature, digest, binding, chain or replay check failed.

    Args:
        where: What was checked, for example ``"tag manifest signature"``.
        reason: What does not hold, in a few words that quote no input.
    """

    def __init__(self, where: str, reason: str, advice: str = "") -> None:
        super().__init__(f"{where}: {reason}", advice)
        self.where = where
        self.reason = reason


class RefusedError(VaultError):
    """Input that is not acceptable; nothing was done with it."""


class NotFoundError(RefusedError):
    """An id, name, field or file does not exist."""


class AlreadyExistsError(RefusedError):
    """The target exists and is never overwritten."""


class NotForUsError(RefusedError):
    """None of the keys at hand opens this file."""


class PassphraseNeededError(RefusedError):
    """It is encrypted under a passphrase, and none was given."""


class WrongKindError(RefusedError):
    """Not a regular file (or not the kind of thing that is needed)."""


class HoldError(RefusedError):
    """Held until the person has acknowledged what it would give away."""


class StorageError(VaultError):
    """The disk, the medium or the operating system failed."""


class DiskFullError(StorageError):
    """Not enough free space; what was saved before is untouched."""


class InUseError(StorageError):
    """Another program has the vault open."""


class NetworkFileSystemError(StorageError):
    """The vault lies on a file system where locks cannot be trusted."""


class ReadOnlyError(StorageError):
    """The medium or the opening is read-only."""


class DamagedError(VaultError):
    """The vault's own files are damaged."""


class CancelledError(VaultError):
    """Stopped on request; nothing half-done is left visible."""

    def __init__(self, message: str = "Stopped on request.", advice: str = "Nothing half-done was kept.") -> None:
        super().__init__(message, advice)
