"""Checking a whole vault: each tampering by its name, anchors, and that an honest restore is no rollback."""

import shutil
from pathlib import Path

import pytest

from tests.vault_world import PASSPHRASE, PHOTO, introduce, make_vault, raw, reopen, seal, unlock
from vault import api
from vault.errors import FormatError, IntegrityError, NotFoundError, RefusedError, VaultError
from vault.jobs import Job
from vault.model import Severity
from vault.store.database import PAGE_SIZE

STEPS = ("1 key file", "2 store", "3 contents", "4 log", "5 records", "6 contacts and bundles", "7 anchors")


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """The folder and keys of a vault with something of everything in it, and the ids of what it holds."""
    folder = tmp_path_factory.mktemp("full")
    vault, other = make_vault(folder / "vault"), make_vault(folder / "other", 1)
    ids = {"case": api.cases.add(vault, "a case").id, "other case": api.cases.add(vault, "another").id}
    ids["note"] = api.records.add(vault, ids["case"], "note", {"text": "first text"}).id
    api.records.correct(vault, ids["note"], {"text": "second text"})
    ids["deleted"] = api.records.add(vault, ids["case"], "note", {"text": "to be deleted"}).id
    ids["kept"] = api.records.add(vault, ids["case"], "note", {"text": "kept"}).id
    api.records.delete(vault, ids["deleted"], "a reason")
    (folder / "paper.txt").write_text("some bytes")
    ids["photo"] = api.intake.attach(vault, ids["case"], PHOTO, Job()).id
    ids["paper"] = api.intake.attach(vault, ids["case"], folder / "paper.txt", Job()).id
    introduce(vault, other, "Other")
    introduce(other, vault, "Vault")
    ids["contact"] = api.contacts.page(vault)[0].id
    ids["bundle"] = seal(vault, ids["case"], "Other", folder / "b.age", accept_metadata=True).bundle_id
    theirs = api.cases.add(other, "theirs").id
    ids["theirs"] = api.records.add(other, theirs, "note", {"text": "theirs"}).id
    ids["their bundle"] = seal(other, theirs, "Vault", folder / "back.age").bundle_id
    api.receiving.receive(vault, folder / "back.age", Job())
    vault.close()
    other.close()
    return folder / "vault", vault.keys, ids


@pytest.fixture
def copy(full, tmp_path):
    """A copy of that vault, closed."""
    folder, opened, _ = full
    shutil.copytree(folder, tmp_path / "vault")
    vault = api.setup.open_with(tmp_path / "vault", opened)
    vault.close()
    return vault


def check(vault, *anchors, written=()):
    return api.checking.check(vault, [Path(anchor) for anchor in anchors], Job(), written)


def findings(checked):
    return {(one.code, one.where) for one in checked.report.findings}


def test_a_sound_vault_has_no_findings_and_says_what_is_not_checked(copy):
    vault = reopen(copy)
    seen = []
    checked = api.checking.check(vault, [], Job(seen.append))
    vault.close()
    assert checked.report.findings == ()
    assert checked.report.steps == STEPS
    assert checked.anchored == "unknown"
    assert "anchor" in checked.report.not_checked[0]
    assert {"checking contents", "verifying the log", "checking records"} <= {one.step for one in seen}


# -- rows changed by somebody who has the store's key ---------------------------------------------------------------

VERSION = "(SELECT serial FROM record WHERE id = '{note}')"


def sql(*statements):
    def tamper(store, ids):
        for statement in statements:
            store.execute(statement.format(**{name.replace(" ", "_"): value for name, value in ids.items()}))

    return tamper


def undone(store, ids):
    """A tombstone turned back into a record, with another record's signed text."""
    store.execute("UPDATE record SET deleted = 0, newest = 1 WHERE id = ?", (ids["deleted"],))
    store.execute(
        "INSERT INTO record_version (record_serial, version, digest, signed_at, signer, entry_number, sd_jwt) "
        "SELECT (SELECT serial FROM record WHERE id = ?), version, digest, signed_at, signer, entry_number, sd_jwt "
        "FROM record_version WHERE record_serial = (SELECT serial FROM record WHERE id = ?)",
        (ids["deleted"], ids["kept"]),
    )


