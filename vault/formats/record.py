"""Signed records: the payload `evidence-record/1` on top of SD-JWT, and choosing what to disclose of it.

Holds: signing, reading, the paths of what can be disclosed, and presentations. Plain in every presentation are the
format, the record's id, type and version, and the signer's fingerprint. All else, the record's metadata ("@…") and its
fields, stands in the payload as digests only, decoys among them, and leaves when its disclosure does.

Numbers in the code are the steps of `docs/formats/record.md` §6.

Never: keeps keys, decides what may leave, trusts a key because it came along.
Spec: `docs/formats/record.md`; RFC 9901; RFC 7519 for `iss`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from vault.crypto.hashes import sha256
from vault.errors import FormatError, IntegrityError, NotFoundError, RefusedError, UnsupportedVersionError
from vault.formats import jcs
from vault.formats.sd_jwt import WHERE, SdJwt, arrange, parse_sd_jwt, payload_of, sign_jwt, verify_jwt
from vault.formats.sd_jwt_tree import TOP_BLOCK, Blinder, Node, Unfolding
from vault.formats.ssh_keys import ssh_fingerprint
from vault.model import Json, is_id

FORMAT: Final = "evidence-record/1"
PARTS: Final = "parts"
"""The metadata member that counts all disclosures of the record; only the whole original carries it."""
MAX_VERSION: Final = 2**31 - 1

_FAMILY = "evidence-record/"
_PLAIN = frozenset({"_sd", "_sd_alg", "fields", "format", "id", "iss", "type", "version"})
_TYPE = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")
_META_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_ESCAPED = re.compile(r"([.\\]|^@)")


@dataclass(frozen=True, slots=True)
class RecordView:
    """What a verified record says to whoever holds these disclosures.

    Attributes:
        id: The record's id.
        type: Its type, for example ``"testimony"``.
        version: 1 for the first signed version.
        signer: The Ed25519 public key that the signature was verified with, 32 bytes.
        digest: SHA-256 of the JWT's ASCII characters in hexadecimal; the same in every presentation.
        meta: Disclosed metadata.
        fields: Disclosed fields; withheld members and array elements are absent without a trace.
        withheld: False when this is shown to be the whole original; True when something is, or may be, withheld.
    """

    id: str
    type: str
    version: int
    signer: bytes
    digest: str
    meta: dict[str, Json] = field(repr=False)
    fields: dict[str, Json] = field(repr=False)
    withheld: bool


def sign_record(
    *,
    id: str,
    type: str,
    version: int,
    meta: dict[str, Json],
    fields: dict[str, Json],
    public_key: bytes,
    sign: Callable[[bytes], bytes],
    capacity: int = 0,
) -> SdJwt:
    """Sign one version of a record with everything in it disclosable on its own.

    Args:
        id: 32 hexadecimal digits.
        type: Lower-case letters, digits, ``-`` and ``_``, at most 64.
        version: From 1.
        meta: The record's metadata; names of lower-case letters, digits and ``_``. With at most 7 members the bytes do
            not show how many there are.
        fields: The fields.
        public_key: Ed25519, 32 bytes; its fingerprint is signed too.
        sign: Returns the 64-byte signature of what it is given.
        capacity: How many fields the record's type can have; with it the bytes do not show how many are filled in.

    Returns:
        The whole original, with all disclosures.

    Raises:
        RefusedError: More fields, more levels, longer text or larger numbers than a record can hold.
        IntegrityError: `sign` does not belong to `public_key`.
        ValueError: An id, type, version or metadata name that is not allowed.

    Spec: `docs/formats/record.md` §3 to §5.
    """
    if not is_id(id) or not _TYPE.match(type) or not 1 <= version <= MAX_VERSION:
        raise ValueError("an id, type or version that no record can have")
    if any(name in _PLAIN or name == PARTS or not _META_NAME.match(name) for name in meta):
        raise ValueError("a metadata name that no record can have")
    blinder = Blinder()
    field_digests = blinder.members(fields, TOP_BLOCK, capacity)
    # The count counts itself: every disclosure there is, so that the whole original can be told from a part of it.
    counted_meta = {**meta, PARTS: _parts_of(fields) + _parts_of(meta) + 1}
    meta_digests = blinder.members(counted_meta, TOP_BLOCK, TOP_BLOCK)
    payload = {
        "_sd": meta_digests,
        "_sd_alg": "sha-256",
        "fields": {"_sd": field_digests},
        "format": FORMAT,
        "id": id,
        "iss": ssh_fingerprint(public_key),
        "type": type,
        "version": version,
    }
    return arrange(sign_jwt(jcs.encode(payload), public_key, sign), blinder.disclosures)


def _parts_of(value: Json) -> int:
    """Return how many disclosures the inside of a value makes."""
    if isinstance(value, dict):
        return sum(1 + _parts_of(member) for member in value.values())
    if isinstance(value, list):
        return sum(1 + _parts_of(element) for element in value)
    return 0


def _payload(data: bytes) -> dict[str, Json]:
    """Decode a payload and check its form (step 4)."""
    payload = jcs.decode(data, WHERE)
    if not isinstance(payload, dict):
        raise FormatError(WHERE, "a payload that is not an object")
    name = payload.get("format")
    if isinstance(name, str) and name.startswith(_FAMILY) and name != FORMAT:
        raise UnsupportedVersionError(WHERE, name.removeprefix(_FAMILY))
    if name != FORMAT or payload.keys() != _PLAIN or payload["_sd_alg"] != "sha-256":
        raise FormatError(WHERE, "a payload that is no record")
    record_id, kind, version, issuer = (payload[name] for name in ("id", "type", "version", "iss"))
    if not isinstance(record_id, str) or not is_id(record_id) or not isinstance(issuer, str):
        raise FormatError(WHERE, "an id or issuer that is not allowed")
    if not isinstance(kind, str) or not _TYPE.match(kind):
        raise FormatError(WHERE, "a type that is not allowed")
    if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= MAX_VERSION:
        raise FormatError(WHERE, "a version that is not allowed")
    if not isinstance(payload["fields"], dict) or payload["fields"].keys() != {"_sd"}:
        raise FormatError(WHERE, "fields that are not digests")
    return payload


def _unfold(sd: SdJwt, payload: dict[str, Json]) -> tuple[dict[str, Json], dict[str, Json], list[Node], int]:
    """Place every disclosure (steps 6 and 7); returns meta, fields, all nodes, and how many of them are meta's."""
    unfolding = Unfolding(sd.disclosures)
    meta = unfolding.members(payload["_sd"], TOP_BLOCK)
    count = len(unfolding.nodes)
    if any(name in _PLAIN or not _META_NAME.match(name) for name in meta):
        raise FormatError(WHERE, "a metadata name that is not allowed")
    fields = unfolding.members(payload["fields"]["_sd"], TOP_BLOCK)
    unfolding.finish()
    return meta, fields, unfolding.nodes, count


