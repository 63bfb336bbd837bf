"""Reading age files as a stream, binary or armored (C2SP age.md)."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, NoReturn

from vault.errors import FormatError, NotForUsError, TruncatedError, VaultError
from vault.formats import age_header
from vault.formats.age_armor import WHITE_SPACE, ArmorReader
from vault.formats.age_header import Header
from vault.formats.age_identities import Identity, unwrap_passphrase
from vault.formats.age_recipients import MAX_WORK_FACTOR, SCRYPT
from vault.formats.age_source import Readable, Source
from vault.formats.age_stream import NONCE_SIZE, ChunkReader, payload_key
from vault.model import Secret

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

WHERE: Final = "age file"

_ARMOR_MARK: Final = b"-----"


class AgeReader(io.RawIOBase):
    """Reads the plaintext of an age file, binary or armored, as a raw stream with bounded memory.

    The header is read and the file key unwrapped at once, so everything that has to do with keys is raised here. What
    `read` gives out is authenticated as a part of the file; only the end, an empty answer, says that the file is whole.
    After an error every further call raises it again. Errors of the source itself pass through unchanged.

    Args:
        source: The file, from where it stands to its end. It is never sought or closed: to read twice, seek it back
            and make a second reader.
        identities: Keys to try.
        passphrase: Only for files that the person knows to be protected by a passphrase.
        max_work_factor: Greatest scrypt cost accepted, as a binary logarithm.
        may_end: Whether a plaintext of so many bytes can be whole, where not every length can: so a file that was cut
            is told from one that was altered.

    Raises:
        NotForUsError: None of the identities opens it.
        UnlockError: The passphrase is wrong.
        RefusedError: A passphrase is needed and none was given, or it would be too expensive to try.
        UnsupportedVersionError: A newer age file.
        TruncatedError: It ends within the header.
        FormatError: Not an age file, or malformed.
        IntegrityError: The header was altered.
    """

    def __init__(
        self,
        source: Readable,
        *,
        identities: Iterable[Identity] = (),
        passphrase: Secret | None = None,
        max_work_factor: int = MAX_WORK_FACTOR,
        may_end: Callable[[int], bool] | None = None,
    ) -> None:
        super().__init__()
        self._chunk = memoryview(b"")
        self._error: BaseException | None = None
        file = _open_source(source)
        begin = file.take(age_header.MAX_SIZE)
        header, size = age_header.parse(begin)
        file_key = _unwrap(header, tuple(identities), passphrase, max_work_factor)
        header.verify(file_key)
        file.put_back(begin[size:])
        nonce = file.take(NONCE_SIZE)
        if len(nonce) < NONCE_SIZE:
            raise TruncatedError(age_header.WHERE)
        self._chunks = ChunkReader(file, payload_key(file_key, nonce), may_end)

    def readable(self) -> bool:
        """True: this is a stream to read from."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Return `size` bytes of plaintext, fewer only before the end or an error, none at the authenticated end.

        Args:
            size: Most bytes to return; negative or None for everything, which takes that much memory.

        Raises:
            TruncatedError: It ends before its end.
            IntegrityError: Altered or lengthened, or truncated where that cannot be told.
            FormatError: Malformed.
        """
        if size is None or size < 0:
            return self.readall()
        parts: list[memoryview] = []
        missing = size
        while missing and self._advance(bool(parts)):
            part = self._chunk[:missing]
            self._chunk = self._chunk[len(part) :]
            parts.append(part)
            missing -= len(part)
        return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)

    def readall(self) -> bytes:
        """Return everything up to the authenticated end; on an error nothing is returned at all.

        Raises:
            TruncatedError: It ends before its end.
            IntegrityError: Altered or lengthened, or truncated where that cannot be told.
            FormatError: Malformed.
        """
        parts: list[memoryview] = []
        while self._advance(False):
            parts.append(self._chunk)
            self._chunk = memoryview(b"")
        return b"".join(parts)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill `buffer` with plaintext and return how many bytes; fewer than fit only before the end or an error.

        Raises:
            TruncatedError: It ends before its end.
            IntegrityError: Altered or lengthened, or truncated where that cannot be told.
            FormatError: Malformed.
        """
        with memoryview(buffer) as whole, whole.cast("B") as view:
            done = 0
            while done < len(view) and self._advance(done > 0):
                part = self._chunk[: len(view) - done]
                self._chunk = self._chunk[len(part) :]
                view[done : done + len(part)] = part
                done += len(part)
            return done

    def _advance(self, quiet: bool) -> bool:
        """Make sure there is plaintext at hand; False at the end, or at an error when that is to wait (`quiet`)."""
        if self.closed:
            raise ValueError("this age reader is closed")
        if not self._chunk and self._error is None:
            try:
                self._chunk = memoryview(self._chunks.next_chunk())
            except (VaultError, OSError) as error:
                self._error = error
        if self._error is not None and not self._chunk:
            if quiet:
                return False
            raise self._error
        return bool(self._chunk)


def _unwrap(header: Header, identities: Sequence[Identity], passphrase: Secret | None, max_work_factor: int) -> bytes:
    """Return the file key; whether it is the right one for this header is for `Header.verify`."""
    if any(stanza.type == SCRYPT for stanza in header.stanzas):
        if len(header.stanzas) > 1:
            raise FormatError(age_header.WHERE, "a passphrase beside other recipients")
        return unwrap_passphrase(header.stanzas[0], passphrase, max_work_factor)
    for identity in identities:
        for stanza in header.stanzas:
            file_key = identity.unwrap(stanza)
            if file_key is not None:
                return file_key
    _not_for_us(passphrase)


def _not_for_us(passphrase: Secret | None) -> NoReturn:
    if passphrase is not None:
        raise NotForUsError("This file is not protected by a passphrase.", "Open it with a key.")
    raise NotForUsError(
        "This file is encrypted to somebody else.", "Ask the sender to encrypt it to your current recipient string."
    )


def _open_source(source: Readable) -> Source:
    """Tell a binary file from an armored one by its beginning."""
    plain = Source(source)
    begin = plain.take(age_header.MAX_SIZE)
    if begin.startswith(age_header.PREFIX):
        plain.put_back(begin)
        return plain
    if begin.lstrip(WHITE_SPACE).startswith(_ARMOR_MARK):
        return Source(ArmorReader(plain, begin))
    raise FormatError(WHERE, "it does not begin like one", "Check that this is the file you were sent.")
