"""The command line's words. One function per group of commands; no behaviour here."""

from __future__ import annotations

import argparse
from typing import Any, Never

from vault import __version__


class UsageError(Exception):
    """The command line itself is wrong."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Never:
        # argparse quotes what was typed; only its first part, the rule, is passed on.
        raise UsageError(message.split(":", maxsplit=1)[0])


def build() -> argparse.ArgumentParser:
    """Return the parser of the `evault` command line."""
    top = _Parser(
        prog="evault", description="An offline, encrypted evidence vault. Without a command: the terminal UI."
    )
    top.add_argument("--vault", metavar="DIR", help="the vault's folder (default: this platform's data folder)")
    top.add_argument("--passphrase-fd", metavar="N", type=int, help="read secrets, one per line, from this descriptor")
    top.add_argument("--json", action="store_true", help="print exactly one JSON object")
    top.add_argument("--version", action="version", version=f"evault {__version__}")
    groups = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    _keys(groups)
    _people(groups)
    _cases(groups)
    _files(groups)
    _bundles(groups)
    _whole(groups)
    return top


def _keys(groups: Any) -> None:
    init = groups.add_parser("init", help="make a vault")
    init.add_argument("--name", default="", help="the name to give on contact cards; may stay empty")
    groups.add_parser("phrase", help="print a strong random passphrase").add_argument("--words", type=int, default=8)
    groups.add_parser("passwd", help="change the passphrase (old one first, then the new one)")
    groups.add_parser("rekey", help="rotate the vault key: the whole store is encrypted anew")
    recovery = groups.add_parser("recovery", help="shares that open the vault without the passphrase")
    parts = recovery.add_subparsers(dest="part", required=True, parser_class=_Parser)
    make = parts.add_parser("make", help="write shares, each into another folder")
    make.add_argument("--out", metavar="DIR", action="append", required=True, help="a folder per share; repeat it")
    make.add_argument("--threshold", type=int, default=2, help="how many shares are needed (default 2)")
    make.add_argument(
        "--trustee", metavar="RECIPIENT", action="append", default=[],
        help="encrypt to these age recipients, one per --out, instead of passphrases",
    )  # fmt: skip
    for name, what in (("check", "rehearse with shares; changes nothing"), ("use", "set a new passphrase with shares")):
        parts.add_parser(name, help=what).add_argument("shares", metavar="SHARE", nargs="+")


def _people(groups: Any) -> None:
    identity = groups.add_parser("identity", help="own fingerprint, contact card, age identity")
    parts = identity.add_subparsers(dest="part", required=True, parser_class=_Parser)
    parts.add_parser("show", help="own fingerprint and public keys")
    card = parts.add_parser("card", help="write the own contact card")
    card.add_argument("--out", metavar="F", required=True)
    card.add_argument("--name", default="", help="the name on the card")
    export = parts.add_parser("export", help="write the age identity, a secret key, for use with stock tools")
    export.add_argument("--type", choices=("x25519", "hybrid"), required=True)
    export.add_argument("--out", metavar="F", required=True)
    contact = groups.add_parser("contact", help="address book")
    parts = contact.add_subparsers(dest="part", required=True, parser_class=_Parser)
    add = parts.add_parser("add", help="add a contact from its card, or from its recipient strings")
    add.add_argument("card", metavar="CARD", nargs="?")
    add.add_argument("--name", default="")
    add.add_argument("--recipient", action="append", default=[], metavar="age1…")
    add.add_argument("--ssh-key", metavar="F")
    parts.add_parser("list")
    verify = parts.add_parser("verify", help="enter that fingerprints were compared over another channel")
    verify.add_argument("name")
    verify.add_argument("--fingerprint", required=True, help="digits, words, hexadecimal or SHA256:…")


def _cases(groups: Any) -> None:
    case = groups.add_parser("case", help="cases").add_subparsers(dest="part", required=True, parser_class=_Parser)
    case.add_parser("add").add_argument("--title", required=True)
    case.add_parser("list").add_argument("--limit", type=int, default=50)
    case.add_parser("show").add_argument("id")
    testimony = groups.add_parser("testimony", help="testimonies")
    parts = testimony.add_subparsers(dest="part", required=True, parser_class=_Parser)
    add = parts.add_parser("add", help="sign a testimony from a UTF-8 text ('-' = standard input)")
    add.add_argument("--case", required=True)
    add.add_argument("--title", default="")
    add.add_argument("--lang", default="")
    add.add_argument("--file", required=True)
    record = groups.add_parser("record", help="records of any type")
    parts = record.add_subparsers(dest="part", required=True, parser_class=_Parser)
    add = parts.add_parser("add", help="sign a record from a TOML file")
    add.add_argument("--case", required=True)
    add.add_argument("--type", required=True)
    add.add_argument("--file", required=True)
    correct = parts.add_parser("correct", help="sign a new version")
    correct.add_argument("id")
    correct.add_argument("--file", required=True)
    correct.add_argument("--why", default="")
    parts.add_parser("list").add_argument("--case", required=True)
    parts.add_parser("show").add_argument("id")
    delete = parts.add_parser("delete", help="delete what a record or attachment says; its log entries stay")
    delete.add_argument("id")
    delete.add_argument("--why", required=True)
    search = groups.add_parser("search", help="search all signed text, newest first")
    search.add_argument("--limit", type=int, default=20)
    search.add_argument("words", nargs="+", metavar="WORDS")


def _files(groups: Any) -> None:
    attach = groups.add_parser("attach", help="take files in")
    attach.add_argument("--case", required=True)
    attach.add_argument("--record", default="")
    attach.add_argument("--note", default="")
    attach.add_argument("files", metavar="FILE", nargs="+")
    parts = groups.add_parser("attachment", help="what is known of files").add_subparsers(
        dest="part", required=True, parser_class=_Parser
    )
    parts.add_parser("list").add_argument("--case", required=True)
    parts.add_parser("show").add_argument("id")
    extract = groups.add_parser("extract", help="write an attachment out, in clear")
    extract.add_argument("attachment")
    extract.add_argument("--out", metavar="F", required=True)
    extract.add_argument("--why", default="")


def _bundles(groups: Any) -> None:
    seal = groups.add_parser("seal", help="seal a case to recipients, one bundle each")
    seal.add_argument("--case", required=True)
    seal.add_argument("--to", action="append", default=[], metavar="NAME")
    seal.add_argument("--out", required=True, metavar="FILE_OR_DIR")
    seal.add_argument("--disclose", action="append", default=[], metavar="RECORD:FIELD")
    seal.add_argument("--withhold", action="append", default=[], metavar="RECORD:FIELD")
    seal.add_argument("--purpose", default="")
    seal.add_argument("--accept-metadata", action="store_true", help="files may leave with the facts inside them")
    seal.add_argument("--with-passphrase", action="store_true", help="instead of --to: under a passphrase")
    reveal = groups.add_parser("reveal", help="disclose a field later, against the earlier signature")
    reveal.add_argument("what", metavar="RECORD:FIELD")
    reveal.add_argument("--to", required=True, metavar="NAME")
    reveal.add_argument("--out", required=True, metavar="F")
    for name, what in (
        ("open", "decrypt and verify into a new folder"),
        ("receive", "verify and take into this vault"),
    ):
        one = groups.add_parser(name, help=what)
        one.add_argument("file")
        one.add_argument("--with-passphrase", action="store_true", help="it is a passphrase bundle")
        one.add_argument("--signer", metavar="FINGERPRINT", default="")
        if name == "open":
            one.add_argument("--out", required=True, metavar="DIR")
    verify = groups.add_parser("verify", help="verify an opened bag; needs no vault")
    verify.add_argument("path")
    verify.add_argument("--signer", metavar="FINGERPRINT", default="")


def _whole(groups: Any) -> None:
    log = groups.add_parser("log", help="custody log").add_subparsers(dest="part", required=True, parser_class=_Parser)
    show = log.add_parser("show")
    show.add_argument("--limit", type=int, default=50)
    show.add_argument("--case", default="")
    log.add_parser("verify")
    log.add_parser("checkpoint").add_argument("--out", required=True, metavar="F")
    prove = log.add_parser("prove")
    prove.add_argument("id")
    prove.add_argument("--out", required=True, metavar="F")
    groups.add_parser("check", help="check the whole vault").add_argument(
        "--anchor", action="append", default=[], metavar="F"
    )
    groups.add_parser("backup", help="bring a backup folder up to date").add_argument("target", metavar="DEST")
    restore = groups.add_parser("restore", help="rebuild a vault from a backup")
    restore.add_argument("source", metavar="SRC")
    restore.add_argument("--share", action="append", default=[], metavar="SHARE", help="open it with recovery shares")
    groups.add_parser("demo", help="the whole way between two vaults, then checked with stock tools").add_argument(
        "files", metavar="FILE", nargs="*"
    )
