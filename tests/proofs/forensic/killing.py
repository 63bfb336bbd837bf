"""Restore, rekey and backup, killed at one call that changes a file, and what the log then has to say to its anchors.

For tests only. Works in processes of its own, started clean, because it forks.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.proofs import interrupt
from tests.proofs.forensic import versions
from tests.vault_world import PASSPHRASE, introduce, make_vault, seal, unlock
from vault import api, keys, recovery
from vault.jobs import Job
from vault.model import Verdict

OPERATIONS = ("restore", "rekey", "backup")
TWO_HISTORIES = {"equivocation", "log-fork", "log-shrunk", "log-rewritten"}


def prepare() -> Path:
    """Make a root: a vault and its receiver, two backups, anchors before and after them, and bundles that were sent."""
    root = versions.in_memory("killing")
    vault, other = make_vault(root / "vault"), make_vault(root / "other", 1)
    introduce(vault, other, "Receiver")
    introduce(other, vault, "Sender")
    public_key, shares = recovery.make_shares(2, 3)
    api.recovery.commit(vault, public_key)
    for number, share in enumerate(shares):
        (root / f"share-{number}").write_bytes(recovery.encode_share(share))
    case = api.cases.add(vault, "a case").id
    for number in range(2):
        api.records.add(vault, case, "note", {"text": f"note {number}"})
        seal(vault, case, "Receiver", root / f"{number}.age")
        api.receiving.receive(other, root / f"{number}.age", Job())
        api.custody.write_checkpoint(vault, root / f"anchor-{number}")
        api.backup.backup(vault, root / "stick", Job())
    api.records.add(vault, case, "note", {"text": "after the backups"})
    api.custody.write_checkpoint(vault, root / "anchor-2")
    (root / "case").write_text(case)
    vault.close()
    other.close()
    return root


def _shares(root: Path) -> list[recovery.Share]:
    return [recovery.decode_share((root / f"share-{number}").read_bytes()) for number in range(2)]


def _open(root: Path, name: str) -> api.OpenVault:
    """Open a vault by its shares, which costs no derivation."""
    data = (root / name / "vault.keys").read_bytes()
    return api.setup.open_with(root / name, keys.recover_keys(data, recovery.combine(_shares(root))))


def work(root: Path, operation: str) -> None:
    """Carry an operation out."""
    if operation == "restore":
        api.backup.restore(root / "stick", root / "restored", _shares(root), Job())
    elif operation == "rekey":
        api.setup.rekey(root / "vault", api.to_secret(PASSPHRASE), Job()).close()
    else:
        vault = _open(root, "vault")
        api.backup.backup(vault, root / "stick", Job())
        vault.close()


def judge(root: Path, operation: str, stick: dict[str, bytes]) -> None:
    """Fail where the vault, its log or a receiver takes what was left for anything but what it honestly is."""
    if operation == "restore":
        assert tree(root / "stick") == stick, "the backup was changed"
        if not (root / "restored").exists():
            work(root, "restore")
        name, later = "restored", ("restored-before-anchor", "unknown")
    else:
        name, later = "vault", ("", "yes")
    vault = _open(root, name)
    for number in range(3):
        anchor = root / f"anchor-{number}"
        checked = api.checking.check(vault, [anchor], Job())
        # What a kill leaves may be told, as long as it is no error.
        assert checked.report.ok
        codes = {one.code for one in checked.report.findings} - {"rekey-pending", "may-have-left"}
        expected = later if number == 2 else ("", "yes")
        assert ("".join(codes), checked.anchored) == expected, (number, codes, checked.anchored)
    seal(vault, (root / "case").read_text(), "Receiver", root / "next.age")
    vault.close()
    other = unlock(root / "other")
    opened = api.receiving.receive(other, root / "next.age", Job())
    other.close()
    codes = {one.code for one in opened.report.findings}
    assert opened.verdict is Verdict.VERIFIED, codes
    assert not codes & TWO_HISTORIES
    assert ("new-epoch" in codes) is (operation == "restore")
    if operation == "rekey":
        api.setup.rekey(root / "vault", api.to_secret(PASSPHRASE), Job()).close()
    if operation == "backup":
        work(root, "backup")
        api.backup.restore(root / "stick", root / "again", _shares(root), Job())
        again = _open(root, "again")
        assert api.checking.check(again, [root / "anchor-2"], Job()).anchored == "yes"
        again.close()


def tree(folder: Path) -> dict[str, bytes]:
    """Return path → content of the files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def attempt(template: str, operation: str, number: int) -> tuple[int, str]:
    """Kill an operation at one of its calls, on a copy of a root, and judge; number 0 lets it end.

    Returns:
        How many calls there were, and what is wrong, or an empty string.
    """
    place = Path(tempfile.mkdtemp(dir=Path(template).parent))
    root = Path(shutil.copytree(template, place / "root"))
    try:
        decide: Callable[..., int] = lambda at, *_: interrupt.KILL if at == number else 0  # noqa: E731
        ended = interrupt.run(lambda say: work(root, operation), root, decide)
        assert ended.killed is bool(number), ended
        stick = tree(Path(template) / "stick")
        checked = interrupt.run(lambda say: judge(root, operation, stick))
        return len(ended.calls), checked.noise if checked.status else ""
    finally:
        shutil.rmtree(place)


def forged(template: str) -> str:
    """Judge, as if a restore had been killed and done again, a vault that began no epoch: it must be found wrong."""
    place = Path(tempfile.mkdtemp(dir=Path(template).parent))
    root = Path(shutil.copytree(template, place / "root"))
    try:

        def act(say: object) -> None:
            from vault.usecases.backup import restoring

            restoring._begin_epoch = lambda *_: None
            judge(root, "restore", tree(root / "stick"))

        return interrupt.run(act).noise
    finally:
        shutil.rmtree(place)
