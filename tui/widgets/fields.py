"""The fields of a form, one class for each way of filling one in; `form` puts them together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input

from tui import dates, places
from tui.i18n import _, language
from tui.widgets.choice import Choice, Options
from tui.widgets.editor import Editor
from tui.widgets.plain import Plain, Quiet
from vault import api
from vault.model import Json


@dataclass(frozen=True, slots=True)
class Around:
    """What a field needs to know of its surroundings.

    Attributes:
        records: Returns id and title of the records that can be referred to.
        attachments: The same of the attachments.
    """

    records: Callable[[], Awaitable[Options]]
    attachments: Callable[[], Awaitable[Options]]


class Box(Vertical):
    """A field with its label, its help while it has the focus, and what is wrong with it.

    Args:
        field: What it is.
        value: What it holds; None when it is empty.
        around: Its surroundings.
        bare: Without a label: it is one of several.
    """

    DEFAULT_CSS = """
    Box { height: auto; margin-bottom: 1; }
    Box > .field-label { height: auto; color: $foreground; }
    Box > .field-help { display: none; height: auto; }
    Box:focus-within > .field-help { display: block; }
    Box > .field-problem { display: none; height: auto; color: $error; text-style: bold; }
    Box.-wrong > .field-problem { display: block; }
    Box.bare { margin-bottom: 0; }
    """

    class Removed(Message):
        """A repeated field became one shorter, or longer."""

    def __init__(self, field: api.Field, value: Json, around: Around, *, bare: bool = False) -> None:
        super().__init__(classes="bare" if bare else "")
        self.field, self.around, self._bare = field, around, bare
        self._given = value

    def compose(self) -> ComposeResult:
        """Lay it out."""
        if not self._bare:
            yield Plain(label(self.field) + (" *" if self.field.required else ""), classes="field-label")
        yield from self.inputs()
        hint = "" if self._bare else self.field.hint(language())
        if hint:
            yield Quiet(hint, classes="field-help")
        yield Plain("", classes="field-problem")

    def inputs(self) -> ComposeResult:
        """Yield what the person fills in."""
        yield from ()

    def read(self) -> Json:
        """Return what it holds now, None when it is empty; it may be anything while it is a draft."""
        return self._given

    def say_problem(self, path: list[str], problem: str) -> None:
        """Show what is wrong at the field that a path leads to, and go there."""
        del path
        self.query_one(".field-problem", Plain).say(f"✗ {problem}" if problem else "")
        self.set_class(bool(problem), "-wrong")
        if problem:
            inner = next((child for child in self.walk_children(Widget) if child.can_focus), None)
            (inner or self).scroll_visible()
            if inner is not None:
                inner.focus()


def label(field: api.Field) -> str:
    """Return a field's name and whether it leaves when a bundle is sealed."""
    name = field.label(language())
    if field.kind == "group" and not field.shareable:
        return name
    marks = {"shareable": _("leaves"), "linked": _("leaves if both do"), "protected": _("stays")}
    return f"{name} · {marks[field.disclosure]}"


class LineBox(Box):
    """A line, a language tag or a number."""

    def inputs(self) -> ComposeResult:
        """Yield the line."""
        text = "" if self._given is None else str(self._given)
        placeholder = "zh-Hans, ug-Arab, bo, kk, en" if self.field.kind == "language" else "…"
        yield Input(text, compact=True, placeholder=placeholder, select_on_focus=False)

    def read(self) -> Json:
        """Return the line; of a number the number, if it is one."""
        text = self.query_one(Input).value
        if self.field.kind == "integer" and text.strip().removeprefix("-").isdecimal() and len(text) < 20:
            return int(text)
        return (text.strip() if self.field.kind != "line" else text) or None


class TextBox(Box):
    """A longer text; or lines, each of which is one of several."""

    def inputs(self) -> ComposeResult:
        """Yield the text."""
        given = self._given
        if self.field.repeat:
            yield Quiet(_("One on each line"), classes="field-help")
            given = "\n".join(map(str, given)) if isinstance(given, list) else given
        yield Editor("" if given is None else str(given), classes="small", placeholder="…")

    def read(self) -> Json:
        """Return the text, or the list of lines."""
        text = self.query_one(Editor).text
        if not self.field.repeat:
            return text or None
        return [line for line in text.split("\n") if line.strip()] or (self._given if self._given == [] else None)


