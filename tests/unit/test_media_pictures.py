"""Pictures are decoded in a child of their own: every kind, turned as they were held, and never larger than is safe."""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

import vault
from vault.confined import process
from vault.errors import FormatError
from vault.media import Inspector, Picture, pictures

ROOT = Path(vault.__file__).parents[1]
PHOTO = (ROOT / "tui" / "samples" / "photo.jpg").read_bytes()
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="proved on Linux only")


def painted(data: bytes, side: int = 64, **more) -> Picture | str:
    with Inspector(**more) as guard:
        return guard.picture(lambda offset, length: data[offset : offset + length], len(data), side)


def file_of(image: Image.Image, kind: str, **more) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def pixel(picture: Picture, x: int, y: int) -> tuple[int, ...]:
    at = 3 * (y * picture.width + x)
    return tuple(picture.rgb[at : at + 3])


def near(left: tuple[int, ...], right: tuple[int, ...]) -> bool:
    return all(abs(a - b) < 24 for a, b in zip(left, right, strict=True))


def png(width: int, height: int, body: bytes = b"") -> bytes:
    """A PNG that claims a size, whatever its pixels are."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF"])
def test_each_kind_is_decoded_smaller_with_its_colours(kind):
    image = Image.new("RGB", (400, 200), (200, 30, 40))
    found = painted(file_of(image, kind))
    assert isinstance(found, Picture)
    assert (found.width, found.height, found.full_width, found.full_height) == (64, 32, 400, 200)
    assert near(pixel(found, 10, 10), (200, 30, 40))


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "RGBA", "CMYK", "I;16", "F"])
def test_each_way_to_hold_colours_becomes_red_green_and_blue(mode):
    kind = {"CMYK": "JPEG", "F": "TIFF"}.get(mode, "PNG")
    found = painted(file_of(Image.new(mode, (20, 10)), kind))
    assert isinstance(found, Picture)
    assert (found.width, found.height) == (20, 10)


def test_what_is_transparent_is_white():
    found = painted(file_of(Image.new("RGBA", (20, 20), (0, 0, 0, 0)), "PNG"))
    assert pixel(found, 5, 5) == (255, 255, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_the_camera_was_held(orientation):
    upright = Image.new("RGB", (60, 40), (255, 255, 255))
    upright.paste((255, 0, 0), (0, 0, 20, 20))
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright.transpose(Image.Transpose(turns[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = painted(file_of(stored, "JPEG", exif=exif, quality=95))
    assert (found.width, found.height, found.full_width, found.full_height) == (60, 40, 60, 40)
    assert near(pixel(found, 5, 5), (255, 0, 0))
    assert near(pixel(found, 55, 35), (255, 255, 255))


def test_a_large_photo_is_decoded_smaller_at_once():
    data = file_of(Image.new("RGB", (12000, 9000), (10, 200, 10)), "JPEG")
    found = painted(data)
    assert (found.width, found.height, found.full_width) == (64, 48, 12000)


@pytest.mark.parametrize(("width", "height"), [(30000, 30000), (65536, 1), (2**31 - 1, 2**31 - 1), (8192, 8193)])
def test_a_picture_that_claims_too_much_is_refused_before_it_is_decoded(width, height):
    assert painted(png(width, height)) == "too-large"


def test_a_small_file_that_swells_beyond_all_memory_is_refused():
    rows = zlib.compress(b"\0" * (1 << 20), 9)
    assert painted(png(8000, 8000, rows)) in ("too-large", "damaged")
    bomb = file_of(Image.new("RGBA", (8000, 8000)), "PNG")
    assert len(bomb) < 1 << 20
    assert painted(bomb) == "too-large"


@pytest.mark.parametrize(
    "data",
    [PHOTO[: len(PHOTO) // 2], PHOTO[:600], png(10, 10), png(0, 10), b"\xff\xd8\xff" + b"\0" * 100, b"BM" + bytes(200)],
    ids=["half", "head", "no pixels", "no width", "lying jpeg", "lying bitmap"],
)
def test_a_picture_that_is_cut_off_or_lies_is_no_picture(data):
    assert painted(data) in ("damaged", "no-kind")


@pytest.mark.parametrize("data", [b"", b"some words", b"%PDF-1.7", b"\0\0\0\x18ftypheic" + bytes(100)])
def test_what_is_no_picture_is_not_decoded(data):
    assert painted(data) == "no-kind"


def test_kinds_that_run_other_programs_or_are_rarely_looked_at_are_not_decoded():
    image = Image.new("RGB", (10, 10))
    for kind in ("EPS", "PPM", "ICO", "PCX", "TGA", "PDF", "JPEG2000"):
        assert painted(file_of(image, kind)) == "no-kind", kind


def test_without_the_decoders_that_is_said(monkeypatch):
    hidden = process._START.replace("import sys;", "import sys; sys.modules['PIL'] = None;")
    monkeypatch.setattr(process, "_START", hidden)
    assert painted(PHOTO) == "no-decoder"


@pytest.mark.parametrize("side", [0, 1025, -1])
def test_a_side_out_of_its_limits_is_a_mistake_of_the_caller(side):
    with pytest.raises(ValueError, match="side"):
        painted(PHOTO, side)


def test_the_callers_own_error_reaches_the_caller():
    class OwnError(Exception):
        pass

    def read(offset, length):
        raise OwnError

    with Inspector() as guard, pytest.raises(OwnError):
        guard.picture(read, 1000, 64)


def test_the_parent_loads_no_decoder():
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from vault import api\nfrom vault.media import Inspector\n"
        f"data = open({str(ROOT / 'tui' / 'samples' / 'photo.jpg')!r}, 'rb').read()\n"
        "with Inspector() as guard: print(guard.picture(lambda o, n: data[o : o + n], len(data), 64).width)\n"
        "print([name for name in sys.modules if name.startswith('PIL')])"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] == ["64", "[]"], done.stderr


ROGUE = """
import os, struct, time
def frame(kind, body): os.write(1, struct.pack(">cI", kind, len(body)) + body)
frame(b"H", b"")
os.read(0, 100)
"""
HEAD = "struct.pack('>HHHH', {}, {}, {}, {})"


@pytest.mark.parametrize(
    "behaviour",
    [
        f"frame(b'T', {HEAD.format(2, 2, 9, 9)} + bytes(11))",
        f"frame(b'T', {HEAD.format(2, 2, 9, 9)} + bytes(13))",
        f"frame(b'T', {HEAD.format(0, 2, 9, 9)})",
        f"frame(b'T', {HEAD.format(65, 1, 9, 9)} + bytes(195))",
        f"frame(b'T', {HEAD.format(1, 1, 0, 9)} + bytes(3))",
        "frame(b'T', b'x')",
        "frame(b'T', bytes(10_000_000))",
        "frame(b'N', b'evil')",
        "frame(b'N', b'damaged' * 9)",
        "frame(b'A', b'{}')",
        "frame(b'R', struct.pack('>QI', 0, 2**31))",
        "time.sleep(600)",
        "os._exit(1)",
    ],
)
def test_no_behaviour_of_a_captured_child_gets_through(monkeypatch, behaviour):
    monkeypatch.setattr(process, "_command", lambda module: [sys.executable, "-I", "-c", ROGUE + behaviour])
    assert painted(PHOTO, wall_seconds=1 if "sleep" in behaviour else 120) == "damaged"


def test_the_encoding_is_the_one_that_is_written_down():
    data = bytes.fromhex("0001 0001 0280 01e0 ff0000")
    found = Picture(1, 1, b"\xff\0\0", 640, 480)
    assert pictures.encode_picture(found) == data
    assert pictures.decode_picture(data, 1) == found
    with pytest.raises(FormatError):
        pictures.decode_picture(data + b"\0", 1)


@LINUX
def test_after_its_imports_the_child_opens_and_writes_nothing(tmp_path, monkeypatch):
    strace, log = shutil.which("strace"), tmp_path / "log"
    if strace is None or subprocess.run([strace, "-o", log, "true"], capture_output=True).returncode:
        pytest.skip("strace is missing or not allowed here")
    real = process._command("vault.media.painter")
    monkeypatch.setattr(process, "_command", lambda module: [strace, "-f", "-o", str(log), *real])
    kill = process.Child.end

    def end(child):
        # The tracer is what would be killed; it ends by itself with the child below it.
        child.process.wait(300)
        kill(child)

    monkeypatch.setattr(process.Child, "end", end)
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF"):
        data = file_of(Image.new("RGB", (400, 200), (9, 9, 9)), kind)
        assert isinstance(painted(data, wall_seconds=60), Picture)
        lines = [line.split(None, 1)[1] for line in log.read_text().splitlines()]
        assert any(line.startswith("openat") for line in lines), "the log shows the imports"
        last = max(place for place, line in enumerate(lines) if line.startswith(("prctl(PR_SET_SECCOMP", "seccomp(")))
        after = lines[last + 1 :]
        assert any(line.startswith("write(1,") for line in after)
        assert not [line for line in after if line.startswith("write(") and not line.startswith("write(1,")]
        asked = [line for line in after if line.startswith(("open", "socket", "connect", "clone", "fork", "execve"))]
        assert all("EPERM" in line for line in asked)
    assert os.listdir(tmp_path) == ["log"]
