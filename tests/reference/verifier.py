"""A slow second verifier of evidence bundles, written from docs/formats alone: no code of the program is in it.

Most things are read by taking out what they hold, writing it again and comparing. All is in memory and in one go.
Left out: armor, the checksum of an identity string, opened folders, files of 8 GiB and more."""

import hashlib
import hmac
import json
import re
from base64 import b64decode, b64encode
from contextlib import suppress
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import ed25519, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
HEADER = re.compile(rb"(bag(?:/[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?)+)\0+.{24}([0-7]{11})\0", re.DOTALL)
KEY_BLOB = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"  # before the 32 bytes of a key
UNSHOWN = "[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
SPEC = (Path(__file__).parents[2] / "docs/formats/bundle.md").read_text("utf-8")
VERIFY_TXT, HTML_HEAD = re.findall(r"^````(?:text|html)\n(.*?)^````$", SPEC, re.M | re.S)
LAYOUT = re.findall(r"^\| \d+ \| `(.*?)` \|", SPEC, re.M)  # the last two are optional
TAGS = sorted(path for path in LAYOUT if not path.startswith(("data/", "tagmanifest")))
FORMS = dict(re.findall(r"^(\w+) += (.+)$", SPEC, re.M))  # the last twelve are the slots of a custody entry
dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # canonical, if the members are in order


class Refused(Exception):
    """The bundle is not accepted: the step as in bundle.md 9 (or `age`), and the reason in words."""


def need(condition: object, reason: str) -> None:
    if not condition:
        raise ValueError(reason)


def unbase64(text: str, last: bytes = b"+/") -> bytes:
    """Base64 without padding, in its one spelling; `last` are the last two characters of the alphabet."""
    data = b64decode(text + "=" * (-len(text) % 4), last)
    need(b64encode(data, last).decode().rstrip("=") == text, "another spelling of base64")
    return data


def read_json(data: bytes, form: str) -> Any:
    """Canonical JSON of a form of appendix C, which knows the order of the members too."""
    literal, text = re.sub(r"[\[\]{}.]", r"\\\g<0>", FORMS[form]), data.decode()
    need(re.fullmatch(re.sub("[A-Z]+", lambda word: FORMS[word[0]], literal), text), f"not the form of {form}")
    value = json.loads(text)
    need(dump(value) == text, "no canonical JSON")
    return value


def unwrap(kind: str, identity: str, arguments: list[str], body: bytes) -> bytes:
    """The file key out of one stanza of the identity's kind (age-profile.md 3, 6); InvalidTag if it is another's."""
    share, form = unbase64("".join(arguments[:1])), {"scrypt": (2, 16), "X25519": (1, 32)}.get(kind, (1, 1120))
    need((len(arguments), len(share)) == form and len(body) == 32, "a malformed stanza")
    if kind == "scrypt":
        need(arguments[1] in map(str, range(1, 21)), "work factor")
        salt, cost = b"age-encryption.org/v1/scrypt" + share, 2 ** int(arguments[1])
        wrap = hashlib.scrypt(identity.encode(), salt=salt, n=cost, r=8, p=1, maxmem=2**31 - 1, dklen=32)
        return ChaCha20Poly1305(wrap).decrypt(bytes(12), body, None)
    bits = "".join(f"{'qpzry9x8gf2tvdw0s3jn54khce6mua7l'.index(digit):05b}" for digit in identity.lower()[-58:-6])
    secret = int(bits[:256], 2).to_bytes(32, "big")
    seed = hashlib.shake_256(secret).digest(96)
    curve = x25519.X25519PrivateKey.from_private_bytes(secret if kind == "X25519" else seed[64:])
    shared = curve.exchange(x25519.X25519PublicKey.from_public_bytes(share[-32:]))  # ValueError if of low order
    if kind == "X25519":
        salt, info = share + curve.public_key().public_bytes_raw(), b"age-encryption.org/v1/X25519"
        return ChaCha20Poly1305(HKDF(hashes.SHA256(), 32, salt, info).derive(shared)).decrypt(bytes(12), body, None)
    both = hpke.MLKEM768X25519PrivateKey(mlkem.MLKEM768PrivateKey.from_seed_bytes(seed[:64]), curve)
    suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
    return suite.decrypt(share + body, both, b"age-encryption.org/mlkem768x25519")


