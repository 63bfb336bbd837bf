"""Comparing fingerprints with somebody: what is heard is typed, and the program compares."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input
from textual.widgets.input import Selection

from tui.base import Dialog
from tui.i18n import _
from tui.text import one_line
from tui.widgets.plain import Heading, Plain, Quiet
from vault import api

_GROUP = 5
"""Digits that are read in one breath."""


class CompareDialog(Dialog[str | None]):
    """Ends with what was typed, or None. The expected fingerprint is not shown: nobody should only glance at it.

    Args:
        name: Who is called.
        own: The own fingerprint in digits, to be read to them.
        words: The same in words.
        heard: What was typed before and is not the same; it is kept, to be mended.
        differing: Which groups of it do not agree, counted from 0.
        problem: What is the matter with it otherwise; may be empty.
    """

    # Without margins, so that all of it fits into 24 lines.
    DEFAULT_CSS = "CompareDialog .told { height: auto; max-height: 16; }"

    def __init__(
        self, name: str, own: str, words: str, heard: str = "", differing: Sequence[int] = (), problem: str = ""
    ) -> None:
        super().__init__()
        self._name, self._own, self._words = name, own, words
        self._heard, self._differing, self._problem = heard, tuple(differing), problem
        if differing:
            self._groups = api.groups_of(heard)
            self._heard = " ".join(self._groups)

    def compose(self) -> ComposeResult:
        """Lay it out."""
        name = one_line(self._name, 60)
        with Vertical(classes="dialog wide"):
            yield Heading(_("Compare fingerprints with {name}", name=name))
            with VerticalScroll(classes="told", can_focus=False):
                if self._differing:
                    marked = [f"✗{one}" if at in self._differing else one for at, one in enumerate(self._groups)]
                    yield Plain("✗ " + _("It is NOT the same. What is marked does not agree:"), classes="problem")
                    yield Plain(f"  {' '.join(marked)}", id="marked")
                    yield Plain(_("Listen to that once more. If it stays different, somebody may have put their own "
                                  "keys in between: do not use this contact, and get a new card."))  # fmt: skip
                elif self._problem:
                    yield Plain(f"✗ {self._problem}", classes="problem")
                else:
                    yield Plain(_("1. Call {name}, or meet: by a way on which you know the voice or the face. "
                                  "Not by the way the card came.", name=name))  # fmt: skip
                    yield Plain(_("2. Let them read their fingerprint to you: 40 digits, or 12 words."))
                    yield Plain(_("3. Type what you hear; the program compares it."))
                yield Quiet("\n" + _("Yours, to read to them:"))
                yield Plain(f"  {self._own}")
                yield Plain(f"  {self._words}")
            yield Input(self._heard, placeholder=_("What you hear"), id="heard", select_on_focus=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Cancel"), id="cancel")
                yield Button(_("Compare"), id="do", variant="primary")

    def on_mount(self) -> None:
        """Let the person type in the place of the first group that does not agree; of all, if none does."""
        line = self.query_one("#heard", Input)
        line.focus()
        if self._differing:
            first = self._differing[0]
            at = sum(len(one) + 1 for one in self._groups[:first])
            end = len(self._heard) if len(self._differing) == len(self._groups) else at + len(self._groups[first])
            line.selection = Selection(at, end)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show digits in the groups in which they are read, and how far one is."""
        digits = "".join(event.value.split())
        is_number = digits.isascii() and digits.isdigit()
        groups = " ".join(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP)) if is_number else ""
        told = _("{groups}   ({count} of 40 digits)", groups=groups, count=len(digits)) if is_number else ""
        # In its frame: a row of its own would push the buttons out of a window of 24 rows.
        event.input.border_subtitle = told

    def on_input_submitted(self) -> None:
        """Compare."""
        self._take()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Compare, or not."""
        if event.button.id == "do":
            self._take()
        else:
            self.dismiss(None)

    def _take(self) -> None:
        heard = self.query_one("#heard", Input).value.strip()
        if heard:
            self.dismiss(heard)
