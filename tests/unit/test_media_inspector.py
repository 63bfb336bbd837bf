"""The child has no keys, no files and no time without end; whatever it does, the parent goes on."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import vault
from vault.confined import process
from vault.media import Inspector, MediaFacts
from vault.media.facts import FAILED, READ_SIZE, READ_TOTAL

ROOT = Path(vault.__file__).parents[1]
PHOTO = (Path(__file__).parents[2] / "tui" / "samples" / "photo.jpg").read_bytes()
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="proved on Linux only")
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


def reader(data):
    return lambda offset, length: data[offset : offset + length]


def look(guard, data) -> MediaFacts:
    return guard.inspect(reader(data), len(data))


def test_one_child_serves_many_files_and_close_ends_it():
    with Inspector() as guard:
        assert guard.process_id is None
        first = look(guard, PHOTO)
        child = guard.process_id
        assert look(guard, b"some words\n").media_type == "text/plain"
        assert look(guard, PHOTO) == first
        assert guard.process_id == child
        running = guard._child.process
    assert running.poll() is not None
    assert guard.process_id is None


def test_the_child_asks_only_for_ranges_inside_the_file_within_the_limits():
    asked = []

    def read(offset, length):
        asked.append((offset, length))
        return PHOTO[offset : offset + length]

    with Inspector() as guard:
        guard.inspect(read, len(PHOTO))
    assert asked
    assert all(0 < length <= READ_SIZE and offset + length <= len(PHOTO) for offset, length in asked)


def test_an_endless_text_is_read_only_up_to_the_limit():
    total = 0

    def read(offset, length):
        nonlocal total
        total += length
        return b"a" * length

    with Inspector(wall_seconds=60) as guard:
        found = guard.inspect(read, 10**12)
    assert found.media_type == "text/plain"
    assert not found.complete
    assert total <= READ_TOTAL


@POSIX
def test_a_child_killed_in_the_middle_fails_one_file_and_the_next_one_works():
    with Inspector() as guard:

        def read(offset, length):
            os.kill(guard.process_id, signal.SIGKILL)
            return PHOTO[offset : offset + length]

        assert guard.inspect(read, len(PHOTO)) == FAILED
        assert look(guard, PHOTO).media_type == "image/jpeg"


@POSIX
def test_a_child_that_died_between_two_files_is_replaced_without_a_failure():
    with Inspector() as guard:
        look(guard, PHOTO)
        os.kill(guard.process_id, signal.SIGKILL)
        guard._child.process.wait()
        assert not look(guard, PHOTO).failed


@POSIX
def test_a_child_that_stops_answering_is_killed_by_the_clock():
    with Inspector(wall_seconds=60) as guard:
        look(guard, b"warm")
        process = guard._child.process

        def read(offset, length):
            os.kill(process.pid, signal.SIGSTOP)
            return PHOTO[offset : offset + length]

        guard._wall_seconds = 1
        assert guard.inspect(read, len(PHOTO)) == FAILED
        assert process.poll() == -signal.SIGKILL
    with Inspector() as guard:
        assert not look(guard, PHOTO).failed


def test_what_the_callers_read_raises_reaches_the_caller_and_the_next_file_works():
    class OwnError(Exception):
        pass

    def read(offset, length):
        raise OwnError

    with Inspector() as guard:
        for error in (OwnError, BrokenPipeError, KeyboardInterrupt):

            def read(offset, length, error=error):
                raise error

            with pytest.raises(error):
                guard.inspect(read, 100)
            assert guard.process_id is None
        assert not look(guard, PHOTO).failed


@pytest.mark.parametrize("answer", [b"", b"x" * 5000])
def test_a_file_that_turns_out_shorter_or_longer_fails(answer):
    with Inspector() as guard:
        assert guard.inspect(lambda offset, length: answer, 3000) == FAILED


def test_an_interpreter_that_cannot_start_is_a_failure_not_an_error(monkeypatch):
    monkeypatch.setattr(process, "_command", lambda module: ["/nonexistent/python"])
    with Inspector() as guard:
        assert look(guard, PHOTO) == FAILED


ROGUE = """
import os, struct, sys, time
def frame(kind, body, length=None):
    data = kind + struct.pack(">I", len(body) if length is None else length) + body
    while data:
        data = data[os.write(1, data):]
