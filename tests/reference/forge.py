"""A stranger who takes opened bundles apart and puts them together again, each layer signed anew with another key.

For the tests of the second verifier: what is altered below a layer fits all layers above it, so that only the rule at
hand can refuse it.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.reference import verifier
from vault.bundle.report import record_copy, report_html
from vault.bundle.verify import verify_stream
from vault.errors import VaultError

L = 2**252 + 27742317777372353535851937790883648493
HEADER = {"alg": "EdDSA", "typ": "evidence-record+sd-jwt"}
EARLIER, CONTINUATION = verifier.LAYOUT[12:]
Files = dict[str, bytes]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: in_order(value[name]) for name in sorted(value, key=lambda name: name.encode("utf-16-be"))}
    return [in_order(inner) for inner in value] if isinstance(value, list) else value


def dump(value: Any) -> bytes:
    """Canonical JSON, of values that a reader would refuse too."""
    return json.dumps(in_order(value), ensure_ascii=False, separators=(",", ":")).encode()


def disclosure(*parts: Any, salt: str = "c2FsdHNhbHRzYWx0c2FsdA") -> str:
    return b64(dump([salt, *parts]))


def digest_of(text: str) -> str:
    return b64(hashlib.sha256(text.encode()).digest())


def decoy(number: int) -> str:
    return b64(hashlib.sha256(b"decoy %d" % number).digest())


def sha256(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def bech32(prefix: str, data: bytes) -> str:
    """A key in text, in lower case (BIP 173)."""
    bits = "".join(f"{byte:08b}" for byte in data)
    digits, check = [int(bits[i : i + 5].ljust(5, "0"), 2) for i in range(0, len(bits), 5)], 1
    for digit in [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + digits + [0] * 6:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ digit
        for bit, factor in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= factor if top >> bit & 1 else 0
    digits += [(check ^ 1) >> 5 * (5 - i) & 31 for i in range(6)]
    return prefix + "1" + "".join("qpzry9x8gf2tvdw0s3jn54khce6mua7l"[digit] for digit in digits)


def age_keys(secret: bytes, hybrid: bool = False) -> tuple[str, str]:
    """The identity string and the recipient string of 32 bytes (age-profile.md 6)."""
    seed = hashlib.shake_256(secret).digest(96)
    curve = X25519PrivateKey.from_private_bytes(seed[64:] if hybrid else secret).public_key().public_bytes_raw()
    kem = MLKEM768PrivateKey.from_seed_bytes(seed[:64]).public_key().public_bytes_raw() if hybrid else b""
    identity = bech32("age-secret-key-pq-" if hybrid else "age-secret-key-", secret).upper()
    return identity, bech32("age1pq" if hybrid else "age", kem + curve)


class Signer:
    """An ordinary key."""

    def __init__(self, seed: bytes = b"a stranger".ljust(32)) -> None:
        self.secret = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = self.secret.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self.secret.sign(message)


class LooseSigner(Signer):
    """Signs with a second half above the group order: most verifiers of old accepted that."""

    def sign(self, message: bytes) -> bytes:
        signature = super().sign(message)
        return signature[:32] + (int.from_bytes(signature[32:], "little") + L).to_bytes(32, "little")


class NeutralNonceSigner(Signer):
    """Signs with the neutral element as first half, which libraries differ about."""

    def sign(self, message: bytes) -> bytes:
        first = b"\1".ljust(32, b"\0")
        challenge = int.from_bytes(hashlib.sha512(first + self.key + message).digest(), "little") % L
        scalar = MixedSigner.clamp(b"a stranger".ljust(32))
        return first + (challenge * scalar % L).to_bytes(32, "little")


class NeutralSigner(Signer):
    """A key for which one signature verifies for every message."""

    def __init__(self) -> None:
        self.key = b"\1".ljust(32, b"\0")

    def sign(self, message: bytes) -> bytes:
        return bytes.fromhex("58" + "66" * 31) + b"\1".ljust(32, b"\0")


class MixedSigner(Signer):
    """The negated point of an ordinary key with the other y: that key plus the point of order 2."""

    def __init__(self) -> None:
        super().__init__()
        self.scalar = self.clamp(b"a stranger".ljust(32))
        number = int.from_bytes(self.key, "little")
        y, sign = number % 2**255, number >> 255
        self.key = ((2**255 - 19 - y) | ((1 - sign) << 255)).to_bytes(32, "little")

    @staticmethod
    def clamp(seed: bytes) -> int:
        number = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
        return number & ((1 << 254) - 8) | 1 << 254

    def sign(self, message: bytes) -> bytes:
        for attempt in range(100):
            nonce = hashlib.sha256(message + bytes([attempt])).digest()
            point = Signer(nonce).key
            challenge = int.from_bytes(hashlib.sha512(point + self.key + message).digest(), "little") % L
            if challenge % 2 == 0:
                return point + ((self.clamp(nonce) + challenge * self.scalar) % L).to_bytes(32, "little")
        raise AssertionError


def sshsig(signer: Signer, message: bytes, namespace: bytes = b"evidence-bundle", version: int = 1) -> bytes:
    name = string(namespace) + string(b"") + string(b"sha512")
    signature = signer.sign(b"SSHSIG" + name + string(hashlib.sha512(message).digest()))
    key = string(string(b"ssh-ed25519") + string(signer.key))
    blob = b"SSHSIG" + version.to_bytes(4, "big") + key + name + string(string(b"ssh-ed25519") + string(signature))
    text = base64.b64encode(blob).decode()
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""]).encode()


def tar_header(name: bytes, size: bytes, edit: Callable[[bytearray], None] | None = None) -> bytes:
    block = bytearray(512)
    for at, value in (
        (0, name), (100, b"0000644"), (108, b"0000000"), (116, b"0000000"), (124, size), (136, b"02263523000"),
        (148, b" " * 8), (156, b"0"), (257, b"ustar\x0000"), (329, b"0000000"), (337, b"0000000"),
    ):  # fmt: skip
        block[at : at + len(value)] = value
    if edit:
        edit(block)
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def pack(files: Files, spoilt: str = "", edit: Callable[[bytearray], None] | None = None, twice: str = "") -> bytes:
    """The container; `edit` changes the header of `spoilt` before its checksum is made, `twice` is in it twice."""
    out = b""
    for name in [path for path in files for _ in range(1 + (path == twice))]:
        content = files[name]
        edited = edit if name == spoilt else None
        out += tar_header(f"bag/{name}".encode(), b"%011o" % len(content), edited)
        out += content + bytes(-len(content) % 512)
    out += bytes(1024)
    exponent = len(out).bit_length() - 1
    unit = 1 << exponent - exponent.bit_length()
    return out + bytes(-len(out) % unit + -(len(out) + -len(out) % unit) % 512)


class Forger:
    """Opened files, to be changed and then signed as a whole by `signer`."""

    def __init__(self, files: Files, signer: Signer | None = None) -> None:
        self.files, self.signer = dict(files), signer or Signer()
        blob = string(b"ssh-ed25519") + string(self.signer.key)
        self.line = f"ssh-ed25519 {base64.b64encode(blob).decode()}"
        digest = hashlib.sha256(blob).digest()
        self.issuer = "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
        digits = f"{int.from_bytes(digest, 'big') % 10**40:040d}"
        self.digits = " ".join(digits[at : at + 5] for at in range(0, 40, 5))
        self.about = json.loads(files["data/bundle.json"])
        self.about["sender"] = {"fingerprint": self.digits, "signing_key": self.line}
        self.name = "sender"
        for path in list(self.files):
            if path.endswith(".sd-jwt"):
                self.sign_record(path, lambda payload, texts: None)
        if EARLIER in self.files:
            self.files[EARLIER] = self.note(*self.files[EARLIER].decode().split("\n")[:3])
        origin, size, root, *_ = self.files["data/custody/checkpoint"].decode().split("\n")
        self.sign_checkpoint(origin, int(size), root)

    # --- what lies in the bag -----------------------------------------------------------------------------------------

    def sign_record(self, path: str, change: Callable[[dict[str, Any], list[str]], None]) -> None:
        """Sign the record anew after `change(payload, disclosures)`; keeps the order of the disclosures right."""
        jwt, *texts = self.files[path].decode().split("~")[:-1]
        payload = json.loads(base64.urlsafe_b64decode(jwt.split(".")[1] + "=="))
        payload["iss"] = self.issuer
        change(payload, texts)
        self.put_record(path, payload, sorted(texts, key=digest_of))

    def put_record(self, path: str, payload: Any, texts: list[str], header: Any = None) -> None:
        """Sign this payload (an object, or the bytes of one) as a record."""
        body = payload if isinstance(payload, bytes) else dump(payload)
        signed = f"{b64(dump(header or HEADER))}.{b64(body)}"
        self.files[path] = "~".join([f"{signed}.{b64(self.signer.sign(signed.encode()))}", *texts, ""]).encode()
        self.files.setdefault(path.replace(".sd-jwt", ".json"), b"{}")

    def note(self, origin: str, size: int | str, root: str, name: str | None = None) -> bytes:
        """A signed checkpoint."""
        text, name = f"{origin}\n{size}\n{root}\n", name or origin
        mark = hashlib.sha256(name.encode() + b"\n\1" + self.signer.key).digest()[:4] + self.signer.sign(text.encode())
        return f"{text}\n— {name} {base64.b64encode(mark).decode()}\n".encode()

    def sign_checkpoint(self, origin: str, size: int | str, root: str, name: str | None = None) -> None:
        """Sign a checkpoint, and name it in the description; one of another log continues no earlier one."""
        named = {"origin": origin, "root": root, "size": size}
        self.files["data/custody/checkpoint"] = self.note(origin, size, root, name)
        if CONTINUATION in self.files and self.about["checkpoint"] == named:
            head, _, _ = self.files[CONTINUATION].partition(b"\n\n")
            self.files[CONTINUATION] = head + b"\n\n" + self.files["data/custody/checkpoint"]
        else:
            self.files.pop(EARLIER, None)
            self.files.pop(CONTINUATION, None)
        self.about["checkpoint"] = named

    def only_entry(self, leaf: dict[str, Any] | bytes, disclosures: list[str]) -> None:
        """Make the log one of this leaf alone, with these disclosures."""
        data = leaf if isinstance(leaf, bytes) else dump(leaf)
        root = base64.b64encode(hashlib.sha256(b"\0" + data).digest()).decode()
        self.sign_checkpoint(self.about["checkpoint"]["origin"], 1, root)
        self.entries = [{"disclosures": disclosures, "entry": data.decode(), "proof": []}]

    @property
    def entries(self) -> list[dict[str, Any]]:
        return list(json.loads(self.files["data/custody/entries.json"]))

    @entries.setter
    def entries(self, entries: Any) -> None:
        self.files["data/custody/entries.json"] = dump(entries)

    # --- layer after layer --------------------------------------------------------------------------------------------

    def copies(self) -> None:
        """Make the readable copies and the page fit, as far as what they are made from can be read."""
        self.describe()
        self.list_files()
        self.sign()
        try:
            incoming = verify_stream(io.BytesIO(pack(self.ordered())))
        except VaultError:
            return
        for record in incoming.records:
            self.files[f"data/records/{record.view.id}.json"] = record_copy(record.view)
        if incoming.bundle is not None:
            views, entries = [r.view for r in incoming.records], [e.view for e in incoming.entries]
            self.files["data/report.html"] = report_html(incoming.bundle, views, incoming.attachments, entries)

    def describe(self) -> None:
        """Make the contents in the description fit the files."""
        payload = sorted(path for path in self.files if path.startswith("data/") and path != "data/bundle.json")
        self.about["contents"] = [
            {"path": path, "sha256": sha256(self.files[path]), "size": len(self.files[path])} for path in payload
        ]
        self.files["data/bundle.json"] = dump(self.about)

    def list_files(self) -> None:
        """Make the tag files and manifests fit."""
        payload = sorted(path for path in self.files if path.startswith("data/"))
        oxum = f"{sum(len(self.files[path]) for path in payload)}.{len(payload)}"
        info = f"External-Identifier: {self.about.get('bundle_id')}\nPayload-Oxum: {oxum}\n"
        self.files["bag-info.txt"] = info.encode()
        self.files["signers"] = f'{self.name} namespaces="evidence-bundle" {self.line}\n'.encode()
        der = bytes.fromhex("302a300506032b6570032100") + self.signer.key
        pem = f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(der).decode()}\n-----END PUBLIC KEY-----\n"
        self.files["signer.pem"] = pem.encode()
        self.files["VERIFY.txt"] = verifier.VERIFY_TXT.replace("NAME", self.name).encode()
        self.relist(payload)

    def relist(self, payload: list[str] | None = None) -> None:
        """Make the manifests fit."""
        payload = payload or sorted(path for path in self.files if path.startswith("data/"))
        for name, paths in ("manifest-sha256.txt", payload), ("tagmanifest-sha256.txt", verifier.TAGS):
            lines = "".join(f"{sha256(self.files[path])}  {path}\n" for path in paths)
            self.files[name] = lines.encode()

    def sign(self) -> None:
        """Sign the tag manifest."""
        self.files["tagmanifest-sha256.txt.sig"] = sshsig(self.signer, self.files["tagmanifest-sha256.txt"])

    def ordered(self) -> Files:
        """The files in the order of the container."""
        rest = sorted(path for path in self.files if path not in verifier.LAYOUT)
        rest.sort(key=lambda path: path.startswith("data/attachments/"))
        return {path: self.files[path] for path in [*verifier.LAYOUT, *rest] if path in self.files}
