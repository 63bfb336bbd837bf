"""What a verification or a check came to: the answer first, then the findings, then what was not checked."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button

from tui.base import Dialog
from tui.i18n import _, from_core, ngettext
from tui.telling import mark_of
from tui.text import one_line
from tui.widgets.plain import Heading, Plain, Quiet
from vault.model import Report, Severity

_MOST = 200


class FindingsDialog(Dialog[None]):
    """Shows a report.

    Args:
        title: What was looked at.
        report: What was found.
        good: The sentence for a report without an error.
    """

    def __init__(self, title: str, report: Report, good: str) -> None:
        super().__init__()
        self._title, self._report, self._good = title, report, good

    def compose(self) -> ComposeResult:
        """Lay it out."""
        report = self._report
        errors = sum(1 for one in report.findings if one.severity is Severity.ERROR)
        with Vertical(classes="dialog wide"):
            yield Heading(self._title)
            with VerticalScroll(classes="dialog-text", can_focus=True):
                if report.ok:
                    yield Plain(f"✓ {self._good}\n")
                else:
                    told = ngettext("{count} thing does not hold.", "{count} things do not hold.", errors)
                    yield Plain(f"✗ {told}\n", classes="problem")
                for one in report.findings[:_MOST]:
                    where = f" ({one_line(one.where)})" if one.where else ""
                    yield Plain(f"{mark_of(one)} {from_core(one.message)}{where}")
                if len(report.findings) > _MOST:
                    yield Plain(_("… and {count} more", count=len(report.findings) - _MOST))
                if report.not_checked:
                    yield Quiet("\n" + _("Not checked:"))
                    for told in report.not_checked:
                        yield Quiet(f"· {from_core(told)}")
            with Horizontal(classes="dialog-buttons"):
                yield Button(_("Close"), id="close")

    def on_mount(self) -> None:
        """Give the button the focus."""
        self.query_one("#close").focus()

    def on_button_pressed(self) -> None:
        """Close."""
        self.dismiss(None)
