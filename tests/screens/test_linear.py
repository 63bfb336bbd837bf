"""The linear mode on a real pseudo-terminal: all by lines and numbers, nothing that a screen reader stumbles on."""

from __future__ import annotations

import codecs
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vault import api
from vault.jobs import Job

_ROOT = Path(__file__).resolve().parents[2]
_START = f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from tui.__main__ import main; sys.exit(main())"
PASSPHRASE = "ocean mirror lantern velvet copper puzzle"


class Line:
    """Somebody who types lines and hears what is said."""

    def __init__(self, vault: Path, *words: str) -> None:
        pty = pytest.importorskip("pty")
        self._master, slave = pty.openpty()
        self._heard = 0
        self.output = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")  # A letter may come in two pieces.
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            ["setsid", "-c", sys.executable, "-P", "-c", _START, "--vault", str(vault), "--linear", *words],
            stdin=slave, stdout=slave, stderr=slave, env=environment, cwd=vault.parent,
        )  # fmt: skip
        os.close(slave)

    def until(self, words: str, seconds: float = 120.0) -> str:
        """Wait until something is said after what was heard last; returns what was said meanwhile."""
        ends = time.monotonic() + seconds
        while words not in self.output[self._heard :]:
            if time.monotonic() > ends or not self._more(0.2):
                raise AssertionError(f"{words!r} was never said; after\n{self.output[-2000:]}")
        said = self.output[self._heard :]
        self._heard = self.output.index(words, self._heard) + len(words)
        return said

    def _more(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return True
        try:
            piece = os.read(self._master, 65536)
        except OSError:
            return False
        self.output += self._decoder.decode(piece)
        return bool(piece)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode() + b"\r")

    def key(self, byte: bytes) -> None:
        os.write(self._master, byte)

    def pick(self, label: str) -> None:
        """Type the number of an entry of the list that is being said."""
        said = self.until("Number: ")
        numbers = re.findall(rf"^(\d+)\. {re.escape(label)}", said, re.MULTILINE)
        assert numbers, f"{label!r} is not in\n{said}"
        self.type(numbers[-1])

    def unlock(self) -> None:
        self.until("other ways")
        self.type(PASSPHRASE)
        self.until("case")

    def end(self) -> int:
        while self._more(0.5) and self.process.poll() is None:
            pass
        return self.process.wait(120)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self._master)


@pytest.fixture
def talk():
    """Return a function that starts the program."""
    opened = []

    def make(vault: Path, *words: str) -> Line:
        one = Line(vault, *words)
        opened.append(one)
        return one

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def folder(vault) -> Path:
    """A locked vault's folder."""
    vault.close()
    return vault.folder


def opened(folder: Path, made_vault) -> api.OpenVault:
    return api.setup.open_with(folder, made_vault[1])


def test_a_first_run_makes_a_vault(talk, tmp_path):
    one = talk(tmp_path / "new")
    one.pick("Make the vault")
    one.pick("Type one of my own")
    one.until("Passphrase")
    one.type(PASSPHRASE)
    one.until("Strong")
    one.until("once more")
    one.type(PASSPHRASE)
    one.pick("Go on without recovery shares")
    one.until("no recovery shares")
    one.until("0 cases")
    one.key(b"\x04")
    assert one.end() == 0
    assert PASSPHRASE not in one.output
    api.setup.unlock(tmp_path / "new", api.to_secret(PASSPHRASE)).close()


def test_a_testimony_is_written_line_by_line_signed_and_read(talk, folder, made_vault):
    one = talk(folder)
    one.unlock()
    one.pick("New case")
    one.until("sees it.: ")
    one.type("王全璋案")
    one.pick("Write a new testimony")
    one.until("Line: ")
    one.type("我看见了。")
    one.until("Line: ")
    one.type("ئۇ كەلدى")
    one.until("Line: ")
    one.type(".")
    one.pick("Sign")
    one.until("for yes: ")
    one.type("no")
    one.until("Nothing was signed.")
    one.pick("Go on with the draft: 我看见了。\r\n")
    one.until("Line: ")
    one.type(".")
    one.pick("Sign")
    one.until("for yes: ")
    one.type("yes")
    one.until("Signed: version 1")
    one.pick("1 record")
    one.pick("Testimony")
    assert "我看见了。" in one.until("ئۇ كەلدى")
    one.key(b"\x04")
    assert one.end() == 0
    assert "\x1b" not in one.output, "no colours, no moving of the cursor"
    vault = opened(folder, made_vault)
    (case,) = api.cases.page(vault)
    (record,) = api.records.page(vault, case.id)
    assert api.records.show(vault, record.id).fields["statement"] == "我看见了。\nئۇ كەلدى"
    assert not api.drafts.page(vault)
    vault.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_every_line_is_kept_whatever_happens(talk, vault, made_vault, number):
    api.cases.add(vault, "case one")
    vault.close()
    one = talk(vault.folder)
    one.unlock()
    one.pick("Case: case one")
    one.pick("Write a new testimony")
    one.until("Line: ")
    one.type("the first line")
    one.until("Line: ")
    children = Path(f"/proc/{one.process.pid}/task/{one.process.pid}/children").read_text().split()
    os.kill(int(children[0]), number)
    one.process.send_signal(signal.SIGKILL)
    one.process.wait()
    ends = time.monotonic() + 120
    while Path(f"/proc/{children[0]}").exists() and time.monotonic() < ends:
        time.sleep(0.05)
    again = opened(vault.folder, made_vault)
    assert [draft.fields["statement"] for draft in api.drafts.page(again)] == ["the first line"]
    again.close()


