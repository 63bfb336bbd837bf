"""Before something is signed: what that means, what leaves later, and what a correction changes."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import Resize
from textual.widgets import Button, Input, Static

from tui import consenting
from tui.base import Dialog
from tui.i18n import N_, _, language, listed
from tui.telling import leaving
from tui.widgets.difference import Piece, amount, told
from tui.widgets.plain import Heading, Plain, Quiet
from vault import api
from vault.model import Json

_AROUND = 11
"""Rows of the dialog around its text."""
_WHY = 2
"""Rows that asking for the reason takes."""
_MEANS = N_(
    "Signing makes it evidence: it never changes again, and it is entered in the custody log. "
    "A mistake is corrected by a new version beside it."
)


class SignDialog(Dialog[str | None]):
    """Ends with the reason (of something new an empty one), or None when it is not to be signed.

    Args:
        schema: The type.
        fields: What is to be signed.
        based_on: The version that is corrected, or 0.
        pieces: The difference to that version.
    """

    HELP = N_("Read what will be signed. Cancel changes nothing; the draft stays.")

    def __init__(
        self, schema: api.Schema, fields: dict[str, Json], based_on: int = 0, pieces: list[Piece] | None = None
    ) -> None:
        super().__init__()
        self._schema, self._fields, self._based_on, self._pieces = schema, fields, based_on, pieces

    def compose(self) -> ComposeResult:
        """Lay it out."""
        name = self._schema.label(language())
        leaves, stays = leaving(self._schema, self._fields)
        with Vertical(classes="dialog wide"):
            if self._based_on:
                yield Heading(_("Sign version {number} of this record?", number=self._based_on + 1))
            else:
                yield Heading(_("Sign this record? ({kind})", kind=name))
            with VerticalScroll(classes="dialog-text", can_focus=True):
                yield Plain(_(_MEANS))
                if self._pieces is not None:
                    yield Plain("\n" + _("Different from version {number}: {amount}.", number=self._based_on,
                                         amount=amount(self._pieces)))  # fmt: skip
                    yield Static(told(self._pieces), markup=False)
                if "statement" in self._fields and self._schema.is_shareable("statement"):
                    yield Plain("\n! " + _("The statement leaves as it is written. Whoever must not be found through "
                                           "it has to stand in it under a pseudonym."))  # fmt: skip
                if self._schema.field("consent") is not None and not self._fields.get("consent"):
                    yield Plain("\n! " + _(consenting.NO_CONSENT))
                yield Plain("\n" + _("Leaves by default when the case is sealed:"))
                yield Plain("  " + (listed(leaves) or _("nothing")))
                yield Plain(_("Stays here unless you name it:"))
                yield Plain("  " + (listed(stays) or _("nothing")))
            if self._based_on:
                yield Quiet(_("Why is it corrected? The reason is entered in the log."))
                yield Input(id="why", compact=True, placeholder=_("for example: the date was wrong"))
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Cancel"), id="cancel")
                yield Button(_("Sign"), id="do", variant="primary")

    def on_resize(self, event: Resize) -> None:
        """Leave room for the buttons, however small the window is."""
        around = _AROUND + (_WHY if self._based_on else 0)
        self.query_one(".dialog-text").styles.max_height = max(3, event.size.height * 9 // 10 - around)

    def on_mount(self) -> None:
        """Give Cancel the focus."""
        self.query_one("#cancel").focus()

    def on_input_submitted(self) -> None:
        """Do nothing: a key that is held down must not sign."""
        self.notify(_("Tab goes on to the buttons."), markup=False)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer, or not."""
        if event.button.id != "do":
            self.dismiss(None)
        elif self._based_on:
            self.dismiss(self.query_one("#why", Input).value.strip())
        else:
            self.dismiss("")
