"""Settings of the screens: chosen by the person, kept inside the vault. No setting weakens what the vault promises.

They are no evidence and are not in the custody log. A value that is not allowed, of a newer version or of a damaged
store, counts as not chosen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

from vault.errors import RefusedError
from vault.open_vault import OpenVault, Transaction
from vault.store import settings as stored

_LANGUAGE: Final = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z]{4})?\Z")
_ALLOWED: Final[Mapping[str, tuple[str, ...]]] = {
    "lock_minutes": ("1", "5", "15", "0"),
    "direction": ("terminal", "reordered", "logical"),
    "contrast": ("yes", "no"),
    "still": ("yes", "no"),
    "clipboard": ("yes", "no"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be chosen, with what holds when nothing was.

    Attributes:
        language: A key of the front end's languages; empty: that of the locale.
        lock_minutes: Minutes without a key or click after which the vault is locked: 1, 5, 15, or 0 for never.
        direction: How text from right to left is shown: ``terminal``, ``reordered`` or ``logical``.
        contrast: High-contrast colours.
        still: Nothing moves.
        clipboard: Copied text goes to the system's clipboard too, for 30 seconds.
    """

    language: str = ""
    lock_minutes: int = 5
    direction: str = "terminal"
    contrast: bool = False
    still: bool = False
    clipboard: bool = False


def read(vault: OpenVault) -> Settings:
    """Return the settings of this vault."""
    found = vault.read(stored.every)
    known = {one.name: found[one.name] for one in fields(Settings) if _allowed(one.name, found.get(one.name))}
    return replace(Settings(), **{name: _value(name, text) for name, text in known.items()})


def change(vault: OpenVault, **changed: Any) -> Settings:
    """Change some settings at once, durably, and return all of them.

    Raises:
        RefusedError: A value is not one of those that can be chosen.
        ReadOnlyError: The vault is open read-only.
        TypeError: There is no such setting.
    """
    new = asdict(replace(Settings(), **changed))
    texts = {name: _text(new[name]) for name in changed}
    if not all(_allowed(name, text) for name, text in texts.items()):
        raise RefusedError("This cannot be chosen.", "Choose one of the values that are offered.")

    def work(transaction: Transaction) -> None:
        for name, text in texts.items():
            stored.put(transaction.connection, name, text)

    vault.atomic(work)
    return read(vault)


def _allowed(name: str, text: str | None) -> bool:
    if name == "language":
        return text is not None and (text == "" or _LANGUAGE.match(text) is not None)
    return text in _ALLOWED[name]


def _text(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _value(name: str, text: str) -> Any:
    if name == "lock_minutes":
        return int(text)
    return {"yes": True, "no": False}.get(text, text)
