"""The full-text index: puts texts in, takes them out without a trace, finds the newest that hold all words asked for.

Works on an open connection of the store, inside the caller's transaction; needs `secure_delete=ON`. Rows are numbers
that the caller gives, and a higher number is newer. Texts go through `folding.fold` both ways, and what a person asks
for becomes quoted tokens, never an expression of FTS5.

Taking a text out removes its words from every list of the index at once. What FTS5 leaves is a few words, or beginnings
of words, as separators between its pages; `tidy` rewrites the index in short steps until those are gone too.

Never: commits, ranks, keeps the original text (snippets are made from what `text_of` hands over), logs what was asked.

Spec: docs/adr/0010-search.md, https://sqlite.org/fts5.html
"""

from __future__ import annotations

import re
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Final

from vault.errors import RefusedError
from vault.store.folding import BARRIER, FOLDING_VERSION, clusters, fold, fold_cluster

Connection = Any
"""An open connection with `execute`, as sqlite3 has it."""

MAX_WORDS: Final = 2000
"""The longest thing to ask for, in characters."""
MAX_TOKENS: Final = 64
"""Tokens in one thing asked for: letters of Chinese, words of other scripts."""
MAX_LIMIT: Final = 1000
SNIPPET: Final = 120
"""Characters of a snippet, at most, without the marks for what was left out."""

_STEP: Final = 500
"""Pages that one step of `tidy` rewrites: 0.1 s where it was measured."""
_BEFORE: Final = 30
_WINDOW: Final = 4000
_OVERLAP: Final = 200
_SEARCHED: Final = 64_000
"""Characters of a text in which a snippet looks for the words; behind them it shows the beginning."""
_MAX_LAST_ROW: Final = 2**63 - 1


def index(connection: Connection, row: int, texts: Sequence[str]) -> None:
    """Put a record's texts into the index under a new row; no phrase will match across two of them.

    Args:
        connection: In a transaction.
        row: 1 or more, not in the index.
        texts: As typed.

    Raises:
        ValueError: The row is in the index.
    """
    if row < 1 or _stored(connection, row) is not None:
        raise ValueError("a row is indexed once, and counts from 1")
    tokens = f" {BARRIER} ".join(filter(None, map(fold, texts)))
    if not tokens:
        return
    connection.execute("INSERT INTO search_index (rowid, tokens) VALUES (?, ?)", (row, tokens))
    packed = zlib.compress(tokens.encode(), 1)
    connection.execute("INSERT INTO search_text (serial, tokens) VALUES (?, ?)", (row, packed))


def unindex(connection: Connection, row: int, *, superseded: bool = False) -> None:
    """Take a row's text out of the index; it may be a row that is not in it.

    The row is not found any more, and its words are overwritten, when this is committed. Unless `superseded`, the index
    is marked for `tidy`, which the caller then runs until it answers False: also for a row that is not in it, as one
    without a word, because the words of the versions before it may be in the index still.

    Args:
        connection: In a transaction.
        row: As given to `index`.
        superseded: A newer version takes its place while the older one stays in the store, so its words need not go
            at once and no `tidy` is needed. They go with the next `tidy`.
    """
    tokens = _stored(connection, row)
    if tokens is not None:
        connection.execute("DELETE FROM search_text WHERE serial = ?", (row,))
        delete = "INSERT INTO search_index (search_index, rowid, tokens) VALUES ('delete', ?, ?)"
        # Overwriting in place takes ten times as long as noting that the row has gone. The next rewrite, at the latest
        # when any version of this record is deleted, leaves out what was noted.
        if superseded:
            _set_secure_delete(connection, False)
        connection.execute(delete, (row, tokens))
        if superseded:
            _set_secure_delete(connection, True)
    if not superseded:
        # A rewrite under way may have passed these words already: then it is done once more.
        connection.execute("UPDATE search_state SET tidy = CASE WHEN tidy < 2 THEN 1 ELSE 3 END")


def _set_secure_delete(connection: Connection, on: bool) -> None:
    connection.execute("INSERT INTO search_index (search_index, rank) VALUES ('secure-delete', ?)", (int(on),))


