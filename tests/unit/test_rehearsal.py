"""What others sent is verified in a confined child first: it bounds memory and time, and decides nothing."""

import io
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import vault
from tests.bundle_world import Sender, in_order, new_identity, resign, tar, untar, unwrap, wrap
from tests.reference import forge, tampered
from tests.vault_world import make_vault
from vault import api
from vault.bundle import layout, rehearsal
from vault.bundle.findings import Findings
from vault.bundle.gather import Gathered, gather_container
from vault.bundle.open import Keys, extract_bundle, open_bundle
from vault.bundle.rehearsal import rehearse
from vault.bundle.rehearsal_child import _take
from vault.confined import process
from vault.errors import CancelledError, RefusedError, StorageError
from vault.formats.age import ScryptRecipient
from vault.jobs import Job

ROOT = Path(vault.__file__).parents[1]
ME = new_identity()
SENDER = Sender()
DATA = SENDER.seal(ME.recipient)
FILES = untar(unwrap(DATA, ME))
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="proved on Linux only")


def gathered(files):
    return gather_container(io.BytesIO(tar(files)), Findings(Job()), Job())


def rogue(monkeypatch, behaviour, hello="H"):
    script = (
        "import os, struct, sys, time, threading\n"
        "def frame(kind, body=b''): os.write(1, struct.pack('>cI', kind, len(body)) + body)\n"
        "def drain():\n"
        "    while os.read(0, 1 << 16): pass\n"
        "threading.Thread(target=drain, daemon=True).start()\n"
        f"frame(b'{hello}')\n{behaviour}\n"
    )
    monkeypatch.setattr(process, "_command", lambda module: [sys.executable, "-I", "-c", script])


@pytest.mark.parametrize("name", sorted(tampered.BUNDLES))
def test_every_kind_of_bundle_comes_to_the_end_of_its_rehearsal(name):
    container = tampered.container(name)
    rehearse(gather_container(io.BytesIO(container), Findings(Job()), Job()), Job())


@pytest.mark.parametrize("layer", sorted({step for _, step in tampered.REFUSED}))
def test_what_the_program_refuses_is_no_breakdown_of_the_child(layer):
    cases = [(stage, cases) for (stage, step), cases in tampered.REFUSED.items() if step == layer]
    stage, changes = max(cases, key=lambda case: len(case[1]))
    change = next(iter(changes.values()))
    forger = forge.Forger(dict(tampered.FILES))
    container = tampered.build(forger, stage, change)
    bag = gather_container(io.BytesIO(container), Findings(Job()), Job())
    rehearse(bag, Job())
    # Nothing of a bag has to be there for it to be judged.
    for path in layout.FIXED:
        bag.seen.pop(path, None)
        bag.small.pop(path, None)
    rehearse(bag, Job())


def test_paths_that_are_no_text_are_handed_over():
    path = os.fsdecode(b"data/\xff\xfe")
    assert rehearsal.path_bytes(path).decode("utf-8", "surrogatepass") == path
    bag = gathered(FILES)
    bag.seen[path] = (3, "0" * 64)
    rehearse(bag, Job())


def dense(size):
    """JSON of as many values as a description of this size may have, most of which cost far more than their bytes."""
    values = size // 20 // 2
    return b"[" + b",".join([b"{}"] * values) + b',"' + b"x" * (size - 3 * values - 4) + b'"]'


def test_what_takes_more_memory_than_is_allowed_ends_the_child_and_is_refused(monkeypatch):
    bag = gathered(in_order(resign({**FILES, layout.ENTRIES: dense(20 << 20)}, SENDER.seed)))
    rehearse(bag, Job())
    real = process._command("vault.bundle.rehearsal_child")
    less = real[4].replace("import sys;", "import sys, vault.bundle.rehearsal as r; r.MEMORY = 24 << 20;")
    assert less != real[4]
    start = f"import sys; sys.path[:] = [sys.argv[1], *sys.path]; {less}"
    monkeypatch.setattr(process, "_command", lambda module: [*real[:4], start, *real[5:]])
    rehearse(gathered(FILES), Job())
    with pytest.raises(RefusedError, match="more memory or time than is allowed"):
        rehearse(bag, Job())


@LINUX
def test_what_takes_more_time_than_is_allowed_ends_the_child_and_is_refused(monkeypatch):
    real = process._command("vault.bundle.rehearsal_child")
    slow = (
        "import sys; sys.path[:] = [sys.argv[1], *sys.path]; import vault.bundle.rehearsal_child as c\n"
        "def spin(*_):\n    while True: pass\n"
        "c.verify_gathered, c.processor_seconds = spin, lambda *_: 1\nc.main()"
    )
    monkeypatch.setattr(process, "_command", lambda module: [*real[:4], slow, *real[5:]])
    with pytest.raises(RefusedError, match="more memory or time than is allowed"):
        rehearse(gathered(FILES), Job())


def test_a_child_that_hangs_is_killed_by_the_clock(monkeypatch):
    rogue(monkeypatch, "time.sleep(600)")
    monkeypatch.setattr(rehearsal, "processor_seconds", lambda *_: -29.8)
    with pytest.raises(RefusedError):
        rehearse(gathered(FILES), Job())


