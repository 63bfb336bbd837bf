"""Cases, drafts, signed records: what was typed stays byte for byte, what was signed stays, what is deleted is gone."""

from __future__ import annotations

import base64
import random
import re
import shutil
from pathlib import Path

import pytest

from vault import api, errors
from vault.formats.record import read_record
from vault.jobs import Job
from vault.store import records as store_records
from vault.usecases import drafts, records, search, setup

SAMPLES = Path(__file__).parents[2] / "tui" / "samples"

TEXTS = {
    "Chinese, with a rare character": "一九八九年六月四日,律师王全璋被監視居住。𠮷野家的“人证”……",
    "Uyghur, with joiners and marks": "ئايسەنەم \u200f(1984)\u200e ھە\u200dر كۈنى: «سوراق» — ئۈرۈمچى",
    "Tibetan, stacked": "བཀྲ་ཤིས་དབང་ཕྱུག་ བཙོན་བཅུག \u0f0b\u0f0d རྒྱུ",
    "Kazakh in Cyrillic": "Қамауға алынды: Ұлы, Әлия, Ғали, Іле",
    "Kazakh in Arabic script": "\u0674تىل قازاق ھانەشٸنە \u200cبولعان",
    "composed and decomposed": "Ürümqi U\u0308ru\u0308mqi Å A\u030a \u212b",
    "controls, blanks and ends of lines": " \tfirst\r\nsecond\n\n  \u2028third \u00a0\ufeff ",
    "bidi and escape": "\u202egnp.exe \x1b[31mred\x1b[0m \u2066x\u2069",
    "emoji with joiners": "👩\u200d👩\u200d👧\u200d👦 🏳\ufe0f\u200d🌈",
}


def count(vault: api.OpenVault) -> int:
    return api.custody.head(vault).size


# -- cases ------------------------------------------------------------------------------------------------------------


def test_cases_come_newest_first_page_by_page_with_their_counts(vault):
    made = [api.cases.add(vault, f"case {number}") for number in range(5)]
    first = api.cases.page(vault, 2)
    assert [case.title for case in first] == ["case 4", "case 3"]
    assert [case.title for case in api.cases.page(vault, 9, first[-1].id)] == ["case 2", "case 1", "case 0"]
    records.add(vault, made[0].id, "note", {"text": "x"})
    drafts.save(vault, made[0].id, "note", {"text": "y"})
    assert api.cases.get(vault, made[0].id).record_count == 1
    assert api.cases.get(vault, made[1].id).record_count == 0


@pytest.mark.parametrize("title", ["", "  \n", "x" * 501, "half \ud83d"])
def test_a_case_without_a_proper_title_is_refused_whole(vault, title):
    before = count(vault)
    with pytest.raises(errors.RefusedError) as caught:
        api.cases.add(vault, title)
    assert caught.value.advice
    assert api.cases.page(vault) == []
    assert count(vault) == before


def test_an_unknown_case_or_record_is_not_found(vault, case):
    unknown = "0" * 32
    for act in (
        lambda: api.cases.get(vault, unknown),
        lambda: records.add(vault, unknown, "note", {"text": "x"}),
        lambda: records.show(vault, unknown),
        lambda: records.correct(vault, unknown, {"text": "x"}),
        lambda: records.delete(vault, unknown, "why"),
        lambda: records.page(vault, unknown),
        lambda: drafts.save(vault, unknown, "note", {}),
        lambda: drafts.get(vault, unknown),
        lambda: drafts.sign(vault, unknown),
        lambda: drafts.save(vault, case.id, "note", {}, "no id"),
    ):
        with pytest.raises(errors.NotFoundError):
            act()


# -- drafts -----------------------------------------------------------------------------------------------------------


def test_a_draft_is_kept_as_typed_replaced_by_the_next_and_never_in_the_log(vault, case, secret, tmp_path):
    before = count(vault)
    draft = drafts.save(vault, case.id, "testimony", {"statement": "first"})
    text = "".join(TEXTS.values()) + "\ud83d half a character \0 and none"
    drafts.save(vault, case.id, "testimony", {"statement": text, "unknown": [1, None]}, draft.id)
    vault.close()
    again = setup.unlock(tmp_path / "vault", secret)
    assert drafts.get(again, draft.id).fields == {"statement": text, "unknown": [1, None]}
    assert [one.id for one in drafts.page(again)] == [draft.id]
    assert count(again) == before
    assert search.find(again, "first") == []
    drafts.drop(again, draft.id)
    drafts.drop(again, draft.id)
    assert drafts.page(again) == []
    again.close()


