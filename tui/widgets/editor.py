"""Where a person writes: soft wrap, undo, input methods and pastes, texts of a megabyte.

Nothing that is copied here leaves the program (the application keeps it), nothing that is pasted is obeyed: hidden
marks are kept as they came and shown as `wrapping.HIDDEN`.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.document._document import Location
from textual.document._document_navigator import DocumentNavigator
from textual.strip import Strip
from textual.widgets import TextArea

from tui.i18n import N_, _
from tui.widgets import wrapping
from tui.widgets.document import Lines, Rows
from vault import api

_UNDO = 1000
_LONG = 20_000
"""Characters of a text from which it is broken into rows beside the screen."""


def _moves() -> list[BindingType]:
    keys = [
        ("up", "cursor_up"), ("down", "cursor_down"), ("left", "cursor_left"), ("right", "cursor_right"),
        ("ctrl+left", "cursor_word_left"), ("ctrl+right", "cursor_word_right"), ("home", "cursor_line_start"),
        ("end", "cursor_line_end"), ("pageup", "cursor_page_up"), ("pagedown", "cursor_page_down"),
    ]  # fmt: skip
    found: list[BindingType] = [Binding(key, action, show=False) for key, action in keys]
    for key, action in keys[:8]:
        shifted = f"ctrl+shift+{key[5:]}" if key.startswith("ctrl+") else f"shift+{key}"
        found.append(Binding(shifted, f"{action}(True)", show=False))
    return found


class Editor(TextArea, inherit_bindings=False):
    """A text to be written.

    Tab goes on to the next field, as everywhere: a testimony needs no tabs, and a keyboard must lead out again.

    Args:
        text: What stands there at first.
        named: As of `TextArea`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *_moves(),
        Binding("ctrl+home", "whole_start", show=False),
        Binding("ctrl+end", "whole_end", show=False),
        Binding("ctrl+a", "select_all", N_("Mark everything"), show=False),
        Binding("backspace", "delete_left", show=False),
        Binding("delete", "delete_right", show=False),
        Binding("ctrl+w,ctrl+backspace,alt+backspace", "delete_word_left", show=False),
        Binding("alt+delete,ctrl+delete", "delete_word_right", show=False),
        Binding("ctrl+x", "cut", N_("Cut"), show=False),
        Binding("ctrl+c", "copy", N_("Copy inside this program"), show=False),
        Binding("ctrl+v", "paste", N_("Paste"), show=False),
        Binding("ctrl+z", "undo", N_("Undo"), show=False),
        Binding("ctrl+y,ctrl+shift+z", "redo", N_("Redo"), show=False),
    ]
    DEFAULT_CSS = """
    Editor { border: none; padding: 0 1; background: $background; }
    Editor:focus { border: none; }
    Editor.small { height: auto; min-height: 2; max-height: 8; background: $surface; }
    Editor.small:focus { background: $panel; }
    """

    def __init__(self, text: str = "", **named: Any) -> None:
        super().__init__("", max_checkpoints=_UNDO, highlight_cursor_line=False, **named)
        self.cursor_blink = False
        self.match_cursor_bracket = False
        if text:
            self._set_document(text, None)

    def _set_document(self, text: str, language: str | None) -> None:
        del language
        self.document = Lines(text)
        self.wrapped_document = Rows(self.document)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self.move_cursor((0, 0))
        self._rewrap_and_refresh_virtual_size()

    def find_matching_bracket(self, bracket: str, search_from: Location) -> Location | None:
        """Look for none: in a long text that takes longer than writing."""
        return None

    def _widths(self) -> set[int]:
        """Return the cells of a row without a scroll bar and with one."""
        bar, width = self.styles.scrollbar_size_vertical, self.wrap_width
        return {width, width + bar if self.show_vertical_scrollbar else width - bar}

    def _rewrap_and_refresh_virtual_size(self) -> None:
        """Break the text into rows of another width; a long one beside the screen, which shows the old rows till then.

        Of a text that was not broken yet these are the beginnings of its lines.
        """
        rows = self.wrapped_document
        if (
            isinstance(rows, Rows) and self.is_attached and self.wrap_width and not rows.is_prepared(self.wrap_width)
            and sum(map(len, self.document.lines)) > _LONG
        ):  # fmt: skip
            begin = functools.partial(self._rewrap, rows)
            self.run_worker(begin, group="rows", exclusive=True)  # type: ignore[arg-type]
            return
        super()._rewrap_and_refresh_virtual_size()

    async def _rewrap(self, rows: Rows) -> None:
        await asyncio.to_thread(rows.prepare, list(self.document.lines), self._widths())
        self._rewrap_and_refresh_virtual_size()
        self.scroll_cursor_visible()

    # -- showing ------------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Return one row as it is shown."""
        width = self.scrollable_content_region.width
        base, theme = self.rich_style, self._theme
        wrapped = self.wrapped_document
        found = wrapped.row(y + self.scroll_offset.y) if isinstance(wrapped, Rows) else None
        if found is None or not isinstance(wrapped, Rows):
            return Strip.blank(self.size.width, base)
        line, first, last = found
        if not wrapped.width:
            last = min(last, first + width)
        text = Text(wrapping.visible(self.document[line][first:last]) + " ", end="", no_wrap=True)
        if wrapped.height == 1 and first == last:
            text.append(str(self.placeholder), style="dim italic")
        (top, top_column), (bottom, bottom_column) = sorted(self.selection)
        if theme.selection_style and not self.selection.is_empty and top <= line <= bottom:
            begin = max(0, top_column - first) if line == top else 0
            end = min(bottom_column, last) - first if line == bottom else len(text)
            if begin < end:
                text.stylize(theme.selection_style, begin, end)
        row, column = self.selection.end
        at_end = column == last and last == len(self.document[line])
        if row == line and (first <= column < last or at_end) and self._draw_cursor and theme.cursor_style:
            end = column + 1
            while end < last and wrapping.cells_of(self.document[line][end]) == 0:
                end += 1
            text.stylize(theme.cursor_style, column - first, end - first)
        text.expand_tabs(wrapping.TAB)
        return Strip(text.render(self.app.console)).adjust_cell_length(width).apply_style(base)

    # -- moving and deleting ------------------------------------------------------------------------------------------

    def get_cursor_left_location(self) -> Location:
        """Return where the letter before the cursor begins: an accent or vowel sign is not stopped at."""
        line, column = self.navigator.get_location_left(self.cursor_location)
        while 0 < column < len(self.document[line]) and wrapping.cells_of(self.document[line][column]) == 0:
            column -= 1
        return line, column

    def get_cursor_right_location(self) -> Location:
        """Return where the letter after the cursor begins."""
        line, column = self.navigator.get_location_right(self.cursor_location)
        while 0 < column < len(self.document[line]) and wrapping.cells_of(self.document[line][column]) == 0:
            column += 1
        return line, column

    def action_delete_left(self) -> None:
        """Delete what is marked, or the last sign before the cursor: of a Tibetan letter its vowel alone."""
        start, end = self.selection
        self._delete_via_keyboard(start, self.navigator.get_location_left(end) if start == end else end)

    def action_whole_start(self) -> None:
        """Go to the beginning."""
        self.move_cursor((0, 0))

    def action_whole_end(self) -> None:
        """Go to the end."""
        self.move_cursor(self.document.end)

    # -- taking text in -----------------------------------------------------------------------------------------------

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        if self.read_only:
            return
        # A terminal sends a line's end as a carriage return.
        text = event.text.replace("\r\n", "\n").replace("\r", "\n")
        longest = api.MAX_TEXT
        if len(text) > longest or len(text) + len(self.text) - len(self.selected_text) > longest:
            told = _("That is longer than a text can be ({count} signs): attach it as a file.", count=f"{longest:,}")
            self.app.notify(told, severity="warning", markup=False)
            return
        rows = self.wrapped_document
        if len(text) > _LONG and isinstance(rows, Rows):
            await asyncio.to_thread(self._prepare, rows, text, *sorted(self.selection))
        if result := self._replace_via_keyboard(text, *self.selection):
            self.move_cursor(result.end_location)

    def _prepare(self, rows: Rows, text: str, start: Location, end: Location) -> None:
        """Break a long text into rows beside the screen, which goes on meanwhile; keys for this text wait behind it."""
        lines = text.split("\n")
        lines[0] = self.document[start[0]][: start[1]] + lines[0]
        lines[-1] += self.document[end[0]][end[1] :]
        rows.prepare(lines, self._widths())