@pytest.mark.parametrize(
    "behaviour",
    ["os._exit(0)", "os.kill(os.getpid(), 11)", "frame(b'X')", "frame(b'D', b'x')", "os.write(1, b'verified')"],
)
def test_a_child_that_breaks_down_or_breaks_the_contract_is_a_refusal(monkeypatch, tmp_path, behaviour):
    rogue(monkeypatch, behaviour)
    with pytest.raises(RefusedError):
        extract_bundle(io.BytesIO(DATA), Keys([ME]), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_captured_child_can_make_nothing_right(monkeypatch):
    """It says that it came to the end, at once: what counts is verified here all the same."""
    rogue(monkeypatch, "frame(b'D'); time.sleep(9)")
    bad = {**FILES, "data/report.html": b"<p>something else"}
    incoming = open_bundle(io.BytesIO(wrap(tar(bad), ME.recipient)), Keys([ME]))
    assert not incoming.report.ok
    assert open_bundle(io.BytesIO(DATA), Keys([ME])).report.ok


def test_stopping_kills_the_child_at_once(monkeypatch):
    rogue(monkeypatch, "time.sleep(600)")
    job = Job()
    threading.Timer(0.3, job.cancel).start()
    begin = time.monotonic()
    with pytest.raises(CancelledError):
        rehearse(gathered(FILES), job)
    assert time.monotonic() - begin < 100


def test_no_door_opens_what_others_sent_without_it(monkeypatch, tmp_path):
    receiver = make_vault(tmp_path / "vault")
    bundle = tmp_path / "b.age"
    bundle.write_bytes(SENDER.seal(receiver.identity.x25519.recipient))
    secret = api.to_secret("correct horse battery staple")
    opened = api.receiving.open_into(receiver, bundle, tmp_path / "opened", "", Job())
    assert opened.report.ok
    monkeypatch.setattr(process, "_command", lambda module: ["/nonexistent/python"])
    doors = [
        lambda: api.receiving.open_into(receiver, bundle, tmp_path / "out", "", Job()),
        lambda: api.receiving.look(receiver, bundle, Job()),
        lambda: api.receiving.receive(receiver, bundle, Job()),
        lambda: api.verify_bag(tmp_path / "opened"),
    ]
    for door in doors:
        with pytest.raises(StorageError, match="could not be started"):
            door()
    with_passphrase = tmp_path / "p.age"
    with_passphrase.write_bytes(SENDER.seal(ScryptRecipient(secret, work_factor=16), previous="", number=1))
    with pytest.raises(StorageError, match="could not be started"):
        api.receiving.open_with_passphrase(with_passphrase, tmp_path / "out", secret, "", Job())
    assert not (tmp_path / "out").exists()
    receiver.close()


@LINUX
def test_the_child_has_every_confinement_and_nothing_but_its_pipes(monkeypatch):
    seen = {}

    def look(self):
        greet(self)
        seen["words"] = self.confinement
        folder = Path(f"/proc/{self.process.pid}/fd")
        try:
            seen["open"] = {int(entry.name): os.readlink(entry) for entry in folder.iterdir()}
        except PermissionError:
            pytest.skip("only root may look into an undumpable process")
        seen["environment"] = Path(f"/proc/{self.process.pid}/environ").read_bytes()
        seen["arguments"] = Path(f"/proc/{self.process.pid}/cmdline").read_bytes()

    greet = process.Child.greet
    monkeypatch.setattr(process.Child, "greet", look)
    monkeypatch.setenv("EVIDENCE_MARKER", "1")
    rehearse(gathered(FILES), Job())
    if os.uname().machine in ("x86_64", "aarch64"):
        assert seen["words"] == ("limits", "undumpable", "syscalls")
    assert sorted(seen["open"]) == [0, 1] and all(name.startswith("pipe:") for name in seen["open"].values())
    assert b"EVIDENCE_MARKER" not in seen["environment"]


@LINUX
def test_after_its_imports_the_child_opens_nothing_and_connects_to_nothing(tmp_path, monkeypatch):
    strace, log = shutil.which("strace"), tmp_path / "log"
    if strace is None or subprocess.run([strace, "-o", log, "true"], capture_output=True).returncode:
        pytest.skip("strace is missing or not allowed here")
    real = process._command("vault.bundle.rehearsal_child")
    monkeypatch.setattr(process, "_command", lambda module: [strace, "-f", "-o", str(log), *real])
    end = process.Child.end

    def wait(child):
        child.process.wait(60)
        end(child)

    monkeypatch.setattr(process.Child, "end", wait)
    rehearse(gathered(FILES), Job())
    calls = [re.sub(r"^\d+ +", "", line) for line in log.read_text().splitlines()]
    assert any(line.startswith("openat(") for line in calls), "the log shows the imports"
    last = max(index for index, line in enumerate(calls) if line.startswith(("prctl(PR_SET_SECCOMP", "seccomp(")))
    after = {line.split("(")[0] for line in calls[last + 1 :] if "(" in line}
    assert {"read", "write"} <= after
    assert not after & {"open", "openat", "socket", "connect", "clone", "clone3", "fork", "vfork", "execve", "kill"}


def test_the_whole_bag_is_handed_over(monkeypatch):
    """A child that was given less would be less than a rehearsal."""
    sent = []
    monkeypatch.setattr(process.Child, "send", lambda self, kind, *body: sent.append((kind, b"".join(body))))
    monkeypatch.setattr(process.Child, "receive", lambda self, limits: (rehearsal.DONE, b""))
    monkeypatch.setattr(process.Child, "greet", lambda self: None)
    bag = gathered(FILES)
    rehearse(bag, Job())
    got = Gathered()
    for kind, body in sent[1:-1]:
        _take(kind, body, got)
    assert got == bag
