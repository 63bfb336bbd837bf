"""Fixtures for tests that go through the public doors: `vault.api` and the `evault` commands."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from tui.cli.run import run
from vault import api
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


@pytest.fixture
def vault(new_vault) -> api.OpenVault:
    """One unlocked vault."""
    return new_vault()


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
