"""What the program says of itself: no `repr`, error, log or output of a failing command holds what was said inside.

Objects are those that are alive after everything was done once, whatever their class is: none is left out.
"""

from __future__ import annotations

import gc
import io
import logging
import os
import shutil
import sys
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.proofs.forensic import versions
from tests.proofs.forensic.canaries import PASSPHRASE, TEXTS, Wanted
from tests.vault_world import introduce, make_vault, reopen, seal
from tui.cli.run import run
from tui.crash import report
from vault import api, keys, recovery
from vault.errors import VaultError
from vault.jobs import Job


@pytest.fixture
def folder():
    made = versions.in_memory("said")
    yield made
    shutil.rmtree(made)


@pytest.fixture
def used(folder):
    """An open vault in which everything was done once, what came of it, and the search for texts and keys.

    What functions of the program returned meanwhile, in any thread, is kept alive for the search.
    """
    kept, many = [], Counter()

    def keep(frame, event, returned):
        for one in (returned, *(returned[:3] if type(returned) in (list, tuple) else ())):
            if event == "return" and is_ours(one) and many[type(one)] < 200:
                many[type(one)] += 1
                kept.append(one)

    threading.setprofile(keep)
    sys.setprofile(keep)
    try:
        vault, other, wanted = use_everything(folder, kept)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    yield vault, kept, wanted
    vault.close()
    other.close()


def use_everything(folder, kept):
    vault, other = make_vault(folder / "vault"), make_vault(folder / "other", 1)
    introduce(vault, other, TEXTS["name of a contact"])
    introduce(other, vault, "Holder")
    case = api.cases.add(vault, TEXTS["title of a case"]).id
    fields = {"title": TEXTS["title of a testimony"], "statement": TEXTS["testimony"]}
    record = api.records.add(vault, case, "testimony", fields)
    source = folder / f"{TEXTS['name of a file']}.txt"
    source.write_text(TEXTS["content of a file"])
    about = api.intake.About(note=TEXTS["note on a file"])
    attachment = api.intake.attach(vault, case, source, Job(), about)
    kept += [record, api.records.correct(vault, record.id, {**fields, "statement": "other"}, TEXTS["reason"])]
    kept += [attachment, api.intake.show(vault, attachment.id), api.records.show(vault, record.id, 1)]
    kept += [api.drafts.save(vault, case, "note", {"text": TEXTS["draft"]}), api.drafts.page(vault)]
    kept += [api.search.find(vault, "canary"), api.search.find(vault, TEXTS["words searched for"])]
    choice = api.sealing.Choice(case, purpose=TEXTS["purpose"], accept_metadata=True, authority=TEXTS["reason"])
    kept += [choice, api.sealing.preview(vault, choice)]
    kept += api.sealing.seal(vault, choice, [TEXTS["name of a contact"]], folder / "out.age", Job())
    kept += [api.sealing.sent(vault, case), api.contacts.page(vault), api.cases.page(vault)]
    theirs = api.cases.add(other, TEXTS["title of a case"]).id
    api.records.add(other, theirs, "testimony", {"statement": TEXTS["received testimony"]})
    seal(other, theirs, "Holder", folder / "in.age", purpose=TEXTS["purpose"])
    kept += [api.receiving.receive(vault, folder / "in.age", Job()), api.records.page(vault, case)]
    kept += [api.custody.page(vault, 100), api.checking.check(vault, [], Job())]
    public_key, shares = recovery.make_shares(2, 3)
    kept += [public_key, shares, recovery.combine(shares[:2]), api.to_secret(PASSPHRASE), api.contacts.own(vault)]
    kept += [keys.unlock_keys((folder / "vault" / "vault.keys").read_bytes(), api.to_secret(PASSPHRASE))]
    secret = {
        "vault key": vault.keys.vault_key.reveal(),
        "store key": keys.store_key(vault.keys.vault_key).reveal(),
        "signing key": vault.identity._seed.reveal(),
        "shared secret": recovery.combine(shares[:2]).reveal(),
    }
    return vault, other, Wanted(TEXTS, secret)


def is_ours(one: object) -> bool:
    module = type(one).__module__
    return isinstance(module, str) and module.partition(".")[0] in ("vault", "tui")


def ours() -> Iterator[object]:
    """Yield every live object of a class of the program."""
    yield from (one for one in gc.get_objects() if is_ours(one))


