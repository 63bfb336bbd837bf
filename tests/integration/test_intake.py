"""Attachments: every size, every name, whatever happens to file, disk or process; and out again unharmed."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import socket
import sys
import tempfile
import threading
from pathlib import Path

import pytest
import sqlcipher3

from vault import api, errors, keys
from vault.jobs import Job
from vault.model import CHUNK_SIZE
from vault.usecases import drafts, intake, records, setup

BATCH = 16 * CHUNK_SIZE
ROOT = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="becoming another user needs root")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="proved on Linux only")


def made(path: Path, size: int) -> Path:
    path.write_bytes(os.urandom(size))
    return path


def rows(vault: api.OpenVault, table: str) -> int:
    return vault.read(lambda c: c.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def swept(vault: api.OpenVault) -> bool:
    """True when the sweep in the background gets rid of every row that belongs to no attachment."""
    sql = "SELECT coalesce(sum((size + 1048575) / 1048576), 0) FROM content WHERE complete"
    (wanted,) = vault.read(lambda c: c.execute(sql).fetchone())
    return any(rows(vault, "chunk") == wanted and not rows(vault, "content WHERE NOT complete") for _ in range(2000))


def nothing_taken_in(vault: api.OpenVault, case, entries: int) -> None:
    assert intake.page(vault, case.id) == []
    assert records.page(vault, case.id) == []
    assert api.custody.head(vault).size == entries
    assert rows(vault, "content WHERE complete") == 0
    assert swept(vault)
    assert rows(vault, "chunk") == 0


def entries(vault: api.OpenVault) -> int:
    return api.custody.head(vault).size


def raw(folder: Path, opened: keys.OpenKeys):
    """Open a locked vault's store behind the program's back."""
    connection = sqlcipher3.connect(str(folder / "vault.db"), isolation_level=None)
    connection.execute(f"PRAGMA key = \"x'{keys.store_key(opened.vault_key).reveal().hex()}'\"")
    connection.execute("PRAGMA cipher_page_size = 16384")
    connection.execute("PRAGMA cipher_hmac_algorithm = HMAC_SHA256")
    return connection


class Interrupting(Job):
    """A job that does something once, at its first report of a step."""

    def __init__(self, act, step: str = "taking in") -> None:
        super().__init__()
        self._act, self._at = act, step

    def report(self, step: str, done: int, total: int | None = None) -> None:
        if step == self._at and self._act:
            act, self._act = self._act, None
            act()
        super().report(step, done, total)


# -- every size -------------------------------------------------------------------------------------------------------


def test_every_size_goes_in_and_comes_out_unharmed(vault, case, tmp_path, job):
    for size in (0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, BATCH - 1, BATCH, BATCH + 1):
        source = made(tmp_path / f"file {size}", size)
        found = intake.attach(vault, case.id, source, job)
        data = source.read_bytes()
        assert (found.size, found.sha256) == (size, hashlib.sha256(data).hexdigest())
        assert found.sha512 == hashlib.sha512(data).hexdigest()
        target = tmp_path / f"out {size}"
        assert intake.extract(vault, found.id, target, job).sha256 == found.sha256
        assert target.read_bytes() == data
        assert source.read_bytes() == data
        assert target.stat().st_mode & 0o777 == 0o600
    assert rows(vault, "content WHERE complete") == 8
    assert rows(vault, "chunk") == 0 + 1 + 1 + 1 + 2 + 16 + 16 + 17
    assert rows(vault, "content WHERE NOT complete") == 0


BIG = """
def peak():
    return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1])
def start():
    open("/proc/self/clear_refs", "w").write("5")
    return peak()
vault = api.setup.create(here / "vault", secret, FLOOR)
case = api.cases.add(vault, "x")
(here / "small").write_bytes(b"x")
api.intake.attach(vault, case.id, here / "small", Job())
with open(here / "big", "wb") as file:
    file.truncate(300_000_000)
