"""A passphrase for a bundle: typed twice, with how strong it is; or one that the program makes."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button

from tui import i18n
from tui.base import Dialog
from tui.i18n import N_, _
from tui.notices import advice_of, sentence_of
from tui.widgets.plain import Heading, Plain, Quiet
from tui.widgets.secret import SecretInput
from vault import api
from vault.errors import RefusedError
from vault.model import Secret


class NewPassphraseDialog(Dialog[Secret | None]):
    """Ends with the passphrase, or None.

    Args:
        title: What it is for.
        remark: What to do with it.
    """

    HELP = N_(
        "Type the passphrase twice, or let the program make one with F5 and write it down: it is shown until you go on."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f5", "generate", N_("Suggest a passphrase"))]
    # All of it has to fit into 24 lines.
    DEFAULT_CSS = """
    NewPassphraseDialog .sheet {
        width: 100; max-width: 96%; height: auto; max-height: 100%; background: $surface; border: round $primary;
        padding: 0 2;
    }
    NewPassphraseDialog #suggested { color: $accent; }
    NewPassphraseDialog .sheet-buttons { height: 3; align-horizontal: right; }
    NewPassphraseDialog .sheet-buttons Button { margin-left: 2; }
    """

    def __init__(self, title: str, remark: str = "") -> None:
        super().__init__()
        self._title, self._remark = title, remark

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="sheet"):
            yield Heading(self._title)
            yield Quiet(self._remark)
            yield SecretInput(id="first")
            yield Plain("", id="strength")
            yield Plain(_("The same once more"), classes="label")
            yield SecretInput(id="second")
            yield Plain("", id="suggested")
            yield Plain("", id="problem", classes="problem")
            with Horizontal(classes="sheet-buttons"):
                yield Button(_("Suggest one"), id="suggest")
                yield Button(_("Cancel"), id="cancel")
                yield Button(_("Go on"), id="do", variant="primary")

    def on_mount(self) -> None:
        """Let the person type."""
        self.query_one("#first").focus()

    @on(SecretInput.Changed, "#first")
    def _judge(self) -> None:
        line = self.query_one("#first", SecretInput)
        answer = None if line.empty else line.strength()
        told = f"{i18n.from_core(answer.sentence)} {i18n.from_core(answer.advice)}".rstrip() if answer else ""
        self.query_one("#strength", Plain).say(told)
        self.query_one("#problem", Plain).say("")

    def action_generate(self) -> None:
        """Make one, and show it: the person has to tell it to somebody."""
        phrase = api.generate()
        for name in ("#first", "#second"):
            self.query_one(name, SecretInput).fill(phrase)
        self.query_one("#suggested", Plain).say(_("Write it down: {phrase}", phrase=phrase))

    @on(SecretInput.Submitted)
    def _submitted(self, event: SecretInput.Submitted) -> None:
        if event.source.id == "first":
            self.query_one("#second").focus()
        else:
            self._answer()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer, or not."""
        if event.button.id == "suggest":
            self.action_generate()
        elif event.button.id == "do":
            self._answer()
        else:
            self.dismiss(None)

    def _answer(self) -> None:
        first, second = self.query_one("#first", SecretInput), self.query_one("#second", SecretInput)
        problem = self.query_one("#problem", Plain)
        if first.empty or not first.same_as(second):
            problem.say(_("Type the same passphrase in both lines."))
            return
        answer = first.strength()
        if not answer.ok:
            problem.say(f"{i18n.from_core(answer.sentence)} {i18n.from_core(answer.advice)}".rstrip())
            return
        try:
            secret = first.take()
        except RefusedError as error:
            problem.say(f"{i18n.from_core(sentence_of(error))} {i18n.from_core(advice_of(error))}")
            return
        second.take()
        self.dismiss(secret)
