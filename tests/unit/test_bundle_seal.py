"""Sealing: what a bundle is made of, what is refused, and that nothing of it shows from outside."""

import io
import re
from dataclasses import replace

import pytest

from tests.bundle_world import Sender, an_id, new_identity, untar, unwrap
from vault.bundle import layout
from vault.bundle.contents import OutgoingRecord
from vault.bundle.open import Keys, open_bundle
from vault.bundle.seal import seal
from vault.crypto.hashes import sha256
from vault.errors import CancelledError, DamagedError, FormatError, IntegrityError, RefusedError
from vault.formats.age import ScryptRecipient, ciphertext_size, header_size
from vault.formats.padme import padme
from vault.jobs import Job
from vault.model import Secret

ME = new_identity()
SENDER = Sender()


def opened(data, identity=ME):
    return open_bundle(io.BytesIO(data), Keys([identity]))


@pytest.mark.parametrize("kind", ["x25519", "mlkem768x25519"])
def test_what_is_sealed_opens_and_verifies(kind):
    identity = new_identity(kind)
    incoming = opened(SENDER.seal(identity.recipient), identity)
    assert incoming.report.ok
    assert incoming.bundle.recipient_kind == kind
    assert incoming.bundle.purpose == "for the hearing\n<b>not markup</b>"
    assert incoming.checkpoint == SENDER.log[0]
    assert [r.sd_jwt for r in incoming.records] == [r.sd_jwt for r in SENDER.records]


def test_a_passphrase_bundle_says_that_it_is_one():
    passphrase = Secret(b"eight words that were agreed on")
    data = SENDER.seal(ScryptRecipient(passphrase, work_factor=16))
    incoming = open_bundle(io.BytesIO(data), Keys(passphrase=passphrase))
    assert incoming.report.ok
    assert (incoming.bundle.recipient_kind, incoming.bundle.key_hashes) == ("passphrase", ())
    with pytest.raises(RefusedError):
        opened(data)


def test_a_recipient_with_two_keys_opens_with_either():
    other = new_identity()
    data = SENDER.seal(ME.recipient, other.recipient)
    assert opened(data).report.ok
    assert opened(data, other).report.ok
    hashes = sorted(sha256(i.recipient.text.encode()).hex() for i in (ME, other))
    assert list(opened(data).bundle.key_hashes) == hashes


def test_a_bundle_with_nothing_but_the_log_is_whole():
    incoming = opened(SENDER.seal(ME.recipient, records=(), attachments=(), entries=()))
    assert incoming.report.ok
    assert incoming.records == incoming.attachments == incoming.entries == ()


def test_the_files_come_in_the_fixed_order():
    paths = list(untar(unwrap(SENDER.seal(ME.recipient), ME)))
    assert tuple(paths[:12]) == layout.FIXED
    assert paths == sorted(paths, key=layout.place)
    assert paths[-1].startswith(layout.ATTACHMENTS)
    assert all(re.fullmatch(r"[A-Za-z0-9._/-]+", path) for path in paths)


def test_sealing_the_same_again_gives_the_same_container_and_another_file():
    one, two = SENDER.seal(ME.recipient), SENDER.seal(ME.recipient)
    assert unwrap(one, ME) == unwrap(two, ME)
    assert one[200:] != two[200:]


def test_the_order_in_which_things_are_handed_in_does_not_matter():
    mixed = SENDER.seal(
        ME.recipient,
        records=SENDER.records[::-1],
        attachments=SENDER.attachments[::-1],
        entries=SENDER.log[1][::-1],
    )
    assert unwrap(mixed, ME) == unwrap(SENDER.seal(ME.recipient), ME)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 40_000, 300_001])
def test_the_length_is_a_padme_length(size):
    """The plaintext is one of the few lengths there are, so that the file says little of what is in it."""
    sender = Sender(contents={"bin": bytes(size)})
    data = sender.seal(ME.recipient)
    plaintext = len(unwrap(data, ME))
    assert plaintext == padme(plaintext)
    assert plaintext % 512 == 0
    assert len(data) == header_size([ME.recipient]) + ciphertext_size(plaintext)


def test_nothing_of_the_contents_shows_from_outside():
    data = SENDER.seal(ME.recipient)
    who = (SENDER.key, ME.recipient.text.encode(), ME.recipient.public)
    for word in (b"bag/bagit.txt", b"evidence", an_id(1).encode(), *who):
        assert word not in data


def test_nothing_in_the_tag_files_tells_who_or_when():
    files = untar(unwrap(SENDER.seal(ME.recipient), ME))
    assert files[layout.INFO].decode().split("\n")[0] == f"External-Identifier: {an_id(1)}"
    assert b"Date" not in files[layout.INFO]
    assert files[layout.SIGNERS].startswith(b"sender ")


def test_another_name_in_signers_is_used_in_the_instructions():
    data = SENDER.seal(ME.recipient, sender_name="desk-7")
    files = untar(unwrap(data, ME))
    assert files[layout.SIGNERS].startswith(b"desk-7 ")
    assert b"-I desk-7 " in files[layout.VERIFY]
    assert opened(data).report.ok


