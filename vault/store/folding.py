"""Makes one searchable spelling of a text: what is indexed, and what is asked for, go through the same `fold`.

The result is a row of tokens with single spaces between them; a token is nothing but letters, digits and the marks that
belong to them. Every Han character is a token of its own, so that words need no dictionary; Traditional, Simplified,
Hong Kong and Taiwan forms of a character become one; so do Arabic-script letters that keyboards and fonts confuse.

Never: changes what is stored (records keep their text as typed), guesses a language, runs code of the table's library,
keeps a text. The table of Chinese characters is read when the first of them is met, about 10 ms.

Spec: docs/adr/0010-search.md; Unicode Standard Annex #15 (normalisation). The tokens are those of the FTS5 tokenizer
``unicode61 categories 'L* N* Co M*'``.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from vault.errors import DamagedError

FOLDING_VERSION: Final = 3
"""Rises whenever `fold` gives another result for any text, a new release of the table included: then index anew."""

BARRIER: Final = "\uf8ff"
"""A token that `fold` never gives; it stands between texts, so that no phrase reaches from one into the next."""

_LIBRARY: Final = "opencc_purepy"
_TABLES: Final = ("TSCharacters.txt", "HKVariants.txt", "TWVariants.txt")

_ACCENTS = re.compile("(?<![\u0400-\u052f\u0300-\u036f])[\u0300-\u036f]+")
"""Accents, except on Cyrillic letters: й and ї are letters of their own, é is e."""

_COMPOSING: Final = ((0x1160, 0x11FF), (0x16D63, 0x16D6A))
"""Letters, not marks, that normalisation joins to the letter before: Hangul jamo, Kirat Rai vowels."""

_HAN: Final = (
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_SPACED: Final = (*_HAN, (0x3041, 0x3096), (0x309D, 0x309F), (0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x3105, 0x312F))
"""Scripts written without spaces whose characters stand alone: Han, kana, bopomofo (first and last code point)."""

_SILENT: Final = ((0x0300, 0x036F), (0x064B, 0x065F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
"""Marks that carry no letter: stress on Cyrillic, Arabic vowel signs, variation selectors."""

_LETTERS: Final = {
    "ى": "ي",  # Uyghur, Kazakh and Farsi forms of yeh: keyboards mix them
    "ی": "ي",
    "ھ": "ه",  # heh, and Uyghur ae: fonts without Uyghur letters use plain heh for both
    "ە": "ه",
    "ہ": "ه",
    "ۀ": "ه",
    "ة": "ه",
    "ک": "ك",
    "ڪ": "ك",
    "أ": "ا",  # letters with a hamza or madda: Kazakh types it before the word, Arabic leaves it out
    "إ": "ا",
    "آ": "ا",
    "ٱ": "ا",
    "ؤ": "و",
    "ء": "",  # U+0621, in Kazakh often typed for the high hamza
    "\u0674": "",  # the Kazakh high hamza
    "\u0640": "",  # tatweel only stretches a word
    "\u0670": "",
    "ё": "е",
    "ı": "i",
    "æ": "ae",  # Latin letters that Unicode does not take apart: cœur is typed coeur, Łódź Lodz, Đặng Dang
    "œ": "oe",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ħ": "h",
    "ŧ": "t",
    BARRIER: " ",
}


def fold(text: str) -> str:
    """Return the searchable spelling of `text`: tokens separated by single spaces, empty when it holds no word.

    Never fails: control characters, lone surrogates and everything else that is no letter, digit or mark only separate.
    The result is at most about 20 times as long as the text.
    """
    if text.isascii():
        return " ".join(text.lower().translate(_table).split())
    return " ".join(_plain(text).split())


def _plain(text: str) -> str:
    # What stands between letters and marks without being one goes first, and what it kept apart is put in order.
    parted = unicodedata.normalize("NFKD", text).casefold().translate(_between)
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", parted))
    # Once more at the end: letters between which a mark was left out may compose.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", plain).translate(_table))


def clusters(text: str) -> list[str]:
    """Split a text into characters with what belongs to them; joined again they are the text.

    Nothing that normalisation reorders or composes reaches from one cluster into the next, so that the clusters, each
    through `fold_cluster`, give the tokens of `fold`.
    """
    joining = "".join(sorted(filter(_joins.__getitem__, set(text))))
    return _splitter(joining).findall(text) if joining else list(text)


@lru_cache(maxsize=64)
def _splitter(joining: str) -> re.Pattern[str]:
    return re.compile(f".[{re.escape(joining)}]*", re.DOTALL)


@lru_cache(maxsize=8192)
def fold_cluster(cluster: str) -> str:
    """Return what one cluster contributes to the folded text, with a space on each side where it separates."""
    return _plain(cluster)


def _in(point: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= point <= last for first, last in ranges)


class _Joins(dict[str, bool]):
    """Whether a character stays with the one before, worked out when it is first met."""

    def __missing__(self, character: str) -> bool:
        # The decomposition decides: halfwidth and compatibility jamo become jamo, U+0F73 becomes two marks. Every
        # character with a combining class is a mark; marks without one may compose as well (U+09BE), or be dropped
        # before composing (U+034F), and none is to lose its letter. What is left out stays with the letter before: the
        # next one may compose with that.
        first = unicodedata.normalize("NFKD", character)[0]
        mark = unicodedata.category(first)[0] == "M" or _in(ord(first), _COMPOSING)
        joins = self[character] = mark or _table[ord(first)] == ""
        return joins


class _Table(dict[int, str]):
    """Replacement per code point, worked out when a character is first met."""

    def __missing__(self, point: int) -> str:
        replacement = self[point] = _replacement(point)
        return replacement


class _Between(dict[int, int | None]):
    """None for what is left out whatever is beside it, and has no place in the order of marks; else the character."""

    def __missing__(self, point: int) -> int | None:
        gone = _table[point] == "" and unicodedata.combining(chr(point)) == 0
        found = self[point] = None if gone else point
        return found


def _replacement(point: int) -> str:
    character = chr(point)
    if character in _LETTERS:
        return _LETTERS[character]
    if _in(point, _HAN):
        return f" {_variants().get(character, character)} "
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Mn" and _in(point, _SILENT):
        return ""
    if category == "Cf":
        return " " if character == "\u200b" else ""  # a zero-width space separates, joiners and bidi marks do not
    if category[0] in "LNM" or category == "Co":
        return f" {character} " if _in(point, _SPACED) else character
    return " "


@cache
def _variants() -> dict[str, str]:
    """Return, for every Chinese character that has other forms, the one that stands for all of them.

    Raises:
        DamagedError: The table is missing from the installation.
    """
    chosen: dict[str, str] = {}

    def root(character: str) -> str:
        while character in chosen:
            character = chosen[character]
        return character

    for name in _TABLES:
        for line in _read(name).splitlines():
            left, _, right = line.partition("\t")
            for other in right.split():
                if len(left) == len(other) == 1 and (one := root(left)) != (two := root(other)):
                    chosen[max(one, two)] = min(one, two)
    return {character: root(character) for character in chosen}


def _read(name: str) -> str:
    # Only the library's data is wanted: finding the package does not run it.
    spec = find_spec(_LIBRARY)
    try:
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError
        return Path(spec.submodule_search_locations[0], "dicts", name).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedError(
            "The table of Chinese characters is missing from this program.", "Install the program again."
        ) from error


_table = _Table()
_between = _Between()
_joins = _Joins()
