"""What all screens and dialogs have in common: background work, translated keys, help."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual.await_complete import AwaitComplete
from textual.binding import ActiveBinding, Binding, BindingType
from textual.css.query import NoMatches
from textual.screen import ModalScreen, Screen
from textual.worker import Worker

from tui.i18n import N_, _
from vault import api
from vault.errors import CancelledError, VaultError
from vault.jobs import Job

if TYPE_CHECKING:
    from tui.app import VaultApp

T = TypeVar("T")
R = TypeVar("R")


class _Waiting:
    """A coroutine that may be dropped before it began: Python complains of one that nobody awaited or closed."""

    def __init__(self, doing: Coroutine[Any, Any, None]) -> None:
        self._doing = doing

    def __await__(self) -> Generator[Any, Any, None]:
        return self._doing.__await__()

    def __del__(self) -> None:
        self._doing.close()


def _same(waiting: _Waiting) -> _Waiting:
    return waiting


_Doing = Coroutine[Any, Any, None] | Callable[[], Coroutine[Any, Any, None]]


class _Common(Screen[R]):
    """Background work and translated keys."""

    HELP: ClassVar[str] = ""
    """What can be done here, a few plain sentences; translated where it is shown."""

    @property
    def evault(self) -> VaultApp:
        """The application."""
        return cast("VaultApp", self.app)

    @property
    def vault(self) -> api.OpenVault:
        """The open vault."""
        return self.evault.open_vault

    def work(self, description: str, doing: _Doing, group: str = "default") -> Worker[None]:
        """Run a coroutine beside the screen; an error of the core is told, anything else ends the program safely.

        Args:
            description: What it is, in words of ours only: Textual writes it down.
            doing: The work; it awaits `core` or `long`. Where a newer one of its group may follow at once, what makes
                it: then nothing is made that is dropped before it began.
            group: Work of the same group: a newer one makes an older one's result unwanted.
        """
        begin = doing if callable(doing) else functools.partial(_same, _Waiting(doing))

        async def guarded() -> None:
            try:
                await begin()
            except CancelledError:
                self.notify(_("Stopped. Nothing half-done was kept."), markup=False)
            except VaultError as error:
                self.evault.tell(error)
            except NoMatches:
                # A screen that is left is taken apart at once; work that was still going on for it finds no place.
                if self in self.app.screen_stack:
                    raise

        return self.run_worker(
            guarded, name=description, description=description, group=group, exclusive=group != "default"
        )

    async def core(self, call: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Run a call of the core in a thread."""
        return await self.evault.core(call, *arguments, **named)

    async def long(self, title: str, call: Callable[[Job], T], *, stoppable: bool = True) -> T:
        """Run long work in a thread with its progress on the screen; `title` is translated already."""
        return await self.evault.long(title, call, stoppable=stoppable)

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The keys that work now, with their descriptions in the language in use.

        Those that work everywhere come first: where the line is too short for all, help and lock must not be cut off.
        """
        found = sorted(super().active_bindings.items(), key=lambda pair: pair[1].node is not self.app)
        return {
            key: ActiveBinding(
                active.node,
                dataclasses.replace(active.binding, description=_(active.binding.description)),
                active.enabled,
                _(active.tooltip) if active.tooltip else "",
            )
            for key, active in found
        }


class VaultScreen(_Common[None]):
    """A whole screen. Escape goes back to the one before."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", N_("Back"))]

    _finished = False

    def action_back(self) -> None:
        """Go back."""
        if self.app.screen is self and len(self.app.screen_stack) > 2:
            self.app.pop_screen()

    def finish(self) -> None:
        """Go away, now or as soon as this is in front again; never takes away what is in front of it."""
        self._finished = True
        if self.app.screen is self:
            self.app.pop_screen()

    def on_screen_resume(self) -> None:
        """Go away when everything was done while something else was in front."""
        if self._finished:
            self.finish()


class Dialog(_Common[R], ModalScreen[R]):
    """Something in front of a screen that is answered; Escape answers with the careful choice."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", N_("Cancel"))]

    def dismiss(self, result: R | None = None) -> AwaitComplete:
        """End with an answer; once that is given, another one takes nothing away that came behind this."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()

    def action_cancel(self) -> None:
        """Answer with nothing."""
        self.dismiss(None)
