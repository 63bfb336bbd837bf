"""Places that files carry are said in degrees beside what the file says, and only where that is certain."""

from __future__ import annotations

import pytest

from tui import i18n, places
from tui.telling import told
from vault import api

PHOTO = {
    "exif.gps.latitude": "46 13 357/10",
    "exif.gps.latitude_ref": "N",
    "exif.gps.longitude": "6 8 2513/100",
    "exif.gps.longitude_ref": "W",
    "exif.gps.altitude": "2001/4",
    "exif.gps.date": "2026:03:14",
}


def test_a_photo_says_its_place_in_degrees_and_as_it_stands_in_it():
    lines = places.lines(PHOTO)
    assert lines[0] == "exif.gps.latitude: 46 13 357/10 (46.22658° N)"
    assert lines[2] == "exif.gps.longitude: 6 8 2513/100 (6.14031° W)"
    assert lines[4] == "exif.gps.altitude: 2001/4 (500 m)"
    assert [lines[1], lines[3], lines[5]] == [
        "exif.gps.latitude_ref: N", "exif.gps.longitude_ref: W", "exif.gps.date: 2026:03:14",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "more", "said"),
    [
        ("exif.gps.latitude", "46 13 357/10", {}, "46.22658°, north or south not said"),
        ("exif.gps.longitude", "6 8 0", {}, "6.13333°, east or west not said"),
        ("exif.gps.latitude", "0 0 0", {"exif.gps.latitude_ref": "S"}, "0.00000° S"),
        ("embedded.image1.exif.gps.latitude", "43 5", {"embedded.image1.exif.gps.latitude_ref": "S"}, "43.08333° S"),
        ("exif.gps.latitude", "43", {"exif.gps.latitude_ref": "s\0"}, "43.00000° S"),
        ("xmp.exif.gps_latitude", "46,13.595N", {}, "46.22658° N"),
        ("xmp.exif.gps_longitude", "6,8,25.13E", {}, "6.14031° E"),
        ("mp4.location", "+46.2266+006.1470/", {}, "46.22660° N, 6.14700° E"),
        ("mp4.com.apple.quicktime.location.iso6709", "-46.2+006.1+0371.5/", {}, "46.20000° S, 6.10000° E"),
        ("mp4.location.latitude", f"{-46 << 16}/65536", {}, "46.00000° S"),
        ("exif.gps.altitude", "12", {"exif.gps.altitude_ref": 1}, "12 m below sea level"),
        # Nothing is guessed.
        ("exif.gps.latitude", "91", {"exif.gps.latitude_ref": "N"}, ""),
        ("exif.gps.latitude", "1/0", {"exif.gps.latitude_ref": "N"}, ""),
        ("exif.gps.latitude", "north of here", {}, ""),
        ("exif.gps.latitude_ref", "N", {}, ""),
        ("xmp.exif.gps_latitude", "46,13.595X", {}, ""),
        ("image.width", 1440, {}, ""),
        ("exif.gps.latitude", True, {}, ""),
        ("exif.gps.latitude", "9" * 400, {}, ""),
    ],
)
def test_each_way_of_writing_a_place_is_read_and_what_is_not_certain_is_left(name, value, more, said):
    assert places.readable(name, {name: value, **more}) == said


def test_it_stands_wherever_facts_are_told():
    field = api.schemas()["attachment"].field("facts")
    assert "(46.22658° N)" in told(field, PHOTO)
    i18n.use("zh-Hans")
    try:
        assert places.readable("exif.gps.altitude", PHOTO) == "500 米"
    finally:
        i18n.use("en")
