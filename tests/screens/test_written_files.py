"""During a whole session at the screens nothing is written but the vault's own three files and the terminal."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

_CALL = re.compile(r"\b(openat|open|creat|mkdir|mkdirat|rename|renameat2?|link|linkat|symlink|symlinkat)\((.*)")
_PATH = re.compile(r'"((?:[^"\\]|\\.)*)"')


def _written(trace: Path) -> set[str]:
    """Return the paths that were made, renamed to, or opened for writing, as the system calls name them."""
    found = set()
    for file in trace.parent.glob(trace.name + "*"):
        for line in file.read_text(errors="replace").splitlines():
            call = _CALL.search(line)
            if call is None or " = -1 " in line:
                continue
            name, rest = call.groups()
            paths = _PATH.findall(rest)
            opens = name in ("openat", "open")
            if opens and not re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE", rest):
                continue
            found |= set(paths[-1:])
    return found


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_session_writes_nothing_outside_the_vault(terminal, vault, tmp_path):
    vault.close()
    trace = tmp_path / "trace"
    one = terminal()
    script = tmp_path / "run.sh"
    root = Path(__file__).resolve().parents[2]
    script.write_text(
        f"exec {sys.executable} -P -B -c \"import sys; sys.path.insert(0, '{root}'); "
        f'from tui.__main__ import main; sys.exit(main())" --vault {vault.folder}\n'
    )
    one.type(f"strace -ff -o {trace} -e trace=file bash {script}; echo left $?")
    one.press("Enter")
    one.unlock()
    one.press("n")
    one.until("A name that tells it")
    one.type("案件")
    one.press("Enter")
    one.until("Records")
    one.press("Escape")
    one.until("1 case")
    one.press("g")
    one.until("made")
    one.press("Escape", "C-l")
    one.until("The vault is locked.")
    one.press("C-q")
    one.until("left 0")
    allowed = {f"{vault.folder}/{name}" for name in ("vault.db", "vault.db-journal", "vault.keys")}
    allowed |= {"/dev/null", "/dev/tty"}
    written = {path for path in _written(trace) if path not in allowed and not path.startswith("/dev/pts/")}
    assert f"{vault.folder}/vault.db" in _written(trace), "the search must find what is there"
    assert written == set()
