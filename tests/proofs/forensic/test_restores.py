"""An honest restore is never called a second history by who receives from it, and a second history always is.

Honest is `restore`, from any generation, any number of times, whatever was sealed, lost on its way or received before.
Dishonest is a folder that was copied and goes on twice, or was set back, in one and the same epoch.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.proofs.forensic import versions
from tests.vault_world import introduce, make_vault, raw, seal
from vault import api, recovery
from vault.jobs import Job
from vault.keys import OpenKeys
from vault.model import Severity, Verdict
from vault.usecases.receiving import Opened

TWO_HISTORIES = {"equivocation", "log-fork", "log-shrunk", "log-rewritten"}


class Exchange:
    """A sender whose vault is backed up and restored, and somebody who receives from it.

    Attributes:
        generations: A copy of the stick after each backup, with the keys of then.
        ids: How many bundles were made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.made, self.restores = folder, 0, 0
        self.sender, self.receiver = make_vault(folder / "sender"), make_vault(folder / "receiver", 1)
        introduce(self.sender, self.receiver, "Receiver")
        introduce(self.receiver, self.sender, "Sender")
        public_key, self.shares = recovery.make_shares(2, 3)
        api.recovery.commit(self.sender, public_key)
        self.case = api.cases.add(self.sender, "a case").id
        self.generations: list[tuple[Path, OpenKeys]] = []

    def note(self) -> None:
        self.made += 1
        api.records.add(self.sender, self.case, "note", {"text": f"note {self.made}"})

    def seal(self, vault: api.OpenVault | None = None) -> Path:
        self.made += 1
        target = self.folder / f"{self.made}.age"
        seal(vault or self.sender, self.case, "Receiver", target)
        return target

    def receive(self, file: Path) -> Opened:
        return api.receiving.receive(self.receiver, file, Job())

    def backup(self) -> None:
        api.backup.backup(self.sender, self.folder / "stick", Job())
        self.made += 1
        kept = self.folder / f"stick-{self.made}"
        shutil.copytree(self.folder / "stick", kept)
        self.generations.append((kept, self.sender.keys))

    def restore(self, number: int) -> None:
        """Go on from a generation; what was made since is lost. The stick of then is gone on with, too."""
        self.sender.close()
        self.restores += 1
        kept, opened = self.generations[number]
        place = self.folder / f"restored-{self.restores}"
        assert api.backup.restore(kept, place, self.shares[:2], Job()) == 0
        self.sender = api.setup.open_with(place, opened)
        shutil.rmtree(self.folder / "stick")
        shutil.copytree(kept, self.folder / "stick")
        del self.generations[number + 1 :]

    def close(self) -> None:
        self.sender.close()
        self.receiver.close()


@pytest.fixture
def exchange():
    made = []

    def begin() -> Exchange:
        made.append(Exchange(versions.in_memory("restores")))
        return made[-1]

    yield begin
    for one in made:
        one.close()
        shutil.rmtree(one.folder)


def codes(opened: Opened) -> set[str]:
    return {one.code for one in opened.report.findings}


def honest(world: Exchange, draw: random.Random, steps: int, count) -> None:
    """Walk at random; every bundle that arrives is good, and the first one after a restore says so."""
    world.note()
    world.backup()
    epochs, on_the_way, tally = {api.custody.head(world.sender).epoch}, [], 0
    for step in range(steps):
        what = draw.choice(("note", "seal", "seal", "lose", "late", "backup", "restore", "restore"))
        if what == "note":
            world.note()
        elif what == "backup":
            world.backup()
        elif what == "restore":
            world.restore(draw.randrange(len(world.generations)))
            tally += 1
        elif what == "lose":
            world.seal()
        elif what == "late":
            on_the_way.append(world.seal())
        if what == "seal" or step == steps - 1:
            files = [*on_the_way, world.seal()]
            draw.shuffle(files)
            on_the_way = []
            for file in files:
                opened = world.receive(file)
                wrong = [one for one in opened.report.findings if one.severity is Severity.ERROR]
                assert not wrong, wrong
                assert opened.verdict is Verdict.VERIFIED
                count("restore", "bundles received after honest steps, none called a second history", 1)
            if (epoch := api.custody.head(world.sender).epoch) not in epochs:
                count("restore", "first bundles after an honest restore", 1)
                epochs.add(epoch)
    for vault in (world.sender, world.receiver):
        assert api.checking.check(vault, [], Job()).report.ok
    count("restore", "honest restores, of any generation", tally)


