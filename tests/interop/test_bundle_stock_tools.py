"""A bundle without our program: stock age, tar, sha256sum, ssh-keygen and openssl, as bag/VERIFY.txt says."""

import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import bagit
import pytest

from tests.bundle_world import Sender, an_id, new_identity, resign, tar, untar, unwrap, wrap
from vault.bundle import layout
from vault.bundle.verify import verify_folder
from vault.formats.age import ScryptRecipient
from vault.formats.fingerprint import fingerprint_of_key
from vault.formats.sd_jwt import digest_of
from vault.formats.ssh_keys import ssh_fingerprint
from vault.model import Secret

SENDER = Sender()
PHOTO = layout.attachment_path(an_id(256), "jpg")

for tool in ("age", "tar", "sha256sum", "ssh-keygen", "openssl"):
    if not shutil.which(tool):
        pytest.skip(f"no stock {tool} on this machine", allow_module_level=True)


def run(command, folder):
    return subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=False)


def opened(data, identity, folder):
    """Open a bundle as step 0 says."""
    (folder / "BUNDLE.age").write_bytes(data)
    (folder / "YOUR-KEY-FILE").write_text(identity.text + "\n")
    text = untar(unwrap(data, identity))[layout.VERIFY].decode()
    steps = re.findall(r"^    ((?:age|tar) .*)$", text, re.MULTILINE)
    assert len(steps) == 2
    for step in steps:
        done = run(step, folder)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
    return folder / "bag"


def commands(bag):
    return re.findall(r"^    \$ (.*)$", (bag / layout.VERIFY).read_text(), re.MULTILINE)


@pytest.fixture
def bag(tmp_path):
    identity = new_identity()
    return opened(SENDER.seal(identity.recipient), identity, tmp_path)


def test_every_command_of_the_instructions_succeeds(bag):
    lines = commands(bag)
    assert [line.split()[0] for line in lines] == [
        "sha256sum",
        "sha256sum",
        "test",
        "ssh-keygen",
        "sed",
        "sed",
        "openssl",
    ]
    outputs = []
    for line in lines:
        done = run(line, bag)
        assert done.returncode == 0, (line, done.stderr)
        outputs.append(done.stdout)
    assert outputs[0].count(": OK\n") == len(layout.SIGNED_TAGS)
    assert outputs[1].count(": OK\n") == len(list((bag / "data").rglob("*.*"))) + 1
    assert 'Good "evidence-bundle" signature for sender with ED25519 key SHA256:' in outputs[3]
    assert "Signature Verified Successfully" in outputs[6]


def test_ssh_keygen_shows_the_fingerprint_that_the_sender_tells(bag):
    shown = run(next(line for line in commands(bag) if line.startswith("ssh-keygen")), bag).stdout
    assert shown.strip().endswith(ssh_fingerprint(SENDER.key))


def test_the_recipient_is_named_by_what_sha256sum_shows(tmp_path):
    identity = new_identity()
    bag = opened(SENDER.seal(identity.recipient), identity, tmp_path)
    (line,) = re.findall(r"^    (printf .*)$", (bag / layout.VERIFY).read_text(), re.MULTILINE)
    shown = run(line.replace("YOUR-AGE1-PUBLIC-KEY", identity.recipient.text), bag).stdout.split()[0]
    assert shown in (bag / layout.BUNDLE).read_text()


