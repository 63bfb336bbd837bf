"""A form for the records of any type: what is asked follows from the type alone."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, TextArea

from tui.i18n import _, language
from tui.telling import types_of
from tui.text import one_line
from tui.widgets.choice import Choice, Options
from tui.widgets.fields import Around, Box, box, read_all
from tui.widgets.plain import Quiet
from vault import api
from vault.model import Json

if TYPE_CHECKING:
    from tui.base import VaultScreen

_PART = 4
"""Fields that are laid out at a time."""


class Form(VerticalScroll):
    """All fields of a type, but for those that are filled in elsewhere.

    Args:
        schema: The type.
        values: What the record says now.
        case_id: The case, whose records can be referred to.
        record_id: The record itself, which cannot.
        leave_out: Names of fields that are filled in elsewhere.
    """

    DEFAULT_CSS = """
    Form { height: 1fr; padding: 0 1; }
    Form > .legend { margin-bottom: 1; }
    """

    class Changed(Message):
        """Something was filled in."""

        def __init__(self, form: Form) -> None:
            super().__init__()
            self.form = form

    def __init__(
        self, schema: api.Schema, values: dict[str, Json], case_id: str, record_id: str = "",
        leave_out: Collection[str] = (),
    ) -> None:  # fmt: skip
        super().__init__(can_focus=False)
        self._case_id, self._record_id = case_id, record_id
        around = Around(self._records, self._attachments)
        self._given = {name: value for name, value in values.items() if name not in leave_out}
        self._boxes = [
            box(field, values.get(field.name), around) for field in schema.fields if field.name not in leave_out
        ]
        self._left = list(self._boxes)
        self._early = False
        self.ready = False
        """True once all fields are there: a long form is laid out in parts, so that the screen never stands still."""

    def compose(self) -> ComposeResult:
        """Lay it out."""
        told = _("“leaves”: goes out when you seal, unless you withhold it. “stays”: stays here, unless you name it.")
        yield Quiet(told, classes="legend")
        yield from self._next()

    def _next(self) -> list[Box]:
        part, self._left = self._left[:_PART], self._left[_PART:]
        return part

    def on_mount(self) -> None:
        """Go on with the rest."""
        self.call_after_refresh(self._more)

    async def _more(self) -> None:
        if self._left:
            await self.mount_all(self._next())
            self.call_after_refresh(self._more)
            return
        self.ready = True
        if self._early:
            self._tell()

    def focus_first(self) -> None:
        """Give the first field the focus."""
        first = next((child for child in self.walk_children(Widget) if child.can_focus), None)
        if first is not None:
            first.focus()

    def values(self) -> dict[str, Json]:
        """Return what is filled in; nothing of it was checked."""
        return read_all(self._boxes, self._given) if self.ready else self._given

    def say_problem(self, path: str, problem: str) -> None:
        """Show what is wrong at a field, by its dotted path, and go there."""
        self.forget_problems()
        first, *rest = path.split(".")
        for one in self._boxes:
            if one.field.name == first:
                one.say_problem(rest, problem)

    def forget_problems(self) -> None:
        """Take back what was said to be wrong."""
        for one in self.query(Box):
            one.set_class(False, "-wrong")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell."""
        event.stop()
        self._tell()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Tell."""
        event.stop()
        self._tell()

    def on_choice_changed(self, event: Choice.Changed) -> None:
        """Tell."""
        event.stop()
        self._tell()

    def on_box_removed(self, event: Box.Removed) -> None:
        """Tell."""
        event.stop()
        self._tell()

    def _tell(self) -> None:
        self._early = True
        if self.ready:
            self.post_message(self.Changed(self))

    async def _records(self) -> Options:
        screen = cast("VaultScreen", self.screen)
        found = await screen.core(api.records.page, screen.vault, self._case_id)
        schemas = await screen.core(types_of, screen.vault)
        people_first = sorted(found, key=lambda one: one.type != "person")
        return [
            (one.id, f"{one_line(one.title) or _('(no title)')} · {schemas[one.type].label(language())}")
            for one in people_first
            if not one.deleted and one.id != self._record_id and one.type in schemas
        ]

    async def _attachments(self) -> Options:
        screen = cast("VaultScreen", self.screen)
        found = await screen.core(api.intake.page, screen.vault, self._case_id)
        return [(one.id, one_line(one.fields.get("original_name", ""))) for one in found if not one.deleted]
