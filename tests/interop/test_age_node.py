"""The npm package age-encryption (typage) opens ours and ours opens its files; the CCTV age vectors all come out right.

The packages are installed from `node/package-lock.json`, which names no registry; without node or npm, or without a
registry that can be reached, these tests are skipped.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest

from vault.errors import FormatError, IntegrityError, NotForUsError, RefusedError, UnlockError
from vault.formats.age import (
    AgeReader,
    HybridIdentity,
    X25519Identity,
    decrypt_bytes,
    encrypt_bytes,
    parse_identity,
    parse_recipient,
)
from vault.model import Secret

NODE = Path(__file__).parent / "node"
SIZES = [0, 1, 65535, 65536, 65537, 3 * 1024 * 1024]
PATTERN = bytes(range(251)) * (3 * 1024 * 1024 // 251 + 1)

REFUSED_IN_OTHER_WORDS = {
    # Neither header nor armor: which of the two it was meant to be cannot be said.
    "armor_garbage_leading": "not an age file",
    "empty": "not an age file",
    # Well formed; refused for what it would cost.
    "scrypt_work_factor_23": "refused",
    "scrypt_work_factor_overflow": "refused",
}


@pytest.fixture(scope="session")
def typage():
    """Return a function that runs the node script with arguments and standard input."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    if not (NODE / "node_modules" / ".package-lock.json").is_file():
        installed = subprocess.run(["npm", "ci"], cwd=NODE, capture_output=True, text=True, timeout=300)
        if installed.returncode:
            pytest.skip("npm could not install age-encryption and cctv-age")

    def run(*arguments: str, stdin: bytes = b"") -> bytes:
        command = ["node", str(NODE / "typage.mjs"), *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, check=True, timeout=120).stdout

    return run


def test_the_lock_file_names_no_registry():
    assert "resolved" not in (NODE / "package-lock.json").read_text()
    assert "://" not in (NODE / ".npmrc").read_text()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [HybridIdentity, X25519Identity], ids=["hybrid", "x25519"])
def test_typage_opens_ours(typage, kind, size):
    identity = kind.generate()
    data = PATTERN[:size]
    assert typage("decrypt", identity.text, stdin=encrypt_bytes(data, [identity.recipient])) == data


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [HybridIdentity, X25519Identity], ids=["hybrid", "x25519"])
def test_ours_opens_typage(typage, kind, size):
    identity = kind.generate()
    data = PATTERN[:size]
    file = typage("encrypt", kind.generate().recipient.text, identity.recipient.text, stdin=data)
    assert decrypt_bytes(file, identities=[identity]) == data


def test_ours_opens_armor_of_typage(typage):
    identity = HybridIdentity.generate()
    assert decrypt_bytes(
        typage("encrypt-armored", identity.recipient.text, stdin=b"x" * 999), identities=[identity]
    ) == (b"x" * 999)


def test_hybrid_keys_of_typage_are_ours(typage):
    keys = json.loads(typage("keygen"))
    identity = parse_identity(keys["identity"])
    assert (identity.text, identity.recipient.text) == (keys["identity"], keys["recipient"])
    assert parse_recipient(keys["recipient"]).text == keys["recipient"]


def test_typage_refuses_ours_with_one_byte_altered(typage):
    identity = HybridIdentity.generate()
    file = bytearray(encrypt_bytes(b"evidence", [identity.recipient]))
    file[-1] ^= 1
    with pytest.raises(subprocess.CalledProcessError):
        typage("decrypt", identity.text, stdin=bytes(file))


def read_vector(raw: bytes) -> tuple[dict[str, list[str]], bytes]:
    head, body = raw.split(b"\n\n", 1)
    fields: dict[str, list[str]] = {}
    for line in head.decode().splitlines():
        key, value = line.split(": ", 1)
        fields.setdefault(key, []).append(value)
    return fields, zlib.decompress(body) if fields.get("compressed") == ["zlib"] else body


def outcome(file: bytes, fields: dict[str, list[str]], step: int) -> tuple[str, bytes]:
    """Read a file in steps; return what became of it, in the words of the vectors, and what was given out."""
    identities = [parse_identity(text) for text in fields.get("identity", [])]
    passphrase = Secret(fields["passphrase"][0].encode()) if "passphrase" in fields else None
    released = b""
    try:
        reader = AgeReader(io.BytesIO(file), identities=identities, passphrase=passphrase)
        while part := reader.read(step):
            released += part
    except (NotForUsError, UnlockError):
        return "no match", released
    except RefusedError:
        return "refused", released
    except FormatError as error:
        where = {"age file": "not an age file", "age header": "header failure", "age armor": "armor failure"}
        return where.get(error.where, "payload failure"), released
    except IntegrityError as error:
        return "HMAC failure" if error.where == "age header" else "payload failure", released
    return "success", released


def test_all_cctv_vectors_come_out_as_expected(typage):
    vectors = {name: base64.b64decode(text) for name, text in json.loads(typage("vectors")).items()}
    assert len(vectors) >= 143
    wrong = []
    for name, raw in vectors.items():
        fields, file = read_vector(raw)
        expected = REFUSED_IN_OTHER_WORDS.get(name, fields["expect"][0])
        for step in (65536, 1_000_003):
            result, released = outcome(file, fields, step)
            payload = fields.get("payload", [hashlib.sha256(released).hexdigest()])[0]
            if result != expected or hashlib.sha256(released).hexdigest() != payload:
                wrong.append((name, expected, result))
    assert wrong == []
