"""The own keys on the screens: fingerprint as a code, card, passphrase, new keys, backup."""

from __future__ import annotations

import re

import pytest
from rich.color import ColorTriplet

from tui.dialogs.working import WorkingDialog
from tui.screens.keys import KeysScreen
from tui.widgets.qr import QrCode
from vault import api
from vault.errors import DiskFullError, UnlockError
from vault.formats.age import X25519Identity
from vault.formats.contact_card import read_card
from vault.jobs import Job
from vault.keys import FLOOR

PASSPHRASE = "ocean mirror lantern velvet copper puzzle"
NEW = "garden ribbon thunder candle violet anchor"
DARK, LIGHT = ColorTriplet(0, 0, 0), ColorTriplet(255, 255, 255)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """New passphrases at the floor of the derivation."""
    changed = api.setup.change_passphrase
    monkeypatch.setattr(api.setup, "change_passphrase", lambda vault, new: changed(vault, new, FLOOR))


def _flat(person) -> str:
    return " ".join(person.text().replace("│", " ").split())


async def _give(person, path) -> None:
    person.app.screen.query_one("#line").value = str(path)
    person.app.screen.query_one("#line").focus()
    await person.press("enter")


# -- the code -----------------------------------------------------------------------------------------------------


def _modules(person) -> list[list[int]]:
    """Return the modules that the terminal shows, upper and lower halves, from the colours of the cells."""
    region = person.app.screen.query_one(QrCode).region
    rows = []
    for strip in person.app.screen._compositor.render_strips()[region.y : region.bottom]:
        cells = [
            (segment.style.color.triplet, segment.style.bgcolor.triplet)
            for segment in strip.crop(region.x, region.right)
            for character in segment.text
            if character == "▀"
        ]
        assert {colour for cell in cells for colour in cell} <= {DARK, LIGHT}
        rows += [[int(cell[half] == DARK) for cell in cells] for half in (0, 1)]
    return rows


