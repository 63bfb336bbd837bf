"""The custody log: every change has its entry, an entry says no more than was chosen, and no tampering passes."""

import json
import re
import subprocess

import pytest

from tests.vault_world import (
    PHOTO,
    bag_of,
    container_of,
    events,
    everything_in,
    introduce,
    make_vault,
    raw,
    reopen,
    rows,
    seal,
)
from vault import api
from vault.audit import PROVABLE
from vault.errors import AlreadyExistsError, DiskFullError, IntegrityError, NotFoundError, RefusedError
from vault.formats import merkle
from vault.formats.checkpoint import verify_checkpoint
from vault.formats.custody_entry import read_entry
from vault.formats.tlog_proof import TlogProof, decode_extra
from vault.jobs import Job
from vault.keys import FLOOR

WHY = "because-of-a-reason"


@pytest.fixture
def vault(tmp_path):
    vault = make_vault(tmp_path / "vault")
    yield vault
    vault.close()


@pytest.fixture
def case(vault):
    return api.cases.add(vault, "a case").id


@pytest.fixture
def note(vault, case):
    return api.records.add(vault, case, "note", {"text": "what the note says"}).id


def new_events(vault, work):
    """What a piece of work enters in the log, and what it returns."""
    before = len(events(vault))
    result = work()
    return [entry[:2] for entry in events(vault)[before:]], result


# -- entries --------------------------------------------------------------------------------------------------------


def test_every_change_has_its_entry(vault, tmp_path):
    other = make_vault(tmp_path / "other", 1)
    done = ("success",)

    def entered(work, *expected):
        found, result = new_events(vault, work)
        assert found == list(expected)
        return result

    def pairs(kind, *results):
        return [(kind, result) for result in results]

    case = entered(lambda: api.cases.add(vault, "c"), *pairs("creation", *done)).id
    note = entered(lambda: api.records.add(vault, case, "note", {"text": "x"}), *pairs("creation", *done)).id
    entered(lambda: api.records.correct(vault, note, {"text": "y"}, WHY), *pairs("modification", *done))
    entered(lambda: api.records.show(vault, note), *pairs("displaying", *done))
    photo = entered(lambda: api.intake.attach(vault, case, PHOTO, Job()), *pairs("ingestion", *done)).id
    entered(lambda: api.intake.show(vault, photo), *pairs("displaying", *done))
    entered(lambda: api.intake.extract(vault, photo, tmp_path / "p", Job()), *pairs("replication", "intent", "success"))
    card = api.contacts.card(other, "Other")
    entered(lambda: api.contacts.add_card(vault, card), *pairs("creation", *done))
    entered(lambda: api.contacts.verify(vault, "Other", other.identity.fingerprint), *pairs("modification", *done))
    entered(
        lambda: seal(vault, case, "Other", tmp_path / "b.age", accept_metadata=True),
        *pairs("dissemination", "intent", "success"),
    )
    entered(
        lambda: api.sealing.reveal(vault, note, "text", "Other", tmp_path / "r.age", Job()),
        *pairs("dissemination", "intent", "success"),
    )
    for kind in ("x25519", "hybrid"):
        target = tmp_path / kind
        entered(
            lambda kind=kind, target=target: api.contacts.export_identity(vault, kind, target),
            *pairs("replication", "intent", "success"),
        )
    entered(lambda: api.custody.write_checkpoint(vault, tmp_path / "cp"), *pairs("replication", "intent", "success"))
    entered(lambda: api.custody.write_proof(vault, note, tmp_path / "pr"), *pairs("replication", "intent", "success"))
    entered(lambda: api.backup.backup(vault, tmp_path / "stick", Job()), *pairs("replication", "intent", "success"))
    entered(
        lambda: api.setup.change_passphrase(vault, api.to_secret("harvest window gravel copper"), FLOOR),
        *pairs("modification", "intent", "success"),
    )
    entered(lambda: api.records.delete(vault, photo, WHY), *pairs("deletion", *done))
    introduce(other, vault, "Back")
    mine = api.cases.add(other, "mine").id
    api.records.add(other, mine, "note", {"text": "z"})
    seal(other, mine, "Back", tmp_path / "back.age")
    entered(
        lambda: api.receiving.receive(vault, tmp_path / "back.age", Job()),
        ("creation", "success"), ("ingestion", "success"), ("ingestion", "success"),
    )  # fmt: skip
    other.close()
    assert api.checking.check(vault, [], Job()).report.findings == ()


