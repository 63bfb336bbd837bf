"""The address book: a changed key is never accepted silently, and verifying means what was compared."""

import json
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from tests.bundle_world import new_identity
from tests.vault_world import bag_of, events, introduce, make_vault, seal
from vault import api
from vault.errors import AlreadyExistsError, FormatError, IntegrityError, NotFoundError, RefusedError
from vault.formats.contact_card import ContactCard
from vault.formats.fingerprint import fingerprint_of_recipient
from vault.formats.ssh_keys import encode_public_key
from vault.jobs import Job
from vault.model import Verdict

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Two other people with vaults."""
    folder = tmp_path_factory.mktemp("others")
    vaults = [make_vault(folder / str(which), which) for which in (1, 2)]
    for vault in vaults:
        vault.clock = lambda: NOW
    yield vaults
    for vault in vaults:
        vault.close()


@pytest.fixture
def vault(tmp_path):
    vault = make_vault(tmp_path / "vault")
    yield vault
    vault.close()


def recipient(kind="x25519"):
    return new_identity(kind).recipient.text


def card(vault, name="Lawyer", issued=NOW, **more):
    before, vault.clock = vault.clock, lambda: issued
    try:
        return api.contacts.card(vault, name, **more)
    finally:
        vault.clock = before


def names(vault):
    return {one.name: one.verified for one in api.contacts.page(vault)}


def test_a_contact_is_unverified_until_the_fingerprints_were_compared(vault, others):
    added = api.contacts.add_card(vault, card(others[0]))
    assert (added.name, added.verified, added.fingerprint) == ("Lawyer", False, others[0].identity.fingerprint)
    assert added.recipients[0].startswith("age1pq1")
    with pytest.raises(IntegrityError, match="not the one of this contact"):
        api.contacts.verify(vault, "Lawyer", others[1].identity.fingerprint)
    assert names(vault) == {"Lawyer": False}
    with pytest.raises(RefusedError, match="not a whole fingerprint"):
        api.contacts.verify(vault, "Lawyer", others[0].identity.fingerprint[:40])
    verified, raised = api.contacts.verify(vault, "Lawyer", api.contacts.own(others[0]).words)
    assert (verified.verified, raised) == (True, 0)
    assert api.contacts.get(vault, "Lawyer") == verified
    with pytest.raises(NotFoundError):
        api.contacts.get(vault, "Nobody")


def test_a_card_that_its_own_key_renews_stays_verified_and_keeps_its_name(vault, others):
    api.contacts.add_card(vault, card(others[0]), "My lawyer")
    api.contacts.verify(vault, "My lawyer", others[0].identity.fingerprint)
    later = card(others[0], "Other name", NOW + timedelta(days=1), expires_at=NOW.replace(year=2099))
    renewed = api.contacts.add_card(vault, later)
    assert (renewed.name, renewed.verified, renewed.expires_at) == ("My lawyer", True, NOW.replace(year=2099))
    with pytest.raises(RefusedError, match="newer card"):
        api.contacts.add_card(vault, card(others[0]))
    assert api.contacts.page(vault) == [renewed]
    assert [kind for kind, _, _ in events(vault, "contact")] == ["creation", "modification", "modification"]


def test_whoever_issued_a_card_with_a_clock_ahead_can_be_added_anew(vault, others):
    api.contacts.add_card(vault, card(others[0], issued=NOW.replace(year=2038)))
    api.contacts.verify(vault, "Lawyer", others[0].identity.fingerprint)
    with pytest.raises(RefusedError, match="newer card") as refused:
        api.contacts.add_card(vault, card(others[0]))
    assert "remove the contact, add it anew" in refused.value.advice
    api.contacts.remove(vault, "Lawyer")
    api.contacts.add_card(vault, card(others[0]))
    assert names(vault) == {"Lawyer": False}


def test_a_known_card_with_another_name_renames(vault, others):
    text = card(others[0])
    api.contacts.add_card(vault, text, "My lawyer")
    api.contacts.verify(vault, "My lawyer", others[0].identity.fingerprint)
    assert api.contacts.add_card(vault, text).name == "My lawyer"
    assert api.contacts.add_card(vault, text, "Ms Bo").name == "Ms Bo"
    assert names(vault) == {"Ms Bo": True}
    api.contacts.add_card(vault, card(others[1], "Court"))
    for act in (
        lambda: api.contacts.add_card(vault, text, "court"),
        lambda: api.contacts.rename(vault, "Ms Bo", "COURT"),
    ):
        with pytest.raises(AlreadyExistsError):
            act()
    with pytest.raises(RefusedError):
        api.contacts.rename(vault, "Ms Bo", "\u202eoB sM")
    assert api.contacts.rename(vault, "Ms Bo", "ms bo").verified
    assert names(vault) == {"ms bo": True, "Court": False}
    assert api.checking.check(vault, [], Job()).report.findings == ()


def test_a_contact_that_is_removed_gets_nothing_and_comes_back_unverified_with_its_numbers(vault, others, tmp_path):
    text = card(others[0])
    api.contacts.add_card(vault, text)
    api.contacts.verify(vault, "Lawyer", others[0].identity.fingerprint)
    case = api.cases.add(vault, "c").id
    api.records.add(vault, case, "note", {"text": "x"})
    seal(vault, case, "Lawyer", tmp_path / "1.age")
    api.contacts.remove(vault, "Lawyer", "left the office")
    assert api.contacts.page(vault) == []
    with pytest.raises(NotFoundError):
        seal(vault, case, "Lawyer", tmp_path / "2.age")
    assert api.checking.check(vault, [], Job()).report.findings == ()
    assert [kind for kind, _, _ in events(vault, "contact")][-1] == "deletion"
    assert not api.contacts.add_card(vault, text, "Again").verified
    seal(vault, case, "Again", tmp_path / "2.age")
    numbers = [
        json.loads(bag_of(tmp_path / f"{which}.age", others[0])["data/bundle.json"])["number"] for which in (1, 2)
    ]
    assert numbers == [1, 2], "the same recipient never gets one number twice"
    assert api.checking.check(vault, [], Job()).report.findings == ()


def test_a_contact_given_again_without_its_ssh_key_is_the_known_one(vault, others):
    key = encode_public_key(others[0].identity.public_key)
    made = api.contacts.add(vault, "Court", (first := recipient(), second := recipient()), key)
    assert api.contacts.add(vault, "Court", (first, second)) == made
    assert api.contacts.add(vault, "court", (second,)) == made
    with pytest.raises(AlreadyExistsError, match="another ssh key"):
        api.contacts.add(vault, "Court", (first, second), encode_public_key(others[1].identity.public_key))
    with pytest.raises(AlreadyExistsError, match="has another key"):
        api.contacts.add(vault, "Court", (recipient(),))
    assert api.contacts.page(vault) == [made]


def test_fingerprints_are_shown_as_ssh_keygen_shows_them(vault, others, tmp_path):
    own = api.contacts.own(others[0])
    (tmp_path / "key.pub").write_text(own.ssh_public_key + "\n")
    found = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key.pub"], capture_output=True, text=True, check=True)
    assert found.stdout.split()[1] == own.ssh_fingerprint
    added = api.contacts.add_card(vault, card(others[0]))
    assert added.ssh_fingerprint == own.ssh_fingerprint
    assert api.contacts.verify(vault, "Lawyer", added.ssh_fingerprint)[0].verified
    by_hand = api.contacts.add(vault, "By hand", (recipient(),), encode_public_key(others[1].identity.public_key))
    assert by_hand.ssh_fingerprint == "", "it would not cover the recipient"


@pytest.mark.parametrize("name", ["Lawyer", "lawyer", "LAWYER ", "Ｌawyer", "Law\u200cyer"])
def test_a_known_name_with_another_key_is_never_changed(vault, others, name):
    api.contacts.add_card(vault, card(others[0]))
    api.contacts.verify(vault, "Lawyer", others[0].identity.fingerprint)
    before = api.contacts.page(vault)
    for add in (
        lambda: api.contacts.add_card(vault, card(others[1]), name),
        lambda: api.contacts.add(vault, name, (recipient(),)),
    ):
        with pytest.raises(AlreadyExistsError, match="another key"):
            add()
    assert api.contacts.page(vault) == before
    assert api.contacts.add_card(vault, card(others[1]), "Second lawyer").verified is False


def test_a_known_ssh_key_does_not_carry_other_recipients_in(vault, others):
    """Somebody sends "my new age key" with the ssh key of a contact that was verified."""
    api.contacts.add_card(vault, card(others[0]))
    api.contacts.verify(vault, "Lawyer", others[0].identity.fingerprint)
    before = api.contacts.page(vault)
    key = encode_public_key(others[0].identity.public_key)
    for name in ("Lawyer", "Lawyer, new"):
        with pytest.raises(AlreadyExistsError):
            api.contacts.add(vault, name, (recipient(),), key)
    assert api.contacts.page(vault) == before


def test_the_fingerprint_of_a_hand_made_contact_covers_all_its_keys(vault, others):
    one, two, key = recipient(), recipient("hybrid"), encode_public_key(others[0].identity.public_key)
    alone = api.contacts.add(vault, "Alone", (one,))
    assert alone.fingerprint == fingerprint_of_recipient(one)
    both = api.contacts.add(vault, "Both", (one, two, one), key)
    assert both.recipients == (two, one)
    with_key = api.contacts.add(vault, "With another", (two, recipient()))
    assert len({alone.fingerprint, both.fingerprint, with_key.fingerprint, others[0].identity.fingerprint}) == 4
    assert api.contacts.verify(vault, "Both", both.fingerprint)[0].verified


def test_an_ssh_key_that_somebody_named_is_not_shown_to_be_theirs(vault, others, tmp_path):
    """Mallory gives a recipient of his own and the public ssh key of somebody else, and reads out what it comes to."""
    theirs, their_card = others[0].identity.public_key, card(others[0])
    made = api.contacts.add(vault, "Mallory", (recipient(),), encode_public_key(theirs))
    assert api.contacts.verify(vault, "Mallory", made.fingerprint)[0].verified
    introduce(others[0], vault, f"Holder {tmp_path.name}")
    case = api.cases.add(others[0], "c").id
    api.records.add(others[0], case, "note", {"text": "x"})
    sealed = seal(others[0], case, f"Holder {tmp_path.name}", tmp_path / "1.age")
    opened = api.receiving.receive(vault, sealed.file, Job())
    assert (opened.verdict, opened.signer_name, opened.contact) == (Verdict.INTACT, "", "")
    assert api.contacts.verify(vault, "Mallory", made.fingerprint)[1] == 0
    added = api.contacts.add_card(vault, their_card)
    assert (added.name, added.verified) == ("Lawyer", False)
    assert names(vault) == {"Lawyer": False, "Mallory": True}
    assert api.contacts.verify(vault, "Lawyer", others[0].identity.fingerprint)[1] == 1


def test_a_card_in_the_place_of_a_hand_made_contact_is_compared_anew(vault, others):
    key = encode_public_key(others[0].identity.public_key)
    made = api.contacts.add(vault, "lawyer", (recipient(),), key)
    api.contacts.verify(vault, "lawyer", made.fingerprint)
    renewed = api.contacts.add_card(vault, card(others[0]))
    assert (renewed.id, renewed.name, renewed.verified) == (made.id, "lawyer", False)
    assert renewed.fingerprint == others[0].identity.fingerprint
    assert api.checking.check(vault, [], Job()).report.findings == ()


def test_bundles_are_numbered_by_keys_whatever_the_contact_is_called(vault, others, tmp_path):
    lawyer = others[0]
    introduce(vault, lawyer, "Lawyer")
    introduce(lawyer, vault, f"Sender {tmp_path.name}")
    case = api.cases.add(vault, "c").id
    api.records.add(vault, case, "note", {"text": "x"})
    key = lawyer.identity.hybrid.recipient.text
    seal(vault, case, "Lawyer", tmp_path / "1.age")
    api.contacts.add(vault, "Court desk", (key,))
    seal(vault, case, "Court desk", tmp_path / "2.age")
    api.contacts.remove(vault, "Lawyer")
    # A card of somebody else that names the same key takes nothing over of what was sent.
    strange = ContactCard("Mallory", others[1].identity.public_key, (key,), NOW).sign(others[1].identity.sign)
    api.contacts.add_card(vault, strange)
    api.contacts.remove(vault, "Court desk")
    api.contacts.add(vault, "By hand", (key,))
    seal(vault, case, "By hand", tmp_path / "3.age")
    assert [(one.recipient, one.number) for one in api.sealing.sent(vault, case)] == [
        ("By hand", 3), ("Court desk", 2), ("Lawyer", 1),
    ]  # fmt: skip
    for name in ("1.age", "2.age", "3.age"):
        opened = api.receiving.receive(lawyer, tmp_path / name, Job())
        assert (opened.verdict, opened.report.findings) == (Verdict.VERIFIED, ())
    assert api.checking.check(vault, [], Job()).report.findings == ()


@pytest.mark.parametrize("mark", ["\ufe0f", "\u034f", "\u3164", "\u115f", "\u2800", "\U000e0100", "\u17b4", "\uffa0"])
def test_a_name_with_something_that_nobody_sees_is_refused_and_not_another_name(vault, others, mark):
    api.contacts.add_card(vault, card(others[0], "Maria"))
    for act in (
        lambda: api.contacts.add_card(vault, card(others[1], "Maria"), f"Ma{mark}ria"),
        lambda: api.contacts.rename(vault, "Maria", f"Maria{mark}"),
    ):
        with pytest.raises(RefusedError, match="cannot be seen"):
            act()
    known = api.contacts.get(vault, "Maria")
    vault.database.atomic(
        lambda connection: connection.execute("UPDATE contact SET name = ? WHERE id = ?", (f"Maria{mark}", known.id))
    )
    with pytest.raises(AlreadyExistsError):
        api.contacts.add_card(vault, card(others[1], "Maria"))


def test_a_joiner_that_a_script_needs_may_be_in_a_name_and_makes_no_other_one(vault, others):
    name = "\u182e\u1823\u1829\u182d\u180b\u1823\u182f"
    assert api.contacts.add_card(vault, card(others[0]), name).name == name
    with pytest.raises(AlreadyExistsError):
        api.contacts.add_card(vault, card(others[1]), name.replace("\u180b", ""))


def test_adding_the_very_same_again_changes_nothing(vault, others):
    first = api.contacts.add(vault, "Court", (recipient(),))
    api.contacts.add_card(vault, card(others[0]))
    before = events(vault)
    assert api.contacts.add(vault, "Court", first.recipients) == first
    assert api.contacts.add_card(vault, card(others[0])).name == "Lawyer"
    assert events(vault) == before


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\nb", "a\x1bb", "a\u202eb", "a\u200bb", "a\ud800b", "a\u2028b"])
def test_a_name_that_cannot_be_shown_is_refused(vault, others, name):
    with pytest.raises(RefusedError):
        api.contacts.add(vault, name, (recipient(),))
    if name:
        with pytest.raises(RefusedError):
            api.contacts.add_card(vault, card(others[0]), name)
    assert api.contacts.page(vault) == []


def test_recipients_and_keys_that_are_none_are_refused(vault):
    for bad in (("age1xyz",), ("",), (recipient().upper() + "x",), ("AGE-SECRET-KEY-1",), ("ssh-ed25519 AAAA",)):
        with pytest.raises(FormatError):
            api.contacts.add(vault, "X", bad)
    for bad in ((), tuple(recipient() for _ in range(17))):
        with pytest.raises(RefusedError, match="1 to 16 recipients"):
            api.contacts.add(vault, "X", bad)
    for key in ("ssh-rsa AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----", "nothing"):
        with pytest.raises(FormatError):
            api.contacts.add(vault, "X", (recipient(),), key)
    assert api.contacts.page(vault) == []


def test_cards_that_are_expired_forged_or_one_s_own_are_refused(vault, others):
    expired = card(others[0], issued=NOW - timedelta(days=9), expires_at=NOW - timedelta(days=8))
    with pytest.raises(RefusedError, match="expired"):
        api.contacts.add_card(vault, expired)
    with pytest.raises(RefusedError, match="own card"):
        api.contacts.add_card(vault, api.contacts.card(vault, "Me"))
    good = card(others[0])
    with pytest.raises((FormatError, IntegrityError)):
        api.contacts.add_card(vault, good.replace("Lawyer", "Mallor"))
    for bad in ("", "x", good[:-5], good + "x", good * 2):
        with pytest.raises(FormatError):
            api.contacts.add_card(vault, bad)
    assert api.contacts.page(vault) == []


def test_an_exported_identity_is_one_line_and_its_digest_is_not_kept(vault, tmp_path):
    api.contacts.export_identity(vault, "hybrid", tmp_path / "key")
    text = (tmp_path / "key").read_text()
    assert text.startswith("AGE-SECRET-KEY-PQ-1")
    assert text.count("\n") == 1
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    entry = api.custody.page(vault, 1)[0].event
    assert entry["location"]["class"] == "outside the vault, in clear"
    assert "digests" not in entry
