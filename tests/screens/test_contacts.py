"""The address book on the screens: add, compare, rename, remove; a changed key is never accepted silently."""

from __future__ import annotations

import pytest

from vault import api


@pytest.fixture
def other(open_vault, tmp_path):
    """Another vault's holder: its vault, and its card as a file."""
    vault = api.setup.create(
        tmp_path / "other", api.to_secret("ocean mirror lantern velvet copper puzzle"), api_floor()
    )
    card = tmp_path / "card.txt"
    card.write_text(api.contacts.card(vault, "Wang \u5f8b\u5e08"))
    yield vault, card
    vault.close()


def api_floor():
    from vault.keys import FLOOR

    return FLOOR


async def _add(person, card) -> None:
    await person.press("c", "a")
    person.app.screen.query_one("#line").value = str(card)
    person.app.screen.query_one("#line").focus()
    await person.press("enter")


def test_a_card_is_added_and_compared_at_once(at, vault, other):
    other_vault, card = other

    async def story(person):
        await _add(person, card)
        assert "is added" in person.text()
        await person.press("tab", "enter")
        assert other_vault.identity.fingerprint not in person.text(), "what is expected is not shown"
        await person.type(other_vault.identity.fingerprint.replace(" ", ""))
        await person.press("enter")
        assert "is verified" in person.text()
        await person.press("enter")
        assert "✓ verified" in person.text()

    at(story, vault)
    assert [one.verified for one in api.contacts.page(vault)] == [True]


def test_another_fingerprint_is_told_plainly_and_verifies_nobody(at, vault, other):
    _other, card = other

    async def story(person):
        await _add(person, card)
        await person.press("enter", "v")
        await person.type(" ".join(["12345"] * 8))
        await person.press("enter")
        assert "NOT the same" in person.text()
        await person.press("escape")
        assert "✗ not verified" in person.text()

    at(story, vault)
    assert [one.verified for one in api.contacts.page(vault)] == [False]


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_one_group_that_was_misheard_is_marked_and_only_that_is_typed_again(at, vault, other, language):
    other_vault, card = other
    groups = other_vault.identity.fingerprint.split()
    wrong = f"{(int(groups[2]) + 1) % 100000:05}"

    async def story(person):
        await _add(person, card)
        await person.press("enter", "v")
        await person.type("".join([*groups[:2], wrong, *groups[3:]])[:-1])
        assert f"{groups[0]} {groups[1]} {wrong} {groups[3]}" in person.text()
        await person.press("enter")
        assert len(api.contacts.page(vault)) == 1
        assert person.app.screen.query_one("#heard").value.startswith(groups[0]), "not whole, and kept"
        await person.type(groups[7][-1])
        await person.press("enter")
        shown = person.text()
        assert f"{groups[1]} ✗{wrong} {groups[3]}" in shown
        assert language != "en" or " ".join(shown.replace("│", " ").split()).count("do not use this contact") == 1
        assert person.app.screen.query_one("#heard").value.split() == [*groups[:2], wrong, *groups[3:]]
        assert not api.contacts.page(vault)[0].verified
        await person.press(*groups[2], "enter")
        assert api.contacts.page(vault)[0].verified

    at(story, vault, language=language)


def test_a_contact_without_our_program_is_added_by_hand(at, vault, other):
    address = api.contacts.own(other[0]).x25519_recipient

    async def story(person):
        await person.press("c", "m")
        await person.type("联合国")
        await person.press("enter")
        await person.type(address)
        await person.press("enter", "enter")
        await person.press("enter")
        assert "联合国" in person.text()
        assert "today's kind only" in person.text()

    at(story, vault)
    assert api.contacts.get(vault, "联合国").recipients == (address,)


def test_a_file_that_is_no_card_is_refused_in_words(at, vault, tmp_path):
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"\xff\xfe\x00")

    async def story(person):
        await _add(person, bad)
        assert "right file" in person.text()

    at(story, vault)
    assert api.contacts.page(vault) == []


def test_renaming_and_removing(at, vault, other):
    api.contacts.add_card(vault, other[1].read_text())

    async def story(person):
        await person.press("c", "e")
        person.app.screen.query_one("#answer").value = "Lawyer"
        await person.press("enter")
        assert "Lawyer" in person.text()
        await person.press("d", "enter")
        assert [one.name for one in api.contacts.page(vault)] == ["Lawyer"], "Cancel has the focus"
        await person.press("d", "tab", "enter")
        assert "There is no contact yet" in person.text()

    at(story, vault)
    assert api.contacts.page(vault) == []


def test_another_key_under_a_known_name_is_not_taken(at, vault, other, open_vault, tmp_path):
    api.contacts.add_card(vault, other[1].read_text())
    third = api.setup.create(
        tmp_path / "third", api.to_secret("ocean mirror lantern velvet copper puzzle"), api_floor()
    )
    lie = tmp_path / "lie.txt"
    lie.write_text(api.contacts.card(third, "Wang \u5f8b\u5e08"))
    third.close()
    before = api.contacts.page(vault)

    async def story(person):
        await _add(person, lie)
        assert "Ask the person by another way" in " ".join(person.text().split())

    at(story, vault)
    assert api.contacts.page(vault) == before