def test_a_draft_that_is_too_large_is_refused_and_the_one_before_stays(vault, case):
    draft = drafts.save(vault, case.id, "note", {"text": "kept"})
    with pytest.raises(errors.RefusedError, match="32 MiB"):
        drafts.save(vault, case.id, "note", {"text": "政" * 12_000_000}, draft.id)
    assert drafts.get(vault, draft.id).fields == {"text": "kept"}


def test_signing_a_draft_makes_the_record_and_takes_the_draft_away_in_one_step(vault, case):
    draft = drafts.save(vault, case.id, "testimony", {"statement": "heard at night"})
    signed = drafts.sign(vault, draft.id)
    assert (signed.id, signed.version) == (draft.id, 1)
    version = api.records.show(vault, draft.id).versions[0]
    assert signed.digest == version.digest
    entries = api.custody.of_object(vault, draft.id)
    assert [one.number for one in entries if one.event["type"] == "creation"] == [signed.entry]
    assert drafts.page(vault) == []
    assert records.show(vault, draft.id).fields == {"statement": "heard at night"}
    drafts.save(vault, case.id, "testimony", {"statement": "seen at night"}, draft.id, based_on=1)
    drafts.sign(vault, draft.id, "misheard")
    record = records.show(vault, draft.id)
    assert [version.version for version in record.versions] == [1, 2]
    assert record.fields == {"statement": "seen at night"}


def test_a_draft_that_does_not_fit_its_type_stays_and_nothing_is_signed(vault, case):
    before = count(vault)
    draft = drafts.save(vault, case.id, "testimony", {"title": "no statement yet"})
    with pytest.raises(errors.RefusedError, match="statement"):
        drafts.sign(vault, draft.id)
    assert drafts.get(vault, draft.id).fields == {"title": "no statement yet"}
    assert records.page(vault, case.id) == []
    assert count(vault) == before


def test_a_correction_begun_before_another_one_is_not_signed_over_it(vault, case):
    record = records.add(vault, case.id, "note", {"text": "one"})
    drafts.save(vault, case.id, "note", {"text": "mine"}, record.id, based_on=1)
    records.correct(vault, record.id, {"text": "theirs"})
    with pytest.raises(errors.RefusedError, match="corrected after"):
        drafts.sign(vault, record.id)
    assert drafts.get(vault, record.id).fields == {"text": "mine"}
    assert records.show(vault, record.id).fields == {"text": "theirs"}


# -- signed records ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_stored_as_typed_byte_for_byte(vault, case, name):
    text = TEXTS[name]
    record = records.add(vault, case.id, "testimony", {"statement": text})
    assert records.show(vault, record.id).fields["statement"].encode() == text.encode()
    held = vault.read(lambda c: store_records.newest(c, store_records.get(c, record.id)))
    assert read_record(held.sd_jwt, vault.identity.public_key).fields["statement"].encode() == text.encode()


@pytest.mark.parametrize("language", ["ug", "bo", "kk"])
def test_a_whole_testimony_is_stored_as_typed(vault, case, language):
    text = (SAMPLES / f"testimony-{language}.txt").read_bytes().decode()
    record = records.add(vault, case.id, "testimony", {"statement": text})
    assert records.show(vault, record.id).fields["statement"] == text
    words = text.split()[3]
    assert [hit.id for hit in search.find(vault, words)] == [record.id]


def test_a_correction_is_a_new_version_that_names_the_one_before(vault, case):
    first = records.add(vault, case.id, "note", {"title": "a", "text": "alpha"})
    second = records.correct(vault, first.id, {"title": "b", "text": "beta"}, "typing error")
    assert [version.version for version in second.versions] == [1, 2]
    assert second.versions[0] == first.versions[0]
    assert (second.title, second.fields["text"]) == ("b", "beta")

    def versions(connection):
        return store_records.versions(connection, store_records.get(connection, first.id).serial)

    old, new = (read_record(one.sd_jwt, vault.identity.public_key) for one in vault.read(versions))
    assert old.fields["text"] == "alpha"
    assert new.meta["previous"] == first.versions[0].digest == old.digest
    assert "previous" not in old.meta
    event = api.custody.page(vault, 1)[0].event
    assert event["type"] == "modification"
    assert event["digests"] == {"before": old.digest, "after": new.digest}
    assert event["purpose"]["why"] == "typing error"


