"""A case line by line: its records, reading one, writing a testimony, attaching files."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tui import consenting, telling
from tui.i18n import _, language, listed, ngettext
from tui.linear import consent, exchange
from tui.linear.talk import Back, Talk
from tui.text import one_line
from vault import api
from vault.errors import VaultError
from vault.model import Attachment, Draft, Json, Record

_END = "."


def add(talk: Talk) -> None:
    """Begin a case."""
    title = talk.ask(
        _("A name that tells it from others, without anybody's real name: whoever opens the vault sees it.")
    )
    show(talk, api.cases.add(talk.open_vault, title.strip()).id)


def show(talk: Talk, case_id: str) -> None:
    """Offer what can be done with a case, until the person goes back."""
    vault = talk.open_vault
    while True:
        case = api.cases.get(vault, case_id)
        drafts = [one for one in api.drafts.page(vault) if one.case_id == case_id and one.type == "testimony"]
        options = [
            ("write", _("Write a new testimony")),
            *(
                (f"draft {one.id}", _("Go on with the draft") + f": {one_line(_first_line(one.fields), 40)}")
                for one in drafts
            ),
            ("read", ngettext("{count} record", "{count} records", case.record_count)),
            ("attach", _("Attach files")),
            ("seal", _("Seal")),
        ]
        chosen = talk.choose(f"{_('Case')}: {one_line(telling.case_title(case))}", options)
        if chosen is None:
            return
        try:
            if chosen == "write":
                write(talk, case_id)
            elif chosen == "read":
                records(talk, case_id)
            elif chosen == "attach":
                attach(talk, case_id)
            elif chosen == "seal":
                exchange.seal(talk, case_id)
            else:
                write(talk, case_id, next(one for one in drafts if one.id == chosen.removeprefix("draft ")))
        except Back:
            talk.say(_("Back"))
        except VaultError as error:
            talk.tell(error)


# -- reading -----------------------------------------------------------------------------------------------------------


def records(talk: Talk, case_id: str) -> None:
    """Let one record after the other be read."""
    while True:
        found = api.records.page(talk.open_vault, case_id)
        chosen = talk.choose(_("Records"), [(one.id, _line(talk, one)) for one in found])
        if chosen is None:
            return
        read(talk, chosen)


def read(talk: Talk, record_id: str) -> None:
    """Say all that a record says; looking at it is entered in the log."""
    record = api.records.show(talk.open_vault, record_id)
    talk.say("", _line(talk, record))
    if record.verdict:
        talk.say(_("received, {verdict}", verdict=exchange.verdict_word(record.verdict)))
    talk.say(telling.plain(_schema(talk, record.type), record.fields))
    if record.withheld:
        talk.say(_("The sender withheld a part of it."))
    schema = _schema(talk, record.type)
    if schema.field("consent") is not None and not record.verdict and not record.deleted:
        consent.change(talk, schema, record)


def _schema(talk: Talk, kind: str) -> api.Schema:
    return api.record_types.get(talk.open_vault, kind)


def _line(talk: Talk, record: Record) -> str:
    kind = _schema(talk, record.type).label(language())
    title = _("(deleted)") if record.deleted else one_line(record.title) or _("(without a title)")
    return f"{kind}: {title}"


# -- writing -----------------------------------------------------------------------------------------------------------


def _text(fields: dict[str, Json]) -> str:
    text = fields.get("statement", "")
    return text if isinstance(text, str) else ""


def _first_line(fields: dict[str, Json]) -> str:
    return _text(fields).lstrip().partition("\n")[0]


def write(talk: Talk, case_id: str, draft: Draft | None = None) -> None:
    """Take a testimony down line by line; each line is saved before the next can be typed."""
    vault = talk.open_vault
    fields: dict[str, Json] = dict(draft.fields) if draft else {}
    based_on = draft.based_on if draft else 0
    draft_id: str = draft.id if draft else ""
    if _text(fields):
        talk.say(_("What is there:"), _text(fields))
    talk.say(_("Write what the person says, word for word. Every line is saved, encrypted, when you press Enter. "
               "A line with only a full stop ends it."))  # fmt: skip
    while True:
        try:
            line = talk.ask(_("Line"))
        except Back:
            line = _END
        if line.strip() in (_END, "。"):
            break
        fields["statement"] = f"{_text(fields)}\n{line}" if _text(fields) else line
        saved = api.drafts.save(vault, case_id, "testimony", fields, draft_id, based_on)
        draft_id = saved.id
    if draft_id:
        _finish(talk, case_id, draft_id, fields)


def _finish(talk: Talk, case_id: str, draft_id: str, fields: dict[str, Json]) -> None:
    chosen = talk.choose(
        _("The testimony is saved as a draft."),
        [
            ("sign", _("Sign")),
            ("consent", _("Note what was agreed to")),
            ("read", _("Hear it again")),
            ("go", _("Go on")),
            ("drop", _("Drop the draft")),
        ],
        _("Keep it as a draft"),
    )
    match chosen:
        case "sign":
            _sign(talk, draft_id, fields)
        case "consent":
            noted = consent.ask(talk, _schema(talk, "testimony"), fields.get("consent"))
            fields = {name: value for name, value in fields.items() if name != "consent"}
            fields |= {"consent": noted} if noted else {}
            based_on = api.drafts.get(talk.open_vault, draft_id).based_on
            api.drafts.save(talk.open_vault, case_id, "testimony", fields, draft_id, based_on)
            _finish(talk, case_id, draft_id, fields)
        case "go":
            write(talk, case_id, api.drafts.get(talk.open_vault, draft_id))
        case "read":
            talk.say(_text(fields))
            _finish(talk, case_id, draft_id, fields)
        case "drop" if talk.agreed(_("1 draft is deleted for good. What was signed stays.")):
            api.drafts.drop(talk.open_vault, draft_id)


def _sign(talk: Talk, draft_id: str, fields: dict[str, Json]) -> None:
    leaves, stays = telling.leaving(_schema(talk, "testimony"), fields)
    talk.say(
        _("Signing makes it evidence: it never changes again, and it is entered in the custody log. A mistake is "
          "corrected by a new version beside it."),
    )  # fmt: skip
    if not fields.get("consent"):
        talk.say("! " + _(consenting.NO_CONSENT))
    if leaves:
        talk.say(_("Leaves by default when the case is sealed:") + " " + listed(leaves))
    if stays:
        talk.say(_("Stays here unless you name it:") + " " + listed(stays))
    if talk.agreed(_("Sign it now?")):
        signed = api.drafts.sign(talk.open_vault, draft_id)
        talk.say("✓ " + _("Signed: version {version}", version=signed.version))
        talk.say(_("Entered in the custody log as entry {number}.", number=signed.entry))
    else:
        talk.say(_("Nothing was signed."))


# -- files -------------------------------------------------------------------------------------------------------------


def attach(talk: Talk, case_id: str) -> None:
    """Take files in, one path after the other."""
    while True:
        typed = talk.ask(_("Path of the file; Enter alone ends it")).strip().strip("'\"")
        if not typed:
            return
        path = Path(typed).expanduser()
        try:
            taken = _taken(talk, case_id, path)
        except VaultError as error:
            talk.say("✗ " + _("not taken in"))
            talk.tell(error)
            continue
        talk.say("✓ " + _("taken in"), f"SHA-256 {taken.sha256}")


def _taken(talk: Talk, case_id: str, path: Path) -> Attachment:
    vault = talk.open_vault
    # As in the screens: when it is locked meanwhile, it is said afterwards that the file did not go in.
    with contextlib.suppress(VaultError):
        api.intake.note_begun(vault, case_id, 1)
    try:
        return talk.long(_("Taking in a file."), lambda job: api.intake.attach(vault, case_id, path, job, once=True))
    finally:
        with contextlib.suppress(VaultError):
            api.intake.note_ended(vault, case_id)