def test_a_content_of_another_length_than_its_record_says_stops_the_sealing():
    photo = SENDER.attachments[0]
    for pieces in ([b"x" * (photo.size - 1)], [b"x" * photo.size, b"x"], []):
        false = replace(photo, content=lambda pieces=pieces: iter(pieces))
        with pytest.raises(DamagedError):
            SENDER.seal(ME.recipient, attachments=(false,))


def test_an_error_while_a_content_is_read_comes_through():
    def broken():
        yield b"x"
        raise RefusedError("gone")

    with pytest.raises(RefusedError, match="gone"):
        SENDER.seal(ME.recipient, attachments=(replace(SENDER.attachments[0], content=broken),))


def test_an_error_of_the_target_comes_through():
    class Full(io.RawIOBase):
        def write(self, data):
            raise RefusedError("full")

    with pytest.raises(RefusedError, match="full"):
        seal(SENDER.outgoing(ME.recipient), SENDER.sign, Full())


def test_a_target_that_takes_a_little_at_a_time_gets_everything():
    class Slow(io.BytesIO):
        def write(self, data):
            return super().write(data[:1000])

    slow = Slow()
    digest = seal(SENDER.outgoing(ME.recipient), SENDER.sign, slow)
    assert digest == sha256(slow.getvalue()).hex()
    assert opened(slow.getvalue()).report.ok


def test_sealing_can_be_cancelled():
    job = Job()
    job.cancel()
    with pytest.raises(CancelledError):
        seal(SENDER.outgoing(ME.recipient), SENDER.sign, io.BytesIO(), job)


def test_sealing_can_be_cancelled_while_contents_pass():
    sender = Sender(contents={"bin": bytes(5_000_000)})

    class Stopped(Job):
        def report(self, step, done, total=None):
            if done > 1_000_000:
                self.cancel()
            super().report(step, done, total)

    out = io.BytesIO()
    with pytest.raises(CancelledError):
        seal(sender.outgoing(ME.recipient), sender.sign, out, Stopped())
    assert len(out.getvalue()) < 5_000_000


def test_progress_ends_at_the_whole():
    seen = []
    seal(SENDER.outgoing(ME.recipient), SENDER.sign, io.BytesIO(), Job(seen.append))
    assert seen[-1].done == seen[-1].total == len(unwrap(SENDER.seal(ME.recipient), ME))


def test_an_attachment_must_disclose_its_digest_and_size():
    for hidden in ("sha256", "size"):
        content = SENDER.contents["jpg"]
        fields = {"sha256": sha256(content).hex(), "size": len(content)}
        record = SENDER.record(256, "attachment", fields, (hidden,))
        with pytest.raises(RefusedError):
            SENDER.seal(ME.recipient, records=(record,), attachments=SENDER.attachments[:1])
    with pytest.raises(RefusedError):
        SENDER.seal(ME.recipient, records=(), attachments=SENDER.attachments[:1])


def test_what_another_key_signed_is_not_sealed_as_ones_own():
    other = Sender(bytes(range(1, 33)))
    with pytest.raises(IntegrityError):
        SENDER.seal(ME.recipient, records=other.records, attachments=())
    with pytest.raises(IntegrityError):
        SENDER.seal(ME.recipient, checkpoint=other.log[0], entries=())
    with pytest.raises(IntegrityError):
        SENDER.seal(ME.recipient, entries=other.log[1])


def test_too_much_for_one_bundle_is_refused(monkeypatch):
    for name, limit in (("MAX_FILES", 20), ("MAX_SMALL_FILE", 8000), ("MAX_SMALL_TOTAL", 20_000)):
        with monkeypatch.context() as patch:
            patch.setattr(layout, name, limit)
            with pytest.raises(RefusedError, match="more than one bundle"):
                SENDER.seal(ME.recipient)


def test_mistakes_of_the_caller_are_refused():
    first = SENDER.records[0]
    mistakes = (
        {"recipients": ()},
        {"recipients": (ME.recipient, ME.recipient)},
        {"recipients": (ME.recipient, new_identity("hybrid").recipient)},
        {"records": (first, first)},
        {"records": (OutgoingRecord(an_id(5), 1, first.sd_jwt),)},
        {"records": (OutgoingRecord(first.id, 2, first.sd_jwt),)},
        {"attachments": (SENDER.attachments[0],) * 2},
        {"attachments": (replace(SENDER.attachments[0], extension="../x"),)},
        {"attachments": (replace(SENDER.attachments[0], id="x"),)},
    )
    for changes in mistakes:
        with pytest.raises(ValueError):
            seal(replace(SENDER.outgoing(ME.recipient), **changes), SENDER.sign, io.BytesIO())
    for changes in (
        {"number": 0},
        {"previous": "x"},
        {"purpose": "x" * 4001},
        {"software": "é"},
        {"sender_name": "* a"},
    ):
        with pytest.raises(FormatError):
            seal(replace(SENDER.outgoing(ME.recipient), **changes), SENDER.sign, io.BytesIO())
