"""The custody log on the screens: what happened in plain words, one entry, verify, check, a checkpoint."""

from __future__ import annotations

import ast
from pathlib import Path

from textual.widgets import DataTable

from tui import i18n
from tui.dialogs.entry import EntryDialog
from tui.dialogs.findings import FindingsDialog
from tui.screens.custody import CustodyScreen
from tui.words import EVENTS, KINDS, REMARKS, remark
from vault import api
from vault.jobs import Job


def test_the_log_tells_what_happened_in_words_and_opens_one_entry(at, vault):
    case = api.cases.add(vault, "王全璋案")
    api.records.add(vault, case.id, "note", {"text": "第一次", "title": "要点"})

    async def story(person):
        await person.press("g")
        seen = person.text()
        assert "王全璋案" in seen
        assert "要点" in seen
        assert "made" in seen
        await person.press("enter")
        assert isinstance(person.app.screen, EntryDialog)
        assert "要点" in person.text()
        assert "local clock" in person.text()

    at(story, vault, size=(100, 40))


def test_what_the_program_wrote_is_told_in_the_language_of_the_reader_and_stays_as_it_is(at, vault, tmp_path):
    api.backup.backup(vault, tmp_path / "stick", Job())
    case = api.cases.add(vault, "一")
    record = api.records.add(vault, case.id, "note", {"text": "x"})
    api.records.correct(vault, record.id, {"text": "y"}, "renamed by the witness")

    async def story(person):
        await person.press("g")
        seen = person.text()
        assert "备份" in seen
        assert "新建了证据库" in seen
        assert "renamed by the witness" in seen, "a person's words stay"
        for english in ("a new vault was made", "backup"):
            assert english not in seen
        await person.press("ctrl+end", "enter")
        told = person.text()
        assert "新建了证据库" in told
        assert "本机时钟，未经核对" in told
        assert "custodian" not in told

    at(story, vault, size=(140, 40), language="zh-Hans")
    first = api.custody.page(vault)[-1].event
    assert first["purpose"]["why"] == "a new vault was made"


def test_every_remark_of_the_program_is_known_to_the_screens():
    """Whatever the core writes into the log of itself is in the table, so that it can be translated."""
    written = set()
    for path in sorted((Path(__file__).parents[2] / "vault").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and "NewVersion" in ast.dump(node.func):
                written |= {one.value for one in node.args[6:] if isinstance(one, ast.Constant)}
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "CustodyEvent":
                written |= {
                    word.value.value for word in node.keywords
                    if word.arg in ("why", "location") and isinstance(word.value, ast.Constant) and word.value.value
                }  # fmt: skip
    assert len(written) > 8
    assert written <= set(REMARKS)


def test_the_remarks_that_something_is_filled_into_are_recognised_and_nothing_else():
    i18n.use("zh-Hans")
    try:
        assert remark("proof of entry 12 written out") == "写出条目 12 的证明"
        assert remark("version 3, verified") == "版本 3、已核实"
        for text in ("version of events", "generation gap is wide", "copy that for me", "he was renamed", "", "A, B"):
            assert remark(text) == text
    finally:
        i18n.use("en")


def test_a_filter_shows_one_kind_only(at, vault):
    case = api.cases.add(vault, "一")
    found = api.records.add(vault, case.id, "note", {"text": "x"})
    api.records.show(vault, found.id)

    async def story(person):
        await person.press("g", "f")
        await person.press(*["down"] * (1 + list(EVENTS).index("displaying")), "enter")
        table = person.app.screen.query_one(DataTable)
        assert table.row_count == 1
        assert "looked at" in person.text()

    at(story, vault)


def test_a_long_log_is_fetched_further_as_one_goes_down(at, vault):
    for number in range(70):
        api.cases.add(vault, f"{number}")

    async def story(person):
        await person.press("g")
        table = person.app.screen.query_one(DataTable)
        assert table.row_count == 50
        await person.press("ctrl+end")
        assert table.row_count == 71

    at(story, vault)


def test_verifying_and_checking_tell_the_answer_first_and_what_was_not_checked(at, vault):
    async def story(person):
        await person.press("g", "v")
        assert isinstance(person.app.screen, FindingsDialog)
        assert "✓ The log is whole" in person.text()
        await person.press("escape", "a", "enter")
        assert "✓ Everything holds together" in person.text()
        assert "Not checked" in person.text()

    at(story, vault)


def test_damage_is_told_with_a_cross_and_in_words(at, vault):
    case = api.cases.add(vault, "一")
    api.records.add(vault, case.id, "note", {"text": "x"})
    vault.database.atomic(lambda connection: connection.execute("UPDATE record_version SET digest = 'no'"))

    async def story(person):
        await person.press("g", "a", "enter")
        assert "✗" in person.text()
        assert "Everything holds together" not in person.text()

    at(story, vault)


def test_a_checkpoint_is_written_where_the_person_says(at, vault, tmp_path: Path):
    async def story(person):
        await person.press("g", "p")
        await person.press("tab", "enter")
        person.app.screen.query_one("#line").value = str(tmp_path / "anchor.txt")
        await person.press("enter")
        assert "covers" in person.text()

    at(story, vault)
    written = (tmp_path / "anchor.txt").read_text()
    assert written.startswith("evidence-vault/")


def test_every_event_and_kind_that_the_core_enters_has_a_word(vault):
    root = Path(api.__file__).parent
    import re

    text = "".join(path.read_text() for path in root.rglob("*.py"))
    kinds = set(re.findall(r'CustodyEvent\(\s*"([a-z ]+)"', text))
    assert kinds
    assert kinds <= EVENTS.keys()
    assert {"record", "attachment", "case", "contact", "bundle", "vault", "backup"} <= KINDS.keys()


def test_the_pane_of_a_case_shows_only_its_own_entries(at, vault):
    one, two = api.cases.add(vault, "一"), api.cases.add(vault, "二")
    api.records.add(vault, two.id, "note", {"text": "x", "title": "elsewhere"})

    async def story(person):
        from tui.screens.case import PANES, CaseScreen

        person.app.push_screen(CaseScreen(one.id))
        await person.settle()
        await person.press(str(1 + [name for name, *_ in PANES].index("custody")))
        assert "elsewhere" not in person.text()
        assert "made" in person.text()

    at(story, vault)


def test_the_log_of_one_thing_names_it(at, vault):
    case = api.cases.add(vault, "一")
    found = api.records.add(vault, case.id, "note", {"text": "x", "title": "要点"})

    async def story(person):
        person.app.push_screen(CustodyScreen(found.id, "要点"))
        await person.settle()
        assert person.app.screen.query_one(DataTable).row_count == 1
        assert "要点" in person.text()

    at(story, vault)


def test_what_was_written_on_paper_is_typed_later_and_compared(at, vault):
    written = api.custody.short_head(vault)
    api.cases.add(vault, "later")

    async def story(person):
        await person.press("g", "w")
        assert api.custody.short_head(vault) in " ".join(person.text().replace("│", " ").split())
        await person.press("escape", "a", "down", "down", "enter")
        await person.type(written.replace(" ", "  "))
        await person.press("enter")
        assert "✓ Everything holds together" in person.text()
        assert "older copy" not in person.text(), "there is an anchor"
        await person.press("escape", "a", "down", "down", "enter")
        await person.type(written[:-1] + str(9 - int(written[-1])))
        await person.press("enter")
        assert "✗ 1 thing does not hold" in person.text()
        await person.press("escape", "a", "down", "down", "enter")
        await person.type(written[:-1])
        await person.press("enter")
        assert "not the whole" in person.text()

    at(story, vault)
