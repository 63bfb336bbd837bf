"""The words of a recovery share in numbered columns, shown or typed; never in a message or a reactive attribute."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from vault import api

_ROWS = 11
_WIDTH = 18
_LONGEST = 12
_HIDDEN = "·····"
_MOVES = {"up": -1, "down": 1, "left": -_ROWS, "right": _ROWS}


class ShareWords(Widget, can_focus=True):
    """Thirty-three numbered places, read from above to below; what is typed stays visible, so that it can be compared.

    Args:
        words: What is shown; empty where everything is typed.
        places: The places, from 0, that are typed; the others are hidden then. None: all of them.
        named: As of `Widget`.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = "ShareWords { height: 11; width: 56; margin-top: 1; }"

    class Submitted(Message):
        """All places were filled and Enter pressed; the words are fetched with `take`."""

    def __init__(self, words: str = "", places: Sequence[int] | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown = words.split()
        self._places = [] if words else list(range(api.recovery.WORDS_PER_SHARE)) if places is None else list(places)
        self._typed = dict.fromkeys(self._places, "")
        self._at = 0
        self.can_focus = not words

    # -- showing ------------------------------------------------------------------------------------------------------

    def render(self) -> Text:
        """Return the words in three columns."""
        told = Text(no_wrap=True)
        for row in range(_ROWS):
            for place in range(row, api.recovery.WORDS_PER_SHARE, _ROWS):
                told.append(f"{place + 1:>2}. ", "dim")
                told.append_text(self._cell(place))
            told.append("\n")
        return told

    def _cell(self, place: int) -> Text:
        if self._shown:
            return Text(self._shown[place].ljust(_WIDTH - 4), "bold")
        if place not in self._typed:
            return Text(_HIDDEN.ljust(_WIDTH - 4), "dim")
        word, here = self._typed[place], self.has_focus and self._places[self._at] == place
        wrong = bool(word) and not here and not api.recovery.is_word(word)
        return Text((word + ("│" if here else " ✗" if wrong else "" if word else "_____")).ljust(_WIDTH - 4),
                    "reverse" if here else "bold")  # fmt: skip

    def on_focus(self) -> None:
        """Show the place of typing."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide the place of typing."""
        self.refresh()

    # -- typing -------------------------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """Take a key; not as bindings, which would come after letters that were typed later."""
        if not self._places:
            return
        key = event.key
        if key in _MOVES:
            self._move(_MOVES[key])
        elif key in ("space", "enter"):
            self._next()
        elif key == "backspace":
            self._rub_out()
        elif key == "ctrl+u":
            self.clear()
        elif event.is_printable and event.character and event.character.isalpha():
            self._add(event.character)
        else:
            return
        event.stop()
        event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        """Take words, one to a place; numbers and dots between them are left out."""
        event.stop()
        event.prevent_default()
        if not self._places:
            return
        words = "".join(one if one.isalpha() else " " for one in event.text).split()
        for place, word in enumerate(words):
            if place:
                self._next(submit=False)
            self._add(word)

    def _add(self, letters: str) -> None:
        place = self._places[self._at]
        self._typed[place] = (self._typed[place] + letters.lower())[:_LONGEST]
        self.refresh()

    def _next(self, *, submit: bool = True) -> None:
        """Go on to the next place; when all are filled, answer."""
        full = all(self._typed.values())
        if submit and full:
            self.post_message(self.Submitted())
        elif self._at + 1 < len(self._places):
            self._at += 1
        self.refresh()

    def _rub_out(self) -> None:
        """Take back the last letter, or go back to the place before."""
        place = self._places[self._at]
        if self._typed[place]:
            self._typed[place] = self._typed[place][:-1]
        else:
            self._at = max(0, self._at - 1)
        self.refresh()

    def _move(self, by: int) -> None:
        if 0 <= self._at + by < len(self._places):
            self._at += by
            self.refresh()

    def clear(self) -> None:
        """Empty all places."""
        self._typed = dict.fromkeys(self._places, "")
        self._at = 0
        self.refresh()

    def take(self) -> str:
        """Return what was typed, in order, separated by single spaces; empty places are left out."""
        return " ".join(filter(None, (self._typed[place] for place in self._places)))
