"""Files that were going in when the vault was closed, in words; for the screens and for the linear mode."""

from __future__ import annotations

from collections.abc import Sequence

from tui.i18n import _, ngettext
from tui.telling import case_title
from tui.text import one_line
from vault import api


def told(left: Sequence[api.intake.Unfinished]) -> tuple[str, str, str]:
    """Return a title, what became of the files of each case, and what to do next."""
    advice = _("Nothing half is left. To go on, attach the same files once more: what is in already is left out.")
    return _("Files were going in when the vault was closed"), "\n".join(map(_line, left)), advice


def _line(one: api.intake.Unfinished) -> str:
    name, rest = one_line(case_title(one.case)), one.count - one.taken
    if rest:
        return _("{case}: {taken} of {count} files went in, {rest} did not.",
                 case=name, taken=one.taken, count=one.count, rest=rest)  # fmt: skip
    return ngettext("{case}: the {count} file went in.", "{case}: all {count} files went in.", one.count, case=name)
