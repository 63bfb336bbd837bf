"""Words that must not be found, in every form in which they could lie somewhere; and the search for them.

For tests only.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

PASSPHRASE = "ocean mirror lantern velvet copper puzzle"
TEXTS = {
    "passphrase": PASSPHRASE,
    "start of the passphrase": PASSPHRASE[:8],
    "end of the passphrase": PASSPHRASE[-8:],
    "title of a case": "canary-title-5b1f6c0d",
    "title in Chinese": "金丝雀标题七二九四",
    "title of a testimony": "canary-headline-88d1",
    "testimony": "canary-statement-0e4a17 said by nobody",
    "testimony in Chinese": "金丝雀证言三八一六",
    "draft": "canary-draft-4410ab",
    "name of a file": "canary-photo-93ffe2",
    "content of a file": "canary-content-77aa01",
    "note on a file": "canary-note-c3d9",
    "name of a contact": "canary-contact-16be",
    "purpose": "canary-purpose-d00f5a",
    "words searched for": "canary-sought-e7c2",
    "reason": "canary-reason-a18c",
    "received testimony": "canary-received-59b0",
}
FORMS = ("UTF-8", "UTF-16", "UTF-32", "base64", "hexadecimal", "deflate", "JSON")
_OVERLAP, _BEGINNING = 4096, 6
_MEMBER = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")


def needles(text: str) -> dict[str, list[bytes]]:
    """Return form → byte strings, each of which would show that the text lies there in that form."""
    plain = text.encode()
    found = {
        "UTF-8": [plain],
        "UTF-16": [text.encode("utf-16-le"), text.encode("utf-16-be")],
        "UTF-32": [text.encode("utf-32-le")],
        "hexadecimal": [plain.hex().encode(), plain.hex().upper().encode()],
        "deflate": [_deflated(plain, level) for level in (1, 6, 9)] if len(plain) >= 16 else [],
        "JSON": [json.dumps(text)[1:-1].encode()],
        "base64": [],
    }
    for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            # What depends on the neighbours is left out: the first and the last characters.
            coded = alphabet(b"\0" * before + plain)
            first = -(-before * 8 // 6)
            found["base64"].append(coded[first : (before + len(plain)) * 8 // 6])
    return {form: sorted(set(ones)) for form, ones in found.items() if ones}


def _deflated(plain: bytes, level: int) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return (packer.compress(plain) + packer.flush())[:-2]


class Wanted:
    """The search for canaries.

    Args:
        texts: Name → text.
        keys: Name → key; searched for raw and in hexadecimal.
        forms: The forms in which texts are searched for.
    """

    def __init__(
        self, texts: dict[str, str] = TEXTS, keys: dict[str, bytes] | None = None, forms: tuple[str, ...] = FORMS
    ) -> None:
        self.needles = [
            (f"{name}, {form}", needle)
            for name, text in texts.items()
            for form, ones in needles(text).items()
            if form in forms
            for needle in ones
        ]
        for name, key in (keys or {}).items():
            self.needles += [(f"{name}, raw", key), (f"{name}, hexadecimal", key.hex().encode()),
                             (f"{name}, hexadecimal", key.hex().upper().encode())]  # fmt: skip
        # Most canaries begin alike: where such a beginning is not, none of them is.
        self._alike: dict[bytes, list[tuple[str, bytes]]] = {}
        for name, needle in self.needles:
            self._alike.setdefault(needle[:_BEGINNING], []).append((name, needle))

    def within(self, data: bytes, *, unpack: bool = True) -> set[str]:
        """Return what is found in a piece of data, also in compressed data that begins anywhere in it."""
        found = set()
        for beginning, ones in self._alike.items():
            if beginning in data:
                found |= {name for name, needle in ones if needle in data}
        if unpack:
            for inner in _unpacked(data):
                found |= {f"{name}, compressed" for name in self.within(inner, unpack=False)}
        return found

    def in_pieces(self, pieces: Iterable[bytes], *, unpack: bool = True) -> set[str]:
        """Return what is found in pieces that follow each other."""
        found, tail = set(), b""
        for piece in pieces:
            found |= self.within(tail + piece, unpack=unpack)
            tail = piece[-_OVERLAP:]
        return found


def _unpacked(data: bytes) -> Iterator[bytes]:
    for match in _MEMBER.finditer(data):
        packer = zlib.decompressobj(31 if match[0] == b"\x1f\x8b\x08" else 15)
        with contextlib.suppress(zlib.error):
            inner = packer.decompress(data[match.start() : match.start() + (1 << 16)], 1 << 20)
            if len(inner) >= 8:
                yield inner


def written_to(image: Path) -> Iterator[bytes]:
    """Yield all that was ever written to a sparse image of a disk, in pieces; holes are left out."""
    with open(image, "rb", buffering=0) as file:
        size, at = os.fstat(file.fileno()).st_size, 0
        while at < size:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                return
            end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            while at < end:
                piece = os.pread(file.fileno(), min(8 << 20, end - at), at)
                yield piece
                at += len(piece)


def memory_of(pid: int) -> Iterator[bytes]:
    """Yield the writable memory of a process in pieces; nothing of one that is gone."""
    with (
        contextlib.suppress(FileNotFoundError, ProcessLookupError),
        open(f"/proc/{pid}/maps") as maps,
        open(f"/proc/{pid}/mem", "rb", 0) as memory,
    ):
        for line in maps:
            span, rights, *_rest = line.split()
            if not rights.startswith("rw"):
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            for at in range(start, end, 1 << 20):
                try:
                    memory.seek(at)
                    yield memory.read(min(1 << 20, end - at))
                except OSError:
                    break