def other_bytes(store, ids):
    """Another content under the digest it really has."""
    from vault.crypto.hashes import sha256

    (serial,) = store.execute("SELECT serial FROM content WHERE size = 10").fetchone()
    store.execute("UPDATE chunk SET data = ? WHERE id = ?", (b"other text", serial << 24))
    store.execute("UPDATE content SET sha256 = ? WHERE serial = ?", (sha256(b"other text").hex(), serial))


ROWS = {
    "an older version's text in the newest one's row": (
        sql(f"UPDATE record_version SET sd_jwt = (SELECT sd_jwt FROM record_version WHERE version = 1 AND "
            f"record_serial = {VERSION}) WHERE version = 2 AND record_serial = {VERSION}"), "record-swapped", "note"),
    "the newest version was removed": (
        sql(f"DELETE FROM record_version WHERE version = 2 AND record_serial = {VERSION}",
            "UPDATE record SET newest = 1 WHERE id = '{note}'"), "version-missing", "note"),
    "an older version was removed": (
        sql(f"DELETE FROM record_version WHERE version = 1 AND record_serial = {VERSION}"), "version-missing", "note"),
    "an older version is shown": (sql("UPDATE record SET newest = 1 WHERE id = '{note}'"), "record-newest", "note"),
    "signed text was changed": (
        sql(f"UPDATE record_version SET sd_jwt = replace(sd_jwt, '~', 'A~') WHERE record_serial = {VERSION}"),
        "record-signature", "note"),
    "another signer": (
        sql(f"UPDATE record_version SET signer = zeroblob(32) WHERE record_serial = {VERSION}"),
        "record-signature", "note"),
    "a record was moved to another case": (
        sql("UPDATE record SET case_serial = (SELECT serial FROM vault_case WHERE id = '{other_case}') "
            "WHERE id = '{kept}'"), "record-swapped", "kept"),
    "a record was removed without a trace": (
        sql("DELETE FROM record_version WHERE record_serial = (SELECT serial FROM record WHERE id = '{kept}')",
            "DELETE FROM record WHERE id = '{kept}'"), "record-missing", "kept"),
    "two records changed places": (
        sql("UPDATE record SET id = 'x' WHERE id = '{kept}'", "UPDATE record SET id = '{kept}' WHERE id = '{note}'",
            "UPDATE record SET id = '{note}' WHERE id = 'x'"), "record-swapped", "note"),
    "a tombstone was undone": (undone, "record-undeleted", "deleted"),
    "a tombstone was forged": (
        sql("DELETE FROM record_version WHERE record_serial = (SELECT serial FROM record WHERE id = '{kept}')",
            "UPDATE record SET deleted = 1 WHERE id = '{kept}'"), "record-deleted", "kept"),
    "a received record was made an own one": (
        sql("UPDATE record SET origin = '', verdict = '' WHERE id = '{theirs}'"), "record-signer", "theirs"),
    "a verdict was changed": (
        sql("UPDATE record SET verdict = 'intact' WHERE id = '{theirs}'"), "record-origin", "theirs"),
    "an attachment was bound to another content": (
        sql("UPDATE attachment SET content_serial = (SELECT serial FROM content WHERE size = 10)"),
        "attachment-swapped", "photo"),
    "an attachment's content was unbound": (
        sql("UPDATE attachment SET content_serial = NULL"), "attachment-swapped", "paper"),
    "an attachment's bytes and digest were changed": (other_bytes, "attachment-swapped", "paper"),
    "a contact's key was changed": (
        sql("UPDATE contact SET recipients = '[\"age1\"]' WHERE id = '{contact}'"), "contact-changed", "contact"),
    "a contact was made unverified": (
        sql("UPDATE contact SET verified = 0 WHERE id = '{contact}'"), "contact-changed", "contact"),
    "a contact was removed": (sql("DELETE FROM contact"), "contact-missing", "contact"),
    "a contact was added": (
        sql("INSERT INTO contact (id, name, recipients, signing_key) VALUES ('{kept}', 'New', '[]', x'')"),
        "contact-changed", "kept"),
    "it was hidden that a bundle left": (sql("DELETE FROM sent_bundle"), "bundle-missing", "bundle"),
    "it was hidden that a bundle came": (sql("DELETE FROM received_bundle"), "bundle-missing", "their bundle"),
    "it was hidden that a bundle is whole": (
        sql("UPDATE sent_bundle SET sha256 = '', checkpoint = ''"), "bundle-changed", "bundle"),
    "a received bundle's verdict was changed": (
        sql("UPDATE received_bundle SET verdict = 'intact'"), "bundle-changed", "their bundle"),
    "a part of a received record that came later was taken out": (
        sql("UPDATE record_version SET sd_jwt = rtrim(rtrim(sd_jwt, '~'), replace(sd_jwt, '~', '')) WHERE "
            "record_serial = (SELECT serial FROM record WHERE id = '{theirs}')"), "record-disclosures", "theirs"),
    "a record lost its versions without a tombstone": (
        sql("DELETE FROM record_version WHERE record_serial = (SELECT serial FROM record WHERE id = '{kept}')"),
        "record-newest", "kept"),
    "a case without records was removed": (
        sql("DELETE FROM vault_case WHERE id = '{other_case}'"), "case-missing", "other case"),
    "a case was added": (
        sql("UPDATE vault_case SET id = '{kept}' WHERE id = '{other_case}'"), "case-unlogged", "kept"),
    "a bundle was added": (
        sql("UPDATE sent_bundle SET bundle_id = '{kept}'"), "bundle-unlogged", "kept"),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_changed_rows_are_found_by_name(full, copy, name):
    tamper, code, where = ROWS[name]
    with raw(copy) as store:
        tamper(store, full[2])
    vault = reopen(copy)
    checked = check(vault)
    vault.close()
    assert not checked.report.ok
    assert (code, full[2][where]) in findings(checked)
    assert all(one.step in STEPS and one.severity is Severity.ERROR for one in checked.report.findings)


@pytest.mark.parametrize(
    ("statement", "step"),
    [
        ("UPDATE contact SET recipients = 'no json'", 6),
        ("UPDATE contact SET expires_at = 'no time'", 6),
        ("UPDATE custody_entry SET disclosures = 'no json'", 4),
        ("UPDATE content SET size = -1 << 62", 3),
    ],
)
def test_what_cannot_be_read_at_all_is_a_finding_and_the_other_steps_go_on(copy, statement, step):
    with raw(copy) as store:
        store.execute(statement)
        store.execute("UPDATE record SET verdict = 'x' WHERE origin <> ''")
    vault = reopen(copy)
    checked = check(vault)
    vault.close()
    assert STEPS[step - 1] in {one.step for one in checked.report.findings}
    assert "record-origin" in {code for code, _ in findings(checked)}
    assert checked.report.steps == STEPS


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE chunk SET data = zeroblob(length(data))",
        "DELETE FROM chunk",
        "INSERT INTO chunk (id, tag, data) SELECT max(id) + 1, tag, data FROM chunk",
        "UPDATE content SET size = size + 1",
        "UPDATE content SET sha512 = sha256",
    ],
)
def test_changed_contents_are_found(copy, statement):
    with raw(copy) as store:
        store.execute(statement)
    vault = reopen(copy)
    assert "content-mismatch" in {code for code, _ in findings(check(vault))}
    vault.close()


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("INSERT INTO tree_node (id, hash) VALUES (1 << 20, zeroblob(32))", "log-tree"),
        ("INSERT INTO chunk (id, tag, data) VALUES (1 << 34, zeroblob(16), x'00')", "content-unknown"),
    ],
)
def test_what_a_longer_history_left_behind_is_found(copy, statement, code):
    """It stands in the way of what is added next."""
    with raw(copy) as store:
        store.execute(statement)
    vault = reopen(copy)
    assert {one for one, _ in findings(check(vault))} == {code}
    vault.close()


