"""Opening: all or nothing, two passes over the same handle, nothing left behind."""

import errno
import io
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bundle_world import Sender, an_id, new_identity, tar, untar, unwrap, wrap
from vault import files
from vault.bundle import layout, unpack
from vault.bundle.open import Keys, attachment_contents, extract_bundle, open_bundle
from vault.bundle.verify import verify_folder
from vault.errors import (
    AlreadyExistsError,
    CancelledError,
    DiskFullError,
    FormatError,
    IntegrityError,
    NotForUsError,
    NotFoundError,
    StorageError,
    TruncatedError,
    VaultError,
)
from vault.formats.age_stream import sealed_size
from vault.formats.tar import is_container_size
from vault.jobs import Job
from vault.model import Secret

ME = new_identity()
KEYS = Keys([ME])
SENDER = Sender()
DATA = SENDER.seal(ME.recipient)
FILES = untar(unwrap(DATA, ME))

nameless = pytest.mark.parametrize("nameless", [True, False], ids=["nameless", "hidden-folder"])


def choose(monkeypatch, nameless):
    """Write as on Linux, or as on systems without files that have no name."""
    if not nameless:
        monkeypatch.setattr(files, "_NAMELESS", 0)
    elif not files._NAMELESS:
        pytest.skip("Linux only")


@nameless
def test_an_opened_bag_is_the_bag_and_verifies(tmp_path, monkeypatch, nameless):
    choose(monkeypatch, nameless)
    incoming = extract_bundle(io.BytesIO(DATA), KEYS, tmp_path / "out")
    assert incoming.report.ok
    written = {
        str(p.relative_to(tmp_path / "out")): p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()
    }
    assert written == FILES
    assert verify_folder(tmp_path / "out").report.ok
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(os.name == "nt", reason="not on Windows: there are no such modes")
@nameless
def test_only_this_user_can_read_an_opened_bag(tmp_path, monkeypatch, nameless):
    choose(monkeypatch, nameless)
    extract_bundle(io.BytesIO(DATA), KEYS, tmp_path / "out")
    modes = {stat.S_IMODE(p.lstat().st_mode) for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert modes == {0o600}
    folders = [tmp_path / "out", *(p for p in (tmp_path / "out").rglob("*") if p.is_dir())]
    assert {stat.S_IMODE(p.lstat().st_mode) for p in folders} == {0o700}


def test_more_attachments_than_may_be_open_at_once_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack, "MAX_NAMELESS", 3)
    sender = Sender()
    sender.contents = {}
    contents = {n: bytes([n]) * n for n in range(8)}
    records = [
        sender.record(256 + n, "attachment", {"sha256": digest_of(c), "size": len(c)}) for n, c in contents.items()
    ]
    from vault.bundle.contents import OutgoingAttachment

    attachments = [
        OutgoingAttachment(an_id(256 + n), "bin", digest_of(c), len(c), lambda c=c: iter([c]))
        for n, c in contents.items()
    ]
    data = sender.seal(ME.recipient, records=tuple(records), attachments=tuple(attachments))
    most = []

    class Counted(Job):
        def report(self, step, done, total=None):
            if sys.platform == "linux":
                most.append(len(os.listdir("/proc/self/fd")))

    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    assert extract_bundle(io.BytesIO(data), KEYS, tmp_path / "out", job=Counted()).report.ok
    assert verify_folder(tmp_path / "out").report.ok
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert max(most, default=0) <= before + 3 + 1


def digest_of(content):
    from vault.crypto.hashes import sha256

    return sha256(content).hex()