def read_record(text: str, public_key: bytes) -> RecordView:
    """Verify a record and return what it discloses.

    Guarantee: everything in the result was signed by `public_key` as part of this record.

    Args:
        text: The SD-JWT, whole or a presentation.
        public_key: The key the caller holds to be the signer's, 32 bytes.

    Raises:
        FormatError: Not a record, or not spelled the one allowed way.
        UnsupportedVersionError: A later `evidence-record`.
        IntegrityError: Not signed by this key, signed for another key, or a disclosure that is not covered.

    Spec: `docs/formats/record.md` §6; RFC 9901 §7.1.
    """
    sd = parse_sd_jwt(text)  # steps 1 and 2
    payload = _payload(verify_jwt(sd.jwt, public_key))  # steps 3 and 4
    if payload["iss"] != ssh_fingerprint(public_key):  # step 5
        raise IntegrityError(WHERE, "it names another signer than the one who signed it")
    meta, fields, nodes, _ = _unfold(sd, payload)  # steps 6 and 7
    withheld = True
    if PARTS in meta:  # step 8
        parts = meta.pop(PARTS)
        if not isinstance(parts, int) or isinstance(parts, bool) or parts < len(nodes):
            raise IntegrityError(WHERE, "it holds more than its signer counted")
        withheld = parts > len(nodes)
    return RecordView(
        id=payload["id"],
        type=payload["type"],
        version=payload["version"],
        signer=public_key,
        digest=sha256(sd.jwt.encode("ascii")).hex(),
        meta=meta,
        fields=fields,
        withheld=withheld,
    )


def _paths(sd: SdJwt) -> list[tuple[str, Node]]:
    """Return every node with its written path, parents before children; `parts` has the path ``""``."""
    _, _, nodes, meta_count = _unfold(sd, _payload(payload_of(sd.jwt)))
    paths = []
    for index, node in enumerate(nodes):
        if index < meta_count:
            path = "" if node.path == (PARTS,) else "@" + ".".join(map(escape_step, node.path))
        else:
            path = ".".join(map(escape_step, node.path))
        paths.append((path, node))
    return paths


def escape_step(step: str) -> str:
    """Return a name as it stands in a path."""
    return _ESCAPED.sub(r"\\\1", step)


def field_paths(sd: SdJwt) -> tuple[str, ...]:
    """Return the path of everything that this SD-JWT can disclose, in one order; verifies no signature.

    A path is the names joined by dots (``names.0.given``), an array element being named by its index among those held
    here; metadata begins with ``@`` (``@signed_at``). A dot or backslash inside a name, and an ``@`` at its beginning,
    has a backslash before it. The count of all parts is not among them: see `disclose`.

    Raises:
        FormatError: Not a record.
        IntegrityError: A disclosure that no digest stands for.
    """
    return tuple(path for path, _ in _paths(sd) if path)


def disclose(sd: SdJwt, paths: Collection[str]) -> SdJwt:
    """Return a presentation with these paths, what is below them, and the containers they lie in; nothing else.

    The count of all parts never comes along: it would say how much is withheld. Whoever means to hand over everything
    hands over the signed original itself.

    Raises:
        NotFoundError: A path that is not in `field_paths(sd)`.
        FormatError: Not a record.
        IntegrityError: A disclosure that no digest stands for.
    """
    wanted = set(paths)
    nodes = _paths(sd)
    if not wanted <= {path for path, _ in nodes if path}:
        raise NotFoundError("The record has no field of that name.", "Look at the record to see its fields.")
    kept: set[int] = set()
    brings_all_below: set[int] = set()
    for index, (path, node) in enumerate(nodes):
        if path not in wanted and node.parent not in brings_all_below:
            continue
        brings_all_below.add(index)
        while index >= 0 and index not in kept:
            kept.add(index)
            index = nodes[index][1].parent
    return arrange(sd.jwt, (nodes[index][1].disclosure for index in kept))


def merge(first: SdJwt, second: SdJwt) -> SdJwt:
    """Return what two presentations of one signed version disclose together; verifies nothing.

    Raises:
        RefusedError: They are not presentations of one signed version.
    """
    if first.jwt != second.jwt:
        raise RefusedError("The two do not belong to the same signed version.", "Choose the right record.")
    return arrange(first.jwt, {*first.disclosures, *second.disclosures})
