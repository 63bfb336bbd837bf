"""The container: one encoding, everything else refused by name."""

import io
import shutil
import subprocess
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.errors import FormatError
from vault.formats.padme import padded_size
from vault.formats.tar import BLOCK, MAX_SIZE, TarReader, TarWriter, container_size, encode_header, entry_size, is_name

NAMES = st.from_regex(r"[A-Za-z0-9_]{1,6}(/[A-Za-z0-9_]{1,6}(\.[a-z0-9]{1,3})?){0,3}", fullmatch=True)
FILES = st.dictionaries(NAMES, st.binary(max_size=1500), max_size=5)


def build(files):
    out = io.BytesIO()
    writer = TarWriter(out)
    for name, content in files.items():
        writer.begin(name, len(content))
        for at in range(0, len(content), 700):
            writer.write(content[at : at + 700])
    writer.finish()
    return out.getvalue()


def parse(data, max_entries=100):
    reader = TarReader(io.BytesIO(data), max_entries)
    files = {}
    while entry := reader.next():
        content = b""
        while piece := reader.read(300):
            content += piece
        assert len(content) == entry.size
        files[entry.name] = content
    assert reader.position == len(data)
    return files


def sealed(data):
    """Give a changed header block its right checksum."""
    return data[:148] + b"%06o\0 " % (sum(data[:148]) + 256 + sum(data[156:512])) + data[156:]


GOOD = build({"bag/a": b"abc", "bag/b": b"d" * 600})


@given(FILES)
def test_round_trip(files):
    data = build(files)
    assert parse(data) == files
    assert len(data) == container_size(sum(entry_size(n, len(c)) for n, c in files.items()))
    assert padded_size(len(data), BLOCK) == len(data)


@given(FILES)
def test_python_tarfile_reads_it(files):
    with tarfile.open(fileobj=io.BytesIO(build(files))) as archive:
        members = archive.getmembers()
        assert {m.name: archive.extractfile(m).read() for m in members} == files
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} <= {
            (315532800, 0, 0, "", "", 0o644)
        }


def test_the_same_files_give_the_same_bytes():
    assert build({"a": b"1", "b": b"2"}) == build({"a": b"1", "b": b"2"})


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_changed_byte_outside_the_contents_is_refused(at, change):
    altered = bytearray(GOOD)
    altered[at] ^= change
    try:
        files = parse(bytes(altered))
    except FormatError:
        return
    assert build(files) == bytes(altered)
    assert 512 <= at < 515 or 1536 <= at < 2136


def test_every_truncation_is_refused():
    for length in range(len(GOOD)):
        with pytest.raises(FormatError):
            parse(GOOD[:length])


@given(st.binary(max_size=3000))
def test_garbage_raises_only_format_errors(data):
    with pytest.raises(FormatError):
        parse(data)


def refused(data, words, **options):
    with pytest.raises(FormatError) as caught:
        parse(data, **options)
    assert words in caught.value.reason


@pytest.mark.parametrize(
    ("kind", "words"),
    [(b"1", "hard link"), (b"2", "a link"), (b"3", "device"), (b"4", "device"), (b"5", "folder"), (b"6", "FIFO")]
    + [(k, "not a regular file") for k in (b"7", b"L", b"K", b"g", b"S", b"\0", b"V")],
)
def test_anything_but_regular_files_is_refused(kind, words):
    refused(sealed(GOOD[:156] + kind + GOOD[157:]), words)


@pytest.mark.parametrize(
    "name",
    [b"/etc/passwd", b"../a", b"bag/../../a", b"bag//a", b"bag/", b"./a", b"a\\b", b"a b", b"\xff", b"a\nb", b"", b"a.",
     b".a", b"-rf", b"a/..", b"C:a"],
)  # fmt: skip
def test_unsafe_names_are_refused(name):
    data = sealed(name.ljust(100, b"\0") + GOOD[100:])
    with pytest.raises(FormatError):
        parse(data)
    assert not is_name(name.decode("latin-1"))


def test_paths_outside_are_named_as_such():
    refused(sealed(b"../../a".ljust(100, b"\0") + GOOD[100:]), "outside")
    refused(sealed(b"/a".ljust(100, b"\0") + GOOD[100:]), "outside")
    refused(sealed(b"a b".ljust(100, b"\0") + GOOD[100:]), "characters")


def test_two_entries_of_one_name_are_refused():
    one = encode_header("bag/a", 0)
    data = one + one
    refused(data + bytes(container_size(len(data)) - len(data)), "two entries of one name")


def test_a_lying_size_is_refused():
    """A size that is wrong within the same block only changes the content, which the manifest's digest covers."""
    for size in (2, 513, 100_000, MAX_SIZE):
        with pytest.raises(FormatError):
            parse(encode_header("bag/a", size) + GOOD[512:])


