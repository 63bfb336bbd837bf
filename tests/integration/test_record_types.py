"""Record types that an organisation adds to its vault: by command, logged, checked, and readable without them."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.vault_world import introduce, make_vault, raw, reopen, rows, seal
from vault import api
from vault.errors import DamagedError
from vault.jobs import Job
from vault.model import Verdict

PAGE = (Path(api.__file__).parents[1] / "docs" / "formats" / "schema.md").read_text()
VISIT = re.search(r"```toml\n(.*?)```", PAGE, re.S)[1]
DIGEST = re.search(r"^[0-9a-f]{64}$", PAGE, re.M)[0]


@pytest.fixture
def place(tmp_path):
    """A vault with a case, closed; the type of the specification as a file; the case's id."""
    vault = make_vault(tmp_path / "vault")
    case = api.cases.add(vault, "case").id
    vault.close()
    (tmp_path / "visit.toml").write_text(VISIT)
    return {"vault": vault, "case": case, "file": tmp_path / "visit.toml"}


def test_a_type_is_added_filled_in_searched_and_checked(cli, place, tmp_path):
    code, added = cli("schema", "add", place["file"])
    assert (code, added["type"], added["version"], added["digest"]) == (0, "visit", 1, DIGEST)
    assert [one["type"] for one in cli("schema", "list")[1]["types"]] == [
        "attachment", "note", "person", "testimony", "visit"
    ]  # fmt: skip
    toml = cli("schema", "show", "visit")[1]["toml"]
    assert tomllib.loads(toml) == {"report": ""}
    filled = toml.replace('report = ""', 'report = "overcrowded"').replace('# place = ""', 'place = "乌鲁木齐"')
    filled = filled.replace("# [[visitors]]", "[[visitors]]").replace('# name = ""', 'name = "Somebody"')
    (tmp_path / "r.toml").write_text(filled)
    words = ("record", "add", "--case", place["case"], "--type", "visit", "--file", tmp_path / "r.toml")
    record = cli(*words)[1]["id"]
    shown = cli("record", "show", record)[1]
    assert shown["fields"] == {"report": "overcrowded", "place": "乌鲁木齐", "visitors": [{"name": "Somebody"}]}
    assert (shown["title"], shown["disclosure"]["report"], shown["disclosure"]["place"]) == (
        "乌鲁木齐", "shareable", "protected"
    )  # fmt: skip
    assert [hit["id"] for hit in cli("search", "--", "overcrowded")[1]["hits"]] == [record]
    (event,) = (e["event"] for e in cli("log", "show")[1]["entries"] if e["event"].get("digests") == {"after": DIGEST})
    assert (event["type"], event["object"]["kind"]) == ("creation", "record type")
    assert cli("check")[1]["findings"] == []
    assert cli("backup", tmp_path / "stick")[0] == 0
    assert cli("restore", tmp_path / "stick", vault="restored")[0] == 0
    (tmp_path / "r.toml").write_text('report = "less crowded"')
    assert cli("record", "correct", record, "--file", tmp_path / "r.toml", vault="restored")[0] == 0
    assert cli("check", vault="restored")[1]["findings"] == []


def test_a_type_that_does_not_fit_is_refused(cli, place, tmp_path):
    def add(text):
        place["file"].write_text(text)
        code, value = cli("schema", "add", place["file"])
        return code, (value["error"] or {}).get("code"), (value["error"] or {}).get("message", "")

    assert add(VISIT)[0] == add("# a remark changes nothing\n" + VISIT)[0] == 0
    assert add(VISIT.replace("What was seen", "Seen"))[:2] == (4, "exists")
    assert add(VISIT.replace("What was seen", "Seen").replace("version = 1", "version = 2"))[0] == 0
    assert add(VISIT)[:2] == (4, "exists")
    assert add(VISIT.replace('"visit"', '"person"'))[:2] == (4, "exists")
    for text in ("", "type = ", VISIT.replace("disclosure", "disclosed")):
        code, name, message = add(text)
        assert (code, name) == (4, "bad-format")
        assert message.endswith(f"({place['file']}).")
    assert cli("schema", "show", "visit")[1]["version"] == 2
    assert cli("schema", "show", "nothing")[0] == cli("schema", "add", tmp_path / "no")[0] == 4
    records = rows(reopened := reopen(place["vault"]), "SELECT count(*) FROM record_type")
    reopened.close()
    assert records == [(2,)], "records were signed under the version before"


