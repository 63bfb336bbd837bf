"""Signed records: what is signed comes back, any part can be withheld, nothing else gets through."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vault.crypto import signing
from vault.crypto.hashes import sha256
from vault.errors import FormatError, IntegrityError, NotFoundError, RefusedError, UnsupportedVersionError, VaultError
from vault.formats import jcs, record, sd_jwt, sd_jwt_tree
from vault.formats.record import disclose, field_paths, merge, read_record, sign_record
from vault.formats.sd_jwt import Disclosure, SdJwt, arrange, b64url, decoy, parse_sd_jwt, payload_of, sign_jwt
from vault.formats.ssh_keys import ssh_fingerprint

SEED = bytes(range(32))
KEY = signing.public_key(SEED)
OTHER_KEY = signing.public_key(bytes(32))
ID = "0123456789abcdef" * 2
META = {"signed_at": "2026-11-20T21:27:15Z", "case": "fedcba9876543210" * 2}
FIELDS = {
    "statement": "他们说:律师不能来。\nئۇيغۇر བོད",
    "names": [{"given": "A", "family": "B"}, "C", [1, [2]], {}],
    "place": {"region": "R", "coordinates": [12, -3]},
    "estimated": False,
    "none": None,
    "empty": [],
}
DOCUMENT = Path(__file__).parents[2] / "docs" / "formats" / "record.md"


def sign(message: bytes) -> bytes:
    return signing.sign(SEED, message)


def make(fields=FIELDS, meta=META, **changes) -> SdJwt:
    arguments = {"id": ID, "type": "testimony", "version": 1, "public_key": KEY, "sign": sign} | changes
    return sign_record(meta=meta, fields=fields, **arguments)


def read(sd: SdJwt) -> record.RecordView:
    return read_record(sd.text, KEY)


WHOLE = make()


def payload(sd: SdJwt = WHOLE) -> dict:
    return json.loads(payload_of(sd.jwt))


def forge(content: dict | list | bytes, disclosures=()) -> str:
    """A record whose signer is hostile: signed by the right key, whatever the payload says."""
    data = content if isinstance(content, bytes) else jcs.encode(content)
    return arrange(sign_jwt(data, KEY, sign), disclosures).text


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
names = texts.filter(lambda name: name and name not in sd_jwt.RESERVED_NAMES)
leaves = st.none() | st.booleans() | st.integers(-jcs.MAX_INT, jcs.MAX_INT) | texts
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=8
)
all_fields = st.dictionaries(names, values, max_size=4)
few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def only(value, path, wanted):
    """What of a plain value remains when `wanted` holds every path that is disclosed: written without our walk."""
    if isinstance(value, dict):
        return {k: only(v, (*path, k), wanted) for k, v in value.items() if (*path, k) in wanted}
    if isinstance(value, list):
        return [only(v, (*path, str(i)), wanted) for i, v in enumerate(value) if (*path, str(i)) in wanted]
    return value


def is_part_of(part, whole) -> bool:
    """True when `part` is `whole` with nothing but members and elements left out."""
    if isinstance(whole, dict):
        return part.keys() <= whole.keys() and all(is_part_of(part[name], whole[name]) for name in part)
    if isinstance(whole, list):
        rest = iter(whole)
        return all(any(type(x) is type(y) and is_part_of(x, y) for y in rest) for x in part)
    return type(part) is type(whole) and part == whole


def places(value, path=()):
    """Every path inside a plain value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in inside:
        yield (*path, str(step))
        yield from places(inner, (*path, str(step)))


def written(path) -> str:
    """A path as people and programs name it, by `str.replace` instead of the pattern in the code."""
    steps = [step.replace("\\", "\\\\").replace(".", "\\.") for step in path]
    return ".".join("\\" + step if step.startswith("@") else step for step in steps)


def test_a_record_comes_back_whole():
    view = read(WHOLE)
    assert (view.id, view.type, view.version, view.signer) == (ID, "testimony", 1, KEY)
    assert (view.fields, view.meta, view.withheld) == (FIELDS, META, False)
    assert view.digest == sha256(WHOLE.jwt.encode()).hex()


@few
@given(all_fields, st.dictionaries(st.sampled_from(["signed_at", "case", "previous"]), values))
def test_any_fields_and_metadata_survive(fields, meta):
    sd = make(fields, meta)
    view = read(sd)
    assert (view.fields, view.meta, view.withheld) == (fields, meta, False)
    assert parse_sd_jwt(sd.text) == sd
    expected = {written(p) for p in places(fields)} | {"@" + written(p) for p in places(meta)}
    assert set(field_paths(sd)) == expected and len(field_paths(sd)) == len(expected)


