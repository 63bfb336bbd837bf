"""The readable copies: deterministic, escaped, self-contained, fit for all scripts."""

import io
import re
from html.parser import HTMLParser

import pytest

from tests.bundle_world import TEXTS, Sender, an_id, new_identity, untar, unwrap
from vault.bundle import layout
from vault.bundle.open import Keys, open_bundle
from vault.bundle.report import record_copy, report_html
from vault.formats.record import read_record

ME = new_identity()
DATA = Sender().seal(ME.recipient)
FILES = untar(unwrap(DATA, ME))
PAGE = FILES[layout.REPORT].decode()


def page_of(fields, kind="note"):
    sender = Sender()
    record = sender.record(16, kind, fields)
    incoming = open_bundle(io.BytesIO(sender.seal(ME.recipient, records=(record,), attachments=())), Keys([ME]))
    assert incoming.report.ok
    return report_html(incoming.bundle, [r.view for r in incoming.records], (), ()).decode()


class Reader(HTMLParser):
    """Collects tags, attributes and text of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = set(), [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_has_no_scripts_links_or_addresses():
    reader = Reader(PAGE)
    assert reader.open == []
    assert reader.tags == {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "section", "dl", "dt", "dd", "ul", "li",
    }  # fmt: skip
    assert {name for _, name, _ in reader.attributes} == {"lang", "dir", "charset", "http-equiv", "content"}
    assert "default-src 'none'" in {tag: value for tag, name, value in reader.attributes if name == "content"}["meta"]
    for word in ("http:", "https:", "//", "url(", "@import", "javascript"):
        assert word not in PAGE


@pytest.mark.parametrize("language", TEXTS)
def test_every_script_is_there_as_it_was_written_and_marked(language):
    text = "".join(Reader(PAGE).text)
    assert TEXTS[language] in text
    assert f'<dl lang="{language}">' in PAGE


def test_attachments_and_custody_entries_are_named():
    assert f">{layout.attachment_path(an_id(256), 'jpg')}</p>" in PAGE
    assert [int(n) for n in re.findall(r"Custody entry (\d+)", PAGE)] == [0, 3, 6]
    assert PAGE.index("testimony") < PAGE.index(">attachment ") < PAGE.index(">Custody entry")


def test_every_value_has_its_own_direction():
    assert PAGE.count("<p>") == 1  # what the page says of itself
    assert PAGE.count("<dt>") == PAGE.count('<dt>\n<p dir="auto">') > 20
    assert PAGE.count("<dd>") == len(re.findall('<dd>\n<(p dir="auto"|dl|ul)', PAGE))
    assert PAGE.count("<li>") == len(re.findall('<li>\n<(p dir="auto"|dl|ul)', PAGE)) > 1


def test_markup_in_values_and_names_is_text():
    hostile = "</p></section><img src=x onerror=alert(1)>\"'&amp;"
    page = page_of({hostile: hostile, "list": [hostile], "deep": {hostile: {"x": hostile}}})
    reader = Reader(page)
    assert "img" not in reader.tags
    assert "".join(reader.text).count(hostile) == 5


@pytest.mark.parametrize(
    "character", ["\x00", "\x1b", "\r", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "\ufeff", "\U000e0041"]
)
def test_characters_that_hide_or_turn_text_are_shown(character):
    page = page_of({"text": f"a{character}b"})
    assert f"a[U+{ord(character):04X}]b" in page
    assert character not in page


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "می‌خواهم", "ک‍ک", "x\u200fy", "རྒྱལ་པོ", "𠮷野家"])
def test_characters_that_scripts_need_stay(text):
    assert text in page_of({"text": text})


@pytest.mark.parametrize("language", ['en"><script>', "", 5, "x", "zh-", None])
def test_a_language_that_is_none_is_not_used(language):
    assert page_of({"language": language}).count(" lang=") == page_of({"text": "x"}).count(" lang=") == 1


def test_withheld_fields_are_mentioned_without_saying_which():
    told = '<p dir="auto">withheld</p>\n</dt>\n<dd>\n<p dir="auto">{}</p>'
    assert "some parts may be withheld" in PAGE
    assert told.format("true") in PAGE
    assert "name" not in PAGE
    whole = page_of({"text": "whole"})
    assert told.format("false") in whole
    assert told.format("true") not in whole


def test_the_readable_copy_says_what_is_disclosed():
    text = FILES[layout.record_path(an_id(16))].decode()
    view = read_record(text, Sender().key)
    assert record_copy(view) == FILES[layout.copy_path(an_id(16))]
    assert TEXTS["zh"].encode() in record_copy(view)
    assert b"a name that stays" not in record_copy(view)


def test_the_page_is_the_same_whatever_the_order():
    incoming = open_bundle(io.BytesIO(DATA), Keys([ME]))
    views = [r.view for r in incoming.records]
    entries = [e.view for e in incoming.entries]
    assert report_html(incoming.bundle, views[::-1], incoming.attachments, entries).decode() == PAGE
