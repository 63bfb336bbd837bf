"""Text from right to left is shown in one of three ways; what is stored is never asked to change."""

from __future__ import annotations

import pytest

from tui import direction

UYGHUR = "ئۇيغۇرچە"


@pytest.fixture(autouse=True)
def usual():
    yield
    direction.use("terminal")


def test_a_row_goes_to_the_terminal_as_it_is_unless_this_program_puts_it_in_order():
    for way in ("terminal", "logical", "none that is known"):
        direction.use(way)
        assert direction.in_order(f"{UYGHUR} 2018") == f"{UYGHUR} 2018"
    direction.use("reordered")
    assert direction.in_order(UYGHUR) == UYGHUR[::-1]


def test_numbers_and_latin_words_keep_their_own_order_and_brackets_are_mirrored():
    assert direction.in_order(f"{UYGHUR} (ABC) 2018", way="reordered") == f"2018 (ABC) {UYGHUR[::-1]}"


def test_the_paragraph_decides_where_a_row_begins():
    assert direction.in_order(f"ABC {UYGHUR}", True, "reordered") == f"{UYGHUR[::-1]} ABC"
    assert direction.in_order(f"ABC {UYGHUR}", False, "reordered") == f"ABC {UYGHUR[::-1]}"


def test_marks_stay_behind_the_letter_they_belong_to():
    assert direction.in_order("\u0628\u064e\u062a\u0650", way="reordered") == "\u062a\u0650\u0628\u064e"


@pytest.mark.parametrize("text", ["王全璋 2018", "བོད་ཡིག", "Қазақша", "plain", "e\u0301", ""])
def test_other_scripts_are_never_touched(text):
    assert direction.in_order(text, way="reordered") == text


def test_the_terminal_reorders_only_where_it_is_asked_to():
    assert direction.mode("terminal") == "\x1b[8h"
    assert {direction.mode("reordered"), direction.mode("logical")} == {"\x1b[8l"}
