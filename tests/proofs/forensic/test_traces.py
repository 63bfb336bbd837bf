"""After sessions, kills and crashes nothing is left on the disk, in arguments or on the way out that was said inside.

Canaries in seven forms are searched for in every byte that was ever written to the disk that held home and temporary
folders. A run that leaks on purpose is found by the same search, also after it removed what it wrote.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proofs.forensic import versions, watched
from tests.proofs.forensic.canaries import FORMS, PASSPHRASE, TEXTS, Wanted, written_to
from tests.proofs.forensic.watched import Disk, handed_over, internet, written
from tests.screens.conftest import Terminal
from tests.vault_world import make_vault, seal
from tui.cli.parser import build
from vault import api

WANTED = Wanted()
_MAKE = (
    "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from vault import api; "
    "from vault.keys import FLOOR; "
    "api.setup.create(Path(sys.argv[2]), api.to_secret(sys.stdin.read()), FLOOR).close()"
)


@pytest.fixture(scope="module")
def disk():
    if reason := watched.why_not():
        pytest.skip(reason)
    folder = versions.in_memory("traces")
    made = Disk(folder)
    # At the floor of the derivation, so that the time goes into what is looked for here.
    started = made.inside([sys.executable, "-P", "-B", "-c", _MAKE, str(watched.ROOT), str(made.vault)])
    subprocess.run(started, input=PASSPHRASE.encode(), env=made.environment, check=True, timeout=60)
    yield made
    made.close()
    after = WANTED.in_pieces(written_to(made.image))
    shutil.rmtree(folder)
    assert after == set(), "on the disk that is no longer mounted"


@pytest.fixture(scope="module")
def sent(disk):
    """A bundle for the vault on the disk, and the card of who sent it; outside the disk."""
    folder = disk.folder / "sender"
    folder.mkdir()
    card = disk.run("identity", "card", "--out", folder / "card", "--name", "-", stdin="somebody\n")
    assert card.code == 0, card
    other = make_vault(folder / "vault", 1)
    api.contacts.add_card(other, (folder / "card").read_text(), "Holder")
    case = api.cases.add(other, TEXTS["title of a case"]).id
    api.records.add(other, case, "testimony", {"statement": TEXTS["received testimony"]})
    bundle = seal(other, case, "Holder", folder / "in.age", purpose=TEXTS["purpose"])
    api.contacts.write_card(other, "somebody else", folder / "sender.card")
    other.close()
    return bundle.file, folder / "sender.card"


@pytest.fixture(scope="module")
def session(disk, sent):
    """A whole session by commands; every text is given where `-` stands. Returns number of commands and ids."""
    first = disk.runs + 1
    outside = disk.folder / "outside"
    outside.mkdir()
    source = outside / f"{TEXTS['name of a file']}.txt"
    source.write_text(TEXTS["content of a file"] * 100)

    def call(*words, **more):
        done = disk.run(*words, **more)
        assert done.code == 0, (words, done.out, done.err)
        return done.json()

    case = call("case", "add", stdin=TEXTS["title of a case"] + "\n")["id"]
    call("case", "add", "--title", "-", stdin=TEXTS["title in Chinese"] + "\n")
    text = f"{TEXTS['title of a testimony']}\n{TEXTS['testimony']}\n{TEXTS['testimony in Chinese']}\n"
    words = ("testimony", "add", "--case", case, "--file", "-", "--title", "-")
    record = call(*words, stdin=text)["id"]
    note = TEXTS["note on a file"] + "\n"
    attachment = call("attach", "--case", case, "--note", "-", source, stdin=note)["attachments"][0]["id"]
    call("search", stdin=TEXTS["words searched for"] + "\n")
    bundle, card = sent
    call("contact", "add", card, "--name", "-", stdin=TEXTS["name of a contact"] + "\n")
    words = ("seal", "--case", case, "--purpose", "-", "--to", "-", "--accept-metadata", "--out", disk.home / "out.age")
    call(*words, stdin=f"{TEXTS['purpose']}\n{TEXTS['name of a contact']}\n")
    assert disk.run("receive", bundle).code in (0, 6)
    call("backup", disk.home / "stick")
    call("extract", attachment, "--out", outside / "extracted", "--why", "-", stdin=TEXTS["reason"] + "\n")
    call("log", "checkpoint", "--out", disk.home / "anchor")
    call("check", "--anchor", disk.home / "anchor")
    return {"first": first, "commands": disk.runs + 1 - first, "case": case, "record": record}


def left_on(disk) -> set[str]:
    """Return what is found on the disk, as it is mounted and after everything was written out."""
    os.sync()
    return WANTED.in_pieces(written_to(disk.image))


def test_a_session_by_commands_leaves_nothing_on_the_disk(disk, session, count):
    assert left_on(disk) == set()
    count("trace", "commands after which the raw disk was searched", session["commands"])
    count("trace", "canaries searched for", len(TEXTS))
    count("trace", "forms of them searched for", len(FORMS) + 1)


def test_no_command_hands_a_secret_to_a_program_or_its_environment(disk, session, count):
    calls = disk.calls(session["first"])
    told = handed_over(calls)
    assert any(b"--passphrase-fd" in text for text in told), "the search must find what is there"
    # Names of files are arguments, as the threat model says (U2).
    found = WANTED.in_pieces([b"\0".join(told)])
    assert {name for name in found if not name.startswith("name of a file")} == set()
    count("trace", "arguments and variables of started programs searched", len(told))


def test_no_command_opens_a_socket_of_the_internet(disk, session, count):
    assert internet(disk.calls(session["first"])) == []
    count("trace", "commands without a socket of the internet family", session["commands"])
    number = disk.runs + 1
    disk.python("import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()")
    assert len(internet(disk.calls(number))) == 1, "the search must find what is there"


def allowed(disk, path: str) -> bool:
    inside = {f"{disk.vault}/{name}" for name in ("vault.db", "vault.db-journal", "vault.keys")}
    named = {f"{disk.home}/{name}" for name in ("out.age", "anchor", "stick", "")}
    named |= {str(disk.folder / "outside" / "extracted"), str(disk.folder / "outside"), str(disk.home)}
    named |= {str(disk.folder / "outside" / "out.bag")}
    return path in inside | named or path.startswith((f"{disk.home}/stick/", "/dev/", "/proc/self/"))


def test_no_command_writes_a_path_that_is_not_named_or_the_vault(disk, session, count):
    paths = written(disk.calls(session["first"]))
    assert f"{disk.vault}/vault.db" in paths, "the search must find what is there"
    assert {path for path in paths if not allowed(disk, path)} == set()
    for name in ("tmp", "vartmp"):
        assert [one for one in (disk.place / name).rglob("*") if one.is_file()] == []
    count("trace", "different paths written by commands, all of them named or the vault's", len(paths))


# -- at the screens -------------------------------------------------------------------------------------------------


class Watched(Terminal):
    """A terminal in which the program runs on the disk."""

    def __init__(self, disk: Disk, name: str) -> None:
        self.disk = disk
        folder = disk.folder / name
        folder.mkdir()
        super().__init__(folder)

    def begin(self, before: str = "") -> None:
        script = self.disk.folder / f"run-{self.disk.runs}.sh"
        words = self.disk.command("--vault", self.disk.vault, before=before)
        variables = [f"{name}={value}" for name, value in self.disk.environment.items()]
        script.write_text(f"exec env -i {shlex.join([*variables, *words])}\n")
        self.type(f"sh {script}; echo left $?")
        self.press("Enter")

    def testimony(self) -> None:
        """Begin a testimony in the newest case."""
        self.until(TEXTS["title in Chinese"])
        self.press("Enter")
        self.until("t Testimony")
        self.press("t")
        self.until("draft, not signed")


@pytest.fixture
def screens(disk):
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    opened = []

    def begin(name: str) -> Watched:
        opened.append(Watched(disk, name))
        return opened[-1]

    yield begin
    for one in opened:
        one.close()


def seen_of(one: Watched) -> bytes:
    """Return arguments and environments of the program's processes as /proc shows them now."""
    found = b""
    for pid in one.processes():
        for name in ("cmdline", "environ"):
            found += Path(f"/proc/{pid}/{name}").read_bytes() + b"\0"
    return found


