"""Third step of a seal: what for, and on whose consent."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Input

from tui.i18n import N_, _
from tui.screens.sealing.step import Step
from tui.widgets.plain import Plain, Quiet

_LONGEST = 4000


class Why(Step):
    """Three lines; all may be empty."""

    TITLE = N_("What for")

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with VerticalScroll(classes="form", can_focus=False):
            yield Plain(_("What is it for? The recipient reads this."), classes="label")
            yield Input(id="purpose", max_length=_LONGEST)
            yield Quiet(_("The next two stay here: they are entered in the log, and told to nobody."))
            yield Plain(_("On whose consent or authority?"), classes="label")
            yield Input(id="authority", max_length=_LONGEST)
            yield Plain(_("How or where is it handed over?"), classes="label")
            yield Input(id="place", max_length=_LONGEST)

    async def enter(self) -> None:
        """Show what was typed before."""
        for name in ("purpose", "authority", "place"):
            self.query_one(f"#{name}", Input).value = getattr(self.plan, name)
        self.query_one("#purpose").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go on to the next line, from the last one to the next step."""
        event.stop()
        if event.input.id == "place":
            self.seal_screen.action_go_on()
        else:
            self.screen.focus_next()

    async def leave(self) -> bool:
        """Take over what was typed."""
        for name in ("purpose", "authority", "place"):
            setattr(self.plan, name, self.query_one(f"#{name}", Input).value.strip())
        return True
