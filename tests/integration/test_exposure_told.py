"""What `evault init` says about the computer that a vault is made on."""

from __future__ import annotations

import os

import pytest

from tui.cli.run import run
from vault.exposure import MULTIPLEXER, READABLE, SYNCHRONISED, TEXTUAL

NAMES = ("TMUX", "STY", "ZELLIJ", "TERM")


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch):
    for name in [name for name in os.environ if name in NAMES or name.startswith("TEXTUAL_")]:
        monkeypatch.delenv(name)


def test_init_says_what_is_amiss_and_makes_the_vault_all_the_same(cli, tmp_path, monkeypatch):
    place = tmp_path / "Dropbox"
    place.mkdir()
    code, value = cli("init", vault="good")
    assert code == 0
    usual = set(value["surroundings"])
    assert not usual & {MULTIPLEXER, TEXTUAL, READABLE, SYNCHRONISED.format("Dropbox")}
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    monkeypatch.setenv("TEXTUAL_LOG", str(tmp_path / "log"))
    code, value = cli("init", vault="Dropbox/vault")
    assert code == 0
    assert set(value["surroundings"]) - usual == {MULTIPLEXER, TEXTUAL, SYNCHRONISED.format("Dropbox")}
    assert cli("case", "list", vault="Dropbox/vault")[0] == 0
    assert not (tmp_path / "log").exists()


def test_a_person_reads_the_same_sentences(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("STY", "1.pts")
    reading, writing = os.pipe()
    os.write(writing, b"ocean mirror lantern velvet copper puzzle\n")
    os.close(writing)
    assert run(["--vault", str(tmp_path / "vault"), "--passphrase-fd", str(reading), "init"]) == 0
    os.close(reading)
    out = capfd.readouterr().out
    assert f"Take care: {MULTIPLEXER}\n" in out
    assert TEXTUAL not in out
    assert out.index("Take care") < out.index("Next: ")
