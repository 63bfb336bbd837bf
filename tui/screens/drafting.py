"""What all screens have in common on which a record is written: it is saved by itself, signed, or dropped.

A draft is in the store two seconds after a key at the latest, and before this screen is left, the vault is locked or
the program ends. Saving never holds up typing; when it fails, that is said, and tried again.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from tui import i18n
from tui.base import VaultScreen
from tui.counting import count, hidden_in
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.message import MessageDialog
from tui.dialogs.sign import SignDialog
from tui.i18n import N_, _, language
from tui.telling import names_in
from tui.widgets.difference import compare_records
from tui.widgets.form import Form
from tui.widgets.frame import TitleBar, below
from tui.widgets.plain import Plain
from vault import api
from vault.errors import RefusedError, VaultError
from vault.model import Draft, Json

_EVERY = 1.0
"""Seconds from one look for something to save to the next."""
_NAMED = re.compile(r"The field '([a-z0-9_.]+)'")


class DraftScreen(VaultScreen):
    """A record being written.

    Args:
        draft: What is written on; without an id it is new.
        schema: Its type.
        stored: It comes out of the store; False: it goes there with the first change.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f9", "sign", N_("Sign"), tooltip=N_("Make it evidence: it never changes again")),
        Binding("f4", "drop", N_("Drop"), tooltip=N_("Throw away what is not signed yet")),
    ]
    DEFAULT_CSS = """
    DraftScreen .state-bar { height: auto; max-height: 2; padding: 0 1; background: $panel; }
    DraftScreen #state { width: auto; max-width: 70%; margin-right: 3; }
    DraftScreen #count { width: 1fr; color: $text-muted; }
    """

    def __init__(self, draft: Draft, schema: api.Schema, *, stored: bool = False) -> None:
        super().__init__()
        self.draft = draft
        self.schema = schema
        self.case_id = draft.case_id
        self._draft_id = str(draft.id)
        self._edits = 0
        self._saved = 0
        self._at = draft.saved_at if stored else None
        self._problem = ""
        self._turn = threading.Lock()
        self._saving = self._asking = self._over = False
        self._counted = -1

    # -- for those that build on this ---------------------------------------------------------------------------------

    def typed(self) -> dict[str, Json]:
        """Return what is written now, from any thread."""
        raise NotImplementedError

    def say_wrong(self, path: str, problem: str) -> None:
        """Show what is wrong at the field of that path."""
        self.query_one(Form).say_problem(path, problem)

    def state_and_below(self) -> ComposeResult:
        """Yield the line that says whether all is saved, and what stands below every screen."""
        with Horizontal(classes="state-bar"):
            yield Plain("", id="state")
            yield Plain("", id="count")
        yield from below()

    # -- saving -------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Begin to save by itself."""
        self.evault.savers.append(self._store)
        self.set_interval(_EVERY, self._look)
        self._show_state()

    def on_unmount(self) -> None:
        """The application need not save it any more."""
        if self._store in self.evault.savers:
            self.evault.savers.remove(self._store)

    def edited(self) -> None:
        """Note that there is something to save."""
        self._edits += 1
        self._show_state()

    @property
    def dirty(self) -> bool:
        """True while something is not in the store."""
        return self._edits != self._saved

    def _store(self) -> None:
        """Save what is not saved yet, and return when it is durable; called in a thread."""
        with self._turn:
            if not self.dirty or self._over:
                return
            edits = self._edits
            saved = api.drafts.save(
                self.vault, self.case_id, self.draft.type, self.typed(), self._draft_id, self.draft.based_on
            )
            self._draft_id = saved.id
            self._saved, self._at = edits, saved.saved_at

    def _look(self) -> None:
        if self.dirty and not self._saving and not self._over:
            self.work("saving the draft", self._save())
        elif self._counted != self._edits:
            self.work("counting", self._count(), group="counting")

    async def _save(self) -> None:
        self._saving = True
        try:
            await self.core(self._store)
        except VaultError as error:
            first = not self._problem
            self._problem = f"{i18n.from_core(error.message)} {i18n.from_core(error.advice)}"
            if first:
                self.notify(_("The draft could not be saved. It is tried again every second."), severity="error",
                            markup=False)  # fmt: skip
        else:
            self._problem = ""
        finally:
            self._saving = False
        self._show_state()

    async def _count(self) -> None:
        edits = self._edits
        counted = await self.core(count, self.main_text())
        hidden = await self.core(hidden_in, "".join(_texts(self.typed())))
        self._counted = edits
        # Whoever leaves does not wait for this: the line may be gone.
        for line in self.query("#count").results(Plain):
            line.say(replace(counted, hidden=hidden).told())

    def main_text(self) -> str:
        """Return the text whose length is shown."""
        return "\n".join(_texts(self.typed()))

    def _show_state(self) -> None:
        if self._over:
            told = ""
        elif self._problem and self.dirty:
            told = "✗ " + _("NOT SAVED: {problem}", problem=self._problem)
        elif self.dirty:
            told = _("not saved yet …")
        elif self._at is not None:
            told = "✓ " + _("saved {time}", time=self._at.astimezone().strftime("%H:%M:%S"))
        else:
            told = _("draft")
        for line in self.query("#state").results(Plain):
            line.set_class(bool(self._problem and self.dirty), "problem")
            line.say(told)

    # -- leaving ------------------------------------------------------------------------------------------------------

    def _ask(self, description: str, doing: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Leave, drop or sign, one at a time: a key that is pressed twice means it once."""
        if not self._asking:
            self._asking = True
            self.work(description, self._answered(doing()))

    async def _answered(self, doing: Coroutine[Any, Any, None]) -> None:
        try:
            await doing
        finally:
            self._asking = False

    def action_back(self) -> None:
        """Save, and go back."""
        self._ask("leaving the draft", self._leave)

    async def _leave(self) -> None:
        if self.dirty:
            try:
                await self.core(self._store)
            except VaultError as error:
                go = await self.app.push_screen_wait(
                    ConfirmDialog(
                        _("The draft is not saved"), i18n.from_core(error.message),
                        _("Leave and lose what is not saved"), i18n.from_core(error.advice),
                    )
                )  # fmt: skip
                if not go:
                    return
        if self._at is not None and not self.typed():
            await self.core(api.drafts.drop, self.vault, self._draft_id)
        self._close()

    def _close(self) -> None:
        self._over = True
        self.finish()

    def action_drop(self) -> None:
        """Throw the draft away, once that is confirmed."""
        self._ask("dropping the draft", self._drop)

    async def _drop(self) -> None:
        if self._at is None and not self.dirty:
            self._close()
            return
        kept = _("The signed versions stay as they are.") if self.draft.based_on else ""
        message = _("What is written here and not signed is deleted for good: {amount}.",
                    amount=count(self.main_text()).told())  # fmt: skip
        if await self.app.push_screen_wait(ConfirmDialog(_("Drop this draft?"), message, _("Drop the draft"), kept)):
            await self.core(self._forget)
            self._close()

    def _forget(self) -> None:
        with self._turn:
            self._over = True
            if self._draft_id:
                api.drafts.drop(self.vault, self._draft_id)

    # -- signing ------------------------------------------------------------------------------------------------------

    def action_sign(self) -> None:
        """Sign it, once it is known what that means."""
        self._ask("signing", self._sign)

    async def _sign(self) -> None:
        fields, before = self.typed(), {}
        if self.draft.based_on:
            before = (await self.core(api.records.show, self.vault, self._draft_id)).fields
        fixed = {name: before[name] for name in api.records.fixed(self.draft.type) & before.keys()}
        try:
            await self.core(self.schema.validate, fixed | fields)
        except RefusedError as error:
            self._refused(error)
            return
        pieces = None
        if self.draft.based_on:
            names = await self.core(names_in, self.vault, self.schema, before, fields)
            pieces = await self.core(compare_records, self.schema, before, fixed | fields, names)
            if all(piece.sign == " " for piece in pieces):
                raise RefusedError(
                    "This would change nothing: the newest version says the same.", "Nothing was signed."
                )
        why = await self.app.push_screen_wait(SignDialog(self.schema, fields, self.draft.based_on, pieces))
        if why is None:
            return
        try:
            await self.core(self._store)
            signed = await self.core(self._final, why)
        except RefusedError as error:
            self._refused(error)
            return
        # Before that is told: behind a dialog, too, nothing may stand that is no longer so.
        self.query_one(TitleBar).say(right=_("signed, version {number}", number=signed.version))
        self._show_state()
        await self.app.push_screen_wait(
            MessageDialog(
                _("Signed: version {version}", version=signed.version),
                _("SHA-256 {digest}", digest=_in_groups(signed.digest)),
                _("Entered in the custody log as entry {number}.", number=signed.entry),
            )
        )
        self._close()

    def _final(self, why: str) -> api.drafts.Signed:
        with self._turn:
            signed = api.drafts.sign(self.vault, self._draft_id, why)
            self._over = True
            return signed

    def _refused(self, error: RefusedError) -> None:
        """Show at the field what the core says about it; anything else as every error."""
        found = _NAMED.match(error.message)
        path = found[1] if found else ""
        field = self.schema.field(path) if path else None
        if field is None:
            self.evault.tell(error)
            return
        problem = f"{i18n.from_core(error.message)} {i18n.from_core(error.advice)}"
        self.notify(f"{field.label(language())}: {problem}", severity="warning", markup=False)
        self.say_wrong(path, problem)


def _in_groups(digest: str) -> str:
    return " ".join(digest[place : place + 8] for place in range(0, len(digest), 8))


def _texts(value: Json) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [value] if isinstance(value, str) else []
