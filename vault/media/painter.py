"""The keyless child that decodes one foreign picture into a small one, and ends.

A process of its own for each picture: decoders are the largest body of foreign code that ever sees foreign bytes, and
what takes one over can change nothing but the picture it was given. Only `Pillow` decodes, and only the kinds below.

Spec: docs/formats/media-facts.md, "Pictures"
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final

from vault.media import wire
from vault.media.pictures import CLAIMED_SIDE, DAMAGED, NO_DECODER, NO_KIND, PIXELS, TOO_LARGE, Picture, encode_picture
from vault.media.serving import Reading, serve
from vault.media.source import LimitError, Source

if TYPE_CHECKING:
    from PIL.Image import Image as Decoded

_KINDS: Final = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF")
_ORIENTATION: Final = 0x0112
_TURNS: Final[dict[object, str]] = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_ON_ITS_SIDE: Final = ("TRANSPOSE", "ROTATE_270", "TRANSVERSE", "ROTATE_90")
_SMOOTH: Final = ("L", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "LA", "La", "RGBa")
_WHITE: Final = (255, 255, 255, 255)


class _NoPictureError(Exception):
    """There is no picture; the word says why."""


def main() -> None:
    """Serve one picture on descriptors 0 and 1."""
    serve(wire.PICTURE, wire.PICTURE_SIZE, _answer, prepare=_prepare, once=True)


def _prepare() -> None:
    """Import everything now: later no file can be opened any more."""
    warnings.simplefilter("ignore")
    try:
        from PIL import (  # noqa: F401 - plugins that others import on first use
            AvifImagePlugin,
            BmpImagePlugin,
            GifImagePlugin,
            Image,
            ImageMath,
            ImageSequence,
            JpegImagePlugin,
            MpoImagePlugin,
            PngImagePlugin,
            TiffImagePlugin,
            WebPImagePlugin,
        )
    except ImportError:
        return
    # It would otherwise ask for more processors, and for threads that this process may not start.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    Image.MAX_IMAGE_PIXELS = None  # `_open` has a limit of its own


def _answer(read: Reading, body: bytes) -> tuple[bytes, bytes]:
    size, side = wire.unpack_picture(body)
    try:
        return wire.PAINTED, encode_picture(_paint(Source(read, size), side))
    except _NoPictureError as error:
        word = str(error)
    except (LimitError, MemoryError):
        word = TOO_LARGE
    except Exception:  # noqa: BLE001 - decoders of foreign bytes may raise anything
        word = DAMAGED
    return wire.NOT_PAINTED, word.encode("ascii")


def _paint(source: Source, side: int) -> Picture:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise _NoPictureError(NO_DECODER) from None
    try:
        image: Decoded = Image.open(source.open(), formats=_KINDS)
    except UnidentifiedImageError:
        raise _NoPictureError(NO_KIND) from None
    width, height = image.size
    if max(width, height) > CLAIMED_SIDE:
        raise _NoPictureError(TOO_LARGE)
    # A JPEG can be decoded at an eighth of its size; other kinds are decoded whole.
    image.draft("RGB", (side, side))
    if image.size[0] * image.size[1] > PIXELS:
        raise _NoPictureError(TOO_LARGE)
    image.thumbnail((side, side), Image.Resampling.BICUBIC if image.mode in _SMOOTH else Image.Resampling.NEAREST)
    small, turn = _plain(image), _TURNS.get(_orientation(image))
    if turn is not None:
        small = small.transpose(Image.Transpose[turn])
    full = (height, width) if turn in _ON_ITS_SIDE else (width, height)
    return Picture(*small.size, small.tobytes(), *full)


def _orientation(image: Decoded) -> object:
    """Return what the file says of how it was held; a picture is shown even where that cannot be read."""
    try:
        return image.getexif().get(_ORIENTATION)
    except Exception:  # noqa: BLE001 - as in `_answer`
        return None


def _plain(image: Decoded) -> Decoded:
    """Return a small picture as red, green and blue, on white where it is transparent."""
    from PIL import Image

    if image.mode.startswith("I;16") or image.mode == "I":
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    if "A" in image.getbands() or "transparency" in image.info:
        above = image.convert("RGBA")
        below = Image.new("RGBA", above.size, _WHITE)
        below.alpha_composite(above)
        image = below
    return image.convert("RGB")
