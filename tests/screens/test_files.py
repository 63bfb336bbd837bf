"""The files of a case: taken in many at once, told one by one, written out and deleted only after a question."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from textual.widgets import Input

from tui.screens.case import PANES, CaseScreen
from tui.taking_in import begin
from vault import api
from vault.jobs import Job
from vault.usecases import intake

SAMPLES = Path(__file__).parents[2] / "tui" / "samples"
PLACE = str([name for name, _title, _pane in PANES].index("files") + 1)


@pytest.fixture
def case(vault):
    """A case of the vault."""
    return api.cases.add(vault, "王案")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files to take in; it is where choosing begins."""
    place = tmp_path / "place"
    place.mkdir()
    return place


@pytest.fixture
def files(at, vault, case, folder, monkeypatch):
    """Return a function that runs a story on the pane of files."""
    monkeypatch.setattr("tui.dialogs.choose_files._last", {False: folder, True: folder})

    def run(story, **more):
        async def whole(person):
            person.app.push_screen(CaseScreen(case.id))
            await person.settle()
            await person.press(PLACE)
            await story(person)

        return at(whole, vault, **more)

    return run


def attached(vault, case, path: Path):
    return api.intake.attach(vault, case.id, path, Job())


async def gone_in(person, told: str = ""):
    """Wait until all files went in, and until that is told; the pane looks by itself how far they are."""
    await person.until(lambda: all(one.ended for one in person.app.intakes))
    await person.until(lambda: told in person.text())
    await person.settle()


def test_many_files_are_chosen_and_taken_in_and_listed_with_what_they_give_away(files, vault, case, folder):
    for name in ("photo.jpg", "document.pdf"):
        (folder / name).write_bytes((SAMPLES / name).read_bytes())
    (folder / "证词.txt").write_text("律师被拘留。")

    async def story(person):
        assert "no files in this case yet" in person.text()
        assert "Last result" not in person.text()
        await person.press("a", "ctrl+a", "enter")
        await gone_in(person, "3 files taken in")
        await person.until(lambda: "r Last result" in person.text())
        shown = person.text()
        assert "picture jpg" in shown
        assert "place" in shown
        assert "证词.txt" in shown

    files(story, size=(120, 30))
    taken = {one.fields["original_name"]: one for one in api.intake.page(vault, case.id)}
    assert set(taken) == {"photo.jpg", "document.pdf", "证词.txt"}
    assert taken["photo.jpg"].size == (SAMPLES / "photo.jpg").stat().st_size


def test_files_dropped_on_the_list_are_shown_before_they_go_in(files, vault, case, folder):
    for name in ("a b.txt", "c.txt"):
        (folder / name).write_text(name)

    async def story(person):
        await person.type(f"'{folder / 'a b.txt'}' '{folder / 'c.txt'}' ")
        assert "2 files marked" in person.text()
        assert api.intake.page(vault, case.id) == []
        await person.press("enter")
        await gone_in(person)

    files(story)
    assert len(api.intake.page(vault, case.id)) == 2


def test_of_many_files_one_that_is_refused_is_named_with_the_reason_and_the_others_go_in(
    files, vault, case, folder, monkeypatch
):
    for name in ("a.txt", "b.txt", "c.txt"):
        (folder / name).write_text(name)
    real = intake.files.open_source

    def gone(path, what="the file"):
        if path.name == "b.txt":
            path.unlink()
        return real(path, what)

    monkeypatch.setattr(intake.files, "open_source", gone)

    async def story(person):
        await person.press("a", "ctrl+a", "enter")
        await gone_in(person, "✗ b.txt: not taken in")
        shown = person.text()
        assert "2 files taken in, 1 NOT taken in." in shown
        assert "does not exist" in shown
        await person.press("enter")
        assert "b.txt: not" not in person.text()
        await person.press("r")
        assert "✗ b.txt: not taken in" in person.text()

    files(story)
    assert sorted(one.fields["original_name"] for one in api.intake.page(vault, case.id)) == ["a.txt", "c.txt"]


def test_the_same_bytes_go_into_a_case_once(files, vault, case, folder):
    (folder / "a.txt").write_text("same")
    attached(vault, case, folder / "a.txt")
    (folder / "a.txt").rename(folder / "other name.txt")

    async def story(person):
        await person.press("a", "ctrl+a", "enter")
        await gone_in(person, "1 was there already")

    files(story)
    assert len(api.intake.page(vault, case.id)) == 1


def test_stopping_keeps_what_is_in_and_nothing_of_the_file_that_was_going_in(files, vault, case, folder, monkeypatch):
    for name in ("a.bin", "b.bin", "c.bin"):
        (folder / name).write_bytes(os.urandom(5 << 20))
    half_way, on = threading.Event(), threading.Event()
    real = intake._put

    def put(opened, serial, number, batch):
        if opened.read(lambda c: c.execute("SELECT count(*) FROM content WHERE complete").fetchone()[0]) == 1:
            half_way.set()
            assert on.wait(120)
        return real(opened, serial, number, batch)

    monkeypatch.setattr(intake, "_put", put)

    async def story(person):
        await person.pilot.press("a")
        await person.until(lambda: "Attach files" in person.text())
        await person.settle()
        await person.pilot.press("ctrl+a", "enter")
        await person.until(half_way.is_set)
        await person.until(lambda: "File 2 of 3" in person.text())
        shown = person.text()
        assert "✓ a.bin" in shown
        assert "· c.bin" in shown
        assert "F8" in shown
        await person.pilot.press("f8")
        on.set()
        await gone_in(person, "1 file taken in, 2 stopped.")

    files(story)
    assert [one.fields["original_name"] for one in api.intake.page(vault, case.id)] == ["a.bin"]
    assert vault.read(lambda c: c.execute("SELECT count(*) FROM content WHERE complete").fetchone()[0]) == 1
    vault.start_sweep().result(120)
    assert vault.read(lambda c: c.execute("SELECT count(*) FROM chunk").fetchone()[0]) == 5