def tidy(connection: Connection) -> bool:
    """Do one step, about 0.1 s, of getting rid of removed words between pages; call it in a transaction of its own.

    It goes on where it stopped, also after a crash: until it has answered False, it is to be called again, at the
    latest after the next unlock.

    Returns:
        True when there is more to do.
    """
    (state,) = connection.execute("SELECT tidy FROM search_state").fetchone()
    if state == 0:
        return False
    pages = _STEP
    if state == 1:
        # FTS5 merges nothing into a single segment, so there is a second one: row 0 with a token nobody can ask for.
        if connection.execute("SELECT 1 FROM search_index WHERE search_index MATCH ?", (f'"{BARRIER}0"',)).fetchone():
            connection.execute("UPDATE search_state SET tidy = 2")
            pages = -_STEP  # a negative number starts with every segment, a positive one goes on
        else:
            connection.execute("INSERT INTO search_index (rowid, tokens) VALUES (0, ?)", (f"{BARRIER}0",))
            return True
    changes = _changes(connection)
    connection.execute("INSERT INTO search_index (search_index, rank) VALUES ('merge', ?)", (pages,))
    if _changes(connection) - changes >= 2:  # https://sqlite.org/fts5.html#the_merge_command: less means finished
        return True
    connection.execute(
        "INSERT INTO search_index (search_index, rowid, tokens) VALUES ('delete', 0, ?)", (f"{BARRIER}0",)
    )
    connection.execute("UPDATE search_state SET tidy = CASE WHEN tidy = 3 THEN 1 ELSE 0 END")
    return bool(state == 3)


def _changes(connection: Connection) -> int:
    (changes,) = connection.execute("SELECT total_changes()").fetchone()
    return int(changes)


def is_current(connection: Connection) -> bool:
    """True when the index is whole and of this release's folding; otherwise go on from `next_record`."""
    (version, following) = connection.execute("SELECT folding, next FROM search_state").fetchone()
    return (version, following) == (FOLDING_VERSION, 0)


def next_record(connection: Connection) -> int:
    """Return the serial from which on records are to be indexed anew, 0 where none is; call it in a transaction.

    An index of another folding is emptied first.
    """
    (version, following) = connection.execute("SELECT folding, next FROM search_state").fetchone()
    if version != FOLDING_VERSION:
        _clear(connection)
        return 1
    return int(following)


def go_on_from(connection: Connection, serial: int) -> None:
    """Remember from which record on the index is still to be made, or with 0 that it is whole.

    Call it in the transaction that indexed the ones before, so that a kill loses neither.
    """
    connection.execute("UPDATE search_state SET next = ?", (serial,))


def _clear(connection: Connection) -> None:
    connection.execute("INSERT INTO search_index (search_index) VALUES ('delete-all')")
    connection.execute("DELETE FROM search_text")
    connection.execute("UPDATE search_state SET folding = ?, tidy = 0, next = 1", (FOLDING_VERSION,))


def find(
    connection: Connection, words: str, limit: int = 20, before: int | None = None, *, text_of: Callable[[int], str]
) -> list[tuple[int, str]]:
    """Return the newest rows whose texts hold all of `words`, with a snippet each, newest first.

    A word is what stands between spaces. Its letters must follow each other in the text; the last word of an alphabetic
    script may be the beginning of a longer one once it has two letters, a Tibetan syllable also with one letter when
    another syllable or word stands before it. Nothing in `words` is an operator.

    Args:
        connection: Open.
        words: As typed, at most `MAX_WORDS` characters.
        limit: How many at most, 1 to `MAX_LIMIT`.
        before: Only rows below this one: the last row of the page before.
        text_of: Returns the text of a row as typed; asked once per row returned.

    Returns:
        Nothing when `words` holds no letter and no digit.

    Raises:
        RefusedError: More than `MAX_WORDS` characters or `MAX_TOKENS` tokens.
    """
    phrases = _phrases(words)
    if not phrases:
        return []
    expression = " ".join(f'"{" ".join(tokens)}"{"*" if open_ended else ""}' for tokens, open_ended in phrases)
    rows = connection.execute(
        "SELECT rowid FROM search_index WHERE search_index MATCH ? AND rowid > 0 AND rowid < ?"
        " ORDER BY rowid DESC LIMIT ?",
        (expression, _MAX_LAST_ROW if before is None else before, max(1, min(limit, MAX_LIMIT))),
    ).fetchall()
    pattern = _pattern(phrases)
    return [(row, snippet(text_of(row), pattern)) for (row,) in rows]


