"""The people of a case."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.i18n import N_
from tui.panes.records import RecordsPane


class PeoplePane(RecordsPane, inherit_bindings=False):
    """A list of the people of a case; what identifies them stays unless it is named to a seal."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add('person')", N_("Add a person")),
        Binding("slash", "filter", N_("Filter"), key_display="/", tooltip=N_("Show only what holds some words")),
        Binding("x", "drop", N_("Drop draft"), tooltip=N_("Throw the marked draft away")),
    ]
    only = ("person",)
    but = ()
    nothing = N_("Nobody is recorded in this case yet. a adds a person.")
