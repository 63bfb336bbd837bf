"""A vault, a backup and a bundle on a stick; a full one; a file that is too large for it; a driver that fails."""

from __future__ import annotations

import functools
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proofs.fault import sticks
from tests.vault_world import PASSPHRASE, introduce, make_vault, reopen, seal, unlock
from vault import api
from vault.errors import DiskFullError, InUseError, StorageError, VaultError
from vault.files import system
from vault.jobs import Job
from vault.keys import FLOOR
from vault.model import Verdict

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="sticks are mounted on Linux only"),
    pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting needs root"),
]

TOP = Path(__file__).parents[3]
FILLING = 1 << 20


@pytest.fixture(params=sticks.kinds() or ["none"])
def mounted(request, tmp_path):
    """A stick of 40 MiB of each kind that this machine knows, which is gone after the test."""
    if request.param == "none":
        pytest.skip("neither vfat nor exfat-fuse can be mounted")
    with sticks.stick(request.param, tmp_path / "image", tmp_path / "stick", 40) as place:
        yield place
    assert "/stick " not in Path("/proc/self/mountinfo").read_text()


def sound(vault: api.OpenVault) -> None:
    report = api.checking.check(vault, [], Job()).report
    assert report.ok and not report.findings, report.findings


def with_file(folder: Path, tmp_path: Path, size: int) -> tuple[api.OpenVault, str]:
    """Return a vault with a case that holds a note and a file of this size."""
    vault = make_vault(folder)
    case = api.cases.add(vault, "driftwood")
    api.records.add(vault, case.id, "note", {"text": "lantern"})
    (tmp_path / "film").write_bytes(os.urandom(size))
    api.intake.attach(vault, case.id, tmp_path / "film", Job())
    return vault, case.id


def fill(place: Path, leave: int) -> Path:
    """Fill a stick until only this many bytes are free."""
    filler = place / "films"
    with filler.open("wb") as file:
        while (free := shutil.disk_usage(place).free) > leave:
            file.write(bytes(min(FILLING, max(free - leave, 512))))
            file.flush()
    return filler


# -- what works --------------------------------------------------------------------------------------------------------

DYING = """
import os, sys
from pathlib import Path
from tests.vault_world import unlock
from vault import api
vault = unlock(Path(sys.argv[1]))
(case,) = api.cases.page(vault)
while True:
    os.write(1, (api.records.add(vault, case.id, "note", {"text": "lantern " * 2000}).id + "\\n").encode())
"""


def test_a_vault_lives_on_a_stick(mounted, tmp_path, count):
    folder = mounted / "vault"
    vault = api.setup.create(folder, api.to_secret(PASSPHRASE), FLOOR)
    case = api.cases.add(vault, "driftwood")
    first = api.records.add(vault, case.id, "note", {"text": "lantern"})
    with pytest.raises(InUseError):
        api.setup.open_with(folder, vault.keys)
    vault.close()

    process = subprocess.Popen([sys.executable, "-c", DYING, folder], cwd=TOP, stdout=subprocess.PIPE, text=True)
    saved = [process.stdout.readline().strip() for _ in range(3)]
    process.send_signal(signal.SIGKILL)
    saved += [line.strip() for line in process.communicate()[0].splitlines() if line.endswith("\n")]

    vault = reopen(vault)
    try:
        assert {first.id, *saved} <= {one.id for one in api.records.page(vault, case.id)}
        sound(vault)
        again = api.setup.change_passphrase(vault, api.to_secret("harvest violin granite meadow oyster timber"), FLOOR)
        assert again.keys.encoded == (folder / "vault.keys").read_bytes()
    finally:
        vault.close()
    assert sorted(entry.name for entry in folder.iterdir()) == ["vault.db", "vault.keys"]
    count("stick", "vaults that lived on a stick, were killed there and opened again", 1)