def test_a_session_at_the_screens_leaves_nothing(disk, session, screens, count):
    first, one = disk.runs + 1, screens("session")
    one.begin()
    one.unlock()
    one.press("n")
    one.until("A name that tells it")
    one.type(TEXTS["title in Chinese"])
    one.press("Enter")
    one.until("Records")
    one.press("Escape")
    one.until("New case")
    one.testimony()
    one.type(TEXTS["draft"])
    one.until("saved")
    seen = seen_of(one)
    assert b"tui.child" in seen
    assert WANTED.within(seen) == set()
    one.press("C-l")
    one.until("The vault is locked.")
    one.unlock()
    one.press("/")
    one.type(TEXTS["words searched for"])
    one.press("Enter")
    one.press("C-q")
    one.until("left 0")
    calls = disk.calls(first)
    assert left_on(disk) == set()
    assert internet(calls) == []
    assert WANTED.in_pieces([b"\0".join(handed_over(calls))]) == set()
    assert {path for path in written(calls) if not allowed(disk, path)} == set()
    count("trace", "sessions at the screens after which everything was searched", 1)


# -- killed and crashed ---------------------------------------------------------------------------------------------

_RAISES = (
    "import vault.evidence as place\n"
    "def fail(vault, transaction, new, *more):\n"
    "    said = repr(new.fields)\n"
    "    raise RuntimeError(said)\n"
    "place.sign_version = fail\n"
)
_RAISES_AT_THE_SCREENS = (
    "from tui import supervisor; "
    "supervisor._START = supervisor._START.replace('from tui.child', "
    "'import vault.usecases.drafts as place\\n"
    "def fail(vault, case, kind, fields, *more, **others):\\n"
    "    said = repr(fields)\\n"
    "    raise RuntimeError(said)\\n"
    "place.save = fail\\n"
    "from tui.child'); "
)