before = start()
found = api.intake.attach(vault, case.id, here / "big", Job())
attached = peak() - before
before = start()
api.intake.extract(vault, found.id, here / "out", Job())
say(found.sha256, attached, peak() - before, (here / "out").stat().st_size)
api.lock(vault)
"""


@LINUX
def test_three_hundred_megabytes_take_little_memory(child):
    process = child(BIG)
    out, err = process.communicate()
    assert process.returncode == 0, err
    digest, attached, extracted, size = out.split()
    hasher = hashlib.sha256()
    for _ in range(300):
        hasher.update(bytes(1_000_000))
    assert (digest, size) == (hasher.hexdigest(), "300000000")
    assert int(attached) <= 150 * 1024
    assert int(extracted) <= 150 * 1024


@pytest.mark.parametrize(
    ("seconds", "value"),
    [(-315619200, "1960-01-01T00:00"), (-1, "1969-12-31T23:59"), (1_000_000_000, "2001-09-09T01:46")],
)
def test_when_a_file_was_changed_is_told_as_the_file_system_says_it(vault, case, tmp_path, seconds, value):
    (tmp_path / "old").write_bytes(b"old")
    os.utime(tmp_path / "old", ns=(0, seconds * 10**9))
    found = api.intake.attach(vault, case.id, tmp_path / "old", Job())
    assert found.fields["modified_at"]["value"] == value


def test_what_is_known_is_entered_once_beside_the_untouched_original(vault, case, tmp_path, job):
    before = entries(vault)
    source = made(tmp_path / "a.bin", 10)
    os.utime(source, (1_000_000_000, 1_000_000_000))
    found = intake.attach(vault, case.id, source, job)
    assert entries(vault) == before + 1
    event = api.custody.page(vault, 1)[0].event
    assert (event["type"], event["object"]) == ("ingestion", {"id": found.id, "kind": "attachment"})
    assert found.fields["original_name"] == "a.bin"
    assert found.fields["modified_at"]["value"] == "2001-09-09T01:46"
    assert found.fields["sha256"] == found.sha256
    assert source.stat().st_mtime == 1_000_000_000
    assert intake.page(vault, case.id) == [found]
    assert api.cases.get(vault, case.id).attachment_count == 1


# -- the same bytes twice ---------------------------------------------------------------------------------------------


def test_the_same_bytes_are_stored_once_recorded_twice_and_go_with_the_last(vault, case, tmp_path, job):
    one = intake.attach(vault, case.id, made(tmp_path / "one", 3_000_000), job)
    size = (tmp_path / "vault" / "vault.db").stat().st_size
    two = intake.attach(vault, case.id, Path(shutil.copy(tmp_path / "one", tmp_path / "two")), job)
    assert one.id != two.id
    assert one.sha256 == two.sha256
    assert [a.fields["original_name"] for a in intake.page(vault, case.id)] == ["one", "two"]
    assert (rows(vault, "content"), rows(vault, "chunk")) == (1, 3)
    assert (tmp_path / "vault" / "vault.db").stat().st_size < size + 500_000
    records.delete(vault, one.id, "asked for")
    with pytest.raises(errors.NotFoundError):
        intake.extract(vault, one.id, tmp_path / "out", job)
    intake.extract(vault, two.id, tmp_path / "out", job)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "one").read_bytes()
    records.delete(vault, two.id, "asked for")
    setup.sweep_all(vault)
    assert (rows(vault, "content"), rows(vault, "chunk")) == (0, 0)
    assert (tmp_path / "vault" / "vault.db").stat().st_size < size - 2_500_000
    assert [(a.deleted, a.sha256, a.fields) for a in intake.page(vault, case.id)] == [(True, "", {})] * 2
    again = intake.attach(vault, case.id, tmp_path / "one", job)
    assert again.sha256 == one.sha256


def test_the_same_bytes_from_two_threads_are_stored_once(vault, case, tmp_path):
    source = made(tmp_path / "a", 5_000_000)
    found: list[api.intake.Attachment] = []
    threads = [
        threading.Thread(target=lambda: found.append(intake.attach(vault, case.id, source, Job()))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.id for one in found}) == 3
    assert rows(vault, "content WHERE complete") == 1
    assert swept(vault)


def test_of_two_files_of_one_size_each_is_stored(vault, case, tmp_path, job):
    one = intake.attach(vault, case.id, made(tmp_path / "a", 1000), job)
    two = intake.attach(vault, case.id, made(tmp_path / "b", 1000), job)
    assert one.sha256 != two.sha256
    assert rows(vault, "content") == 2


# -- a file that changes ----------------------------------------------------------------------------------------------


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(bytes(1 << 20))


def shrink(path: Path) -> None:
    os.truncate(path, 100)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"other")
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("change", [grow, shrink, overwrite, Path.unlink])
@pytest.mark.parametrize(
    ("step", "size"), [("taking in", BATCH + 5), ("comparing", 5 * CHUNK_SIZE), ("taking in", 3 * CHUNK_SIZE)]
)
def test_a_file_that_changes_while_it_is_read_is_refused_and_leaves_nothing(vault, case, tmp_path, change, step, size):
    source = made(tmp_path / "a", size)
    if step == "comparing":
        kept = api.cases.add(vault, "other")
        records.delete(vault, intake.attach(vault, kept.id, source, Job()).id, "x")
        setup.sweep_all(vault)
        other = made(tmp_path / "b", size)
        intake.attach(vault, kept.id, other, Job())
    before = entries(vault)
    with pytest.raises(errors.RefusedError, match="changed while it was being read"):
        intake.attach(vault, case.id, source, Interrupting(lambda: change(source), step))
    assert intake.page(vault, case.id) == []
    assert entries(vault) == before
    assert swept(vault)


def test_a_file_that_grows_without_end_is_given_up_at_its_first_extra_byte(vault, case, tmp_path):
    source = made(tmp_path / "log", BATCH)
    read: list[int] = []

    class Growing(Job):
        def report(self, step: str, done: int, total: int | None = None) -> None:
            read.append(done)
            with source.open("ab") as file:
                file.write(bytes(BATCH))

    with pytest.raises(errors.RefusedError, match="changed"):
        intake.attach(vault, case.id, source, Growing())
    assert read == [BATCH]
    nothing_taken_in(vault, case, entries(vault))


# -- the vault's own files ---------------------------------------------------------------------------------------------


def test_files_of_the_vault_itself_are_no_evidence(vault, case, tmp_path, job):
    link = tmp_path / "photo.jpg"
    link.symlink_to(vault.folder / "vault.keys")
    other = tmp_path / "other.jpg"
    os.link(vault.folder / "vault.keys", other)
    for path in (vault.folder / "vault.keys", link, other):
        with pytest.raises(errors.RefusedError, match="belongs to the vault itself"):
            intake.attach(vault, case.id, path, job)
    nothing_taken_in(vault, case, entries(vault))


# -- what is no file --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="POSIX has these kinds of files")
def test_what_is_no_regular_file_is_refused_without_waiting(vault, case, tmp_path, job, monkeypatch):
    before = entries(vault)
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    os.mkfifo("fifo")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket")
    for name in ("folder", "fifo", "socket", "/dev/zero"):
        with pytest.raises(errors.WrongKindError, match="regular file"):
            intake.attach(vault, case.id, Path(name), job)
    for name in ("missing", "folder/missing", "fifo/below"):
        with pytest.raises(errors.NotFoundError):
            intake.attach(vault, case.id, Path(name), job)
    with pytest.raises(errors.NotFoundError, match="case"):
        intake.attach(vault, "0" * 32, made(Path("a"), 1), job)
    nothing_taken_in(vault, case, before)


@ROOT
def test_a_file_that_may_not_be_read_is_refused(vault, case, job):
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    made(folder / "secret", 10).chmod(0o600)
    os.seteuid(65534)
    try:
        with pytest.raises(errors.RefusedError, match="permission"):
            intake.attach(vault, case.id, folder / "secret", job)
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)
    nothing_taken_in(vault, case, entries(vault))


# -- names ------------------------------------------------------------------------------------------------------------

NAMES = [
    (b"two\nlines\r.txt", "two\nlines\r.txt"),
    (b"\x1b]0;title\x07\x1b[31m.txt", "\x1b]0;title\x07\x1b[31m.txt"),
    ("\u202egpj.exe".encode(), "\u202egpj.exe"),
    (("证" * 85).encode(), "证" * 85),
    (b"\xff\xfe caf\xe9.jpg", "\\xff\\xfe caf\\xe9.jpg"),
    (b"-rf", "-rf"),
    (b"...", "..."),
    (b"a.tar.gz/".rstrip(b"/"), "a.tar.gz"),
    (b" .mp4 ", " .mp4 "),
    (b"\xd8\xa6\xd8\xa7\xd9\x8a.\xe2\x80\x8f\xd9\x85", "ئاي.\u200fم"),
]


@LINUX
def test_names_are_kept_as_they_are_and_are_never_paths(vault, case, tmp_path, job):
    for name, shown in NAMES:
        assert len(name) <= 255
        path = os.path.join(os.fsencode(tmp_path), name)
        with open(path, "wb") as file:
            file.write(name)
        found = intake.attach(vault, case.id, Path(os.fsdecode(path)), job)
        assert intake.show(vault, found.id).fields["original_name"] == shown
        assert found.extension.isascii()
        assert found.extension.isalnum()
        assert len(found.extension) <= 8
    assert len(intake.page(vault, case.id)) == len(NAMES)


# -- interrupted ------------------------------------------------------------------------------------------------------


def test_after_a_cancel_nothing_is_visible_and_every_row_is_swept(vault, case, tmp_path):
    before = entries(vault)
    source = made(tmp_path / "a", 2 * BATCH)
    job = Interrupting(lambda: job.cancel())
    with pytest.raises(errors.CancelledError):
        intake.attach(vault, case.id, source, job)
    nothing_taken_in(vault, case, before)
    assert intake.attach(vault, case.id, source, Job()).size == 2 * BATCH


def test_ctrl_c_in_the_middle_leaves_nothing(vault, case, tmp_path):
    def press() -> None:
        raise KeyboardInterrupt

    before = entries(vault)
    with pytest.raises(KeyboardInterrupt):
        intake.attach(vault, case.id, made(tmp_path / "a", 2 * BATCH), Interrupting(press))
    nothing_taken_in(vault, case, before)


def test_a_sweep_never_takes_what_is_being_written(vault, case, tmp_path):
    class Sweeping(Job):
        def report(self, step: str, done: int, total: int | None = None) -> None:
            setup.sweep_all(vault)

    source = made(tmp_path / "a", 3 * BATCH)
    found = intake.attach(vault, case.id, source, Sweeping())
    intake.extract(vault, found.id, tmp_path / "out", Job())
    assert (tmp_path / "out").read_bytes() == source.read_bytes()


def test_a_draft_is_saved_while_a_file_is_taken_in(vault, case, tmp_path):
    seen = []

    def save() -> None:
        drafts.save(vault, case.id, "note", {"text": "meanwhile"})
        seen.append(rows(vault, "content WHERE NOT complete"))

    intake.attach(vault, case.id, made(tmp_path / "a", 2 * BATCH), Interrupting(save))
    assert seen == [1]
    assert drafts.page(vault)[0].fields == {"text": "meanwhile"}


KILLED = """
vault = api.setup.unlock(here / "vault", secret)
case = api.cases.page(vault)[0]
api.intake.attach(vault, case.id, here / "big", Job(lambda progress: say(progress.done)))
say("whole")
"""


def test_killed_in_the_middle_nothing_is_visible_and_every_row_is_swept(vault, case, child, tmp_path, secret):
    before = entries(vault)
    vault.close()
    size = (tmp_path / "vault" / "vault.db").stat().st_size
    made(tmp_path / "big", 6 * BATCH)
    process = child(KILLED)
    assert process.stdout.readline() == f"{BATCH}\n"
    process.stdout.readline()
    process.kill()
    process.wait()
    assert "whole" not in process.stdout.read()
    assert (tmp_path / "vault" / "vault.db").stat().st_size > size + BATCH // 2
    again = setup.unlock(tmp_path / "vault", secret)
    assert rows(again, "content WHERE complete") == 0
    nothing_taken_in(again, case, before)
    setup.sweep_all(again)
    assert api.checking.check(again, [], Job()).report.ok
    again.close()
    assert (tmp_path / "vault" / "vault.db").stat().st_size < size + CHUNK_SIZE


# -- a disk that is full or broken ------------------------------------------------------------------------------------


def test_on_a_disk_that_gets_full_a_draft_can_still_be_saved(small_disk, tmp_path, secret, job):
    disk = small_disk(110 * 1024)
    vault = setup.create(disk / "vault", secret, keys.FLOOR)
    case = api.cases.add(vault, "x")
    before = entries(vault)
    with (tmp_path / "big").open("wb") as file:
        file.truncate(90 * CHUNK_SIZE)
    with pytest.raises(errors.DiskFullError, match="almost full"):
        intake.attach(vault, case.id, tmp_path / "big", job)
    draft = drafts.save(vault, case.id, "note", {"text": "x" * 20_000_000})
    nothing_taken_in(vault, case, before)
    assert len(drafts.get(vault, draft.id).fields["text"]) == 20_000_000
    vault.close()


def test_on_a_disk_that_somebody_else_fills_nothing_saved_is_lost(small_disk, tmp_path, secret, job, monkeypatch):
    disk = small_disk(60 * 1024)
    vault = setup.create(disk / "vault", secret, keys.FLOOR)
    case = api.cases.add(vault, "x")
    before = entries(vault)
    monkeypatch.setattr(intake, "RESERVE", -(1 << 40))
    made(tmp_path / "big", 90 * CHUNK_SIZE)
    with pytest.raises(errors.DiskFullError, match="nothing of this step"):
        intake.attach(vault, case.id, tmp_path / "big", job)
    nothing_taken_in(vault, case, before)
    record = records.add(vault, case.id, "note", {"text": "after"})
    vault.close()
    again = setup.unlock(disk / "vault", secret)
    assert records.show(again, record.id).fields == {"text": "after"}
    assert api.checking.check(again, [], job).report.ok
    again.close()


def test_a_disk_that_breaks_while_a_file_is_taken_in(vault, case, tmp_path):
    before = entries(vault)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    source = made(tmp_path / "a", 3 * BATCH)
    try:
        with pytest.raises(errors.StorageError):
            intake.attach(
                vault, case.id, source, Interrupting(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (BATCH, hard)))
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    vault.start_sweep()
    nothing_taken_in(vault, case, before)
    assert intake.attach(vault, case.id, source, Job()).size == 3 * BATCH


# -- out again --------------------------------------------------------------------------------------------------------

ALTERATIONS = {
    "a changed byte": "UPDATE chunk SET data = zeroblob(length(data)) WHERE id = (SELECT max(id) FROM chunk)",
    "a missing chunk": "DELETE FROM chunk WHERE id = (SELECT max(id) FROM chunk)",
    "a shortened chunk": "UPDATE chunk SET data = substr(data, 1, 9) WHERE id = (SELECT min(id) FROM chunk)",
    "another chunk's bytes": "UPDATE chunk SET data = (SELECT data FROM chunk c WHERE c.id = chunk.id + 1) "
    "WHERE id = (SELECT min(id) FROM chunk)",
    "another digest": "UPDATE content SET sha512 = '00'",
}


def test_what_was_altered_in_the_store_is_never_written_out(vault, case, tmp_path, secret, job):
    found = intake.attach(vault, case.id, made(tmp_path / "a", 3 * CHUNK_SIZE), job)
    opened, folder = vault.keys, tmp_path / "vault"
    vault.close()
    shutil.copyfile(folder / "vault.db", tmp_path / "kept")
    again = None
    for name, statement in ALTERATIONS.items():
        shutil.copyfile(tmp_path / "kept", folder / "vault.db")
        connection = raw(folder, opened)
        connection.execute(statement)
        connection.close()
        again = setup.open_with(folder, opened)
        with pytest.raises(errors.IntegrityError, match="not those that were taken in"):
            intake.extract(again, found.id, tmp_path / "out", job)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "kept", "vault"], name
        results = [entry.event["outcome"]["result"] for entry in api.custody.page(again, 2)]
        assert results == ["failure", "intent"]
        codes = [finding.code for finding in api.checking.check(again, [], job).report.findings]
        assert "content-mismatch" in codes, name
        again.close()


def test_taking_out_is_entered_before_and_after_and_never_over_something(vault, case, tmp_path, job):
    found = intake.attach(vault, case.id, made(tmp_path / "a", 10), job)
    before = entries(vault)
    (tmp_path / "theirs").write_bytes(b"theirs")
    with pytest.raises(errors.AlreadyExistsError):
        intake.extract(vault, found.id, tmp_path / "theirs", job)
    for target in (tmp_path / "no folder" / "x", tmp_path / "theirs" / "x"):
        with pytest.raises(errors.NotFoundError):
            intake.extract(vault, found.id, target, job)
    assert (tmp_path / "theirs").read_bytes() == b"theirs"
    assert entries(vault) == before
    intake.extract(vault, found.id, tmp_path / "out", job, "for the lawyer")
    done, intent = (entry.event for entry in api.custody.page(vault, 2))
    assert [e["outcome"]["result"] for e in (done, intent)] == ["success", "intent"]
    assert [e["type"] for e in (done, intent)] == ["replication"] * 2
    assert done["digests"]["after"] == found.sha256
    assert done["purpose"]["why"] == "for the lawyer"
    with pytest.raises(errors.NotFoundError):
        intake.extract(vault, "0" * 32, tmp_path / "x", job)
    note = records.add(vault, case.id, "note", {"text": "x"})
    with pytest.raises(errors.NotFoundError):
        intake.extract(vault, note.id, tmp_path / "x", job)


def test_taking_out_onto_a_full_medium_or_cancelled_leaves_no_file(vault, case, tmp_path, small_disk):
    found = intake.attach(vault, case.id, made(tmp_path / "a", 3 * CHUNK_SIZE), Job())
    disk = small_disk(1024)
    with pytest.raises(errors.DiskFullError):
        intake.extract(vault, found.id, disk / "out", Job())
    assert list(disk.iterdir()) == []
    job = Interrupting(lambda: job.cancel(), "writing out")
    with pytest.raises(errors.CancelledError):
        intake.extract(vault, found.id, tmp_path / "out", job)
    assert not (tmp_path / "out").exists()
    results = [entry.event["outcome"]["result"] for entry in api.custody.page(vault, 4)]
    assert results == ["failure", "intent"] * 2
