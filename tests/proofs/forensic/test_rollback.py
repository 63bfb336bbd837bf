"""A whole older vault put back, a log cut short or rewritten by who holds the keys: found with an anchor of any kind.

Without one, `check` says that it cannot be known. Anchors: an exported checkpoint, a continuation and a proof, what was
written on paper, the state of the log in a bundle that a recipient gives back, and a backup.
"""

from __future__ import annotations

import itertools
import random
import re
import shutil
from pathlib import Path

import pytest

from tests.proofs.forensic import rewriting, versions
from tests.proofs.forensic.versions import ANCHORS, State, look
from tests.vault_world import PASSPHRASE, raw, reopen
from vault import api
from vault.errors import DamagedError, RefusedError
from vault.jobs import Job


@pytest.fixture
def world():
    folder = versions.in_memory("rollback")
    made = versions.grown(folder, 18, seed=4)
    made.close()
    yield made
    shutil.rmtree(folder)


def size_of(anchor: Path | str) -> int:
    """Return how many entries an anchor covers."""
    if isinstance(anchor, str):
        return int(anchor.split()[0].partition("-")[0])
    return int(re.search(r"^evidence-vault/[^\n]*\n(\d+)$", anchor.read_text(), re.M)[1])


def said(vault, anchors: dict[str, Path | str]) -> tuple[str, dict[str, str]]:
    """Check a closed vault against anchors; return `anchored`, and kind of anchor → code of the finding about it."""
    files = {kind: one for kind, one in anchors.items() if isinstance(one, Path)}
    paper = anchors.get("paper")
    checked = look(vault, list(files.values()), (paper,) if paper else ())
    codes = {one.where: one.code for one in checked.report.findings if one.step == "7 anchors"}
    found = {kind: codes.get(str(path), "") for kind, path in files.items()}
    if paper:
        found["paper"] = codes.get(f"on paper, {paper.split()[0]}", "")
    assert [one for one in checked.report.findings if one.step != "7 anchors"] == []
    return checked.anchored, found


def put_back(world, pairs, count) -> None:
    vault = world.vault
    for older, newer in pairs:
        versions.write_store(vault, older.store)
        assert look(vault).anchored == "unknown"
        assert look(vault).report.findings == ()
        anchored, found = said(vault, newer.anchors)
        for kind, code in found.items():
            # One that was made before the older state says nothing about what came after it.
            known = size_of(newer.anchors[kind]) <= older.size
            assert code == ("" if known else "rolled-back"), (kind, older.size, newer.size)
            count("rollback", f"older states put back, {'not covered by' if known else 'found with'}: {kind}", 1)
        assert anchored == "no"
        # The newer state against what was kept of the older one: the log only grew.
        versions.write_store(vault, newer.store)
        anchored, found = said(vault, older.anchors)
        assert (anchored, set(found.values())) == ("yes", {""})
        count("rollback", "newer states checked against all anchors of an older one, and called good", 1)
    count("rollback", "pairs of states of which the older was put back whole", len(pairs))


def test_an_older_vault_put_back_is_found_with_every_kind_of_anchor(world, count):
    assert set(ANCHORS) == set(world.states[-1].anchors), "every kind is there"
    pairs = list(itertools.combinations(world.states, 2))
    put_back(world, random.Random(1).sample(pairs, 25), count)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(2))
def test_every_older_vault_put_back_is_found(count, seed):
    folder = versions.in_memory("rollback")
    world = versions.grown(folder, 23, seed)
    world.close()
    put_back(world, list(itertools.combinations(world.states, 2)), count)
    shutil.rmtree(folder)


# -- by who holds the keys ------------------------------------------------------------------------------------------


def rewritten(world, state: State, numbers, anchors: list[dict], count) -> None:
    for number in numbers:
        versions.write_store(world.vault, state.store)
        rewriting.rewrite(world.vault, number)
        assert (look(world.vault).anchored, look(world.vault).report.findings) == ("unknown", ())
        count("rollback", "logs rewritten by the holder, called unknown without an anchor", 1)
        for kept in anchors:
            for kind, one in kept.items():
                anchored, found = said(world.vault, {kind: one})
                covered = size_of(one) > number
                assert (anchored, found[kind]) == (("no", "anchor-mismatch") if covered else ("yes", ""))
                count("rollback", f"logs rewritten by the holder, {'found with' if covered else 'after'}: {kind}", 1)


def test_an_entry_that_the_holder_replaced_is_found_with_every_anchor_that_covers_it(world, count):
    state, draw = world.states[-1], random.Random(2)
    numbers = [0, state.size - 1, *draw.sample(range(1, state.size - 1), 3)]
    rewritten(world, state, numbers, [world.states[2].anchors, state.anchors], count)


@pytest.mark.prove
def test_every_entry_that_the_holder_replaced_is_found(world, count):
    state = world.states[-1]
    rewritten(world, state, range(state.size), [one.anchors for one in world.states[2::5]], count)


