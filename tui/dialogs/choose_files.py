"""Choosing files, a folder or a new file's name on this computer; nothing is opened, started or changed by it.

```python
paths = await self.app.push_screen_wait(ChooseFilesDialog(_("Attach files")))
```
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar, Final, Literal

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, DataTable, Input

from tui import folders
from tui.base import Dialog
from tui.folders import FILE, FOLDER, HERE, UP, Entry
from tui.i18n import N_, _, ngettext
from tui.measures import size
from tui.widgets.file_list import FileList
from tui.widgets.keys_line import KeysLine
from tui.widgets.plain import Heading, Plain, Quiet, fitted

Mode = Literal["files", "file", "folder", "new"]

_MOST: Final = 400
"""Rows that are shown at once; typing finds the rest."""
_LONGEST: Final = 255
"""Bytes of a new name that every file system of today takes."""

_last: dict[bool, Path] = {}
"""Where this process chose last, of what goes in (False) and of what goes out (True): what leaves is never put beside
what was taken in without a thought. It is written down nowhere."""


class _Line(Input):
    """The line for a part of a name, or for a path; what is pasted goes to the dialog first."""

    def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()


class ChooseFilesDialog(Dialog[tuple[Path, ...] | None]):
    """Ends with absolute paths, or None. They exist, but for the mode ``"new"``, whose one path does not yet.

    Args:
        title: What it is for.
        mode: ``"files"``: one or many regular files. ``"file"``: one. ``"folder"``: one folder. ``"new"``: a name in
            a folder, taken by nothing yet.
        do: The word on the button; a count is added to it where many can be chosen.
        name: A suggested name, for the mode ``"new"``.
        start: The folder to begin with; else the one where such a thing was chosen last, else the home folder.
        notice: A remark, for example what is about to happen; may be empty.
        pasted: What was pasted or dropped before it was there; taken as if it came now.
    """

    HELP = N_(
        "Arrow keys and Enter go through the folders; Space marks several files, also in several folders. Type a part "
        "of a name to find it. A whole path can be typed or pasted into the line, and files can be dropped on the "
        "window. F4 goes on to the next usual place: your own folders, then sticks and cards."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f3", "hidden", N_("Hidden ones")),
        Binding("f4", "place", N_("Other places")),
        Binding("f5", "order", N_("Newest first")),
        Binding("down", "to_list", show=False),
    ]
    DEFAULT_CSS = """
    ChooseFilesDialog .chooser { width: 96%; max-width: 140; height: 96%; background: $surface; padding: 1 2 0 2; }
    ChooseFilesDialog DataTable { background: $surface; }
    ChooseFilesDialog DataTable > .datatable--header { background: $surface; }
    ChooseFilesDialog .dialog-buttons { margin-top: 0; }
    ChooseFilesDialog Plain { max-height: 2; }
    """

    def __init__(
        self, title: str, mode: Mode = "files", *, do: str = "", name: str = "", start: Path | None = None,
        notice: str = "", pasted: str = "",
    ) -> None:  # fmt: skip
        super().__init__()
        self._title, self._mode, self._name, self._notice, self._given = title, mode, name, notice, pasted
        self._do = do or {"folder": _("Take this folder"), "new": _("Take this name")}.get(mode) or _("Take")
        self._goes_out = mode in ("folder", "new")
        self._folder = start or _last.get(self._goes_out) or Path.home()
        self._entries: list[Entry] = []
        self._rows: list[Entry] = []
        self._marked: dict[Path, int] = {}
        self._hidden = False
        self._newest = False
        self._place = 0
        self._found: Path | None = None

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="chooser"):
            yield Heading(self._title)
            if self._notice:
                yield Plain(self._notice, classes="notice")
            yield Plain("", id="where")
            yield _Line(
                self._name, id="line", select_on_focus=False,
                placeholder=_("Name of the new file") if self._mode == "new" else _("Part of a name, or a whole path"),
            )  # fmt: skip
            yield FileList(id="list", cursor_type="row")
            yield Quiet("", id="told")
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Cancel"), id="cancel")
                yield Button(Text(self._do), id="do", variant="primary")
        yield KeysLine()

    def on_mount(self) -> None:
        """Show the first folder."""
        self.query_one("#line" if self._mode == "new" else "#list").focus()
        self.work("listing a folder", self._begin(), group="folder")

    async def _begin(self) -> None:
        await self._list(self._folder)
        if self._given:
            await self._pasted(self._given)

    # -- the list -----------------------------------------------------------------------------------------------------

    def _go(self, folder: Path) -> None:
        self.work("listing a folder", self._list(folder), group="folder")

    async def _list(self, folder: Path) -> None:
        came_from = self._folder
        try:
            entries = await self.core(folders.listed, folder)
        except (OSError, ValueError):
            self._tell(_("This folder cannot be read."))
            if not self._entries and folder != Path.home():
                await self._list(Path.home())
            return
        if self._mode == "folder":
            entries = [one for one in entries if one.kind == FOLDER]
        self._folder, self._entries = folder, entries
        if self._mode != "new":
            # What comes next is said of the list: on the line, Space would be a part of a name.
            self.query_one(_Line).clear()
            self.query_one(FileList).focus()
        self._fill(came_from if came_from.parent == folder else None)

    def _fill(self, at: Path | None = None) -> None:
        """Show what matches the line; the cursor goes to `at`, else to the first entry."""
        typed = self.query_one(_Line).value
        part = "" if self._mode == "new" or folders.looks_like_path(typed) else typed.strip().casefold()
        found = [
            one for one in self._entries if part in one.name.casefold() and (self._hidden or part or not one.hidden)
        ]
        if self._newest:
            found.sort(key=lambda one: (one.kind != FOLDER, -one.changed))
        fixed = [Entry(self._folder, HERE, 0, 0.0, False)] if self._mode == "folder" else []
        if self._folder.parent != self._folder:
            fixed.append(Entry(self._folder.parent, UP, 0, 0.0, False))
        self._rows = [*fixed, *found[:_MOST]]
        paths = [one.path for one in self._rows]
        cursor = paths.index(at) if at in paths else len(fixed) if found else 0
        self.query_one(FileList).fill(self._rows, self._marked, cursor)
        self.query_one("#where", Plain).say(fitted(str(self._folder), 2 * max(20, self.size.width - 12)))
        if len(found) > _MOST:
            self._tell(_("{shown} of {all} are shown. Type a part of the name.", shown=_MOST, all=len(found)))
        else:
            self._count()

    def _tell(self, text: str) -> None:
        self.query_one("#told", Quiet).say(text)

    def _count(self) -> None:
        """Say how many are marked, on the button too."""
        count = len(self._marked)
        if self._mode == "files" and count:
            amount = size(sum(self._marked.values()))
            self._tell(ngettext("{count} file marked, {size}", "{count} files marked, {size}", count, size=amount))
        else:
            self._tell(_("Space marks, Enter opens or takes.") if self._mode == "files" else "")
        self.query_one("#do", Button).label = Text(f"{self._do} ({count})" if count else self._do)

    @property
    def _current(self) -> Entry | None:
        row = self.query_one(FileList).cursor_row
        return self._rows[row] if 0 <= row < len(self._rows) else None

    # -- keys ---------------------------------------------------------------------------------------------------------

    @on(FileList.Done)
    def _done(self, event: FileList.Done) -> None:
        line, one = self.query_one(_Line), self._current
        if event.what == "type":
            line.focus()
            line.insert_text_at_cursor(event.character)
        elif event.what == "back":
            if line.value and self._mode != "new":
                line.value = line.value[:-1]
            else:
                self._go(self._folder.parent)
        elif event.what == "all":
            self._mark([entry for entry in self._rows if entry.kind == FILE], also=True)
        elif one is not None and event.what == "mark":
            self._mark([one])
        elif one is not None:
            self._enter(one)

    @on(DataTable.RowSelected)
    def _clicked(self) -> None:
        one = self._current
        if one is None:
            return
        if one.kind in (FOLDER, UP):
            self._go(one.path)
        elif self._mode == "files":
            self._mark([one])
        elif self._mode == "new":
            self.query_one(_Line).value = one.name

    def _mark(self, wanted: list[Entry], *, also: bool = False) -> None:
        """Mark files, or the one that is marked not any more; `also`: those that are marked stay so."""
        if self._mode != "files":
            return
        table = self.query_one(FileList)
        for one in wanted:
            if one.kind != FILE:
                self._tell(_("Only files can be marked."))
                return
            if one.path in self._marked and not also:
                del self._marked[one.path]
            else:
                self._marked[one.path] = one.size
            row = next(place for place, entry in enumerate(self._rows) if entry.path == one.path)
            table.tick(row, one.path in self._marked)
        if len(wanted) == 1:
            table.move_cursor(row=table.cursor_row + 1)
        self._count()

    def _enter(self, one: Entry) -> None:
        if one.kind in (FOLDER, UP):
            self._go(one.path)
        elif one.kind == HERE:
            self._end((self._folder,))
        elif self._mode == "new":
            self.query_one(_Line).value = one.name
            self._tell(_("This exists already. Choose another name."))
        elif one.kind == FILE and self._marked and self._part:
            self._add(one)
        elif one.kind == FILE:
            self._end(tuple(self._marked) or (one.path,))
        else:
            self._tell(_("This is not a file that can be taken in."))

    @property
    def _part(self) -> str:
        """The part of a name that is typed, or an empty text."""
        typed = self.query_one(_Line).value.strip()
        return "" if self._mode == "new" or folders.looks_like_path(typed) else typed

    def _add(self, one: Entry) -> None:
        """Mark what was found by typing beside what is marked, and show the whole folder again."""
        self._marked[one.path] = one.size
        self._found = one.path
        self.query_one(_Line).clear()
        self.query_one(FileList).focus()

    def action_to_list(self) -> None:
        """Go from the line to the list."""
        self.query_one(FileList).focus()

    def action_hidden(self) -> None:
        """Show hidden files and folders, or not any more."""
        self._hidden = not self._hidden
        self._fill()

    def action_order(self) -> None:
        """Put the newest first, or go by name again."""
        self._newest = not self._newest
        self._fill()

    def action_place(self) -> None:
        """Go on to the next usual place."""
        self.work("looking for places", self._to_place(), group="folder")

    async def _to_place(self) -> None:
        found = await self.core(folders.places)
        if found:
            place = found.index(self._folder) + 1 if self._folder in found else 0
            await self._list(found[place % len(found)])

    def action_cancel(self) -> None:
        """Empty the line where it finds names, else answer with nothing."""
        line = self.query_one(_Line)
        if self._mode != "new" and line.value:
            line.clear()
            self.query_one(FileList).focus()
        else:
            self.dismiss(None)

    def on_resize(self) -> None:
        """Use the new width."""
        self.call_after_refresh(self._fill, self._current.path if self._current else None)

    # -- the line -----------------------------------------------------------------------------------------------------

    @on(Input.Changed)
    def _typed(self) -> None:
        if self._mode != "new":
            self._fill(self._found)
            self._found = None

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self._answer()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer, or not."""
        if event.button.id == "cancel":
            self.dismiss(None)
        elif self._marked and self._part:
            self._end(tuple(self._marked))  # As many as the button says.
        else:
            self._answer()

    def _answer(self) -> None:
        """Take what the line says, else what is marked, else what the cursor is on."""
        typed = self.query_one(_Line).value
        one = self._current
        if self._mode == "new" or folders.looks_like_path(typed):
            self.work("looking at a path", self._take(typed), group="folder")
        elif self._marked and not self._part:
            self._end(tuple(self._marked))
        elif self._mode == "folder" and not typed.strip():
            self._end((self._folder,))
        elif one is not None and (not typed.strip() or sum(entry.kind in (FILE, FOLDER) for entry in self._rows) == 1):
            self._enter(one if not typed.strip() else self._rows[-1])
        else:
            self.query_one(FileList).focus()

    async def _take(self, typed: str) -> None:
        """Go to a typed folder, or end with a typed file."""
        path = folders.to_path(typed.strip() if self._mode != "new" else typed, self._folder) if typed.strip() else None
        kind = await self.core(folders.kind_at, path) if path else ""
        if path is None:
            self._tell(_("Type a name first."))
        elif kind == FOLDER:
            await self._list(path.absolute())
        elif self._mode == "new":
            await self._take_new(path, kind)
        elif self._mode != "folder" and kind == FILE:
            self._end(tuple(dict.fromkeys((*self._marked, path))))
        else:
            self._tell(_("There is no file of that name that can be taken.") if kind else _("There is nothing there."))

    async def _take_new(self, path: Path, kind: str) -> None:
        if kind:
            self._tell(_("This exists already. Choose another name."))
        elif len(os.fsencode(path.name)) > _LONGEST:
            self._tell(_("This name is too long."))
        elif await self.core(folders.kind_at, path.parent) != FOLDER:
            self._tell(_("The folder of this path does not exist."))
        else:
            self._end((path,))

    def on_paste(self, event: events.Paste) -> None:
        """Take pasted or dropped paths; other text goes into the line."""
        event.stop()
        self.work("looking at what was pasted", self._pasted(event.text), group="pasted")

    async def _pasted(self, text: str) -> None:
        found = await self.core(folders.pasted, text, self._folder)
        kinds = {path: await self.core(folders.kind_at, path) for path in found}
        files = [path for path in found if kinds[path] == FILE]
        if self._mode == "files" and files:
            for path in files:
                self._marked[path] = await self.core(folders.size_of, path)
            await self._list(files[-1].parent)
            self._fill(files[-1])
        elif self._mode == "file" and len(files) == 1:
            self._end((files[0],))
        elif len(found) == 1 and kinds[found[0]] == FOLDER:
            await self._list(found[0])
        elif found and self._mode != "new":
            self._tell(_("This is not what is needed here."))
        else:
            self.query_one(_Line).focus()
            self.query_one(_Line).insert_text_at_cursor((text.splitlines() or [""])[0])

    def _end(self, paths: tuple[Path, ...]) -> None:
        _last[self._goes_out] = self._folder
        self.dismiss(tuple(path.absolute() for path in paths))
