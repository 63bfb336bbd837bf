"""age files as a whole: streams, sizes, refusals."""

from __future__ import annotations

import io
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.crypto.kdf import hkdf_sha256
from vault.errors import (
    FormatError,
    IntegrityError,
    NotForUsError,
    RefusedError,
    TruncatedError,
    UnlockError,
    VaultError,
)
from vault.formats import age_header
from vault.formats.age import (
    AgeReader,
    AgeWriter,
    HybridIdentity,
    ScryptRecipient,
    X25519Identity,
    ciphertext_size,
    decrypt_bytes,
    encrypt_bytes,
    header_size,
    parse_identity,
)
from vault.formats.age_armor import ArmorReader
from vault.formats.age_header import Stanza
from vault.formats.age_source import Source
from vault.formats.age_stream import CHUNK_SIZE, ChunkReader, ChunkWriter, payload_key
from vault.model import Secret

PROFILE = Path(__file__).parents[2] / "docs" / "formats" / "age-profile.md"
X25519 = X25519Identity.generate()
HYBRID = HybridIdentity.generate()
SIZES = [0, 1, 15, 16, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE, 2 * CHUNK_SIZE + 1, 17 * CHUNK_SIZE]
PATTERN = bytes(range(251)) * (18 * CHUNK_SIZE // 251 + 1)


class Trickle:
    """A raw stream that gives and takes less than asked for, as pipes do."""

    def __init__(self, data: bytes = b"", step: int = 1000) -> None:
        self.data = bytearray(data)
        self.step = step

    def read(self, size: int = -1, /) -> bytes:
        part = bytes(self.data[: min(size, self.step)])
        del self.data[: len(part)]
        return part

    def write(self, data, /) -> int:
        self.data += data[: self.step]
        return min(len(data), self.step)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("identity", [X25519, HYBRID], ids=["x25519", "hybrid"])
def test_what_was_encrypted_comes_back_and_has_the_size_said_before(identity, size):
    data = PATTERN[:size]
    file = encrypt_bytes(data, [identity.recipient])
    assert len(file) == header_size([identity.recipient]) + ciphertext_size(size)
    assert decrypt_bytes(file, identities=[identity]) == data
    assert decrypt_bytes(encrypt_bytes(data, [identity.recipient], armor=True), identities=[identity]) == data


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 1000, 65535, 65536, 65537, 200_000]), max_size=5), st.integers(1, 200_000))
def test_the_sizes_of_writes_and_reads_do_not_matter(sizes, ask):
    out = io.BytesIO()
    writer = AgeWriter(out, [X25519.recipient])
    pieces = [PATTERN[:size] for size in sizes]
    for piece in pieces:
        assert writer.write(memoryview(piece)) == len(piece)
    writer.finish()
    reader = AgeReader(io.BytesIO(out.getvalue()), identities=[X25519])
    read = list(iter(lambda: reader.read(ask), b""))
    assert b"".join(read) == b"".join(pieces)
    assert all(len(part) == ask for part in read[:-1])


def test_streams_that_take_and_give_a_little_at_a_time():
    data = PATTERN[: 3 * CHUNK_SIZE + 5]
    out = Trickle(step=777)
    writer = AgeWriter(out, [HYBRID.recipient])
    writer.write(data)
    writer.finish()
    assert AgeReader(Trickle(bytes(out.data)), identities=[HYBRID]).read() == data
    armored = encrypt_bytes(data, [HYBRID.recipient], armor=True)
    assert AgeReader(Trickle(armored), identities=[HYBRID]).read() == data


def test_a_reader_is_a_raw_stream_for_the_standard_library():
    data = PATTERN[: 3 * CHUNK_SIZE + 5]
    file = encrypt_bytes(data, [X25519.recipient])
    assert io.BufferedReader(AgeReader(io.BytesIO(file), identities=[X25519])).read() == data
    target = bytearray(100_000)
    reader = AgeReader(io.BytesIO(file), identities=[X25519])
    got = b""
    while size := reader.readinto(target):
        got += target[:size]
    assert got == data
    assert reader.readinto(target) == 0
    assert reader.read(0) == reader.read(5) == reader.read() == b""
    reader.close()
    with pytest.raises(ValueError):
        reader.read(1)


def test_a_tar_stream_is_read_through_it():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo("name")
        member.size = 200_000
        tar.addfile(member, io.BytesIO(PATTERN))
    reader = AgeReader(io.BytesIO(encrypt_bytes(packed.getvalue(), [X25519.recipient])), identities=[X25519])
    with tarfile.open(fileobj=reader, mode="r|") as tar:
        member = tar.next()
        assert tar.extractfile(member).read() == PATTERN[:200_000]


