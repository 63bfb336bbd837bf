"""`evault demo`: the whole way between two vaults in a throw-away folder, then checked with stock tools.

Everything runs by the same doors as real work. Throw-away means: removed at the end, whatever happens.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path

from tui.cli.context import Context, Result, about
from tui.measures import size
from tui.text import shown
from vault import api
from vault.errors import IntegrityError
from vault.model import Secret, Verdict

_SAMPLES = ("photo.jpg", "document.pdf")
_TESTIMONY = "testimony-zh.txt"


def demo(context: Context) -> Result:
    """Walk the whole way and finish by checking with stock tools."""
    for one in context.arguments.files:
        with about(one):
            api.intake.refuse_unsuitable(Path(one))
    with tempfile.TemporaryDirectory(prefix="evault-demo-") as name:
        return _Demo(context, Path(name)).run()


class _Demo:
    def __init__(self, context: Context, folder: Path) -> None:
        self._context = context
        self._folder = folder
        self._step = 0

    def _tell(self, text: str) -> None:
        self._step += 1
        out = sys.stderr if self._context.arguments.json else sys.stdout
        out.write(shown(f"{self._step:>2}. {text}", lines=True) + "\n")
        out.flush()

    def _vault(self, name: str, folder: str) -> tuple[api.OpenVault, Secret]:
        secret = api.to_secret(api.generate())
        self._tell(f"{name} makes a vault, with a generated passphrase of eight words (80 bits).")
        vault = api.setup.create(self._folder / folder, secret)
        self._tell(f"Its fingerprint, to be read out over the telephone: {vault.identity.fingerprint}")
        return vault, secret

    def run(self) -> Result:
        """Run all steps."""
        job = self._context.job
        defender, secret = self._vault("A defender", "defender")
        lawyer, _ = self._vault("A lawyer", "lawyer")
        try:
            case = self._fill(defender)
            bundle = self._hand_over(defender, lawyer, case)
            self._tell("The lawyer receives it: decrypted, verified in numbered steps, taken in as read-only records.")
            opened = api.receiving.receive(lawyer, bundle, job)
            if opened.verdict is not Verdict.VERIFIED:
                raise IntegrityError("demo", "the bundle did not verify")
            self._tell(f"Verdict: {opened.verdict.value}. The same file once more is recognised:")
            again = api.receiving.receive(lawyer, bundle, job)
            self._tell(again.report.findings[-1].message)
            self._keep(defender)
            tools = self._stock_tools(defender, case)
        finally:
            api.lock(defender)
            api.lock(lawyer)
        self._restore(secret)
        return {"stock_tools": tools, "lines": ["The whole way was walked, and everything held."]}

    def _fill(self, vault: api.OpenVault) -> str:
        case = api.cases.add(vault, "示例案件 (a made-up case)")
        samples = resources.files("tui") / "samples"
        text = (samples / _TESTIMONY).read_text("utf-8")
        self._tell(f"She signs a testimony of {len(text)} characters in Chinese (made up), and what he agreed to.")
        agreed = {"uses": ["partner", "court"], "name_use": "pseudonym", "risks_explained": "yes"}
        said = {"title": "证言（虚构）", "language": "zh-Hans", "statement": text, "consent": agreed}
        api.records.add(vault, case.id, "testimony", said)
        named = [Path(name) for name in self._context.arguments.files]
        for one in named or [self._sample(name) for name in _SAMPLES]:
            taken = api.intake.attach(vault, case.id, one, self._context.job)
            inside = ", ".join(taken.fields.get("discloses") or ()) or "no facts that identify people"
            self._tell(
                f"She attaches {one.name}: {size(taken.size)}, {taken.media_type}; facts found inside: {inside}."
            )
        hits = api.search.find(vault, "律师")
        self._tell(f"She searches for 律师: {len(hits)} record(s) found.")
        return case.id

    def _sample(self, name: str) -> Path:
        target = self._folder / name
        target.write_bytes((resources.files("tui") / "samples" / name).read_bytes())
        return target

    def _hand_over(self, defender: api.OpenVault, lawyer: api.OpenVault, case_id: str) -> Path:
        for one, other, name in ((defender, lawyer, "Lawyer"), (lawyer, defender, "Defender")):
            api.contacts.add_card(one, api.contacts.card(other, name))
            api.contacts.verify(one, name, other.identity.fingerprint)
        self._tell("They exchange contact cards and compare fingerprints; both are now verified contacts.")
        choice = api.sealing.Choice(case_id, purpose="For the appeal (demo)", accept_metadata=True)
        parts = api.sealing.preview(defender, choice).parts
        kept = sum(len(part.withheld) for part in parts)
        self._tell(
            f"{len(parts)} records will leave; {kept} protected fields in them stay, and the signatures still hold."
        )
        made = api.sealing.seal(defender, choice, ["Lawyer"], self._folder / "bundle.age", self._context.job)[0]
        self._tell(f"Sealed to the lawyer alone, post-quantum: {size(made.file.stat().st_size)}, SHA-256 {made.sha256}")
        return made.file

    def _keep(self, vault: api.OpenVault) -> None:
        anchor = self._folder / "anchor.txt"
        head = api.custody.write_checkpoint(vault, anchor)
        self._tell(f"The defender writes a checkpoint of her custody log ({head.size} entries) to keep elsewhere.")
        checked = api.checking.check(vault, [anchor], self._context.job)
        if not checked.report.ok:
            raise IntegrityError("demo", "the check has findings")
        self._tell(f"She checks the whole vault against it: no findings, anchored: {checked.anchored}.")
        target = self._folder / "stick"
        written = api.backup.backup(vault, target, self._context.job)
        second = api.backup.backup(vault, target, self._context.job)
        self._tell(f"She makes a backup ({size(written)}), and a second one ({size(second)}).")
        self._tell("Of a large vault the second one writes only the segments of 16 MiB in which something changed.")

    def _restore(self, secret: Secret) -> None:
        api.backup.restore(self._folder / "stick", self._folder / "restored", secret, self._context.job)
        vault = api.setup.unlock(self._folder / "restored", secret)
        try:
            checked = api.checking.check(vault, [self._folder / "anchor.txt"], self._context.job)
        finally:
            api.lock(vault)
        if not checked.report.ok:
            raise IntegrityError("demo", "the restored vault has findings")
        self._tell(f"The backup is restored into a new folder and checked: no findings, anchored: {checked.anchored}.")

    # -- without this program ---------------------------------------------------------------------------------------

    def _stock_tools(self, vault: api.OpenVault, case_id: str) -> list[str]:
        wanted = ("age", "tar", "sha256sum", "ssh-keygen")
        missing = [name for name in wanted if shutil.which(name) is None]
        if missing:
            self._tell(f"Not checked with stock tools: {', '.join(missing)} not installed.")
            return []
        folder = self._folder / "court"
        folder.mkdir()
        made = subprocess.run(["age-keygen", "-o", "key.txt"], cwd=folder, capture_output=True, text=True, check=True)  # noqa: S607
        recipient = (made.stderr + made.stdout).split("age1", 1)[1].split()[0]
        api.contacts.add(vault, "Court", (f"age1{recipient}",))
        choice = api.sealing.Choice(case_id, purpose="For the court (demo)", accept_metadata=True)
        api.sealing.seal(vault, choice, ["Court"], folder / "b.age", self._context.job)
        self._tell("She seals it to a court that has only stock tools. Without this program, the court runs:")
        commands = (
            "age -d -i key.txt -o b.tar b.age && tar xf b.tar",
            "cd bag && sha256sum -c --quiet tagmanifest-sha256.txt",
            "cd bag && sha256sum -c --quiet manifest-sha256.txt",
            "cd bag && ssh-keygen -Y verify -f signers -I sender -n evidence-bundle"
            " -s tagmanifest-sha256.txt.sig < tagmanifest-sha256.txt",
        )
        for command in commands:
            done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S602
            if done.returncode:
                raise IntegrityError("demo", "a stock tool did not accept the bundle")
            self._tell(f"$ {command}\n    {done.stdout.strip() or 'good'}")
        return list(wanted)