def test_killed_in_the_midst_of_writing_nothing_is_left(disk, session, count):
    source = disk.folder / "outside" / "large"
    source.write_bytes((TEXTS["content of a file"] * 100_000).encode())
    for number in (20, 100):
        inject = f"inject=pwrite64:signal=SIGKILL:when={number}"
        more = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64", "-e", inject)
        done = disk.run("attach", "--case", session["case"], source, trace=False, more=more)
        assert (done.code, done.out) == (-signal.SIGKILL, b"")
        assert left_on(disk) == set()
        count("trace", "kills in the midst of writing after which the raw disk was searched", 1)
    assert disk.run("check").code == 0
    assert left_on(disk) == set()


def test_a_crash_tells_nothing_and_leaves_nothing(disk, session, screens, count):
    words = ("testimony", "add", "--case", session["case"], "--file", "-", "--title", "-")
    text = f"{TEXTS['title of a testimony']}\n{TEXTS['testimony']}\n"
    done = disk.run(*words, stdin=text, before=f"exec({_RAISES!r}); ")
    assert done.code == 70
    assert WANTED.within(done.out + done.err) == set()
    one = screens("crash")
    one.begin(_RAISES_AT_THE_SCREENS)
    one.unlock()
    one.testimony()
    one.type(TEXTS["draft"])
    seen = one.until("report")
    one.press("r")
    seen += one.until("RuntimeError")
    assert WANTED.within(seen.encode()) == set()
    one.press("q")
    one.until("left 70")
    assert left_on(disk) == set()
    count("trace", "crashes after which output and raw disk were searched", 2)


# -- control --------------------------------------------------------------------------------------------------------

