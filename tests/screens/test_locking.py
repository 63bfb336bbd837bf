"""Locking: by key from anywhere, after idle time, after a suspend; the draft is saved first; mistakes lock too."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from types import SimpleNamespace

import pytest
from textual import events
from textual.screen import ModalScreen

from tests.screens.walking import PASSPHRASE
from tui import supervisor, taking_in
from tui.app import VaultApp
from tui.crash import report
from tui.dialogs.confirm import ConfirmDialog
from tui.supervisor import EXIT_AGAIN, EXIT_QUIT, EXIT_STOPPED, Options, _merged, notice_of
from tui.tidying import PATIENCE
from tui.widgets.editor import Editor
from tui.widgets.secret import SecretInput
from vault import api
from vault.errors import RefusedError
from vault.jobs import Job
from vault.store import settings

CANARY = "canary-7f3a"


class Clock:
    """What the application goes by when it looks whether to lock: seconds since the last key, and asleep."""

    def __init__(self) -> None:
        self.now, self.asleep, self.looked = 0.0, 0.0, 0

    def look(self) -> float:
        self.looked += 1
        return self.asleep

    async def seen(self, person) -> None:
        """Wait until the application has looked once more, and done what it then does."""
        before = self.looked
        await person.until(lambda: self.looked > before + 1 or bool(person.left))


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """The clock of the application, which stands still until the test moves it, and is looked at often."""
    one = Clock()
    monkeypatch.setattr("tui.app._TICK", 0.02)
    monkeypatch.setattr("tui.app.time", SimpleNamespace(monotonic=lambda: one.now))
    monkeypatch.setattr(supervisor, "suspended_seconds", one.look)
    return one


@pytest.mark.parametrize("key", ["ctrl+l", "f12"])
def test_one_key_locks_also_in_front_of_a_dialog(at, vault, key):
    async def story(person):
        await person.press("n")
        assert isinstance(person.app.screen, ModalScreen)
        await person.press(key)
        await person.until(lambda: bool(person.left))

    code, words = at(story, vault)
    assert code == EXIT_AGAIN
    assert words["notice"] == "locked"


def test_leaving_saves_first_and_ends_the_program(at, vault):
    case = api.cases.add(vault, "一")

    async def story(person):
        person.app.savers.append(lambda: api.drafts.save(vault, case.id, "note", {"text": "draft"}))
        await person.press("ctrl+q")
        await person.until(lambda: bool(person.left))

    code, _words = at(story, vault)
    assert code == EXIT_QUIT
    assert [draft.fields for draft in api.drafts.page(vault)] == [{"text": "draft"}]


def test_a_saver_that_fails_does_not_keep_the_vault_open(at, vault):
    def fail() -> None:
        raise RefusedError("no", "no")

    async def story(person):
        person.app.savers.append(fail)
        await person.press("ctrl+l")
        await person.until(lambda: bool(person.left))

    assert at(story, vault)[0] == EXIT_AGAIN


def test_idle_time_locks_but_not_while_a_file_goes_in(at, vault, clock):
    goes_on = threading.Event()

    async def story(person):
        person.app.screen.work("waiting", person.app.long("…", lambda job: goes_on.wait(120)))
        await person.until(lambda: bool(person.app.running))
        clock.now += person.app.idle_seconds * 2
        await clock.seen(person)
        assert not person.left
        goes_on.set()
        await person.until(lambda: bool(person.left))

    assert at(story, vault)[1]["notice"] == "idle"


def test_all_of_the_memory_is_gone_over_only_while_nobody_is_there(at, vault, clock):
    usual, rounds, goes_on = gc.get_threshold(), [], threading.Event()

    def note(phase: str, about: dict[str, int]) -> None:
        if phase == "stop" and about["generation"] == 2:
            rounds.append(clock.now)

    async def story(person):
        gc.callbacks.append(note)
        kept = []
        for _ in range(6):
            await person.press("down")
            kept += [[] for _ in range(100_000)]
            clock.now += PATIENCE * 0.9
            await clock.seen(person)
        assert rounds == []
        clock.now += PATIENCE
        for _ in range(3):
            await clock.seen(person)
        assert len(rounds) == 1
        await person.press("down")
        await clock.seen(person)
        person.app.screen.work("waiting", person.app.long("…", lambda job: goes_on.wait(120)))
        await person.until(lambda: bool(person.app.running))
        clock.now += PATIENCE
        await clock.seen(person)
        assert len(rounds) == 1
        goes_on.set()
        await person.until(lambda: not person.app.running)
        await clock.seen(person)
        assert len(rounds) == 1
        clock.now += PATIENCE
        await clock.seen(person)
        assert len(rounds) == 2

    try:
        at(story, vault)
    finally:
        gc.callbacks.remove(note)
    assert gc.get_threshold() == usual


def test_a_key_press_puts_the_idle_lock_off(at, vault, clock):
    async def story(person):
        for _ in range(6):
            await person.pilot.press("down")
            clock.now += person.app.idle_seconds * 0.9
            await clock.seen(person)
            assert not person.left
        clock.now += person.app.idle_seconds * 0.2
        await person.until(lambda: bool(person.left))

    assert at(story, vault)[1]["notice"] == "idle"


def test_waking_from_a_suspend_locks(at, vault, clock):
    async def story(person):
        await clock.seen(person)
        assert not person.left
        clock.asleep += 3600.0
        await person.until(lambda: bool(person.left))

    assert at(story, vault)[1]["notice"] == "resumed"


def test_a_locked_vault_shows_why(at, vault, tmp_path):
    vault.close()

    async def story(person):
        person.app.options = Options(str(vault.folder), notice="idle")
        person.app.pop_screen()
        person.app.show_first()
        await person.settle()
        assert "nobody used it" in person.text()

    at(story)


def test_cancel_has_the_focus_where_something_cannot_be_undone(at, vault):
    answers = []

    async def story(person):
        person.app.push_screen(ConfirmDialog("Delete", "3 files will be deleted.", "Delete 3 files"), answers.append)
        await person.settle()
        await person.press("enter")

    at(story, vault)
    assert answers == [False]


def test_a_passphrase_is_in_no_attribute_that_textual_watches_and_never_on_the_screen(at, vault):
    vault.close()

    async def story(person):
        line = person.app.screen.query_one(SecretInput)
        await person.type(CANARY)
        assert CANARY not in person.text()
        assert "•" * len(CANARY) in person.text()
        assert CANARY not in repr(line)
        assert all(CANARY not in repr(getattr(line, name)) for name in line._reactives)
        assert line.take().reveal() == CANARY.encode()
        assert line.empty

    at(story)


def test_the_report_of_a_mistake_names_no_value_and_no_folder_of_a_person():
    def fail() -> None:
        secret = CANARY
        raise ValueError(f"{secret}")

    try:
        fail()
    except ValueError as error:
        lines = report(error)
    assert lines[0] == "builtins.ValueError"
    assert any("fail" in line for line in lines)
    assert CANARY not in "\n".join(lines)
    assert not any(line.strip().startswith("/") for line in lines)


def test_a_mistake_in_a_handler_prints_no_values(at, vault, capfd):
    async def story(person):
        def fail() -> None:
            secret = CANARY
            raise ValueError(secret)

        person.app.call_later(fail)
        await person.until(lambda: person.app._exception is not None)

    with pytest.raises(ValueError, match=CANARY):
        at(story, vault)
    printed = capfd.readouterr()
    assert CANARY not in printed.out + printed.err


def test_copied_text_stays_inside_unless_that_was_switched_on(at, vault):
    async def story(person):
        written = []
        person.app._driver.write = written.append
        person.app.copy_to_clipboard(CANARY)
        assert not any("]52;" in text for text in written)
        assert person.app.clipboard == CANARY
        person.app.clipboard_seconds = 0.2
        person.app.copy_to_clipboard(CANARY)
        await person.until(lambda: sum("]52;" in text for text in written) == 2)

    at(story, vault)


def test_the_palette_offers_no_picture_of_the_screen(at, vault):
    async def story(person):
        titles = [command.title for command in person.app.get_system_commands(person.app.screen)]
        assert len(titles) == len(set(titles)), "F12 and Ctrl+L lock both"
        assert "New case" in titles
        assert not any("screenshot" in title.lower() for title in titles)

    at(story, vault)


def test_last_words_of_another_shape_are_ignored():
    options = Options("/v", "zh-Hans", "idle")
    changed = _merged(options, {"language": 7, "folder": "/w", "report": ["x"], "nothing": 1})
    assert changed == Options("/w", "zh-Hans", "")


def test_what_became_of_the_draft_is_told(at, vault):
    def fail() -> None:
        raise RefusedError("no", "no")

    async def lose(person):
        person.app.savers.append(fail)
        await person.press("ctrl+l")
        await person.until(lambda: bool(person.left))

    async def keep(person):
        person.app.savers.append(lambda: None)
        await person.press("ctrl+l")
        await person.until(lambda: bool(person.left))

    async def none(person):
        await person.press("ctrl+l")
        await person.until(lambda: bool(person.left))

    assert [at(story, vault)[1].get("draft", "") for story in (lose, keep, none)] == ["lost", "saved", ""]
    assert "NOT be saved" in notice_of(Options("/v", notice="locked", draft="lost"))
    assert "saved" not in notice_of(Options("/v", notice="idle"))


def test_what_was_pasted_just_before_locking_is_saved(at, vault):
    case = api.cases.add(vault, "一")
    text = "二〇二三年五月。" * 6000

    async def story(person):
        await person.press("enter", "t")
        await person.until(lambda: isinstance(person.app.focused, Editor))
        # As a terminal does: both come before anything else is done.
        person.app.post_message(events.Paste(text))
        person.app.post_message(events.Key("ctrl+l", None))
        await person.until(lambda: bool(person.left))

    assert at(story, vault)[1]["draft"] == "saved"
    assert [draft.fields["statement"] for draft in api.drafts.page(vault) if draft.case_id == case.id] == [text]


def test_a_mistake_in_the_text_itself_loses_nothing_of_it(at, vault, monkeypatch):
    api.cases.add(vault, "一")
    monkeypatch.setattr("tui.screens.drafting._EVERY", 3600.0)
    monkeypatch.setattr(VaultApp, "is_headless", False)

    async def story(person):
        def fail() -> None:
            raise ValueError(CANARY)

        await person.press("enter", "t")
        await person.until(lambda: isinstance(person.app.focused, Editor))
        await person.type("我看见了。")
        assert api.drafts.page(vault) == []
        person.app.focused.call_later(fail)
        await person.until(lambda: bool(person.left))

    with pytest.raises(ValueError, match=CANARY):
        at(story, vault)
    assert [draft.fields for draft in api.drafts.page(vault)] == [{"statement": "我看见了。"}]


def test_a_screen_that_hears_nothing_any_more_keeps_no_draft_from_being_saved(at, vault, monkeypatch):
    case = api.cases.add(vault, "一")
    monkeypatch.setattr("tui.app._HEAR_PATIENCE", 0.1)
    goes_on = asyncio.Event()

    async def story(person):
        await person.press("enter")
        person.app.savers.append(lambda: api.drafts.save(vault, case.id, "note", {"text": "draft"}))
        person.app.screen.call_later(goes_on.wait)
        person.app.post_message(events.Key("ctrl+l", None))
        while not person.left:
            await asyncio.sleep(0.01)
        goes_on.set()

    assert at(story, vault)[1]["draft"] == "saved"
    assert [draft.fields for draft in api.drafts.page(vault)] == [{"text": "draft"}]


def test_what_was_copied_does_not_outlive_the_lock_on_the_clipboard(at, vault, monkeypatch, capsys):
    async def copy(person):
        person.app.clipboard_seconds = 30.0
        person.app.copy_to_clipboard(CANARY)
        await person.press("ctrl+l")

    async def keep_inside(person):
        person.app.copy_to_clipboard(CANARY)
        await person.press("ctrl+l")

    words = [at(story, vault)[1] for story in (copy, keep_inside)]
    assert [one["copied"] for one in words] == [True, False]
    for one, emptied in zip(words, (True, False), strict=True):
        monkeypatch.setattr(supervisor, "_child", lambda options, one=one: (EXIT_QUIT, one))
        assert supervisor.run(Options("/v")) == EXIT_QUIT
        assert ("\x1b]52;c;\x07" in capsys.readouterr().out) == emptied


def test_without_its_parent_the_program_saves_and_ends(at, vault, clock):
    async def story(person):
        person.app._started_by = 1
        await person.until(lambda: bool(person.left))

    assert at(story, vault)[0] == EXIT_STOPPED


def test_a_failure_in_the_background_names_its_place():
    class Wrapped(Exception):
        error = ValueError()

    assert "builtins.ValueError" in report(Wrapped())


def test_what_became_of_files_that_were_going_in_is_told_once_after_unlocking(at, open_vault, tmp_path):
    """How many went in is read from the case: also of those that were durable only after the note was made."""
    vault = open_vault()
    case = api.cases.add(vault, "王案")
    done = api.cases.add(vault, "done")
    for name in ("before", "a", "b"):
        (tmp_path / name).write_text(name)
    api.intake.attach(vault, case.id, tmp_path / "before", Job())
    api.intake.note_begun(vault, done.id, 1)
    api.intake.note_ended(vault, done.id)
    api.intake.note_begun(vault, case.id, 3)
    api.intake.note_begun(vault, case.id, 1)
    api.intake.note_ended(vault, case.id)
    for name in ("a", "b"):
        api.intake.attach(vault, case.id, tmp_path / name, Job())
    vault.close()
    again = api.setup.open_with(vault.folder, vault.keys)

    async def story(person):
        shown = " ".join(person.text().replace("│", " ").split())
        assert "王案: 2 of 4 files went in, 2 did not." in shown
        assert "done:" not in shown
        assert "Nothing half is left." in shown
        await person.press("enter")
        await person.app.opened(again)
        await person.settle()
        assert "went in" not in person.text()

    at(story, again)
    again.close()


def test_what_goes_in_is_noted_while_it_does_and_forgotten_when_it_ended(at, vault, tmp_path, monkeypatch):
    case = api.cases.add(vault, "c")
    (tmp_path / "a").write_text("a")
    seen = []
    attach_all = api.intake.attach_all

    def watched(*arguments, **named):
        seen.extend(vault.read(settings.every)["taking_in"].split(case.id)[1:])
        return attach_all(*arguments, **named)

    monkeypatch.setattr(api.intake, "attach_all", watched)

    async def story(person):
        taking_in.begin(person.app, case.id, [tmp_path / "a", tmp_path])
        await person.until(lambda: person.app.intakes and person.app.intakes[-1].ended)

    at(story, vault)
    assert seen == ['": [0, 2, 1]}']
    assert api.intake.unfinished(vault) == ()


def test_a_note_that_cannot_be_read_or_of_a_case_that_is_gone_is_nothing(vault):
    for text in ("{", "[]", '{"x": 1}', json.dumps({"0" * 32: [0, 1, 1]})):
        vault.database.atomic(lambda connection, text=text: settings.put(connection, "taking_in", text))
        assert api.intake.unfinished(vault) == ()


def test_locked_while_a_large_file_goes_in_it_is_said_that_it_did_not(terminal, vault, tmp_path):
    api.cases.add(vault, "lantern")
    vault.close()
    large = tmp_path / "film.mp4"
    with large.open("wb") as handle:
        handle.truncate(6 << 30)
    one = terminal()
    one.start(vault.folder)
    one.unlock()
    one.press("Enter")
    one.until("2 People")
    one.press("3")
    one.until("Attach files")
    one.press("a")
    one.until("Space marks")
    one.type("/")
    one.until("▊  /")
    one.type(str(large)[1:])
    one.until("film.mp4")
    one.press("Enter")
    one.until("F8 stops")
    one.press("C-l")
    one.until("The vault is locked.")
    one.type(PASSPHRASE)
    one.press("Enter")
    shown = one.until("Nothing half is left.")
    assert "lantern: 0 of 1 files went in, 1 did not." in " ".join(shown.replace("│", " ").split())
    one.press("Enter")
    one.until("New case")
    one.press("C-l")
    one.until("The vault is locked.")
    one.type(PASSPHRASE)
    one.press("Enter")
    assert "went in" not in one.until("New case")