def test_a_file_is_read_from_where_the_source_stands_and_can_be_read_again():
    file = encrypt_bytes(b"evidence", [X25519.recipient])
    source = io.BytesIO(b"before" + file)
    for _ in range(2):
        source.seek(6)
        assert AgeReader(source, identities=[X25519]).read() == b"evidence"
    assert not source.closed


def test_memory_stays_bounded(tmp_path):
    path = tmp_path / "large.age"
    block = bytes(1 << 20)
    tracemalloc.start()
    try:
        with path.open("wb") as out:
            writer = AgeWriter(out, [X25519.recipient])
            for _ in range(32):
                writer.write(block)
            writer.finish()
        with path.open("rb") as source:
            reader = AgeReader(source, identities=[X25519])
            assert sum(len(part) for part in iter(lambda: reader.read(1 << 20), b"")) == 32 << 20
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("identity", [X25519, HYBRID], ids=["x25519", "hybrid"])
def test_every_truncation_is_refused(identity):
    for armor in (False, True):
        file = encrypt_bytes(b"evidence" * 5, [identity.recipient], armor=armor)
        whole = len(file.rstrip())
        for size in range(whole):
            with pytest.raises((FormatError, IntegrityError)):
                decrypt_bytes(file[:size], identities=[identity])


@pytest.mark.parametrize("identity", [X25519, HYBRID], ids=["x25519", "hybrid"])
@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
def test_every_flipped_byte_is_refused(identity, mask):
    file = encrypt_bytes(b"evidence" * 5, [identity.recipient])
    for at in range(len(file)):
        altered = bytearray(file)
        altered[at] ^= mask
        with pytest.raises((FormatError, IntegrityError, NotForUsError)):
            decrypt_bytes(altered, identities=[identity])


def test_cuts_and_flips_at_the_borders_of_chunks_are_refused():
    data = PATTERN[: 17 * CHUNK_SIZE + 100]
    file = encrypt_bytes(data, [X25519.recipient])
    start = header_size([X25519.recipient]) + 16
    for chunk in (0, 1, 15, 16, 17):
        border = start + chunk * (CHUNK_SIZE + 16)
        for at in (border - 1, border, border + 1):
            with pytest.raises(VaultError):
                decrypt_bytes(file[:at], identities=[X25519])
            altered = bytearray(file)
            altered[at] ^= 1
            reader = AgeReader(io.BytesIO(altered), identities=[X25519]) if at >= start else None
            if reader is None:
                with pytest.raises(IntegrityError):
                    decrypt_bytes(altered, identities=[X25519])
                continue
            # What came before the altered chunk is given out, nothing of it or after it, and the error stays.
            good = (at - start) // (CHUNK_SIZE + 16) * CHUNK_SIZE
            read = b""
            with pytest.raises(IntegrityError):
                while part := reader.read(100_000):
                    read += part
            assert read == data[:good]
            for again in (reader.read, reader.readall):
                with pytest.raises(IntegrityError):
                    again()


def test_swapped_dropped_and_repeated_chunks_are_refused():
    key = payload_key(bytes(16), bytes(16))
    out = io.BytesIO()
    writer = ChunkWriter(out, key)
    writer.write(PATTERN[: 3 * CHUNK_SIZE])
    writer.finish()
    sealed = out.getvalue()
    one, two, three = (sealed[i : i + CHUNK_SIZE + 16] for i in range(0, len(sealed), CHUNK_SIZE + 16))
    for parts in [
        (two, one, three),
        (one, three),
        (one, two, two, three),
        (one, two),
        (one, two, three, three),
        (three,),
    ]:
        reader = ChunkReader(Source(io.BytesIO(b"".join(parts))), key)
        with pytest.raises(TruncatedError if parts == (one, two) else IntegrityError):
            while reader.next_chunk():
                pass


def test_an_empty_last_chunk_is_refused_unless_it_is_the_only_one():
    key = payload_key(bytes(16), bytes(16))
    out = io.BytesIO()
    writer = ChunkWriter(out, key)
    writer.write(PATTERN[: 2 * CHUNK_SIZE])
    writer.finish()
    empty = io.BytesIO()
    last = ChunkWriter(empty, key)
    last._counter = 1
    last.finish()
    reader = ChunkReader(Source(io.BytesIO(out.getvalue()[: CHUNK_SIZE + 16] + empty.getvalue())), key)
    assert reader.next_chunk() == PATTERN[:CHUNK_SIZE]
    with pytest.raises(FormatError, match="empty"):
        reader.next_chunk()