_DEAF = """
import os, signal, sys
from pathlib import Path
from tui import supervisor
from tui.linear.talk import Talk
Talk(Path("."), supervisor.Options("."), lambda code, note: os._exit(code))
# The main thread does not notice: as when the signal comes just before it waits for a line.
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("waiting", flush=True)
os.read(0, 1)
"""


def test_a_signal_that_comes_just_before_a_line_is_waited_for_ends_the_process_all_the_same():
    process = subprocess.Popen([sys.executable, "-c", _DEAF], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT)
    assert process.stdout.readline() == b"waiting\n"
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.communicate()


def test_locking_ends_the_process_and_asks_for_the_passphrase(talk, folder):
    one = talk(folder)
    one.unlock()
    before = Path(f"/proc/{one.process.pid}/task/{one.process.pid}/children").read_text()
    one.pick("Lock")
    one.until("The vault is locked.")
    one.until("other ways")
    assert Path(f"/proc/{one.process.pid}/task/{one.process.pid}/children").read_text() != before
    one.type("")
    one.until("Number: ")
    one.type("0")
    assert one.end() == 0


def test_a_wrong_passphrase_and_a_wrong_number_are_said(talk, folder):
    one = talk(folder)
    one.until("other ways")
    one.type("")
    one.until("Number: ")
    one.type("17")
    one.until("none of the numbers")
    one.type("1")
    one.until("Passphrase")
    one.type("not the passphrase")
    one.until("The passphrase is wrong")
    one.until("other ways")
    one.key(b"\x03")
    one.until("Back")
    one.unlock()


def test_files_go_in_and_a_bundle_goes_out_only_after_a_typed_yes(talk, vault, other_vault, made_vault, tmp_path):
    api.contacts.add_card(vault, api.contacts.card(other_vault, "Lawyer"))
    case = api.cases.add(vault, "case one")
    api.records.add(vault, case.id, "testimony", {"statement": "what he said of 王小明"})
    person = api.records.add(vault, case.id, "person", {"names": [{"full": "王小明"}]}).id
    (tmp_path / "portrait.txt").write_text("a face")
    api.intake.attach(vault, case.id, tmp_path / "portrait.txt", Job(), api.intake.About(record_id=person))
    fingerprint = other_vault.identity.fingerprint
    vault.close()
    (tmp_path / "note.txt").write_text("a file")
    (tmp_path / "out").mkdir()
    one = talk(vault.folder)
    one.unlock()
    one.pick("Contacts")
    one.pick("Lawyer, ✗ not verified")
    one.until("What you hear: ")
    one.type(fingerprint)
    one.until("Lawyer is verified")
    one.pick("Back")
    one.pick("Case: case one")
    one.pick("Attach files")
    one.until("ends it: ")
    one.type(str(tmp_path / "nothing"))
    one.until("not taken in")
    one.until("ends it: ")
    one.type(str(tmp_path / "note.txt"))
    one.until("✓ taken in")
    one.until("ends it: ")
    one.type("")
    for answer, said in (("no", "Nothing was sealed."), ("yes", "✓ ")):
        one.pick("Seal")
        one.pick("Lawyer")
        one.until("reads this.: ")
        one.type("a complaint")
        said_before = one.until("Look it over")
        assert "what he said" in said_before
        assert "What for: a complaint" in said_before
        assert "王小明, in the text of" in said_before
        assert "Person: 王小明" in said_before, "a record leaves although all that it says stays"
        before, after = said_before.split("These files stay: ")
        assert ("portrait.txt" in before, "portrait.txt" in after) == (False, True)
        one.pick("Let it leave: File: portrait.txt")
        said_before = one.until("Look it over")
        assert "portrait.txt" in said_before and "These files stay" not in said_before
        one.pick("Go on")
        one.until("no consent is noted")
        one.until("for yes: ")
        one.type("yes")
        one.until("Folder to write into: ")
        one.type(str(tmp_path / "out"))
        one.until("for yes: ")
        assert not list((tmp_path / "out").iterdir())
        one.type(answer)
        one.until(said)
    one.until("SHA-256")
    one.key(b"\x04")
    assert one.end() == 0
    (bundle,) = (tmp_path / "out").glob("*.age")
    assert api.receiving.look(other_vault, bundle, Job()).contents.files == 2