@few
@given(all_fields, st.data())
def test_any_choice_of_paths_verifies_and_shows_exactly_that(fields, data):
    sd = make(fields, {})
    paths = sorted(places(fields))
    named = data.draw(st.sets(st.sampled_from(paths))) if paths else set()
    with_parents = {path[:i] for path in named for i in range(1, len(path) + 1)}
    below = {path for path in paths if any(path[: len(top)] == top for top in named)}
    part = disclose(sd, [written(path) for path in named])
    view = read(part)
    assert view.fields == only(fields, (), with_parents | below)
    assert len(part.disclosures) == len(with_parents | below)
    assert view.withheld and view.meta == {} and view.digest == read(sd).digest


@few
@given(all_fields, st.data())
def test_two_presentations_merge_into_what_both_show(fields, data):
    sd = make(fields)
    paths = st.sets(st.sampled_from(field_paths(sd)))
    first, second = data.draw(paths), data.draw(paths)
    merged = merge(disclose(sd, first), disclose(sd, second))
    assert merged == disclose(sd, first | second)
    read(merged)


def test_records_of_different_versions_do_not_merge():
    with pytest.raises(RefusedError):
        merge(WHOLE, make())


def test_paths_are_named_as_documented():
    sd = make({"a.b": {"c\\d": [{"@e": 1}]}, "@f": 1}, {"case": {"@g": 1}})
    assert set(field_paths(sd)) == {
        "a\\.b",
        "a\\.b.c\\\\d",
        "a\\.b.c\\\\d.0",
        "a\\.b.c\\\\d.0.\\@e",
        "\\@f",
        "@case",
        "@case.\\@g",
    }


def test_a_partial_record_can_be_narrowed_further_and_indexes_what_it_holds():
    part = disclose(WHOLE, ["names.1", "names.3", "@case"])
    assert field_paths(part) == ("@case", "names", "names.0", "names.1")
    assert read(disclose(part, ["names.1"])).fields == {"names": [{}]}
    assert read(disclose(part, ["@case"])).meta == {"case": META["case"]}
    assert disclose(part, []).disclosures == ()


@pytest.mark.parametrize("path", ["", "nothing", "names.9", "names.", ".names", "@parts", "parts", "@", "signed_at"])
def test_unknown_paths_and_the_count_cannot_be_disclosed(path):
    with pytest.raises(NotFoundError) as caught:
        disclose(WHOLE, [path, "statement"])
    assert "nothing" not in str(caught.value)


def test_even_with_every_path_named_the_count_stays_behind():
    part = disclose(WHOLE, field_paths(WHOLE))
    view = read(part)
    assert (view.fields, view.meta, view.withheld) == (FIELDS, META, True)
    assert len(part.disclosures) == len(WHOLE.disclosures) - 1


def test_the_count_beside_fewer_parts_says_that_something_is_withheld():
    assert any(d.name == "parts" for d in WHOLE.disclosures)
    fewer = SdJwt(WHOLE.jwt, tuple(d for d in WHOLE.disclosures if d.name != "none"))
    view = read(fewer)
    assert view.withheld and "parts" not in view.meta


@pytest.mark.parametrize("parts", [0, -1, True, "1", None])
def test_a_count_that_is_no_number_or_too_small_is_refused(parts):
    counted = Disclosure.make("parts", parts)
    with pytest.raises(IntegrityError, match="counted"):
        read_record(forge(payload() | {"_sd": hidden(counted)}, [counted]), KEY)
    honest = Disclosure.make("parts", 1)
    assert not read_record(forge(payload() | {"_sd": hidden(honest)}, [honest]), KEY).withheld


def test_a_withheld_value_leaves_no_trace_in_the_bytes():
    part = disclose(WHOLE, ["estimated"])
    everything = "".join(base64.urlsafe_b64decode(d.text + "==").decode() for d in part.disclosures)
    shown = payload_of(part.jwt).decode() + everything
    for word in ("律师", "statement", "names", "given", "case", "signed_at", "2026", "parts"):
        assert word not in shown
    assert sha256(jcs.encode(FIELDS["statement"])).hex() not in shown


def test_any_flipped_character_is_refused():
    for position, character in enumerate(WHOLE.text):
        flip = (1, 2, 4, 16, 32)[position % 5]
        changed = WHOLE.text[:position] + chr(ord(character) ^ flip) + WHOLE.text[position + 1 :]
        with pytest.raises((FormatError, IntegrityError)):
            read_record(changed, KEY)


