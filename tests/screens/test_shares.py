"""Recovery shares on the screens: made one by one, asked back, rehearsed, put off, used when the passphrase is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.widgets import OptionList

from tui.dialogs.share_words import AskBackDialog, ShowWordsDialog, TypeWordsDialog
from tui.screens.shares import SharesScreen
from tui.widgets.plain import Plain
from tui.widgets.share_words import ShareWords
from vault import api, errors
from vault.formats.age import ScryptRecipient, X25519Identity
from vault.keys import FLOOR
from vault.usecases import recovery

PASSPHRASE = "ocean mirror lantern velvet copper puzzle"
NEW = "garden ribbon thunder candle violet anchor"
OTHER = "pebble saddle fabric window orange tunnel"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Passphrases of share files at the lowest work factor there is, and of the vault at the floor."""
    monkeypatch.setattr(recovery, "ScryptRecipient", lambda secret: ScryptRecipient(secret, 16))
    changed = api.setup.change_passphrase
    monkeypatch.setattr(
        api.setup, "change_passphrase", lambda vault, new, why="passphrase changed": changed(vault, new, FLOOR, why)
    )


@pytest.fixture
def shares(vault):
    """Three shares that open `vault`, of which two are enough."""
    public_key, made = api.recovery.prepare()
    api.recovery.commit(vault, public_key)
    return made


async def _shares(person, **named) -> None:
    person.app.push_screen(SharesScreen(**named))
    await person.settle()


async def _copy_down(person) -> str:
    """Write one share on paper: read its words off the screen, and give back the two that are asked."""
    await person.press("enter")
    assert isinstance(person.app.screen, ShowWordsDialog)
    words = _read(person.text())
    await person.press("enter")
    assert isinstance(person.app.screen, AskBackDialog)
    shown = person.text()
    first, second = (int(one) for one in _asked(shown))
    assert words[first - 1] not in shown.split(), "what is asked is not shown"
    await person.type(words[first - 1])
    await person.press("space")
    await person.type(words[second - 1])
    await person.press("enter")
    return " ".join(words)


def _dialog(person) -> str:
    """Return what a dialog says, without what stands behind it."""
    return " ".join(str(one.content) for one in person.app.screen.query(Plain))


def _flat(person) -> str:
    """Return what is on the screen in one line, without frames."""
    return " ".join(person.text().replace("│", " ").split())


def _read(text: str) -> list[str]:
    """Return the words on the screen by their numbers."""
    import re

    found = {int(number): word for number, word in re.findall(r"(\d+)\. ([a-z]+)", text)}
    return [found[number] for number in range(1, 34)]


def _asked(text: str) -> tuple[str, str]:
    import re

    found = re.search(r"word (\d+), Enter, and word (\d+)", text)
    assert found
    return found[1], found[2]


async def _name_file(person, path: Path) -> None:
    person.app.screen.query_one("#line").value = str(path)
    person.app.screen.query_one("#line").focus()
    await person.press("enter")


def test_three_shares_on_paper_are_asked_back_and_open_the_vault(at, vault):
    papers = []

    async def story(person):
        await _shares(person)
        await person.press("enter")
        for _number in range(3):
            assert not api.recovery.has_shares(vault), "nothing is changed before the last one is out"
            papers.append(await _copy_down(person))
        assert api.recovery.has_shares(vault)
        assert "any 2 of 3 open the vault" in person.text()
        await person.press("enter")
        for paper in papers[:2]:
            await person.press("enter")
            assert isinstance(person.app.screen, TypeWordsDialog)
            await person.type(paper)
            await person.press("enter")
        assert "✓ These shares open this vault" in person.text()
        await person.press("enter")
        assert not isinstance(person.app.screen, SharesScreen)

    at(story, vault)
    found = [api.recovery.parse_share(paper) for paper in papers]
    for pair in (found[:2], found[1:]):
        assert api.recovery.rehearse(vault.keys.encoded, pair).vault_key.reveal() == vault.keys.vault_key.reveal()


def test_a_slip_of_the_pen_is_told_and_the_words_can_be_seen_again(at, vault):
    async def story(person):
        await _shares(person)
        await person.press("enter", "enter")
        words = _read(person.text())
        await person.press("enter")
        first, second = (int(one) for one in _asked(person.text()))
        await person.type(words[first - 1])
        await person.press("space")
        await person.type(words[second % 33])
        await person.press("enter")
        assert "✗ That is not what was shown" in person.text()
        await person.press("escape")
        assert _read(person.text()) == words

    at(story, vault)
    assert not api.recovery.has_shares(vault)


