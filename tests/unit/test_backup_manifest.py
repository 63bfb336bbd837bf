"""The manifest of a backup: one encoding, the example of its document, and nothing else is accepted."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.crypto import aead
from vault.crypto.hashes import sha256
from vault.errors import FormatError
from vault.formats import backup_manifest
from vault.formats.backup_manifest import LogHead, Manifest

DOCUMENT = (Path(__file__).parents[2] / "docs" / "formats" / "backup.md").read_text()
GOOD = Manifest(7, 100, ("ab" * 32,), LogHead("0f" * 16, 3, "cd" * 32))
DIGEST = st.binary(min_size=32, max_size=32).map(bytes.hex)


def test_the_example_of_the_document_is_what_is_written():
    (text,) = re.findall(r"^\{\"format\".*$", DOCUMENT, re.MULTILINE)
    manifest = backup_manifest.decode(text.encode())
    assert manifest.encode() == text.encode()
    hexes = [re.sub(r"\s", "", block) for block in re.findall(r"```hex\n(.*?)```", DOCUMENT, re.DOTALL)]
    key, digest, sealed = hexes
    assert digest == sha256(text.encode()).hex()
    opened = aead.open_sealed(bytes.fromhex(key), bytes.fromhex(sealed), b"evidence-backup/1 manifest", "the example")
    assert opened == text.encode()


@given(st.integers(1, 99999999), st.lists(DIGEST, max_size=3), st.integers(0, 2**53 - 1), DIGEST)
def test_reading_gives_what_was_written(sequence, names, entries, root):
    size = len(names) * backup_manifest.SEGMENT_SIZE
    manifest = Manifest(sequence, size, tuple(names), LogHead(root[:32], entries, root))
    assert backup_manifest.decode(manifest.encode()) == manifest


@pytest.mark.parametrize(
    "change",
    [
        {"format": "evidence-backup/2"}, {"sequence": 0}, {"sequence": True}, {"size": -1}, {"size": 0}, {"more": 1},
        {"segments": []}, {"segments": ["AB" * 32]}, {"segments": ["ab" * 31]}, {"segments": [1]},
        {"log": None}, {"log": {}}, {"log": []},
    ],
)  # fmt: skip
def test_anything_else_is_refused(change):
    refused({**json.loads(GOOD.encode()), **change})


@pytest.mark.parametrize(
    "change",
    [{"size": -1}, {"size": True}, {"size": "3"}, {"epoch": "0F" * 16}, {"epoch": "0f" * 15}, {"epoch": 1},
     {"root": "cd" * 31}, {"root": None}, {"more": 1}],
)  # fmt: skip
def test_a_head_of_the_log_that_is_none_is_refused(change):
    value = json.loads(GOOD.encode())
    value["log"].update(change)
    refused(value)


@pytest.mark.parametrize("name", ["format", "log", "segments", "sequence", "size"])
def test_every_member_must_be_there(name):
    value = json.loads(GOOD.encode())
    del value[name]
    refused(value)


def refused(value):
    with pytest.raises(FormatError):
        backup_manifest.decode(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


@given(st.binary(max_size=300))
def test_garbage_is_refused(data):
    with pytest.raises(FormatError):
        backup_manifest.decode(data)
