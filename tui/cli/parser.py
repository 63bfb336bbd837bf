"""The command line's words. One function per group of commands; no behaviour here."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from tui.cli.asking import Question, TextAction
from tui.cli.mistakes import Parser
from tui.cli.usage import count_of, field_of, language_of, screens_in
from vault import __version__

_USAGE = """\
evault [--vault DIR] [--language LANG] [--linear]                 opens the screens
       evault [--vault DIR] [--passphrase-fd N] [--json] COMMAND ..."""

_FIRST_STEPS = """\
first steps:
  evault init                                      make a vault
  evault case add                                  open a case: asks for its title, prints its ID
  evault testimony add --case ID --file TEXT       sign a testimony
  evault attach --case ID FILE...                  take in photos, films, documents
  evault contact add CARD                          somebody to hand evidence to
  evault contact verify - --fingerprint -          after comparing it over the telephone
  evault seal --case ID --to - --out FILE          what is protected stays unless it is named
  evault backup FOLDER                             on another medium
"""

_NOTES = """\
Secrets are never arguments: they are asked for, or read one per line from --passphrase-fd N, in the order that
'evault COMMAND --help' says. Titles, names, notes and reasons need not be arguments either, which other users of this
computer and the shell's history see: write '-' in their place (--title -), and they are asked for, or read from
standard input, a line for each. --vault, --passphrase-fd and --json stand before the command.

exit codes:
  0 good   1 a signature, digest or chain is wrong   2 the command line is wrong   3 wrong passphrase
  4 not accepted   5 disk, or in use elsewhere   6 intact, signer not established   70 our mistake   130 stopped
