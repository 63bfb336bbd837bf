"""What a person agreed to, in words for people: on the seal, in plain lines and for the commands.

Not noted means not agreed. The program does not know who a recipient is: it says what was agreed to, and a person
judges.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from tui import telling
from tui.i18n import N_, _, language, ngettext
from vault import api

NO_CONSENT = N_(
    "No consent is noted. Ask the person what they agree to, once they understand the risks; it can be added by a "
    "correction."
)
_AGAINST: Final = {
    "missing": N_("no consent is noted"),
    "withdrawn": N_("consent was taken back: it does not leave"),
    "no-use": N_("nothing was agreed to that leaves this vault"),
    "risks": N_("it is not noted that the risks were explained"),
    "name": N_("their name leaves, and that was not agreed to"),
    "due": N_("the day on which to ask again is past"),
}
"""By the words of the core; translated where they are shown."""
_SHOWN: Final = (
    "uses",
    "name_use",
    "likeness",
    "conditions",
    "agreed_by",
    "agreed_by_name",
    "agreed_on",
    "ask_again_on",
)
"""What of a consent is said before a seal, in this order."""


def speaks_against(part: api.sealing.Part) -> list[str]:
    """Return in words what speaks against letting it leave; nothing for what asks for no consent."""
    found = part.consent.speaks_against if part.consent else ()
    return [_(_AGAINST[one]) if one in _AGAINST else one for one in found]


def brief(part: api.sealing.Part) -> str:
    """Return the same in a few words, for a column."""
    found = part.consent.speaks_against if part.consent else ()
    if not found:
        return ""
    return {"missing": _("no consent noted"), "withdrawn": _("consent taken back")}.get(found[0], _("consent in doubt"))


def doubtful(parts: Iterable[api.sealing.Part]) -> list[api.sealing.Part]:
    """Return the parts against whose leaving something speaks."""
    return [part for part in parts if part.consent and part.consent.speaks_against]


def told(part: api.sealing.Part) -> list[str]:
    """Return lines about a part's consent: what speaks against its leaving, then what was agreed to."""
    if part.consent is None:
        return []
    lines = ["! " + _("Consent: {what}.", what=one) for one in speaks_against(part)]
    for name in _SHOWN:
        field = part.kind.field(f"consent.{name}") if part.kind else None
        if field is not None and name in part.consent.said:
            words = telling.told(field, part.consent.said[name]).replace("\n", ", ")
            lines.append(_("{label}: {value}", label=field.label(language()), value=words))
    return lines


def counted(parts: Sequence[api.sealing.Part]) -> str:
    """Return in one sentence for how many of these things consent is in doubt; empty when for none."""
    many = len(doubtful(parts))
    if not many:
        return ""
    return ngettext(
        "For {count} thing that would leave, consent is missing or does not cover it.",
        "For {count} things that would leave, consent is missing or does not cover them.",
        many,
    )