def test_a_type_that_was_exchanged_in_the_store_is_found(cli, place):
    assert cli("schema", "add", place["file"])[0] == 0
    for toml in (VISIT.replace('disclosure = "shareable"', 'disclosure = "protected"'), "broken"):
        with raw(place["vault"]) as connection:
            connection.execute("UPDATE record_type SET toml = ?", (toml,))
        code, checked = cli("check")
        assert code == 1
        assert [(one["code"], one["where"]) for one in checked["findings"]] == [("record-type", "visit")]
    assert len(cli("schema", "list")[1]["types"]) == 4, "a damaged type keeps nobody from the vault"


def test_who_receives_a_record_of_a_type_they_lack_can_verify_and_read_it(place, tmp_path):
    sender, receiver = reopen(place["vault"]), make_vault(tmp_path / "receiver", 1)
    introduce(sender, receiver, "Receiver")
    introduce(receiver, sender, "Sender")
    api.record_types.add(sender, VISIT)
    fields = {"report": "overcrowded", "place": "P", "visitors": [{"name": "Somebody", "role": "lawyer"}]}
    record = api.records.add(sender, place["case"], "visit", fields).id
    seal(sender, place["case"], "Receiver", tmp_path / "b.age")
    opened = api.receiving.receive(receiver, tmp_path / "b.age", Job())
    assert opened.verdict is Verdict.VERIFIED
    shown = api.records.show(receiver, record)
    assert (shown.type, shown.fields) == ("visit", {"report": "overcrowded", "visitors": [{"role": "lawyer"}]})
    assert api.checking.check(receiver, [], Job()).report.findings == ()
    api.record_types.add(receiver, VISIT)
    seal(sender, place["case"], "Receiver", tmp_path / "c.age", disclose=((record, "place"),))
    assert api.receiving.receive(receiver, tmp_path / "c.age", Job()).verdict is Verdict.VERIFIED
    assert api.records.show(receiver, record).fields["place"] == "P"
    assert [hit.id for hit in api.search.find(receiver, "overcrowded")] == [record]
    for vault in (sender, receiver):
        vault.close()


def _shown(vault, case, record) -> set[str]:
    """Return the fields of a record that would leave."""
    preview = api.sealing.preview(vault, api.sealing.Choice(case))
    return next(set(part.disclosed) for part in preview.parts if part.record_id == record)


OPEN = VISIT.replace('name = "place"', 'name = "place"\ndisclosure = "shareable"').replace("version = 1", "version = 2")


def test_what_was_signed_as_protected_stays_so_under_a_newer_version(tmp_path):
    vault = make_vault(tmp_path / "vault")
    case = api.cases.add(vault, "case").id
    api.record_types.add(vault, VISIT)
    before = api.records.add(vault, case, "visit", {"report": "x", "place": "where"}).id
    assert _shown(vault, case, before) == {"report"}
    api.record_types.add(vault, OPEN)
    after = api.records.add(vault, case, "visit", {"report": "x", "place": "where"}).id
    assert _shown(vault, case, before) == {"report"}
    assert _shown(vault, case, after) == {"report", "place"}
    corrected = api.records.correct(vault, before, {"report": "y", "place": "where"}).id
    assert _shown(vault, case, corrected) == {"report", "place"}, "signed anew, under the newer version"
    vault.close()


def test_what_a_newer_version_protects_stays_too(tmp_path):
    vault = make_vault(tmp_path / "vault")
    case = api.cases.add(vault, "case").id
    api.record_types.add(vault, OPEN.replace("version = 2", "version = 1"))
    record = api.records.add(vault, case, "visit", {"report": "x", "place": "where"}).id
    assert _shown(vault, case, record) == {"report", "place"}
    api.record_types.add(vault, VISIT.replace("version = 1", "version = 2"))
    assert _shown(vault, case, record) == {"report"}
    vault.close()


@pytest.mark.parametrize("sql", ["DELETE FROM record_type WHERE version = 2", "DELETE FROM record_type"])
def test_an_older_version_put_back_stops_the_seal_and_is_found(tmp_path, sql):
    vault, other = make_vault(tmp_path / "vault"), make_vault(tmp_path / "other", 1)
    introduce(vault, other, "Lawyer")
    case = api.cases.add(vault, "case").id
    api.record_types.add(vault, OPEN.replace("version = 2", "version = 1"))
    api.records.add(vault, case, "visit", {"report": "x", "place": "where"})
    api.record_types.add(vault, VISIT.replace("version = 1", "version = 2"))
    seal(vault, case, "Lawyer", tmp_path / "1.age")
    vault.close()
    with raw(vault) as connection:
        connection.execute(sql)
    vault = reopen(vault)
    with pytest.raises(DamagedError, match="record type"):
        seal(vault, case, "Lawyer", tmp_path / "2.age")
    assert not (tmp_path / "2.age").exists()
    assert {one.code for one in api.checking.check(vault, [], Job()).report.findings} == {"record-type"}
    vault.close()
    other.close()