def test_a_bundle_is_received_with_its_report_and_the_vault_is_checked(talk, vault, other_vault, made_vault, tmp_path):
    api.contacts.add_card(other_vault, api.contacts.card(vault, "Receiver"))
    case = api.cases.add(other_vault, "case")
    api.records.add(other_vault, case.id, "testimony", {"statement": "\x1b[31mred\u202e"})
    api.sealing.seal(other_vault, api.sealing.Choice(case.id), ["Receiver"], tmp_path / "b.age", Job())
    fingerprint = other_vault.identity.fingerprint
    vault.close()
    one = talk(vault.folder)
    one.unlock()
    one.pick("Receive")
    one.until("Path of the bundle: ")
    one.type(str(tmp_path / "b.age"))
    one.until("INTACT")
    one.pick("Compare fingerprints")
    one.until("What you hear: ")
    one.type(fingerprint)
    one.until("VERIFIED")
    one.pick("Take it in")
    one.until("Taken in: 1 record.")
    one.pick("Check everything")
    one.until("Everything holds together.")
    one.pick("Case: ")
    one.pick("1 record")
    one.pick("Testimony")
    one.until("red")
    one.key(b"\x04")
    assert one.end() == 0
    assert "\x1b" not in one.output
    assert "\u202e" not in one.output


def test_the_same_words_in_chinese(talk, folder):
    one = talk(folder, "--language", "zh-Hans")
    one.until("其他方式")
    one.type("")
    said = one.until("0. 离开")
    assert "证据库" in one.output
    assert "1. 解锁" in said


SHARE_PASSPHRASE = "timber violet anchor ribbon thunder candle"


def share_into(one, folder: Path) -> None:
    """Have one share written into a folder, with a passphrase of its own."""
    one.pick("Write a file")
    one.until("Folder to write into: ")
    one.type(str(folder))
    for _time in range(2):
        one.until("nothing is shown")
        one.type(f"{SHARE_PASSPHRASE} {folder.name}")


def bring(one, file: Path) -> None:
    one.pick("Open its file")
    one.until("Path of the file: ")
    one.type(str(file))
    one.until("nothing is shown")
    one.type(f"{SHARE_PASSPHRASE} {file.parent.name}")


def test_a_first_run_makes_shares_and_they_open_the_vault_when_the_passphrase_is_lost(talk, tmp_path):
    places = [tmp_path / name for name in ("one", "two", "three")]
    for place in places:
        place.mkdir()
    one = talk(tmp_path / "new")
    one.pick("Make the vault")
    one.pick("Type one of my own")
    for _time in range(2):
        one.until("nothing is shown")
        one.type(PASSPHRASE)
    one.pick("Make recovery shares")
    for _question in range(2):
        one.until("): ")
        one.type("")
    share_into(one, places[0])
    one.until("✓ Share 1: ")
    one.pick("Write a file")
    one.until("Folder to write into: ")
    one.type(str(places[0]))
    one.until("!")
    one.pick("Write a file")
    one.until("Folder to write into: ")
    one.type(str(places[1]))
    for _time in range(2):
        one.until("nothing is shown")
        one.type(f"{SHARE_PASSPHRASE} {places[0].name}")
    one.until("Another share has this passphrase already.")
    share_into(one, places[1])
    one.until("✓ Share 2: ")
    share_into(one, places[2])
    one.until("any 2 of 3 open the vault")
    one.until("for yes: ")
    one.type("yes")
    files = [next(place.glob("*.age")) for place in places]
    bring(one, files[2])
    bring(one, files[2])
    one.until("You have brought share 3 already.")
    bring(one, files[0])
    one.until("✓ These shares open this vault. Nothing was changed.")
    one.pick("Lock")
    one.until("other ways")
    one.type("")
    one.pick("The passphrase is lost")
    bring(one, files[0])
    bring(one, files[1])
    new = "garden ribbon thunder candle violet anchor"
    for _time in range(2):
        one.until("nothing is shown")
        one.type(new)
    one.until("✓ The new passphrase is set")
    one.until("0 cases")
    one.key(b"\x04")
    assert one.end() == 0
    assert not {PASSPHRASE, SHARE_PASSPHRASE, new} & set(one.output.splitlines())
    assert all(secret not in one.output for secret in (PASSPHRASE, SHARE_PASSPHRASE, new))
    assert "\x1b" not in one.output
    api.setup.unlock(tmp_path / "new", api.to_secret(new)).close()


