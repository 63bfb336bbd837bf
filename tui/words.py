"""The custody log's words for people: what happened, to what, how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tui.i18n import N_, _

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
