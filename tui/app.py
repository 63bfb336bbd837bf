"""The application: what is the same on every screen. Locking, idle time, errors, the clipboard, the last filter.

It holds the open vault from unlocking until its process ends; nothing is handed over to another process.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, NoReturn, TypeVar

from rich.segment import Segment
from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.filter import LineFilter
from textual.screen import Screen

from tui import direction, i18n, supervisor, taking_in
from tui.crash import report
from tui.dialogs.message import MessageDialog
from tui.i18n import N_, _
from tui.notices import advice_of, notice_for, sentence_of
from tui.running import Running
from tui.taking_in import TakingIn
from tui.text import harmless
from tui.themes import CALM, CONTRAST
from tui.tidying import Tidying
from tui.widgets.jobs import JobLine
from vault import api
from vault.errors import LockedError, VaultError
from vault.jobs import Job

T = TypeVar("T")

Leave = Callable[[int, dict[str, Any]], NoReturn]

_TICK: Final = 1.0
_HEAR_PATIENCE: Final = 5.0
_SAVE_PATIENCE: Final = 10.0
_THREADS: Final = 48
_CLIPBOARD_SECONDS: Final = 30.0


class _LastFilter(LineFilter):
    """What a terminal would obey never reaches it, whatever a widget was given; `text.shown` is the first filter."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments with harmless text."""
        del background
        return [
            segment if segment.control or (clean := harmless(segment.text)) == segment.text
            else Segment(clean, segment.style)
            for segment in segments
        ]  # fmt: skip


