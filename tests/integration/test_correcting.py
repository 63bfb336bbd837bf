"""Correcting what was signed: what it takes is printed, what changed is said, what a file says of itself stays."""

import tomllib

import pytest

from tests.integration.test_records import TEXTS
from tests.vault_world import PHOTO, filled, seal, types
from vault import api
from vault.errors import NotFoundError, RefusedError
from vault.jobs import Job

ACQUIRED = {"how": "handed_over", "when": {"value": "2019-03", "precision": "month", "qualifier": "estimated"}}


def sound(vault):
    return api.checking.check(vault, [], Job()).report.findings == ()


def test_show_prints_what_a_correction_takes_and_signing_that_unchanged_is_refused(vault, case, cli, tmp_path):
    fields = {"statement": "".join(TEXTS.values()), "title": 'three """ marks', "language": "zh-Hans"}
    record = api.records.add(vault, case.id, "testimony", fields)
    size = api.custody.head(vault).size
    vault.close()
    _, shown = cli("record", "show", record.id, "--toml")
    assert tomllib.loads(shown["toml"]) == fields
    (tmp_path / "same.toml").write_text(shown["toml"], "utf-8")
    code, said = cli("record", "correct", record.id, "--file", tmp_path / "same.toml")
    assert code == 4
    assert said["error"]["message"].startswith("This would change nothing: the newest version says the same")
    other = shown["toml"].replace("three", "four")
    code, said = cli("record", "correct", record.id, "--file", "-", stdin=other.encode())
    assert (code, said["version"], said["changed"]) == (0, 2, ["title"])
    _, said = cli("log", "show")
    assert said["size"] == size + 2, "only the looking and the correction were entered"


def test_a_bare_date_is_the_claim_of_that_day_and_what_would_be_a_guess_is_refused(vault, case, cli):
    record = api.records.add(vault, case.id, "testimony", {"statement": "one"}).id
    about = api.intake.attach(vault, case.id, PHOTO, Job()).id
    vault.close()
    day = {"value": "2026-11-30", "precision": "day", "qualifier": "exact"}
    correct = ("record", "correct", record, "--file", "-")
    text = 'statement = "one"\n[consent]\nwithdrawn_on = '
    assert cli(*correct, stdin=f"{text}2026-11-30\n".encode())[0] == 0
    assert cli("record", "show", record)[1]["fields"]["consent"] == {"withdrawn_on": day}
    assert cli("record", "correct", about, "--file", "-", stdin=b"[acquired]\nwhen = 2026-11-30\n")[0] == 0
    assert cli("record", "show", about)[1]["fields"]["acquired"] == {"when": day}
    guesses = ("2026-11-30T14:05:00", "2026-11-30T14:05:00Z", "14:05:00", '"2026-11-30"', "2026", '{ value = "2026" }')
    for guess in guesses:
        code, said = cli(*correct, stdin=f"{text}{guess}\n".encode())
        assert (code, said["error"]["message"].startswith("The field 'consent.withdrawn_on' ")) == (4, True)
        assert 'Write { value = "2018-02", precision = "month", qualifier = "exact" }' in said["error"]["advice"]
    for wrong in (b"statement = 2026-11-30\n", b'statement = "one"\n[consent]\nuses = [2026-11-30]\n'):
        assert cli(*correct, stdin=wrong)[0] == 4


def test_an_earlier_version_is_shown_with_what_each_one_changed(vault, case, cli):
    first = api.records.add(vault, case.id, "testimony", {"statement": "one", "title": "t"})
    api.records.correct(vault, first.id, {"statement": "two", "title": "t"})
    api.records.correct(vault, first.id, {"statement": "two", "language": "bo"})
    with pytest.raises(NotFoundError, match="no such version"):
        api.records.show(vault, first.id, 4)
    vault.close()
    _, newest = cli("record", "show", first.id)
    assert [one["changed"] for one in newest["versions"]] == [[], ["statement"], ["title", "language"]]
    _, old = cli("record", "show", first.id, "--version", 1)
    assert (old["fields"], old["version"]) == ({"statement": "one", "title": "t"}, 3)
    assert tomllib.loads(old["toml"]) == old["fields"]


