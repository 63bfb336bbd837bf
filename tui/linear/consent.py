"""What a person agrees to, asked line by line; what was not answered is not noted, and not noted means not agreed."""

from __future__ import annotations

from typing import Final

from tui import dates, telling
from tui.i18n import _, language
from tui.linear.talk import Talk
from vault import api
from vault.model import Json, Record

_TAKEN_BACK: Final = frozenset({"withdrawn_on", "withdrawn_how"})
_OF_OTHERS: Final = frozenset({"agreed_by_name", "why_not_self"})
"""Asked only when somebody else agreed."""
_ASKED: Final = frozenset({"choice", "boolean-unknown", "date", "line", "text"})


def ask(talk: Talk, schema: api.Schema, before: Json = None) -> dict[str, Json]:
    """Ask for each thing, and return the group as a record holds it.

    Args:
        talk: The conversation.
        schema: The type `testimony`.
        before: What is noted already; Enter alone keeps it.
    """
    noted: dict[str, Json] = dict(before) if isinstance(before, dict) else {}
    group = schema.field("consent")
    talk.say(group.hint(language()) if group else "")
    for field in group.fields if group else ():
        if field.name in _TAKEN_BACK or field.kind not in _ASKED:
            continue
        if field.name in _OF_OTHERS and noted.get("agreed_by") in (None, "self"):
            continue
        answer = _field(talk, field, noted.get(field.name))
        noted.pop(field.name, None)
        if answer:
            noted[field.name] = answer
    return noted


def _field(talk: Talk, field: api.Field, before: Json) -> Json:
    label, hint = field.label(language()), field.hint(language())
    if hint:
        talk.say("", hint)
    if field.kind == "choice" and field.repeat:
        return _several(talk, field, before)
    if field.kind in ("choice", "boolean-unknown"):
        options = [(term.code, term.label(language())) for term in field.vocabulary]
        options = options or [("yes", _("yes")), ("no", _("no")), ("unknown", _("not known"))]
        told = f"{label} ({telling.told(field, before)})" if before else label
        return talk.choose(told, options, _("Leave it as it is")) or before
    told = dates.told(before) if field.kind == "date" else str(before or "")
    typed = talk.ask(f"{label} ({told})" if told else label).strip()
    if not typed:
        return before
    if field.kind != "date":
        return typed
    value, precision = dates.read(typed)
    return {"value": value, "precision": precision, "qualifier": "exact"}


def _several(talk: Talk, field: api.Field, before: Json) -> Json:
    """Let any number be marked, one number at a time."""
    chosen = list(map(str, before)) if isinstance(before, list) else []
    while True:
        options = [
            (term.code, f"{'✓' if term.code in chosen else '–'} {term.label(language())}") for term in field.vocabulary
        ]
        talk.say("", _("Each number marks one, or takes its mark away."))
        code = talk.choose(field.label(language()), options, _("Done"))
        if code is None:
            return [term.code for term in field.vocabulary if term.code in chosen] or None
        if code in chosen:
            chosen.remove(code)
        else:
            chosen.append(code)


def change(talk: Talk, schema: api.Schema, record: Record) -> None:
    """Offer to note the consent anew, or that it was taken back; either is a correction, a new signed version."""
    before = record.fields.get("consent")
    talk.say("", _("Consent"))
    options = [("note", _("Note what was agreed to")), ("back", _("It was taken back"))]
    chosen = talk.choose(_("Consent"), options)
    if chosen is None:
        return
    if chosen == "note":
        noted = {name: value for name, value in ask(talk, schema, before).items() if name not in _TAKEN_BACK}
    else:
        noted = dict(before) if isinstance(before, dict) else {}
        how = talk.ask(_("Who took it back, when, and how")).strip()
        noted["withdrawn_how"] = how or _("not said")
        talk.say(_("From now on this testimony and its files do not leave. Whoever has it keeps it: see who got it "
                   "under the bundles of the case, and ask them."))  # fmt: skip
    if not talk.agreed(_("Sign this as a new version?")):
        talk.say(_("Nothing was signed."))
        return
    fields = api.records.correctable(record) | {"consent": noted}
    if not noted:
        fields.pop("consent")
    signed = api.records.correct(talk.open_vault, record.id, fields, _("consent"))
    talk.say("✓ " + _("Signed: version {version}", version=signed.versions[-1].version))
