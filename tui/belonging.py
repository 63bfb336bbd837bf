"""Files that belong to a person or another record: taken in for it, or given to it later."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tui import attachments
from tui.dialogs.choose import ChooseDialog
from tui.dialogs.choose_files import ChooseFilesDialog
from tui.dialogs.sign import SignDialog
from tui.i18n import _, language
from tui.taking_in import begin
from tui.telling import names_in, types_of
from tui.text import one_line
from tui.widgets.difference import compare_records
from vault import api
from vault.model import Attachment, Record

if TYPE_CHECKING:
    from tui.base import VaultScreen

_LOOK = 0.25
"""Seconds between two looks at whether files are in."""


def fate(kind: api.Schema | None) -> str:
    """Return what becomes of the files of a record of this type when its case is sealed."""
    if api.sealing.tells_files(kind):
        return _("They leave with it when the case is sealed.")
    return _("They stay when the case is sealed, unless you mark them.")


async def attach(screen: VaultScreen, record: Record) -> bool:
    """Ask for files and take them in for a record; runs as the work of a screen.

    Returns, once they are in, whether there were any.
    """
    if record.deleted or record.origin:
        screen.notify(_("Nothing is added to a record that was received or deleted."), markup=False)
        return False
    kind = (await screen.core(types_of, screen.vault)).get(record.type)
    paths = await screen.app.push_screen_wait(
        ChooseFilesDialog(_("Attach files that belong to it"), do=_("Attach"), notice=fate(kind))
    )
    if not paths:
        return False
    taking = begin(screen.evault, str(record.case_id), paths, api.intake.About(record_id=str(record.id)))
    while not taking.ended:
        await asyncio.sleep(_LOOK)
    return True


async def give(screen: VaultScreen, one: Attachment) -> bool:
    """Ask to whom or what a file belongs, and sign that as a new version of what is said of it.

    Returns whether it was signed; runs as the work of a screen.
    """
    if one.deleted or one.origin:
        screen.notify(_("Nothing is said of a file that was received or deleted."), markup=False)
        return False
    kinds = await screen.core(types_of, screen.vault)
    found = [
        record for record in await screen.core(api.records.page, screen.vault, str(one.case_id))
        if not record.deleted and not record.origin
    ]  # fmt: skip
    if not found:
        screen.notify(_("There is no person and no other record in this case yet."), markup=False)
        return False
    # People first: it is their portraits and papers that are looked for.
    found.sort(key=lambda record: record.type != "person")
    options = [(str(record.id), _called(record, kinds.get(record.type))) for record in found]
    fields = {name: value for name, value in one.fields.items() if name not in api.records.fixed("attachment")}
    now = fields.get("belongs_to")
    answer = await screen.app.push_screen_wait(
        ChooseDialog(
            _("To whom or what does it belong?"),
            options,
            [str(now.get("id"))] if isinstance(now, dict) else [],
            _("Files of a person or a note stay when the case is sealed, unless you mark them."),
        )
    )
    if not answer or (isinstance(now, dict) and now.get("id") == answer[0]):
        return False
    after = fields | {"belongs_to": {"id": answer[0]}}
    schema = kinds["attachment"]
    names = await screen.core(names_in, screen.vault, schema, fields, after)
    pieces = await screen.core(compare_records, schema, fields, after, names)
    said, _files = await screen.core(api.records.outline, screen.vault, str(one.id))
    why = await screen.app.push_screen_wait(SignDialog(schema, after, len(said.versions), pieces))
    if why is None:
        return False
    await screen.core(api.records.correct, screen.vault, str(one.id), after, why)
    told = one_line(dict(options)[answer[0]])
    screen.notify(_("{file} belongs to: {record}", file=attachments.name_of(one), record=told), markup=False)
    return True


def _called(record: Record, kind: api.Schema | None) -> str:
    return f"{kind.label(language()) if kind else record.type}: {record.title or _('(no title)')}"
