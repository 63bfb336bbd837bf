"""What is found in each kind of file, and that no damage or malice does more than `failed`."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.media import Inspector
from vault.media.facts import FAILED

DATA = Path(__file__).parents[2] / "tui" / "samples"
PHOTO = (DATA / "photo.jpg").read_bytes()
PDF = (DATA / "document.pdf").read_bytes()
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.fixture(scope="module")
def guard():
    with Inspector() as inspector:
        yield inspector


@pytest.fixture
def look(guard):
    return lambda data: guard.inspect(lambda offset, length: data[offset : offset + length], len(data))


# --- builders -------------------------------------------------------------------------------------------------------


def tiff(*entries, following=0):
    """A little-endian TIFF with one IFD; an entry is tag, type, count, and the four bytes of its value or offset."""
    body = b"".join(struct.pack("<HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + struct.pack("<I", following)


def jpeg(*segments, tail=b""):
    body = b"".join(b"\xff" + bytes([kind]) + struct.pack(">H", len(data) + 2) + data for kind, data in segments)
    return b"\xff\xd8" + body + b"\xff\xda\0\x02pixels\xff\0more\xff\xd9" + tail


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def film(*parts, brand=b"isom"):
    return box(b"ftyp", brand, bytes(4), brand) + box(b"moov", *parts)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*chunks, tail=b""):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 7, 5, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"") + tail


def riff(form, *chunks):
    body = form + b"".join(k + struct.pack("<I", len(b)) + b + bytes(len(b) % 2) for k, b in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def office(members, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", members.pop("word/document.xml", "<w:document/>"))
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def core(*properties):
    inner = "".join(f"<{name}>{value}</{name.split()[0]}>" for name, value in properties)
    spaces = 'xmlns:cp="c" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="t"'
    return f'<?xml version="1.0"?><cp:coreProperties {spaces}>{inner}</cp:coreProperties>'


def packet(inner):
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}">{inner}</rdf:RDF></x:xmpmeta>'.encode()


HISTORY = packet(
    '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:exif="http://ns.adobe.com/exif/1.0/" xmp:CreatorTool="Tool 9" exif:GPSLatitude="46,13.595N">'
    "<dc:creator><rdf:Seq><rdf:li>Ann</rdf:li><rdf:li>Bo</rdf:li></rdf:Seq></dc:creator></rdf:Description>"
)


# --- what is found --------------------------------------------------------------------------------------------------


def test_a_phone_photo_gives_place_device_author_time_and_preview_as_found(look):
    found = look(PHOTO)
    assert (found.media_type, found.extension, found.failed, found.complete) == ("image/jpeg", "jpg", False, True)
    assert found.discloses == ("location", "device", "author", "time", "preview")
    expected = {
        "exif.gps.latitude": "46 13 357/10",
        "exif.gps.latitude_ref": "N",
        "exif.gps.longitude": "6 8 2513/100",
        "exif.gps.date": "2026:03:14",
        "exif.image.make": "Example Phones",
        "exif.image.model": "EX-7",
        "exif.image.orientation": 1,
        "exif.photo.body_serial_number": "EX7-0000123",
        "exif.photo.date_time_original": "2026:03:14 16:42:07",
        "exif.photo.offset_time_original": "+01:00",
        "exif.photo.exposure_time": "1/250",
        "exif.photo.user_comment": "view from the lake path",
        "image.width": 1440,
        "image.height": 960,
    }
    assert expected == {name: found.facts.get(name) for name in expected}


def test_a_document_gives_author_dates_and_program_as_found(look):
    found = look(PDF)
    assert (found.media_type, found.extension, found.complete) == ("application/pdf", "pdf", True)
    assert found.facts["pdf.info.author"] == "Office of Specimens, Desk 4"
    assert found.facts["pdf.info.creation_date"] == "D:20260315093000+01'00'"
    assert found.discloses == ("author", "time", "history")


def test_all_revisions_of_a_document_are_looked_at_and_the_newest_comes_first(look):
    later = b"90 0 obj\n<</Author (\\376\\377\x4e\x2d) /Title <FEFF0041>>>\nendobj\ntrailer <</Info 90 0 R>>\n%%EOF\n"
    found = look(PDF + later)
    assert found.facts["pdf.info.author"] == "中"
    assert found.facts["pdf.info.author.2"] == "Office of Specimens, Desk 4"
    assert found.facts["pdf.info.title"] == "A"
    assert found.facts["pdf.revisions"] == 2


def test_information_in_a_compressed_object_stream_is_found(look):
    inner = b"7 0 8 3 " + b"<<>" + b"<</Author(Hidden \\(Name\\))>>"
    packed = zlib.compress(inner)
    stream = b"<</Type/ObjStm/N 2/First 8/Filter/FlateDecode/Length %d>>stream\r\n%s\nendstream" % (len(packed), packed)
    found = look(b"%PDF-1.5\n1 0 obj\n" + stream + b"\nendobj\n2 0 obj<</Type/XRef/Info 8 0 R>>endobj\n%%EOF")
    assert found.facts["pdf.info.author"] == "Hidden (Name)"


def test_an_encrypted_document_is_said_to_be_unread(look):
    found = look(PDF.replace(b"trailer\n<<", b"trailer\n<</Encrypt 3 0 R "))
    assert found.facts["pdf.encrypted"] is True
    assert not found.complete and not found.failed


def test_xmp_in_a_document_and_a_photo_inside_it_are_found(look):
    found = look(PDF + HISTORY + b"\nExif\0\0" + PHOTO[PHOTO.index(b"Exif\0\0") + 6 :][:4000] + b"\n%%EOF")
    assert found.facts["xmp.dc.creator"] == "Ann"
    assert found.facts["embedded.image1.exif.gps.latitude_ref"] == "N"
    assert "location" in found.discloses


def test_xmp_iptc_comments_and_what_hangs_behind_a_photo_are_found(look):
    iptc = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", 21)
    iptc += b"\x1c\x02\x50\0\x04Anna" + b"\x1c\x02\x5a\0\x07Example"
    data = jpeg(
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + HISTORY), (0xED, iptc), (0xFE, b"a note"), tail=b"ftypmp42 a film"
    )
    found = look(data)
    assert found.facts["xmp.dc.creator"] == "Ann" and found.facts["xmp.dc.creator.2"] == "Bo"
    assert found.facts["xmp.xmp.creator_tool"] == "Tool 9"
    assert found.facts["xmp.exif.gps_latitude"] == "46,13.595N"
    assert found.facts["iptc.byline"] == "Anna" and found.facts["iptc.city"] == "Example"
    assert found.facts["jpeg.comment"] == "a note"
    assert found.facts["jpeg.trailing_size"] == 15
    assert found.discloses == ("location", "author", "history", "preview")
    assert not found.complete and not found.failed


def test_a_clean_picture_discloses_nothing(look):
    for data in (jpeg((0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")), png(chunk(b"IDAT", b"x"))):
        found = look(data)
        assert (found.discloses, found.complete) == ((), True)


def test_png_texts_time_and_exif_are_found(look):
    found = look(
        png(
            chunk(b"tEXt", b"Author\0Zoe"),
            chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"packed")),
            chunk(b"iTXt", b"Software\0\0\0\0\0" + "程序".encode()),
            chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + HISTORY),
            chunk(b"tIME", struct.pack(">HBBBBB", 2025, 1, 2, 3, 4, 5)),
            chunk(b"eXIf", PHOTO[PHOTO.index(b"Exif\0\0") + 6 :][:4000]),
        )
    )
    assert found.facts["png.text.author"] == "Zoe"
    assert found.facts["png.text.comment"] == "packed"
    assert found.facts["png.text.software"] == "程序"
    assert found.facts["png.time"] == "2025 1 2 3 4 5"
    assert found.facts["xmp.dc.creator"] == "Ann"
    assert found.facts["exif.gps.longitude_ref"] == "E"
    assert (found.facts["image.width"], found.facts["image.height"]) == (7, 5)


def test_webp_exif_and_xmp_are_found(look):
    exif = PHOTO[PHOTO.index(b"Exif\0\0") + 6 :][:4000]
    found = look(
        riff(b"WEBP", (b"VP8X", bytes(4) + b"\x08\0\0\x04\0\0"), (b"EXIF", b"Exif\0\0" + exif), (b"XMP ", HISTORY))
    )
    assert found.media_type == "image/webp"
    assert found.facts["exif.image.model"] == "EX-7"
    assert found.facts["xmp.dc.creator"] == "Ann"
    assert (found.facts["image.width"], found.facts["image.height"]) == (9, 5)


def test_exif_in_tiff_and_heic_is_found(look):
    exif = PHOTO[PHOTO.index(b"Exif\0\0") + 6 :][:4000]
    assert look(exif).media_type == "image/tiff"
    assert look(exif).facts["exif.image.model"] == "EX-7"
    item = b"\0\0\0\x06Exif\0\0" + exif
    infe = box(b"infe", b"\x02\0\0\0", struct.pack(">HH", 1, 0), b"Exif", b"\0")
    head = box(b"ftyp", b"heic", bytes(4), b"mif1heic")

    def meta(offset):
        iloc = box(
            b"iloc", bytes(4), b"\x44\0", struct.pack(">HHHH", 1, 1, 0, 1), struct.pack(">II", offset, len(item))
        )
        iinf = box(b"iinf", bytes(4), struct.pack(">H", 1), infe)
        return box(b"meta", bytes(4), box(b"hdlr", bytes(8), b"pict", bytes(13)), iinf, iloc)

    found = look(head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", item))
    assert (found.media_type, found.failed) == ("image/heic", False)
    assert found.facts["exif.gps.latitude_ref"] == "N"


def test_a_film_gives_time_place_device_and_tracks(look):
    header = box(b"mvhd", struct.pack(">IIIII", 0, 3850000000, 0, 600, 72001), bytes(80))
    place = b"+46.2266+006.1470/"
    user = box(
        b"udta",
        box(b"\xa9xyz", struct.pack(">HH", len(place), 0x15C7), place),
        box(b"auth", struct.pack(">IH", 0, 0x15C7), "作者".encode(), b"\0"),
        box(b"loci", struct.pack(">IH", 0, 0x15C7), b"Lake\0", struct.pack(">Biii", 0, 6 << 16, -(46 << 16), 0)),
        bytes(4),
    )
    names = [b"com.apple.quicktime.make", b"com.apple.quicktime.location.ISO6709", b"com.apple.quicktime.creationdate"]
    values = [b"Example", b"+46.2+006.1/", b"2025-12-31T12:26:40+0800"]
    keys = box(b"keys", bytes(4), struct.pack(">I", 3), *(struct.pack(">I", 8 + len(n)) + b"mdta" + n for n in names))
    items = [box(struct.pack(">I", i + 1), box(b"data", struct.pack(">II", 1, 0), v)) for i, v in enumerate(values)]
    meta = box(b"meta", box(b"hdlr", bytes(8), b"mdta", bytes(13)), keys, box(b"ilst", *items))
    track = box(
        b"trak",
        box(b"tkhd", bytes(76), struct.pack(">II", 1920 << 16, 1080 << 16)),
        box(
            b"mdia",
            box(b"hdlr", bytes(8), b"vide", bytes(13)),
            box(b"minf", box(b"stbl", box(b"stsd", bytes(12), b"avc1"))),
        ),
    )
    found = look(film(header, track, user, meta, brand=b"qt  ") + box(b"mdat", bytes(5000)))
    assert (found.media_type, found.extension, found.failed, found.complete) == ("video/quicktime", "mov", False, True)
    expected = {
        "mp4.created": 3850000000,
        "mp4.created_utc": "2025-12-31T04:26:40Z",
        "mp4.duration": "72001/600",
        "mp4.location": "+46.2266+006.1470/",
        "mp4.location.latitude": f"{-46 << 16}/65536",
        "mp4.location.name": "Lake",
        "mp4.author": "作者",
        "mp4.com.apple.quicktime.make": "Example",
        "mp4.com.apple.quicktime.location.iso6709": "+46.2+006.1/",
        "mp4.track1.kind": "vide",
        "mp4.track1.codec": "avc1",
        "mp4.track1.width": 1920,
    }
    assert expected == {name: found.facts.get(name) for name in expected}
    assert "mp4.modified" not in found.facts
    assert found.discloses == ("location", "device", "author", "time")


def test_a_track_of_positions_is_recognised_without_being_read(look):
    track = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", box(b"stsd", bytes(12), b"gpmd")))))
    found = look(film(track))
    assert found.discloses == ("location",) and not found.complete


def test_only_headers_of_a_large_film_are_read(guard):
    head = film(box(b"mvhd", struct.pack(">IIIII", 0, 1, 1, 1, 1), bytes(80)))
    size = 5 * 2**40
    start = head + struct.pack(">I", 1) + b"mdat" + struct.pack(">Q", size - len(head))
    read = []

    def reader(offset, length):
        read.append(length)
        return start[offset : offset + length].ljust(length, b"\0")

    found = guard.inspect(reader, size)
    assert (found.media_type, found.failed, found.facts["mp4.created"]) == ("video/mp4", False, 1)
    assert sum(read) < 20_000


def test_an_office_document_gives_properties_editors_preview_and_photos(look):
    found = look(
        office(
            {
                "docProps/core.xml": core(
                    ("dc:creator", "李某 &amp; Co"),
                    ("cp:lastModifiedBy", "Bo"),
                    ("dcterms:created", "2025-01-02T03:04:05Z"),
                ),
                "docProps/app.xml": '<Properties xmlns="p"><Company>Firm</Company><Lines>7</Lines></Properties>',
                "docProps/thumbnail.jpeg": b"x",
                "word/document.xml": '<w:p><w:ins w:id="1" w:author="Editor &lt;One&gt;"/></w:p>',
                "word/media/image1.jpg": PHOTO,
            }
        )
    )
    assert (found.media_type, found.extension, found.failed, found.complete) == (DOCX, "docx", False, True)
    expected = {
        "office.core.creator": "李某 & Co",
        "office.core.last_modified_by": "Bo",
        "office.core.created": "2025-01-02T03:04:05Z",
        "office.app.company": "Firm",
        "office.editor": "Editor <One>",
        "embedded.image1.exif.image.model": "EX-7",
    }
    assert expected == {name: found.facts.get(name) for name in expected}
    assert found.discloses == ("location", "device", "author", "time", "preview")


def test_sound_files_give_their_tags(look):
    def counted(data):
        return struct.pack("<I", len(data)) + data

    comments = counted(b"libopus") + struct.pack("<I", 2) + counted(b"ARTIST=Me") + counted("LOCATION=某地".encode())

    def page(body):
        return (
            b"OggS\0\0"
            + bytes(20)
            + bytes([len(body) // 255 + 1])
            + b"\xff" * (len(body) // 255)
            + bytes([len(body) % 255])
            + body
        )

    found = look(page(b"OpusHead" + bytes(11)) + page(b"OpusTags" + comments))
    assert (found.media_type, found.facts["vorbis.location"]) == ("audio/ogg", "某地")
    assert found.discloses == ("location", "author", "history")
    flac = look(b"fLaC\x84" + len(comments).to_bytes(3, "big") + comments)
    assert (flac.media_type, flac.facts["vorbis.artist"]) == ("audio/flac", "Me")
    wav = look(
        riff(
            b"WAVE",
            (b"LIST", b"INFO" + b"IART" + counted(b"Bob\0")),
            (
                b"bext",
                b"talk".ljust(256, b"\0")
                + b"Recorder 5".ljust(32, b"\0")
                + bytes(32)
                + b"2025-01-02"
                + b"03:04:05"
                + bytes(264),
            ),
            (b"data", b"x"),
        )
    )
    assert (wav.media_type, wav.facts["riff.artist"], wav.facts["bext.originator"]) == (
        "audio/wav",
        "Bob",
        "Recorder 5",
    )
    assert wav.facts["bext.origination_date"] == "2025-01-02"
    frame = b"TPE1" + struct.pack(">I", 9) + b"\0\0" + b"\x01" + "\ufeff歌手".encode("utf-16-le") + b"\0\0"
    mp3 = look(b"ID3\x03\0\0\0\0\0" + bytes([len(frame)]) + frame + b"\xff\xfb\x90\0" + bytes(200))
    assert (mp3.media_type, mp3.facts["id3.artist"]) == ("audio/mpeg", "歌手")


@pytest.mark.parametrize("language", ["zh", "ug", "bo", "kk"])
def test_testimonies_are_recognised_as_text(look, language):
    data = (DATA / f"testimony-{language}.txt").read_bytes()
    found = look(data)
    assert (found.media_type, found.extension, found.discloses, found.complete) == ("text/plain", "txt", (), True)
    text = data.decode("utf-8")
    assert found.facts == {
        "text.encoding": "utf-8",
        "text.characters": len(text),
        "text.lines": len(text.splitlines()),
    }


@pytest.mark.parametrize(
    ("data", "media_type", "extension", "complete"),
    [
        (b"", "application/x-empty", "bin", True),
        ("\ufeffa\nb".encode("utf-16-le"), "text/plain", "txt", True),
        ("律师拘留监视居住律师拘留".encode("gbk"), "text/plain", "txt", False),
        (b"<!DOCTYPE html><html></html>", "text/html", "html", False),
        (b"<?xml version='1.0'?>\n<svg xmlns='x'/>", "image/svg+xml", "svg", False),
        (b"#!AMR\n" + bytes(40), "audio/amr", "amr", True),
        (b"BM" + bytes(12) + b"\x28" + bytes(60), "image/bmp", "bmp", True),
        (b"MZ" + bytes(100), "application/x-msdownload", "bin", False),
        (b"\x7fELF" + bytes(100), "application/x-elf", "bin", False),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "application/x-ole-storage", "ole", False),
        (b"7z\xbc\xaf\x27\x1c" + bytes(40), "application/x-7z-compressed", "7z", False),
        (b"SQLite format 3\0" + bytes(100), "application/x-sqlite3", "sqlite", False),
        (b"\x1aE\xdf\xa3" + bytes(30), "video/x-matroska", "mkv", False),
        (b"\0\1\2\3" * 50, "application/octet-stream", "bin", False),
    ],
)
def test_kinds_are_recognised_by_their_bytes(look, data, media_type, extension, complete):
    found = look(data)
    assert (found.media_type, found.extension, found.failed, found.complete) == (media_type, extension, False, complete)


# --- damage and malice ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [0.01, 0.02, 0.1, 0.5, 0.99])
def test_a_truncated_photo_fails_with_its_type_kept(look, part):
    found = look(PHOTO[: int(len(PHOTO) * part)])
    assert (found.media_type, found.failed) == ("image/jpeg", True)


def test_truncated_files_of_other_kinds_never_stop_the_child(look, guard):
    look(b"warm")
    child = guard.process_id
    document = office({"docProps/core.xml": core(("dc:creator", "x"))})
    for whole in (PDF, document, png(chunk(b"tEXt", b"Author\0Zoe")), film(box(b"mvhd", bytes(100)))):
        for size in range(0, len(whole), max(1, len(whole) // 40)):
            look(whole[:size])
    assert guard.process_id == child


@settings(max_examples=150, deadline=None)
@given(
    base=st.sampled_from([PHOTO[:4000] + PHOTO[-200:], PDF, office({"docProps/core.xml": core(("dc:creator", "x"))})]),
    changes=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=12),
)
def test_changed_bytes_never_stop_the_child(guard, base, changes):
    data = bytearray(base)
    for at, octet in changes:
        data[at % len(data)] = octet
    whole = bytes(data)
    guard.inspect(lambda offset, length: b"warm"[offset : offset + length], 4)
    child = guard.process_id
    found = guard.inspect(lambda offset, length: whole[offset : offset + length], len(whole))
    assert found.media_type
    assert guard.process_id == child


@settings(max_examples=100, deadline=None)
@given(
    mark=st.sampled_from(
        [
            b"\xff\xd8\xff",
            b"\x89PNG\r\n\x1a\n",
            b"II*\0",
            b"%PDF-1.7",
            b"PK\3\4",
            b"RIFF\0\0\0\0WEBP",
            b"RIFF\0\0\0\0WAVE",
            b"OggS",
            b"fLaC",
            b"ID3\3",
            b"\0\0\0\x10ftypqt  ",
            b"\0\0\0\x10ftypheic",
            b"GIF89a",
            b"",
        ]
    ),
    rest=st.binary(max_size=600),
)
def test_random_bytes_behind_every_mark_never_stop_the_child(guard, mark, rest):
    data = mark + rest
    guard.inspect(lambda offset, length: b"warm"[offset : offset + length], 4)
    child = guard.process_id
    guard.inspect(lambda offset, length: data[offset : offset + length], len(data))
    assert guard.process_id == child


def test_boxes_that_lie_about_their_size_or_nest_without_end_are_left(look):
    deep = b""
    for _ in range(2000):
        deep = box(b"moov", deep)
    head = box(b"ftyp", b"isom", bytes(4))
    found = look(head + deep)
    assert not found.complete and not found.failed
    inner = box(b"mvhd", struct.pack(">IIIII", 0, 9, 0, 1, 1), bytes(80))
    assert look(head + bytes(4) + b"moov" + inner).facts["mp4.created"] == 9
    for size in (2, 7, 2**31):
        assert look(head + struct.pack(">I", size) + b"moov" + bytes(64)).failed
    assert look(head + struct.pack(">I", 1) + b"moov" + struct.pack(">Q", 2**63) + bytes(64)).failed
    assert look(head + struct.pack(">I", 1) + b"moov" + bytes(8) + bytes(64)).failed
    assert not look(head + box(b"free") * 30_000).complete


def test_an_office_bomb_is_not_unpacked(look, guard):
    look(b"warm")
    child = guard.process_id
    bomb = office(
        {"docProps/core.xml": bytes(300 * 1024 * 1024), "docProps/app.xml": '<P xmlns="p"><Company>Firm</Company></P>'}
    )
    assert len(bomb) < 400_000
    found = look(bomb)
    assert found.facts["office.app.company"] == "Firm"
    assert "office.core.creator" not in found.facts
    assert not found.complete
    assert guard.process_id == child


def test_entities_are_never_expanded(look):
    declared = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    bomb = declared + '<x xmlns:dc="d"><dc:creator>&b;</dc:creator></x>'
    for data in (bomb.encode(), bomb.encode("utf-16")):
        found = look(office({"docProps/core.xml": data}))
        assert found.failed
        assert not any("creator" in name for name in found.facts)


def test_png_text_bombs_are_cut(look):
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 10**8))
    found = look(png(bomb, chunk(b"tEXt", b"Author\0Zoe")))
    assert found.facts["inspection.unread"] is True
    assert found.facts["png.text.author"] == "Zoe"
    assert not found.failed


@pytest.mark.parametrize("tag", [0x8769, 0x8825, 0x014A, 0xA005])
def test_directories_that_point_to_themselves_end(look, guard, tag):
    look(b"warm")
    child = guard.process_id
    looped = tiff((0x0110, 2, 4, b"EX7\0"), (tag, 4, 1, struct.pack("<I", 8)), following=8)
    for data in (looped, jpeg((0xE1, b"Exif\0\0" + looped))):
        look(data)
    assert guard.process_id == child


def test_a_chain_of_directories_without_end_is_stopped_by_the_clock():
    entry = struct.pack("<HHII", 0x0100, 3, 999, 8)
    directory = struct.pack("<H", 65535) + entry * 65535
    data = b"II*\0\x08\0\0\0" + directory + bytes(4)
    with Inspector(wall_seconds=1.5) as guard:
        assert guard.inspect(lambda offset, length: data[offset : offset + length], len(data)) == FAILED
    with Inspector() as guard:
        assert (
            guard.inspect(lambda offset, length: PHOTO[offset : offset + length], len(PHOTO)).media_type == "image/jpeg"
        )


def test_a_file_full_of_metadata_is_cut_at_the_limits(look):
    found = look(png(*(chunk(b"tEXt", b"Key%d\0" % number + b"\x01" * 900) for number in range(3000))))
    assert len(found.facts) <= 200
    assert found.facts["inspection.cut"] is True