def test_looking_at_a_record_is_entered_and_listing_is_not(vault, case):
    record = records.add(vault, case.id, "note", {"text": "x"})
    before = count(vault)
    assert [one.id for one in records.page(vault, case.id)] == [record.id]
    assert count(vault) == before
    records.show(vault, record.id)
    event = api.custody.page(vault, 1)[0].event
    assert (event["type"], event["object"]) == ("displaying", {"id": record.id, "kind": "record"})


def test_what_is_refused_leaves_no_entry_and_no_record(vault, case):
    record = records.add(vault, case.id, "note", {"text": "x"})
    before = count(vault)
    for act in (
        lambda: records.add(vault, case.id, "poem", {"text": "x"}),
        lambda: records.add(vault, case.id, "attachment", {"sha256": "0" * 64, "size": 0, "media_type": "a/b"}),
        lambda: records.add(vault, case.id, "note", {"text": "x", "secret_name": "y"}),
        lambda: records.add(vault, case.id, "note", {"text": "zanzibar \ud83d"}),
        lambda: records.correct(vault, record.id, {"text": 7}),
        lambda: records.delete(vault, record.id, "  "),
    ):
        with pytest.raises(errors.VaultError) as caught:
            act()
        assert type(caught.value) in (errors.RefusedError, errors.FormatError, errors.NotFoundError)
        assert "zanzibar" not in caught.value.message
    assert count(vault) == before
    assert len(records.page(vault, case.id)) == 1


def test_a_version_that_was_altered_in_the_store_is_not_shown(vault, case):
    record = records.add(vault, case.id, "note", {"text": "true"})
    vault.database.atomic(
        lambda c: c.execute("UPDATE record_version SET sd_jwt = replace(sd_jwt, '~', 'A~') WHERE version = 1")
    )
    with pytest.raises((errors.IntegrityError, errors.FormatError)):
        records.show(vault, record.id)


# -- search -----------------------------------------------------------------------------------------------------------


def test_search_follows_corrections_and_deletions(vault, case):
    first = records.add(vault, case.id, "testimony", {"statement": "the river lantern"})
    second = records.add(vault, case.id, "note", {"text": "a lantern and 律师"})
    assert [hit.id for hit in search.find(vault, "lantern")] == [second.id, first.id]
    records.correct(vault, first.id, {"statement": "the river candle"})
    assert [hit.id for hit in search.find(vault, "lantern")] == [second.id]
    assert [hit.id for hit in search.find(vault, "river candle")] == [first.id]
    records.delete(vault, second.id, "asked for by the witness")
    assert search.find(vault, "lantern") == []
    assert search.find(vault, "律师") == []
    hit = search.find(vault, "can")[0]
    assert (hit.case_id, hit.type, hit.snippet) == (case.id, "testimony", "the river candle")


def test_search_goes_on_where_the_page_before_ended(vault, case):
    made = [records.add(vault, case.id, "note", {"text": f"lantern {number}"}).id for number in range(5)]
    first = search.find(vault, "lantern", 2)
    assert [hit.id for hit in first] == [made[4], made[3]]
    assert [hit.id for hit in search.find(vault, "lantern", 9, first[-1].position)] == [made[2], made[1], made[0]]


# -- deleting ---------------------------------------------------------------------------------------------------------


def test_a_deleted_record_is_a_tombstone_that_takes_no_new_version(vault, case):
    record = records.add(vault, case.id, "note", {"title": "t", "text": "x"})
    drafts.save(vault, case.id, "note", {"text": "y"}, record.id, based_on=1)
    records.delete(vault, record.id, "withdrawn consent")
    shown = records.show(vault, record.id)
    assert (shown.deleted, shown.fields, shown.title, shown.versions) == (True, {}, "", ())
    assert [one.deleted for one in records.page(vault, case.id)] == [True]
    assert drafts.page(vault) == []
    for act in (
        lambda: records.correct(vault, record.id, {"text": "z"}),
        lambda: records.delete(vault, record.id, "again"),
    ):
        with pytest.raises((errors.RefusedError, errors.NotFoundError)):
            act()
    event = next(e.event for e in api.custody.page(vault, 9) if e.event["type"] == "deletion")
    assert event["purpose"]["why"] == "withdrawn consent"
    assert event["digests"] == {"before": record.versions[0].digest}
    assert api.checking.check(vault, [], Job()).report.ok