@pytest.mark.parametrize("size", [0, 5, CHUNK_SIZE, 16 * CHUNK_SIZE])
@pytest.mark.parametrize("extra", [b"\0", b"\n", bytes(CHUNK_SIZE + 16)])
def test_anything_behind_the_end_is_refused(size, extra):
    file = encrypt_bytes(PATTERN[:size], [X25519.recipient])
    with pytest.raises(IntegrityError):
        decrypt_bytes(file + extra, identities=[X25519])


@given(st.binary(max_size=400))
def test_garbage_raises_only_our_error(garbage):
    for data in (garbage, b"age-encryption.org/v1\n" + garbage, b"-----BEGIN AGE ENCRYPTED FILE-----\n" + garbage):
        with pytest.raises((FormatError, NotForUsError, RefusedError)):
            decrypt_bytes(data, identities=[X25519, HYBRID], passphrase=Secret(b"x"), max_work_factor=1)


def test_a_file_for_somebody_else_is_told_apart_from_a_damaged_one():
    file = encrypt_bytes(b"evidence", [X25519.recipient])
    for identities in ([], [HYBRID], [X25519Identity.generate()]):
        with pytest.raises(NotForUsError):
            decrypt_bytes(file, identities=identities)
    with pytest.raises(NotForUsError, match="not protected by a passphrase"):
        decrypt_bytes(file, passphrase=Secret(b"x"))


def test_any_of_several_recipients_opens_it():
    others = [X25519Identity.generate() for _ in range(3)]
    file = encrypt_bytes(b"evidence", [identity.recipient for identity in (*others, X25519)])
    for identity in (*others, X25519):
        assert decrypt_bytes(file, identities=[HYBRID, identity]) == b"evidence"


def test_unknown_stanzas_are_ignored_but_authenticated():
    out = io.BytesIO()
    key, nonce = bytes(range(16)), bytes(16)
    stanzas = (Stanza(("x-grease", "?"), b"anything"), HYBRID.recipient.wrap(key), Stanza(("ssh-ed25519", "A"), b""))
    header = age_header.make(stanzas, key).encode()
    out.write(header + nonce)
    writer = ChunkWriter(out, payload_key(key, nonce))
    writer.write(b"evidence")
    writer.finish()
    assert decrypt_bytes(out.getvalue(), identities=[HYBRID]) == b"evidence"
    with pytest.raises(IntegrityError, match="authentication code"):
        decrypt_bytes(out.getvalue().replace(b"x-grease", b"y-grease"), identities=[HYBRID])


def test_recipients_that_must_not_be_mixed_are_refused():
    passphrase = ScryptRecipient(Secret(b"x"), 16)
    for recipients in (
        [X25519.recipient, HYBRID.recipient],
        [X25519.recipient, passphrase],
        [passphrase, passphrase],
        [X25519.recipient] * 65,
        [HYBRID.recipient] * 43,
    ):
        with pytest.raises(RefusedError):
            AgeWriter(io.BytesIO(), recipients)
    with pytest.raises(ValueError):
        AgeWriter(io.BytesIO(), [])


def test_the_largest_number_of_recipients_is_written_and_read():
    for identity, count in ((X25519, 64), (HYBRID, 42)):
        file = encrypt_bytes(b"evidence", [identity.recipient] * count)
        assert len(file) == header_size([identity.recipient] * count) + ciphertext_size(8)
        assert decrypt_bytes(file, identities=[identity]) == b"evidence"


def test_a_passphrase_file_opens_with_its_passphrase_only_when_one_is_given():
    recipient = ScryptRecipient(Secret("维吾尔 passphrase".encode()), 16)
    file = encrypt_bytes(b"evidence", [recipient])
    assert len(file) == header_size([recipient]) + ciphertext_size(8)
    assert decrypt_bytes(file, passphrase=Secret("维吾尔 passphrase".encode())) == b"evidence"
    with pytest.raises(UnlockError):
        decrypt_bytes(file, passphrase=Secret(b"another"))
    with pytest.raises(RefusedError, match="none was given"):
        decrypt_bytes(file, identities=[X25519])
    with pytest.raises(RefusedError, match="more time and memory"):
        decrypt_bytes(file, passphrase=Secret("维吾尔 passphrase".encode()), max_work_factor=15)


def test_a_passphrase_stanza_beside_another_is_refused():
    scrypt = Stanza(("scrypt", "A" * 22, "10"), bytes(32))
    for stanzas in ((scrypt, scrypt), (X25519.recipient.wrap(bytes(16)), scrypt), (Stanza(("x",), b""), scrypt)):
        header = age_header.make(stanzas, bytes(16)).encode()
        with pytest.raises(FormatError, match="beside other recipients"):
            decrypt_bytes(header + bytes(32), identities=[X25519], passphrase=Secret(b"x"))


