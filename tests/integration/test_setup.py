"""Making, opening and re-keying a vault: whole or not at all, wherever it is killed; one sentence when it cannot be."""

from __future__ import annotations

import os
import random
import shutil
import stat
import time
from pathlib import Path

import pytest

from vault import api, errors, keys
from vault.formats import key_file
from vault.jobs import Job
from vault.keys import FLOOR
from vault.usecases import setup

STRACE = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
NEW = "garden ribbon thunder candle violet anchor"


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def looked_through(vault: api.OpenVault) -> list[str]:
    """Check an open vault whole, close it, and return the titles of its cases."""
    try:
        report = api.checking.check(vault, [], Job()).report
        assert report.ok, report.findings
        return [case.title for case in api.cases.page(vault)]
    finally:
        vault.close()


def opened(folder: Path, secret) -> list[str]:
    """Open a vault, check it whole, and return the titles of its cases."""
    return looked_through(setup.unlock(folder, secret))


# -- making -----------------------------------------------------------------------------------------------------------


def test_a_new_vault_is_two_private_files_and_opens_with_its_passphrase(new_vault, tmp_path, secret):
    umask = os.umask(0)
    try:
        vault = new_vault("deep/er/vault")
    finally:
        os.umask(umask)
    folder = tmp_path / "deep" / "er" / "vault"
    fingerprint = vault.identity.fingerprint
    vault.close()
    assert names(folder) == ["vault.db", "vault.keys"]
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (folder.parent, folder, *folder.iterdir())]
    assert modes == [0o700, 0o700, 0o600, 0o600]
    again = setup.unlock(folder, secret)
    assert again.identity.fingerprint == fingerprint
    again.close()


def test_what_makes_no_vault_changes_nothing(tmp_path, secret):
    full, file = tmp_path / "full", tmp_path / "file"
    full.mkdir()
    (full / "a").write_bytes(b"")
    file.write_bytes(b"")
    for folder in (full, file):
        with pytest.raises(errors.AlreadyExistsError):
            setup.create(folder, secret, FLOOR)
    with pytest.raises(errors.RefusedError) as caught:
        setup.create(tmp_path / "weak", api.to_secret("password123"), FLOOR)
    assert caught.value.advice
    assert "password123" not in caught.value.message + caught.value.advice
    assert names(tmp_path) == ["file", "full"]
    assert names(full) == ["a"]


def test_an_empty_folder_becomes_the_vault_also_through_a_link(tmp_path, secret):
    (tmp_path / "real").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    setup.create(tmp_path / "link", secret, FLOOR).close()
    assert names(tmp_path / "real") == ["vault.db", "vault.keys"]
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o700
    assert names(tmp_path) == ["link", "real"]


def test_on_a_disk_that_is_too_small_nothing_is_left(small_disk, secret):
    disk = small_disk(400)
    with pytest.raises(errors.DiskFullError):
        setup.create(disk / "vault", secret, FLOOR)
    assert names(disk) == []


def test_a_network_folder_is_refused_for_making_and_for_opening(new_vault, tmp_path, secret, monkeypatch):
    new_vault().close()
    table = tmp_path / "mounts"
    table.write_text(f"1 1 0:1 / {tmp_path} rw - cifs //server/x rw\n")
    monkeypatch.setattr("vault.surroundings._MOUNT_TABLE", table)
    with pytest.raises(errors.NetworkFileSystemError, match="network"):
        setup.create(tmp_path / "new", secret, FLOOR)
    with pytest.raises(errors.NetworkFileSystemError, match="network"):
        setup.unlock(tmp_path / "vault", secret)
    assert not (tmp_path / "new").exists()


def test_two_vaults_share_no_key_and_no_id(new_vault):
    one, two = new_vault("one"), new_vault("two")
    assert one.identity.fingerprint != two.identity.fingerprint
    assert one.identity.log_id != two.identity.log_id
    assert one.keys.vault_id != two.keys.vault_id
    assert one.keys.vault_key.reveal() != two.keys.vault_key.reveal()


# -- opening ----------------------------------------------------------------------------------------------------------


def test_what_is_no_vault_or_not_whole_is_said_plainly(new_vault, tmp_path, secret):
    new_vault().close()
    folder, kept = tmp_path / "vault", tmp_path / "kept"
    kept.mkdir()
    with pytest.raises(errors.UnlockError, match="wrong"):
        setup.unlock(folder, api.to_secret(NEW))
    for no_vault in (tmp_path / "nowhere", kept, folder / "vault.db"):
        with pytest.raises(errors.NotFoundError, match="no vault"):
            setup.unlock(no_vault, secret)
    (folder / "vault.db").rename(kept / "vault.db")
    with pytest.raises(errors.DamagedError, match=r"store .* is missing"):
        setup.unlock(folder, secret)
    (kept / "vault.db").rename(folder / "vault.db")
    (folder / "vault.keys").rename(kept / "vault.keys")
    with pytest.raises(errors.DamagedError, match="key file"):
        setup.unlock(folder, secret)
    (folder / "vault.keys").mkdir()
    with pytest.raises(errors.WrongKindError):
        setup.unlock(folder, secret)


