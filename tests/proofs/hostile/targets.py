"""What is fuzzed: one target for each parser of bytes from others, and whole bundles, layer by layer signed anew.

A target is called with any bytes. It may refuse them with an error of ours, and nothing else may come out; what it
accepts must encode to the same bytes again. Whole bundles are judged by the second verifier as well
(`tests/reference/verifier.py`): the two must agree.
"""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from unittest.mock import patch

from cryptography.exceptions import InvalidSignature

from tests.reference import forge, verifier
from tests.vault_world import make_vault, rows
from vault import api, recovery
from vault.bundle import custody, layout, manifest
from vault.bundle.findings import Findings
from vault.bundle.gather import gather_folder
from vault.bundle.verify import OpenedBy, verify_gathered, verify_stream
from vault.errors import VaultError
from vault.formats import (
    age_header,
    backup_manifest,
    bagit,
    bech32,
    contact_card,
    fingerprint,
    jcs,
    key_file,
    merkle,
    sd_jwt,
    ssh_keys,
)
from vault.formats.age import AgeReader, X25519Identity, encrypt_bytes, parse_identity, parse_recipient
from vault.formats.age_armor import ArmorReader, encode_armor
from vault.formats.age_stream import ChunkReader, ChunkWriter
from vault.formats.checkpoint import Checkpoint, PaperHead, verify_checkpoint
from vault.formats.custody_entry import SLOTS, make_entry, read_entry
from vault.formats.record import field_paths, read_record
from vault.formats.signed_note import SignedNote
from vault.formats.sshsig import SshSignature, verify_ssh
from vault.formats.tar import TarReader, TarWriter
from vault.formats.tlog_consistency import Continuation
from vault.formats.tlog_proof import TlogProof, decode_extra, encode_extra
from vault.jobs import Job
from vault.media import sniff
from vault.media.facts import decode_facts, encode_facts
from vault.media.source import Found, Source
from vault.model import Secret, Severity, Verdict
from vault.schema import reading

ROOT = Path(__file__).parents[3]
SIGNER = forge.Signer()
KEY = SIGNER.key
ISSUER = ssh_keys.ssh_fingerprint(KEY)
SECRET = bytes(range(32))
ME = X25519Identity(Secret(SECRET))
CASE = "ca5e" * 8


class Disagreement(AssertionError):
    """What must never happen: a target accepted what does not encode to itself, or the two verifiers differ."""


@dataclass(frozen=True)
class Target:
    """What is called, what it starts from, and how long its inputs may get.

    Attributes:
        run: Takes any bytes; returns whether they were accepted, raises an error of ours, or has found a fault.
        seeds: Returns inputs that reach deep.
        weight: Its share of the time.
        length: Longest input.
    """

    run: Callable[[bytes], bool]
    seeds: Callable[[], list[bytes]] = field(default=lambda: [b""])
    weight: int = 1
    length: int = 4096


TARGETS: dict[str, Target] = {}


def target(name, seeds=lambda: [b""], weight=1, length=4096):
    def keep(run):
        TARGETS[name] = Target(run, seeds, weight, length)
        return run

    return keep


def same(found, given):
    if found != given:
        raise Disagreement("what was accepted does not encode to the same bytes")
    return True


