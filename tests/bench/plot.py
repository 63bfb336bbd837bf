"""Curves as an SVG picture with two logarithmic axes, beside the slopes of n and n log n."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _RIGHT, _TOP = 860, 520, 70, 50, 150, 40
_COLOURS = ("#1b6ca8", "#b5442e", "#2f7d4f", "#7a4fa3", "#a07a10", "#4b4b4b", "#c2337f", "#0f8b8d")


@dataclass(frozen=True, slots=True)
class Curve:
    """A name and its points, ascending, all above zero."""

    name: str
    points: list[tuple[float, float]]


def draw(title: str, curves: list[Curve]) -> str:
    """Return the picture; dashed lines show how n and n log n rise from the last curve's first point."""
    xs = [x for curve in curves for x, _ in curve.points]
    ys = [max(y, 1e-3) for curve in curves for _, y in curve.points]
    low, high = (math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys))))
    left, right = math.log10(min(xs)), max(math.log10(max(xs)), math.log10(min(xs)) + 1e-9)

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - left) / (right - left) * (_WIDTH - _LEFT - _RIGHT)
        up = (math.log10(max(y, 1e-3)) - low) / max(1, high - low) * (_HEIGHT - _BOTTOM - _TOP)
        return _LEFT + across, _HEIGHT - _BOTTOM - up

    def path(points: list[tuple[float, float]], style: str) -> str:
        where = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
        return f'<polyline fill="none" {style} points="{where}"/>'

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="13"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{_LEFT}" y="24" font-size="16">{escape(title)}</text>'
    ]
    for power in range(low, high + 1):
        _, y = place(10**left, 10.0**power)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    for x in sorted(set(xs)):
        across, _ = place(x, 10.0**low)
        parts.append(f'<text x="{across:.1f}" y="{_HEIGHT - _BOTTOM + 20}" text-anchor="middle">{x:,.0f}</text>')
    first, start = curves[-1].points[0]
    for name, rise in (("n", lambda x: x / first), ("n log n", lambda x: x * math.log(x) / first / math.log(first))):
        points = [(x, start * rise(x)) for x, _ in curves[-1].points if start * rise(x) <= 10.0**high]
        if len(points) > 1:
            parts.append(path(points, 'stroke="#999" stroke-dasharray="4 4"'))
            across, y = place(*points[-1])
            parts.append(f'<text x="{across - 6:.1f}" y="{y - 6:.1f}" fill="#777" text-anchor="end">{name}</text>')
    for place_, curve in enumerate(curves):
        colour = _COLOURS[place_ % len(_COLOURS)]
        parts.append(path(curve.points, f'stroke="{colour}" stroke-width="2"'))
        across, y = place(*curve.points[-1])
        parts.append(f'<text x="{across + 8:.1f}" y="{y + 4:.1f}" fill="{colour}">{escape(curve.name)}</text>')
    return "\n".join(parts) + "\n</svg>\n"
