"""Making recovery shares, one after the other, each to another place; and rehearsing them."""

from __future__ import annotations

from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input

from tui.base import VaultScreen
from tui.dialogs.choose import ChooseDialog
from tui.dialogs.choose_files import ChooseFilesDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.message import MessageDialog
from tui.dialogs.new_passphrase import NewPassphraseDialog
from tui.dialogs.share_words import AskBackDialog, ShowWordsDialog
from tui.gathering import rehearse, tell
from tui.i18n import N_, _, ngettext
from tui.widgets.frame import TitleBar, below
from tui.widgets.plain import Heading, Plain
from vault import api
from vault.errors import RefusedError, VaultError
from vault.model import Secret


class SharesScreen(VaultScreen):
    """Makes a set of shares; nothing is changed before the last one is out.

    Args:
        first_run: It is the last step of making a vault, and may be put off.
    """

    HELP = N_(
        "Shares open the vault when the passphrase is lost or its keeper is gone. Give each to another person or "
        "place: one alone opens nothing and tells nothing. On paper they last longest. At the end, rehearse: bring "
        "as many as are needed together and see that they open the vault."
    )

    def __init__(self, *, first_run: bool = False) -> None:
        super().__init__()
        self._first_run = first_run
        self._folders: list[Path] = []
        self._passphrases: list[Secret] = []
        self._trustees: set[str] = set()

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield TitleBar(_("Recovery shares"), _("a new vault") if self._first_run else "")
        with VerticalScroll(classes="content", can_focus=False), Vertical(classes="form"):
            yield Heading(_("Step 3 of 3: recovery shares") if self._first_run else _("Make recovery shares"))
            yield Plain(
                _("If the passphrase is forgotten, only shares open the vault. Each one goes to another person or "
                  "place that you trust; a single one opens nothing.")
            )  # fmt: skip
            yield Plain("", id="older", classes="notice hidden")
            yield Plain(_("How many shares are made"), classes="label")
            yield Input("3", id="count", type="integer")
            yield Plain(_("How many of them are needed to open the vault"), classes="label")
            yield Input("2", id="needed", type="integer")
            yield Plain("", id="done")
            with Horizontal(classes="buttons"):
                yield Button(_("Make the shares"), id="make", variant="primary")
                if self._first_run:
                    yield Button(_("Not now"), id="skip")
        yield from below()

    def on_mount(self) -> None:
        """Say whether there are shares already."""
        self.query_one("#make").focus()
        if api.recovery.has_shares(self.vault):
            older = self.query_one("#older", Plain)
            older.say(_("! There are shares already. New ones end them for this vault and its next backups."))
            older.remove_class("hidden")

    @on(Button.Pressed, "#skip")
    def action_back(self) -> None:
        """Go back; in the first run only after a plain warning."""
        if self._first_run:
            self.work("putting the shares off", self._put_off())
        else:
            super().action_back()

    async def _put_off(self) -> None:
        agreed = await self.app.push_screen_wait(
            ConfirmDialog(
                _("Go on without recovery shares?"),
                _("Without shares, a forgotten passphrase means that all that is in the vault is lost. Nobody can help "
                  "then."),
                _("Go on without"),
                _("You can make them later: k on the list of cases, then s."),
            )
        )  # fmt: skip
        if agreed:
            self.finish()

    # -- making -------------------------------------------------------------------------------------------------------

    @on(Input.Submitted)
    def _to_button(self) -> None:
        self.query_one("#make").focus()

    @on(Button.Pressed, "#make")
    def _start(self) -> None:
        self.work("making recovery shares", self._make())

    async def _make(self) -> None:
        typed = [self.query_one(name, Input).value for name in ("#count", "#needed")]
        if not all(one.isdecimal() and len(one) <= 2 for one in typed):
            raise RefusedError("These are no numbers of shares.", "Usual are 3 shares, of which 2 are needed.")
        count, needed = map(int, typed)
        public_key, shares = await self.core(api.recovery.prepare, needed, count)
        if api.recovery.has_shares(self.vault) and not await self.app.push_screen_wait(
            ConfirmDialog(
                _("End the older shares?"),
                _("When the last new share is out, the shares made before open only older copies and backups of this "
                  "vault. Collect and destroy them if you can."),
                _("Make new ones"),
            )
        ):  # fmt: skip
            return
        self._folders, self._passphrases, self._trustees = [], [], set()
        done: list[str] = []
        for share in shares:
            told = await self._hand_out(share, count)
            if told is None:
                self.query_one("#done", Plain).say("")
                return
            done.append(f"✓ {told}")
            self.query_one("#done", Plain).say("\n".join(done))
        await self.core(api.recovery.commit, self.vault, public_key)
        self.query_one("#older").add_class("hidden")
        await self._offer_rehearsal(needed, count)

    async def _offer_rehearsal(self, needed: int, count: int) -> None:
        chosen = await self.app.push_screen_wait(
            ChooseDialog(
                _("✓ The shares are made: any {needed} of {count} open the vault", needed=needed, count=count),
                [("now", _("Rehearse now: bring {needed} of them back", needed=needed)), ("later", _("Later"))],
                help_text=_("A rehearsal shows that they open this vault. It changes nothing."),
            )
        )
        if chosen == ["now"]:
            await rehearse(self)
        self.finish()

    # -- one share ----------------------------------------------------------------------------------------------------

    async def _hand_out(self, share: api.Share, count: int) -> str | None:
        """Get one share to its place, and return where that is; None when the person stops."""
        while True:
            chosen = await self.app.push_screen_wait(
                ChooseDialog(
                    _("Share {number} of {count}", number=share.index, count=count),
                    [
                        ("paper", _("Show its words, to be written on paper")),
                        ("file", _("Write a file with a passphrase of its own")),
                        ("trustee", _("Write a file that only one of your contacts can open")),
                    ],
                )
            )
            if not chosen:
                if await self._stops(share.index - 1):
                    return None
                continue
            try:
                if chosen == ["paper"]:
                    told = await self._on_paper(share, count)
                else:
                    told = await self._in_file(share, count, for_trustee=chosen == ["trustee"])
            except VaultError as error:
                await tell(self, error)
                continue
            if told:
                return told

    async def _stops(self, made: int) -> bool:
        message = ngettext(
            "Nothing is changed. The {count} share that is out already opens nothing; destroy it.",
            "Nothing is changed. The {count} shares that are out already open nothing; destroy them.",
            made,
        )
        if not made:
            message = _("Nothing is changed.")
        asked = ConfirmDialog(_("Stop making shares?"), message, _("Stop making shares"))
        agreed: bool = await self.app.push_screen_wait(asked)
        return agreed

    async def _on_paper(self, share: api.Share, count: int) -> str:
        title = _("Share {number} of {count}, set {set}", number=share.index, count=count, set=share.set_id)
        remark = _("Write these 33 words on paper with their numbers. They are shown only now.")
        while await self.app.push_screen_wait(ShowWordsDialog(share, title, remark, _("Written down"))):
            if await self.app.push_screen_wait(AskBackDialog(share)):
                return _("Share {number}: on paper", number=share.index)
        return ""

    async def _in_file(self, share: api.Share, count: int, *, for_trustee: bool) -> str:
        protection: Secret | str | None
        if for_trustee:
            trustee = await self._trustee()
            if trustee is None:
                return ""
            name, protection = trustee
        paths = await self.app.push_screen_wait(
            ChooseFilesDialog(
                _("Where share {number} goes", number=share.index), "new",
                name=f"share-{share.index}-of-{count}-set-{share.set_id}.age",
                notice=_("Another stick or disk for each share; never two in one folder."),
            )
        )  # fmt: skip
        if not paths:
            return ""
        folder = paths[0].parent
        self.vault.refuse_inside(folder, "The share")
        await self.core(api.recovery.refuse_one_folder, [*self._folders, folder])
        if not for_trustee:
            protection = await self.app.push_screen_wait(
                NewPassphraseDialog(
                    _("A passphrase for share {number} alone", number=share.index),
                    _("Not that of the vault. Whoever keeps the share needs it; never put it beside the file."),
                )
            )
            if protection is None:
                return ""
            api.recovery.refuse_same_passphrase(protection, self._passphrases)
        await self.core(api.recovery.write_share, share, paths[0], protection)
        self._folders.append(folder)
        if isinstance(protection, Secret):
            self._passphrases.append(protection)
        if for_trustee:
            self._trustees.add(name)
            return _("Share {number}: {file}, for {name}", number=share.index, file=paths[0], name=name)
        return _("Share {number}: {file}", number=share.index, file=paths[0])

    async def _trustee(self) -> tuple[str, str] | None:
        """Return name and key of a contact who holds no share of this set yet; None when nobody is chosen."""
        people = [
            one for one in await self.core(api.contacts.page, self.vault)
            if one.recipients and one.name not in self._trustees
        ]  # fmt: skip
        if not people:
            await self.app.push_screen_wait(
                MessageDialog(
                    _("There is nobody"),
                    _("No contact is left who holds no share yet."),
                    _("Add contacts with c on the list of cases, or choose another way."),
                )
            )
            return None
        chosen = await self.app.push_screen_wait(
            ChooseDialog(
                _("Who keeps this share?"),
                [
                    # In front: a name could end in such words.
                    (one.id, (_("✓ verified") if one.verified else _("✗ not verified")) + f"  {one.name}")
                    for one in people
                ],
                help_text=_("They open the file with their own key; you cannot."),
            )
        )
        if not chosen:
            return None
        one = next(one for one in people if one.id == chosen[0])
        best = next((text for text in one.recipients if text.startswith("age1pq1")), one.recipients[0])
        return one.name, best
