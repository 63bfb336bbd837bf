"""Two vaults whose clocks say different things, in a process whose clock is a file.

By hand, under libfaketime: ``python -m tests.proofs.fault.clocks FOLDER SEED RUNS`` prints a line of JSON for each run:
the clocks, and what was seen. The file that `FAKETIME_TIMESTAMP_FILE` names sets the clock, also while a vault is open.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.vault_world import introduce, make_vault
from vault import api
from vault.jobs import Job

CLOCKS = {
    "no battery": "1970-01-01 00:00:03",
    "before the last second of 32 bits": "2038-01-19 03:14:06",
    "after it": "2038-01-19 03:14:09",
    "ten years ahead": "2036-11-30 12:00:00",
    "ten years behind": "2016-11-30 12:00:00",
    "a leap day": "2024-02-29 23:59:58",
    "right": "2026-11-30 12:00:00",
}


def set_clock(moment: str) -> None:
    """Make this process's clock stand at a moment."""
    place = Path(os.environ["FAKETIME_TIMESTAMP_FILE"])
    new = place.with_suffix(".new")
    new.write_text(moment + "\n", "ascii")
    new.replace(place)


def claims(vault: api.OpenVault) -> tuple[list[int], list[str]]:
    """Return the numbers of the log's entries in the log's order, and the times they claim."""
    entries = list(reversed(api.custody.page(vault, 10_000)))
    return [entry.number for entry in entries], [entry.event["time"]["utc"] for entry in entries]


def send(sender: api.OpenVault, receiver: api.OpenVault, to: str, target: Path, clocks: list[str]) -> dict[str, Any]:
    """Write, attach and seal under the first clocks, receive and check under the last, and return what was seen."""
    set_clock(clocks[0])
    stood = datetime.now(UTC).strftime("%Y-%m-%d")
    case = api.cases.add(sender, "lantern")
    first = api.records.add(sender, case.id, "testimony", {"statement": "the first lantern"})
    draft = api.drafts.save(sender, case.id, "note", {"text": "the second lantern"})
    set_clock(clocks[1])
    second = api.drafts.sign(sender, draft.id)
    api.records.correct(sender, first.id, {"statement": "the first lantern, corrected"})
    source = target / "photo"
    source.write_bytes(os.urandom(3_000))
    os.utime(source, (time.time(), time.time()))
    api.intake.attach(sender, case.id, source, Job())
    found = [hit.id for hit in api.search.find(sender, "lantern") if hit.id in (first.id, second.id)]
    bundle = api.sealing.seal(sender, api.sealing.Choice(case.id, accept_metadata=True), [to], target / "b.age", Job())
    api.custody.write_checkpoint(sender, target / "anchor")
    set_clock(clocks[2])
    received = api.receiving.receive(receiver, target / "b.age", Job())
    opened = api.receiving.open_into(receiver, target / "b.age", target / "bag", "", Job())
    verified = api.verify_bag(target / "bag", sender.identity.fingerprint)
    numbers, times = claims(sender)
    checked = [api.checking.check(one, [], Job()) for one in (sender, receiver)]
    anchored = api.checking.check(sender, [target / "anchor"], Job())
    return {
        "stood": stood == clocks[0][:10],
        "claimed": [day for day in times if day[:10] in {clocks[0][:10], clocks[1][:10]}] != [],
        "backwards": times != sorted(times),
        "in order": numbers == list(range(numbers[0], numbers[0] + len(numbers))),
        "versions": len(api.records.show(sender, first.id).versions),
        "newest first": found == [first.id, second.id],
        "verdicts": [received.verdict.value, opened.verdict.value, verified.verdict.value],
        "findings": [one.code for report in (received, opened, verified) for one in report.report.findings]
        + [one.code for report in (*checked, anchored) for one in report.report.findings],
        "sound": [one.report.ok for one in (*checked, anchored)],
        "anchored": anchored.anchored,
        "sealed": len(bundle),
    }


def main(folder: Path, seed: int, runs: int) -> None:
    """Do some runs with clocks that the seed chooses."""
    chooser = random.Random(seed)
    set_clock(CLOCKS["right"])
    one, other = make_vault(folder / "one", 0), make_vault(folder / "other", 1)
    introduce(one, other, "Other")
    introduce(other, one, "One")
    for number in range(runs):
        names = chooser.choices(list(CLOCKS), k=3)
        clocks = [CLOCKS[name] for name in names]
        target = folder / str(number)
        target.mkdir()
        pair = (one, other, "Other") if number % 2 else (other, one, "One")
        seen = send(*pair, target, clocks)
        print(json.dumps({"clocks": names, **seen}), flush=True)
        shutil.rmtree(target)
        if number % 10 == 9:
            # A vault that was locked is unlocked under a clock that stands before everything in it.
            set_clock(CLOCKS["no battery"])
            for vault in (one, other):
                vault.close()
            one, other = (api.setup.open_with(vault.folder, vault.keys) for vault in (one, other))
    one.close()
    other.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