_LEAK = """
import base64, gzip, json, os, sys
text = sys.argv[1]
forms = {"UTF-8": text.encode(), "UTF-16": text.encode("utf-16-le"), "base64": base64.b64encode(b"x" + text.encode()),
         "hexadecimal": text.encode().hex().encode(), "JSON": json.dumps(text).encode(),
         "UTF-32": text.encode("utf-32-le"), "compressed": gzip.compress(b"before " + text.encode() + b" after")}
for name, content in forms.items():
    with open(f"/tmp/{name}", "wb") as file:
        file.write(b"-" * 999 + content + b"-" * 999)
        file.flush()
        os.fsync(file.fileno())  # what is removed before it was written need never reach the disk
for name in forms:  # all of them at the end, or one would take the place of another
    os.unlink(f"/tmp/{name}")
"""


def test_what_leaks_on_purpose_is_found_also_after_it_was_removed(count):
    if reason := watched.why_not():
        pytest.skip(reason)
    folder = versions.in_memory("leak")
    disk = Disk(folder, 64)
    for name in ("testimony in Chinese", "title of a case"):
        done = disk.python(_LEAK, TEXTS[name])
        assert done.code == 0, done.err
        assert [one for one in (disk.place / "tmp").rglob("*") if one.is_file()] == []
        found = {one.partition(", ")[2] for one in left_on(disk) if one.startswith(name)}
        assert {"UTF-8", "UTF-16", "base64", "hexadecimal", "JSON", "UTF-32", "UTF-8, compressed"} <= found
        count("trace", "forms of a canary that leaked on purpose, was removed, and was found raw", 7)
    assert "/tmp/UTF-8" in written(disk.calls())
    assert any(TEXTS["title of a case"].encode() in text for text in handed_over(disk.calls()))
    disk.close()
    assert WANTED.in_pieces(written_to(disk.image))
    shutil.rmtree(folder)


def test_the_passphrase_given_as_an_argument_would_be_found(disk):
    first = disk.runs + 1
    disk.python("pass", PASSPHRASE)
    assert "passphrase, UTF-8" in WANTED.in_pieces([b"\0".join(handed_over(disk.calls(first)))])


# -- every command --------------------------------------------------------------------------------------------------


def commands(parser: argparse.ArgumentParser, before: tuple[str, ...] = ()) -> set[str]:
    """Return all commands that there are, with the parts that some of them have."""
    inner = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not inner:
        return {" ".join(before)}
    return set().union(*(commands(one, (*before, name)) for name, one in inner[0].choices.items()))


_NEW = "garden ribbon thunder candle violet anchor"
_SHARE = "window copper marble thistle orchard lantern"


