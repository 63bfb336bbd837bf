"""Asks whether a weakness is known in anything of the locks. `make audit`.

Holds the judgement of what `pip-audit` found; the exceptions stand in `exceptions.toml`, each with a last day and a
reason. Needs the network, and says so where it has none: what could not be asked for is never called clean.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EXCEPTIONS = Path(__file__).with_name("exceptions.toml")
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock", "requirements-tools.lock")


def judge(report: Mapping[str, Any], exceptions: Sequence[Mapping[str, Any]], today: datetime.date) -> list[str]:
    """Return what is wrong, one sentence each; an empty list means clean.

    Args:
        report: What ``pip-audit --format json`` says.
        exceptions: Each with ``id``, ``package``, ``until`` (a date) and ``why``.
        today: An exception holds to the end of its last day.
    """
    excused = {(each["package"], each["id"]): each["until"] for each in exceptions}
    wrong, met = [], set()
    for part in report["dependencies"]:
        if "skip_reason" in part:
            wrong.append(f"{part['name']}: nobody could be asked ({part['skip_reason']})")
        for flaw in part.get("vulns", ()):
            names = {flaw["id"], *flaw.get("aliases", ())}
            exception = next((pair for pair in excused if pair[0] == part["name"] and pair[1] in names), None)
            told = f"{part['name']} {part['version']}: {flaw['id']}"
            if exception is None:
                fixed = ", ".join(flaw.get("fix_versions", ())) or "no version"
                wrong.append(f"{told} (mended in {fixed})")
            else:
                met.add(exception)
                if excused[exception] < today:
                    wrong.append(f"{told} was excused until {excused[exception]} only")
    wrong += [f"{package}: the exception for {name} is not needed any more" for package, name in excused.keys() - met]
    return sorted(set(wrong))


def ask(lock: Path) -> list[dict[str, Any]]:
    """Ask for every line of a lock that is for this system.

    Raises:
        SystemExit: No answer came.
    """
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    command += ["--format", "json", "--requirement", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        last = done.stderr.strip().splitlines()[-1:] or ["no answer"]
        raise SystemExit(f"{lock.name}: no answer; asking needs the network. {last[0]}") from None
    return found


def main() -> int:
    """Ask, judge and tell; returns 1 when anything is wrong."""
    report = {"dependencies": [part for lock in LOCKS for part in ask(ROOT / lock)]}
    exceptions = tomllib.loads(EXCEPTIONS.read_text("utf-8")).get("exception", [])
    wrong = judge(report, exceptions, datetime.datetime.now(datetime.UTC).date())
    asked = {part["name"] for part in report["dependencies"]}
    print("\n".join(wrong) or f"{len(asked)} distributions, no known weakness that is not excused")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