def test_looking_at_lists_and_keeping_drafts_enters_nothing(vault, case, note):
    def look():
        api.cases.page(vault)
        api.cases.get(vault, case)
        api.records.page(vault, case)
        api.intake.page(vault, case)
        api.contacts.page(vault)
        api.contacts.own(vault)
        api.search.find(vault, "note")
        api.custody.verify(vault, Job())
        api.checking.check(vault, [], Job())
        api.sealing.preview(vault, api.sealing.Choice(case))

    assert new_events(vault, look)[0] == []


def test_what_is_refused_enters_nothing(vault, case, note, tmp_path):
    (tmp_path / "there").write_text("x")

    def refused():
        for error, work in (
            (RefusedError, lambda: api.records.delete(vault, note, " ")),
            (RefusedError, lambda: api.records.add(vault, case, "note", {"no_such_field": "x"})),
            (NotFoundError, lambda: api.records.show(vault, "0" * 32)),
            (NotFoundError, lambda: api.contacts.verify(vault, "Nobody", "x")),
            (RefusedError, lambda: api.contacts.export_identity(vault, "rsa", tmp_path / "k")),
            (AlreadyExistsError, lambda: api.contacts.export_identity(vault, "hybrid", tmp_path / "there")),
            (AlreadyExistsError, lambda: api.custody.write_checkpoint(vault, tmp_path / "there")),
            (AlreadyExistsError, lambda: api.custody.write_proof(vault, note, tmp_path / "there")),
            (NotFoundError, lambda: api.custody.write_proof(vault, "f" * 32, tmp_path / "p")),
            (NotFoundError, lambda: api.custody.write_proof(vault, "4711", tmp_path / "p")),
        ):
            with pytest.raises(error):
                work()

    assert new_events(vault, refused)[0] == []
    assert {path.name for path in tmp_path.iterdir()} == {"vault", "there"}
    assert (tmp_path / "there").read_text() == "x"