@pytest.mark.parametrize("seed", range(1, 3))
def test_an_honest_restore_is_never_called_a_second_history(exchange, count, seed):
    honest(exchange(), random.Random(seed), 14, count)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(100, 130))
def test_honest_walks_are_never_called_a_second_history(exchange, count, seed):
    honest(exchange(), random.Random(seed), 40, count)


def test_restored_at_every_generation_the_next_bundle_says_that_it_was(exchange, count):
    world = exchange()
    for _ in range(6):
        world.note()
        world.receive(world.seal())
        world.backup()
    for number in reversed(range(6)):
        before = api.custody.head(world.sender).epoch
        world.restore(number)
        assert api.custody.head(world.sender).epoch != before
        opened = world.receive(world.seal())
        assert "new-epoch" in codes(opened)
        assert not TWO_HISTORIES & codes(opened)
        assert opened.verdict is Verdict.VERIFIED
        # The next one continues it, and nothing is said of a restore any more.
        opened = world.receive(world.seal())
        assert (opened.verdict, codes(opened)) == (Verdict.VERIFIED, set())
        count("restore", "generations restored: the next bundle said 'new-epoch', never two histories", 1)


# -- dishonest ------------------------------------------------------------------------------------------------------


def two_histories(world: Exchange, draw: random.Random, way: str, count) -> None:
    world.note()
    for _ in range(draw.randrange(3)):
        world.note()
        world.receive(world.seal())
    world.sender.close()
    kept = Path(shutil.copytree(world.sender.folder, world.folder / "kept"))
    world.sender = api.setup.open_with(world.sender.folder, world.sender.keys)
    for _ in range(draw.randrange(1, 4)):
        for _ in range(draw.randrange(3)):
            world.note()
        assert world.receive(world.seal()).verdict is Verdict.VERIFIED
    if way == "set back":
        world.sender.close()
        shutil.rmtree(world.sender.folder)
        shutil.copytree(kept, world.sender.folder)
        other = api.setup.open_with(world.sender.folder, world.sender.keys)
    else:
        other = api.setup.open_with(kept, world.sender.keys)
    for _ in range(draw.randrange(6)):
        api.records.add(other, world.case, "note", {"text": "another"})
    if way == "copied, the number moved on":
        other.close()
        with raw(other) as store:
            _skip_numbers(store)
        other = api.setup.open_with(other.folder, other.keys)
    found = codes(world.receive(world.seal(other)))
    other.close()
    count("restore", f"two histories in one epoch ({way}), called that or not proved to go on", 1)
    if way == "copied, the number moved on":
        # Who hides the number shows a log that is not the one before: it is never said to be checked.
        assert found & (TWO_HISTORIES | {"log-unproved"})
        assert "new-epoch" not in found
    else:
        assert "equivocation" in found


def _skip_numbers(store) -> None:
    """Let the next bundle have a number that the other history has not used yet."""
    store.execute(
        "INSERT INTO sent_bundle SELECT lower(hex(randomblob(16))), "
        "(SELECT coalesce(max(serial), 0) + 1 FROM sent_bundle), "
        "(SELECT recipient FROM sent_bundle LIMIT 1), 'Receiver', (SELECT id FROM epoch), 20, 1, '', '', '' "
        "WHERE EXISTS (SELECT 1 FROM sent_bundle)"
    )


WAYS = ("copied", "set back", "copied, the number moved on")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(1))
def test_two_histories_are_always_called_that(exchange, count, way, seed):
    two_histories(exchange(), random.Random(seed + 4), way, count)


@pytest.mark.prove
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(1000, 1060))
def test_walks_of_two_histories_are_always_called_that(exchange, count, way, seed):
    two_histories(exchange(), random.Random(seed), way, count)


def test_a_restore_that_began_no_epoch_would_be_called_a_second_history(exchange, monkeypatch):
    """The control: without the new epoch an honest restore is what a dishonest one looks like."""
    monkeypatch.setattr("vault.usecases.backup.restoring._begin_epoch", lambda *_: None)
    world = exchange()
    world.note()
    world.backup()
    world.receive(world.seal())
    world.restore(0)
    world.note()
    assert "equivocation" in codes(world.receive(world.seal()))
