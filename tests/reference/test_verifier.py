"""The golden bundles open by the second verifier, what was tampered with is refused, and the program always agrees."""

import hashlib
import io
import re
import sys
from functools import partial
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature

from tests.reference import forge, verifier
from tests.reference.forge import Forger
from tests.reference.tampered import ACCEPTED, BUNDLES, CONTAINER, FILES, GOLDEN, RECIPIENT, REFUSED, build, to
from vault.bundle.open import Keys, open_bundle
from vault.bundle.verify import OpenedBy, verify_stream
from vault.crypto.signing import check_public_key
from vault.errors import VaultError
from vault.formats.age import encrypt_bytes, parse_identity, parse_recipient
from vault.model import Secret, Severity

OTHER, OTHERS = forge.age_keys(b"\x42" * 32)


def keys(identity):
    if identity.startswith("AGE-SECRET-KEY-"):
        return Keys([parse_identity(identity)])
    return Keys(passphrase=Secret(identity.encode()))


def agree(ours, data, identity, recipient):
    """What the second verifier says, once the program was found to say the same; None for refused, with the step."""
    try:
        incoming = ours()
    except VaultError:
        incoming = None
    wrong = [f for f in incoming.report.findings if f.severity is Severity.ERROR] if incoming else []
    try:
        found = verifier.verify(data, identity, recipient)
    except verifier.Refused as refused:
        step, reason = refused.args
        assert incoming is None or wrong, f"only the second verifier refuses: {step}: {reason}"
        if wrong:
            assert step in wrong[0].step, f"the program refuses at {wrong[0]}, the second verifier because of {reason}"
        return None, step
    assert incoming is not None, "only the program refuses"
    assert not wrong, f"only the program refuses: {wrong}"
    assert found["signer"] == incoming.signer.hex()
    assert list(found["records"]) == [record.view.id for record in incoming.records]
    for record in incoming.records:
        told = found["records"][record.view.id]
        assert (told["meta"], told["fields"]) == (record.view.meta, record.view.fields)
        assert (told["withheld"], told["digest"]) == (record.view.withheld, record.view.digest)
    assert [e["event"] for e in found["custody"]] == [e.view.event for e in incoming.entries]
    assert set(attachments(found)) == {a.path for a in incoming.attachments}
    assert (verifier.LAYOUT[12] in found["files"]) == (incoming.earlier is not None)
    return found, ""


def attachments(found):
    return {path: data for path, data in found["files"].items() if path.startswith("data/attachments/")}


def judge(container, own=RECIPIENT):
    opened_by = OpenedBy((own,) if own else (), not own)
    return agree(lambda: verify_stream(io.BytesIO(container), opened_by), container, "", own)


def judge_file(data, identity, recipient):
    return agree(lambda: open_bundle(io.BytesIO(data), keys(identity)), data, identity, recipient)


def judge_golden(name, change=lambda data: data):
    data = change((GOLDEN / f"{name}.age").read_bytes())
    return judge_file(data, BUNDLES[name]["identity"], BUNDLES[name]["recipient"])


def test_the_second_verifier_is_short_and_stands_alone():
    text = Path(verifier.__file__).read_text("utf-8")
    roots = {root for pair in re.findall(r"^(?:from (\w+)|import (\w+))", text, re.M) for root in pair if root}
    assert len(text.splitlines()) <= 300
    assert roots - sys.stdlib_module_names == {"cryptography"}


# --- the golden set ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUNDLES)
def test_golden_bundles_open_and_tell_their_signer(name):
    found, _ = judge_golden(name)
    assert found["signer"] == BUNDLES[name]["signer"]


def test_the_golden_set_holds_what_its_names_say():
    found = {name: judge_golden(name)[0] for name in BUNDLES}
    kinds = {name: f["bundle"]["recipient"]["kind"] for name, f in found.items()}
    assert (kinds["hybrid"], kinds["x25519"], kinds["passphrase"]) == ("mlkem768x25519", "x25519", "passphrase")
    assert attachments(found["x25519"]) == {}
    assert list(attachments(found["empty-attachment"]).values()) == [b""]
    continued = {name for name, f in found.items() if verifier.LAYOUT[12] in f["files"]}
    assert continued == {"corrected", "reveal", "empty-attachment", "withheld", "restored"}
    testimony = {
        n: next(r for r in f["records"].values() if r["type"] == "testimony")
        for n, f in found.items()
        if n != "empty-attachment"
    }
    assert "statement" not in testimony["withheld"]["fields"]
    assert "证言" in testimony["withheld"]["fields"]["title"]
    assert testimony["corrected"]["version"] == 2
    assert testimony["reveal"]["digest"] == testimony["corrected"]["digest"]
    assert testimony["reveal"]["fields"] == {"title": "Dawn"}
    assert len(found["two-keys"]["bundle"]["recipient"]["key_hashes"]) == 2
    origin = found["restored"]["bundle"]["checkpoint"]["origin"]
    assert all(entry["epoch"] not in origin for entry in found["restored"]["custody"])


