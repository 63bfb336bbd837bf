"""The words of the screens in the person's language: gettext catalogues, chosen by the locale, changed by the person.

Catalogues lie in `tui/locale/` as `<language>.po` (what translators write) and `<language>.mo` (what is read). A text
without a translation shows in English. Messages of the core are looked up by their English sentence: a catalogue holds
them with ``{0}``, ``{1}`` … in place of what is filled in.
"""

from __future__ import annotations

import functools
import gettext
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

LANGUAGES: Final[Mapping[str, str]] = {
    "en": "English",
    "zh-Hans": "简体中文",
    "zh-Hant": "繁體中文",
    "ug": "ئۇيغۇرچە",
    "bo": "བོད་ཡིག",
    "kk": "Қазақша",
    "fr": "Français",
    "es": "Español",
}
"""Languages of the screens and their own names, the complete ones first."""

_PLACES: Final = Path(__file__).parent / "locale"
_HANT: Final = frozenset({"tw", "hk", "mo", "hant"})
_READ_TOO: Final = {"zh-Hant": "zh-Hans"}
_SLOT: Final = re.compile(r"\{(\d+)\}")

_language = "en"


def from_environment(environment: Mapping[str, str]) -> str:
    """Return the language that a process environment asks for, by POSIX's order of variables; English if unknown."""
    named = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    return from_locale(named) or "en"


def from_locale(name: str) -> str:
    """Return the language of the screens that a locale or language tag (``zh_CN.UTF-8``, ``zh-TW``) means, or empty."""
    language, *more = re.split(r"[_.@-]", name.lower())
    if language == "zh":
        return "zh-Hans" if _HANT.isdisjoint(more) else "zh-Hant"
    return language if language in LANGUAGES else ""


def use(language: str) -> None:
    """Show everything from now on in this language; one that is not known becomes English."""
    global _language
    _language = language if language in LANGUAGES else "en"


def language() -> str:
    """Return the language in use, a key of `LANGUAGES`."""
    return _language


@functools.lru_cache
def _catalogue(language: str) -> gettext.NullTranslations:
    path = _PLACES / f"{language}.mo"
    if language == "en" or not path.is_file():
        return gettext.NullTranslations()
    with path.open("rb") as handle:
        found = gettext.GNUTranslations(handle)
    if language in _READ_TOO:
        # What is not translated yet is better read in the other script than in another language.
        found.add_fallback(_catalogue(_READ_TOO[language]))
    return found


@functools.lru_cache
def complete() -> tuple[str, ...]:
    """Return the languages in which no text of the screens is missing; these are offered before a vault is open."""
    texts = {language: _translated(language) for language in LANGUAGES}
    every = frozenset[str]().union(*texts.values())
    return tuple(language for language in LANGUAGES if language == "en" or texts[language] == every)


def after(language: str) -> str:
    """Return the complete language that comes after this one; the first one after one that is not complete."""
    names = complete()
    return names[(names.index(language) + 1) % len(names)] if language in names else names[0]


def _texts(language: str) -> dict[Any, str]:
    return getattr(_catalogue(language), "_catalog", {})


def _translated(language: str) -> frozenset[str]:
    """Return the texts of a catalogue, those with forms for counts once, however many forms the language has."""
    return frozenset(key if isinstance(key, str) else key[0] for key, told in _texts(language).items() if told)


def _(text: str, **values: object) -> str:
    """Return a text of ours in the language in use, with ``{name}`` filled in afterwards."""
    found = _catalogue(_language).gettext(text) if text else ""
    return found.format(**values) if values else found


def ngettext(one: str, many: str, count: int, **values: object) -> str:
    """Return the form of a text that goes with `count`, which fills ``{count}``."""
    return _catalogue(_language).ngettext(one, many, count).format(count=count, **values)


def listed(parts: Iterable[str]) -> str:
    """Return parts one after the other, with what a list has between them in the language in use."""
    return _(", ").join(parts)


def N_(text: str) -> str:
    """Mark a text that is translated where it is shown."""
    return text


def from_core(message: str) -> str:
    """Return a sentence of the core (an error, an advice, a finding, a step) in the language in use."""
    catalogue = _catalogue(_language)
    if not message or not isinstance(catalogue, gettext.GNUTranslations):
        return message
    found = catalogue.gettext(message)
    if found != message:
        return found
    for pattern, translated in _patterns(_language):
        match = pattern.fullmatch(message)
        if match is not None:
            return _SLOT.sub(lambda slot, match=match: _filled(match[f"p{slot[1]}"]), translated)  # type: ignore[misc]
    return message


def _filled(part: str) -> str:
    """Return what a sentence of the core is filled with: a phrase of the core too, or a number or name as it is."""
    for phrase in (part, part[:1].lower() + part[1:], f"the {part}"):
        found = from_core(phrase)
        if found != phrase:
            return found
    return part


@functools.lru_cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return how to recognise each sentence with something filled in, longest first, and its translation."""
    found = []
    entries = {**_texts(_READ_TOO.get(language, language)), **_texts(language)}
    for original, translated in entries.items():
        if not isinstance(original, str) or not _SLOT.search(original) or not translated:
            continue
        parts = _SLOT.split(original)
        seen: set[str] = set()
        source = ""
        for place, part in enumerate(parts):
            if place % 2 == 0:
                source += re.escape(part)
            else:
                source += f"(?P=p{part})" if part in seen else f"(?P<p{part}>.*)"
                seen.add(part)
        found.append((re.compile(source, re.DOTALL), translated))
    return tuple(sorted(found, key=lambda pair: -len(pair[0].pattern)))