def test_backups_and_bundles_on_a_stick_are_whole(mounted, tmp_path, count):
    vault, case = with_file(tmp_path / "vault", tmp_path, 3_000_000)
    peer = make_vault(tmp_path / "peer", 1)
    introduce(vault, peer, "Peer")
    introduce(peer, vault, "Sender")
    made = seal(vault, case, "Peer", mounted / "bundle.age", accept_metadata=True)
    for text in ("lighthouse", "saltmarsh"):
        api.backup.backup(vault, mounted / "backup", Job())
        api.records.add(vault, case, "note", {"text": text})
    (attachment,) = api.intake.page(vault, case)
    api.intake.extract(vault, attachment.id, mounted / "film", Job())
    assert (mounted / "film").read_bytes() == (tmp_path / "film").read_bytes()
    assert api.receiving.receive(peer, mounted / "bundle.age", Job()).verdict is Verdict.VERIFIED
    assert made.sha256 == api.sealing.sent(vault, case)[0].sha256
    for one in (vault, peer):
        sound(one)
        one.close()
    api.backup.restore(mounted / "backup", tmp_path / "restored", api.to_secret(PASSPHRASE), Job())
    restored = unlock(tmp_path / "restored")
    assert len(api.records.page(restored, case)) == 2
    sound(restored)
    restored.close()
    assert not list(mounted.rglob("*.part"))
    count("stick", "bundles, backups and files written to a stick, read back whole", 4)


# -- what does not fit -------------------------------------------------------------------------------------------------


def test_on_a_full_stick_nothing_is_lost_and_it_is_said(mounted, tmp_path, count):
    folder = mounted / "vault"
    vault = api.setup.create(folder, api.to_secret(PASSPHRASE), FLOOR)
    case = api.cases.add(vault, "driftwood")
    draft = api.drafts.save(vault, case.id, "note", {"text": "half a sentence"})
    filler = fill(mounted, 2_000_000)
    saved = []
    with pytest.raises(DiskFullError, match="nothing of this step was saved") as refused:
        while len(saved) < 200:
            saved.append(
                api.records.add(vault, case.id, "note", {"text": f"{len(saved)} " + os.urandom(20_000).hex()}).id
            )
    assert refused.value.advice and saved
    with pytest.raises(DiskFullError):
        api.intake.attach(vault, case.id, Path(__file__), Job())

    def there() -> set[str]:
        return {one.id for one in api.records.page(vault, case.id)}

    assert there() == set(saved)
    vault.close()
    vault = reopen(vault)
    assert there() == set(saved)
    assert api.drafts.get(vault, draft.id).fields == {"text": "half a sentence"}
    sound(vault)
    filler.unlink()
    saved.append(api.records.add(vault, case.id, "note", {"text": "room again"}).id)
    assert there() == set(saved)
    sound(vault)
    vault.close()
    count("stick", "records saved on a stick until it was full, none lost", len(saved))


def test_a_backup_and_a_bundle_for_which_a_stick_is_too_full_leave_what_was_there(mounted, tmp_path, count):
    vault, case = with_file(tmp_path / "vault", tmp_path, 9_000_000)
    peer = make_vault(tmp_path / "peer", 1)
    introduce(vault, peer, "Peer")
    peer.close()
    api.backup.backup(vault, mounted / "backup", Job())
    before = {path: path.read_bytes() for path in mounted.rglob("*") if path.is_file()}
    (tmp_path / "more").write_bytes(os.urandom(9_000_000))
    api.intake.attach(vault, case, tmp_path / "more", Job())
    filler = fill(mounted, 4_000_000)
    for act, words in (
        (lambda: api.backup.backup(vault, mounted / "backup", Job()), "the last good backup is untouched"),
        (lambda: seal(vault, case, "Peer", mounted / "bundle.age", accept_metadata=True), "not enough free space"),
        (lambda: api.intake.extract(vault, api.intake.page(vault, case)[0].id, mounted / "out", Job()), "free space"),
    ):
        with pytest.raises(DiskFullError, match=words) as refused:
            act()
        assert refused.value.advice
    filler.unlink()
    assert {path: path.read_bytes() for path in before} == before
    assert {path.name for path in mounted.iterdir()} == {"backup"}
    sound(vault)
    assert api.backup.restore(mounted / "backup", tmp_path / "restored", api.to_secret(PASSPHRASE), Job()) == 0
    restored = unlock(tmp_path / "restored")
    assert len(api.intake.page(restored, case)) == 1
    sound(restored)
    restored.close()
    api.backup.backup(vault, mounted / "backup", Job())
    vault.close()
    count("stick", "writings that a full stick refused, the backup before it whole", 3)