@pytest.mark.prove
def test_every_command_there_is_leaves_nothing(sent, disk, count):
    """Each command once, and some of them failing: the disk, sockets, paths and arguments are searched after all."""
    first, ran, home = disk.runs + 1, set(), disk.home / "every"
    home.mkdir()
    outside = disk.folder / "every"
    outside.mkdir()
    every = commands(build())
    vault = disk.vault
    disk.vault = home / "vault"
    bundle, card = sent

    def call(*words, codes=(0,), **more):
        ran.update(one for one in every if " ".join(map(str, words)).startswith(one))
        done = disk.run(*words, **more)
        assert done.code in codes, (words, done.out, done.err)
        return done.json()

    def texts(*names):
        return "".join(f"{TEXTS[name]}\n" for name in names)

    call("init", "--name", "-", stdin="somebody\n")
    call("phrase")
    case = call("case", "add", stdin=texts("title of a case"))["id"]
    call("case", "list")
    call("case", "show", case)
    words = ("testimony", "add", "--case", case, "--file", "-", "--title", "-")
    record = call(*words, stdin=texts("title of a testimony", "testimony", "testimony in Chinese"))["id"]
    words = ("record", "add", "--case", case, "--type", "note", "--file", "-")
    note = call(*words, stdin=f"text = '{TEXTS['draft']}'")["id"]
    call("record", "correct", note, "--file", "-", stdin=f"text = '{TEXTS['testimony']}'")
    call("record", "list", "--case", case)
    call("record", "show", record)
    gone = call(*words, stdin="text = 'gone'")["id"]
    call("record", "delete", gone, "--why", "-", stdin=texts("reason"))
    (outside / "visit.toml").write_text(versions._VISIT)
    call("schema", "add", outside / "visit.toml")
    call("schema", "list")
    call("schema", "show", "visit")
    source = outside / f"{TEXTS['name of a file']}.txt"
    source.write_text(TEXTS["content of a file"])
    file = call("attach", "--case", case, "--note", "-", source, stdin=texts("note on a file"))["attachments"][0]["id"]
    call("attachment", "list", "--case", case)
    call("attachment", "show", file)
    call("extract", file, "--out", outside / "extracted", "--why", "-", stdin=texts("reason"))
    call("search", stdin=texts("words searched for"))
    call("identity", "show")
    call("identity", "card", "--out", home / "card", "--name", "-", stdin="somebody\n")
    call("identity", "export", "--type", "hybrid", "--out", outside / "identity")
    contact = TEXTS["name of a contact"]
    found = call("contact", "add", card, "--name", "-", stdin=f"{contact}\n")
    call("contact", "list")
    call("contact", "verify", "-", "--fingerprint", "-", stdin=f"{contact}\n{found['fingerprint']}\n")
    call("contact", "rename", "-", "-", stdin=f"{contact}\n{contact} again\n")
    words = ("seal", "--case", case, "--to", "-", "--purpose", "-", "--accept-metadata", "--out", home / "out.age")
    call(*words, stdin=f"{contact} again\n{TEXTS['purpose']}\n", codes=(0, 4))
    words = ("seal", "--case", case, "--with-passphrase", "--accept-metadata", "--out", home / "under.age")
    call(*words, secrets=(PASSPHRASE, _SHARE))
    call(
        "reveal", f"{record}:title", "--to", "-", "--out", home / "reveal.age", stdin=f"{contact} again\n", codes=(0, 4)
    )
    call("contact", "remove", "-", "--why", "-", stdin=f"{contact} again\n{TEXTS['reason']}\n")
    call("open", home / "under.age", "--with-passphrase", "--out", outside / "bag", secrets=(_SHARE,), codes=(0, 6))
    call("receive", bundle, codes=(0, 1, 4, 6))
    call("verify", outside / "bag", codes=(0, 6))
    call("log", "show")
    call("log", "verify")
    call("log", "checkpoint", "--out", home / "anchor")
    call("log", "prove", record, "--out", home / "proof")
    call("check", "--anchor", home / "anchor")
    call("backup", home / "stick")
    shares = [home / f"share-{number}" for number in range(3)]
    for one in shares:
        one.mkdir()
    out = [word for one in shares for word in ("--out", one)]
    call("recovery", "make", *out, secrets=(PASSPHRASE, _SHARE, _SHARE, _SHARE))
    written_shares = [next(one.iterdir()) for one in shares[:2]]
    call("recovery", "check", *written_shares, secrets=(_SHARE, _SHARE))
    call("recovery", "use", *written_shares, secrets=(_SHARE, _SHARE, PASSPHRASE))
    call("passwd", secrets=(PASSPHRASE, _NEW))
    call("rekey", secrets=(_NEW,))
    disk.vault = home / "restored"
    call("restore", home / "stick")
    # The demonstration works in a throw-away folder among the temporary ones, with stock tools and texts of its own.
    named = written(disk.calls(first))
    call("demo", codes=(0, 4, 5, 70))
    disk.vault = vault
    assert every - ran == set()
    calls = disk.calls(first)
    assert left_on(disk) == set()
    assert internet(calls) == []
    told = WANTED.in_pieces([b"\0".join(handed_over(calls))])
    assert {name for name in told if not name.startswith("name of a file")} == set()
    places = (f"{home}/", f"{outside}/", str(home), str(outside), "/dev/", "/proc/self/")
    assert {path for path in named if not path.startswith(places)} == set()
    count("trace", "commands and parts of commands, all there are, after which everything was searched", len(every))
