"""Fixtures for tests that go through the public doors: `vault.api` and the `evault` commands."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tui.cli.run import run
from vault import api, keys
from vault.jobs import Job
from vault.keys import FLOOR
from vault.model import Secret

PASSPHRASE = "ocean mirror lantern velvet copper puzzle"


@pytest.fixture
def secret() -> Secret:
    """The passphrase of every vault in these tests."""
    return api.to_secret(PASSPHRASE)


@pytest.fixture
def job() -> Job:
    """A job that nobody watches."""
    return Job()


@pytest.fixture
def new_vault(tmp_path: Path, secret: Secret):
    """Return a function that makes an unlocked vault at the KDF floor in a folder of the given name."""
    made = []

    def make(name: str = "vault", **more) -> api.OpenVault:
        vault = api.setup.create(tmp_path / name, secret, FLOOR, **more)
        made.append(vault)
        return vault

    yield make
    for vault in made:
        vault.close()


@pytest.fixture(scope="session")
def empty_vault(tmp_path_factory) -> tuple[Path, keys.OpenKeys]:
    """A locked vault to be copied, and its keys: making one takes longer than most tests."""
    folder = tmp_path_factory.mktemp("empty") / "vault"
    made = api.setup.create(folder, api.to_secret(PASSPHRASE), FLOOR)
    made.close()
    return folder, made.keys


@pytest.fixture
def vault(empty_vault, tmp_path: Path):
    """One unlocked vault, in the folder `vault`."""
    folder, opened = empty_vault
    copy = api.setup.open_with(Path(shutil.copytree(folder, tmp_path / "vault")), opened)
    yield copy
    copy.close()


@pytest.fixture
def case(vault: api.OpenVault):
    """A case in `vault`."""
    return api.cases.add(vault, "案件 1")


@pytest.fixture
def introduced(new_vault):
    """Two vaults, a sender and a receiver, that know and have verified each other as Sender and Receiver."""
    sender, receiver = new_vault("sender"), new_vault("receiver")
    api.contacts.add_card(sender, api.contacts.card(receiver, "Receiver"))
    api.contacts.verify(sender, "Receiver", receiver.identity.fingerprint)
    api.contacts.add_card(receiver, api.contacts.card(sender, "Sender"))
    api.contacts.verify(receiver, "Sender", sender.identity.fingerprint)
    return sender, receiver


@pytest.fixture
def cli(tmp_path: Path, capfd, monkeypatch):
    """Return a function that runs one `evault` command with --json and returns (exit code, the printed object).

    The vault must be locked: the command opens it itself. `secrets` are the lines of --passphrase-fd.
    """

    def call(*words: str, secrets=(PASSPHRASE,), vault: str | Path = "vault", stdin: bytes = b""):
        reading, writing = os.pipe()
        os.write(writing, "".join(f"{line}\n" for line in secrets).encode())
        os.close(writing)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfd.readouterr()
        try:
            code = run(["--vault", str(tmp_path / vault), "--passphrase-fd", str(reading), "--json", *map(str, words)])
        finally:
            os.close(reading)
        out = capfd.readouterr().out
        assert out.count("\n") == 1, "exactly one object on standard output"
        value = json.loads(out)
        assert value["exit"] == code
        assert value["ok"] is (code == 0)
        return code, value

    return call


# -- processes and media ----------------------------------------------------------------------------------------------

PRELUDE = f"""
import os, sys
from pathlib import Path
from vault import api, errors, files, keys
from vault.jobs import Job
from vault.keys import FLOOR
secret = api.to_secret({PASSPHRASE!r})
here = Path(sys.argv[1])
def say(*words):
    print(*words, flush=True)
"""


@pytest.fixture
def child(tmp_path: Path):
    """Return a function that starts Python code in a process of its own, with `here` being the test's folder.

    `prefix` goes before the command (strace, for example); `end` waits for its end and returns (exit, output).
    """
    started = []

    def start(script: str, *arguments: str | Path, prefix: tuple[str | Path, ...] = ()) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-c", PRELUDE + script, tmp_path, *map(str, arguments)],
            cwd=Path(api.__file__).parents[1], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def small_disk(tmp_path: Path):
    """Return a function that mounts a file system of so many KiB and returns its folder."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    mounted = []

    def mount(size: int, name: str = "disk") -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", folder], check=True)
        mounted.append(folder)
        return folder

    yield mount
    for folder in reversed(mounted):
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def pages():
    """Return a function that gives every byte of a locked vault's store decrypted, free pages and slack included."""

    def decrypt(opened: keys.OpenKeys, store: Path) -> bytes:
        size, reserve = 16384, 48
        key = keys.store_key(opened.vault_key).reveal()
        content, clear = store.read_bytes(), []
        for start in range(0, len(content), size):
            page = content[start : start + size]
            first = 16 if start == 0 else 0
            cipher = Cipher(algorithms.AES(key), modes.CBC(page[size - reserve : size - reserve + 16]))
            clear.append(cipher.decryptor().update(page[first : size - reserve]))
        return b"".join(clear)

    return decrypt
