"""Backups: only what changed is written, the last good one outlives whatever happens, and a restore is honest."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from vault import api, errors, files, keys
from vault.crypto.hashes import sha256
from vault.formats import backup_manifest
from vault.jobs import Job
from vault.usecases import backup, checking, custody, intake, records, recovery, setup
from vault.usecases.backup import making
from vault.usecases.backup.folder import BackupFolder

STRACE = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
SEGMENT = backup_manifest.SEGMENT_SIZE


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def segments(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("segments/*/*")}


def titles(vault: api.OpenVault) -> list[str]:
    assert checking.check(vault, [], Job()).report.ok
    return [case.title for case in api.cases.page(vault)]


@pytest.fixture
def restored(empty_vault, secret):
    """Return a function that restores a backup of `vault` and opens what came of it."""

    def restore(stick: Path, folder: Path, *_: object) -> api.OpenVault:
        backup.restore(stick, folder, secret, Job())
        return setup.open_with(folder, empty_vault[1])

    return restore


@pytest.fixture
def small_segments(monkeypatch):
    """Segments of 256 KiB, so that a small vault has several."""
    size = 1 << 18
    monkeypatch.setattr(making, "SEGMENT_SIZE", size)
    monkeypatch.setattr(backup_manifest, "SEGMENT_SIZE", size)
    return size


# -- making one -------------------------------------------------------------------------------------------------------


def test_a_backup_restores_to_the_same_evidence_in_a_new_epoch(vault, case, tmp_path, job, restored):
    (tmp_path / "photo").write_bytes(os.urandom(2_000_000))
    photo = intake.attach(vault, case.id, tmp_path / "photo", job)
    note = records.add(vault, case.id, "note", {"text": "kept"})
    custody.write_checkpoint(vault, tmp_path / "anchor")
    written = backup.backup(vault, tmp_path / "stick", job)
    assert written == sum(map(len, tree(tmp_path / "stick").values()))
    before = custody.head(vault)
    again = restored(tmp_path / "stick", tmp_path / "again")
    assert records.show(again, note.id).fields == {"text": "kept"}
    intake.extract(again, photo.id, tmp_path / "out", job)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "photo").read_bytes()
    assert again.identity.fingerprint == vault.identity.fingerprint
    checked = checking.check(again, [tmp_path / "anchor"], job)
    assert (checked.report.findings, checked.anchored) == ((), "yes")
    head = custody.head(again)
    assert head.epoch != before.epoch
    assert custody.page(again, 1, before=before.size)[0].event["purpose"]["why"] == "restored from a backup"
    again.close()
    assert names(tmp_path / "again") == ["vault.db", "vault.keys"]
    assert (tmp_path / "again").stat().st_mode & 0o777 == 0o700


def test_what_is_later_than_the_backup_is_said_when_an_anchor_knows_it(vault, case, tmp_path, job, restored):
    backup.backup(vault, tmp_path / "stick", job)
    records.add(vault, case.id, "note", {"text": "after the backup"})
    custody.write_checkpoint(vault, tmp_path / "anchor")
    again = restored(tmp_path / "stick", tmp_path / "again")
    checked = checking.check(again, [tmp_path / "anchor"], job)
    assert [finding.code for finding in checked.report.findings] == ["restored-before-anchor"]
    assert checked.anchored == "unknown"
    again.close()


def test_nothing_in_a_backup_is_readable_and_nothing_names_the_case(vault, tmp_path, job):
    case = api.cases.add(vault, "purple elephant")
    records.add(vault, case.id, "note", {"text": "purple elephant"})
    backup.backup(vault, tmp_path / "stick", job)
    for name, content in tree(tmp_path / "stick").items():
        assert b"elephant" not in content
        assert b"SQLite" not in content
        assert case.id.encode() not in content
        assert case.id not in name


def test_both_steps_of_a_backup_are_in_the_log(vault, tmp_path, job):
    backup.backup(vault, tmp_path / "stick", job)
    events = [entry.event for entry in custody.page(vault, 2)]
    assert [(e["type"], e["object"]["kind"], e["outcome"]["result"]) for e in events] == [
        ("replication", "backup", "success"),
        ("replication", "backup", "intent"),
    ]


def test_a_second_backup_writes_only_what_changed(vault, case, tmp_path, job, small_segments, restored):
    for number in range(3):
        (tmp_path / "file").write_bytes(os.urandom(1_000_000))
        intake.attach(vault, case.id, tmp_path / "file", job)
        if number == 0:
            first = backup.backup(vault, tmp_path / "stick", job)
            kept = segments(tmp_path / "stick")
    total = (tmp_path / "vault" / "vault.db").stat().st_size
    second = backup.backup(vault, tmp_path / "stick", job)
    assert kept & segments(tmp_path / "stick")
    assert first < second < total - small_segments
    records.add(vault, case.id, "note", {"text": "small"})
    third = backup.backup(vault, tmp_path / "stick", job)
    assert third < total // 2
    present = -(-(tmp_path / "vault" / "vault.db").stat().st_size // small_segments)
    assert present < len(segments(tmp_path / "stick")) < 2 * present, "those of the generation before that changed"
    assert [name for name in names(tmp_path / "stick") if name != "segments"] == [
        "keys-00000002", "keys-00000003", "manifest-00000002", "manifest-00000003",
    ]  # fmt: skip
    again = restored(tmp_path / "stick", tmp_path / "again")
    assert len(intake.page(again, case.id)) == 3
    again.close()


def test_what_is_saved_while_a_backup_runs_is_in_it_or_not_but_never_half(
    vault, case, tmp_path, small_segments, restored
):
    (tmp_path / "file").write_bytes(os.urandom(3_000_000))
    intake.attach(vault, case.id, tmp_path / "file", Job())
    seen: list[str] = []

    class Busy(Job):
        def report(self, step: str, done: int, total: int | None = None) -> None:
            if step == "copying":
                records.add(vault, case.id, "note", {"text": f"{len(seen)}"})
            seen.append(step)

    backup.backup(vault, tmp_path / "stick", Busy())
    assert "copying what changed" in seen
    again = restored(tmp_path / "stick", tmp_path / "again")
    assert titles(again) == ["案件 1"]
    assert len(records.page(again, case.id)) == seen.count("copying")
    again.close()


def test_a_quiet_vault_is_read_once(vault, tmp_path):
    seen: list[str] = []

    class Watching(Job):
        def report(self, step: str, done: int, total: int | None = None) -> None:
            seen.append(step)

    setup.sweep_all(vault)
    backup.backup(vault, tmp_path / "stick", Watching())
    assert set(seen) == {"copying", "reading back"}


# -- other people's folders -------------------------------------------------------------------------------------------


def test_a_folder_that_holds_other_things_is_refused_and_left_as_it_is(vault, new_vault, tmp_path, job):
    other = new_vault("other")
    backup.backup(other, tmp_path / "theirs", job)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    (tmp_path / "videos" / "segments" / "ab").mkdir(parents=True)
    (tmp_path / "videos" / "segments" / "holiday").mkdir()
    (tmp_path / "videos" / "segments" / "ab" / "a.mp4").write_bytes(b"x")
    (tmp_path / "file").write_bytes(b"x")
    for name in ("theirs", "photos", "videos", "file"):
        before = tree(tmp_path / name)
        with pytest.raises(errors.AlreadyExistsError):
            backup.backup(vault, tmp_path / name, job)
        assert tree(tmp_path / name) == before


def test_what_is_not_ours_beside_a_backup_is_never_removed(vault, case, tmp_path, job):
    stick = tmp_path / "stick"
    backup.backup(vault, stick, job)
    foreign = [stick / "letter.txt", stick / "segments" / "notes", next(stick.glob("segments/??")) / "photo.jpg"]
    (stick / "segments" / "album").mkdir()
    foreign.append(stick / "segments" / "album" / ("0" * 64))
    for path in foreign:
        path.write_bytes(b"theirs")
    records.add(vault, case.id, "note", {"text": "x"})
    backup.backup(vault, stick, job)
    assert all(path.read_bytes() == b"theirs" for path in foreign)


def test_a_backup_inside_the_vault_is_refused(vault, tmp_path, job):
    (tmp_path / "link").symlink_to(tmp_path / "vault")
    for place in (tmp_path / "vault", tmp_path / "vault" / "stick", tmp_path / "link" / "stick"):
        with pytest.raises(errors.AlreadyExistsError, match="inside the vault"):
            backup.backup(vault, place, job)
    assert set(names(tmp_path / "vault")) <= {"vault.db", "vault.keys", "vault.db-journal"}


def test_a_place_that_cannot_be_written_is_called_so(vault, tmp_path, small_disk, job):
    disk = small_disk(100)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(errors.ReadOnlyError):
        backup.backup(vault, disk / "stick", job)


# -- a stick that is pulled out, full or damaged ----------------------------------------------------------------------

BACKUP = """
vault = api.setup.unlock(here / "vault", secret)
api.backup.backup(vault, here / "stick", Job())
say("done")
"""


@STRACE
@pytest.mark.parametrize("calls", ["link,linkat", "unlink,unlinkat"], ids=["a file gets its name", "a file is removed"])
def test_a_backup_killed_whenever(vault, case, child, tmp_path, job, calls, restored, empty_vault):
    """Each time a file gets its name or is removed: a good backup is left, and the next one completes it."""
    backup.backup(vault, tmp_path / "stick", job)
    records.add(vault, case.id, "note", {"text": "first"})
    backup.backup(vault, tmp_path / "stick", job)
    (tmp_path / "file").write_bytes(os.urandom(500_000))
    intake.attach(vault, case.id, tmp_path / "file", job)
    records.add(vault, case.id, "note", {"text": "second"})
    vault.close()
    stick, place = tmp_path / "stick", tmp_path / "vault"
    for folder in (stick, place):
        shutil.copytree(folder, tmp_path / "kept" / folder.name)

    def run(inject: str) -> list[str]:
        strace = ("strace", "-f", "-qq", "-o", tmp_path / "trace", "-e", f"trace={calls}", "-e", inject)
        assert child(BACKUP, prefix=strace).communicate()[0] == ("" if "KILL" in inject else "done\n")
        return [line for line in (tmp_path / "trace").read_text().splitlines() if str(stick) in line]

    def again() -> int:
        shutil.rmtree(tmp_path / "again", ignore_errors=True)
        found = restored(stick, tmp_path / "again")
        assert titles(found) == ["案件 1"]
        notes = len(records.page(found, case.id))
        found.close()
        return notes

    count = len(run(f"trace={calls}"))
    assert count >= 3
    for number in range(1, count + 1):
        for folder in (stick, place):
            shutil.rmtree(folder)
            shutil.copytree(tmp_path / "kept" / folder.name, folder)
        run(f"inject={calls}:signal=SIGKILL:when={number}")
        assert again() in (1, 2)
        mine = setup.open_with(place, empty_vault[1])
        backup.backup(mine, stick, Job())
        mine.close()
        left = [name for name in names(stick) if name != "segments"]
        assert [name.partition("-")[0] for name in left] == ["keys", "keys", "manifest", "manifest"]
        assert not [path for path in tree(stick) if path.endswith(".part")]
        assert again() == 2


def test_a_first_backup_killed_anywhere_does_not_make_the_folder_foreign(vault, tmp_path, secret, job, restored):
    backup.backup(vault, tmp_path / "whole", job)
    shutil.copytree(tmp_path / "whole", tmp_path / "stick")
    (tmp_path / "stick" / "keys-00000001").unlink()
    with pytest.raises(errors.NotFoundError):
        backup.restore(tmp_path / "stick", tmp_path / "again", secret, job)
    (tmp_path / "stick" / ".0123456789abcdef.part").write_bytes(b"half")
    backup.backup(vault, tmp_path / "stick", job)
    assert names(tmp_path / "stick") == ["keys-00000001", "manifest-00000001", "segments"]
    restored(tmp_path / "stick", tmp_path / "again").close()


def test_a_stick_that_gets_full_keeps_the_older_backup(vault, case, tmp_path, small_disk, small_segments, restored):
    stick = small_disk(4500) / "stick"
    records.add(vault, case.id, "note", {"text": "first"})
    backup.backup(vault, stick, Job())
    for room in range(0, 3):
        (tmp_path / "file").write_bytes(os.urandom(1_500_000))
        intake.attach(vault, case.id, tmp_path / "file", Job())
        before = set(segments(stick))
        if room:
            with pytest.raises(errors.DiskFullError, match="last good backup"):
                backup.backup(vault, stick, Job())
            assert before <= segments(stick)
        else:
            backup.backup(vault, stick, Job())
        shutil.rmtree(tmp_path / "again", ignore_errors=True)
        again = restored(stick, tmp_path / "again")
        assert len(intake.page(again, case.id)) == 1
        again.close()


def test_a_cancelled_backup_keeps_the_older_one(vault, case, tmp_path, small_segments, restored):
    backup.backup(vault, tmp_path / "stick", Job())
    before = tree(tmp_path / "stick")
    records.add(vault, case.id, "note", {"text": "x"})
    job = Job()
    job.cancel()
    with pytest.raises(errors.CancelledError):
        backup.backup(vault, tmp_path / "stick", job)
    after = tree(tmp_path / "stick")
    assert {name: after.get(name) for name in before} == before
    restored(tmp_path / "stick", tmp_path / "again").close()


@pytest.fixture
def grown(vault, case, tmp_path, job, small_segments):
    """A vault whose two backups in `stick` share most segments, and the path of one that they share."""
    (tmp_path / "file").write_bytes(os.urandom(2_000_000))
    intake.attach(vault, case.id, tmp_path / "file", job)
    backup.backup(vault, tmp_path / "stick", job)
    first = segments(tmp_path / "stick")
    records.add(vault, case.id, "note", {"text": "x"})
    backup.backup(vault, tmp_path / "stick", job)
    pages = (tmp_path / "vault" / "vault.db").read_bytes()
    present = {sha256(pages[at : at + small_segments]).hex() for at in range(0, len(pages), small_segments)}
    name = min(first & present)
    return tmp_path / "stick" / "segments" / name[:2] / name


def rot(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)


def test_a_segment_that_rotted_is_noticed_and_written_anew(vault, grown, tmp_path, secret, job):
    rot(grown)
    with pytest.raises((errors.IntegrityError, errors.DamagedError)):
        backup.restore(tmp_path / "stick", tmp_path / "again", secret, job)
    assert not (tmp_path / "again").exists()
    backup.backup(vault, tmp_path / "stick", job)
    for number in (3, 2):
        assert backup.restore(tmp_path / "stick", tmp_path / f"again{number}", secret, job) == 0
        setup.unlock(tmp_path / f"again{number}", secret).close()
        (tmp_path / "stick" / f"keys-{number:08d}").unlink()


def test_one_misreading_costs_nothing(vault, grown, tmp_path, job, monkeypatch):
    before, read, seen = tree(tmp_path / "stick"), BackupFolder.read_segment, []

    def misread(place: BackupFolder, name: str) -> bytes:
        seen.append(name)
        if name == grown.name and seen.count(name) == 1:
            raise errors.IntegrityError("backup", "a segment is damaged")
        return read(place, name)

    monkeypatch.setattr(BackupFolder, "read_segment", misread)
    state = grown.stat()
    backup.backup(vault, tmp_path / "stick", job)
    assert seen.count(grown.name) == 2
    assert (grown.stat().st_ino, grown.read_bytes()) == (
        state.st_ino,
        before[str(grown.relative_to(tmp_path / "stick"))],
    )


def test_a_medium_that_does_not_keep_a_segment_loses_no_older_generation(
    vault, grown, tmp_path, secret, job, monkeypatch
):
    before = tree(tmp_path / "stick")

    def fail(place: BackupFolder, name: str) -> bytes:
        raise errors.IntegrityError("backup", "a segment is damaged")

    with monkeypatch.context() as patch:
        patch.setattr(BackupFolder, "read_segment", fail)
        with pytest.raises(errors.StorageError, match="did not keep"):
            backup.backup(vault, tmp_path / "stick", job)
    after = tree(tmp_path / "stick")
    assert {name: after.get(name) for name in before} == before
    assert "keys-00000003" not in after
    assert backup.restore(tmp_path / "stick", tmp_path / "again", secret, job) == 0


@pytest.mark.parametrize("kind", ["manifest-", "keys-"])
def test_a_list_or_key_file_that_the_medium_garbled_is_noticed(vault, case, tmp_path, secret, job, monkeypatch, kind):
    backup.backup(vault, tmp_path / "stick", job)
    before, write = tree(tmp_path / "stick"), files.write_new

    def garble(path: Path, content: bytes, what: str) -> None:
        write(path, bytes(len(content)) if path.name.startswith(kind) else content, what)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_new", garble)
        for _ in range(3):
            records.add(vault, case.id, "note", {"text": "x"})
            with pytest.raises(errors.StorageError, match="did not keep"):
                backup.backup(vault, tmp_path / "stick", job)
    after = tree(tmp_path / "stick")
    assert {name: after.get(name) for name in before} == before
    assert backup.restore(tmp_path / "stick", tmp_path / "again", secret, job) == 0


# -- an older state, other numbers ------------------------------------------------------------------------------------

NEWER = "holds a newer state"


def test_a_vault_of_an_older_state_never_takes_the_place_of_a_newer_backup(vault, case, tmp_path, job, restored):
    backup.backup(vault, tmp_path / "older", job)
    records.add(vault, case.id, "note", {"text": "the only copy"})
    backup.backup(vault, tmp_path / "newer", job)
    again = restored(tmp_path / "older", tmp_path / "again")
    # Its log may well be longer by now: the same number of entries, or more, is no sign of the same state.
    for number in range(3):
        before = tree(tmp_path / "newer")
        with pytest.raises(errors.RefusedError, match=NEWER) as refused:
            backup.backup(again, tmp_path / "newer", job)
        assert "another folder" in refused.value.advice
        assert tree(tmp_path / "newer") == before
        records.add(again, case.id, "note", {"text": f"{number}"})
    backup.backup(again, tmp_path / "older", job)
    again.close()
    back = restored(tmp_path / "newer", tmp_path / "back")
    assert [record.title for record in records.page(back, case.id)] == ["the only copy"]
    backup.backup(back, tmp_path / "newer", job)
    back.close()


def test_a_copy_of_a_vault_that_went_its_own_way_does_not_take_the_place_of_the_other(vault, tmp_path, secret, job):
    vault.close()
    shutil.copytree(tmp_path / "vault", tmp_path / "copy")
    for name in ("vault", "copy"):
        one = setup.unlock(tmp_path / name, secret)
        api.cases.add(one, name)
        if name == "vault":
            backup.backup(one, tmp_path / "stick", job)
        else:
            for _ in range(5):
                api.cases.add(one, name)
            with pytest.raises(errors.RefusedError, match=NEWER):
                backup.backup(one, tmp_path / "stick", job)
        one.close()


def test_a_vault_from_before_a_rotation_does_not_take_the_place_of_what_is_after_it(vault, tmp_path, secret, job):
    vault.close()
    shutil.copytree(tmp_path / "vault", tmp_path / "copy")
    rotated = setup.rekey(tmp_path / "vault", secret, job)
    backup.backup(rotated, tmp_path / "stick", job)
    rotated.close()
    old = setup.unlock(tmp_path / "copy", secret)
    before = tree(tmp_path / "stick")
    with pytest.raises(errors.RefusedError, match=NEWER):
        backup.backup(old, tmp_path / "stick", job)
    assert tree(tmp_path / "stick") == before
    old.close()


def test_what_was_made_before_a_rotation_stays_until_there_are_two_after_it(vault, tmp_path, secret, job):
    backup.backup(vault, tmp_path / "stick", job)
    vault.close()
    rotated = setup.rekey(tmp_path / "vault", secret, job)
    backup.backup(rotated, tmp_path / "stick", job)
    shutil.copytree(tmp_path / "stick", tmp_path / "copy")
    (tmp_path / "copy" / "manifest-00000002").write_bytes(b"damaged")
    assert backup.restore(tmp_path / "copy", tmp_path / "again", secret, job) == 1
    backup.backup(rotated, tmp_path / "stick", job)
    rotated.close()
    left = names(tmp_path / "stick")
    assert left == ["keys-00000002", "keys-00000003", "manifest-00000002", "manifest-00000003", "segments"]
    assert len(segments(tmp_path / "stick")) == 2


def test_a_damaged_list_counts_for_nothing_and_the_good_generation_before_it_stays(vault, case, tmp_path, secret, job):
    stick = tmp_path / "stick"
    for number in (1, 2, 3):
        backup.backup(vault, stick, job)
        if number == 2:
            (stick / "manifest-00000002").write_bytes(b"damaged")
    (stick / "manifest-00000003").write_bytes(b"damaged")
    assert backup.restore(stick, tmp_path / "again", secret, job) == 2
    backup.backup(vault, stick, job)
    backup.backup(vault, stick, job)
    left = names(stick)
    assert left == ["keys-00000004", "keys-00000005", "manifest-00000004", "manifest-00000005", "segments"]


@pytest.mark.parametrize("name", ["manifest-99999999", "keys-99999999", "manifest-00000000", "keys-100000000"])
def test_a_lone_name_moves_no_number(vault, tmp_path, secret, job, name):
    stick = tmp_path / "stick"
    backup.backup(vault, stick, job)
    (stick / name).write_bytes(b"")
    backup.backup(vault, stick, job)
    assert {"keys-00000002", "manifest-00000002"} <= set(names(stick))
    assert backup.restore(stick, tmp_path / "again", secret, job) == 0


def test_a_folder_whose_numbers_are_used_up_is_refused(vault, tmp_path, secret, job):
    stick = tmp_path / "stick"
    backup.backup(vault, stick, job)
    for kind in ("keys", "manifest"):
        shutil.copy(stick / f"{kind}-00000001", stick / f"{kind}-99999999")
    before = tree(stick)
    with pytest.raises(errors.RefusedError, match="no number left"):
        backup.backup(vault, stick, job)
    assert tree(stick) == before
    assert backup.restore(stick, tmp_path / "again", secret, job) == 1


@pytest.mark.parametrize("damage", ["oversized", "folder", "unreadable"])
def test_a_restore_goes_on_to_the_generation_before_when_a_segment_cannot_be_read(
    vault, case, tmp_path, secret, job, monkeypatch, damage
):
    stick = tmp_path / "stick"
    backup.backup(vault, stick, job)
    older = segments(stick)
    records.add(vault, case.id, "note", {"text": "x"})
    backup.backup(vault, stick, job)
    name = (segments(stick) - older).pop()
    path = stick / "segments" / name[:2] / name
    if damage == "oversized":
        os.truncate(path, SEGMENT + 1)
    elif damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        read = files.read_small

        def fail(one: Path, limit: int, what: str) -> bytes:
            if one == path:
                raise errors.StorageError("The operating system could not read it.")
            return read(one, limit, what)

        monkeypatch.setattr(files, "read_small", fail)
    assert backup.restore(stick, tmp_path / "again", secret, job) == 1


def test_an_older_generation_is_taken_when_the_newest_is_not_whole_and_that_is_said(vault, case, tmp_path, secret, job):
    stick = tmp_path / "stick"
    backup.backup(vault, stick, job)
    shutil.copytree(stick, tmp_path / "old")
    api.cases.add(vault, "newer")
    backup.backup(vault, stick, job)
    shutil.copytree(tmp_path / "old", stick, dirs_exist_ok=True)
    assert backup.restore(stick, tmp_path / "one", secret, job) == 0
    (stick / "manifest-00000002").write_bytes(b"damaged")
    assert backup.restore(stick, tmp_path / "two", secret, job) == 1
    for name, expected in (("one", ["newer", "案件 1"]), ("two", ["案件 1"])):
        again = setup.unlock(tmp_path / name, secret)
        assert titles(again) == expected
        again.close()


def test_a_manifest_under_the_number_of_another_generation_is_refused(vault, tmp_path, secret, job):
    stick = tmp_path / "stick"
    backup.backup(vault, stick, job)
    for name in ("keys", "manifest"):
        (stick / f"{name}-00000001").rename(stick / f"{name}-00000007")
    with pytest.raises(errors.IntegrityError, match="manifest"):
        backup.restore(stick, tmp_path / "again", secret, job)


# -- restoring --------------------------------------------------------------------------------------------------------


def test_a_backup_is_found_from_the_folder_around_it_and_from_a_part_of_it(vault, secret, cli, tmp_path, job):
    stick = tmp_path / "stick"
    (stick / "photos").mkdir(parents=True)
    (stick / "readme").write_text("x")
    place = stick / "vault-backup"
    api.backup.backup(vault, place, job)
    vault.close()
    names = (place, stick, place / "segments", place / "keys-00000001", place / "manifest-00000001")
    assert [api.backup.find(name) for name in names] == [place] * 5
    for name in (place / "segments" / "00", stick / "photos", stick / "readme", tmp_path, stick / "no"):
        with pytest.raises(errors.NotFoundError, match="There is no backup in this folder"):
            api.backup.find(name)
    code, said = cli("restore", stick, vault="restored")
    assert (code, said["backup"]) == (0, str(place))
    api.setup.unlock(tmp_path / "restored", secret).close()
    # Nobody types a passphrase for nothing.
    for name, more in ((stick / "photos", ()), (tmp_path, ("--share", tmp_path / "no"))):
        code, said = cli("restore", name, *more, vault="other", secrets=())
        assert (code, said["error"]["message"]) == (4, f"There is no backup in this folder ({name}).")
    shutil.copytree(place, stick / "second")
    code, said = cli("restore", stick, vault="other", secrets=())
    assert (code, said["error"]["message"]) == (4, f"There is more than one backup in this folder ({stick}).")
    assert api.backup.find(place) == place


def test_what_cannot_be_restored_leaves_nothing(vault, tmp_path, secret, job, small_disk):
    stick = tmp_path / "stick"
    backup.backup(vault, stick, job)
    with pytest.raises(errors.UnlockError):
        backup.restore(stick, tmp_path / "a" / "b" / "again", api.to_secret("not the right one"), job)
    with pytest.raises(errors.NotFoundError):
        backup.restore(tmp_path / "nowhere", tmp_path / "again", secret, job)
    with pytest.raises(errors.AlreadyExistsError):
        backup.restore(stick, tmp_path / "vault", secret, job)
    with pytest.raises(errors.DiskFullError):
        backup.restore(stick, small_disk(800) / "again", secret, job)
    stopped = Job()
    stopped.cancel()
    with pytest.raises(errors.CancelledError):
        backup.restore(stick, tmp_path / "again", secret, stopped)
    assert names(tmp_path) == ["disk", "stick", "vault"]
    assert names(tmp_path / "disk") == []


def test_a_backup_made_after_a_rotation_restores_and_the_one_before_it_too(vault, tmp_path, secret, job):
    backup.backup(vault, tmp_path / "before", job)
    vault.close()
    rotated = setup.rekey(tmp_path / "vault", secret, job)
    shutil.copytree(tmp_path / "before", tmp_path / "stick")
    backup.backup(rotated, tmp_path / "stick", job)
    generation = rotated.keys.generation
    rotated.close()
    for name, expected in (("before", generation - 1), ("stick", generation)):
        backup.restore(tmp_path / name, tmp_path / f"{name}-again", secret, job)
        again = setup.unlock(tmp_path / f"{name}-again", secret)
        assert again.keys.generation == expected
        assert checking.check(again, [], job).report.ok
        again.close()


def test_a_backup_made_while_a_rotation_is_pending_restores(vault, tmp_path, secret, job):
    vault.close()
    opened = keys.unlock_keys(setup.read_key_file(tmp_path / "vault"), secret).begin_rekey(secret)
    (tmp_path / "vault" / "vault.keys").write_bytes(opened.encoded)
    pending = setup.unlock(tmp_path / "vault", secret)
    backup.backup(pending, tmp_path / "stick", job)
    pending.close()
    backup.restore(tmp_path / "stick", tmp_path / "again", secret, job)
    again = setup.unlock(tmp_path / "again", secret)
    assert again.keys.older_key is not None
    again.close()


def test_whoever_lost_machine_and_passphrase_restores_with_shares_and_sets_a_new_one(vault, case, tmp_path, job):
    public_key, shares = recovery.prepare()
    recovery.commit(vault, public_key)
    backup.backup(vault, tmp_path / "stick", job)
    vault.close()
    shutil.rmtree(tmp_path / "vault")
    with pytest.raises(errors.RefusedError):
        backup.restore(tmp_path / "stick", tmp_path / "again", recovery.prepare()[1][:2], job)
    with pytest.raises(errors.RefusedError):
        backup.restore(tmp_path / "stick", tmp_path / "again", shares[:1], job)
    assert backup.restore(tmp_path / "stick", tmp_path / "again", shares[1:], job) == 0
    opened = recovery.rehearse(setup.read_key_file(tmp_path / "again"), shares[:2])
    again = setup.open_with(tmp_path / "again", opened)
    new = api.to_secret("garden ribbon thunder candle violet anchor")
    setup.change_passphrase(again, new, keys.FLOOR)
    again.close()
    again = setup.unlock(tmp_path / "again", new)
    assert titles(again) == ["案件 1"]
    again.close()


def test_restoring_twice_gives_two_epochs_that_both_name_where_they_grew_from(vault, tmp_path, job, restored):
    backup.backup(vault, tmp_path / "stick", job)
    grown = []
    for name in ("one", "two"):
        again = restored(tmp_path / "stick", tmp_path / name)
        event = custody.page(again, 1)[0].event
        grown.append((custody.head(again).epoch, event["related"], event["digests"]["before"]))
        again.close()
    assert grown[0][0] != grown[1][0]
    assert grown[0][1:] == grown[1][1:]


def outcomes(vault: api.OpenVault) -> list[str]:
    found = (one.event for one in custody.page(vault, 50))
    return [event["outcome"]["result"] for event in found if event["object"]["kind"] == "backup"]


def test_a_backup_that_fails_is_entered_as_that_and_leaves_no_empty_folder(vault, tmp_path, small_disk, job):
    disk = small_disk(900)
    for target in (disk / "stick", disk):
        with pytest.raises(errors.DiskFullError):
            backup.backup(vault, target, job)
        assert (disk.is_dir(), names(disk)) == (True, [])
        assert outcomes(vault)[:2] == ["failure", "intent"]
    backup.backup(vault, tmp_path / "stick", job)
    assert outcomes(vault)[:2] == ["success", "intent"]


def test_a_backup_that_the_vault_has_no_room_to_enter_leaves_no_empty_folder(small_disk, empty_vault, tmp_path, job):
    folder, opened = empty_vault
    disk = small_disk(folder.joinpath("vault.db").stat().st_size // 1024 + 200)
    vault = setup.open_with(Path(shutil.copytree(folder, disk / "vault")), opened)
    filler = disk / "films"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    with pytest.raises(errors.DiskFullError, match="nothing of this step"):
        backup.backup(vault, tmp_path / "stick", job)
    assert not (tmp_path / "stick").exists()
    filler.unlink()
    backup.backup(vault, tmp_path / "stick", job)
    assert outcomes(vault)[:2] == ["success", "intent"]
    vault.close()


def test_a_backup_that_fails_at_its_last_step_may_serve_somebody(vault, tmp_path, job, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(5, "the stick was pulled out")

    monkeypatch.setattr(making, "_drop_older", fail)
    with pytest.raises(errors.StorageError):
        backup.backup(vault, tmp_path / "stick", job)
    assert outcomes(vault)[0] == "intent"
    assert BackupFolder(tmp_path / "stick").whole() == [1]