"""

_VAULT = "the vault's passphrase"
_BUNDLE = "with --with-passphrase the bundle's"
_WHY = "Why"
_RECORD = "its id, as 'evault case show' shows it"
_SIGNER = "Fingerprint of the signer, as you were told"


def short_help() -> str:
    """Return what somebody sees who named no command."""
    return f"usage: {_USAGE}\n\n{_FIRST_STEPS}\nSee 'evault --help'."


def build() -> argparse.ArgumentParser:
    """Return the parser of the `evault` command line."""
    top = Parser(
        prog="evault",
        usage=_USAGE,
        description="An offline, encrypted evidence vault.\n\n" + _FIRST_STEPS,
        epilog=_NOTES,
    )
    top.add_argument("--vault", metavar="DIR", help="the vault's folder (default: this platform's data folder)")
    top.add_argument("--passphrase-fd", metavar="N", type=int, help="read secrets, one per line, from this descriptor")
    top.add_argument("--json", action="store_true", help="print exactly one JSON object")
    top.add_argument(
        "--language", metavar="LANG", type=screens_in,
        help="language of the screens: en or zh-Hans, or a locale such as zh_CN (others are not complete yet)",
    )  # fmt: skip
    top.add_argument("--linear", action="store_true", help="plain lines instead of screens, for screen readers")
    top.add_argument("--version", action="version", version=f"evault {__version__}")
    groups = top.add_subparsers(dest="command", metavar="COMMAND", title="commands", prog="evault", parser_class=Parser)
    for add in (_keys, _people, _cases, _files, _bundles, _whole):
        add(_adder(groups))
    return top


_Add = Callable[..., Any]


def _adder(groups: Any) -> _Add:
    """Return what adds a command: its name, what it does, and the secrets it asks for, in their order."""

    def add(name: str, what: str, *secrets: str) -> Any:
        needs = "; then ".join(secrets)
        command = groups.add_parser(
            name, help=what, description=f"{what[:1].upper()}{what[1:]}.", epilog=f"Secrets: {needs}." if needs else ""
        )
        if secrets[:1] == (_VAULT,):
            command.set_defaults(opens=True)
        return command

    return add


def _parts(command: Any, *names: str) -> _Add:
    """Return what adds the parts of a command that has several."""
    metavar = "{" + ",".join(names) + "}"
    return _adder(command.add_subparsers(dest="part", metavar=metavar, required=True, parser_class=Parser))


def _text(command: Any, name: str, prompt: str, *, repeat: bool = False, **more: Any) -> None:
    """Add an argument that may name people: '-' in its place asks for it."""
    if name.startswith("-"):
        more.setdefault("default", [] if repeat else "")
    command.add_argument(name, action=TextAction, prompt=prompt, repeat=repeat, **more)


def _case(command: Any) -> None:
    command.add_argument("--case", metavar="ID", required=True, help="the case's id, as 'evault case list' shows it")


def _out(command: Any) -> None:
    command.add_argument("--out", metavar="F", required=True, help="the file to write; it must not exist yet")


def _limit(command: Any, default: int) -> None:
    command.add_argument("--limit", metavar="N", type=count_of, default=default, help=f"how many, {default} by default")


def _basis(command: Any, *, handed_over: bool = True) -> None:
    """Add what the log keeps of a decision: on whose authority, and where something went."""
    _text(command, "--authority", "On whose authority or consent", help="on whose authority or consent; it is logged")
    if handed_over:
        _text(command, "--location", "Medium or place, no address", help="medium or place it goes to; it is logged")


def _keys(add: _Add) -> None:
    init = add("init", "make a vault", "a new passphrase")
    _text(init, "--name", "Name", help="the name to give on contact cards; may stay empty")
    init.set_defaults(asks_itself=True)
    add("phrase", "print a strong random passphrase").add_argument(
        "--words", metavar="N", type=int, default=8, help="how many words, 8 by default"
    )
    add("passwd", "change the passphrase", "the old passphrase", "the new one")
    add("rekey", "rotate the vault key: the whole store is encrypted anew", _VAULT)
    recovery = add("recovery", "shares that open the vault without the passphrase")
    part = _parts(recovery, "make", "check", "use")
    make = part("make", "write shares, each into another folder", _VAULT, "one for each share, unless --trustee")
    make.add_argument("--out", metavar="DIR", action="append", required=True, help="a folder per share; repeat it")
    make.add_argument("--threshold", metavar="N", type=int, default=2, help="how many shares are needed (default 2)")
    make.add_argument(
        "--trustee", metavar="RECIPIENT", action="append", default=[],
        help="encrypt to these age recipients, one per --out, instead of passphrases",
    )  # fmt: skip
    shares = "the passphrase of each share that has one, in the order of the shares"
    for name, what, secrets in (
        ("check", "rehearse with shares; changes nothing", (shares,)),
        ("use", "set a new passphrase with shares", (shares, "the new passphrase")),
    ):
        one = part(name, what, *secrets)
        one.add_argument("shares", metavar="SHARE", nargs="+", help="the file of a share")


def _people(add: _Add) -> None:
    part = _parts(add("identity", "own fingerprint, contact card, age identity"), "show", "card", "export")
    part("show", "show the own fingerprint and public keys", _VAULT)
    card = part("card", "write the own contact card, to be given to others", _VAULT)
    _out(card)
    _text(card, "--name", "Name", help="the name on the card")
    export = part("export", "write the age identity, a secret key, for use with stock tools", _VAULT)
    kind = "of age1… or of age1pq1…, which needs age 1.3 or later"
    export.add_argument("--type", choices=("x25519", "hybrid"), required=True, help=f"the key {kind}")
    _out(export)
    part = _parts(add("contact", "address book"), "add", "list", "verify", "rename", "remove")
    contact = part("add", "add a contact from its card, or from its recipient strings", _VAULT)
    contact.usage = (
        "evault contact add [-h] CARD [--name NAME]\n"
        "       evault contact add [-h] --name NAME --recipient age1… [--ssh-key F]"
    )
    source = contact.add_mutually_exclusive_group(required=True)
    source.add_argument("card", metavar="CARD", nargs="?", help="the file that 'evault identity card' wrote for them")
    _text(contact, "--name", "Name of the contact", help="what to call them here")
    _text(source, "--recipient", "Recipient", repeat=True, metavar="age1…", help="instead of a card; repeat")
    contact.add_argument("--ssh-key", metavar="F", help="a file with their ssh-ed25519 public key")
    part("list", "list the contacts and their fingerprints", _VAULT)
    verify = part("verify", "enter that fingerprints were compared over another channel", _VAULT)
    _text(verify, "name", "Name of the contact", metavar="NAME", help="what they are called here")
    _text(verify, "--fingerprint", "Fingerprint, as you were told", required=True,
          help="digits, words, hexadecimal or SHA256:…")  # fmt: skip
    rename = part("rename", "call a contact by another name", _VAULT)
    _text(rename, "name", "Name of the contact", metavar="NAME", help="what they are called here")
    _text(rename, "new", "New name", metavar="NEW", help="what to call them")
    remove = part("remove", "take a contact out of the address book; what was sealed to them stays", _VAULT)
    _text(remove, "name", "Name of the contact", metavar="NAME", help="what they are called here")
    _text(remove, "--why", _WHY, whole=True, help="the reason; it is logged")


def _cases(add: _Add) -> None:
    part = _parts(add("case", "cases"), "add", "list", "show")
    case = part("add", "open a case", _VAULT)
    _text(case, "--title", "Title of the case", default=None, help="asked for unless it is given")
    case.set_defaults(needed=Question("title", "Title of the case"))
    _limit(part("list", "list the cases, newest first", _VAULT), 50)
    part("show", "show a case with its records and attachments", _VAULT).add_argument(
        "id", metavar="CASE", help="its id, as 'evault case list' shows it"
    )
    part = _parts(add("testimony", "testimonies"), "add")
    testimony = part("add", "sign a testimony from a UTF-8 text ('-' = standard input)", _VAULT)
    _case(testimony)
    _text(testimony, "--title", "Title", help="its title")
    testimony.add_argument("--lang", type=language_of, help="language tag, for example zh-Hans, ug-Arab, bo")
    testimony.add_argument("--file", metavar="F", required=True, help="the text, word for word")
    part = _parts(add("record", "records of any type"), "add", "correct", "list", "show", "delete")
    record = part("add", "sign a record from a TOML file ('-' = standard input)", _VAULT)
    _case(record)
    record.add_argument("--type", metavar="T", required=True, help="for example person; 'evault schema list' has all")
    record.add_argument("--file", metavar="F", required=True, help="as 'evault schema show T' prints it, filled in")
    correct = part("correct", "sign a new version; the one before stays", _VAULT)
    correct.add_argument("id", metavar="RECORD", help=_RECORD)
    correct.add_argument(
        "--file",
        metavar="F",
        required=True,
        help="what 'record show --toml' prints, changed",
    )
    _text(correct, "--why", _WHY, whole=True, help="the reason; it is logged")
    _case(part("list", "list the records of a case", _VAULT))
    show = part("show", "show what a record or attachment says, and its versions", _VAULT)
    show.add_argument("id", metavar="RECORD", help=_RECORD)
    show.add_argument("--version", metavar="N", type=int, default=0, help="its values in this version")
    show.add_argument("--toml", action="store_true", help="print what 'record correct --file' takes, and nothing else")
    delete = part("delete", "delete what a record or attachment says; its log entries stay", _VAULT)
    delete.add_argument("id", metavar="RECORD", help=_RECORD)
    _text(delete, "--why", _WHY, whole=True, required=True, help="the reason; it is logged")
    _basis(delete, handed_over=False)
    part = _parts(add("schema", "record types"), "add", "list", "show")
    part("add", "add a record type that your organisation wrote", _VAULT).add_argument(
        "file", metavar="F.toml", help="as docs/formats/schema.md says"
    )
    part("list", "list the record types", _VAULT)
    part("show", "print an empty record of a type, to be filled in for 'record add'", _VAULT).add_argument(
        "type", metavar="TYPE", help="for example testimony; 'evault schema list' has all"
    )
    search = add("search", "search titles and all signed text: evault search, or evault search -- WORDS", _VAULT)
    _limit(search, 20)
    search.add_argument("words", nargs="*", metavar="WORDS", help="asked for if there are none, or '-'")
    search.set_defaults(needed=Question("words", "Words to search for"))


def _files(add: _Add) -> None:
    attach = add("attach", "take files in", _VAULT)
    _case(attach)
    attach.add_argument("--record", metavar="ID", default="", help="the record they belong to")
    _text(attach, "--note", "Note", whole=True, help="what is to be said about them")
    attach.add_argument(
        "--derived-from", metavar="ATTACHMENT", default="", help="what they were made from, by blurring a face say"
    )
    _text(attach, "--derivation", "What was changed, by whom, with what, and why", whole=True,
          help="what was changed, by whom, with what, and why")  # fmt: skip
    attach.add_argument("--declared-type", metavar="TYPE", default="", help="what its name or its sender says it is")
    attach.add_argument(
        "--lang", dest="language", metavar="TAG", action="append", type=language_of, default=[],
        help="a language spoken or written in them; repeat it",
    )  # fmt: skip
    attach.add_argument("--how", metavar="CODE", default="", help="how obtained, for example handed_over, downloaded")
    _text(attach, "--where", "Where they were obtained", help="where they were obtained")
    _text(attach, "--from-whom", "From whom they were obtained", help="from whom they were obtained")
    attach.add_argument(
        "--about", metavar="F", dest="file", default="",
        help="TOML with further fields, such as acquired.when, original_status, original_kept ('-' = standard input)",
    )  # fmt: skip
    attach.add_argument("files", metavar="FILE", nargs="+", help="what to take in; of a folder, FOLDER/*")
    part = _parts(add("attachment", "what is known of files"), "list", "show")
    _case(part("list", "list the attachments of a case", _VAULT))
    part("show", "show what is known of a file", _VAULT).add_argument("id", metavar="ATTACHMENT", help=_RECORD)
    extract = add("extract", "write an attachment out, in clear", _VAULT)
    extract.add_argument("attachment", metavar="ATTACHMENT", help=_RECORD)
    _out(extract)
    _text(extract, "--why", _WHY, whole=True, help="the reason; it is logged")
    _basis(extract)


def _bundles(add: _Add) -> None:
    seal = add("seal", "seal a case to recipients, one bundle each", _VAULT, _BUNDLE)
    _case(seal)
    whom = seal.add_mutually_exclusive_group(required=True)
    _text(whom, "--to", "Name of the contact", repeat=True, metavar="NAME", help="a contact; repeat it")
    whom.add_argument("--with-passphrase", action="store_true", help="encrypt under a passphrase instead")
    result = seal.add_mutually_exclusive_group(required=True)
    result.add_argument("--out", metavar="FILE_OR_DIR", help="the bundle to write, or a folder for one each")
    result.add_argument("--preview", action="store_true", help="write nothing; show what each recipient would see")
    field = "a field of a record (RECORD:FIELD), a group of fields, or all of them (RECORD:*); repeat it"
    seal.add_argument(
        "--disclose", action="append", type=field_of, default=[], metavar="RECORD:FIELD", help=f"let leave: {field}"
    )
    seal.add_argument(
        "--withhold", action="append", type=field_of, default=[], metavar="RECORD:FIELD", help=f"keep back: {field}"
    )
    _text(
        seal,
        "--purpose",
        "What it is for; the recipient reads it",
        whole=True,
        help="what it is for; the recipient reads it",
    )
    _basis(seal)
    seal.add_argument(
        "--accept-metadata", action="store_true", help="files may leave with the place, device or author inside them"
    )
    reveal = add("reveal", "disclose one field later, against the same signature", _VAULT)
    reveal.add_argument("what", metavar="RECORD:FIELD", type=field_of, help="as 'evault record show' names the field")
    _text(reveal, "--to", "Name of the contact", required=True, metavar="NAME", help="a contact")
    _out(reveal)
    _basis(reveal)
    for name, what, secrets in (
        (
            "open",
            "decrypt and verify a bundle into a new folder",
            (f"{_VAULT}, or with --with-passphrase the bundle's",),
        ),
        ("receive", "verify a bundle and take it into this vault", (_VAULT, "with --with-passphrase the bundle's")),
    ):
        one = add(name, what, *secrets)
        one.add_argument("file", metavar="FILE", help="the bundle")
        one.add_argument("--with-passphrase", action="store_true", help="it is a passphrase bundle")
        _text(one, "--signer", _SIGNER, metavar="FINGERPRINT", help="as told over another channel")
        if name == "open":
            one.add_argument("--out", required=True, metavar="DIR", help="a folder that does not exist yet")
            one.set_defaults(asks_itself=True)
    verify = add("verify", "verify an opened bag, or a checkpoint or proof of a custody log; needs no vault")
    verify.add_argument("path", metavar="PATH", help="the folder that 'evault open' made, or the file")
    verify.add_argument("--key", metavar="F", help="of a log's file: the signer's contact card, or signer.pem of a bag")
    verify.add_argument("--anchor", metavar="OLD", help="of a log's file: an earlier one that the log must continue")
    _text(verify, "--signer", _SIGNER, metavar="FINGERPRINT", help="as told over another channel")


def _whole(add: _Add) -> None:
    log = _parts(add("log", "custody log"), "show", "verify", "checkpoint", "prove")
    show = log("show", "show the newest entries", _VAULT)
    _limit(show, 50)
    show.add_argument("--case", metavar="ID", default="", help="only what concerns this case")
    log("verify", "recompute the whole log", _VAULT)
    point = log("checkpoint", "write the log's signed state, to be kept elsewhere", _VAULT)
    _out(point)
    point.add_argument("--since", metavar="OLD", help="an earlier one: prove that the log only grew since")
    prove = log("prove", "write a proof that an entry is in the log", _VAULT)
    prove.add_argument("id", metavar="ID_OR_NUMBER", help="a number or id that 'evault log show' shows")
    _out(prove)
    check = add("check", "check the whole vault", _VAULT)
    check.add_argument(
        "--anchor",
        action="append",
        default=[],
        metavar="F",
        help="a checkpoint or proof kept elsewhere; repeat it",
    )
    check.add_argument(
        "--written",
        action="append",
        default=[],
        metavar='"SIZE DIGITS"',
        help="what 'log show' said for paper at an earlier time; repeat it",
    )
    add("backup", "bring a backup folder up to date", _VAULT).add_argument(
        "target", metavar="DEST", help="a folder of its own, on another medium; it is made where it is missing"
    )
    restore = add("restore", "rebuild a vault from a backup", "the backup's passphrase, or those of the shares")
    restore.add_argument("source", metavar="SRC", help="the backup's folder; --vault names the new vault's")
    restore.add_argument(
        "--share", action="append", default=[], metavar="SHARE", help="open it with recovery shares; repeat it"
    )
    add("demo", "the whole way between two vaults, then checked with stock tools").add_argument(
        "files", metavar="FILE", nargs="*", help="files of your own, in the place of made-up ones"
    )