# A file system that ends a file at 4 GiB answers EFBIG; a limit of the process does the same with a smaller file.


@pytest.fixture
def largest():
    """Return a function that limits how long a file of this process may be."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_is_too_large_for_the_file_system_is_refused_and_nothing_is_lost(tmp_path, largest, monkeypatch, count):
    vault, case = with_file(tmp_path / "vault", tmp_path, 5_000_000)
    peer = make_vault(tmp_path / "peer", 1)
    introduce(vault, peer, "Peer")
    introduce(peer, vault, "Sender")
    seal(vault, case, "Peer", tmp_path / "bundle.age", accept_metadata=True)
    api.backup.backup(vault, tmp_path / "backup", Job())
    # The same bytes once more take no room in the vault, and twice as much in a bundle.
    api.intake.attach(vault, case, tmp_path / "film", Job())
    (tmp_path / "more").write_bytes(os.urandom(6_000_000))
    before = [one.id for one in api.intake.page(vault, case)]
    target = tmp_path / "target"
    target.mkdir()

    def refused(act) -> None:
        with pytest.raises(StorageError, match="too large for this file system") as told:
            act()
        assert "exFAT" in told.value.advice
        assert list(target.iterdir()) == []

    limit = (tmp_path / "vault" / "vault.db").stat().st_size + 1_000_000
    monkeypatch.setattr(system, "LARGEST_ON_FAT", limit)
    largest(limit)
    refused(lambda: api.intake.attach(vault, case, tmp_path / "more", Job()))
    refused(lambda: seal(vault, case, "Peer", target / "bundle.age", accept_metadata=True))
    largest(3_000_000)
    refused(lambda: api.receiving.open_into(peer, tmp_path / "bundle.age", target / "bag", "", Job()))
    secret = api.to_secret(PASSPHRASE)
    refused(lambda: api.backup.restore(tmp_path / "backup", target / "restored", secret, Job()))
    largest(resource.RLIM_INFINITY)

    assert [one.id for one in api.intake.page(vault, case)] == before
    api.setup.sweep_all(vault)
    sound(vault)
    vault.close()
    vault = reopen(vault)
    api.intake.attach(vault, case, tmp_path / "more", Job())
    seal(vault, case, "Peer", target / "bundle.age", accept_metadata=True)
    for one in (vault, peer):
        sound(one)
        one.close()
    count("stick", "things refused as too large for the file system", 4)


# -- a driver that fails -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not (shutil.which("fusefat") and shutil.which("mkfs.fat")), reason="fusefat is not installed")
def test_on_a_driver_that_fails_nothing_is_called_done_that_is_not(tmp_path, count):
    vault, case = with_file(tmp_path / "vault", tmp_path, 300_000)
    peer = make_vault(tmp_path / "peer", 1)
    introduce(vault, peer, "Peer")
    introduce(peer, vault, "Sender")
    (attachment,) = api.intake.page(vault, case)
    refused, done = 0, 0
    with sticks.faulty_stick(tmp_path / "image", tmp_path / "stick") as place:
        acts = {
            "vault": lambda: api.setup.create(place / "vault", api.to_secret(PASSPHRASE), FLOOR).close(),
            "backup": lambda: api.backup.backup(vault, place / "backup", Job()),
            "bundle.age": lambda: seal(vault, case, "Peer", place / "bundle.age", accept_metadata=True),
            "out": functools.partial(api.intake.extract, vault, attachment.id, place / "out", Job()),
        }
        for name, act in acts.items():
            try:
                act()
            except VaultError as error:
                assert error.message and error.advice
                assert not (place / name).exists()
                refused += 1
            else:
                done += 1
                if name == "vault":
                    sound(unlock(place / name))
                elif name == "backup":
                    api.backup.restore(place / name, tmp_path / "restored", api.to_secret(PASSPHRASE), Job())
                elif name == "out":
                    assert (place / name).read_bytes() == (tmp_path / "film").read_bytes()
                else:
                    assert api.receiving.look(peer, place / name, Job()).verdict is Verdict.VERIFIED
    sound(vault)
    for one in (vault, peer):
        one.close()
    assert refused + done == 4
    count("stick", "things a failing driver refused, and was not believed about", refused)
    count("stick", "things a failing driver kept whole", done)
