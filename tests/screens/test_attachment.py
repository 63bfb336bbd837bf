"""One file: what it shows, what is known of it, and that a lying or hostile one does nothing."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
from PIL import Image
from rich.color import ColorSystem

from tui import pictures
from tui.screens.attachment import AttachmentScreen
from vault import api
from vault.confined import process
from vault.jobs import Job

SAMPLES = Path(__file__).parents[2] / "tui" / "samples"


@pytest.fixture
def case(vault):
    """A case of the vault."""
    return api.cases.add(vault, "王案")


@pytest.fixture
def looking(at, vault, case, tmp_path):
    """Return a function that takes a file in and runs a story at its screen."""

    def run(name, data, story, **more):
        path = tmp_path / name
        path.write_bytes(data)
        one = api.intake.attach(vault, case.id, path, Job())

        async def whole(person):
            person.app.console._color_system = ColorSystem.TRUECOLOR
            person.app.push_screen(AttachmentScreen(one.id))
            await person.settle()
            await story(person)

        at(whole, vault, **more)
        return one

    return run


def png(colour, size=(40, 20)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def cells(person) -> list:
    """Return foreground and background of all half blocks on the screen."""
    strips = person.app.screen._compositor.render_strips()
    found = [segment for strip in strips for segment in strip if set(segment.text) == {"▀"}]
    return [segment.style for segment in found for _cell in segment.text]


def test_a_picture_is_drawn_in_its_colours_and_the_facts_stand_beside_it(looking, vault):
    async def story(person):
        await person.until(lambda: cells(person) != [])
        assert {style.color.triplet for style in cells(person)} == {(200, 30, 40)}
        assert len(cells(person)) == 40 * 10
        shown = person.text()
        assert "SHA-256" in shown
        assert "red.png" in shown
        assert "image.width: 40" in shown

    one = looking("red.png", png((200, 30, 40)), story, size=(140, 40))
    events = [entry.event["type"] for entry in api.custody.of_object(vault, one.id)]
    assert events.count("displaying") == 1


def test_on_a_small_screen_f3_goes_to_the_facts_and_back(looking):
    async def story(person):
        await person.until(lambda: cells(person) != [])
        assert "SHA-256" not in person.text()
        await person.press("f3")
        assert "Identifying information inside: Place" in person.text()
        assert cells(person) == []
        await person.press("f3")
        await person.until(lambda: cells(person) != [])

    looking("photo.jpg", (SAMPLES / "photo.jpg").read_bytes(), story)


def test_where_there_are_no_colours_brightness_is_shown_with_signs(looking, monkeypatch):
    async def story(person):
        person.app.console._color_system = None
        person.app.screen.query_one("#picture")._again()
        await person.until(lambda: "@@@@@" in person.text())
        assert cells(person) == []

    looking("white.png", png((255, 255, 255)), story)


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("cut.jpg", (SAMPLES / "photo.jpg").read_bytes()[:20000], "cut off"),
        ("bomb.png", png((0, 0, 0), (8192, 8193)), "too large"),
        ("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), "of this kind"),
    ],
    ids=["cut", "bomb", "heic"],
)
def test_a_picture_that_cannot_be_decoded_says_so_and_shows_the_facts(looking, name, data, told):
    async def story(person):
        shown = person.text()
        assert told in shown
        assert "SHA-256" in shown
        assert cells(person) == []

    looking(name, data, story)


def test_without_the_extra_that_is_said_in_a_sentence(looking, monkeypatch):
    hidden = process._START.replace("import sys;", "import sys; sys.modules['PIL'] = None;")
    monkeypatch.setattr(process, "_START", hidden)

    async def story(person):
        assert "installed without" in person.text()
        assert "images" in person.text()

    looking("red.png", png((200, 30, 40)), story)


def test_the_process_with_the_keys_decodes_nothing_and_writes_no_file(looking, vault, tmp_path, monkeypatch):
    def never(*arguments, **named):
        raise AssertionError("a picture was decoded where the keys are")

    data, opened = png((9, 200, 9)), []
    monkeypatch.setattr(Image, "open", never)

    def watch(event, arguments):
        if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
            opened.append(arguments[0])

    async def story(person):
        watching.append(True)
        person.app.push_screen(AttachmentScreen(person.app.screen._attachment_id))
        await person.until(lambda: cells(person) != [])
        watching.clear()

    watching: list[bool] = []
    sys.addaudithook(lambda event, arguments: watch(event, arguments) if watching else None)
    looking("green.png", data, story)
    inside = {str(path) for path in (tmp_path / "vault").iterdir()}
    assert [name for name in opened if isinstance(name, str) and name not in inside and name != os.devnull] == []


def test_a_text_is_shown_as_text_and_cannot_speak_to_the_terminal(looking):
    async def story(person):
        shown = person.text()
        assert "律师被拘留。" in shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "␛]52" in shown
        assert "[bold]" in shown

    text = "律师被拘留。\r\n\x1b]52;c;aGk=\x1b\\ \u202eevil [bold]x[/bold]\n"
    looking("a.txt", text.encode(), story)


def test_hostile_bytes_that_pass_for_text_are_harmless(looking):
    async def story(person):
        shown = person.text()
        assert "\x1b" not in shown
        assert "plain words" in shown

    looking("a.txt", b"plain words\n" + bytes([27]) + b"[2J" + bytes(range(128, 160)) * 3, story)


def test_an_old_chinese_text_is_read_and_t_reads_it_otherwise(looking):
    async def story(person):
        assert "律师被拘留" in person.text()
        assert "gb18030" in person.text()
        await person.press("t")
        assert "律师被拘留" not in person.text()
        assert "big5" in person.text()

    looking("old.txt", ("律师被拘留，家属没有收到通知。" * 20).encode("gb18030"), story)


def test_an_old_text_in_other_letters_is_not_read_as_chinese(looking):
    async def story(person):
        assert "cp1251" in person.text()
        await person.press("t")
        assert "un café noir" in person.text()

    looking("old.txt", ("un café noir, " * 40).encode("cp1252"), story)


def test_a_character_that_is_cut_by_the_limit_does_not_change_how_a_text_is_read(looking):
    async def story(person):
        assert "gb18030" in person.text()
        assert "律师" in person.text()

    looking("old.txt", b"a" + ("律师" * 20000).encode("gb18030"), story)


def test_of_a_long_text_only_the_start_is_shown(looking):
    async def story(person):
        assert "The first 64.0 KiB of" in person.text()

    looking("long.txt", ("word " * 40 + "\n").encode() * 3000, story)


def test_a_file_that_shows_nothing_shows_its_facts_at_once(looking):
    async def story(person):
        shown = person.text()
        assert "cannot be shown in a terminal" in shown
        assert "SHA-256" in shown

    looking("document.pdf", (SAMPLES / "document.pdf").read_bytes(), story)


@pytest.mark.skipif(os.name != "posix", reason="names of any bytes are allowed there only")
def test_hostile_names_and_facts_are_shown_harmlessly(looking):
    data = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "Make\x1b]0;x\x07\u202e"
    Image.new("RGB", (20, 20)).save(data, "JPEG", exif=exif)

    async def story(person):
        await person.until(lambda: "exif.image.make" in person.text())
        shown = person.text()
        assert not any(mark in shown for mark in ("\x1b", "\x07", "\u202e"))
        assert "⟨RLO⟩" in shown

    looking("x\x1b[2J\u202egpj.exe", data.getvalue(), story, size=(140, 50))


def test_a_redacted_copy_is_attached_as_made_from_the_file(looking, vault, case, tmp_path, monkeypatch):
    place = tmp_path / "place"
    place.mkdir()
    (place / "blurred.png").write_bytes(png((1, 2, 3)))
    monkeypatch.setattr("tui.dialogs.choose_files._last", {False: place, True: place})

    async def story(person):
        await person.press("m", "enter")
        assert "What was changed?" in person.text()
        await person.type("face blurred with GIMP by A.")
        await person.press("enter")
        await person.until(lambda: all(one.ended for one in person.app.intakes) and person.app.intakes)

    one = looking("red.png", png((200, 30, 40)), story)
    original, copy = api.intake.page(vault, case.id)
    assert original.id == one.id
    assert copy.fields["derived_from"] == {"id": one.id, "sha256": one.sha256}
    assert copy.fields["derivation"] == "face blurred with GIMP by A."


def test_the_screen_of_a_copy_names_the_file_it_was_made_from(at, vault, case, tmp_path):
    for name, colour in (("original.png", (1, 1, 1)), ("copy.png", (2, 2, 2))):
        (tmp_path / name).write_bytes(png(colour))
    original = api.intake.attach(vault, case.id, tmp_path / "original.png", Job())
    about = api.intake.About(derived_from=str(original.id), derivation="blurred")
    copy = api.intake.attach(vault, case.id, tmp_path / "copy.png", Job(), about)

    async def story(person):
        person.app.push_screen(AttachmentScreen(copy.id))
        await person.settle()
        assert "Made from: original.png" in person.text()
        assert "blurred" in person.text()

    at(story, vault, size=(140, 50))


def test_a_deleted_file_says_so(at, vault, case, tmp_path):
    (tmp_path / "a.png").write_bytes(png((1, 1, 1)))
    one = api.intake.attach(vault, case.id, tmp_path / "a.png", Job())
    api.records.delete(vault, one.id, "asked for")

    async def story(person):
        person.app.push_screen(AttachmentScreen(one.id))
        await person.settle()
        assert "was deleted" in person.text()
        await person.press("e")
        assert "where to" not in person.text()

    at(story, vault)


def test_plus_goes_closer_and_the_arrows_go_about(looking):
    image = Image.new("RGB", (200, 100), (255, 255, 255))
    image.paste((200, 30, 40), (0, 0, 50, 25))
    out = io.BytesIO()
    image.save(out, "PNG")
    red = (200, 30, 40)

    def share(person) -> float:
        found = [style.color.triplet for style in cells(person)]
        return found.count(red) / max(1, len(found))

    async def story(person):
        await person.until(lambda: 0.03 < share(person) < 0.1)
        await person.press("plus", "plus", *["left"] * 8, *["up"] * 8)
        await person.until(lambda: share(person) > 0.8)
        await person.press("minus", "minus", "minus")
        await person.until(lambda: 0.03 < share(person) < 0.1)

    looking("corner.png", out.getvalue(), story)


@pytest.mark.parametrize(
    ("size", "room", "expected"),
    [((400, 200), (80, 40), (80, 40)), ((40, 20), (80, 60), (40, 20)), ((512, 1), (80, 40), (80, 1)),
     ((1, 512), (80, 40), (1, 40)), ((1, 1), (1, 2), (1, 1))],
)  # fmt: skip
def test_a_picture_keeps_its_shape_and_is_seen_whole(size, room, expected):
    picture = api.looking.Picture(*size, bytes(3 * size[0] * size[1]), *size)
    assert pictures.window(picture, *room) == pictures.Window(0, 0, *size, *expected)


@pytest.mark.parametrize("middle", [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (0.3, 0.9)])
@pytest.mark.parametrize("zoom", [1.0, 2.0, 3.7, 8.0])
def test_what_is_seen_lies_in_the_picture_and_fits_the_screen(zoom, middle):
    picture = api.looking.Picture(101, 57, bytes(3 * 101 * 57), 101, 57)
    for room in ((80, 40), (10, 2), (300, 200)):
        seen = pictures.window(picture, *room, zoom, middle)
        assert 0 <= seen.left <= seen.left + seen.width <= 101
        assert 0 <= seen.top <= seen.top + seen.height <= 57
        assert seen.drawn_width <= room[0] and seen.drawn_height <= room[1]
        rows = pictures.drawn(picture, seen)
        assert (len(rows[0]), len(rows)) == (seen.drawn_width, seen.drawn_height)


def test_a_smaller_picture_is_the_mean_of_the_larger():
    white, black = b"\xff" * 3, b"\0" * 3
    picture = api.looking.Picture(4, 2, (white + black) * 2 + (black + white) * 2, 4, 2)
    assert pictures.drawn(picture, pictures.window(picture, 2, 1)) == [[(127, 127, 127)] * 2]
    assert pictures.drawn(picture, pictures.window(picture, 4, 2))[0] == [(255,) * 3, (0,) * 3] * 2


def test_a_file_is_given_to_a_person_by_name_and_that_is_signed_with_its_reason(at, vault, case, tmp_path):
    (tmp_path / "face.txt").write_text("x")
    one = api.intake.attach(vault, case.id, tmp_path / "face.txt", Job())
    api.records.add(vault, case.id, "note", {"title": "Plan", "text": "x"})
    whose = api.records.add(vault, case.id, "person", {"pseudonym": "P-1"})

    async def story(person):
        person.app.push_screen(AttachmentScreen(one.id))
        await person.settle()
        await person.press("b")
        assert "Files of a person or a note stay" in person.text()
        assert person.text().index("P-1") < person.text().index("Plan")
        await person.press("enter")
        assert "Sign version 2" in person.text()
        assert "P-1" in person.text()
        assert str(whose.id) not in person.text()
        await person.press("escape", "b", "enter", "shift+tab")
        await person.type("her portrait")
        await person.press("tab", "tab", "enter")
        await person.press("f3")
        assert "Belongs to: P-1" in person.text()

    at(story, vault, size=(100, 40))
    (now,) = api.intake.page(vault, case.id)
    assert now.fields["belongs_to"] == {"id": whose.id}
    assert not any(
        part.is_told for part in api.sealing.preview(vault, api.sealing.Choice(case.id, only=(one.id,))).parts
    )
