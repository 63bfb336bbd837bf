"""The display filter: nothing that a terminal obeys gets through, and what scripts need stays."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vault_world import make_vault
from tui.text import is_hidden, one_line, shown
from vault import api
from vault.errors import RefusedError

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
        ("Maria\ufe0f\U000e0100", "Maria⟨FE0F⟩⟨E0100⟩"),
        ("\u3164\u115f\u034f\u2800", "⟨3164⟩⟨115F⟩⟨034F⟩⟨2800⟩"),
        ("\u182e\u1823\u1829\u182d\u180b\u1823\u182f", "\u182e\u1823\u1829\u182d\u180b\u1823\u182f"),
    ],
)
def test_marks_become_visible_and_letters_stay(text, out):
    assert shown(text) == out


def test_what_no_name_may_hold_is_seen_everywhere(tmp_path):
    vault = make_vault(tmp_path / "vault")
    recipient = vault.identity.x25519.recipient.text
    for number in (0x34F, 0x115F, 0x1160, 0x17B4, 0x2800, 0x3164, 0xFE00, 0xFE0F, 0xFFA0, 0xE0100, 0xE01EF):
        with pytest.raises(RefusedError, match="cannot be seen"):
            api.contacts.add(vault, f"a{chr(number)}", (recipient,))
        assert one_line(f"a{chr(number)}") == f"a⟨{number:04X}⟩"
        assert is_hidden(chr(number))
    vault.close()


def test_lines_stay_where_they_are_allowed():
    assert shown("a\n\tb\r\n", lines=True) == "a\n\tb␍\n"


def test_a_flood_of_marks_on_one_letter_is_cut():
    assert len(shown("z" + "\u0301" * 500)) == 17


def test_anything_is_shown_on_one_line():
    assert one_line({"a": "\x1b"}) == "{'a': '\\x1b'}"
    assert one_line("x" * 300) == "x" * 199 + "…"
    assert one_line(5) == "5"
