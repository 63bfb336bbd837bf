"""Texts with '-' in their place: asked for on the terminal or read from standard input, and never an argument."""

import array
import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.vault_world import PASSPHRASE, make_vault, reopen
from vault import api

ROOT = Path(__file__).parents[2]
WORD = "Dilnur"
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, which only Linux has")


@pytest.fixture
def place(tmp_path):
    """A vault with a case, closed; and the case's id."""
    vault = make_vault(tmp_path / "vault")
    case = api.cases.add(vault, "first").id
    note = api.records.add(vault, case, "note", {"text": f"about {WORD}"}).id
    vault.close()
    return {"vault": vault, "case": case, "note": note}


def start(place, *words, passphrase=PASSPHRASE, **more):
    """Start the program as a process of its own, with pipes."""
    reading, writing = os.pipe()
    os.write(writing, passphrase.encode() + b"\n")
    os.close(writing)
    front = [sys.executable, "-m", "tui", "--passphrase-fd", str(reading), "--vault", str(place["vault"].folder)]
    more.setdefault("stdin", subprocess.PIPE)
    process = subprocess.Popen(
        [*front, *words], pass_fds=(reading,), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more
    )
    os.close(reading)
    return process


def done(place, *words, stdin=b""):
    """Run the program to its end and return (exit code, standard output, standard error)."""
    out, err = (process := start(place, *words)).communicate(stdin, timeout=300)
    assert b"Traceback" not in err
    return process.returncode, out.decode(), err.decode()


def wait_until_read(process):
    """Wait until the process has taken everything out of its standard input."""
    waiting = array.array("i", [1])
    until = time.monotonic() + 300
    while time.monotonic() < until:
        fcntl.ioctl(process.stdin, termios.FIONREAD, waiting)
        if waiting[0] == 0:
            return
        assert process.poll() is None
        time.sleep(0.02)
    raise AssertionError("the process does not read its standard input")


def seen_by_others(process):
    """Return the command lines and environments that /proc shows of a process and its children."""
    found = b""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for number in (str(process.pid), *children):
        found += Path(f"/proc/{number}/cmdline").read_bytes()
        try:
            found += Path(f"/proc/{number}/environ").read_bytes()
        except PermissionError:
            continue  # Of a process that gave up being looked at, the environment is closed.
    return found


@on_linux
@pytest.mark.parametrize(
    "words",
    [
        "case add",
        "case add --title -",
        "search",
        "search -- -",
        "testimony add --case CASE --file - --title -",
        "record delete NOTE --why -",
        "seal --case CASE --to - --out nowhere --purpose -",
        "contact verify - --fingerprint -",
        "attach --case CASE --note - nowhere",
    ],
)
def test_a_text_that_is_asked_for_is_in_no_argument_and_no_environment(place, words):
    process = start(place, *words.replace("CASE", place["case"]).replace("NOTE", place["note"]).split())
    try:
        process.stdin.write(WORD.encode())  # Without the end of the line: the process has the text, and waits.
        process.stdin.flush()
        wait_until_read(process)
        seen = seen_by_others(process)
        assert b"--passphrase-fd" in seen
        assert WORD.encode() not in seen
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


@on_linux
def test_a_text_that_is_given_as_an_argument_is_seen(place):
    process = start(place, "testimony", "add", "--case", place["case"], "--file", "-", "--title", WORD)
    try:
        process.stdin.write(b"x")
        process.stdin.flush()
        wait_until_read(process)
        assert WORD.encode() in seen_by_others(process)
    finally:
        process.kill()
        process.communicate()


