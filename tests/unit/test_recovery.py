"""Recovery shares: making, writing, reading and combining them, and what is refused."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shamir_mnemonic import generate_mnemonics

from vault import recovery
from vault.crypto import kem
from vault.errors import RefusedError

DOCUMENT = Path(__file__).parents[2] / "docs" / "formats" / "recovery.md"


@pytest.fixture(scope="module")
def made():
    return recovery.make_shares()


def other_program(**chosen) -> str:
    options = {"passphrase": b"", "extendable": False, "iteration_exponent": 0} | chosen
    groups = options.pop("groups", [(2, 3)])
    return generate_mnemonics(1, groups, options.pop("secret", bytes(range(32))), **options)[0][0]


class TestMaking:
    def test_two_of_three_by_default_and_any_two_give_the_seed_of_the_public_key(self, made):
        public_key, shares = made
        assert [(share.index, share.threshold) for share in shares] == [(1, 2), (2, 2), (3, 2)]
        assert len({share.set_id for share in shares}) == 1
        for pair in itertools.permutations(shares, 2):
            assert kem.hybrid_public(recovery.combine(pair).reveal()) == public_key

    def test_other_numbers(self):
        public_key, shares = recovery.make_shares(5, 16)
        assert len(shares) == 16
        assert kem.hybrid_public(recovery.combine(shares[7:12]).reveal()) == public_key

    @pytest.mark.parametrize(("threshold", "count"), [(1, 1), (1, 3), (3, 2), (2, 17), (0, 0)])
    def test_numbers_that_make_no_sense_are_refused(self, threshold, count):
        with pytest.raises(RefusedError):
            recovery.make_shares(threshold, count)

    def test_a_share_does_not_show_its_words(self, made):
        share = made[1][0]
        assert not any(word in repr(share) for word in share.words.split() if len(word) > 5)


class TestCombining:
    def test_too_few_says_how_many_are_needed(self, made):
        with pytest.raises(RefusedError, match="2 different shares are needed; given: 1"):
            recovery.combine(made[1][:1])

    def test_the_same_share_twice_counts_once(self, made):
        with pytest.raises(RefusedError, match="2 different shares are needed; given: 1"):
            recovery.combine([made[1][0], made[1][0]])

    def test_none_is_refused(self):
        with pytest.raises(RefusedError):
            recovery.combine([])

    def test_shares_of_two_sets_are_refused(self, made):
        other = recovery.make_shares()[1]
        while other[0].set_id == made[1][0].set_id:
            other = recovery.make_shares()[1]
        with pytest.raises(RefusedError, match="do not belong together"):
            recovery.combine([made[1][0], other[1]])

    def test_shares_of_two_sets_with_the_same_number_are_refused(self, made, monkeypatch):
        """15 bits of set number can collide; the digest inside the secret is what notices."""
        import shamir_mnemonic.shamir as library

        own = made[1][0]
        monkeypatch.setattr(library, "_random_identifier", lambda: own.set_id)
        other = recovery.make_shares()[1]
        for given_shares in ([own, other[1]], [own, made[1][1], other[2]], [own, other[0], other[1]]):
            with pytest.raises(RefusedError, match="does not fit"):
                recovery.combine(given_shares)

    def test_every_share_above_the_threshold_is_checked_too(self, made):
        assert kem.hybrid_public(recovery.combine(made[1]).reveal()) == made[0]

    def test_combinations_that_differ_are_refused_even_if_each_passes_its_digest(self, made, monkeypatch):
        """The digest has 32 bits; a share that defeats it takes hours to make, so the results are made up here."""
        results = iter([bytes(32), bytes(31) + b"x"])
        monkeypatch.setattr(recovery, "combine_mnemonics", lambda _: next(results))
        with pytest.raises(RefusedError, match="does not fit"):
            recovery.combine(made[1])


class TestReading:
    def test_case_and_white_space_do_not_matter(self, made):
        share = made[1][2]
        typed = "\n " + "\t \n".join(share.words.upper().split()) + "\r\n"
        assert recovery.parse_share(typed) == share

    def test_a_file_is_read_back(self, made):
        for share in made[1]:
            assert recovery.decode_share(recovery.encode_share(share)) == share

    def test_the_position_of_a_wrong_word_is_named_and_not_the_word(self, made):
        words = made[1][0].words.split()
        words[6] = "zxyzzy"
        with pytest.raises(RefusedError, match="Word 7 ") as caught:
            recovery.parse_share(" ".join(words))
        assert "zxyzzy" not in str(caught.value)

    def test_exchanged_words_missing_words_and_other_words_are_refused(self, made):
        words = made[1][0].words.split()
        at = next(place for place in range(5, 32) if words[place] != words[place + 1])
        swapped = [*words[:at], words[at + 1], words[at], *words[at + 2 :]]
        for wrong in (swapped, words[:-1], [*words, words[0]], []):
            with pytest.raises(RefusedError) as caught:
                recovery.parse_share(" ".join(wrong))
            assert caught.value.__cause__ is None
            assert caught.value.__context__ is None, "the library's message quotes words"

    def test_no_error_while_combining_carries_the_libraries_message(self, made, monkeypatch):
        import shamir_mnemonic.shamir as library

        monkeypatch.setattr(library, "_random_identifier", lambda: made[1][0].set_id)
        with pytest.raises(RefusedError) as caught:
            recovery.combine([made[1][0], recovery.make_shares()[1][1]])
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None

    @pytest.mark.parametrize(
        "chosen",
        [
            {"extendable": True},
            {"iteration_exponent": 1},
            {"groups": [(1, 1)]},
            {"secret": bytes(16)},
        ],
    )
    def test_shares_of_other_programs_are_refused(self, chosen):
        with pytest.raises(RefusedError):
            recovery.parse_share(other_program(**chosen))

    def test_shares_of_several_groups_are_refused(self):
        mnemonics = generate_mnemonics(1, [(2, 3), (2, 3)], bytes(32), extendable=False, iteration_exponent=0)
        with pytest.raises(RefusedError, match="another program"):
            recovery.parse_share(mnemonics[1][0])

    def test_a_share_made_with_our_choices_by_the_library_is_accepted(self):
        assert recovery.parse_share(other_program()).threshold == 2

    @pytest.mark.parametrize("data", [b"age-encryption.org/v1\n", "écluse".encode(), b"#\n", b"", b"acid " * 1000])
    def test_other_files_are_refused(self, data):
        with pytest.raises(RefusedError):
            recovery.decode_share(data)

    @settings(deadline=None, max_examples=200)
    @given(st.text(max_size=300))
    def test_garbage_is_refused(self, text):
        with pytest.raises(RefusedError):
            recovery.parse_share(text)


def test_the_documents_example_combines_to_the_documents_seed():
    text = DOCUMENT.read_text(encoding="utf-8")
    shares = [recovery.decode_share(block.encode()) for block in re.findall(r"```share\n(.*?)```", text, re.DOTALL)]
    assert len(shares) == 3
    assert recovery.combine(shares).reveal() == bytes(range(0x80, 0xA0))
    assert [recovery.encode_share(share).decode() in text for share in shares] == [True] * 3
