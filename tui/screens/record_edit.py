"""Writing a record of any type, or a new version of one: the form of its type."""

from __future__ import annotations

from datetime import UTC, datetime

from textual import on
from textual.app import ComposeResult

from tui.i18n import N_, _, language
from tui.screens.drafting import DraftScreen
from tui.screens.testimony import TestimonyScreen
from tui.widgets.form import Form
from tui.widgets.frame import TitleBar
from vault import api
from vault.model import CaseId, Draft, Json, Record, RecordId


class RecordEditScreen(DraftScreen):
    """A record being written.

    Args:
        draft: What is written on.
        schema: Its type.
        stored: As of `DraftScreen`.
    """

    HELP = N_(
        "Fill in what you know and leave out the rest; a star marks what is needed. All that you type is saved by "
        "itself, encrypted; nothing is evidence before you sign it. Tab goes on, Shift+Tab back, Enter opens a list, "
        "F4 throws the draft away."
    )

    def __init__(self, draft: Draft, schema: api.Schema, *, stored: bool = False) -> None:
        super().__init__(draft, schema, stored=stored)
        fixed = api.records.fixed(draft.type)
        self._form = Form(self.schema, draft.fields, self.case_id, str(draft.id), fixed)
        self._known = dict(draft.fields)

    def compose(self) -> ComposeResult:
        """Lay it out."""
        corrected = _("correction of version {number}", number=self.draft.based_on) if self.draft.based_on else ""
        yield TitleBar(self.schema.label(language()), corrected or _("draft, not signed"))
        yield self._form
        yield from self.state_and_below()

    def on_mount(self) -> None:
        """Begin with the first field."""
        self.call_after_refresh(self._form.focus_first)

    def typed(self) -> dict[str, Json]:
        """Return what is filled in."""
        return self._known

    @on(Form.Changed)
    def _filled_in(self) -> None:
        now = self._form.values()
        if now != self._known:
            self._known = now
            self.edited()


def new_draft(case_id: str, kind: str, fields: dict[str, Json] | None = None) -> Draft:
    """Return an empty draft of a type; it is in the store after its first change."""
    return Draft(RecordId(""), CaseId(case_id), kind, fields or {}, datetime.now(UTC))


def correction(record: Record, fields: dict[str, Json]) -> Draft:
    """Return a draft of the next version of a record; it is in the store after its first change."""
    return Draft(record.id, record.case_id, record.type, fields, datetime.now(UTC), len(record.versions))


def screen_for(vault: api.OpenVault, draft: Draft, *, stored: bool = False) -> DraftScreen:
    """Return the screen on which a draft is written; reads its type from the vault, so it belongs in a thread.

    Raises:
        NotFoundError: The vault does not know the type.
    """
    kind = TestimonyScreen if draft.type == "testimony" else RecordEditScreen
    return kind(draft, api.record_types.get(vault, draft.type), stored=stored)
