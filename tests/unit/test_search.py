"""Search: finds words of every script, newest first; takes text out so that no byte of it stays in the file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import sqlcipher3
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vault.errors import RefusedError
from vault.store import search
from vault.store.migrations import statements

TEXTS = {
    1: "律師被拘留在北京,隨後監視居住。",
    2: "王全璋律师 was in detention. Une détention arbitraire, Ёлка.",
    3: "ئىلھام توختى قاماققا ئېلىندى",
    4: "བཀྲ་ཤིས་དབང་ཕྱུག་བཙོན་བཅུག",
    5: "ол қамауға алынды; \u0674تىل قازاق تــىلى",
    6: "བ ད are letters, not the word",
}
MONASTERY = "ཁོང་དགོན་པར་ཕྱིན།"


def new_index(path: str = ":memory:") -> Any:
    """Return the search tables alone in a database without encryption, so that its pages can be read."""
    connection = sqlcipher3.connect(path, isolation_level=None)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    steps = resources.files("vault.store").joinpath("steps")
    names = ("0002_search.sql", "0006_search_rebuild.sql", "0007_search_latin.sql")
    script = "".join(steps.joinpath(name).read_text("utf-8") for name in names)
    for statement in statements(script):
        connection.execute(statement)
    return connection


@pytest.fixture
def connection() -> Any:
    connection = new_index()
    for row, text in TEXTS.items():
        search.index(connection, row, [text])
    return connection


def rows(connection: Any, words: str, **options: Any) -> list[int]:
    return [row for row, _ in search.find(connection, words, text_of=lambda row: TEXTS.get(row, ""), **options)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("律师", [2, 1]),
        ("律師", [2, 1]),
        ("拘留", [1]),
        ("监视居住", [1]),
        ("監視居住", [1]),
        ("王全", [2]),
        ("全王", []),
        ("律师 拘留", [1]),
        ("拘留律师", []),
        ("律", [2, 1]),
        ("detention", [2]),
        ("détention", [2]),
        ("DETENT", [2]),
        ("etention", []),
        ("елка", [2]),
        ("ئىلھام", [3]),
        ("ئیلهام", [3]),
        ("قاماق", [3]),
        ("བཀྲ་ཤིས", [4]),
        ("བཙོན", [4]),
        ("བཀྲ་དབང", []),
        ("བོད", []),
        ("қамау", [5]),
        ("қамауға алынды", [5]),
        ("قازاق تىل", [5]),
        ("تىل", [5]),
        ("", []),
        (" ,.!() ", []),
    ],
)
def test_finds_words_of_every_script(connection: Any, words: str, found: list[int]) -> None:
    assert rows(connection, words) == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("དགོན་པ", [7]),  # the ending is written to the last syllable
        ("དགོན་པ་", [7]),
        ("དགོན པ", [7]),
        ("དགོན་པར", [7]),
        ("པ", []),  # alone it is a word of its own
        ("པ དགོན", []),
        ("དགོན་བ", []),
        ("ཁོང་པ", []),  # the syllables must still follow each other
        ("detention a", []),  # other scripts: one letter is a word
    ],
)
def test_a_last_tibetan_syllable_of_one_letter_may_have_an_ending(
    connection: Any, words: str, found: list[int]
) -> None:
    search.index(connection, 7, [MONASTERY])
    assert rows(connection, words) == found
    if found:
        ((_, shown),) = search.find(connection, words, text_of=lambda row: "ཀ་" * 200 + MONASTERY)
        assert "དགོན་པར" in shown


def test_newest_first_and_page_by_page() -> None:
    connection = new_index()
    for row in range(1, 51):
        search.index(connection, row, ["律师"])
    first = rows(connection, "律师")
    assert first == list(range(50, 30, -1))
    assert rows(connection, "律师", before=first[-1]) == list(range(30, 10, -1))
    assert rows(connection, "律师", before=11, limit=3) == [10, 9, 8]
    assert rows(connection, "律师", before=1) == []
    assert len(rows(connection, "律师", limit=10**9)) == 50
    assert len(rows(connection, "律师", limit=-5)) == 1


OPERATORS = st.sampled_from(
    [
        "NEAR(a b)",
        '"',
        '""',
        "AND",
        "OR",
        "NOT",
        "(",
        ")",
        "*",
        "^",
        "tokens:",
        "{tokens}",
        "-",
        "+",
        "a",
        "律",
        "\0",
        "\ud800",
        "'",
        ";",
    ]
)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.lists(OPERATORS, max_size=12).map(" ".join),
        st.lists(OPERATORS, max_size=12).map("".join),
        st.text(max_size=40),
    )
)
@example('"a" OR "律"')
@example("tokens : a")
@example('a" OR "b')
@example("\ud800\0")
def test_what_is_asked_for_is_never_an_expression(words: str) -> None:
    connection = new_index()
    for row, text in TEXTS.items():
        search.index(connection, row, [text])
    for row in rows(connection, words):
        folded = f" {search.fold(TEXTS[row])} "
        for word in words.split():
            assert f" {search.fold(word)}" in folded


def test_operators_are_words() -> None:
    connection = new_index()
    search.index(connection, 1, ["cats or dogs"])
    search.index(connection, 2, ["cats"])
    search.index(connection, 3, ["not near and"])
    assert rows(connection, "cats OR dogs") == [1]
    assert rows(connection, "NOT cats") == []
    assert rows(connection, "NEAR AND NOT") == [3]
    assert rows(connection, "tokens:cats") == []


@pytest.mark.parametrize("words", ["a" * (search.MAX_WORDS + 1), "律" * (search.MAX_TOKENS + 1)])
def test_too_much_is_refused_without_quoting_it(connection: Any, words: str) -> None:
    with pytest.raises(RefusedError) as refused:
        rows(connection, words)
    assert "律" not in str(refused.value) and "aa" not in str(refused.value)


def test_a_phrase_does_not_reach_from_one_text_into_the_next() -> None:
    connection = new_index()
    search.index(connection, 1, ["王全", "", "璋律师"])
    assert rows(connection, "全璋") == []
    assert rows(connection, "王全 律师") == [1]
    assert rows(connection, search.BARRIER) == []
    assert rows(connection, search.BARRIER + "0") == []


def test_a_row_is_indexed_once(connection: Any) -> None:
    with pytest.raises(ValueError, match="once"):
        search.index(connection, 1, ["again"])
    with pytest.raises(ValueError, match="once"):
        search.index(connection, 0, ["zero"])


def test_the_same_row_can_be_filled_again(connection: Any) -> None:
    search.unindex(connection, 1)
    search.unindex(connection, 1)
    search.unindex(connection, 999)
    assert rows(connection, "拘留") == []
    search.index(connection, 1, ["拘留"])
    assert rows(connection, "拘留") == [1]
    search.index(connection, 7, ["...", ""])
    search.unindex(connection, 7)


def finish(connection: Any) -> int:
    steps = 1
    while search.tidy(connection):
        steps += 1
        assert steps < 10_000
    return steps


def marks(row: int) -> list[str]:
    """Words that differ only at their end, so that FTS5 must keep them whole where it separates pages."""
    return [f"secretname{number:07d}" for number in range(row * 8, row * 8 + 8)]


def tails(row: int) -> list[str]:
    """Words that no other begins like: FTS5 stores them whole, or without the first few characters."""
    return [hashlib.sha256(f"{row}/{number}".encode()).hexdigest()[:24] for number in range(4)]


def remains(path: Path, gone: Iterable[int]) -> tuple[int, int]:
    """Return how many words of these rows stand in the file: as separators of pages, and in the lists."""
    content = path.read_bytes()
    whole = [word for row in gone for word in marks(row) if word.encode() in content]
    ends = [word for row in gone for word in tails(row) if word[8:].encode() in content]
    return len(whole), len(ends)


def fill(path: Path, last: int) -> Any:
    connection = new_index(str(path))
    connection.execute("PRAGMA synchronous = OFF")
    for row in range(1, last + 1):
        connection.execute("BEGIN")
        search.index(connection, row, [" ".join([*marks(row), *tails(row), "common", "拘留"])])
        connection.execute("COMMIT")
    return connection


@pytest.mark.parametrize("rewritten", [False, True])
def test_deleted_words_leave_no_byte_in_the_file(tmp_path: Path, rewritten: bool) -> None:
    path = tmp_path / "plain.db"
    connection = fill(path, 1000)
    if rewritten:  # everything in one segment, which FTS5 by itself would not rewrite again
        connection.execute("INSERT INTO search_index (search_index) VALUES ('optimize')")
    gone = range(5, 1001, 2)
    assert remains(path, gone)[1] == 4 * len(gone)  # so what is looked for can be seen
    for row in gone:
        connection.execute("BEGIN")
        search.unindex(connection, row)
        connection.execute("COMMIT")
    separators, in_lists = remains(path, gone)
    assert separators > 0 and in_lists == 0  # the reason for `tidy`
    finish(connection)
    assert remains(path, gone) == (0, 0)
    assert remains(path, [1, 2, 3, 4])[1] == 16
    assert len(rows(connection, "common 拘留", limit=1000)) == 1000 - len(gone)
    connection.execute("INSERT INTO search_index (search_index) VALUES ('integrity-check')")


def test_a_removal_during_the_rewrite_is_rewritten_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_STEP", 1)
    path = tmp_path / "plain.db"
    connection = fill(path, 400)
    search.unindex(connection, 2)
    steps = finish(connection)
    search.unindex(connection, 3)
    for _ in range(steps - 2):
        assert search.tidy(connection)
    gone = range(4, 400)
    for row in gone:
        search.unindex(connection, row)
    assert remains(path, gone)[0] > 0
    finish(connection)
    assert remains(path, gone) == (0, 0)
    assert rows(connection, marks(1)[0]) == [1]


def test_tidy_goes_on_after_a_new_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_STEP", 1)
    path = tmp_path / "plain.db"
    connection = fill(path, 300)
    assert not search.tidy(connection)
    search.unindex(connection, 7)
    assert search.tidy(connection) and search.tidy(connection) and search.tidy(connection)
    connection.close()
    connection = sqlcipher3.connect(str(path), isolation_level=None)
    connection.execute("PRAGMA secure_delete = ON")
    assert finish(connection) > 1
    assert not search.tidy(connection)
    assert remains(path, [7]) == (0, 0)


def test_a_superseded_text_asks_for_no_rewrite(connection: Any) -> None:
    search.unindex(connection, 1, superseded=True)
    assert not search.tidy(connection)
    assert rows(connection, "拘留") == []


def test_superseded_words_go_with_the_next_rewrite(tmp_path: Path) -> None:
    path = tmp_path / "plain.db"
    connection = fill(path, 200)
    for row in range(10, 20):
        search.unindex(connection, row, superseded=True)
    search.unindex(connection, 30)
    finish(connection)
    assert remains(path, [*range(10, 20), 30]) == (0, 0)
    assert len(rows(connection, "common", limit=1000)) == 189


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from(["index", "unindex", "superseded", "tidy", "both", "again"]), max_size=40), st.randoms()
)
def test_any_order_of_work_finds_what_is_there(steps: list[str], random: Any) -> None:
    connection = new_index()
    there: dict[int, str] = {}
    row = 0
    for step in steps:
        connection.execute("BEGIN")
        if step in ("unindex", "superseded", "both") and there:
            gone = random.choice(sorted(there))
            del there[gone]
            search.unindex(connection, gone, superseded=step != "unindex")
        if step == "again" and there:
            same = random.choice(sorted(there))
            there[same] = random.choice(["律师", "律师拘留", "拘留"])
            search.unindex(connection, same, superseded=True)
            search.index(connection, same, [there[same]])
        if step in ("index", "both"):
            row += 1
            there[row] = random.choice(["律师", "律师拘留", "拘留", "detention 律师"])
            search.index(connection, row, [there[row]])
        if step == "tidy":
            search.tidy(connection)
        connection.execute("COMMIT")
        for words in ("律师", "拘留", "deten"):
            assert rows(connection, words, limit=100) == [n for n in sorted(there, reverse=True) if words in there[n]]
    finish(connection)
    assert rows(connection, "律师", limit=100) == [n for n in sorted(there, reverse=True) if "律师" in there[n]]
    connection.execute("INSERT INTO search_index (search_index) VALUES ('integrity-check')")


def test_an_index_of_another_folding_is_noticed_and_cleared(connection: Any) -> None:
    assert search.is_current(connection)
    connection.execute("UPDATE search_state SET folding = 0")
    assert not search.is_current(connection)
    assert search.next_record(connection) == 1
    assert not search.is_current(connection), "a kill here must not pass for a whole index"
    search.go_on_from(connection, 7)
    assert search.next_record(connection) == 7
    search.go_on_from(connection, 0)
    assert search.is_current(connection)
    assert rows(connection, "律师") == []
    search.index(connection, 1, ["律师"])
    assert rows(connection, "律师") == [1]


def one_snippet(text: str, words: str) -> str:
    connection = new_index()
    search.index(connection, 1, [text])
    return search.find(connection, words, text_of=lambda row: text)[0][1]


def test_snippets_show_the_text_as_typed_around_the_word() -> None:
    filler = "他們說了很多話。" * 100
    found = one_snippet(f"{filler}後來\n律師Zhāng 被監視居住了。{filler}", "监视居住 zhang")
    assert "律師Zhāng 被監視居住了" in found
    assert found.startswith("…") and found.endswith("…") and "\n" not in found
    assert len(found) <= search.SNIPPET + 2


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("short détention", "detention", "short détention"),
        ("x" * 300 + " e\u0301te\u0301", "été", "e\u0301te\u0301"),
        ("བོད་" * 80 + "བཙོན", "བཙོན", "བཙོན"),
        ("a " * 5000 + "needle in it", "needle", "needle in it"),
        ("\ud800 broken 律", "律", "broken 律"),
    ],
)
def test_snippets_of_every_script(text: str, words: str, expected: str) -> None:
    assert expected in one_snippet(text, words)


def test_a_very_long_text_gets_its_beginning() -> None:
    assert one_snippet("beginning " * 20_000 + "needle", "needle").startswith("beginning")


@settings(deadline=None)
@given(st.text(max_size=400), st.text(max_size=6))
def test_snippets_are_bounded_and_never_fail(text: str, words: str) -> None:
    pattern = search._pattern(search._phrases(words + " 律"))
    found = search.snippet(text, pattern)
    assert len(found) <= search.SNIPPET + 2
    assert all(part in text for part in found.replace("…", " ").split())
