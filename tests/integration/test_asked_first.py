"""What cannot be taken back is said in full and asked about where somebody is there; scripts go on as before."""

import pytest

from tests.integration.test_cli import on_terminal
from tests.vault_world import PASSPHRASE, PHOTO, make_vault, reopen
from vault import api
from vault.jobs import Job

QUESTION = "Type yes, or only Enter to stop: "


@pytest.fixture
def place(tmp_path):
    """A locked vault with a testimony of two versions and a file that belongs to it."""
    vault = make_vault(tmp_path / "vault")
    case = api.cases.add(vault, "c").id
    testimony = api.records.add(vault, case, "testimony", {"statement": "one", "title": "At the\x1b[31m gate"}).id
    api.records.correct(vault, testimony, {"statement": "two", "title": "At the\x1b[31m gate"})
    photo = api.intake.attach(vault, case, PHOTO, Job(), api.intake.About(record_id=testimony)).id
    vault.close()
    return vault, testimony, photo


def delete(folder, record, answer):
    answers = [("Passphrase: ", PASSPHRASE), (QUESTION, answer)]
    return on_terminal("--vault", folder, "record", "delete", record, "--why", "w", answers=answers)


def test_deleting_says_what_goes_and_how_much_and_takes_a_whole_yes(place):
    vault, testimony, photo = place
    for answer in ("", "y"):
        code, seen = delete(vault.folder, testimony, answer)
        assert (code, b"Nothing was deleted." in seen) == (4, True)
        assert (
            "the testimony 'At the␛[31m gate' for good: 2 version(s); 1 file(s) that belong to it stay.".encode()
            in seen
        )
    code, seen = delete(vault.folder, photo, "yes")
    assert code == 0
    assert b"1 version(s) and the file of" in seen
    again = reopen(vault)
    assert [api.records.outline(again, one)[0].deleted for one in (testimony, photo)] == [False, True]
    assert api.records.outline(again, testimony)[1] == 0
    again.close()


def test_scripts_are_not_asked(place, cli):
    vault, testimony, _ = place
    assert cli("record", "delete", testimony, "--why", "w")[0] == 0
    again = reopen(vault)
    assert api.records.outline(again, testimony)[0].deleted
    again.close()


def test_new_shares_say_that_they_end_the_old_ones_and_ask(place, cli, tmp_path):
    vault, _, _ = place
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    words = ("recovery", "make", "--out", folders[0], "--out", folders[1])
    secrets = (PASSPHRASE, "garden ribbon thunder candle violet anchor", "gravel window harvest lantern mirror puzzle")
    code, first = cli(*words, secrets=secrets)
    assert (code, first["replaced"]) == (0, False)
    (number,) = {one["set"] for one in first["shares"]}
    assert all(one["file"].endswith(f"-of-2-set-{number}.age") for one in first["shares"])
    answers = [("Passphrase: ", PASSPHRASE), (QUESTION, "")]
    code, seen = on_terminal("--vault", vault.folder, *words, answers=answers)
    assert (code, b"New ones end them" in seen) == (4, True)
    old = [one["file"] for one in first["shares"]]
    code, checked = cli("recovery", "check", *old, secrets=secrets[1:])
    assert (code, checked["set"]) == (0, number), "the ones that there are stay good"
    code, second = cli(*words, secrets=secrets)
    assert (code, second["replaced"]) == (0, True)
    assert cli("recovery", "check", *old, secrets=secrets[1:])[0] == 4
    assert cli("recovery", "check", *(one["file"] for one in second["shares"]), secrets=secrets[1:])[0] == 0


def test_nobody_says_yes_to_a_seal_that_is_held_up_all_the_same(place, tmp_path):
    vault, _, photo = place
    again = reopen(vault)
    case = api.cases.page(again)[0].id
    again.close()
    words = ("--vault", vault.folder, "seal", "--case", case, "--with-passphrase", "--out", tmp_path / "b.age")
    secret = "a passphrase of twelve different lanterns"
    answers = [("Passphrase: ", PASSPHRASE), ("Passphrase for the bundle: ", secret), (", again: ", secret)]
    code, seen = on_terminal(*words, answers=answers)
    assert (code, photo.encode() in seen, b"Let it leave all the same" in seen) == (4, True, False)