def test_another_identity_opens_nothing():
    for name in ("x25519", "hybrid", "passphrase"):
        assert judge_file((GOLDEN / f"{name}.age").read_bytes(), OTHER, OTHERS) == (None, "age")


def test_the_worked_example_of_the_document_is_what_it_says():
    spec = (Path(verifier.__file__).parents[2] / "docs/formats/bundle.md").read_text("utf-8")
    spec = spec[spec.index("## Worked example") :]
    (description,) = re.findall(r'^\{"bundle_id".*\}$', spec, re.M)
    (note,) = re.findall(r"```\n(evidence-vault/.*?)```", spec, re.S)
    files = dict.fromkeys(verifier.LAYOUT[:12], b"") | {"bagit.txt": FILES["bagit.txt"]}
    files |= {"data/custody/checkpoint": note.encode(), "data/custody/entries.json": b"[]"}
    forger = Forger(files | {"data/bundle.json": description.encode()}, forge.Signer(bytes(range(32))))
    container = build(forger)
    assert hashlib.sha256(container).hexdigest() in spec
    found, _ = judge(container, BUNDLES["x25519"]["recipient"])
    assert found["bundle"]["purpose"] == "worked example"


# --- tampered: signed anew by a stranger ------------------------------------------------------------------------------


def test_a_stranger_can_sign_it_all_again_but_is_named_as_the_signer():
    forger = Forger(FILES)
    found, _ = judge(build(forger))
    assert found["signer"] == forger.signer.key.hex() != BUNDLES["restored"]["signer"]


def test_a_recipient_put_in_by_a_stranger_shows_the_stranger():
    container = build(Forger(FILES), "inside", to(hashlib.sha256(OTHERS.encode()).hexdigest()))
    found, _ = judge_file(encrypt_bytes(container, [parse_recipient(OTHERS)]), OTHER, OTHERS)
    assert found["signer"] != BUNDLES["restored"]["signer"]
    assert judge(CONTAINER, OTHERS) == judge(container) == (None, "recipient")
    assert judge(container, "") == (None, "recipient")


@pytest.mark.parametrize(
    ("stage", "change", "step"),
    [
        pytest.param(stage, change, step, id=f"{step}: {name}")
        for (stage, step), changes in REFUSED.items()
        for name, change in changes.items()
    ],
)
def test_what_a_stranger_signed_is_refused_where_a_rule_is_broken(stage, change, step):
    assert judge(build(Forger(FILES), stage, change)) == (None, step)


def test_both_know_the_same_keys():
    """One in sixteen strings of 32 bytes is the canonical encoding of a point of order L."""
    field = verifier.P
    edges = [number | sign << 255 for number in (0, 1, 2, field - 1, field, field + 1) for sign in (0, 1)]
    keys = [edge.to_bytes(32, "little") for edge in edges] + [hashlib.sha256(bytes([n])).digest() for n in range(64)]
    good = 0
    for key in keys:
        ours = theirs = True
        try:
            check_public_key(key, "key")
        except VaultError:
            ours = False
        try:
            verifier.check_signature(key, bytes(64), b"")
        except ValueError:
            theirs = False
        except InvalidSignature:
            pass
        assert ours == theirs, key.hex()
        good += ours
    assert 0 < good < 16


@pytest.mark.parametrize(
    "signer", [forge.LooseSigner, forge.NeutralSigner, forge.NeutralNonceSigner, forge.MixedSigner]
)
def test_keys_and_signatures_that_are_not_strict_are_refused(signer):
    assert judge(build(Forger(FILES, signer()))) == (None, "signature")


@pytest.mark.parametrize(
    ("stage", "change"),
    [pytest.param(stage, change, id=name) for stage, changes in ACCEPTED.items() for name, change in changes.items()],
)
def test_what_breaks_no_rule_is_accepted(stage, change):
    assert judge(build(Forger(FILES), stage, change))[0]


# --- tampered: the container ------------------------------------------------------------------------------------------


def spoil(offset, value):
    def edit(block):
        block[offset : offset + len(value)] = value

    return edit


