"""What the steps of a seal have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual.containers import Vertical

from tui.i18n import _
from tui.screens.sealing.plan import Plan

if TYPE_CHECKING:
    from tui.screens.seal import SealScreen

T = TypeVar("T")


class Step(Vertical):
    """One step.

    Args:
        plan: What was chosen so far; the step changes it.
    """

    TITLE: ClassVar[str]
    NEXT: ClassVar[str] = ""
    """The word on the button that goes on; empty for the usual one."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(id=type(self).__name__.lower())
        self.plan = plan

    @property
    def seal_screen(self) -> SealScreen:
        """The screen it is on."""
        return cast("SealScreen", self.screen)

    async def looking_up(self, call: Callable[..., T], *arguments: Any) -> T:
        """Ask the core what would leave, and show meanwhile how far that is; the call takes the job last."""
        return await self.seal_screen.long(
            _("Looking up what would leave"), lambda job: call(*arguments, job), stoppable=False
        )

    async def enter(self) -> None:
        """Show what there is, and give the focus to where the person begins."""

    async def leave(self) -> bool:
        """Take over what was chosen; False when the person has to stay."""
        return True