def test_lines_are_taken_in_the_order_of_the_options_and_the_rest_is_the_file(place):
    words = ("testimony", "add", "--case", place["case"], "--file", "-", "--title", "-")
    code, out, _ = done(place, *words, stdin="证言\r\n第一行\nsecond\n".encode())
    assert code == 0
    vault = reopen(place["vault"])
    fields = api.records.show(vault, out.split()[0]).fields
    assert (fields["title"], fields["statement"]) == ("证言", "第一行\nsecond\n")
    contact = api.contacts.add(vault, "A lawyer", ("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",))
    vault.close()
    assert not contact.verified
    bundle = str(place["vault"].folder.parent / "bundle.age")
    words = ("seal", "--case", place["case"], "--purpose", "-", "--to", "-", "--out", bundle)
    assert done(place, *words, stdin=b"A lawyer\nFor the appeal\n")[0] == 4
    code, out, err = done(place, *words, stdin=b"For the appeal\nA lawyer\n")
    assert (code, err.count("There is no")) == (0, 0)
    assert "for A lawyer" in out


def test_one_text_alone_takes_all_lines_and_a_title_one(place):
    photo = place["vault"].folder.parent / "file.txt"
    photo.write_text("x")
    note = "first line\nsecond line"
    code, _, _ = done(place, "attach", "--case", place["case"], "--note", "-", str(photo), stdin=f"{note}\n".encode())
    assert code == 0
    case = done(place, "case", "add", stdin=b"\xef\xbb\xbftitle\nmore\n")[1].strip()
    code, found, _ = done(place, "search", stdin=f"{WORD}\n".encode())
    assert (code, place["note"] in found) == (0, True)
    assert done(place, "search", "--limit", "3", "--", "-", stdin=f"{WORD}\n".encode())[1] == found
    vault = reopen(place["vault"])
    assert api.intake.show(vault, api.intake.page(vault, place["case"])[0].id).fields["description"] == note
    assert api.cases.get(vault, case).title == "title"
    vault.close()


@pytest.mark.parametrize(
    ("words", "stdin", "message"),
    [
        (["case", "add"], b"", "Standard input holds nothing for: Title of the case."),
        (["case", "add"], b"\xff\xfe\n", "What was given for '-' cannot be read as text."),
        (["case", "add"], b"x" * 70_000, "There is too much on standard input for: Title of the case."),
        (["contact", "verify", "-", "--fingerprint", "-"], b"one\n", "Standard input holds nothing for: Fingerprint"),
    ],
)
def test_input_that_is_no_text_is_refused_and_not_quoted(place, words, stdin, message):
    code, out, err = done(place, *words, stdin=stdin)
    assert (code, out) == (4, "")
    assert err.startswith(f"evault: {message}")
    assert "xff" not in err


def test_without_a_terminal_and_standard_input_there_is_advice(place):
    closing = "import os, sys; os.close(0); os.execv(sys.executable, [sys.executable, '-m', 'tui', *sys.argv[1:]])"
    reading, writing = os.pipe()
    os.close(writing)
    front = [sys.executable, "-c", closing, "--passphrase-fd", str(reading), "--vault", str(place["vault"].folder)]
    run = subprocess.run(
        [*front, "case", "add"],
        pass_fds=(reading,), cwd=ROOT, capture_output=True, start_new_session=True, timeout=300,
    )  # fmt: skip
    os.close(reading)
    assert run.returncode == 4
    assert b"There is no terminal to ask on for: Title of the case. Give it on standard input." in run.stderr