@pytest.mark.parametrize("part", range(70))
def test_a_truncated_record_is_refused_unless_it_ends_with_a_whole_disclosure(part):
    text = WHOLE.text[: len(WHOLE.text) * part // 70]
    try:
        view = read_record(text, KEY)
    except (FormatError, IntegrityError):
        return
    assert text.endswith("~") and view.withheld


@few
@given(st.data())
def test_disclosures_taken_away_at_will_are_seen_or_refused_but_never_change_a_value(data):
    kept = data.draw(st.sets(st.sampled_from(range(len(WHOLE.disclosures)))))
    sd = SdJwt(WHOLE.jwt, tuple(d for i, d in enumerate(WHOLE.disclosures) if i in kept))
    try:
        view = read(sd)
    except IntegrityError:
        return
    assert view.withheld or sd == WHOLE
    assert is_part_of(view.fields, FIELDS) and is_part_of(view.meta, META)


@few
@given(st.binary(max_size=60) | values.map(jcs.encode))
def test_a_hostile_signer_can_raise_only_our_errors(content):
    try:
        read_record(forge(content), KEY)
    except (FormatError, IntegrityError):
        return
    pytest.fail("garbage was taken for a record")


@few
@given(st.sampled_from(sorted(record._PLAIN)), values)
def test_a_payload_member_of_another_kind_raises_only_our_errors(name, value):
    try:
        view = read_record(forge(payload() | {name: value}), KEY)
    except (FormatError, IntegrityError):
        return
    assert name in ("id", "type", "version") and getattr(view, name) == value


@pytest.mark.parametrize("name", sorted(record._PLAIN))
def test_a_missing_payload_member_is_refused(name):
    content = payload()
    del content[name]
    with pytest.raises(FormatError):
        read_record(forge(content), KEY)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1},
        {"id": ID.upper()},
        {"id": ID[:-1]},
        {"type": "Testimony"},
        {"type": ""},
        {"type": "a" * 65},
        {"version": 0},
        {"version": True},
        {"version": "1"},
        {"version": 2**31},
        {"_sd_alg": "sha-512"},
        {"format": "evidence-recor/1"},
        {"fields": {}},
        {"fields": {"_sd": []}},
        {"fields": {"_sd": sorted(decoy() for _ in range(7))}},
        {"fields": {"_sd": sorted(decoy() for _ in range(8)), "open": 1}},
        {"fields": {"_sd": sorted((decoy() for _ in range(8)), reverse=True)}},
        {"fields": {"_sd": [*sorted(decoy() for _ in range(7)), "z" * 43]}},
        {"fields": {"_sd": [1] * 8}},
        {"fields": {"_sd": "x" * 8}},
        {"_sd": []},
        {"_sd": sorted(decoy() for _ in range(12))},
    ],
    ids=lambda changes: re.sub(r"[\w-]{43}", "d", repr(changes)),
)
def test_payloads_that_break_a_rule_are_refused_even_when_signed(changes):
    with pytest.raises(FormatError):
        read_record(forge(payload() | changes), KEY)


def test_a_later_version_is_said_to_be_one():
    with pytest.raises(UnsupportedVersionError):
        read_record(forge(payload() | {"format": "evidence-record/2"}), KEY)


def test_a_payload_that_is_not_canonical_is_refused_even_when_signed():
    with pytest.raises(FormatError):
        read_record(forge(payload_of(WHOLE.jwt).replace(b'":', b'": ', 1)), KEY)


def test_another_key_or_a_record_that_names_another_signer_is_refused():
    with pytest.raises(IntegrityError):
        read_record(WHOLE.text, OTHER_KEY)
    with pytest.raises(IntegrityError, match="another signer"):
        read_record(forge(payload() | {"iss": ssh_fingerprint(OTHER_KEY)}), KEY)
    with pytest.raises(VaultError):
        read_record(WHOLE.text, KEY[:-1])


def hidden(*disclosures: Disclosure, block: int = 8) -> list[str]:
    digests = [d.digest for d in disclosures]
    return sorted(digests + [decoy() for _ in range(-len(digests) % block or (0 if digests else block))])


def forged_fields(disclosures, top) -> str:
    return forge(payload() | {"_sd": hidden(), "fields": {"_sd": hidden(*top)}}, disclosures)


def test_a_forged_record_that_keeps_the_rules_is_read_so_that_the_refusals_below_mean_something():
    inner = Disclosure.make("given", "A")
    outer = Disclosure.make("name", {"_sd": hidden(inner, block=4)})
    assert read_record(forged_fields([inner, outer], [outer]), KEY).fields == {"name": {"given": "A"}}