@pytest.mark.parametrize("copy", [0, 1])
def test_a_damaged_copy_of_the_keys_is_survived_and_mended_at_once(new_vault, tmp_path, secret, copy):
    new_vault().close()
    path = tmp_path / "vault" / "vault.keys"
    whole = path.read_bytes()
    damaged = bytearray(whole)
    half = len(whole) // 2
    damaged[copy * half : (copy + 1) * half] = os.urandom(half)
    path.write_bytes(damaged)
    assert opened(tmp_path / "vault", secret) == []
    assert path.read_bytes() == whole
    vault = setup.unlock(tmp_path / "vault", secret)
    newest, *older = api.custody.page(vault)
    assert newest.event["purpose"]["why"] == "a damaged copy of the keys was written anew"
    assert newest.event["change"]["what"] == f"copy {copy + 1} of the key file"
    assert [one.event["type"] for one in older] == ["creation"], "a whole key file is not entered"
    vault.close()


def test_a_damaged_copy_that_cannot_be_mended_does_not_lock_anybody_out(small_disk, tmp_path, secret):
    disk = small_disk(2000)
    setup.create(disk / "vault", secret, FLOOR).close()
    path = disk / "vault" / "vault.keys"
    with path.open("r+b") as file:
        file.write(bytes(64))
    damaged = path.read_bytes()
    (disk / "filler").write_bytes(b"")
    with (disk / "filler").open("ab", buffering=0) as filler, pytest.raises(OSError, match="No space"):
        while True:
            filler.write(bytes(4096))
    vault = setup.unlock(disk / "vault", secret)
    assert api.cases.page(vault) == []
    vault.close()
    assert path.read_bytes() == damaged


def test_half_written_key_files_are_swept_at_the_next_opening(new_vault, tmp_path, secret):
    new_vault().close()
    left = tmp_path / "vault" / ".0123456789abcdef.part"
    left.write_bytes((tmp_path / "vault" / "vault.keys").read_bytes())
    assert opened(tmp_path / "vault", secret) == []
    assert names(tmp_path / "vault") == ["vault.db", "vault.keys"]


def test_keys_that_were_replaced_while_we_waited_for_the_store_are_not_used(new_vault, tmp_path, secret):
    vault = new_vault()
    stale = keys.unlock_keys(setup.read_key_file(tmp_path / "vault"), secret)
    setup.change_passphrase(vault, api.to_secret(NEW), FLOOR)
    vault.close()
    with pytest.raises(errors.InUseError):
        setup.open_with(tmp_path / "vault", stale)
    assert opened(tmp_path / "vault", api.to_secret(NEW)) == []


def test_a_newer_key_file_is_refused_before_anything_is_derived(new_vault, tmp_path, secret):
    new_vault().close()
    path = tmp_path / "vault" / "vault.keys"
    data = bytearray(path.read_bytes())
    for copy in (0, key_file.COPY_SIZE):
        data[copy + len(key_file.MAGIC) : copy + len(key_file.MAGIC) + 4] = (9).to_bytes(4, "big")
    path.write_bytes(data)
    with pytest.raises(errors.UnsupportedVersionError):
        setup.unlock(tmp_path / "vault", secret)


# -- a new passphrase -------------------------------------------------------------------------------------------------


def test_after_a_change_only_the_new_passphrase_opens_and_both_steps_are_in_the_log(new_vault, tmp_path, secret):
    vault = new_vault()
    with pytest.raises(errors.RefusedError):
        setup.change_passphrase(vault, api.to_secret("abc"), FLOOR)
    setup.change_passphrase(vault, api.to_secret(NEW), FLOOR)
    entries = [entry.event for entry in api.custody.page(vault, 10)]
    assert [(e["type"], e["outcome"]["result"]) for e in entries[:2]] == [
        ("modification", "success"),
        ("modification", "intent"),
    ]
    assert {e["purpose"]["why"] for e in entries[:2]} == {"passphrase changed"}
    vault.close()
    with pytest.raises(errors.UnlockError):
        setup.unlock(tmp_path / "vault", secret)
    assert opened(tmp_path / "vault", api.to_secret(NEW)) == []


def test_a_change_that_finds_no_room_leaves_the_old_passphrase(small_disk, secret):
    disk = small_disk(1400)
    vault = setup.create(disk / "vault", secret, FLOOR)
    (disk / "filler").write_bytes(b"")
    with (disk / "filler").open("ab", buffering=0) as filler, pytest.raises(OSError, match="No space"):
        while True:
            filler.write(bytes(4096))
    with pytest.raises(errors.DiskFullError):
        setup.change_passphrase(vault, api.to_secret(NEW), FLOOR)
    vault.close()
    (disk / "filler").unlink()
    assert opened(disk / "vault", secret) == []
    assert names(disk / "vault") == ["vault.db", "vault.keys"]


