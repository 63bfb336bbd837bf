"""The catalogues hold every text of the screens and every sentence of the core; Simplified Chinese is complete."""

from __future__ import annotations

import ast
import re
import shutil

import pytest

from tests import translations
from tui import i18n
from tui.cli.parser import build
from tui.cli.usage import UsageError
from tui.i18n import from_core
from vault import api
from vault.errors import VaultError
from vault.schema import load_schema

COMPLETE = ("zh-Hans",)
_SLOT = re.compile(r"\{\w*\}")


@pytest.fixture(scope="module")
def found():
    return translations.texts()


@pytest.fixture
def chinese():
    i18n.use("zh-Hans")
    yield
    i18n.use("en")


def _missing(language: str, found) -> list:
    catalog = translations.catalogue(language)
    there = {
        message.id if isinstance(message.id, str) else tuple(message.id)
        for message in catalog
        if message.id and not message.fuzzy and all(message.string if message.pluralizable else [message.string])
    }
    return sorted(str(key) for key in found if key not in there)


@pytest.mark.parametrize("language", COMPLETE)
def test_no_text_is_missing_where_a_language_is_complete(found, language):
    assert not _missing(language, found), "run 'make translations', then translate what is empty in tui/locale"
    assert _missing(language, [*found, "A planted sentence."]) == ["A planted sentence."]


@pytest.mark.parametrize("language", translations.PLURALS)
def test_every_catalogue_holds_exactly_the_texts_and_is_compiled(found, language):
    catalog = translations.catalogue(language)
    ids = {message.id if isinstance(message.id, str) else tuple(message.id) for message in catalog if message.id}
    assert not ids ^ set(found), "run 'make translations'"
    assert catalog.num_plurals == int(translations.PLURALS[language][9])
    compiled = (translations.LOCALE / f"{language}.mo").read_bytes()
    assert compiled == translations.compiled(catalog), "run 'make translations'"


@pytest.mark.parametrize("language", translations.PLURALS)
def test_a_translation_is_filled_with_what_its_text_is_filled_with(language):
    for message in translations.catalogue(language):
        for string in message.string if message.pluralizable else [message.string]:
            if message.id and string:
                of = message.id[-1] if message.pluralizable else message.id
                assert sorted(set(_SLOT.findall(string))) == sorted(set(_SLOT.findall(of))), message.id


def test_languages_of_the_screens_and_catalogues_are_the_same():
    assert {"en", *translations.PLURALS} == set(i18n.LANGUAGES)
    assert {path.stem for path in translations.LOCALE.iterdir()} == set(translations.PLURALS)


def test_texts_are_found_in_every_way_in_which_the_program_writes_them():
    screens = ast.parse("_('A {n}', n=1)\nclass C:\n  HELP = N_('a' 'b')\nngettext('{count} x', '{count} xs', 2)")
    assert [key for key, _line in translations.of_screens(screens)] == ["A {n}", ("{count} x", "{count} xs"), "ab"]
    core = ast.parse(
        '"""Not This one."""\n'
        "def stop(where: str, reason: str) -> None:\n  'Nor This.'\n"
        "  raise FooError(f'It is {1 + 1} big.', 'Go on now.')\n"
        "stop('the part', 'bad' if 1 else f'{x} too many')\n_STEP = 'moving'\nraise ValueError('Not for People.')\n"
    )
    takers = translations.takers_of_phrases([core])
    assert sorted({key for key, _line in translations.of_core(core, takers)}) == [
        "Go on now.", "It is {0} big.", "bad", "moving", "the part", "{0} too many",
    ]  # fmt: skip
    with pytest.raises(SystemExit):
        list(translations.of_screens(ast.parse("_(f'{x}')")))


