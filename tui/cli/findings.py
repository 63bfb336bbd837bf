"""Findings of a verification, as JSON objects and as lines for people."""

from __future__ import annotations

from tui.cli.context import Result
from tui.text import one_line
from vault.model import Finding


def findings_of(findings: tuple[Finding, ...]) -> list[Result]:
    """Return findings as JSON objects."""
    return [
        {
            "step": one.step,
            "code": one.code,
            "severity": one.severity.value,
            "where": one.where,
            "message": one.message,
        }
        for one in findings
    ]


def finding_lines(findings: tuple[Finding, ...]) -> list[str]:
    """Return findings as lines for people."""
    return [
        f"{one.severity.value.upper()} in step {one.step}: {one.message} ({one_line(one.where)}) [{one.code}]"
        for one in findings
    ]
