"""A sender with real keys, records, attachments and a custody log, and ways to take a bundle apart and put it together.

For the tests of bundles only.
"""

import io
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

from vault.bundle import layout
from vault.bundle.contents import Outgoing, OutgoingAttachment, OutgoingEntry, OutgoingRecord
from vault.bundle.instructions import verify_text
from vault.bundle.seal import seal
from vault.crypto import signing
from vault.crypto.hashes import sha256
from vault.formats import merkle
from vault.formats.age import AgeReader, AgeWriter, HybridIdentity, X25519Identity
from vault.formats.bagit import DECLARATION, BagInfo, encode_info, encode_manifest
from vault.formats.checkpoint import Checkpoint, origin_of
from vault.formats.contact_card import ContactCard
from vault.formats.custody_entry import make_entry
from vault.formats.record import disclose, sign_record
from vault.formats.ssh_keys import encode_allowed_signer, encode_pem
from vault.formats.sshsig import sign_ssh
from vault.formats.tar import TarReader, TarWriter

CASE = "ca5e" * 8
EPOCH = "e0" * 16
LOG = "10" * 16
TEXTS = {
    "zh": "2023年4月,我在乌鲁木齐被拘留。<script>alert(1)</script>",
    "ug": "مەن ئۈرۈمچىدە تۇتقۇن قىلىندىم",
    "bo": "ང་ལྷ་ས་ནས་འཛིན་བཟུང་བྱས།",
}


def an_id(number):
    return f"{number:032x}"


@dataclass
class Sender:
    """Somebody who seals: a signing key, records, attachments, a log."""

    seed: bytes = bytes(range(32))
    contents: dict[str, bytes] = field(default_factory=lambda: {"jpg": b"\xff\xd8" + b"photo" * 700, "bin": b""})
    withhold: tuple[str, ...] = ("name",)
    entries: int = 7

    @cached_property
    def key(self):
        return signing.public_key(self.seed)

    def sign(self, message):
        return signing.sign(self.seed, message)

    def record(self, number, kind, fields, withhold=()):
        sd = sign_record(
            id=an_id(number),
            type=kind,
            version=1,
            meta={"signed_at": "2026-11-20T21:00:00Z", "case": CASE},
            fields=fields,
            public_key=self.key,
            sign=self.sign,
        )
        if withhold:
            sd = disclose(sd, [*(name for name in fields if name not in withhold), "@signed_at"])
        return OutgoingRecord(an_id(number), 1, sd.text)

    @cached_property
    def records(self):
        records = [
            self.record(
                16 + at,
                "testimony",
                {"language": language, "statement": text, "name": "a name that stays", "days": [1, 2, None, True]},
                self.withhold,
            )
            for at, (language, text) in enumerate(TEXTS.items())
        ]
        for at, content in enumerate(self.contents.values()):
            facts = {"sha256": sha256(content).hex(), "size": len(content), "media_type": "image/jpeg"}
            records.append(
                self.record(256 + at, "attachment", {**facts, "original_name": "IMG.jpg"}, ("original_name",))
            )
        return tuple(records)

    @cached_property
    def attachments(self):
        def pieces(content):
            return lambda: (content[at : at + 1000] for at in range(0, len(content), 1000))

        return tuple(
            OutgoingAttachment(an_id(256 + at), extension, sha256(content).hex(), len(content), pieces(content))
            for at, (extension, content) in enumerate(self.contents.items())
        )

    @cached_property
    def log(self):
        """(checkpoint note, entries with proofs)."""
        nodes, made = {}, []
        for number in range(self.entries):
            event = {
                "object": {"id": an_id(16), "kind": "record"},
                "type": "capture" if number else "ingestion",
                "time": {"utc": "2026-11-20T21:00:00Z", "clock": "system"},
                "purpose": {"why": "withheld"},
            }
            entry, disclosures = make_entry(epoch=EPOCH, number=number, event=event)
            made.append((entry, disclosures))
            for level, index, digest in merkle.append(number, merkle.leaf_hash(entry), lambda *at: nodes[at]):
                nodes[level, index] = digest
        size = len(made)
        checkpoint = Checkpoint(origin_of(LOG, EPOCH), size, merkle.root(size, lambda *at: nodes[at]))
        entries = tuple(
            OutgoingEntry(number, entry, disclosures[:2], merkle.inclusion_proof(number, size, lambda *at: nodes[at]))
            for number, (entry, disclosures) in enumerate(made)
            if number in (0, 3, size - 1)
        )
        return checkpoint.sign(self.key, self.sign), entries

    def outgoing(self, *recipients, **changes):
        note, entries = self.log
        outgoing = Outgoing(
            bundle_id=an_id(1),
            sender_key=self.key,
            recipients=recipients,
            purpose="for the hearing\n<b>not markup</b>",
            epoch=EPOCH,
            number=1,
            previous="",
            case_id=CASE,
            sealed_at=datetime(2026, 11, 20, 21, 27, 15, tzinfo=UTC),
            software="evidence-vault 0.1.0",
            checkpoint=note,
            records=self.records,
            attachments=self.attachments,
            entries=entries,
        )
        return replace(outgoing, **changes)

    def seal(self, *recipients, **changes):
        """Return the bytes of a bundle."""
        out = io.BytesIO()
        digest = seal(self.outgoing(*recipients, **changes), self.sign, out)
        assert digest == sha256(out.getvalue()).hex()
        return out.getvalue()


