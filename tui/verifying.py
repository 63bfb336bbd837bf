"""The verification of a bundle in words: its numbered steps while they turn, its verdict, what was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tui.i18n import N_, _, from_core, listed, ngettext
from tui.measures import size
from tui.telling import is_replay, mark_of
from tui.text import one_line, shown
from tui.widgets import wrapping
from vault import api
from vault.jobs import Job
from vault.model import Report, Severity, Verdict

STEPS: Final = (
    N_("It can be read to its end"),
    N_("Every file in it has its place"),
    N_("Every file is the one that was listed"),
    N_("The signature holds"),
    N_("The description fits what is in it"),
    N_("It was made for this vault"),
    N_("Each record is as it was signed"),
    N_("Each file is the one its record describes"),
    N_("The entries are proved by the sender's log"),
    N_("The readable copies say the same"),
    N_("Nothing else is in it"),
    N_("Who signed it, and what came before"),
)
"""What the numbered steps of the core stand for."""

_KEPT_AS: Final = (N_("verified"), N_("intact"), N_("failed"))
"""What sentences of the core say that a bundle is kept as."""
_WHILE_READING: Final = {1, 2}
_MOST: Final = 100
_QUOTED: Final = 60
"""Cells of a quoted row; it stays whole on the smallest terminal that is shown on."""


@dataclass(eq=False, slots=True)
class Turning:
    """Which steps were begun and held, told by the working thread.

    Attributes:
        begun: Numbers of the steps that began, in their order.
        wrong: Numbers of those that found something wrong.
        again: Numbers of those that found the very same bundle here.
        ended: Nothing turns any more.
    """

    begun: list[int] = field(default_factory=list)
    wrong: set[int] = field(default_factory=set)
    again: set[int] = field(default_factory=set)
    ended: bool = False

    def watch(self, job: Job) -> Job:
        """Return the job, told to tell of its steps."""
        job.on_step = self._begins
        return job

    def _begins(self, step: str, sound: bool) -> None:
        if not sound and not self.wrong and self.begun:
            self.wrong.add(self.begun[-1])
        self.begun.append(_number(step))

    def end(self, report: Report | None) -> None:
        """Take over what was found; without a report, the step that was going on went wrong."""
        self.ended = True
        if report is not None:
            self.begun = [_number(step) for step in report.steps]
            self.again = {_number(one.step) for one in report.findings if is_replay(one)}
            errors = (one for one in report.findings if one.severity is Severity.ERROR and not is_replay(one))
            self.wrong = {_number(one.step) for one in errors}
        elif self._now == _WHILE_READING:
            self.begun, self.wrong = [1], {1}
        else:
            self.wrong |= self._now

    @property
    def _now(self) -> set[int]:
        """The steps that are being carried out: the first two while the file is read."""
        last = self.begun[-1:]
        return _WHILE_READING if set(last) & _WHILE_READING else set(last)

    def lines(self) -> list[str]:
        """Return one line for each step."""
        return [f"{self._mark(number)} {number:>2} {_(told)}" for number, told in enumerate(STEPS, 1)]

    def _mark(self, number: int) -> str:
        if number in self.wrong:
            return "✗"
        if number in self.again:
            return "="
        if number not in self.begun:
            return "–" if self.ended else " "
        return "…" if number in self._now and not self.ended else "✓"


def _number(step: str) -> int:
    return int(step.split(" ", 1)[0])


def verdict(opened: api.receiving.Opened) -> tuple[str, str]:
    """Return in a line what it came to, and what that means."""
    if opened.verdict is Verdict.VERIFIED:
        who = _("signed by {name}, a verified contact", name=one_line(opened.signer_name, 60))
        if not opened.signer_name:
            who = _("signed by the key that you were told of")
        return _("✓ VERIFIED: intact, and {who}.", who=who), _("You can take it in.")
    if opened.verdict is Verdict.INTACT:
        return (
            _("! INTACT, but whose key signed it is not established."),
            _("Nothing was changed since it was signed. Anybody can sign: compare fingerprints with the sender over "
              "another way before you rely on it."),
        )  # fmt: skip
    if opened.contents is None:
        return (
            _("✗ FAILED: do not rely on it."),
            _("Nothing of it is shown, and nothing was kept. Ask the sender for it again, over another way."),
        )
    if opened.case_id:
        return _("= It was received before."), _("Nothing needs to be done.")
    return (
        _("✗ It is intact, but it contradicts what came before."),
        _("Ask the sender about it. If you take it in, it is kept as failed, beside what came before."),
    )


def told(opened: api.receiving.Opened) -> list[str]:
    """Return the lines between the verdict and the steps: what was found, who signed, what it holds."""
    lines: list[str] = []
    for one in opened.report.findings[:_MOST]:
        where = f" ({one_line(one.where)})" if one.where and one.where != "bundle" else ""
        lines.append(f"{mark_of(one)} {from_core(one.message)}{where}")
    if len(opened.report.findings) > _MOST:
        lines.append(_("… and {count} more", count=len(opened.report.findings) - _MOST))
    if lines:
        lines.append("")
    if opened.signer:
        lines += [_("Fingerprint of the key that signed it:"), f"  {opened.signer}", f"  {opened.signer_words}"]
        if opened.contact:
            name = one_line(opened.contact, 60)
            lines.append(_("It is that of your contact {name}, with whom nobody compared it yet.", name=name))
        lines.append("")
    if opened.contents is not None and opened.verdict is not Verdict.FAILED:
        lines += [*_holds(opened.contents), _("What for, as the sender says:")]
        lines += [*(_quoted(opened.purpose) if opened.purpose else [f"  {_('(not said)')}"]), ""]
    return lines


def _quoted(text: str) -> list[str]:
    """Return a text of theirs as rows that are marked as such, so that none can look like a line of ours."""
    lines = [shown(line) for line in text.split("\n")]
    return [f"  > {row}" for line in lines for row in wrapping.rows(line, wrapping.breaks(line, _QUOTED))]


def _holds(contents: api.receiving.Contents) -> list[str]:
    records = ngettext("{count} record", "{count} records", contents.records)
    files = ngettext("{count} file", "{count} files", contents.files)
    when = contents.sealed_at.astimezone().strftime("%Y-%m-%d %H:%M")
    return [
        _("It holds {records}, {files} ({size}).", records=records, files=files, size=size(contents.size)),
        _("Sealed {time}, as the sender says; number {number} for you.", time=when, number=contents.number),
    ]


def taken_in(opened: api.receiving.Opened) -> str:
    """Return in words how much was taken in: records and files by themselves."""
    records = opened.taken - opened.taken_files
    words = [ngettext("{count} record", "{count} records", records)]
    if opened.taken_files:
        words.append(ngettext("{count} file", "{count} files", opened.taken_files))
    return _("Taken in: {amount}.", amount=listed(words))


def not_checked(opened: api.receiving.Opened) -> list[str]:
    """Return what the verification says nothing about."""
    return [_("Not checked:"), *(f"  · {from_core(sentence)}" for sentence in opened.report.not_checked)]
