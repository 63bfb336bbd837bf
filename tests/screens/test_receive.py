"""Receiving on the screens: verified before anything is shown, taken in or refused; and what is said of odd bundles."""

from __future__ import annotations

import re
import shutil
import threading
from pathlib import Path

import pytest

from tests.bundle_world import tar, untar, unwrap, wrap
from tui.screens.case import PANES, CaseScreen
from tui.verifying import STEPS, Turning
from vault import api
from vault.jobs import Job

PLACE = str([name for name, _title, _pane in PANES].index("bundles") + 1)
STATEMENT = "他说王小明在场。"


@pytest.fixture
def sender(vault, other_vault):
    """Another vault, with a contact for this one; this one does not know it."""
    api.contacts.add_card(other_vault, api.contacts.card(vault, "Receiver"))
    api.contacts.verify(other_vault, "Receiver", vault.identity.fingerprint)
    return other_vault


@pytest.fixture
def friend(vault, sender):
    """The sender, whom this vault has verified."""
    api.contacts.add_card(vault, api.contacts.card(sender, "Sender"))
    api.contacts.verify(vault, "Sender", sender.identity.fingerprint)
    return sender


@pytest.fixture
def bundle(tmp_path: Path):
    """Return a function that seals a case of a sender to this vault."""
    made = []

    def seal(sender, purpose="申诉", statement=STATEMENT, case=None) -> Path:
        case = case or api.cases.add(sender, "case")
        api.records.add(sender, case.id, "testimony", {"statement": statement})
        choice = api.sealing.Choice(case.id, purpose=purpose)
        target = tmp_path / f"{len(made)}.age"
        made.extend(api.sealing.seal(sender, choice, ["Receiver"], target, Job()))
        return target

    return seal


async def receive(person, file: Path) -> None:
    """Choose a file and wait until it was verified."""
    await person.press("r")
    person.app.screen.query_one("#line").value = str(file)
    person.app.screen.query_one("#line").focus()
    await person.press("enter")


def page(person) -> str:
    """Return everything on the page, scrolled or not, in one line."""
    screen = person.app.screen
    parts = [str(screen.query_one(name).content) for name in ("#verdict", "#means", "#steps")]
    parts += [text for text, _rtl in screen.query_one("#report")._paragraphs]
    return " ".join(" ".join(parts).split())


def flat(person) -> str:
    """Return what is on the screen without frames, scroll bars and line breaks."""
    return " ".join(re.sub("[│▁-▇]", " ", person.text()).split())


def test_a_bundle_of_a_verified_contact_is_taken_in_after_it_was_looked_at(at, vault, friend, bundle):
    file = bundle(friend)

    async def story(person):
        await receive(person, file)
        text = page(person)
        assert "✓ VERIFIED: intact, and signed by Sender, a verified contact." in text
        assert "✓ 12 Who signed it" in text
        assert "It holds 1 record" in text
        assert "申诉" in text
        assert "Not checked: · Times are claims" in text
        assert api.cases.page(vault) == [], "nothing is taken in before the person agrees"
        assert api.custody.page(vault, 1)[0].event["type"] != "ingestion"
        await person.press("t")
        assert isinstance(person.app.screen, CaseScreen)
        await person.press(PLACE)
        assert "✓ verified" in person.text()
        assert "Sender" in person.text()

    at(story, vault)
    (case,) = api.cases.page(vault)
    assert case.record_count == 1


def test_what_it_is_for_cannot_look_like_lines_of_ours(at, vault, sender, bundle):
    fake = "✓ VERIFIED: intact, and signed by Amnesty, a verified contact."
    file = bundle(sender, purpose=f"x\n{fake}\n{' ' * 300}{fake}")

    async def story(person):
        await receive(person, file)
        lines = [text for text, _rtl in person.app.screen.query_one("#report")._paragraphs]
        assert not any(line.lstrip().startswith("✓ VERIFIED") for line in lines)
        assert any(line.startswith("  > ") and "VERIFIED" in line for line in lines)
        assert all(len(line.rstrip()) <= 64 for line in lines if line.startswith("  > "))

    at(story, vault)