def shown(text: str) -> bytes:
    """Return a text as it is, and with escapes undone: what is printed of bytes is their `repr`."""
    plain = text.encode("utf-8", "surrogatepass")
    return (
        plain + b"\n" + text.encode("ascii", "backslashreplace").decode("unicode_escape").encode("latin-1", "replace")
    )


def test_no_object_shows_what_it_holds(used, count):
    _, _, wanted = used
    classes, wrong = set(), {}
    for one in ours():
        classes.add(type(one))
        if found := wanted.within(shown(f"{one!r} {one}"), unpack=False):
            wrong.setdefault(f"{type(one).__module__}.{type(one).__qualname__}", set()).update(found)
    assert not wrong, sorted(wrong)
    assert len(classes) > 40
    count("trace", "classes of live objects whose repr shows no text and no key", len(classes))


def test_an_object_that_shows_what_it_holds_is_found(used):
    """The control: a class of the program's own modules with a text in its `repr`."""

    class Talking:
        def __repr__(self) -> str:
            return f"Talking({TEXTS['testimony']!r}, {used[0].identity._seed.reveal()!r})"

    Talking.__module__ = "vault.talking"
    found = used[2].within(shown(repr(next(one for one in [Talking()] if is_ours(one)))), unpack=False)
    assert {"testimony, UTF-8", "signing key, raw"} <= found


# -- errors ---------------------------------------------------------------------------------------------------------


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def failures(vault, folder):
    """Return calls of the core that fail over what a person typed."""
    case = api.cases.page(vault)[-1].id
    record = api.records.page(vault, case)[0].id
    texts = {name.replace(" ", "_"): text for name, text in TEXTS.items()}
    statement, contact = texts["testimony"], texts["name_of_a_contact"]
    bad = folder / "bad"
    bad.write_text(statement)
    choose = api.sealing.Choice
    return [
        lambda: api.setup.unlock(vault.folder.parent / "other", api.to_secret(statement)),
        lambda: api.setup.create(folder / "new", api.to_secret(statement[:7])),
        lambda: api.setup.change_passphrase(vault, api.to_secret("canary")),
        lambda: api.cases.add(vault, statement * 50),
        lambda: api.cases.add(vault, statement + "\ud800"),
        lambda: api.cases.get(vault, statement),
        lambda: api.records.add(vault, case, statement, {}),
        lambda: api.records.add(vault, case, "testimony", {"statement": {"no": statement}}),
        lambda: api.records.add(vault, case, "testimony", {statement: "x"}),
        lambda: api.records.add(vault, case, "testimony", {"statement": statement + "\udc80"}),
        lambda: api.records.add(vault, case, "testimony", {"statement": "x", "language": statement}),
        lambda: api.records.correct(vault, record, {"statement": "other", "title": texts["title_of_a_testimony"]}),
        lambda: api.records.show(vault, statement),
        lambda: api.drafts.get(vault, statement),
        lambda: api.intake.attach(vault, case, folder / statement, Job()),
        lambda: api.intake.attach(vault, case, folder / f"{statement}\0", Job()),
        lambda: api.contacts.add(vault, contact, (statement,)),
        lambda: api.contacts.add(vault, contact + "\x1b[", ("age1",)),
        lambda: api.contacts.add(vault, "New", (vault.identity.x25519.recipient.text,), statement),
        lambda: api.contacts.add_card(vault, statement),
        lambda: api.contacts.verify(vault, contact, statement),
        lambda: api.contacts.verify(vault, statement, "12345"),
        lambda: api.contacts.rename(vault, contact, statement * 20),
        lambda: seal(vault, case, statement, folder / "x.age"),
        lambda: seal(vault, case, contact, folder / "x.age", purpose=statement * 200, accept_metadata=True),
        lambda: seal(vault, case, contact, folder / "x.age", disclose=((record, statement),)),
        lambda: api.sealing.preview(vault, choose(case, withhold=((statement, "title"),))),
        lambda: api.receiving.receive(vault, bad, Job()),
        lambda: api.receiving.receive(vault, folder / "in.age", Job(), signer=statement),
        lambda: api.receiving.open_with_passphrase(bad, folder / "x", api.to_secret(statement), "", Job()),
        lambda: api.record_types.add(vault, statement),
        lambda: api.record_types.add(vault, f'format = "evidence-type/1"\ntype = "{statement}"'),
        lambda: api.checking.check(vault, [bad], Job()),
        lambda: api.checking.check(vault, [], Job(), [statement]),
        lambda: api.custody.write_proof(vault, statement, folder / "p"),
        lambda: api.recovery.read_share(bad, None),
        lambda: recovery.parse_share(statement),
        lambda: api.settings.change(vault, language=statement),
        lambda: api.proofs.public_key(bad),
    ]  # fmt: skip