def test_a_finished_writer_takes_no_more():
    out = io.BytesIO()
    writer = AgeWriter(out, [X25519.recipient])
    writer.finish()
    for call in (writer.finish, lambda: writer.write(b"x")):
        with pytest.raises(ValueError):
            call()
    assert decrypt_bytes(out.getvalue(), identities=[X25519]) == b""


def test_an_unfinished_file_is_refused():
    out = io.BytesIO()
    writer = AgeWriter(out, [X25519.recipient])
    writer.write(PATTERN[: 2 * CHUNK_SIZE])
    with pytest.raises(TruncatedError):
        decrypt_bytes(out.getvalue(), identities=[X25519])


def test_a_writer_whose_sink_failed_takes_no_more(tmp_path):
    class Full(io.BytesIO):
        def write(self, data, /):
            if len(data) > CHUNK_SIZE:
                raise OSError(28, "no space")
            return super().write(data)

    writer = AgeWriter(Full(), [X25519.recipient])
    with pytest.raises(OSError, match="no space"):
        writer.write(PATTERN[: 2 * CHUNK_SIZE])
    for call in (writer.finish, lambda: writer.write(b"x")):
        with pytest.raises(ValueError):
            call()


def test_an_error_of_the_source_passes_through_and_stays():
    file = encrypt_bytes(PATTERN[: 4 * CHUNK_SIZE], [X25519.recipient])

    class Failing(Trickle):
        def read(self, size: int = -1, /) -> bytes:
            if len(self.data) < CHUNK_SIZE:
                raise OSError(5, "input/output error")
            return super().read(size)

    reader = AgeReader(Failing(file), identities=[X25519])
    for _ in range(2):
        with pytest.raises(OSError, match="input/output"):
            reader.read()


def test_two_files_of_one_text_share_nothing_but_constants():
    one, two = (encrypt_bytes(bytes(1000), [X25519.recipient]) for _ in range(2))
    fixed = b"age-encryption.org/v1\n-> X25519 "
    assert one.startswith(fixed)
    assert two.startswith(fixed)
    runs = {one[i : i + 16] for i in range(len(fixed), len(one) - 15)}
    assert not any(two[i : i + 16] in runs for i in range(len(fixed), len(two) - 15))


def test_the_worked_example_of_the_profile_is_true():
    text = PROFILE.read_text("utf-8")
    armor = text[text.rindex("-----BEGIN") : text.rindex("-----END")] + "-----END AGE ENCRYPTED FILE-----"
    identity = parse_identity("AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX")
    file = ArmorReader(io.BytesIO(), armor.encode()).read(1000)
    assert (
        decrypt_bytes(armor.encode(), identities=[identity])
        == decrypt_bytes(file, identities=[identity])
        == b"evidence\n"
    )
    header, size = age_header.parse(file)
    assert (len(file), size) == (209, 168)
    assert file[:size].decode() in text
    assert identity.recipient.text in text
    file_key = identity.unwrap(header.stanzas[0])
    nonce = file[size : size + 16]
    mac_key = hkdf_sha256(file_key, b"", b"header")
    for value in (file_key, mac_key, nonce, payload_key(file_key, nonce), file[size + 16 :]):
        assert value.hex() in text
    for recipient in (X25519.recipient, HYBRID.recipient, ScryptRecipient(Secret(b"x"), 18)):
        assert f"| {recipient.stanza_size} |" in text


def test_a_last_chunk_that_was_altered_is_not_called_cut_off():
    """Where only certain lengths can be whole: the length counts with the chunks before."""
    total = 3 * CHUNK_SIZE + 100
    whole = encrypt_bytes(PATTERN[:total], [X25519.recipient])

    def error(data):
        with pytest.raises(VaultError) as caught:
            AgeReader(io.BytesIO(data), identities=[X25519], may_end=lambda size: size == total).read()
        return type(caught.value)

    assert error(whole[:-1] + bytes([whole[-1] ^ 1])) is IntegrityError
    assert error(whole[:-1]) is TruncatedError


def test_an_error_at_the_beginning_is_not_taken_for_the_end():
    altered = bytearray(encrypt_bytes(PATTERN[:100], [X25519.recipient]))
    altered[-1] ^= 1
    with pytest.raises(IntegrityError):
        AgeReader(io.BytesIO(altered), identities=[X25519]).readinto(bytearray(50))
