"""What the log says that the store must hold, gathered while the log is verified, and the findings of a check."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from vault import verdicts
from vault.model import Finding, Json, Severity, Verdict

STEPS: Final = ("1 key file", "2 store", "3 contents", "4 log", "5 records", "6 contacts and bundles", "7 anchors")

_MADE: Final = ("creation", "modification", "ingestion")
_HELD: Final = re.compile(r"\Aversion [0-9]+, ([0-9]+) disclosed, ")


@dataclass
class State:
    """What the log says the store must hold, and the findings.

    Attributes:
        signed: Record id → digests of the versions that were signed or received.
        received: Record id → the sender's fingerprint when it first came, and the weakest verdict it came with.
        disclosed: Digest of a version that was received → how many disclosures of it are held.
        contents: Record id → digest of the content that was received with it.
        deleted: Ids of deleted records.
        contact: Contact id → digest of its last state.
        cases: Ids of cases that were opened.
        sent: Id of a bundle that left or may have left → digest of the file, empty while only the intent is known.
        taken: Id, in the log, of a bundle that was taken in → its verdict.
        types: Id of a record type that was added → digest of its last version.
        begun: Event and object → number of the last intent, as long as nothing says how it ended.
    """

    findings: list[Finding] = field(default_factory=list)
    signed: dict[str, set[str]] = field(default_factory=dict)
    received: dict[str, tuple[str, str]] = field(default_factory=dict)
    disclosed: dict[str, int] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    contact: dict[str, str] = field(default_factory=dict)
    cases: set[str] = field(default_factory=set)
    sent: dict[str, str] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    begun: dict[tuple[str, str], int] = field(default_factory=dict)

    def say(self, step: int, code: str, where: str, message: str, severity: Severity = Severity.ERROR) -> None:
        """Add a finding of a step, the first one being 1."""
        self.findings.append(Finding(STEPS[step - 1], code, severity, where, message))

    def note(self, number: int, object_id: str, event: dict[str, Json]) -> None:
        """Take down what an entry of the log says about the state of the store."""
        act, kind, digests, outcome = (
            event["type"],
            event["object"]["kind"],
            event.get("digests", {}),
            event["outcome"],
        )
        self._note_intent(number, (act, object_id), outcome["result"])
        if kind == "bundle":
            self._note_bundle(object_id, act, outcome, digests)
        elif outcome["result"] != "success":
            return
        elif kind == "record type":
            self.types[object_id] = digests["after"]
        elif kind == "case":
            self.cases.add(object_id)
        elif kind == "contact":
            if act in _MADE and "after" in digests:
                self.contact[object_id] = digests["after"]
            elif act == "deletion":
                self.contact.pop(object_id, None)
        elif kind not in ("record", "attachment"):
            return
        elif act == "deletion":
            self.deleted.add(object_id)
        elif act == verdicts.EVENT and object_id in self.received:
            self.received[object_id] = (self.received[object_id][0], outcome.get("detail", ""))
        elif act == "message digest calculation":
            self.contents[object_id] = digests.get("after", "")
        elif act in _MADE and "after" in digests:
            self.signed.setdefault(object_id, set()).add(digests["after"])
            if held := _HELD.search(outcome.get("detail", "")):
                self.disclosed[digests["after"]] = int(held[1])
            if "transfer" in event:
                verdict = outcome.get("detail", "").rpartition(", ")[2]
                origin, before = self.received.get(object_id, (event["transfer"].get("from", ""), verdict))
                self.received[object_id] = (origin, verdict if verdict == Verdict.INTACT else before)

    def _note_intent(self, number: int, act: tuple[str, str], result: str) -> None:
        before = self.begun.pop(act, None)
        if result == "intent":
            self.begun[act] = number
            if before is not None:
                self.say_begun(before)

    def say_begun(self, number: int) -> None:
        """Say that an intent was left alone: no fault of the store, but something for the holder to know."""
        self.say(4, "may-have-left", str(number), "The log says that this was begun, and not how it ended: what was to "
                 "leave may have left.", Severity.WARNING)  # fmt: skip

    def _note_bundle(self, bundle_id: str, act: str, outcome: dict[str, str], digests: dict[str, str]) -> None:
        # A bundle of this vault that comes back keeps its id: what left and what came are told apart by the act.
        if act == "ingestion":
            self.taken[bundle_id] = outcome.get("detail", "").partition(", ")[0]
        elif act == verdicts.EVENT:
            self.taken[bundle_id] = outcome.get("detail", "")
        elif outcome["result"] == "intent":
            self.sent[bundle_id] = ""
        elif outcome["result"] == "failure":
            self.sent.pop(bundle_id, None)
        else:
            self.sent[bundle_id] = digests.get("after", "")
