"""Starts, feeds, watches and replaces the keyless child that looks into foreign files.

The child gets no keys, no environment, no folder of ours and no descriptor but two pipes; every byte it sees is
handed to it by `read`. Its answers are foreign input: capped, strictly decoded, and after any violation the child is
killed. No parser of foreign formats is ever imported here.

Spec: docs/formats/media-facts.md
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from vault.confined import process
from vault.confined.process import Alarm, Child, ViolationError
from vault.errors import FormatError
from vault.media import pictures, wire
from vault.media.facts import ANSWER_SIZE, FAILED, READ_SIZE, READ_TOTAL, WALL_SECONDS, MediaFacts, decode_facts
from vault.media.pictures import Picture

_LOOKS: Final = "vault.media.child"
_PAINTS: Final = "vault.media.painter"


class Inspector:
    """Looks into foreign files, in a child process without keys.

    The child starts with the first file and serves many; after a failure a new one serves the next. Use it as a context
    manager, or call `close`. Calls from several threads wait for each other.

    Args:
        wall_seconds: How long one file may take by the clock, `read` included.
    """

    def __init__(self, *, wall_seconds: float = WALL_SECONDS) -> None:
        self._wall_seconds = wall_seconds
        self._lock = threading.Lock()
        self._child: Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def process_id(self) -> int | None:
        """Process id of the running child, or None."""
        return self._child.process.pid if self._child is not None else None

    @property
    def confinement(self) -> tuple[str, ...]:
        """Which confinements the running child reports: of ``limits``, ``undumpable``, ``syscalls``."""
        return self._child.confinement if self._child is not None else ()

    def inspect(self, read: Callable[[int, int], bytes], size: int) -> MediaFacts:
        """Look into one file.

        Args:
            read: ``read(offset, length)`` returns exactly that range, at most `READ_SIZE` bytes; called in this thread.
            size: Length of the file in bytes.

        Returns:
            What was found. `FAILED` when the child died, hung, asked for too much or answered nonsense, or when `read`
            returned less than was asked for; the next file is not touched by that.

        Raises:
            Exception: Only what `read` itself raises; the child is replaced then.
        """
        with self._lock:
            try:
                return self._ask(read, size)
            except ViolationError:
                self._end()
                return FAILED
            except BaseException:
                self._end()
                raise

    def picture(self, read: Callable[[int, int], bytes], size: int, side: int) -> Picture | str:
        """Decode a picture into a small one, in a child of its own that ends with it.

        Args:
            read: As of `inspect`.
            size: Length of the file in bytes.
            side: Pixels that its longer side may have, 1 to `pictures.SIDE`.

        Returns:
            The small picture, or one of the words `pictures.WHY_NOT`. `DAMAGED` also when the child died, hung or broke
            its contract.

        Raises:
            Exception: Only what `read` itself raises.
        """
        if not 0 < side <= pictures.SIDE:
            raise ValueError("a side of 1 to 1024 pixels")
        child: Child | None = None
        try:
            child = process.start(_PAINTS)
            limits = {wire.PAINTED: pictures.ANSWER_SIZE, wire.NOT_PAINTED: pictures.WHY_SIZE}
            with Alarm(child, self._wall_seconds):
                kind, body = _answer(child, (wire.PICTURE, wire.pack_picture(size, side)), limits, read, size)
            if kind == wire.NOT_PAINTED:
                return pictures.decode_why_not(body)
            return pictures.decode_picture(body, side)
        except (ViolationError, FormatError):
            return pictures.DAMAGED
        finally:
            if child is not None:
                child.end()

    def close(self) -> None:
        """End the child. Another `inspect` starts a new one."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _ask(self, read: Callable[[int, int], bytes], size: int) -> MediaFacts:
        if self._child is not None and self._child.process.poll() is not None:
            self._end()
        if self._child is None:
            self._child = process.start(_LOOKS)
        child = self._child
        with Alarm(child, self._wall_seconds):
            request = (wire.INSPECT, wire.pack_size(size))
            return _decoded(_answer(child, request, {wire.ANSWER: ANSWER_SIZE}, read, size)[1])


def _decoded(answer: bytes) -> MediaFacts:
    try:
        return decode_facts(answer)
    except FormatError as error:
        raise ViolationError from error


def _answer(
    child: Child,
    request: tuple[bytes, bytes],
    answers: dict[bytes, int],
    read: Callable[[int, int], bytes],
    size: int,
) -> tuple[bytes, bytes]:
    """Send a request, hand over the ranges of the file that are asked for, and return kind and body of the answer.

    Args:
        child: The child.
        request: Kind and body.
        answers: The kinds of answer, each with the longest body allowed.
        read: Returns exactly a range of the file.
        size: Length of the file in bytes.
    """
    child.greet()
    child.send(*request)
    left = READ_TOTAL
    while True:
        kind, body = child.receive({wire.RANGE: 12, **answers})
        if kind in answers:
            return kind, body
        if len(body) != 12:
            raise ViolationError
        offset, length = wire.unpack_range(body)
        left -= length
        if not 0 < length <= READ_SIZE or offset + length > size or left < 0:
            raise ViolationError
        data = read(offset, length)
        if len(data) != length:
            raise ViolationError
        child.send(wire.DATA, data)