def test_stopping_half_way_changes_nothing_and_says_what_is_worthless(at, vault):
    async def story(person):
        await _shares(person)
        await person.press("enter")
        await _copy_down(person)
        await person.press("escape")
        assert "1 share that is out already opens nothing" in _flat(person)
        await person.press("enter")
        assert "Share 2 of 3" in person.text(), "Cancel has the focus"
        await person.press("escape", "tab", "enter")
        assert isinstance(person.app.screen, SharesScreen)

    at(story, vault)
    assert not api.recovery.has_shares(vault)


def test_shares_in_files_never_two_in_one_folder_and_one_for_a_trustee(at, vault, tmp_path):
    trustee = X25519Identity.generate()
    api.contacts.add(vault, "律师", (trustee.recipient.text,))
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()

    async def story(person):
        await _shares(person)
        await person.press("enter")
        # The first with a passphrase; the second is refused beside it.
        await person.press("down", "enter")
        await _name_file(person, tmp_path / "one" / "a.age")
        await person.type(NEW)
        await person.press("enter")
        await person.type(NEW)
        await person.press("enter")
        assert "Share 2 of 3" in person.text()
        await person.press("down", "enter")
        await _name_file(person, tmp_path / "one" / "b.age")
        assert "one folder" in person.text()
        await person.press("enter", "down", "enter")
        await _name_file(person, vault.folder / "b.age")
        assert not (vault.folder / "b.age").exists()
        await person.press("enter", "down", "down", "enter", "enter")
        await _name_file(person, tmp_path / "two" / "b.age")
        assert "Share 3 of 3" in person.text()
        # A trustee holds one share only.
        await person.press("down", "down", "enter")
        assert "No contact is left" in person.text()
        await person.press("enter", "down", "enter")
        # Nor does the passphrase of one share open another.
        for passphrase in (NEW, OTHER):
            await _name_file(person, tmp_path / "three" / "c.age")
            await person.type(passphrase)
            await person.press("enter")
            await person.type(passphrase)
            await person.press("enter")
            if passphrase == NEW:
                assert "Another share has this passphrase already." in _flat(person)
                assert not (tmp_path / "three" / "c.age").exists()
                await person.press("enter", "down", "enter")
        assert "any 2 of 3" in person.text()
        await person.press("down", "enter")

    at(story, vault)
    assert not (tmp_path / "one" / "b.age").exists()
    found = [
        api.recovery.read_share(tmp_path / name, api.to_secret(passphrase))
        for name, passphrase in (("one/a.age", NEW), ("three/c.age", OTHER))
    ]  # fmt: skip
    api.recovery.rehearse(vault.keys.encoded, found)
    with pytest.raises(errors.VaultError):
        api.recovery.read_share(tmp_path / "two" / "b.age", api.to_secret(NEW))


def test_new_shares_end_the_older_ones_only_when_that_is_wanted(at, vault, shares):
    async def story(person):
        await _shares(person)
        assert "New ones end them" in person.text()
        await person.press("enter")
        assert "End the older shares?" in person.text()
        await person.press("enter")
        assert isinstance(person.app.screen, SharesScreen), "Cancel has the focus"

    at(story, vault)
    api.recovery.rehearse(vault.keys.encoded, shares[:2])


@pytest.mark.parametrize(("count", "needed"), [("3", "1"), ("2", "3"), ("17", "2"), ("", "2"), ("-3", "2")])
def test_impossible_numbers_are_refused_in_words(at, vault, count, needed):
    async def story(person):
        await _shares(person)
        person.app.screen.query_one("#count").value = count
        person.app.screen.query_one("#needed").value = needed
        await person.press("enter")
        assert "shares" in person.text()
        assert not isinstance(person.app.screen, SharesScreen)
        await person.press("enter")
        assert isinstance(person.app.screen, SharesScreen)

    at(story, vault)
    assert not api.recovery.has_shares(vault)


def test_the_first_run_warns_before_shares_are_put_off(at, tmp_path):
    async def story(person):
        await person.press("enter")
        await person.type(NEW)
        await person.press("enter")
        await person.type(NEW)
        await person.press("enter")
        assert "Step 3 of 3" in person.text()
        await person.press("escape")
        assert "all that is in the vault is lost" in _dialog(person)
        await person.press("enter")
        assert "Step 3 of 3" in person.text(), "Cancel has the focus"
        await person.press("tab", "enter", "tab", "enter")
        assert "New case" in person.text()
        person.app.vault.close()

    at(story)
    assert not api.recovery.has_shares(api.setup.unlock(tmp_path / "vault", api.to_secret(NEW)))


# -- a lost passphrase ------------------------------------------------------------------------------------------------


