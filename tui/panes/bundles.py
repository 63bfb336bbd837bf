"""The bundles of a case: what was sealed of it, and what was received into it."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from tui.dialogs.reading import ReadingDialog
from tui.i18n import N_, _, listed
from tui.panes.base import CasePane
from tui.text import one_line
from tui.widgets.plain import Quiet, cell, fitted
from vault import api

_PASSPHRASE = "passphrase"  # noqa: S105 - the name of a kind
_OTHER_COLUMNS = 62
_NARROWEST = 14
_VERDICTS = {
    "verified": N_("✓ verified"),
    "intact": N_("! intact, signer not established"),
    "failed": N_("✗ failed"),
}


class BundlesPane(CasePane):
    """A list of bundles, newest first, sealed ones before received ones."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "screen.seal", N_("Seal")),
        Binding("r", "receive", N_("Receive")),
        Binding("d", "reveal", N_("Reveal a field")),
    ]

    def __init__(self, case_id: str) -> None:
        super().__init__(case_id)
        self._sent: tuple[api.sealing.Sent, ...] = ()
        self._received: tuple[api.receiving.Received, ...] = ()

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Quiet("", id="bundles-empty", classes="empty hidden")
        yield DataTable(id="bundles", cursor_type="row")

    def reload(self) -> None:
        """Fill the list."""
        self.case_screen.work("listing bundles", self._load(), group="bundles")

    async def _load(self) -> None:
        screen = self.case_screen
        self._sent = await screen.core(api.sealing.sent, self.vault, self.case_id)
        self._received = await screen.core(api.receiving.received, self.vault, self.case_id)
        table = self.query_one("#bundles", DataTable)
        row = table.cursor_row
        table.clear(columns=True)
        width = max(_NARROWEST, table.size.width - _OTHER_COLUMNS)
        table.add_column(_("Which way"), width=9)
        table.add_column(_("With whom"), width=width)
        table.add_column(_("When"), width=16)
        table.add_column(_("State"), width=25)
        for sent in self._sent:
            state = _("✓ sealed") if sent.sha256 else _("! may have left")
            cells = (cell(_("→ sealed")), cell(fitted(whom(sent), width)), cell(_when(sent.sealed_at)), cell(state))
            table.add_row(*cells, key=f"sent {sent.bundle_id}")
        for place, got in enumerate(self._received):
            state = _(_VERDICTS.get(got.verdict, got.verdict))
            name = got.sender or got.signer
            cells = (cell(_("← came")), cell(fitted(name, width)), cell(_when(got.received_at)), cell(state))
            table.add_row(*cells, key=f"received {place}")
        table.move_cursor(row=min(row, max(0, table.row_count - 1)))
        empty = self.query_one("#bundles-empty", Quiet)
        empty.say(_("Nothing was sealed of this case, and nothing was received into it. Press s to seal."))
        empty.set_class(table.row_count > 0, "hidden")

    @on(DataTable.RowSelected)
    def _open(self, event: DataTable.RowSelected) -> None:
        event.stop()
        way, _space, key = str(event.row_key.value).partition(" ")
        if way == "sent":
            sent = next(one for one in self._sent if one.bundle_id == key)
            self.app.push_screen(ReadingDialog(_("A bundle that was sealed"), _sent_text(sent)))
        else:
            self.app.push_screen(ReadingDialog(_("A bundle that came"), _received_text(self._received[int(key)])))

    def action_receive(self) -> None:
        """Receive a bundle; it goes into a case of its own."""
        from tui.screens.receive import ReceiveScreen

        self.app.push_screen(ReceiveScreen())

    def action_reveal(self) -> None:
        """Reveal one field of a signed record to somebody who has the rest of it."""
        from tui.revealing import reveal

        self.case_screen.work("revealing a field", reveal(self.case_screen, self.case_id))


def whom(sent: api.sealing.Sent) -> str:
    """Return to whom a bundle went."""
    if sent.address == _PASSPHRASE:
        return _("whoever knows the passphrase")
    return sent.recipient or sent.address or _("not known")


def _when(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _sent_text(sent: api.sealing.Sent) -> str:
    lines = [
        _("For: {whom}", whom=one_line(whom(sent))),
        _("Sealed: {time}", time=_when(sent.sealed_at)),
        _("Number for this recipient: {number}", number=sent.number),
        f"SHA-256: {sent.sha256}" if sent.sha256 else "! " + _("It was begun, and nothing says that it was finished: "
                                                              "the file may have left."),
        _("Id: {id}", id=sent.bundle_id),
        _("In the custody log: {numbers}", numbers=_numbers(sent.entries)),
        _("What for: {purpose}", purpose=sent.purpose or _("(not said)")),
    ]  # fmt: skip
    if sent.address != _PASSPHRASE:
        lines.insert(1, _("Their fingerprint: {fingerprint}", fingerprint=one_line(sent.address)))
    return "\n".join(lines)


def _received_text(got: api.receiving.Received) -> str:
    lines = [
        _("From: {whom}", whom=one_line(got.sender) if got.sender else _("somebody who is no contact")),
        _("Their fingerprint: {fingerprint}", fingerprint=got.signer),
        _("Received: {time}", time=_when(got.received_at)),
        _("Verdict: {verdict}", verdict=_(_VERDICTS.get(got.verdict, got.verdict))),
        _("Number of the sender: {number}", number=got.number),
        _("Id: {id}", id=got.bundle_id),
        _("In the custody log: {numbers}", numbers=_numbers(got.entries)),
    ]
    if got.codes:
        lines.append(_("What was found: {codes}", codes=listed(got.codes)))
    return "\n".join(lines)


def _numbers(entries: tuple[int, ...]) -> str:
    return listed(map(str, entries)) or _("nothing")