GOOD = b'{"discloses":[],"extension":"bin","facts":{},"failed":false,"media_type":"a/b"}'
"""


@pytest.mark.parametrize(
    "behaviour",
    [
        "",
        "os.write(1, b'garbage that is no frame at all')",
        "frame(b'A', GOOD)",
        "frame(b'H', b'keys'); frame(b'A', GOOD)",
        "frame(b'H', b' ' * 100); frame(b'A', GOOD)",
        "frame(b'H', b''); frame(b'H', b''); frame(b'A', GOOD)",
        "frame(b'H', b''); frame(b'A', GOOD[:-1])",
        "frame(b'H', b''); frame(b'A', GOOD + b' ')",
        "frame(b'H', b''); frame(b'A', b'[' * 60000)",
        "frame(b'H', b''); frame(b'A', b'', 2**32 - 1)",
        "frame(b'H', b''); frame(b'A', b'x' * 70000)",
        "frame(b'H', b''); frame(b'R', b'short')",
        "frame(b'H', b''); frame(b'R', struct.pack('>QI', 0, 0))",
        "frame(b'H', b''); frame(b'R', struct.pack('>QI', 0, 2**31))",
        "frame(b'H', b''); frame(b'R', struct.pack('>QI', 2**63, 1))",
        "frame(b'H', b''); frame(b'R', struct.pack('>QI', 119000, 2000))",
        "frame(b'H', b'')\nwhile True: frame(b'R', struct.pack('>QI', 0, 100000)); os.read(0, 100005)",
        "frame(b'H', b'')\nwhile True: frame(b'R', struct.pack('>QI', 0, 100000))",
        "frame(b'H', b''); time.sleep(600)",
        "time.sleep(600)",
    ],
)
def test_no_behaviour_of_a_captured_child_gets_through(monkeypatch, behaviour):
    script = ROGUE + behaviour
    monkeypatch.setattr(process, "_command", lambda module: [sys.executable, "-I", "-c", script])
    hangs = "sleep" in behaviour or behaviour.endswith("100000))")
    total = 0

    def read(offset, length):
        nonlocal total
        total += length
        assert 0 < length <= READ_SIZE and offset + length <= len(PHOTO) and total <= READ_TOTAL
        return PHOTO[offset : offset + length]

    with Inspector(wall_seconds=0.7 if hangs else 120) as guard:
        assert guard.inspect(read, len(PHOTO)) == FAILED
        assert guard.process_id is None


def test_a_child_that_keeps_the_contract_is_believed(monkeypatch):
    script = ROGUE + "frame(b'H', b'limits'); os.read(0, 100); frame(b'A', GOOD)"
    monkeypatch.setattr(process, "_command", lambda module: [sys.executable, "-I", "-c", script])
    with Inspector() as guard:
        assert look(guard, PHOTO) == MediaFacts("a/b", "bin")


def test_the_child_gets_no_environment_and_no_folder_of_ours(monkeypatch):
    script = """
