"""Stages in threads: order kept, errors handed over, nothing left running."""

import io
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.bundle.pipeline import PIECE, Ahead, Behind, PieceSource, pieces


def running():
    return [t.name for t in threading.enumerate() if t.name in ("read-ahead", "write-behind")]


def test_reading_ahead_keeps_the_order():
    with Ahead(iter(range(1000))) as items:
        assert list(items) == list(range(1000))
    assert running() == []


def test_an_error_of_the_source_comes_at_its_place():
    def source():
        yield 1
        raise KeyError("x")

    with Ahead(source()) as items:
        assert next(items) == 1
        with pytest.raises(KeyError):
            next(items)
    assert running() == []


def test_leaving_early_stops_the_thread_and_the_source():
    closed = []

    def endless():
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    source = endless()
    with Ahead(source) as items:
        next(items)
    source.close()
    assert closed == [True]
    assert running() == []


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=20), st.integers(1, 30))
def test_pieces_make_a_source_again(parts, size):
    source = PieceSource(iter(parts))
    read = []
    while piece := source.read(size):
        assert len(piece) <= size
        read.append(piece)
    assert b"".join(read) == b"".join(parts)
    assert source.read(1) == b""


def test_pieces_of_a_source():
    data = bytes(2 * PIECE + 5)
    assert [len(p) for p in pieces(io.BytesIO(data))] == [PIECE, PIECE, 5]


def test_writing_behind_keeps_everything_in_order():
    parts = []
    with Behind(parts.append) as target:
        for number in range(300):
            target.write(bytes([number % 256]) * 9000)
        target.write(b"")
    assert b"".join(parts) == b"".join(bytes([n % 256]) * 9000 for n in range(300))
    assert {len(part) for part in parts[:-1]} == {-(-PIECE // 9000) * 9000}
    assert running() == []


def test_an_error_of_the_target_is_raised_to_the_writer():
    def full(data):
        raise OSError("full")

    written = []
    with pytest.raises(OSError, match="full"), Behind(full) as target:
        for _ in range(100):
            target.write(bytes(PIECE))
            written.append(1)
            time.sleep(0.001)
    assert len(written) < 100
    with pytest.raises(OSError, match="full"), Behind(full) as target:
        target.write(b"x")
    assert running() == []


def test_after_an_error_of_the_writer_nothing_more_is_written():
    written = []
    with pytest.raises(KeyError), Behind(written.append) as target:
        target.write(b"x")
        raise KeyError
    assert written == []
    assert running() == []


def test_what_still_waits_when_the_writer_fails_is_dropped():
    taken, begun, go, main = [], threading.Event(), threading.Event(), threading.get_ident()

    def target(data):
        begun.set()
        go.wait()
        taken.append(len(data))

    def waits_for_the_end():
        frame = sys._current_frames()[main]
        names = set()
        while frame is not None:
            names.add(frame.f_code.co_name)
            frame = frame.f_back
        return {"__exit__", "join"} <= names

    def release():
        while not waits_for_the_end():
            time.sleep(0.001)
        go.set()

    with pytest.raises(KeyError), Behind(target) as behind:
        behind.write(bytes(PIECE))
        begun.wait()
        behind.write(bytes(PIECE))
        threading.Thread(target=release).start()
        raise KeyError
    assert taken == [PIECE]
    assert running() == []