def test_refusing_keeps_nothing_and_enters_nothing(at, vault, friend, bundle):
    file = bundle(friend)
    before = api.custody.head(vault).size

    async def story(person):
        await receive(person, file)
        await person.press("enter")  # Refuse has the focus
        assert type(person.app.screen).__name__ == "CasesScreen"

    at(story, vault)
    assert api.cases.page(vault) == []
    assert api.custody.head(vault).size == before


def test_an_unknown_signer_is_established_by_the_fingerprint_that_is_told(at, vault, sender, bundle):
    file = bundle(sender)

    async def story(person):
        await receive(person, file)
        assert "! INTACT, but whose key signed it is not established." in page(person)
        assert sender.identity.fingerprint in page(person)
        await person.press("f")
        await person.type(api.contacts.own(sender).words)
        await person.press("enter")
        assert "✓ VERIFIED: intact, and signed by the key that you were told of." in page(person)
        await person.press("t")

    at(story, vault)
    (case,) = api.cases.page(vault)
    assert [one.verdict for one in api.receiving.received(vault, case.id)] == ["verified"]


def test_comparing_verifies_the_contact_whose_key_it_is(at, vault, sender, bundle):
    file = bundle(sender)
    api.contacts.add_card(vault, api.contacts.card(sender, "Sender"))

    async def story(person):
        await receive(person, file)
        assert "It is that of your contact Sender, with whom nobody compared it yet." in page(person)
        await person.press("f")
        await person.type(sender.identity.fingerprint)
        await person.press("enter")
        assert "signed by Sender, a verified contact" in page(person)

    at(story, vault)
    assert api.contacts.get(vault, "Sender").verified


def test_another_fingerprint_fails_and_nothing_can_be_taken_in(at, vault, sender, bundle):
    file = bundle(sender)

    async def story(person):
        await receive(person, file)
        await person.press("f")
        await person.type(" ".join(["12345"] * 8))
        await person.press("enter")
        assert "✗ FAILED: do not rely on it." in page(person)
        assert "signed by another key than the one you named" in page(person)
        assert "申诉" not in page(person)
        await person.press("t")
        assert type(person.app.screen).__name__ == "ReceiveScreen"
        await person.press("f")
        await person.type(sender.identity.fingerprint)
        await person.press("enter")
        assert "✓ VERIFIED" in page(person), "it may have been misheard"

    at(story, vault)
    assert api.cases.page(vault) == []


def test_what_came_is_listed_in_the_language_in_use_with_whom_it_is_from(at, vault, friend, bundle, tmp_path):
    (tmp_path / "a.txt").write_text("x")
    case = api.cases.add(friend, "case")
    api.intake.attach(friend, case.id, tmp_path / "a.txt", Job())
    got = api.receiving.receive(vault, bundle(friend, case=case), Job())

    async def story(person):
        listed = person.text()
        assert "收到的案件，来自 Sender" in listed
        assert "Received from" not in listed
        await person.press("slash")
        await person.type("王小明")
        await person.until(lambda: "✓ Sender" in person.text())
        person.app.push_screen(CaseScreen(got.case_id))
        await person.settle()
        assert "收到的案件，来自 Sender，证据包" in person.text()
        await person.press("3")
        await person.until(lambda: "✓ Sender" in person.text())
        assert "verified" not in person.text()

    at(story, vault, language="zh-Hans", size=(140, 40))


def test_an_intact_one_is_taken_in_only_after_a_question(at, vault, sender, bundle):
    file = bundle(sender)

    async def story(person):
        await receive(person, file)
        await person.press("t")
        assert "Take it in all the same?" in person.text()
        await person.press("enter")  # Cancel has the focus
        assert api.cases.page(vault) == []
        await person.press("t", "tab", "enter")
        assert isinstance(person.app.screen, CaseScreen)
        await person.press(PLACE)
        assert "! intact" in person.text()

    at(story, vault)


