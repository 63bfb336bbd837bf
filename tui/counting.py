"""How long a text is, as people count: Chinese characters, Tibetan syllables, words of scripts that are spaced."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from tui.i18n import listed, ngettext
from tui.text import is_hidden

_HAN = re.compile("[\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_SYLLABLE = re.compile("[\u0f00\u0f20-\u0f33\u0f40-\u0fbc]+")
_WORD = re.compile(r"\S*[^\W_]\S*")


@dataclass(frozen=True, slots=True)
class Count:
    """The length of a text.

    Attributes:
        characters: All but spaces and line ends.
        han: Chinese characters.
        syllables: Tibetan syllables.
        words: Words of other scripts, between spaces.
        hidden: Marks that nobody sees, for example such that turn the direction of writing.
    """

    characters: int = 0
    han: int = 0
    syllables: int = 0
    words: int = 0
    hidden: int = 0

    def told(self) -> str:
        """Return it in words: only what there is."""
        parts = []
        if self.han:
            parts.append(ngettext("{count} Chinese character", "{count} Chinese characters", self.han))
        if self.syllables:
            parts.append(ngettext("{count} Tibetan syllable", "{count} Tibetan syllables", self.syllables))
        if self.words or not parts:
            parts.append(ngettext("{count} word", "{count} words", self.words))
        parts.append(ngettext("{count} sign", "{count} signs", self.characters))
        if self.hidden:
            parts.append(ngettext("! {count} hidden mark", "! {count} hidden marks", self.hidden))
        return listed(parts)


def hidden_in(text: str) -> int:
    """Return how many marks a text holds that nobody sees."""
    return sum(number for character, number in Counter(text).items() if is_hidden(character))


def count(text: str) -> Count:
    """Count a text of any length."""
    spaces = sum(number for character, number in Counter(text).items() if character.isspace())
    rest, han = _HAN.subn(" ", text)
    rest, syllables = _SYLLABLE.subn(" ", rest)
    return Count(len(text) - spaces, han, syllables, sum(1 for _ in _WORD.finditer(rest)), hidden_in(text))