def test_a_file_that_could_not_be_written_out_is_entered_as_failed(vault, note, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", small], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("only root can mount a small file system here")
    try:
        (small / "filler").write_bytes(bytes(16384))
        for work in (
            lambda: api.custody.write_checkpoint(vault, small / "cp"),
            lambda: api.custody.write_proof(vault, note, small / "pr"),
            lambda: api.contacts.export_identity(vault, "x25519", small / "id"),
        ):
            with pytest.raises(DiskFullError):
                work()
            assert [result for _, result, _ in events(vault)[-2:]] == ["intent", "failure"]
        assert [path.name for path in small.iterdir()] == ["filler"]
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_leaf_says_nothing_of_its_event(vault, case, note):
    api.records.correct(vault, note, {"text": "other"}, WHY)
    api.records.delete(vault, note, WHY)
    shape = re.compile(rb'\{"_sd":\["[^"]{43}"(,"[^"]{43}"){11}\],"_sd_alg":"sha-256","epoch":"[0-9a-f]{32}",'
                       rb'"format":"custody-entry/1","number":[0-9]+\}')  # fmt: skip
    leaves = [bytes(row[0]) for row in rows(vault, "SELECT entry FROM custody_entry")]
    assert len(leaves) == 5
    for leaf in leaves:
        assert shape.fullmatch(leaf)
        assert note.encode() not in leaf
        assert WHY.encode() not in leaf
    assert len({len(leaf) for leaf in leaves}) == 1


def test_the_log_keeps_entries_when_what_they_are_about_was_deleted(vault, case, note):
    api.records.delete(vault, note, WHY)
    found = [entry.event["type"] for entry in api.custody.of_object(vault, note)]
    assert found == ["creation", "deletion"]
    assert api.custody.page(vault, case_id=case)[0].event["purpose"]["why"] == WHY


# -- what is handed out ---------------------------------------------------------------------------------------------


def test_a_checkpoint_file_verifies_with_the_formats_alone(vault, note, tmp_path):
    written = api.custody.write_checkpoint(vault, tmp_path / "cp")
    found = verify_checkpoint((tmp_path / "cp").read_text(), vault.identity.public_key)
    assert found == written
    assert found.size == len(events(vault)) - 1
    leaves = [merkle.leaf_hash(bytes(row[0])) for row in rows(vault, "SELECT entry FROM custody_entry ORDER BY number")]
    nodes = {}
    for number, leaf in enumerate(leaves[: found.size]):
        for level, index, value in merkle.append(number, leaf, lambda *at: nodes[at]):
            nodes[level, index] = value
    assert merkle.root(found.size, lambda *at: nodes[at]) == found.root


@pytest.mark.parametrize("what", ["number", "id"])
def test_a_proof_file_verifies_with_the_formats_alone_and_says_no_more_than_it_must(vault, case, note, tmp_path, what):
    api.records.correct(vault, note, {"text": "other"}, WHY)
    api.records.show(vault, note)
    number = next(entry.number for entry in api.custody.page(vault) if entry.event["type"] == "modification")
    api.custody.write_proof(vault, str(number) if what == "number" else note, tmp_path / "proof")
    text = (tmp_path / "proof").read_text()
    proof = TlogProof.decode(text)
    entry, disclosures = decode_extra(proof.extra)
    checkpoint = proof.verify(entry, vault.identity.public_key)
    seen = read_entry(entry, disclosures)
    assert (seen.number, proof.index, seen.event["type"]) == (number, number, "modification")
    assert seen.event["object"]["id"] == note
    assert set(seen.event) <= PROVABLE
    assert checkpoint.size > number
    with pytest.raises(IntegrityError):
        proof.verify(entry.replace(b'"number":', b'"number":1'), vault.identity.public_key)
    assert api.checking.check(vault, [tmp_path / "proof"], Job()).anchored == "yes"


def test_every_entry_can_be_proved(vault, case, tmp_path):
    for number in range(9):
        api.records.add(vault, case, "note", {"text": str(number)})
    for number in range(10):
        proof = api.custody.write_proof(vault, str(number), tmp_path / str(number))
        proof.verify(decode_extra(proof.extra)[0], vault.identity.public_key)


def test_pages_of_the_log_continue_each_other(vault, case):
    for number in range(5):
        api.records.add(vault, case, "note", {"text": str(number)})
    whole = [entry.number for entry in api.custody.page(vault)]
    first = [entry.number for entry in api.custody.page(vault, 3)]
    rest = [entry.number for entry in api.custody.page(vault, 100, before=first[-1])]
    assert first + rest == whole == list(range(len(whole)))[::-1]


# -- tampering by somebody who has the store's key ------------------------------------------------------------------


def set_entry(store, number, entry):
    store.execute("UPDATE custody_entry SET entry = ? WHERE number = ?", (entry, number))


def altered(store):
    (entry,) = store.execute("SELECT entry FROM custody_entry WHERE number = 3").fetchone()
    set_entry(store, 3, bytes(entry).replace(b'"number":3', b'"number":2'))


def altered_digest(store):
    (other,) = store.execute("SELECT entry FROM custody_entry WHERE number = 4").fetchone()
    set_entry(store, 3, bytes(other).replace(b'"number":4', b'"number":3'))


def deleted(store):
    store.execute("DELETE FROM custody_entry WHERE number = 3")


def deleted_last(store):
    store.execute("DELETE FROM custody_entry WHERE number = (SELECT max(number) FROM custody_entry)")


def swapped(store):
    for one, other in ((3, 1000), (4, 3), (1000, 4)):
        store.execute("UPDATE custody_entry SET number = ? WHERE number = ?", (other, one))


def node(store):
    store.execute("UPDATE tree_node SET hash = zeroblob(32) WHERE id = (1 << 48)")


def node_gone(store):
    store.execute("DELETE FROM tree_node WHERE id = (1 << 48)")


def leaf_node(store):
    store.execute("UPDATE tree_node SET hash = (SELECT hash FROM tree_node WHERE id = 2) WHERE id = 3")


def head_gone(store):
    store.execute("DELETE FROM log_head")


def head_of_another(store):
    store.execute("UPDATE log_head SET note = replace(note, 'evidence-vault/', 'evidence-vault/0')")


def head_unsigned(store):
    store.execute("UPDATE log_head SET note = substr(note, 1, length(note) - 10) || 'AAAAAAAA=' || char(10)")


def head_garbage(store):
    store.execute("UPDATE log_head SET note = 'x'")


def filed_elsewhere(store):
    store.execute("UPDATE custody_entry SET object = '0' WHERE number = 3")


def disclosures(store, change):
    (text,) = store.execute("SELECT disclosures FROM custody_entry WHERE number = 3").fetchone()
    store.execute("UPDATE custody_entry SET disclosures = ? WHERE number = 3", (change(json.loads(text)),))


def disclosure_gone(store):
    (entry,) = store.execute("SELECT entry FROM custody_entry WHERE number = 3").fetchone()
    disclosures(store, lambda found: json.dumps(
        [one for one in found if "outcome" not in read_entry(bytes(entry), [one]).event]
    ))  # fmt: skip


def disclosure_foreign(store):
    (other,) = store.execute("SELECT disclosures FROM custody_entry WHERE number = 4").fetchone()
    disclosures(store, lambda found: other)


def disclosure_garbage(store):
    disclosures(store, lambda found: "[")


def disclosure_number(store):
    disclosures(store, lambda found: "5")


def entry_garbage(store):
    set_entry(store, 3, b"{}")


def epoch_renamed(store):
    store.execute("UPDATE epoch SET id = ?", ("0" * 32,))


def epoch_added(store):
    store.execute("INSERT INTO epoch (id, first_number, grew_from) VALUES (?, 3, 'x')", ("0" * 32,))


def epochs_gone(store):
    store.execute("DELETE FROM epoch")


LOG_TAMPERINGS = {
    altered: ("log-order", "3"),
    altered_digest: ("log-entry", "3"),
    deleted: ("log-gap", "3"),
    deleted_last: ("log-head", "head"),
    swapped: ("log-order", "3"),
    node: ("log-tree", "1"),
    node_gone: ("log-tree", "1"),
    leaf_node: ("log-tree", "3"),
    head_gone: ("log-head", "head"),
    head_of_another: ("log-head", "head"),
    head_unsigned: ("log-head", "head"),
    head_garbage: ("log-head", "head"),
    filed_elsewhere: ("log-entry", "3"),
    disclosure_gone: ("log-entry", "3"),
    disclosure_foreign: ("log-entry", "3"),
    disclosure_garbage: ("log-entry", "0"),
    disclosure_number: ("log-entry", "0"),
    entry_garbage: ("log-entry", "3"),
    epoch_renamed: ("log-order", "0"),
    epoch_added: ("log-order", "3"),
    epochs_gone: ("log-epoch", ""),
}


@pytest.mark.parametrize("tamper", LOG_TAMPERINGS, ids=lambda function: function.__name__)
def test_tampering_with_the_log_is_found(vault, case, note, tamper):
    for text in ("b", "c", "d"):
        api.records.correct(vault, note, {"text": text})
    assert api.custody.verify(vault, Job()).findings == ()
    vault.close()
    with raw(vault) as store:
        tamper(store)
    again = reopen(vault)
    report = api.custody.verify(again, Job())
    again.close()
    assert not report.ok
    assert LOG_TAMPERINGS[tamper] in [(one.code, one.where) for one in report.findings]


def test_an_older_head_that_was_put_back_is_found(vault, case, note):
    (older,) = rows(vault, "SELECT note FROM log_head")[0]
    api.records.correct(vault, note, {"text": "other"})
    vault.close()
    with raw(vault) as store:
        store.execute("UPDATE log_head SET note = ?", (older,))
    again = reopen(vault)
    assert [one.code for one in api.custody.verify(again, Job()).findings] == ["log-head"]
    again.close()


def test_verifying_can_be_followed_and_says_what_it_cannot_see(vault, note):
    seen = []
    report = api.custody.verify(vault, Job(seen.append))
    assert (seen[-1].done, seen[-1].total) == (3, 3)
    assert report.steps == ("log",)
    assert "anchor" in report.not_checked[0]


# -- on whose authority, what changed, where it went ------------------------------------------------------------------


def slots_of(vault, object_id, act):
    """The events of one kind about an object, oldest first."""
    return [one.event for one in api.custody.of_object(vault, object_id) if one.event["type"] == act]


def test_a_decision_keeps_on_whose_authority_it_was_taken_and_where_something_went(vault, case, note, tmp_path):
    other = make_vault(tmp_path / "other", 1)
    introduce(vault, other, "Other")
    photo = api.intake.attach(vault, case, PHOTO, Job()).id
    said = {"authority": "her-consent-of-May", "place": "the-blue-stick"}
    sealed = seal(vault, case, "Other", tmp_path / "b.age", accept_metadata=True, **said)
    shown = api.sealing.reveal(vault, note, "text", "Other", tmp_path / "r.age", Job(), **said)
    api.intake.extract(vault, photo, tmp_path / "p", Job(), WHY, **said)
    api.records.delete(vault, note, WHY, "the-court-said-so")
    for object_id, act in ((sealed.bundle_id, "dissemination"), (shown.bundle_id, "dissemination"),
                           (photo, "replication")):  # fmt: skip
        events_of_it = slots_of(vault, object_id, act)
        assert [one["outcome"]["result"] for one in events_of_it] == ["intent", "success"]
        for event in events_of_it:
            assert (event["purpose"]["authority"], event["location"]["id"]) == ("her-consent-of-May", "the-blue-stick")
            assert event["location"]["class"].startswith("outside the vault")
    (deletion,) = slots_of(vault, note, "deletion")
    assert deletion["purpose"] == {"why": WHY, "authority": "the-court-said-so"}
    assert deletion["location"] == {"class": "this device"}
    # None of it leaves, neither with evidence nor with a proof.
    api.custody.write_proof(vault, sealed.bundle_id, tmp_path / "proof")
    second = seal(vault, case, "Other", tmp_path / "c.age", accept_metadata=True, authority="again-her-consent")
    received = api.receiving.receive(other, tmp_path / "c.age", Job())
    assert second and received.case_id
    kept = everything_in(container_of(tmp_path / "c.age", other.identity.hybrid)) + (tmp_path / "proof").read_bytes()
    for word in ("her-consent", "blue-stick", "court-said"):
        assert word.encode() not in kept
        assert word not in str(read_entry(*decode_extra(TlogProof.decode((tmp_path / "proof").read_text()).extra)))
    other.close()


def test_a_correction_names_the_fields_that_differ_and_no_value(vault, case, tmp_path):
    record = api.records.add(vault, case, "note", {"text": "Before", "title": "kept"}).id
    api.records.correct(vault, record, {"text": "After", "title": "kept", "language": "bo"}, WHY)
    (event,) = slots_of(vault, record, "modification")
    assert event["change"] == {"what": "language, text", "justification": WHY}
    other = make_vault(tmp_path / "other", 1)
    introduce(vault, other, "Other")
    seal(vault, case, "Other", tmp_path / "b.age")
    entries = json.loads(bag_of(tmp_path / "b.age", other)["data/custody/entries.json"])
    other.close()
    seen = [read_entry(one["entry"].encode(), one["disclosures"]).event for one in entries]
    assert [one["type"] for one in seen] == ["creation", "modification"]
    assert all(one.keys() <= PROVABLE for one in seen)
    assert "change" not in slots_of(vault, record, "creation")[0]
    assert "Before" not in str(event) and "After" not in str(event)
    # The names of fields that were withheld would show that there are such fields.
    assert "change" not in PROVABLE


def test_changes_of_keys_and_contacts_say_what_they_altered(vault, tmp_path):
    other = make_vault(tmp_path / "other", 1)
    introduce(vault, other, "Other")
    (contact,) = api.contacts.page(vault)
    (event,) = slots_of(vault, contact.id, "modification")
    assert event["change"] == {"what": "verified", "justification": "fingerprint compared over another channel"}
    other.clock = lambda: api.setup.now().replace(year=api.setup.now().year + 1)
    api.contacts.add_card(vault, api.contacts.card(other, "Other"))
    renewed = slots_of(vault, contact.id, "modification")[-1]
    assert renewed["change"] == {"what": "card", "justification": "newer card of the same key"}
    other.close()
    api.setup.change_passphrase(vault, api.to_secret("harvest window gravel copper"), FLOOR)
    about_vault = slots_of(vault, vault.identity.log_id, "modification")
    assert [one["outcome"]["result"] for one in about_vault] == ["intent", "success"]
    assert {one["change"]["what"] for one in about_vault} == {"passphrase slot of the key file"}
    vault.close()
    again = api.setup.rekey(vault.folder, api.to_secret("harvest window gravel copper"), Job())
    rotated = slots_of(again, again.identity.log_id, "modification")[-2:]
    assert [one["outcome"]["result"] for one in rotated] == ["intent", "success"]
    assert all("encryption of the whole store" in one["change"]["what"] for one in rotated)
    again.close()


def test_authority_and_place_are_given_with_the_command_and_need_be_no_argument(vault, case, note, tmp_path, cli):
    photo = api.intake.attach(vault, case, PHOTO, Job()).id
    vault.close()
    out = str(tmp_path / "p")
    words = ("--authority", "-", "--location", "-")
    assert cli("extract", photo, "--out", out, *words, stdin="她的同意\nthe stick\n".encode())[0] == 0
    assert cli("record", "delete", note, "--why", WHY, "--authority", "the law")[0] == 0
    entries = cli("log", "show")[1]["entries"]
    extracted = [one["event"] for one in entries if one["event"]["type"] == "replication"]
    assert {(one["purpose"]["authority"], one["location"]["id"]) for one in extracted} == {("她的同意", "the stick")}
    deleted = [one["event"]["purpose"] for one in entries if one["event"]["type"] == "deletion"]
    assert deleted == [{"why": WHY, "authority": "the law"}]
