"""The payload of an age file: 64 KiB chunks of ChaCha20-Poly1305 (C2SP age.md, "Payload").

Holds the payload key while it works; knows nothing of headers. Memory is bounded whatever the length. The reader gives
out a chunk only after it is authenticated, and signals the end only after the final chunk and the end of the source.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vault.crypto.aead import TAG_SIZE, StreamCipher
from vault.crypto.kdf import hkdf_sha256
from vault.errors import FormatError, IntegrityError, TruncatedError, VaultError
from vault.formats.age_source import Source, Writable, write_all

WHERE: Final = "age payload"
CHUNK_SIZE: Final = 64 * 1024
"""Plaintext bytes of every chunk but the last."""
NONCE_SIZE: Final = 16
SEALED_SIZE: Final = CHUNK_SIZE + TAG_SIZE

_MORE: Final = b"\x00"
_FINAL: Final = b"\x01"
_ASK_AGAIN: Final = "Ask for the file again."


def payload_key(file_key: bytes, nonce: bytes) -> bytes:
    """Return the 32-byte key of a payload from the file key (16) and the payload's nonce (16)."""
    return hkdf_sha256(file_key, nonce, b"payload")


def sealed_size(plaintext_size: int) -> int:
    """Return the size of the chunks that carry this many bytes; there is always at least one chunk."""
    chunks = max(1, -(-plaintext_size // CHUNK_SIZE))
    return plaintext_size + chunks * TAG_SIZE


class ChunkWriter:
    """Encrypts what is written to it; nothing is whole before `finish`.

    Args:
        out: Where the chunks go. It is neither flushed nor closed.
        key: 32 bytes, used for this payload only.
    """

    def __init__(self, out: Writable, key: bytes) -> None:
        self._out = out
        self._cipher = StreamCipher(key)
        self._counter = 0
        self._pending = bytearray()
        self._open = True

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Take in more plaintext and return its length.

        Raises:
            ValueError: After `finish`, or after a write that failed.
        """
        self._check_open()
        # The last full chunk is held back until more follows, because the final one is marked.
        with memoryview(data) as whole, whole.cast("B") as view:
            size, at = len(view), 0
            if self._pending:
                at = min(CHUNK_SIZE - len(self._pending), size)
                self._pending += view[:at]
                if at < size:
                    self._emit(bytes(self._pending), _MORE)
                    self._pending.clear()
            while size - at > CHUNK_SIZE:
                self._emit(view[at : at + CHUNK_SIZE], _MORE)
                at += CHUNK_SIZE
            self._pending += view[at:]
            return size

    def finish(self) -> None:
        """Write the final chunk.

        Raises:
            ValueError: When called twice, or after a write that failed.
        """
        self._check_open()
        self._emit(bytes(self._pending), _FINAL)
        self._pending.clear()
        self._open = False

    def _check_open(self) -> None:
        if not self._open:
            raise ValueError("this age file is finished, or could not be written")

    def _emit(self, chunk: bytes | memoryview, mark: bytes) -> None:
        # Whatever goes wrong in here leaves a file with a gap, so it also ends the writing.
        self._open = False
        sealed = self._cipher.encrypt(self._counter.to_bytes(11, "big") + mark, chunk)
        self._counter += 1
        write_all(self._out, sealed)
        self._open = True


class ChunkReader:
    """Decrypts a payload, chunk by chunk.

    Args:
        source: Where the chunks come from; its end must be the end of the payload.
        key: 32 bytes.
        may_end: Whether a plaintext of so many bytes can be whole, where not every length can: it tells a last chunk
            that was cut from one that was altered.
    """

    def __init__(self, source: Source, key: bytes, may_end: Callable[[int], bool] | None = None) -> None:
        self._source = source
        self._may_end = may_end
        self._cipher = StreamCipher(key)
        self._counter = 0
        self._complete = False

    def next_chunk(self) -> bytes:
        """Return the next authenticated chunk, or no bytes once the final chunk and the end have been seen.

        Raises:
            TruncatedError: It ends before its final chunk.
            IntegrityError: Altered or lengthened, or truncated where that cannot be told.
            FormatError: An empty final chunk after other chunks.
        """
        # One chunk at a time: the allocator gives memory of this size back at once, that of larger blocks page by page.
        sealed = self._source.take(SEALED_SIZE)
        if self._complete:
            if sealed:
                raise _something_follows()
            return b""
        if len(sealed) < TAG_SIZE:
            # Whatever came before is authentic, and said that more follows.
            raise TruncatedError(WHERE)
        chunk = self._decrypt(sealed)
        if self._complete and not chunk and self._counter:
            raise FormatError(WHERE, "an empty last part")
        self._counter += 1
        # No bytes would mean the end, so an empty payload goes on to look for what may follow it.
        return chunk or self.next_chunk()

    def _decrypt(self, sealed: bytes) -> bytes:
        number = self._counter.to_bytes(11, "big")
        # Whether a full chunk is the final one is tried out, not guessed from the end of the source: so what follows
        # a final chunk is reported as that, and does not make the chunk itself unreadable.
        if len(sealed) == SEALED_SIZE:
            try:
                return self._cipher.decrypt(number + _MORE, sealed, WHERE)
            except IntegrityError:
                pass
        try:
            chunk = self._cipher.decrypt(number + _FINAL, sealed, WHERE)
        except IntegrityError:
            raise self._what_is_wrong(sealed) from None
        self._complete = True
        return chunk

    def _what_is_wrong(self, sealed: bytes) -> VaultError:
        """Return the error for a chunk that does not open."""
        before, size = self._counter * CHUNK_SIZE, len(sealed) - TAG_SIZE
        # A whole chunk, if it is authentic, opens wherever the file was cut behind it.
        # No file ends with an empty chunk behind others, so 16 bytes there are a piece of a longer one.
        possible = size > 0 or not self._counter
        if len(sealed) == SEALED_SIZE or self._may_end is None or (possible and self._may_end(before + size)):
            return IntegrityError(WHERE, "it was altered or is incomplete", _ASK_AGAIN)
        for shorter in range(size):
            if self._may_end(before + shorter) and self._is_final(sealed[: shorter + TAG_SIZE]):
                return _something_follows()
        return TruncatedError(WHERE)

    def _is_final(self, sealed: bytes) -> bool:
        try:
            self._cipher.decrypt(self._counter.to_bytes(11, "big") + _FINAL, sealed, WHERE)
        except IntegrityError:
            return False
        return True


def _something_follows() -> IntegrityError:
    return IntegrityError(WHERE, "something follows its end", _ASK_AGAIN)
