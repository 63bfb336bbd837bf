"""Making a part of a small picture fit a part of the screen: only numbers, nothing is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vault import api

SHADES: Final = " .:-=+*#%@"
"""From dark to bright, for terminals without colours; plain signs, because every font has them."""
CLOSEST: Final = 2.0
"""Pixels of the screen for one of the picture, at most."""


@dataclass(frozen=True, slots=True)
class Window:
    """What is seen of a picture, and how large it is drawn; all in pixels.

    Attributes:
        left: Of the part that is seen.
        top: The same.
        width: The same.
        height: The same.
        drawn_width: On the screen.
        drawn_height: The same.
    """

    left: int
    top: int
    width: int
    height: int
    drawn_width: int
    drawn_height: int


def window(
    picture: api.looking.Picture, columns: int, rows: int, zoom: float = 1.0, middle: tuple[float, float] = (0.5, 0.5)
) -> Window:
    """Return what is seen of a picture in a part of the screen; its shape is kept.

    Args:
        picture: The picture.
        columns: Pixels there are on the screen.
        rows: The same.
        zoom: 1: the whole picture, never larger than it is.
        middle: What is in the middle, as parts of the picture's width and height.
    """
    scale = min(1.0, columns / picture.width, rows / picture.height) * zoom
    width = max(1, min(picture.width, int(columns / scale)))
    height = max(1, min(picture.height, int(rows / scale)))
    left = max(0, min(picture.width - width, int(middle[0] * picture.width - width / 2)))
    top = max(0, min(picture.height - height, int(middle[1] * picture.height - height / 2)))
    drawn = min(columns, max(1, round(width * scale))), min(rows, max(1, round(height * scale)))
    return Window(left, top, width, height, *drawn)


def most_zoom(picture: api.looking.Picture, columns: int, rows: int) -> float:
    """Return how far one can go into a picture, at least 1."""
    return max(1.0, CLOSEST / min(1.0, columns / picture.width, rows / picture.height))


def drawn(picture: api.looking.Picture, seen: Window) -> list[list[tuple[int, int, int]]]:
    """Return the rows of pixels of a window, each the mean of those that it stands for."""
    columns = [_span(x, seen.drawn_width, seen.width, seen.left) for x in range(seen.drawn_width)]
    rows = []
    for y in range(seen.drawn_height):
        first, end = _span(y, seen.drawn_height, seen.height, seen.top)
        lines = [picture.rgb[3 * picture.width * line : 3 * picture.width * (line + 1)] for line in range(first, end)]
        row = []
        for left, right in columns:
            count = (right - left) * len(lines)
            red, green, blue = (
                sum(sum(line[3 * left + part : 3 * right : 3]) for line in lines) // count for part in range(3)
            )
            row.append((red, green, blue))
        rows.append(row)
    return rows


def _span(place: int, places: int, length: int, start: int) -> tuple[int, int]:
    """Return first and end of what one of `places` stands for, at least one."""
    first = place * length // places
    return start + first, start + max((place + 1) * length // places, first + 1)


def shade(pixels: list[tuple[int, int, int]]) -> str:
    """Return the sign that is as bright as the mean of some pixels."""
    light = sum(299 * red + 587 * green + 114 * blue for red, green, blue in pixels) / (1000 * len(pixels))
    return SHADES[min(len(SHADES) - 1, int(light * len(SHADES) / 256))]
