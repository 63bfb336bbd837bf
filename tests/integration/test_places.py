"""Where nothing is written: into the vault's own folder, and in the place of a medium that is not there."""

import os

import pytest

from tests.vault_world import PHOTO, introduce, make_vault, seal
from vault import api
from vault.errors import NotFoundError, RefusedError
from vault.jobs import Job


def acts(vault, attachment, bundle, inside):
    """Everything that writes a file or folder to a place that was named."""
    return {
        "extract": lambda: api.intake.extract(vault, attachment, inside, Job()),
        "backup": lambda: api.backup.backup(vault, inside, Job()),
        "seal": lambda: api.sealing.seal(
            vault, api.sealing.Choice(bundle[1], accept_metadata=True), ["Me"], inside, Job()
        ),
        "open": lambda: api.receiving.open_into(vault, bundle[0], inside, "", Job()),
        "identity": lambda: api.contacts.export_identity(vault, "x25519", inside),
        "checkpoint": lambda: api.custody.write_checkpoint(vault, inside),
        "card": lambda: api.contacts.write_card(vault, "Me", inside),
    }


@pytest.mark.parametrize("act", ["extract", "backup", "seal", "open", "identity", "checkpoint", "card"])
def test_nothing_is_written_into_the_vaults_own_folder(tmp_path, act):
    vault, other = make_vault(tmp_path / "vault"), make_vault(tmp_path / "other", 1)
    introduce(vault, other, "Me")
    introduce(other, vault, "Me")
    case = api.cases.add(vault, "c").id
    photo = api.intake.attach(vault, case, PHOTO, Job()).id
    theirs = api.cases.add(other, "c").id
    api.records.add(other, theirs, "note", {"text": "x"})
    seal(other, theirs, "Me", tmp_path / "b.age")
    os.symlink(tmp_path / "vault", tmp_path / "alias")
    (tmp_path / "x").mkdir()
    before = sorted(path.name for path in vault.folder.iterdir())
    for inside in (tmp_path / "vault" / "new", tmp_path / "alias" / "new", tmp_path / "x" / ".." / "vault" / "new"):
        with pytest.raises(RefusedError, match="inside the vault"):
            acts(vault, photo, (tmp_path / "b.age", case), inside)[act]()
    assert sorted(path.name for path in vault.folder.iterdir()) == before
    acts(vault, photo, (tmp_path / "b.age", case), tmp_path / "outside")[act]()
    assert (tmp_path / "outside").exists()
    vault.close()
    other.close()


def test_a_backup_is_not_made_in_the_place_of_a_medium_that_is_not_there(vault, cli, tmp_path):
    with pytest.raises(NotFoundError, match="does not exist"):
        api.backup.backup(vault, tmp_path / "media" / "STICK" / "backup", Job())
    assert not (tmp_path / "media").exists()
    (tmp_path / "media" / "STICK").mkdir(parents=True)
    vault.close()
    code, said = cli("backup", tmp_path / "media" / "STICK" / "backup")
    assert (code, (tmp_path / "media" / "STICK" / "backup" / "segments").is_dir()) == (0, True)
    code, said = cli("backup", tmp_path / "nowhere" / "backup")
    assert (code, said["error"]["code"]) == (4, "not-found")


def test_no_share_is_written_into_the_vaults_own_folder(vault, cli, tmp_path):
    vault.close()
    (tmp_path / "elsewhere").mkdir()
    secrets = ("ocean mirror lantern velvet copper puzzle", *["river candle orbit meadow silver tulip"] * 2)
    code, said = cli("recovery", "make", "--out", tmp_path / "elsewhere", "--out", vault.folder, secrets=secrets)
    assert (code, said["error"]["code"]) == (4, "refused")
    assert not list((tmp_path / "elsewhere").iterdir())
