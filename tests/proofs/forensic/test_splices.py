"""Pages of an older state put into a newer one by somebody who has only the disk: found, or without effect on evidence.

Every page authenticates in its old place. What is not noticed must leave every row that the log knows as it was, or be
the older state whole, which `check` tells from the newer one by an anchor of that one.
"""

from __future__ import annotations

import itertools
import random
import shutil
from collections import Counter

import pytest
from sqlcipher3 import dbapi2 as sqlite

from tests.proofs.forensic import pages, versions
from tests.proofs.forensic.versions import NOT_IN_THE_LOG, State, changed_pages, look, noticed, spliced
from vault.errors import VaultError
from vault.store.database import PAGE_SIZE


@pytest.fixture
def folder():
    made = versions.in_memory("splices")
    yield made
    shutil.rmtree(made)


def ways(vault, older: State, newer: State, draw: random.Random, groups: bool) -> list[tuple[str, list[int]]]:
    """Return the sets of pages to paste: each alone, all, all but some, those of each table, all but a table's."""
    changed = changed_pages(older.store, newer.store)
    found = [("one page", [at]) for at in changed] + [("all pages", changed)]
    found += [("all but one page", [at for at in changed if at != left]) for left in draw.sample(changed, 1)]
    some = draw.sample(changed, draw.randrange(1, len(changed)))
    found.append(("some pages", sorted(some)))
    if groups:
        owner = versions.tables_of(vault, newer.store)
        tables = sorted({owner[at // PAGE_SIZE + 1] for at in changed} - {pages.FREE, pages.MAP})
        for table in tables:
            own = [at for at in changed if owner[at // PAGE_SIZE + 1] == table]
            found.append(("a table's pages", own))
            found.append(("all but a table's pages", [at for at in changed if at not in own]))
    return found


def evidence(rows: dict[str, list]) -> dict[str, list]:
    return {name: content for name, content in rows.items() if name not in NOT_IN_THE_LOG}


def judge(vault, older: dict, newer: dict, anchors: dict) -> str:
    """Return what an unnoticed mix comes to; fails where its evidence is neither the newer nor the older state."""
    rows = versions.rows_of(vault)
    differing = {name for name in newer if rows[name] != newer[name]}
    if not differing:
        return "without any effect: no row differs"
    if differing <= NOT_IN_THE_LOG.keys():
        return "without effect on evidence: " + " and ".join(sorted({NOT_IN_THE_LOG[name] for name in differing}))
    assert evidence(rows) == evidence(older), f"unnoticed: {sorted(differing - NOT_IN_THE_LOG.keys())}"
    assert look(vault).anchored == "unknown"
    files, paper = [one for kind, one in anchors.items() if kind == "checkpoint"], anchors["paper"]
    assert look(vault, files).anchored == "no"
    assert look(vault, (), (str(paper),)).anchored == "no"
    return "the older state whole: unknown without an anchor, found with one"


def splice(world: versions.Growing, pairs, seed: int, count) -> Counter:
    vault, tally, kept = world.vault, Counter(), {}
    draw = random.Random(seed)

    def rows(at: int) -> dict:
        if at not in kept:
            versions.write_store(vault, world.states[at].store)
            assert look(vault).report.findings == (), "a state as it was must have no finding"
            kept[at] = versions.rows_of(vault)
        return kept[at]

    for one, other in pairs:
        older, newer = world.states[one], world.states[other]
        rows(one)
        rows(other)
        for way, chosen in ways(vault, older, newer, draw, groups=True):
            versions.write_store(vault, spliced(older.store, newer.store, chosen))
            tally["put back: " + way] += 1
            if noticed(vault):
                tally["put back and found by check, or refused at the opening"] += 1
            else:
                # Opening may have swept; what is judged is what lies there.
                versions.write_store(vault, spliced(older.store, newer.store, chosen))
                tally["put back " + judge(vault, rows(one), rows(other), newer.anchors)] += 1
    tally["pairs of states between which pages were put back"] += len(pairs)
    for what, number in tally.items():
        count("splice", what, number)
    return tally


def test_pages_of_an_older_state_are_found_or_change_no_evidence(folder, count):
    world = versions.grown(folder, 15, seed=5)
    world.close()
    pairs = list(itertools.combinations(range(len(world.states)), 2))
    tally = splice(world, random.Random(7).sample(pairs, 5), 11, count)
    assert tally["put back and found by check, or refused at the opening"] > 100


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(2))
def test_pages_between_all_pairs_of_states(folder, count, seed):
    world = versions.grown(folder, 23, seed)
    world.close()
    splice(world, list(itertools.combinations(range(len(world.states)), 2)), seed, count)


def test_the_judge_sees_what_check_does_not(folder):
    """With the comparison of store and log switched off, pages with evidence on them pass, and the judge says so."""
    world = versions.grown(folder, 15, seed=5)
    world.close()
    vault, (older, newer) = world.vault, (world.states[1], world.states[-1])
    rows = []
    for state in (older, newer):
        versions.write_store(vault, state.store)
        rows.append(versions.rows_of(vault))
    unseen = 0
    for way, chosen in ways(vault, older, newer, random.Random(1), groups=True):
        if way == "a table's pages":
            versions.write_store(vault, spliced(older.store, newer.store, chosen))
            try:
                versions.reopen(vault).close()
                judge(vault, *rows, newer.anchors)
            except (VaultError, sqlite.Error):
                continue
            except AssertionError:
                unseen += 1
    assert unseen > 5
