"""One opener at a time, read-only where nothing can be written, and no file written that nobody named."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from vault import api, errors
from vault.jobs import Job
from vault.store import migrations
from vault.usecases import backup, checking, custody, drafts, intake, records, search, setup

ROOT = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting and becoming others needs root")
STRACE = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="proved on Linux only")

HOLD = """
vault = api.setup.unlock(here / "vault", secret)
say("open")
sys.stdin.readline()
api.lock(vault)
"""
HOLD_READING = """
from vault.store.database import Database
opened = keys.unlock_keys(api.setup.read_key_file(here / "vault"), secret)
store = Database.open(here / "vault" / "vault.db", keys.store_key(opened.vault_key))
store.run(lambda c: c.execute("SELECT count(*) FROM vault_case").fetchone())
say("open")
sys.stdin.readline()
store.close()
"""
TRY = """
try:
    api.lock(api.setup.unlock(here / "vault", secret))
    say("opened")
except errors.InUseError as error:
    say(error.message)
"""


@pytest.fixture
def locked(vault, case, tmp_path, job):
    """A locked vault with a note, an attachment and a draft; returns its keys and the two ids."""
    note = records.add(vault, case.id, "note", {"text": "a lantern"})
    (tmp_path / "file").write_bytes(os.urandom(100_000))
    photo = intake.attach(vault, case.id, tmp_path / "file", job)
    drafts.save(vault, case.id, "note", {"text": "draft"})
    setup.sweep_all(vault)
    vault.close()
    return vault.keys, note.id, photo.id


@pytest.fixture
def read_only(tmp_path):
    """Return a function that shows a folder read-only at another place, as a medium with a write lock."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("mounting needs root")
    mounted = []

    def mount(folder: Path) -> Path:
        place = tmp_path / f"{folder.name} read-only"
        place.mkdir()
        subprocess.run(["mount", "--bind", folder, place], check=True)
        mounted.append(place)
        subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", place], check=True)


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


# -- one opener -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [HOLD, HOLD_READING], ids=["working", "reading"])
def test_a_second_program_is_told_that_the_vault_is_in_use_and_comes_in_after_the_first(locked, child, first):
    holder = child(first)
    assert holder.stdout.readline() == "open\n"
    other = child(TRY)
    # It answers by itself, without waiting for the holder.
    assert other.communicate(timeout=300)[0] == "The vault is in use by another program.\n"
    holder.communicate("\n")
    assert child(TRY).communicate()[0] == "opened\n"


def test_a_second_opener_in_the_same_program_is_told_so_and_harms_nothing(vault, case, tmp_path, secret):
    with pytest.raises(errors.InUseError):
        setup.unlock(tmp_path / "vault", secret)
    record = records.add(vault, case.id, "note", {"text": "still saved"})
    vault.close()
    again = setup.unlock(tmp_path / "vault", secret)
    assert records.show(again, record.id).fields == {"text": "still saved"}
    again.close()


def test_the_store_of_an_open_vault_is_never_read_as_a_file_which_would_let_others_in(
    vault, case, tmp_path, child, job
):
    store = tmp_path / "vault" / "vault.db"
    named = {"itself": store}
    if os.name == "posix":
        named |= {"link": tmp_path / "link", "hard": tmp_path / "hard"}
        named["link"].symlink_to(store)
        os.link(store, named["hard"])
    for path in named.values():
        with pytest.raises(errors.RefusedError, match="store of an open vault"):
            intake.attach(vault, case.id, path, job)
        with pytest.raises(errors.RefusedError, match="store of an open vault"):
            api.receiving.receive(vault, path, job)
        assert child(TRY).communicate(timeout=300)[0] == "The vault is in use by another program.\n"
    vault.close()
    assert child(TRY).communicate()[0] == "opened\n"


def test_after_a_kill_the_vault_opens_at_once(locked, child):
    holder = child(HOLD)
    assert holder.stdout.readline() == "open\n"
    holder.kill()
    holder.wait()
    assert child(TRY).communicate()[0] == "opened\n"


UNFINISHED = """
vault = api.setup.unlock(here / "vault", secret)
def work(transaction):
    transaction.connection.execute("CREATE TABLE half (data BLOB) STRICT")
    for _ in range(30):
        transaction.connection.execute("INSERT INTO half VALUES (randomblob(1000000))")
    transaction.connection.execute("UPDATE vault_case SET title = 'half'")
    os.kill(os.getpid(), 9)
vault.atomic(work)
"""


