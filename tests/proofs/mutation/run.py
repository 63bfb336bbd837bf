"""Mutation score: how many small faults in the core the tests notice. `make mutate`.

A seeded sample of the faults of `mutants` is written into a copy of the program, one at a time, and the tests that run
the changed lines are run, fastest first, until one fails. Each result is a line in ``results.jsonl`` of the work
folder; a run that was stopped goes on where it was. What survived and cannot be told from the program by any run is
listed with its reason in `survivors.md`.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.proofs.mutation import worker
from tests.proofs.mutation.mutants import Mutant, mutants_of, sample

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("crypto", "formats", "bundle", "store")
TESTS = ("unit", "integration", "interop", "reference")
STEPS = (1.0, 8.0, 30.0)
"""Seconds of tests in the first steps: most faults are noticed by the first."""

SURVIVORS = Path(__file__).with_name("survivors.md")


def all_mutants(root: Path) -> list[Mutant]:
    """Return every mutant of the packages, in the order of their files."""
    files = [path for each in PACKAGES for path in sorted((root / "vault" / each).glob("*.py"))]
    return [mutant for file in files for mutant in mutants_of(root, file.relative_to(root).as_posix())]


class Lines:
    """Which tests run which lines, as `lines` wrote it down."""

    def __init__(self, file: Path, tree: Path) -> None:
        told = json.loads(file.read_text("utf-8"))
        self.seconds: dict[str, float] = told["tests"]
        self._names = list(self.seconds)
        self._lines = {
            path: {int(line): tests for line, tests in lines.items()} for path, lines in told["lines"].items()
        }
        self._imports = {file: _imports(tree / file) for file in {name.split("::")[0] for name in self._names}}

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Return the tests that run a line of the statement, fastest first.

        Where none does, those of the module: the line runs when the module is imported, or in a child process. First
        come then the tests whose file imports the module: they may do no more than look at its constants.
        """
        lines = self._lines.get(mutant.path, {})
        found = {test for line in range(mutant.lines[0], mutant.lines[1] + 1) for test in lines.get(line, ())}
        near: set[str] = set()
        if not found:
            found = {test for tests in lines.values() for test in tests}
            module = mutant.path.removesuffix(".py").replace("/", ".")
            files = {file for file, modules in self._imports.items() if module in modules}
            near = {name for name in self._names if name.split("::")[0] in files}
        names = {self._names[test] for test in found} | near
        return sorted(names, key=lambda test: (test not in near, self.seconds[test], test))


