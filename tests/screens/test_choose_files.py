"""Choosing files: keys, filter, pasted paths, and names that are no names."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tui import folders
from tui.dialogs.choose_files import ChooseFilesDialog

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are allowed on Linux only")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to choose from."""
    place = tmp_path / "place"
    (place / "sub").mkdir(parents=True)
    for name, text in (("a b.jpg", "1"), ("证词.txt", "22"), ("z.pdf", "333"), (".quiet", "4"), ("sub/inner.txt", "5")):
        (place / name).write_text(text)
    return place


@pytest.fixture
def choosing(at, vault, folder):
    """Return a function that runs a story at the dialog and returns what was chosen."""

    def run(story, mode="files", start=None, size=(80, 24), **more):
        answers = []

        async def whole(person):
            person.app.push_screen(ChooseFilesDialog("Choose", mode, start=start or folder, **more), answers.append)
            await person.settle()
            await story(person)

        at(whole, vault, size=size)
        return answers

    return run


def test_space_marks_many_also_in_several_folders_and_enter_takes_them(choosing, folder):
    async def story(person):
        assert "folder" in person.text()
        await person.press("enter")  # the first entry is the folder
        await person.press("space")
        await person.press("left")  # back, on the folder that we came from
        await person.press("down", "space", "space")
        assert "3 files marked, 5 B" in person.text()
        await person.press("enter")

    assert choosing(story) == [(folder / "sub" / "inner.txt", folder / "a b.jpg", folder / "z.pdf")]


def test_typing_finds_and_enter_takes_the_only_one_left(choosing, folder):
    async def story(person):
        await person.press("z")
        shown = person.text()
        assert "z.pdf" in shown
        assert "a b.jpg" not in shown
        await person.press("enter")

    assert choosing(story) == [(folder / "z.pdf",)]


def test_what_is_typed_beside_marked_files_is_marked_too_and_never_left_out_in_silence(choosing, folder):
    async def story(person):
        await person.press("down", "space")
        assert "1 file marked" in person.text()
        await person.press("z", "enter")
        assert isinstance(person.app.screen, ChooseFilesDialog), "z.pdf would not have been taken"
        assert "2 files marked, 4 B" in person.text()
        await person.press("enter")

    assert choosing(story) == [(folder / "a b.jpg", folder / "z.pdf")]


def test_enter_on_a_found_file_marks_it_beside_the_others(choosing, folder):
    async def story(person):
        await person.press("down", "space")
        await person.press("z", "down", "enter")
        assert "2 files marked" in person.text()
        await person.press("enter")

    assert choosing(story) == [(folder / "a b.jpg", folder / "z.pdf")]


def test_a_typed_text_that_finds_several_ends_nothing_and_the_button_takes_what_it_counts(choosing, folder):
    async def story(person):
        await person.press("down", "space")
        await person.type(".")
        await person.press("enter")
        assert isinstance(person.app.screen, ChooseFilesDialog)
        assert "1 file marked" in person.text()
        await person.click("#do")

    assert choosing(story) == [(folder / "a b.jpg",)]


def test_hidden_files_are_shown_when_asked_for(choosing, folder):
    async def story(person):
        assert ".quiet" not in person.text()
        await person.press("f3")
        assert ".quiet" in person.text()
        await person.press("escape")

    assert choosing(story) == [None]


def test_escape_empties_the_line_first(choosing):
    async def story(person):
        await person.press("z", "escape")
        assert "a b.jpg" in person.text()
        await person.press("escape")

    assert choosing(story) == [None]


@pytest.mark.parametrize(
    "quote",
    [
        lambda paths: " ".join(f"'{path}'" for path in paths),
        lambda paths: " ".join(str(path).replace(" ", "\\ ") for path in paths) + " ",
        lambda paths: "\r\n".join(path.as_uri() for path in paths) + "\r\n",
        lambda paths: "\n".join(str(path) for path in paths),
    ],
    ids=["quoted", "backslashes", "addresses", "lines"],
)
@pytest.mark.skipif(os.name != "posix", reason="paths of POSIX")
def test_dropped_files_are_marked_however_the_terminal_writes_them(choosing, folder, quote):
    wanted = [folder / "a b.jpg", folder / "证词.txt"]

    async def story(person):
        await person.type(quote(wanted))
        assert "2 files marked" in person.text()
        await person.press("enter")

    assert choosing(story, start=folder / "sub") == [tuple(wanted)]


def test_pasted_text_that_is_no_path_goes_into_the_line(choosing, folder):
    async def story(person):
        await person.type("证词")
        assert "a b.jpg" not in person.text()
        await person.press("enter")

    assert choosing(story) == [(folder / "证词.txt",)]


def test_a_typed_path_goes_to_a_folder_or_takes_a_file(choosing, folder):
    async def story(person):
        person.app.screen.query_one("#line").focus()
        person.app.screen.query_one("#line").value = f"{folder / 'sub'}/"
        await person.press("enter")
        assert "inner.txt" in person.text()
        await person.press("down", "space")
        assert "1 file marked" in person.text()
        await person.press("up", "space")
        person.app.screen.query_one("#line").focus()
        person.app.screen.query_one("#line").value = "../nothing/x"
        await person.press("enter")
        assert "There is nothing there." in person.text()
        person.app.screen.query_one("#line").value = "./inner.txt"
        await person.press("enter")

    (chosen,) = choosing(story)
    assert [path.resolve() for path in chosen] == [folder / "sub" / "inner.txt"]


