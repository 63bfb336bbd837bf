"""The twelve operations that the proofs interrupt: how to prepare, run and judge each; attaching comes in two sizes.

An operation works in one *root* folder, in which all lies that it reads and writes: `vault`, `peer` (another vault),
`source` (what it takes in), `target` (where it writes out), `known.json` (what was there before; never written by it).
`prepare` fills an empty root, once; a proof copies it for each interruption. `run` goes through the public doors alone
and says when the program said "done". `check` opens what is left as a person would, without any repair by hand.

By hand, or under strace: ``python -m tests.proofs.operations NAME ROOT FD`` runs an operation of a prepared root and
writes the line ``done`` to the open file FD at the moment of the acknowledgement; ``… prepare NAME ROOT`` fills a root.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.vault_world import PASSPHRASE, introduce, make_vault
from vault import api
from vault.errors import AlreadyExistsError, NotFoundError, UnlockError
from vault.jobs import Job
from vault.keys import FLOOR, OpenKeys, unlock_keys
from vault.model import Verdict

NEW_PASSPHRASE = "harvest violin granite meadow oyster timber"
WORDS = ("glasswort", "saltmarsh", "driftwood", "lighthouse")
HERE = Path(__file__).parents[2]
KIB, MIB = 1 << 10, 1 << 20

State = dict[str, Any]
Done = Callable[[], None]


class Root:
    """The folder of one operation, and the keys that open its vaults.

    Attributes:
        folder: The root.
        vault: The vault that the operation is about.
        known: What `prepare` wrote down; `before` is the state before.
    """

    def __init__(self, folder: Path, keyring: Callable[[Path], OpenKeys]) -> None:
        self.folder = folder
        self.vault = folder / "vault"
        self.target = folder / "target"
        self.source = folder / "source"
        self.known: State = json.loads((folder / "known.json").read_text("utf-8"))
        self._keys = {name: keyring(folder / name) for name in ("vault", "peer") if (folder / name).is_dir()}

    def open(self, name: str = "vault") -> api.OpenVault:
        """Return a vault of this root, opened with the keys that it had before the operation."""
        return api.setup.open_with(self.folder / name, self._keys[name])

    def open_mended(self) -> api.OpenVault:
        """Return the vault, opened with the keys of a key file of which both copies are whole."""
        return api.setup.open_with(self.vault, replace(self._keys["vault"], damaged_copy=None))


def unlocked(folder: Path, _found: dict[bytes, OpenKeys] = {}) -> OpenKeys:  # noqa: B006 - meant to be kept
    """Return the keys of a locked vault; one key file is derived from the passphrase once in this process."""
    content = (folder / "vault.keys").read_bytes()
    if content not in _found:
        _found[content] = unlock_keys(content, api.to_secret(PASSPHRASE))
    return _found[content]


# -- what a person sees ------------------------------------------------------------------------------------------------


def seen(vault: api.OpenVault) -> State:
    """Return all that a person sees of a vault, in every list, record, file and search."""
    state: State = {"cases": {}, "records": {}, "attachments": {}, "sent": [], "received": []}
    for case in api.cases.page(vault, 1000):
        state["cases"][case.id] = [case.title, case.record_count, case.attachment_count]
        for record in api.records.page(vault, case.id):
            shown = api.records.show(vault, record.id)
            state["records"][record.id] = [case.id, shown.deleted, len(shown.versions), shown.fields, shown.verdict]
        for one in api.intake.page(vault, case.id):
            state["attachments"][one.id] = [case.id, one.deleted, one.size, _content(vault, one.id, one.size)]
        state["sent"] += sorted([one.bundle_id, one.recipient, one.sha256] for one in api.sealing.sent(vault, case.id))
        state["received"] += sorted([one.bundle_id, one.verdict] for one in api.receiving.received(vault, case.id))
    state["drafts"] = {one.id: [one.case_id, one.fields] for one in api.drafts.page(vault)}
    state["contacts"] = sorted([one.name, one.verified] for one in api.contacts.page(vault))
    state["found"] = {word: sorted(one.id for one in api.search.find(vault, word, 1000)) for word in WORDS}
    return json.loads(json.dumps(state))


def _content(vault: api.OpenVault, attachment_id: str, size: int) -> str:
    try:
        content = api.looking.start(vault, attachment_id, size)
    except NotFoundError:
        return "none"
    assert len(content) == size
    return hashlib.sha256(content).hexdigest()


def sound(vault: api.OpenVault, but: str = "") -> None:
    """Assert that the program's own check, log included, finds nothing; or only the one warning of code `but`.

    That something was begun, and nothing says how it ended, is the truth after a kill and no fault.
    """
    report = api.checking.check(vault, [], Job()).report
    codes = [one.code for one in report.findings if one.code != "may-have-left"]
    assert report.ok and codes == [but] * bool(but), report.findings


def _only_own_files(folder: Path, *names: str) -> None:
    """Assert that nothing lies in a folder but what is named; a hidden unfinished file is nobody's to see."""
    found = {entry.name for entry in folder.iterdir() if not (entry.name[0] == "." and entry.name.endswith(".part"))}
    assert found <= set(names), found


