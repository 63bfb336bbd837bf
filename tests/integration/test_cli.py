"""The `evault` commands: fields and exit codes by contract, no traceback, no secret, nothing raw on the terminal."""

import contextlib
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.bundle_world import Sender, an_id
from tests.vault_world import PASSPHRASE, PHOTO, introduce, make_vault, reopen, rows, seal
from tui.cli import commands
from tui.cli.context import about, hint
from tui.cli.parser import build
from tui.cli.run import run
from tui.notices import TABLE, notice_for
from tui.text import shown
from vault import api, errors
from vault.bundle.contents import OutgoingRecord
from vault.formats.age import X25519Identity, decrypt_bytes
from vault.formats.record import sign_record
from vault.jobs import Job

ROOT = Path(__file__).parents[2]
ESCAPES = "\x1b]0;owned\x07\x1b[31mred"
TURNED = "\u202egpj.exe"
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, which only Linux has")
EXITS = {0, 1, 2, 3, 4, 5, 6, 70, 130}


@pytest.fixture
def evault(tmp_path, capfd, monkeypatch):
    """Run a command here and return (exit code, standard output, standard error).

    Whatever the command is, there is no traceback, no secret, and with `--json` exactly one object.
    """

    def call(*words, secrets=(PASSPHRASE,), vault="vault", stdin=b""):
        reading, writing = os.pipe()
        os.write(writing, "".join(f"{line}\n" for line in secrets).encode())
        os.close(writing)
        monkeypatch.setattr(sys, "stdin", None if stdin is None else io.TextIOWrapper(io.BytesIO(stdin)))
        capfd.readouterr()
        try:
            code = run(["--vault", str(tmp_path / vault), "--passphrase-fd", str(reading), *map(str, words)])
        finally:
            os.close(reading)
        out, err = capfd.readouterr()
        assert code in EXITS
        for text in (out, err):
            assert "Traceback" not in text
            assert not any(secret and secret in text for secret in secrets)
            assert shown(text, lines=True) == text
        return code, out, err

    return call


@pytest.fixture
def told(evault):
    """Run a command with `--json` and return (exit code, the object)."""

    def call(*words, **more):
        code, out, _ = evault("--json", *words, **more)
        assert out.count("\n") == 1
        value = json.loads(out)
        assert value["exit"] == code
        assert value["ok"] is (code == 0)
        assert (value["error"] is None) is (code in (0, 6))
        if value["error"]:
            assert set(value["error"]) == {"code", "message", "advice"}
            assert value["error"]["message"]
        return code, value

    return call


@pytest.fixture
def place(tmp_path):
    """A vault with a case, a testimony, a photo and a contact, closed; and the ids."""
    vault, other = make_vault(tmp_path / "vault"), make_vault(tmp_path / "other", 1)
    case = api.cases.add(vault, "案件 one").id
    testimony = api.records.add(vault, case, "testimony", {"statement": "我在乌鲁木齐被拘留", "title": "title"}).id
    photo = api.intake.attach(vault, case, PHOTO, Job()).id
    introduce(vault, other, "Lawyer")
    introduce(other, vault, "Defender")
    (tmp_path / "card").write_text(api.contacts.card(other, "Lawyer"))
    theirs = api.cases.add(other, "theirs").id
    api.records.add(other, theirs, "note", {"text": "from the lawyer"})
    seal(other, theirs, "Defender", tmp_path / "back.age")
    vault.close()
    other.close()
    return {"vault": vault, "case": case, "testimony": testimony, "photo": photo,
            "fingerprint": other.identity.fingerprint}  # fmt: skip


# -- the contract ---------------------------------------------------------------------------------------------------

FINDING = {"step", "code", "severity", "where", "message"}


def test_every_command_prints_the_fields_of_the_contract(told, place, tmp_path):
    case, testimony, photo = place["case"], place["testimony"], place["photo"]
    (tmp_path / "text").write_text("text of a testimony")
    (tmp_path / "note.toml").write_text('text = "a note"\n')
    (tmp_path / "person.toml").write_text('[[names]]\nfull = "somebody"\n')
    (tmp_path / "outbox").mkdir()

    def good(fields, *words, code=0, **more):
        found, value = told(*words, **more)
        assert (found, sorted(set(fields.split()) - set(value))) == (code, [])
        return value

    assert good("fingerprint recipient ssh_public_key", "identity", "show")["recipient"].startswith("age1pq1")
    good("fingerprint recipient ssh_public_key file", "identity", "card", "--out", tmp_path / "my.card", "--name", "Me")
    good(
        "fingerprint recipient ssh_public_key file", "identity", "export", "--type", "x25519", "--out", tmp_path / "key"
    )
    assert (tmp_path / "key").read_text().startswith("AGE-SECRET-KEY-1")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    good("name fingerprint verified", "contact", "add", tmp_path / "card")
    (contact,) = good("contacts", "contact", "list")["contacts"]
    assert contact == {**contact, "name": "Lawyer", "verified": True, "fingerprint": place["fingerprint"]}
    good("name fingerprint verified", "contact", "verify", "Lawyer", "--fingerprint", place["fingerprint"])
    assert good("name verified", "contact", "rename", "Lawyer", "Ms Bo")["verified"]
    good("name", "contact", "rename", "Ms Bo", "Lawyer")
    good("name", "contact", "add", "--name", "Spare", "--recipient", X25519Identity.generate().recipient.text)
    good("name fingerprint", "contact", "remove", "Spare", "--why", "no longer")
    second = good("id", "case", "add", "--title", "another case")["id"]
    listed = good("cases", "case", "list")["cases"]
    assert [one["id"] for one in listed] == [second, case]
    seen = good("id title records attachments", "case", "show", case)
    assert [one["id"] for one in seen["records"]] == [testimony]
    assert [(one["id"], len(one["sha256"])) for one in seen["attachments"]] == [(photo, 64)]
    made = good("id version digest", "testimony", "add", "--case", second, "--file", tmp_path / "text", "--lang", "en",
                "--title", "t")  # fmt: skip
    note = good("id version digest", "record", "add", "--case", second, "--type", "note", "--file",
                tmp_path / "note.toml")["id"]  # fmt: skip
    (tmp_path / "note.toml").write_text('text = "Second note"', encoding="utf-8")
    corrected = good("id version digest changed", "record", "correct", note, "--file", tmp_path / "note.toml", "--why",
                     "slip")  # fmt: skip
    assert (made["version"], corrected["version"]) == (1, 2)
    assert len(good("records", "record", "list", "--case", second)["records"]) == 2
    record = good("fields versions type disclosure toml", "record", "show", note)
    assert (record["type"], record["fields"], len(record["versions"])) == ("note", {"text": "Second note"}, 2)
    good("id", "record", "delete", note, "--why", "a reason")
    (one,) = good("attachments", "attachment", "list", "--case", case)["attachments"]
    assert (one["size"], one["media_type"]) == (PHOTO.stat().st_size, "image/jpeg")
    assert good("attachments", "attachment", "show", photo)["attachments"][0]["fields"]["original_name"] == PHOTO.name
    (taken,) = good("attachments", "attach", "--case", second, "--record", made["id"], tmp_path / "text")["attachments"]
    assert {"id", "sha256", "size"} <= set(taken)
    assert good("sha256", "extract", photo, "--out", tmp_path / "p.jpg")["sha256"] == one["sha256"]
    assert (tmp_path / "p.jpg").read_bytes() == PHOTO.read_bytes()
    (hit,) = good("hits", "search", "--limit", "5", "--", "乌鲁木齐")["hits"]
    assert {"id": testimony, "case": case}.items() <= hit.items()
    sealed = good("bundles", "seal", "--case", case, "--to", "Lawyer", "--out", tmp_path / "outbox", "--purpose", "p",
                  "--disclose", f"{testimony}:title", "--withhold", f"{photo}:*")["bundles"]  # fmt: skip
    assert {"file", "bundle_id", "sha256", "recipient"} <= set(sealed[0])
    assert sealed[0]["recipient"] == "Lawyer"
    good("file", "reveal", f"{testimony}:title", "--to", "Lawyer", "--out", tmp_path / "r.age")
    opened = good("verdict findings signer", "open", tmp_path / "back.age", "--out", tmp_path / "bag")
    assert (opened["verdict"], opened["signer"]) == ("verified", place["fingerprint"])
    received = good("verdict findings case", "receive", tmp_path / "back.age")
    assert received["verdict"] == "verified"
    assert len(good("records", "case", "show", received["case"])["records"]) == 1
    again = good("verdict findings case", "receive", tmp_path / "back.age", code=1)
    assert set(again["findings"][0]) == FINDING
    good("verdict findings signer", "verify", tmp_path / "bag", code=6, secrets=())
    good("verdict findings signer", "verify", tmp_path / "bag", "--signer", place["fingerprint"], secrets=())
    on_paper = good("size root entries written", "log", "show", "--limit", "3")["written"]
    good("size root", "log", "verify")
    good("size root", "log", "checkpoint", "--out", tmp_path / "anchor")
    good("size root", "log", "prove", testimony, "--out", tmp_path / "proof")
    checked = good("findings anchored", "check", "--anchor", tmp_path / "anchor", "--anchor", tmp_path / "proof")
    assert (checked["findings"], checked["anchored"]) == ([], "yes")
    assert good("anchored", "check", "--written", on_paper)["anchored"] == "yes"
    assert good("bytes_written", "backup", tmp_path / "stick")["bytes_written"] > 0


