"""Record types: what fits, what may leave, what is searched; and types written by somebody else."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.errors import FormatError, RefusedError, UnsupportedVersionError
from vault.formats import jcs
from vault.schema import Field, Schema, load_schema, schemas
from vault.schema.fields import KINDS
from vault.schema.values import MAX_FACTS, MAX_ITEMS, MAX_LINE, MAX_TEXT

ID = "0123456789abcdef" * 2
DIGEST = ID * 2
DAY = {"value": "2018-02-03", "precision": "day", "qualifier": "exact"}

EVERY_KIND = """
format = "evidence-type/1"
type = "own_type"
version = 3
title = ["group.inner.line", "line"]
label = { en = "Own", zh-Hans = "自定" }

[[field]]
name = "line"
kind = "line"
required = true
disclosure = "shareable"
label = { en = "Line", zh = "行", fr = "Ligne" }

[[field]]
name = "text"
kind = "text"
search = false
label = { en = "Text" }

[[field]]
name = "integer"
kind = "integer"
minimum = 0
maximum = 150
label = { en = "Integer" }

[[field]]
name = "known"
kind = "boolean-unknown"
label = { en = "Known" }

[[field]]
name = "choice"
kind = "choice"
repeat = true
vocabulary = "v"
label = { en = "Choice" }

[[field]]
name = "date"
kind = "date"
search = true
label = { en = "Date" }

[[field]]
name = "language"
kind = "language"
label = { en = "Language" }

[[field]]
name = "record"
kind = "record"
label = { en = "Record" }

[[field]]
name = "files"
kind = "attachment"
repeat = true
disclosure = "shareable"
label = { en = "Files" }

[[field]]
name = "facts"
kind = "facts"
label = { en = "Facts" }

[[field]]
name = "group"
kind = "group"
repeat = true
label = { en = "Group" }

[[field.field]]
name = "open"
kind = "line"
disclosure = "shareable"
label = { en = "Open" }

[[field.field]]
name = "inner"
kind = "group"
label = { en = "Inner" }

[[field.field.field]]
name = "line"
kind = "line"
required = true
label = { en = "Line" }

[[field]]
name = "all_open"
kind = "group"
label = { en = "All open" }

[[field.field]]
name = "one"
kind = "line"
disclosure = "shareable"
label = { en = "One" }