def test_words_of_a_share_are_said_only_after_a_warning_asked_back_unseen_and_stopping_changes_nothing(
    talk, folder, made_vault
):
    one = talk(folder)
    one.unlock()
    one.pick("Make recovery shares")
    for _question in range(2):
        one.until("): ")
        one.type("")
    one.pick("Say its words")
    assert "a screen reader says them aloud" in one.until("for yes: ")
    one.type("no")
    one.pick("Say its words")
    one.until("for yes: ")
    assert not re.search(r"^33\. ", one.output, re.MULTILINE)
    one.type("yes")
    for number in range(1, 34):
        one.until(f"{number}. ")
        one.type("")
    words = dict(re.findall(r"^(\d+)\. (\w+): ", one.output, re.MULTILINE))
    assert len(words) == 33
    for wrong in (True, False):
        for _word in range(2):
            number = re.search(r"Word (\d+) ", one.until("nothing is shown"))[1]
            one.type("wrong" if wrong else words[number])
        if wrong:
            one.until("not what was shown")
            for place in range(1, 34):
                one.until(f"{place}. ")
                one.type("")
    one.until("✓ Share 1: on paper")
    one.pick("Stop making shares")
    one.until("Nothing is changed.")
    one.key(b"\x04")
    assert one.end() == 0
    vault = opened(folder, made_vault)
    assert not api.recovery.has_shares(vault)
    vault.close()


def test_consent_is_noted_line_by_line_and_taken_back(talk, folder, made_vault):
    one = talk(folder)
    one.unlock()
    one.pick("New case")
    one.until("sees it.: ")
    one.type("case one")
    one.pick("Write a new testimony")
    one.until("Line: ")
    one.type("I saw it.")
    one.until("Line: ")
    one.type(".")
    one.pick("Note what was agreed to")
    one.pick("– To courts and prosecutors")
    one.pick("– Published with their name")
    one.pick("✓ Published with their name")
    one.pick("Done")
    one.pick("Pseudonym only")
    one.pick("Done")
    one.pick("yes")
    one.until("Agreed on: ")
    one.type("2026-11-02")
    one.pick("The person")
    one.pick("Spoken")
    one.pick("not known")
    one.until("Conditions: ")
    one.type("")
    one.until("Ask again on: ")
    one.type("")
    one.pick("Sign")
    assert "No consent is noted" not in one.until("for yes: ")
    one.type("yes")
    one.until("Signed: version 1")
    one.pick("1 record")
    one.pick("Testimony")
    one.pick("It was taken back")
    one.until("and how: ")
    one.type("he called")
    one.until("for yes: ")
    one.type("yes")
    one.until("Signed: version 2")
    one.key(b"\x04")
    assert one.end() == 0
    vault = opened(folder, made_vault)
    (case,) = api.cases.page(vault)
    (record,) = api.records.page(vault, case.id)
    first, second = (api.records.show(vault, record.id, number).fields["consent"] for number in (1, 2))
    vault.close()
    assert first == {
        "uses": ["court"], "name_use": "pseudonym", "risks_explained": "yes", "agreed_by": "self", "how": "spoken",
        "interpreted": "unknown", "agreed_on": {"value": "2026-11-02", "precision": "day", "qualifier": "exact"},
    }  # fmt: skip
    assert second == first | {"withdrawn_how": "he called"}


def test_what_became_of_files_that_were_going_in_is_said_once_also_of_a_file_that_goes_in_here(
    talk, vault, made_vault, tmp_path
):
    case = api.cases.add(vault, "lantern")
    api.intake.note_begun(vault, case.id, 3)
    vault.close()
    (tmp_path / "film.mp4").touch()
    os.truncate(tmp_path / "film.mp4", 4 << 30)
    told = "Files were going in when the vault was closed"
    one = talk(vault.folder)
    one.until("other ways")
    one.type(PASSPHRASE)
    one.until(told)
    one.until("lantern: 0 of 3 files went in, 3 did not.")
    one.pick("Case: lantern")
    one.pick("Attach files")
    one.until("Path of the file")
    one.type(str(tmp_path / "film.mp4"))
    one.until("Taking in a file.")
    one.until("%")
    one.process.kill()
    again = talk(vault.folder)
    again.until("other ways")
    again.type(PASSPHRASE)
    again.until(told)
    again.until("lantern: 0 of 1 files went in, 1 did not.")
