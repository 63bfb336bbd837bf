"""When an application under test has done all that it does by itself: what the tests of the screens wait for.

Never a length of time: on a machine with much else to do, no pause is long enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from textual.pilot import Pilot

from tui.app import VaultApp

LIMIT = 120.0
"""Seconds after which what should have come never will: it only ends a test that hangs."""


async def all_ran(*_limits: float) -> None:
    """Return when no task of this thread can go on by itself: all wait for a key, a clock, a file or a thread.

    In the tests it stands in for Textual's own guess, which takes a process for done that uses little processor time.
    """
    loop, quiet = asyncio.get_running_loop(), 0
    ends = loop.time() + LIMIT
    while quiet < 3:
        assert loop.time() < ends, f"tasks go on without end: {loop._ready}"
        await asyncio.sleep(0)
        quiet = 0 if loop._ready else quiet + 1


async def _round(app: VaultApp) -> bool:
    """Let all messages be handled and all be drawn; return whether nothing else came of that."""
    # A widget that waits for a clock while it handles a message is waited for, too.
    await Pilot(app)._wait_for_screen(timeout=LIMIT)
    await all_ran()
    screen = app.screen
    screen._on_timer_update()
    drawing = screen._layout_required or screen._repaint_required or screen._recompose_required
    going_on = app.busy or asyncio.get_running_loop()._ready
    return not (going_on or drawing or screen._dirty_widgets or screen._callbacks)


def _why(app: VaultApp) -> str:
    screen = app.screen
    return (
        f"{app.busy} calls of the core, drawing {screen._layout_required, screen._repaint_required}, "
        f"{screen._dirty_widgets}, {screen._callbacks}, {list(app.workers)}"
    )


async def settled(app: VaultApp, left: Sequence[object] = ()) -> None:
    """Wait until no call of the core is going on, all messages are handled and all is drawn; or it has `left`."""
    quiet, loop = 0, asyncio.get_running_loop()
    ends = loop.time() + LIMIT
    while quiet < 2 and not left:
        assert loop.time() < ends, f"it never comes to rest: {_why(app)}"
        quiet = quiet + 1 if await _round(app) else 0
        if app.busy:
            await asyncio.sleep(0.005)


async def until(app: VaultApp, true: Callable[[], bool], seconds: float = LIMIT) -> None:
    """Wait until something holds; the limit tells only that it never will."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    while not true():
        assert loop.time() < ends, "it never came to be"
        await _round(app)
        await asyncio.sleep(0.02)
