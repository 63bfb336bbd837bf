"""Bytes from others are refused with an error of ours or accepted in their one encoding; nothing else happens.

Here the kept corpus of each target is replayed, with some mutations of it; the long form fuzzes with coverage.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from tests.proofs.hostile import fuzz, targets

SAMPLE = 100
"""Mutations of each target in the sample; a tenth of it where one input takes long."""
SLOW = ("bundle", "folder", "receive", "container")

PLANTED = '''
from tests.proofs.hostile.targets import Target, same
from vault.errors import VaultError, FormatError

def broken(data):
    """A parser with a fault: it believes a length behind three bytes that all must be right."""
    if data[:1] != b"e": raise FormatError("planted", "no")
    if data[1:2] != b"v": raise FormatError("planted", "no")
    if data[2:3] != b"t": raise FormatError("planted", "no")
    return same(data[4 : 4 + data[3]], data[4:])

TARGETS = {"planted": Target(broken, lambda: [b"x" * 8], length=64)}

def attempt(name, data):
    try:
        return TARGETS[name].run(data)
    except VaultError:
        return False
'''


@pytest.mark.parametrize("name", sorted(targets.TARGETS))
def test_the_kept_corpus_and_its_mutations_bring_nothing_but_errors_of_ours(name, count):
    chosen = targets.TARGETS[name]
    replayed = [*fuzz.kept(name), *chosen.seeds()]
    if name in SLOW:
        replayed = replayed[:12]
    number = SAMPLE // 10 if name in SLOW else SAMPLE
    accepted = 0
    for data in itertools.chain(replayed, itertools.islice(fuzz.mutations(replayed, 1, chosen.length), number)):
        accepted += targets.attempt(name, data)
    assert accepted, "a target that accepts nothing shows nothing"
    count("hostile", "inputs replayed from the corpora of the parsers, and mutations of them", len(replayed) + number)


def test_every_parser_has_a_kept_corpus():
    assert {one.stem for one in fuzz.KEPT.iterdir()} == set(targets.TARGETS)
    assert sum(one.stat().st_size for one in fuzz.KEPT.iterdir()) < 2_000_000


@pytest.mark.parametrize("fault", ["error", "encoding"])
def test_a_fault_in_a_parser_is_found_by_replaying(monkeypatch, fault):
    """The control of the sample: what the replay rests on notices both kinds of fault."""

    def broken(data):
        if fault == "error":
            return {}[data]
        return targets.same(data[:-1], data)

    monkeypatch.setitem(targets.TARGETS, "jcs", targets.Target(broken))
    with pytest.raises((KeyError, targets.Disagreement)):
        targets.attempt("jcs", fuzz.kept("jcs")[0])


def test_two_verifiers_that_differ_are_noticed(monkeypatch):
    monkeypatch.setattr(targets.verifier, "verify", lambda *_: {})
    bad = targets._change("signed", 0, targets.layout.SIGNATURE, 200, b"+")
    with pytest.raises(targets.Disagreement):
        targets.attempt("bundle", bad)


def _needs_atheris():
    if not fuzz.has_atheris():
        pytest.skip("atheris is not installed here (make prove installs it where it exists)")


def _environment(monkeypatch, folder: Path):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")])))
    monkeypatch.setenv("TMPDIR", str(folder))


@pytest.mark.prove
def test_the_driver_finds_a_planted_fault(tmp_path, monkeypatch, count):
    """The control of the long form: three bytes that chance does not write, then a length that is believed."""
    _needs_atheris()
    (tmp_path / "planted_fault.py").write_text(PLANTED)
    _environment(monkeypatch, tmp_path)
    fuzz.unpack([b"x" * 8], tmp_path / "corpus")
    done = fuzz.run(fuzz.command("planted", 120, tmp_path / "corpus", tmp_path / "found", "planted_fault"))
    assert done.returncode and "Disagreement" in done.stdout + done.stderr, done.stderr[-2000:]
    assert [one for one in (tmp_path / "found").iterdir() if one.read_bytes()[:3] == b"evt"]
    count("hostile", "planted faults that the coverage-guided driver found", 1)


@pytest.mark.prove
@pytest.mark.parametrize("name", sorted(targets.TARGETS))
def test_fuzzing_with_coverage_finds_nothing(name, tmp_path, monkeypatch, request, count):
    _needs_atheris()
    _environment(monkeypatch, tmp_path)
    whole = sum(one.weight for one in targets.TARGETS.values())
    chosen = targets.TARGETS[name]
    seconds = max(2, request.config.getoption("--fuzz-seconds") * chosen.weight // whole)
    fuzz.unpack([*fuzz.kept(name), *chosen.seeds()], tmp_path / "corpus")
    done = fuzz.run(fuzz.command(name, seconds, tmp_path / "corpus", tmp_path / "found"))
    faults = {one.name: one.read_bytes()[:4000] for one in (tmp_path / "found").iterdir()}
    assert not faults and done.returncode == 0, (faults, done.stdout[-1000:], done.stderr[-3000:])
    tried = fuzz.executed(done.stderr)
    assert tried > 0
    count("hostile", "inputs tried by coverage-guided fuzzing", tried)
    count("hostile", "seconds of coverage-guided fuzzing", seconds)
