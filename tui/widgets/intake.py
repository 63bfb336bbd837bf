"""Shows files on their way into a case: one line and one bar for each of those around the one that goes in now."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from tui import taking_in
from tui.i18n import N_, _
from tui.measures import duration, size
from tui.taking_in import Item, TakingIn
from tui.widgets.plain import fitted

_LINES = 5
_BAR = 16
_NAME = 28
_WORDS = {
    taking_in.WAITING: ("·", N_("waits")),
    taking_in.GOING: ("▸", ""),
    taking_in.TAKEN: ("✓", N_("taken in")),
    taking_in.THERE: ("=", N_("there already")),
    taking_in.REFUSED: ("✗", N_("not taken in")),
    taking_in.STOPPED: ("–", N_("stopped")),
}


class IntakeProgress(Widget):
    """The files of a taking in; empty without one."""

    DEFAULT_CSS = """
    IntakeProgress { height: auto; max-height: 7; margin-bottom: 1; }
    """

    def __init__(self) -> None:
        super().__init__(classes="hidden")
        self._taking: TakingIn | None = None

    def show(self, taking: TakingIn | None) -> None:
        """Show this one, or none."""
        other = taking is not self._taking
        self._taking = taking
        self.set_class(taking is None, "hidden")
        self.refresh(layout=other)

    def render(self) -> Text:
        """Return a heading and a few lines."""
        taking = self._taking
        if taking is None:
            return Text("")
        count, current = len(taking.items), taking.current
        first = max(0, min(current - 1, count - _LINES))
        lines = [_("File {number} of {count}. F8 stops; what is taken in stays.", number=current + 1, count=count)]
        lines += [_line(item) for item in taking.items[first : first + _LINES]]
        return Text("\n".join(lines), no_wrap=True, overflow="ellipsis")


def _line(item: Item) -> str:
    mark, word = _WORDS[item.state]
    name = fitted(item.path.name, _NAME)
    told = _(word) if word else ""
    if item.state == taking_in.GOING and item.progress is not None:
        progress = item.progress
        share = progress.done / progress.total if progress.total else 1.0
        full = min(_BAR, int(_BAR * share))
        parts = ["█" * full + "░" * (_BAR - full), f"{int(100 * share)} %", f"{size(int(progress.rate))}/s"]
        if progress.remaining is not None:
            parts.append(_("{time} left", time=duration(progress.remaining)))
        told = "  ".join(parts)
    return f"  {mark} {name}  {told or size(item.size)}"