@pytest.mark.parametrize(
    ("path", "failing"),
    [
        (layout.DECLARATION, 0),
        (layout.SIGNERS, 0),
        (layout.VERIFY, 0),
        (layout.MANIFEST, 0),
        (layout.BUNDLE, 1),
        (layout.REPORT, 1),
        (layout.record_path(an_id(16)), 1),
        (PHOTO, 1),
        (layout.CHECKPOINT, 1),
        (layout.TAG_MANIFEST, 3),
        (layout.SIGNATURE, 3),
    ],
)
def test_one_changed_byte_makes_its_command_fail(bag, path, failing):
    line = commands(bag)[failing]
    content = bytearray((bag / path).read_bytes())
    content[len(content) // 2] ^= 1
    (bag / path).write_bytes(content)
    assert run(line, bag).returncode != 0


def test_a_changed_checkpoint_makes_openssl_fail(bag):
    lines = commands(bag)
    note = (bag / layout.CHECKPOINT).read_text()
    (bag / layout.CHECKPOINT).write_text(note.replace("\n7\n", "\n8\n"))
    assert [run(line, bag).returncode == 0 for line in lines[4:]] == [True, True, False]


def test_an_unlisted_file_makes_its_command_fail(bag):
    (bag / "data/evil").write_bytes(b"")
    assert run(commands(bag)[2], bag).returncode != 0
    (bag / "data/evil").unlink()
    (bag / "evil").symlink_to("/etc/passwd")
    assert run(commands(bag)[2], bag).returncode != 0


def test_a_changed_byte_of_the_bundle_makes_age_fail(tmp_path):
    identity = new_identity()
    data = bytearray(SENDER.seal(identity.recipient))
    data[-1000] ^= 1
    (tmp_path / "b.age").write_bytes(data)
    (tmp_path / "key").write_text(identity.text + "\n")
    assert run("age -d -i key -o b.tar b.age", tmp_path).returncode != 0


def test_a_bag_that_somebody_else_signed_shows_another_fingerprint(tmp_path):
    """By hand, too, only the fingerprint tells; our program also finds the records that this key did not sign."""
    identity = new_identity()
    files = resign(untar(unwrap(SENDER.seal(identity.recipient), identity)), bytes(range(1, 33)))
    bag = opened(wrap(tar(files), identity.recipient), identity, tmp_path)
    done = run(commands(bag)[3], bag)
    assert done.returncode == 0
    assert ssh_fingerprint(SENDER.key) not in done.stdout
    assert not verify_folder(bag).report.ok


def test_what_tar_unpacked_verifies_with_our_program(bag):
    assert verify_folder(bag).report.ok


def test_the_bag_is_valid_to_bagit(bag):
    """The Library of Congress's own validator, with its check that nothing is unlisted."""
    there = bagit.Bag(str(bag))
    assert there.version_info == (1, 0)
    there.validate()
    assert there.info["External-Identifier"] == an_id(1)
    (bag / PHOTO).write_bytes(b"x")
    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(bag)).validate()


def test_a_passphrase_bundle_opens_with_stock_age_only_by_the_passphrase(tmp_path):
    """age asks for it on the terminal, so here only its refusal of a key is shown."""
    (tmp_path / "b.age").write_bytes(SENDER.seal(ScryptRecipient(Secret(b"agreed on"), work_factor=16)))
    (tmp_path / "key").write_text(new_identity().text + "\n")
    assert "passphrase" in run("age -d -i key -o b.tar b.age", tmp_path).stderr


@pytest.mark.skipif(not shutil.which("shasum"), reason="not on Linux without perl: shasum is what macOS has")
def test_the_command_for_macos_is_right(bag):
    for line in commands(bag)[:2]:
        done = run(line.replace("sha256sum -c", "shasum -a 256 -c"), bag)
        assert done.returncode == 0
        assert done.stdout.count(": OK\n") == run(line, bag).stdout.count(": OK\n")


def test_the_guide_for_linux_works_word_by_word(tmp_path):
    """All its commands in one shell, which stops at the first that fails; the same with one byte changed stops."""
    identity = new_identity()
    (tmp_path / "BUNDLE.age").write_bytes(SENDER.seal(identity.recipient))
    (tmp_path / "YOUR-KEY-FILE").write_text(identity.text + "\n")
    guide = (Path(__file__).parents[2] / "docs/verify-by-hand.md").read_text()
    linux = guide.split("## Linux")[1].split("## macOS")[0]
    script = "\n".join(re.findall(r"^       .*$", linux, re.MULTILINE))
    script = script.replace("YOUR-AGE1-PUBLIC-KEY", identity.recipient.text).replace("ID.sd-jwt", f"{an_id(16)}.sd-jwt")
    script = "set -eo pipefail\n" + textwrap.dedent(script)
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Signature Verified Successfully") == 2
    assert fingerprint_of_key(SENDER.key).replace(" ", "") in done.stdout
    record = (tmp_path / "bag" / layout.record_path(an_id(16))).read_text()
    assert digest_of(record.split("~")[1]) == done.stdout.strip().split("\n")[-1]


@pytest.mark.skipif(not shutil.which("bash"), reason="not on Windows: the guide for Linux is for bash")
def test_the_guide_stops_at_a_record_that_was_changed(bag):
    guide = (Path(__file__).parents[2] / "docs/verify-by-hand.md").read_text()
    step = guide.split("8. One record.")[1].split("That a disclosure")[0]
    script = "set -eo pipefail\n" + textwrap.dedent("\n".join(re.findall(r"^       .*$", step, re.MULTILINE)))
    script = script.replace("ID.sd-jwt", f"{an_id(16)}.sd-jwt")
    path = bag / layout.record_path(an_id(16))
    assert subprocess.run(["bash", "-c", script], cwd=bag, capture_output=True, check=False).returncode == 0
    text = path.read_text()
    path.write_text(text[:40] + ("A" if text[40] != "A" else "B") + text[41:])
    assert subprocess.run(["bash", "-c", script], cwd=bag, capture_output=True, check=False).returncode != 0
