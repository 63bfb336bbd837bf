"""Which fields of one record leave in a bundle, each by its name."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button

from tui import leaving
from tui.base import Dialog
from tui.i18n import N_, _
from tui.measures import size
from tui.text import one_line
from tui.widgets.mark_list import MarkList, Row
from tui.widgets.plain import Heading, Quiet
from vault import api

_RULES = {
    "shareable": N_("leaves"),
    "linked": N_("if both do"),
    "protected": N_("protected"),
}
_THE_FILE = "sha256"


class LeavingFieldsDialog(Dialog[set[str] | None]):
    """Ends with the paths that are to leave, or None.

    Args:
        part: The record as it would leave now.
    """

    HELP = N_(
        "What is marked leaves, what is not stays. Protected things stay unless you mark them: the recipient learns "
        "that there may be more, never what. What stays can be revealed later against the same signature."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f9", "take", N_("Take this over"))]
    DEFAULT_CSS = """
    LeavingFieldsDialog .wide { height: 90%; }
    LeavingFieldsDialog MarkList { background: $surface; margin-top: 1; }
    """

    def __init__(self, part: api.sealing.Part) -> None:
        super().__init__()
        self._part = part

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog wide"):
            yield Heading(leaving.heading_of(self._part))
            yield Quiet(_("What is marked leaves. Mark a protected field only if the recipient needs it."))
            yield MarkList()
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Cancel"), id="cancel")
                yield Button(_("Take this over"), id="do", variant="primary")

    def on_mount(self) -> None:
        """Fill the list once its width is known."""
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        part, rows, marked = self._part, [], set()
        for said in part.said:
            if part.type == "attachment" and said.path in leaving.DIGESTS:
                if said.path != _THE_FILE:
                    continue
                told = next((size(int(one.value)) for one in part.said if one.path == "size"), "")
                cells = (_("The file with its digests"), _(_RULES[said.disclosure]), told)
            else:
                value = one_line(leaving.value_of(part, said).replace("\n", "; "))
                cells = (leaving.label_of(part, said.path), _(_RULES[said.disclosure]), value)
            rows.append(Row(said.path, cells))
            if said.leaves:
                marked.add(said.path)
        columns = ((_("Field"), 28), (_("Usually"), 10), (_("What it says"), 0))
        listed = self.query_one(MarkList)
        listed.fill(columns, rows, marked)
        listed.focus()

    def on_data_table_row_selected(self, event: MarkList.RowSelected) -> None:
        """Mark with Enter, too."""
        event.stop()
        self.query_one(MarkList).action_mark()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer, or not."""
        if event.button.id == "do":
            self.action_take()
        else:
            self.dismiss(None)

    def action_take(self) -> None:
        """Answer with what is marked."""
        marked = set(self.query_one(MarkList).marked)
        if self._part.type == "attachment" and _THE_FILE in marked:
            marked |= leaving.DIGESTS & {said.path for said in self._part.said}
        self.dismiss(marked)