def test_keys_shares_and_restoring(told, evault, place, tmp_path):
    trustees, new = [X25519Identity.generate(), X25519Identity.generate()], "copper meadow lantern window"
    words, again = ["recovery", "make"], ["recovery", "make"]
    for name, trustee in zip(("a", "b"), trustees, strict=True):
        (tmp_path / name).mkdir()
        words += ["--out", tmp_path / name, "--trustee", trustee.recipient.text]
        again += ["--out", tmp_path / name, "--trustee", trustees[0].recipient.text]
    assert told(*again, secrets=())[1]["error"]["message"] == "One trustee would hold two shares."
    weak = told(
        "recovery",
        "make",
        "--out",
        tmp_path / "a",
        "--out",
        tmp_path / "b",
        secrets=(PASSPHRASE, "qwerty12", "letmein1"),
    )
    assert weak[1]["error"]["message"].startswith("Share 1: Too weak.")
    same = told("recovery", "make", "--out", tmp_path / "a", "--out", tmp_path / "b", secrets=(PASSPHRASE, new, new))
    assert (same[0], same[1]["error"]["message"]) == (4, "Share 2: Another share has this passphrase already.")
    assert not [*(tmp_path / "a").iterdir(), *(tmp_path / "b").iterdir()]
    code, value = told(*words)
    assert (code, value["threshold"], len(value["shares"])) == (0, 2, 2)
    shares = []
    for share in value["shares"]:
        shares.append(tmp_path / f"share {share['index']}")
        shares[-1].write_bytes(decrypt_bytes(Path(share["file"]).read_bytes(), identities=trustees))
    assert told("recovery", "check", *shares)[1]["generation"] >= 1
    assert told("backup", tmp_path / "stick")[0] == 0
    code, value = told("passwd", secrets=(PASSPHRASE, new))
    assert (code, "generation" in value) == (0, True)
    assert told("case", "list")[1]["error"]["code"] == "wrong-passphrase"
    assert "generation" in told("rekey", secrets=(new,))[1]
    code, value = told("recovery", "use", *shares, secrets=(PASSPHRASE,))
    assert (code, [type(index) for index in value["shares"]]) == (0, [int, int])
    assert told("case", "list")[0] == 0
    assert told("restore", tmp_path / "stick", vault="restored")[1]["bytes_written"] > 0
    assert told("restore", tmp_path / "stick", vault="restored")[1]["error"]["code"] == "exists"
    assert told("check", vault="restored")[0] == 0
    code, _, err = evault("restore", tmp_path, vault="found")
    assert (code, err) == (0, f"The backup is in {tmp_path / 'stick'}.\n")
    advice = told("backup", tmp_path)[1]["error"]["advice"]
    assert advice == f"There is a backup in {tmp_path / 'stick'}: name that folder, or a new one."


def test_a_new_vault_and_a_phrase_for_it(told, evault, tmp_path):
    code, value = told("phrase", "--words", "6")
    assert (code, len(value["phrase"].split())) == (0, 6)
    code, value = told("init", "--name", "Somebody", vault="new", secrets=(value["phrase"],))
    assert (code, value["vault"]) == (0, str(tmp_path / "new"))
    assert len(value["fingerprint"]) == 47
    code, value = told("init", vault="new")
    assert (code, value["error"]["code"]) == (4, "exists")
    assert str(tmp_path / "new") in value["error"]["message"]
    code, value = told("init", vault="weak", secrets=("password",))
    assert (code, value["error"]["message"].startswith("Too weak")) == (4, True)
    assert not (tmp_path / "weak").exists()
    assert evault("init", vault="weak", secrets=("password",))[2].count("Too weak") == 1
    assert "Next" in evault("init", vault="third")[1]


def test_every_command_of_the_parser_is_run_by_something():
    def parts(parser):
        groups = [
            action for action in parser._actions if hasattr(action, "choices") and isinstance(action.choices, dict)
        ]
        return groups[0].choices if groups else {}

    found = set()
    for name, command in parts(build()).items():
        found |= {(name, part) for part in parts(command)} or {(name, "")}
        assert "description" in vars(command)
        assert command.description
    assert found == set(commands._TABLE)


def test_help_leaves_no_argument_unexplained_and_says_what_is_needed():
    def silent(parser):
        for action in parser._actions:
            if isinstance(action.choices, dict):
                for part in action.choices.values():
                    yield from silent(part)
            elif not (action.help or "").removeprefix("('-': asked for)"):
                yield f"{parser.prog}: {action.dest}"

    assert list(silent(build())) == []
    usage = {}
    for words in ("seal", "contact add", ""):
        with contextlib.redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit):
            build().parse_args([*words.split(), "--help"])
        usage[words] = " ".join(out.getvalue().partition("\n\n")[0].split())
    assert "--case ID (--to NAME | --with-passphrase) (--out FILE_OR_DIR | --preview) [" in usage["seal"]
    assert (
        "contact add [-h] CARD [--name NAME] evault contact add [-h] --name NAME --recipient age1…"
        in usage["contact add"]
    )
    assert usage[""].endswith(
        "[--linear] opens the screens evault [--vault DIR] [--passphrase-fd N] [--json] COMMAND ..."
    )


@pytest.mark.parametrize("name", ["seal", "receive", "recovery use", "passwd", "restore"])
def test_help_says_which_secrets_are_asked_for_in_which_order(name, capsys):
    with pytest.raises(SystemExit) as ended:
        run([*name.split(), "--help"])
    assert ended.value.code == 0
    assert "Secrets: " in capsys.readouterr().out


@pytest.mark.parametrize(("words", "text"), [("--version", "evault 0."), ("seal --help", "Secrets: ")])
def test_help_and_version_are_one_json_object_where_json_is_asked_for(words, text, capsys):
    assert run(["--json", *words.split()]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["ok"], shown["exit"], shown["error"]) == (True, 0, None)
    assert text in shown["text"]


def test_the_table_of_notices_knows_every_error():
    def below(kind):
        return {kind}.union(*(below(one) for one in kind.__subclasses__() if one.__module__ == "vault.errors"))

    known = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.VaultError)}
    assert known == below(errors.VaultError) == set(TABLE)
    assert len({notice.code for notice in TABLE.values()}) == len(TABLE)
    assert {notice.exit for notice in TABLE.values()} <= EXITS - {0, 2, 6}
    assert {notice.severity for notice in TABLE.values()} == {"error", "warning"}
    assert all(notice.title for notice in TABLE.values())

    class OfAScreen(errors.NotForUsError):
        """A kind that the table does not name."""

    assert notice_for(OfAScreen("x")) is TABLE[errors.NotForUsError]


def test_sealing_says_what_left_and_what_stayed(evault, told, place, tmp_path):
    words = ("seal", "--case", place["case"], "--to", "Lawyer", "--accept-metadata", "--out")
    code, out, _ = evault(*words, tmp_path / "1.age")
    assert code == 0
    assert f"{place['testimony']}  testimony\n    leaves: statement\n    stays:  title\n" in out
    assert f"    the file itself leaves: {PHOTO.name}, " in out
    assert "SHA-256" in out
    records = {one["id"]: one for one in told(*words, tmp_path / "2.age")[1]["records"]}
    assert records[place["testimony"]]["disclosed"] == ["statement"]
    assert records[place["testimony"]]["withheld"] == ["title"]
    assert "original_name" in records[place["photo"]]["withheld"]