def matcher(words: str) -> Callable[[str], bool]:
    """Return what says whether a short text that is in no index holds all of `words`, by the rules of `find`.

    Raises:
        RefusedError: As `find`.
    """
    patterns = [_pattern([phrase]) for phrase in _phrases(words)]

    def holds(text: str) -> bool:
        folded = fold(text)
        return bool(patterns) and all(pattern.search(folded) for pattern in patterns)

    return holds


def _stored(connection: Connection, row: int) -> str | None:
    found = connection.execute("SELECT tokens FROM search_text WHERE serial = ?", (row,)).fetchone()
    return zlib.decompress(found[0]).decode() if found else None


# -- what is asked for ------------------------------------------------------------------------------------------------

_Phrase = tuple[list[str], bool]
"""Tokens that follow each other, and whether the last may be only the beginning of one."""


def _phrases(words: str) -> list[_Phrase]:
    if len(words) > MAX_WORDS:
        raise _too_much()
    phrases = [tokens for word in words.split() if (tokens := fold(word).split())]
    if sum(map(len, phrases)) > MAX_TOKENS:
        raise _too_much()
    return [(tokens, _open_ended(tokens[-1], first=at == 0 and len(tokens) == 1)) for at, tokens in enumerate(phrases)]


def _open_ended(token: str, *, first: bool) -> bool:
    if len(token) > 1:
        return True
    # A Tibetan syllable is often one letter, to which case endings are written: དགོན་པ, དགོན་པར.
    return not first and "\u0f40" <= token <= "\u0f6c"


def _too_much() -> RefusedError:
    return RefusedError("That is too long to search for.", "Search for a few words.")


# -- snippets ---------------------------------------------------------------------------------------------------------


def _pattern(phrases: list[_Phrase]) -> re.Pattern[str]:
    """Return what finds any of the phrases in folded text; longer ones are tried first."""
    parts = [
        r"\s+".join(map(re.escape, tokens)) + ("" if open_ended else r"(?!\S)")
        for tokens, open_ended in sorted(phrases, key=lambda phrase: -sum(map(len, phrase[0])))
    ]
    return re.compile(rf"(?<!\S)(?:{'|'.join(parts)})")


def snippet(text: str, pattern: re.Pattern[str]) -> str:
    """Return at most `SNIPPET` characters of `text` around the first match, as typed but on one line.

    "…" stands for what was left out before or behind. Without a match it is the beginning of the text.
    """
    middle = next(_matches(text, pattern), 0)
    # Whole clusters only: a mark must not lose its letter.
    start = max(0, middle - _BEFORE)
    pieces = clusters(text[start : start + SNIPPET + 1])
    if start and len(pieces) > 1:
        start += len(pieces.pop(0))
    shown = "".join(pieces)
    if start + len(shown) < len(text) and len(pieces) > 1:
        shown = "".join(pieces[:-1])
    end = start + len(shown)
    return ("…" if start else "") + " ".join(shown.split()) + ("…" if end < len(text) else "")


def _matches(text: str, pattern: re.Pattern[str]) -> Iterator[int]:
    """Yield where in the original text something matches, window by window."""
    for start in range(0, min(len(text), _SEARCHED), _WINDOW - _OVERLAP):
        pieces = clusters(text[start : start + _WINDOW])
        folded = list(map(fold_cluster, pieces))
        found = pattern.search("".join(folded))
        if found:
            ends = list(accumulate(map(len, folded)))
            yield start + sum(map(len, pieces[: bisect_right(ends, found.start())]))
