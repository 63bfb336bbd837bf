"""A slow second reader of age files, written from docs/formats/age-profile.md and C2SP age.md alone.

It shares no code with the program: the standard library and `cryptography` only, the whole file in memory.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
PREFIXES = {"age-secret-key-": "X25519", "age-secret-key-pq-": "mlkem768x25519"}


class Refused(Exception):
    """The bundle is not accepted: `step` as in bundle.md 9 (or `age`), `reason` in words."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step, self.reason = step, reason


def need(condition: object, step: str, reason: str) -> None:
    """Refuse unless the condition holds."""
    if not condition:
        raise Refused(step, reason)


def unbase64(text: str, step: str, url: bool = False, padded: bool = False) -> bytes:
    """Base64 in its one spelling: no line breaks, no other characters, unused bits zero."""
    need(isinstance(text, str), step, "no base64")
    try:
        data = base64.b64decode(
            text + ("" if padded else "=" * (-len(text) % 4)), b"-_" if url else None, validate=True
        )
    except ValueError:
        raise Refused(step, "no base64") from None
    again = (base64.urlsafe_b64encode if url else base64.b64encode)(data).decode()
    need((again if padded else again.rstrip("=")) == text, step, "another spelling of base64")
    return data


def bech32(prefix: str, data: bytes) -> str:
    """A key in text, in lower case (BIP 173)."""
    bits = "".join(f"{byte:08b}" for byte in data)
    digits, check = [int(bits[i : i + 5].ljust(5, "0"), 2) for i in range(0, len(bits), 5)], 1
    for digit in [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + digits + [0] * 6:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ digit
        for bit, factor in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= factor if top >> bit & 1 else 0
    return prefix + "1" + "".join(BECH32[d] for d in digits + [(check ^ 1) >> 5 * (5 - i) & 31 for i in range(6)])


def parse_identity(identity: str) -> tuple[str, bytes, str]:
    """Stanza type, secret and recipient string of an identity string; any other text is a passphrase."""
    if not identity.startswith("AGE-SECRET-KEY-"):
        return "scrypt", identity.encode(), ""
    prefix, _, text = identity.lower().rpartition("1")
    bits = "".join(f"{BECH32.find(c) % 32:05b}" for c in text[:-6])
    secret = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits) // 8 * 8, 8))
    known = prefix in PREFIXES and len(secret) == 32 and bech32(prefix, secret).upper() == identity
    need(known, "age", "no identity string in its one spelling")
    if PREFIXES[prefix] == "X25519":
        return (
            "X25519",
            secret,
            bech32("age", X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()),
        )
    keys = b"".join(key.public_key().public_bytes_raw() for key in hybrid_keys(secret))
    return PREFIXES[prefix], secret, bech32("age1pq", keys)


def hybrid_keys(secret: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    """The two private keys of a hybrid identity (age-profile.md 6)."""
    seed = hashlib.shake_256(secret).digest(96)
    return MLKEM768PrivateKey.from_seed_bytes(seed[:64]), X25519PrivateKey.from_private_bytes(seed[64:])


def unwrap(kind: str, secret: bytes, arguments: list[str], body: bytes) -> bytes:
    """The file key out of one stanza of the identity's type; InvalidTag if it is for somebody else."""
    share, form = unbase64(arguments[0] if arguments else "", "age"), {"X25519": (1, 32), "scrypt": (2, 16)}
    need((len(arguments), len(share)) == form.get(kind, (1, 1120)) and len(body) == 32, "age", "malformed stanza")
    if kind == "scrypt":
        need(re.fullmatch("[1-9][0-9]?", arguments[1], re.A) and int(arguments[1]) <= 20, "age", "work factor")
        salt, cost = b"age-encryption.org/v1/scrypt" + share, 2 ** int(arguments[1])
        wrap = hashlib.scrypt(secret, salt=salt, n=cost, r=8, p=1, maxmem=2**31 - 1, dklen=32)
        return ChaCha20Poly1305(wrap).decrypt(bytes(12), body, None)
    kem, curve = hybrid_keys(secret) if kind != "X25519" else (None, X25519PrivateKey.from_private_bytes(secret))
    try:
        shared = curve.exchange(X25519PublicKey.from_public_bytes(share[-32:]))
    except ValueError:
        raise Refused("age", "a share of low order") from None
    if kem:
        suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
        return suite.decrypt(share + body, MLKEM768X25519PrivateKey(kem, curve), b"age-encryption.org/mlkem768x25519")
    salt, info = share + curve.public_key().public_bytes_raw(), b"age-encryption.org/v1/X25519"
    return ChaCha20Poly1305(HKDF(SHA256(), 32, salt, info).derive(shared)).decrypt(bytes(12), body, None)


def unarmor(data: bytes) -> bytes:
    """The file in an armor of one spelling (age-profile.md 5)."""
    line = b"\r\n" if b"\r\n" in data.strip() else b"\n"
    begin, end = b"-----BEGIN AGE ENCRYPTED FILE-----", b"-----END AGE ENCRYPTED FILE-----"
    space = rb"[ \t\r\n]{0,1024}"
    text = rb"((?:[^\r\n]{64}" + line + rb")*[^\r\n]{1,64})"
    found = re.fullmatch(space + begin + line + text + line + end + rb"(?:" + line + rb")?" + space, data)
    if found is None:
        raise Refused("age", "armor")
    return unbase64(found[1].replace(line, b"").decode("latin-1"), "age", padded=True)


def decrypt(data: bytes, kind: str, secret: bytes) -> bytes:
    """The plaintext of an age file (age-profile.md 2 to 5)."""
    if data.lstrip(b" \t\r\n").startswith(b"-----"):
        data = unarmor(data)
    stanza = rb"-> ([!-~]+(?: [!-~]+)*)\n((?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{0,63})\n"
    head = re.match(rb"age-encryption\.org/v1\n(?:" + stanza + rb")+--- ([A-Za-z0-9+/]{43})\n", data[:65536])
    if head is None:
        raise Refused("age", "header")
    text, file_key = head[0].decode(), b""
    stanzas = [(a.decode().split(" "), b.decode().replace("\n", "")) for a, b in re.findall(stanza, head[0])]
    need(len(stanzas) <= 64 and (len(stanzas) == 1 or all(a[0] != "scrypt" for a, _ in stanzas)), "age", "stanzas")
    for (name, *arguments), body in stanzas:
        wrapped = unbase64(body, "age")
        try:
            file_key = unwrap(kind, secret, arguments, wrapped) if name == kind else file_key
        except InvalidTag:
            continue
    need(file_key, "age", "not for this identity")
    mac = hmac.digest(HKDF(SHA256(), 32, None, b"header").derive(file_key), text[:-45].encode(), "sha256")
    need(unbase64(text[-44:-1], "age") == mac, "age", "header MAC")
    nonce, rest = data[len(text) : len(text) + 16], data[len(text) + 16 :]
    need(len(nonce) == 16, "age", "the file ends before the nonce is complete")
    aead, out = ChaCha20Poly1305(HKDF(SHA256(), 32, nonce, b"payload").derive(file_key)), []
    for number in range(max(1, -(-len(rest) // 65552))):
        chunk, last = rest[number * 65552 : (number + 1) * 65552], (number + 1) * 65552 >= len(rest)
        try:
            out.append(aead.decrypt(number.to_bytes(11, "big") + bytes([last]), chunk, None))
        except InvalidTag:
            raise Refused("age", f"chunk {number}") from None
        need(out[-1] or number == 0, "age", "an empty last chunk")
    return b"".join(out)
