"""Writing a testimony: the words of a person on the left, who, when, where and how beside it."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.widgets import TextArea

from tui.i18n import N_, _
from tui.screens.drafting import DraftScreen
from tui.widgets.editor import Editor
from tui.widgets.form import Form
from tui.widgets.frame import TitleBar
from vault import api
from vault.model import Draft, Json

_WIDE = 100
"""Columns from which text and details stand beside each other."""


class TestimonyScreen(DraftScreen):
    """A testimony being written.

    Args:
        draft: What is written on.
        schema: The type `testimony`.
        stored: As of `DraftScreen`.
    """

    HELP = N_(
        "Write what the person says, word for word. All that you type is saved by itself, encrypted, at least every "
        "two seconds; nothing is evidence before you sign it. F3 goes to the details (who, when, where, which "
        "language) and back; F4 throws the draft away. Tab leaves the text, Ctrl+Z takes back, Ctrl+Y does it again, "
        "Ctrl+A marks everything, Ctrl+C and Ctrl+V copy and paste inside this program. In a text from right to left "
        "the cursor may stand elsewhere than you expect: that depends on the terminal; what is stored is right."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f3", "switch", N_("Details"), tooltip=N_("Go from the text to the details, and back")),
    ]
    DEFAULT_CSS = """
    TestimonyScreen #both { height: 1fr; }
    TestimonyScreen #words { width: 1fr; }
    TestimonyScreen #details { width: 44; border-left: vkey $panel; }
    TestimonyScreen.-narrow #details { width: 1fr; border-left: none; }
    """

    def __init__(self, draft: Draft, schema: api.Schema, *, stored: bool = False) -> None:
        super().__init__(draft, schema, stored=stored)
        self._editor = Editor(str(draft.fields.get("statement") or ""), placeholder=_("What the person says"))

        self._form = Form(self.schema, draft.fields, self.case_id, str(draft.id), ("statement",))
        self._at_details = False
        self._details = {name: value for name, value in draft.fields.items() if name != "statement"}

    def compose(self) -> ComposeResult:
        """Lay it out."""
        corrected = _("correction of version {number}", number=self.draft.based_on) if self.draft.based_on else ""
        yield TitleBar(_("Testimony"), corrected or _("draft, not signed"))
        with Horizontal(id="both"):
            with Vertical(id="words"):
                yield self._editor
            with Vertical(id="details"):
                yield self._form
        yield from self.state_and_below()

    def on_mount(self) -> None:
        """Let the person write."""
        # At once, not with the next message: what is pasted in between would reach nobody.
        self.set_focus(self._editor)
        self._editor.action_whole_end()

    def on_resize(self, event: Resize) -> None:
        """Beside each other, or one at a time."""
        self.set_class(event.size.width < _WIDE, "-narrow")
        self._arrange()

    def _arrange(self, details: bool | None = None) -> None:
        """Show both, or where there is no room the text or the details.

        Not by a class of the screen: all of the form would be styled anew.
        """
        self._at_details = self._at_details if details is None else details
        narrow = self.has_class("-narrow")
        self.query_one("#words").display = not (narrow and self._at_details)
        self.query_one("#details").display = not narrow or self._at_details

    def typed(self) -> dict[str, Json]:
        """Return what is written now."""
        text = "\n".join(list(self._editor.document.lines))
        return ({"statement": text} if text else {}) | self._details

    def main_text(self) -> str:
        """Return the words of the person."""
        return self._editor.text

    @on(TextArea.Changed)
    def _written(self, event: TextArea.Changed) -> None:
        if event.text_area is self._editor:
            self.edited()

    @on(Form.Changed)
    def _filled_in(self) -> None:
        now = self._form.values()
        if now != self._details:
            self._details = now
            self.edited()

    def say_wrong(self, path: str, problem: str) -> None:
        """Show what is wrong, in the text or in the details."""
        if path.partition(".")[0] == "statement":
            self._arrange(details=False)
            self._editor.focus()
        else:
            self._arrange(details=True)
            super().say_wrong(path, problem)

    def action_switch(self) -> None:
        """Go from the text to the details, and back."""
        if self._editor.has_focus:
            self._arrange(details=True)
            self._form.focus_first()
        else:
            self._arrange(details=False)
            self._editor.focus()