def test_which_age_opens_a_bundle_is_said_where_it_has_to_be_a_new_one(evault, told, place, tmp_path):
    plain = X25519Identity.generate().recipient.text
    assert told("contact", "add", "--name", "Court", "--recipient", plain)[0] == 0
    words = ("seal", "--case", place["case"], "--accept-metadata", "--out")
    said = "    Without this program it opens with age 1.3 or later"
    assert said in evault(*words, tmp_path / "1.age", "--to", "Lawyer")[1]
    assert said not in evault(*words, tmp_path / "2.age", "--to", "Court")[1]
    reveal = ("reveal", f"{place['testimony']}:title", "--out")
    assert said in evault(*reveal, tmp_path / "3.age", "--to", "Lawyer")[1]
    made = told(*words, tmp_path / "4.age", "--to", "Lawyer")[1]["bundles"]
    assert [one["kind"] for one in made] == ["mlkem768x25519"]
    secrets = (PASSPHRASE, "garden ribbon thunder candle violet anchor")
    assert said not in evault(*words, tmp_path / "5.age", "--with-passphrase", secrets=secrets)[1]


def test_a_preview_says_what_sealing_would_send_and_writes_nothing(evault, told, place, tmp_path):
    (tmp_path / "person.toml").write_text('pseudonym = "W"\n[[names]]\nfull = "Somebody"\n')
    person = told("record", "add", "--case", place["case"], "--type", "person", "--file", tmp_path / "person.toml")[1][
        "id"
    ]
    (tmp_path / "card2").write_text((tmp_path / "card").read_text())
    before = sorted(path.name for path in tmp_path.iterdir()), len(told("log", "show")[1]["entries"])
    words = ("seal", "--case", place["case"], "--to", "Lawyer", "--withhold", f"{place['testimony']}:statement")
    code, value = told(*words, "--preview")
    assert (code, value["bundles"], value["people"]) == (0, [], [person])
    assert value["recipients"] == [{"name": "Lawyer", "verified": True}]
    records = {one["id"]: one for one in value["records"]}
    assert records[place["testimony"]]["disclosed"] == []
    photo = records[place["photo"]]
    assert (photo["title"], photo["content"], photo["size"]) == (PHOTO.name, True, PHOTO.stat().st_size)
    assert {"location", "device"} <= set(photo["carries"])
    out = evault(*words, "--preview")[1]
    assert f"{PHOTO.name}, " in out
    assert "in it: the place, the device" in out
    assert "People with a record of their own in it: " in out
    assert out.endswith("Each of these would see that: Lawyer.\nNothing was written.\n")
    assert (sorted(path.name for path in tmp_path.iterdir()), len(told("log", "show")[1]["entries"])) == before
    sealed = told(*words, "--accept-metadata", "--out", tmp_path / "b.age")[1]
    assert sealed["records"] == value["records"]
    assert told("seal", "--case", place["case"], "--to", "Nobody", "--preview")[0] == 4
    assert told("seal", "--case", place["case"], "--with-passphrase", "--preview")[1]["recipients"] == []


def test_what_holds_a_seal_up_is_named(evault, told, place, tmp_path):
    words = ("seal", "--case", place["case"], "--to", "Lawyer", "--out", tmp_path / "b.age")
    code, value = told(*words)
    (held,) = value["held"]
    assert (code, value["error"]["code"], held["id"], held["name"]) == (4, "held", place["photo"], PHOTO.name)
    assert "location" in held["carries"]
    code, out, err = evault(*words)
    assert (code, out) == (4, "")
    assert f"{place['photo']}  {PHOTO.name}: the place, the device" in err
    assert not (tmp_path / "b.age").exists()


def test_the_whole_way_is_walked_and_left_without_a_trace(told, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code, value = told("demo", secrets=())
    assert (code, value["ok"]) == (0, True)
    assert value["stock_tools"] == [] or "age" in value["stock_tools"]
    assert list(tmp_path.iterdir()) == []


# -- the command line itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message", "advice"),
    [
        (
            "--language hunter2 case list",
            "--language takes a language that the screens speak.",
            "Write en or zh-Hans; ",
        ),
        ("contcat list", "There is no such command.", "Did you mean 'contact'?"),
        ("hunter2", "There is no such command.", "See 'evault --help'."),
        ("case ad", "There is no such command.", "Did you mean 'add'?"),
        ("case", "The command line lacks: {add,list,show}.", "See 'evault case --help'."),
        ("case add --title", "--title needs a value.", "See 'evault case add --help'."),
        ("case list --limit hunter2", "--limit takes a whole number.", "See 'evault case list --help'."),
        ("case list hunter2", "There is a word or an option", "See 'evault --help'."),
        (
            "case list --json",
            "There is a word or an option",
            "Write --vault, --passphrase-fd, --json before the command.",
        ),
        ("identity export --out F --type rsa", "There is no such value for --type.", "See 'evault identity export"),
        ("case add --tit hunter2", "There is a word or an option", "See"),
        ("seal --case x --to y", "The command line needs one of: --out, --preview.", "See 'evault seal --help'."),
        (
            "seal --case x --out y",
            "The command line needs one of: --to, --with-passphrase.",
            "See 'evault seal --help'.",
        ),
        ("seal --to x --with-passphrase", "--with-passphrase and --to exclude each other.", "See"),
        ("seal --disclose hunter2", "A field is named as RECORD:FIELD.", "See 'evault"),
        ("seal --withhold hunter2:x", "A field is named as RECORD:FIELD.", "record show ID'."),
        ("reveal hunter2 --to x --out y", "A field is named as RECORD:FIELD.", "record show ID'."),
        ("contact add", "The command line needs one of: CARD, --recipient.", "See 'evault contact add --help'."),
        ("contact add hunter2 --recipient x", "--recipient and CARD exclude each other.", "See"),
        ("testimony add --lang Chinese", "--lang takes a language tag.", "Write zh-Hans, ug, bo, kk-Cyrl or en"),
        ("testimony add --lang zh_CN", "--lang takes a language tag.", "for example."),
        ("recovery make --out a", "The threshold is less than 2, or more than there are shares.", "Give --out once"),
        ("recovery make --out a --out b --threshold 1", "The threshold is less than 2", "twice at least."),
        ("recovery make --out a --out b --trustee x", "The numbers of --trustee and --out differ.", "one trustee per"),
        ("recovery make --out a --out b --trustee x --trustee x", "One trustee would hold two shares.", "Give another"),
        ("record delete x", "The command line lacks: --why.", "See 'evault record delete --help'."),
    ],
)
def test_a_wrong_command_line_is_explained_and_never_quoted(evault, told, words, message, advice):
    code, out, err = evault(*words.split())
    assert code == 2
    if "--json" in words:
        error = json.loads(out)["error"]
        out, err = "", f"evault: {error['message']} {error['advice']}\n"
    assert out == ""
    assert err.startswith(f"evault: {message}")
    assert advice in err
    assert "hunter2" not in err
    assert told(*words.split())[1]["error"]["code"] == "usage"


def test_commands_that_are_advised_name_the_vault(evault, told, place, tmp_path):
    named = f"'evault --vault {tmp_path / 'vault'} "
    assert f"{named}case list'" in told("case", "show", "f" * 32)[1]["error"]["advice"]
    assert f"{named}testimony add --case " in evault("case", "add", "--title", "x")[2]
    received = evault("receive", tmp_path / "back.age")[1]
    command = next(line for line in received.splitlines() if named in line).split("'")[1].split()
    assert run(["--passphrase-fd", str(secret_line()), *command[1:]]) == 0
    assert hint("See 'evault case list'.", "my vault") == """See 'evault --vault "my vault" case list'."""
    assert hint("See 'evault case list'.", "") == "See 'evault case list'."
    assert shown(hint("'evault check'", ESCAPES)) == hint("'evault check'", ESCAPES)


def secret_line():
    reading, writing = os.pipe()
    os.write(writing, f"{PASSPHRASE}\n".encode())
    os.close(writing)
    return reading


