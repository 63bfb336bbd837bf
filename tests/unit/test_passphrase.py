"""Passphrases: phrases that are made, the answer about strength, and the bytes of typed text."""

from __future__ import annotations

import unicodedata
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shamir_mnemonic.wordlist import WORDLIST

from vault import passphrase
from vault.errors import RefusedError


class TestGenerated:
    def test_eight_words_of_the_list_by_default(self):
        words = passphrase.generate().split(" ")
        assert len(words) == 8
        assert set(words) <= set(WORDLIST)

    @pytest.mark.parametrize("count", [4, 5, 7, 24])
    def test_as_many_words_as_asked_for(self, count):
        assert len(passphrase.generate(count).split(" ")) == count

    @pytest.mark.parametrize("count", [0, 3, 25, -1])
    def test_too_few_or_too_many_words_are_refused(self, count):
        with pytest.raises(RefusedError):
            passphrase.generate(count)

    def test_every_word_can_come_at_every_place(self):
        """With 1,024 words and 24,000 draws the odds of one missing are under 1 in ten million."""
        phrases = [passphrase.generate(24).split(" ") for _ in range(1000)]
        assert len(Counter(word for phrase in phrases for word in phrase)) == len(WORDLIST)
        for place in range(24):
            assert len({phrase[place] for phrase in phrases}) > 500

    def test_is_strong(self):
        for _ in range(20):
            assert passphrase.strength(passphrase.generate()).ok


class TestStrength:
    @pytest.mark.parametrize(
        "weak", ["", " ", "a", "passphrase", "hunter2", "12345678901234567890", "qwertyuiopasdfgh", "a" * 500, "- - -"]
    )
    def test_weak_ones_are_not_ok_and_say_what_to_do(self, weak):
        answer = passphrase.strength(weak)
        assert not answer.ok
        assert answer.bits < passphrase.MINIMUM_BITS
        assert answer.sentence.startswith("Too weak.")
        assert answer.advice

    def test_words_are_not_counted_higher_than_as_words(self):
        """Four words drawn from 1,024 are worth 40 bits, whatever stands between them."""
        for separator in (" ", "-", ".", " - "):
            answer = passphrase.strength(separator.join(("quiet", "river", "stone", "lamp")))
            assert answer.bits < 45

    @pytest.mark.parametrize(
        "known",
        [
            "correct horse battery staple",
            "Correct-Horse-Battery-Staple!",
            "The quick brown fox jumps over the lazy dog",
        ],
    )
    def test_a_phrase_that_everybody_knows_is_weak_however_it_is_spaced(self, known):
        assert not passphrase.strength(known).ok
        assert not passphrase.strength(known.replace(" ", "")).ok

    def test_fair_ones_are_ok_with_advice_and_strong_ones_without(self):
        fair = passphrase.strength("quiet staple harbour ladder")
        assert fair.ok
        assert fair.advice
        assert "a thousand of them in" in fair.sentence
        strong = passphrase.strength("volume warmth moment custody phantom imply company alto")
        assert strong.ok
        assert not strong.advice
        assert strong.sentence.startswith("Strong.")

    def test_other_scripts_are_measured(self):
        assert not passphrase.strength("我爱北京天安门").ok
        assert passphrase.strength("安全的长口令我们明天再见面吧").ok
        assert passphrase.strength("бүгін кешке өзен жағасында кездесеміз").ok

    def test_only_the_beginning_of_a_long_text_is_measured(self):
        long = passphrase.generate(24)
        assert passphrase.strength(long * 50) == passphrase.strength(long[:72])

    @settings(deadline=None, max_examples=200)
    @given(st.text(max_size=120))
    def test_every_text_gets_an_answer_that_does_not_quote_it(self, text):
        answer = passphrase.strength(text)
        assert answer.bits >= 0
        assert answer.ok == (answer.bits >= passphrase.MINIMUM_BITS)
        if len(text) > 12:
            assert text not in answer.sentence + answer.advice


class TestBytes:
    def test_the_same_text_typed_in_two_ways_is_the_same_passphrase(self):
        composed, decomposed = "café ключ", unicodedata.normalize("NFD", "café ключ")
        assert composed != decomposed
        assert passphrase.to_secret(composed).reveal() == passphrase.to_secret(decomposed).reveal()

    def test_spaces_of_every_kind_are_the_plain_one(self):
        for space in "\u00a0\u2003\u3000\u202f":
            assert passphrase.to_secret(f"两{space}个").reveal() == "两 个".encode()

    def test_nothing_else_is_changed(self):
        for text in (" Two  spaces ", "ＦＵＬＬ", "ﬁne", "İstanbul", "\u0e33", "a\u200db"):
            assert passphrase.to_secret(text).reveal() == text.encode()

    @pytest.mark.parametrize("text", ["", "a\nb", "a\x1b[2J", "\ud800", "\U000e0fff", "x" * 1025, "\u0378"])
    def test_what_cannot_be_typed_again_is_refused_without_quoting_it(self, text):
        with pytest.raises(RefusedError) as caught:
            passphrase.to_secret(text)
        assert caught.value.__cause__ is None
        if len(text) > 1:
            assert text not in caught.value.message + caught.value.advice

    @settings(deadline=None)
    @given(st.text(max_size=100))
    def test_any_text_becomes_bytes_once_and_for_all_or_is_refused(self, text):
        try:
            first = passphrase.to_secret(text).reveal()
        except RefusedError:
            return
        assert passphrase.to_secret(first.decode()).reveal() == first
