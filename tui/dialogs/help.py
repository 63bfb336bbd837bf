"""F1: what can be done on the screen in front, and with which keys."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.widgets import Button

from tui.base import Dialog
from tui.i18n import N_, _
from tui.widgets.plain import Heading, Plain

_EVERYWHERE = (
    ("Tab, Shift+Tab", N_("go to the next or the previous place on the screen")),
    ("Enter", N_("open or press what is marked")),
    ("Ctrl+P", N_("all commands: type a part of a name, Enter does it")),
    ("Ctrl+L, F12", N_("lock the vault, from anywhere")),
    ("Ctrl+Q", N_("lock and leave")),
)


class HelpDialog(Dialog[None]):
    """The help of a screen.

    Args:
        screen: The screen it tells of.
    """

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self._text = _(getattr(screen, "HELP", ""))
        lines = [
            (self._key(key, active.binding.key_display), active.tooltip or active.binding.description)
            for key, active in screen.active_bindings.items()
            if active.binding.show and active.binding.description
        ]
        width = max((len(key) for key, told in [*lines, *_EVERYWHERE]), default=0) + 2
        self._keys = "\n".join(f"{key:<{width}}{told}" for key, told in lines)
        self._everywhere = "\n".join(f"{key:<{width}}{_(told)}" for key, told in _EVERYWHERE)

    @staticmethod
    def _key(key: str, display: str | None) -> str:
        return display or "+".join(part.capitalize() for part in key.split("+"))

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog wide"):
            yield Heading(_("Help"))
            with VerticalScroll(classes="dialog-text", can_focus=True):
                if self._text:
                    yield Plain(self._text + "\n")
                yield Heading(_("Keys here"))
                yield Plain(self._keys + "\n")
                yield Heading(_("Keys everywhere"))
                yield Plain(self._everywhere)
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Close"), id="close")

    def on_mount(self) -> None:
        """Give the button the focus."""
        self.query_one("#close").focus()

    def on_button_pressed(self) -> None:
        """Close."""
        self.dismiss(None)
