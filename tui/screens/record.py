"""Reading a record: what it says, its versions, where it came from, and what belongs to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget

from tui import belonging
from tui.base import VaultScreen
from tui.dialogs.ask import AskDialog
from tui.dialogs.choose import ChooseDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.difference import DifferenceDialog
from tui.i18n import N_, _, language, ngettext
from tui.screens.record_edit import correction, screen_for
from tui.telling import VERDICTS, bare, said, title_of, told, types_of
from tui.text import one_line
from tui.widgets.difference import compare_records
from tui.widgets.fields import label
from tui.widgets.frame import TitleBar, below
from tui.widgets.plain import Heading, Plain, Quiet
from tui.widgets.reading import Reading
from vault import api
from vault.model import Record, RecordVersion


class RecordScreen(VaultScreen):
    """A record to be read.

    Args:
        record_id: The record.
    """

    HELP = N_(
        "What the newest version says. Looking at a record is entered in the custody log. v shows another version, d "
        "what a version changed, c begins a correction: the signed versions stay as they are. a attaches files that "
        "belong to it, such as a portrait or a scanned paper."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "correct", N_("Correct")),
        Binding("a", "attach", N_("Attach files"), tooltip=N_("Attach files that belong to this record")),
        Binding("v", "version", N_("Versions")),
        Binding("d", "difference", N_("Difference")),
        Binding("x", "delete", N_("Delete")),
    ]
    DEFAULT_CSS = """
    RecordScreen .record { padding: 1 2; }
    RecordScreen .field-name { color: $text-muted; margin-top: 1; }
    RecordScreen Reading { padding-left: 2; }
    RecordScreen #belonging { height: auto; }
    """

    def __init__(self, record_id: str) -> None:
        super().__init__()
        self._record_id = record_id
        self._version = 0
        self._record: Record | None = None
        self._stale = True

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield TitleBar(_("Record"))
        yield VerticalScroll(classes="record", can_focus=True)
        yield from below()

    def on_screen_resume(self) -> None:
        """Show it again after something may have changed; not after every dialog, for each look is entered."""
        if self._stale:
            self._stale = False
            self.work("showing a record", self._show(), group="record")

    async def _show(self) -> None:
        record = await self.core(api.records.show, self.vault, self._record_id, self._version)
        self._record = record
        schema = (await self.core(types_of, self.vault)).get(record.type)
        kind = schema.label(language()) if schema else record.type
        self.query_one(TitleBar).say(f"{kind}: {record.title}" if record.title else kind, self._state(record))
        names = await self.core(self._names, record)
        parts: list[Widget] = [Quiet(line) for line in await self._origin(record)]
        if record.deleted:
            parts.append(Plain(_("This record was deleted. That it was here, and why it went, is in the custody log.")))
        if record.withheld:
            parts.append(Plain("! " + _("The sender withheld a part of it.")))
        for name, text in self._said(schema, record, names):
            parts.append(Plain(name, classes="field-name"))
            parts.append(Reading(text))
        parts += self._versions(record)
        parts.append(Vertical(*await self._files(record), id="belonging"))
        place = self.query_one(".record", VerticalScroll)
        await place.remove_children()
        await place.mount_all(parts)
        place.focus()

    def _said(self, schema: api.Schema | None, record: Record, names: dict[str, str]) -> Iterator[tuple[str, str]]:
        """Yield names and values; of a type that nobody here knows as they are in the record."""
        if schema is None:
            yield from ((name, bare(value)) for name, value in record.fields.items())
        else:
            yield from ((label(field), told(field, value, names)) for field, value in said(schema, record.fields))

    def _state(self, record: Record) -> str:
        if record.deleted:
            return _("deleted")
        count = len(record.versions)
        number = self._version or (record.versions[-1].version if count else 0)
        if count and number != record.versions[-1].version:
            return _("! version {number}, not the newest", number=number)
        return _("signed, version {number}", number=number)

    async def _origin(self, record: Record) -> list[str]:
        if not record.origin:
            return []
        contacts = await self.core(api.contacts.page, self.vault)
        name = next((one.name for one in contacts if one.fingerprint == record.origin), "")
        whom = one_line(name) if name else record.origin
        verdict = _(VERDICTS.get(record.verdict, record.verdict))
        return [_("Received from {whom}: {verdict}. It cannot be corrected here.", whom=whom, verdict=verdict)]

    def _names(self, record: Record) -> dict[str, str]:
        """Return id → title of the records and attachments that this one names."""
        found = {}
        for wanted, here in api.records.references(self.vault, record).values():
            found[wanted] = title_of(self.vault, here)
        return found

    def _versions(self, record: Record) -> list[Widget]:
        if not record.versions:
            return []
        found: list[Widget] = [Heading("\n" + _("Versions"))]
        for one in record.versions:
            found.append(Plain(_version(one)))
            found.append(Quiet(f"SHA-256 {one.digest}"))
        return found

    async def _files(self, record: Record) -> list[Widget]:
        attachments = await self.core(api.intake.page, self.vault, record.case_id)
        mine = [
            one for one in attachments
            if not one.deleted and isinstance(one.fields.get("belongs_to"), dict)
            and one.fields["belongs_to"].get("id") == record.id
        ]  # fmt: skip
        if not mine:
            return []
        lines = "\n".join(f"• {one_line(one.fields.get('original_name', ''))}" for one in mine)
        return [Heading("\n" + _("Files that belong to it")), Plain(lines)]

    # -- what can be done ---------------------------------------------------------------------------------------------

    def action_correct(self) -> None:
        """Begin a correction, or go on with one."""
        self.work("beginning a correction", self._correct())

    def action_attach(self) -> None:
        """Attach files that belong to it."""
        if self._record is not None:
            self.work("attaching files", self._take_in(self._record))

    async def _take_in(self, record: Record) -> None:
        if await belonging.attach(self, record):
            place = self.query_one("#belonging", Vertical)
            await place.remove_children()
            await place.mount_all(await self._files(record))

    async def _correct(self) -> None:
        record = self._record
        if record is None or record.deleted or record.origin:
            self.notify(_("A record that was received or deleted is not corrected here."), markup=False)
            return
        begun = [one for one in await self.core(api.drafts.page, self.vault) if one.id == record.id]
        if begun:
            screen = await self.core(screen_for, self.vault, begun[0], stored=True)
        else:
            newest = record
            if self._version:
                newest = await self.core(api.records.show, self.vault, record.id)
            draft = correction(newest, api.records.correctable(newest))
            screen = await self.core(screen_for, self.vault, draft)
        self._stale, self._version = True, 0
        self.app.push_screen(screen)

    def action_version(self) -> None:
        """Show another version."""
        self.work("choosing a version", self._choose_version())

    async def _choose_version(self) -> None:
        record = self._record
        if record is None or not record.versions:
            return
        options = [(str(one.version), _version(one)) for one in reversed(record.versions)]
        now = str(self._version or record.versions[-1].version)
        answer = await self.app.push_screen_wait(ChooseDialog(_("Which version?"), options, [now], may_be_empty=False))
        if answer:
            newest = int(answer[0]) == record.versions[-1].version
            self._version = 0 if newest else int(answer[0])
            await self._show()

    def action_difference(self) -> None:
        """Show what the version on the screen changed."""
        self.work("comparing versions", self._compare())

    async def _compare(self) -> None:
        record = self._record
        if record is None or not record.versions:
            return
        schema = (await self.core(types_of, self.vault)).get(record.type)
        if schema is None:
            self.notify(_("The type of this record is not known in this vault."), markup=False)
            return
        numbers = [one.version for one in record.versions]
        place = numbers.index(self._version) if self._version in numbers else len(numbers) - 1
        if place == 0:
            self.notify(_("There is no version before this one."), markup=False)
            return
        before = await self.core(api.records.show, self.vault, record.id, numbers[place - 1])
        names = {**await self.core(self._names, before), **await self.core(self._names, record)}
        pieces = await self.core(compare_records, schema, before.fields, record.fields, names)
        title = _("From version {old} to version {new}", old=numbers[place - 1], new=numbers[place])
        await self.app.push_screen_wait(DifferenceDialog(title, pieces))

    def action_delete(self) -> None:
        """Delete it, once why is known and what that means."""
        self.work("deleting a record", self._delete())

    async def _delete(self) -> None:
        record = self._record
        if record is None or record.deleted:
            return
        _same, files = await self.core(api.records.outline, self.vault, record.id)
        why = await self.app.push_screen_wait(
            AskDialog(_("Why is it deleted?"), _("The reason is entered in the custody log and stays there."))
        )
        if why is None:
            return
        versions = ngettext("{count} signed version", "{count} signed versions", len(record.versions))
        kept = ngettext("{count} file that belongs to it stays.", "{count} files that belong to it stay.", files)
        message = _("{versions} of this record will be deleted for good, with a draft of it. {kept}",
                    versions=versions, kept=kept if files else "")  # fmt: skip
        advice = _("What left in bundles and what lies in backups is not reached. The entries in the log stay.")
        if await self.app.push_screen_wait(ConfirmDialog(_("Delete this record?"), message, _("Delete"), advice)):
            await self.core(api.records.delete, self.vault, record.id, why)
            self.finish()


def _version(one: RecordVersion) -> str:
    signed = one.signed_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return _("{number}, signed {time}", number=one.version, time=signed)
