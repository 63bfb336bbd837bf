"""The limits in the code are those of the format documents: what one program writes, every other can read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vault.bundle import layout, manifest
from vault.formats import (
    age_armor,
    age_header,
    age_recipients,
    backup_manifest,
    bech32,
    contact_card,
    custody_entry,
    fingerprint,
    jcs,
    merkle,
    sd_jwt,
    sd_jwt_tree,
    signed_note,
    ssh_keys,
    sshsig,
    tar,
    tlog_consistency,
    tlog_proof,
)

FORMATS = Path(__file__).resolve().parents[2] / "docs" / "formats"

LIMITS = [
    ("record", "JWT", [sd_jwt.MAX_JWT]),
    ("record", "one disclosure text of a record, and its JSON", [sd_jwt.MAX_DISCLOSURE]),
    ("record", "one disclosure text of a record, and its JSON", [jcs.MAX_SIZE]),
    ("record", "the whole text of a record", [sd_jwt.MAX_TEXT]),
    ("record", "disclosures of a record", [sd_jwt.MAX_DISCLOSURES]),
    ("record", "name", [sd_jwt.MAX_NAME]),
    ("record", "depth of a value", [sd_jwt_tree.MAX_DEPTH]),
    ("bundle", "files in a bag", [layout.MAX_FILES]),
    ("bundle", "name in the container", [tar.MAX_NAME]),
    ("bundle", "an attachment", [layout.MAX_ATTACHMENT, layout.MAX_ATTACHMENT >> 40]),
    ("bundle", "any other file", [layout.MAX_SMALL_FILE, layout.MAX_SMALL_FILE >> 20]),
    ("bundle", "all files but attachments together", [layout.MAX_SMALL_TOTAL, layout.MAX_SMALL_TOTAL >> 20]),
    ("bundle", "keys of a recipient", [manifest.MAX_KEYS]),
    ("bundle", "purpose", [manifest.MAX_PURPOSE]),
    ("backup", "a manifest, decrypted", [backup_manifest.MAX_SIZE]),
    ("custody-log", "entries of a log", [merkle.MAX_SIZE]),
    ("custody-log", "one disclosure", [custody_entry.MAX_DISCLOSURE]),
    (
        "custody-log",
        "note text, signatures, one signature, key name",
        [
            signed_note.MAX_TEXT_SIZE,
            signed_note.MAX_SIGNATURES,
            signed_note.MAX_SIGNATURE_SIZE,
            signed_note.MAX_NAME_SIZE,
        ],
    ),
    ("custody-log", "audit path, consistency proof", [tlog_proof.MAX_PATH, tlog_consistency.MAX_PATH]),
    ("custody-log", "extra data of a proof", [tlog_proof.MAX_EXTRA_SIZE]),
    ("age-profile", "work factor of `scrypt`", [age_recipients.MAX_WORK_FACTOR]),
    ("age-profile", "white space before, after armor", [age_armor.MAX_WHITE_SPACE]),
    ("age-profile", "recipient or identity string", [bech32.MAX_LENGTH]),
    ("contact-card", "card", [contact_card.MAX_CARD_SIZE]),
    ("contact-card", "name", [contact_card.MAX_NAME_LENGTH]),
    ("contact-card", "recipients, languages", [contact_card.MAX_RECIPIENTS, contact_card.MAX_LANGUAGES]),
    ("fingerprint", "claim", [fingerprint.MAX_CLAIM_SIZE]),
    ("fingerprint", "comment of a key line", [ssh_keys.MAX_COMMENT_SIZE]),
    ("fingerprint", "SSHSIG file", [sshsig.MAX_ARMORED_SIZE]),
]


def _numbers(text):
    """Return the whole numbers of a text: 4096, 65,536, 2^44, 2^53 - 1."""
    found = []
    for base, power, less, plain in re.findall(r"(\d+)\^(\d+)(?: - (\d+))?|(\d[\d,]*)", text):
        found.append(int(plain.strip(",").replace(",", "")) if plain else int(base) ** int(power) - int(less or 0))
    return found


@pytest.mark.parametrize(
    "document, what, limits", LIMITS, ids=lambda value: str(value) if isinstance(value, str) else ""
)
def test_a_limit_is_that_of_its_document(document, what, limits):
    text = (FORMATS / f"{document}.md").read_text("utf-8")
    section = re.split(r"(?mi)^#+ .*limits.*\n", text)[1]
    (cell,) = re.findall(rf"(?m)^\| {re.escape(what)} \| (.*) \|$", section)
    assert _numbers(cell) == limits


def test_the_header_of_an_age_file_has_the_limits_of_its_document():
    text = (FORMATS / "age-profile.md").read_text("utf-8")
    assert f"| header | {age_header.MAX_SIZE:,} bytes, {age_header.MAX_STANZAS} stanzas" in text