@pytest.mark.parametrize("kind", types(), ids=lambda kind: kind.type)
def test_each_field_says_whether_it_leaves_by_default(vault, case, cli, kind):
    record = api.records.add(vault, case.id, kind.type, filled(kind)[0])
    shown = api.records.disclosure(vault, api.records.show(vault, record.id))
    part = api.sealing.preview(vault, api.sealing.Choice(case.id)).parts[0]
    for path, mark in shown.items():
        leaves = {leaf for leaf in part.disclosed + part.withheld if leaf == path or leaf.startswith(f"{path}.")}
        assert leaves
        assert leaves <= set(part.disclosed if mark == "shareable" else part.withheld)
    vault.close()
    code, said = cli("record", "show", record.id)
    assert (code, said["disclosure"]) == (0, shown)
    assert tomllib.loads(said["toml"]) == said["fields"]


# -- attachments ------------------------------------------------------------------------------------------------------


def test_attach_takes_what_a_person_states_about_a_file(vault, case, cli, tmp_path):
    vault.close()
    about = (
        b'original_kept = "a safe"\n[acquired]\nwhen = {value = "2019-03", precision = "month", qualifier = "exact"}\n'
    )
    code, said = cli(
        "attach", "--case", case.id, "--declared-type", "image/png", "--lang", "ug", "--lang", "zh-Hans", "--how",
        "handed_over", "--from-whom", "-", "--about", "-", PHOTO, stdin="Ayşe\n".encode() + about,
    )  # fmt: skip
    assert code == 0
    _, shown = cli("attachment", "show", said["attachments"][0]["id"])
    fields = shown["attachments"][0]["fields"]
    when = {"value": "2019-03", "precision": "month", "qualifier": "exact"}
    assert fields["acquired"] == {"how": "handed_over", "when": when, "from_whom": "Ayşe"}
    assert (fields["declared_type"], fields["language"], fields["original_kept"]) == (
        "image/png", ["ug", "zh-Hans"], "a safe",
    )  # fmt: skip


@pytest.mark.parametrize("stated", ['sha256 = "00"', "size = 1", "nonsense = 1", '[acquired]\nhow = "stolen"'])
def test_what_is_stated_wrongly_is_refused_before_the_file_is_read(vault, case, cli, stated):
    vault.close()
    code, said = cli("attach", "--case", case.id, "--about", "-", PHOTO, stdin=stated.encode())
    assert code == 4
    assert cli("attachment", "list", "--case", case.id)[1]["attachments"] == []
    assert said["error"]["code"] == "refused"


def test_of_an_attachment_what_a_person_states_is_corrected_and_what_the_file_says_stays(vault, case, cli, tmp_path):
    one = api.intake.attach(vault, case.id, PHOTO, Job())
    note = api.records.add(vault, case.id, "note", {"text": "x"})
    elsewhere = api.records.add(vault, api.cases.add(vault, "other").id, "note", {"text": "x"})
    corrected = {"acquired": ACQUIRED, "description": "a gate", "belongs_to": {"id": note.id}}
    with pytest.raises(RefusedError, match="from the file itself cannot be stated: facts, size"):
        api.records.correct(vault, one.id, {**corrected, "size": 1, "facts": {}})
    with pytest.raises(NotFoundError, match="in this case"):
        api.records.correct(vault, one.id, {"belongs_to": {"id": elsewhere.id}})
    api.records.correct(vault, one.id, corrected)
    fields = api.intake.show(vault, one.id).fields
    assert fields == {**one.fields, **corrected}
    assert api.search.find(vault, "gate")[0].id == one.id
    api.intake.extract(vault, one.id, tmp_path / "photo", Job())
    assert (tmp_path / "photo").read_bytes() == PHOTO.read_bytes()
    assert sound(vault)
    vault.close()
    _, shown = cli("record", "show", one.id, "--toml")
    assert tomllib.loads(shown["toml"]) == corrected


def test_a_correction_of_an_attachment_reaches_who_has_the_file_already(introduced, tmp_path):
    sender, receiver = introduced
    case = api.cases.add(sender, "c").id
    one = api.intake.attach(sender, case, PHOTO, Job())
    seal(sender, case, "Receiver", tmp_path / "1.age", accept_metadata=True)
    api.records.correct(sender, one.id, {"description": "a gate"})
    seal(sender, case, "Receiver", tmp_path / "2.age", accept_metadata=True, disclose=((one.id, "description"),))
    for name in ("1.age", "2.age"):
        opened = api.receiving.receive(receiver, tmp_path / name, Job())
        assert (opened.verdict, opened.taken) == ("verified", 1), opened.report.findings
    assert api.intake.show(receiver, one.id).fields["description"] == "a gate"
    api.intake.extract(receiver, one.id, tmp_path / "photo", Job())
    assert (tmp_path / "photo").read_bytes() == PHOTO.read_bytes()
    assert sound(receiver)
