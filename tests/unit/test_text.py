"""The display filter: nothing that a terminal obeys gets through, and what scripts need stays."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.text import one_line, shown

TEXTS = st.text(st.characters(codec=None), max_size=60)


@given(TEXTS, st.booleans())
def test_what_is_shown_holds_nothing_that_a_terminal_obeys(text, lines):
    out = shown(text, lines=lines)
    allowed = {"\n", "\t"} if lines else set()
    for character in out:
        kind = unicodedata.category(character)
        assert character in allowed or character in "\u200c\u200d" or kind not in ("Cc", "Cf", "Cs", "Zl", "Zp")
    out.encode("utf-8")
    assert shown(out, lines=lines) == out


@given(TEXTS, st.integers(1, 80))
def test_one_line_is_one_line_of_the_length_asked_for(text, most):
    out = one_line(text, most)
    assert len(out) <= most
    assert "\n" not in out
    assert out == shown(out)


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("plain 律师 ئۇيغۇر བོད་ཡིག naïve", "plain 律师 ئۇيغۇر བོད་ཡིག naïve"),
        ("\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645", "\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645"),
        ("\x1b[31m", "␛[31m"),
        ("\x9b2J", "⟨9B⟩2J"),
        ("photo\u202egpj.exe", "photo⟨RLO⟩gpj.exe"),
        ("a\nb\tc\r", "a␊b␉c␍"),
        ("\u2066x\u2069\u200e\u200f\u061c\ufeff", "⟨LRI⟩x⟨PDI⟩⟨LRM⟩⟨RLM⟩⟨ALM⟩⟨BOM⟩"),
        ("\udcff", "⟨DCFF⟩"),
        ("\U000e0041", "⟨E0041⟩"),
    ],
)
def test_marks_become_visible_and_letters_stay(text, out):
    assert shown(text) == out


def test_lines_stay_where_they_are_allowed():
    assert shown("a\n\tb\r\n", lines=True) == "a\n\tb␍\n"


def test_a_flood_of_marks_on_one_letter_is_cut():
    assert len(shown("z" + "\u0301" * 500)) == 17


def test_anything_is_shown_on_one_line():
    assert one_line({"a": "\x1b"}) == "{'a': '\\x1b'}"
    assert one_line("x" * 300) == "x" * 199 + "…"
    assert one_line(5) == "5"
