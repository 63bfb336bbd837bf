"""A slow second verifier of evidence bundles, written from docs/formats alone.

It shares no code with the program: the standard library and `cryptography` only, everything in memory, the rules in the
order of bundle.md 9, ending at the first that is broken. The texts of the appendices are read from bundle.md itself.
Encrypted files only, no opened folders; files of 8 GiB and more are refused as too large for memory.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.reference.age import decrypt, need, parse_identity, unbase64
from tests.reference.claims import (
    ID,
    TIME,
    check_inclusion,
    jcs,
    like,
    read_checkpoint,
    read_entry,
    read_json,
    read_record,
    read_sshsig,
    whole,
)  # fmt: skip

DIGEST = "[0-9a-f]{64}"
TAGS = ["bagit.txt", "bag-info.txt", "manifest-sha256.txt", "signers", "signer.pem", "VERIFY.txt"]
FIRST = [*TAGS[:3], "tagmanifest-sha256.txt", "tagmanifest-sha256.txt.sig", *TAGS[3:], "data/bundle.json"]
FIRST += ["data/report.html", "data/custody/checkpoint", "data/custody/entries.json"]
UNSHOWN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
_SPEC = (Path(__file__).parents[2] / "docs/formats/bundle.md").read_text("utf-8")
VERIFY_TXT, HTML_HEAD = re.findall(r"^````(?:text|html)\n(.*?)^````$", _SPEC, re.M | re.S)


def sha256(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def is_time(value: Any) -> bool:
    """Whether the value is a time that the calendar has."""
    try:
        return like(TIME, value) and bool(datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC))
    except ValueError:
        return False


def read_container(data: bytes) -> dict[str, bytes]:
    """The files of the tar container by their paths in the bag, in order (bundle.md 2)."""
    files: dict[str, bytes] = {}
    at, segment = 0, "[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_-])?"
    while data[at : at + 512].strip(b"\0"):
        name, digits = data[at : at + 100].rstrip(b"\0").decode("latin-1"), data[at + 124 : at + 135]
        need(like(f"bag(/{segment})+", name) and len(name) < 100, "container", "a name outside the rules")
        need(re.fullmatch(b"[0-7]{11}", digits), "container", "a size outside the rules")
        front = name.encode().ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + digits + b"\x0002263523000\0"
        back = b"0".ljust(101, b"\0") + b"ustar\x0000" + bytes(64) + b"0000000\0" * 2 + bytes(167)
        header = front + b"%06o\0 " % (sum(front) + 8 * 32 + sum(back)) + back
        need(data[at : at + 512] == header, "container", f"the header of {name}")
        size, at = int(digits, 8), at + 512
        end = at + -(-size // 512) * 512
        need(name[4:] not in files and len(files) < 100_000, "container", "a second file of one name, or too many")
        need(end <= len(data) and not data[at + size : end].strip(b"\0"), "container", f"the filling of {name}")
        files[name[4:]], at = data[at : at + size], end
    exponent = (at + 1024).bit_length() - 1
    unit = 2 ** (exponent - exponent.bit_length())
    length = -(-(-(-(at + 1024) // unit) * unit) // 512) * 512
    need(len(data) == length and not data[at:].strip(b"\0"), "container", "the end or the padded length")
    return files


def shown(text: str) -> str:
    """T(x) of bundle.md 8."""
    for character, name in ("&", "amp"), ("<", "lt"), (">", "gt"), ('"', "quot"), ("'", "#39"):
        text = text.replace(character, f"&{name};")
    return UNSHOWN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def html(value: Any) -> str:
    """R(x) of bundle.md 8."""
    if isinstance(value, dict):
        ordered = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be"))
        rows = (f'<dt dir="auto">{shown(name)}</dt>\n<dd>\n{html(inner)}</dd>\n' for name, inner in ordered)
        return "<dl>\n" + "".join(rows) + "</dl>\n"
    if isinstance(value, list):
        return "<ul>\n" + "".join(f"<li>\n{html(inner)}</li>\n" for inner in value) + "</ul>\n"
    return f'<p dir="auto">{shown(value if isinstance(value, str) else jcs(value).decode())}</p>\n'


def section(title: str, value: Any, note: bool = False, language: Any = "") -> str:
    """S(title, x) of bundle.md 8."""
    opening = f'<section lang="{language}">' if like("[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", language) else "<section>"
    about = "<p>Some fields may be withheld.</p>\n" if note else ""
    return f'{opening}\n<h2 dir="auto">{shown(title)}</h2>\n{about}{html(value)}</section>\n'


def report(
    about: dict[str, Any], issuer: str, records: dict[str, Any], files: dict[str, bytes], log: list[Any]
) -> bytes:
    """`data/report.html` (bundle.md 8)."""
    bundle = {"bundle": about["bundle_id"], "case": about["case"], "custody log": about["checkpoint"]["origin"]}
    bundle |= {"custody log entries": about["checkpoint"]["size"], "epoch": about["epoch"], "number": about["number"]}
    bundle |= {"previous bundle": about["previous"], "purpose": about["purpose"], "sealed at": about["sealed_at"]}
    recipient = {"key hashes": about["recipient"]["key_hashes"], "kind": about["recipient"]["kind"]}
    sender = {"digits": about["sender"]["fingerprint"], "ssh-keygen": issuer}
    page = section("Bundle", bundle | {"recipient": recipient, "sender": sender, "software": about["software"]})
    for r in sorted(records.values(), key=lambda r: (r["type"] == "attachment", r["type"], r["id"])):
        what = {name: r[name] for name in ("digest", "fields", "meta", "version")}
        page += section(f"{r['type']} {r['id']}", what, r["withheld"], r["fields"].get("language"))
    for path, data in files.items():
        if path.startswith("data/attachments/"):
            page += section(f"File {path}", {"sha256": sha256(data), "size": len(data)})
    for entry in log:
        what = {"epoch": entry["epoch"], "event": entry["event"]}
        page += section(f"Custody entry {entry['number']}", what, note=True)
    return f"{HTML_HEAD}{page}</body>\n</html>\n".encode()


def check_description(files: dict[str, bytes], key_line: str, digits: str) -> dict[str, Any]:
    """`data/bundle.json`, read and compared with the key and the files (bundle.md 5; step 5 of 9)."""
    step, data = "description", files["data/bundle.json"]
    need(sum(map(data.count, (b"[", b"{", b","))) <= len(data) / 20 + 10_000, step, "too many parts")
    about: dict[str, Any] = read_json(data, step)
    names = (
        "bundle_id case checkpoint contents epoch format number previous purpose recipient sealed_at sender software"
    )
    need(isinstance(about, dict) and list(about) == names.split(), step, "members")
    need(about["format"] == "evidence-bundle/1", step, "another format")
    need(all(like(ID, about[name]) for name in ("bundle_id", "case", "epoch")), step, "an id")
    need(about["previous"] == "" or like(ID, about["previous"]), step, "previous")
    need(isinstance(about["purpose"], str) and len(about["purpose"]) <= 4000, step, "purpose")
    need(whole(about["number"], 1) and is_time(about["sealed_at"]), step, "number or sealed_at")
    need(like("[ -~]{1,64}", about["software"]), step, "software")
    to, at = about["recipient"], about["checkpoint"]
    need(isinstance(to, dict) and list(to) == ["key_hashes", "kind"], step, "recipient")
    hashes, kind = to["key_hashes"], to["kind"]
    need(kind in ("mlkem768x25519", "x25519", "passphrase") and isinstance(hashes, list), step, "recipient")
    need(all(like(DIGEST, digest) for digest in hashes) and hashes == sorted(set(hashes)), step, "key hashes")
    need(len(hashes) == 0 if kind == "passphrase" else 1 <= len(hashes) <= 16, step, "number of key hashes")
    need(isinstance(at, dict) and list(at) == ["origin", "root", "size"], step, "checkpoint")
    need(about["sender"] == {"fingerprint": digits, "signing_key": key_line}, step, "sender")
    payload = sorted(path for path in files if path.startswith("data/") and path != "data/bundle.json")
    contents = [{"path": path, "sha256": sha256(files[path]), "size": len(files[path])} for path in payload]
    need(jcs(about["contents"]) == jcs(contents), step, "contents")
    oxum = f"{sum(len(files[path]) for path in payload) + len(data)}.{len(payload) + 1}"
    info = f"External-Identifier: {about['bundle_id']}\nPayload-Oxum: {oxum}\n"
    need(files["bag-info.txt"] == info.encode(), step, "bag-info.txt")
    return about


def verify(path: str | Path, identity: str) -> dict[str, Any]:
    """Open and verify a bundle with an age identity string or a passphrase, whole or not at all.

    Returns:
        `signer` (the public key in hexadecimal; whose it is must be known from elsewhere), `bundle` (the description),
        `records` by id as their readable copies name them, `attachments` (paths and bytes) and `custody` (entries).

    Raises:
        Refused: at the first rule of the documents that does not hold.
    """
    kind, secret, own = parse_identity(identity)
    return verify_container(decrypt(Path(path).read_bytes(), kind, secret), own)


def verify_container(data: bytes, own: str) -> dict[str, Any]:
    """The same for a decrypted container and the recipient string of the reader, empty for a passphrase."""
    files = read_container(data)
    records = sorted(path for path in files if like(rf"data/records/{ID}\.(json|sd-jwt)", path))
    attachments = sorted(path for path in files if like(rf"data/attachments/{ID}\.[a-z0-9]{{1,8}}", path))
    need(list(files) == FIRST + records + attachments, "layout", "files missing, unexpected or out of order")
    small = [len(content) for path, content in files.items() if path not in attachments]
    need(max(small) <= 2**25 and sum(small) <= 3 * 2**25, "limits", "too large")

    need(files["bagit.txt"] == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n", "manifests", "bagit.txt")
    payload = [path for path in files if path.startswith("data/")]
    for name, listed in ("manifest-sha256.txt", payload), ("tagmanifest-sha256.txt", TAGS):
        lines = "".join(f"{sha256(files[path])}  {path}\n" for path in sorted(listed))
        need(files[name] == lines.encode(), "manifests", name)

    key = read_sshsig(files["tagmanifest-sha256.txt.sig"], files["tagmanifest-sha256.txt"])
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + key
    line, digest = f"ssh-ed25519 {b64encode(blob).decode()}", hashlib.sha256(blob).digest()
    issuer, number = (
        "SHA256:" + b64encode(digest).decode().rstrip("="),
        f"{int.from_bytes(digest, 'big') % 10**40:040d}",
    )
    name = files["signers"].split(b" ")[0].decode("latin-1")
    need(like("[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", name), "signature", "the name in signers")
    need(files["signers"] == f'{name} namespaces="evidence-bundle" {line}\n'.encode(), "signature", "signers")
    spki = b64encode(bytes.fromhex("302a300506032b6570032100") + key).decode()
    pem = f"-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n"
    need(files["signer.pem"] == pem.encode(), "signature", "signer.pem")

    about = check_description(files, line, " ".join(number[i : i + 5] for i in range(0, 40, 5)))
    named = (
        sha256(own.encode()) in about["recipient"]["key_hashes"] if own else about["recipient"]["kind"] == "passphrase"
    )
    need(named, "recipient", "made for somebody else")

    found: dict[str, Any] = {}
    for path in records:
        if path.endswith(".sd-jwt"):
            record = read_record(files[path], key, issuer)
            need(path == f"data/records/{record['id']}.sd-jwt", "records", "an id that is not that of its path")
            found[record["id"]] = record
    need(len(records) == 2 * len(found), "records", "a copy without its original, or the other way round")

    for path in attachments:
        about_it = found.get(path[17:49], {"type": "", "fields": {}})
        told = (about_it["fields"].get("sha256"), about_it["fields"].get("size"))
        right = about_it["type"] == "attachment" and told == (sha256(files[path]), len(files[path]))
        need(right and type(told[1]) is int, "attachments", "contents that no record describes")
    need(len({path[17:49] for path in attachments}) == len(attachments), "attachments", "two contents of one id")

    origin, size, root = read_checkpoint(files["data/custody/checkpoint"], key)
    described = {"origin": origin, "root": b64encode(root).decode(), "size": size}
    need(jcs(about["checkpoint"]) == jcs(described), "custody", "not the checkpoint described")
    raw = files["data/custody/entries.json"]
    need(sum(map(raw.count, (b"[", b"{", b","))) <= len(raw) / 20 + 10_000, "custody", "too many parts")
    entries, log = read_json(raw, "custody"), list[dict[str, Any]]()
    need(isinstance(entries, list), "custody", "no list of entries")
    for entry in entries:
        need(isinstance(entry, dict) and list(entry) == ["disclosures", "entry", "proof"], "custody", "an entry")
        log.append(read_entry(entry["entry"], entry["disclosures"]))
        need(isinstance(entry["proof"], list) and len(entry["proof"]) <= 53, "custody", "a proof")
        hashes = [unbase64(text, "custody", padded=True) for text in entry["proof"]]
        check_inclusion(entry["entry"].encode(), log[-1]["number"], size, hashes, root)
    numbers = [entry["number"] for entry in log]
    need(numbers == sorted(set(numbers)), "custody", "entries out of order")

    for ident, record in found.items():
        need(files.get(f"data/records/{ident}.json") == jcs(record), "copies", f"the copy of {ident}")
    need(files["data/report.html"] == report(about, issuer, found, files, log), "copies", "report.html")
    need(files["VERIFY.txt"] == VERIFY_TXT.replace("NAME", name).encode(), "copies", "VERIFY.txt")
    contents = {path: files[path] for path in attachments}
    return {"signer": key.hex(), "bundle": about, "records": found, "attachments": contents, "custody": log}