def text_of(data: bytes) -> str:
    """Any text: also such as no UTF-8 can be, half characters."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def attempt(name: str, data: bytes) -> bool:
    """Run one input; returns whether it was accepted, False for one of our errors; anything else is a fault."""
    try:
        return TARGETS[name].run(data)
    except VaultError:
        return False


# -- age -------------------------------------------------------------------------------------------------------------


def _header_seeds():
    whole = encrypt_bytes(b"some words", [ME.recipient])
    _, size = age_header.parse(whole)
    hybrid = (ROOT / "tests/golden/hybrid.age").read_bytes()
    return [whole[:size], hybrid[: age_header.parse(hybrid)[1]]]


@target("age_header", _header_seeds, length=8192)
def _age_header(data):
    header, size = age_header.parse(data)
    return same(header.encode(), data[:size])


@target("age_file", lambda: [encrypt_bytes(b"x" * size, [ME.recipient]) for size in (0, 10, 70_000)], length=80_000)
def _age_file(data):
    AgeReader(io.BytesIO(data), identities=[ME]).readall()
    return True


@target("age_chunks", lambda: [_chunks(b"x" * size) for size in (0, 5)] + [b"\xff" * 40], length=70_000)
def _age_chunks(data):
    reader = ChunkReader(_AsSource(data), SECRET, lambda size: size % 512 == 0)
    while reader.next_chunk():
        pass
    return True


class _AsSource:
    def __init__(self, data):
        self._file = io.BytesIO(data)

    def read(self, size):
        return self._file.read(size)

    def take(self, size):
        return self._file.read(size)


def _chunks(data):
    out = io.BytesIO()
    writer = ChunkWriter(out, SECRET)
    writer.write(data)
    writer.finish()
    return out.getvalue()


@target("age_armor", lambda: [encode_armor(b"x" * size) for size in (0, 1, 48, 100)] + [b" \r\n" + encode_armor(b"a")])
def _age_armor(data):
    begin, rest = data[:64], data[64:]
    if not begin.lstrip(b" \t\r\n"):
        return False
    reader = ArmorReader(io.BytesIO(rest), begin)
    found = b"".join(iter(lambda: reader.read(1000), b""))
    written = encode_armor(found)
    return same(written.strip(), data.replace(b"\r\n", b"\n").strip())


@target("age_recipient", lambda: [ME.recipient.text.encode(), _hybrid().encode()])
def _age_recipient(data):
    return same(parse_recipient(text_of(data)).text, text_of(data))


@target("age_identity", lambda: [ME.text.encode(), forge.age_keys(SECRET, hybrid=True)[0].encode()])
def _age_identity(data):
    return same(parse_identity(text_of(data)).text, text_of(data))


@cache
def _hybrid():
    return forge.age_keys(SECRET, hybrid=True)[1]


@target("bech32", lambda: [b"age1qqqq", ME.recipient.text.encode(), b"A12UEL5L"])
def _bech32(data):
    prefix, found = bech32.decode(text_of(data), "text")
    return same(bech32.encode(prefix, found), text_of(data))


# -- keys and signatures ---------------------------------------------------------------------------------------------

PUBLIC = ssh_keys.encode_public_key(KEY, "a comment").encode()


@target("ssh_public_key", lambda: [PUBLIC])
def _ssh_public_key(data):
    key, comment = ssh_keys.decode_public_key(text_of(data))
    return same(ssh_keys.encode_public_key(key, comment), text_of(data))


@target("ssh_allowed_signer", lambda: [ssh_keys.encode_allowed_signer("sender", "evidence-bundle", KEY).encode()])
def _ssh_allowed_signer(data):
    return same(ssh_keys.encode_allowed_signer(*ssh_keys.decode_allowed_signer(text_of(data))), text_of(data))


@target("ssh_pem", lambda: [ssh_keys.encode_pem(KEY).encode()])
def _ssh_pem(data):
    return same(ssh_keys.encode_pem(ssh_keys.decode_pem(text_of(data))), text_of(data))


@target("ssh_key_blob", lambda: [ssh_keys.encode_key_blob(KEY)])
def _ssh_key_blob(data):
    return same(ssh_keys.encode_key_blob(ssh_keys.decode_key_blob(data)), data)


@target("sshsig", lambda: [forge.sshsig(SIGNER, b"m"), forge.sshsig(SIGNER, b"m", version=2)])
def _sshsig(data):
    found = SshSignature.decode(text_of(data))
    same(found.encode(), text_of(data))
    verify_ssh(text_of(data), b"m", "evidence-bundle")
    return True


@target("sshsig_blob", lambda: [base64.b64decode(b"".join(forge.sshsig(SIGNER, b"m").split(b"\n")[1:-2]))])
def _sshsig_blob(data):
    text = base64.b64encode(data).decode()
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return _sshsig("\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""]).encode())


@target(
    "fingerprint",
    lambda: [
        fingerprint.fingerprint_of_key(KEY).encode(),
        ISSUER.encode(),
        fingerprint.words_of(fingerprint.hash_of_key(KEY)).encode(),
    ],
)
def _fingerprint(data):
    return fingerprint.matches(text_of(data), fingerprint.hash_of_key(KEY))


# -- logs ------------------------------------------------------------------------------------------------------------

ORIGIN = "evidence-vault/" + "10" * 16 + "/" + "e0" * 16


@cache
def _log():
    nodes, entries = {}, []
    for number in range(7):
        event = {
            "object": {"id": CASE, "kind": "case"},
            "type": "creation",
            "time": {"utc": "2026-11-20T21:00:00Z", "clock": "system"},
            "related": ["a", "b"],
            "outcome": {"result": "success"},
        }
        entry, texts = make_entry(epoch="e0" * 16, number=number, event=event)
        entries.append((entry, texts))
        for level, index, digest in merkle.append(number, merkle.leaf_hash(entry), lambda *at: nodes[at]):
            nodes[level, index] = digest
    note = _note(7, nodes)
    return entries, nodes, note


def _note(size, nodes):
    return Checkpoint(ORIGIN, size, merkle.root(size, lambda *at: nodes[at])).sign(KEY, SIGNER.sign)


@target("signed_note", lambda: [_log()[2].encode(), "text\n\n— a QUFBQUE=\n— b QUFBQUE=\n".encode()])
def _signed_note(data):
    found = SignedNote.decode(text_of(data))
    same(found.encode(), text_of(data))
    found.verify(ORIGIN, KEY)
    return True


@target("checkpoint", lambda: [_log()[2].partition("\n\n")[0].encode() + b"\n", b"x\n7\ny\n"])
def _checkpoint(data):
    """The text is signed as it is, so that only what it says is judged."""
    text = text_of(data)
    same(Checkpoint.decode(text).encode(), text)
    name = text.split("\n")[0]
    verify_checkpoint(signed(text, name), KEY)
    return True


def signed(text, name):
    mark = forge.hashlib.sha256(name.encode() + b"\n\1" + KEY).digest()[:4] + SIGNER.sign(text.encode())
    return f"{text}\n— {name} {base64.b64encode(mark).decode()}\n"


@target("paper_head", lambda: [b"7 " + b"01234 " * 8, b"7-2 " + b"0123401234" * 4])
def _paper_head(data):
    found = PaperHead.decode(text_of(data))
    return same(PaperHead.decode(found.encode()), found)


def _proof_seeds():
    entries, nodes, note = _log()
    path = merkle.inclusion_proof(3, 7, lambda *at: nodes[at])
    extra = encode_extra(*entries[3])
    return [TlogProof(3, path, note, extra).encode().encode(), TlogProof(3, path, note).encode().encode()]


@target("tlog_proof", _proof_seeds)
def _tlog_proof(data):
    found = TlogProof.decode(text_of(data))
    same(found.encode(), text_of(data))
    found.verify(_log()[0][3][0], KEY)
    return True


@target("proof_extra", lambda: [encode_extra(*_log()[0][3])])
def _proof_extra(data):
    entry, texts = decode_extra(data)
    same(encode_extra(entry, texts), data)
    read_entry(entry, texts)
    return True


@target(
    "continuation",
    lambda: [Continuation(5, merkle.consistency_proof(5, 7, lambda *at: _log()[1][at]), _log()[2]).encode().encode()],
)
def _continuation(data):
    found = Continuation.decode(text_of(data))
    same(found.encode(), text_of(data))
    found.verify(Checkpoint(ORIGIN, 5, merkle.root(5, lambda *at: _log()[1][at])))
    return True


@target(
    "merkle",
    lambda: [
        bytes([3, 7]) + b"".join(merkle.inclusion_proof(3, 7, lambda *at: _log()[1][at])),
        bytes([133, 7]) + b"".join(merkle.consistency_proof(5, 7, lambda *at: _log()[1][at])),
    ],
)
def _merkle(data):
    """A proof of whatever it gives must be one that the tree gives: nothing else may hold."""
    if len(data) < 2:
        return False
    entries, nodes, _ = _log()
    first, size, rest = data[0], data[1], data[2:]
    proof = [rest[at : at + 32] for at in range(0, len(rest), 32)]
    root = merkle.root(7, lambda *at: nodes[at])
    if first < 128:
        leaf = merkle.leaf_hash(entries[first % 7][0])
        merkle.verify_inclusion(leaf, first, size, proof, root)
        return size != 7 or same(tuple(proof), merkle.inclusion_proof(first, 7, lambda *at: nodes[at]))
    old = first - 128
    old_root = merkle.root(min(old, 7), lambda *at: nodes[at])
    merkle.verify_consistency(old, size, old_root, root, proof)
    return size != 7 or same(tuple(proof), merkle.consistency_proof(old, 7, lambda *at: nodes[at]))


@target("custody_entry", lambda: [b"\n".join([entry, *map(str.encode, texts)]) for entry, texts in _log()[0][:2]])
def _custody_entry(data):
    entry, *texts = data.split(b"\n")
    read_entry(entry, [text_of(text) for text in texts])
    return True


def _plain(text):
    return base64.urlsafe_b64decode(text + "==")


@target("custody_slots", lambda: [b"\n".join(map(_plain, _log()[0][0][1])), b'["c2FsdHNhbHRzYWx0c2FsdA","type","x"]'])
def _custody_slots(data):
    """Disclosures as they are before their encoding, one on each line, in a leaf that has them."""
    places = list(SLOTS)
    leaf = {
        "_sd": [forge.decoy(number) for number in range(12)],
        "_sd_alg": "sha-256",
        "epoch": "e0" * 16,
        "format": "custody-entry/1",
        "number": 0,
    }
    texts = [forge.b64(line) for line in data.split(b"\n") if line]
    for line, text in zip(filter(None, data.split(b"\n")), texts, strict=True):
        slot = next((place for place in places if b'"%b"' % place.encode() in line), places[0])
        leaf["_sd"][places.index(slot)] = forge.digest_of(text)
    read_entry(forge.dump(leaf), texts)
    return True


@target("custody_entries", lambda: [_files()[layout.ENTRIES]], length=40_000)
def _custody_entries(data):
    found = custody.decode_entries(data)
    return same(custody.encode_entries(found), data)


# -- records ---------------------------------------------------------------------------------------------------------


@target(
    "jcs",
    lambda: [
        b'{"a":[1,-2,null,true,false,"x"],"b":{"c":"\\u001f"}}',
        b"[[[[]]]]",
        b"9007199254740991",
        '{"\U0001f600":1,"\ufb33":2}'.encode(),
    ],
)
def _jcs(data):
    return same(jcs.encode(jcs.decode(data, "json")), data)


@target("sd_jwt", lambda: [_files()[path] for path in _files() if path.endswith(".sd-jwt")][:2], length=20_000)
def _sd_jwt(data):
    found = sd_jwt.parse_sd_jwt(text_of(data))
    return same(found.text, text_of(data))


@target("disclosure", lambda: [b'["c2FsdHNhbHRzYWx0c2FsdA","a",1]', b'["c2FsdHNhbHRzYWx0c2FsdA",{"_sd":[]}]'])
def _disclosure(data):
    text = forge.b64(data)
    return same(sd_jwt.Disclosure.parse(text).text, text)


RECORD = (
    b'{"_sd":["$0"],"_sd_alg":"sha-256","fields":{"_sd":["$1","$2"]},"format":"evidence-record/1",'
    b'"id":"00000000000000000000000000000001","iss":"ISSUER","type":"note","version":1}\n'
    b'["c2FsdHNhbHRzYWx0c2FsdA","parts",5]\n["c2FsdHNhbHRzYWx0c2FsdA","a",{"_sd":["$3"]}]\n'
    b'["c2FsdHNhbHRzYWx0c2FsdA","list",[{"...":"$4"}]]\n["c2FsdHNhbHRzYWx0c2FsdA","b","text"]\n'
    b'["c2FsdHNhbHRzYWx0c2FsdA",7]'
)
_TOKEN = re.compile(rb'"\$([0-9])"')
_LIST = re.compile(rb'"_sd":\[((?:"[^"]*",?)*)\]')
_ELEMENTS = re.compile(rb'\[((?:\{"\.\.\.":"[^"]*"\},?)+)\]')


def record_of(data: bytes) -> bytes:
    """A record as its lines say: the payload, then disclosures; `"$N"` stands for the digest of disclosure N.

    Lists of digests are put in order and filled with decoys, so that what is wrong is what the lines are about.
    """
    payload, *lines = data.split(b"\n")
    texts: dict[int, str] = {}
    count = itertools.count()

    def filled(line, top):
        def members(found):
            digests = [one for one in found[1].replace(b'"', b"").split(b",") if one]
            while not digests or len(digests) % (8 if top else 4):
                digests.append(forge.decoy(next(count)).encode())
            return b'"_sd":[' + b",".join(b'"%b"' % one for one in sorted(digests)) + b"]"

        def elements(found):
            items = found[1].count(b"{")
            decoys = b"".join(b',{"...":"%b"}' % forge.decoy(next(count)).encode() for _ in range(-items % 4))
            return b"[" + found[1].rstrip(b",") + decoys + b"]"

        line = _TOKEN.sub(lambda found: b'"%b"' % forge.digest_of(texts.get(int(found[1]), "x")).encode(), line)
        return _ELEMENTS.sub(elements, _LIST.sub(members, line))

    for number in reversed(range(min(len(lines), 10))):
        texts[number] = forge.b64(filled(lines[number], False))
    body = filled(payload, True).replace(b"ISSUER", ISSUER.encode())
    head = f"{sd_jwt.HEADER}.{forge.b64(body)}"
    jwt = f"{head}.{forge.b64(SIGNER.sign(head.encode()))}"
    return "~".join([jwt, *sorted(texts.values(), key=forge.digest_of), ""]).encode()


@target("record", lambda: [RECORD], weight=3)
def _record(data):
    text = record_of(data).decode()
    view = read_record(text, KEY)
    field_paths(sd_jwt.parse_sd_jwt(text))
    jcs.encode({"fields": view.fields, "meta": view.meta})
    return True


# -- containers and tag files ----------------------------------------------------------------------------------------


@target("tar", lambda: [forge.pack({"a": b"x", "data/b.txt": b""}), forge.pack({})], length=16_000)
def _tar(data):
    source = io.BytesIO(data)
    reader, out = TarReader(source, 100), io.BytesIO()
    writer = TarWriter(out)
    while entry := reader.next():
        writer.begin(entry.name, entry.size)
        while piece := reader.read(700):
            writer.write(piece)
    writer.finish()
    return same(out.getvalue(), data)


@target("tar_header", lambda: [forge.tar_header(b"bag/a", b"00000000000"), forge.tar_header(b"a/../b", b"1")])
def _tar_header(data):
    """One header of any fields, its checksum made right, in a container that is whole for its size."""
    block = bytearray(data[:512].ljust(512, b"\0"))
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return _tar(bytes(block) + bytes(1024))


@target("bag_info", lambda: [_files()[layout.INFO]])
def _bag_info(data):
    return same(bagit.encode_info(bagit.decode_info(data)), data)


@target("bag_manifest", lambda: [_files()[layout.MANIFEST]])
def _bag_manifest(data):
    return same(bagit.encode_manifest(bagit.decode_manifest(data, "manifest")), data)


@target("bundle_json", lambda: [_files()[layout.BUNDLE]], length=8192)
def _bundle_json(data):
    return same(manifest.decode(data).encode(), data)


# -- other files from others -----------------------------------------------------------------------------------------


@target("contact_card", lambda: [_card_text()])
def _contact_card(data):
    """The text is signed as it is."""
    text = text_of(data)
    try:
        note = signed(text, contact_card.KEY_NAME)
    except UnicodeEncodeError:
        return False
    return same(contact_card.read_card(note).text(), text)


def _card_text():
    text = contact_card.ContactCard(
        "律师",
        KEY,
        (_hybrid(), ME.recipient.text),
        contact_card.datetime(2026, 11, 20, tzinfo=contact_card.UTC),
        languages=("zh-Hans",),
    ).text()
    return text.encode()


@target("key_file", lambda: [_key_copy()[:181]], length=1600)
def _key_file(data):
    """What lies before the padding of a copy, and its checksum made right."""
    body = data.ljust(key_file.BODY_SIZE, b"\0")[: key_file.BODY_SIZE] + bytes(64)
    copy = body + forge.hashlib.sha256(body).digest()
    return same(key_file.encode_copy(key_file.decode_copy(copy)), copy)


def _key_copy():
    slot = key_file.PassphraseSlot(bytes(16), key_file.Cost(3, 65536, 4), bytes(16), (bytes(72),))
    return key_file.encode_copy(key_file.Header("ab" * 16, 1, 1, slot, None, (bytes(32),)))


@target(
    "backup_manifest",
    lambda: [backup_manifest.Manifest(1, 5, ("a" * 64,), backup_manifest.LogHead("e0" * 16, 1, "b" * 64)).encode()],
)
def _backup_manifest(data):
    return same(backup_manifest.decode(data).encode(), data)


@target("recovery_share", lambda: [recovery.encode_share(recovery.make_shares()[1][0])])
def _recovery_share(data):
    return same(recovery.decode_share(recovery.encode_share(recovery.decode_share(data))), recovery.decode_share(data))


@target(
    "record_type",
    lambda: sorted((entry.read_bytes() for entry in (ROOT / "vault/schemas").glob("*.toml")), key=len)[:2],
    length=12_000,
)
def _record_type(data):
    reading.load_schema(text_of(data))
    return True


def _media_seeds():
    samples = [(ROOT / "tui/samples" / name).read_bytes()[:6000] for name in ("photo.jpg", "document.pdf")]
    small = [
        b"\x89PNG\r\n\x1a\n" + bytes.fromhex("0000000d49484452000000010000000108020000009077 53de".replace(" ", "")),
        b"ID3\4\0\0\0\0\0\x10TIT2\0\0\0\2\0\0\3x" + bytes(20),
        b"RIFF\x24\0\0\0WAVEfmt " + bytes(20),
        b"\0\0\0\x18ftypisom\0\0\0\0isommp42\0\0\0\x08moov",
        b"GIF89a\1\0\1\0\0\0\0;",
        b"fLaC\0\0\0\x22" + bytes(40),
        b"OggS" + bytes(24),
        b"\x1aE\xdf\xa3" + bytes(12),
        b"II*\0\x08\0\0\0\1\0" + bytes(20),
        _zip(),
    ]
    return samples + small


def _zip():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("docProps/core.xml", "<cp:coreProperties xmlns:cp='x'><creator>a</creator></cp:coreProperties>")
        made.writestr("[Content_Types].xml", "<Types/>")
        made.writestr("word/document.xml", "<w/>")
    return out.getvalue()


@target("media", _media_seeds, weight=3, length=8192)
def _media(data):
    """Parsers of foreign media may raise what they like, in their child; what was found must have its one encoding."""
    found = Found()
    try:
        sniff.look(Source(lambda offset, length: data[offset : offset + length], len(data)), found)
    except Disagreement:
        raise
    except Exception:  # noqa: BLE001 - as `vault.media.child` has it
        found.failed = True
    facts = found.result()
    return same(decode_facts(encode_facts(facts)), facts)


@target(
    "media_facts", lambda: [b'{"discloses":[],"extension":"bin","facts":{"a.b":1},"failed":false,"media_type":"a/b"}']
)
def _media_facts(data):
    return same(encode_facts(decode_facts(data)), data)


# -- whole bundles ---------------------------------------------------------------------------------------------------


@cache
def _files():
    golden = json.loads((ROOT / "tests/golden/golden.json").read_text("utf-8"))["restored"]
    data = verifier.decrypt((ROOT / "tests/golden/restored.age").read_bytes(), golden["identity"])
    return verifier.read_container(data)


RECIPIENT = ME.recipient.text
STAGES = ("inside", "copies", "described", "listed", "manifests", "signed")


@cache
def _paths():
    """The files that may be changed, in the order in which the numbers in an input name them."""
    records = sorted(path for path in _files() if path.startswith("data/records/"))
    contents = sorted(path for path in _files() if path.startswith("data/attachments/"))
    return (*verifier.LAYOUT, *records, *contents)


def changed(data: bytes) -> tuple[str, Callable[[forge.Forger], None]]:
    """What an input says: the layer at which a bundle is changed, and how.

    The first byte names the layer. Then come changes: a byte for the kind, one for the file, three for the place, one
    for a length, and so many bytes.
    """
    stage = STAGES[data[0] % len(STAGES)] if data else "inside"

    def change(forger):
        at = 1
        for _ in range(8):
            head = data[at : at + 6]
            if len(head) < 6:
                return
            kind, number, place, length = head[0] % 8, head[1], int.from_bytes(head[2:5], "big"), head[5]
            piece = data[at + 6 : at + 6 + length]
            at += 6 + length
            _apply(forger, kind, _paths()[number % len(_paths())], place, length, piece)

    return stage, change


def _apply(forger, kind, path, place, length, piece):
    content = forger.files.get(path, b"")
    place %= len(content) + 1
    if kind == 0:
        forger.files[path] = content[:place] + piece + content[place + len(piece) :]
    elif kind == 1:
        forger.files[path] = content[:place] + piece + content[place:]
    elif kind == 2:
        forger.files[path] = content[:place] + content[place + length :]
    elif kind == 3:
        forger.files.pop(path, None)
    elif kind == 4:
        name = piece.decode("ascii", "replace")
        if re.fullmatch(r"[!-~]{1,90}", name):
            forger.files[name] = content
    elif kind == 5:
        forger.files[path] = piece
    elif kind == 6 and path.endswith(".sd-jwt"):
        forger.files[path] = record_of(piece or RECORD)
    elif kind == 7:
        try:
            value = json.loads(piece)
        except (ValueError, RecursionError):
            return
        if isinstance(value, dict):
            forger.about.update(value)


def build(data: bytes, recipient: str = RECIPIENT) -> tuple[forge.Forger, bytes] | None:
    """The container that an input stands for, or None where the forger itself cannot make one of it."""
    stage, change = changed(data)
    forger = forge.Forger(dict(_files()))
    forger.about["recipient"] = {"key_hashes": [forge.sha256(recipient.encode())], "kind": "x25519"}
    try:
        steps = {
            "inside": forger.copies,
            "copies": forger.describe,
            "described": forger.list_files,
            "listed": forger.relist,
            "manifests": forger.sign,
        }
        for name, step in steps.items():
            if name == stage:
                change(forger)
                if name == "described":
                    forger.files[layout.BUNDLE] = forge.dump(forger.about)
            step()
        if stage == "signed":
            change(forger)
        return forger, forge.pack(forger.ordered())
    except (KeyError, ValueError, TypeError, RecursionError, AttributeError, IndexError):
        return None


def judged(container: bytes, ours: Callable[[], object]) -> bool:
    """Whether the program accepts a container; the second verifier must say the same."""
    try:
        incoming = ours()
    except VaultError:
        incoming = None
    good = incoming is not None and all(one.severity is not Severity.ERROR for one in incoming.report.findings)
    data = encrypt_bytes(container, [ME.recipient])
    try:
        verifier.verify(data, ME.text, RECIPIENT)
        theirs = True
    except (
        verifier.Refused,
        InvalidSignature,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        RecursionError,
        AssertionError,
    ):
        theirs = False
    if good != theirs:
        raise Disagreement(f"the program says {good}, the second verifier {theirs}")
    if good and incoming.signer != KEY:
        raise Disagreement("the signer is another one")
    return good


def _change(stage, kind, path, place, piece, length=None):
    size = len(piece) if length is None else length
    head = bytes([kind, _paths().index(path)]) + place.to_bytes(3, "big") + bytes([size])
    return bytes([STAGES.index(stage)]) + head + piece


def _bundle_seeds():
    record = next(path for path in _paths() if path.endswith(".sd-jwt"))
    content = _paths()[-1]
    return [
        b"\0",
        _change("signed", 0, layout.SIGNATURE, 200, b"+"),
        _change("inside", 6, record, 0, RECORD[:200]),
        _change("inside", 0, record, 30, b"B"),
        _change("inside", 7, record, 0, b'{"number":2,"purpose":"x"}'),
        _change("inside", 5, layout.ENTRIES, 0, b"[]"),
        _change("described", 7, record, 0, b'{"contents":[]}'),
        _change("listed", 2, layout.MANIFEST, 5, b"", 9),
        _change("manifests", 0, layout.TAG_MANIFEST, 5, b"0"),
        _change("copies", 1, layout.REPORT, 900, b"<b>"),
        _change("inside", 4, content, 0, b"data/attachments/" + b"0" * 32 + b".bin"),
        _change("inside", 3, layout.EARLIER, 0, b""),
        _change("inside", 0, layout.CONTINUATION, 4, b"9"),
        _change("inside", 0, layout.CHECKPOINT, 90, b"7"),
    ]


@target("bundle", _bundle_seeds, weight=16, length=1024)
def _bundle(data):
    made = build(data)
    if made is None:
        return False
    container = made[1]
    opened_by = OpenedBy((RECIPIENT,))
    return judged(container, lambda: verify_stream(io.BytesIO(container), opened_by))


def _verify_files(files):
    folder = Path(tempfile.mkdtemp(prefix="evault-fuzz-"))
    try:
        for path, content in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        found = Findings(Job())
        return verify_gathered(gather_folder(folder, found, Job()), found, None, Job())
    finally:
        shutil.rmtree(folder)


@target("folder", _bundle_seeds, weight=2, length=1024)
def _folder(data):
    """An opened folder: what the second verifier accepts as a container is accepted, what fails fails."""
    made = build(data)
    if made is None or any(
        not re.fullmatch(r"[A-Za-z0-9._/-]+", path) or ".." in path or path.startswith("/") or path.endswith("/")
        for path in made[0].files
    ):
        return False
    forger, container = made
    try:
        whole = verify_stream(io.BytesIO(container))
    except VaultError:
        whole = None
    try:
        there = _verify_files(forger.files)
    except VaultError:
        there = None
    except (NotADirectoryError, FileExistsError, IsADirectoryError, OSError):
        return False
    if whole is not None and there is not None and whole.report.ok != there.report.ok:
        raise Disagreement("the folder and the container do not say the same")
    return there is not None and there.report.ok


@target("container", lambda: [b"", b"\0\0\0\7x"], weight=2, length=600)
def _container(data):
    """A golden container with other bytes at any place: three bytes of place, one of length, the bytes; and its end."""
    _, container = build(b"\0")
    made = bytearray(container)
    at = 0
    while len(head := data[at : at + 4]) == 4:
        place, length = int.from_bytes(head[:3], "big") % len(made), head[3]
        piece = data[at + 4 : at + 4 + length]
        made[place : place + len(piece)] = piece
        at += 4 + length
    made = bytes(made[: len(made) - int.from_bytes(data[at:], "big") % 4096 if data[at:] else None])
    return judged(made, lambda: verify_stream(io.BytesIO(made), OpenedBy((RECIPIENT,))))


# -- taking in -------------------------------------------------------------------------------------------------------


class _Receiver:
    """A vault that takes in one bundle after the other, made anew now and then; nothing of it outlives the process."""

    def __init__(self) -> None:
        shared = Path("/dev/shm")
        self._place = tempfile.TemporaryDirectory(prefix="evault-fuzz-", dir=shared if shared.is_dir() else None)
        self._vault: api.OpenVault | None = None
        self._count = 0

    def receive(self, data: bytes) -> bool:
        folder = Path(self._place.name)
        if self._count % 100 == 0:
            if self._vault is not None:
                self._vault.close()
            self._vault = make_vault(folder / f"vault-{self._count}")
        self._count += 1
        vault = self._vault
        made = build(data, vault.identity.x25519.recipient.text)
        if made is None:
            return False
        bundle = folder / "bundle.age"
        bundle.write_bytes(encrypt_bytes(made[1], [vault.identity.x25519.recipient]))
        before = rows(vault, "SELECT count(*), (SELECT count(*) FROM custody_entry) FROM record_version")
        try:
            opened = api.receiving.receive(vault, bundle, Job())
        except VaultError:
            opened = None
        if (opened is None or not opened.case_id) and before != rows(
            vault, "SELECT count(*), (SELECT count(*) FROM custody_entry) FROM record_version"
        ):
            raise Disagreement("a bundle that was refused left something behind")
        if self._count % 20 == 1 and api.checking.check(vault, [], Job()).report.findings:
            raise Disagreement("what was taken in does not stand up to a check")
        return opened is not None and opened.verdict is not Verdict.FAILED


@cache
def _receiver():
    return _Receiver()


@target("receive", _bundle_seeds, weight=3, length=1024)
def _receive(data):
    """A bundle that is taken in: with the confined child carried out in here, where its lines are seen."""
    with patch("vault.bundle.open.rehearse", lambda bag, job: None):
        return _receiver().receive(data)
