"""Makes the golden bundles anew, through the program's command line only: `python tests/golden/make.py`.

Every key in this folder is a test key: it is published here and must never protect anything. The recipients are the
fixed secrets below; the sender is a vault that exists only while this runs, so each run has another signer and other
bytes. What is in this folder is replaced only when everything was made.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT, HERE = Path(__file__).parents[2], Path(__file__).parent
sys.path.insert(0, str(ROOT))

from tests.reference.forge import age_keys  # noqa: E402

PASSPHRASE = "test only: golden bundle, paper tiger, nine lamps"  # opens passphrase.age
VAULT = "test only: correct horse battery staple nine lives"
X25519 = age_keys(bytes(range(32)))  # each an identity string and a recipient string
HYBRID = age_keys(bytes(range(32, 64)), hybrid=True)
OTHER = age_keys(bytes(range(64, 96)), hybrid=True)
ZH = "他们半夜把他从宿舍带走,没有出示任何文件。“你不要告诉别人”,其中一个人说。\n\n我在看守所外等了三天。\n"
TITLE = "证言 <甲> & “乙”"
PERSON = """pseudonym = "甲"
role = ["witness", "victim"]
sex = "female"
[[names]]
full = "阿依古丽"
given = "Aygül"
[[names]]
full = "王丽"
[age]
years = 41
"""


def evault(vault: Path, *words: str, second: str = "") -> dict:
    """Run one command with `--json`; raises if it fails."""
    reading, writing = os.pipe()
    os.write(writing, f"{VAULT}\n{second}\n".encode() if second else f"{VAULT}\n".encode())
    os.close(writing)
    command = [sys.executable, "-m", "tui", "--json", "--vault", str(vault), "--passphrase-fd", str(reading), *words]
    done = subprocess.run(command, pass_fds=[reading], cwd=ROOT, capture_output=True, text=True, check=False)
    os.close(reading)
    answer = json.loads(done.stdout or "{}")
    if done.returncode or not answer.get("ok"):
        raise SystemExit(f"{' '.join(words)}: {answer.get('error')}\n{done.stderr}")
    return answer


def make(work: Path) -> dict[str, dict[str, str]]:
    """Everything for the bundles, then the bundles; returns what opens each, and who signed it."""
    vault, made = work / "vault", {}

    def write(name: str, content: bytes) -> str:
        (work / name).write_bytes(content)
        return str(work / name)

    def new(*words: str) -> str:
        return str(evault(vault, *words)["id"])

    def bundle(name: str, keys: tuple[str, str], *words: str, command: str = "seal", second: str = "") -> None:
        evault(vault, command, *words, "--out", str(work / f"{name}.age"), second=second)
        made[name] = {"identity": keys[0], "recipient": keys[1], "signer": signer}

    evault(vault, "init")
    signer = base64.b64decode(evault(vault, "identity", "show")["ssh_public_key"].split()[1])[-32:].hex()
    classic, hybrid, other = X25519[1], HYBRID[1], OTHER[1]
    evault(vault, "contact", "add", "--name", "classic", "--recipient", classic)
    evault(vault, "contact", "add", "--name", "hybrid", "--recipient", hybrid)
    evault(vault, "contact", "add", "--name", "two keys", "--recipient", other, "--recipient", hybrid)

    case = new("case", "add", "--title", "No files")
    text = write("en.txt", b"They came at night.\n")
    night = new("testimony", "add", "--case", case, "--title", "Night", "--lang", "en", "--file", text)
    bundle("x25519", X25519, "--case", case, "--to", "classic", "--purpose", "golden: no attachments")
    bundle("passphrase", (PASSPHRASE, ""), "--case", case, "--with-passphrase", second=PASSPHRASE)
    corrected = write("corrected.toml", b'language = "en"\nstatement = "They came at dawn."\ntitle = "Dawn"\n')
    evault(vault, "record", "correct", night, "--file", corrected)
    bundle("corrected", X25519, "--case", case, "--to", "classic", "--disclose", f"{night}:title")
    bundle("reveal", X25519, f"{night}:title", "--to", "classic", command="reveal")
    bundle("two-keys", OTHER, "--case", case, "--to", "two keys")

    case = new("case", "add", "--title", "Files")
    empty = write("empty.txt", b"")
    evault(vault, "attach", "--case", case, empty)
    bundle("empty-attachment", X25519, "--case", case, "--to", "classic")
    photos = [write("a.txt", "她等了三天。\n".encode() * 40), write("b.bin", bytes(range(256)) * 4)]
    evault(vault, "attach", "--case", case, *photos)
    zh = new(
        "testimony", "add", "--case", case, "--title", TITLE, "--lang", "zh-Hans", "--file", write("zh", ZH.encode())
    )
    person = new("record", "add", "--case", case, "--type", "person", "--file", write("person.toml", PERSON.encode()))
    opened = ["--disclose", f"{zh}:title", "--disclose", f"{person}:names.0.given", "--disclose", f"{person}:age"]
    bundle(
        "hybrid", HYBRID, "--case", case, "--to", "hybrid", "--accept-metadata", "--purpose", "全部 & <all>", *opened
    )
    closed = ["--withhold", f"{zh}:statement", "--disclose", f"{zh}:title", "--accept-metadata"]
    bundle("withheld", HYBRID, "--case", case, "--to", "hybrid", *closed)

    evault(vault, "backup", str(work / "backup"))
    vault = work / "restored"
    evault(vault, "restore", str(work / "backup"))
    bundle("restored", X25519, "--case", case, "--to", "classic", "--accept-metadata")
    return made


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        bundles = make(Path(folder))
        for old in HERE.glob("*.age"):
            old.unlink()
        for name in bundles:
            (HERE / f"{name}.age").write_bytes((Path(folder) / f"{name}.age").read_bytes())
    (HERE / "golden.json").write_text(json.dumps(bundles, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
