"""How long the screens stand still while large files go in, out and are checked.

The program's own application runs over a real vault, without a terminal; keys move the mark in a list, so that it
draws. Measured is how long the loop that hears keys and draws was away from both.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from beside import MIB, fresh
from textual.pilot import Pilot
from work import make, unlock

from tui.app import VaultApp
from tui.screens.case import CaseScreen
from tui.supervisor import Options
from tui.taking_in import begin
from vault import api

LOOK = 0.002
"""Seconds between two looks at the clock."""
KEY = 0.05
"""Seconds between two keys."""
FILES_PANE = "3"
"""The key that shows the files of a case."""


def still(folder: Path, size: int) -> None:
    """Take one file in, seal it and check the vault, and print how long the loop was away in each."""
    print(f"\nScreens at 80 by 24, a key every {1000 * KEY:.0f} ms, a file of {size} MiB: how long the loop was away,")
    print("in milliseconds; goal: never more than 100")
    place = fresh(folder, "still")
    make(place)
    source = place / "input.bin"
    with source.open("wb") as handle:
        for _ in range(size):
            handle.write(os.urandom(MIB))
    asyncio.run(_story(place, source))


async def _story(place: Path, source: Path) -> None:
    app = VaultApp(place / "a", Options(str(place / "a"), "en"), lambda _code, _words: None)
    async with app.run_test(size=(80, 24)) as pilot:
        vault = unlock(place, "a")
        await app.opened(vault)
        case = api.cases.page(vault)[0]
        app.push_screen(CaseScreen(case.id))
        await asyncio.sleep(2)
        await pilot.press(FILES_PANE)
        await asyncio.sleep(2)

        async def attach() -> None:
            taking = begin(app, case.id, [source])
            while not taking.ended:
                await asyncio.sleep(0.1)

        choice = api.sealing.Choice(case.id, accept_metadata=True)
        await _watched(pilot, "nothing", lambda: asyncio.sleep(10))
        await _watched(pilot, "attach", attach)
        await _watched(
            pilot,
            "seal",
            lambda: app.long("sealing", lambda job: api.sealing.seal(vault, choice, ["B"], place / "b.age", job)),
        )
        await _watched(pilot, "check", lambda: app.long("checking", lambda job: api.checking.check(vault, [], job)))
        vault.close()


async def _watched(pilot: Pilot, what: str, work: Callable[[], Awaitable[object]]) -> None:
    away: list[float] = []
    beside = [asyncio.create_task(_look(away)), asyncio.create_task(_press(pilot))]
    start = time.perf_counter()
    await work()
    seconds = time.perf_counter() - start
    for one in beside:
        one.cancel()
    away.sort()
    middle, most = statistics.median(away), away[-1]
    rare = away[int(0.999 * len(away))]
    print(
        f"  {what:<10} {seconds:6.1f} s   median {1000 * middle:5.1f}   999 of 1000 below {1000 * rare:5.1f}   "
        f"longest {1000 * most:5.1f}"
    )


async def _look(away: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(LOOK)
        away.append(time.perf_counter() - before - LOOK)


async def _press(pilot: Pilot) -> None:
    while True:
        for key in ("down", "up"):
            pilot.app.simulate_key(key)
            await asyncio.sleep(KEY)
