"""Verifying an opened bag: the same steps as for a container, and nothing in the folder is followed."""

import io
import os
import shutil
import signal
import socket

import pytest

from tests.bundle_world import Sender, an_id, new_identity
from vault.bundle import layout
from vault.bundle.open import Keys, extract_bundle
from vault.bundle.verify import verify_folder
from vault.errors import CancelledError, NotFoundError, RefusedError, WrongKindError
from vault.jobs import Job
from vault.model import Severity

ME = new_identity()
DATA = Sender().seal(ME.recipient)
PHOTO = layout.attachment_path(an_id(256), "jpg")


@pytest.fixture
def bag(tmp_path):
    assert extract_bundle(io.BytesIO(DATA), Keys([ME]), tmp_path / "bag").report.ok
    return tmp_path / "bag"


def errors(bag):
    report = verify_folder(bag).report
    return {(f.step, f.code, f.where) for f in report.findings if f.severity is Severity.ERROR}


def test_no_vault_and_no_key_is_needed(bag):
    incoming = verify_folder(bag)
    assert incoming.report.ok
    assert incoming.signer == Sender().key
    assert len(incoming.records) == 5


def test_the_folder_may_have_any_name_and_be_reached_through_a_link(bag, tmp_path):
    shutil.move(bag, tmp_path / "证据 1")
    (tmp_path / "link").symlink_to(tmp_path / "证据 1")
    assert verify_folder(tmp_path / "link").report.ok


def test_a_link_is_never_followed(bag, tmp_path):
    """Not even to a file with the right content, and not a linked folder."""
    shutil.move(bag / PHOTO, tmp_path / "photo")
    (bag / PHOTO).symlink_to(tmp_path / "photo")
    assert ("1 container", "not-a-file", PHOTO) in errors(bag)
    shutil.move(bag / "data/custody", tmp_path / "custody")
    (bag / "data/custody").symlink_to(tmp_path / "custody")
    found = errors(bag)
    assert ("1 container", "not-a-file", "data/custody") in found
    assert ("2 layout and names", "missing-file", layout.CHECKPOINT) in found


@pytest.mark.skipif(os.name == "nt", reason="not on Windows: there are no such files")
def test_special_files_are_neither_opened_nor_accepted(bag, tmp_path, monkeypatch):
    (bag / PHOTO).unlink()
    os.mkfifo(bag / PHOTO)
    monkeypatch.chdir(bag)
    server = socket.socket(socket.AF_UNIX)
    server.bind("signers2")
    server.close()
    found = errors(bag)
    assert ("1 container", "not-a-file", PHOTO) in found
    assert ("1 container", "not-a-file", "signers2") in found


@pytest.mark.skipif(os.name == "nt", reason="not on Windows: there are no such files")
def test_what_becomes_a_special_file_meanwhile_is_not_waited_for(bag, monkeypatch):
    """A pipe that nobody writes to would hold up whoever opens it for good; the alarm only ends a failing test."""
    real = layout.place

    def place(path):
        if (bag / PHOTO).is_file():
            (bag / PHOTO).unlink()
            os.mkfifo(bag / PHOTO)
        return real(path)

    def waited(*_):
        raise AssertionError("it waits")

    monkeypatch.setattr(layout, "place", place)
    old = signal.signal(signal.SIGALRM, waited)
    signal.alarm(60)
    try:
        assert ("2 layout and names", "not-a-file", PHOTO) in errors(bag)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


@pytest.mark.parametrize("path", [".DS_Store.txt", "data/attachments/.hidden", "fetch.txt", "data/evil.txt"])
def test_an_unlisted_file_is_found(bag, path):
    (bag / path).write_bytes(b"x")
    found = errors(bag)
    assert ("11 nothing else", "unlisted-file", path) in found
    assert ("2 layout and names", "unexpected-name", path) in found


@pytest.mark.parametrize("path", [".DS_Store", "data/attachments/THUMBS.DB", "._bagit.txt"])
def test_what_a_file_manager_left_is_found_and_not_read(bag, path):
    (bag / path).write_bytes(b"x")
    (bag / path).chmod(0)
    assert errors(bag) == {("2 layout and names", "left-behind", path)}


def test_an_unlisted_folder_is_found_and_not_entered(bag):
    (bag / "data/more/deep").mkdir(parents=True)
    (bag / "data/more/deep/file").write_bytes(b"x")
    assert errors(bag) == {("2 layout and names", "unexpected-name", "data/more")}


@pytest.mark.skipif(os.name == "nt", reason="not on Windows: there are no such names")
def test_odd_names_are_shown_escaped(bag):
    (bag / "a\n\x1b[31m\u202e").write_bytes(b"")
    (bag / os.fsdecode(b"\xff")).write_bytes(b"")
    places = {where for _, _, where in errors(bag)}
    assert places == {"a\\n\\x1b[31m\\u202e", "\\udcff"}


def test_a_changed_file_is_found(bag):
    (bag / PHOTO).write_bytes(b"x")
    assert ("3 manifests", "digest-mismatch", PHOTO) in errors(bag)
    assert ("8 attachments", "attachment-mismatch", PHOTO) in errors(bag)


def test_what_is_no_bag_is_refused(tmp_path):
    with pytest.raises(NotFoundError):
        verify_folder(tmp_path / "nothing")
    with pytest.raises(NotFoundError):
        verify_folder(tmp_path)
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(WrongKindError):
        verify_folder(tmp_path / "file")


def test_a_folder_that_is_something_else_is_refused_and_one_that_was_a_bag_fails_by_name(bag, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(WrongKindError, match="not an opened bundle"):
        verify_folder(tmp_path / "other")
    (bag / "bagit.txt").unlink()
    (bag / "holiday.jpg").write_bytes(b"x")
    codes = {code for _, code, _ in errors(bag)}
    assert {"missing-file", "unexpected-name"} <= codes


def test_too_many_files_are_refused(bag, monkeypatch):
    monkeypatch.setattr(layout, "MAX_FILES", 10)
    with pytest.raises(RefusedError):
        verify_folder(bag)


def test_it_can_be_cancelled(bag):
    job = Job()
    job.cancel()
    with pytest.raises(CancelledError):
        verify_folder(bag, job)
