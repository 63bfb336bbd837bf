"""The measure of the tests measures: it finds what tests do not notice, and nothing where they notice all.

The measurement itself is `make mutate`; it takes an hour.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proofs.mutation.mutants import mutants_of, sample
from tests.proofs.mutation.run import ROOT, all_mutants, equivalents

MODULE = '''"""A module."""

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    LIMIT = 7

T = TypeVar("T")


def clip(value: int, most: "int" = 3) -> int:
    """Return at most 3."""
    if value < 0:
        raise ValueError("not below 0")
    return min(value, most)
'''

STRONG = """
import pytest
from vault.formats.small import clip

def test_clip():
    assert [clip(n) for n in range(6)] == [0, 1, 2, 3, 3, 3]

def test_refused():
    with pytest.raises(ValueError):
        clip(-1)
"""
WEAK = """
from vault.formats.small import clip

def test_clip():
    assert clip(2) == 2
"""


@pytest.fixture
def project(tmp_path) -> Path:
    folder = tmp_path / "project"
    (folder / "vault" / "formats").mkdir(parents=True)
    (folder / "tests" / "unit").mkdir(parents=True)
    (folder / "vault" / "__init__.py").write_text("")
    (folder / "vault" / "formats" / "__init__.py").write_text("")
    (folder / "vault" / "formats" / "small.py").write_text(MODULE)
    (folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    return folder


def _told(project):
    return [mutant.told().split(" ", 1)[1] for mutant in mutants_of(project, "vault/formats/small.py")]


def test_what_a_run_can_tell_is_mutated_and_nothing_else(project):
    assert _told(project) == [
        "constant: 3 -> (2)",
        "constant: 3 -> (4)",
        "negate: value < 0 -> (not (value < 0))",
        "compare: value < 0 -> (value <= 0)",
        "constant: 0 -> (-1)",
        "constant: 0 -> (1)",
        'drop: raise ValueError("not below 0") -> pass',
        "call: min -> max",
        "return: min(value, most) -> None",
    ]


@pytest.mark.parametrize(
    "before, after",
    [
        ("a and b", {"((a) or (b))"}),
        ("not a", {"(a)"}),
        ("a < b < c", {"(a <= b < c)", "(a < b <= c)"}),
        ("a + 'x'", {"(a)", "a + ('XX' + 'x')"}),
        ("'SELECT x FROM t WHERE a = ? AND b IS NULL'",
         {"'SELECT x FROM t WHERE a != ? AND b IS NULL'", "'SELECT x FROM t WHERE a = ? OR b IS NULL'",
          "'SELECT x FROM t WHERE a = ? AND b IS NOT NULL'"}),
        ("f'a{b}'", {"('XX' + f'a{b}')"}),
        ("b if a else c", {"b if (not (a)) else c"}),
    ],
)  # fmt: skip
def test_an_expression_is_mutated_in_each_way(project, before, after):
    (project / "vault" / "formats" / "small.py").write_text(f"x = {before}\n")
    source = (project / "vault" / "formats" / "small.py").read_bytes()
    sound = [mutant for mutant in mutants_of(project, "vault/formats/small.py") if mutant.is_sound(source)]
    found = {mutant.apply(source).decode() for mutant in sound}
    assert found == {f"x = {text}\n" for text in after}


def test_a_fault_keeps_its_number_while_the_rest_changes(project):
    before = {mutant.number for mutant in mutants_of(project, "vault/formats/small.py")}
    (project / "vault" / "formats" / "small.py").write_text(MODULE.replace("T = ", "\nOTHER = 1\nT = "))
    after = {mutant.number for mutant in mutants_of(project, "vault/formats/small.py")}
    assert before < after
    assert len(before) == 9


def test_a_sample_is_drawn_by_its_seed(project):
    found = mutants_of(project, "vault/formats/small.py")
    one, same, other = (
        sample(project, found, 4, "1"),
        sample(project, found[::-1], 4, "1"),
        sample(project, found, 4, "2"),
    )
    assert one == same != other
    assert len(set(one)) == 4


def test_every_fault_called_equivalent_is_one_of_the_program():
    assert equivalents() <= {mutant.number for mutant in all_mutants(ROOT)}


@pytest.mark.skipif(sys.platform != "linux", reason="faults are run on Linux only")
def test_the_measure_finds_what_the_tests_do_not_notice(project, tmp_path, count):
    """A strong test notices every fault, a weak one not; the weak one is the control."""
    command = [sys.executable, "-m", "tests.proofs.mutation.run", "--root", project, "--count", "4"]
    (project / "tests" / "unit" / "test_small.py").write_text(STRONG)
    strong = subprocess.run([*command, "--work", tmp_path / "a"], cwd=ROOT, capture_output=True, text=True, check=False)
    (project / "tests" / "unit" / "test_small.py").write_text(WEAK)
    weak = subprocess.run([*command, "--work", tmp_path / "b"], cwd=ROOT, capture_output=True, text=True, check=False)
    noticed = [re.findall(r"noticed: (\d+) of (\d+)", done.stdout) for done in (strong, weak)]
    assert noticed == [[("4", "4")], [("2", "4")]], strong.stdout + strong.stderr + weak.stdout + weak.stderr
    assert (strong.returncode, weak.returncode) == (0, 1)
    assert "survived (1 of 1 tests) vault/formats/small.py:11 constant: 3 -> (4)" in weak.stdout
    assert (project / "vault" / "formats" / "small.py").read_text() == MODULE
    count("mutation", "faults noticed by a strong test of a small module", 4)
    count("mutation", "faults not noticed by a weak test of it, found", 2)