def test_while_files_go_in_another_screen_can_be_used_and_the_vault_written_to(files, vault, case, folder, monkeypatch):
    (folder / "a.bin").write_bytes(os.urandom(5 << 20))
    half_way, on = threading.Event(), threading.Event()
    real = intake._put

    def put(opened, serial, number, batch):
        half_way.set()
        assert on.wait(120)
        return real(opened, serial, number, batch)

    monkeypatch.setattr(intake, "_put", put)

    async def story(person):
        await person.pilot.press("a")
        await person.until(lambda: "Attach files" in person.text())
        await person.settle()
        await person.pilot.press("enter")
        await person.until(half_way.is_set)
        await person.pilot.press("escape")
        await person.until(lambda: "Search" in person.text())
        await person.until(lambda: "Taking in 1 file" in person.text())
        await person.pilot.press("n")
        await person.until(lambda: "A name that tells it" in person.text())
        person.app.screen.query_one(Input).value = "second case"
        await person.pilot.press("enter")
        await person.until(lambda: len(api.cases.page(vault)) == 2)
        api.drafts.save(vault, case.id, "note", {"text": "written meanwhile"})
        assert [draft.fields for draft in api.drafts.page(vault)] == [{"text": "written meanwhile"}]
        on.set()
        await gone_in(person)

    files(story)
    assert len(api.intake.page(vault, case.id)) == 1


def test_what_stands_above_and_below_the_list_is_true_while_files_go_in(files, vault, case, folder, monkeypatch):
    """Also of other panes, and behind a dialog."""
    goes_on = threading.Event()
    attach_all = api.intake.attach_all

    def slowly(*arguments, **named):
        yield from attach_all(*arguments, **named)
        goes_on.wait(120)

    monkeypatch.setattr(api.intake, "attach_all", slowly)
    (folder / "one.txt").write_text("one")

    async def story(person):
        assert "There are no files in this case yet." in person.text()
        await person.press("1", "f1")
        begin(person.app, case.id, [folder / "one.txt"])
        await person.until(lambda: "0 records, 1 file" in person.text())
        # Without waiting until all is quiet: it is not before the file is in.
        await person.pilot.press("escape")
        await person.pilot.press(PLACE)
        await person.until(lambda: "File 1 of 1. F8 stops" in person.text())
        assert "There are no files in this case yet." not in person.text()
        goes_on.set()
        await gone_in(person, "Last time")

    files(story)


def test_extracting_asks_where_and_warns_and_cancel_has_the_focus(files, vault, case, folder, tmp_path):
    one = attached(vault, case, SAMPLES / "photo.jpg")

    async def story(person):
        await person.press("e")
        assert "photo.jpg" in person.text()
        await person.press("enter")
        shown = person.text()
        assert "in clear" in shown
        assert person.app.focused.id == "cancel"
        await person.press("enter")
        assert not (folder / "photo.jpg").exists()
        await person.press("e", "enter")
        person.app.screen.query_one("#reason", Input).value = "for the court"
        await person.click("#do")
        assert "It is written" in person.text()

    files(story)
    assert (folder / "photo.jpg").read_bytes() == (SAMPLES / "photo.jpg").read_bytes()
    events = [entry.event for entry in api.custody.of_object(vault, one.id) if entry.event["type"] == "replication"]
    assert sorted(event["outcome"]["result"] for event in events) == ["intent", "success"]
    assert [event["purpose"]["why"] for event in events] == ["for the court"] * 2


def test_deleting_says_what_and_needs_a_reason(files, vault, case):
    attached(vault, case, SAMPLES / "photo.jpg")

    async def story(person):
        await person.press("d")
        shown = person.text()
        assert "photo.jpg" in shown
        assert "Delete 1 file" in shown
        assert person.app.focused.id == "cancel"
        await person.click("#do")
        assert "Say why first" in person.text()
        assert not api.intake.page(vault, case.id)[0].deleted
        await person.type("asked for by the witness")
        await person.press("enter", "enter")
        assert not api.intake.page(vault, case.id)[0].deleted, "Enter was held down in the line"
        await person.click("#do")
        assert "(deleted)" in person.text()
        await person.press("d")
        assert "Delete 1 file" not in person.text()

    files(story)
    assert api.intake.page(vault, case.id)[0].deleted


@pytest.mark.skipif(os.name != "posix", reason="names of any bytes are allowed there only")
def test_a_hostile_name_is_harmless_in_the_list_in_the_questions_and_as_a_suggested_name(files, vault, case, folder):
    name = "x\x1b]52;c;aGk=\x07\n\u202egpj.exe\u2066" + "名" * 40
    path = folder / name
    path.write_bytes((SAMPLES / "photo.jpg").read_bytes())
    attached(vault, case, path)

    async def story(person):
        for keys in ((), ("d",), ("escape", "e"), ("enter",)):
            await person.press(*keys)
            shown = person.text()
            assert not any(mark in shown for mark in ("\x1b", "\x07", "\u202e", "\u2066"))
        assert "⟨RLO⟩" in shown
        await person.click("#do")

    files(story, size=(120, 30))
    (written,) = [one for one in folder.iterdir() if one.name != name]
    assert written.suffix == ".jpg"
    assert written.name.isprintable()
    assert api.intake.page(vault, case.id)[0].fields["original_name"] == name
