"""Folding: one searchable spelling for every way of writing the same word."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import unicodedata

import pytest
import sqlcipher3
from hypothesis import example, given
from hypothesis import strategies as st

from vault.errors import DamagedError
from vault.store import folding
from vault.store.folding import BARRIER, clusters, fold, fold_cluster

ANY_TEXT = st.text(st.characters(exclude_categories=[]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("律師被監視居住", "律师被监视居住"),  # Traditional, Simplified
        ("錢鍾書", "钱锺书"),
        ("錢鍾書", "钱钟书"),  # two Simplified forms of one name
        ("瞭解藉口答覆", "了解借口答复"),
        ("衞生裏綫羣峯爲", "卫生里线群峰为"),  # Hong Kong and Taiwan forms
        ("\uf900\u2f00", "豈一"),  # compatibility ideograph, radical
        ("detention", "Détention"),
        ("e\u0301te\u0301", "été"),
        ("STRASSE", "straße"),
        ("ISIK", "ışık"),
        ("CŒUR Æther", "coeur aether"),  # Latin letters without a decomposition
        ("Łódź Ødegård Đặng", "lodz odegard dang"),
        ("full123", "ｆｕｌｌ１２３"),
        ("2018", "٢٠١٨"),
        ("2018", "༢༠༡༨"),
        ("ئىلھام", "ئیلهام"),  # Uyghur letters and the ones keyboards give for them
        ("قازاق", "قـــازاق"),  # tatweel
        ("تىل", "\u0674تىل"),  # the Kazakh high hamza and the letter typed for it
        ("تىل", "ءتىل"),
        ("رحمن", "رحم\u0670ن"),  # the alef that stands above
        ("ﻗﺎزاق", "قازاق"),  # presentation forms, as copied from PDF files
        ("ёлка", "елка"),
        ("за\u0301мок", "замок"),
        ("ab", "a\u200db"),  # joiners and bidi marks do not separate
        ("ab", "\u202ea\u200fb"),
        ("葛\U000e0100", "葛"),  # a variation selector
        ("བཀྲ་ཤིས", "བཀྲ༌ཤིས"),
    ],
)
def test_spellings_of_one_word_become_one(one: str, other: str) -> None:
    assert fold(one) == fold(other) != ""


@pytest.mark.parametrize(
    ("one", "other"), [("བོད", "བད"), ("мой", "мои"), ("қамау", "камау"), ("ئۇ", "ئو"), ("东", "西"), ("か", "が")]
)
def test_different_words_stay_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_every_han_character_is_a_token_and_numbers_stay_whole() -> None:
    assert fold("2018年02月,王全璋A4") == "2018 年 02 月 王 全 璋 a4"
    assert fold("〇々\U00020000\U00031350か") == "〇 々 \U00020000 \U00031350 か"


@pytest.mark.parametrize("character", "〡〩㐀䶿一鿿ぁゖァヺㄅㄯ")
def test_the_first_and_the_last_character_of_each_script_without_spaces_stands_alone(character: str) -> None:
    assert len(fold(character * 2).split()) == 2
    assert len(fold(f"a{character}b").split()) == 3


def test_tibetan_syllables_keep_their_vowel_signs() -> None:
    assert fold("བཀྲ་ཤིས་དབང་ཕྱུག།") == "བཀྲ ཤིས དབང ཕྱུག"


LEFT_OUT_BETWEEN = "\u1100\u1161\u11a8\u09c7\u09beی\u0654\u0621\u0640\u200c\u200d\u2060\u034fе\u0308"


@given(st.text(st.sampled_from(LEFT_OUT_BETWEEN)) | ANY_TEXT)
@example("\u1100\u200d\u1161")
@example("\u09c7\u200c\u09be")
@example("\u1100\u0640\u1161")
@example("\u0453\U000e015b\u05c7")
@example("\ud800\0\"*(NEAR)'")
@example(BARRIER)
def test_folding_never_fails_and_gives_only_words(text: str) -> None:
    folded = fold(text)
    assert folded == " ".join(folded.split())
    assert BARRIER not in folded
    assert all(
        unicodedata.category(c)[0] in "LNM" or unicodedata.category(c) in ("Co", "Cn") for c in folded if c != " "
    )
    assert len(folded) <= 24 * len(text)
    assert fold(folded) == folded


@given(ANY_TEXT)
def test_clusters_are_the_text(text: str) -> None:
    assert "".join(clusters(text)) == text


REORDERED_OR_JOINED = (
    "律師 aeéи，.9か\u3099ཀྲི\u0f71\u0f72\u0f73ي\u0654ـ\u0301\u0308\u0323\u0345\u034f\u0483\u05b0\u0e38"
    "\u09c7\u09be\u0b47\u0b56\u1025\u102e가\u1100\u1161\u11a8\u314f\uffc2\uff76\uff9e\U000110b9\U000110ba\u200d\ufe0f"
)


@given(st.text(st.sampled_from(REORDERED_OR_JOINED), max_size=30) | ANY_TEXT)
@example("\u0f72\u0f72\u3099")
@example("\u0f72\u0f71")
@example("\u1100\u1161\u11a8")
@example("\u09c7\u09be")
@example("\u1100\u200d\u1161\u200d\u11a8")
@example("\u09c7\u200c\u09be")
@example("か\u034f\u3099")
def test_folding_by_clusters_is_folding(text: str) -> None:
    assert "".join(map(fold_cluster, clusters(text))).split() == fold(text).split()


def test_every_character_that_normalisation_moves_or_joins_stays_with_the_one_before() -> None:
    """Every code point is asked, so that a later Unicode release with another such letter is noticed."""
    decomposed: dict[str, str] = {}
    joined = set()
    for character in map(chr, range(sys.maxunicode + 1)):
        decomposed[character] = unicodedata.normalize("NFKD", character)
        halves = unicodedata.decomposition(character).split()
        if len(halves) == 2 and "<" not in halves[0] and unicodedata.is_normalized("NFC", character):
            joined.add(chr(int(halves[1], 16)))
    joined.update(map(chr, [*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]))
    moved = {c for c, parts in decomposed.items() if unicodedata.combining(parts[0]) or parts[0] in joined}
    assert {character for character in moved if clusters(f"a{character}") != [f"a{character}"]} == set()


def test_the_tokenizer_sees_the_same_tokens() -> None:
    connection = sqlcipher3.connect(":memory:", isolation_level=None)
    connection.execute(
        "CREATE VIRTUAL TABLE t USING fts5 (x, tokenize=\"unicode61 remove_diacritics 2 categories 'L* N* Co M*'\")"
    )
    connection.execute("CREATE VIRTUAL TABLE v USING fts5vocab (t, instance)")
    expected: dict[int, str] = {}
    known = set()
    for point in [*range(0x20, 0xD800), *range(0xE000, 0x20000, 3), *range(0x20000, 0x2FA20, 97), 0x30000]:
        if len(tokens := fold(chr(point)).split()) == 1 and tokens[0] not in known:
            known.add(tokens[0])
            expected[point] = tokens[0]
            connection.execute("INSERT INTO t (rowid, x) VALUES (?, ?)", (point, f"{tokens[0]} {tokens[0]}x"))
    seen: dict[int, list[str]] = {}
    for point, term in connection.execute("SELECT doc, term FROM v ORDER BY doc, offset"):
        seen.setdefault(point, []).append(term)
    assert {point for point in expected if len(seen.get(point, [])) != 2} == set()


def test_a_changed_table_is_noticed() -> None:
    """A release of the library that changes the table must raise FOLDING_VERSION, so that vaults are indexed anew."""
    table = json.dumps(sorted(folding._variants().items())).encode()
    digest = "1e1a1312d6fd63de5c5fd1803e33ace37cc38f0113e4cf2c662060ac8a8a9045"
    assert (hashlib.sha256(table).hexdigest(), folding.FOLDING_VERSION) == (digest, 3)


def test_variants_end_at_one_form() -> None:
    table = folding._variants()
    assert not set(table) & set(table.values())


def test_the_table_is_read_late_and_its_library_does_not_run() -> None:
    code = (
        "import sys\nfrom vault.store import folding\nassert not folding._variants.cache_info().currsize\n"
        "folding.fold('caf\\u00e9')\nassert not folding._variants.cache_info().currsize\n"
        "folding.fold('\\u5f8b')\nassert folding._variants.cache_info().currsize\n"
        "assert folding._LIBRARY not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_a_missing_table_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "_LIBRARY", "no_such_library_here")
    with pytest.raises(DamagedError, match="missing"):
        folding._variants.__wrapped__()