def on_terminal(place, *words, answers):
    """Run the program on a terminal of its own and return (exit code, everything the terminal received)."""
    process, handle = pty.fork()
    if process == 0:
        os.chdir(ROOT)
        os.environ["PYTHONUTF8"] = "1"
        front = [sys.executable, "-m", "tui", "--vault", str(place["vault"].folder)]
        os.execv(sys.executable, [*front, *words])
    seen, waiting = b"", list(answers)
    until = time.monotonic() + 300
    while time.monotonic() < until:
        if not select.select([handle], [], [], 0.2)[0]:
            continue
        try:
            piece = os.read(handle, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
        if waiting and seen.endswith(waiting[0][0].encode()):
            os.write(handle, waiting.pop(0)[1].encode() + b"\n")
    _, status = os.waitpid(process, 0)
    os.close(handle)
    assert waiting == []
    return os.waitstatus_to_exitcode(status), seen


def test_on_a_terminal_it_is_asked_for_and_shown(place):
    code, seen = on_terminal(
        place, "case", "add", answers=[("Passphrase: ", PASSPHRASE), ("Title of the case: ", "案件")]
    )
    assert code == 0
    assert "Title of the case: 案件".encode() in seen
    vault = reopen(place["vault"])
    assert "案件" in [case.title for case in api.cases.page(vault, 9)]
    vault.close()
    code, seen = on_terminal(place, "search", answers=[("Passphrase: ", PASSPHRASE), ("Words to search for: ", WORD)])
    assert code == 0
    assert place["note"].encode() in seen


def test_arrow_keys_do_not_become_part_of_a_title(place):
    answers = [("Passphrase: ", PASSPHRASE), ("Title of the case: ", "titel\x1b[D\x1b[D")]
    code, seen = on_terminal(place, "case", "add", answers=answers)
    assert code == 4
    assert b"There is a control character in what was typed" in seen


def test_the_passphrase_comes_first_and_is_never_shown(place):
    """It is what the hand types by habit at the first prompt; a text is shown as it is typed."""
    bundle = place["vault"].folder.parent / "bundle.age"
    bundle.write_text("no bundle")
    words = {
        "testimony add --case CASE --file /dev/null --title -": None,
        "record delete NOTE --why -": "Why: ",
        "contact add --name - --recipient -": "Name of the contact: ",
        "seal --case CASE --to - --purpose - --preview": "Name of the contact: ",
        f"receive {bundle} --signer -": "Fingerprint of the signer, as you were told: ",
        f"open {bundle} --signer - --out nowhere": "Fingerprint of the signer, as you were told: ",
    }
    for line in words:
        typed = line.replace("CASE", place["case"]).replace("NOTE", place["note"]).split()
        seen = first_prompt(place, *typed)
        assert seen.endswith(b"Passphrase: "), (line, seen)
    for line in ("init --name -", f"open {bundle} --with-passphrase --signer - --out nowhere"):
        assert (
            first_prompt(place, *line.split(), vault="new")
            .lower()
            .endswith((b"new passphrase: ", b"passphrase of the bundle: "))
        )


def first_prompt(place, *words, vault="vault"):
    """Return what a command shows on a terminal until it waits for somebody."""
    process, handle = pty.fork()
    if process == 0:
        os.chdir(ROOT)
        folder = str(place["vault"].folder.parent / vault)
        os.execv(sys.executable, [sys.executable, "-m", "tui", "--vault", folder, *words])
    seen = b""
    until = time.monotonic() + 300
    while not seen.endswith(b": ") and time.monotonic() < until:
        try:
            seen += os.read(handle, 65536)
        except OSError:
            break
    echoes = bool(termios.tcgetattr(handle)[3] & termios.ECHO)
    os.close(handle)
    os.waitpid(process, 0)
    assert not echoes, seen
    return seen


def test_what_is_mistyped_at_a_terminal_is_asked_for_again(place):
    wrong = [("Passphrase: ", "not this one")]
    right = [("Passphrase: ", PASSPHRASE), ("Title of the case: ", "another")]
    code, seen = on_terminal(place, "case", "add", answers=[*wrong, *wrong, *right])
    assert (code, seen.count(b"The passphrase is wrong"), b"not this one" in seen) == (0, 2, False)
    code, seen = on_terminal(place, "case", "list", answers=wrong * 3)
    assert (code, seen.count(b"The passphrase is wrong")) == (3, 3)
    new = "gravel window harvest lantern mirror puzzle"
    answers = [
        ("Passphrase: ", PASSPHRASE),
        ("New passphrase: ", "password"), ("New passphrase, again: ", "password"),
        ("New passphrase: ", new), ("New passphrase, again: ", new + "x"),
        ("New passphrase: ", new), ("New passphrase, again: ", new),
    ]  # fmt: skip
    code, seen = on_terminal(place, "passwd", answers=answers)
    assert (code, seen.count(b"Too weak."), seen.count(b"The two were not the same.")) == (0, 1, 1)
    api.setup.unlock(place["vault"].folder, api.to_secret(new)).close()