def test_a_transaction_that_was_killed_never_happened(locked, child, tmp_path, secret):
    process = child(UNFINISHED)
    process.communicate()
    journal = tmp_path / "vault" / "vault.db-journal"
    assert process.returncode == -9
    assert journal.stat().st_size > 0, "it was killed in the middle of writing"
    vault = setup.unlock(tmp_path / "vault", secret)
    assert [case.title for case in api.cases.page(vault)] == ["案件 1"]
    assert not vault.read(lambda c: c.execute("SELECT 1 FROM sqlite_schema WHERE name = 'half'").fetchone())
    assert checking.check(vault, [], Job()).report.ok
    vault.close()
    assert sorted(path.name for path in (tmp_path / "vault").iterdir()) == ["vault.db", "vault.keys"]


# -- read-only --------------------------------------------------------------------------------------------------------


def test_on_a_read_only_medium_everything_can_be_read_and_nothing_is_written(locked, read_only, tmp_path, secret, job):
    _, note, photo = locked
    before = tree(tmp_path / "vault")
    vault = setup.unlock(read_only(tmp_path / "vault"), secret)
    assert vault.read_only
    case = api.cases.page(vault)[0]
    assert records.show(vault, note).fields == {"text": "a lantern"}
    assert [hit.id for hit in search.find(vault, "lantern")] == [note]
    assert len(drafts.page(vault)) == 1
    intake.show(vault, photo)
    intake.extract(vault, photo, tmp_path / "out", job)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "file").read_bytes()
    custody.write_checkpoint(vault, tmp_path / "anchor")
    checked = checking.check(vault, [tmp_path / "anchor"], job)
    assert (checked.report.ok, checked.anchored) == (True, "yes")
    for act in (
        lambda: api.cases.add(vault, "x"),
        lambda: records.add(vault, case.id, "note", {"text": "x"}),
        lambda: records.delete(vault, note, "x"),
        lambda: drafts.save(vault, case.id, "note", {}),
        lambda: intake.attach(vault, case.id, tmp_path / "file", job),
        lambda: setup.change_passphrase(vault, api.to_secret("garden ribbon thunder candle violet anchor")),
    ):
        with pytest.raises(errors.ReadOnlyError):
            act()
    backup.backup(vault, tmp_path / "stick", job)
    vault.close()
    assert tree(tmp_path / "vault") == before
    with pytest.raises(errors.ReadOnlyError):
        setup.rekey(tmp_path / "vault read-only", secret, job)
    assert tree(tmp_path / "vault") == before
    backup.restore(tmp_path / "stick", tmp_path / "again", secret, job)


def test_a_reader_on_a_read_only_medium_and_a_writer_keep_out_of_each_others_way(locked, read_only, child, tmp_path):
    opened = locked[0]
    place = read_only(tmp_path / "vault")
    holder = child(HOLD)
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(errors.InUseError):
        setup.open_with(place, opened)
    holder.communicate("\n")
    reader = setup.open_with(place, opened)
    assert child(TRY).communicate()[0] == "The vault is in use by another program.\n"
    reader.close()


def test_a_vault_that_was_not_closed_cleanly_is_not_opened_read_only(locked, child, read_only, tmp_path, secret):
    child(UNFINISHED).communicate()
    place = read_only(tmp_path / "vault")
    before = tree(tmp_path / "vault")
    with pytest.raises(errors.ReadOnlyError, match="not closed cleanly"):
        setup.unlock(place, secret)
    assert tree(tmp_path / "vault") == before
    setup.unlock(tmp_path / "vault", secret).close()


def test_of_another_version_a_read_only_store_is_refused(locked, read_only, tmp_path, monkeypatch):
    opened = locked[0]
    place = read_only(tmp_path / "vault")
    steps, newest = migrations._steps(), migrations.newest_version()
    script = "CREATE TABLE later (a INTEGER) STRICT;\n"
    monkeypatch.setattr(migrations, "_steps", lambda: [*steps, (newest + 1, "later", script)])
    with pytest.raises(errors.ReadOnlyError, match="older version"):
        setup.open_with(place, opened)
    setup.open_with(tmp_path / "vault", opened).close()
    monkeypatch.setattr(migrations, "_steps", lambda: steps)
    for folder in (place, tmp_path / "vault"):
        with pytest.raises(errors.UnsupportedVersionError, match=str(newest + 1)):
            setup.open_with(folder, opened)


SOMEBODY = """
api.lock(api.setup.unlock(here / "vault", secret))  # loads what another user may not be able to read
os.setuid(65534)
vault = api.setup.unlock(Path(sys.argv[2]), secret)
say(vault.read_only, len(api.cases.page(vault)))
try:
    api.cases.add(vault, "x")
except errors.ReadOnlyError as error:
    say(error.message)
sys.stdin.readline()
api.lock(vault)
"""