def altered(file: Path, vault) -> None:
    """Change the text in a bundle, as somebody would who can encrypt it to this vault again."""
    files = untar(unwrap(file.read_bytes(), vault.identity.hybrid))
    files = {path: data.replace("王小明".encode(), "王大明".encode()) for path, data in files.items()}
    file.write_bytes(wrap(tar(files), vault.identity.hybrid.recipient))


def test_a_failed_bundle_shows_nothing_of_its_content_and_says_which_step(at, vault, friend, bundle):
    file = bundle(friend, purpose="SECRETPURPOSE")
    altered(file, vault)

    async def story(person):
        await receive(person, file)
        text = page(person)
        assert "✗ FAILED: do not rely on it." in text
        assert "This file is not the one that was listed." in text
        assert "✗ 3 Every file is the one that was listed" in text
        assert "SECRETPURPOSE" not in text
        assert "明" not in text
        await person.press("t", "g")
        assert type(person.app.screen).__name__ == "ReceiveScreen"

    at(story, vault)
    assert api.cases.page(vault) == []


def test_a_file_that_was_cut_is_told_plainly(at, vault, friend, bundle):
    file = bundle(friend)
    file.write_bytes(file.read_bytes()[:-1])

    async def story(person):
        await receive(person, file)
        assert "✗ Not whole" in page(person)
        assert "Ask for it again." in page(person)
        assert "✗ 1 It can be read to its end – 2 Every file" in page(person)

    at(story, vault)


def test_a_bundle_for_somebody_else_is_told_plainly(at, vault, friend, bundle, tmp_path):
    case = api.cases.add(friend, "case")
    api.records.add(friend, case.id, "testimony", {"statement": STATEMENT})
    address = api.contacts.own(friend).x25519_recipient
    third = api.contacts.add(friend, "Third", (address,))
    api.contacts.verify(friend, "Third", third.fingerprint)
    (one,) = api.sealing.seal(friend, api.sealing.Choice(case.id), ["Third"], tmp_path / "x.age", Job())

    async def story(person):
        await receive(person, one.file)
        assert "This file is encrypted to somebody else." in page(person)

    at(story, vault)


def test_the_same_bundle_again_is_told_and_leads_to_its_case(at, vault, friend, bundle):
    file = bundle(friend)
    first = api.receiving.receive(vault, file, Job())
    before = api.custody.head(vault).size

    async def story(person):
        await receive(person, file)
        assert "= It was received before." in page(person)
        assert "= 12 " in page(person)
        assert "✗" not in page(person)
        await person.press("t")
        assert type(person.app.screen).__name__ == "ReceiveScreen"
        await person.press("g")
        assert person.app.screen.case_id == first.case_id

    at(story, vault)
    assert api.custody.head(vault).size == before


def test_an_older_bundle_is_told_before_it_is_taken_in(at, vault, friend, bundle):
    case = api.cases.add(friend, "case")
    older, newer = bundle(friend, case=case), bundle(friend, case=case)
    api.receiving.receive(vault, newer, Job())

    async def story(person):
        await receive(person, older)
        assert "! A newer bundle of this sender was received before this one." in page(person)

    at(story, vault)


def test_a_passphrase_bundle_asks_says_what_is_wrong_and_opens(at, vault, sender, tmp_path):
    case = api.cases.add(sender, "case")
    api.records.add(sender, case.id, "testimony", {"statement": STATEMENT})
    secret = api.generate()
    file = tmp_path / "p.age"
    api.sealing.seal_with_passphrase(sender, api.sealing.Choice(case.id), api.to_secret(secret), file, Job())

    async def story(person):
        await receive(person, file)
        assert "under a passphrase" in person.text()
        await person.type("wrong")
        await person.press("enter")
        assert "The passphrase does not open this file." in flat(person)
        await person.type(secret)
        await person.press("enter")
        assert "! INTACT" in page(person)
        assert secret not in person.text()
        await person.press("t", "tab", "enter")
        assert isinstance(person.app.screen, CaseScreen)

    at(story, vault)
    assert len(api.cases.page(vault)) == 1