def test_without_a_command_there_is_short_help_on_standard_error(capsys):
    assert run([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "first steps:" in err
    assert len(err.splitlines()) < 20
    assert run(["--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["message"] == "There is no command."


def test_what_stands_behind_two_dashes_is_searched_for(evault, told, place):
    code, out, _ = evault("search", "--", "--json")
    assert (code, out) == (0, "Nothing was found.\n")
    assert told("search", "--limit", "3", "--", "-乌鲁木齐", "--vault")[1]["hits"] == []
    assert len(told("search", "--", "乌鲁木齐")[1]["hits"]) == 1
    assert told("search", "--", '"乌鲁木齐" OR NEAR(')[0] == 0


# -- what is refused ------------------------------------------------------------------------------------------------


def test_refusals_have_their_exit_code_and_name_the_file(told, place, tmp_path):
    (tmp_path / "there").write_text("untouched")
    (tmp_path / "garbage").write_bytes(os.urandom(500))
    (tmp_path / "folder").mkdir()
    (tmp_path / "blank").write_text(" \n")
    there, case, photo, blank = tmp_path / "there", place["case"], place["photo"], tmp_path / "blank"
    recipient = X25519Identity.generate().recipient.text
    for words, code, name, path in (
        (("open", tmp_path / "no.age", "--out", tmp_path / "bag"), 4, "not-found", tmp_path / "no.age"),
        (("open", tmp_path / "back.age", "--out", there), 4, "exists", there),
        (("open", tmp_path / "garbage", "--out", tmp_path / "bag"), 4, "bad-format", tmp_path / "garbage"),
        (("receive", tmp_path / "folder"), 4, "wrong-kind", tmp_path / "folder"),
        (("verify", tmp_path / "no bag"), 4, "not-found", tmp_path / "no bag"),
        (("verify", there), 4, "wrong-kind", there),
        (("contact", "add", tmp_path / "no.card"), 4, "not-found", tmp_path / "no.card"),
        (("contact", "add", tmp_path / "garbage"), 4, "bad-format", tmp_path / "garbage"),
        (("testimony", "add", "--case", case, "--file", tmp_path / "no.txt"), 4, "not-found", tmp_path / "no.txt"),
        (("identity", "card", "--out", there), 4, "exists", there),
        (("identity", "export", "--type", "hybrid", "--out", there), 4, "exists", there),
        (("log", "checkpoint", "--out", there), 4, "exists", there),
        (("log", "prove", "0", "--out", there), 4, "exists", there),
        (("extract", photo, "--out", there), 4, "exists", there),
        (("seal", "--case", case, "--to", "Lawyer", "--accept-metadata", "--out", there), 4, "exists", there),
        (("seal", "--case", case, "--to", "Lawyer", "--out", tmp_path / "b"), 4, "held", place["photo"]),
        (("seal", "--case", case, "--to", "Nobody", "--out", tmp_path / "b"), 4, "not-found", "(--to)."),
        (("seal", "--case", "f" * 32, "--to", "Lawyer", "--out", tmp_path / "b"), 4, "not-found", ""),
        (("reveal", f"{photo}:nothing", "--to", "Lawyer", "--out", tmp_path / "b"), 4, "not-found", ""),
        (("record", "show", "f" * 32), 4, "not-found", ""),
        (("record", "add", "--case", case, "--type", "no", "--file", there), 4, "bad-format", ""),
        (("contact", "verify", "Lawyer", "--fingerprint", "12345"), 4, "refused", "(--fingerprint)"),
        (("contact", "verify", "Nobody", "--fingerprint", "12345 " * 8), 4, "not-found", "of that name."),
        (("contact", "add", there), 4, "bad-format", there),
        (("contact", "add", "--name", "A", "--recipient", "age1x"), 4, "bad-format", "string (age1…)"),
        (("contact", "add", "--name", "A", "--recipient", "age1x"), 4, "bad-format", "(--recipient)."),
        (("contact", "add", "--name", "A", "--recipient", recipient, "--ssh-key", there), 4, "bad-format", there),
        (("receive", tmp_path / "back.age", "--signer", "123"), 4, "refused", "(--signer)."),
        (("open", tmp_path / "back.age", "--out", tmp_path / "bag", "--signer", "1"), 4, "refused", "(--signer)."),
        (("verify", tmp_path, "--signer", "123"), 4, "refused", "(--signer)."),
        (("open", tmp_path / "back.age", "--out", tmp_path / "no" / "bag"), 4, "not-found", f"({tmp_path / 'no'})."),
        (("extract", photo, "--out", tmp_path / "no" / "f"), 4, "not-found", f"({tmp_path / 'no'})."),
        (("extract", "f" * 32, "--out", tmp_path / "f"), 4, "not-found", "of that id."),
        (("identity", "card", "--out", tmp_path / "no" / "f"), 4, "not-found", f"({tmp_path / 'no'})."),
        (("log", "checkpoint", "--out", tmp_path / "no" / "f"), 4, "not-found", f"({tmp_path / 'no'})."),
        (("check", "--anchor", there), 4, "bad-format", there),
        (("recovery", "check", there), 4, "refused", there),
        (("recovery", "make", "--out", tmp_path / "folder", "--out", there), 4, "refused", f"({there})."),
        (
            ("recovery", "make", "--out", tmp_path / "folder", "--out", tmp_path, "--trustee", "a", "--trustee", "b"),
            4,
            "bad-format",
            "(--trustee).",
        ),
        (("testimony", "add", "--case", case, "--file", tmp_path / "garbage"), 4, "bad-format", tmp_path / "garbage"),
        (("testimony", "add", "--case", case, "--file", tmp_path / "folder"), 4, "wrong-kind", "a folder ("),
        (("testimony", "add", "--case", case, "--file", blank), 4, "refused", f"There is no text in it ({blank})."),
        (("record", "add", "--case", case, "--type", "note", "--file", blank), 4, "refused", f"required ({blank})."),
        (("record", "add", "--case", case, "--type", "no", "--file", blank), 4, "not-found", "of that name."),
        (("record", "correct", place["testimony"], "--file", there), 4, "bad-format", f"({there})."),
        (("contact", "verify", "Lawyer", "--fingerprint", "12345 " * 8), 1, "integrity", ""),
        (("restore", tmp_path / "folder"), 4, "", ""),
        (("phrase", "--words", "1"), 4, "refused", ""),
    ):
        found, value = told(*words)
        assert (found, words[:2], value["error"]["code"]) == (code, words[:2], name or value["error"]["code"])
        assert str(path) in value["error"]["message"], words
        assert re.match(r"[A-Z1][^:]*(: [^:]*)?\.$", value["error"]["message"].replace(str(tmp_path), "")), value[
            "error"
        ]
        assert value["error"]["advice"]
    assert there.read_text() == "untouched"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "back.age", "blank", "card", "folder", "garbage", "other", "there", "vault"
    ]  # fmt: skip


def test_a_bundle_that_was_cut_off_is_said_to_be_that_by_every_opening(told, place, tmp_path):
    altered = "The file is incomplete or was altered: its length is not that of a whole bundle"
    vault = reopen(place["vault"])
    secret = "gravel window harvest lantern"
    own = api.sealing.Choice(place["case"], accept_metadata=True)
    api.sealing.seal_with_passphrase(vault, own, api.to_secret(secret), tmp_path / "own.age", Job())
    vault.close()
    for name, secrets, more in (
        ("back.age", (PASSPHRASE,), ()), ("own.age", (secret,), ("--with-passphrase",)),
    ):  # fmt: skip
        whole = (tmp_path / name).read_bytes()
        for cut in (len(whole) // 2, len(whole) - 1):
            (tmp_path / "cut.age").write_bytes(whole[:cut])
            for command in ("open", "receive"):
                lines = (PASSPHRASE, secret) if (command, more) == ("receive", ("--with-passphrase",)) else secrets
                words = (
                    command,
                    tmp_path / "cut.age",
                    *more,
                    *(("--out", tmp_path / "bag") if command == "open" else ()),
                )
                code, value = told(*words, secrets=lines)
                error = value["error"]
                assert (code, error["code"], error["advice"]) == (4, "truncated", "Ask for it again.")
                assert error["message"] == f"{altered} ({tmp_path / 'cut.age'})."
    assert not (tmp_path / "bag").exists()


def test_what_is_no_opened_bundle_is_said_in_a_sentence(told, place, tmp_path):
    bag, other = tmp_path / "folder" / "bag", tmp_path / "pictures"
    bag.parent.mkdir()
    other.mkdir()
    for number in range(50):
        (other / f"{number}.jpg").write_bytes(b"x")
    assert told("open", tmp_path / "back.age", "--out", bag)[0] == 0
    for path, message in (
        (other, f"This folder is not an opened bundle ({other})."),
        (bag / "data", f"This folder is not an opened bundle ({bag / 'data'})."),
        (tmp_path / "vault", f"This folder is not an opened bundle ({tmp_path / 'vault'})."),
        (tmp_path / "back.age", f"This is a file, not an opened bundle ({tmp_path / 'back.age'})."),
    ):
        code, value = told("verify", path, secrets=())
        assert (code, value["error"]["code"], value["error"]["message"]) == (4, "wrong-kind", message)
        assert "evault" in value["error"]["advice"]
        assert "open" in value["error"]["advice"]
    for path in (bag, bag.parent):
        assert told("verify", path, "--signer", place["fingerprint"], secrets=())[0] == 0
    (bag / "bagit.txt").unlink()
    assert told("verify", bag, secrets=())[1]["findings"][0]["code"] == "missing-file"


@pytest.mark.parametrize("name", [".DS_Store", "data/Thumbs.db", "data/records/desktop.ini", "._bagit.txt"])
def test_what_a_file_manager_left_in_a_bag_is_refused_and_said_to_be_that(told, place, tmp_path, name):
    assert told("open", tmp_path / "back.age", "--out", tmp_path / "bag")[0] == 0
    (tmp_path / "bag" / name).write_text("x")
    code, value = told("verify", tmp_path / "bag", "--signer", place["fingerprint"], secrets=())
    assert (code, value["verdict"]) == (1, "failed")
    assert [(one["code"], one["where"]) for one in value["findings"]] == [("left-behind", name)]
    assert "Delete" in value["findings"][0]["message"]
    assert value["error"]["advice"] == "Delete the files of file managers and verify again."
    (tmp_path / "bag" / name).unlink()
    assert told("verify", tmp_path / "bag", "--signer", place["fingerprint"], secrets=())[0] == 0
    (tmp_path / "bag" / name).mkdir()
    assert told("verify", tmp_path / "bag", secrets=())[1]["findings"][0]["code"] == "unexpected-name"


def test_files_that_are_refused_are_named_and_the_others_are_taken_in(told, evault, place, tmp_path):
    good = tmp_path / "good.txt"
    good.write_text("x")
    os.mkfifo(tmp_path / "fifo")
    words = ("attach", "--case", place["case"], tmp_path / "no", tmp_path, tmp_path / "fifo", "/dev/null", good)
    code, value = told(*words)
    assert (code, value["error"]["code"]) == (4, "wrong-kind")
    assert value["error"]["message"] == "4 of 5 files were not taken in."
    assert [one["file"] for one in value["refused"]] == [str(word) for word in words[3:7]]
    assert [one["original_name"] for one in value["attachments"]] == ["good.txt"]
    _, _, err = evault(*words)
    assert err.count("NOT taken in: ") == 4
    folder = (
        f"NOT taken in: {tmp_path}: The file to attach is not a regular file but a folder. Name its files: 'evault "
    )
    assert f"{folder}--vault {tmp_path / 'vault'} attach --case ID FOLDER/*'" in err
    assert err.count("Name its files") == 1
    value = told("attach", "--case", place["case"], tmp_path)[1]
    assert value["error"]["advice"].startswith("Name its files: ")
    assert f"Taken in: {good}" in err


def test_what_a_file_carries_and_that_it_is_there_already_is_said(told, evault, place, tmp_path):
    (tmp_path / "new.txt").write_text("plain")
    words = ("attach", "--case", place["case"], PHOTO, tmp_path / "new.txt", tmp_path / "new.txt")
    err = evault(*words)[2]
    assert re.search(rf"Taken in: \S+{PHOTO.name} \([^;]+; in it: the place, the device", err)
    assert f"\n    The same file is in this case already, as {place['photo']}.\n" in err
    assert err.count("The same file is in this case already") == 2
    value = told(*words)[1]
    photo, first, second = (one["id"] for one in value["attachments"])
    assert value["already_attached"][photo] == place["photo"]
    assert {first, second} <= set(value["already_attached"])
    other = told("case", "add", "--title", "other")[1]["id"]
    assert told("attach", "--case", other, PHOTO)[1]["already_attached"] == {}
    code, value = told("attach", "--case", place["case"], "--record", "f" * 32, PHOTO)
    assert (code, f"'evault --vault {tmp_path / 'vault'} record list" in value["error"]["advice"]) == (4, True)


def test_records_that_cannot_be_read_are_refused_without_quoting_them(told, evault, place, tmp_path):
    path = tmp_path / "r.toml"
    for content, code in (
        (b"text = unquoted-secret-word", 4),
        (b"\xff\xfe not text", 4),
        (b"secret_word = 1\n", 4),
        (b"text = 5\n", 4),
        (b"a = " + b"[" * 100_000, 4),
        (b"a." * 5_000 + b"a = 1", 4),
        (b"text = " + b"9" * 5_000, 4),
    ):
        path.write_bytes(content)
        found, value = told("record", "add", "--case", place["case"], "--type", "note", "--file", path)
        assert found == code
        assert "unquoted" not in json.dumps(value)
    path.write_bytes(b"text = unquoted-secret-word")
    assert "line 1, column" in evault("record", "add", "--case", place["case"], "--type", "note", "--file", path)[2]


def test_standard_input_is_a_testimony(told, evault, place):
    text = "我在乌鲁木齐被拘留。\nsecond line\n"
    words = ("testimony", "add", "--case", place["case"], "--file", "-")
    made = told(*words, stdin=b"\xef\xbb\xbf" + text.encode())[1]
    assert told("record", "show", made["id"])[1]["fields"]["statement"] == text
    assert told(*words, stdin=b"\xff\xfe")[1]["error"]["code"] == "bad-format"
    assert told(*words, stdin=None)[1]["error"]["code"] == "refused"
    assert told(*words, stdin=b"")[0] == 4
    assert told(*words, stdin=b"x" * (17 << 20))[1]["error"]["message"].startswith("The text is larger")


def test_secrets_that_are_wrong_missing_or_too_many(told, place, tmp_path):
    assert told("case", "list", secrets=("hunter2",))[1]["error"]["code"] == "wrong-passphrase"
    assert told("case", "list", secrets=())[1]["error"]["message"] == "There is no line left for: Passphrase."
    for number in ("99", "-1", str(1 << 70)):
        assert run(["--passphrase-fd", number, "case", "list"]) == 2
    reading, writing = os.pipe()
    os.write(writing, b"\xff\xfe\n")
    os.close(writing)
    assert run(["--vault", str(tmp_path / "vault"), "--passphrase-fd", str(reading), "case", "list"]) == 4
    os.close(reading)


def test_a_vault_that_is_not_there_is_said_before_a_passphrase_is_asked_for(told, tmp_path):
    code, value = told("case", "list", vault="nowhere", secrets=())
    assert (code, value["error"]["code"]) == (4, "not-found")
    assert str(tmp_path / "nowhere") in value["error"]["message"]


def test_a_vault_that_is_open_elsewhere_is_said_within_seconds(told, place):
    vault = reopen(place["vault"])
    code, value = told("case", "list")
    vault.close()
    assert (code, value["error"]["code"]) == (5, "in-use")
    assert told("case", "list")[0] == 0


# -- our own mistakes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [ZeroDivisionError, KeyError, UnicodeError, RecursionError, MemoryError, OSError])
def test_a_mistake_of_ours_is_told_without_content(evault, told, place, monkeypatch, kind):
    def broken(*_, **__):
        raise kind("what a person wrote")

    monkeypatch.setattr(api.cases, "page", broken)
    monkeypatch.setenv("EVAULT_DEVELOPER_TRACEBACK", "1")
    code, out, err = evault("case", "list")
    assert (code, out) == (70, "")
    assert "what a person wrote" not in err
    assert f"The program made a mistake ({kind.__name__} at tests/integration/test_cli.py:" in err
    assert told("case", "list")[1]["error"]["code"] == "internal"
    monkeypatch.undo()


# -- as a process ---------------------------------------------------------------------------------------------------


def start(*words, secrets=PASSPHRASE + "\n", folder=None, **more):
    """Start the program as a process of its own, secrets behind a pipe."""
    reading, writing = os.pipe()
    os.write(writing, secrets.encode())
    os.close(writing)
    front = [sys.executable, "-m", "tui", "--passphrase-fd", str(reading)]
    if folder is not None:
        front += ["--vault", str(folder)]
    more.setdefault("stdout", subprocess.PIPE)
    more.setdefault("stderr", subprocess.PIPE)
    process = subprocess.Popen([*front, *map(str, words)], pass_fds=(reading,), cwd=ROOT, **more)
    os.close(reading)
    return process


def finish(process):
    out, err = process.communicate(timeout=300)
    for text in (out or b"", err or b""):
        assert b"Traceback" not in text
        assert b"Exception ignored" not in text
    return process.returncode, out, err


@on_linux
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_while_a_film_is_taken_in_leaves_nothing_of_it(place, tmp_path, name):
    folder = place["vault"].folder
    film = tmp_path / "film.mp4"
    with film.open("wb") as file:
        file.truncate(8 << 30)
    before = (folder / "vault.db").stat().st_size
    process = start("--json", "attach", "--case", place["case"], film, folder=folder)
    until = time.monotonic() + 300
    while (folder / "vault.db").stat().st_size < before + (20 << 20):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    visible = Path(f"/proc/{process.pid}/cmdline").read_bytes() + Path(f"/proc/{process.pid}/environ").read_bytes()
    assert PASSPHRASE.split()[0].encode() not in visible
    process.send_signal(getattr(signal, name))
    code, out, _ = finish(process)
    value = json.loads(out)
    assert (code, value["exit"], value["error"]["code"]) == (130, 130, "cancelled")
    vault = reopen(place["vault"])
    assert [one.id for one in api.intake.page(vault, place["case"])] == [place["photo"]]
    api.setup.sweep_all(vault)
    assert rows(vault, "SELECT count(*) FROM content") == [(1,)]
    assert rows(vault, "SELECT count(*) FROM chunk") == [(1,)]
    assert api.checking.check(vault, [], Job()).report.findings == ()
    vault.close()
    assert sorted(path.name for path in folder.iterdir()) == ["vault.db", "vault.keys"]


@on_linux
def test_that_work_is_being_stopped_is_said_at_once(place, tmp_path):
    with (tmp_path / "film.mp4").open("wb") as film:
        film.truncate(1 << 30)
    process, handle = pty.fork()
    if process == 0:
        os.chdir(ROOT)
        words = ("--vault", str(tmp_path / "vault"), "attach", "--case", place["case"], str(tmp_path / "film.mp4"))
        os.execv(sys.executable, [sys.executable, "-m", "tui", *words])
    seen, sent = b"", 0
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            seen += os.read(handle, 65536)
        except OSError:
            break
        if seen.endswith(b"Passphrase: "):
            os.write(handle, PASSPHRASE.encode() + b"\n")
        elif not sent and b" MiB" in seen:
            os.kill(process, signal.SIGINT)
            sent = 1
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 130
    os.close(handle)
    assert 0 < seen.find(b"\nStopping ...\r\n") < seen.find(b"evault: ")


_STOPPED_EARLY = """
import os, signal, sys
from tui.__main__ import main
class Interrupt:  # sent by the first of our modules that is looked for, while the program imports its parts
    def find_spec(self, name, *more):
        if name == "{module}":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
sys.argv = ["evault", *{words}]
sys.exit(main())
"""


@pytest.mark.parametrize("module", ["vault.api", "tui.cli.run", "tui.cli.parser"])
def test_ctrl_c_while_the_program_starts_is_said_too(module):
    for words in (["case", "list"], ["search", "--", "--json"], ["--json", "case", "list"]):
        code = _STOPPED_EARLY.format(module=module, words=words)
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        code, out, err = finish(process)
        if words[0] == "--json":
            value = json.loads(out)
            assert (code, value["exit"], value["ok"], value["error"]["code"], err) == (
                130,
                130,
                False,
                "cancelled",
                b"",
            )
        else:
            assert (code, out) == (130, b"")
            assert err == b"evault: Stopped on request. Nothing half-done was kept.\n"


def test_output_that_cannot_be_written_is_said_and_no_traceback(place):
    folder = place["vault"].folder
    with open("/dev/full", "wb") as full:
        code, _, err = finish(start("case", "list", folder=folder, stdout=full))
    assert (code, err.decode().startswith("evault: The output could not be written.")) == (5, True)
    reading, writing = os.pipe()
    os.close(reading)
    code, _, err = finish(start("--json", "case", "list", folder=folder, stdout=writing))
    os.close(writing)
    assert code == 5
    code, _, _ = finish(start("case", "list", folder=folder, stderr=subprocess.DEVNULL))
    assert code == 0


def test_a_terminal_of_another_encoding_gets_numbers(place):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    code, out, _ = finish(start("case", "list", folder=place["vault"].folder, env=environment))
    assert code == 0
    assert b"\\u6848\\u4ef6 one" in out


def test_without_a_terminal_and_a_descriptor_there_is_advice(place):
    process = subprocess.run(
        [sys.executable, "-m", "tui", "--vault", str(place["vault"].folder), "case", "list"],
        cwd=ROOT, capture_output=True, stdin=subprocess.DEVNULL, start_new_session=True, timeout=300, check=False,
    )  # fmt: skip
    assert process.returncode == 4
    assert process.stderr == (
        b"evault: There is no terminal to ask for a passphrase on. Use --passphrase-fd N with one secret per line.\n"
    )


def test_names_in_what_leaves_are_told_once_and_before_sealing_where_somebody_is_asked(evault, told, place, tmp_path):
    (tmp_path / "person.toml").write_text('[[names]]\nfull = "Dilnur"\n')
    (tmp_path / "note.toml").write_text('text = "Dilnur stood at the gate"\n')
    add = ("record", "add", "--case", place["case"], "--type")
    person = told(*add, "person", "--file", tmp_path / "person.toml")[1]["id"]
    note = told(*add, "note", "--file", tmp_path / "note.toml")[1]["id"]
    words = ("seal", "--case", place["case"], "--to", "Lawyer", "--accept-metadata", "--disclose", f"{note}:text")
    sentence = "even where the field that holds the name stays:\n    Dilnur, in the text of:"
    for more in (("--preview",), ("--out", tmp_path / "1.age")):
        out = evault(*words, *more)[1]
        assert f"{person}  person\n" in out
        assert sentence in out
    value = told(*words, "--withhold", f"{person}:*", "--out", tmp_path / "2.age")[1]
    assert (value["people"], len(value["names_in_texts"])) == ([], 1)
    answers = [("Passphrase: ", PASSPHRASE), ("only Enter to stop: ", "yes")]  # no consent is noted
    seen = on_terminal("--vault", tmp_path / "vault", *words, "--out", tmp_path / "3.age", answers=answers)[1].decode()
    assert seen.count("Dilnur, in the text of:") == 1
    assert seen.index("Dilnur, in the text of:") < seen.index("only Enter to stop: ") < seen.index("leaves: ")


def test_a_target_that_is_taken_is_said_before_a_passphrase_is_asked_for(told, place, tmp_path):
    (tmp_path / "taken").write_text("x")
    seal_it = ("seal", "--case", place["case"], "--to", "Nobody", "--out")
    for words in (seal_it, ("reveal", f"{place['testimony']}:title", "--to", "Nobody", "--out")):
        for name, code in (("taken", "exists"), ("no/where", "not-found")):
            assert told(*words, tmp_path / name, secrets=())[1]["error"]["code"] == code


def test_that_the_signer_must_be_compared_is_not_said_where_it_was(evault, told, place, tmp_path):
    compare = "Whose key signed the bag: compare the fingerprint"
    assert compare not in evault("open", tmp_path / "back.age", "--out", tmp_path / "bag")[1]
    assert compare in evault("verify", tmp_path / "bag", secrets=())[1]
    assert compare not in evault("verify", tmp_path / "bag", "--signer", place["fingerprint"], secrets=())[1]
    assert compare not in evault("receive", tmp_path / "back.age")[1]
    assert compare not in evault("receive", tmp_path / "back.age")[1]


def test_a_bundle_that_is_here_already_is_said_to_be_that_and_no_more(evault, told, place, tmp_path):
    vault, third = reopen(place["vault"]), make_vault(tmp_path / "third", 2)
    introduce(third, vault, "Defender")
    case = api.cases.add(third, "c").id
    api.records.add(third, case, "note", {"text": "from a third"})
    seal(third, case, "Defender", tmp_path / "third.age")
    who = third.identity.fingerprint
    vault.close()
    third.close()
    code, out, _ = evault("receive", tmp_path / "third.age")
    case = re.search(r"case show ([0-9a-f]{32})", out)[1]
    assert (code, "receive FILE --signer -' asks for it, and makes it verified." in out) == (6, True)
    when = r"20\d\d-\d\d-\d\d \d\d:\d\d UTC"
    here = rf"You already have this bundle: received on {when}, kept as {{}}\. Nothing was changed\.\n"
    see = rf"See 'evault --vault {tmp_path / 'vault'} case show {case}'\.\n"
    again = rf"Once you were told it: 'evault --vault {tmp_path / 'vault'} receive FILE --signer -' asks for it.*\n"
    compare = r"INTACT, but who signed it is not established: compare the fingerprint over another channel\.\n"
    code, out, _ = evault("receive", tmp_path / "third.age")
    assert (code, bool(re.fullmatch(here.format("intact") + see + compare + again, out))) == (1, True)
    code, out, _ = evault("receive", tmp_path / "third.age", "--signer", who)
    assert code == 0
    assert "kept as verified" in out
    # Whose key it is was established then, and need not be said again.
    code, out, _ = evault("receive", tmp_path / "third.age")
    assert (code, bool(re.fullmatch(here.format("verified") + see, out))) == (1, True)
    code, value = told("receive", tmp_path / "third.age")
    assert (code, value["kept_as"], value["case"], value["error"]["code"]) == (1, "verified", case, "replayed")
    assert not [one for one in value["not_checked"] if one.startswith("Whose key")]
    code, out, _ = evault("receive", tmp_path / "third.age", "--signer", place["fingerprint"])
    assert (code, "ERROR in step 12" in out, "FAILED: do not rely on it." in out) == (1, True, True)


@pytest.mark.parametrize("several", [False, True])
def test_what_a_contact_without_a_card_named_is_compared_as_stock_tools_show_it(evault, told, place, tmp_path, several):
    more = []
    if several:
        key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
        (tmp_path / "key.pub").write_text(f"{key} at home\n")
        second = X25519Identity.generate().recipient.text
        more = ["--recipient", second, "--ssh-key", tmp_path / "key.pub"]
    recipient = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
    out = evault("contact", "add", "--name", "Court", "--recipient", recipient, *more)[1]
    line = next(line for line in out.splitlines() if "printf" in line)
    told_by_tools = subprocess.run(
        ["sh", "-c", line.partition("with: ")[2]], capture_output=True, text=True, check=True
    ).stdout.split()[0]  # fmt: skip
    assert f"or, as their sha256sum shows it: {told_by_tools}\n" in out
    assert told_by_tools in evault("contact", "list")[1]
    code, value = told("contact", "verify", "Court", "--fingerprint", "12345" * 8)
    assert (code, value["error"]["message"]) == (1, "What you typed is not the fingerprint of this contact.")
    assert value["error"]["advice"].startswith("Check it, and ask again.")
    assert told("contact", "verify", "Court", "--fingerprint", told_by_tools)[1]["verified"] is True


def test_advice_leads_on(told, place, tmp_path):
    large, private = tmp_path / "large", tmp_path / "id"
    large.write_bytes(bytes(200_000))
    private.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    (tmp_path / "x.toml").write_text('nothing = "x"\n')
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "pictures").mkdir()
    add = ("contact", "add", "--name", "N", "--recipient", "age1")
    correct = ("record", "correct", "--file", tmp_path / "x.toml")
    for words, message, advice in (
        (("person",), "That is a type of record", "'evault record add --case ID --type person --file F'"),
        (("extract", "nonsense", "--out", tmp_path / "o"), "There is no record", "attachment list --case ID'"),
        (("recovery", "check", large, large), "too large", "Name a share"),
        (("contact", "add", large), "too large", "Name a contact card"),
        (("contact", "add", tmp_path / "empty"), "not a usable", "Name a contact card"),
        ((*add, "--ssh-key", private), "This is a private ssh key", "it ends in .pub"),
        ((*correct, place["photo"]), "does not exist", "schema show attachment'"),
        ((*correct, place["testimony"]), "does not exist", "schema show testimony'"),
        (("verify", PHOTO), "neither an opened bundle", "'evault"),
        (("verify", tmp_path / "empty"), "neither an opened bundle", "'evault"),
        (("search", "--limit", "0", "x"), "--limit takes", "20"),
        (("case", "list", "--limit", "-3"), "--limit takes", "20"),
    ):  # fmt: skip
        code, value = told(*words)
        assert code in (2, 4), words
        assert message in value["error"]["message"], words
        assert advice in value["error"]["advice"], words
    code, value = told("case", "list", vault=PHOTO)
    assert (code, value["error"]["message"].startswith("--vault names a file, not a folder (")) == (4, True)
    advice = told("restore", tmp_path / "pictures", vault="new")[1]["error"]["advice"]
    assert "'evault backup'" in advice


def test_what_no_outcome_follows_is_marked_in_the_log(evault, told, place, tmp_path, monkeypatch):
    sealing = ("seal", "--case", place["case"], "--to", "Lawyer", "--accept-metadata", "--out")
    assert told(*sealing, tmp_path / "1.age")[0] == 0
    assert not any(one["unfinished"] for one in told("log", "show")[1]["entries"])
    monkeypatch.setattr("vault.usecases.sealing.sending._nothing_left", lambda *_: None)
    monkeypatch.setattr("vault.usecases.sealing.sending.seal_bundle", lambda *_: 1 / 0)
    assert told(*sealing, tmp_path / "2.age")[0] == 70
    entries = told("log", "show")[1]["entries"]
    (marked,) = [one["event"] for one in entries if one["unfinished"]]
    assert (marked["type"], marked["outcome"]["result"]) == ("dissemination", "intent")
    assert evault("log", "show")[1].count("nothing says how it ended") == 1
    code, value = told("check")
    assert code == 0, "it is for the holder to know, and no fault of the vault"
    assert [(one["code"], one["severity"], one["where"]) for one in value["findings"]] == [
        ("may-have-left", "warning", str(next(one["number"] for one in entries if one["unfinished"])))
    ]
    assert "WARNING in step 4 log: The log says that this was begun" in evault("check")[1]


def test_a_seal_says_in_plain_lines_what_nobody_agreed_to(evault, place, tmp_path):
    words = ("seal", "--case", place["case"], "--to", "Lawyer", "--accept-metadata")
    for more in (("--preview",), ("--out", tmp_path / "c.age")):
        out = evault(*words, *more)[1]
        assert "For 1 thing that would leave, consent is missing or does not cover it." in out
        assert "    ! Consent: no consent is noted." in out


def test_a_damaged_copy_of_the_keys_is_told(evault, told, place, tmp_path):
    key_file = tmp_path / "vault" / "vault.keys"
    for words in (("check",), ("case", "list")):
        whole = bytearray(key_file.read_bytes())
        whole[100] ^= 1
        key_file.write_bytes(whole)
        code, out, err = evault(*words)
        assert (code, "One of the two copies of the vault's keys was damaged" in err) == (0, True)
        if words == ("check",):
            assert "WARNING in step 1 key file: One copy of the keys was damaged" in out
        assert "damaged" not in evault(*words)[2], "it was written anew"
    assert told("check")[1]["findings"] == []


def test_a_demo_with_a_file_that_cannot_be_taken_in_makes_nothing(evault, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("no such (1).jpeg", "."):
        code, out, err = evault("demo", tmp_path / name)
        assert (code, out, str(tmp_path / name) in err) == (4, "", True)


def test_a_deleted_record_is_said_to_be_that(evault, place):
    evault("record", "delete", place["testimony"], "--why", "w")
    out = evault("record", "show", place["testimony"])[1]
    assert "What it said was deleted" in out
    assert "\n\n" not in out


# -- on a terminal --------------------------------------------------------------------------------------------------


SEVERAL = """
import json, os, pathlib, sys
from tui.cli.run import run
for words in json.loads(pathlib.Path(sys.argv[1]).read_text()):
    reading, writing = os.pipe()
    os.write(writing, sys.argv[2].encode())
    os.close(writing)
    assert run(["--passphrase-fd", str(reading), *words]) in (0, 4, 6), words
    os.close(reading)
"""


def on_terminal(*words, answers=(), program=("-m", "tui")):
    """Run the program on a terminal of its own and return (exit code, everything the terminal received)."""
    process, handle = pty.fork()
    if process == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, *map(str, (*program, *words))])
    seen, waiting = b"", list(answers)
    until = time.monotonic() + 300
    while time.monotonic() < until:
        if not select.select([handle], [], [], 0.2)[0]:
            continue
        try:
            piece = os.read(handle, 65536)
        except OSError:
            break
        seen += piece
        if waiting and seen.endswith(waiting[0][0].encode()):
            os.write(handle, waiting.pop(0)[1].encode() + b"\n")
    else:
        os.kill(process, signal.SIGKILL)  # it waits for an answer that nobody gives
    _, status = os.waitpid(process, 0)
    os.close(handle)
    assert waiting == []
    return os.waitstatus_to_exitcode(status), seen


def test_a_passphrase_that_is_typed_is_not_shown(place):
    folder = place["vault"].folder
    code, seen = on_terminal("--vault", folder, "case", "list", answers=[("Passphrase: ", PASSPHRASE)])
    assert code == 0
    assert "案件 one".encode() in seen
    assert PASSPHRASE.split()[0].encode() not in seen
    slip = [("New passphrase: ", "gravel window harvest"), ("New passphrase, again: ", "gravel window harvset")]
    answers = [("Passphrase: ", PASSPHRASE), *slip, *slip, *slip]
    code, seen = on_terminal("--vault", folder, "passwd", answers=answers)
    assert code == 4
    assert seen.count(b"The two were not the same.") == 3
    assert b"gravel" not in seen


def test_sealing_to_somebody_who_is_not_verified_takes_a_whole_yes(place, told, tmp_path):
    vault, other = reopen(place["vault"]), make_vault(tmp_path / "stranger", 2)
    api.contacts.add_card(vault, api.contacts.card(other, "Stranger"), "Stranger")
    vault.close()
    other.close()
    words = ("seal", "--case", place["case"], "--accept-metadata", "--to", "Stranger", "--out")
    question = "Type yes, or only Enter to stop: "
    for typed, code in (("", 4), ("y", 4), ("yes", 0)):
        target = tmp_path / f"{typed}.age"
        answers = [("Passphrase: ", PASSPHRASE), (question, typed)]
        answers += [(question, "yes")] if typed == "yes" else []  # no consent is noted either
        found, seen = on_terminal("--vault", tmp_path / "vault", *words, target, answers=answers)
        assert (found, target.exists(), b"Stranger: This contact is not verified" in seen) == (code, code == 0, True)
        said = (b"This contact is not verified", b"! Consent: ")
        assert [seen.count(one) for one in said] == [1, 1], "once, before the question"
    words = ("reveal", f"{place['testimony']}:title", "--to", "Stranger", "--out", tmp_path / "r.age")
    answers = [("Passphrase: ", PASSPHRASE), (question, "yes"), (question, "yes")]
    code, seen = on_terminal("--vault", tmp_path / "vault", *words[:-1], tmp_path / "q.age", answers=answers)
    assert (code, [seen.count(one) for one in said]) == (0, [1, 1])
    code, seen = on_terminal(
        "--vault", tmp_path / "vault", *words, answers=[("Passphrase: ", PASSPHRASE), (question, "no")]
    )
    assert (code, b"Nothing was sealed." in seen, (tmp_path / "r.age").exists()) == (4, True, False)
    assert told(*words)[0] == 0


def test_nothing_that_others_wrote_reaches_the_terminal_raw(place, tmp_path):
    vault = reopen(place["vault"])
    wild = f"{ESCAPES}{TURNED}\nVERIFIED: intact, and the signer is established.\r\x9b2J\u2028x"
    case = api.cases.add(vault, wild).id
    name = f"{ESCAPES}{TURNED}\nVERIFIED: intact.txt"
    (tmp_path / name).write_text("x")
    (tmp_path / os.fsdecode(b"bytes\xff\xfe.txt")).write_text("y")
    sender = Sender()
    records = [
        OutgoingRecord(an_id(number), 1, sign_record(
            id=an_id(number), type=kind, version=1, meta={}, fields=fields, public_key=sender.key, sign=sender.sign
        ).text)
        for number, kind, fields in (
            (16, "note", {"text": f"needle {wild}", "title": wild}),
            (17, "wild-type", {wild[:200]: {wild[:100]: [wild]}}),
            (18, "attachment", {"original_name": wild, "media_type": wild}),
        )
    ]  # fmt: skip
    data = sender.seal(vault.identity.x25519.recipient, records=tuple(records), attachments=(), purpose=wild)
    (tmp_path / "b.age").write_bytes(data)
    vault.close()
    lines = [
        ("attach", "--case", case, "--note", wild, tmp_path / name, tmp_path / os.fsdecode(b"bytes\xff\xfe.txt")),
        ("attach", "--case", case, tmp_path / f"no{name}"),
        ("receive", tmp_path / "b.age"),
        ("case", "list"),
        ("case", "show", case),
        ("case", "show", "ca5e" * 8),
        ("record", "show", an_id(16)),
        ("record", "show", an_id(17)),
        ("attachment", "show", an_id(18)),
        ("attachment", "list", "--case", "ca5e" * 8),
        ("search", "--", "needle"),
        ("seal", "--case", case, "--to", "Lawyer", "--out", tmp_path / f"{name}.age"),
        ("log", "show"),
    ]
    (tmp_path / "lines").write_text(json.dumps([["--vault", str(vault.folder), *map(str, line)] for line in lines]))
    code, seen = on_terminal(program=("-c", SEVERAL, tmp_path / "lines", PASSPHRASE))
    assert code == 0
    text = seen.decode()
    for character in "\x1b\x07\x9b\u202e\u2028":
        assert character not in text
    assert "␍" in text
    assert not any(line.startswith("VERIFIED") for line in text.splitlines())
    assert "⟨RLO⟩gpj.exe" in text
    assert "␛[31mred" in text
    assert "bytes" in text
    assert "needle" in text


def test_a_path_that_cannot_be_looked_at_is_refused_in_a_sentence(told, place, tmp_path):
    bad = f"{'n' * 300}/x"  # What looks for it gets an error that is not 'it does not exist'.
    path = tmp_path / bad
    for words in (
        ("extract", place["photo"], "--out", path),
        ("open", tmp_path / "back.age", "--out", path),
        ("verify", path),
        ("verify", path, "--key", path),
        ("backup", path),
    ):
        assert told(*words)[0] in (4, 5), words
    for words in (("case", "list"), ("init",), ("restore", tmp_path / "no")):
        assert told(*words, vault=bad)[0] in (4, 5), words


def test_where_the_disk_refuses_the_file_that_is_made_is_the_one_named():
    for source, target, error, named in (
        ("read", "made", errors.DiskFullError("There is no space."), "There is no space (made)."),
        ("read", "made", errors.AlreadyExistsError("It exists."), "It exists (made)."),
        (
            "read",
            "made",
            errors.ReadOnlyError("No permission to write the vault."),
            "No permission to write the vault.",
        ),
        ("read", "made", errors.TruncatedError("x"), f"{errors.TruncatedError('x').message.removesuffix('.')} (read)."),
        ("", "made", errors.ReadOnlyError("It cannot be written."), "It cannot be written (made)."),
        ("", "made", errors.NotFoundError("There is none of that id."), "There is none of that id."),
        ("read", "", errors.DiskFullError("There is no space."), "There is no space (read)."),
    ):
        with pytest.raises(errors.VaultError) as caught, about(source, target):
            raise error
        assert caught.value.message == named
