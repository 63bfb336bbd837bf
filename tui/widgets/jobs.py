"""One line that shows the long work that is going on, with its rate and the time left."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual.widget import Widget

from tui.i18n import _, from_core
from tui.measures import duration, is_counted, size

if TYPE_CHECKING:
    from tui.app import VaultApp

_BAR = 20
_NARROW = 100
"""Cells of the line below which the bar is short and no rate is shown, so that what stops the work is still seen."""


class JobLine(Widget):
    """Empty while nothing is going on."""

    def on_mount(self) -> None:
        """Look four times a second."""
        self.set_interval(0.25, self.look)

    def look(self) -> None:
        """Show what is going on now."""
        running = cast("VaultApp", self.app).running
        if bool(running) != self.has_class("-busy"):
            self.set_class(bool(running), "-busy")
        if running:
            self.refresh()

    def render(self) -> Text:
        """Return the line."""
        running = cast("VaultApp", self.app).running
        if not running:
            return Text("")
        one = running[0]
        parts = [one.title]
        progress = one.progress
        if progress is not None:
            amount = str if is_counted(progress.step) else size
            if progress.total:
                bar = _BAR if self.size.width >= _NARROW else _BAR // 2
                full = min(bar, bar * progress.done // progress.total)
                parts.append("█" * full + "░" * (bar - full) + f" {100 * progress.done // progress.total} %")
            else:
                parts.append(from_core(progress.step))
            parts.append(amount(progress.done))
            if self.size.width >= _NARROW:
                parts.append(f"{amount(int(progress.rate))}/s")
            if progress.remaining is not None:
                parts.append(_("{time} left", time=duration(progress.remaining)))
        if len(running) > 1:
            parts.append(_("and {count} more", count=len(running) - 1))
        if one.stoppable:
            parts.append(_("F8 stops it"))
        return Text("  ".join(parts), no_wrap=True, overflow="ellipsis")
