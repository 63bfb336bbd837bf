"""The whole program in a real terminal (tmux): start, lock, crash, kill, signals; what the terminal is left with."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

from vault import api

PASSPHRASE = "ocean mirror lantern velvet copper puzzle"


def test_first_run_makes_a_vault_and_a_case_in_chinese(terminal, tmp_path):
    one = terminal()
    one.start(tmp_path / "new")
    one.until("Step 1")
    one.press("Enter")
    one.until("Step 2")
    one.type(PASSPHRASE)
    one.until("Strong")
    one.press("Enter")
    one.type(PASSPHRASE)
    one.press("Enter")
    one.until("Step 3")
    one.press("Escape")
    one.until("Nobody can help")
    one.press("Tab", "Enter")
    one.until("New case")
    one.press("n")
    one.until("A name that tells it")
    one.type("王全璋案")
    one.press("Enter")
    # The case stands open: its name alone stood in the question, too.
    one.until("Records")
    one.until("王全璋案")
    assert PASSPHRASE not in one.text()
    one.press("C-q")
    one.until("left 0")
    vault = api.setup.unlock(tmp_path / "new", api.to_secret(PASSPHRASE))
    assert [case.title for case in api.cases.page(vault)] == ["王全璋案"]
    vault.close()


def test_locking_ends_the_process_and_a_fresh_one_asks_for_the_passphrase(terminal, locked):
    one = terminal()
    one.start(locked)
    one.unlock()
    before = one.child()
    one.press("C-l")
    one.until("The vault is locked.")
    assert one.child() != before
    one.unlock()
    one.press("F12")
    one.until("The vault is locked.")


def _shows_nothing_of(one, typed: str, *, before: str, after: str) -> None:
    """Type what was not asked for yet, in pieces, until what is waited for comes; none of it may ever be seen."""
    for letter in typed:
        one.type(letter)
        seen = one.text()
        assert before not in seen
        assert not any(typed[place : place + 2] in seen for place in range(len(typed) - 1)), seen
        if after in seen:
            break


@pytest.mark.parametrize("key", ["C-l", "F12"])
def test_what_is_typed_before_it_is_asked_for_is_never_shown(terminal, locked, key):
    one = terminal()
    one.type("echo here-before; clear -x")
    one.press("Enter")
    one.start(locked)
    one.unlock()
    one.press(key)
    # From the moment in which the list has gone to the one in which the new process asks.
    while "New case" in one.text():
        pass
    _shows_nothing_of(
        one, "qzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqz", before="here-before", after="The vault is locked."
    )
    one.until("The vault is locked.")
    assert "qz" not in one.text()
    one.press("C-q")
    one.until("left 0")
    left = one._tmux("capture-pane", "-p", "-S", "-", "-t", "t")
    assert "qz" not in left
    one.type("echo se''en")
    one.press("Enter")
    one.until("echo se''en")
    one.until("\nseen")


@pytest.mark.parametrize("second", ["on", "off"])
def test_nothing_that_was_shown_stays_on_the_terminal(terminal, vault, second):
    api.cases.add(vault, "canary-case")
    vault.close()
    one = terminal()
    one._tmux("set-option", "-g", "alternate-screen", second)
    one.type("echo here-before")
    one.press("Enter")
    one.start(vault.folder)
    one.unlock()
    one.until("canary-case")
    one.press("C-l")
    one.until("The vault is locked.")
    assert "canary-case" not in one._tmux("capture-pane", "-p", "-S", "-", "-t", "t")
    one.unlock()
    one.until("canary-case")
    one.press("C-q")
    one.until("left 0")
    left = one._tmux("capture-pane", "-p", "-S", "-", "-t", "t")
    assert "canary-case" not in left
    assert "New case" not in left
    assert second == "off" or "here-before" in left


def test_a_wrong_passphrase_is_said_and_can_be_typed_again(terminal, locked):
    one = terminal()
    one.start(locked)
    one.until("Passphrase")
    one.type("not the passphrase")
    one.press("Enter")
    one.until("Not unlocked")
    one.unlock()


def test_a_killed_child_leaves_a_sane_terminal_and_one_sentence(terminal, locked):
    one = terminal()
    one.start(locked)
    one.unlock()
    os.kill(one.child(), signal.SIGKILL)
    seen = one.until("has locked the vault")
    assert "Traceback" not in seen
    one.type("what was typed on")
    one.press("r")
    one.until("There is no report")
    assert "typed on" not in one.text()
    one.press("q")
    one.until("left 70")
    one.type("stty -a | grep -o ' echo ' && echo typed")
    one.press("Enter")
    one.until("typed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_parent_ends_both(terminal, locked, number):
    one = terminal()
    one.start(locked)
    one.unlock()
    child = one.child()
    os.kill(int(Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[1]), number)
    one.until("left 130")
    assert not Path(f"/proc/{child}").exists()


def test_variables_of_textual_reach_no_child(terminal, locked, tmp_path):
    log = tmp_path / "textual.log"
    one = terminal(TEXTUAL_LOG=str(log), TEXTUAL="debug,devtools", TEXTUAL_SCREENSHOT="1")
    one.start(locked)
    one.unlock()
    environment = Path(f"/proc/{one.child()}/environ")
    with contextlib.suppress(PermissionError):  # Nobody but root reads that of a process that must not be dumped.
        assert b"TEXTUAL" not in environment.read_bytes()
    one.press("C-q")
    one.until("left 0")
    assert not log.exists()


def test_what_about_the_terminal_can_give_a_vault_away_is_told_each_time_it_is_locked(terminal, locked, tmp_path):
    one = terminal(width=120, height=50, TEXTUAL_LOG=str(tmp_path / "written"))
    one.start(locked)
    for _ in range(2):
        seen = " ".join(one.until("TEXTUAL_").split())
        assert "About this computer" in seen
        assert "inside tmux, screen or the like" in seen
        one.unlock()
        one.press("C-l")
        one.until("The vault is locked.")
    assert not (tmp_path / "written").exists()