def test_no_error_holds_what_was_typed_nor_do_the_errors_behind_it(used, folder, count, caplog):
    vault, _, wanted = used
    caplog.set_level(logging.DEBUG)
    raised = 0
    for number, call in enumerate(failures(vault, folder)):
        with pytest.raises((VaultError, ValueError)) as caught:
            call()
        raised += 1
        assert isinstance(caught.value, VaultError) or type(caught.value) is ValueError, number
        told = [caught.value.message, caught.value.advice] if isinstance(caught.value, VaultError) else []
        told += [repr(caught.value), str(caught.value), repr(caught.value.args), *report(caught.value)]
        assert wanted.within(shown("\n".join(told)), unpack=False) == set(), number
        # What is behind it is never shown, and shall hold neither passphrase nor key either.
        behind = "\n".join(f"{one!r} {one.args!r} {vars(one)!r}" for one in chain(caught.value))
        secret = {name for name in wanted.within(shown(behind), unpack=False) if "passphrase" in name or "key" in name}
        assert secret == set(), number
    assert wanted.within(shown(caplog.text), unpack=False) == set()
    count("trace", "errors over what was typed, none of which holds it", raised)


COMMANDS = (
    "case show TEXT", "record show TEXT", "record list --case TEXT", "record add --case TEXT --type TEXT --file TEXT",
    "testimony add --case CASE --file TEXT", "testimony add --case CASE --lang TEXT --file -",
    "attach --case CASE TEXT", "attach --case TEXT /dev/null", "extract TEXT --out TEXT",
    "seal --case CASE --to TEXT --out /nowhere/x",
    "seal --case CASE --to TEXT --disclose TEXT --out x", "open TEXT --out TEXT", "receive TEXT", "verify TEXT",
    "contact verify TEXT --fingerprint TEXT", "contact add --name TEXT --recipient TEXT", "contact add TEXT",
    "log prove TEXT --out x", "check --anchor TEXT", "check --written TEXT", "recovery check TEXT", "schema show TEXT",
    "schema add TEXT", "backup /nowhere/TEXT", "restore TEXT", "search --limit TEXT x", "TEXT", "case TEXT",
    "case list --TEXT", "reveal TEXT --to TEXT --out x",
)  # fmt: skip


def test_what_a_failing_command_prints_holds_no_secret(used, folder, capfd, monkeypatch, count):
    """Names given as arguments may be said again; what came in a file, on standard input or as a secret, not."""
    vault, _, wanted = used
    case = api.cases.page(vault)[-1].id
    vault.close()
    source = folder / "source"
    source.write_text(TEXTS["testimony"])
    monkeypatch.chdir(folder)
    failed = 0
    for line in COMMANDS:
        words = [str(source) if word == "TEXT" else word.replace("CASE", case) for word in line.split()]
        reading, writing = os.pipe()
        os.write(writing, f"{PASSPHRASE}\n{TEXTS['reason']}\n".encode())
        os.close(writing)
        typed = io.BytesIO(f"{TEXTS['testimony']}\n{TEXTS['draft']}\n".encode())
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(typed))
        code = run(["--vault", str(vault.folder), "--passphrase-fd", str(reading), *words])
        os.close(reading)
        said = capfd.readouterr()
        failed += code != 0
        assert wanted.within(shown(said.out + said.err), unpack=False) <= {
            "title of a testimony, UTF-8", "title of a testimony, JSON"
        }, line  # fmt: skip
        assert "Traceback" not in said.err
    for secrets in (("not the passphrase",), (PASSPHRASE.upper(),), (TEXTS["testimony"],)):
        reading, writing = os.pipe()
        os.write(writing, "\n".join(secrets).encode())
        os.close(writing)
        assert run(["--vault", str(vault.folder), "--passphrase-fd", str(reading), "case", "list"]) == 3
        os.close(reading)
        said = capfd.readouterr()
        assert secrets[0] not in said.out + said.err
    assert failed > 20
    count("trace", "failing commands whose output holds nothing that was said inside", failed)
    reopen(vault).close()