def test_something_behind_the_end_mark_is_refused():
    refused(GOOD[:-1] + b"x", "end mark")
    padded = build({"a": b"x" * 40_000})
    assert len(padded) > entry_size("a", 40_000) + 1024
    assert parse(padded) == {"a": b"x" * 40_000}
    refused(padded[:-1] + b"x", "in the padding")
    refused(padded[:-512], "too early")
    refused(GOOD + b"\0", "behind the padding")
    refused(GOOD + bytes(512), "behind the padding")
    refused(GOOD + GOOD, "behind the padding")


def test_a_lone_zero_block_is_refused():
    refused(bytes(512) + GOOD, "end mark")


def test_filling_that_is_not_zero_is_refused():
    refused(GOOD[:600] + b"x" + GOOD[601:], "after a file")


def test_too_many_entries_are_refused():
    refused(GOOD, "too many", max_entries=1)


def test_a_prefix_field_an_owner_or_another_time_is_refused():
    for at, field in ((345, b"x"), (265, b"root"), (136, b"00000000000"), (100, b"0000755"), (257, b"ustar  \0")):
        with pytest.raises(FormatError):
            parse(sealed(GOOD[:at] + field + GOOD[at + len(field) :]))


LARGE = (1 << 33, 10**10, MAX_SIZE)


@pytest.mark.parametrize("size", LARGE)
def test_a_large_size_is_read_back(size):
    reader = TarReader(io.BytesIO(encode_header("bag/a", size) + b"x"), 10)
    entry = reader.next()
    assert (entry.name, entry.size) == ("bag/a", size)


def test_a_small_size_in_a_pax_header_is_refused():
    header = bytearray(encode_header("bag/a", 1 << 33))
    record = b"12 size=100\n"
    head = sealed(bytes(header[:124]) + b"%011o" % len(record) + bytes(header[135:512]))
    refused(head + record.ljust(512, b"\0") + bytes(header[1024:]), "does not use")


def test_other_pax_records_are_refused():
    header = encode_header("bag/a", 1 << 33)
    for record in (b"19 path=8589934592\n", b"19 size=8589934592\n11 uid=123\n", b"19 size=08589934592", b""):
        head = sealed(header[:124] + b"%011o" % len(record) + header[135:512])
        with pytest.raises(FormatError):
            TarReader(io.BytesIO(head + record.ljust(512, b"\0") + header[1024:]), 10).next()


@pytest.mark.skipif(not shutil.which("tar"), reason="no stock tar on this machine")
def test_stock_tar_reads_sizes_beyond_8_gib(tmp_path):
    """A sparse container of 9 GiB, so that nothing of that size is written."""
    size = 9 << 30
    path = tmp_path / "large.tar"
    with path.open("wb") as out:
        out.write(encode_header("bag/large", size))
        end = out.tell() + size
        out.seek(end)
        out.write(encode_header("bag/next", 3) + b"abc".ljust(512, b"\0"))
        out.truncate(container_size(end + 1024))
    listing = subprocess.run(["tar", "tvf", path], capture_output=True, text=True, check=True).stdout.split()
    assert str(size) in listing
    assert "bag/next" in listing


def test_the_writer_refuses_mistakes_of_its_caller():
    writer = TarWriter(io.BytesIO())
    writer.begin("a", 2)
    for mistake in (lambda: writer.write(b"abc"), writer.finish, lambda: writer.begin("b", 0)):
        with pytest.raises(ValueError):
            mistake()
    writer.write(b"ab")
    with pytest.raises(ValueError):
        writer.begin("a", 0)
    for name, size in (("../a", 0), ("a" * 100, 0), ("b", -1), ("b", MAX_SIZE + 1)):
        with pytest.raises(ValueError):
            writer.begin(name, size)


def test_the_reader_refuses_to_go_on_before_a_file_was_read():
    reader = TarReader(io.BytesIO(GOOD), 10)
    reader.next()
    with pytest.raises(ValueError):
        reader.next()


def test_a_wrong_checksum_is_named():
    refused(GOOD[:148] + b"000000\0 " + GOOD[156:], "checksum")


@pytest.mark.parametrize(
    "field", [b"0000000003 \0", b"00000000+3\0\0", b"\x80" + bytes(10) + b"\x03", b" 0000000003\0"]
)
def test_a_size_in_another_spelling_is_refused(field):
    refused(sealed(GOOD[:124] + field + GOOD[136:]), "size")


def test_a_size_beyond_the_limit_is_refused():
    record = b"24 size=100000000000000\n"
    header = encode_header("bag/a", 1 << 33)
    head = sealed(header[:124] + b"%011o" % len(record) + header[135:512])
    refused(head + record.ljust(512, b"\0") + header[1024:], "too large")


def test_after_the_end_there_is_nothing_more():
    reader = TarReader(io.BytesIO(build({})), 10)
    assert reader.next() is None
    assert reader.next() is None
    assert reader.read() == b""
