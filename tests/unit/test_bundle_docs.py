"""The documents of the bundle say what the code does: the worked example, the appendices, the limits, the codes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bundle_world import Sender, untar, unwrap
from vault.bundle import evidence, gather, layout, manifest, verify
from vault.bundle.instructions import verify_text
from vault.crypto.hashes import sha256
from vault.formats.age import X25519Identity
from vault.formats.fingerprint import fingerprint_of_key
from vault.formats.ssh_keys import encode_allowed_signer
from vault.formats.tar import MAX_NAME, MAX_SIZE, container_size, encode_header
from vault.model import Secret

DOCS = Path(__file__).parents[2] / "docs"
BUNDLE = (DOCS / "formats" / "bundle.md").read_text()
BY_HAND = (DOCS / "verify-by-hand.md").read_text()


def dump(data):
    """Rows of 16 bytes, and `*` for further rows of zeros."""
    rows, skipped = [], False
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        if at and row == bytes(16) == data[at - 16 : at]:
            rows += [] if skipped else ["*"]
            skipped = True
            continue
        skipped = False
        rows.append(f"{at:04x}  {row.hex(' ')}  {''.join(chr(b) if 32 <= b < 127 else '.' for b in row)}")
    return "\n".join(rows)


@pytest.fixture(scope="module")
def example():
    """The worked example, made again: without records nothing in it is random."""
    identity = X25519Identity(Secret(bytes(range(32))))
    assert identity.text in BUNDLE
    sender = Sender(entries=0)
    return unwrap(
        sender.seal(identity.recipient, records=(), attachments=(), entries=(), purpose="worked example"), identity
    )


def test_the_worked_example_is_what_the_code_makes(example):
    files = untar(example)
    assert f"{len(example):,} bytes" in BUNDLE
    assert sha256(example).hex() in BUNDLE
    assert dump(example[:512]) in BUNDLE
    for path in ("bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt", "tagmanifest-sha256.txt.sig",
                 "signers", "signer.pem", "data/bundle.json", "data/custody/checkpoint"):  # fmt: skip
        assert files[path].decode() in BUNDLE, path
    assert files["data/custody/entries.json"] == b"[]"
    large = encode_header("bag/data/attachments/00000000000000000000000000000100.mp4", 10_000_000_000)
    assert dump(large) in BUNDLE


def test_the_appendices_are_what_the_code_writes(example):
    assert f"````text\n{verify_text('NAME').decode()}````" in BUNDLE
    head = untar(example)[layout.REPORT].decode().split("<section>")[0]
    assert f"````html\n{head}````" in BUNDLE


def test_the_table_of_padded_lengths_is_right():
    rows = re.findall(r"^\| (?:L|length) \| (.*) \|$", BUNDLE, re.MULTILINE)
    given, padded = ([int(cell.replace(",", "")) for cell in row.split(" | ")] for row in rows)
    assert [container_size(length - 1024) for length in given] == padded


def test_the_limits_are_those_of_the_code():
    assert f"| files in a bag | {layout.MAX_FILES:,} |" in BUNDLE
    assert f"{MAX_NAME} bytes" in BUNDLE
    assert layout.MAX_ATTACHMENT == MAX_SIZE == 1 << 44
    assert f"{layout.MAX_SMALL_FILE:,} bytes" in BUNDLE
    assert f"{layout.MAX_SMALL_TOTAL:,} bytes" in BUNDLE
    assert f"| keys of a recipient | {manifest.MAX_KEYS} |" in BUNDLE
    assert f"| purpose | {manifest.MAX_PURPOSE:,} characters |" in BUNDLE


def test_the_files_are_listed_in_their_order():
    rows = re.findall(r"^\| (\d+) \| `([^`]+)` \|", BUNDLE, re.MULTILINE)
    assert [(str(at), path) for at, path in enumerate((*layout.FIXED, *layout.OPTIONAL), 1)] == rows


def test_every_code_of_a_finding_is_documented():
    sources = "".join(Path(module.__file__).read_text() for module in (verify, evidence, gather))
    codes = set(re.findall(r'\b(?:found|findings)\.add\(\s*"([a-z-]+)"', sources))
    assert len(codes) > 20
    assert [code for code in sorted(codes) if f"`{code}`" not in BUNDLE] == []


def test_what_is_done_by_hand_is_what_the_bag_says():
    """Every command of VERIFY.txt stands in the guide too, word by word."""
    for line in re.findall(r"^    (?:\$ )?((?:age|tar|sha256sum|test|ssh-keygen|sed|openssl|printf) .*)$",
                           verify_text("sender").decode(), re.MULTILINE):  # fmt: skip
        assert f"    {line}\n" in BY_HAND, line


def test_the_digits_are_worked_out_as_the_bag_says(tmp_path):
    """The fingerprint in digits, from the file `signers` alone, by the command of VERIFY.txt as it stands."""
    key = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    (tmp_path / "signers").write_text(encode_allowed_signer("sender", "evidence-bundle", key) + "\n")
    command = re.search(r"^    python3 (-c '.*?'\n)", verify_text("sender").decode(), re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} {command[1]}"], cwd=tmp_path, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stdout.strip() == fingerprint_of_key(key).replace(" ", "")
