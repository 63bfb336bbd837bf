"""Second step of a seal: to whom; each recipient gets a bundle of their own."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult

from tui import i18n
from tui.dialogs.confirm import ConfirmDialog
from tui.i18n import N_, _, ngettext
from tui.screens.sealing.plan import Plan
from tui.screens.sealing.step import Step
from tui.text import one_line
from tui.widgets.mark_list import MarkList, Row
from tui.widgets.plain import Plain, Quiet
from vault import api
from vault.model import Contact

_MOST_NAMES = 10
_PASSPHRASE = "\0passphrase"  # noqa: S105 - the name of a row
"""Key of the row for whoever has no keys; no contact has such a name."""


class Whom(Step):
    """Marks the recipients."""

    TITLE = N_("For whom")
    DEFAULT_CSS = """
    Whom #about { height: 4; margin-top: 1; }
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._contacts: dict[str, Contact] = {}
        self._cautions: dict[str, list[str]] = {}

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Quiet(_("Space marks. Each gets a bundle of their own; nobody learns who else got one."))
        yield Quiet("", id="nobody", classes="empty hidden")
        yield MarkList(id="people")
        yield Plain("", id="about")

    async def enter(self) -> None:
        """Ask who there is."""
        screen = self.seal_screen
        people = await screen.core(api.contacts.page, screen.vault)
        self._contacts = {one.name: one for one in people}
        told = await screen.core(api.sealing.cautions, screen.vault, list(self._contacts))
        self._cautions = {}
        for name, sentence in told:
            self._cautions.setdefault(name, []).append(i18n.from_core(sentence))
        unverified = set(await screen.core(api.sealing.unverified, screen.vault, list(self._contacts)))
        rows = [
            Row(name, (name, _("✗ not verified") if name in unverified else _("✓ verified"), _keys(one)))
            for name, one in self._contacts.items()
        ]
        columns = ((_("Name"), 0), (_("Compared"), 14), (_("Keys"), 28))
        empty = self.query_one("#nobody", Quiet)
        empty.say(_("There is no contact yet. Contacts are added from the list of cases, with c."))
        empty.set_class(bool(rows), "hidden")
        rows.append(Row(_PASSPHRASE, (_("Somebody without keys"), "", _("under a passphrase"))))
        listed = self.query_one(MarkList)
        listed.fill(columns, rows, [_PASSPHRASE] if self.plan.passphrase else self.plan.to)
        listed.focus()
        self._tell()

    @on(MarkList.RowHighlighted)
    def _tell(self) -> None:
        """Show the whole fingerprint of the contact the cursor is on, and what is to be said of the keys."""
        current = self.query_one(MarkList).current
        one = self._contacts.get(current)
        lines = [_("Fingerprint: {digits}", digits=one.fingerprint), *self._cautions.get(one.name, [])] if one else []
        if current == _PASSPHRASE:
            lines = [_("Whoever learns the passphrase can read it, and can try as many as they like. Tell it over "
                       "another way than the file. Keys are safer.")]  # fmt: skip
        self.query_one("#about", Plain).say("\n".join(lines))

    @on(MarkList.RowSelected)
    def _enter(self, event: MarkList.RowSelected) -> None:
        event.stop()
        self.query_one(MarkList).action_mark()

    @on(MarkList.Marked)
    def _marked(self, event: MarkList.Marked) -> None:
        """A passphrase is for one bundle alone."""
        listed = event.source
        if _PASSPHRASE in listed.marked and len(listed.marked) > 1:
            listed.mark_only({_PASSPHRASE} if event.key == _PASSPHRASE else listed.marked - {_PASSPHRASE})

    async def leave(self) -> bool:
        """Ask before it is sealed to somebody whose fingerprint nobody has compared."""
        marked = self.query_one(MarkList).marked
        self.plan.passphrase = _PASSPHRASE in marked
        self.plan.to = [name for name in self._contacts if name in marked]
        if self.plan.passphrase:
            return True
        if not self.plan.to:
            self.app.notify(_("Mark at least one recipient."), severity="warning", markup=False)
            return False
        screen = self.seal_screen
        unverified = await screen.core(api.sealing.unverified, screen.vault, self.plan.to)
        return not unverified or await self._agreed(list(unverified))

    async def _agreed(self, unverified: list[str]) -> bool:
        count = len(unverified)
        names = "\n".join(f"✗ {one_line(name, 60)}" for name in unverified[:_MOST_NAMES])
        if count > _MOST_NAMES:
            names += "\n" + _("… and {count} more", count=count - _MOST_NAMES)
        message = ngettext(
            "Nobody has compared the fingerprint of this recipient. If the key is not theirs, somebody else reads all "
            "of it:",
            "Nobody has compared the fingerprints of these recipients. If a key is not theirs, somebody else reads all "
            "of it:",
            count,
        )
        return await self.app.push_screen_wait(
            ConfirmDialog(
                _("Seal to somebody who is not verified?"), f"{message}\n\n{names}", _("Seal all the same"),
                _("Better: call them and compare fingerprints first, in the contacts."),
            )
        )  # fmt: skip


def _keys(one: Contact) -> str:
    safe = any(recipient.startswith("age1pq") for recipient in one.recipients)
    return _("safe against later computers") if safe else _("today's kind only")
