"""The process that shows the screens and holds the open vault; it ends when the vault is locked.

Started by `tui.supervisor` with a pipe for its last words and its options. Its memory goes with it: leaving is always
`os._exit`, so that nothing waits for a thread that is still working.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn


def main() -> int:
    """Run the screens; does not return but by a failure to start."""
    from vault.api import harden

    harden()
    from tui import i18n
    from tui.supervisor import EXIT_OURS, Options

    notes = _pipe(int(sys.argv[2]))
    options = Options(**json.loads(sys.argv[3]))
    i18n.use(options.language)

    def leave(code: int, note: dict[str, Any]) -> NoReturn:
        with contextlib.suppress(OSError, ValueError):
            os.write(notes, json.dumps(note).encode())
        os._exit(code)

    try:
        if options.linear:
            from tui.linear.run import run

            run(Path(options.folder), options, leave)
        from tui.app import VaultApp

        app = VaultApp(Path(options.folder), options, leave)
        app.run()
        leave(app.return_code or 0, app.last_words())
    except Exception as error:  # noqa: BLE001 - told by the parent, in a sentence without content
        from tui.crash import report

        leave(EXIT_OURS, {"report": report(error)})


def _pipe(handle: int) -> int:
    if sys.platform == "win32":
        import msvcrt

        return msvcrt.open_osfhandle(handle, os.O_WRONLY)
    os.set_inheritable(handle, False)
    return handle