def decrypt(data: bytes, identity: str) -> bytes:
    """The plaintext of an age file, with an identity string or else a passphrase (age-profile.md 2 to 4)."""
    kind = {"AGE-SECRET-KEY-1": "X25519", "AGE-SECRET-KEY-P": "mlkem768x25519"}.get(identity[:16], "scrypt")
    stanza = r"-> ([!-~]+(?: [!-~]+)*)\n((?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{0,63})\n"
    found = re.match(rf"age-encryption\.org/v1\n(?:{stanza})+--- (.{{43}})\n", data[:65536].decode("latin-1"))
    head, file_key = found[0] if found else "", b""
    stanzas = [(words.split(" "), unbase64(body.replace("\n", ""))) for words, body in re.findall(stanza, head)]
    need(0 < len(stanzas) <= (1 if any(words[0] == "scrypt" for words, _ in stanzas) else 64), "header")
    for (name, *arguments), body in stanzas:
        with suppress(InvalidTag):
            file_key = file_key or (unwrap(kind, identity, arguments, body) if name == kind else b"")
    mac = hmac.digest(HKDF(hashes.SHA256(), 32, None, b"header").derive(file_key), head[:-45].encode(), "sha256")
    need(file_key and unbase64(head[-44:-1]) == mac, "not for this identity, or another MAC")
    nonce, rest = data[len(head) : len(head) + 16], data[len(head) + 16 :]
    aead = ChaCha20Poly1305(HKDF(hashes.SHA256(), 32, nonce, b"payload").derive(file_key))
    chunks = [rest[at : at + 65552] for at in range(0, max(1, len(rest)), 65552)]
    need(len(chunks) == 1 or len(chunks[-1]) > 16, "an empty last chunk")
    nonces = [n.to_bytes(11) + bytes([n == len(chunks) - 1]) for n in range(len(chunks))]
    return b"".join(aead.decrypt(nonce, chunk, None) for nonce, chunk in zip(nonces, chunks, strict=True))


def read_container(data: bytes) -> dict[str, bytes]:
    """The files of the tar container by their paths in the bag, in order (bundle.md 2)."""
    files, again, at = dict[str, bytes](), list[bytes](), 0
    while found := HEADER.match(data, at):
        name, size = found[1].decode(), int(found[2], 8)
        need(name[4:] not in files and len(files) < 100_000, "a second file of one name, or too many")
        front = name.encode().ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + b"%011o\x0002263523000\0" % size
        back = b"0".ljust(101, b"\0") + b"ustar\x0000" + bytes(64) + b"0000000\0" * 2 + bytes(167)
        files[name[4:]] = data[at + 512 : at + 512 + size]
        again += [front, b"%06o\0 " % (sum(front + back) + 8 * 32), back, files[name[4:]], bytes(-size % 512)]
        at += 512 + size + -size % 512
    exponent = (at + 1024).bit_length() - 1
    unit = max(512, 2 ** (exponent - exponent.bit_length()))
    need(data == b"".join(again).ljust(at + 1024 + -(at + 1024) % unit, b"\0"), "another spelling of the container")
    return files


def check_signature(key: bytes, signature: bytes, message: bytes) -> None:
    """Ed25519, strict: canonical, the key of order L, no neutral nonce; InvalidSignature if it does not verify."""
    # A point of order L, and no other, is its own multiple by a number that is 1 or -1 modulo L and 0 modulo 8.
    y, one = int.from_bytes(key, "little") % 2**255, 8 * pow(8, -1, L)
    u = ((1 + y) * pow(1 - y, -1, P) % P).to_bytes(32, "little")
    number = x25519.X25519PrivateKey.from_private_bytes(max(one, 8 * L - one).to_bytes(32, "little"))
    need(y < P and number.exchange(x25519.X25519PublicKey.from_public_bytes(u)) == u, "no point of order L")
    need(int.from_bytes(signature[32:], "little") < L and signature[:32] != b"\1" + bytes(31), "no strict signature")
    ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, message)