def card_of(sender, name):
    """A sender's contact card."""
    recipient = new_identity().recipient.text
    return ContactCard(name, sender.key, (recipient,), datetime(2026, 11, 20, tzinfo=UTC)).sign(sender.sign)


def new_identity(kind="x25519"):
    return X25519Identity.generate() if kind == "x25519" else HybridIdentity.generate()


def unwrap(data, identity):
    """Return the container in a bundle."""
    return AgeReader(io.BytesIO(data), identities=[identity]).read()


def wrap(container, recipient):
    """Encrypt a container to somebody."""
    out = io.BytesIO()
    writer = AgeWriter(out, [recipient])
    writer.write(container)
    writer.finish()
    return out.getvalue()


def untar(container):
    """Return path in the bag → content."""
    reader = TarReader(io.BytesIO(container), 1000)
    files = {}
    while entry := reader.next():
        content = b""
        while piece := reader.read():
            content += piece
        files[entry.name.removeprefix("bag/")] = content
    return files


def tar(files):
    """Return the container of a bag, its files in the order given."""
    out = io.BytesIO()
    writer = TarWriter(out)
    for path, content in files.items():
        writer.begin(f"bag/{path}", len(content))
        writer.write(content)
    writer.finish()
    return out.getvalue()


def in_order(files):
    return dict(sorted(files.items(), key=lambda pair: layout.place(pair[0]) or (99, pair[0])))


def relist(files):
    """Make bag-info and manifests fit the other files, as somebody without the signing key can."""
    payload = {path: content for path, content in files.items() if path.startswith("data/")}
    files[layout.INFO] = encode_info(BagInfo(an_id(1), sum(map(len, payload.values())), len(payload)))
    files[layout.MANIFEST] = encode_manifest({path: sha256(content).hex() for path, content in payload.items()})
    files[layout.TAG_MANIFEST] = encode_manifest({path: sha256(files[path]).hex() for path in layout.SIGNED_TAGS})
    return in_order(files)


def resign(files, seed, name="sender"):
    """Make the whole bag one that `seed` signed, except what is inside data/."""
    key = signing.public_key(seed)
    files[layout.DECLARATION] = DECLARATION
    files[layout.SIGNERS] = (encode_allowed_signer(name, layout.NAMESPACE, key) + "\n").encode()
    files[layout.SIGNER_PEM] = encode_pem(key).encode()
    files[layout.VERIFY] = verify_text(name)
    files = relist(files)
    signature = sign_ssh(files[layout.TAG_MANIFEST], layout.NAMESPACE, key, lambda message: signing.sign(seed, message))
    files[layout.SIGNATURE] = signature.encode()
    return in_order(files)