class ChoiceBox(Box):
    """One or several codes of a vocabulary; yes, no or unknown."""

    def inputs(self) -> ComposeResult:
        """Yield the choice."""
        if self.field.kind == "boolean-unknown":
            options = [("yes", _("yes")), ("no", _("no")), ("unknown", _("not known"))]
        else:
            options = [(term.code, term.label(language())) for term in self.field.vocabulary]
        given = self._given if isinstance(self._given, list) else [] if self._given is None else [str(self._given)]
        yield Choice(self.field.label(language()), options, list(map(str, given)), many=self.field.repeat)

    def read(self) -> Json:
        """Return the code, or the codes."""
        chosen = list(self.query_one(Choice).chosen)
        return (chosen or None) if self.field.repeat else (chosen[0] if chosen else None)


class DateBox(Box):
    """A date as exactly as it is known, what kind of claim it is, its zone, and the words in which it was said."""

    DEFAULT_CSS = """
    DateBox Horizontal { height: 1; }
    DateBox Input { width: 1fr; }
    DateBox Choice { width: 16; height: 1; }
    DateBox .more { display: none; }
    DateBox:focus-within .more { display: block; }
    DateBox.-filled .more { display: block; }
    """

    def inputs(self) -> ComposeResult:
        """Yield the date's parts."""
        given = self._given if isinstance(self._given, dict) else {}
        self.set_class(bool(given.get("zone") or given.get("text")), "-filled")
        kinds = [
            ("exact", _("exact")), ("estimated", _("about")), ("before", _("before")), ("after", _("after")),
        ]  # fmt: skip
        with Horizontal():
            yield Input(
                dates.told(given), compact=True, classes="value", placeholder=_("2018, 2018-02, 2018-02-03 14:05")
            )
            yield Choice(_("How exact"), kinds, [str(given.get("qualifier") or "exact")], may_be_empty=False)
        with Horizontal(classes="more"):
            yield Input(
                str(given.get("zone") or ""), compact=True, classes="zone", placeholder=_("zone: +08:00, Asia/Urumqi")
            )
        with Horizontal(classes="more"):
            yield Input(
                str(given.get("text") or ""), compact=True, classes="words", placeholder=_("in the person's words")
            )

    def read(self) -> Json:
        """Return the date."""
        typed, zone, words = (self.query_one(f".{name}", Input).value for name in ("value", "zone", "words"))
        if not (typed.strip() or zone.strip() or words.strip()):
            return None
        value, precision = dates.read(typed)
        found: dict[str, Json] = {
            "value": value, "precision": precision, "qualifier": self.query_one(Choice).code or "exact",
        }  # fmt: skip
        return found | ({"zone": zone.strip()} if zone.strip() else {}) | ({"text": words} if words.strip() else {})


class ReferenceBox(Box):
    """One or several records or attachments of the case."""

    def inputs(self) -> ComposeResult:
        """Yield the choice."""
        given = self._given if isinstance(self._given, list) else [self._given]
        self._known = {str(one["id"]): one for one in given if isinstance(one, dict) and "id" in one}
        offer = self.around.records if self.field.kind == "record" else self.around.attachments
        shown = {code: _("a record of this vault") for code in self._known}
        yield Choice(
            self.field.label(language()), offer, list(self._known), many=self.field.repeat, labels=shown,
        )  # fmt: skip

    def on_mount(self) -> None:
        """Look up what the records are called."""
        if self._known:
            self.call_after_refresh(self._name_them)

    async def _name_them(self) -> None:
        offer = self.around.records if self.field.kind == "record" else self.around.attachments
        self.query_one(Choice).learn(dict(await offer()))

    def read(self) -> Json:
        """Return the references; one that was there before keeps its digest."""
        found = [self._known.get(code, {"id": code}) for code in self.query_one(Choice).chosen]
        return (found or None) if self.field.repeat else (found[0] if found else None)


class FactsBox(Box):
    """What was found inside a file; nobody fills it in."""

    def inputs(self) -> ComposeResult:
        """Yield what there is."""
        given = self._given if isinstance(self._given, dict) else {}
        yield Plain("\n".join(places.lines(given)))


