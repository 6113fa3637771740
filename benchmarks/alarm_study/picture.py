"""One picture of the study: what each system catches against how often it is wrong. Plain SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import sqrt

WIDTH, HEIGHT = 1080, 560
LEFT, RIGHT, TOP, BOTTOM = 70, 610, 70, 490
TICKS = (0.0, 1.0, 3.0, 7.0, 15.0, 30.4)
# Hues that people who see colours otherwise tell apart (Okabe and Ito, 2008); one a system, whatever it is told.
HUES = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#6a3d9a", "#000000")


@dataclass(frozen=True)
class Point:
    """A system: the share of faults it caught, its false-alarm days a table and month, each with its interval."""

    system: str
    recall: tuple[float, float, float]
    false_days: tuple[float, float, float]
    is_told: bool


def _x(days: float) -> float:
    """Place days a month by their root: one day and two lie apart, 20 and 25 hardly matter."""
    return LEFT + (RIGHT - LEFT) * sqrt(min(max(days, 0.0), TICKS[-1]) / TICKS[-1])


def _y(recall: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * recall


def drawn(points: Sequence[Point], *, title: str, target: tuple[float, float]) -> str:
    """Draw the systems; `target` is the recall to reach and the false days not to pass."""
    hues = {}
    for point in points:
        hues.setdefault(point.system.partition(" + ")[0], HUES[len(hues) % len(HUES)])
    body = [*_frame(title, target)]
    for place, point in enumerate(points, 1):
        body += _mark(place, point, hues[point.system.partition(" + ")[0]])
    note = TOP + 26 * len(points) + 28
    body.append(
        f'<text x="{RIGHT + 20}" y="{note}" fill="#555">filled: told after each alarm whether it was right</text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#222">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>{"".join(body)}</svg>\n'
    )


def _frame(title: str, target: tuple[float, float]) -> list[str]:
    recall, days = target
    luck = [(30.4 * (step / 100) ** 2, 1 - (1 - (step / 100) ** 2) ** 2) for step in range(101)]
    curve = " ".join(f"{_x(often):.1f},{_y(share):.1f}" for often, share in luck)
    body = [
        f'<text x="{LEFT}" y="32" font-size="17" font-weight="600">{escape(title)}</text>',
        f'<rect x="{LEFT}" y="{_y(1):.1f}" width="{_x(days) - LEFT:.1f}" height="{_y(recall) - _y(1):.1f}" '
        'fill="#009e73" opacity="0.18"/>',
        f'<text x="{LEFT}" y="{TOP - 10}" fill="#00674c">wanted: at least {recall:.2f}, at most {days:g} day</text>',
        f'<text x="{(LEFT + RIGHT) / 2}" y="{HEIGHT - 22}" text-anchor="middle">'
        "false-alarm days a table and month (spaced by their root); bars: 95 %</text>",
        f'<text transform="translate(20 {(TOP + BOTTOM) / 2}) rotate(-90)" text-anchor="middle">'
        "share of faults caught by an alarm</text>",
    ]
    body.append(f'<polyline points="{curve}" fill="none" stroke="#999" stroke-dasharray="5 4"/>')
    body.append(f'<text x="{_x(9.5):.0f}" y="{_y(0.42):.0f}" fill="#777" font-size="12">alarms thrown by dice</text>')
    for tick in TICKS:
        body.append(f'<line x1="{_x(tick):.1f}" x2="{_x(tick):.1f}" y1="{TOP}" y2="{BOTTOM}" stroke="#e4e4e4"/>')
        body.append(f'<text x="{_x(tick):.1f}" y="{BOTTOM + 20}" text-anchor="middle">{tick:g}</text>')
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        body.append(f'<line x1="{LEFT}" x2="{RIGHT}" y1="{_y(tick):.1f}" y2="{_y(tick):.1f}" stroke="#e4e4e4"/>')
        body.append(f'<text x="{LEFT - 8}" y="{_y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    return body


def _mark(place: int, point: Point, hue: str) -> list[str]:
    (recall, low, high), (days, least, most) = point.recall, point.false_days
    x, y, row = _x(days), _y(recall), TOP + 26 * (place - 1) + 22
    fill, ink = (hue, "#fff") if point.is_told else ("#fff", hue)
    circle = f'r="9" fill="{fill}" stroke="{hue}" stroke-width="2"'
    number = f'text-anchor="middle" font-size="11" font-weight="600" fill="{ink}"'
    words = f"{recall:.2f} caught, {days:.1f} false days"
    return [
        f'<line x1="{_x(least):.1f}" x2="{_x(most):.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{hue}" opacity="0.5"/>',
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_y(low):.1f}" y2="{_y(high):.1f}" stroke="{hue}" opacity="0.5"/>',
        f'<circle cx="{x:.1f}" cy="{y:.1f}" {circle}/><text x="{x:.1f}" y="{y + 4:.1f}" {number}>{place}</text>',
        f'<circle cx="{RIGHT + 30}" cy="{row - 4}" {circle}/><text x="{RIGHT + 30}" y="{row}" {number}>{place}</text>',
        f'<text x="{RIGHT + 48}" y="{row}">{escape(point.system)}</text>',
        f'<text x="{WIDTH - 12}" y="{row}" text-anchor="end" fill="#555">{words}</text>',
    ]
