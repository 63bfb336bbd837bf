"""One file of a case: what it shows, as far as a terminal can, and what is known of it."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll

from tui import attachments, belonging, places, writing_out
from tui.base import VaultScreen
from tui.dialogs.ask import AskDialog
from tui.dialogs.choose_files import ChooseFilesDialog
from tui.i18n import N_, _, from_core, language
from tui.measures import size
from tui.taking_in import begin
from tui.telling import VERDICTS, said, title_of, told
from tui.widgets.frame import TitleBar, below
from tui.widgets.picture import PictureView
from tui.widgets.plain import Plain
from tui.widgets.reading import Reading
from vault import api
from vault.errors import NotFoundError, RefusedError
from vault.model import Attachment, Json

_WIDE = 100
"""Columns from which the look and the facts stand beside each other."""
_SIDE = 1024
_TEXT_SIZE = 64 * 1024
"""Bytes of a text that are shown; the rest is kept, not shown."""
_ENCODINGS = ("utf-8-sig", "gb18030", "big5", "cp1251", "cp1252", "utf-16")
_GUESSED = _ENCODINGS[1:5]
_OWN_PLACE = ("facts", "sha256", "sha512", "size")


class AttachmentScreen(VaultScreen):
    """A file to be looked at.

    Args:
        attachment_id: The attachment.
    """

    HELP = N_(
        "What the file shows, as far as a terminal can, and what is known of it; F3 goes from one to the other. + and "
        "- go closer to a picture and farther from it, the arrow keys about in it. "
        "Looking at it is entered in the custody log. Nothing is written to the disk, and no other program opens it: "
        "pictures are decoded in a process that has no keys. m attaches a copy from which something was removed, for "
        "example a blurred face, and names this file as its source. b says to which person or record it belongs."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f3", "switch", N_("Facts"), tooltip=N_("Go from the look to what is known, and back")),
        Binding("e", "extract", N_("Extract")),
        Binding("m", "made_from", N_("Redacted copy"), tooltip=N_("Attach a copy that was made from this file")),
        Binding("b", "belongs", N_("Belongs to"), tooltip=N_("Say which person or record it belongs to")),
        Binding("c", "record", N_("Its record"), tooltip=N_("What is said of it, and the way to correct it")),
        Binding("t", "encoding", N_("Other letters"), tooltip=N_("Read an old text in another encoding")),
    ]
    DEFAULT_CSS = """
    AttachmentScreen #both { height: 1fr; padding: 1 2 0 2; }
    AttachmentScreen #look { width: 1fr; }
    AttachmentScreen #facts { width: 1fr; padding-left: 2; }
    AttachmentScreen #why { height: auto; padding: 1 2 0 2; color: $accent; }
    AttachmentScreen #known { height: auto; }
    AttachmentScreen.-narrow #facts { display: none; padding-left: 0; }
    AttachmentScreen.-narrow.-facts #facts { display: block; }
    AttachmentScreen.-narrow.-facts #look { display: none; }
    """

    def __init__(self, attachment_id: str) -> None:
        super().__init__()
        self._attachment_id = attachment_id
        self._one: Attachment | None = None
        self._start = b""
        self._encoding = 0

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield TitleBar(_("File"))
        yield Plain("", id="why", classes="hidden")
        with Horizontal(id="both"):
            with Vertical(id="look"):
                yield PictureView(id="picture", classes="hidden")
                with VerticalScroll(id="text", classes="hidden", can_focus=True):
                    yield Reading()
            with VerticalScroll(id="facts", can_focus=True):
                yield Reading(id="known")
        yield from below()

    def on_mount(self) -> None:
        """Show it."""
        self.work("showing a file", self._show(), group="file")

    def on_resize(self, event: events.Resize) -> None:
        """Put look and facts beside each other where there is room."""
        self.set_class(event.size.width < _WIDE, "-narrow")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer other letters for text alone."""
        return action != "encoding" or bool(self._start)

    # -- what it shows ------------------------------------------------------------------------------------------------

    async def _show(self) -> None:
        one = await self.core(api.intake.show, self.vault, self._attachment_id)
        self._one = one
        kind = "" if one.deleted else f"{attachments.kind_of(one)}, {size(one.size)}"
        self.query_one(TitleBar).say(attachments.name_of(one), kind)
        self.query_one("#known", Reading).say(await self._known(one))
        await self._look(one)

    async def _look(self, one: Attachment) -> None:
        if one.deleted:
            self._without(_("This file was deleted. That it was here, and why it went, is in the custody log."))
        elif not one.sha256:
            self._without(_("The sender told of this file, but did not send it."))
        elif one.media_type.startswith("text/") or one.media_type in ("application/xml", "application/json"):
            self._start = await self.core(api.looking.start, self.vault, self._attachment_id, _TEXT_SIZE)
            self._read(str(one.fields.get("facts", {}).get("text.encoding", "")))
            self.refresh_bindings()
        elif one.media_type.startswith("image/"):
            await self._picture()
        else:
            self._without(_("A file of this kind cannot be shown in a terminal. What is known of it is in the facts."))

    def _without(self, why: str) -> None:
        """Say why there is nothing to see, and show the facts at once."""
        self.query_one("#why", Plain).say(why)
        self.query_one("#why").remove_class("hidden")
        self.add_class("-facts")
        self.query_one("#facts").focus()

    async def _picture(self) -> None:
        try:
            picture = await self.core(api.looking.picture, self.vault, self._attachment_id, _SIDE)
        except NotFoundError:
            raise
        except RefusedError as error:
            self._without(f"{from_core(error.message)} {from_core(error.advice)}")
            return
        view = self.query_one(PictureView)
        view.remove_class("hidden")
        view.show(picture)
        view.focus()

    def _read(self, known: str = "") -> None:
        """Show the start as text, in the encoding that was found or chosen."""
        if known in ("utf-8-sig", "utf-16-le", "utf-16-be"):
            encoding = known
        elif known == "unknown":
            guess = next((name for name in _GUESSED if _fits(self._start, name)), _ENCODINGS[0])
            self._encoding = _ENCODINGS.index(guess)
            encoding = _ENCODINGS[self._encoding]
        else:
            encoding = _ENCODINGS[self._encoding]
        text = self._start.decode(encoding, "replace").lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        lines = []
        if known == "unknown" or self._encoding:
            lines.append(_("Read as {encoding}; t reads it otherwise.", encoding=encoding))
        if self._one is not None and self._one.size > len(self._start):
            lines.append(_("The first {size} of {all}.", size=size(len(self._start)), all=size(self._one.size)))
        self.query_one("#why", Plain).say(" ".join(lines))
        self.query_one("#why").set_class(not lines, "hidden")
        place = self.query_one("#text")
        place.remove_class("hidden")
        place.query_one(Reading).say(text)
        place.focus()

    # -- what is known ------------------------------------------------------------------------------------------------

    async def _known(self, one: Attachment) -> str:
        schema = api.schemas()["attachment"]
        names = await self.core(self._names, one)
        parts = []
        if one.origin:
            parts.append(_("Received: {verdict}, from {whom}.", verdict=_(VERDICTS.get(one.verdict, one.verdict)),
                           whom=one.origin))  # fmt: skip
        for field, value in said(schema, one.fields):
            if field.name in _OWN_PLACE:
                continue
            text = told(field, value)
            for found, name in names.items():
                text = text.replace(found, name)
            # Further lines stand in, so that none of theirs looks like one of ours.
            parts.append(f"{field.label(language())}: " + text.replace("\n", "\n    "))
        if not one.deleted:
            parts.append(f"SHA-256: {one.sha256}\nSHA-512: {one.sha512}" if one.sha256 else "")
            parts.append(self._inside(one.fields))
        return "\n\n".join(part for part in parts if part)

    @staticmethod
    def _inside(fields: dict[str, Json]) -> str:
        facts = fields.get("facts")
        if "facts" not in fields:
            return _("What lies inside the file about itself is not known here: the sender kept it back.")
        if not isinstance(facts, dict) or not facts:
            return _("Nothing was found inside the file about itself.")
        told = _("What the file says of itself; nobody checked it:")
        return "\n".join((told, *places.lines(facts)))

    def _names(self, one: Attachment) -> dict[str, str]:
        """Return id → title of the records and files that this one names."""
        found = {}
        for name in ("belongs_to", "derived_from"):
            value = one.fields.get(name)
            wanted = str(value.get("id", "")) if isinstance(value, dict) else ""
            if wanted:
                found[wanted] = title_of(self.vault, wanted)
        return found

    # -- what can be done ---------------------------------------------------------------------------------------------

    def action_switch(self) -> None:
        """Go from the look to the facts, and back."""
        self.toggle_class("-facts")
        if self.has_class("-facts"):
            self.query_one("#facts").focus()
        else:
            self.query_one("#picture" if self.query_one("#text").has_class("hidden") else "#text").focus()

    def action_encoding(self) -> None:
        """Read the text in the next encoding."""
        self._encoding = (self._encoding + 1) % len(_ENCODINGS)
        self._read()

    def action_extract(self) -> None:
        """Write it out, in clear."""
        if self._one is not None:
            self.work("extracting a file", writing_out.extract(self, self._one))

    def action_record(self) -> None:
        """Show what is said of it as a record: its versions, and the way to correct it."""
        from tui.screens.record import RecordScreen

        self.app.push_screen(RecordScreen(self._attachment_id))

    def action_belongs(self) -> None:
        """Say to whom or what it belongs."""
        if self._one is not None:
            self.work("saying what a file belongs to", self._give(self._one))

    async def _give(self, one: Attachment) -> None:
        if await belonging.give(self, one):
            await self._show()

    def action_made_from(self) -> None:
        """Attach a copy that was made from this file."""
        if self._one is not None:
            self.work("attaching a redacted copy", self._made_from(self._one))

    async def _made_from(self, one: Attachment) -> None:
        chosen = await self.app.push_screen_wait(
            ChooseFilesDialog(
                _("Which file was made from this one?"), "file", do=_("Go on"),
                notice=_("A copy from which something was removed with another program. This file stays as it is."),
            )
        )  # fmt: skip
        if not chosen:
            return
        changed = await self.app.push_screen_wait(
            AskDialog(
                _("What was changed?"),
                _("What was removed, by whom, with which program, and why. It can be withheld when you seal."),
                do=_("Attach"),
            )
        )
        if changed is None:
            return
        about = api.intake.About(derived_from=str(one.id), derivation=changed.strip())
        begin(self.evault, str(one.case_id), chosen, about)


def _fits(start: bytes, encoding: str) -> bool:
    """True when these bytes can be a text in this encoding; the last character may be cut."""
    try:
        start[: max(0, len(start) - 4) or len(start)].decode(encoding)
    except UnicodeDecodeError as error:
        return error.start > len(start) - 12 and len(start) > 12
    return True