def test_disclosures_that_nothing_stands_for_are_refused():
    stray = Disclosure.make("name", "A")
    with pytest.raises(IntegrityError, match="does not cover"):
        read_record(arrange(WHOLE.jwt, [*WHOLE.disclosures, stray]).text, KEY)
    inner = Disclosure.make("given", "A")
    outer = Disclosure.make("name", {"_sd": hidden(inner, block=4)})
    with pytest.raises(IntegrityError, match="does not cover"):
        read_record(forged_fields([inner], [outer]), KEY)


def test_one_digest_in_two_places_is_refused_even_when_withheld():
    both = Disclosure.make("name", "A")
    for shown in ([both], []):
        text = forge(payload() | {"_sd": hidden(both), "fields": {"_sd": hidden(both)}}, shown)
        with pytest.raises(IntegrityError, match="two places"):
            read_record(text, KEY)
    inner = Disclosure.make("given", "A")
    outers = [Disclosure.make(name, {"_sd": hidden(inner, block=4)}) for name in ("a", "b")]
    with pytest.raises(IntegrityError, match="two places"):
        read_record(forged_fields([inner, *outers], outers), KEY)
    element = Disclosure.make(None, 1)
    array = Disclosure.make("list", [{"...": element.digest}] * 4)
    with pytest.raises(IntegrityError, match="two places"):
        read_record(forged_fields([array], [array]), KEY)


def test_two_members_of_one_name_are_refused():
    twins = [Disclosure.make("name", "A"), Disclosure.make("name", "B")]
    with pytest.raises(FormatError, match="one name"):
        read_record(forged_fields(twins, twins), KEY)


@pytest.mark.parametrize("name", ["format", "id", "iss", "type", "version", "fields", "Case", "a.b", "a-b", "律师"])
def test_metadata_cannot_stand_in_for_a_plain_member_or_have_another_kind_of_name(name):
    meta = Disclosure.make(name, "x")
    with pytest.raises(FormatError, match="metadata name"):
        read_record(forge(payload() | {"_sd": hidden(meta)}, [meta]), KEY)
    with pytest.raises(ValueError):
        make(meta={name: "x"})


def test_members_and_elements_do_not_take_each_others_place():
    element, member = Disclosure.make(None, "A"), Disclosure.make("name", "A")
    with pytest.raises(FormatError, match="place of a member"):
        read_record(forged_fields([element], [element]), KEY)
    array = Disclosure.make("list", [{"...": digest} for digest in hidden(member, block=4)])
    with pytest.raises(FormatError, match="place of an array"):
        read_record(forged_fields([member, array], [array]), KEY)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": 1},
        {"_sd": []},
        {"_sd": ["x"]},
        {"_sd": sorted(decoy() for _ in range(4)), "a": 1},
        {"_sd": sorted(decoy() for _ in range(4)), "_sd_alg": "sha-256"},
        {"_sd": sorted(decoy() for _ in range(5))},
        {"...": "x"},
        {"...": decoy()},
        [],
        ["plain"],
        [{"...": decoy()}] * 3,
        [{"...": decoy()}, {"...": decoy()}, {"...": decoy()}, "plain"],
        [{"...": decoy()}, {"...": decoy()}, {"...": decoy()}, {"...": "x"}],
        [{"...": decoy()}, {"...": decoy()}, {"...": decoy()}, {"...": decoy(), "a": 1}],
        [{"...": decoy()}, {"...": decoy()}, {"...": decoy()}, {"_sd": decoy()}],
    ],
    ids=lambda value: re.sub(r"[\w-]{43}", "d", repr(value)),
)
def test_containers_hold_nothing_but_digests(value):
    disclosure = Disclosure.make("name", value)
    with pytest.raises(FormatError):
        read_record(forged_fields([disclosure], [disclosure]), KEY)


def nested(levels: int):
    value = "deep"
    for _ in range(levels):
        value = [value]
    return value


def test_paths_have_at_most_eight_steps():
    assert read(make({"a": nested(7)})).fields == {"a": nested(7)}
    with pytest.raises(RefusedError):
        make({"a": nested(8)})
    inner = Disclosure.make(None, [{"...": decoy()} for _ in range(4)])
    shown = [inner]
    for _ in range(7):
        inner = Disclosure.make(None, [{"...": digest} for digest in hidden(inner, block=4)])
        shown.append(inner)
    top = Disclosure.make("a", inner.value)
    with pytest.raises(FormatError, match="nested too deeply"):
        read_record(forged_fields([*shown[:-1], top], [top]), KEY)


@pytest.mark.parametrize("fields", [{"_sd": 1}, {"a": {"...": 1}}, {"a": [{"_sd_alg": 1}]}, {"": 1}, {"n" * 257: 1}])
def test_names_that_mean_something_to_sd_jwt_are_refused(fields):
    with pytest.raises(RefusedError):
        make(fields)


