"""Recovery shares: any two of three open the vault, one never does, and a rehearsal changes nothing."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from vault import api, errors
from vault.formats.age import ScryptRecipient
from vault.keys import FLOOR
from vault.usecases import custody, recovery, setup

AGE = pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed")
NEW = "garden ribbon thunder candle violet anchor"


@pytest.fixture
def shares(vault):
    """Three shares that open `vault`, two of them being enough."""
    public_key, made = recovery.prepare()
    recovery.commit(vault, public_key)
    return made


@pytest.fixture
def quick(monkeypatch):
    """Passphrases of share files at the lowest work factor there is."""
    monkeypatch.setattr(recovery, "ScryptRecipient", lambda secret: ScryptRecipient(secret, 16))


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def protection(number: int):
    return api.to_secret(f"share passphrase number {number} of three")


def test_any_two_of_three_files_open_the_vault_and_the_rehearsal_changes_nothing(
    vault, shares, tmp_path, quick, secret
):
    vault.close()
    for share in shares:
        (tmp_path / f"place {share.index}").mkdir()
        recovery.write_share(share, tmp_path / f"place {share.index}" / "share.age", protection(share.index))
    written = [tmp_path / f"place {share.index}" / "share.age" for share in shares]
    for path, share in zip(written, shares, strict=True):
        assert recovery.needs_passphrase(path)
        assert path.stat().st_mode & 0o777 == 0o600
        content = path.read_bytes()
        assert not any(word.encode() in content for word in share.words.split() if len(word) > 4)
    before = state(tmp_path / "vault")
    read = [recovery.read_share(path, protection(share.index)) for path, share in zip(written, shares, strict=True)]
    assert read == list(shares)
    key_file = setup.read_key_file(tmp_path / "vault")
    for pair in (*itertools.permutations(read, 2), read):
        opened = recovery.rehearse(key_file, pair)
        assert opened.vault_key.reveal() == vault.keys.vault_key.reveal()
    assert state(tmp_path / "vault") == before
    setup.unlock(tmp_path / "vault", secret).close()


def test_too_few_and_wrong_shares_open_nothing(vault, shares, new_vault, tmp_path):
    other = recovery.prepare()[1]
    older = shares
    key_file = setup.read_key_file(tmp_path / "vault")
    for wrong in ([], shares[:1], [shares[0], shares[0]], [shares[0], other[1]], other[:2]):
        with pytest.raises(errors.RefusedError) as caught:
            recovery.rehearse(key_file, wrong)
        assert caught.value.advice
    public_key, newer = recovery.prepare()
    recovery.commit(vault, public_key)
    key_file = setup.read_key_file(tmp_path / "vault")
    with pytest.raises(errors.RefusedError, match="newer ones"):
        recovery.rehearse(key_file, older[:2])
    recovery.rehearse(key_file, newer[1:])
    without = new_vault("without")
    with pytest.raises(errors.RefusedError, match="no recovery shares"):
        recovery.rehearse(setup.read_key_file(without.folder), shares[:2])


def test_using_shares_sets_a_new_passphrase_and_is_entered_in_the_log(vault, case, shares, tmp_path, secret):
    vault.close()
    opened = recovery.rehearse(setup.read_key_file(tmp_path / "vault"), shares[1:])
    again = setup.open_with(tmp_path / "vault", opened)
    setup.change_passphrase(again, api.to_secret(NEW), FLOOR, why="passphrase set with recovery shares")
    whys = [entry.event["purpose"]["why"] for entry in custody.page(again, 2)]
    assert whys == ["passphrase set with recovery shares"] * 2
    again.close()
    with pytest.raises(errors.UnlockError):
        setup.unlock(tmp_path / "vault", secret)
    again = setup.unlock(tmp_path / "vault", api.to_secret(NEW))
    assert [one.title for one in api.cases.page(again)] == [case.title]
    again.close()
    recovery.rehearse(setup.read_key_file(tmp_path / "vault"), shares[:2])


def test_shares_cannot_be_used_on_a_vault_that_is_open(vault, shares, tmp_path):
    before = (tmp_path / "vault" / "vault.keys").read_bytes()
    opened = recovery.rehearse(before, shares[:2])
    with pytest.raises(errors.InUseError):
        setup.open_with(tmp_path / "vault", opened)
    assert (tmp_path / "vault" / "vault.keys").read_bytes() == before


def test_shares_stay_good_through_a_new_passphrase_and_a_new_vault_key(vault, shares, tmp_path, job):
    setup.change_passphrase(vault, api.to_secret(NEW), FLOOR)
    vault.close()
    rotated = setup.rekey(tmp_path / "vault", api.to_secret(NEW), job)
    key = rotated.keys.vault_key.reveal()
    rotated.close()
    opened = recovery.rehearse(setup.read_key_file(tmp_path / "vault"), shares[:2])
    assert opened.vault_key.reveal() == key
    setup.open_with(tmp_path / "vault", opened).close()


def test_shares_open_also_when_one_copy_of_the_keys_is_damaged(vault, shares, tmp_path):
    data = bytearray(setup.read_key_file(tmp_path / "vault"))
    data[: len(data) // 2] = os.urandom(len(data) // 2)
    assert recovery.rehearse(bytes(data), shares[:2]).damaged_copy == 1
    data[len(data) // 2 :] = os.urandom(len(data) // 2)
    with pytest.raises((errors.DamagedError, errors.FormatError)):
        recovery.rehearse(bytes(data), shares[:2])


@AGE
def test_a_trustee_opens_a_share_with_stock_age_and_their_own_key(vault, shares, tmp_path):
    subprocess.run(["age-keygen", "-o", tmp_path / "trustee.key"], check=True, capture_output=True)
    public = subprocess.run(
        ["age-keygen", "-y", tmp_path / "trustee.key"], check=True, capture_output=True, text=True
    ).stdout.strip()
    recovery.write_share(shares[0], tmp_path / "share.age", public)
    clear = subprocess.run(
        ["age", "-d", "-i", tmp_path / "trustee.key", tmp_path / "share.age"], check=True, capture_output=True
    ).stdout
    (tmp_path / "share.txt").write_bytes(clear)
    assert not recovery.needs_passphrase(tmp_path / "share.txt")
    assert recovery.read_share(tmp_path / "share.txt", None) == shares[0]
    with pytest.raises(errors.VaultError):
        recovery.read_share(tmp_path / "share.age", protection(1))


def test_share_files_that_are_none_are_refused(shares, tmp_path, quick):
    recovery.write_share(shares[0], tmp_path / "share.age", protection(1))
    with pytest.raises(errors.AlreadyExistsError):
        recovery.write_share(shares[1], tmp_path / "share.age", protection(2))
    with pytest.raises(errors.UnlockError):
        recovery.read_share(tmp_path / "share.age", protection(2))
    (tmp_path / "typo").write_text(" ".join(["academic", *shares[0].words.split()[1:]]))
    (tmp_path / "binary").write_bytes(os.urandom(200))
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "huge").write_bytes(bytes(1 << 17))
    for name in ("typo", "binary", "empty", "huge"):
        with pytest.raises(errors.RefusedError):
            recovery.read_share(tmp_path / name, None)
    with pytest.raises(errors.NotFoundError):
        recovery.read_share(tmp_path / "missing", None)
    with pytest.raises(errors.WrongKindError):
        recovery.read_share(tmp_path, None)


def test_two_shares_never_go_into_one_folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    recovery.refuse_one_folder([tmp_path / "a", tmp_path / "b"])
    for folders in (["a", "a"], ["a", "link"], ["a", "missing"]):
        with pytest.raises(errors.RefusedError):
            recovery.refuse_one_folder([tmp_path / name for name in folders])


@pytest.mark.parametrize(("threshold", "count"), [(0, 3), (4, 3), (2, 17)])
def test_impossible_numbers_of_shares_are_refused(threshold, count):
    with pytest.raises(errors.RefusedError):
        recovery.prepare(threshold, count)


def test_making_shares_changes_nothing_until_they_were_written(vault, tmp_path):
    before = state(tmp_path / "vault")
    recovery.prepare()
    assert state(tmp_path / "vault") == before
    assert vault.keys.recovery_public_key is None
    public_key, made = recovery.prepare()
    recovery.commit(vault, public_key)
    opened = recovery.rehearse(setup.read_key_file(tmp_path / "vault"), made[:2])
    assert opened.vault_id == vault.keys.vault_id
    results = [entry.event["outcome"]["result"] for entry in custody.page(vault, 2)]
    assert results == ["success", "intent"]
