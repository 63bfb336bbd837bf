"""The steps of a verification and what each of them found, until they become a `Report`."""

from __future__ import annotations

from typing import Final

from vault.jobs import Job
from vault.model import Finding, Report, Severity

CONTAINER: Final = "1 container"
LAYOUT: Final = "2 layout and names"
MANIFESTS: Final = "3 manifests"
SIGNATURE: Final = "4 signature"
DESCRIPTION: Final = "5 bundle description"
RECIPIENT: Final = "6 recipient"
RECORDS: Final = "7 records"
ATTACHMENTS: Final = "8 attachments"
CUSTODY: Final = "9 custody"
COPIES: Final = "10 readable copies"
NOTHING_ELSE: Final = "11 nothing else"

MAX_FINDINGS: Final = 1000
"""Further ones are only counted: a hostile bag must not make a report without end."""


class Findings:
    """Collects findings under the step that is being carried out.

    Args:
        job: Told of each step as it begins.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._findings: list[Finding] = []
        self._steps: list[str] = []
        self._not_checked: list[str] = []
        self._dropped = 0

    def begin(self, step: str) -> None:
        """Say which step is being carried out from here."""
        self._steps.append(step)
        self._job.begin_step(step, self.clean)

    def add(self, code: str, where: str, message: str, severity: Severity = Severity.ERROR) -> None:
        """Note a finding of the present step."""
        if len(self._findings) >= MAX_FINDINGS:
            self._dropped += 1
            return
        self._findings.append(Finding(self._steps[-1], code, severity, where, message))

    @property
    def clean(self) -> bool:
        """True when no error was noted so far."""
        return all(finding.severity is not Severity.ERROR for finding in self._findings)

    def skip(self, sentence: str) -> None:
        """Note what is not checked, as a plain sentence."""
        self._not_checked.append(sentence)

    def report(self) -> Report:
        """Return everything as a report."""
        findings = self._findings
        if self._dropped:
            message = f"There are {self._dropped} further findings."
            findings = [*findings, Finding(self._steps[-1], "more-findings", Severity.ERROR, "", message)]
        return Report(tuple(findings), tuple(self._steps), tuple(self._not_checked))
