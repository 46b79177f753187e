"""Small plots as SVG text, without a library and without a network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 320, 60, 45, 20, 20
MOST_NAME = 46
"""Characters of a name that fit beside a point."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point with a vertical interval."""

    name: str
    x: float
    y: float
    low: float
    high: float


def score_against_cost(points: Sequence[Point], x_label: str) -> str:
    """Scores (0 to 1) with their intervals, over what each cost."""
    top = max((point.x for point in points), default=0.0) * 1.1 or 1.0
    step = _round_step(top)
    parts = [_axes(x_label, "score", [(step * i, _short(step * i)) for i in range(int(top / step) + 1)], top)]
    for at, point in enumerate(points):
        x, y = _x(point.x, top), _y(point.y)
        side, anchor = (1, "start") if x < WIDTH / 2 else (-1, "end")  # so that the name stays within
        parts.append(
            f'<g class="c{at % 6}"><line x1="{x:.1f}" x2="{x:.1f}" y1="{_y(point.low):.1f}" y2="{_y(point.high):.1f}"/>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5"><title>{escape(point.name)}: {100 * point.y:.1f} %</title></circle>'
            f'<text x="{x + 8 * side:.1f}" y="{y - 6:.1f}" text-anchor="{anchor}">{escape(_cut(point.name))}</text></g>')
    return _svg(parts, "Score against cost")


def bars(values: Sequence[tuple[str, float]], label: str) -> str:
    """Values between 0 and 1 as bars, in the order given."""
    width = (WIDTH - LEFT - RIGHT) / max(len(values), 1)
    parts = [_axes(label, "score", [], 1.0)]
    for at, (name, value) in enumerate(values):
        y = _y(value)
        parts.append(
            f'<rect x="{LEFT + at * width:.1f}" y="{y:.1f}" width="{max(width - 0.5, 0.5):.2f}" height="{_y(0) - y:.1f}">'
            f"<title>{escape(name)}: {100 * value:.0f} %</title></rect>")
    return _svg(parts, label)


def _axes(x_label: str, y_label: str, ticks: Sequence[tuple[float, str]], top: float) -> str:
    lines = [
        f'<line class="axis" x1="{LEFT}" y1="{_y(0)}" x2="{WIDTH - RIGHT}" y2="{_y(0)}"/>',
        f'<line class="axis" x1="{LEFT}" y1="{_y(0)}" x2="{LEFT}" y2="{TOP}"/>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>',
        f'<text x="14" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 {HEIGHT / 2})">{escape(y_label)}</text>',
    ]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(share):.1f}" y2="{_y(share):.1f}"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{_y(share) + 4:.1f}" text-anchor="end">{share:.0%}</text>')
    lines += [f'<text x="{_x(value, top):.1f}" y="{_y(0) + 16}" text-anchor="middle">{escape(text)}</text>' for value, text in ticks]
    return "".join(lines)


def _svg(parts: Sequence[str], title: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'


def _x(value: float, top: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * value / top


def _y(share: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)


def _round_step(top: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that divides 0 to ``top`` into five parts at most."""
    power = 10.0 ** math.floor(math.log10(top / 5))
    return next(step for step in (power, 2 * power, 5 * power, 10 * power) if step * 5 >= top)


def _cut(name: str) -> str:
    return name if len(name) <= MOST_NAME else name[: MOST_NAME - 1] + "…"


def _short(value: float) -> str:
    return f"{value / 1000:.3g}k" if value >= 1000 else f"{value:.3g}"
