"""What a signer, a stranger or somebody with the disk may try across several bundles, and what stays of it."""

import pytest

from tests.bundle_world import Sender, an_id
from tests.vault_world import make_vault, reopen, rows
from vault import api
from vault.bundle.contents import OutgoingRecord
from vault.formats import jcs
from vault.formats.sd_jwt import Disclosure, arrange, decoy, sign_jwt
from vault.formats.ssh_keys import ssh_fingerprint
from vault.jobs import Job
from vault.model import Verdict


@pytest.fixture
def receiver(tmp_path):
    vault = make_vault(tmp_path / "receiver")
    yield vault
    vault.close()


@pytest.fixture
def sender():
    return Sender()


def receive(vault, path, sender, **changes):
    """Let a vault receive a bundle without attachments."""
    changes = {"attachments": (), **changes}
    path.write_bytes(sender.seal(vault.identity.x25519.recipient, **changes))
    return api.receiving.receive(vault, path, Job())


def codes(opened):
    return [one.code for one in opened.report.findings]


def checked(vault):
    return [one.code for one in api.checking.check(vault, [], Job()).report.findings]


def two_faced(sender, kind, version, *texts):
    """One signed version that holds several digests for one name: a presentation of each."""
    faces = [Disclosure.make("text", text) for text in texts]
    payload = {
        "_sd": sorted(decoy() for _ in range(8)),
        "_sd_alg": "sha-256",
        "fields": {"_sd": sorted([face.digest for face in faces] + [decoy() for _ in range(8 - len(faces))])},
        "format": "evidence-record/1",
        "id": an_id(5),
        "iss": ssh_fingerprint(sender.key),
        "type": kind,
        "version": version,
    }
    jwt = sign_jwt(jcs.encode(payload), sender.key, sender.sign)
    return [(OutgoingRecord(an_id(5), version, arrange(jwt, [face]).text),) for face in faces]


# -- two values for one field -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "newer"), [("note", False), ("note", True), ("unknowntype", False)])
def test_a_signer_cannot_spoil_what_they_sent_before_with_a_second_value(receiver, sender, tmp_path, kind, newer):
    good, bad = two_faced(sender, kind, 1, "the order was mine", "nothing")
    receive(receiver, tmp_path / "1.age", sender, records=good)
    if newer:
        receive(receiver, tmp_path / "2.age", sender, bundle_id=an_id(102), number=2,
                records=two_faced(sender, kind, 2, "second version")[0])  # fmt: skip
    before = rows(receiver, "SELECT sd_jwt FROM record_version ORDER BY version")
    opened = receive(receiver, tmp_path / "3.age", sender, bundle_id=an_id(103), number=3, records=bad)
    assert (opened.verdict, codes(opened), opened.taken) == (Verdict.FAILED, ["record-conflict"], 0)
    assert rows(receiver, "SELECT sd_jwt FROM record_version ORDER BY version") == before
    assert api.records.show(receiver, an_id(5)).fields == {"text": "second version" if newer else "the order was mine"}
    (noted,) = [one.event for one in api.custody.of_object(receiver, an_id(5))
                if one.event["outcome"]["result"] == "failure"]  # fmt: skip
    assert "record-conflict" in noted["outcome"]["detail"]
    assert checked(receiver) == []


def test_a_record_that_cannot_be_read_does_not_stop_an_unlock_that_makes_the_index_anew(receiver, sender, tmp_path):
    good, bad = two_faced(sender, "note", 1, "good", "bad")
    receive(receiver, tmp_path / "1.age", sender, records=good)
    case = api.cases.add(receiver, "c").id
    mine = api.records.add(receiver, case, "note", {"text": "findable"})
    both = good[0].sd_jwt + bad[0].sd_jwt.partition("~")[2]
    receiver.database.atomic(
        lambda connection: connection.execute("UPDATE record_version SET sd_jwt = ? WHERE serial = 1", (both,))
    )
    receiver.database.atomic(lambda connection: connection.execute("UPDATE search_state SET folding = 0"))
    receiver.close()
    again = reopen(receiver)
    assert [one.id for one in api.search.find(again, "findable")] == [mine.id]
    assert "record-signature" in checked(again)
    again.close()
