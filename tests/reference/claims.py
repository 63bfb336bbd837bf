"""A slow second reader of what a key has signed: records, custody entries, checkpoints, signatures of files.

Written from docs/formats/record.md, custody-log.md and fingerprint.md alone, sharing no code with the program: the
standard library and `cryptography` only.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode, urlsafe_b64encode
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.reference.age import Refused, need, unbase64

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
ID, TIME = "[0-9a-f]{32}", r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\dZ"
SLOTS: dict[Any, tuple[str, str]] = {  # in the order of their places: members that must be there, members that may
    "object": ("id kind", ""), "type": ("", ""), "time": ("clock utc", ""), "agent": ("key role", ""),
    "software": ("name version", ""), "purpose": ("why", "authority"), "location": ("class", "id"),
    "transfer": ("", "from to"), "digests": ("", "after before"), "outcome": ("result", "detail"),
    "change": ("justification what", ""), "related": ("", ""),
}  # fmt: skip


def like(pattern: str, value: Any) -> bool:
    """Whether the value is a string that the pattern describes whole."""
    return isinstance(value, str) and re.fullmatch(pattern, value, re.A) is not None


def whole(value: Any, least: int, most: int = 2**53 - 1) -> bool:
    """Whether the value is a whole number in the range."""
    return type(value) is int and least <= value <= most


def canonical(value: Any, depth: int = 0) -> Any:
    """The value with its members in the order of RFC 8785; ValueError for what record.md 2 does not know."""
    if isinstance(value, dict | list) and depth == 32:
        raise ValueError("nested too deeply")
    if isinstance(value, list):
        return [canonical(inner, depth + 1) for inner in value]
    if isinstance(value, dict):
        ordered = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be"))
        return {name: canonical(inner, depth + 1) for name, inner in ordered}
    if isinstance(value, float) or (isinstance(value, int) and abs(value) >= 2**53):
        raise ValueError("a number out of range")
    return value


def jcs(value: Any) -> bytes:
    """Canonical JSON of a value."""
    return json.dumps(canonical(value), ensure_ascii=False, separators=(",", ":")).encode()


def read_json(data: bytes, step: str) -> Any:
    """Canonical JSON: decoding and encoding again gives the same bytes."""
    try:
        value = json.loads(data)
        need(jcs(value) == data, step, "no canonical JSON")
    except (ValueError, RecursionError):
        raise Refused(step, "no canonical JSON") from None
    return value


def check_point(key: bytes, step: str) -> None:
    """The canonical encoding of a point of order L (RFC 8032 5.1.3)."""
    y, odd, d = int.from_bytes(key, "little") % 2**255, key[31] >> 7, -121665 * pow(121666, -1, P) % P
    square = (y * y - 1) * pow(d * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    need(y < P and x * x % P == square and x, step, "no point of order L")
    point, total = (x if x % 2 == odd else P - x, y), (0, 1)

    def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
        cross, swapped = d * a[0] * b[0] * a[1] * b[1], a[0] * b[1] + b[0] * a[1]
        return swapped * pow(1 + cross, -1, P) % P, (a[1] * b[1] + a[0] * b[0]) * pow(1 - cross, -1, P) % P

    for bit in f"{L:b}":
        total = add(total, total)
        total = add(total, point) if bit == "1" else total
    need(total == (0, 1), step, "no point of order L")


def check_signature(key: bytes, signature: bytes, message: bytes, step: str) -> None:
    """Ed25519 with the second half of the signature below L."""
    need(len(signature) == 64 and int.from_bytes(signature[32:], "little") < L, step, "no canonical signature")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        raise Refused(step, "the signature does not verify") from None


def read_sshsig(armored: bytes, message: bytes) -> bytes:
    """The key whose signature of the message, in the bundles' namespace, this file is (fingerprint.md 5)."""
    lines = armored.decode("latin-1").split("\n")[1:-2]
    blob = unbase64("".join(lines), "signature", padded=True)
    key, signature = blob[33:65], blob[-64:]

    def string(data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + data

    key_blob, name = string(b"ssh-ed25519") + string(key), string(b"evidence-bundle") + string(b"") + string(b"sha512")
    again = b"SSHSIG\0\0\0\1" + string(key_blob) + name + string(string(b"ssh-ed25519") + string(signature))
    text = b64encode(again).decode()
    wrapped = "".join(text[i : i + 70] + "\n" for i in range(0, len(text), 70))
    begin, end = "-----BEGIN SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\n"
    need(armored == f"{begin}{wrapped}{end}".encode(), "signature", "another spelling of the signature")
    check_point(key, "signature")
    check_signature(key, signature, b"SSHSIG" + name + string(hashlib.sha512(message).digest()), "signature")
    return key


def open_texts(texts: Any, step: str) -> dict[str, list[Any]]:
    """Disclosures without their salts by their digests, in the order given (record.md 2, 3)."""
    need(isinstance(texts, list), step, "no list of disclosures")
    opened = {}
    for text in texts:
        value = read_json(unbase64(text, step, url=True), step)
        need(isinstance(value, list) and len(value) in (2, 3), step, "a disclosure of another form")
        need(len(unbase64(value[0], step, url=True)) == 16, step, "a salt that is not 16 bytes")
        named = len(value) == 2 or (isinstance(value[1], str) and 0 < len(value[1]) <= 256)
        need(named and (len(value) == 2 or value[1] not in ("_sd", "_sd_alg", "...")), step, "a name not allowed")
        opened[urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")] = value[1:]
    need(len(opened) == len(texts), step, "a disclosure twice")
    return opened


def read_record(data: bytes, key: bytes, issuer: str) -> dict[str, Any]:
    """The contents of a record as its readable copy names them (record.md 3 to 6, bundle.md 8)."""
    jwt, *texts = data.decode("latin-1").split("~")
    need(len(jwt) <= 2**24 and jwt.count(".") == 2 and texts[-1:] == [""] and len(texts) <= 100_001, "records", "form")
    header, payload_text, signature = (unbase64(part, "records", url=True) for part in jwt.split("."))
    need(header == b'{"alg":"EdDSA","typ":"evidence-record+sd-jwt"}', "records", "header")
    opened = open_texts(texts[:-1], "records")
    need(list(opened) == sorted(opened), "records", "disclosures out of order")
    check_signature(key, signature, jwt.rpartition(".")[0].encode(), "records")
    payload, seen = read_json(payload_text, "records"), set[str]()
    names = ["_sd", "_sd_alg", "fields", "format", "id", "iss", "type", "version"]
    need(isinstance(payload, dict) and list(payload) == names, "records", "members of the payload")
    fixed = (payload["_sd_alg"], payload["format"], payload["iss"])
    need(fixed == ("sha-256", "evidence-record/1", issuer), "records", "algorithm, format or issuer")
    right = like(ID, payload["id"]) and like("[a-z][a-z0-9_-]{0,63}", payload["type"])
    need(right and whole(payload["version"], 1, 2**31 - 1), "records", "id, type or version")

    def take(digests: Any, block: int) -> list[list[Any]]:
        form = isinstance(digests, list) and digests and len(digests) % block == 0
        need(form, "records", "a container of another form")
        for digest in digests:
            need(len(unbase64(digest, "records", url=True)) == 32 and digest not in seen, "records", "a digest")
            seen.add(digest)
        return [opened[digest] for digest in digests if digest in opened]

    def members(container: Any, block: int, depth: int) -> dict[str, Any]:
        need(isinstance(container, dict) and list(container) == ["_sd"], "records", "an object of another form")
        found, result = take(container["_sd"], block), {}
        need(container["_sd"] == sorted(container["_sd"]), "records", "digests out of order")
        for item in found:
            need(len(item) == 2 and item[0] not in result, "records", "a member without its own name")
            result[item[0]] = plain(item[1], depth)
        return result

    def plain(value: Any, depth: int) -> Any:
        need(not isinstance(value, dict | list) or depth < 8, "records", "a container too deep")
        if isinstance(value, dict):
            return members(value, 4, depth + 1)
        if not isinstance(value, list):
            return value
        need(all(isinstance(e, dict) and list(e) == ["..."] for e in value), "records", "an array of another form")
        items = take([element["..."] for element in value], 4)
        need(all(len(item) == 1 for item in items), "records", "an element with a name")
        return [plain(item[0], depth + 1) for item in items]

    meta, fields = members({"_sd": payload["_sd"]}, 8, 1), members(payload["fields"], 8, 1)
    need(all(like("[a-z][a-z0-9_]{0,63}", n) and n not in names for n in meta), "records", "a name of metadata")
    need(seen >= set(opened), "records", "a disclosure that nothing names")
    parts = meta.pop("parts", None)
    need(parts is None or whole(parts, len(opened)), "records", "the count of parts")
    plainly = {name: payload[name] for name in ("id", "type", "version")}
    digest, withheld = hashlib.sha256(jwt.encode()).hexdigest(), parts != len(opened)
    return {"digest": digest, "fields": fields, "meta": meta, "signer": issuer, "withheld": withheld, **plainly}


def check_slot(slot: Any, value: Any) -> None:
    """A slot of a custody event and its value (custody-log.md 2.3)."""
    if slot == "type":
        need(isinstance(value, str) and value, "custody", "type")
    elif slot == "related":
        need(isinstance(value, list) and value and all(isinstance(v, str) for v in value), "custody", "related")
    else:
        need(slot in SLOTS and isinstance(value, dict) and value, "custody", "a slot or value not allowed")
        least, more = (set(names.split()) for names in SLOTS[slot])
        need(least <= set(value) <= least | more, "custody", f"members of {slot}")
        need(all(isinstance(v, str) for v in value.values()), "custody", f"values of {slot}")
        need(slot != "time" or like(TIME, value["utc"]), "custody", "a time of another form")
        need(slot != "outcome" or value["result"] in ("success", "failure", "intent"), "custody", "outcome")


def read_entry(leaf: Any, texts: Any) -> dict[str, Any]:
    """Number, epoch and disclosed slots of one leaf of the log (custody-log.md 2)."""
    need(isinstance(leaf, str), "custody", "a leaf that is no text")
    entry, opened = read_json(leaf.encode(), "custody"), open_texts(texts, "custody")
    need(isinstance(entry, dict) and list(entry) == ["_sd", "_sd_alg", "epoch", "format", "number"], "custody", "leaf")
    need((entry["_sd_alg"], entry["format"]) == ("sha-256", "custody-entry/1"), "custody", "algorithm or format")
    need(like(ID, entry["epoch"]) and whole(entry["number"], 0), "custody", "epoch or number")
    digests, last, event = entry["_sd"], -1, {}
    need(isinstance(digests, list) and all(isinstance(d, str) for d in digests), "custody", "digests")
    need(len(digests) == len(set(digests)) == 12, "custody", "not twelve different digests")
    need(all(len(unbase64(digest, "custody", url=True)) == 32 for digest in digests), "custody", "a digest")
    for (digest, item), text in zip(opened.items(), texts, strict=True):
        need(len(item) == 2 and len(text) <= 2**23, "custody", "a disclosure without a slot, or too long")
        check_slot(*item)
        place = list(SLOTS).index(item[0])
        need(place > last and digest == digests[place], "custody", "a slot out of its place")
        last, event[item[0]] = place, item[1]
    return {"number": entry["number"], "epoch": entry["epoch"], "event": event}


def check_inclusion(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> None:
    """RFC 9162 2.1.3.2, as in custody-log.md 3."""
    need(index < size, "custody", "a number behind the end of the log")
    at, last, now = index, size - 1, hashlib.sha256(b"\0" + leaf).digest()
    for other in path:
        need(len(other) == 32 and last, "custody", "a path too long")
        if at % 2 or at == last:
            now = hashlib.sha256(b"\1" + other + now).digest()
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            now = hashlib.sha256(b"\1" + now + other).digest()
        at, last = at >> 1, last >> 1
    need(last == 0 and now == root, "custody", "the proof does not lead to the root")


def read_checkpoint(note: bytes, key: bytes) -> tuple[str, int, bytes]:
    """Origin, size and root of a checkpoint with one signature, by this key (custody-log.md 4, 5)."""
    lines = note.decode("utf-8", "replace").split("\n")
    need(len(lines) == 6 and not lines[3] and not lines[5], "custody", "a checkpoint of another form")
    origin, size, root, _, mark, _ = lines
    need(like(f"evidence-vault/{ID}/{ID}", origin) and like("0|[1-9][0-9]{0,15}", size), "custody", "origin or size")
    need(mark.startswith(f"\u2014 {origin} "), "custody", "a signature under another name")
    signature, hashed = (
        unbase64(mark[len(origin) + 3 :], "custody", padded=True),
        unbase64(root, "custody", padded=True),
    )
    need(len(hashed) == 32 and whole(int(size), 0), "custody", "root or size")
    need(int(size) or hashed == hashlib.sha256().digest(), "custody", "another root of the empty log")
    need(signature[:4] == hashlib.sha256(origin.encode() + b"\n\1" + key).digest()[:4], "custody", "key id")
    check_signature(key, signature[4:], "".join(f"{line}\n" for line in lines[:3]).encode(), "custody")
    return origin, int(size), hashed