def read_sshsig(armored: bytes, message: bytes) -> bytes:
    """The key whose signature of the message, in the bundles' namespace, this file is (fingerprint.md 5)."""
    blob = b64decode(b"".join(armored.split(b"\n")[1:-2]))
    key, signature, names = blob[33:65], blob[-64:], b"\0\0\0\x0fevidence-bundle\0\0\0\0\0\0\0\6sha512"
    again = b"SSHSIG\0\0\0\1\0\0\0\x33" + KEY_BLOB + key + names + b"\0\0\0\x53" + KEY_BLOB[:-1] + b"\x40" + signature
    text = re.sub("(.{70})(?!$)", r"\1\n", b64encode(again).decode())
    need(armored.decode() == f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n", "its spelling")
    check_signature(key, signature, b"SSHSIG" + names + b"\0\0\0\x40" + hashlib.sha512(message).digest())
    return key


def digest_of(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode()).digest(), b"-_").decode().rstrip("=")


def read_record(ident: str, data: bytes, key: bytes, issuer: str) -> dict[str, Any]:
    """What a record discloses, as its readable copy tells it (record.md 3 to 6, bundle.md 8)."""
    jwt, *texts, end = data.decode("ascii").split("~")
    need(not end and len(jwt) <= 2**24 and len(texts) <= 100_000, "the form of a record")
    header, body, signature = (unbase64(part, b"-_") for part in jwt.split("."))
    need(header == b'{"alg":"EdDSA","typ":"evidence-record+sd-jwt"}', "header")
    opened = {digest_of(text): read_json(unbase64(text, b"-_"), "disclosure")[1:] for text in texts}
    need(list(opened) == sorted(opened) and len(opened) == len(texts), "disclosures out of order, or twice")
    check_signature(key, signature, jwt.rpartition(".")[0].encode())
    payload, seen = read_json(body, "record"), set[str]()
    need((payload["id"], payload["iss"]) == (ident, issuer) and payload["version"] < 2**31, "id, issuer or version")

    def plain(value: Any, depth: int = 0) -> Any:
        need(not isinstance(value, int) or abs(value) < 2**53, "a number out of range")
        if not isinstance(value, dict | list):
            return value
        digests = value["_sd"] if isinstance(value, dict) else [element["..."] for element in value]
        need(depth < 8 and len(seen.union(digests)) == len(seen) + len(digests), "too deep, or a digest twice")
        seen.update(digests)
        found = [opened[digest] for digest in digests if digest in opened]
        if isinstance(value, list):
            return [plain(inner, depth + 1) for (inner,) in found]
        members = {name: plain(inner, depth + 1) for name, inner in found}
        need(digests == sorted(digests) and len(members) == len(found), "digests out of order, or a name twice")
        return dict(sorted(members.items(), key=lambda member: member[0].encode("utf-16-be")))

    meta, fields = plain({"_sd": payload["_sd"]}), plain(payload["fields"])
    need(seen >= set(opened), "a disclosure that nothing names")
    need(all(re.fullmatch("[a-z][a-z0-9_]{0,63}", name) and name not in payload for name in meta), "a name of metadata")
    parts, digest = meta.pop("parts", None), hashlib.sha256(jwt.encode()).hexdigest()
    need(parts is None or (type(parts) is int and parts >= len(opened)), "the count of parts")
    told = {"digest": digest, "fields": fields, "id": payload["id"], "meta": meta, "signer": issuer}
    return told | {"type": payload["type"], "version": payload["version"], "withheld": parts != len(opened)}


def climb(node: bytes, number: int, size: int, path: list[str], leaf: bool = False) -> tuple[bytes, bytes]:
    """The roots over the first `number` leaves and over all, from the node in which both end (custody-log.md 3)."""
    turns, old, new = list[bool](), node, node
    for _ in path:
        need(size > 1 and (leaf or number < size), "a path too long")
        half = 2 ** ((size - 1).bit_length() - 1)
        turns.append(number > half)
        number, size = (number - half, size - half) if number > half else (number, half)
    need(number == size and (size == 1 or not leaf), "a path too short")
    for right, other in zip(reversed(turns), map(b64decode, path), strict=True):
        old = hashlib.sha256(b"\1" + other + old).digest() if right else old
        new = hashlib.sha256(b"\1" + (other + new if right else new + other)).digest()
    return old, new


