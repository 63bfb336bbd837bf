"""What the editor and the forms are made of: rows, counts, dates, differences."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui import dates
from tui.counting import count
from tui.telling import bare, leaving, plain
from tui.widgets import wrapping
from tui.widgets.difference import amount, compare, compare_records, told
from tui.widgets.document import Lines, Rows
from tui.widgets.editor import Editor
from vault import api

TEXT = st.text(st.sampled_from("字的，。（「ab \tཀྲ་ི་éü\u0301\u200d\u202eن🌈"), max_size=60)


# -- rows -------------------------------------------------------------------------------------------------------------


@given(TEXT, st.integers(2, 12))
def test_rows_fit_and_together_are_the_line(line, width):
    rows = wrapping.rows(line, wrapping.breaks(line, width))
    assert "".join(rows) == line
    for whole in rows:
        row = whole
        while row and (row[-1] == " " or wrapping.cells_of(row[-1]) == 0):
            row = row[:-1]
        assert wrapping.cells(row) <= max(width, wrapping.TAB)
    for row in rows[1:]:
        assert row
        assert wrapping.cells_of(row[0]) > 0 or not any(map(wrapping.cells_of, line))


@pytest.mark.parametrize(
    ("line", "width", "rows"),
    [
        ("他说：我被拘留了。后来", 16, ["他说：我被拘留", "了。后来"]),
        ("他说我被拘留，后来放了", 12, ["他说我被拘", "留，后来放了"]),
        ("在 2019 年被捕", 10, ["在 2019 年", "被捕"]),
        ("བཀྲ་ཤིས་བདེ་ལེགས", 7, ["བཀྲ་ཤིས་", "བདེ་ལེགས"]),
        ("one two three", 8, ["one two ", "three"]),
        ("Donaudampfschiff", 6, ["Donaud", "ampfsc", "hiff"]),
    ],
)
def test_a_line_is_broken_where_its_script_allows_it(line, width, rows):
    assert wrapping.rows(line, wrapping.breaks(line, width)) == rows


@given(st.lists(TEXT, min_size=1, max_size=5), st.integers(4, 12), st.data())
def test_rows_stay_right_through_any_edit(lines, width, data):
    document = Lines("\n".join(lines))
    rows = Rows(document, width)
    for _edit in range(3):
        ends = sorted(
            data.draw(
                st.tuples(st.integers(0, document.line_count - 1), st.integers(0, 40)).map(
                    lambda one: (one[0], min(one[1], len(document[one[0]])))
                )
            )
            for _end in range(2)
        )
        before = document.text
        new = data.draw(st.one_of(TEXT, st.just("a\nb\n"), st.just("")))
        start, end = (sum(len(one) + 1 for one in before.split("\n")[:row]) + column for row, column in ends)
        result = document.replace_range(ends[0], ends[1], new)
        rows.wrap_range(ends[0], ends[1], result.end_location)
        assert document.text == before[:start] + new + before[end:]
        assert result.replaced_text == before[start:end]
        fresh = Rows(document, width)
        assert [rows.row(y) for y in range(rows.height)] == [fresh.row(y) for y in range(fresh.height)]
        for row in range(document.line_count):
            for column in range(len(document[row]) + 1):
                place = rows.location_to_offset((row, column))
                found = rows.offset_to_location(place)
                assert wrapping.cells(document[row][min(column, found[1]) : max(column, found[1])]) == 0 or (
                    rows.row(place.y)[2] == column
                )


# -- the cursor -------------------------------------------------------------------------------------------------------


def test_the_cursor_steps_over_letters_and_backspace_takes_the_last_sign(at, vault):
    from textual.screen import Screen

    class Bare(Screen[None]):
        def compose(self):
            yield Editor("བཀྲ")

    async def story(person):
        person.app.push_screen(Bare())
        await person.settle()
        editor = person.app.screen.query_one(Editor)
        editor.focus()
        await person.press("end", "left")
        assert editor.cursor_location == (0, 1)
        await person.press("right")
        assert editor.cursor_location == (0, 3)
        await person.press("backspace")
        assert editor.text == "བཀ"

    at(story)


# -- counts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "han", "syllables", "words", "hidden"),
    [
        ("", 0, 0, 0, 0),
        ("他们在2018年带走了我。", 8, 0, 1, 0),
        ("བཀྲ་ཤིས་བདེ་ལེགས།", 0, 4, 0, 0),
        ("مېنىڭ ئىسمىم ئايسەنەم.", 0, 0, 3, 0),
        ("He said: “no” — twice.", 0, 0, 4, 0),
        ("a\u202eb \u200dc\x1b\n", 0, 0, 2, 2),
    ],
)
def test_texts_are_counted_as_people_count_them(text, han, syllables, words, hidden):
    found = count(text)
    assert (found.han, found.syllables, found.words, found.hidden) == (han, syllables, words, hidden)


# -- dates ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "value", "precision"),
    [
        ("2018", "2018", "year"),
        ("2018年", "2018", "year"),
        ("2018-2", "2018-02", "month"),
        ("2018年2月", "2018-02", "month"),
        ("2018/2/3", "2018-02-03", "day"),
        (" 2018年2月3日 ", "2018-02-03", "day"),
        ("2018-02-03 9:05", "2018-02-03T09:05", "minute"),
        ("2018.02.03 14:05", "2018-02-03T14:05", "minute"),
        ("in spring", "in spring", "day"),
        ("20180203", "20180203", "day"),
        ("03.02.2018", "03.02.2018", "day"),
    ],
)
def test_a_date_is_taken_as_it_is_typed_and_never_guessed(typed, value, precision):
    assert dates.read(typed) == (value, precision)
    assert dates.read(dates.told({"value": value})) == (value, precision)


# -- differences ------------------------------------------------------------------------------------------------------


@given(TEXT, TEXT, TEXT)
def test_a_difference_is_both_texts(one, two, three):
    old, new = f"{one}\n{two}\n{two}", f"{one}\n{three}\n{two}x"
    pieces = compare(old, new)
    assert "".join(piece.text for piece in pieces if piece.sign != "+") == old
    assert "".join(piece.text for piece in pieces if piece.sign != "-") == new


def test_a_difference_names_the_sign_that_changed_and_shows_little_else():
    old = "他们五月三日带走了我。" + "很长的一段话。" * 100
    new = old.replace("三", "四")
    pieces = compare(old, new)
    assert amount(pieces) == "1 sign put in, 1 sign taken out"
    shown = told(pieces).plain
    assert "五月[− 三 −][+ 四 +]日" in shown
    assert len(shown) < 100
    assert amount(compare(old, old)) == "nothing is different"


def test_spaces_and_line_ends_are_no_signs_and_said_by_themselves():
    assert amount(compare("a b", "a\nb")) == "only spaces and line ends are different"
    assert amount(compare("one", "one two three")) == "8 signs put in, 0 signs taken out"
    assert amount(compare("one two\nthree", "one  two\nfour")) == (
        "4 signs put in, 5 signs taken out, spaces or line ends changed"
    )


def test_labels_and_layout_of_ours_are_no_part_of_a_difference():
    schema = api.schemas()["testimony"]
    said = {"statement": "short", "interviewer": ["A"]}
    pieces = compare_records(schema, said, {"title": "new", **said})
    assert amount(pieces) == "3 signs put in, 0 signs taken out"
    assert [piece.text for piece in pieces if piece.sign == "+"] == ["new"]
    assert "Title: " in pieces[0].text
    # A value beyond LONG stands on lines of its own: that is how it is shown, not what was changed.
    long = {"statement": "short" + " long" * 20, "interviewer": ["A"]}
    assert amount(compare_records(schema, said, long)) == "80 signs put in, 0 signs taken out"
    gone = compare_records(schema, said | {"interpreters": [{"name": "B", "independent": "yes"}]}, said)
    assert [(piece.sign, piece.text) for piece in gone if piece.sign != " "] == [("-", "B"), ("-", "yes")]
    assert amount(compare_records(schema, said, dict(said))) == "nothing is different"


@given(TEXT, st.integers(1, 12), st.data())
def test_an_edited_line_is_broken_as_if_it_were_new(line, width, data):
    start = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(start, len(line)))
    put = data.draw(TEXT)
    now = line[:start] + put + line[end:]
    edit = (start, end, start + len(put))
    assert wrapping.mended(now, width, wrapping.breaks(line, width), edit) == wrapping.breaks(now, width)


def test_a_long_paste_is_broken_beside_the_screen_and_one_too_long_goes_nowhere(at, monkeypatch):
    from textual.screen import Screen

    class Bare(Screen[None]):
        def compose(self):
            yield Editor("before ")

    text = "他说我被拘留了。\n" * 4000
    beside, here = [], []

    def breaks(line, width, real=wrapping.breaks):
        (here if threading.current_thread() is threading.main_thread() else beside).append(line)
        return real(line, width)

    async def story(person):
        person.app.push_screen(Bare())
        await person.settle()
        editor = person.app.screen.query_one(Editor)
        editor.focus()
        await person.press("ctrl+end")
        monkeypatch.setattr(wrapping, "breaks", breaks)
        await person.type(text)
        await person.press("x")
        assert editor.text == f"before {text}x"
        assert len(beside) >= 4000
        assert len(here) < 20, "the screen stood still meanwhile"
        await person.press("ctrl+z", "ctrl+z", "ctrl+y", "ctrl+z")
        assert editor.text == "before "
        await person.press("ctrl+y")
        assert editor.text == f"before {text}"
        assert len(here) < 40, "the screen stood still while it came back"
        await person.press("ctrl+z")
        await person.type("x" * (api.MAX_TEXT - len("before ") + 1))
        assert editor.text == "before "
        assert any("attach it as a file" in one.message for one in person.app._notifications)
        await person.type("x" * (api.MAX_TEXT - len("before ")))
        assert len(editor.text) == api.MAX_TEXT

    at(story)


def test_a_long_text_is_broken_beside_the_screen_when_it_is_opened_and_when_the_window_changes(at, monkeypatch):
    from textual.screen import Screen

    class Bare(Screen[None]):
        def compose(self):
            yield Editor(text)

    text = "他说我被拘留了。" * 5000 + "\n" + "他说我被拘留了。\n" * 4000
    here = []

    def breaks(line, width, real=wrapping.breaks):
        if width and threading.current_thread() is threading.main_thread():
            here.append(line)
        return real(line, width)

    monkeypatch.setattr(wrapping, "breaks", breaks)

    async def story(person):
        person.app.push_screen(Bare())
        await person.settle()
        editor = person.app.screen.query_one(Editor)
        for width in (80, 120):
            await person.pilot.resize_terminal(width, 24)
            await person.until(lambda: editor.wrapped_document.width == editor.wrap_width)
            assert editor.wrapped_document._wrap_offsets == [
                list(wrapping._breaks(line, editor.wrap_width, 0)) for line in editor.document.lines
            ]
        assert here == [], "the screen stood still meanwhile"

    at(story)


def test_long_paragraphs_are_compared_one_by_one():
    old = "\n".join(f"{number}{'长' * 2000}" for number in range(4))
    assert amount(compare(old, old.replace("长长", "短短", 1).replace("3长", "3短"))) == (
        "3 signs put in, 3 signs taken out"
    )


def test_a_difference_obeys_nothing():
    assert "\x1b" not in told(compare("a", "a\x1b[2J\u202e")).plain


# -- what leaves ------------------------------------------------------------------------------------------------------


def test_what_leaves_is_said_field_by_field_also_in_groups():
    leaves, stays = leaving(
        api.schemas()["testimony"],
        {
            "statement": "x",
            "title": "y",
            "translations": [{"language": "en", "text": "z", "translator": "t"}],
            "attachments": [{"id": "0" * 32}],
        },
    )
    assert leaves == ["Statement", "Translations – Language", "Translations – Text", "Attachments"]
    assert stays == ["Title", "Translations – Translator"]


def test_a_record_is_told_in_words():
    schema = api.schemas()["person"]
    fields = {
        "names": [{"full": "王", "no_family_name": "yes"}],
        "sex": "female",
        "birth": {"value": "1990-05", "precision": "month", "qualifier": "before", "zone": "UTC", "text": "初夏"},
    }
    assert plain(schema, fields) == (
        "Names:\nFull name: 王\nHas no family name: yes\nSex or gender: Female\nBorn: before 1990-05 UTC “初夏”\n"
    )
    assert bare({"a": [1, {"b": "x"}]}) == "a: 1\nb: x"
