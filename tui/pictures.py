"""Making a small picture fit a part of the screen: only numbers, nothing is decoded."""

from __future__ import annotations

from vault import api

SHADES = " .:-=+*#%@"
"""From dark to bright, for terminals without colours; plain signs, because every font has them."""


def fitting(width: int, height: int, most_width: int, most_height: int) -> tuple[int, int]:
    """Return the largest size of the same shape that fits, never larger than it is."""
    scale = min(1.0, most_width / width, most_height / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def shrunk(picture: api.looking.Picture, width: int, height: int) -> list[list[tuple[int, int, int]]]:
    """Return rows of pixels of a smaller size, each the mean of those that it stands for."""
    columns = [(x * picture.width // width, max((x + 1) * picture.width // width, x * picture.width // width + 1))
               for x in range(width)]  # fmt: skip
    rows = []
    for y in range(height):
        top = y * picture.height // height
        bottom = max((y + 1) * picture.height // height, top + 1)
        lines = [picture.rgb[3 * picture.width * line : 3 * picture.width * (line + 1)] for line in range(top, bottom)]
        row = []
        for left, right in columns:
            count = (right - left) * len(lines)
            red, green, blue = (
                sum(sum(line[3 * left + part : 3 * right : 3]) for line in lines) // count for part in range(3)
            )
            row.append((red, green, blue))
        rows.append(row)
    return rows


def shade(pixels: list[tuple[int, int, int]]) -> str:
    """Return the sign that is as bright as the mean of some pixels."""
    light = sum(299 * red + 587 * green + 114 * blue for red, green, blue in pixels) / (1000 * len(pixels))
    return SHADES[min(len(SHADES) - 1, int(light * len(SHADES) / 256))]
