"""The custody log's words for people: what happened, to what, how it ended."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, Final

from tui.i18n import N_, _, listed
from tui.telling import VERDICTS

EVENTS: Final[Mapping[str, str]] = {
    "creation": N_("made"),
    "modification": N_("changed"),
    "ingestion": N_("taken in"),
    "displaying": N_("looked at"),
    "replication": N_("written out"),
    "dissemination": N_("sealed for somebody"),
    "deletion": N_("deleted"),
    "message digest calculation": N_("compared with what was taken in"),
    "fixity check": N_("checked"),
    "validation": N_("checked"),
    "redaction": N_("shortened or made unrecognisable"),
    "encryption": N_("encrypted"),
    "digital signature validation": N_("signature checked"),
}
"""PREMIS event names, and what they are called here."""

KINDS: Final[Mapping[str, str]] = {
    "record": N_("record"),
    "attachment": N_("file"),
    "case": N_("case"),
    "contact": N_("contact"),
    "bundle": N_("bundle"),
    "vault": N_("this vault"),
    "backup": N_("backup"),
}

RESULTS: Final[Mapping[str, str]] = {
    "success": "",
    "failure": N_("it failed"),
    "intent": N_("begun: it may have left"),
}

SLOTS: Final[Mapping[str, str]] = {
    "object": N_("What"),
    "type": N_("Event"),
    "time": N_("Time (this computer's claim)"),
    "agent": N_("By"),
    "software": N_("Program"),
    "purpose": N_("Why"),
    "location": N_("Where"),
    "transfer": N_("Handed over"),
    "digests": N_("Digests"),
    "outcome": N_("Outcome"),
    "change": N_("Changed"),
    "related": N_("Belongs to"),
}
"""The slots of an entry, in the order in which they are shown."""


MEMBERS: Final[Mapping[str, str]] = {
    "utc": N_("UTC"),
    "clock": N_("clock"),
    "key": N_("key"),
    "role": N_("role"),
    "name": N_("name"),
    "version": N_("version"),
    "why": N_("why"),
    "authority": N_("on whose authority"),
    "class": N_("kind of place"),
    "id": N_("called"),
    "from": N_("from"),
    "to": N_("to"),
    "before": N_("before"),
    "after": N_("after"),
    "what": N_("what"),
    "justification": N_("reason"),
}
"""The members of the slots."""

REMARKS: Final = (
    N_("a new vault was made"),
    N_("a damaged copy of the keys was written anew"),
    N_("backup"),
    N_("checkpoint written out"),
    N_("contact card"),
    N_("content received in a bundle"),
    N_("fingerprint compared"),
    N_("fingerprint compared over another channel"),
    N_("for a received bundle"),
    N_("newer card of the same key"),
    N_("passphrase changed"),
    N_("passphrase set with recovery shares"),
    N_("received"),
    N_("received again, the signer being established"),
    N_("received in a bundle"),
    N_("recovery shares were made"),
    N_("renamed"),
    N_("restored from a backup"),
    N_("taken in"),
    N_("vault key rotated"),
    N_("outside the vault, encrypted"),
    N_("outside the vault, in clear"),
    N_("outside this device, encrypted"),
    N_("recovery slot of the key file"),
    N_("passphrase slot of the key file"),
    N_("vault key, all slots of the key file, encryption of the whole store"),
    N_("copy {0} of the key file"),
    N_("generation {0}"),
    N_("proof of entry {0} written out"),
    N_("the {0} identity was written out"),
    N_("version {0}"),
    N_("local clock, not checked"),
    N_("custodian"),
)
"""What this program writes into the log of itself, as it stands there for good; translated where it is shown."""
_SLOT: Final = re.compile(r"\{(\d)\}")


@functools.cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return how to recognise the remarks that something is filled into: a number or one word, never a sentence."""
    filled = (one for one in REMARKS if _SLOT.search(one))
    return tuple((re.compile(r"(\w+)".join(map(re.escape, _SLOT.split(one)[::2]))), one) for one in filled)


def remark(text: str) -> str:
    """Return a remark of this program in the language in use; what a person wrote stays as it is."""
    if text in REMARKS:
        return _(text)
    if text in VERDICTS:
        return _(VERDICTS[text])
    for pattern, one in _patterns():
        if found := pattern.fullmatch(text):
            return _(one).replace("{0}", found[1])
    parts = text.split(", ")
    told = [remark(part) for part in parts] if len(parts) > 1 else parts
    # The marks of a list are ours only where every part is: what a person wrote keeps its own.
    return ", ".join(told) if any(one == part for one, part in zip(told, parts, strict=True)) else listed(told)


def remark_word(event: Mapping[str, Any]) -> str:
    """Return why it happened, where that is noted."""
    return remark(str(event.get("purpose", {}).get("why", "")))


def event_word(event: Mapping[str, Any]) -> str:
    """Return what happened."""
    kind = str(event.get("type", ""))
    return _(EVENTS[kind]) if kind in EVENTS else kind


def kind_word(event: Mapping[str, Any]) -> str:
    """Return what kind of thing it happened to."""
    kind = str(event.get("object", {}).get("kind", ""))
    return _(KINDS[kind]) if kind in KINDS else kind


def result_word(event: Mapping[str, Any]) -> str:
    """Return how it ended; empty where all went well."""
    result = str(event.get("outcome", {}).get("result", ""))
    return _(RESULTS.get(result, result))