class GroupBox(Box):
    """Fields that belong together."""

    DEFAULT_CSS = """
    GroupBox > .group { height: auto; border-left: outer $panel; padding-left: 1; }
    GroupBox > .group Box { margin-bottom: 0; }
    """

    def inputs(self) -> ComposeResult:
        """Yield the fields."""
        given = self._given if isinstance(self._given, dict) else {}
        with Vertical(classes="group"):
            for field in self.field.fields:
                yield box(field, given.get(field.name), self.around)

    def _boxes(self) -> list[Box]:
        return [child for child in self.query_one(".group").children if isinstance(child, Box)]

    def read(self) -> Json:
        """Return what is filled in."""
        return read_all(self._boxes(), self._given) or None

    def say_problem(self, path: list[str], problem: str) -> None:
        """Show what is wrong at the field that a path leads to."""
        inner = next((one for one in self._boxes() if path and one.field.name == path[0]), None)
        if inner is None:
            super().say_problem(path, problem)
        else:
            inner.say_problem(path[1:], problem)


class RepeatBox(Box):
    """Several of a kind; one is added and taken away with a button."""

    DEFAULT_CSS = """
    RepeatBox > .items { height: auto; }
    RepeatBox .item { height: auto; margin-bottom: 1; }
    RepeatBox Button { min-width: 8; }
    """
    single: ClassVar[str] = "item"

    def inputs(self) -> ComposeResult:
        """Yield what there is, and the button for one more."""
        given = self._given if isinstance(self._given, list) else []
        with Vertical(classes="items"):
            for value in given:
                yield self._item(value)
        yield Button(Text("+ " + self.field.label(language())), classes="add", compact=True)

    def _item(self, value: Json) -> Vertical:
        kind = _KINDS.get(self.field.kind, LineBox)
        remove = Button(_("− Remove"), classes="remove", compact=True)
        return Vertical(kind(self.field, value, self.around, bare=True), remove, classes=self.single)

    def _boxes(self) -> list[Box]:
        return [
            child for item in self.query_one(".items").children for child in item.children if isinstance(child, Box)
        ]

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        """Add one, or take one away."""
        event.stop()
        if event.button.has_class("add"):
            item = self._item(None)
            await self.query_one(".items").mount(item)
            first = next((child for child in item.walk_children(Widget) if child.can_focus), None)
            if first is not None:
                first.focus()
        elif isinstance(event.button.parent, Widget):
            await event.button.parent.remove()
        self.post_message(self.Removed())

    def read(self) -> Json:
        """Return the list."""
        found = [value for one in self._boxes() if (value := one.read()) is not None]
        return found or (self._given if self._given == [] else None)

    def say_problem(self, path: list[str], problem: str) -> None:
        """Show what is wrong at the one that a path leads to; empty ones are not counted in a record."""
        filled = [one for one in self._boxes() if one.read() is not None]
        if path and path[0].isdecimal() and int(path[0]) < len(filled):
            filled[int(path[0])].say_problem(path[1:], problem)
        else:
            super().say_problem(path, problem)


_KINDS: dict[str, type[Box]] = {
    "text": TextBox, "line": LineBox, "integer": LineBox, "language": LineBox, "boolean-unknown": ChoiceBox,
    "choice": ChoiceBox, "date": DateBox, "record": ReferenceBox, "attachment": ReferenceBox, "facts": FactsBox,
    "group": GroupBox,
}  # fmt: skip
_SEVERAL: dict[str, type[Box]] = {
    "line": TextBox, "language": TextBox, "choice": ChoiceBox, "record": ReferenceBox, "attachment": ReferenceBox,
}  # fmt: skip


def box(field: api.Field, value: Json, around: Around) -> Box:
    """Return what fills a field in."""
    kind = _SEVERAL.get(field.kind, RepeatBox) if field.repeat else _KINDS[field.kind]
    return kind(field, value, around)


def read_all(boxes: list[Box], given: Json) -> dict[str, Json]:
    """Return what the fields hold by name; members that no field knows stay as they were given."""
    known = {one.field.name for one in boxes}
    kept = {name: value for name, value in given.items() if name not in known} if isinstance(given, dict) else {}
    return kept | {one.field.name: value for one in boxes if (value := one.read()) is not None}
