"""Revealing one field of a signed record later, to somebody who has the rest of it: against the same signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import consenting, i18n, leaving
from tui.dialogs.choose import ChooseDialog
from tui.dialogs.choose_files import ChooseFilesDialog
from tui.dialogs.message import MessageDialog
from tui.dialogs.reason import ReasonDialog
from tui.i18n import _
from tui.text import one_line
from vault import api

if TYPE_CHECKING:
    from tui.base import VaultScreen

_EXCERPT = 40


async def reveal(screen: VaultScreen, case_id: str) -> None:
    """Ask which field, to whom and where; runs as the work of a screen."""
    vault, app = screen.vault, screen.app
    shown = await screen.core(api.sealing.preview, vault, api.sealing.Choice(case_id))
    parts = {part.record_id: part for part in shown.parts if any(not said.leaves for said in part.said)}
    people = await screen.core(api.contacts.page, vault)
    if not parts or not people:
        told = _("There is nothing withheld in this case.") if not parts else _("There is no contact yet.")
        screen.notify(told, severity="warning", markup=False)
        return
    records = [(one, leaving.heading_of(part)) for one, part in parts.items()]
    record = await app.push_screen_wait(ChooseDialog(_("Reveal a field of which record?"), records))
    if not record:
        return
    part = parts[record[0]]
    fields = [
        (said.path, _("{label}: {value}", label=leaving.label_of(part, said.path),
                      value=one_line(leaving.value_of(part, said), _EXCERPT)))
        for said in part.said
        if not said.leaves
    ]  # fmt: skip
    path = await app.push_screen_wait(ChooseDialog(_("Which field?"), fields))
    if not path:
        return
    told = _("Somebody who has a bundle with this record.")
    name = await app.push_screen_wait(ChooseDialog(_("To whom?"), [(one.name, one.name) for one in people], (), told))
    if not name:
        return
    cautions = await screen.core(api.sealing.cautions, vault, name)
    said = next(said for said in part.said if said.path == path[0])
    label, value = leaving.label_of(part, said.path), one_line(leaving.value_of(part, said))
    lines = [
        _("{name} will read: {field}: {value}", name=one_line(name[0], 60), field=label, value=value),
        *(f"! {i18n.from_core(sentence)}" for _name, sentence in cautions),
        *consenting.told(await screen.core(api.sealing.preview_reveal, vault, record[0], path[0])),
    ]
    chosen = await app.push_screen_wait(ChooseFilesDialog(_("Where does the bundle go?"), "folder", do=_("Go on")))
    if not chosen:
        return
    lines.append(_("Into the folder: {folder}", folder=one_line(chosen[0])))
    authority = await app.push_screen_wait(
        ReasonDialog(_("Reveal this?"), "\n".join(lines), _("Reveal it"), _("Nothing else of the record leaves."))
    )
    if authority is None:
        return
    one = await screen.long(
        _("Sealing a field"),
        lambda job: api.sealing.reveal(vault, record[0], path[0], name[0], chosen[0], job, authority=authority),
    )
    warnings = "\n".join(i18n.from_core(warning) for warning in one.warnings)
    app.push_screen(MessageDialog(_("It is sealed"), f"{one.file}\nSHA-256 {one.sha256}", warnings))
