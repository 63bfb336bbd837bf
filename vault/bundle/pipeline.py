"""Reading ahead: an iterator runs in a second thread while the first one works on what came before.

Digests and ciphers release the interpreter lock, so two stages of a pipeline use two processors. Knows nothing of
bundles.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from typing import Final, Generic, Protocol, TypeVar

T = TypeVar("T")

PIECE: Final = 1 << 20
"""Bytes that go through a pipeline at once."""

_DEPTH: Final = 8
_END: Final = object()


class Source(Protocol):
    """Anything to read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, and none only at the end."""


class Ahead(Generic[T]):
    """Yields what `source` yields, up to eight items ahead of the caller; use it in a ``with`` block.

    An error of `source` is raised where its item would have come. Leaving the block stops the thread and waits for it,
    so that nothing runs on behind the caller's back.
    """

    def __init__(self, source: Iterator[T]) -> None:
        self._source = source
        self._queue: queue.Queue[object] = queue.Queue(_DEPTH)
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)

    def __enter__(self) -> Iterator[T]:
        self._thread.start()
        return self._items()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        while self._thread.is_alive():
            with contextlib.suppress(queue.Empty):
                self._queue.get(timeout=0.05)

    def _run(self) -> None:
        try:
            for item in self._source:
                self._queue.put(item)
                if self._stop.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for it
            self._error = error
        finally:
            self._queue.put(_END)

    def _items(self) -> Iterator[T]:
        while (item := self._queue.get()) is not _END:
            yield item  # type: ignore[misc]
        if self._error is not None:
            raise self._error


def pieces(source: Source) -> Iterator[bytes]:
    """Yield `source` to its end in pieces of at most 1 MiB."""
    while piece := source.read(PIECE):
        yield piece


class PieceSource:
    """Makes a source out of pieces again."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._piece = b""
        self._at = 0

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, and none only at the end."""
        while self._at == len(self._piece):
            piece = next(self._source, None)
            if piece is None:
                return b""
            self._piece, self._at = piece, 0
        part = self._piece[self._at : self._at + size]
        self._at += len(part)
        return part