def test_a_target_that_exists_is_never_touched(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "folder", "link"):
        with pytest.raises(AlreadyExistsError):
            extract_bundle(io.BytesIO(DATA), KEYS, tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"
    assert list((tmp_path / "folder").iterdir()) == []
    assert not (tmp_path / "nowhere").exists()


def test_a_bag_with_findings_is_not_written(tmp_path):
    bad = {**FILES, layout.REPORT: b"lies"}
    incoming = extract_bundle(io.BytesIO(wrap(tar(bad), ME.recipient)), KEYS, tmp_path / "out")
    assert not incoming.report.ok
    assert list(tmp_path.iterdir()) == []


def test_a_bag_that_the_caller_does_not_accept_is_not_written(tmp_path):
    incoming = extract_bundle(io.BytesIO(DATA), KEYS, tmp_path / "out", accept=lambda i: i.signer != SENDER.key)
    assert incoming.report.ok
    assert list(tmp_path.iterdir()) == []


class Exchanged(io.BytesIO):
    """A file whose content is another one from the second pass on."""

    def __init__(self, first, second):
        super().__init__(first)
        self.second = second

    def seek(self, *where):
        self.__init__(self.second, self.second)
        return super().seek(*where)


def test_a_file_that_is_exchanged_between_the_passes_is_noticed(tmp_path):
    longer = SENDER.seal(ME.recipient, purpose="another")
    photo = layout.attachment_path(an_id(256), "jpg")
    altered = wrap(tar({**FILES, photo: FILES[photo][:-1] + b"x"}), ME.recipient)
    fewer = wrap(tar({path: content for path, content in FILES.items() if path != photo}), ME.recipient)
    more = wrap(tar({**FILES, layout.attachment_path("f" * 32, "bin"): b""}), ME.recipient)
    for second in (longer, altered, fewer, more):
        with pytest.raises(IntegrityError, match="changed while"):
            extract_bundle(Exchanged(DATA, second), KEYS, tmp_path / "out")
        with pytest.raises(IntegrityError, match="changed while"):
            source = Exchanged(DATA, second)
            list(attachment_contents(source, 0, KEYS, open_bundle(source, KEYS)))
        assert list(tmp_path.iterdir()) == []


@nameless
def test_a_target_that_appears_while_it_writes_is_not_touched(tmp_path, monkeypatch, nameless):
    choose(monkeypatch, nameless)

    class Meanwhile(Job):
        def report(self, step, done, total=None):
            if step == "writing":
                (tmp_path / "out").mkdir(exist_ok=True)

    with pytest.raises(AlreadyExistsError):
        extract_bundle(io.BytesIO(DATA), KEYS, tmp_path / "out", job=Meanwhile())
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only: counts open files")
@nameless
def test_no_file_stays_open(tmp_path, monkeypatch, nameless):
    choose(monkeypatch, nameless)
    before = len(os.listdir("/proc/self/fd"))
    extract_bundle(io.BytesIO(DATA), KEYS, tmp_path / "out")
    verify_folder(tmp_path / "out")
    assert len(os.listdir("/proc/self/fd")) == before


@nameless
def test_cancelling_while_it_writes_leaves_nothing(tmp_path, monkeypatch, nameless):
    choose(monkeypatch, nameless)

    class Stopped(Job):
        def report(self, step, done, total=None):
            if step == "writing" and done > 20_000:
                self.cancel()
            super().report(step, done, total)

    with pytest.raises(CancelledError):
        extract_bundle(io.BytesIO(DATA), KEYS, tmp_path / "out", job=Stopped())
    assert list(tmp_path.iterdir()) == []


KILLED = """
import io, os, signal, sys
sys.path.insert(0, {root!r})
from vault import files
from vault.bundle.open import Keys, extract_bundle
from vault.formats.age import parse_identity
from vault.jobs import Job
from pathlib import Path
if not {nameless}:
    files._NAMELESS = 0
class Killed(Job):
    def report(self, step, done, total=None):
        if step == "writing" and total == done:
            os.kill(os.getpid(), signal.SIGKILL)
extract_bundle(open({data!r}, "rb"), Keys([parse_identity({identity!r})]), Path({out!r}), job=Killed())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only: files without names")
@nameless
def test_a_kill_after_all_contents_were_written(tmp_path, nameless):
    """With files that have no name nothing is left; elsewhere a hidden folder for this user only, never the target."""
    (tmp_path / "bundle.age").write_bytes(DATA)
    (tmp_path / "here").mkdir()
    script = KILLED.format(
        root=str(Path.cwd()),
        nameless=nameless,
        data=str(tmp_path / "bundle.age"),
        identity=ME.text,
        out=str(tmp_path / "here" / "out"),
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    left = list((tmp_path / "here").iterdir())
    if nameless:
        assert left == []
    else:
        (folder,) = left
        assert folder.name.startswith(".opening-")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@nameless
@pytest.mark.skipif(sys.platform != "linux", reason="Linux only: names of open files")
def test_everything_is_durable_before_the_folder_has_its_name(tmp_path, monkeypatch, nameless):
    choose(monkeypatch, nameless)
    synced, target = set(), tmp_path / "out"

    def sync(handle):
        state = os.fstat(handle)
        if not target.exists():
            synced.add(state.st_ino)

    monkeypatch.setattr(os, "fsync", sync)
    assert extract_bundle(io.BytesIO(DATA), KEYS, target).report.ok
    assert {path.stat().st_ino for path in (target, *target.rglob("*"))} <= synced


LIMITS = """import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
extract_bundle(open"""
LIMITED = KILLED.replace("os.kill(os.getpid(), signal.SIGKILL)", "pass").replace("extract_bundle(open", LIMITS)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only: limits on the size of files")
@nameless
def test_a_disk_that_takes_no_more_leaves_nothing(tmp_path, nameless):
    (tmp_path / "bundle.age").write_bytes(DATA)
    (tmp_path / "here").mkdir()
    script = LIMITED.format(
        root=str(Path.cwd()),
        nameless=nameless,
        data=str(tmp_path / "bundle.age"),
        identity=ME.text,
        out=str(tmp_path / "here" / "out"),
    )
    ended = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert "StorageError" in ended.stderr
    assert list((tmp_path / "here").iterdir()) == []


def test_too_little_free_space_is_noticed_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("vault.bundle.open.free_space", lambda folder: 1000)
    with pytest.raises(DiskFullError):
        extract_bundle(io.BytesIO(DATA), KEYS, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_does_not_exist_is_noticed_before_any_work(tmp_path):
    class Untouched(io.BytesIO):
        def read(self, size=-1):
            raise AssertionError

    with pytest.raises(NotFoundError):
        extract_bundle(Untouched(DATA), KEYS, tmp_path / "no" / "such" / "out")


def test_contents_are_given_out_whole_and_in_order():
    source = io.BytesIO(b"before" + DATA)
    source.seek(6)
    incoming = open_bundle(source, KEYS)
    contents = {}
    for name, piece in attachment_contents(source, 6, KEYS, incoming):
        if not piece:
            assert name not in contents
        contents[name] = contents.get(name, b"") + piece
    assert contents == {an_id(256): SENDER.contents["jpg"], an_id(257): b""}


def test_contents_of_what_did_not_verify_are_not_given_out():
    bad = wrap(tar({**FILES, layout.REPORT: b"lies"}), ME.recipient)
    incoming = open_bundle(io.BytesIO(bad), KEYS)
    with pytest.raises(ValueError):
        next(attachment_contents(io.BytesIO(bad), 0, KEYS, incoming))


def test_an_iterator_that_is_left_early_stops_its_thread():
    import threading

    source = io.BytesIO(DATA)
    incoming = open_bundle(source, KEYS)
    contents = attachment_contents(source, 0, KEYS, incoming)
    next(contents)
    contents.close()
    assert not [t for t in threading.enumerate() if t.name == "read-ahead"]


def test_a_medium_that_fails_is_said_to(tmp_path):
    class Torn(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 1000:
                raise OSError(errno.EIO, "input/output error")
            return super().read(min(size, 600))

        readinto = None

    with pytest.raises(StorageError):
        open_bundle(Torn(DATA), KEYS)


def test_what_is_not_for_us_or_no_bundle_is_refused():
    with pytest.raises(NotForUsError):
        open_bundle(io.BytesIO(DATA), Keys([new_identity()]))
    with pytest.raises(FormatError):
        open_bundle(io.BytesIO(b"hello"), KEYS)
    with pytest.raises(FormatError):
        open_bundle(io.BytesIO(wrap(b"hello", ME.recipient)), KEYS)
    with pytest.raises(VaultError):
        open_bundle(io.BytesIO(DATA + b"x"), KEYS)


@pytest.mark.parametrize("keys", [{}, {"identities": [ME], "passphrase": Secret(b"x")}])
def test_either_identities_or_a_passphrase(keys):
    with pytest.raises(ValueError):
        Keys(**keys)


def accepted(data):
    try:
        return open_bundle(io.BytesIO(data), KEYS).report.ok
    except VaultError:
        return False


SMALL = Sender(contents={"txt": b"x"}, entries=2)
SMALL_DATA = SMALL.seal(ME.recipient, records=SMALL.records[2:], entries=())


def flipped(data, at, bit):
    return data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]


def test_flipped_bytes_and_truncations_are_refused():
    """A sample: of the encrypted file, and of the container encrypted again by somebody who has the key."""
    assert accepted(SMALL_DATA)
    container = unwrap(SMALL_DATA, ME)
    for at in [*range(0, 420, 7), *range(420, len(SMALL_DATA), 301)]:
        assert not accepted(flipped(SMALL_DATA, at, at % 8))
        assert not accepted(SMALL_DATA[:at])
    for at in range(5, len(container), 151):
        assert not accepted(wrap(flipped(container, at, at % 8), ME.recipient))


def why(data):
    with pytest.raises(VaultError) as raised:
        open_bundle(io.BytesIO(data), KEYS)
    return type(raised.value)


LARGE_DATA = Sender(contents={"bin": bytes(300_000)}, entries=2).seal(ME.recipient)
CHUNK = (1 << 16) + 16


def test_a_file_that_was_cut_is_told_from_one_that_was_altered_or_lengthened():
    with io.BytesIO(LARGE_DATA) as source:
        plain = len(KEYS.reader(source).read())
    start = len(LARGE_DATA) - sealed_size(plain)
    borders = [start + number * CHUNK + more for number in range(plain // (1 << 16) + 1) for more in (0, 1, 15, 16, 17)]
    for at in [*range(22, start), *borders, *range(start, len(LARGE_DATA), 7_919), len(LARGE_DATA) - 1]:
        assert why(LARGE_DATA[:at]) is TruncatedError, at
    for at in range(start, len(LARGE_DATA), 9_973):
        assert why(flipped(LARGE_DATA, at, 0)) is IntegrityError, at
    for more in (b"\n", bytes(511), bytes(512), bytes(5_000), bytes(70_000)):
        assert why(LARGE_DATA + more) is IntegrityError, len(more)
    assert why(b"") is FormatError
    possible = next(size for size in range(plain - 512, 0, -512) if is_container_size(size))
    assert why(LARGE_DATA[: start + sealed_size(possible)]) is IntegrityError, "a length that a whole one can have"
    assert why(LARGE_DATA[: start + sealed_size(possible) - 1]) is TruncatedError


@pytest.mark.prove
def test_every_flipped_byte_and_every_truncation_is_refused():
    for at in range(len(SMALL_DATA)):
        assert not accepted(flipped(SMALL_DATA, at, at % 8))
        assert not accepted(SMALL_DATA[:at])


@pytest.mark.prove
def test_every_flipped_byte_of_the_container_is_refused_although_it_decrypts():
    from vault.bundle.verify import OpenedBy, verify_stream

    container = unwrap(SMALL_DATA, ME)
    us = OpenedBy((ME.recipient.text,))
    for at in range(len(container)):
        try:
            assert not verify_stream(io.BytesIO(flipped(container, at, at % 8)), us).report.ok, at
        except (FormatError, IntegrityError, VaultError):
            continue