# -- the world before --------------------------------------------------------------------------------------------------


def _bytes(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


def _note_down(root: Path, vault: api.OpenVault | None, **more: Any) -> None:
    known = {"before": seen(vault) if vault else {}, **more}
    if vault:
        vault.close()
    (root / "known.json").write_text(json.dumps(known, ensure_ascii=False), "utf-8")


def _base(root: Path, extra: int = 0) -> tuple[api.OpenVault, State]:
    """Make a vault with something of everything, and return it with the ids of what is in it."""
    vault = make_vault(root / "vault")
    case = api.cases.add(vault, "案件 driftwood")
    first = api.records.add(
        vault, case.id, "testimony", {"title": "A", "statement": "I saw the glasswort burn. 我看见了。"}
    )
    other = api.records.add(vault, case.id, "note", {"text": "driftwood"})
    api.records.correct(vault, other.id, {"text": "driftwood, corrected"})
    draft = api.drafts.save(vault, case.id, "testimony", {"title": "B", "statement": "saltmarsh at night"})
    kept = api.drafts.save(vault, case.id, "note", {"text": "half a sentence, unfini"})
    source = root / "source"
    source.mkdir()
    (source / "small.bin").write_bytes(_bytes(50 * KIB, 1))
    attachment = api.intake.attach(vault, case.id, source / "small.bin", Job())
    ids = {"case": case.id, "first": first.id, "other": other.id, "draft": draft.id, "kept": kept.id}
    if extra:
        (source / "extra.bin").write_bytes(_bytes(extra, 2))
        ids["extra"] = api.intake.attach(vault, case.id, source / "extra.bin", Job()).id
    (root / "target").mkdir()
    return vault, {**ids, "attachment": attachment.id}


def _prepare_base(root: Path) -> None:
    vault, ids = _base(root)
    _note_down(root, vault, **ids)


Act = Callable[[Root, api.OpenVault], None]


@dataclass(frozen=True, slots=True)
class Operation:
    """One of the twelve.

    Attributes:
        name: For lists and counts.
        prepare: Fills an empty root.
        run: Does it, and calls its second argument the moment the program says "done".
        check: Asserts what must hold after an interruption; told whether `run` had said "done".
        act: What `run` does with the vault once it is open; None where the opening itself is the operation.
    """

    name: str
    prepare: Callable[[Path], None]
    run: Callable[[Root, Done], None]
    check: Callable[[Root, bool], None]
    act: Act | None = None


def _operation(name: str, prepare: Callable[[Path], None], act: Act, check: Callable[[Root, bool], None]) -> Operation:
    """Return an operation on an open vault; what it leaves to be done in the background is waited for."""

    def run(root: Root, done: Done) -> None:
        vault = root.open()
        try:
            act(root, vault)
            done()
            api.setup.sweep_all(vault)
        finally:
            vault.close()

    return Operation(name, prepare, run, check, act)


def _checked(
    changed: Callable[[Root, State, State], bool], again: Callable[[Root, api.OpenVault], None]
) -> Callable[[Root, bool], None]:
    """Return a checker: as before, or `changed` says that it is all of the change; a second use succeeds."""

    def check(root: Root, acknowledged: bool) -> None:
        before = root.known["before"]
        vault = root.open()
        try:
            _only_own_files(root.vault, "vault.db", "vault.db-journal", "vault.keys")
            now = seen(vault)
            if acknowledged or now != before:
                assert changed(root, before, now), "neither as before nor all of the change"
            sound(vault)
            again(root, vault)
            sound(vault)
        finally:
            vault.close()
        _only_own_files(root.vault, "vault.db", "vault.keys")

    return check


def _but(state: State, **parts: Any) -> State:
    return {**state, **parts}


# -- create ------------------------------------------------------------------------------------------------------------


def _create(root: Root, done: Done) -> None:
    vault = api.setup.create(root.vault, api.to_secret(PASSPHRASE), FLOOR)
    done()
    vault.close()


def _check_create(root: Root, acknowledged: bool) -> None:
    _only_own_files(root.folder, "vault", "known.json")
    made = root.vault.exists()
    assert made or not acknowledged, "the vault that was made is not there"
    if made:
        vault = api.setup.unlock(root.vault, api.to_secret(PASSPHRASE))
        _usable(vault)
    again = root.folder / "again" if made else root.vault
    _usable(api.setup.create(again, api.to_secret(PASSPHRASE), FLOOR))


def _usable(vault: api.OpenVault) -> None:
    try:
        sound(vault)
        case = api.cases.add(vault, "lighthouse")
        assert [hit.id for hit in api.search.find(vault, "lighthouse")] == [case.id]
    finally:
        vault.close()


# -- unlock, of a vault that was killed while a file was taken in -----------------------------------------------------


def _prepare_unlock(root: Path) -> None:
    vault, ids = _base(root)
    vault.close()
    (root / "source" / "lost.bin").write_bytes(_bytes(2 * MIB, 3))
    _note_down(root, api.setup.open_with(vault.folder, vault.keys), **ids)
    subprocess.run([sys.executable, "-m", __spec__.name, "abandon", root], cwd=HERE, check=True)
    # Half a key file of a passphrase change that was killed, and a copy of the key file that was damaged.
    (vault.folder / ".0123456789abcdef.part").write_bytes(b"half a key file")
    keys = bytearray((vault.folder / "vault.keys").read_bytes())
    keys[len(keys) // 2 + 100] ^= 1
    (vault.folder / "vault.keys").write_bytes(keys)


def _abandon(root: Root) -> None:
    """Begin to take a file in, and end without a word once its chunks are on the disk."""
    vault = root.open()

    def stop(_: object) -> None:
        api.cases.page(vault)  # has its turn behind the chunks
        os._exit(0)

    api.intake.attach(vault, root.known["case"], root.source / "lost.bin", Job(stop))
    raise AssertionError("it was to end before")


def _unlock(root: Root, done: Done) -> None:
    vault = root.open()
    try:
        done()
        api.setup.sweep_all(vault)
    finally:
        vault.close()


def _check_unlock(root: Root, acknowledged: bool) -> None:
    del acknowledged
    for opened in (root.open, root.open_mended):
        vault = opened()
        try:
            keys = (root.vault / "vault.keys").read_bytes()
            assert keys[: len(keys) // 2] == keys[len(keys) // 2 :], "the damaged copy of the key file was not mended"
            assert seen(vault) == root.known["before"]
            api.setup.sweep_all(vault)
            sound(vault, "key-copy" if opened == root.open else "")
        finally:
            vault.close()
        assert {entry.name for entry in root.vault.iterdir()} == {"vault.db", "vault.keys"}


# -- sign, correct, delete ---------------------------------------------------------------------------------------------


def _sign(root: Root, vault: api.OpenVault) -> None:
    api.drafts.sign(vault, root.known["draft"])


def _signed(root: Root, before: State, now: State) -> bool:
    draft, case = root.known["draft"], root.known["case"]
    title, records, attachments = before["cases"][case]
    fields = before["drafts"][draft][1]
    return now == _but(
        before,
        cases={**before["cases"], case: [title, records + 1, attachments]},
        drafts={one: value for one, value in before["drafts"].items() if one != draft},
        records={**before["records"], draft: [case, False, 1, fields, ""]},
        found={**before["found"], "saltmarsh": [draft]},
    )


def _sign_again(root: Root, vault: api.OpenVault) -> None:
    for draft in api.drafts.page(vault):
        api.drafts.sign(vault, draft.id)
    draft = api.drafts.save(vault, root.known["case"], "testimony", {"statement": "lighthouse"})
    api.drafts.sign(vault, draft.id)
    assert [hit.id for hit in api.search.find(vault, "lighthouse")] == [draft.id]
    assert len(api.search.find(vault, "saltmarsh")) == 1 and not api.drafts.page(vault)


TYPED = {"title": "B", "statement": "saltmarsh at night, and the tide"}
"""What a person has typed when the draft is saved once more."""


def _draft(root: Root, vault: api.OpenVault) -> None:
    api.drafts.save(vault, root.known["case"], "testimony", TYPED, root.known["draft"])


def _drafted(root: Root, before: State, now: State) -> bool:
    draft = {root.known["draft"]: [root.known["case"], TYPED]}
    return now == _but(before, drafts={**before["drafts"], **draft})


def _correct(root: Root, vault: api.OpenVault) -> None:
    api.records.correct(vault, root.known["first"], {"statement": "It was the lighthouse that burned."}, "misheard")


def _corrected(root: Root, before: State, now: State) -> bool:
    first, case = root.known["first"], root.known["case"]
    fields = {"statement": "It was the lighthouse that burned."}
    return now == _but(
        before,
        records={**before["records"], first: [case, False, 2, fields, ""]},
        found={**before["found"], "glasswort": [], "lighthouse": [first]},
    )


def _correct_again(root: Root, vault: api.OpenVault) -> None:
    first = root.known["first"]
    version = len(api.records.show(vault, first).versions)
    again = api.records.correct(vault, first, {"statement": "lighthouse, said once more"})
    assert len(again.versions) == version + 1
    assert [hit.id for hit in api.search.find(vault, "lighthouse")] == [first]
    assert api.records.show(vault, first, 1).fields["statement"].startswith("I saw the glasswort")


def _prepare_delete(root: Path) -> None:
    vault, ids = _base(root, extra=MIB)
    _note_down(root, vault, **ids)


def _delete(root: Root, vault: api.OpenVault) -> None:
    api.records.delete(vault, root.known["extra"], "asked for")


def _deleted(root: Root, before: State, now: State) -> bool:
    extra, case = root.known["extra"], root.known["case"]
    title, records, attachments = before["cases"][case]
    return now == _but(
        before,
        cases={**before["cases"], case: [title, records, attachments - 1]},
        attachments={**before["attachments"], extra: [case, True, 0, "none"]},
    )


def _delete_again(root: Root, vault: api.OpenVault) -> None:
    api.records.delete(vault, root.known["first"], "asked for")
    assert api.records.show(vault, root.known["first"]).deleted
    assert not api.search.find(vault, "glasswort")
    api.setup.sweep_all(vault)


# -- attach ------------------------------------------------------------------------------------------------------------


def _attach_operation(name: str, size: int) -> Operation:
    def prepare(root: Path) -> None:
        vault, ids = _base(root)
        content = _bytes(size, 4)
        (root / "source" / "large.bin").write_bytes(content)
        _note_down(root, vault, **ids, sha256=hashlib.sha256(content).hexdigest())

    def act(root: Root, vault: api.OpenVault) -> None:
        api.intake.attach(vault, root.known["case"], root.source / "large.bin", Job(), once=True)

    def changed(root: Root, before: State, now: State) -> bool:
        case = root.known["case"]
        title, records, attachments = before["cases"][case]
        new = [one for one in now["attachments"] if one not in before["attachments"]]
        return len(new) == 1 and now == _but(
            before,
            cases={**before["cases"], case: [title, records, attachments + 1]},
            attachments={**before["attachments"], new[0]: [case, False, size, root.known["sha256"]]},
        )

    def again(root: Root, vault: api.OpenVault) -> None:
        # What was abandoned goes first, as it does while a person looks for the file.
        api.setup.sweep_all(vault)
        place = root.source / "again.bin"
        place.write_bytes(_bytes(100 * KIB, 5))
        made = api.intake.attach(vault, root.known["case"], place, Job())
        assert _content(vault, made.id, made.size) == made.sha256 == hashlib.sha256(place.read_bytes()).hexdigest()

    return _operation(name, prepare, act, _checked(changed, again))


# -- passphrase and key ------------------------------------------------------------------------------------------------


def _passphrase(root: Root, vault: api.OpenVault) -> None:
    del root
    api.setup.change_passphrase(vault, api.to_secret(NEW_PASSPHRASE), FLOOR)


def _check_passphrase(root: Root, acknowledged: bool) -> None:
    opens, other = NEW_PASSPHRASE, PASSPHRASE
    try:
        vault = api.setup.unlock(root.vault, api.to_secret(opens))
    except UnlockError:
        assert not acknowledged, "the new passphrase does not open"
        opens, other = other, opens
        vault = api.setup.unlock(root.vault, api.to_secret(opens))
    try:
        assert not list(root.vault.glob(".*")), "half a key file stayed"
        assert seen(vault) == root.known["before"]
        sound(vault)
        api.setup.change_passphrase(vault, api.to_secret(other), FLOOR)
    finally:
        vault.close()
    try:
        api.setup.check_passphrase(root.vault, api.to_secret(opens))
    except UnlockError:
        api.setup.check_passphrase(root.vault, api.to_secret(other))
    else:
        raise AssertionError("the old passphrase still opens")
    assert {entry.name for entry in root.vault.iterdir()} == {"vault.db", "vault.keys"}


def _rekey(root: Root, done: Done) -> None:
    vault = api.setup.rekey(root.vault, api.to_secret(PASSPHRASE), Job())
    done()
    vault.close()


def _check_rekey(root: Root, acknowledged: bool) -> None:
    before = root.known["generation"]
    vault = api.setup.unlock(root.vault, api.to_secret(PASSPHRASE))
    try:
        # Two, where the first rotation was whole but for the end of its entry, and was told as an error.
        assert before + acknowledged <= vault.keys.generation <= before + 1 + acknowledged
        assert vault.keys.older_key is None or not acknowledged
        pending = vault.keys.older_key is not None
        found = vault.keys.generation
        assert seen(vault) == root.known["before"]
        sound(vault, "rekey-pending" if pending else "")
    finally:
        vault.close()
    vault = api.setup.rekey(root.vault, api.to_secret(PASSPHRASE), Job())
    try:
        assert vault.keys.generation == (found if pending else found + 1) and vault.keys.older_key is None
        assert seen(vault) == root.known["before"]
        sound(vault)
    finally:
        vault.close()
    _only_own_files(root.vault, "vault.db", "vault.keys")


def _prepare_rekey(root: Path) -> None:
    vault, ids = _base(root)
    _note_down(root, vault, **ids, generation=vault.keys.generation)


# -- seal and receive --------------------------------------------------------------------------------------------------


def _prepare_seal(root: Path) -> None:
    vault, ids = _base(root)
    peer = make_vault(root / "peer", 1)
    introduce(vault, peer, "Peer")
    introduce(peer, vault, "Sender")
    peer.close()
    _note_down(root, vault, **ids)


def _seal(root: Root, vault: api.OpenVault, name: str = "bundle.age") -> None:
    choice = api.sealing.Choice(root.known["case"], accept_metadata=True)
    api.sealing.seal(vault, choice, ["Peer"], root.target / name, Job())


def _check_seal(root: Root, acknowledged: bool) -> None:
    before, file = root.known["before"], root.target / "bundle.age"
    _only_own_files(root.target, "bundle.age")
    assert file.exists() or not acknowledged, "the bundle that was sealed is not there"
    vault, peer = root.open(), root.open("peer")
    try:
        now = seen(vault)
        assert _but(now, sent=[]) == before
        assert len([one for one in now["sent"] if one[2]]) <= 1, "sealed once, and entered twice"
        digest = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else None
        if digest:
            assert now["sent"] and {one[2] for one in now["sent"]} <= {"", digest}, "it left, and the log is silent"
            looked = api.receiving.look(peer, file, Job())
            assert looked.verdict is Verdict.VERIFIED, looked.report.findings
        if acknowledged:
            assert digest in [one[2] for one in now["sent"]]
        elif not digest:
            assert all(sha256 == "" for _, _, sha256 in now["sent"]), "the log says it left, and it did not"
        sound(vault)
        _seal(root, vault, "again.age")
        opened = api.receiving.receive(peer, root.target / "again.age", Job())
        assert opened.verdict is Verdict.VERIFIED, opened.report.findings
        sound(vault)
    finally:
        vault.close()
        peer.close()


def _prepare_receive(root: Path) -> None:
    """The vault is a lawyer's; the bundle comes from the peer, a defender with a testimony and a file."""
    vault, ids = _base(root)
    peer = make_vault(root / "peer", 1)
    introduce(vault, peer, "Sender")
    introduce(peer, vault, "Lawyer")
    case = api.cases.add(peer, "lighthouse case")
    api.records.add(peer, case.id, "testimony", {"statement": "The lighthouse was dark."})
    (root / "source" / "theirs.bin").write_bytes(_bytes(300 * KIB, 6))
    api.intake.attach(peer, case.id, root / "source" / "theirs.bin", Job())
    choice = api.sealing.Choice(case.id, accept_metadata=True)
    api.sealing.seal(peer, choice, ["Lawyer"], root / "source" / "bundle.age", Job())
    peer.close()
    before = seen(vault)
    vault.close()
    # What a receipt looks like is taken from one that nobody interrupted.
    copy = root / "uninterrupted"
    shutil.copytree(root / "vault", copy)
    whole = api.setup.open_with(copy, vault.keys)
    api.receiving.receive(whole, root / "source" / "bundle.age", Job())
    after = _without_ids(before, seen(whole))
    whole.close()
    shutil.rmtree(copy)
    (root / "known.json").write_text(json.dumps({"before": before, "after": after, **ids}, ensure_ascii=False), "utf-8")


def _without_ids(before: State, now: State) -> State:
    """Return what was added, without the ids that a vault draws for what it takes in."""
    assert {one: now["records"].get(one) for one in before["records"]} == before["records"]
    assert {one: now["attachments"].get(one) for one in before["attachments"]} == before["attachments"]
    assert {one: now["cases"].get(one) for one in before["cases"]} == before["cases"]
    added: State = {
        part: sorted((value[skip:] for one, value in now[part].items() if one not in before[part]), key=json.dumps)
        for part, skip in (("cases", 0), ("records", 1), ("attachments", 1))
    }
    found = {word: len(ids) - len(before["found"][word]) for word, ids in now["found"].items()}
    rest = {part: now[part] for part in ("sent", "received", "drafts", "contacts")}
    return json.loads(json.dumps({**added, **rest, "found": found}))


def _receive(root: Root, vault: api.OpenVault) -> None:
    opened = api.receiving.receive(vault, root.source / "bundle.age", Job())
    if not opened.taken and seen(vault)["received"]:
        raise AlreadyExistsError("It was taken in before.")
    assert opened.verdict is Verdict.VERIFIED, opened.report.findings


def _received(root: Root, before: State, now: State) -> bool:
    return _without_ids(before, now) == root.known["after"]


def _receive_again(root: Root, vault: api.OpenVault) -> None:
    there = bool(seen(vault)["received"])
    opened = api.receiving.receive(vault, root.source / "bundle.age", Job())
    assert bool(opened.taken) is not there
    assert _received(root, root.known["before"], seen(vault))


# -- backup ------------------------------------------------------------------------------------------------------------


def _prepare_backup(root: Path) -> None:
    """A second generation, after something was added to the vault since the first."""
    vault, ids = _base(root)
    api.backup.backup(vault, root / "target" / "backup", Job())
    older = seen(vault)
    api.records.add(vault, ids["case"], "note", {"text": "lighthouse"})
    _note_down(root, vault, **ids, older=older)


def _backup(root: Root, vault: api.OpenVault) -> None:
    api.backup.backup(vault, root.target / "backup", Job())


def _check_backup(root: Root, acknowledged: bool) -> None:
    _only_own_files(root.target, "backup")
    vault = root.open()
    try:
        assert seen(vault) == root.known["before"]
        sound(vault)
        _check_restore(root, "restored", newest=acknowledged)
        api.backup.backup(vault, root.target / "backup", Job())
        sound(vault)
    finally:
        vault.close()
    _check_restore(root, "again", newest=True)


def _check_restore(root: Root, name: str, *, newest: bool) -> None:
    place = root.folder / name
    passed = api.backup.restore(root.target / "backup", place, api.to_secret(PASSPHRASE), Job())
    restored = api.setup.open_with(place, unlocked(root.vault))
    try:
        now = seen(restored)
        assert now in ([root.known["before"]] if newest else [root.known["before"], root.known["older"]])
        assert not (newest and passed)
        sound(restored)
    finally:
        restored.close()


# -- migration ---------------------------------------------------------------------------------------------------------

_OLDER = """
DROP TABLE record_type;
DROP TABLE received_bundle;
DROP TABLE sent_bundle;
ALTER TABLE search_state DROP COLUMN next;
UPDATE search_state SET folding = 1;
DELETE FROM migration WHERE version > 2;
PRAGMA user_version = 2;
"""
"""Takes the tables back to what the second step left, with an index of an older folding."""


def _prepare_migration(root: Path) -> None:
    vault, ids = _base(root)
    _note_down(root, vault, **ids)
    older = api.setup.open_with(vault.folder, vault.keys)
    for statement in _OLDER.strip().splitlines():
        older.database.run(lambda connection, statement=statement: connection.execute(statement))
    older.close()


def _migrate(root: Root, done: Done) -> None:
    vault = root.open()
    done()
    vault.close()


def _unchanged(root: Root, before: State, now: State) -> bool:
    del root
    return now == before


def _add_something(root: Root, vault: api.OpenVault) -> None:
    made = api.records.add(vault, root.known["case"], "note", {"text": "lighthouse"})
    assert [hit.id for hit in api.search.find(vault, "lighthouse")] == [made.id]


OPERATIONS = {
    one.name: one
    for one in (
        Operation("create", lambda root: _note_down(root, None), _create, _check_create),
        Operation("unlock", _prepare_unlock, _unlock, _check_unlock),
        _operation("sign", _prepare_base, _sign, _checked(_signed, _sign_again)),
        _operation("correct", _prepare_base, _correct, _checked(_corrected, _correct_again)),
        _attach_operation("attach-1", MIB),
        _attach_operation("attach-64", 64 * MIB),
        _operation("delete", _prepare_delete, _delete, _checked(_deleted, _delete_again)),
        _operation("passphrase", _prepare_base, _passphrase, _check_passphrase),
        Operation("rekey", _prepare_rekey, _rekey, _check_rekey),
        _operation("seal", _prepare_seal, _seal, _check_seal),
        _operation("receive", _prepare_receive, _receive, _checked(_received, _receive_again)),
        _operation("backup", _prepare_backup, _backup, _check_backup),
        Operation("migration", _prepare_migration, _migrate, _checked(_unchanged, _add_something)),
    )
}


DRAFT = _operation("draft", _prepare_base, _draft, _checked(_drafted, _sign_again))
"""What is typed is saved: no operation of the twelve, but what a person fears for most when a disk fails."""


def main(words: list[str]) -> None:
    """Prepare a root, or run the operation of a prepared one."""
    if words[0] == "prepare":
        folder = Path(words[2])
        folder.mkdir(parents=True, exist_ok=True)
        OPERATIONS[words[1]].prepare(folder)
    elif words[0] == "abandon":
        _abandon(Root(Path(words[1]), unlocked))
    else:
        acknowledgement = int(words[2])
        OPERATIONS[words[0]].run(Root(Path(words[1]), unlocked), lambda: say_done(acknowledgement))


def say_done(handle: int) -> None:
    """Say on an open file that the program said "done"."""
    os.write(handle, b"done\n")


if __name__ == "__main__":
    main(sys.argv[1:])