# -- a new vault key --------------------------------------------------------------------------------------------------

REKEY = """
say("ready")
api.lock(api.setup.rekey(here / "vault", secret, Job()))
say("done")
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A locked vault with one case and 2 MB of content, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    vault = setup.create(folder / "vault", api.to_secret("ocean mirror lantern velvet copper puzzle"), FLOOR)
    case = api.cases.add(vault, "kept")
    (folder / "photo").write_bytes(os.urandom(2_000_000))
    api.intake.attach(vault, case.id, folder / "photo", Job())
    vault.close()
    return folder / "vault"


@pytest.fixture
def filled(template, tmp_path):
    """A locked vault with one case and 2 MB of content."""
    return Path(shutil.copytree(template, tmp_path / "vault"))


def finish(folder: Path, secret, job) -> None:
    """Open whatever a kill left, check it whole; then rotate to the end and check again."""
    assert opened(folder, secret) == ["kept"]
    vault = setup.rekey(folder, secret, job)
    assert vault.keys.older_key is None
    assert looked_through(vault) == ["kept"]
    assert names(folder) == ["vault.db", "vault.keys"]


def test_a_rotation_gives_another_key_and_the_old_one_opens_nothing(filled, secret, job):
    old_file = (filled / "vault.keys").read_bytes()
    before = keys.unlock_keys(old_file, secret)
    vault = setup.rekey(filled, secret, job)
    assert vault.keys.generation == before.generation + 1
    assert vault.keys.vault_key.reveal() != before.vault_key.reveal()
    assert vault.keys.older_key is None
    assert looked_through(vault) == ["kept"]
    (filled / "vault.keys").write_bytes(old_file)
    with pytest.raises(errors.DamagedError):
        setup.unlock(filled, secret)


# Both generations made durable; the journal half written; the store half rewritten; the commit; the old key dropped.
KILLS = ["rename:1", "pwrite64:200", "pwrite64:600", "ftruncate:2", "rename:2"]


@STRACE
@pytest.mark.parametrize("point", KILLS)
def test_a_rotation_killed_at_a_step_loses_nothing_and_is_finished_by_the_next(filled, child, secret, job, point):
    call, number = point.split(":")
    inject = f"inject={call}:signal=SIGKILL:when={number}"
    process = child(REKEY, prefix=("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject))
    out, _ = process.communicate()
    assert out == "ready\n", "it was killed before its end"
    finish(filled, secret, job)


@pytest.mark.prove
@pytest.mark.parametrize("round_", range(40))
def test_a_rotation_killed_at_any_moment_loses_nothing(filled, child, secret, job, round_):
    process = child(REKEY)
    assert process.stdout.readline() == "ready\n"
    time.sleep(random.random() * 0.8)
    process.kill()
    process.wait()
    finish(filled, secret, job)


def test_a_pending_rotation_is_said_by_check_and_the_vault_can_be_used(filled, secret, job):
    opened_keys = keys.unlock_keys(setup.read_key_file(filled), secret)
    (filled / "vault.keys").write_bytes(opened_keys.begin_rekey(secret).encoded)
    vault = setup.unlock(filled, secret)
    api.cases.add(vault, "meanwhile")
    findings = api.checking.check(vault, [], job).report.findings
    assert [finding.code for finding in findings] == ["rekey-pending"]
    setup.change_passphrase(vault, api.to_secret(NEW), FLOOR)
    vault.close()
    assert looked_through(setup.rekey(filled, api.to_secret(NEW), job)) == ["meanwhile", "kept"]


def test_a_rotation_without_the_room_for_it_is_refused_and_nothing_is_changed(small_disk, secret, job):
    disk = small_disk(1400)
    setup.create(disk / "vault", secret, FLOOR).close()
    before = (disk / "vault" / "vault.keys").read_bytes()
    with pytest.raises(errors.DiskFullError, match=r"1\.1 times"):
        setup.rekey(disk / "vault", secret, job)
    assert (disk / "vault" / "vault.keys").read_bytes() == before
    assert opened(disk / "vault", secret) == []


def test_a_rotation_that_runs_out_of_room_half_way_harms_nothing(small_disk, secret, job, monkeypatch):
    disk = small_disk(1400)
    setup.create(disk / "vault", secret, FLOOR).close()
    monkeypatch.setattr("vault.files.free_space", lambda folder: 1 << 40)
    with pytest.raises(errors.StorageError):
        setup.rekey(disk / "vault", secret, job)
    assert opened(disk / "vault", secret) == []
    old = keys.unlock_keys(setup.read_key_file(disk / "vault"), secret)
    assert old.older_key is not None
