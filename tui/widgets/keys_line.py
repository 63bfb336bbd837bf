"""The keys that work here, below every screen: on one line, or on two where the window is too narrow for all."""

from __future__ import annotations

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import ActiveBinding
from textual.containers import HorizontalGroup
from textual.events import Resize
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

_LINES = 2
_AROUND = 3
"""Cells around a key and its description; of the palette, what sets it off."""


class KeysLine(Footer):
    """All keys that are shown. Where even two lines are too short, the last ones of the screen are left to its help."""

    DEFAULT_CSS = """
    KeysLine { layout: vertical; height: auto; max-height: 2; }
    KeysLine HorizontalGroup { width: 100%; height: 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._width = 0

    def compose(self) -> ComposeResult:
        """Lay the keys out."""
        if not self._bindings_ready:
            return
        self._width = self.app.size.width
        found: dict[str, ActiveBinding] = {}
        for active in self.screen.active_bindings.values():
            if active.binding.show:
                found.setdefault(active.binding.action, active)
        palette = self.screen.active_bindings.get(self.app.COMMAND_PALETTE_BINDING)
        for line in self._lines(list(found.values()), palette):
            with HorizontalGroup():
                yield from (self._key(active, last=active is palette) for active in line)

    def on_resize(self, event: Resize) -> None:
        """Use the new width."""
        if self._bindings_ready and self._width != self.app.size.width:
            self.call_after_refresh(self.recompose)

    def _lines(self, keys: list[ActiveBinding], palette: ActiveBinding | None) -> list[list[ActiveBinding]]:
        """Return the keys of each line, the palette at the end of the last one."""
        while True:
            lines: list[list[ActiveBinding]] = [[]]
            for active in keys:
                if self._needed([*lines[-1], active]) > self._width:
                    lines.append([])
                lines[-1].append(active)
            if palette is not None:
                if self._needed([*lines[-1], palette]) > self._width:
                    lines.append([])
                lines[-1].append(palette)
            own = [active for active in keys if active.node is not self.app and active.binding.key != "escape"]
            if len(lines) <= _LINES or not own:
                return lines[:_LINES]
            keys = [active for active in keys if active is not own[-1]]

    def _needed(self, keys: list[ActiveBinding]) -> int:
        return sum(
            cell_len(self.app.get_key_display(one.binding)) + cell_len(one.binding.description) + _AROUND
            for one in keys
        )

    def _key(self, active: ActiveBinding, *, last: bool) -> FooterKey:
        binding = active.binding
        key = FooterKey(
            binding.key, self.app.get_key_display(binding), binding.description, binding.action,
            disabled=not active.enabled, tooltip=active.tooltip or (binding.description if last else ""),
            classes="-command-palette" if last else "",
        )  # fmt: skip
        return key if last else key.data_bind(compact=Footer.compact)
