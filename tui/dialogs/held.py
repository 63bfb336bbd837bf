"""Files that carry facts inside that may identify people: each is named before it leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button

from tui import leaving
from tui.base import Dialog
from tui.i18n import N_, _, listed, ngettext
from tui.widgets.mark_list import MarkList, Row
from tui.widgets.plain import Heading, Plain
from vault import api


class HeldDialog(Dialog[set[str] | None]):
    """Ends with the ids of the files that may leave as they are, or None; none is marked at first.

    Args:
        held: The files.
        copies: Id of a file → files that were made from it, which would leave in its place.
    """

    HELP = N_(
        "Photos and documents often carry the place, the device or a name inside. What is marked leaves with all of "
        "that. What is not marked stays here; if a cleaned copy of it is in the case, that one leaves in its place."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f9", "take", N_("Go on"))]
    DEFAULT_CSS = """
    HeldDialog .wide { height: 90%; }
    HeldDialog MarkList { background: $surface; margin-top: 1; }
    HeldDialog #about { max-height: 5; margin-top: 1; }
    """

    def __init__(self, held: Sequence[api.sealing.Part], copies: Mapping[str, Sequence[api.sealing.Part]]) -> None:
        super().__init__()
        self._held, self._copies = list(held), copies

    def compose(self) -> ComposeResult:
        """Lay it out."""
        count = len(self._held)
        with Vertical(classes="dialog wide"):
            yield Heading(
                ngettext("{count} file may give something away", "{count} files may give something away", count)
            )
            yield Plain(_("Mark those that may leave as they are, with everything inside. The others stay here."))
            yield MarkList()
            yield Plain("", id="about")
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Cancel"), id="cancel")
                yield Button(_("Go on"), id="do", variant="primary")

    def on_mount(self) -> None:
        """Fill the list once its width is known."""
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        rows = []
        for part in self._held:
            made = self._copies.get(part.record_id, ())
            instead = listed(leaving.title_of(one) for one in made) if made else _("none")
            rows.append(Row(part.record_id, (leaving.title_of(part), leaving.inside(part), instead)))
        columns = ((_("File"), 0), (_("Gives away"), 26), (_("Cleaned copy"), 18))
        table = self.query_one(MarkList)
        table.fill(columns, rows, ())
        table.focus()
        self.on_data_table_row_highlighted()

    def on_data_table_row_highlighted(self) -> None:
        """Say in full what the file gives away."""
        part = next((one for one in self._held if one.record_id == self.query_one(MarkList).current), None)
        if part is None:
            return
        name, kinds = leaving.title_of(part), leaving.inside(part)
        lines = [_("{name} gives away: {kinds}.", name=name, kinds=kinds)]
        if "unknown" in part.identifying:
            lines = [
                _("Not all of {name} could be looked into: it may give more away ({kinds}).", name=name, kinds=kinds)
            ]
        if made := self._copies.get(part.record_id):
            names = listed(leaving.title_of(one) for one in made)
            lines.append(_("If it is not marked, a copy made from it leaves in its place: {names}.", names=names))
        self.query_one("#about", Plain).say("\n".join(lines))

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
        self.dismiss(set(self.query_one(MarkList).marked))
