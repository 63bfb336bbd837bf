"""Writing a testimony: what is typed is kept, signed, corrected; nothing is lost, nothing gets out."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from tui.screens.record_edit import correction, new_draft, screen_for
from tui.widgets.editor import Editor
from tui.widgets.fields import Box
from tui.widgets.form import Form
from vault import api, errors

CHINESE = "二〇二三年五月，他们在我家门口带走了我。"


@pytest.fixture
def case(vault) -> api.cases.Case:
    return api.cases.add(vault, "案")


async def write(person, case, text="", kind="testimony"):
    """Open a new draft, and write into what has the focus."""
    person.app.push_screen(screen_for(person.app.vault, new_draft(case.id, kind)))
    await person.settle()
    if text:
        await person.type(text)
    await person.until(lambda: person.app.screen.query_one(Form).ready)


def field(person, name: str) -> Box:
    return next(box for box in person.app.screen.query(Box) if box.field.name == name)


async def fill(person, name: str, text: str, which: str = "Input"):
    field(person, name).query(which).first().focus()
    await person.settle()
    await person.type(text)


async def saved(person, vault):
    await person.until(lambda: not person.app.screen.dirty)
    return api.drafts.page(vault)[0].fields


def test_a_testimony_is_written_saved_by_itself_and_signed(at, vault, case):
    async def story(person):
        await person.press("enter", "t")
        await person.type(CHINESE)
        await person.until(lambda: bool(api.drafts.page(vault)))
        assert api.drafts.page(vault)[0].fields == {"statement": CHINESE}
        await person.until(lambda: "✓ saved" in person.text())
        await person.until(lambda: "18 Chinese characters" in person.text())
        await person.press("f9")
        assert "never changes again" in person.text()
        assert person.app.screen.focused.id == "cancel"
        assert "draft, not signed" in person.text()
        await person.press("tab", "enter")
        assert "SHA-256" in person.text()
        assert "draft, not signed" not in person.text(), "behind what tells of the signature"
        assert "signed, version 1" in person.text()
        assert api.records.page(vault, case.id)[0].versions[0].digest[:8] in person.text()
        await person.press("enter")
        assert type(person.app.screen).__name__ == "CaseScreen"

    at(story, vault, size=(140, 40))
    record = api.records.page(vault, case.id)[0]
    assert record.type == "testimony"
    assert api.records.show(vault, record.id).fields == {"statement": CHINESE}
    assert api.drafts.page(vault) == []


def test_a_draft_that_is_left_while_it_is_counted_ends_nothing(at, vault, case):
    async def story(person):
        await write(person, case, CHINESE)
        screen = person.app.screen
        person.app.pop_screen()
        await person.settle()
        screen._show_state()
        await screen._count()
        assert type(person.app.screen).__name__ == "CasesScreen"

    at(story, vault)


def test_cancelling_the_signature_changes_nothing(at, vault, case):
    async def story(person):
        await write(person, case, CHINESE)
        await person.press("f9", "enter")
        assert isinstance(person.app.screen.focused, Editor)
        await person.press("escape")

    at(story, vault)
    assert api.records.page(vault, case.id) == []
    assert api.drafts.page(vault)[0].fields == {"statement": CHINESE}


def test_the_details_hold_dates_lists_choices_and_references_as_the_type_wants_them(at, vault, case):
    witness = api.records.add(vault, case.id, "person", {"pseudonym": "W-7"})
    expected = {
        "kind": "follow_up",
        "statement": CHINESE,
        "witness": {"id": witness.id},
        "given_on": {"value": "2023-05", "precision": "month", "qualifier": "estimated", "zone": "+08:00",
                     "text": "五月中"},
        "interviewer": ["甲", "乙"],
        "interpreters": [{"name": "丙", "from_language": "ug-Arab", "independent": "yes"}],
    }  # fmt: skip

    async def choose(person, name, *keys, which="Choice"):
        field(person, name).query(which).last().focus()
        await person.press("enter", *keys, "enter")

    async def story(person):
        await write(person, case, CHINESE)
        await person.press("f3")
        assert isinstance(person.app.screen.focused, Input)
        await choose(person, "kind", "down", "down")
        await choose(person, "witness")
        await fill(person, "given_on", "2023年5月", ".value")
        await fill(person, "given_on", "+08:00", ".zone")
        await fill(person, "given_on", "五月中", ".words")
        await choose(person, "given_on", "down")
        await fill(person, "interviewer", "甲\n乙", "Editor")
        field(person, "interpreters").query(".add").first().press()
        await person.settle()
        await fill(person, "interpreters", "丙")
        await fill(person, "from_language", "ug-Arab")
        await choose(person, "independent")
        assert await saved(person, vault) == expected
        await person.press("f9", "tab", "enter")

    at(story, vault)
    signed = [one for one in api.records.page(vault, case.id) if one.type == "testimony"]
    assert api.records.show(vault, signed[0].id).fields == expected


def test_what_the_core_refuses_is_said_at_the_field_and_nothing_is_signed(at, vault, case):
    async def story(person):
        await write(person, case, CHINESE)
        await person.press("f3")
        await fill(person, "given_on", "in spring", ".value")
        await person.press("f9")
        assert field(person, "given_on").has_class("-wrong")
        assert field(person, "given_on") in person.app.screen.focused.ancestors
        assert "is not a date" in person.text()
        assert (await saved(person, vault))["given_on"]["value"] == "in spring"

    at(story, vault)
    assert api.records.page(vault, case.id) == []


def test_nothing_written_is_refused_at_the_text(at, vault, case):
    async def story(person):
        await write(person, case)
        await person.press("f3")
        await fill(person, "title", "leer")
        await person.press("f9")
        assert isinstance(person.app.screen.focused, Editor)
        assert not person.app.screen.focused.has_class("small")

    at(story, vault)
    assert api.records.page(vault, case.id) == []


def test_a_failed_save_says_so_keeps_the_text_and_is_tried_again(at, vault, case, monkeypatch):
    real = api.drafts.save
    full = True

    def save(*arguments, **named):
        if full:
            raise errors.DiskFullError("The disk is full.", "Free some space.")
        return real(*arguments, **named)

    monkeypatch.setattr(api.drafts, "save", save)

    async def story(person):
        nonlocal full
        await write(person, case, CHINESE)
        await person.until(lambda: "NOT SAVED" in person.text())
        await person.type("还有。")
        await person.press("escape")
        assert "not saved" in person.text()
        assert person.app.screen.focused.id == "cancel"
        await person.press("enter")
        full = False
        await person.until(lambda: "✓ saved" in person.text())

    at(story, vault)
    assert api.drafts.page(vault)[0].fields == {"statement": CHINESE + "还有。"}


def test_locking_and_going_back_save_what_the_clock_has_not_saved_yet(at, vault, case):
    async def lock(person):
        await write(person, case, CHINESE)
        await person.press("ctrl+l")

    async def back(person):
        await write(person, case, "第二份")
        await person.press("escape")

    at(lock, vault)
    assert api.drafts.page(vault)[0].fields == {"statement": CHINESE}
    at(back, vault)
    assert {"statement": "第二份"} in [one.fields for one in api.drafts.page(vault)]


def test_a_key_pressed_twice_leaves_once(at, vault, case):
    async def story(person):
        await person.press("enter", "t")
        await person.type(CHINESE)
        screen = person.app.screen
        for leave in (screen.action_back, screen.action_back, screen.action_drop, screen.action_sign):
            leave()
        await person.settle()
        assert type(person.app.screen).__name__ == "CaseScreen"

    at(story, vault)
    assert [one.fields for one in api.drafts.page(vault)] == [{"statement": CHINESE}]


def test_an_emptied_draft_does_not_stay(at, vault, case):
    async def story(person):
        await write(person, case, "字")
        await saved(person, vault)
        await person.press("backspace", "escape")

    at(story, vault)
    assert api.drafts.page(vault) == []


def test_dropping_a_draft_asks_and_says_how_much(at, vault, case):
    async def story(person):
        await write(person, case, CHINESE)
        await saved(person, vault)
        await person.press("f4")
        assert "18 Chinese" in person.text()
        await person.press("enter")
        assert api.drafts.page(vault) != []
        await person.press("f4", "tab", "enter")
        assert type(person.app.screen).__name__ == "CasesScreen"

    at(story, vault)
    assert api.drafts.page(vault) == []


def test_a_draft_is_found_again_after_unlocking(at, vault, case):
    api.drafts.save(vault, case.id, "testimony", {"statement": CHINESE})

    async def story(person):
        assert "You have 1 draft" in person.text()
        await person.press("d")
        assert CHINESE in person.text()
        await person.press("end")
        await person.type("完。")
        await person.press("escape")
        assert "draft" in person.text()
        await person.press("enter")
        assert "完。" in person.text()

    at(story, vault)
    assert [one.fields for one in api.drafts.page(vault)] == [{"statement": CHINESE + "完。"}]


def test_a_correction_shows_what_it_changes_asks_why_and_is_a_new_version(at, vault, case):
    record = api.records.add(vault, case.id, "testimony", {"statement": "他五月三日来。", "language": "zh-Hans"})

    async def story(person):
        person.app.push_screen(screen_for(vault, correction(record, api.records.correctable(record))))
        await person.settle()
        await person.press("f9")
        assert "would change nothing" in person.text()
        await person.press("enter")
        for _place in range(3):
            await person.press("left")
        await person.press("backspace")
        await person.type("四")
        await person.press("f9")
        assert "[− 三 −][+ 四 +]" in person.text()
        assert "1 sign put in, 1 sign taken out" in person.text()
        person.app.screen.query_one("#why").focus()
        await person.type("听错了")
        await person.press("enter", "enter")
        assert len(api.records.show(vault, record.id).versions) == 1, "Enter was held down in the line"
        await person.click("#do")
        assert "version 2" in person.text()

    at(story, vault)
    now = api.records.show(vault, record.id)
    assert now.fields == {"statement": "他五月四日来。", "language": "zh-Hans"}
    log = api.custody.of_object(vault, record.id)
    assert [one.event["purpose"]["why"] for one in log if one.event["type"] == "modification"] == ["听错了"]


def test_pasted_text_is_kept_to_the_byte_and_its_hidden_marks_are_shown_and_counted(at, vault, case):
    text = "a\u202eb\u200fc\x1b[31m\u2028d\u200ce\x0cf\tg\u0085h"

    async def story(person):
        await write(person, case, text)
        assert (await saved(person, vault)) == {"statement": text}
        shown = person.text()
        assert not set("\u202e\u200f\x1b\u2028\x0c\u0085") & set(shown)
        await person.until(lambda: "! 6 hidden marks" in person.text())
        await person.press("f3")
        await person.type("\u2066W-7")
        await person.until(lambda: "! 7 hidden marks" in person.text())

    at(story, vault)


def test_a_text_with_unusual_ends_of_lines_comes_back_as_it_was(at, vault, case):
    text = " \tfirst\r\nsecond\u2028\u2029third\x0b\x1c\x85\n\n"
    api.drafts.save(vault, case.id, "testimony", {"statement": text})

    async def story(person):
        await person.press("d")
        await person.type("end")
        assert await saved(person, vault) == {"statement": text + "end"}

    at(story, vault)


def test_a_terminals_line_ends_become_line_feeds(at, vault, case):
    async def story(person):
        await write(person, case, "一\r二\r\n三\n四")
        assert (await saved(person, vault)) == {"statement": "一\n二\n三\n四"}

    at(story, vault)


def test_nothing_that_is_copied_reaches_the_terminal(at, vault, case):
    async def story(person):
        written = []
        person.app._driver.write = written.append
        await write(person, case, "geheim")
        await person.press("ctrl+a", "ctrl+x", "ctrl+v", "ctrl+v")
        assert (await saved(person, vault)) == {"statement": "geheimgeheim"}
        assert not any("\x1b]52" in one for one in written)

    at(story, vault)


def test_undo_and_redo(at, vault, case):
    async def story(person):
        await write(person, case, "一二三")
        await person.press("ctrl+z")
        assert person.app.screen.typed() == {}
        await person.press("ctrl+y")
        assert person.app.screen.typed() == {"statement": "一二三"}

    at(story, vault)


def test_on_a_narrow_screen_text_and_details_are_one_at_a_time(at, vault, case):
    async def story(person):
        await write(person, case, CHINESE)
        assert CHINESE in person.text()
        assert "Language of the statement" not in person.text()
        await person.press("f3")
        assert CHINESE not in person.text()
        assert "Language of the statement" in person.text()
        await person.press("f3")
        assert CHINESE in person.text()

    at(story, vault)


def test_values_of_a_draft_that_the_form_does_not_know_are_kept(at, vault, case):
    api.drafts.save(vault, case.id, "testimony", {"statement": "一", "later": [1]})

    async def story(person):
        await person.press("d")
        await person.press("f3")
        await fill(person, "title", "标题")
        assert await saved(person, vault) == {"statement": "一", "later": [1], "title": "标题"}

    at(story, vault)


def test_every_type_of_record_can_be_filled_in_again_as_it_was(at, vault, case):
    """What a form is given it gives back, for every kind of field."""
    other = api.records.add(vault, case.id, "note", {"text": "x"})
    whole = {
        "pseudonym": "P-1",
        "role": ["victim"],
        "names": [{"full": "王", "no_family_name": "unknown"}, {"full": "Wang"}],
        "birth": {"value": "1990", "precision": "year", "qualifier": "before"},
        "age": {"years": 33},
        "nationality": ["CN", "stateless"],
        "languages": ["zh", "bo"],
        "family": [{"relation": "母", "person": {"id": other.id, "digest": "a" * 64}}],
        "risk": "many\nlines",
    }
    api.drafts.save(vault, case.id, "person", whole)

    async def story(person):
        await person.press("d")
        form = person.app.screen.query_one(Form)
        await person.until(lambda: form.ready)
        assert form.values() == whole

    at(story, vault)