def test_a_log_cut_short_by_the_holder_is_found_by_the_store_or_with_an_anchor(world, count):
    state = world.states[-1]
    for size in {1, 2, state.size // 2, *range(state.size - 6, state.size)}:
        versions.write_store(world.vault, state.store)
        rewriting.cut(world.vault, size)
        paper = state.anchors["paper"]
        files = [one for one in state.anchors.values() if isinstance(one, Path)]
        checked = look(world.vault, files, (paper,))
        codes = {one.where: one.code for one in checked.report.findings}
        assert checked.anchored == "no"
        for kind, one in state.anchors.items():
            where = str(one) if isinstance(one, Path) else f"on paper, {paper.split()[0]}"
            assert codes.get(where) == ("rolled-back" if size_of(one) > size else None), kind
        count("rollback", "logs cut short and signed anew by the holder, found with an anchor", 1)
        # What the store holds beyond the log is found without any, unless the entries left no trace in it.
        without = look(world.vault)
        assert not without.report.ok or without.anchored == "unknown"
        kind = "found by the store alone" if not without.report.ok else "called unknown without an anchor"
        count("rollback", f"logs cut short and signed anew by the holder, {kind}", 1)


def test_a_log_cut_short_by_who_cannot_sign_is_found_without_an_anchor(world, count):
    state = world.states[-1]
    for statement in (
        "DELETE FROM custody_entry WHERE number >= {size} - 1",
        "DELETE FROM custody_entry WHERE number < 3",
        "DELETE FROM custody_entry WHERE number = {size} / 2",
        "DELETE FROM tree_node WHERE id = (SELECT max(id) FROM tree_node)",
        "DELETE FROM log_head",
        "UPDATE log_head SET size = size - 1",
        "DELETE FROM epoch",
        "UPDATE custody_entry SET disclosures = '[]' WHERE number = 5",
        "UPDATE custody_entry SET number = -number WHERE number = 4",
    ):
        versions.write_store(world.vault, state.store)
        with raw(world.vault) as store:
            store.execute(statement.format(size=state.size))
        assert versions.noticed(world.vault), statement
        count("rollback", "logs cut short by who has the store's key but does not sign, found", 1)


# -- a backup -------------------------------------------------------------------------------------------------------


def backed_up(world, pairs, folder: Path, count) -> None:
    vault = world.vault
    for at, (older, newer) in enumerate(pairs):
        versions.write_store(vault, newer.store)
        one = reopen(vault)
        api.backup.backup(one, folder / f"stick-{at}", Job())
        one.close()
        versions.write_store(vault, older.store)
        one = reopen(vault)
        with pytest.raises(RefusedError, match="holds a newer state"):
            api.backup.backup(one, folder / f"stick-{at}", Job())
        one.close()
        shutil.rmtree(folder / f"stick-{at}")
        count("rollback", "older states put back, found with: backup", 1)


def test_an_older_vault_is_told_by_its_backup(world, count):
    pairs = list(itertools.combinations(world.states, 2))
    backed_up(world, random.Random(3).sample(pairs, 4), world.folder, count)


@pytest.mark.prove
def test_every_older_vault_is_told_by_its_backup(world, count):
    backed_up(world, list(itertools.combinations(world.states, 2)), world.folder, count)


# -- an older journal -----------------------------------------------------------------------------------------------


def test_a_journal_of_an_earlier_moment_put_beside_the_store_goes_not_unnoticed(world, count):
    """A journal that is not empty is undone at the next opening: whoever copied one can bring older pages back."""
    vault = world.vault
    versions.write_store(vault, world.states[-2].store)
    one, journals = reopen(vault), []
    original = one.database

    def copied(connection):
        connection.execute("UPDATE setting SET value = '1'")
        connection.execute("UPDATE record_version SET digest = digest")
        connection.execute("PRAGMA cache_spill = ON")
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("UPDATE custody_entry SET case_serial = case_serial")
        connection.execute("PRAGMA cache_size = -16384")
        journals.append((vault.folder / "vault.db-journal").read_bytes())

    original.atomic(copied)
    one.close()
    assert len(journals[0]) > 10_000
    for state in world.states[-6:]:
        versions.write_store(vault, state.store)
        (vault.folder / "vault.db-journal").write_bytes(journals[0])
        undone = not versions.noticed(vault)
        if undone:
            rows = versions.rows_of(vault)
            versions.write_store(vault, state.store)
            kept = versions.rows_of(vault)
            differing = {name for name in kept if rows[name] != kept[name]}
            assert differing <= versions.NOT_IN_THE_LOG.keys(), differing
        count("rollback", f"older journals put beside a store: {'without effect' if undone else 'found'}", 1)


# -- after a rekey --------------------------------------------------------------------------------------------------


def test_after_a_rekey_no_older_page_or_file_opens(world, count):
    vault, secret = world.vault, api.to_secret(PASSPHRASE)
    versions.write_store(vault, world.states[-1].store)
    old = (vault.folder / "vault.keys").read_bytes()
    fresh = api.setup.rekey(vault.folder, secret, Job())
    fresh.close()
    store = (vault.folder / "vault.db").read_bytes()
    for at in versions.changed_pages(world.states[-1].store, store)[::4]:
        versions.write_store(vault, versions.spliced(world.states[-1].store, store, [at]))
        assert versions.noticed(fresh)
        count("rollback", "older pages put back after a rekey, found", 1)
    versions.write_store(vault, store)
    assert look(fresh).report.ok
    (vault.folder / "vault.keys").write_bytes(old)
    with pytest.raises(DamagedError):
        api.setup.unlock(vault.folder, secret)
    # Both older files together are an older vault: an anchor tells.
    versions.write_store(vault, world.states[-1].store)
    one = api.setup.unlock(vault.folder, secret)
    assert api.checking.check(one, [], Job()).anchored == "unknown"
    one.close()


# -- control --------------------------------------------------------------------------------------------------------


def test_without_the_comparison_with_anchors_an_older_vault_passes(world, monkeypatch):
    monkeypatch.setattr("vault.usecases.checking.anchors._check_anchor", lambda vault, state, where, anchor: "yes")
    versions.write_store(world.vault, world.states[3].store)
    assert look(world.vault, [Path(world.states[-1].anchors["checkpoint"])]).anchored == "yes"