import os, sys
sys.path[:] = [sys.argv[1], *sys.path]
from vault.confined import frames
from vault.media import facts, wire
import io
out = io.FileIO(1, "wb", closefd=False)
frames.send(out, frames.HELLO, b"")
names = " ".join(sorted(os.environ))
answer = {"probe.environment": names, "probe.folder": os.getcwd(), "probe.path": " ".join(sys.path[1:])}
answer["probe.isolated"] = sys.flags.isolated
os.read(0, 100)  # one that ends before it was asked breaks the contract
frames.send(out, wire.ANSWER, facts.encode_facts(facts.MediaFacts(facts=answer)))
"""
    monkeypatch.setenv("EVIDENCE_MARKER", "1")
    monkeypatch.setenv("PYTHONPATH", "/marker")
    monkeypatch.setattr(process, "_START", script)
    with Inspector() as guard:
        found = look(guard, b"x").facts
    # LC_CTYPE is set by Python itself when it coerces the C locale.
    allowed = {"SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LC_CTYPE", "__CF_USER_TEXT_ENCODING"}
    assert set(found["probe.environment"].split()) <= allowed
    assert found["probe.folder"] == Path(sys.executable).resolve().anchor
    assert found["probe.isolated"] == 1
    assert "/marker" not in found["probe.path"].split()


def test_the_child_runs_from_any_folder_and_is_not_misled_by_what_lies_there(tmp_path):
    for name in ("exifread", "puremagic", "json", "vault"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(9)")
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from vault.media import Inspector\n"
        "with Inspector() as guard: print(guard.inspect(lambda o, n: b'words'[o : o + n], 5))\n"
        "print(sorted({'exifread', 'puremagic', 'zipfile', 'vault.media.sniff'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert "media_type='text/plain'" in first and "failed=False" in first
    assert second == "[]", "no parser of foreign formats may be loaded where the keys are"


@LINUX
def test_the_child_reports_every_confinement_on_this_system():
    with Inspector() as guard:
        look(guard, b"x")
        expected = ("limits", "undumpable", "syscalls")
        if os.uname().machine not in ("x86_64", "aarch64"):
            expected = expected[:2]
        assert guard.confinement == expected


@LINUX
def test_the_child_holds_no_descriptor_but_its_two_pipes():
    seen = {}
    with Inspector() as guard, (ROOT / "pyproject.toml").open() as own:
        os.set_inheritable(own.fileno(), True)

        def read(offset, length):
            folder = Path(f"/proc/{guard.process_id}/fd")
            seen.update({int(entry.name): os.readlink(entry) for entry in folder.iterdir()})
            return PHOTO[offset : offset + length]

        try:
            assert not guard.inspect(read, len(PHOTO)).failed
        except PermissionError:
            pytest.skip("only root may look into an undumpable process")
    assert sorted(seen) == [0, 1]
    assert all(target.startswith("pipe:") for target in seen.values())


@LINUX
def test_after_its_imports_the_child_opens_nothing_starts_nothing_and_connects_to_nothing(tmp_path, monkeypatch):
    strace, log = shutil.which("strace"), tmp_path / "log"
    if strace is None or subprocess.run([strace, "-o", log, "true"], capture_output=True).returncode:
        pytest.skip("strace is missing or not allowed here")
    real = process._command("vault.media.child")
    monkeypatch.setattr(process, "_command", lambda module: [strace, "-f", "-o", str(log), *real])
    with Inspector(wall_seconds=60) as guard:
        assert not look(guard, PHOTO).failed
        assert look(guard, b"words").media_type == "text/plain"
        # The tracer is what `close` kills; wait for the child below it by closing its pipes first.
        guard._child.process.stdin.close()
        guard._child.process.wait()
    calls = [re.sub(r"^\d+ +", "", line) for line in log.read_text().splitlines()]
    names = [line.split("(")[0] for line in calls]
    assert "openat" in names, "the log shows the imports"
    last = max(index for index, line in enumerate(calls) if line.startswith(("prctl(PR_SET_SECCOMP", "seccomp(")))
    after = {name for name in names[last + 1 :] if re.fullmatch(r"[a-z_0-9]+", name)}
    assert {"read", "write"} <= after
    allowed = {"read", "write", "brk", "mmap", "munmap", "mremap", "madvise", "futex", "lseek", "fstat", "close"}
    allowed |= {"prlimit64", "clock_gettime", "getrusage", "exit_group", "rt_sigaction", "getrandom", "mprotect"}
    assert after <= allowed


CONFINED = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
import os, socket, resource, ctypes, errno
from vault.confined.confine import Limits, allow_processor_time, confine
held = confine(Limits(512 * 1024 * 1024))
def refused(action):
    try: action()
    except OSError as error: return error.errno == errno.EPERM
    return False
results = [
    refused(lambda: os.open("/etc/hostname", os.O_RDONLY)),
    refused(lambda: os.open("/tmp/evidence-never", os.O_CREAT | os.O_WRONLY)),
    refused(lambda: socket.socket()),
    refused(lambda: os.fork()),
    refused(lambda: os.execv("/bin/true", ["true"])),
    refused(lambda: os.kill(os.getppid(), 0)),
    refused(lambda: os.unlink("/nonexistent")),
    refused(lambda: os.listdir("/")),
    refused(lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CPU)),
]
try:
    bytes(700 * 1024 * 1024)
    results.append(False)
except MemoryError:
    results.append(True)
limits = (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_CORE)
results.append([resource.getrlimit(limit) for limit in limits] == [(0, 0)] * 4)
allow_processor_time(30)
results.append(resource.getrlimit(resource.RLIMIT_CPU)[0] in range(30, 34))
os.write(1, (" ".join(held) + repr(results)).encode())
os._exit(0)
"""


@LINUX
@pytest.mark.skipif(
    getattr(os, "uname", lambda: None)() is None or os.uname().machine not in ("x86_64", "aarch64"), reason="no filter"
)
def test_a_confined_process_is_refused_files_sockets_processes_signals_and_memory():
    done = subprocess.run([sys.executable, "-I", "-c", CONFINED], capture_output=True, text=True)
    assert done.stdout == "limits undumpable syscalls" + repr([True] * 12), done.stderr