def _digits_of(modules: list[list[int]]) -> str:
    """Read a code of version 2, level M, numeric, by ISO/IEC 18004 alone."""
    side, quiet = 25, 4
    assert not any(map(any, modules[:quiet]))
    assert not any(any(row[:quiet]) or any(row[quiet + side :]) for row in modules)
    grid = [row[quiet : quiet + side] for row in modules[quiet : quiet + side]]
    finder = [[int(max(abs(x - 3), abs(y - 3)) != 2) for x in range(7)] for y in range(7)]
    for top, left in ((0, 0), (0, side - 7), (side - 7, 0)):
        assert [row[left : left + 7] for row in grid[top : top + 7]] == finder
    form = [grid[8][at] for at in (0, 1, 2, 3, 4, 5, 7)] + [grid[8][8]] + [grid[at][8] for at in (7, 5, 4, 3, 2, 1, 0)]
    word = int("".join(map(str, form)), 2) ^ 0b101010000010010
    assert word >> 13 == 0b00, "level M"
    mask = [
        lambda y, x: (y + x) % 2, lambda y, x: y % 2, lambda y, x: x % 3, lambda y, x: (y + x) % 3,
        lambda y, x: (y // 2 + x // 3) % 2, lambda y, x: y * x % 2 + y * x % 3,
        lambda y, x: (y * x % 2 + y * x % 3) % 2, lambda y, x: ((y + x) % 2 + y * x % 3) % 2,
    ][word >> 10 & 7]  # fmt: skip

    def taken(y: int, x: int) -> bool:
        corner = (y < 9 and (x < 9 or x > side - 9)) or (y > side - 9 and x < 9)
        return corner or 6 in (x, y) or (16 <= x <= 20 and 16 <= y <= 20)

    bits, upwards = "", True
    for right in (24, 22, 20, 18, 16, 14, 12, 10, 8, 5, 3, 1):
        for y in reversed(range(side)) if upwards else range(side):
            for x in (right, right - 1):
                if not taken(y, x):
                    bits += str(grid[y][x] ^ int(mask(y, x) == 0))
        upwards = not upwards
    assert bits[:4] == "0001", "numeric"
    count, at, digits = int(bits[4:14], 2), 14, ""
    while len(digits) < count:
        more = min(3, count - len(digits))
        width = {3: 10, 2: 7, 1: 4}[more]
        digits += f"{int(bits[at : at + width], 2):0{more}d}"
        at += width
    return digits


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
def test_the_code_on_the_screen_holds_the_digits_and_the_rest_can_be_read(at, vault, size):
    async def story(person):
        await person.press("k")
        assert _digits_of(_modules(person)) == vault.identity.fingerprint.replace(" ", "")
        shown, own = person.text(), api.contacts.own(vault)
        assert own.fingerprint[:23] in shown
        assert own.fingerprint[24:] in shown
        assert " ".join(own.words.split()[8:]) in shown
        joined = "".join(line.split("▀")[0].strip() for line in shown.splitlines())
        assert own.ssh_fingerprint in joined
        assert "There are no recovery shares" in _flat(person)

    at(story, vault, size=size)


def test_the_code_keeps_its_colours_in_high_contrast(at, vault):
    async def story(person):
        person.app.theme = "contrast"
        await person.press("k")
        assert _digits_of(_modules(person)) == vault.identity.fingerprint.replace(" ", "")

    at(story, vault)


# -- card ---------------------------------------------------------------------------------------------------------


def test_the_card_is_written_under_the_name_that_was_chosen(at, vault, tmp_path):
    async def story(person):
        await person.press("k", "w")
        await person.type("王律师")
        await person.press("enter")
        await _give(person, tmp_path / "card.txt")
        assert "The card is written" in person.text()
        await person.press("enter", "w")
        await person.type("other")
        await person.press("enter")
        await _give(person, vault.folder / "card.txt")
        assert not (vault.folder / "card.txt").exists()

    at(story, vault)
    card = read_card((tmp_path / "card.txt").read_text())
    assert (card.name, card.signing_key) == ("王律师", vault.identity.public_key)


# -- passphrase ---------------------------------------------------------------------------------------------------


def test_the_passphrase_is_changed_once_the_old_one_was_right_and_the_new_one_is_strong(at, vault, tmp_path):
    async def story(person):
        await person.press("k", "p")
        await person.type("not the old one")
        await person.press("enter")
        assert "✗" in person.text()
        await person.type(PASSPHRASE)
        await person.press("enter")
        for _line in range(2):
            await person.type("1234")
            await person.press("enter")
        assert "Too weak" in person.text()
        await person.press("shift+tab")
        for _line in range(2):
            await person.press("ctrl+u")
            await person.type(NEW)
            await person.press("enter")
        assert "✓ The passphrase is changed" in person.text()
        assert NEW not in person.text()

    at(story, vault)
    vault.close()
    with pytest.raises(UnlockError):
        api.setup.unlock(vault.folder, api.to_secret(PASSPHRASE))
    api.setup.unlock(vault.folder, api.to_secret(NEW)).close()


def test_without_the_old_passphrase_nothing_is_changed(at, vault):
    before = vault.keys.encoded

    async def story(person):
        await person.press("k", "p")
        await person.type("not the old one")
        await person.press("enter", "escape")
        assert isinstance(person.app.screen, KeysScreen)

    at(story, vault)
    assert vault.keys.encoded == before == (vault.folder / "vault.keys").read_bytes()


# -- a kept share ---------------------------------------------------------------------------------------------------


def test_a_trustee_opens_the_share_that_was_made_for_them_and_nobody_else_does(at, vault, open_vault, tmp_path):
    share, other = api.recovery.prepare()[1][:2]
    own = api.contacts.own(vault)
    api.recovery.write_share(share, tmp_path / "kept.age", own.recipient)
    api.recovery.write_share(other, tmp_path / "older.age", own.x25519_recipient)
    api.recovery.write_share(other, tmp_path / "foreign.age", X25519Identity.generate().recipient.text)

    async def story(person):
        await person.press("k")
        for name, kept in (("kept.age", share), ("older.age", other)):
            await person.press("o")
            await _give(person, tmp_path / name)
            shown = person.text()
            assert f"Share {kept.index}, set {kept.set_id}" in shown
            found = dict(re.findall(r"(\d+)\. ([a-z]+)", shown))
            assert [found[str(place)] for place in range(1, 34)] == kept.words.split()
            await person.press("enter")
        await person.press("o")
        await _give(person, tmp_path / "foreign.age")
        assert "Not for this vault" in person.text()

    at(story, vault)


# -- new keys -----------------------------------------------------------------------------------------------------


async def _rotate(person) -> None:
    await person.press("k", "k")
    assert "encrypted anew" in person.text()
    await person.press("enter")
    assert isinstance(person.app.screen, KeysScreen), "Cancel has the focus"
    await person.press("k", "tab", "enter")
    await person.type(PASSPHRASE)
    await person.press("enter")


def test_new_keys_are_made_and_work_goes_on_with_the_vault_opened_anew(at, vault, monkeypatch):
    api.cases.add(vault, "王全璋案")
    kept, seen = api.setup.rekey, []

    async def story(person):
        def rekey(folder, secret, job):
            seen.append((type(person.app.screen), person.app.vault))
            return kept(folder, secret, job)

        monkeypatch.setattr(api.setup, "rekey", rekey)
        await _rotate(person)
        assert "✓ The vault has new keys" in person.text()
        assert seen == [(WorkingDialog, None)], "nothing else can be done meanwhile"
        await person.press("enter", "escape")
        assert "王全璋案" in person.text()
        assert person.app.vault.keys.generation == vault.keys.generation + 1
        api.cases.add(person.app.vault, "afterwards")
        assert api.checking.check(person.app.vault, [], Job()).report.findings == ()
        person.app.vault.close()

    at(story, vault)
    again = api.setup.unlock(vault.folder, api.to_secret(PASSPHRASE))
    assert [case.title for case in api.cases.page(again)] == ["afterwards", "王全璋案"]
    again.close()


def test_where_there_is_no_space_for_it_the_vault_is_opened_again_and_told(at, vault, monkeypatch):
    def full(folder, secret, job):
        raise DiskFullError("There is not enough free space to rotate the key.", "Free some space and try again.")

    monkeypatch.setattr(api.setup, "rekey", full)

    async def story(person):
        await _rotate(person)
        assert "not enough free space" in _flat(person)
        await person.press("enter")
        assert isinstance(person.app.screen, KeysScreen)
        api.cases.add(person.app.vault, "still there")
        person.app.vault.close()

    at(story, vault)


def test_no_keys_are_made_beside_other_work(at, vault):
    async def story(person):
        person.app.savers.append(lambda: None)
        await person.press("k", "k")
        assert "Something else is going on" in person.text()

    at(story, vault)


# -- backup -------------------------------------------------------------------------------------------------------


def test_a_backup_goes_into_a_folder_of_its_own_and_is_brought_up_to_date_there(at, vault, tmp_path):
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "other.txt").write_text("something else")

    async def story(person):
        for chosen in (stick, stick / "vault-backup"):
            await person.press("k", "b")
            await _give(person, chosen)
            await person.click("#do")
            assert "✓ The backup is whole" in _flat(person)
            assert api.cases.add(vault, "later")
            await person.press("enter", "escape")

    at(story, vault)
    assert sorted(path.name for path in stick.iterdir()) == ["other.txt", "vault-backup"]
    api.backup.restore(stick / "vault-backup", tmp_path / "restored", api.to_secret(PASSPHRASE), Job())


def test_a_backup_inside_the_vault_is_refused_in_words(at, vault):
    async def story(person):
        await person.press("k", "b")
        await _give(person, vault.folder)
        await person.click("#do")
        assert "inside the vault" in _flat(person)

    at(story, vault)