def test_sentences_that_the_core_says_are_translated_with_what_they_are_filled_with(chinese, tmp_path):
    told = []
    for call in (
        lambda: api.read_small(tmp_path / "none", 10, "the contact card"),
        lambda: load_schema("format = 1"),
        lambda: api.setup.unlock(tmp_path, api.to_secret("x")),
        lambda: api.generate(3),
        lambda: api.to_secret("\n"),
    ):
        with pytest.raises(VaultError) as caught:
            call()
        told += [caught.value.message, caught.value.advice]
    told += [api.strength("abc").sentence, api.strength(api.generate()).sentence]
    for sentence in told:
        shown = from_core(sentence)
        assert not re.search(r"[A-Za-z]{3,} [a-z]{2,} ", shown), (sentence, shown)
    assert from_core("The contact card is not a regular file.") == "联系人名片不是普通文件。"
    assert from_core("A sentence that nobody translated.") == "A sentence that nobody translated."


def test_before_a_vault_is_open_only_complete_languages_are_offered():
    assert i18n.complete() == ("en", "zh-Hans")
    assert [i18n.after(language) for language in ("en", "zh-Hans", "ug")] == ["zh-Hans", "en", "en"]


def test_a_language_is_complete_by_its_texts_and_not_by_the_number_of_its_forms(tmp_path, monkeypatch):
    """French has two forms where Chinese has one; a language without one of the forms lacks the text."""
    shutil.copytree(translations.LOCALE, tmp_path / "locale")
    monkeypatch.setattr(i18n, "_PLACES", tmp_path / "locale")
    kept = (i18n.complete, i18n._catalogue)
    french = translations.catalogue("fr")
    for message in french:
        if message.id:
            message.string = tuple(message.id) if message.pluralizable else message.id
    try:
        for expected in (("en", "zh-Hans", "fr"), ("en", "zh-Hans")):
            (tmp_path / "locale" / "fr.mo").write_bytes(translations.compiled(french))
            for one in kept:
                one.cache_clear()
            assert i18n.complete() == expected
            french.get("{count} case").string = ("{count} affaire", "")
    finally:
        monkeypatch.undo()
        for one in kept:
            one.cache_clear()


@pytest.mark.parametrize(
    ("name", "language"),
    [
        *((name, name) for name in i18n.LANGUAGES),
        *(
            (name, "zh-Hans")
            for name in ("zh", "zh_CN", "zh-CN", "zh_cn", "zh_CN.UTF-8", "zh_SG", "zh-hans-CN", "zh_CN@x")
        ),
        *((name, "zh-Hant") for name in ("zh_TW", "zh-TW", "zh_TW.UTF-8", "zh_HK", "zh-Hant-CN", "ZH_tw.big5")),
        *((name, "en") for name in ("en_US.UTF-8", "en-GB")),
        *((name, "") for name in ("", "C", "C.UTF-8", "POSIX", "Chinese", "de_DE", "e", "zhx", "-")),
    ],
)
def test_a_language_is_named_by_its_tag_or_by_a_locale_alike(name, language):
    assert i18n.from_locale(name) == language
    assert i18n.from_environment({"LC_ALL": "", "LANG": name}) == (language or "en")
    if language:
        assert build().parse_args(["--language", name]).language == language
    else:
        with pytest.raises(UsageError):
            build().parse_args([f"--language={name}"])


def test_the_help_names_the_languages_that_are_complete():
    text = " ".join(build().format_help().split())
    assert f"language of the screens: {' or '.join(i18n.complete())}, " in text


def test_what_is_not_translated_into_traditional_characters_is_shown_in_simplified_ones():
    sentence = "There is no vault in this folder."
    i18n.use("zh-Hans")
    try:
        simplified = i18n._("Settings"), i18n.from_core(sentence), i18n.ngettext("{count} case", "{count} cases", 2)
        i18n.use("zh-Hant")
        plural = i18n.ngettext("{count} case", "{count} cases", 2)
        assert (i18n._("Settings"), i18n.from_core(sentence), plural) == simplified
        assert "Settings" not in simplified
    finally:
        i18n.use("en")