def read_checkpoint(note: bytes, key: bytes) -> tuple[str, int, str]:
    """Origin, size and root of a checkpoint with one signature, by this key (custody-log.md 4, 5)."""
    [(text, origin, size, root, mark)] = re.findall(
        rf"\A{FORMS['NOTE']}\Z", note.decode()
    )  # ValueError if there is none
    signed = hashlib.sha256(f"{origin}\n\1".encode() + key).digest()[:4] + b64decode(mark)[4:]
    need(b64encode(signed).decode() == mark, "another key id or spelling")
    check_signature(key, signed[4:], text.encode())
    return origin, int(size), root


def html(value: Any) -> str:
    """R(x) of bundle.md 8."""
    if isinstance(value, dict):
        told = dump(value.get("language"))
        page = f"<dl lang={told}>\n" if re.fullmatch(FORMS["LANGUAGE"], told) else "<dl>\n"
        return page + "".join(f"<dt>\n{html(n)}</dt>\n<dd>\n{html(x)}</dd>\n" for n, x in value.items()) + "</dl>\n"
    if isinstance(value, list):
        return "<ul>\n" + "".join(f"<li>\n{html(inner)}</li>\n" for inner in value) + "</ul>\n"
    text = escape(value if isinstance(value, str) else dump(value)).replace("&#x27;", "&#39;")
    return f'<p dir="auto">{re.sub(UNSHOWN, lambda found: f"[U+{ord(found[0]):04X}]", text)}</p>\n'