def test_a_damaged_key_file_is_found_while_the_vault_is_open(copy):
    vault = reopen(copy)
    path = vault.folder / "vault.keys"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    assert findings(check(vault)) == {("key-file", "vault.keys")}
    path.unlink()
    assert findings(check(vault)) == {("key-file", "vault.keys")}
    vault.close()


# -- pages put back by somebody who has only the disk ---------------------------------------------------------------


def test_an_old_page_that_was_put_back_does_not_pass(copy):
    """Every page of an older state authenticates; what it says no longer fits the rest."""
    vault = reopen(copy)
    case = api.cases.page(vault)[-1].id
    note = api.records.add(vault, case, "note", {"text": "the text before"}).id
    vault.close()
    path = copy.folder / "vault.db"
    before = path.read_bytes()
    vault = reopen(copy)
    api.records.correct(vault, note, {"text": "the text after"})
    api.contacts.add(vault, "New", ("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",))
    vault.close()
    after = path.read_bytes()
    changed = [
        at for at in range(0, len(before), PAGE_SIZE) if before[at : at + PAGE_SIZE] != after[at : at + PAGE_SIZE]
    ]
    assert len(changed) >= 6
    noticed = 0
    for at in changed:
        path.write_bytes(after[:at] + before[at : at + PAGE_SIZE] + after[at + PAGE_SIZE :])
        try:
            vault = reopen(copy)
        except VaultError:
            noticed += 1
            continue
        checked = check(vault)
        if not checked.report.ok:
            noticed += 1
        else:
            # Only pages of the search index may pass: it is no evidence, and says nothing else than the records.
            shown = api.records.show(vault, note).fields
            assert shown == {"text": "the text after"}
            assert [one.name for one in api.contacts.page(vault)] == ["New", "Other"]
        vault.close()
    assert noticed >= 5


