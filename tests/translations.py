"""Collects every text of the screens and every sentence of the core into the catalogues, and compiles them.

`make translations` runs it. Texts of `tui/` are those marked by ``_``, ``N_`` and ``ngettext``. The core marks nothing,
because it knows no language: of it every sentence is taken, and every short phrase that is handed over as what a
sentence tells (`_PHRASES`). What is filled in becomes ``{0}``, ``{1}`` …, as `tui.i18n.from_core` looks it up.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT: Final = Path(__file__).resolve().parents[1]
LOCALE: Final = ROOT / "tui" / "locale"

PLURALS: Final = {
    "zh-Hans": "nplurals=1; plural=0;",
    "zh-Hant": "nplurals=1; plural=0;",
    "ug": "nplurals=2; plural=(n != 1);",
    "bo": "nplurals=1; plural=0;",
    "kk": "nplurals=2; plural=(n != 1);",
    "fr": "nplurals=2; plural=(n > 1);",
    "es": "nplurals=2; plural=(n != 1);",
}
"""The rule by which each language chooses the form of a text for a count."""

_PHRASES: Final = frozenset({"what", "where", "reason", "wrong", "step"})
"""Parameters of the core that take a short phrase which a sentence is filled with, or the step of long work."""
_PHRASES_KEPT: Final = re.compile(r"_?(STEPS?|STEP_NAME|[A-Z_]*WHERE|[A-Z_]*PHRASES)\Z")
"""Constants that hold such phrases."""
_SENTENCE: Final = re.compile(r"""(?=.* )["'“{A-Z].*[.!?](["'”)]| \{\d+\})?\Z""", re.DOTALL)
_NOT_SAID: Final = re.compile(r"[<>\n\\]|--[A-Z ]|\{\d+\}\.\{\d+\}\Z|(SELECT|INSERT|UPDATE|DELETE|CREATE) ")
_CODE: Final = re.compile(r"[a-z]+(-[a-z]+)+\Z|(surrogateescape|backslashreplace|replace|replayed|gap|equivocation)\Z")
"""Codes of findings and handlers of errors, which functions of the same name take in the same place."""
_WRITTEN_IN_FILES: Final = ("media", "report.py", "instructions.py", "__main__.py")
"""Modules of the core with texts that are part of a file, or told to programs only."""

Key = str | tuple[str, str]
"""A text, or its forms for one and for many."""


def texts() -> dict[Key, list[tuple[str, int]]]:
    """Return every text that a person may be shown on the screens, with the places where it is."""
    found: dict[Key, list[tuple[str, int]]] = {}

    def note(key: Key, path: Path, line: int) -> None:
        if key not in ("", "{0}", ("", "")):
            place = (path.relative_to(ROOT).as_posix(), line)
            places = found.setdefault(key, [])
            if place not in places:
                places.append(place)

    for path in sorted((ROOT / "tui").rglob("*.py")):
        if "cli" not in path.parts:
            for key, line in of_screens(ast.parse(path.read_text("utf-8"))):
                note(key, path, line)
    core = [*sorted((ROOT / "vault").rglob("*.py")), ROOT / "tui" / "notices.py"]
    trees = {path: ast.parse(path.read_text("utf-8")) for path in core}
    takers = takers_of_phrases(trees.values())
    for path, tree in trees.items():
        if path.name not in _WRITTEN_IN_FILES and path.parent.name not in _WRITTEN_IN_FILES:
            for key, line in of_core(tree, takers):
                note(key, path, line)
    return found


def of_screens(tree: ast.Module) -> Iterator[tuple[Key, int]]:
    """Yield the marked texts of a module, and those of errors that it raises itself."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _name(node.func)
        if name in ("_", "N_") and node.args:
            yield _constant(node.args[0], node), node.lineno
        elif name == "ngettext":
            yield (_constant(node.args[0], node), _constant(node.args[1], node)), node.lineno
        elif name.endswith("Error"):
            for argument in node.args:
                text = _template(argument)
                if text is not None and _SENTENCE.match(text):
                    yield text, node.lineno


def takers_of_phrases(trees: Iterable[ast.Module]) -> dict[str, set[int]]:
    """Return the names of functions and classes that take a phrase, with the places of those arguments."""
    takers: dict[str, set[int]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            named = [(node.name, node)] if isinstance(node, ast.FunctionDef) else []
            if isinstance(node, ast.ClassDef):
                named = [(node.name, one) for one in node.body if isinstance(one, ast.FunctionDef)]
                named = [(name, one) for name, one in named if one.name == "__init__"]
            for name, function in named:
                arguments = [one.arg for one in function.args.args if one.arg not in ("self", "cls")]
                places = {place for place, argument in enumerate(arguments) if argument in _PHRASES}
                if places:
                    takers.setdefault(name, set()).update(places)
    return takers


def of_core(tree: ast.Module, takers: Mapping[str, set[int]]) -> Iterator[tuple[str, int]]:
    """Yield the sentences of a module of the core, and the phrases that its sentences are filled with."""
    silent = set(_never_shown(tree))
    for node in ast.walk(tree):
        if id(node) in silent:
            continue
        text = _template(node)
        if text is not None and _SENTENCE.match(text) and not _NOT_SAID.search(text):
            yield text, node.lineno  # type: ignore[attr-defined]
        if isinstance(node, ast.Call):
            given = [one.value for one in node.keywords if one.arg in _PHRASES]
            given += [node.args[place] for place in takers.get(_name(node.func), ()) if place < len(node.args)]
            for argument in given:
                for one in _inside(argument):
                    if not _CODE.match(one):
                        yield one, node.lineno
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and _PHRASES_KEPT.match(target.id):
                for one in _inside(node.value):
                    yield one, node.lineno


def _inside(node: ast.expr) -> Iterator[str]:
    """Yield the phrases of an expression: itself, both branches of a choice, what is in a tuple or table."""
    if isinstance(node, ast.IfExp):
        yield from _inside(node.body)
        yield from _inside(node.orelse)
    elif isinstance(node, ast.Tuple | ast.Dict):
        for item in node.elts if isinstance(node, ast.Tuple) else node.values:
            yield from _inside(item)
    else:
        text = _template(node)
        if text is not None and re.search(r"[a-z]{2}", re.sub(r"\{\d+\}", "", text)):
            yield text


def _never_shown(tree: ast.Module) -> Iterator[int]:
    """Yield the ids of nodes whose text is for programmers: documentation, parts of f-strings, programming errors."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else []:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                yield id(statement.value)
        if isinstance(node, ast.JoinedStr):
            yield from (id(inner) for inner in ast.walk(node) if inner is not node)
        elif isinstance(node, ast.Call) and _name(node.func) in ("ValueError", "TypeError", "AssertionError"):
            yield from (id(inner) for inner in ast.walk(node))
        elif isinstance(node, ast.Assert) and node.msg is not None:
            yield from (id(inner) for inner in ast.walk(node.msg))


def _template(node: ast.AST) -> str | None:
    """Return the text of a constant, or of an f-string with ``{0}``, ``{1}`` … for what is filled in."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if not isinstance(node, ast.JoinedStr):
        return None
    out, slots = "", 0
    for part in node.values:
        if isinstance(part, ast.Constant):
            out += str(part.value)
        else:
            out += f"{{{slots}}}"
            slots += 1
    return out


def _constant(node: ast.expr, call: ast.Call) -> str:
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        if isinstance(node, ast.JoinedStr):
            raise SystemExit(f"line {call.lineno}: a text to be translated must not be an f-string")
        return ""
    return node.value


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def catalogue(language: str) -> Catalog:
    """Return the catalogue of a language as it is in the tree."""
    with (LOCALE / f"{language}.po").open("rb") as handle:
        found = read_po(handle, locale=None)
    # Otherwise what it compiles to holds the minute in which it was read.
    found.creation_date = datetime(2026, 1, 1, tzinfo=UTC)
    return found


def compiled(catalog: Catalog) -> bytes:
    """Return what a catalogue compiles to: only texts of which every form is translated.

    Where a form is missing, Babel writes the English one, and no other language would be asked for it.
    """
    out = io.BytesIO()
    whole = Catalog(charset=catalog.charset, fuzzy=False, creation_date=catalog.creation_date)
    whole.mime_headers = catalog.mime_headers
    for message in catalog:
        if message.id and all(message.string if message.pluralizable else [message.string]):
            whole.add(message.id, message.string)
    write_mo(out, whole)
    return out.getvalue()


def updated(language: str, found: dict[Key, list[tuple[str, int]]]) -> bytes:
    """Return a language's catalogue with exactly the texts found, and the translations that it has for them."""
    path = LOCALE / f"{language}.po"
    old = catalogue(language) if path.exists() else Catalog()
    new = Catalog(charset="utf-8", fuzzy=False, creation_date=datetime(2026, 1, 1, tzinfo=UTC))
    new.mime_headers = [("Plural-Forms", PLURALS[language])]
    for key, places in sorted(found.items(), key=lambda item: (item[1][0], str(item[0]))):
        before = old.get(key if isinstance(key, str) else key[0])
        string = before.string if before is not None else ""
        if isinstance(key, tuple):
            count = int(PLURALS[language][9])
            string = tuple(string) if isinstance(string, tuple | list) and len(string) == count else ("",) * count
        elif not isinstance(string, str):
            string = ""
        new.add(key, string, locations=[(name, None) for name in dict.fromkeys(name for name, _line in places)],
                user_comments=before.user_comments if before is not None else ())  # fmt: skip
    out = io.BytesIO()
    write_po(out, new, width=0, omit_header=True)
    header = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {language}\\n"\n"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Content-Transfer-Encoding: 8bit\\n"\n"Plural-Forms: {PLURALS[language]}\\n"\n\n'
    )
    return header.encode() + out.getvalue()


def main() -> int:
    """Bring all catalogues up to date, compile them, and say how complete each is."""
    found = texts()
    for language in PLURALS:
        path = LOCALE / f"{language}.po"
        path.write_bytes(updated(language, found))
        catalog = catalogue(language)
        path.with_suffix(".mo").write_bytes(compiled(catalog))
        missing = sum(not all(one.string) if one.pluralizable else not one.string for one in catalog if one.id)
        print(f"{language}: {len(found) - missing} of {len(found)} texts translated")
    return 0


if __name__ == "__main__":
    sys.exit(main())