def forms(word: str) -> list[bytes]:
    """The ways a word may stand in the store: as text, and inside the base64url of a disclosure at any alignment."""
    found = [word.encode(), word.encode("utf-16-le")]
    for shift in range(3):
        whole = base64.urlsafe_b64encode(bytes(shift) + word.encode())
        found.append(whole[4 if shift else 0 : -4])
    return found


def test_of_a_deleted_record_no_word_is_left_anywhere_in_the_store(vault, case, tmp_path, pages):
    words = ["zanzibarquartz", "秘密线人王小明", "ئايسەنەمتۇرسۇن"]
    text = " ".join(words)
    draft = drafts.save(vault, case.id, "testimony", {"title": text, "statement": text})
    drafts.save(vault, case.id, "testimony", {"title": text, "statement": text + " more"}, draft.id)
    drafts.sign(vault, draft.id)
    records.correct(vault, draft.id, {"title": text, "statement": text + " and more"})
    kept = records.add(vault, case.id, "note", {"text": "quillfeather stays"})
    opened = vault.keys
    vault.database.run(lambda c: shutil.copyfile(tmp_path / "vault" / "vault.db", tmp_path / "before"))
    records.delete(vault, draft.id, "asked for")
    setup.sweep_all(vault)
    vault.close()
    before, after = pages(opened, tmp_path / "before"), pages(opened, tmp_path / "vault" / "vault.db")
    for word in words:
        assert any(form in before for form in forms(word)), "the search for traces finds them where they are"
        assert not any(form in after for form in forms(word))
    assert any(form in after for form in forms("quillfeather"))
    assert kept.id.encode() in after


def test_words_that_were_corrected_away_before_the_record_was_deleted_leave_the_index_too(vault, case, tmp_path, pages):
    # So many words that some are kept at the borders of the index's pages.
    letters = "bcdfghjklmnpqrstvwxz"
    draw = random.Random(1)
    words = ["".join(draw.choices(letters, k=12)) for _ in range(6_000)]
    record = records.add(vault, case.id, "note", {"text": " ".join(words)})
    records.correct(vault, record.id, {"text": "…"})
    records.delete(vault, record.id, "asked for")
    setup.sweep_all(vault)
    opened = vault.keys
    vault.close()
    after = pages(opened, tmp_path / "vault" / "vault.db")
    starts = {word[:6].encode() for word in words}
    runs = re.findall(rb"[%s]{6,}" % letters.encode(), after)
    assert [run for run in runs if any(run[at : at + 6] in starts for at in range(len(run) - 5))] == []


def test_a_draft_makes_no_attachment_without_a_file_and_corrects_only_what_is_said_of_one(vault, case, tmp_path):
    made_up = drafts.save(vault, case.id, "attachment", {"sha256": "0" * 64, "size": 1, "media_type": "x/y"})
    with pytest.raises(errors.RefusedError, match="with their file"):
        drafts.sign(vault, made_up.id)
    (tmp_path / "a").write_text("x")
    file = api.intake.attach(vault, case.id, tmp_path / "a", Job())
    drafts.save(vault, case.id, "attachment", {"sha256": "0" * 64}, file.id, based_on=1)
    with pytest.raises(errors.RefusedError, match="taken from the file"):
        drafts.sign(vault, file.id)
    drafts.save(vault, case.id, "attachment", {"description": "a paper"}, file.id, based_on=1)
    drafts.sign(vault, file.id)
    assert records.show(vault, file.id).fields == file.fields | {"description": "a paper"}


def test_a_case_is_found_by_its_title_as_text_is(vault, case):
    older = api.cases.add(vault, "Arrests at the Gāte").id
    newer = api.cases.add(vault, "The gate, second night").id
    note = records.add(vault, newer, "note", {"text": "the gate again"}).id
    hits = search.find(vault, "GATE")
    assert [(hit.id, hit.case_id, hit.type) for hit in hits] == [
        (newer, newer, "case"), (older, older, "case"), (note, newer, "note")
    ]  # fmt: skip
    assert hits[1].snippet == "Arrests at the Gāte"
    assert [hit.id for hit in search.find(vault, "gat second")] == [newer]
    assert [hit.id for hit in search.find(vault, "案件")] == [case.id]
    assert search.find(vault, "ate") == search.find(vault, "件案") == search.find(vault, "-") == []
    assert [hit.type for hit in search.find(vault, "gate", 2)] == ["case", "note"]
    assert [hit.id for hit in search.find(vault, "gate", before=hits[-1].position + 1)] == [note]
