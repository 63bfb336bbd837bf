"""The tag files of a bag: declaration, bag-info and manifests, each in exactly one encoding.

Holds encoders and strict decoders of the bytes of these files. Only SHA-256 manifests of UTF-8 bags are known; paths
are the plain names of `formats.tar`, so that the percent-encoding of RFC 8493 never occurs. ``fetch.txt`` has no place
here: a bag that names files elsewhere is not complete. Never opens a file and never computes a digest of one.

Spec: RFC 8493 (BagIt 1.0), sections 2.1.1, 2.1.3, 2.2.1, 2.2.2; docs/formats/bundle.md, "Tag files".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vault.errors import FormatError
from vault.formats.tar import is_name

DECLARATION: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
"""The only content of ``bagit.txt``."""

_LINE = re.compile(r"([0-9a-f]{64})  (.+)\Z")
_SHORTEST_LINE: Final = 64 + 2 + 1 + 1
_INFO = re.compile(
    rb"External-Identifier: ([0-9a-f]{32})\nPayload-Oxum: (0|[1-9][0-9]{0,19})\.(0|[1-9][0-9]{0,9})\n\Z",
)


@dataclass(frozen=True, slots=True)
class BagInfo:
    """What ``bag-info.txt`` holds: nothing that tells who made the bag, or when.

    Attributes:
        identifier: ``External-Identifier``, 32 lower-case hexadecimal digits.
        size: Bytes of all payload files together (first part of ``Payload-Oxum``).
        files: Number of payload files (second part of ``Payload-Oxum``).
    """

    identifier: str
    size: int
    files: int


def encode_info(info: BagInfo) -> bytes:
    """Return the bytes of ``bag-info.txt``.

    Raises:
        ValueError: Values that the file cannot hold.
    """
    data = f"External-Identifier: {info.identifier}\nPayload-Oxum: {info.size}.{info.files}\n".encode()
    if not _INFO.match(data):
        raise ValueError("not the values of a bag-info file")
    return data


def decode_info(data: bytes) -> BagInfo:
    """Read ``bag-info.txt``.

    Raises:
        FormatError: Not what `encode_info` writes.
    """
    found = _INFO.match(data)
    if found is None:
        raise FormatError("bag-info.txt", "not the two lines that this format prescribes")
    return BagInfo(found[1].decode(), int(found[2]), int(found[3]))


def encode_manifest(digests: Mapping[str, str]) -> bytes:
    """Return a SHA-256 manifest: a line ``<64 hexadecimal digits>  <path>`` for each file, in the order of the paths.

    Args:
        digests: Path inside the bag to SHA-256 in lower-case hexadecimal digits.

    Raises:
        ValueError: A path or digest that a manifest cannot hold.
    """
    lines = [f"{digests[path]}  {path}" for path in sorted(digests)]
    for line in lines:
        _split(line)
    return "".join(line + "\n" for line in lines).encode()


def decode_manifest(data: bytes, where: str) -> dict[str, str]:
    """Read a SHA-256 manifest into path → digest, in the order of the paths.

    Args:
        data: The bytes of the file; the caller caps their length.
        where: The name of the file, for errors.

    Raises:
        FormatError: Not what `encode_manifest` writes.
    """
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise FormatError(where, "a path with characters that are not allowed") from error
    # Counted before they are taken apart: millions of short lines would cost far more than their bytes.
    if text.count("\n") > len(text) // _SHORTEST_LINE:
        raise FormatError(where, "a line that is not digest, two spaces and path")
    if text and not text.endswith("\n"):
        raise FormatError(where, "the last line is not complete")
    digests: dict[str, str] = {}
    last = ""
    for line in text.split("\n")[:-1]:
        try:
            digest, path = _split(line)
        except ValueError as error:
            raise FormatError(where, "a line that is not digest, two spaces and path") from error
        if path <= last:
            raise FormatError(where, "paths that are not in ascending order")
        digests[path] = digest
        last = path
    return digests


def _split(line: str) -> tuple[str, str]:
    found = _LINE.match(line)
    if found is None or not is_name(found[2]):
        raise ValueError("not a line of a manifest")
    return found[1], found[2]
