"""The colours of the screens: calm ones, and such of high contrast."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

CALM: Final = Theme(
    name="calm",
    primary="#6ea0c8",
    secondary="#8fb3a3",
    accent="#d8b26e",
    foreground="#d7dce0",
    background="#16191c",
    surface="#1d2125",
    panel="#262b30",
    success="#8fbf8f",
    warning="#d8b26e",
    error="#e08a7a",
    dark=True,
)
CONTRAST: Final = Theme(
    name="contrast",
    primary="#ffff00",
    secondary="#00ffff",
    accent="#ffff00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    success="#00ff00",
    warning="#ffff00",
    error="#ff8080",
    variables={"input-selection-background": "#4d4d00"},
    dark=True,
)