# -- the whole vault put back ---------------------------------------------------------------------------------------


def test_an_older_copy_of_the_whole_vault_is_found_with_an_anchor_and_unknown_without(copy, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(copy.folder, old)
    vault = reopen(copy)
    api.records.add(vault, api.cases.page(vault)[0].id, "note", {"text": "later"})
    api.custody.write_checkpoint(vault, tmp_path / "anchor")
    on_paper = api.custody.short_head(vault)
    assert check(vault, tmp_path / "anchor").anchored == "yes"
    assert check(vault, written=[on_paper]).anchored == "yes"
    vault.close()
    older = api.setup.open_with(old, copy.keys)
    checked = check(older, written=[on_paper])
    where = f"on paper, {on_paper.split()[0]}"
    assert (checked.anchored, findings(checked)) == ("no", {("rolled-back", where)})
    assert (check(older).anchored, check(older).report.ok) == ("unknown", True)
    checked = check(older, tmp_path / "anchor")
    assert (checked.anchored, findings(checked)) == ("no", {("rolled-back", str(tmp_path / "anchor"))})
    # Going on from the older copy does not help: the log is another one at that length.
    for number in range(4):
        api.records.add(older, api.cases.page(older)[0].id, "note", {"text": str(number)})
    checked = check(older, tmp_path / "anchor")
    assert (checked.anchored, findings(checked)) == ("no", {("anchor-mismatch", str(tmp_path / "anchor"))})
    checked = check(older, written=[api.custody.short_head(older), on_paper])
    assert (checked.anchored, findings(checked)) == ("no", {("anchor-mismatch", where)})
    older.close()


def test_an_honest_restore_is_never_called_a_rollback(copy, tmp_path):
    vault = reopen(copy)
    case = api.cases.page(vault)[0].id
    api.custody.write_checkpoint(vault, tmp_path / "before")
    before = api.custody.short_head(vault)
    api.backup.backup(vault, tmp_path / "stick", Job())
    lost = api.records.add(vault, case, "note", {"text": "made after the backup, then lost"}).id
    api.custody.write_checkpoint(vault, tmp_path / "lost")
    gone = api.custody.short_head(vault)
    vault.close()
    api.backup.restore(tmp_path / "stick", tmp_path / "restored", api.to_secret(PASSPHRASE), Job())
    restored = unlock(tmp_path / "restored")
    api.records.add(restored, case, "note", {"text": "made after the restore"})
    api.custody.write_checkpoint(restored, tmp_path / "after")
    after = api.custody.short_head(restored)
    assert after.split()[0].endswith("-2"), "the second epoch"
    with pytest.raises(NotFoundError):
        api.records.show(restored, lost)
    for anchor in ("before", "after"):
        checked = check(restored, tmp_path / anchor)
        assert (checked.anchored, checked.report.findings) == ("yes", ())
    checked = check(restored, tmp_path / "lost")
    assert (checked.anchored, checked.report.ok) == ("unknown", True)
    assert findings(checked) == {("restored-before-anchor", str(tmp_path / "lost"))}
    checked = check(restored, tmp_path / "lost", tmp_path / "after")
    assert (checked.anchored, findings(checked)) == ("yes", {("restored-before-anchor", str(tmp_path / "lost"))})
    checked = check(restored, written=[before, after])
    assert (checked.anchored, checked.report.findings) == ("yes", ())
    checked = check(restored, written=[gone])
    assert (checked.anchored, findings(checked)) == (
        "unknown", {("restored-before-anchor", f"on paper, {gone.split()[0]}")}
    )  # fmt: skip
    restored.close()
    # What was thought lost, and is used again beside the restored one, does not know the newer epoch.
    stale = reopen(copy)
    checked = check(stale, tmp_path / "after")
    assert (checked.anchored, findings(checked)) == ("no", {("anchor-epoch", str(tmp_path / "after"))})
    checked = check(stale, written=[after])
    assert (checked.anchored, {code for code, _ in findings(checked)}) == ("no", {"anchor-epoch"})
    stale.close()


def test_a_forged_restore_does_not_pass(copy, tmp_path):
    """Whoever has the store's key can begin an epoch, but its checkpoint must be the log's."""
    with raw(copy) as store:
        (note,) = store.execute("SELECT note FROM log_head").fetchone()
        (size,) = store.execute("SELECT max(number) FROM custody_entry").fetchone()
        store.execute("INSERT INTO epoch (id, first_number, grew_from) VALUES (?, ?, ?)", ("e" * 32, size, note))
    vault = reopen(copy)
    assert {"log-order", "log-epoch"} & {code for code, _ in findings(check(vault))}
    vault.close()


def test_a_restore_that_names_another_state_than_it_grew_from_does_not_pass(copy, tmp_path):
    vault = reopen(copy)
    api.custody.write_checkpoint(vault, tmp_path / "earlier")
    api.backup.backup(vault, tmp_path / "stick", Job())
    vault.close()
    api.backup.restore(tmp_path / "stick", tmp_path / "restored", api.to_secret(PASSPHRASE), Job())
    restored = unlock(tmp_path / "restored")
    assert check(restored).report.findings == ()
    restored.close()
    with raw(restored) as store:
        (epoch,) = store.execute("SELECT id FROM epoch WHERE grew_from = ''").fetchone()
        store.execute("UPDATE epoch SET grew_from = ? WHERE grew_from <> ''", ((tmp_path / "earlier").read_text(),))
    again = reopen(restored)
    assert findings(check(again)) == {("log-epoch", epoch)}
    again.close()


def test_an_anchor_of_another_vault_or_none_at_all(copy, tmp_path):
    other = make_vault(tmp_path / "other", 1)
    api.custody.write_checkpoint(other, tmp_path / "foreign")
    other.close()
    vault = reopen(copy)
    with pytest.raises(RefusedError, match="another vault"):
        check(vault, tmp_path / "foreign")
    for content in (b"", b"\xff\xfe", b"not a checkpoint\n", b"c2sp.org/tlog-proof@v1\n\n", PHOTO.read_bytes()):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(FormatError):
            check(vault, tmp_path / "bad")
    (tmp_path / "huge").write_bytes(bytes(30 << 20))
    with pytest.raises(RefusedError):
        check(vault, tmp_path / "huge")
    with pytest.raises(NotFoundError):
        check(vault, tmp_path / "nothing")
    vault.close()


def test_a_changed_anchor_is_no_anchor_of_this_vault(copy, tmp_path):
    vault = reopen(copy)
    api.custody.write_checkpoint(vault, tmp_path / "anchor")
    lines = (tmp_path / "anchor").read_text().split("\n")
    lines[1] = str(int(lines[1]) - 1)
    (tmp_path / "anchor").write_text("\n".join(lines))
    with pytest.raises(IntegrityError, match="not as this vault signed it"):
        check(vault, tmp_path / "anchor")
    vault.close()
