"""Reading ahead and writing behind: stages of a pipeline in threads of their own.

Digests, ciphers and files release the interpreter lock, so two stages use two processors. Memory is bounded: at most
eight pieces wait between two stages. Knows nothing of bundles.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Generic, Protocol, Self, TypeVar

T = TypeVar("T")

PIECE: Final = 1 << 18
"""Bytes that go through a pipeline at once; larger pieces cost fresh pages from the operating system each time."""

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


class Behind:
    """Takes pieces and hands them to `target` in a second thread, joined to `PIECE` bytes; use it in a ``with`` block.

    An error of `target` is raised by the next `write` or at the end of the block, which waits until everything was
    taken. When the block is left by an error, what still waits is dropped.
    """

    def __init__(self, target: Callable[[bytes], object]) -> None:
        self._target = target
        self._queue: queue.Queue[bytes] = queue.Queue(_DEPTH)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="write-behind", daemon=True)
        self._waiting: list[bytes] = []
        self._size = 0

    def write(self, data: bytes, /) -> int:
        """Take all of `data`."""
        if self._error is not None:
            raise self._error
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= PIECE:
            self._hand_over()
        return len(data)

    def _hand_over(self) -> None:
        self._queue.put(b"".join(self._waiting))
        self._waiting.clear()
        self._size = 0

    def _run(self) -> None:
        # After an error the queue is still emptied, so that nobody waits for a place in it.
        while data := self._queue.get():
            if self._error is None:
                try:
                    self._target(data)
                except BaseException as error:  # noqa: BLE001 - handed to the thread that writes
                    self._error = error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._size:
            self._hand_over()
        elif error is not None and self._error is None:
            self._error = error
        self._queue.put(b"")
        self._thread.join()
        if error is None and self._error is not None:
            raise self._error


def pieces(source: Source) -> Iterator[bytes]:
    """Yield `source` to its end in pieces of at most `PIECE` bytes."""
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