def _imports(file: Path) -> set[str]:
    """Return the names of all modules, and of what else it could be, that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    return found


def steps(tests: list[str], seconds: dict[str, float], most: float) -> Iterator[list[str]]:
    """Divide tests, fastest first, into runs that take longer and longer, `most` seconds in all."""
    step: list[str] = []
    used, spent = 0.0, 0.0
    limits = [*STEPS, most]
    for test in tests:
        if step and used + seconds[test] > limits[0]:
            yield step
            step, used = [], 0.0
            limits = limits[1:] or limits
        if spent + seconds[test] > most and spent:
            break
        step.append(test)
        used += seconds[test]
        spent += seconds[test]
    if step:
        yield step


def judge(tree: Path, mutant: Mutant, lines: Lines, most: float, moment: int) -> dict[str, str]:
    """Write the fault into the tree, run the tests, take it out again; returns the result."""
    file = tree / mutant.path
    before, stat = file.read_bytes(), file.stat()
    file.write_bytes(mutant.apply(before))
    os.utime(file, (moment, moment))  # never that of what Python has compiled of this file
    tests = lines.tests_of(mutant)
    run, ending = 0, worker.Ending("untested" if not tests else "survived")
    try:
        for step in steps(tests, lines.seconds, most):
            run += len(step)
            done = worker.run(tree, step, sum(lines.seconds[test] for test in step))
            if done.kind != "passed":
                ending = worker.Ending("killed", done.test, f"{done.kind}: {done.reason}")
                break
    finally:
        file.write_bytes(before)
        os.utime(file, (stat.st_atime, stat.st_mtime))
    return {
        "number": mutant.number, "file": _digest(before), "result": ending.kind, "what": mutant.told(),
        "tests": f"{run} of {len(tests)}", "by": ending.test, "why": ending.reason,
    }  # fmt: skip


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def results(file: Path) -> dict[str, dict[str, str]]:
    """Return the latest result of each mutant."""
    if not file.exists():
        return {}
    return {line["number"]: line for line in map(json.loads, file.read_text("utf-8").splitlines())}


def equivalents() -> set[str]:
    """Return the mutants that `survivors.md` calls no fault."""
    return set(re.findall(r"(?m)^\| `([0-9a-f]{12})` \|", SURVIVORS.read_text("utf-8")))


def write_lines(tree: Path, file: Path) -> None:
    """Run the tests once and write down which lines each runs."""
    print("finding out which tests run which lines ...", flush=True)
    code = _pytest(tree, "-p", "tests.proofs.mutation.lines", "--lines", file)
    if not file.exists():
        raise SystemExit(f"the tests could not be run: pytest ended with {code}")


def compile_all(tree: Path, new: bool) -> None:
    """Let Python keep what it compiles of the program, and of the tests of a new tree: the children keep nothing."""
    places = [name for name in ("vault", "tui") if (tree / name).is_dir()]
    subprocess.run([sys.executable, "-m", "compileall", "-q", *places], cwd=tree, check=True)
    if new:
        _pytest(tree, "--collect-only", "-q", quiet=True)


def _pytest(tree: Path, *options: str | Path, quiet: bool = False) -> int:
    tests = [f"tests/{name}" for name in TESTS if (tree / "tests" / name).is_dir()]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *tests]
    surroundings = {**os.environ, "CI": "true", "PYTHONPATH": f"{tree}{os.pathsep}{ROOT}"}
    out = subprocess.DEVNULL if quiet else None
    return subprocess.run(command, cwd=tree, env=surroundings, stdout=out, check=False).returncode


def control(tree: Path, lines: Lines, found: list[dict[str, str]]) -> list[str]:
    """Run the tests that noticed a fault on the program as it is; returns those that fail there too."""
    wrong = []
    tests = sorted({each["by"] for each in found if each["result"] == "killed"} & lines.seconds.keys())
    while tests:
        done = worker.run(tree, tests, sum(lines.seconds[test] for test in tests))
        if done.kind == "passed":
            break
        wrong.append(done.test)
        tests = [test for test in tests if test != done.test]
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure how many small faults in the core the tests notice.")
    parser.add_argument("--count", type=int, default=400, help="faults in the sample (default: 400; 0: all)")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--most", type=float, default=60, help="seconds of tests for one fault, at most (default: 60)")
    parser.add_argument("--root", type=Path, default=ROOT, help="the project (default: this one)")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "mutation", help="where results and copies lie")
    parser.add_argument("--anew", action="store_true", help="find out again which tests run which lines")
    parser.add_argument("--again", action="store_true", help="try again what survived")
    parser.add_argument("--only", default="", help="only files whose path has this in it")
    chosen = parser.parse_args()

    tree, lines_file, file = chosen.work / "tree", chosen.work / "lines.json", chosen.work / "results.jsonl"
    new = not tree.exists()
    worker.lay(chosen.root, tree)
    if chosen.anew or not lines_file.exists():
        write_lines(tree, lines_file)
    lines = Lines(lines_file, tree)
    mutants = all_mutants(tree)
    drawn = sample(tree, mutants, chosen.count or len(mutants), chosen.seed)
    drawn = [each for each in drawn if chosen.only in each.path]
    known, same = results(file), equivalents()

    compile_all(tree, new)
    worker.warm()
    for place, mutant in enumerate(drawn, 1):
        last = known.get(mutant.number)
        settled = not chosen.again or mutant.number in same or (last is not None and last["result"] == "killed")
        if last and settled and last["file"] == _digest((tree / mutant.path).read_bytes()):
            continue
        known[mutant.number] = judge(tree, mutant, lines, chosen.most, 1_000_000_000 + place)
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(known[mutant.number], ensure_ascii=False) + "\n")
        print(f"{place}/{len(drawn)} {known[mutant.number]['result']:<9} {mutant.told()}", flush=True)

    found = [known[each.number] for each in drawn]
    if wrong := control(tree, lines, found):
        print("these fail without any fault in the program, so they show nothing:", *wrong, sep="\n  ")
    return tell(drawn, found, set(wrong), same, len(mutants))


def tell(drawn: list[Mutant], found: list[dict[str, str]], wrong: set[str], same: set[str], of: int) -> int:
    """Print the score and what survived; returns 1 below 80 %."""
    killed = {each["number"] for each in found if each["result"] == "killed" and each["by"] not in wrong}
    rows = Counter(each.path.split("/")[1] for each in drawn)
    print(f"\n{len(drawn)} faults of {of}")
    for package, count in sorted(rows.items()):
        noticed = sum(each.number in killed for each in drawn if each.path.split("/")[1] == package)
        print(f"  {package:<8} {noticed:>4} of {count:>4} noticed")
    no_fault = {each.number for each in drawn if each.number in same} - killed
    raw, adjusted = len(killed) / len(drawn), len(killed) / (len(drawn) - len(no_fault))
    print(f"noticed: {len(killed)} of {len(drawn)} ({raw:.1%})")
    print(f"without the {len(no_fault)} that no run can tell from the program (survivors.md): {adjusted:.1%}")
    for mutant, result in zip(drawn, found, strict=True):
        if mutant.number not in killed | no_fault:
            print(f"  {mutant.number} {result['result']} ({result['tests']} tests) {mutant.told()}")
    return int(adjusted < 0.8)


if __name__ == "__main__":
    sys.exit(main())