def verify(data: bytes, identity: str, recipient: str) -> dict[str, Any]:
    """Verify an age file, or a container without an identity, for the owner of this recipient string ("": none)."""
    step = "age"
    try:
        data = decrypt(data, identity) if identity else data
        step = "container"
        files = read_container(data)
        digests = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
        payload = sorted(path for path in files if path.startswith("data/"))
        step = "layout"
        records = [path for path in payload if re.fullmatch(r"data/records/[0-9a-f]{32}\.(json|sd-jwt)", path)]
        contents = [path for path in payload if re.fullmatch(FORMS["CONTENT"], path)]
        always, optional = LAYOUT[:12], [path for path in LAYOUT[12:] if path in files]
        need(list(files) == always + optional + records + contents, "files missing, unexpected or out of order")
        small = [len(files[path]) for path in files.keys() - set(contents)]
        need(max(small) <= 2**25 and sum(small) <= 3 * 2**25, "too large")
        step = "manifests"
        need(files["bagit.txt"] == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n", "bagit.txt")
        for name, listed in ("manifest-sha256.txt", payload), ("tagmanifest-sha256.txt", TAGS):
            need(files[name].decode() == "".join(f"{digests[path]}  {path}\n" for path in listed), name)
        step = "signature"
        key = read_sshsig(files["tagmanifest-sha256.txt.sig"], files["tagmanifest-sha256.txt"])
        line, hashed = f"ssh-ed25519 {b64encode(KEY_BLOB + key).decode()}", hashlib.sha256(KEY_BLOB + key).digest()
        signers = rf'\A([A-Za-z0-9][A-Za-z0-9._@-]{{0,63}}) namespaces="evidence-bundle" {re.escape(line)}\n\Z'
        [name] = re.findall(signers, files["signers"].decode())  # ValueError if it is something else
        pem = b64encode(bytes.fromhex("302a300506032b6570032100") + key)
        need(files["signer.pem"] == b"-----BEGIN PUBLIC KEY-----\n%b\n-----END PUBLIC KEY-----\n" % pem, "signer.pem")
        step = "description"
        about = read_json(files["data/bundle.json"], "description")
        keys, kind = about["recipient"].values()
        need(max(about["number"], about["checkpoint"]["size"]) < 2**53 and keys == sorted(set(keys)), "number or keys")
        datetime.strptime(about["sealed_at"], "%Y-%m-%dT%H:%M:%SZ")  # ValueError if the calendar does not have it
        digits = " ".join(re.findall(".{5}", f"{int.from_bytes(hashed, 'big') % 10**40:040d}"))
        need(about["sender"] == {"fingerprint": digits, "signing_key": line}, "sender")
        there = [{"path": p, "sha256": digests[p], "size": len(files[p])} for p in payload if p != "data/bundle.json"]
        need(about["contents"] == there, "contents")
        info = f"{about['bundle_id']}\nPayload-Oxum: {sum(len(files[path]) for path in payload)}.{len(payload)}\n"
        need(files["bag-info.txt"].decode() == f"External-Identifier: {info}", "bag-info.txt")
        step = "recipient"
        mine = hashlib.sha256(recipient.encode()).hexdigest() in keys if recipient else kind == "passphrase"
        need(mine, "made for somebody else")
        step, issuer = "records", "SHA256:" + b64encode(hashed).decode().rstrip("=")
        found = {p[13:45]: read_record(p[13:45], files[p], key, issuer) for p in records if p.endswith(".sd-jwt")}
        need(found.keys() >= {path[13:45] for path in records}, "a copy without its original")
        step = "attachments"
        need(len({path[17:49] for path in contents}) == len(contents), "two contents of one id")
        for path in contents:
            record = found.get(path[17:49], {"type": "", "fields": {}})
            told = [record["type"], record["fields"].get("sha256"), record["fields"].get("size")]
            need(dump(told) == dump(["attachment", digests[path], len(files[path])]), "a file that no record describes")
        step, log, note = "custody", list[dict[str, Any]](), files["data/custody/checkpoint"]
        origin, size, root = read_checkpoint(note, key)
        need(about["checkpoint"] == {"origin": origin, "root": root, "size": size}, "not the checkpoint described")
        for entry in read_json(files["data/custody/entries.json"], "entries"):
            leaf, texts = read_json(entry["entry"].encode(), "leaf"), entry["disclosures"]
            places = [leaf["_sd"].index(digest_of(text)) for text in texts]  # ValueError if it is not there
            need(len(set(leaf["_sd"])) == 12 and places == sorted(set(places)), "digests twice, or slots out of order")
            slots = [read_json(unbase64(t, b"-_"), list(FORMS)[n - 12])[1:] for t, n in zip(texts, places, strict=True)]
            need(all(value for _, value in slots) and max(map(len, texts), default=0) <= 2**23, "an empty or long slot")
            node, number = hashlib.sha256(b"\0" + entry["entry"].encode()).digest(), leaf["number"]
            _, new = climb(node, number + 1, size, entry["proof"], leaf=True)
            need(new == b64decode(root) and all(one["number"] < number for one in log[-1:]), "a proof, or the order")
            log.append({"epoch": leaf["epoch"], "event": dict(sorted(slots)), "number": leaf["number"]})
        if optional:
            earlier, continuation = (files[path] for path in optional)  # ValueError for one without the other
            begin, number, before = read_checkpoint(earlier, key)
            [(old, proof, newer)] = re.findall(rf"\A{FORMS['CONTINUATION']}\Z", continuation.decode(), re.S)
            need((int(old), newer, begin[:47]) == (number, note.decode(), origin[:47]), "another log or checkpoint")
            first, *rest = proof.split() if number & (number - 1) and number < size else [before, *proof.split()]
            need(climb(b64decode(first), number, size, rest) == (b64decode(before), b64decode(root)), "its proof")
        step = "copies"
        parts = [("Bundle", about | {"contents": [one for one in there if one["path"] in contents]})]
        for record in sorted(found.values(), key=lambda record: (record["type"] == "attachment", record["type"])):
            parts.append((f"{record['type']} {record['id']}", record))
        parts += [(f"Custody entry {entry['number']}", entry) for entry in log]
        page = "".join(f"<section>\n<h2>{title}</h2>\n{html(value)}</section>\n" for title, value in parts)
        need(files["data/report.html"].decode() == f"{HTML_HEAD}{page}</body>\n</html>\n", "report.html")
        need(all(files.get(f"data/records/{ident}.json") == dump(found[ident]).encode() for ident in found), "a copy")
        need(files["VERIFY.txt"].decode() == VERIFY_TXT.replace("NAME", name), "VERIFY.txt")
    except (ValueError, RecursionError, InvalidSignature, InvalidTag) as error:
        raise Refused(step, f"{type(error).__name__}: {error}") from None
    return {"signer": key.hex(), "bundle": about, "records": found, "custody": log, "files": files}
