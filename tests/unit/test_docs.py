"""The documents are true: links lead somewhere, formats are complete, promises have their test."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from vault.store import migrations

ROOT = Path(__file__).resolve().parents[2]
SKIPPED_FOLDERS = {".git", ".venv", "__pycache__", "build", "dist", "node_modules"}


def _project_files() -> list[Path]:
    """Return the project's own files: what git knows or would take, else what lies here outside of made folders."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        run = subprocess.run(command, cwd=ROOT, capture_output=True)
        names = run.stdout.decode("utf-8").split("\0") if run.returncode == 0 else []
    except FileNotFoundError:
        names = []
    if names:
        return sorted(ROOT / name for name in names if name and (ROOT / name).is_file())
    found = (path for path in ROOT.rglob("*") if path.is_file())
    return sorted(path for path in found if not SKIPPED_FOLDERS & set(path.relative_to(ROOT).parts))


FILES = _project_files()
DOCUMENTS = [path for path in FILES if path.suffix == ".md"]
FORMATS = [path for path in DOCUMENTS if path.parent == ROOT / "docs" / "formats" and path.name != "index.md"]
THREATS = ROOT / "threat-model.md"


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _text(path: Path) -> str | None:
    """Return a file's text, or None if it is no text."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return None


def _without_code(text: str) -> str:
    """Blank out fenced and inline code of a Markdown text, keeping its lines."""
    text = re.sub(r"(?ms)^(```+|~~~+).*?^\1", lambda found: "\n" * found[0].count("\n"), text)
    return re.sub(r"`[^`\n]*`", "", text)


def _slugs(text: str) -> set[str]:
    """Return the anchors that the headings of a Markdown text make."""
    found: set[str] = set()
    for heading in re.findall(r"(?m)^#{1,6}\s+(.*?)\s*#*$", re.sub(r"(?ms)^(```+|~~~+).*?^\1", "", text)):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number = 0
        while (numbered := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(numbered)
    return found


def _sections(text: str) -> list[tuple[str, str]]:
    """Return the (heading, body) pairs of a Markdown text; code blocks hold no headings."""
    masked = re.sub(r"(?ms)^(```+|~~~+).*?^\1", lambda found: re.sub(r"(?m)^#", " ", found[0]), text)
    parts = re.split(r"(?m)^(#{1,6}\s+.*)$", masked)
    return [("", parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]


# --- links ------------------------------------------------------------------------------------------------------------


def _broken_links(path: Path) -> list[str]:
    text = _without_code(path.read_text("utf-8"))
    targets = re.findall(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)", text) + re.findall(r"(?m)^\[[^]]+\]:\s+(\S+)", text)
    broken = []
    for target in targets:
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        file, _, anchor = unquote(target).partition("#")
        there = (path.parent / file).resolve() if file else path
        lost = not there.exists() or not there.is_relative_to(ROOT)
        if lost or (anchor and there.suffix == ".md" and anchor not in _slugs(there.read_text("utf-8"))):
            broken.append(target)
    return broken


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_every_relative_link_leads_somewhere(path):
    assert not _broken_links(path)


def test_a_broken_link_is_found(tmp_path):
    page = ROOT / "docs" / "dependencies.md"
    assert not _broken_links(page)
    for text in ("[a](nowhere.md)", "[a](#no-such-part)", "[a]: nowhere.md"):
        lost = tmp_path / "page.md"
        lost.write_text(f"# Title\n\n{text}\n", "utf-8")
        assert _broken_links(lost)


def test_every_decision_is_in_the_index():
    folder = ROOT / "docs" / "adr"
    decisions = sorted(path for path in DOCUMENTS if path.parent == folder and path.name != "index.md")
    if decisions:
        index = (folder / "index.md").read_text("utf-8")
        assert not [path.name for path in decisions if f"({path.name})" not in index]


# --- guides and their pictures ----------------------------------------------------------------------------------------

GUIDES = [path for path in DOCUMENTS if path.parent == ROOT / "docs" and path.name.startswith("guide-")]
PICTURES = [path for path in FILES if path.parent == ROOT / "docs" / "pictures"]
PICTURE_LIMIT = 120 * 1024


def _shown(text: str) -> list[str]:
    """Return the names of the pictures that a text shows, in their order."""
    return re.findall(r"!\[[^]]+\]\(pictures/([^)]+)\)", text)


def _wrong_picture(data: bytes) -> list[str]:
    """Return what must not be in a picture: addresses but the name of SVG itself, scripts, too many bytes."""
    text = data.decode("utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    found = re.findall(r"(?i)[a-z]+:" + r"//|@import|@font-face|<script|href=|url\((?!#)", text)
    return found + (["too large"] if len(data) > PICTURE_LIMIT else [])


@pytest.mark.parametrize("path", [path for path in GUIDES if ".zh-Hans." not in path.name], ids=_name)
def test_a_guide_shows_the_same_in_both_languages(path):
    english = _shown(path.read_text("utf-8"))
    other = path.with_name(path.name.replace(".md", ".zh-Hans.md"))
    assert english
    assert _shown(other.read_text("utf-8")) == [name.replace("-en.svg", "-zh-Hans.svg") for name in english]


def test_every_picture_is_shown_and_asks_nobody_for_anything():
    shown = {name for path in GUIDES for name in _shown(path.read_text("utf-8"))}
    assert {path.name for path in PICTURES} == shown
    assert not {path.name: wrong for path in PICTURES if (wrong := _wrong_picture(path.read_bytes()))}


def test_a_picture_that_asks_somebody_is_found():
    whole = b'<svg xmlns="http://www.w3.org/2000/svg"><g clip-path="url(#a)"/></svg>'
    assert not _wrong_picture(whole)
    for part in (b'<image href="//x/y"/>', b"<style>a{fill:url(http://x)}</style>", b"<script/>", b" " * PICTURE_LIMIT):
        assert _wrong_picture(whole.replace(b"<g", part + b"<g"))


# --- formats ----------------------------------------------------------------------------------------------------------

FORMAT_SECTIONS = {
    "glossary": r"glossary|\bterms\b|\bwords\b",
    "conventions": r"conventions",
    "limits": r"limits",
    "worked example": r"example|\bworked\b",
    "changes": r"changes",
}


@pytest.mark.parametrize("path", FORMATS, ids=_name)
def test_a_format_document_has_every_part(path):
    text = path.read_text("utf-8")
    headings = [heading.lower() for heading, _ in _sections(text)]
    missing = [part for part, pattern in FORMAT_SECTIONS.items() if not any(re.search(pattern, h) for h in headings)]
    if not re.search(r"(?m)^\|.*\|\s*\n\|[ :|-]+\|\s*$", text):
        missing.append("a table of bytes or members")
    if not re.search(r"MUST\s+(reject|refuse|be\s+rejected|be\s+refused)", text):
        missing.append("what a reader MUST reject")
    examples = re.split(r"(?mi)^#.*(?:example|worked).*$", text)[1:]
    if examples and not any("```" in body for body in examples):
        missing.append("real bytes in the worked example")
    assert not missing


def test_the_formats_of_the_project_are_written_down():
    assert {"key-file.md", "store.md", "record.md", "custody-log.md", "bundle.md"} <= {path.name for path in FORMATS}


# --- threat model -----------------------------------------------------------------------------------------------------


def _rows(text: str) -> list[dict[str, str]]:
    """Return the rows of every table that has a `promise` and a `test` column."""
    rows: list[dict[str, str]] = []
    columns: list[str] = []
    for line in text.splitlines():
        if not line.lstrip().startswith("|"):
            columns = []
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if not columns:
            columns = [cell.lower() for cell in cells]
        elif {"promise", "test"} <= set(columns) and not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            rows.append(dict(zip(columns, cells, strict=True)))
    return rows


@cache
def _tests_in(name: str) -> frozenset[str]:
    path = ROOT / name
    if not path.is_file():
        return frozenset()
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _wrong_promises(text: str) -> list[str]:
    """Return what is wrong with the promises of a threat model, one sentence each."""
    rows = _rows(text)
    wrong = [] if rows else ["no table with the columns promise and test"]
    seen: set[str] = set()
    for row in rows:
        name = row.get("id", "")
        if not name or name in seen:
            wrong.append(f"a row without an id of its own: {name!r}")
        seen.add(name)
        promise = row["promise"].strip("*_ ").lower()
        tests = re.findall(r"(tests/[\w./-]+\.py)(?:::(?:\w+::)?(test_\w+))?", row["test"])
        if promise not in {"promised", "not promised"}:
            wrong.append(f"{name}: the promise is neither 'promised' nor 'not promised'")
        if promise == "promised" and not tests:
            wrong.append(f"{name}: promised, but no test is named")
        for file, test in tests:
            if not test:
                wrong.append(f"{name}: {file} is named without one of its tests")
            elif test not in _tests_in(file):
                wrong.append(f"{name}: there is no test {file}::{test}")
    return wrong


def test_the_store_is_described_at_its_newest_step():
    text, steps = (ROOT / "docs/formats/store.md").read_text("utf-8"), migrations._steps()
    newest = migrations.newest_version()
    assert f"`user_version`, which is {newest} now" in text
    assert re.findall(r"PRAGMA user_version; +-- ([0-9]+)", text) == [str(newest)]
    assert re.findall(r"\b([0-9]+)\|([a-z_]+)", text) == [(str(number), name) for number, name, _ in steps]
    assert all(f"{number} `{name}`" in text for number, name, _ in steps)


def test_every_promise_has_its_test():
    assert not _wrong_promises(THREATS.read_text("utf-8"))


@pytest.mark.parametrize(
    ("promise", "test", "wrong"),
    [
        ("promised", "`tests/unit/test_docs.py::test_every_promise_has_its_test`", []),
        ("**promised**", "tests/unit/test_docs.py::test_every_promise_has_its_test[a b]", []),
        ("not promised", "", []),
        ("promised", "", ["T1: promised, but no test is named"]),
        ("promised", "`tests/unit/test_docs.py`", ["T1: tests/unit/test_docs.py is named without one of its tests"]),
        ("promised", "tests/unit/test_docs.py::test_x", ["T1: there is no test tests/unit/test_docs.py::test_x"]),
        ("promised", "tests/gone.py::test_a", ["T1: there is no test tests/gone.py::test_a"]),
        ("maybe", "", ["T1: the promise is neither 'promised' nor 'not promised'"]),
    ],
)
def test_a_promise_without_a_test_is_found(promise, test, wrong):
    table = f"| id | adversary | promise | test |\n|---|---|---|---|\n| T1 | police | {promise} | {test} |\n"
    assert _wrong_promises(table) == wrong


def test_a_threat_model_without_promises_is_found():
    assert _wrong_promises("# Threats\n\nNone.\n") == ["no table with the columns promise and test"]


# --- words and places -------------------------------------------------------------------------------------------------
# Each is put together here, so that this file does not hold it.

INDEX_PLACES = [
    "pypi" + ".org", "python" + "hosted.org", "registry." + "npmjs", "registry." + "yarnpkg", "index" + "-url",
    "INDEX" + "_URL", "--find" + "-links", "npm config set " + "registry",
]  # fmt: skip
PRIVATE_PLACES = [r"(?<![\w.-])/work" + r"/", r"(?<!\w)shared" + r"/"]
BIG_WORDS = [
    "undetec" + "table", "plausible " + "deniab", "military " + "grade", "military-" + "grade", "secure " + "erase",
    "unbreak" + "able", "unhack" + "able", "bank-" + "grade",
]  # fmt: skip


def _hits(patterns: list[str], text: str) -> list[str]:
    return [
        f"line {text.count(chr(10), 0, hit.start()) + 1}: {hit[0]}" for p in patterns for hit in re.finditer(p, text)
    ]


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_no_file_names_a_package_index_or_a_private_place(path):
    text = _text(path)
    if text is not None:
        assert not _hits([*map(re.escape, INDEX_PLACES), *PRIVATE_PLACES], text)


def _promises_too_much(path: Path, text: str) -> list[str]:
    """Return the big words of a text; the threat model and parts about limits may say what is not promised."""
    if path == THREATS:
        return []
    if path.suffix == ".md":
        text = "\n".join(body for heading, body in _sections(text) if "limit" not in heading.lower())
    text = re.sub(r"\s+", " ", text.lower())
    return [word for word in BIG_WORDS if word in text]


def test_no_file_promises_more_than_the_threat_model():
    found = {
        _name(path): words for path in FILES if (text := _text(path)) and (words := _promises_too_much(path, text))
    }
    assert not found


def test_a_big_word_is_found():
    page = ROOT / "docs" / "page.md"
    assert _promises_too_much(page, f"# Vault\n\nIt is {BIG_WORDS[0]}.\n")
    assert _promises_too_much(page, "# Vault\n\nMilit" + "ary\ngrade.\n")
    assert not _promises_too_much(page, f"# Honest limits\n\nIt is not {BIG_WORDS[0]}.\n")