def test_shares_set_a_new_passphrase_on_paper_and_from_a_file(at, vault, shares, tmp_path):
    api.cases.add(vault, "王全璋案")
    api.recovery.write_share(shares[2], tmp_path / "third.age", api.to_secret(NEW))
    foreign = api.recovery.prepare()[1][0]
    vault.close()

    async def story(person):
        await person.press("f3", "enter", "enter")
        await person.type(shares[0].words.upper())
        await person.press("enter")
        assert "Share 2 of the 2 that are needed" in person.text()
        # The same one again, and one of another set, are told of and do not spoil what is there.
        for wrong, told in ((shares[0], "You have brought share 1 already"), (foreign, "not made together")):
            await person.until(lambda: isinstance(person.app.focused, OptionList))
            await person.press("enter")
            await person.until(lambda: isinstance(person.app.focused, ShareWords))
            await person.type(wrong.words)
            await person.press("enter")
            await person.until(
                lambda told=told: any(told in str(one.content) for one in person.app.screen.query(Plain))
            )
            await person.press("enter")
        await person.press("down", "enter")
        await _name_file(person, tmp_path / "third.age")
        await person.type("another passphrase altogether")
        await person.press("enter")
        assert "passphrase" in person.text()
        await person.press("enter", "down", "enter")
        await _name_file(person, tmp_path / "third.age")
        await person.type(NEW)
        await person.press("enter")
        assert "✓ The shares open the vault" in person.text()
        await person.type("1234")
        await person.press("enter")
        await person.type("1234")
        await person.press("enter")
        assert "Too weak" in person.text()
        await person.press("shift+tab")
        for _line in range(2):
            await person.press("ctrl+u")
            await person.type(NEW)
            await person.press("enter")
        assert vault.identity.fingerprint[:17] in person.text()
        await person.press("enter")
        await person.until(lambda: "王全璋案" in person.text())
        person.app.vault.close()

    at(story)
    api.setup.unlock(tmp_path / "vault", api.to_secret(NEW)).close()


def test_shares_of_another_vault_change_nothing(at, vault, shares):
    foreign = api.recovery.prepare()[1]
    before = vault.keys.encoded
    vault.close()

    async def story(person):
        await person.press("f3", "enter")
        for share in foreign[:2]:
            await person.press("enter")
            await person.type(share.words)
            await person.press("enter")
        assert "new passphrase" not in person.text()
        assert "Not accepted" in person.text()

    at(story)
    assert (vault.folder / "vault.keys").read_bytes() == before


def test_a_wrong_word_is_marked_and_its_place_named_and_nothing_typed_is_lost(at, vault, shares):
    vault.close()
    words = shares[0].words.split()

    async def story(person):
        await person.press("f3", "enter", "enter")
        await person.type(" ".join([*words[:4], "zebraaa", *words[5:]]))
        assert "zebraaa ✗" in person.text()
        await person.press("enter")
        assert "Word 5" in person.text()
        assert person.app.screen.query_one(ShareWords).take().split()[0] == words[0]
        await person.press(*["up"] * 28)
        await person.press(*["backspace"] * 7, *words[4], "enter")
        assert "Share 2 of the 2" in person.text()

    at(story)


def test_fast_typing_keeps_its_order(at, vault, shares):
    vault.close()

    async def story(person):
        await person.press("f3", "enter", "enter")
        for key in ("a", "b", "backspace", "c", "space", "d", "up", "e", "right", "f"):
            person.app.post_message(events.Key(key, key if len(key) == 1 else " " if key == "space" else None))
        await person.settle()
        grid = person.app.screen.query_one(ShareWords)
        assert grid.take() == "ace d f"
        await person.press("escape", "escape", "escape")
        for key in ("x", "y", "backspace", *PASSPHRASE, "enter"):
            person.app.post_message(events.Key("space" if key == " " else key, key if len(key) == 1 else None))
            if key == "y":
                person.app.post_message(events.Key("backspace", None))
        await person.settle()
        assert "New case" in person.text()
        person.app.vault.close()

    at(story)


def test_numbers_and_dots_of_a_pasted_list_are_left_out(at, vault, shares):
    vault.close()
    words = shares[0].words.split()

    async def story(person):
        await person.press("f3", "enter", "enter")
        await person.type("\n".join(f"{place}. {word}" for place, word in enumerate(words, 1)))
        assert person.app.screen.query_one(ShareWords).take() == shares[0].words

    at(story)


def test_typed_words_are_in_no_message_and_no_reactive_attribute(at, vault, shares):
    vault.close()

    async def story(person):
        await person.press("f3", "enter", "enter")
        await person.type(shares[0].words)
        grid = person.app.screen.query_one(ShareWords)
        known = " ".join(str(getattr(grid, name)) for name in grid._reactives)
        assert shares[0].words.split()[0] not in known.split()
        assert shares[0].words not in repr(vars(grid.Submitted()))

    at(story)
