"""Looking into an attachment: its start or a small picture, from the store, and only what was taken in."""

from __future__ import annotations

import io
import os

import pytest
from PIL import Image

from vault import errors
from vault.model import CHUNK_SIZE
from vault.usecases import cases, intake, looking, records


@pytest.fixture
def taken(vault, case, tmp_path, job):
    """Return a function that takes bytes in and returns the attachment's id."""

    def take(data: bytes, **more) -> str:
        path = tmp_path / "file"
        path.write_bytes(data)
        return intake.attach(vault, case.id, path, job, **more).id

    return take


def picture(size: tuple[int, int], kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.frombytes("RGB", size, os.urandom(3 * size[0] * size[1])).save(out, kind, compress_level=0)
    return out.getvalue()


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE])
def test_the_start_is_the_start_and_never_more_than_asked_for(vault, taken, size):
    data = os.urandom(size)
    one = taken(data)
    for most in (0, 1, 1000, CHUNK_SIZE, CHUNK_SIZE + 7, 5 * CHUNK_SIZE):
        assert looking.start(vault, one, most) == data[:most]


def test_a_picture_over_many_chunks_is_read_from_the_store(vault, taken):
    data = picture((1500, 1000))
    assert len(data) > 4 * CHUNK_SIZE
    found = looking.picture(vault, taken(data), 300)
    assert (found.width, found.height, found.full_width, found.full_height) == (300, 200, 1500, 1000)


@pytest.mark.parametrize(
    ("data", "told"),
    [(b"words", "of this kind"), (picture((200, 200))[:60000], "damaged"), (b"", "of this kind")],
)
def test_what_is_no_picture_is_told_in_a_sentence(vault, taken, data, told):
    with pytest.raises(errors.RefusedError, match=told) as caught:
        looking.picture(vault, taken(data), 300)
    assert caught.value.advice.endswith(".")


def test_what_is_deleted_or_no_attachment_cannot_be_looked_into(vault, case, taken):
    one = taken(picture((20, 20)))
    records.delete(vault, one, "asked for")
    note = records.add(vault, case.id, "note", {"text": "a"})
    for unknown in (one, note.id, "0" * 32):
        for look in (looking.start, looking.picture):
            with pytest.raises(errors.NotFoundError):
                look(vault, unknown, 100)


def test_bytes_that_were_changed_in_the_store_are_not_shown(vault, taken):
    one = taken(picture((100, 100)))
    vault.database.run(lambda c: c.execute("UPDATE chunk SET data = zeroblob(length(data))"))
    for look in (looking.start, looking.picture):
        with pytest.raises(errors.IntegrityError):
            look(vault, one, 100)


def test_once_refuses_the_same_bytes_in_the_same_case_alone(vault, case, taken, tmp_path, job):
    data = os.urandom(100_000)
    one = taken(data, once=True)
    with pytest.raises(errors.AlreadyExistsError):
        taken(data, once=True)
    assert [found.id for found in intake.page(vault, case.id)] == [one]
    other = cases.add(vault, "other")
    assert intake.attach(vault, other.id, tmp_path / "file", job, once=True).sha256
    assert taken(data) != one
    assert len(intake.page(vault, case.id)) == 2


def test_once_takes_in_again_what_was_deleted(vault, case, taken):
    data = os.urandom(1000)
    records.delete(vault, taken(data, once=True), "by mistake")
    assert taken(data, once=True)
