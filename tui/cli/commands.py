"""Which function runs a command."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from tui.cli import bundles, demo, evidence, keys, opening, people, proofs, records, schemas, whole
from tui.cli.context import Context, Result

Command = Callable[[Context], Result]

_TABLE: dict[tuple[str, str], Command] = {
    ("init", ""): keys.init,
    ("phrase", ""): keys.phrase,
    ("passwd", ""): keys.passwd,
    ("rekey", ""): keys.rekey,
    ("recovery", "make"): keys.recovery_make,
    ("recovery", "check"): keys.recovery_check,
    ("recovery", "use"): keys.recovery_use,
    ("identity", "show"): people.identity_show,
    ("identity", "card"): people.identity_card,
    ("identity", "export"): people.identity_export,
    ("contact", "add"): people.contact_add,
    ("contact", "list"): people.contact_list,
    ("contact", "verify"): people.contact_verify,
    ("contact", "rename"): people.contact_rename,
    ("contact", "remove"): people.contact_remove,
    ("case", "add"): evidence.case_add,
    ("case", "list"): evidence.case_list,
    ("case", "show"): evidence.case_show,
    ("testimony", "add"): records.testimony_add,
    ("record", "add"): records.record_add,
    ("record", "correct"): records.record_correct,
    ("record", "list"): records.record_list,
    ("record", "show"): records.record_show,
    ("record", "delete"): records.record_delete,
    ("schema", "add"): schemas.schema_add,
    ("schema", "list"): schemas.schema_list,
    ("schema", "show"): schemas.schema_show,
    ("search", ""): evidence.search,
    ("attach", ""): evidence.attach,
    ("attachment", "list"): evidence.attachment_list,
    ("attachment", "show"): evidence.attachment_show,
    ("extract", ""): evidence.extract,
    ("seal", ""): bundles.seal,
    ("reveal", ""): bundles.reveal,
    ("open", ""): opening.open_bundle,
    ("receive", ""): opening.receive,
    ("verify", ""): proofs.verify,
    ("log", "show"): whole.log_show,
    ("log", "verify"): whole.log_verify,
    ("log", "checkpoint"): whole.log_checkpoint,
    ("log", "prove"): whole.log_prove,
    ("check", ""): whole.check,
    ("backup", ""): whole.backup,
    ("restore", ""): whole.restore,
    ("demo", ""): demo.demo,
}


def find(arguments: argparse.Namespace) -> Command:
    """Return the function of a parsed command line."""
    return _TABLE[arguments.command, getattr(arguments, "part", None) or ""]