@ROOT
def test_somebody_who_may_only_read_the_files_opens_read_only_and_holds_the_writer_off(locked, child, tmp_path):
    folder = Path(tempfile.mkdtemp())
    try:
        shutil.copytree(tmp_path / "vault", folder / "vault")
        folder.chmod(0o755)
        (folder / "vault").chmod(0o755)
        for name in ("vault.db", "vault.keys"):
            (folder / "vault" / name).chmod(0o644)
        reader = child(SOMEBODY, folder / "vault")
        assert reader.stdout.readline() == "True 1\n"
        assert reader.stdout.readline() == "The vault is open read-only.\n"
        with pytest.raises(errors.InUseError):
            setup.open_with(folder / "vault", locked[0])
        reader.communicate("\n")
        setup.open_with(folder / "vault", locked[0]).close()
    finally:
        shutil.rmtree(folder)


# -- what is written --------------------------------------------------------------------------------------------------

SESSION = """
vault = api.setup.create(here / "session" / "vault", secret, FLOOR)
api.lock(vault)
vault = api.setup.unlock(here / "session" / "vault", secret)
case = api.cases.add(vault, "x")
draft = api.drafts.save(vault, case.id, "note", {"text": "words of a witness"})
api.drafts.sign(vault, draft.id)
api.records.correct(vault, draft.id, {"text": "other words of a witness"})
photo = api.intake.attach(vault, case.id, here / "photo.jpg", Job())
film = api.intake.attach(vault, case.id, here / "film", Job())
try:
    api.intake.attach(vault, case.id, here, Job())
except errors.WrongKindError:
    pass
api.search.find(vault, "witness")
api.intake.extract(vault, photo.id, here / "named" / "out.jpg", Job())
api.custody.write_checkpoint(vault, here / "named" / "anchor")
public_key, shares = api.recovery.prepare()
trustee = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
api.recovery.write_share(shares[0], here / "named" / "share", trustee)
api.recovery.commit(vault, public_key)
api.backup.backup(vault, here / "named" / "stick", Job())
api.checking.check(vault, [], Job())
api.setup.change_passphrase(vault, api.to_secret("garden ribbon thunder candle violet anchor"), FLOOR)
api.records.delete(vault, draft.id, "asked for")
api.records.delete(vault, film.id, "asked for")
api.setup.sweep_all(vault)
api.lock(vault)
secret = api.to_secret("garden ribbon thunder candle violet anchor")
api.lock(api.setup.rekey(here / "session" / "vault", secret, Job()))
api.backup.restore(here / "named" / "stick", here / "named" / "again", api.to_secret(sys.argv[2]), Job())
say("done")
"""

ALLOWED = re.compile(
    r"""
    /session/(vault|\.[0-9a-f]{16}\.part)/(vault\.db|vault\.db-journal|vault\.keys|\.[0-9a-f]{16}\.part|nameless)
    | /named/(\.[0-9a-f]{16}\.part|nameless|out\.jpg|anchor|share)
    | /named/stick/((segments/[0-9a-f]{2}/)?(\.[0-9a-f]{16}\.part|nameless))
    | /named/(again|\.[0-9a-f]{16}\.part)/(vault\.db|vault\.db-journal|vault\.keys|\.[0-9a-f]{16}\.part|nameless)
    """,
    re.VERBOSE,
)


@LINUX
@STRACE
def test_in_a_whole_session_only_the_vaults_files_and_named_targets_are_opened_for_writing(tmp_path, child):
    (tmp_path / "named").mkdir()
    samples = Path(__file__).parents[2] / "tui" / "samples"
    shutil.copy(samples / "photo.jpg", tmp_path / "photo.jpg")
    (tmp_path / "film").write_bytes(os.urandom(20_000_000))
    trace = tmp_path / "trace"
    calls = "open,openat,creat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mknod,truncate"
    strace = ("strace", "-f", "-qq", "-e", f"trace={calls}", "-o", trace)
    process = child(SESSION, "ocean mirror lantern velvet copper puzzle", prefix=strace)
    out, err = process.communicate()
    assert out == "done\n", err
    written = set()
    for line in trace.read_text(errors="replace").splitlines():
        call = re.search(r"(\w+)\((.*)", line)
        if call is None or " = -1 " in line:
            continue
        paths = re.findall(r'"([^"]*)"', call[2])
        if call[1].startswith("open") and not re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_TMPFILE", call[2]):
            continue
        # A file without a name is opened by the name of its folder.
        written.update(f"{path}/nameless" if "O_TMPFILE" in call[2] else path for path in paths[-1:])
    ours = {path for path in written if path.startswith(str(tmp_path))}
    foreign = {path for path in written - ours if path != "/dev/null"}
    assert foreign == set()
    names = {path.removeprefix(str(tmp_path)) for path in ours}
    assert {"/session/vault/vault.db", "/named/out.jpg", "/named/anchor", "/named/share"} <= names
    folders = {"/session/vault", "/named/again"}
    final = re.compile(r"/named/stick/(segments/[0-9a-f]{2}/[0-9a-f]{64}|(keys|manifest)-[0-9]{8})")
    assert {name for name in names - folders if not ALLOWED.fullmatch(name) and not final.fullmatch(name)} == set()