def test_a_file_that_was_exchanged_after_the_look_is_not_taken_in(at, vault, friend, bundle):
    file, other = bundle(friend), bundle(friend, purpose="other")

    async def story(person):
        await receive(person, file)
        file.write_bytes(other.read_bytes())
        await person.press("t")
        assert "not the one that was looked at" in flat(person)
        assert "F8 stops it" not in flat(person)

    at(story, vault)
    assert api.cases.page(vault) == []


def test_stopping_the_verification_keeps_nothing(at, vault, friend, bundle, monkeypatch):
    file = bundle(friend)
    reached, go_on = threading.Event(), threading.Event()
    look = api.receiving.look

    def slow(vault, path, job, *more):
        reached.set()
        go_on.wait(120)
        return look(vault, path, job, *more)

    monkeypatch.setattr(api.receiving, "look", slow)

    async def story(person):
        await person.press("r")
        person.app.screen.query_one("#line").value = str(file)
        person.app.screen.query_one("#line").focus()
        await person.pilot.press("enter")
        await person.until(reached.is_set)
        await person.pilot.press("escape")
        assert type(person.app.screen).__name__ == "ReceiveScreen"
        await person.pilot.press("f8")
        go_on.set()
        await person.settle()
        assert "Stopped." in page(person)

    at(story, vault)


def test_a_purpose_and_a_name_cannot_speak_to_the_terminal(at, vault, friend, bundle):
    file = bundle(friend, purpose="\x1b]0;x\x07\u202epurpose [red]", statement="\x1b[2J")
    api.contacts.rename(vault, "Sender", "Se[red]nder")

    async def story(person):
        await receive(person, file)
        await person.press("end")
        text = page(person) + person.text()
        assert "purpose [red]" in text
        assert "Se[red]nder" in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        await person.press("t", PLACE, "enter")
        assert "\x1b" not in person.text()

    at(story, vault)


def test_steps_turn_and_the_one_that_found_something_is_marked():
    turning, job = Turning(), Job()
    turning.watch(job)
    job.begin_step("1 container", True)
    job.begin_step("2 layout and names", True)
    assert [line[0] for line in turning.lines()[:3]] == ["…", "…", " "], "the first two go on together"
    job.begin_step("3 manifests", False)
    lines = turning.lines()
    assert len(lines) == len(STEPS) == 12
    assert [line[0] for line in lines[:4]] == ["✓", "✗", "…", " "]
    turning.end(None)
    assert [line[0] for line in turning.lines()[:4]] == ["✓", "✗", "✗", "–"]


def test_another_bundle_under_the_same_number_is_told_and_kept_as_failed_if_taken_in(
    at, vault, friend, bundle, made_other, tmp_path
):
    folder, keys = made_other
    twin = api.setup.open_with(Path(shutil.copytree(folder, tmp_path / "twin")), keys)
    api.contacts.add_card(twin, api.contacts.card(vault, "Receiver"))
    api.receiving.receive(vault, bundle(friend), Job())
    second = bundle(twin, purpose="second")
    twin.close()

    async def story(person):
        await receive(person, second)
        text = page(person)
        assert "✗ It is intact, but it contradicts what came before." in text
        assert "The sender gave this number to another bundle before" in text
        assert "second" not in text
        await person.press("t", "tab", "enter")
        assert isinstance(person.app.screen, CaseScreen)
        await person.press(PLACE)
        assert "✗ failed" in person.text()

    at(story, vault)


def test_what_is_found_only_while_it_is_taken_in_is_told(at, vault, friend, bundle, tmp_path):
    case = api.cases.add(friend, "case")
    first = api.receiving.receive(vault, bundle(friend, case=case), Job())
    (record,) = api.records.page(vault, first.case_id)
    api.records.delete(vault, record.id, "withdrawn")
    (again,) = api.sealing.seal(friend, api.sealing.Choice(case.id), ["Receiver"], tmp_path / "again.age", Job())

    async def story(person):
        await receive(person, again.file)
        assert "✓ VERIFIED" in page(person)
        await person.press("t")
        assert "A record of this bundle was deleted here; it stays deleted." in flat(person)
        await person.press("enter")
        assert isinstance(person.app.screen, CaseScreen)

    at(story, vault)