def test_one_file_is_chosen_for_receiving(choosing, folder):
    async def story(person):
        await person.press("down", "space", "enter")

    assert choosing(story, "file") == [(folder / "a b.jpg",)]


def test_a_folder_is_chosen_and_files_are_not_shown(choosing, folder):
    async def story(person):
        assert "z.pdf" not in person.text()
        await person.press("enter")  # into the folder
        assert "inner.txt" not in person.text()
        await person.press("enter")  # "this folder"

    assert choosing(story, "folder") == [(folder / "sub",)]


def test_a_new_name_is_taken_only_where_nothing_is_yet(choosing, folder):
    async def story(person):
        await person.press("enter")
        assert "This exists already" in person.text()
        line = person.app.screen.query_one("#line")
        line.value = "名" * 90
        await person.press("enter")
        assert "too long" in person.text()
        line.value = "none/new.bin"
        await person.press("enter")
        assert "does not exist" in person.text()
        line.value = " "
        await person.press("enter")
        assert "Type a name" in person.text()
        line.value = "new.bin"
        await person.press("enter")

    assert choosing(story, "new", name="z.pdf") == [(folder / "new.bin",)]
    assert not (folder / "new.bin").exists()


def test_devices_and_pipes_are_not_taken(choosing, folder):
    os.mkfifo(folder / "0 pipe")
    (folder / "1 broken").symlink_to(folder / "gone")

    async def story(person):
        await person.press("down", "space")
        assert "Only files" in person.text()
        await person.press("enter")
        assert "not a file" in person.text()
        await person.press("down", "enter")
        assert "not a file" in person.text()
        await person.press("escape")

    assert choosing(story) == [None]


@LINUX
def test_every_name_is_listed_harmlessly_and_can_be_chosen(choosing, tmp_path):
    place = os.fsencode(tmp_path / "odd")
    os.mkdir(place)
    names = [b"new\nline.txt", b"esc\x1b]52;c;aGk=\x07.txt", "rlo\u202egpj.exe".encode(), ("名" * 85).encode(),
             b"bytes\xff\xfe.bin", b" ", b"[bold]mark[].txt", "\u0300".encode() * 100, b"-rf"]  # fmt: skip
    for name in names:
        with open(place + b"/" + name, "wb") as handle:
            handle.write(name)

    async def story(person):
        shown = person.text()
        assert not any(mark in shown for mark in ("\x1b", "\u202e", "\x07"))
        assert "new␊line.txt" in shown
        assert "[bold]mark[].txt" in shown
        assert "⟨DCFF⟩" in shown
        await person.press("ctrl+a")
        assert f"{len(names)} files marked" in person.text()
        await person.press("enter")

    (chosen,) = choosing(story, start=Path(os.fsdecode(place)))
    assert sorted(os.fsencode(path.name) for path in chosen) == sorted(names)
    assert all(path.read_bytes() == os.fsencode(path.name) for path in chosen)


def test_a_folder_that_cannot_be_read_says_so_and_one_stays_where_one_was(choosing, folder, monkeypatch):
    real = folders.listed

    def listed(wanted):
        if wanted.name == "sub":
            raise PermissionError
        return real(wanted)

    monkeypatch.setattr(folders, "listed", listed)

    async def story(person):
        await person.press("enter")
        assert "cannot be read" in person.text()
        assert "z.pdf" in person.text()
        await person.press("down", "enter")

    assert choosing(story) == [(folder / "a b.jpg",)]


def test_of_a_very_full_folder_a_part_is_shown_and_typing_finds_the_rest(choosing, tmp_path):
    many = tmp_path / "many"
    many.mkdir()
    for number in range(1500):
        (many / f"{number:04}.jpg").touch()

    async def story(person):
        assert "400 of 1500" in person.text()
        await person.press("1", "4", "9", "9")
        assert "1499.jpg" in person.text()
        await person.press("enter")

    assert choosing(story, start=many) == [(many / "1499.jpg",)]


@pytest.mark.parametrize(
    "text", ["", "file://elsewhere/etc/passwd", "file:///%00", "'open quote", "file://[", "a\0b", "/nowhere/at/all"]
)
def test_what_names_no_existing_file_is_no_path(text, tmp_path):
    assert folders.pasted(text, tmp_path) == []


def test_what_goes_out_is_not_offered_the_folder_of_what_came_in(at, vault, folder, tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.setattr("tui.dialogs.choose_files._last", {})

    async def story(person):
        person.app.push_screen(ChooseFilesDialog("In", start=folder))
        await person.settle()
        await person.press("z", "enter")
        person.app.push_screen(ChooseFilesDialog("Out", "folder"))
        await person.settle()
        assert where(person) == "home"
        await person.press("escape")
        person.app.push_screen(ChooseFilesDialog("In again"))
        await person.settle()
        assert where(person) == "place"

    def where(person) -> str:
        return str(person.app.screen.query_one("#where").content).rpartition(os.sep)[2]

    at(story, vault)
