"""Settings: language, locking, text from right to left, colours, movement, clipboard; kept inside the vault."""

from __future__ import annotations

from typing import Any, Final

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from tui import direction, i18n
from tui.base import VaultScreen
from tui.dialogs.confirm import ConfirmDialog
from tui.i18n import N_, _
from tui.widgets.choice import Choice
from tui.widgets.frame import TitleBar, below
from tui.widgets.plain import Heading, Plain, Quiet
from vault import api

_LOCK: Final = {"1": N_("after 1 minute"), "5": N_("after 5 minutes"), "15": N_("after 15 minutes"), "0": N_("never")}
_YES_NO: Final = {"no": N_("no"), "yes": N_("yes")}


def _languages() -> dict[str, str]:
    """Return the languages by their own names; what is not complete says so."""
    return {
        code: name if code in i18n.complete() else f"{name} ({_('not complete')})"
        for code, name in i18n.LANGUAGES.items()
    }


class SettingsScreen(VaultScreen):
    """What the person can choose about the screens."""

    HELP = N_(
        "Enter opens the list of what can be chosen; what you choose holds at once and stays inside this vault. "
        "Nothing here weakens how the vault protects what is in it, but a vault that never locks lies open when you "
        "are called away, and what is on the system's clipboard can be read by other programs."
    )
    DEFAULT_CSS = """
    SettingsScreen Choice { margin-bottom: 1; max-width: 60; }
    SettingsScreen Heading { margin-top: 1; }
    """

    def compose(self) -> ComposeResult:
        """Lay it out."""
        now = self.evault.settings
        yield TitleBar(_("Settings"))
        with VerticalScroll(classes="content", can_focus=False):
            yield Plain(_("Language"), classes="label")
            yield _choice("language", _("Language"), _languages(), i18n.language())
            yield Plain(_("Lock when nobody uses it"), classes="label")
            yield _choice("lock_minutes", _("Lock when nobody uses it"), _LOCK, str(now.lock_minutes))
            yield Quiet(_("One key locks at once, from anywhere: Ctrl+L or F12."))
            yield Heading(_("To see better"))
            yield Plain(_("High contrast"), classes="label")
            yield _choice("contrast", _("High contrast"), _YES_NO, _yes_no(now.contrast))
            yield Plain(_("Nothing moves"), classes="label")
            yield _choice("still", _("Nothing moves"), _YES_NO, _yes_no(now.still))
            yield Quiet(_("For screen readers: leave, and start the program with --linear."))
            yield Heading(_("Text from right to left"))
            yield Quiet(_("Take the way whose line begins at the right with the word for “Uyghur language”:"))
            for way, name in direction.WAYS.items():
                yield Plain(f"  {direction.in_order(direction.SAMPLE, way=way)}   {_(name)}")
            yield _choice("direction", _("Text from right to left"), direction.WAYS, now.direction)
            yield Heading(_("Clipboard"))
            yield Plain(_("Copied text also goes to other programs"), classes="label")
            yield _choice("clipboard", _("Copied text also goes to other programs"), _YES_NO, _yes_no(now.clipboard))
        yield from below()

    def on_mount(self) -> None:
        """Begin at the top."""
        self.query_one("#language").focus()

    @on(Choice.Changed)
    def _chosen(self, event: Choice.Changed) -> None:
        self.work("changing a setting", self._change(event.choice))

    async def _change(self, choice: Choice) -> None:
        name, code = choice.id or "", choice.code
        question = self._question(name, code)
        if question is not None and not await self.app.push_screen_wait(question):
            choice.chosen = [self._now(name)]
            choice.refresh(layout=True)
            return
        value: Any = int(code) if name == "lock_minutes" else {"yes": True, "no": False}.get(code, code)
        self.evault.apply(await self.core(api.settings.change, self.vault, **{name: value}))
        if name == "language":
            self.evault.again(language=code, language_chosen=True)

    def _now(self, name: str) -> str:
        value = i18n.language() if name == "language" else getattr(self.evault.settings, name)
        return _yes_no(value) if isinstance(value, bool) else str(value)

    def _question(self, name: str, code: str) -> ConfirmDialog | None:
        if (name, code) == ("lock_minutes", "0"):
            return ConfirmDialog(
                _("Never lock by itself?"),
                _("Then the vault stays open until you lock it, also when you are called away or fall asleep."),
                _("Never lock by itself"),
                _("It is still locked when the computer sleeps."),
            )
        if (name, code) == ("clipboard", "yes"):
            return ConfirmDialog(
                _("Let copied text out?"),
                _("Other programs can read what you copy. It is cleared after 30 seconds; what they kept of it stays."),
                _("Let it out"),
            )
        if name == "language":
            return ConfirmDialog(
                _("Change the language?"),
                _("The screens start anew in: {language}. The vault is locked for that, and a draft is saved.",
                  language=i18n.LANGUAGES[code]),
                _("Change and lock"),
            )  # fmt: skip
        return None


def _choice(name: str, title: str, labels: Any, now: str) -> Choice:
    return Choice(title, [(code, _(label)) for code, label in labels.items()], [now], may_be_empty=False, id=name)


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"