@pytest.mark.parametrize("fields", [{"a": 2**53}, {"a": "\ud800"}, {"\udfff": 1}])
def test_what_cannot_be_stored_is_refused(fields):
    with pytest.raises(RefusedError):
        make(fields)


@pytest.mark.parametrize(
    "change",
    [{"id": "x"}, {"id": ID.upper()}, {"type": "Bad Type"}, {"version": 0}, {"version": 2**31}, {"meta": {"parts": 1}}],
)
def test_ids_types_versions_and_metadata_that_no_record_can_have(change):
    with pytest.raises(ValueError):
        make(**change)


def test_signing_with_another_key_is_noticed():
    with pytest.raises(IntegrityError):
        make(public_key=OTHER_KEY)


def test_more_disclosures_than_the_limit_are_refused_on_both_sides(monkeypatch):
    monkeypatch.setattr(sd_jwt_tree, "MAX_DISCLOSURES", 10)
    assert len(make(dict.fromkeys("abcdefg", 1)).disclosures) == 10
    with pytest.raises(RefusedError):
        make(dict.fromkeys("abcdefgh", 1))
    monkeypatch.setattr(sd_jwt, "MAX_DISCLOSURES", 9)
    with pytest.raises(FormatError):
        read(make(dict.fromkeys("abcdefg", 1)))


def test_several_megabytes_in_one_field_survive():
    statement = "证" * 1_500_000
    assert read(make({"statement": statement})).fields == {"statement": statement}


def counts(fields, meta=META, **more):
    content = payload(make(fields, meta, **more))
    return len(content["_sd"]), len(content["fields"]["_sd"])


def test_the_number_of_digests_does_not_show_the_number_of_metadata():
    assert {counts({}, dict.fromkeys("abcdefg"[:n], "x"))[0] for n in range(8)} == {8}


def test_with_a_capacity_the_number_of_digests_does_not_show_the_number_of_fields():
    assert {counts(dict.fromkeys("abcdefghijk"[:n], "x"), capacity=11)[1] for n in range(12)} == {16}


def test_without_a_capacity_no_count_proves_that_there_is_one_more():
    for count in (0, 1, 3, 4, 7, 8, 9):
        for block in (4, 8):
            seen = {sd_jwt_tree.padded_count(count, block) for _ in range(200)}
            assert len(seen) >= 2 and all(total % block == 0 and count < total <= count + 2 * block for total in seen)
            assert seen & {sd_jwt_tree.padded_count(count + 1, block) for _ in range(200)}


def test_decoys_take_every_place_in_an_array_and_elements_keep_their_order():
    taken = set()
    for _ in range(80):
        sd = make({"list": ["a", "b"]})
        assert read(sd).fields == {"list": ["a", "b"]}
        digests = [e["..."] for e in next(d.value for d in sd.disclosures if d.name == "list")]
        held = {d.digest for d in sd.disclosures}
        taken |= {place for place, digest in enumerate(digests) if digest in held}
    assert {0, 1, 2, 3} <= taken


def test_nothing_a_person_wrote_is_in_an_error_or_repr():
    assert "律师" not in repr(WHOLE) + repr(read(WHOLE)) + repr(read(WHOLE).withheld)


def block_of(name: str) -> str:
    """The fenced block after `<!-- name -->` in the format's document, in one line where it is wrapped."""
    found = re.search(rf"<!-- {name} -->\n+```[a-z]*\n(.*?)\n```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert found, name
    return found[1]


def test_the_documented_example_is_real():
    key = bytes.fromhex(block_of("record key"))
    whole = block_of("record").replace("\n", "")
    part = block_of("record presentation").replace("\n", "")
    view = read_record(whole, key)
    assert jcs.encode({"fields": view.fields, "meta": view.meta}).decode() == block_of("record values")
    assert not view.withheld
    assert payload_of(parse_sd_jwt(whole).jwt).decode() == block_of("record payload").replace("\n", "")
    assert disclose(parse_sd_jwt(whole), ["names.0.given"]).text == part
    shown = read_record(part, key)
    assert shown.fields == {"names": [{"given": "Wang"}]} and shown.meta == {} and shown.withheld
    lines = block_of("record disclosures").splitlines()
    table = [line.split("  ", 1) for line in lines]
    assert [(digest, content) for digest, content in table] == [
        (d.digest, base64.urlsafe_b64decode(d.text + "==").decode()) for d in parse_sd_jwt(whole).disclosures
    ]
    assert b64url(sha256(parse_sd_jwt(whole).disclosures[0].text.encode())) == table[0][0]