TAR = {
    "mode": (100, b"0000755"), "uid": (108, b"0001750"), "gid": (116, b"0001750"), "time": (136, b"14724000000"),
    "link": (156, b"2"), "folder": (156, b"5"), "old type": (156, b"\0"), "link name": (157, b"/etc/passwd"),
    "GNU magic": (257, b"ustar  \0"), "owner": (265, b"root"), "group": (297, b"root"), "device": (329, b"0000001"),
    "prefix": (345, b"x"), "rest": (511, b"x"), "blank in the size": (124, b" "), "base 256": (124, b"\x80\0"),
    "size without zeros": (124, b"1".ljust(12, b"\0")), "outside bag": (0, b"bog/"), "dots": (0, b"bag/../x"),
    "absolute": (0, b"/"), "hidden": (0, b"bag/.agit.txt"), "hyphen": (0, b"bag/-agit.txt"), "final dot": (12, b"."),
    "empty segment": (0, b"bag//"), "backslash": (3, b"\\"), "no zero in the name": (0, b"bag/".ljust(100, b"x")),
    "behind the name": (50, b"x"), "smaller": (124, b"00000000001"),
}  # fmt: skip


@pytest.mark.parametrize(("offset", "value"), TAR.values(), ids=list(TAR))
def test_wrong_metadata_of_the_container_is_refused(offset, value):
    assert forge.pack(FILES) == CONTAINER
    assert judge(forge.pack(FILES, "bagit.txt", spoil(offset, value)))[0] is None


def test_an_extended_header_for_a_small_file_is_refused():
    record = b"11 size=55\n"
    extended = forge.tar_header(b"PaxHeaders/size", b"%011o" % len(record), spoil(156, b"x")) + record.ljust(512, b"\0")
    assert judge(extended + CONTAINER) == (None, "container")
    assert judge(extended + forge.pack(FILES, "bagit.txt", spoil(124, b"0" * 11))) == (None, "container")


def test_the_end_of_the_container_is_exact():
    end = CONTAINER.rstrip(b"\0")
    assert judge(CONTAINER[:-1] + b"\1") == (None, "container")
    for other in (
        CONTAINER[:-512],
        CONTAINER + bytes(512),
        CONTAINER[:-1],
        CONTAINER + bytes(10240),
        b"",
        end,
        bytes(1024),
    ):
        assert judge(other)[0] is None


@pytest.mark.parametrize("path", ["bagit.txt", "data/custody/checkpoint"])
def test_a_second_file_of_one_name_is_refused(path):
    assert judge(forge.pack(FILES, twice=path)) == (None, "container")


def regions():
    """Offsets in the container: in every file some of the header, of the content, of the filling; the end."""
    at = 0
    for content in FILES.values():
        yield from (at + offset for offset in (3, 105, 130, 140, 150, 156, 200, 260, 300, 400, 511))
        yield from (
            at + 512 + offset for offset in {0, len(content) // 2, len(content), -(-len(content) // 512) * 512 - 1}
        )
        at += 512 - -len(content) // 512 * -512
    yield from (at, at + 600, len(CONTAINER) - 1)


def test_a_flipped_byte_in_each_region_is_refused():
    for at in sorted(set(regions())):
        flipped = bytearray(CONTAINER)
        flipped[at] ^= 0x10
        assert judge(bytes(flipped))[0] is None, at


# --- tampered: the encrypted file -------------------------------------------------------------------------------------


def flip(data, at):
    flipped = bytearray(data)
    flipped[at] ^= 1
    return bytes(flipped)


@pytest.mark.parametrize("name", [name for name in BUNDLES if name != "passphrase"])
def test_a_flipped_byte_of_the_file_is_refused(name):
    data = (GOLDEN / f"{name}.age").read_bytes()
    head = data.index(b"\n---")
    for at in [
        *range(0, 40, 7),
        head // 2,
        head - 50,
        head,
        head + 5,
        head + 20,
        head + 48,
        head + 60,
        head + 500,
        len(data) - 1,
    ]:
        assert judge_golden(name, partial(flip, at=at)) == (None, "age"), at


def test_a_flipped_byte_of_a_file_under_a_passphrase_is_refused():
    name, size = "passphrase", (GOLDEN / "passphrase.age").stat().st_size
    for at in (24, 32, 54, 100, size - 1):
        assert judge_golden(name, partial(flip, at=at)) == (None, "age"), at


def test_other_lengths_of_the_file_are_refused():
    data = (GOLDEN / "restored.age").read_bytes()
    for other in (b"", data[:-1], data + b"x", data[: len(data) - len(CONTAINER) % 65536 - 16], data[:150], data[:205]):
        assert judge_golden("restored", lambda _, other=other: other) == (None, "age")


@pytest.mark.prove
@pytest.mark.parametrize("name", [name for name in BUNDLES if name != "passphrase"])
def test_every_flipped_byte_of_the_file_is_refused(name):
    for at in range((GOLDEN / f"{name}.age").stat().st_size):
        assert judge_golden(name, partial(flip, at=at)) == (None, "age"), at


@pytest.mark.prove
def test_every_flipped_byte_of_the_container_is_refused():
    for at in range(len(CONTAINER)):
        assert judge(flip(CONTAINER, at))[0] is None, at