class VaultApp(App[int]):
    """Evidence vault.

    Args:
        folder: The vault's folder; made at the first run.
        options: How it was started.
        leave: Ends the process with an exit code and last words for the parent.
    """

    CSS_PATH = "app.tcss"
    TITLE = "Evidence vault"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+l,f12", "lock", N_("Lock"), priority=True, tooltip=N_("Lock the vault now, from anywhere")),
        Binding("f1", "help", N_("Help"), priority=True),
        Binding("f8", "stop", N_("Stop the work"), show=False, priority=True),
        Binding("ctrl+p", "command_palette", N_("Menu"), show=False, priority=True, tooltip=N_("Find a command")),
        Binding("ctrl+q", "quit", N_("Leave"), show=False, priority=True),
        Binding("ctrl+c", "ignore", show=False, system=True),
    ]

    def __init__(self, folder: Path, options: supervisor.Options, leave: Leave) -> None:
        super().__init__()
        self.folder = folder
        self.options = options
        self.vault: api.OpenVault | None = None
        self.running: list[Running] = []
        self.intakes: list[TakingIn] = []
        """Files that go, or went, into cases."""
        self.busy = 0
        """Calls of the core that are going on."""
        self.savers: list[Callable[[], None]] = []
        """Called before the process ends; each saves an open draft and returns when it is durable."""
        self.settings = api.settings.Settings(contrast=options.contrast, still=options.still)
        """What the person chose; that of the vault from unlocking on."""
        self.idle_seconds = 300.0
        self.clipboard_seconds = 0.0
        """How long copied text stays on the system's clipboard; 0: it never gets there."""
        self._leave = leave
        self._started_by = 0 if sys.platform == "win32" else os.getppid()
        self._touched = time.monotonic()
        self._slept = supervisor.suspended_seconds()
        self._leaving = self._copied = False
        self._last_filter = _LastFilter()
        self._tidying = Tidying()
        for theme in (CALM, CONTRAST):
            self.register_theme(theme)
        self.theme = CONTRAST.name if options.contrast else CALM.name
        if options.still:
            self.animation_level = "none"

    # -- start --------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Show the first screen, and begin to watch the time."""
        self._tidying.begin()
        self.set_interval(_TICK, self._tick)
        loop = asyncio.get_running_loop()
        # Long work holds a thread for its whole length; saving a draft must never wait for one.
        loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(_THREADS, thread_name_prefix="core"))
        if sys.platform != "win32":
            for number in (signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, self._end, supervisor.EXIT_STOPPED, "")
        self.show_first()

    def on_unmount(self) -> None:
        """Leave nothing behind in a process that goes on."""
        self._tidying.end()

    def show_first(self) -> None:
        """Show the unlock screen, or the first-run screen where there is no vault yet."""
        from tui.screens.first_run import FirstRunScreen
        from tui.screens.unlock import UnlockScreen

        known = (self.folder / "vault.keys").exists() or (self.folder / "vault.db").exists()
        self.push_screen(UnlockScreen() if known else FirstRunScreen())

    async def opened(self, vault: api.OpenVault) -> None:
        """Take over an open vault and show its cases, as the person set the screens."""
        from tui.screens.cases import CasesScreen

        self.vault = vault
        self._touched = time.monotonic()
        settings = await self.core(api.settings.read, vault)
        if not self.options.language_chosen and settings.language:
            i18n.use(settings.language)
        elif settings.language != i18n.language() and self.options.language_chosen and not vault.read_only:
            settings = await self.core(api.settings.change, vault, language=i18n.language())
        self.apply(settings)
        # Before: this ends with the screen that it is work for.
        left = await self.core(api.intake.unfinished, vault)
        self.switch_screen(CasesScreen())
        if left:
            self.push_screen(taking_in.left_dialog(left))

    def apply(self, settings: api.settings.Settings) -> None:
        """Let settings hold from now on; another language holds for screens that are opened later."""
        self.settings = settings
        self.idle_seconds = settings.lock_minutes * 60.0
        self.clipboard_seconds = _CLIPBOARD_SECONDS if settings.clipboard else 0.0
        self.theme = CONTRAST.name if settings.contrast else CALM.name
        self.animation_level = "none" if settings.still else "full"
        direction.use(settings.direction)
        if self._driver is not None:
            self._driver.write(direction.mode())

    @property
    def open_vault(self) -> api.OpenVault:
        """The open vault.

        Raises:
            LockedError: There is none.
        """
        if self.vault is None:
            raise LockedError("The vault is locked.", "Unlock it first.")
        return self.vault

    # -- work ---------------------------------------------------------------------------------------------------------

    async def core(self, call: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Run a call of the core in a thread and return its result; the screen stays alive meanwhile."""
        self.busy += 1
        try:
            return await asyncio.to_thread(functools.partial(call, *arguments, **named))
        finally:
            self.busy -= 1

    async def long(self, title: str, call: Callable[[Job], T], *, stoppable: bool = True) -> T:
        """Run long work in a thread with its progress on the screen.

        Args:
            title: What is being done, in the person's language, without anybody's name.
            call: Takes the job to report to.
            stoppable: Offer to stop it.
        """
        one = Running(title, stoppable)
        self.running.append(one)
        try:
            return await self.core(call, one.job)
        finally:
            self.running.remove(one)
            # Before a dialog tells how it ended: behind that, the line would stand still.
            for line in self.screen.query(JobLine):
                line.look()

    def tell(self, error: VaultError) -> None:
        """Show an error of the core: what is the matter and what to do next."""
        self.push_screen(
            MessageDialog(
                _(notice_for(error).title), i18n.from_core(sentence_of(error)), i18n.from_core(advice_of(error))
            )
        )

    def action_stop(self) -> None:
        """Stop the long work that began last; nothing half-done of it is kept."""
        for one in reversed(self.running):
            if one.stoppable:
                one.job.cancel()
                return

    # -- leaving ------------------------------------------------------------------------------------------------------

    def action_lock(self) -> None:
        """Save the draft and lock: this process ends, and a fresh one shows the unlock screen."""
        self._end(supervisor.EXIT_AGAIN, "locked")

    async def action_quit(self) -> None:
        """Save the draft, lock and leave."""
        self._end(supervisor.EXIT_QUIT, "")

    def action_ignore(self) -> None:
        """Do nothing: Ctrl-C neither copies nor ends."""

    def again(self, **changed: Any) -> None:
        """Start anew with other options, for example another language."""
        self._end(supervisor.EXIT_AGAIN, "", changed)

    def last_words(self, notice: str = "") -> dict[str, Any]:
        """Return what the parent needs to know to start the next child."""
        return {
            "folder": str(self.folder),
            "language": i18n.language(),
            "notice": notice,
            "contrast": self.settings.contrast,
            "still": self.settings.still,
        }

    def _end(self, code: int, notice: str, changed: dict[str, Any] | None = None) -> None:
        if self._leaving:
            return
        self._leaving = True
        self.run_worker(
            self._save_and_leave(code, self.last_words(notice) | (changed or {})),
            name="leaving", description="saving the draft and leaving", exit_on_error=False,
        )  # fmt: skip

    async def _save_and_leave(self, code: int, note: dict[str, Any]) -> None:
        saved = True
        try:
            # A part of the screen that hears nothing any more must not keep from saving what it was told before.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_HEAR_PATIENCE):
                    await self._taken_in()
            async with asyncio.timeout(_SAVE_PATIENCE):
                for save in list(self.savers):
                    try:
                        await asyncio.to_thread(save)
                    except VaultError:
                        saved = False
        except BaseException:
            saved = False
            raise
        finally:
            note["copied"] = self._copied
            if self.savers:
                note["draft"] = "saved" if saved else "lost"
            if self._orphaned:
                # Nobody else gives the terminal back.
                with contextlib.suppress(Exception):
                    self._driver.write(supervisor.EMPTY)  # type: ignore[union-attr]
                    self._driver.stop_application_mode()  # type: ignore[union-attr]
            self._leave(code, note)

    async def _taken_in(self) -> None:
        """Wait until what was typed or pasted before this moment is in its text, and the screen around it knows."""
        focused = self.focused
        # Once for the text itself, and once more from there up: each tells the one around it that something changed.
        for place in (focused, *focused.ancestors_with_self[:-1]) if focused else ():
            if not place.is_running:
                continue
            reached = asyncio.Event()
            place.call_later(reached.set)
            await reached.wait()

    @property
    def _orphaned(self) -> bool:
        return self._started_by not in (0, os.getppid())

    # -- time ---------------------------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """Note that somebody is there."""
        if isinstance(event, events.Key | events.Paste | events.MouseDown | events.MouseScrollDown):
            self._touched = time.monotonic()
        await super().on_event(event)

    def _tick(self) -> None:
        if self._orphaned:
            self._end(supervisor.EXIT_STOPPED, "")
        slept = supervisor.suspended_seconds()
        if slept - self._slept > supervisor.SLEPT and self.vault is not None:
            self._end(supervisor.EXIT_AGAIN, "resumed")
        self._slept = slept
        now = time.monotonic()
        idle = now - self._touched
        self._tidying.look(now, self._touched, watched=bool(self.running))
        # Long work is waited for: stopping it half-way would lose it, and it shows nothing.
        if self.vault is not None and self.idle_seconds and idle > self.idle_seconds and not self.running:
            self._end(supervisor.EXIT_AGAIN, "idle")

    # -- what Textual would do otherwise ------------------------------------------------------------------------------

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Add the last filter to those of Textual."""
        return [self._last_filter, *super().get_line_filters()]

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Offer what can be done here; never a picture of the screen in a file."""
        # Once, whatever number of keys does it.
        for active in {one.binding.action: one for one in screen.active_bindings.values()}.values():
            binding = active.binding
            if binding.show and binding.description and active.enabled:
                yield SystemCommand(
                    binding.description, active.tooltip or "", functools.partial(self._act, binding.action, active.node)
                )
        yield SystemCommand(_("Leave"), _("Save the draft, lock and leave"), self.action_quit)

    def _act(self, action: str, node: Any) -> None:
        self.call_later(self.run_action, action, node)

    def copy_to_clipboard(self, text: str) -> None:
        """Keep copied text inside this program; only where that was switched on, hand it to the system for a while."""
        self._clipboard = text
        if self.clipboard_seconds:
            self._copied = True
            super().copy_to_clipboard(text)
            self.set_timer(self.clipboard_seconds, self._take_back)

    def _take_back(self) -> None:
        """Empty the system's clipboard; what was copied less than its time ago goes with it."""
        self._copied = False
        super().copy_to_clipboard("")

    def action_help(self) -> None:
        """Show the help of the screen in front."""
        from tui.dialogs.help import HelpDialog

        if not isinstance(self.screen, HelpDialog):
            self.push_screen(HelpDialog(self.screen))

    def action_screenshot(self, filename: str | None = None, path: str | None = None) -> None:
        """Make no picture of the screen: it would lie on the disk in clear."""

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        """Open nothing: no text that is shown here may start another program."""

    def deliver_text(self, *arguments: Any, **named: Any) -> str | None:
        """Write nothing to the disk."""
        return None

    def deliver_binary(self, *arguments: Any, **named: Any) -> str | None:
        """Write nothing to the disk."""
        return None

    def action_suspend_process(self) -> None:
        """Do not leave an open vault in the background."""

    def _handle_exception(self, error: Exception) -> None:
        """End on a mistake of ours: the draft is saved, and nothing of what was on the screen is printed."""
        if self._exception is None:
            # The test harness raises it again; nothing else reads it.
            self._exception = error
            self._exception_event.set()
        if not self.is_headless:
            self._end(supervisor.EXIT_OURS, "crashed", {"report": report(error)})
            return
        self._return_code = supervisor.EXIT_OURS
        self._close_messages_no_wait()

    def _fatal_error(self) -> None:
        """Print no traceback: Textual's own shows the values of variables."""
        self._close_messages_no_wait()
