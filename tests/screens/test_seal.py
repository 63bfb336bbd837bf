"""Sealing on the screens: what leaves, to whom, what is seen before, and what is in the bundle afterwards."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
from textual.widgets import Input

from tui import leaving
from tui.screens.case import PANES, CaseScreen
from tui.screens.seal import SealScreen
from tui.widgets.mark_list import MarkList
from tui.widgets.reading import Reading
from vault import api
from vault.jobs import Job

SAMPLES = Path(__file__).parents[2] / "tui" / "samples"
PLACE = str([name for name, _title, _pane in PANES].index("bundles") + 1)


@pytest.fixture
def out(tmp_path: Path, monkeypatch) -> Path:
    """Where bundles go; choosing begins there."""
    place = tmp_path / "out"
    place.mkdir()
    monkeypatch.setattr("tui.dialogs.choose_files._last", {False: place, True: place})
    return place


@pytest.fixture
def lawyer(vault, other_vault):
    """Another vault, whose holder is a verified contact."""
    api.contacts.add_card(vault, api.contacts.card(other_vault, "Lawyer"))
    api.contacts.verify(vault, "Lawyer", other_vault.identity.fingerprint)
    return other_vault


AGREED = {"uses": ["partner", "court"], "name_use": "named", "risks_explained": "yes"}


@pytest.fixture
def case(vault):
    """A case with a testimony in it, to which the person agreed."""
    made = api.cases.add(vault, "王案")
    fields = {"title": "第一次", "statement": "他说王小明在场。", "witness_name": "王小明", "place": "北京",
              "consent": AGREED}  # fmt: skip
    api.records.add(vault, made.id, "testimony", fields)
    return made


@pytest.fixture
def sealing(at, vault, case, out):
    """Return a function that runs a story at the first step of sealing the case."""

    def run(story, **more):
        async def whole(person):
            person.app.push_screen(SealScreen(case.id))
            await person.settle()
            await story(person)

        return at(whole, vault, **more)

    return run


def opened(vault, out: Path) -> api.receiving.Opened:
    """Receive the only bundle that was made, and return what it came to."""
    (file,) = out.iterdir()
    return api.receiving.receive(vault, file, Job())


def what_came(vault, received) -> dict:
    (record,) = api.records.page(vault, received.case_id)
    return api.records.show(vault, record.id).fields


def shown(person) -> str:
    """Return the long text in front, scrolled or not."""
    return "\n".join(text for text, _rtl in person.app.screen.query_one(Reading)._paragraphs)


def test_a_case_is_sealed_to_a_verified_contact_with_keys_alone(at, vault, case, lawyer, out, tmp_path):
    async def story(person):
        person.app.push_screen(CaseScreen(case.id))
        await person.settle()
        await person.press(PLACE, "s")
        assert "step 1 of 4: What leaves" in person.text()
        await person.press("f9")
        assert "✓ verified" in person.text()
        await person.press("space", "f9")
        await person.type("申诉")
        await person.press("f9")
        assert "For: Lawyer" in person.text()
        await person.press("f9", "enter")
        question = " ".join(person.text().replace("│", " ").split())
        assert "For: Lawyer 1 record; " in question
        assert f"Into the folder: {out}"[:40] in question
        assert "Seal 1 bundle" in question
        await person.press("tab", "enter")
        (one,) = api.sealing.sent(vault, case.id)
        text = shown(person)
        assert str(next(out.iterdir())) in text
        assert one.sha256 in text
        assert vault.identity.fingerprint in text
        assert f"numbers {one.entries[0]}, {one.entries[1]}" in text
        assert "age has to be 1.3 or later" in text
        await person.press("f9")
        assert "Lawyer" in person.text()
        assert "✓ sealed" in person.text()

    at(story, vault)
    received = opened(lawyer, out)
    assert received.purpose == "申诉"
    assert what_came(lawyer, received) == {"statement": "他说王小明在场。"}


def test_a_protected_field_leaves_only_when_it_is_marked_by_name_and_a_shareable_one_can_stay(
    sealing, vault, case, lawyer, out, tmp_path
):
    async def story(person):
        await person.press("enter")
        text = person.text()
        assert "[ ]  Name of the witness" in text or "[ ]  Witness" in text
        rows = [one.key for one in person.app.screen.query_one(MarkList)._rows]
        listed = person.app.screen.query_one(MarkList)
        for path in ("witness_name", "statement"):
            listed.move_cursor(row=rows.index(path))
            await person.press("space")
        await person.press("f9")
        assert "1 of 4" in person.text()
        await person.press("f9", "space", "f9", "f9")
        await person.press("down", "down", "down", "enter")
        assert "王小明" in shown(person)
        assert "他说" not in shown(person)
        assert "6 things stay here" in shown(person)
        await person.press("escape", "f9", "enter", "tab", "enter")

    sealing(story)
    assert what_came(lawyer, opened(lawyer, out)) == {"witness_name": "王小明"}


def test_the_preview_finds_a_withheld_name_inside_a_text_that_leaves(sealing, lawyer):
    async def story(person):
        await person.press("f9", "space", "f9", "f9")
        assert "1 name is in it" in person.text()
        await person.press("enter")
        assert "王小明, in the text of: 第一次" in shown(person)

    sealing(story)


def test_the_preview_shows_what_for_and_finds_names_in_it_and_however_they_are_typed(sealing, vault, case, lawyer):
    api.records.add(vault, case.id, "person", {"names": [{"full": "Zo\u00e9 Petit"}]})
    api.records.add(vault, case.id, "testimony", {"statement": "Zoe\u0301\nPe\u200btit was there.", "consent": AGREED})

    async def story(person):
        await person.press("f9", "space", "f9")
        await person.type("为了王小明")
        await person.press("f9")
        assert "为了王小明" in person.text()
        await person.press("enter")
        assert "王小明, in the text of: What for" in shown(person)
        assert "Zoé Petit, in the text of: Zo" in shown(person)
        await person.press("escape", "down", "down", "enter")
        assert shown(person) == "为了王小明"

    sealing(story)


def test_what_a_record_of_an_organisation_s_type_says_is_shown_by_the_names_of_that_type(sealing, vault, case, lawyer):
    text = (Path(api.__file__).parents[1] / "docs" / "formats" / "schema.md").read_text()
    api.record_types.add(vault, re.search(r"```toml\n(.*?)```", text, re.DOTALL)[1])
    visitors = [{"name": "Dilnur"}]
    visit = api.records.add(vault, case.id, "visit", {"report": "overcrowded", "place": "x", "visitors": visitors})

    async def story(person):
        await person.press("f9", "space", "f9", "f9")
        assert "Prison visit" in person.text()
        table = person.app.screen.query_one("#shown")
        table.move_cursor(row=table.get_row_index(visit.id))
        await person.press("enter")
        assert "What was seen: overcrowded" in shown(person)
        assert "Visitors 1 – Name" in shown(person)
        assert "visitors.0" not in shown(person)

    sealing(story)


def test_while_it_is_looked_up_what_would_leave_that_is_said_with_how_far_it_is(sealing, lawyer, monkeypatch):
    goes_on = threading.Event()
    preview = api.sealing.preview

    def slowly(vault, choice, job):
        job.report("looking up records", 1, 4)
        goes_on.wait(120)
        return preview(vault, choice, job)

    async def story(person):
        await person.press("f9", "space", "f9")
        monkeypatch.setattr(api.sealing, "preview", slowly)
        await person.pilot.press("f9")
        await person.until(lambda: "25 %" in person.text())
        assert "Looking up what would leave …" in person.text()
        assert "Looking up what would leave  ██" in person.text()
        goes_on.set()
        await person.settle()
        assert "Looking up" not in person.text()
        assert "For: Lawyer" in person.text()

    sealing(story)


def test_every_field_that_names_somebody_is_among_the_names(sealing, vault, case, lawyer):
    api.records.add(vault, case.id, "testimony", {"statement": "Dilnur was there.", "consent": AGREED, "translations":
                    [{"language": "en", "text": "…", "translator": "Dilnur"}]})  # fmt: skip

    async def story(person):
        await person.press("f9", "space", "f9", "f9", "enter")
        assert "Dilnur, in the text of: Dilnur was there., Statement" in shown(person)

    sealing(story)


def test_a_long_list_is_laid_out_in_parts_and_all_of_it_can_be_marked(sealing, vault, case, lawyer, monkeypatch):
    monkeypatch.setattr("tui.widgets.mark_list._PART", 2)
    for number in range(6):
        api.records.add(vault, case.id, "note", {"text": f"note {number}"})

    async def story(person):
        listed = person.app.screen.query_one(MarkList)
        assert listed.row_count == 7
        await person.press("end", "space")
        assert len(listed.marked) == 6
        await person.press("ctrl+a")
        assert len(listed.marked) == 7
        await person.press("ctrl+a")
        assert "Nothing is marked." in person.text()
        assert str(listed.get_cell_at((6, 0))) == "[ ]"

    sealing(story)


def test_nothing_is_sealed_to_somebody_unverified_without_an_explicit_yes(sealing, vault, out, other_vault):
    api.contacts.add_card(vault, api.contacts.card(other_vault, "Stranger"))

    async def story(person):
        await person.press("f9")
        assert "✗ not verified" in person.text()
        await person.press("space", "f9")
        assert "somebody who is not verified" in person.text()
        await person.press("enter")  # Cancel has the focus
        assert "step 2 of 4" in person.text()
        await person.press("f9", "tab", "enter")
        assert "step 3 of 4" in person.text()
        await person.press("f9")
        assert "Stranger (✗ not verified)" in person.text()
        await person.press("f9", "enter", "tab", "enter")
        assert "This contact is not verified" in shown(person)

    sealing(story)
    assert len(list(out.iterdir())) == 1


def test_a_photo_is_named_with_what_it_gives_away_and_stays_unless_it_is_marked(sealing, vault, case, lawyer, out):
    api.intake.attach(vault, case.id, SAMPLES / "photo.jpg", Job())

    async def story(person):
        await person.press("f9")
        assert "photo.jpg gives away: place, device, author" in person.text()
        await person.press("escape")
        assert "step 1 of 4" in person.text()
        await person.press("f9", "f9")
        assert "step 2 of 4" in person.text()
        await person.press("space", "f9", "f9")
        assert "1 record; " in person.text()
        await person.press("f9", "enter", "tab", "enter")

    sealing(story)
    assert api.receiving.receive(lawyer, next(out.iterdir()), Job()).contents.files == 0


def test_a_marked_photo_leaves_as_it_is(sealing, vault, case, lawyer, out):
    api.intake.attach(vault, case.id, SAMPLES / "photo.jpg", Job())

    async def story(person):
        await person.press("f9", "space", "f9", "space", "f9", "f9", "f9", "enter", "tab", "enter")

    sealing(story)
    assert api.receiving.receive(lawyer, next(out.iterdir()), Job()).contents.files == 1


def test_a_cleaned_copy_leaves_in_the_place_of_its_original(sealing, vault, case, lawyer, out, tmp_path):
    original = api.intake.attach(vault, case.id, SAMPLES / "photo.jpg", Job())
    clean = tmp_path / "clean.txt"
    clean.write_text("cleaned")
    about = api.intake.About(derived_from=original.id, derivation="cleaned")
    copy = api.intake.attach(vault, case.id, clean, Job(), about)

    async def story(person):
        await person.press("end", "space")  # the copy is taken out at first
        assert copy.id not in person.app.screen.plan.leaving
        await person.press("f9")
        assert "a copy made from it leaves in its place: clean.txt" in " ".join(person.text().replace("│", " ").split())
        await person.press("f9", "space", "f9", "f9", "f9", "enter", "tab", "enter")

    sealing(story)
    received = api.receiving.receive(lawyer, next(out.iterdir()), Job())
    (file,) = api.intake.page(lawyer, received.case_id)
    assert file.sha256 == copy.sha256


def test_two_recipients_get_a_bundle_each(sealing, vault, case, lawyer, out):
    address = api.contacts.own(lawyer).x25519_recipient
    ngo = api.contacts.add(vault, "NGO", (address,))
    api.contacts.verify(vault, "NGO", ngo.fingerprint)

    async def story(person):
        await person.press("f9", "space", "space", "f9", "f9", "f9", "enter", "tab", "enter")
        assert "For Lawyer" in shown(person)
        assert "For NGO" in shown(person)

    sealing(story)
    assert len(list(out.iterdir())) == 2
    assert {one.recipient for one in api.sealing.sent(vault, case.id)} == {"Lawyer", "NGO"}


def test_a_passphrase_bundle_only_by_choice_typed_twice_and_not_weak(sealing, vault, case, out, tmp_path):
    async def story(person):
        await person.press("f9", "space", "f9", "f9")
        assert "whoever knows the passphrase" in person.text()
        await person.press("f9")
        await person.type("password1")
        await person.press("enter")
        await person.type("password1")
        await person.press("enter")
        assert "The passphrase of the bundle" in person.text(), "too weak"
        await person.press("f5")
        phrase = str(person.app.screen.query_one("#suggested").content).partition(": ")[2]
        assert len(phrase.split()) == 8
        phrases.append(phrase)
        await person.click("#do")
        await person.press("enter", "tab", "enter")
        await person.until(lambda: bool(list(out.iterdir())))
        await person.settle()
        assert "VERIFY.txt in each bundle" in shown(person)
        assert "age has to be" not in shown(person), "every age knows passphrases"

    phrases: list[str] = []
    sealing(story)
    (file,) = out.iterdir()
    found = api.receiving.open_with_passphrase(file, tmp_path / "bag", api.to_secret(phrases[0]), "", Job())
    assert found.verdict == "intact"


def test_a_key_that_is_held_down_never_seals(sealing, vault, case, lawyer, out):
    async def story(person):
        await person.press("f9", "space", "f9", "f9")
        person.app.screen.query_one("#go-on").focus()
        await person.press(*["enter"] * 12)
        while len(person.app.screen_stack) > 3:
            await person.press("escape")
        await person.press(*["f9"] * 8)

    sealing(story)
    assert not list(out.iterdir())
    assert not api.sealing.sent(vault, case.id)


def test_leaving_the_folder_choice_writes_nothing(sealing, vault, case, lawyer, out):
    async def story(person):
        await person.press("f9", "space", "f9", "f9", "f9", "escape")
        assert "step 4 of 4" in person.text()
        assert [one.message for one in person.app._notifications] == ["Not sealed: nothing left the vault."]

    sealing(story)
    assert not list(out.iterdir())
    assert not api.sealing.sent(vault, case.id)


def test_stopping_half_way_leaves_no_file_and_escape_does_not_leave_meanwhile(
    sealing, vault, case, lawyer, out, monkeypatch
):
    reached, go_on = threading.Event(), threading.Event()
    begin = api.sealing.seal

    def slow(vault, choice, to, target, job):
        reached.set()
        go_on.wait(120)
        return begin(vault, choice, to, target, job)

    monkeypatch.setattr(api.sealing, "seal", slow)

    async def story(person):
        await person.press("f9", "space", "f9", "f9", "f9", "enter", "tab")
        await person.pilot.press("enter")
        await person.until(reached.is_set)
        await person.pilot.press("escape")
        assert type(person.app.screen).__name__ == "SealScreen"
        await person.pilot.press("f8")
        go_on.set()
        await person.settle()
        assert "Nothing half-done was kept." in person.text()
        await person.press("enter")
        assert "step 4 of 4" in person.text()

    sealing(story)
    assert not list(out.iterdir())
    assert not api.sealing.sent(vault, case.id)


def test_nothing_marked_goes_nowhere(sealing, lawyer):
    async def story(person):
        await person.press("space", "f9")
        assert "step 1 of 4" in person.text()
        assert "Nothing is marked" in person.text()
        await person.press("space", "f9", "f9")
        assert "step 2 of 4" in person.text()

    sealing(story)


def test_names_and_purposes_cannot_speak_to_the_terminal(at, vault, out, tmp_path):
    made = api.cases.add(vault, "bad \x1b]0;x\x07 \u202ecase")
    api.records.add(vault, made.id, "testimony", {"statement": "\x1b[31m red \u202e", "title": "[red]t\x1b[0m"})

    async def story(person):
        person.app.push_screen(SealScreen(made.id))
        await person.settle()
        seen = [person.text()]
        await person.press("enter")
        seen.append(person.text())
        await person.press("escape", "f9", "space", "f9")
        person.app.screen.query_one("#purpose", Input).value = "\x1b[2J\u202epurpose"
        await person.press("f9")
        seen.append(person.text())
        await person.press("down", "enter")
        seen.append(person.text())
        for text in seen:
            assert "\x1b" not in text
            assert "\u202e" not in text
        assert "[red]t" in seen[0]

    at(story, vault)


def test_a_field_is_revealed_later_against_the_same_signature(at, vault, case, lawyer, out, tmp_path):
    choice = api.sealing.Choice(case.id)
    (first,) = api.sealing.seal(vault, choice, ["Lawyer"], tmp_path / "first.age", Job())
    got = api.receiving.receive(lawyer, first.file, Job())

    async def story(person):
        person.app.push_screen(CaseScreen(case.id))
        await person.settle()
        await person.press(PLACE, "d", "enter")
        assert "王小明" in person.text()
        await person.press("down", "enter", "enter")
        assert "Where does the bundle go?" in person.text()
        await person.press("enter")
        assert "Lawyer will read:" in person.text()
        assert "Into the folder:" in person.text()
        await person.press(*["enter"] * 4)
        assert not list(out.iterdir()), "Enter was held down"
        while len(person.app.screen_stack) > 3:
            await person.press("escape")
        await person.press("d", "enter", "down", "enter", "enter", "enter")
        person.app.screen.query_one("#reason").focus()
        await person.press("enter", "enter")
        assert not list(out.iterdir()), "Enter was held down in the line"
        await person.click("#do")
        assert "It is sealed" in person.text()

    at(story, vault)
    again = api.receiving.receive(lawyer, next(out.iterdir()), Job())
    assert again.case_id == got.case_id
    assert "statement" in what_came(lawyer, again)
    assert len(what_came(lawyer, again)) == 2


def test_the_pane_says_of_an_intent_alone_that_it_may_have_left(at, vault, case, lawyer, tmp_path):
    api.sealing.seal(vault, api.sealing.Choice(case.id), ["Lawyer"], tmp_path / "one.age", Job())
    vault.database.atomic(lambda connection: connection.execute("UPDATE sent_bundle SET sha256 = ''"))

    async def story(person):
        person.app.push_screen(CaseScreen(case.id))
        await person.settle()
        await person.press(PLACE)
        assert "! may have left" in person.text()
        await person.press("enter")
        assert "the file may have left" in " ".join(shown(person).split())

    at(story, vault)


def test_names_are_found_as_words_in_latin_letters_and_anywhere_in_other_scripts():
    def part(path: str, text: str, leaves: bool) -> api.sealing.Part:
        said = api.sealing.Said(path, "protected", leaves, text)
        return api.sealing.Part("0" * 32, "testimony", "t", (), (), said=(said,))

    known = [part("witness_name", name, False) for name in ("Li", "小明", "ياسىن")]

    def found(text: str) -> list[str]:
        return [line.split(",")[0] for line in leaving.hidden_names([part("statement", text, True)], known)]

    assert found("The police came at night.") == []
    assert found("Ali came, and Lin.") == []
    assert found("说Li在") == ["Li"]
    assert found("li, who came") == ["Li"]
    assert found("王小明在场") == ["小明"]
    assert found("ياسىننىڭ") == ["ياسىن"]


def test_no_name_is_passed_over_for_its_case():
    letters = "".join(one for one in map(chr, range(0x110000)) if one.lower() != one or one.upper() != one)
    for letter in letters:
        for same in re.findall(re.escape(letter), letters, re.IGNORECASE):
            assert leaving._alike(letter) == leaving._alike(same), f"{letter} and {same} are the same to a search"


def test_a_file_can_stay_while_what_is_known_of_it_leaves_and_be_let_out_again(sealing, vault, case, lawyer):
    api.intake.attach(vault, case.id, SAMPLES / "testimony-zh.txt", Job())

    async def story(person):
        plan = person.app.screen.plan
        file = next(part for part in plan.parts.values() if part.type == "attachment")
        await person.press("end", "enter")
        assert "The file with its digests" in person.text()
        await person.press("space", "f9")
        assert not plan.parts[file.record_id].content
        assert "1 file" not in person.text()
        await person.press("enter", "space", "f9")
        assert plan.parts[file.record_id].content
        assert "1 file" in person.text()

    sealing(story)


def test_a_portrait_kept_with_a_person_stays_unless_it_is_marked(sealing, vault, case, lawyer, out):
    person_id = api.records.add(vault, case.id, "person", {"pseudonym": "P"}).id
    about = api.intake.About(record_id=person_id)
    portrait = api.intake.attach(vault, case.id, SAMPLES / "testimony-zh.txt", Job(), about).id

    async def story(person):
        plan = person.app.screen.plan
        assert "stays unless marked" in person.text()
        assert portrait not in plan.leaving
        assert "1 file" not in person.text()
        await person.press("end", "space")
        assert "1 file" in person.text()
        await person.press("enter", "space", "f9")
        assert "1 file" not in person.text(), "what is known of it leaves without it"
        await person.press("enter", "space", "f9", "space")
        assert plan.parts[portrait].content
        await person.press("f9", "space", "f9", "f9")
        assert "2 records." in person.text() or "2 records;" in person.text()
        await person.press("f9", "enter", "tab", "enter")

    sealing(story)
    assert opened(lawyer, out).contents.files == 0


def test_a_portrait_that_is_marked_leaves(sealing, vault, case, lawyer, out):
    person_id = api.records.add(vault, case.id, "person", {"pseudonym": "P"}).id
    about = api.intake.About(record_id=person_id)
    api.intake.attach(vault, case.id, SAMPLES / "testimony-zh.txt", Job(), about)

    async def story(person):
        await person.press("end", "space", "f9", "space", "f9", "f9", "f9", "enter", "tab", "enter")

    sealing(story)
    assert opened(lawyer, out).contents.files == 1


def test_a_copy_that_stays_with_a_person_does_not_leave_in_the_place_of_its_original(
    sealing, vault, case, lawyer, out, tmp_path
):
    original = api.intake.attach(vault, case.id, SAMPLES / "photo.jpg", Job())
    person_id = api.records.add(vault, case.id, "person", {"pseudonym": "P"}).id
    face = tmp_path / "face.txt"
    face.write_text("cut out of it")
    about = api.intake.About(derived_from=original.id, record_id=person_id)
    portrait = api.intake.attach(vault, case.id, face, Job(), about)

    async def story(person):
        await person.press("f9")
        assert "leaves in its place" not in " ".join(person.text().replace("│", " ").split())
        await person.press("f9")
        assert portrait.id not in person.app.screen.plan.leaving
        await person.press("space", "f9", "f9", "f9", "enter", "tab", "enter")

    sealing(story)
    assert opened(lawyer, out).contents.files == 0


def test_a_portrait_whose_content_was_taken_out_again_is_not_said_to_leave(sealing, vault, case, lawyer, out):
    person_id = api.records.add(vault, case.id, "person", {"pseudonym": "P"}).id
    about = api.intake.About(record_id=person_id)
    api.intake.attach(vault, case.id, SAMPLES / "testimony-zh.txt", Job(), about)

    async def story(person):
        await person.press("end", "space", "enter", "space", "f9", "f9", "space", "f9", "f9")
        assert "Look it over" in person.text()
        assert "testimony-zh" not in person.text(), person.text()
        assert "2 records; " in person.text(), person.text()
        await person.press("f9", "enter", "tab", "enter")

    sealing(story)
    assert opened(lawyer, out).contents.records == 2
