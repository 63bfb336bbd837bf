"""Dialogs about the words of one recovery share: shown once, two asked back, all typed in."""

from __future__ import annotations

import secrets

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button

from tui import i18n
from tui.base import Dialog
from tui.i18n import N_, _
from tui.widgets.plain import Heading, Plain, Quiet
from tui.widgets.share_words import ShareWords
from vault import api
from vault.errors import RefusedError


class ShowWordsDialog(Dialog[bool]):
    """Shows a share; ends with True when the person goes on.

    Args:
        share: The share.
        title: Which one it is.
        remark: What to do with the words.
        do: The word on the button that goes on.
    """

    HELP = N_(
        "Write the words on paper, with their numbers and in this order, and the number of the set. Nobody may look "
        "over your shoulder, and no camera may see the screen. The words are not shown again."
    )

    def __init__(self, share: api.Share, title: str, remark: str, do: str) -> None:
        super().__init__()
        self._share, self._title, self._remark, self._do = share, title, remark, do

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog low"), VerticalScroll(can_focus=False):
            yield Heading(self._title)
            yield Quiet(self._remark)
            yield ShareWords(self._share.words)
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Cancel"), id="cancel", compact=True)
                yield Button(self._do, id="do", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Go on with Enter: it takes nothing away, the words can be seen again."""
        self.query_one("#do").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "do")

    def action_cancel(self) -> None:
        """Answer with no."""
        self.dismiss(False)


class AskBackDialog(Dialog[bool]):
    """Asks two words of a share; ends with True when both are right, False to see them all again.

    Args:
        share: The share.
    """

    HELP = N_("Type the two words from your paper. So a slip of the pen shows now, not when the share is needed.")

    def __init__(self, share: api.Share) -> None:
        super().__init__()
        self._words = share.words.split()
        first = secrets.randbelow(len(self._words) // 2)
        second = len(self._words) // 2 + secrets.randbelow(len(self._words) // 2)
        self._places = [first, second]

    def compose(self) -> ComposeResult:
        """Lay it out."""
        first, second = (place + 1 for place in self._places)
        with Vertical(classes="dialog low"), VerticalScroll(can_focus=False):
            yield Heading(_("Look at your paper"))
            yield Quiet(_("Type word {first}, Enter, and word {second}, Enter.", first=first, second=second))
            yield ShareWords(places=self._places)
            yield Plain("", id="problem", classes="problem")
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("See the words again"), id="again", compact=True)
                yield Button(_("Go on"), id="do", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Let the person type."""
        self.query_one(ShareWords).focus()

    @on(ShareWords.Submitted)
    @on(Button.Pressed, "#do")
    def _compare(self) -> None:
        grid = self.query_one(ShareWords)
        if grid.take() == " ".join(self._words[place] for place in self._places):
            self.dismiss(True)
            return
        self.query_one("#problem", Plain).say(_("✗ That is not what was shown. Compare your paper once more."))
        grid.clear()
        grid.focus()

    @on(Button.Pressed, "#again")
    def action_cancel(self) -> None:
        """Show all words again."""
        self.dismiss(False)


class TypeWordsDialog(Dialog["api.Share | None"]):
    """Takes the words of a share from paper; ends with the share, or None.

    Args:
        number: Which share it is of those that are gathered, from 1.
    """

    HELP = N_(
        "Type the words of one share in their order. Space or Enter goes on to the next place, the arrow keys go to "
        "any place, Backspace takes back. A word with ✗ is in no share: look at the paper again."
    )

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog low"), VerticalScroll(can_focus=False):
            yield Heading(_("The words of share number {number} that you have", number=self._number))
            yield Quiet(_("Space or Enter goes on to the next word."))
            yield ShareWords()
            yield Plain("", id="problem", classes="problem")
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Cancel"), id="cancel", compact=True)
                yield Button(_("Go on"), id="do", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Let the person type."""
        self.query_one(ShareWords).focus()

    @on(ShareWords.Submitted)
    @on(Button.Pressed, "#do")
    def _take(self) -> None:
        grid = self.query_one(ShareWords)
        try:
            share = api.recovery.parse_share(grid.take())
        except RefusedError as error:
            self.query_one("#problem", Plain).say(f"✗ {i18n.from_core(error.message)} {i18n.from_core(error.advice)}")
            grid.focus()
            return
        self.dismiss(share)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Answer with nothing."""
        self.dismiss(None)