[vocabulary.v]
first = { en = "First", zh-Hans = "一" }
second = { en = "Second" }
"""


@pytest.fixture(scope="module")
def own() -> Schema:
    return load_schema(EVERY_KIND)


def full() -> dict[str, Any]:
    return {
        "line": " as typed e\u0301 \u202e",
        "text": "律師\n\u0000 two\r\n",
        "integer": 150,
        "known": "unknown",
        "choice": ["second", "first"],
        "date": {
            "value": "2018-02",
            "precision": "month",
            "qualifier": "before",
            "zone": "Asia/Urumqi",
            "text": "腊月",
        },
        "language": "ug-Arab-CN",
        "record": {"id": ID, "digest": DIGEST},
        "files": [{"id": ID}, {"id": ID, "sha256": DIGEST}],
        "facts": {"exif.image.make": "x", "n": -1, "b": True, "empty": ""},
        "group": [{"open": "a"}, {"inner": {"line": "b"}}],
        "all_open": {"one": "c"},
    }


def test_everything_that_fits_comes_back_exactly_as_given(own: Schema) -> None:
    assert own.validate(full()) == full()
    assert list(own.validate(dict(reversed(full().items())))) == list(full())
    assert own.validate({"line": "x", "choice": [], "facts": {}}) == {"line": "x", "choice": [], "facts": {}}


def change(path: str, value: Any) -> dict[str, Any]:
    fields = full()
    place: Any = fields
    *way, last = path.split(".")
    for part in way:
        place = place[int(part) if part.isdecimal() else part]
    place[int(last) if last.isdecimal() else last] = value
    return fields


SECRET = "Zhang-San-secret"


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("line", 5, "line"),
        ("line", "", "line"),
        ("line", None, "line"),
        ("line", f"{SECRET}\u2028", "line"),
        ("line", SECRET + "x" * MAX_LINE, "line"),
        ("line", "\ud800" + SECRET, "line"),
        ("text", SECRET * (MAX_TEXT // 10), "text"),
        ("text", [SECRET], "text"),
        ("integer", 151, "integer"),
        ("integer", -1, "integer"),
        ("integer", True, "integer"),
        ("integer", 1.5, "integer"),
        ("known", True, "known"),
        ("known", SECRET, "known"),
        ("choice", "first", "choice"),
        ("choice", [SECRET], "choice.0"),
        ("choice", ["first"] * (MAX_ITEMS + 1), "choice"),
        ("date", "2018-02", "date"),
        ("date.value", "2018-2", "date.value"),
        ("date.value", "2018-13", "date.value"),
        ("date.value", "０００１-02", "date.value"),
        ("date.precision", "week", "date.precision"),
        ("date.precision", ["day"], "date.precision"),
        ("date.qualifier", SECRET, "date.qualifier"),
        ("date.zone", "Beijing time", "date.zone"),
        ("date.zone", "+15:00", "date.zone"),
        ("date.text", "", "date.text"),
        ("date.other", SECRET, "date"),
        ("language", "chinese language", "language"),
        ("language", "zh_CN", "language"),
        ("language", "Chinese", "language"),
        ("record", ID, "record"),
        ("record", {}, "record"),
        ("record.id", ID.upper(), "record.id"),
        ("record.digest", SECRET, "record.digest"),
        ("files.1.sha256", DIGEST + "0", "files.1.sha256"),
        ("files.0.digest", DIGEST, "files.0"),
        ("facts", {"_sd": 1}, "facts"),
        ("facts", {"...": 1}, "facts"),
        ("facts", {SECRET + " x": 1}, "facts"),
        ("facts", {"a": 1.5}, "facts"),
        ("facts", {"a": ["x"]}, "facts"),
        ("facts", {f"n{number}": 1 for number in range(MAX_FACTS + 1)}, "facts"),
        ("group.0", {}, "group.0"),
        ("group.0.open", 7, "group.0.open"),
        ("group.1.inner", {}, "group.1.inner.line"),
        ("group.1.inner.other", SECRET, "group.1.inner.other"),
        ("group", {"open": "a"}, "group"),
        ("all_open", [], "all_open"),
        ("unknown", SECRET, "unknown"),
    ],
)
def test_what_does_not_fit_is_refused_by_the_name_of_the_field_alone(
    own: Schema, path: str, value: Any, named: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        own.validate(change(path, value))
    assert f"'{named}'" in refused.value.message
    assert SECRET not in refused.value.message + refused.value.advice
    assert refused.value.__cause__ is None


def test_an_unknown_name_that_could_be_content_is_not_quoted(own: Schema) -> None:
    with pytest.raises(RefusedError) as refused:
        own.validate({"line": "x", f"{SECRET} was here": 1})
    assert SECRET not in str(refused.value)
    with pytest.raises(RefusedError):
        own.validate({"line": "x", 5: "y"})  # type: ignore[dict-item]


def test_a_missing_required_field_is_named(own: Schema) -> None:
    with pytest.raises(RefusedError, match="'line' is required"):
        own.validate({"text": "x"})
    with pytest.raises(RefusedError):
        own.validate([])  # type: ignore[arg-type]


def test_a_record_as_a_whole_has_a_limit() -> None:
    long = "律" * MAX_TEXT
    with pytest.raises(RefusedError, match="too large"):
        schemas()["testimony"].validate({"statement": long, "summary": long})


@pytest.mark.parametrize(
    ("value", "precision", "fits"),
    [
        ("2018", "year", True),
        ("0000", "year", False),
        ("2024-02-29", "day", True),
        ("2023-02-29", "day", False),
        ("2018-02-03T23:59", "minute", True),
        ("2018-02-03T24:00", "minute", False),
        ("2018-02-03T14:05:00", "minute", False),
        ("2018-02-03", "month", False),
        ("2018-02-03\n", "day", False),
    ],
)
def test_dates_exist_and_are_as_precise_as_they_say(own: Schema, value: str, precision: str, fits: bool) -> None:
    fields = {"line": "x", "date": {"value": value, "precision": precision, "qualifier": "exact"}}
    if fits:
        assert own.validate(fields) == fields
    else:
        with pytest.raises(RefusedError):
            own.validate(fields)


@pytest.mark.parametrize(
    "tag", ["zh-Hans", "ug-Arab", "bo", "kk-Cyrl-KZ", "en", "zh-cmn-Hant-TW", "de-1996", "en-x-own", "sl-rozaj-biske"]
)
def test_language_tags_fit(own: Schema, tag: str) -> None:
    assert own.validate({"line": "x", "language": tag})["language"] == tag


def test_only_what_is_marked_may_leave(own: Schema) -> None:
    assert own.is_shareable("line")
    assert own.is_shareable("files") and own.is_shareable("files.0") and own.is_shareable("files.3.sha256")
    assert (
        not own.is_shareable("text") and not own.is_shareable("date.value") and not own.is_shareable("facts.exif.make")
    )
    assert own.is_shareable("group.0.open") and own.is_shareable("group.open")
    assert (
        not own.is_shareable("group") and not own.is_shareable("group.0") and not own.is_shareable("group.0.inner.line")
    )
    assert own.is_shareable("all_open") and own.is_shareable("all_open.one")
    for unknown in ("", "nothing", "@signed_at", "line_", "group.0.nothing", "0", "group..open", "_sd"):
        assert not own.is_shareable(unknown)


def test_texts_hold_what_is_searched_and_nothing_else(own: Schema) -> None:
    texts = own.texts(full())
    assert texts == [full()["line"], "2018-02", "腊月", "a", "b", "c"]
    assert own.texts({"line": 5, "group": "x", "date": []}) == []  # a partial or foreign record never fails


def test_titles_are_one_short_line(own: Schema) -> None:
    assert own.title({"line": "x"}) == "x"
    assert own.title({"line": "x", "group": [{"inner": {"line": " two\n\twords "}}]}) == "two words"
    assert own.title({}) == "" and own.title({"line": 4, "group": []}) == ""
    assert len(own.title({"line": "律" * 500})) == 120


def test_labels_fall_back_to_wider_languages_and_to_english(own: Schema) -> None:
    line = own.fields[0]
    assert line.label("zh-Hans-CN") == "行" and line.label("fr") == "Ligne" and line.label("bo") == "Line"
    assert own.label("zh") == "自定" and own.label("zh-Hant") == "自定"
    assert own.fields[4].vocabulary[1].label("zh-Hans") == "Second"


# -- types ------------------------------------------------------------------------------------------------------------


def test_the_digest_covers_everything_and_not_the_layout(own: Schema) -> None:
    assert re.fullmatch("[0-9a-f]{64}", own.digest)
    assert (
        load_schema(
            "# a comment\n"
            + EVERY_KIND.replace('search = false\nlabel = { en = "Text" }', 'label.en = "Text"\nsearch=false')
        ).digest
        == own.digest
    )
    assert (
        load_schema(EVERY_KIND.replace('name = "known"', 'disclosure = "protected"\nname = "known"')).digest
        == own.digest
    )
    for old, new in [
        ("version = 3", "version = 4"),
        ("maximum = 150", "maximum = 151"),
        ('fr = "Ligne"', 'fr = "La ligne"'),
        ('second = { en = "Second" }', 'third = { en = "Second" }'),
        ('disclosure = "shareable"\nlabel = { en = "One"', 'label = { en = "One"'),
    ]:
        assert old in EVERY_KIND and load_schema(EVERY_KIND.replace(old, new)).digest != own.digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('format = "evidence-type/1"', ""),
        ('format = "evidence-type/1"', 'format = "evidence/1"'),
        ('type = "own_type"', 'type = "Own type"'),
        ('type = "own_type"', ""),
        ("version = 3", "version = true"),
        ("version = 3", "version = 0"),
        ("version = 3", "version = 3\ncolour = 1"),
        ('title = ["group.inner.line", "line"]', "title = []"),
        ('title = ["group.inner.line", "line"]', 'title = ["nothing"]'),
        ('title = ["group.inner.line", "line"]', 'title = ["integer"]'),
        ('title = ["group.inner.line", "line"]', 'title = ["group.0.open"]'),
        ('label = { en = "Own", zh-Hans = "自定" }', 'label = { zh-Hans = "自定" }'),
        ('label = { en = "Own", zh-Hans = "自定" }', 'label = { en = "", zh-Hans = "自定" }'),
        ('label = { en = "Own", zh-Hans = "自定" }', 'label = { en = "Own", zh_Hans = "自定" }'),
        ('name = "text"', 'name = "line"'),
        ('name = "text"', 'name = "_sd"'),
        ('name = "text"', ""),
        ('kind = "text"', 'kind = "txt"'),
        ('kind = "text"', 'kind = "text"\nminimum = 1'),
        ('kind = "text"', 'kind = "text"\nrequired = "yes"'),
        ('kind = "text"', 'kind = "text"\ndisclosure = "public"'),
        ('kind = "text"', 'kind = "text"\ndisclosure = "linked"'),
        ('kind = "text"', 'kind = "text"\nvocabulary = "v"'),
        ('kind = "facts"', 'kind = "facts"\nsearch = true'),
        ('kind = "group"\nrepeat = true', 'kind = "group"\ndisclosure = "shareable"'),
        ("minimum = 0", "minimum = 9007199254740992"),
        ("minimum = 0", 'minimum = "0"'),
        ('vocabulary = "v"', 'vocabulary = "w"'),
        ("[vocabulary.v]", '[vocabulary.w]\na = { en = "A" }\n[vocabulary.v]'),
        ("[vocabulary.v]", "[vocabulary.V]"),
        ('first = { en = "First", zh-Hans = "一" }', 'First = { en = "First" }'),
        ("[[field.field.field]]", "[[field.field.field.field]]"),
        ("[[field]]", "[[field]", ),
    ],
)  # fmt: skip
def test_types_are_read_strictly(old: str, new: str) -> None:
    assert old in EVERY_KIND
    with pytest.raises(FormatError) as refused:
        load_schema(EVERY_KIND.replace(old, new, 1))
    assert refused.value.__cause__ is None and "own_type" not in str(refused.value)


def test_too_many_levels_and_fields_are_refused() -> None:
    deep = EVERY_KIND.replace(
        '[[field.field.field]]\nname = "line"\nkind = "line"', '[[field.field.field]]\nname = "line"\nkind = "group"'
    )
    deep = deep.replace(
        '[[field]]\nname = "all_open"',
        '[[field.field.field.field]]\nname = "x"\nkind = "line"\nlabel = { en = "x" }\n[[field]]\nname = "all_open"',
    ).replace(
        'required = true\nlabel = { en = "Line" }\n\n[[field.field.field.field]]',
        'label = { en = "Line" }\n\n[[field.field.field.field]]',
    )
    with pytest.raises(FormatError, match="more than 3 levels"):
        load_schema(deep)
    many = "".join(f'[[field]]\nname = "f{n}"\nkind = "line"\nlabel = {{ en = "x" }}\n' for n in range(201))
    with pytest.raises(FormatError, match="more than 200 fields"):
        load_schema(EVERY_KIND.replace("[vocabulary.v]", many + "[vocabulary.v]"))


@pytest.mark.parametrize(
    "text", ["", "\ud800", "a" * 300_000, "x = " + "[" * 100_000, "x = " + "{a=" * 20_000, "format = 5"]
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        load_schema(text)


def test_a_newer_format_is_said() -> None:
    with pytest.raises(UnsupportedVersionError, match="2"):
        load_schema(EVERY_KIND.replace("evidence-type/1", "evidence-type/2"))


@settings(deadline=None)
@given(st.text())
def test_garbage_raises_only_format_errors(text: str) -> None:
    with pytest.raises(FormatError):
        load_schema(text)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, len(EVERY_KIND)), st.integers(0, 40), st.text(max_size=8))
def test_damaged_types_raise_only_format_errors(start: int, size: int, put: str) -> None:
    with suppress(FormatError):
        load_schema(EVERY_KIND[:start] + put + EVERY_KIND[start + size :])


# -- the shipped types ------------------------------------------------------------------------------------------------


def all_fields(fields: tuple[Field, ...]) -> list[Field]:
    return [one for field in fields for one in [field, *all_fields(field.fields)]]


def test_the_shipped_types_are_these_and_have_their_file_names() -> None:
    names = sorted(e.name for e in resources.files("vault").joinpath("schemas").iterdir() if e.name.endswith(".toml"))
    assert names == sorted(f"{name}.toml" for name in schemas())
    assert set(schemas()) >= {"testimony", "person", "note", "attachment"}
    assert {field.kind for schema in schemas().values() for field in all_fields(schema.fields)} == set(KINDS)


def test_every_label_and_help_is_in_english_and_chinese() -> None:
    for schema in schemas().values():
        found = all_fields(schema.fields)
        labels = [schema.labels, schema.help, *(f.labels for f in found), *(f.help for f in found if f.help)]
        labels += [term.labels for field in found for term in field.vocabulary]
        assert all({"en", "zh-Hans"} <= set(one) for one in labels)


SHAREABLE = {
    "testimony": {
        "kind", "language", "statement", "basis", "how_recorded", "verbatim", "read_back", "witness_pseudonym",
        "translations.language", "translations.text", "translations.status",
    },
    "person": {"pseudonym", "role"},
    "note": set(),
    "attachment": {"sha256", "sha512", "size", "media_type"},
}  # fmt: skip


def leaves(fields: tuple[Field, ...], above: str = "") -> set[str]:
    found = set()
    for field in fields:
        found |= leaves(field.fields, f"{above}{field.name}.") if field.fields else {above + field.name}
    return found


def test_nothing_else_may_leave_by_default() -> None:
    """Whoever ships another type, or marks another field shareable, has to say so here."""
    found = {name: {p for p in leaves(s.fields) if s.is_shareable(p)} for name, s in schemas().items()}
    assert found == SHAREABLE


def test_real_records_fit_the_shipped_types() -> None:
    kinds = schemas()
    testimony = {
        "title": "张三的证词", "kind": "first_account", "language": "zh-Hans", "statement": "2018年2月,我被监视居住。",
        "witness": {"id": ID, "digest": DIGEST}, "given_on": DAY, "place": "乌鲁木齐", "interviewer": ["A"],
        "interpreters": [{"name": "B", "from_language": "ug-Arab", "to_language": "zh-Hans"}],
        "translations": [{"language": "en", "text": "In February 2018 …", "status": "human", "translator": "C"}],
        "attachments": [{"id": ID, "sha256": DIGEST}],
    }  # fmt: skip
    assert kinds["testimony"].validate(testimony) == testimony
    assert kinds["testimony"].title(testimony) == "张三的证词"
    assert "乌鲁木齐" in kinds["testimony"].texts(testimony) and "zh-Hans" not in kinds["testimony"].texts(testimony)
    person = {
        "pseudonym": "P-1", "role": ["victim", "witness"], "birth": DAY, "nationality": ["中国"],
        "names": [
            {"full": "伊力哈木·土赫提", "language": "zh-Hans", "type": "transliteration"},
            {"full": "ئىلھام توختى", "script": "Arab", "no_family_name": "yes"},
        ],
    }  # fmt: skip
    assert kinds["person"].validate(person) == person
    assert kinds["person"].title(person) == "伊力哈木·土赫提"
    assert kinds["note"].title({"text": "line one\nline two"}) == "line one line two"
    attachment = {
        "sha256": DIGEST, "sha512": DIGEST * 2, "size": 0, "media_type": "image/jpeg",
        "original_name": "a\n\u202eb.jpg",
        "modified_at": {"value": "2026-11-20T21:27", "precision": "minute", "qualifier": "exact", "zone": "UTC"},
        "facts": {"exif.gps.latitude": "43.8"}, "discloses": ["location"], "belongs_to": {"id": ID},
    }  # fmt: skip
    assert kinds["attachment"].validate(attachment) == attachment
    assert kinds["attachment"].texts(attachment) == ["a\n\u202eb.jpg"]


def test_every_valid_record_has_a_canonical_form(own: Schema) -> None:
    assert jcs.decode(jcs.encode(own.validate(full())), "record") == full()


def test_the_example_of_the_document_is_true() -> None:
    """The type, its digest, its first field and what leaves of the record, as docs/formats/schema.md has them."""
    page = (Path(__file__).parents[2] / "docs" / "formats" / "schema.md").read_text("utf-8")
    example = load_schema(re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1])  # type: ignore[index]
    (digest,) = re.findall(r"```\n([0-9a-f]{64})\n```", page)
    field, record = re.findall(r"```json\n(.*?)\n```", page, re.DOTALL)
    assert example.digest == digest
    first = example.fields[0]
    written = jcs.decode(field.encode(), "example")
    assert (written["name"], written["search"], written["disclosure"]) == (first.name, True, "shareable")
    plain = {
        "format": "evidence-type/1", "type": "visit", "version": 1, "title": ["place", "report"], "help": {},
        "label": {"en": "Prison visit", "zh-Hans": "探监"},
    }  # fmt: skip
    none = {
        "vocabulary": [],
        "minimum": None,
        "maximum": None,
        "fields": [],
        "help": {},
        "required": False,
        "repeat": False,
    }
    line = none | {"kind": "line", "search": True, "disclosure": "protected"}
    place = line | {
        "name": "place",
        "label": {"en": "Place", "zh-Hans": "地点"},
        "help": {"en": "As coarse as serves the purpose."},
    }
    codes = [
        {"code": "relative", "label": {"en": "Relative", "zh-Hans": "亲属"}},
        {"code": "lawyer", "label": {"en": "Lawyer", "zh-Hans": "律师"}},
    ]
    role = none | {
        "name": "role",
        "kind": "choice",
        "search": False,
        "disclosure": "shareable",
        "label": {"en": "Role"},
        "vocabulary": codes,
    }
    name = line | {"name": "name", "label": {"en": "Name"}, "required": True}
    visitors = none | {
        "name": "visitors", "kind": "group", "repeat": True, "search": False, "disclosure": "protected",
        "label": {"en": "Visitors"}, "fields": [name, role],
    }  # fmt: skip
    assert hashlib.sha256(jcs.encode(plain | {"fields": [written, place, visitors]})).hexdigest() == digest
    fields = jcs.decode(record.encode(), "example")
    assert example.validate(fields)
    paths = ("report", "place", "visitors.0.name", "visitors.0.role")
    assert [path for path in paths if example.is_shareable(path)] == ["report", "visitors.0.role"]


def test_types_are_read_once() -> None:
    assert schemas() is schemas()
    with pytest.raises(TypeError):
        schemas()["testimony"] = None  # type: ignore[index]
